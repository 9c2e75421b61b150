"""Asks for the same URL again and again, without end."""

import sys, urllib.request

while True:
    try:
        urllib.request.urlopen(sys.argv[1]).read()
    except OSError:
        pass
