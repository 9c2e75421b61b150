"""The user ids of programs, if labcheck runs as root: one for each grading on the machine, never 0."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, Result, alive, need, until
from labcheck.errors import MachineError
from labcheck.sandbox import uids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="only root gives programs other user ids"
)
HOLDS = """
from pathlib import Path
from labcheck.sandbox import uids
uids.PLACES, uids.FIRST_UID, uids.UIDS = (Path({!r}),), 61_180, 2
with uids.reserved() as uid:
    print(uid, flush=True)
    input()
"""


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let there be three user ids, which no other labcheck uses."""
    monkeypatch.setattr(uids, "PLACES", (tmp_path / "uids",))
    monkeypatch.setattr(uids, "FIRST_UID", 61_180)
    monkeypatch.setattr(uids, "UIDS", 3)


@pytest.fixture
def sleeper() -> Iterator[Callable[[int], subprocess.Popen[bytes]]]:
    """Start a process of a user that sleeps; it is ended after the test."""
    started = []

    def start(uid: int) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([need("sleep"), "60"], user=uid, group=uid, extra_groups=[]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("few")
def test_no_two_gradings_have_the_same_user_id() -> None:
    """Each gets its own; if all are taken, that is an error, and it is free again at the end."""
    with ExitStack() as stack:
        assert {stack.enter_context(uids.reserved()) for _ in range(3)} == {61_180, 61_181, 61_182}
        with pytest.raises(MachineError, match="in use"):
            stack.enter_context(uids.reserved())
    with uids.reserved() as uid:
        assert uid in range(61_180, 61_183)


@pytest.mark.usefixtures("few")
def test_user_id_of_another_labcheck_is_not_used(tmp_path: Path) -> None:
    """Another labcheck on this machine holds its user id until it ends, also if it is killed."""
    code = HOLDS.format(str(tmp_path / "uids"))
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        theirs = int(other.stdout.readline())
        with uids.reserved() as first, uids.reserved() as second:
            assert theirs not in (first, second)
        other.kill()
    with ExitStack() as stack:
        assert theirs in {stack.enter_context(uids.reserved()) for _ in range(3)}


@pytest.mark.usefixtures("few")
def test_user_id_with_processes_is_not_used(sleeper: Callable[[int], subprocess.Popen[bytes]]) -> None:
    """What a grading that was killed has left behind does not meet the programs of another one."""
    sleeper(61_181)
    with uids.reserved() as first, uids.reserved() as second:
        assert {first, second} == {61_180, 61_182}


@pytest.mark.usefixtures("few")
def test_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    """The locks are in a folder that belongs to root alone, and is not a link."""
    place = tmp_path / "uids"
    place.symlink_to(tmp_path)
    with pytest.raises(MachineError, match="remove what is there"), uids.reserved():
        pass
    place.unlink()
    place.mkdir()
    os.chown(place, 65534, 65534)
    with pytest.raises(MachineError, match="remove what is there"), uids.reserved():
        pass


def test_all_processes_of_a_user_are_killed_and_no_others(sleeper: Callable[[int], subprocess.Popen[bytes]]) -> None:
    """One call ends all of them, and spares the processes of other users."""
    mine, others = [sleeper(61_183), sleeper(61_183)], sleeper(61_182)
    uids.kill_all(61_183)
    until(lambda: not any(alive(each.pid) for each in mine))
    assert alive(others.pid)
    assert alive(os.getpid())


@pytest.mark.parametrize("kind", ["limits", "landlock"])
def test_program_never_runs_as_root(labcheck: Callable[..., Result], tmp_path: Path, kind: str) -> None:
    """If other users cannot enter the folder of its Python, labcheck says which folder, and starts nothing."""
    closed = tmp_path / "closed"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(closed)], check=True, timeout=60)
    closed.chmod(0o700)
    result = labcheck(
        "lab1", CHECKOUT / "solutions" / "lab1", "--sandbox", kind, "--python", closed / "bin" / "python3"
    )
    assert result.status == 3
    assert result.out == ""
    assert "other users cannot enter /" in result.err
    assert "--python" in result.err
    assert result.err.count("\n") == 1
