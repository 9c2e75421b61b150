"""The grading of one submission: its programs, its time, and what is known so far."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from labcheck.errors import ExchangeError, ForeignListenerError, HttpError, NotReadyError, Trouble, Verdict
from labcheck.judging.watchdog import Watchdog
from labcheck.program.output import TRACEBACK
from labcheck.program.ports import Port, is_free
from labcheck.program.program import Program
from labcheck.protocols.deadline import Deadline
from labcheck.protocols.draw import Draw, LocalTime
from labcheck.protocols.http.client import Client, Manners
from labcheck.protocols.http.server import Server
from labcheck.protocols.started import Started
from labcheck.record.transcript import Transcript
from labcheck.sandbox import processes
from labcheck.sandbox.copies import PrivateCopies
from labcheck.sandbox.guard import MEMORY, Guard, memory_of
from labcheck.sandbox.protections import Sandbox
from labcheck.submission.files import is_there

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labcheck.protocols.websocket.client import ClientProgram
    from labcheck.protocols.websocket.server import WebSocketServer
    from labcheck.workbook.labs import Lab, ProgramSpec

DEADLINE = 10.0  # seconds for one check
AHEAD = 3  # programs that boot, or wait, before they are asked for
TRACEBACK_WITHIN = 0.1  # seconds until a traceback of a visitor who got no answer has been printed
PROBE = 0.5  # seconds for an ordinary answer, after a check that got none
GRACE = 3.0  # seconds after its deadline until a check's program is killed, which costs who waits by the rules nothing


SHORT_VERDICTS = {
    Verdict.GREEDY: f"took more than {MEMORY >> 20} MiB of memory",
    Verdict.PORT_TAKEN: "did not get its port",
    Verdict.HIDES_LIBRARY: Verdict.NOT_STARTED,
}


@dataclass(frozen=True)
class Options:
    """How to judge. `budget` is in seconds, for the whole submission; `slow` multiplies all deadlines.

    `whole` says whether the record holds the transcripts of what has passed, too.
    """

    seed: int
    only: tuple[str, ...] = ()
    budget: float = 60.0
    slow: float = 1.0
    python: str = sys.executable
    sandbox: Sandbox = field(default_factory=Sandbox)
    whole: bool = True


class Run:
    """The state of one grading. Everything that a check starts or changes is known here."""

    def __init__(self, lab: Lab, copies: PrivateCopies, options: Options) -> None:
        self.lab = lab
        self.options = options
        self.budget = Deadline(options.budget)
        self.deadline = self.budget
        self.transcript = Transcript()
        self.draw = Draw()
        self.greetings = Draw()  # a slow program needs more of them, and what the checks draw stays the same
        self.local_time = LocalTime()
        self.never_asked: set[tuple[str, str]] = set()  # programs, and prompts that they do not show
        self.given_up: dict[str, str] = {}  # programs that are not judged any more, and why
        self.history: list[Started] = []
        self.material: Any = None
        self.spec = lab.programs[0]  # the program that the current check is about
        self._copies = copies
        self._spare = processes.descendants(os.getpid())
        self._ports: dict[int, Port] = {}
        self._shared: dict[str, Started] = {}
        self._own: dict[str, Started] = {}
        self._used: list[Started] = []  # by the current check
        self._passing: list[Started] = []  # for the current check alone
        self._early: list[Started] = []  # started, and not asked for yet
        self._plan = self._what_will_be_needed()
        self._watchdog = Watchdog(self._kill_used)
        self._guard = Guard(self._end_the_greedy, options.sandbox.killed) if options.sandbox.name != "none" else None

    def prepare(self) -> None:
        """Put the suite's material in place, and start the program that most checks share."""
        processes.hear_ctrl_c()
        self._furnish()
        self._start_ahead(1)
        processes.adopt_orphans()

    def start_more(self) -> None:
        """Start more programs that will be needed: they boot while others are checked."""
        self._start_ahead(AHEAD)

    def _what_will_be_needed(self) -> list[tuple[ProgramSpec, bool]]:
        """Return the programs in the order in which they are asked for; with each, whether it is shared."""
        ids = self.lab.select(self.options.only) if self.options.only else self.lab.requirements
        whole = {step.program for step in self.lab.steps if set(step.requirements) <= set(ids)}
        asked = {self.lab.program_of(id).name for id in ids}
        plan = [
            (spec, place == 0)
            for spec in self.lab.programs
            for place in range(spec.early if spec.name in whole else min(spec.early, 1))
            if spec.name in asked
        ]
        # Checks that end a server come after all others.
        return sorted(plan, key=lambda each: not each[1] and not each[0].is_client)

    def _start_ahead(self, number: int) -> None:
        while self._plan and len(self._early) < number:
            spec, shared = self._plan.pop(0)
            self._early.append(self._start(spec, self._work if shared else self._copies.new()))

    def _furnish(self) -> None:
        """Make the copy in which the shared programs live, with the suite's material."""
        self._work = self._copies.new()
        module = f"labcheck.suites.{self.lab.name}.material"
        if importlib.util.find_spec(module):
            self.material = import_module(module).prepare(self._work, Draw(f"{self.options.seed}:material"))

    def begin(self, id: str) -> None:
        """Begin a check: its time, its transcript, its random values."""
        self.spec = self.lab.program_of(id)
        self.deadline = self.budget.at_most(DEADLINE * self.options.slow)
        self.transcript = Transcript()
        self.draw = Draw(f"{self.options.seed}:{id}")
        self.greetings = Draw(f"{self.options.seed}:{id}:greetings")
        self._used = []
        # Every wait of ours has an end; this is for one that has been forgotten. A read that
        # blocks ends at once when the program at the other end is gone.
        self._watchdog.set(self.deadline.left() + GRACE)

    def end(self) -> None:
        """End a check."""
        self._watchdog.set(None)
        for started in self._passing:
            started.stop()
        self._passing = []

    def out_of_time(self) -> bool:
        """Return whether the time for the whole submission is used up."""
        return self.budget.passed()

    def shared_server(self) -> Server | WebSocketServer:
        """Return the server that most checks of a program share; started anew where it has died.

        Raises NotReadyError where it does not start.
        """
        spec = self.spec
        known = self._shared.get(spec.name)
        if known and known.program.has_exited:
            self._note_death(known.program)
            if spec.name in self.given_up:
                raise NotReadyError(Verdict.GREEDY, self.given_up[spec.name])
            known = None
        if known is None:
            if not is_there(self._work / spec.file):
                self._furnish()  # a program has removed its own folder
            started = self._next(shared=True)
            try:
                known = self._ready(started)
            except NotReadyError as error:
                self.give_up(started.program, error.verdict)
                raise
        self._shared[spec.name] = known
        return self._judged(known)

    def own_server(self) -> Server | WebSocketServer:
        """Return the server of those checks that end it, or may spoil it; only they have met it.

        Raises NotReadyError where it does not start.
        """
        known = self._own.get(self.spec.name)
        if known is None or (known.program.has_exited and not known.program.was_interrupted):
            known = self._ready(self._next(shared=False))
        self._own[self.spec.name] = known
        return self._judged(known)

    def new_server(self) -> Server | WebSocketServer:
        """Return a server for one check alone. Raises NotReadyError where it does not start."""
        started = self._ready(self._next(shared=False))
        self._passing.append(started)
        return self._judged(started)

    def client(self, who: str = "", *, new: bool = False) -> ClientProgram:
        """Return a client that waits for its user; unless a new one is wanted, an earlier check may have used it."""
        from labcheck.protocols.websocket.client import ClientProgram

        known = None if new else self._shared.get(self.spec.name)
        if known is None or not ClientProgram(self, known).is_idle():
            known = self._next(shared=not new)
            if not new:
                self._shared[self.spec.name] = known
        self._use(known)
        known.who = who
        client = ClientProgram(self, known)
        client.begin()
        return client

    def client_alone(self) -> ClientProgram:
        """Return a client that finds nobody who listens."""
        from labcheck.protocols.websocket.client import ClientProgram

        started = self._start(self.spec, self._copies.new(), hosted=False)
        self._use(started)
        return ClientProgram(self, started)

    def give_up(self, program: Program, verdict: Verdict) -> None:
        """Judge this program no longer."""
        self._condemn(program, verdict)
        self._plan = [each for each in self._plan if each[0].name != program.spec.name]
        self._end_early(program.spec.name)

    def _end_early(self, name: str | None = None) -> None:
        """End the programs that were started and not asked for yet: all of them, or those with this name."""
        for started in [each for each in self._early if name in (None, each.name)]:
            self._early.remove(started)
            started.program.kill()

    def _condemn(self, program: Program, verdict: Verdict) -> None:
        program.verdict = verdict
        self.given_up[program.spec.name] = f"{program.spec.file} {SHORT_VERDICTS.get(verdict, verdict)}"

    def _note_death(self, program: Program) -> None:
        """Say what a program has died of; who took too much memory is judged no longer."""
        if program.took_too_much:
            self.give_up(program, Verdict.GREEDY)
        else:
            program.verdict = Verdict.DIED

    def start_again(self, program: Program) -> Started:
        """Start a program again on the same port, after all of it has gone."""
        program.kill()
        living = {each.program.pid for each in self.history if not each.program.has_exited}
        processes.end_all({*self._spare, *living})
        if not is_there(program.folder / program.spec.file):
            raise NotReadyError(Verdict.NOT_STARTED, f"{program.spec.file} is gone: the program has removed it")
        again = self._start(program.spec, program.folder, self._ports[program.port])
        try:
            again.program.wait_until_listening(self.deadline.left())
        except NotReadyError as error:
            if error.verdict is Verdict.PORT_TAKEN:
                text = (
                    f"started again, it could not listen on port {program.port}: address already in use; "
                    "connections that were closed a moment ago still hold it (TIME_WAIT)"
                )
                raise NotReadyError(error.verdict, text) from None
            raise
        return again

    def traceback(self) -> str:
        """Return what the last traceback of a program says that has printed one during this check."""
        for started in self._used:
            stderr = started.program.stderr
            if stderr.wait_for(TRACEBACK, TRACEBACK_WITHIN, started.stderr_before):
                return started.program.explain(stderr.text(started.stderr_before))
        return ""

    def has_spoken(self, name: str) -> bool:
        """Return whether a program has ever sent a whole message, or a whole answer."""
        return any(
            started.manners.answered or (started.host is not None and started.host.arrived > 0)
            for started in self.history
            if started.name == name
        )

    def after_failure(self, error: BaseException) -> None:
        """See whether the programs that a check has used can be judged on, after it has failed.

        What one check has spoiled is no reason for the next to fail: it meets a new program. A
        program that has never answered, and does not answer a probe, is given up.
        """
        self.end()  # the check's time is over; what follows has its own
        for started in self._used:
            if started.program.spec.kind == "http server":
                if self._shared.get(started.name) is started:
                    self._look_after(started, error)
            else:
                self._dismiss(started)

    def _dismiss(self, started: Started) -> None:
        """End a program; the next check gets a new one."""
        for known in (self._shared, self._own):
            if known.get(started.name) is started:
                del known[started.name]
        if started.host is not None:
            started.host.forget()
        elif started.program.has_exited and not started.program.was_interrupted:
            self._note_death(started.program)
        started.stop()

    def _look_after(self, started: Started, error: BaseException) -> None:
        program = started.program
        if program.has_exited:
            self._note_death(program)
            return  # the next check starts it again
        if self._probe(program):
            return
        if not started.manners.answered:
            if isinstance(error, ExchangeError):
                self.give_up(program, Verdict.NEVER_ANSWERS)
            return
        program.kill()
        program.verdict = Verdict.DIED
        del self._shared[started.name]
        hung = isinstance(error, ExchangeError) and error.trouble in (Trouble.SILENT, Trouble.SLOW)
        if hung and not self.out_of_time():
            try:
                server = self.shared_server()
            except NotReadyError:
                return
            if not self._probe(server.program):
                self.give_up(server.program, Verdict.NEVER_ANSWERS)

    def close(self) -> None:
        """End everything that was started; nothing of the submission lives when this returns."""
        self._watchdog.stop()
        if self._guard is not None:
            self._guard.stop()
        for started in self.history:
            started.stop()
        processes.end_all(self._spare)
        for started in self.history:
            if started.host is not None:
                started.host.close()
            started.program.close()
        for port in self._ports.values():
            port.release()

    def patience(self) -> float:
        """Return after how many seconds without a byte an answer is not `at once` any more.

        It follows the slowest answer so far, so that a loaded machine gets more time; a check's
        deadline is the most.
        """
        known = (*self._shared.values(), *self._own.values())
        slowest = max((started.manners.slowest for started in known), default=0.0)
        return min(DEADLINE, max(3.0, 30 * slowest)) * self.options.slow

    def _judged(self, started: Started) -> Server | WebSocketServer:
        """Return a server as the current check sees it."""
        self._use(started)
        if started.program.spec.kind == "websocket server":
            from labcheck.protocols.websocket.server import WebSocketServer

            return WebSocketServer(self, started)
        return Server(self, started)

    def _use(self, started: Started) -> None:
        started.stderr_before = started.program.stderr.total
        self._used.append(started)

    def _next(self, *, shared: bool) -> Started:
        """Return a program that nobody has met: one that was started early, or a new one."""
        for started in self._early:
            same_place = (started.program.folder == self._work) == shared
            if started.program.spec == self.spec and (same_place or self.spec.is_client):
                self._early.remove(started)
                break
        else:
            started = self._start(self.spec, self._work if shared else self._copies.new())
        self._start_ahead(AHEAD)
        return started

    def _start(self, spec: ProgramSpec, folder: Path, port: Port | None = None, *, hosted: bool = True) -> Started:
        try:
            port = port or Port()
        except OSError:
            raise NotReadyError(Verdict.PORT_TAKEN, "what was started of your programs holds all ports") from None
        self._ports[port.number] = port
        host = None
        if spec.is_client and hosted:
            from labcheck.protocols.websocket.peer import Host

            host = Host(port.number)
        program = Program(
            spec,
            folder,
            self.options.python,
            port.number,
            self.options.sandbox,
            usual_port=self.lab.port,
            local_time=self.local_time.tz,
        )
        started = Started(program, host=host)
        self.history.append(started)
        return started

    def _ready(self, started: Started) -> Started:
        for attempt in range(3):
            program = started.program
            try:
                program.wait_until_listening(DEADLINE * self.options.slow)
            except ForeignListenerError:
                pass
            except NotReadyError as error:
                if error.verdict not in (Verdict.PORT_TAKEN, Verdict.OTHER_PORT):
                    raise
                if is_free(program.port):  # it wants another than its own
                    if error.verdict is Verdict.OTHER_PORT or attempt > 0:
                        raise
                    # Who held that may have been one of ours, which wants it, too: now it may have it.
                    self._end_early()
            else:
                return started
            # Where another program was faster on a port that was free, that is nobody's fault: once more.
            program.kill()
            program.close()
            again = self._start(program.spec, program.folder)
            self.history[self.history.index(started)] = self.history.pop()
            started = again
        raise NotReadyError(Verdict.PORT_TAKEN, "three ports in a row were taken by other programs")

    def _probe(self, program: Program) -> bool:
        """Return whether there is an answer to any of three ordinary requests."""
        deadline = self.budget.at_most(PROBE * self.options.slow)
        client = Client(program.connect, program.port, self.lab.port, Transcript(), deadline, Manners())
        for target in ("/", f"/{self.draw.word()}.html", f"/{self.draw.word()}.zzz"):
            with contextlib.suppress(HttpError):
                client.get(target)
                return True
        return False

    def _end_the_greedy(self) -> None:
        """End the program that has taken too much memory, and judge it no longer.

        Where no process has it (a file in memory, say), that is who has fallen, or whoever has been asked for
        something. What one copy takes the kernel may end in another, before we look: all that were asked go.
        """
        living = [each for each in self.history if not each.program.has_exited]
        greedy = [each for each in living if memory_of(each.program.pid) > MEMORY / 2]
        fallen = [each for each in self.history if each.name not in self.given_up and each.program.took_too_much]
        asked = [each for each in living if each not in self._early]
        blamed = greedy or fallen or asked or living
        names = {each.name for each in blamed}
        for started in [*blamed, *(each for each in asked if each.name in names)]:
            self._condemn(started.program, Verdict.GREEDY)
            started.program.kill()

    def _kill_used(self) -> None:
        for started in self.history:
            if started not in self._early:
                started.program.kill()


@contextmanager
def running(lab: Lab, folder: Path, options: Options) -> Iterator[Run]:
    """Run what a grading needs, for as long as the block lasts; nothing of it is left behind."""
    with PrivateCopies(lab, folder, options.sandbox) as copies:
        run = Run(lab, copies, options)
        try:
            run.prepare()
            yield run
        finally:
            run.close()
