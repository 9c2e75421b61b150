"""Which program serves which check."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, until
from labcheck.errors import MachineError, NotReadyError, SuiteError, Verdict
from labcheck.judging import fleet
from labcheck.judging.options import Options
from labcheck.judging.run import running
from labcheck.program import machine
from labcheck.program.ports import LOOPBACK, Port
from labcheck.program.program import Program
from labcheck.protocols import kinds
from labcheck.protocols.http.kind import HttpServer
from labcheck.protocols.started import Role
from labcheck.sandbox import processes
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.copies import PrivateCopies
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
    shared, once = run.fleet.shared_server(run.spec), run.fleet.new_server(run.spec, {})
    run.end()
    assert once.program.has_exited
    assert not shared.program.has_exited


def test_server_with_other_files(run: Run) -> None:
    """A check can give its server files, which take the place of the student's; no other server has them."""
    run.fleet.start_more()
    server = run.new_server({"webserver.py": run.lab.starter.joinpath("webserver.py").read_bytes(), "new": b"x"})
    folder = server.program.folder
    assert (folder / "new").read_bytes() == b"x"
    assert (folder / "webserver.py").read_bytes() != (run.fleet.shared_copy / "webserver.py").read_bytes()
    assert not (run.fleet.new_server(run.spec, {}).program.folder / "new").exists()
    run.end()
    assert server.program.has_exited


def test_server_gets_the_time_that_it_needs(run: Run) -> None:
    """A check can give its server more time to start, or less, and its own time goes on after that."""
    slow = b"import time\nlimit = time.time() + 60\nwhile time.time() < limit: pass\n"
    with pytest.raises(NotReadyError):
        run.new_server({"webserver.py": slow}, within=0.2)
    run.new_server({"new": b""}, within=40)
    assert run.check.deadline.left() > 30, "the watchdog would end a check that waits for its server"


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
    with pytest.raises(
        SuiteError, match=r"'smtp server'\..* Kinds: http client, http server, lines client, .*, websocket client"
    ):
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


@pytest.mark.skipif(sys.platform == "win32", reason="the folder of a running program cannot be renamed there")
def test_replaced_folder_is_the_program_s_loss(run: Run) -> None:
    """A program that has put something in the place of its folder cannot be started there again."""
    own = run.fleet.own_server(run.spec)
    own.program.interrupt(10)
    work = own.program.folder
    elsewhere = work.rename(work.with_name("elsewhere"))
    for way in ("gone", "a link", "a folder"):
        if way == "a link":
            work.symlink_to(elsewhere)
        if way == "a folder":
            work.unlink()
            work.mkdir()
        with pytest.raises(NotReadyError, match="your program has removed, renamed or replaced its own folder"):
            run.fleet.start_again(own, 10)


def test_wait_for_a_program_ends_with_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not listen takes no longer than the budget, and it is not given up for a wait cut short."""
    monkeypatch.setattr(processes, "adopt_orphans", lambda: None)
    monkeypatch.setattr(fleet, "READY_WITHIN", 1000)
    (tmp_path / "webserver.py").write_text("import time; time.sleep(1000)")
    with running(load_lab("lab1"), tmp_path, Options(1, budget=0.5)) as run:
        with pytest.raises(NotReadyError, match="did not listen"):
            run.fleet.shared_server(run.spec)
        assert run.fleet.given_up == {}


def test_old_copies_are_removed(run: Run) -> None:
    """When the next check begins, the copies are gone whose programs have ended and are not needed any more."""
    shared, own = run.fleet.shared_server(run.spec), run.fleet.own_server(run.spec)
    once = run.fleet.new_server(run.spec, {})
    again = run.fleet.start_again(own, 10)
    run.end()
    run.fleet.discard(own)
    assert once.program.folder.is_dir(), "it may explain why the check failed"
    until(lambda: once.program.is_finished)
    run.begin("1.2")
    assert not once.program.folder.parent.exists()
    assert again.program.folder.is_dir(), "two programs have run in it, and one of them still does"
    assert shared.program.folder.is_dir()
    run.begin("1.3")
    assert run.fleet.new_server(run.spec, {}).program.folder.is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="the folder of a running program cannot be renamed there")
def test_shared_copy_is_replaced_a_few_times(run: Run) -> None:
    """A program that spoils the shared copy gets another one, but not without end; its other copies are its own."""
    for _ in range(6):
        program = run.fleet.shared_server(run.spec).program
        program.folder.rename(program.folder.with_name("elsewhere"))
        program.kill()
    with pytest.raises(NotReadyError, match="its own folder, again and again"):
        run.fleet.shared_server(run.spec)
    assert run.fleet.own_server(run.spec).program.folder.is_dir()


@pytest.mark.parametrize(("freed", "is_theirs"), [(1 << 30, True), (1 << 20, False)])
def test_full_disk_is_the_program_s_loss_if_its_end_frees_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, freed: int, is_theirs: bool
) -> None:
    """If the end of the programs frees more than their copies take, they have filled the disk, otherwise not."""
    run.fleet.shared_server(run.spec)
    run.fleet.own_server(run.spec)
    new, rooms = PrivateCopies.new, iter([0, freed, freed - (10 << 20)])  # before, after, and with a new copy

    def full(copies: PrivateCopies, add: object = None) -> Path:
        monkeypatch.setattr(PrivateCopies, "new", new)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PrivateCopies, "new", full)
    monkeypatch.setattr(PrivateCopies, "room", lambda _: next(rooms))
    with pytest.raises(NotReadyError if is_theirs else OSError) as caught:
        run.fleet.new_server(run.spec, {})
    assert isinstance(machine.lack(caught.value), MachineError) is not is_theirs
    if is_theirs:
        assert "your programs have filled the disk" in str(caught.value)
        assert run.fleet.shared_server(run.spec).program.folder.is_dir(), "the next check gets a new program"


@pytest.mark.parametrize(("number", "error"), [(100, NotReadyError), (3, OSError)])
def test_no_room_for_a_process(run: Run, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]) -> None:
    """If no process can be started, that is the program's loss if it has many, and a lack of the machine otherwise."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(HttpServer, "start", refuse)
        patched.setattr(processes, "descendants", lambda _: set(range(number)))
        with pytest.raises(error):
            run.fleet.new_server(run.spec, {})
        if error is NotReadyError:
            run.fleet.start_more()  # what is started ahead of time fails the check that needs it, and no other


def test_taken_ports_are_the_loss_of_who_holds_them(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a free port, labcheck waits; then it is the program's loss if it holds them, else the machine's lack."""
    monkeypatch.setattr(fleet, "AHEAD", 0)
    taken = 1

    def port() -> Port:
        nonlocal taken
        taken -= 1
        if taken >= 0:
            raise OSError("no free port")
        return Port()

    monkeypatch.setattr(fleet, "Port", port)
    assert run.fleet.new_server(run.spec, {}).program.port, "a port was released in the meantime"
    taken = 1_000_000
    monkeypatch.setattr(fleet, "PORT_WITHIN", 0)
    with pytest.raises(MachineError, match="other programs on this machine"):
        run.fleet.new_server(run.spec, {})
    monkeypatch.setattr(fleet, "MANY_SOCKETS", 1)
    if sys.platform == "linux":
        with pytest.raises(NotReadyError, match="your programs hold all available ports"):
            run.fleet.new_server(run.spec, {})


def test_client_gets_a_port_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process takes the port of labcheck's own server, the next one is tried."""
    monkeypatch.setattr(processes, "adopt_orphans", lambda: None)
    with running(load_lab("lab2"), CHECKOUT / "solutions" / "lab2", Options(1, only=("2.1",))) as run:
        run.begin("2.1")
        run.fleet.next(run.spec, Role.APART)  # which was started ahead of time
        first, *others = [Port() for _ in range(3)]
        ports = [first, *others]
        monkeypatch.setattr(fleet, "Port", lambda: ports.pop(0))
        with contextlib.ExitStack() as stack:
            for family, host in LOOPBACK:
                with contextlib.suppress(OSError):  # a machine without IPv6
                    stack.enter_context(socket.create_server((host, first.number), family=family))
            client = run.fleet.next(run.spec, Role.APART)
        assert client.program.port == others[0].number
        for port in (first, *ports):
            port.release()
