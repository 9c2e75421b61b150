"""Which Python interpreter runs the student's programs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from labcheck.errors import UsageError
from labcheck.sandbox.interpreter import ask, unusable

ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")  # the folder of the active environment
PLACES = ("bin/python", "Scripts/python.exe", "python.exe")  # of its interpreter
ASK = "import sys; print(sys.executable)"


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
    answer = ask(python, ASK, "-I", "-S", folder=folder)
    if not Path(answer).is_file():
        raise unusable(python)
    return answer
