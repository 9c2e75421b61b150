"""Prints lines that contain the word Traceback but are not a traceback."""

import sys as _sys

for _stream in (_sys.stdout, _sys.stderr):
    print("What is a Traceback (most recent call last)?", file=_stream)
    print("  Traceback (most recent call last):", file=_stream)
    print("ValueError: this is what an error looks like", file=_stream)
