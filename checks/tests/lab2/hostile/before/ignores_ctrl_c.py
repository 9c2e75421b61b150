"""Ignores every signal that asks it to stop (it exits after two minutes)."""

import os as _os
import signal as _signal
import threading as _threading

for _number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT):
    _signal.signal(_number, _signal.SIG_IGN)
_bound = _threading.Timer(120, _os._exit, [1])
_bound.daemon = True
_bound.start()
