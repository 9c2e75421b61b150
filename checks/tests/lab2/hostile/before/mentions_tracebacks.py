"""Speaks of tracebacks within its lines: none of them is one."""

import sys as _sys

for _stream in (_sys.stdout, _sys.stderr):
    print("What is a Traceback (most recent call last)?", file=_stream)
    print("  Traceback (most recent call last):", file=_stream)
    print("ValueError: this is what an error looks like", file=_stream)
