"""Grade a class: each submission once, on any executor, without losing a result."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from labcheck.classes import copies, report
from labcheck.classes.conditions import conditions
from labcheck.classes.discovery import opened
from labcheck.classes.executors import workers_for
from labcheck.classes.points import keep_points, read_points
from labcheck.classes.progress import Progress
from labcheck.classes.register import FILE, Register
from labcheck.classes.results import Results, read
from labcheck.classes.roster import read_names, read_roster
from labcheck.classes.rules import Rules
from labcheck.classes.submissions import Submissions
from labcheck.errors import MachineError, UsageError
from labcheck.isolated.graders import grade_task, graders
from labcheck.platforms.actions import shielded
from labcheck.record.gradebook import NOT_YET, Gradebook
from labcheck.record.record import Record
from labcheck.record.result import BROKEN, REFUSED, Result
from labcheck.record.sources import Source
from labcheck.record.text import printable
from labcheck.submission.limits import CLASS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from labcheck.classes.executors import Workers
    from labcheck.classes.submissions import Order, Shard
    from labcheck.isolated.task import Reply, Task
    from labcheck.record.people import Roster

LOOK = 0.5  # seconds after which a look is taken at the workers, if no result arrives
MOST_LISTED = 20  # problems listed one by one
MOST_FAULTS = 5  # different errors listed
LEFT_OUT = re.compile(  # at the end of what Python prints: why points may be missing although the work is done
    r"(?:ModuleNotFoundError: (No module named '[\w.]+')|can't open file '([^']+)': \[Errno 2\] .*)$"
)
TAIL = 500  # characters of what a program prints in which this is looked for


def run(tasks: Iterable[tuple[str, Task]], workers: Workers) -> Iterator[Result]:
    """Grade tasks on workers. Yield each result when it is ready.

    Only as many tasks are kept in memory as the workers need. Raises MachineError if the workers are lost.
    """
    waiting: dict[Future[Reply], tuple[str, Task]] = {}
    queue = iter(tasks)
    while True:
        while len(waiting) < workers.room(len(waiting)) and (each := next(queue, None)):
            key, task = each
            try:
                waiting[workers.executor.submit(grade_task, task)] = each
            except RuntimeError as error:  # the executor no longer accepts tasks
                yield Result(key, task.label, BROKEN, f"{type(error).__name__}: {error}")
        if not waiting:
            return
        done, _ = wait(waiting, LOOK, return_when=FIRST_COMPLETED)
        if reason := workers.lost():
            raise MachineError(reason)
        for future in done:
            key, task = waiting.pop(future)
            try:
                yield _result(key, task, future.result())
            except Exception as error:  # an error of the executor itself
                yield Result(key, task.label, BROKEN, f"{type(error).__name__}: {error}")


def _result(key: str, task: Task, reply: Reply) -> Result:
    record = None if reply.record is None else Record.from_table(reply.record)
    look = "" if record is None else _to_look_at(record)
    sources = tuple(Source(**each) for each in reply.sources)
    return Result(
        key,
        task.label,
        reply.kind,
        reply.text,
        record,
        tuple(reply.faults),
        tuple(reply.mistakes),
        to_look_at=look,
        sources=sources,
    )


def _to_look_at(record: Record) -> str:
    """Return which libraries or programs were missing: perhaps on this machine, perhaps because of their names."""
    said = (LEFT_OUT.search(program.stderr.rstrip()[-TAIL:]) for program in record.programs)
    missing = dict.fromkeys(found[1] or f"{found[2]} is missing" for found in said if found)
    return f"needs a look: {', '.join(missing)}" if missing else ""


@dataclass(frozen=True)
class Wanted:
    """What an instructor wants of a run, in addition to the grading itself.

    - `students`: only their submissions are graded; everybody's if it is empty.
    - `again`: what has a grade is graded once more.
    - `names`: a table that says whose a file is.
    - `column`, `out_of`: the lab's column in the course's gradebook, and the points that are possible there.
    - `points`: a file with the points of requirements.
    - `files`: the requested exports, by format.
    """

    roster: Path | None = None
    names: Path | None = None
    students: Sequence[str] = ()
    again: bool = False
    column: str = ""
    out_of: float | None = None
    points: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)


def grade(
    order: Order,
    place: Path,
    out: Path,
    wanted: Wanted,
    *,
    jobs: int | None = None,
    cluster: str | None = None,
    shard: Shard | None = None,
    merge: bool = False,
) -> Gradebook:
    """Grade the submissions in a folder or archive, write the reports, and return the class with its results.

    What earlier runs have graded is kept, and not graded again unless the grade is open or the conditions have changed
    (see `conditions`). Raises UsageError, and KeyboardInterrupt and MachineError after the results so far are written.
    """
    if merge and not out.is_dir():
        raise UsageError(f"results folder {out} does not exist; grade all parts into it first, then use --merge")
    _keep_apart(place, out)
    roster = None if wanted.roster is None else read_roster(wanted.roster)
    names = None if wanted.names is None else read_names(wanted.names)
    points = None if wanted.points is None else read_points(wanted.points, order.lab.requirements)
    Rules.read(out, order.lab.requirements, points)  # a mistake in them is reported before anything is graded
    column = report.settled(_register(order, out, roster), wanted.column, wanted.out_of).column
    interrupted: KeyboardInterrupt | MachineError | None = None
    now: dict[str, str] | None = None
    limits = CLASS.times(order.options.limits)
    with opened(place, [program.file for program in order.lab.programs], limits) as folder:
        submissions = Submissions.in_folder(order, folder, names, column)
        if wanted.students:
            submissions = submissions.of(wanted.students, _register(order, out, roster).roster)
        if shard is not None:
            submissions = submissions.part(shard)
        if not merge:
            try:
                now = _grade_all(submissions, out, f"results{shard or ''}", jobs, cluster, again=wanted.again)
            except (KeyboardInterrupt, MachineError) as error:
                interrupted = error
        register = submissions.register(place, roster, now)
    similar = ""
    if shard is None:
        register = _register(order, out).followed_by(register)
        register = report.settled(register, wanted.column, wanted.out_of)
        register.save(out)
        if points is not None:
            keep_points(out, points)
        gradebook, similar = report.write(out, register.gradebook())
    else:
        gradebook = report.filled(out, replace(register, roster=None).gradebook())
    if wanted.files:
        report.export(gradebook, wanted.files)
    print(shielded("\n".join(_summary(gradebook, out, similar, whole=shard is None))))
    if interrupted is not None:
        raise interrupted
    return gradebook


def _register(order: Order, out: Path, roster: Roster | None = None) -> Register:
    """Return the register of the earlier runs, with a new roster, if there is one."""
    known = Register.load(out) if (out / FILE).exists() else Register(order.lab.name, order.lab.title, (), ())
    if known.lab != order.lab.name:
        raise UsageError(f"{out} contains the results of {known.lab}; give another --out for {order.lab.name}")
    return replace(known, roster=roster or known.roster)


def _in_short(fault: str) -> str:
    """Return the line of a fault that says what it is: what comes before the traceback, or the exception at its end."""
    lines = fault.strip().splitlines()
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _keep_apart(place: Path, out: Path) -> None:
    """Raise UsageError if results and submissions would be in one folder: no file of a student is taken for ours."""
    submissions, results = place.resolve(), out.resolve()
    if submissions.is_dir() and (results.is_relative_to(submissions) or submissions.is_relative_to(results)):
        raise UsageError(
            f"the results folder {out} and the submissions {place} must not be inside each other; "
            "give a folder beside the submissions, such as --out results"
        )


def _grade_all(
    submissions: Submissions, out: Path, file: str, jobs: int | None, cluster: str | None, *, again: bool
) -> dict[str, str]:
    """Grade what has no result under the present conditions, or everything `again`. Return the conditions."""
    options, lab = submissions.order.options, submissions.order.lab
    results = Results(out, file)
    try:
        with workers_for(jobs, cluster) as workers:
            protection = options.protection
            if cluster is None and protection == "auto":
                protection = graders().protection(lab.name, options.interpreter)
            now = conditions(options, protection)
            last = {result.key: result for result in read(out)}  # of several results, the last one counts
            done = {key for key, result in last.items() if not result.is_open and result.conditions == now}
            if options.limits > 1:  # it may have been too large before
                done -= {key for key, result in last.items() if result.kind == REFUSED}
            done = set() if again else done
            for key, reason in submissions.refused.items():
                if key not in done:
                    label = submissions.found[submissions.keys.index(key)].label
                    results.add(Result(key, label, REFUSED, reason, conditions=now))
            todo = set(submissions.keys) - done - set(submissions.refused)
            if not todo:
                return now
            if protection != options.protection:
                print(f"protection: {protection}", flush=True)
            with Progress(len(todo)) as progress:
                for result in run(submissions.tasks(todo), workers):
                    results.add(replace(result, conditions=now))
                    progress.advance()
            return now
    finally:
        results.close()


def _summary(gradebook: Gradebook, out: Path, similar: str, *, whole: bool) -> Iterator[str]:
    """Yield the lines of the summary: the number of graded submissions, and the reason for each that is not graded."""
    entries = gradebook.entries
    parts = [f"{gradebook.graded} of {gradebook.graded + gradebook.not_graded} submissions graded"]
    parts += [f"{gradebook.nothing} submitted nothing"] if gradebook.nothing else []
    parts += [str(out / name) for name in (report.GRADES, report.PAGE) if whole]
    yield " · ".join(parts)
    if similar:
        yield f"{similar}: {out / copies.PAGE}"
    problems = [entry for entry in entries if entry.is_a_problem and entry.remark != NOT_YET]
    for entry in problems[:MOST_LISTED]:
        yield f"  {printable(entry.submission)}: {printable(entry.remark)}"
    if len(problems) > MOST_LISTED:
        yield f"  and {len(problems) - MOST_LISTED} more; see the column `note`"
    is_open = [entry for entry in entries if entry.is_open]
    for mistake, number in Counter(mistake for entry in is_open for mistake in entry.mistakes).most_common(MOST_FAULTS):
        yield f"  {number} × error in the lab: {printable(mistake)}"
    ours = (entry for entry in is_open if len(entry.faults) > len(entry.mistakes))
    faults = Counter(map(_in_short, (fault for entry in ours for fault in entry.faults)))
    for fault, number in faults.most_common(MOST_FAULTS):
        yield f"  {number} × {printable(fault)}"
    if faults:
        yield f"the tracebacks are under `faults` in {out}/results*.jsonl; please report errors of labcheck"
