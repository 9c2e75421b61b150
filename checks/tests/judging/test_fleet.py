"""Which program serves which check."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT
from labcheck.errors import NotReadyError, SuiteError, Verdict
from labcheck.judging.options import Options
from labcheck.judging.run import running
from labcheck.program.program import Program
from labcheck.protocols import kinds
from labcheck.protocols.started import Role
from labcheck.sandbox import processes
from labcheck.sandbox.base import Sandbox
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.judging.run import Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A grading of lab 1's solution in which no check has run."""
    monkeypatch.setattr(processes, "adopt_orphans", lambda: None)  # do not adopt the orphans of other tests
    with running(load_lab("lab1"), CHECKOUT / "solutions" / "lab1", Options(1)) as run:
        run.begin("1.1")
        yield run


def test_shared_server_is_one(run: Run) -> None:
    """Most checks use the same server, in the copy with the suite's material."""
    first = run.fleet.shared_server(run.spec)
    assert run.fleet.shared_server(run.spec) is first
    assert (first.role, first.in_shared_copy) == (Role.SHARED, True)
    assert first.program.folder == run.fleet.shared_copy


def test_own_server_is_another_one(run: Run) -> None:
    """Checks that end a server use one that no other check has used, in its own copy, until it ends."""
    shared, own = run.fleet.shared_server(run.spec), run.fleet.own_server(run.spec)
    assert own.program.folder != shared.program.folder
    assert run.fleet.own_server(run.spec) is own
    own.program.kill()
    again = run.fleet.own_server(run.spec)
    assert again is not own
    again.program.interrupt(10)
    assert run.fleet.own_server(run.spec) is again, "a check can ask for the server that another has ended politely"


def test_server_for_one_check_ends_with_it(run: Run) -> None:
    """A server that was started for one check ends after it, and no other server does."""
    shared, once = run.fleet.shared_server(run.spec), run.fleet.new_server(run.spec)
    run.end()
    assert once.program.has_exited
    assert not shared.program.has_exited


def test_programs_started_ahead_are_used_first(run: Run) -> None:
    """A check gets a program that was started ahead of time, and the next ones are started."""
    run.fleet.start_more()
    early = [each for each in run.fleet.history if each.role is Role.EARLY]
    assert [each.in_shared_copy for each in early] == [True, False]
    assert run.fleet.shared_server(run.spec) is early[0]
    assert run.fleet.own_server(run.spec) is early[1]


def test_dead_server_is_replaced(run: Run) -> None:
    """A shared server that has died is replaced, and its verdict says that it died."""
    first = run.fleet.shared_server(run.spec)
    first.program.kill()
    second = run.fleet.shared_server(run.spec)
    assert second is not first
    assert (first.role, first.program.verdict) == (Role.GONE, Verdict.SILENT_END)


def test_given_up_program_is_not_started_again(run: Run) -> None:
    """No program is started ahead of time once it is no longer checked, and the reason is one line."""
    run.fleet.start_more()
    first = run.fleet.shared_server(run.spec)
    run.fleet.give_up(first.program, Verdict.NEVER_ANSWERS)
    assert run.fleet.given_up == {"webserver": "webserver.py accepts connections, but never answers"}
    assert not any(each.role is Role.EARLY for each in run.fleet.history)


def test_server_starts_again_on_its_port(run: Run) -> None:
    """A program is started again on its port after its whole process tree has ended."""
    own = run.fleet.own_server(run.spec)
    own.program.interrupt(10)
    again = run.fleet.start_again(own, 10)
    assert (again.program.port, again.program.folder) == (own.program.port, own.program.folder)
    assert again.program is not own.program
    (again.program.folder / run.spec.file).unlink()
    with pytest.raises(NotReadyError, match="is missing: the program has deleted it"):
        run.fleet.start_again(again, 10)


class Wrapped(Sandbox):
    """A sandbox that runs a program as the child of another process, as bubblewrap does."""

    def _confined(self, words: Sequence[str], folder: Path) -> list[str]:
        del folder
        return ["/bin/sh", "-c", '"$@"; exit $?', "sh", *words]

    def program_below(self, pid: int) -> int | None:
        """Return the pid of the shell's child."""
        return next(iter(processes.descendants(pid)), None)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no shell")
def test_port_that_another_program_has_taken_is_no_internal_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the end of a server and its next start, another program may take its port."""
    own = run.fleet.own_server(run.spec)
    monkeypatch.setattr(Program, "_is_foreign_listener", lambda _: True)
    with pytest.raises(NotReadyError, match="another program has taken it") as caught:
        run.fleet.start_again(own, 10)
    assert caught.value.verdict is Verdict.PORT_TAKEN


def test_other_programs_live_on_when_one_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a server is started again, the other programs are left alone, and so are the sandboxes around them."""
    monkeypatch.setattr(processes, "adopt_orphans", lambda: None)
    with running(load_lab("lab1"), CHECKOUT / "solutions" / "lab1", Options(1), Wrapped()) as run:
        run.begin("1.1")
        shared, own = run.fleet.shared_server(run.spec), run.fleet.own_server(run.spec)
        assert shared.program.pid != shared.program.outer_pid
        own.program.interrupt(10)
        run.fleet.start_again(own, 10)
        assert not shared.program.has_exited


def test_patience_follows_the_slowest(run: Run) -> None:
    """A slow program gets more time, perhaps because the machine is busy; at most the time that it has to start."""
    shared = run.fleet.shared_server(run.spec)
    assert run.fleet.patience() == 3
    shared.manners.slowest = 0.2
    assert run.fleet.patience() == pytest.approx(6)
    shared.manners.slowest = 5
    assert run.fleet.patience() == 10


def test_unknown_kind_is_an_error_of_the_lab() -> None:
    """The error for an unknown kind lists the registered kinds."""
    with pytest.raises(SuiteError, match=r"'smtp server'. Kinds: http server, websocket client, websocket server"):
        kinds.find("smtp server")


def test_no_process_is_left_after_a_grading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All programs of a grading have ended when it is over, including those that no check has used."""
    monkeypatch.setattr(processes, "adopt_orphans", lambda: None)
    (tmp_path / "webserver.py").write_text("import time; time.sleep(60)")
    with running(load_lab("lab1"), tmp_path, Options(1)) as run:
        run.fleet.start_more()
        history = run.fleet.history
    assert len(history) == 2
    assert all(each.program.has_exited for each in history)
