"""The grading of one submission: its programs, its time, and what is known so far."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck import processes
from labcheck.evidence import Printed
from labcheck.http import Client, Deadline, HttpError, Manners, Trouble
from labcheck.output import TRACEBACK
from labcheck.ports import Port, is_free
from labcheck.program import ForeignListenerError, NotReadyError, Program, Verdict
from labcheck.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from labcheck.http import Answer, Connection
    from labcheck.program import Ending
    from labcheck.submission import PrivateCopies
    from labcheck.workbook import Lab, ProgramSpec

DEADLINE = 10.0  # seconds for one check
CONNECTED_WITHIN = 5.0  # seconds; a connection that the backlog turned away is tried again after 1 and 3
PACE = 0.005  # seconds between two connections of many
IDLE_WITHIN = 0.5  # seconds in which a server that has answered should have come to rest
TRACEBACK_WITHIN = 0.1  # seconds until a traceback of a visitor who got no answer has been printed
PROBE = 0.5  # seconds for an ordinary answer, after a check that got none
LOOK = 0.25  # seconds between two looks of the watchdog: to wake it at every check would take time
GRACE = 0.5  # seconds after its deadline until a check's program is killed


SHORT_VERDICTS = {
    Verdict.PORT_TAKEN: "did not get its port",
    Verdict.HIDES_LIBRARY: Verdict.NOT_STARTED,
}


@dataclass(frozen=True)
class Options:
    """How to judge. `budget` is in seconds, for the whole submission; `slow` multiplies all deadlines."""

    seed: int
    only: tuple[str, ...] = ()
    budget: float = 60.0
    slow: float = 1.0
    python: str = sys.executable


SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]


class Draw(random.Random):
    """Random values for one check: the same seed and check give the same values."""

    def word(self, letters: int = 8) -> str:
        """Return a word that can be pronounced, and that no file and no page holds by chance."""
        return "".join(self.choices(SYLLABLES, k=(letters + 1) // 2))[:letters]


@dataclass
class LocalTime:
    """The time zone of the programs: one where it is another day than in UTC, to tell local time from UTC."""

    offset: int = field(default_factory=lambda: -12 if time.gmtime().tm_hour < 12 else 14)

    @property
    def tz(self) -> str:
        """The value of TZ. Its sign is the other way round (POSIX.1, section 8.3)."""
        name = f"Etc/GMT{-self.offset:+d}"
        return name if Path("/usr/share/zoneinfo", name).exists() else f"LAB{-self.offset}"

    def today(self) -> set[int]:
        """Return the day of the year (1 to 366) and the year."""
        now = time.gmtime(time.time() + self.offset * 3600)
        return {now.tm_yday, now.tm_year}


class Watchdog:
    """Does something when a time is over, unless it is set anew before."""

    def __init__(self, bite: Callable[[], None]) -> None:
        self._bite = bite
        self._changed = threading.Condition()
        self._at: float | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def set(self, seconds: float | None) -> None:
        """Wait so many seconds from now, give or take a LOOK; None: wait for the next call."""
        self._at = None if seconds is None else time.monotonic() + seconds

    def stop(self) -> None:
        """Watch no longer."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def _watch(self) -> None:
        with self._changed:
            while not self._stopped:
                self._changed.wait(LOOK)
                if self._at is not None and time.monotonic() > self._at:
                    self._at = None
                    self._bite()


class Run:
    """The state of one grading. Everything that a check starts or changes is known here."""

    def __init__(self, lab: Lab, copies: PrivateCopies, options: Options) -> None:
        self.lab = lab
        self.options = options
        self.budget = Deadline(options.budget)
        self.deadline = self.budget
        self.transcript = Transcript()
        self.draw = Draw()
        self.local_time = LocalTime()
        self.given_up = ""  # why nothing more is run
        self.history: list[Program] = []
        self.material: Any = None
        self._copies = copies
        self._spare = processes.descendants(os.getpid())
        self._ports: dict[int, Port] = {}
        self._shared: dict[str, tuple[Program, Manners]] = {}
        self._own: tuple[Program, Manners] | None = None
        self._early: list[Program] = []  # started, and not asked for yet
        self._stderr_before = 0
        self._watchdog = Watchdog(self._kill_used)

    def prepare(self) -> None:
        """Put the suite's material in place, and start the program that most checks share."""
        processes.hear_ctrl_c()
        self._furnish()
        self._early += [self._start(spec, self._work) for spec in self.lab.programs if spec.early]
        processes.adopt_orphans()

    def start_more(self) -> None:
        """Start the programs of their own that some checks will need: they boot while others are checked."""
        if not self.options.only:
            for spec in self.lab.programs:
                self._early += [self._start(spec, self._copies.new()) for _ in range(spec.early - 1)]

    def _furnish(self) -> None:
        """Make the copy in which the shared programs live, with the suite's material."""
        self._work = self._copies.new()
        module = f"labcheck.suites.{self.lab.name}.material"
        if importlib.util.find_spec(module):
            self.material = import_module(module).prepare(self._work, Draw(f"{self.options.seed}:material"))

    def begin(self, id: str) -> None:
        """Begin a check: its time, its transcript, its random values."""
        self.deadline = self.budget.at_most(DEADLINE * self.options.slow)
        self.transcript = Transcript()
        self.draw = Draw(f"{self.options.seed}:{id}")
        known = self._shared.get(self.lab.programs[0].name)
        self._stderr_before = known[0].stderr.total if known else 0
        # Every wait of ours has an end; this is for one that has been forgotten. A read that
        # blocks ends at once when the program at the other end is gone.
        self._watchdog.set(self.deadline.left() + GRACE)

    def end(self) -> None:
        """End a check."""
        self._watchdog.set(None)

    def out_of_time(self) -> bool:
        """Return whether the time for the whole submission is used up."""
        return self.budget.passed()

    def shared_server(self) -> Server:
        """Return the server that most checks share; started anew where it has died.

        Raises NotReadyError where it does not start.
        """
        spec = self.lab.programs[0]
        known = self._shared.get(spec.name)
        if known and known[0].has_exited:
            known[0].verdict = Verdict.DIED
            known = None
        if known is None and not (self._work / spec.file).is_file():
            self._furnish()  # a program has removed its own folder
        try:
            program, manners = known or (self._ready(self._next(spec, shared=True)), Manners())
        except NotReadyError as error:
            self.given_up = f"{spec.file} {SHORT_VERDICTS.get(error.verdict, error.verdict)}"
            raise
        self._shared[spec.name] = program, manners
        return Server(self, program, manners)

    def own_server(self) -> Server:
        """Return the server of those checks that end it; only they have met it.

        Raises NotReadyError where it does not start.
        """
        if self._own is None:
            self._own = self._ready(self._next(self.lab.programs[0], shared=False)), Manners()
        return Server(self, *self._own)

    def start_again(self, program: Program) -> Program:
        """Start a program again on the same port, after all of it has gone."""
        program.kill()
        living = {each.pid for each in self.history if not each.has_exited}
        processes.end_all({*self._spare, *living})
        if not (program.folder / program.spec.file).is_file():
            raise NotReadyError(Verdict.NOT_STARTED, f"{program.spec.file} is gone: the program has removed it")
        again = self._start(program.spec, program.folder, self._ports[program.port])
        try:
            again.wait_until_listening(self.deadline.left())
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
        """Return what the shared program's last traceback says, if it printed one during this check."""
        known = self._shared.get(self.lab.programs[0].name)
        if known is None or not known[0].stderr.wait_for(TRACEBACK, TRACEBACK_WITHIN, self._stderr_before):
            return ""
        return known[0].explain(known[0].stderr.text(self._stderr_before))

    def after_failure(self, error: BaseException) -> None:
        """See whether the shared server can be judged on, after a check that failed.

        What one check has spoiled is no reason for the next to fail: it meets a new program. A
        program that has never answered, and does not answer a probe, is given up.
        """
        self.end()  # the check's time is over; what follows has its own
        name = self.lab.programs[0].name
        if name not in self._shared:
            return
        program, manners = self._shared[name]
        if program.has_exited or self._probe(program):
            return  # one that has exited is started again by the next check
        if not manners.answered:
            if isinstance(error, HttpError):
                self._give_up(program)
            return
        program.kill()
        program.verdict = Verdict.DIED
        del self._shared[name]
        if isinstance(error, HttpError) and error.trouble in (Trouble.SILENT, Trouble.SLOW) and not self.out_of_time():
            try:
                server = self.shared_server()
            except NotReadyError:
                return
            if not self._probe(server.program):
                self._give_up(server.program)

    def close(self) -> None:
        """End everything that was started; nothing of the submission lives when this returns."""
        self._watchdog.stop()
        for program in self.history:
            program.kill()
        processes.end_all(self._spare)
        for program in self.history:
            program.close()
        for port in self._ports.values():
            port.release()

    def patience(self) -> float:
        """Return after how many seconds without a byte an answer is not `at once` any more.

        It follows the slowest answer so far, so that a loaded machine gets more time; a check's
        deadline is the most.
        """
        slowest = max((manners.slowest for _, manners in self._shared.values()), default=0.0)
        return min(DEADLINE, max(3.0, 30 * slowest)) * self.options.slow

    def _next(self, spec: ProgramSpec, *, shared: bool) -> Program:
        """Return a program that nobody has met: one that was started early, or a new one."""
        for program in self._early:
            if program.spec == spec and (program.folder == self._work) == shared:
                self._early.remove(program)
                return program
        return self._start(spec, self._work if shared else self._copies.new())

    def _start(self, spec: ProgramSpec, folder: Path, port: Port | None = None) -> Program:
        port = port or Port()
        self._ports[port.number] = port
        program = Program(
            spec,
            folder,
            self.options.python,
            port,
            usual_port=self.lab.port,
            local_time=self.local_time.tz,
        )
        self.history.append(program)
        return program

    def _ready(self, program: Program) -> Program:
        for _ in range(3):
            try:
                program.wait_until_listening(DEADLINE * self.options.slow)
            except ForeignListenerError:
                pass
            except NotReadyError as error:
                if error.verdict not in (Verdict.PORT_TAKEN, Verdict.OTHER_PORT) or is_free(program.port):
                    raise
            else:
                return program
            # Another program was faster on a port that was free: that is nobody's fault.
            program.kill()
            program.close()
            self.history.remove(program)
            program = self._start(program.spec, program.folder)
        raise OSError("three ports in a row were taken by other programs")

    def _probe(self, program: Program) -> bool:
        """Return whether there is an answer to any of three ordinary requests."""
        deadline = self.budget.at_most(PROBE * self.options.slow)
        client = Client(program.connect, program.port, self.lab.port, Transcript(), deadline, Manners())
        for target in ("/", f"/{self.draw.word()}.html", f"/{self.draw.word()}.zzz"):
            with contextlib.suppress(HttpError):
                client.get(target)
                return True
        return False

    def _give_up(self, program: Program) -> None:
        program.verdict = Verdict.NEVER_ANSWERS
        self.given_up = f"{program.spec.file} {Verdict.NEVER_ANSWERS}"

    def _kill_used(self) -> None:
        for program in self.history:
            if program not in self._early:
                program.kill()


class Server(Client):
    """The student's server, as a check sees it."""

    def __init__(self, run: Run, program: Program, manners: Manners) -> None:
        super().__init__(program.connect, program.port, run.lab.port, run.transcript, run.deadline, manners)
        self.program = program
        self._run = run

    @property
    def was_interrupted(self) -> bool:
        """Whether it was sent Ctrl+C."""
        return self.program.was_interrupted

    @property
    def has_answered(self) -> bool:
        """Whether it has ever given a whole answer."""
        return self._manners.answered

    @property
    def patience(self) -> float:
        """Seconds after which an answer that has not begun is not `at once` any more."""
        return self._run.patience()

    @property
    def clock(self) -> str:
        """Where the server's local time is that of."""
        return f"while the check runs, your program's local time is UTC{self._run.local_time.offset:+d}"

    @property
    def host(self) -> str:
        """The address on which it listens: 127.0.0.1 or ::1."""
        assert self.program.address is not None
        return self.program.address[0]

    def today(self) -> set[int]:
        """Return the day of the year and the year, in the server's local time."""
        return self._run.local_time.today()

    def output(self, until: str, seconds: float) -> Printed:
        """Return its standard output, once a line with the text has come; at the latest in so many seconds."""
        self._run.transcript.by_hand = f"python {self.program.spec.file} {self._run.lab.port}"
        stdout = self.program.stdout
        came = stdout.wait_for(until, seconds * self._run.options.slow)
        return Printed(stdout.text(), {until} if came else set())

    def answers(self, patience: float | None = None) -> bool:
        """Return whether it answers an ordinary request, and with the same status as the first time.

        Which status it is does not matter here. Raises HttpError where there is silence instead.
        """
        word = self._run.draw.word()
        for kind, target in (("/", "/"), ("page", f"/{word}.zzz"), ("file", f"/{word}.html")):
            try:
                status = self.request("GET", target, patience=patience).status
            except HttpError as error:
                if error.trouble in (Trouble.SILENT, Trouble.SLOW):
                    raise
            else:
                return status == self._manners.usual.setdefault(kind, status)
        return False

    def announce(self, target: str, fields: Mapping[str, str]) -> Answer:
        """POST the headers only, and wait for an answer that does not wait for a body."""
        return self.request("POST", target, fields, patience=self.patience)

    @contextmanager
    def connect_many(self, number: int) -> Iterator[list[Connection]]:
        """Connect so many visitors, one after the other: a listen backlog of 5 is normal."""
        with ExitStack() as stack:
            visitors = []
            for _ in range(number):
                paced = time.monotonic() + PACE
                visitors.append(stack.enter_context(self.connect(CONNECTED_WITHIN * self._run.options.slow)))
                time.sleep(max(0.0, paced - time.monotonic()))
            yield visitors

    def interrupt(self, seconds: float) -> Ending:
        """Send Ctrl+C, and return how it ended; at the latest after so many seconds."""
        transcript = self._run.transcript
        transcript.by_hand = f"python {self.program.spec.file} {self._run.lab.port}   (then press Ctrl+C)"
        self.program.wait_until_idle(IDLE_WITHIN)
        transcript.note("Ctrl+C")
        ending = self.program.interrupt(seconds * self._run.options.slow)
        transcript.note(f"{ending.status.received()} after {ending.seconds:.2f} s")
        return ending

    def restart(self) -> Server:
        """Start it again on the same port. Raises NotReadyError where it does not start."""
        self._run.transcript.note("started again")
        return Server(self._run, self._run.start_again(self.program), Manners())
