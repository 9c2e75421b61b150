"""Keeps the processor busy instead of reading a long log, and ignores signals."""

import signal

import good

for each in (signal.SIGTERM, signal.SIGINT):
    signal.signal(each, signal.SIG_IGN)


class Log(good.Log):
    def __init__(self, text):
        while len(text) > 1_000_000:
            pass
        super().__init__(text)


good.Log = Log
good.main()
