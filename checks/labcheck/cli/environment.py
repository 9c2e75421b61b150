"""The environment that labcheck itself runs in."""

from __future__ import annotations

import os
import sys


def restart_if_needed() -> None:
    """Start labcheck again, in this process, if its environment changes how Python works.

    - In a locale with another charset than UTF-8, names of files are limited to that charset, but submissions and
      checks use all of Unicode. A restart in Python's UTF-8 mode (PEP 540) also covers the processes that labcheck
      starts. What it prints keeps the charset of the locale. On Windows, names of files are always Unicode.
    - PYTHONOPTIMIZE and -O remove checks, which are asserts, and docstrings, which are the titles of the requirements.
    """
    has_unicode_names = sys.platform == "win32" or sys.getfilesystemencoding() == "utf-8"
    if has_unicode_names and not sys.flags.optimize:
        return
    again = [sys.executable, "-P", "-m", "labcheck", *sys.argv[1:]]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"}
    if not has_unicode_names:
        environment["PYTHONUTF8"] = "1"
        if sys.stdout is not None:
            environment.setdefault("PYTHONIOENCODING", sys.stdout.encoding)
    if sys.platform == "win32":  # execve there does not wait for the new process
        import subprocess

        os._exit(subprocess.run(again, env=environment, check=False).returncode)
    os.execve(again[0], again, environment)
