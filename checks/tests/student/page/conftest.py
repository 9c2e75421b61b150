"""The fixtures of these tests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT
from opened import FAILS_2_3, Opened, save

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with the files of lab 1 and a program that fails 2.3."""
    folder = tmp_path / "lab1"
    shutil.copytree(CHECKOUT / "labs" / "lab1", folder)
    save(folder, FAILS_2_3)
    return folder


@pytest.fixture
def opened(work: Path) -> Iterator[Opened]:
    """The page of that folder."""
    with Opened(work.parent, "lab1", state=work.parent / "state") as found:
        yield found
