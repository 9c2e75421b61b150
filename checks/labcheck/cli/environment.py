"""The environment that labcheck itself runs in."""

from __future__ import annotations

import os
import sys


def restart_if_needed() -> None:
    """Start labcheck again, in this process, if its environment changes how Python works.

    - In a locale with another charset than UTF-8, names of files are limited to that charset, but submissions and
      checks use all of Unicode. A restart in Python's UTF-8 mode (PEP 540) also covers the processes that labcheck
      starts. What it prints keeps the charset of the locale.
    - PYTHONOPTIMIZE removes docstrings, which are the titles of the requirements.

    Does nothing on Windows, where the names of files are always Unicode and a process cannot be replaced.
    """
    if sys.platform == "win32" or (sys.getfilesystemencoding() == "utf-8" and not os.environ.get("PYTHONOPTIMIZE")):
        return
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"}
    environment["PYTHONUTF8"] = "1"
    if sys.stdout is not None:
        environment.setdefault("PYTHONIOENCODING", sys.stdout.encoding)
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]], environment)
