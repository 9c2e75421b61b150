"""Leaves behind a daemon that keeps its standard streams open (it exits after two minutes)."""

import os as _os
import signal as _signal
import time as _time

_child = _os.fork()
if _child == 0:
    _os.setsid()
    if _os.fork() == 0:
        for _number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
            _signal.signal(_number, _signal.SIG_IGN)
        _time.sleep(120)
    _os._exit(0)
_os.waitpid(_child, 0)
