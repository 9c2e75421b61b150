"""The private copies that programs run in."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from conftest import needs_links
from labcheck.errors import NotReadyError, UsageError
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.copies import PrivateCopies
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAB = load_lab("lab1")


class Protected(Sandbox):
    """No protection, but links are not followed, as under a protection."""

    follows_links = False


def test_every_copy_is_of_the_same_moment(tmp_path: Path) -> None:
    """What the student saves, adds or removes during a grading does not change the copies made later."""
    (tmp_path / "webserver.py").write_text("finished")
    (tmp_path / "page.py").write_text("there")
    with PrivateCopies(LAB, tmp_path, Sandbox()) as copies:
        first = copies.new()
        (first / "webserver.py").write_text("changed by a program")
        (tmp_path / "webserver.py").write_text("half finished")
        (tmp_path / "page.py").unlink()
        second = copies.new()
        assert (second / "webserver.py").read_text() == "finished"
        assert (second / "page.py").read_text() == "there"


def test_lab_supplies_what_is_missing(tmp_path: Path) -> None:
    """The lab's own files are added, also where the student has a file for a folder or a folder for a file."""
    supplied = LAB.starter / "site" / "Snooker" / "index.html"
    (tmp_path / "site" / "index.html" / "deep").mkdir(parents=True)
    (tmp_path / "site" / "index.html" / "deep" / "file").write_text("in the way")
    (tmp_path / "site" / "Snooker").write_text("in the way")
    (tmp_path / "site" / "mine.html").write_text("mine")
    with PrivateCopies(LAB, tmp_path, Sandbox()) as copies:
        site = copies.new() / "site"
        assert (site / "Snooker" / "index.html").read_bytes() == supplied.read_bytes()
        assert (site / "index.html").is_file()
        assert (site / "mine.html").read_text() == "mine"
    assert not site.exists()


def test_lab_supplies_a_single_file(tmp_path: Path) -> None:
    """What a lab supplies may be a file; the student's own one stays."""
    lab = replace(LAB, supplies=("README.md", "webserver.py"))
    (tmp_path / "webserver.py").write_text("mine")
    with PrivateCopies(lab, tmp_path, Sandbox()) as copies:
        work = copies.new()
        assert (work / "README.md").read_bytes() == (lab.starter / "README.md").read_bytes()
        assert (work / "webserver.py").read_text() == "mine"


@needs_links
def test_links_are_followed_only_without_a_protection(tmp_path: Path) -> None:
    """A link could lead to any file that labcheck can read, but not the program."""
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "elsewhere.py").write_text("elsewhere")
    (work / "webserver.py").symlink_to(tmp_path / "elsewhere.py")
    with PrivateCopies(LAB, work, Sandbox()) as copies:
        copy = copies.new() / "webserver.py"
        assert copy.read_text() == "elsewhere"
        assert not copy.is_symlink()
    with PrivateCopies(LAB, work, Protected()) as copies:
        assert not (copies.new() / "webserver.py").exists()


def test_unreadable_program_is_a_usage_error(tmp_path: Path, unreadable: Callable[..., None]) -> None:
    """A program that cannot be read is no program that does not work; other unreadable files stop nothing."""
    for name in ("webserver.py", "notes.txt"):
        (tmp_path / name).write_text("")
    unreadable("notes.txt")
    with PrivateCopies(LAB, tmp_path, Sandbox()) as copies:
        assert (copies.new() / "webserver.py").exists()
    unreadable("webserver.py")
    with (
        pytest.raises(UsageError, match=r"cannot be checked: 'webserver.py' cannot be read: Permission denied$"),
        PrivateCopies(LAB, tmp_path, Sandbox()),
    ):
        pass


@pytest.mark.parametrize("kind", ["limits", "landlock", "namespaces"])
def test_no_protection_follows_links(kind: str) -> None:
    """Every protection leaves links out."""
    from labcheck.sandbox.protections import find

    assert not find(kind).follows_links


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc/self/fd")
def test_way_leads_into_the_copy_that_was_made(tmp_path: Path) -> None:
    """What a program puts in the place of its copy is never entered, even if that happens at the last moment."""
    (tmp_path / "webserver.py").write_text("pass")
    with PrivateCopies(LAB, tmp_path, Sandbox()) as copies:
        work = copies.new()
        way = copies.way_into(work)
        work.rename(work.with_name("elsewhere"))
        work.symlink_to(tmp_path)
        command = [sys.executable, "-c", "import os; print(os.getcwd())"]
        entered = subprocess.run(command, cwd=way, capture_output=True, text=True, check=True, timeout=60)
        assert entered.stdout.strip() == str(work.with_name("elsewhere"))
        assert not copies.holds(work, "webserver.py"), "the link leads to a folder that has such a file"
        with pytest.raises(NotReadyError, match="removed, renamed or replaced its own folder"):
            copies.way_into(work)


@needs_links
def test_link_in_the_place_of_a_program_does_not_count(tmp_path: Path) -> None:
    """A program that replaces its file by a link has lost it."""
    (tmp_path / "webserver.py").write_text("pass")
    with PrivateCopies(LAB, tmp_path, Sandbox()) as copies:
        work = copies.new()
        assert copies.holds(work, "webserver.py")
        (work / "webserver.py").unlink()
        (work / "webserver.py").symlink_to(tmp_path / "webserver.py")
        assert not copies.holds(work, "webserver.py")


@pytest.mark.skipif(sys.platform == "win32", reason="files have no owner there")
def test_copy_is_handed_over_when_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program of the same user cannot change a copy that is still being made, nor replace it later."""
    owned: list[str] = []
    monkeypatch.setattr(os, "chown", lambda path, *_, **__: owned.append(path))
    sandbox = Protected()
    sandbox.uid = os.getuid()
    (tmp_path / "webserver.py").write_text("pass")
    with PrivateCopies(LAB, tmp_path, sandbox) as copies:

        def add(work: Path) -> None:
            assert not any(path.startswith(str(work)) for path in owned)
            (work / "material").write_text("")
            (work.parent / "secret").write_text("")

        work = copies.new(add)
    for path in (work, work / "webserver.py", work / "material", work.parent / "secret"):
        assert str(path) in owned
    assert str(work.parent) not in owned
