"""The grading of one submission: its time budget, its checks one after the other, and recovery after a failure."""

from __future__ import annotations

import math
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from labcheck.errors import ExchangeError, NotReadyError, SuiteError, Trouble, Verdict
from labcheck.judging.fleet import READY_WITHIN, Fleet
from labcheck.judging.forbidden import watched
from labcheck.judging.overdue import Alarm, OverdueError
from labcheck.judging.watchdog import Watchdog
from labcheck.program import clock
from labcheck.program.evidence import Complaint
from labcheck.program.output import COMPLAINTS
from labcheck.protocols import kinds
from labcheck.protocols.check import Check
from labcheck.protocols.deadline import Deadline
from labcheck.protocols.draw import Draw
from labcheck.protocols.started import Role, Started
from labcheck.protocols.view import ClientView
from labcheck.record.excerpt import excerpt
from labcheck.record.text import last_lines, shorten
from labcheck.record.transcript import AT_THE_END, Transcript
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.copies import PrivateCopies
from labcheck.submission.limits import SUBMISSION
from labcheck.workbook.labs import shown
from labcheck.workbook.places import LAB_FILE
from labcheck.workbook.toml_file import TomlFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from labcheck.judging.marks import Begins
    from labcheck.judging.options import Options
    from labcheck.program.program import Program
    from labcheck.protocols.view import View
    from labcheck.record.excerpt import Excerpt
    from labcheck.workbook.labs import Lab

DEADLINE = 10.0  # seconds for one exchange
SEEDS = 10_000  # the number of seeds to draw from; small, so that a seed is easy to type
CLOSES_WITHIN = 0.2  # seconds until a program that has closed its connections has ended
LONGEST_TARGET = 60  # characters
TRACEBACK_WITHIN = 0.1  # seconds until a client that got no answer has printed its traceback
SLOW_ANSWER = 0.1  # seconds; if answers take longer on average, the report says so
BUSY_WITHIN = 1.0  # seconds in which a program that got no processor may still print its traceback
SETTLED = 0.2  # seconds until a server has done its work after a check, if nobody waits for it any more
PROBE = 0.5  # seconds for an ordinary answer, after a check that got none; more if its answers take long
SLOWER = 4  # times its slowest answer so far: then an answer is missing
GRACE = 10.0  # seconds after a deadline until a check is ended; every wait in labcheck has gone on by then


def seed_or_new(given: int | None) -> int:
    """Return the given seed, or a new one if it is None."""
    return random.randrange(SEEDS) if given is None else given


class Beside(NamedTuple):
    """What a check has begun before its turn: its context, its server, and what its function has returned."""

    check: Check
    started: Started
    value: object


class Run:
    """The state of one grading: what all checks share, and the check that is running."""

    def __init__(self, lab: Lab, copies: PrivateCopies, options: Options, sandbox: Sandbox) -> None:
        self.lab = lab
        self.options = options
        self.seed = seed_or_new(options.seed)
        self.budget = Deadline(options.budget)
        self.fleet = Fleet(lab, copies, options, sandbox, self.seed, self.budget)
        self._copies = copies
        self._used: list[Started] = []  # by the running check
        self._lost = clock.lost()  # seconds of standstill up to now
        self._beside: dict[tuple[str, Begins], Beside] = {}
        self._begun: Beside | None = None  # by the running check, before its turn
        self.alarm = Alarm([folder for folder in (lab.suite, lab.more) if folder is not None])
        self.overdue: OverdueError | None = None  # of the running check, once it should have ended
        self._began = clock.now()  # the running check
        self._watchdog = Watchdog(self._end_check, GRACE)
        self.spec = lab.programs[0]  # the program that the check is about
        self.check = self._new_check(lab.requirements[0])

    def begin(self, id: str, begins: Begins | None = None) -> None:
        """Begin a check: its time, its transcript, its random values.

        `begins` is its function that `begin_beside` may have called.
        """
        if self.stood_still():
            self._lost = clock.lost()
            self.fleet.renew(self.spec)  # a program may have run into time limits of its own
        self.fleet.remove_old_copies()  # not earlier: what is in them may explain why a check failed
        self.spec = self.lab.program_of(id)
        self._begun = self._beside.pop((id, begins), None) if begins is not None else None
        if self._begun is not None and (
            self._begun.started.role is Role.GONE or self._begun.started.program.has_exited
        ):
            self.fleet.discard(self._begun.started)
            self._begun = None
        self.check = self._new_check(id) if self._begun is None else self._begun.check
        self.check.deadline.renew()
        self._used = []
        self.overdue = None
        self._began = clock.now()
        self._watchdog.watch(self.check.deadline, self.budget)  # each exchange renews the first

    def begin_beside(self, id: str, begins: Begins) -> None:
        """Let a check begin, on a server of its own, what takes long: the checks before it are run in that time.

        If this fails, it is done again when the check's turn comes, and the failure is the check's.
        """
        check, spec = self._new_check(id), self.lab.program_of(id)
        self._watchdog.watch(check.deadline, self.budget)
        started = None
        try:
            started = self.fleet.beside_server(spec)
            with self.alarm:
                value = begins(kinds.find(spec.kind).view(check, started), check.draw)
        except (Exception, OverdueError):
            if started is not None:
                self.fleet.discard(started)
        else:
            self._beside[id, begins] = Beside(check, started, value)
        finally:
            self._watchdog.watch()
            self.overdue = None

    def begun(self, begins: Begins) -> object:
        """Return what the function of the running check has returned; call it now if that was not done before."""
        if self._begun is None:
            return begins(self.new_server(), self.check.draw)
        self._begun.started.role = Role.ONCE
        self._used.append(self._begun.started)
        return self._begun.value

    def end(self) -> None:
        """End a check."""
        self._watchdog.watch()
        self.fleet.end_once()

    def close(self) -> None:
        """End the grading; no process of the submission runs when this returns."""
        self._watchdog.stop()
        self.alarm.close()
        self.fleet.close()

    def after_overdue(self) -> None:
        """End the programs after a check that was ended: they are not to blame, and the next check gets new ones."""
        self.end()
        self.fleet.replace_used()

    def stood_still(self) -> bool:
        """Return whether the machine, or labcheck, stood still since the check began: then a failure means nothing."""
        return clock.lost() > self._lost

    def out_of_time(self) -> bool:
        """Return whether the time budget of the whole submission is used up."""
        return self.budget.passed()

    def why_out_of_time(self, done: int, of: int) -> str:
        """Return the reason why a check is not run for lack of time; `done` of the `of` selected ones were run."""
        pace = self.fleet.pace(self.spec)
        answers = f"each answer took {pace:.1f} s; " if pace >= SLOW_ANSWER else ""
        more = self.more_time(max(2.0, 1.5 * of / max(1, done)))
        return f"out of time after {self.options.budget:g} s; {answers}{more}"

    def more_time(self, times: float) -> str:
        """Return the option that multiplies the time budget by `times`."""
        return f"--budget {math.ceil(self.options.budget * times / 10) * 10} gives it more"

    def shared_server(self) -> View:
        """Return the server that most checks of a program share. Raises NotReadyError if it does not start."""
        self._expect(is_client=False)
        return self._view(self.fleet.shared_server(self.spec))

    def own_server(self) -> View:
        """Return the server for checks that end it or may damage it. Raises NotReadyError as above."""
        self._expect(is_client=False)
        return self._view(self.fleet.own_server(self.spec))

    def new_server(self, files: Mapping[str, bytes] | None = None, within: float = READY_WITHIN) -> View:
        """Return a new server, for one check only, with these files beside its program. Raises NotReadyError as above.

        `within` is the number of seconds (times `--slow`) in which it must listen.
        """
        self._expect(is_client=False)
        self.check.deadline.renew()
        self.check.deadline.extend((within - READY_WITHIN) * self.options.slow)
        return self._view(self.fleet.new_server(self.spec, files or {}, within))

    def client(self, who: str = "", *, new: bool = False) -> Any:
        """Return a client that waits for its user; an earlier check may have used it unless `new` is set.

        If its kind ends by itself, this is what runs it.
        """
        self._expect(is_client=True)
        kind = kinds.find(self.spec.kind)
        if isinstance(kind, kinds.RunKind):
            if new:
                raise SuiteError(f"{self.spec.name} is a {self.spec.kind}: use the fixture client, which runs it")
            runs = self.fleet.runs(self.spec)
            runs.started = self._used
            return kind.client(self.check, runs)
        known = None if new else self.fleet.find(self.spec, Role.SHARED)
        if known is not None and not self._client_view(known).is_idle():
            known.role = Role.GONE
            known = None
        known = known or self.fleet.next(self.spec, Role.APART if new else Role.SHARED)
        known.who = who
        self._use(known)
        client = self._client_view(known)
        client.begin()
        return client

    def client_alone(self) -> View:
        """Return a client on whose port no server listens."""
        self._expect(is_client=True)
        if kinds.find(self.spec.kind).ends_by_itself:
            raise SuiteError(
                f"{self.spec.name} is a {self.spec.kind}: the fixture client runs it, also without a server"
            )
        return self._view(self.fleet.client_alone(self.spec))

    def traceback(self, within: float = TRACEBACK_WITHIN) -> Complaint:
        """Return the last line of the last traceback that a program has printed during this check; see `cause`.

        Waits up to `within` seconds for one that has not arrived yet, longer while the program is busy.
        """
        for started in self._used:
            stderr = started.program.stderr
            if within:
                started.hang_up()
                started.program.activity.wait_until_idle(BUSY_WITHIN)
            if stderr.wait_for(*COMPLAINTS, seconds=within, since=started.stderr_before):
                return started.program.diagnosis.cause(stderr.text(started.stderr_before))
            if forgotten := started.program.diagnosis.never_awaited(stderr.text()):
                return forgotten  # Python warns of each line only once
        return Complaint("")

    def how_it_ended(self, error: ExchangeError | None = None) -> str:
        """Return in words that a server of this check has ended by itself: `ended with exit status 1`; "" if none has.

        `error` is the exchange that failed, if one did: it may be the sign of an end that is still to come. The last
        lines of the program become a part of the transcript.
        """
        closed = error is not None and error.trouble in (Trouble.CLOSED, Trouble.REFUSED)
        for started in self._used:
            status = started.program.end_of_its_own(CLOSES_WITHIN if closed else 0)
            if status is not None:
                self._keep_last_lines(started.program)
                how = f"was {status}" if (status.code or 0) < 0 else f"ended with {status}"
                target = shorten(self.check.transcript.last_target(), LONGEST_TARGET)
                if error is None or not target:
                    return how
                return f"{how} {'after' if error.trouble is Trouble.REFUSED else 'while'} it was asked for {target}"
        return ""

    def had_ended(self, error: BaseException) -> bool:
        """Return whether an earlier check may have ended the shared program: it has answered, but not in this check."""
        is_refused = isinstance(error, ExchangeError) and error.trouble is Trouble.REFUSED
        if not is_refused or any(event.kind == "received" for event in self.check.transcript.events):
            return False
        known = (each for each in self._used if each.role is Role.SHARED and each.has_spoken)
        return any(each.program.end_of_its_own(CLOSES_WITHIN) for each in known)

    def told_by_output(self, error: ExchangeError | None = None) -> str:
        """Return why an exchange failed, as far as the output tells; `error` is None if an answer broke off."""
        causes = (kinds.find(each.program.spec.kind).cause(each, self.check, error) for each in self._used)
        return next(filter(None, causes), "")

    def _keep_last_lines(self, program: Program) -> None:
        for name, stream in (("standard output", program.stdout), ("standard error", program.stderr)):
            text = last_lines(program.diagnosis.shown(stream.text()))
            if text and not self.lab.hidden:  # what it printed could reveal a hidden check
                self.check.transcript.printed(text, f"{name}{AT_THE_END}")

    def served_one_client(self) -> str:
        """Return in words that a program of this check ended by itself after its first client; "" if none did."""
        for started in self._used:
            if self.fleet.served_one_client(started):
                started.program.verdict = Verdict.ONE_CLIENT
                return started.program.diagnosis.served_one_client()
        return ""

    def after_success(self) -> None:
        """Replace a server that hangs after a check that it has passed, if the suite tests elsewhere why it does."""
        for started in self._used:
            program = started.program
            is_shared = started.role is Role.SHARED and kinds.find(program.spec.kind).may_hang
            if is_shared and program.activity.is_busy():
                program.activity.wait_until_idle(SETTLED)
                if program.activity.is_busy() and not self._still_answers(program):
                    self._replace(started)

    def excerpt(self, error: NotReadyError) -> Excerpt | None:
        """Return the lines that Python cannot read, from the file as it was submitted; None for any other error."""
        if error.place is None or error.unreadable is None:
            return None
        file = next((each.file for each in self.lab.programs if each.called == error.place.file), error.place.file)
        return excerpt(self._copies.source(file), error.place.line, *error.unreadable)

    def too_slow_for(self, exchanges: int, share: float) -> float:
        """Return how many seconds that many exchanges would take, or 0 if this share of the time left is enough."""
        seconds = exchanges * self.fleet.pace(self.spec)
        return seconds if seconds > share * self.budget.left() else 0.0

    def after_failure(self, error: BaseException) -> None:
        """Decide after a failed check whether the programs it used can be used again.

        A failure must not cause the next one: a program that was damaged is replaced. A program that has never answered
        and does not answer a probe either is given up.
        """
        self.end()  # the check's time is over; the probe has its own limit
        for started in self._used:
            if not kinds.find(started.program.spec.kind).is_kept:
                self.fleet.discard(started)
            elif started.role is Role.SHARED:
                self._look_after(started, error)

    def _look_after(self, started: Started, error: BaseException) -> None:
        program = started.program
        program.activity.wait_until_idle(PROBE)  # it may be about to end
        if program.has_exited:
            self.fleet.note_death(started)
            return  # the next check starts it again
        if self._still_answers(program):
            return
        answered = started.manners.answered
        if not isinstance(error, ExchangeError):
            if answered:
                self._replace(started)
            return
        hung = error.trouble in (Trouble.SILENT, Trouble.SLOW)
        if not answered and not hung:
            self._give_up(program, error)
            return
        self._replace(started, error)
        if hung and not self.out_of_time():
            try:
                program = self.fleet.shared_server(started.program.spec).program
            except NotReadyError:
                return
            if not self._still_answers(program):
                self._give_up(program, error)

    def _replace(self, started: Started, error: ExchangeError | None = None) -> None:
        """End a program that does not answer any more; the next check gets a new one."""
        started.program.kill()
        started.program.verdict = Verdict.STUCK
        if error is not None and not started.manners.answered:
            started.program.verdict = self._verdict_without_answer(started.program, error)
        started.role = Role.GONE

    def _give_up(self, program: Program, error: ExchangeError) -> None:
        self.fleet.give_up(program, self._verdict_without_answer(program, error))

    def _verdict_without_answer(self, program: Program, error: ExchangeError) -> Verdict:
        if program.diagnosis.cause(program.stderr.text()):
            return Verdict.RAISES
        if not self.check.transcript.answer():
            return Verdict.NEVER_ANSWERS
        return Verdict.NEVER_ENDS if error.trouble in (Trouble.SLOW, Trouble.TOO_LARGE) else Verdict.NOT_HTTP

    def _still_answers(self, program: Program) -> bool:
        slowest = max(started.manners.slowest for started in self.fleet.history)
        deadline = self.budget.at_most(max(PROBE * self.options.slow, SLOWER * slowest))
        return kinds.find(program.spec.kind).still_answers(program, self.check, deadline)

    def _end_check(self) -> None:
        """End the running check, which is late; called in the watchdog's thread, again and again until it has ended."""
        is_first = self.overdue is None
        self.overdue = self.overdue or OverdueError(self.alarm.place(), clock.now() - self._began)
        self.alarm.ring()
        # A blocking read that no signal ends is over when the program at the other end is gone.
        if not is_first or not self.alarm.by_signal:
            self.fleet.kill_used()

    def _new_check(self, id: str) -> Check:
        return Check(
            port=self.lab.port,
            slow=self.options.slow,
            deadline=self.budget.at_most(DEADLINE * self.options.slow),
            transcript=Transcript(),
            draw=Draw(f"{self.seed}:{id}"),
            greetings=Draw(f"{self.seed}:{id}:greetings"),
            local_time=self.fleet.local_time,
            programs=self.fleet,
            probe=getattr(self.fleet.material, "probe", ""),
        )

    def _view(self, started: Started) -> View:
        """Return a program as the current check sees it."""
        self._use(started)
        return kinds.find(started.program.spec.kind).view(self.check, started)

    def _client_view(self, started: Started) -> ClientView:
        view = kinds.find(started.program.spec.kind).view(self.check, started)
        assert isinstance(view, ClientView)
        return view

    def _expect(self, *, is_client: bool) -> None:
        """Raise SuiteError if a check asks for the wrong fixture."""
        if self.spec.is_client != is_client:
            kind = "client" if is_client else "server"
            raise SuiteError(f"the check uses {self.spec.name} as a {kind}, but it is a {self.spec.kind}")

    def _use(self, started: Started) -> None:
        started.stdout_before = started.program.stdout.total
        started.stderr_before = started.program.stderr.total
        self._used.append(started)


def expect_kinds(lab: Lab) -> None:
    """Raise SuiteError if labcheck does not know the kind of a program; lab.toml is read without knowing any."""
    mistakes = []
    for program in lab.programs:
        try:
            kinds.find(program.kind)
        except SuiteError as error:
            file = lab.starter / LAB_FILE
            place = TomlFile.read(file, shown(file)).at("programs", program.name, "kind")
            mistakes.append(f"{place}: [programs.{program.name}]: {error}")
    if mistakes:
        raise SuiteError(*mistakes)


@contextmanager
def running(lab: Lab, folder: Path, options: Options, sandbox: Sandbox | None = None) -> Iterator[Run]:
    """Set up a grading for the duration of the block, and clean up everything after it."""
    if not lab.suite.is_dir():
        raise SuiteError(f"{shown(lab.suite)}: there is no such folder; it holds the checks")
    expect_kinds(lab)
    sandbox = sandbox or Sandbox()
    suites = [folder for folder in (lab.suite, lab.more) if folder is not None]
    limits = SUBMISSION.times(options.limits)
    with PrivateCopies(lab, folder, sandbox, limits) as copies, watched(suites, copies.is_program):
        run = Run(lab, copies, options, sandbox)
        try:
            run.fleet.prepare()
            yield run
        finally:
            run.close()
