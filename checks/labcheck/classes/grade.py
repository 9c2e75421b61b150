"""Grade a class: each submission once, on any executor, without losing a result."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from labcheck.classes import copies, report
from labcheck.classes.conditions import conditions
from labcheck.classes.discovery import discover, opened
from labcheck.classes.executors import executor_for
from labcheck.classes.progress import Progress
from labcheck.classes.results import Results, read
from labcheck.classes.roster import match, read_roster
from labcheck.errors import RefusedError, UsageError
from labcheck.isolated.graders import grade_task, graders
from labcheck.isolated.task import Reply, Task
from labcheck.judging.catalogue import digest_of, read_suite
from labcheck.platforms.actions import shielded
from labcheck.record.gradebook import FILE, NOT_YET, Asked, Entry, Gradebook
from labcheck.record.record import Record
from labcheck.record.result import BROKEN, REFUSED, Result
from labcheck.record.sources import Source
from labcheck.record.text import printable
from labcheck.reports.files import write_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from labcheck.judging.options import Options
    from labcheck.record.people import Person
    from labcheck.submission.handed_in import HandedIn
    from labcheck.workbook.labs import Lab

AHEAD = 2  # submissions in memory for each one that is graded at the same time
MOST_LISTED = 20  # problems listed one by one
MOST_FAULTS = 5  # different errors listed


@dataclass(frozen=True)
class Order:
    """What to grade: a lab, the options, and the instructor's own checks (`extra`, a tar), which may be `hidden`."""

    lab: Lab
    options: Options
    extra: bytes = b""
    hidden: bool = False

    @functools.cached_property
    def suite(self) -> str:
        """The digest of labcheck and of all checks."""
        return digest_of(self.lab, self.extra, hidden=self.hidden)

    def task(self, name: str, data: bytes, label: str) -> tuple[str, Task]:
        """Return the key and the task of grading a submission. Equal submissions have equal keys.

        Unless the options have a seed, it is derived from the suite and the submission. The name of a single file
        counts; that of a folder does not, because it is only the label.
        """
        given = Path(name).suffix if name == f"{label}.tar" else name
        work = hashlib.sha256(f"{self.suite} {given} ".encode("utf-8", "backslashreplace") + data).hexdigest()
        options, key = self.options, work
        if options.seed is None:
            options = replace(options, seed=int(work[:8], 16))
        else:
            key = hashlib.sha256(f"{work} {options.seed}".encode()).hexdigest()
        return key, Task(self.lab.name, name, data, label, options, self.extra, self.hidden, self.suite)


def run(tasks: Iterable[tuple[str, Task]], executor: Executor, width: int) -> Iterator[Result]:
    """Grade tasks on an executor that runs `width` of them at the same time. Yield each result when it is ready.

    Only as many tasks are kept in memory as the executor needs.
    """
    waiting: dict[Future[Reply], tuple[str, Task]] = {}
    queue = iter(tasks)
    while True:
        for key, task in queue:
            try:
                waiting[executor.submit(grade_task, task)] = key, task
            except RuntimeError as error:  # the executor no longer accepts tasks
                yield Result(key, task.label, BROKEN, f"{type(error).__name__}: {error}")
            if len(waiting) >= width * AHEAD:
                break
        if not waiting:
            return
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            key, task = waiting.pop(future)
            try:
                yield _result(key, task, future.result())
            except Exception as error:  # an error of the executor itself
                yield Result(key, task.label, BROKEN, f"{type(error).__name__}: {error}")


def _result(key: str, task: Task, reply: Reply) -> Result:
    record = None if reply.record is None else Record.from_table(reply.record)
    sources = tuple(Source(**each) for each in reply.sources)
    return Result(key, task.label, reply.kind, reply.text, record, tuple(reply.faults), sources=sources)


@dataclass(frozen=True)
class Shard:
    """Part `number` of `of` parts of a class; the first part is 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"-{self.number}-of-{self.of}"

    def takes(self, keys: Iterable[str]) -> set[str]:
        """Return the keys in this part. They depend only on the submissions, not on their names or order."""
        return set(sorted(keys)[self.number - 1 :: self.of])


@dataclass
class Submissions:
    """The submissions of a class, and the key of each. Equal submissions share a key and are graded once."""

    order: Order
    found: list[HandedIn]
    keys: list[str]
    refused: dict[str, str]  # submissions that cannot even be read: key -> reason

    @classmethod
    def in_folder(cls, order: Order, folder: Path) -> Submissions:
        """Find and read the submissions. Raises UsageError if nothing is found."""
        known = cls(order, discover(folder), [], {})
        for each in known.found:
            try:
                key, _ = order.task(*each.read(order.lab), each.label)
            except RefusedError as error:
                unread = f"{order.suite} {each.label} {error}"
                key = hashlib.sha256(unread.encode("utf-8", "backslashreplace")).hexdigest()
                known.refused[key] = str(error)
            known.keys.append(key)
        return known

    def part(self, shard: Shard) -> Submissions:
        """Return one part of the submissions."""
        taken = shard.takes(set(self.keys))
        chosen = [place for place, key in enumerate(self.keys) if key in taken]
        found, keys = [self.found[place] for place in chosen], [self.keys[place] for place in chosen]
        return Submissions(self.order, found, keys, {key: why for key, why in self.refused.items() if key in taken})

    def gradebook(self, people: Sequence[Person] | None) -> Gradebook:
        """Return the gradebook: a row per submission, or, with a roster, a row per person first."""
        lab = self.order.lab
        titles = {check.id: check.title for check in reversed(read_suite(lab))}  # the first check's counts
        asked = tuple(Asked(id, titles[id]) for id in lab.requirements)
        entries = self._entries() if people is None else self._entries_of(people)
        return Gradebook(lab.name, lab.title, asked, tuple(entries), with_people=people is not None)

    def _entries(self) -> Iterator[Entry]:
        for each, key in zip(self.found, self.keys, strict=True):
            yield Entry(each.label, key)

    def _entries_of(self, people: Sequence[Person]) -> Iterator[Entry]:
        key_of = dict(zip(map(id, self.found), self.keys, strict=True))
        matching = match(people, self.found)
        for person, handed_in in matching.of_person.items():
            labels = ", ".join(each.label for each in handed_in)
            if not handed_in:
                yield Entry(person=person, remark="submitted nothing")
            elif len({key_of[id(each)] for each in handed_in}) > 1:
                remark = f"{len(handed_in)} submissions that differ, so none was chosen: {labels}"
                yield Entry(labels, person=person, remark=remark)
            else:
                yield Entry(handed_in[0].label, key_of[id(handed_in[0])], person)
        for each, reason in matching.nobody:
            yield Entry(each.label, key_of[id(each)], remark=reason)

    def tasks(self, keys: set[str]) -> Iterator[tuple[str, Task]]:
        """Yield the tasks with the given keys. Each is read only when needed; a submission gone by then is left out."""
        left = set(keys)
        for each, key in zip(self.found, self.keys, strict=True):
            if key in left:
                left.remove(key)
                with contextlib.suppress(RefusedError):
                    yield self.order.task(*each.read(self.order.lab), each.label)


def grade(
    order: Order,
    place: Path,
    out: Path,
    *,
    jobs: int = 1,
    cluster: str | None = None,
    shard: Shard | None = None,
    merge: bool = False,
    roster: Path | None = None,
    files: Mapping[str, str] = MappingProxyType({}),
    heading: str = "",
) -> Gradebook:
    """Grade the submissions in a folder or archive, write the reports, and return the class with its results.

    Results of earlier runs are kept, and not graded again unless the grade is open or the conditions have changed
    (see `conditions`). `files` are the requested exports, by format. Raises UsageError, and KeyboardInterrupt after the
    results so far are written.
    """
    if merge and not out.is_dir():
        raise UsageError(f"results folder {out} does not exist; grade all parts into it first, then use --merge")
    _keep_apart(place, out)
    people = None if roster is None else read_roster(roster)
    interrupted: KeyboardInterrupt | None = None
    with opened(place) as folder:
        submissions = Submissions.in_folder(order, folder)
        if shard is not None:
            submissions, people = submissions.part(shard), None
        if not merge:
            try:
                _grade_all(submissions, out, f"results{shard or ''}", jobs, cluster)
            except KeyboardInterrupt as error:
                interrupted = error
        gradebook = submissions.gradebook(people)
    similar = ""
    if shard is None:
        write_report(out / FILE, gradebook.to_json())
        gradebook, similar = report.write(out, gradebook)
    else:
        gradebook = report.load(out, gradebook)
    if files:
        report.export(replace(gradebook, heading=heading), files)
    print(shielded("\n".join(_summary(gradebook, out, similar, whole=shard is None))))
    if interrupted is not None:
        raise interrupted
    return gradebook


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


def _grade_all(submissions: Submissions, out: Path, file: str, jobs: int, cluster: str | None) -> None:
    options, lab = submissions.order.options, submissions.order.lab
    results = Results(out, file)
    try:
        with executor_for(jobs, cluster) as (executor, width):
            protection = options.protection
            if cluster is None and protection == "auto":
                protection = graders().protection(lab.name, options.interpreter)
            now = conditions(options, protection)
            last = {result.key: result for result in read(out)}  # of several results, the last one counts
            done = {key for key, result in last.items() if not result.is_open and result.conditions == now}
            for key, reason in submissions.refused.items():
                if key not in done:
                    label = submissions.found[submissions.keys.index(key)].label
                    results.add(Result(key, label, REFUSED, reason, conditions=now))
            todo = set(submissions.keys) - done - set(submissions.refused)
            if not todo:
                return
            if protection != options.protection:
                print(f"protection: {protection}", flush=True)
            with Progress(len(todo)) as progress:
                for result in run(submissions.tasks(todo), executor, width):
                    results.add(replace(result, conditions=now))
                    progress.advance()
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
    faults = Counter(map(_in_short, (fault for entry in entries if entry.is_open for fault in entry.faults)))
    for fault, number in faults.most_common(MOST_FAULTS):
        yield f"  {number} × {printable(fault)}"
    if faults:
        yield f"the tracebacks are under `faults` in {out}/results*.jsonl; please report errors of labcheck"
