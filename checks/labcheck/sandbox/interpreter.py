"""Asks a Python interpreter about itself, in a process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from labcheck.errors import UsageError

ANSWERS_WITHIN = 30.0  # seconds
ROOT = Path("/")  # no module in the current folder is taken for one of Python's


def ask(python: str, code: str, *options: str, folder: Path = ROOT, within: float = ANSWERS_WITHIN) -> str:
    """Return what an interpreter prints when it runs this code, without the line end. Raises UsageError if it fails.

    `options` are those of the interpreter, `folder` is where it is started, `within` its time limit in seconds.
    """
    try:
        done = subprocess.run(
            [python, *options, "-c", code],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=within,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise unusable(python, getattr(error, "strerror", None) or f"no answer within {within:g} s") from error
    if done.returncode == 0 and (answer := done.stdout.strip()):
        return answer
    first, *others = done.stderr.strip().splitlines() or [""]
    raise unusable(python, others[-1] if first.startswith("Traceback") and others else first)


def unusable(python: str, why: str = "") -> UsageError:
    """Return the error for an interpreter that does not work."""
    why = why or "it is not a Python interpreter"
    return UsageError(f"cannot use the Python interpreter {python!r}: {why}; give the path of another one")
