"""Which Python interpreter runs the student's programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from labcheck.errors import UsageError

ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")  # the folder of the active environment
PLACES = ("bin/python", "Scripts/python.exe", "python.exe")  # of its interpreter
ASK = "import sys; print(sys.executable)"
ANSWERS_WITHIN = 30.0  # seconds


def python_of(given: str | None, folder: Path) -> str:
    """Return the path of the interpreter for the programs in a folder.

    This is the `given` one, or else that of the active virtual environment or conda environment, or else the one that
    runs labcheck. Raises UsageError if the given one does not work.
    """
    if given is not None:
        return _real(given, folder)
    active = (Path(os.environ[name], place) for name in ACTIVE if os.environ.get(name) for place in PLACES)
    return next((str(python) for python in active if python.exists()), sys.executable)


def _real(given: str, folder: Path) -> str:
    """Return the interpreter behind the given one.

    It may be a shim, such as those of pyenv, which chooses an interpreter by the current folder and by environment
    variables. Programs get neither, so it is asked once, where the student would start it.
    """
    found = shutil.which(given)
    if found is None:
        raise UsageError(f"cannot find the Python interpreter {given!r}; give its path, or its name if it is on PATH")
    python = str(Path(found).absolute())
    if python == sys.executable:
        return python
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-c", ASK],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=ANSWERS_WITHIN,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", None) or f"no answer within {ANSWERS_WITHIN:g} s"
    else:
        answer = done.stdout.strip()
        if done.returncode == 0 and Path(answer).is_file():
            return answer
        why = (done.stderr.strip().splitlines() or ["it is not a Python interpreter"])[0]
    raise UsageError(f"cannot use the Python interpreter {given!r}: {why}; give the path of another one")
