"""What a time of day looks like."""

import re


def is_time(text: str) -> bool:
    """Return whether a text is a time of day with seconds."""
    return re.fullmatch(r"[0-2]\d:[0-5]\d:[0-5]\d", text) is not None
