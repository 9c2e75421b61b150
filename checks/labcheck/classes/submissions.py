"""The submissions of a class as they are found, and the task of grading each of them."""

from __future__ import annotations

import contextlib
import difflib
import functools
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.classes.discovery import discover
from labcheck.classes.matching import match
from labcheck.classes.register import Register
from labcheck.errors import RefusedError, UsageError
from labcheck.isolated.task import Task
from labcheck.judging.catalogue import digest_of, read_suite
from labcheck.platforms.downloads import by_hand
from labcheck.platforms.rosters import title_of
from labcheck.record.gradebook import Asked
from labcheck.record.submission import Submission
from labcheck.submission.limits import SUBMISSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from labcheck.judging.options import Options
    from labcheck.record.people import Person, Roster
    from labcheck.record.submission import Clues
    from labcheck.submission.handed_in import HandedIn
    from labcheck.submission.limits import Limits
    from labcheck.workbook.labs import Lab


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

    @property
    def limits(self) -> Limits:
        """The limits on a submission."""
        return SUBMISSION.times(self.options.limits)

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
    def in_folder(
        cls, order: Order, folder: Path, names: Mapping[str, Clues] | None = None, column: str = ""
    ) -> Submissions:
        """Find and read the submissions. For `names`, see `discover`. Raises UsageError like it.

        `column` is the title of the assignment in the course's gradebook, if it is known.
        """
        lab = order.lab
        called = [*filter(None, [title_of(column)[0]]), lab.name, lab.title, f"{lab.name} {lab.title}"]
        known = cls(order, discover(folder, names, called), [], {})
        for each in known.found:
            try:
                key, _ = order.task(*each.read(order.lab, order.limits), each.label)
            except RefusedError as error:
                unread = f"{order.suite} {each.label} {error}"
                key = hashlib.sha256(unread.encode("utf-8", "backslashreplace")).hexdigest()
                known.refused[key] = str(error)
            known.keys.append(key)
        return known

    def of(self, students: Iterable[str], roster: Roster | None) -> Submissions:
        """Return the submissions of some students: labels, or as in a roster. Raises UsageError if one has none."""
        chosen: set[int] = set()
        for student in students:
            theirs = {place for place, each in enumerate(self.found) if student in (each.label, each.identity)}
            theirs |= self._of_person(student, roster.people) if roster else set()
            if not theirs:
                near = difflib.get_close_matches(student, [each.label for each in self.found])
                known = f"did you mean {' or '.join(near)}?" if near else f"there are {len(self.found)} of others"
                raise UsageError(f"no submission of {student!r} is there; {known}")
            chosen |= theirs
        return self._at(sorted(chosen))

    def _of_person(self, student: str, people: Sequence[Person]) -> set[int]:
        """Return the places of the submissions that belong to the same person as a submission of that name would."""
        asked = Submission(student, student, "", (by_hand(student),))
        theirs = [Submission(each.label, str(place), "", each.members) for place, each in enumerate(self.found)]
        belonging = (found for found in match(people, [asked, *theirs]).of_person.values() if asked in found)
        return {int(each.identity) for found in belonging for each in found if each is not asked}

    def part(self, shard: Shard) -> Submissions:
        """Return one part of the submissions."""
        taken = shard.takes(set(self.keys))
        return self._at([place for place, key in enumerate(self.keys) if key in taken])

    def _at(self, places: Sequence[int]) -> Submissions:
        found, keys = [self.found[place] for place in places], [self.keys[place] for place in places]
        return Submissions(self.order, found, keys, {key: why for key, why in self.refused.items() if key in keys})

    def register(self, place: Path, roster: Roster | None, conditions: dict[str, str] | None) -> Register:
        """Return the register of this run alone. `place` is where the submissions are."""
        lab = self.order.lab
        titles = {check.id: check.title for check in reversed(read_suite(lab))}  # the first check's counts
        asked = tuple(Asked(id, titles[id], lab.points_of(id)) for id in lab.requirements)
        where = str(place.resolve())
        submissions = (
            Submission(
                each.label,
                each.identity,
                key,
                each.members,
                each.version,
                each.note,
                each.is_late,
                each.submitted,
                where,
                self.order.suite,
            )
            for each, key in zip(self.found, self.keys, strict=True)
        )
        return Register(lab.name, lab.title, asked, tuple(submissions), roster, self.order.suite, conditions)

    def tasks(self, keys: set[str]) -> Iterator[tuple[str, Task]]:
        """Yield the tasks with the given keys. Each is read only when needed; a submission gone by then is left out."""
        left = set(keys)
        for each, key in zip(self.found, self.keys, strict=True):
            if key in left:
                left.remove(key)
                with contextlib.suppress(RefusedError):
                    yield self.order.task(*each.read(self.order.lab, self.order.limits), each.label)
