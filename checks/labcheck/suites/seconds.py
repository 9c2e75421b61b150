"""The clock, where whole seconds matter."""

import time


def wait_past(moment: float) -> None:
    """Wait until the second of this moment is over: dates have whole seconds, and so has what is made of them."""
    while time.time() < int(moment) + 1:
        time.sleep(0.01)
