"""The programs of one grading: starts them, decides which one serves which check, and ends them all."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from labcheck.errors import (
    OVER_LIMIT,
    ForeignListenerError,
    MachineError,
    NotReadyError,
    SuiteError,
    UsageError,
    Verdict,
)
from labcheck.judging.catalogue import suite_module
from labcheck.program import machine, owners
from labcheck.program.ports import Port, is_free
from labcheck.program.program import Program
from labcheck.protocols import kinds
from labcheck.protocols.draw import Draw, LocalTime
from labcheck.protocols.started import Role, Runs, Started
from labcheck.sandbox import processes
from labcheck.sandbox.copies import GONE, MOST_FILES, MOST_WRITTEN
from labcheck.sandbox.guard import MEMORY, Guard
from labcheck.sandbox.memory import memory_of
from labcheck.workbook.labs import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from labcheck.judging.options import Options
    from labcheck.protocols.deadline import Deadline
    from labcheck.sandbox.base import Sandbox
    from labcheck.sandbox.copies import PrivateCopies
    from labcheck.workbook.labs import Lab, ProgramSpec

READY_WITHIN = 10.0  # seconds
AHEAD = 3  # programs that are started before a check needs them
PORT_WITHIN = 5.0  # seconds
MANY_SOCKETS = 1000  # of a submission: if no port is free, it holds them; fifty clients have far fewer
TRIES = 3  # ports for one program
THREE_PORTS = "three ports in a row were taken by other programs"
MOST_LOST = 5  # shared copies that programs may remove or replace
NO_PROCESS = {errno.EAGAIN, errno.ENOMEM}  # fork(2)
UNUSUAL_NAME = {errno.ENAMETOOLONG, errno.EILSEQ}
MANY = 64  # processes of a submission: if there is no room for one more, they take it
SHORT_VERDICTS = {
    Verdict.OVER_MEMORY: f"used more than {MEMORY >> 20} MiB of memory",
    Verdict.OVER_DISK: f"was ended: the submission wrote more than {MOST_WRITTEN >> 20} MiB or {MOST_FILES:,} files",
    Verdict.PORT_TAKEN: "did not get its port",
    Verdict.HIDES_LIBRARY: Verdict.NOT_STARTED,
}
NOT_USED = (Role.EARLY, Role.BESIDE)  # by the check that is running


class Fleet:
    """All programs that one grading has started (`history`); the role of each says what it is for."""

    def __init__(
        self, lab: Lab, copies: PrivateCopies, options: Options, sandbox: Sandbox, seed: int, budget: Deadline
    ) -> None:
        self.history: list[Started] = []
        self.given_up: dict[str, str] = {}  # programs that are no longer checked, and why
        self.never_asked: set[tuple[str, str]] = set()  # pairs of a program and a prompt that it never showed
        self.local_time = LocalTime()
        self.material: Any = None  # what the suite's prepare() returned
        self.words: list[str] = []  # the random words in it
        self.shared_copy: Path  # the folder of the programs that most checks share
        self._lab = lab
        self._copies = copies
        self._options = options
        self._sandbox = sandbox
        self._seed = seed
        self._budget = budget
        self._spare = processes.descendants(os.getpid())
        self._ports: dict[int, Port] = {}
        self._lost_copies = 0
        self._runs: Runs | None = None  # of the running check
        self._before_runs: set[int] = set()  # processes that ran before them
        self._plan = self._what_will_be_needed()
        self._guard = Guard(self._end_over_limit, sandbox.killed, self._disk_is_over) if sandbox.is_limited else None

    def prepare(self) -> None:
        """Put the suite's material in place, and start the first program. Raises MachineError."""
        machine.require()
        processes.reset_signals()
        processes.adopt_orphans()  # before the first program, which may leave one behind at once
        self._prepare_shared_copy()
        self._start_ahead(1)

    def start_more(self) -> None:
        """Start more of the programs that will be needed: they boot while others are checked."""
        self._start_ahead(AHEAD)

    def close(self) -> None:
        """End everything that was started; no process of the submission runs when this returns."""
        self._end_runs()
        if self._guard is not None:
            self._guard.stop()
            # All at once: ending one program after the other takes long while processes come and go.
            with contextlib.suppress(OSError):
                processes.end_all(self._spare)
        for started in self.history:
            started.stop()
        processes.end_all(self._spare)
        for started in self.history:
            started.close()
        for port in self._ports.values():
            port.release()

    def shared_server(self, spec: ProgramSpec) -> Started:
        """Return the server that most checks of a program share; start a new one if it has ended.

        Raises NotReadyError if it does not start.
        """
        known = self.find(spec, Role.SHARED)
        if known is not None:
            if not known.program.has_exited:
                return known
            known.role = Role.GONE
            self.note_death(known)
            if spec.name in self.given_up:
                raise NotReadyError(known.program.verdict or Verdict.DIED, self.given_up[spec.name])
        if not self._copies.holds(self.shared_copy, spec.file):
            self._replace_shared_copy()
        started = self.next(spec, Role.SHARED)
        try:
            return self._ready(started)
        except NotReadyError as error:
            if not self._budget.passed():  # otherwise, the wait may have been cut short
                self.give_up(started.program, error.verdict)
            raise

    def own_server(self, spec: ProgramSpec) -> Started:
        """Return the server for the checks that end it or may damage it; no other check uses it.

        Raises NotReadyError if it does not start.
        """
        known = self.find(spec, Role.OWN)
        if known is not None:
            if not known.program.has_exited or known.program.was_interrupted:
                return known
            known.role = Role.GONE
        return self._ready(self.next(spec, Role.OWN))

    def new_server(self, spec: ProgramSpec, files: Mapping[str, bytes], within: float = READY_WITHIN) -> Started:
        """Return a new server, for one check only, with these files beside its program.

        Raises NotReadyError if it does not listen within `within` seconds (times `--slow`).
        """
        if not files:
            return self._ready(self.next(spec, Role.ONCE), within)

        def add(work: Path) -> None:
            for name, data in files.items():
                (work / name).write_bytes(data)

        self._release_ended()
        return self._ready(self._start(spec, Role.ONCE, self._new_copy(add)), within)

    def beside_server(self, spec: ProgramSpec) -> Started:
        """Return a new server, for what a check begins before its turn. Raises NotReadyError if it does not start."""
        return self._ready(self.next(spec, Role.BESIDE))

    def usual_server(self, spec: ProgramSpec) -> Started:
        """Return a new server on the lab's usual port, for its user, with the suite's material in its folder.

        Raises OSError if the port is taken, and NotReadyError if the server does not start.
        """
        port = self._ports[self._lab.port] = Port(self._lab.port)
        started = self._begin(spec, self.shared_copy, port, Role.APART, in_shared_copy=True, with_peer=False)
        return self._ready(started)

    def client_alone(self, spec: ProgramSpec) -> Started:
        """Return a client on whose port no server listens."""
        return self._start(spec, Role.APART, with_peer=False)

    def runs(self, spec: ProgramSpec) -> Runs:
        """Return what a check needs to run a program that ends by itself, with labcheck's server on a port.

        Raises NotReadyError if the submission's programs hold all ports.
        """
        kind = kinds.find(spec.kind)
        assert isinstance(kind, kinds.RunKind)
        for _ in range(TRIES):
            port = self._new_port()
            try:
                peer = kind.peer(port.number)
            except ForeignListenerError:
                self._ports.pop(port.number).release()
            else:
                self._end_runs()
                self._before_runs = {*processes.descendants(os.getpid())}
                self._runs = Runs(spec, peer, self._new_copy, partial(self._launch, spec, port))
                return self._runs
        raise NotReadyError(Verdict.PORT_TAKEN, THREE_PORTS)

    def run(self, runs: Runs, folder: Path, arguments: Sequence[str]) -> Started:
        """Start a program once more, in one of the folders of its runs.

        It is ended with the check. Raises NotReadyError if the submission's programs have made that impossible.
        """
        self._release_ended()
        return self._keep(
            lambda: Started(runs.launch(folder, arguments=arguments), Role.ONCE, in_shared_copy=False), runs.started
        )

    def left_behind(self) -> list[int]:
        """Return the processes that programs of this check have left behind when they ended (Linux)."""
        living = {each.program.outer_pid for each in self.history if not each.program.has_exited}
        found = processes.descendants(os.getpid(), {*self._spare, *living})
        return [pid for pid in found if pid not in self._before_runs and processes.is_alive(pid)]

    def end_left_behind(self) -> None:
        """End those processes, and what they start."""
        living = {each.program.outer_pid for each in self.history if not each.program.has_exited}
        with contextlib.suppress(OSError):
            processes.end_all({*self._spare, *self._before_runs, *living})

    def _end_runs(self) -> None:
        if self._runs is not None:
            self._runs.peer.close()
            self._runs = None

    def find(self, spec: ProgramSpec, role: Role) -> Started | None:
        """Return the program that has this role now, or None."""
        return next((each for each in self.history if each.name == spec.name and each.role is role), None)

    def next(self, spec: ProgramSpec, role: Role) -> Started:
        """Return a program that no check has used: one that was started ahead of time, or a new one."""
        self._release_ended()
        shared = role is Role.SHARED
        for started in self._early():
            if started.program.spec == spec and (started.in_shared_copy == shared or spec.is_client):
                started.role = role
                break
        else:
            started = self._start(spec, role, in_shared_copy=shared)
        self._start_ahead(AHEAD)
        return started

    def start_again(self, started: Started, seconds: float) -> Started:
        """Start a program again on the same port, after its whole process tree has ended.

        Raises NotReadyError if it does not listen within `seconds`.
        """
        program = started.program
        program.kill()
        living = {each.program.outer_pid for each in self.history if not each.program.has_exited}
        processes.end_all({*self._spare, *living})
        if self._copies.is_intact(program.folder) and not self._copies.holds(program.folder, program.spec.file):
            raise NotReadyError(Verdict.NOT_STARTED, f"{program.spec.called} is missing: the program has deleted it")
        again = self._start_anew(started, Role.APART, self._ports[program.port])
        try:
            again.program.wait_until_listening(seconds)
        except ForeignListenerError:
            text = f"when started again, it could not listen on port {program.port}: another program has taken it"
            raise NotReadyError(Verdict.PORT_TAKEN, text) from None
        except NotReadyError as error:
            if error.verdict is Verdict.PORT_TAKEN:
                text = (
                    f"when started again, it could not listen on port {program.port}: address already in use "
                    "(recently closed connections still hold the port in TIME_WAIT)"
                )
                raise NotReadyError(error.verdict, text) from None
            raise
        return again

    def give_up(self, program: Program, verdict: Verdict) -> None:
        """Stop checking this program."""
        self._mark_given_up(program, verdict)
        self._plan = [each for each in self._plan if each[0].name != program.spec.name]
        self._end_unused(program.spec.name)

    def note_death(self, started: Started) -> None:
        """Record why a program has ended; stop checking it if it was ended because it went over a limit."""
        if started.program.exceeded_memory:
            self.give_up(started.program, Verdict.OVER_MEMORY)
        elif started.program.verdict in OVER_LIMIT:
            self.give_up(started.program, started.program.verdict)
        else:
            died = Verdict.DIED if started.has_spoken else Verdict.SILENT_END
            started.program.verdict = Verdict.ONE_CLIENT if self.served_one_client(started) else died

    def served_one_client(self, started: Started) -> bool:
        """Return whether a server ended by itself after its first client, and so did all others that run its file."""
        most = max(each.manners.served for each in self.history if each.name == started.name)
        return most <= 1 and started.program.address is not None and started.program.ends_by_itself()

    def discard(self, started: Started) -> None:
        """End a program; the next check gets a new one."""
        started.role = Role.GONE
        started.forget()
        if started.program.has_exited and not started.may_end:
            self.note_death(started)
        started.stop()

    def renew(self, spec: ProgramSpec) -> None:
        """End all programs; the checks after this get new ones, even if the given program was given up."""
        self.given_up.pop(spec.name, None)
        for started in self.history:
            if started.role is not Role.GONE:
                self.discard(started)

    def end_once(self) -> None:
        """End the programs that were started for one check only."""
        for started in self.history:
            if started.role is Role.ONCE:
                started.role = Role.GONE
                started.stop()
        self._end_runs()

    def remove_old_copies(self) -> None:
        """Remove the copies whose programs have ended and are not used by any check: they take up memory or disk."""
        kept = {self.shared_copy}
        kept |= {
            each.program.folder for each in self.history if each.role is not Role.GONE or not each.program.is_finished
        }
        for started in self.history:
            if started.program.folder not in kept:
                self._copies.remove(started.program.folder)

    def kill_used(self) -> None:
        """End all programs that the running check may have used."""
        for started in self.history:
            if started.role not in NOT_USED:
                started.program.kill()

    def replace_used(self) -> None:
        """End all programs that the running check may have used, without a verdict; the next check gets new ones."""
        self.kill_used()
        for started in self.history:
            if started.role not in NOT_USED:
                started.role = Role.GONE

    def has_spoken(self, spec: ProgramSpec) -> bool:
        """Return whether a program has ever sent a complete message or a complete answer."""
        return any(started.has_spoken for started in self.history if started.name == spec.name)

    def pace(self, spec: ProgramSpec) -> float:
        """Return the average number of seconds that a program's answers took; 0 without any answer."""
        known = [started.manners for started in self.history if started.name == spec.name]
        return sum(each.waited for each in known) / max(1, sum(each.waits for each in known))

    def patience(self) -> float:
        """Return the number of seconds without a byte after which an answer no longer counts as `at once`.

        It grows with the slowest answer so far, up to READY_WITHIN, so that a loaded machine gets more time.
        """
        known = (each for each in self.history if each.role in (Role.SHARED, Role.OWN))
        slowest = max((started.manners.slowest for started in known), default=0.0)
        return min(READY_WITHIN, max(3.0, 30 * slowest)) * self._options.slow

    def _what_will_be_needed(self) -> list[tuple[ProgramSpec, bool]]:
        """Return the programs in the order in which checks need them, each with whether it is shared."""
        lab = self._lab
        ids = self._options.selected(lab)
        whole = {step.program for step in lab.steps if set(step.requirements) <= set(ids)}
        asked = {lab.program_of(id).name for id in ids}
        plan = [
            (spec, place == 0)
            for spec in lab.programs
            for place in range(spec.early if spec.name in whole else min(spec.early, 1))
            if spec.name in asked and not kinds.find(spec.kind).ends_by_itself
        ]
        # Checks that end a server come after all other checks.
        return sorted(plan, key=lambda each: not each[1] and not each[0].is_client)

    def _early(self) -> list[Started]:
        return [each for each in self.history if each.role is Role.EARLY]

    def _start_ahead(self, number: int) -> None:
        while self._plan and len(self._early()) < number:
            spec, shared = self._plan.pop(0)
            with contextlib.suppress(NotReadyError):  # the check that needs it starts it again, and fails then
                self._start(spec, Role.EARLY, in_shared_copy=shared)

    def _end_unused(self, name: str | None = None) -> None:
        """End the programs that were started ahead of time and not used: all of them, or those with this name."""
        for started in self._early():
            if name in (None, started.name):
                started.role = Role.GONE
                started.program.kill()

    def _release_ended(self) -> None:
        """Close the pipes and sockets of the programs that no check uses any more: open files are limited."""
        for started in self.history:
            if started.role is Role.GONE and started.program.is_finished:
                started.close()

    def _prepare_shared_copy(self) -> None:
        """Make the copy in which the shared programs run, and put the suite's material into it."""
        if not (self._lab.suite / "material.py").is_file():
            self.shared_copy = self._new_copy()
            return
        draw = Draw(f"{self._seed}:material")

        def add(work: Path) -> None:
            try:
                self.material = suite_module(self._lab, "material").prepare(work, draw)
            except Exception as error:
                if isinstance(error, OSError) and error.errno in {*machine.EXHAUSTED, *machine.FULL, *UNUSUAL_NAME}:
                    raise
                from labcheck.judging.mistakes import told

                raise SuiteError(told(error, self._lab, shown(self._lab.suite / "material.py"))) from error

        self.shared_copy = self._new_copy(add)
        self.words = draw.words

    def _replace_shared_copy(self) -> None:
        """Make a new shared copy, because a program has removed or replaced its folder. Raises NotReadyError."""
        self._lost_copies += 1
        if self._lost_copies > MOST_LOST:
            raise NotReadyError(Verdict.NOT_STARTED, f"{GONE}, again and again")
        self._prepare_shared_copy()

    def _new_copy(self, add: Callable[[Path], None] | None = None) -> Path:
        """Make a copy of the submission. Raises NotReadyError if its programs have left no room for it."""
        try:
            return self._copies.new(add)
        except OSError as error:
            if error.errno in UNUSUAL_NAME:
                raise UsageError(f"a file of the submission cannot be copied: {error.strerror}") from error
            if error.errno not in machine.FULL or not self.history:
                raise
            # What ended programs and their copies have held was theirs; the rest is a lack of this machine.
            before = self._copies.room()
            for started in self.history:
                if started.role is not Role.GONE:
                    self.discard(started)
            processes.end_all(self._spare)
            copies = self._copies.clear()
            after = self._copies.room()
            self._copies.new(add)
            if after - before <= (copies + 1) * (after - self._copies.room()):
                raise
            raise NotReadyError(Verdict.NOT_STARTED, "your programs have filled the disk") from error

    def _start(
        self, spec: ProgramSpec, role: Role, folder: Path | None = None, *, in_shared_copy: bool = False,
        with_peer: bool = True,
    ) -> Started:  # fmt: skip
        """Start a program in the shared copy, in `folder`, or in a new copy; `with_peer`: a client finds our server.

        Raises NotReadyError if the submission's programs have made that impossible.
        """
        folder = folder or (self.shared_copy if in_shared_copy else self._new_copy())
        for _ in range(TRIES):
            port = self._new_port()
            try:
                return self._begin(spec, folder, port, role, in_shared_copy=in_shared_copy, with_peer=with_peer)
            except ForeignListenerError:  # labcheck's own server did not get it
                self._ports.pop(port.number).release()
        raise NotReadyError(Verdict.PORT_TAKEN, THREE_PORTS)

    def _start_anew(self, before: Started, role: Role, port: Port) -> Started:
        """Start the file of a server once more, in the same folder."""
        spec, folder = before.program.spec, before.program.folder
        return self._begin(spec, folder, port, role, in_shared_copy=before.in_shared_copy, with_peer=True)

    def _new_port(self) -> Port:
        """Reserve a port. Raises NotReadyError if the submission holds them all, MachineError if others do."""
        limit = time.monotonic() + PORT_WITHIN
        while True:
            try:
                port = Port()
            except OSError:
                if owners.hold_sockets(processes.descendants(os.getpid()), MANY_SOCKETS):
                    raise NotReadyError(Verdict.PORT_TAKEN, "your programs hold all available ports") from None
                if time.monotonic() > limit:
                    raise MachineError("other programs on this machine hold all available ports") from None
                time.sleep(0.1)
            else:
                self._ports[port.number] = port
                return port

    def _begin(
        self, spec: ProgramSpec, folder: Path, port: Port, role: Role, *, in_shared_copy: bool, with_peer: bool
    ) -> Started:
        launch = partial(self._launch, spec, port, folder)
        kind = kinds.find(spec.kind)
        return self._keep(
            lambda: kind.start(launch, port.number, role, in_shared_copy=in_shared_copy, with_peer=with_peer)
        )

    def _launch(
        self, spec: ProgramSpec, port: Port, folder: Path, arguments: Sequence[str] | None = None
    ) -> Program:  # fmt: skip
        """Start a program in a copy. Raises NotReadyError if the copy is not in its place any more."""
        return Program(
            spec,
            folder,
            self._options.interpreter,
            port.number,
            self._sandbox,
            usual_port=self._lab.port,
            local_time=self.local_time.tz,
            way=self._copies.way_into(folder),
            arguments=arguments,
            until=self._budget.at,
        )

    def _keep(self, start: Callable[[], Started], *lists: list[Started]) -> Started:
        """Start a program, and add it to the history and to other lists.

        Raises NotReadyError if the processes of the submission leave no room for another one.
        """
        try:
            started = start()
        except OSError as error:
            many = len(processes.descendants(os.getpid()))
            if error.errno not in NO_PROCESS or many < MANY:
                raise
            text = f"your programs have started {many} processes, which leaves no room for another one"
            raise NotReadyError(Verdict.NOT_STARTED, text) from error
        for each in (self.history, *lists):
            each.append(started)
        return started

    def _ready(self, started: Started, within: float = READY_WITHIN) -> Started:
        """Return a server once it listens: this one, or another start of it if its port was taken."""
        for attempt in range(TRIES):
            program = started.program
            try:
                program.wait_until_listening(within * self._options.slow)
            except ForeignListenerError:
                pass
            except NotReadyError as error:
                was_taken = error.verdict in (Verdict.PORT_TAKEN, Verdict.OTHER_PORT) and not is_free(program.port)
                if not was_taken and (error.verdict is not Verdict.PORT_TAKEN or attempt > 0):
                    started.role = Role.GONE
                    raise
                if not was_taken:
                    # It tried to listen on a port other than its own. A program that no check uses may hold that port:
                    # end those, and try again.
                    self._end_unused()
                    for other in self.history:
                        if other.role is Role.GONE:
                            other.stop()
            else:
                return started
            # Another process took a port that was free: that is not the program's error, so try another port.
            program.kill()
            program.close()
            role, started.role = started.role, Role.GONE
            again = self._start_anew(started, role, self._new_port())
            self.history[self.history.index(started)] = self.history.pop()
            started = again
        started.role = Role.GONE
        raise NotReadyError(Verdict.PORT_TAKEN, THREE_PORTS)

    def _mark_given_up(self, program: Program, verdict: Verdict) -> None:
        program.verdict = verdict
        self.given_up[program.spec.name] = f"{program.spec.called} {SHORT_VERDICTS.get(verdict, verdict)}"

    def _end_over_limit(self, verdict: Verdict) -> None:
        """End the programs that went over a limit of the whole submission, and stop checking them.

        Unless it is known which ones did, it is those that a check has used.
        """
        living = [each for each in self.history if not each.program.has_exited]
        asked = [each for each in living if each.role is not Role.EARLY]
        guilty = self._over_memory(living) if verdict is Verdict.OVER_MEMORY else []
        # What was written stays on the disk, and no program can be named that has written it.
        together = living if verdict is Verdict.OVER_DISK else []
        blamed = guilty or together or asked or living or self.history[-1:]
        names = {each.name for each in blamed}
        ended = [*blamed, *(each for each in asked if each.name in names and each not in blamed)]
        for started in ended:
            self._mark_given_up(started.program, verdict)
        if verdict is not Verdict.OVER_MEMORY:
            # All at once, with what they have left behind: a search for the tree of one program may come too late.
            for started in ended:
                started.program.expect_kill()
            spared = {each.program.outer_pid for each in living if each not in ended}
            with contextlib.suppress(OSError):
                processes.kill_all({*self._spare, *spared})
        for started in ended:
            started.program.kill()

    def _disk_is_over(self) -> bool:
        is_limited = self._sandbox.limits_disk
        return not is_limited and self._copies.hold_too_much(processes.descendants(os.getpid()))

    def _over_memory(self, living: list[Started]) -> list[Started]:
        """Return the programs that use too much memory: those over half of the limit.

        If no process holds the memory (it may be in a file in memory), it is those that the kernel has ended. The
        kernel may end one process of a program for the memory of another one, so all used processes of a blamed
        program are ended.
        """
        over_half = [each for each in living if memory_of(each.program.pid) > MEMORY / 2]
        return over_half or [
            each for each in self.history if each.name not in self.given_up and each.program.exceeded_memory
        ]
