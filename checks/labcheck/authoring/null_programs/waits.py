"""A client that reads what is typed, and does nothing."""

import sys

for _ in sys.stdin:
    pass
