"""Which interpreter runs the student's programs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import run_labcheck
from labcheck.cli.interpreter import python_of
from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

on_posix = pytest.mark.skipif(os.name != "posix", reason="the shims are shell scripts")
SHIM = f"""#!/bin/sh
[ -f .version ] || [ "$VERSION" ] || {{ echo "shim: no version is chosen here" >&2; exit 127; }}
exec '{sys.executable}' "$@"
"""


def environment(place: Path) -> Path:
    """Make what looks like an environment, and return its interpreter."""
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    python.parent.mkdir(parents=True)
    python.touch()
    return python


@pytest.fixture
def shim(tmp_path: Path) -> str:
    """A shim that chooses an interpreter by the current folder and by a variable, as those of pyenv do."""
    file = tmp_path / "shim"
    file.write_text(SHIM)
    file.chmod(0o755)
    return str(file)


def test_active_environment_comes_before_labchecks_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An active virtual environment comes first, then an active conda environment; one that is gone does not count."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    assert python_of(None, tmp_path) == sys.executable
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    conda = environment(tmp_path / "conda")
    assert python_of(None, tmp_path) == str(conda)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "venv"))
    assert python_of(None, tmp_path) == str(conda)
    assert str(environment(tmp_path / "venv")) == python_of(None, tmp_path)


@on_posix
def test_shim_is_asked_where_the_student_would_start_it(
    shim: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shim's interpreter is that of the student's folder, or of the student's environment."""
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(
        UsageError, match=r"cannot use the Python interpreter '.*shim': shim: no version is chosen here;"
    ):
        python_of(shim, work)
    (work / ".version").touch()
    assert python_of(shim, work) == sys.executable
    (work / ".version").unlink()
    monkeypatch.setenv("VERSION", "3")
    assert python_of(shim, work) == sys.executable


@on_posix
def test_programs_do_not_run_through_the_shim(shim: str, submission: Callable[..., Path], tmp_path: Path) -> None:
    """Programs get neither the folder nor the variables by which the shim chooses."""
    folder = submission("import socket, sys\nsocket.create_server(('127.0.0.1', int(sys.argv[1]))).accept()[0].recv(1)")
    result = run_labcheck("lab1", folder, "--only", "1.1", "--python", shim, cwd=tmp_path, VERSION="3")
    assert result.status == 0, result.out + result.err


@on_posix
@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 0\n", "#!/nowhere/python\n"])
def test_file_that_is_no_interpreter_is_a_usage_error(text: str, tmp_path: Path) -> None:
    """A program that does not answer as Python does is refused."""
    file = tmp_path / "python"
    file.write_text(text)
    file.chmod(0o755)
    with pytest.raises(UsageError, match=r"cannot use the Python interpreter .*; give the path of another one"):
        python_of(str(file), tmp_path)
