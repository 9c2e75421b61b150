"""Writes 1 GB to standard error as fast as it can, while the program runs."""

import os as _os
import threading as _threading


def _flood():
    block = b"All work and no play makes a dull lab.\n" * 100
    for _ in range(250_000):
        _os.write(2, block)


_threading.Thread(target=_flood, daemon=True).start()
