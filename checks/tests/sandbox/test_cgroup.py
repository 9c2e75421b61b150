"""The control group of a grading, on ordinary files that imitate the kernel's."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from labcheck.sandbox import cgroup
from labcheck.sandbox.cgroup import MEMORY, PROCESSES, Group

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["v1", "v2", "none"])
def version(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Create the files of control groups of version 1, version 2, or none."""
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    name: str = request.param
    if name == "v2":
        for file in ("cgroup.controllers", "cgroup.subtree_control"):
            (tmp_path / file).touch()
    for controller in ("memory", "pids", "cpu") if name == "v1" else ():
        (tmp_path / controller).mkdir()
        (tmp_path / controller / "cgroup.procs").touch()
    return name


def test_limits_are_set(version: str, tmp_path: Path) -> None:
    """Memory and processes are limited with either version, and the group can be removed."""
    group = Group("mine")
    found = {
        "v1": [tmp_path / "memory/mine/memory.limit_in_bytes", tmp_path / "pids/mine/pids.max"],
        "v2": [tmp_path / "mine/memory.max", tmp_path / "mine/pids.max"],
        "none": [],
    }[version]
    assert [int(file.read_text()) for file in found] == [MEMORY, PROCESSES][: len(found)]
    assert group.killed() == 0
    for folder in tmp_path.rglob("mine"):  # the kernel's own files go with their folder
        for file in folder.iterdir():
            file.unlink()
    group.remove()
    assert list(tmp_path.rglob("mine")) == []


@pytest.mark.usefixtures("version")
def test_groups_of_a_killed_grading_are_removed(tmp_path: Path) -> None:
    """Both groups of a grading go, and no others."""
    for name in ("mine", "mine too"):
        Group(name)
        Group(name, for_grader=True)
    for folder in tmp_path.rglob("mine*"):  # the kernel's own files go with their folder
        for file in folder.iterdir():
            file.unlink()
    others = sorted(tmp_path.rglob("mine too*"))
    cgroup.remove_groups("mine")
    assert sorted(tmp_path.rglob("mine*")) == others


def test_command_enters_the_group(version: str, tmp_path: Path) -> None:
    """A command first enters the group, then runs with its arguments unchanged."""
    words = ["/bin/echo", "a b", "$HOME", "--"]
    command = Group("mine").around(words)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "a b $HOME --\n"
    name, number = {"v1": ("tasks", 3), "v2": ("cgroup.procs", 1), "none": ("*", 0)}[version]
    assert [file.read_text() for file in tmp_path.rglob(f"mine/{name}")] == ["0\n"] * number


def test_killed_processes_are_counted(version: str, tmp_path: Path) -> None:
    """The kernel reports how many processes it has killed for lack of memory."""
    group = Group("mine")
    file = {"v1": "memory/mine/memory.oom_control", "v2": "mine/memory.events"}.get(version)
    if file is not None:
        (tmp_path / file).write_text("under_oom 0\noom_kill 3\n")
    assert group.killed() == (0 if file is None else 3)
