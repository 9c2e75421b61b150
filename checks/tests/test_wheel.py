"""The wheel: it holds the checkout's files, and works in an empty folder without the checkout."""

from __future__ import annotations

import os
import subprocess
import venv
import zipfile
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path


def files_below(folder: str, name: str) -> set[str]:
    """Return the checkout's files below a folder, under their names in the wheel."""
    return {
        f"{name}/{path.relative_to(CHECKOUT / folder).as_posix()}"
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel_holds_every_file_of_the_checkout(wheel: Path) -> None:
    """Every lab, solution, notebook and suite is in the wheel, and nothing else."""
    found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert found == (
        files_below("checks/labcheck", "labcheck")
        | files_below("labs", "labcheck/_workbook/labs")
        | files_below("solutions", "labcheck/_workbook/solutions")
        | files_below("notebooks", "labcheck/_workbook/notebooks")
    )


@pytest.mark.everything
def test_wheel_works_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Installed alone, it starts a lab, checks it, and provides its solution."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run(
        [scripts / "python", "-m", "pip", "install", "-q", wheel], check=True, capture_output=True, timeout=300
    )
    here = tmp_path / "empty"
    here.mkdir()

    def labcheck(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return subprocess.run(
            [scripts / "labcheck", *words],
            cwd=here,
            env={**environment, "XDG_STATE_HOME": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    labcheck("start", "lab1")
    assert "8 of 29 requirements pass" in labcheck("lab1").stdout
    labcheck("solution", "lab1")
    done = labcheck("lab1", "lab1-solution", "--html", "report.html", "--json", "record.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in here.iterdir()} == {"lab1", "lab1-solution", "report.html", "record.json"}
