"""Raises an exception while it is loaded."""

import sys

SETTINGS = {"host": "127.0.0.1"}
PORT = SETTINGS["port"]
print("Started HTTP server on port", PORT or sys.argv[1])
