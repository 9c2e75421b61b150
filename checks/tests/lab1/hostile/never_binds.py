"""Says that it has started, binds no port, and sleeps for ever."""

import time

print("Started HTTP server")
while True:
    time.sleep(3600)
