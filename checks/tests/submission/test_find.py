"""Where the student's programs are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import needs_links
from labcheck.errors import UsageError
from labcheck.submission.find import find_folder
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from pathlib import Path

LAB = load_lab("lab1")


@needs_links
def test_linked_program_is_in_the_folder_of_the_link(tmp_path: Path) -> None:
    """A program may be a link, and given by its own path: the folder is the one that the student named."""
    for name in ("work", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere" / "webserver.py").touch()
    (tmp_path / "work" / "webserver.py").symlink_to(tmp_path / "elsewhere" / "webserver.py")
    for given in ("work", "work/webserver.py"):
        assert find_folder(LAB, str(tmp_path / given)) == tmp_path / "work"


@needs_links
def test_link_to_nothing_is_reported(tmp_path: Path) -> None:
    """A program that is a link to a file that does not exist is not just missing."""
    (tmp_path / "webserver.py").symlink_to(tmp_path / "moved.py")
    with pytest.raises(UsageError, match=r"webserver.py is a link to .*moved.py, which does not exist; give the file"):
        find_folder(LAB, str(tmp_path))
