"""Prints the right body, and then sleeps for ever."""

import sys, time, urllib.request

sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())
sys.stdout.flush()
time.sleep(10**6)
