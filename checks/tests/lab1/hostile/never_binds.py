"""Prints that it has started, but binds no port and sleeps forever."""

import time

print("Started HTTP server")
while True:
    time.sleep(3600)
