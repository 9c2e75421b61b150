"""Temporary folders: those of a killed labcheck are removed, all others are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from labcheck.sandbox import cgroup
from labcheck.sandbox.scratch import LOCK, clear_abandoned, scratch

if TYPE_CHECKING:
    from pathlib import Path

WAITS = """
import sys, tempfile
from labcheck.sandbox.scratch import scratch
tempfile.tempdir = sys.argv[1]
with scratch() as folder:
    (folder / "copy").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_folder_is_removed_at_the_end(place: Path) -> None:
    """A folder exists while it is used, and its files are removed with it."""
    with scratch() as folder:
        assert folder.parent == place.resolve()
        (folder / "copy").mkdir(mode=0o500)
    assert list(place.iterdir()) == []


def test_only_abandoned_folders_are_cleared(place: Path) -> None:
    """A folder is left alone while its process lives, and removed after that was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip()
        with scratch():
            clear_abandoned()
            assert len(list(place.iterdir())) == 2
        process.kill()
        process.wait()
    clear_abandoned()
    assert list(place.iterdir()) == []


def test_other_files_are_never_cleared(place: Path) -> None:
    """A user's own folder, a file and a link are left alone, no matter what they are called."""
    (place / "labcheck-notes").mkdir()
    (place / "labcheck-notes" / "mine.txt").touch()
    (place / "labcheck-fault-1.txt").touch()
    (place / "labcheck-link").symlink_to(place / "labcheck-notes")
    clear_abandoned()
    assert len(list(place.iterdir())) == 3
    assert (place / "labcheck-notes" / "mine.txt").exists()


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can give a folder to another user")
def test_folder_of_another_user_is_left_alone(place: Path) -> None:
    """Another user's folder is not removed, although its lock is free; nor what a link in a folder leads to."""
    outside = place / "outside"
    for folder, user in ((place / "labcheck-theirs", 60_705), (place / "labcheck-mine", 0)):
        folder.mkdir()
        os.chown(folder, user, user)
    outside.touch()
    (place / "labcheck-theirs" / LOCK).touch()
    (place / "labcheck-mine" / LOCK).symlink_to(outside)
    clear_abandoned()
    assert len(list(place.iterdir())) == 3


def test_groups_go_with_the_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control groups of a killed grading, which have the name of its folder, are removed with it."""
    folder, groups = place / "labcheck-1", place / "groups"
    monkeypatch.setattr(cgroup, "ROOT", groups)
    for each in (groups / "labcheck-1", groups / "memory" / "labcheck-1-grader", groups / "labcheck-2", folder):
        each.mkdir(parents=True)
    (folder / LOCK).touch()
    clear_abandoned()
    assert not folder.exists()
    assert sorted(each.name for each in groups.rglob("labcheck-*")) == ["labcheck-2"]
