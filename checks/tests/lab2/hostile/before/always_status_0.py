"""Exits with status 0, no matter what happened."""

import atexit as _atexit
import os as _os

_atexit.register(_os._exit, 0)
