"""The files of a submission: which of them count, and how they are read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conftest import needs_links
from labcheck.errors import RefusedError
from labcheck.submission.files import read_files, read_start, regular_files

if TYPE_CHECKING:
    from collections.abc import Callable


def fill(folder: Path, *files: str) -> Path:
    """Create files, each with its own path as content."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(file)
    return folder


def found(folder: Path, **how: bool) -> list[str]:
    """Return the regular files of a folder."""
    return [relative.as_posix() for _, relative in regular_files(folder, **how)]


@needs_links
def test_links_are_skipped_or_stand_for_what_they_lead_to(tmp_path: Path) -> None:
    """A link to a file or a folder is followed on request; a link that leads into itself or to nothing never is."""
    work = fill(tmp_path / "work", "webserver.py", "site/index.html")
    other = fill(tmp_path / "other", "style.css", "deep/page.html")
    (work / "helper.py").symlink_to(other / "style.css")
    (work / "site" / "shared").symlink_to(other)
    (work / "nothing.py").symlink_to(tmp_path / "nothing")
    for place in (work / "site" / "up", other / "deep" / "self"):
        place.symlink_to(place.parent)
    (work / "everything").symlink_to(tmp_path)
    assert found(work) == ["webserver.py", "site/index.html"]
    assert found(work, follow_links=True) == [
        "helper.py",
        "webserver.py",
        "site/index.html",
        "site/shared/style.css",
        "site/shared/deep/page.html",
    ]


def test_files_for_ci_are_left_out(tmp_path: Path) -> None:
    """What `labcheck ci` writes into a student's repository, a wheel among it, is no part of their work."""
    work = fill(tmp_path, "webserver.py", ".github/workflows/a.yml", ".github/labcheck/a.whl", ".gitlab/labcheck/a.whl")
    assert found(work) == ["webserver.py"]


def test_what_systems_and_tools_make_is_left_out(tmp_path: Path) -> None:
    """Caches, environments and files of file managers are no part of a student's work, in capitals or not."""
    made = ["Thumbs.db", "a/desktop.ini", "Desktop.ini", ".DS_Store", "._webserver.py", "__MACOSX/x", "__pycache__/x"]
    made += [".venv/x", "env/pyvenv.cfg", "env/x", "node_modules/x", ".ipynb_checkpoints/x", ".mypy_cache/x", "x.pyc"]
    work = fill(tmp_path, "webserver.py", "site/.htaccess", ".pytest_cache/x", *made)
    assert found(work) == ["webserver.py", "site/.htaccess"]


@pytest.mark.parametrize(
    ("temporary", "expected"),
    [("tmp", ["labcheck-1/a.py", "webserver.py"]), (".", ["tmp/labcheck-1/a.py", "webserver.py"])],
)
def test_temporary_files_are_left_out(
    temporary: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder for temporary files is left out; if it is the submission itself, labcheck's folders are."""
    fill(tmp_path, "webserver.py", "labcheck-1/a.py", "tmp/labcheck-1/a.py")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / temporary))
    assert sorted(found(tmp_path)) == expected


def test_file_that_vanishes_is_left_out(tmp_path: Path) -> None:
    """A file may be removed between the listing and the reading, as editors do when they save."""
    fill(tmp_path, "a.py", "b.py", "c.py")
    files = regular_files(tmp_path)
    before = [next(files)]
    (tmp_path / "a.py").unlink()
    (tmp_path / "b.py").unlink()
    assert read_files([*before, *files], lambda _: True) == [(Path("c.py"), b"c.py")]


def test_unreadable_file_is_refused_if_it_is_needed(tmp_path: Path, unreadable: Callable[..., None]) -> None:
    """A file that cannot be read is left out, or named if it is needed."""
    fill(tmp_path, "webserver.py", "other.py")
    unreadable("other.py")
    assert read_files(regular_files(tmp_path), lambda _: False) == [(Path("webserver.py"), b"webserver.py")]
    with pytest.raises(RefusedError, match=r"^'other.py' cannot be read: Permission denied$"):
        read_files(regular_files(tmp_path), lambda file: file.name == "other.py")


@needs_links
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_start_of_a_file_is_read_from_regular_files_only(tmp_path: Path) -> None:
    """A program may put anything in the place of a file; reading that must neither wait nor follow a link."""
    fill(tmp_path, "file")
    assert read_start(tmp_path / "file", 2) == b"fi"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("pipe", "link", "missing"):
        with pytest.raises(OSError):  # noqa: PT011
            read_start(tmp_path / name, 2)
