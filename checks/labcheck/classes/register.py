"""The register of a class: its people, and what each of them has handed in, over all runs of `labcheck grade`.

What is handed in later is added. A submission that is not given again is kept, with its grade.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from labcheck.classes.matching import clues_of, match
from labcheck.errors import UsageError
from labcheck.platforms.downloads import by_hand
from labcheck.record.gradebook import NOTHING, Asked, Entry, Gradebook
from labcheck.record.people import Person, Roster
from labcheck.record.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

SCHEMA = 2
FILE = "class.json"


@dataclass(frozen=True)
class Register:
    """The people and the submissions of a class for one lab. Without a roster, the people are not known.

    `suite` and `conditions` are those of the last grading (see `classes.conditions`). `column` and `out_of` are the
    lab's column in the course's gradebook, and the points that are possible there, if that is known.
    """

    lab: str
    title: str
    requirements: tuple[Asked, ...]
    submissions: tuple[Submission, ...]
    roster: Roster | None = None
    suite: str = ""
    conditions: dict[str, str] | None = None
    column: str = ""
    out_of: float | None = None

    def followed_by(self, later: Register) -> Register:
        """Return the register after a later run: its submissions are added, or replace earlier ones.

        A submission that was in the same folder, under a name chosen by hand, and whose work is now there under a new
        name, has been renamed.
        """
        run = 1 + max((each.run for each in self.submissions), default=0)
        known = {each.identity for each in self.submissions}
        given = {each.identity for each in later.submissions}
        new = [each for each in later.submissions if each.identity not in known]
        renamed = {(each.place, each.key) for each in new if _is_named_by_hand(each)}
        kept = [
            each
            for each in self.submissions
            if each.identity not in given and not (_is_named_by_hand(each) and (each.place, each.key) in renamed)
        ]
        added = (replace(each, run=run) for each in later.submissions)
        return replace(
            later,
            submissions=tuple(sorted((*kept, *added), key=lambda each: (each.label, each.identity))),
            roster=later.roster or self.roster,
            conditions=later.conditions or self.conditions,
            column=later.column or self.column,
            out_of=later.out_of or self.out_of,
        )

    def gradebook(self) -> Gradebook:
        """Return the gradebook: a row per submission, or, with a roster, a row per person first."""
        labels = Counter(each.label for each in self.submissions)
        shown = {each.identity: each.label if labels[each.label] == 1 else each.identity for each in self.submissions}
        entries = self._entries(shown) if self.roster is None else self._entries_of(self.roster.people, shown)
        return Gradebook(
            self.lab,
            self.title,
            self.requirements,
            tuple(entries),
            with_people=self.roster is not None,
            heading=self.column,
            out_of=self.out_of,
            conditions=self.conditions or {},
        )

    def _entries(self, shown: dict[str, str]) -> Iterator[Entry]:
        for each in self.submissions:
            yield self._entry(each, shown)

    def _entries_of(self, people: Sequence[Person], shown: dict[str, str]) -> Iterator[Entry]:
        matching = match(people, self.submissions)
        for person, theirs in matching.of_person.items():
            if not theirs:
                perhaps = ", ".join(shown[each.identity] for each in matching.perhaps.get(person, ()))
                remark = f"no submission matches, but perhaps {perhaps}" if perhaps else NOTHING
                yield Entry(person=person, remark=remark)
                continue
            chosen, others = _newest(theirs)
            if chosen is None:
                labels = ", ".join(shown[each.identity] for each in others)
                remark = f"{len(others)} submissions that differ, so none was chosen: {labels}"
                yield Entry(labels, person=person, remark=remark)
                continue
            older = ", ".join(shown[each.identity] for each in others if each.key != chosen.key)
            note = f"not graded, because older: {older}" if older else ""
            doubt = matching.doubts.get(chosen.identity, "")
            yield self._entry(chosen, shown, person=person, remark=doubt, note=note)
        for each, reason in matching.nobody:
            yield self._entry(each, shown, remark=reason)

    def _entry(
        self, each: Submission, shown: dict[str, str], *, person: Person | None = None, remark: str = "", note: str = ""
    ) -> Entry:
        told = [note, each.note]
        notes = list(told)
        if person is not None and person.is_late:
            each = replace(each, is_late=True)
        if each.suite != self.suite:
            notes.append("checked by an earlier version of the checks; to check it again, give its submission again")
        return Entry(
            shown[each.identity],
            each.key,
            person,
            remark,
            note="; ".join(filter(None, notes)),
            told="; ".join(filter(None, told)),
            handed_in=each,
        )

    def save(self, out: Path) -> None:
        """Write the register into a results folder: completely, or else the file stays as it was. Raises UsageError."""
        file = out / FILE
        new = file.with_suffix(".new")
        try:
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
                stream.write(self.to_json())
            new.replace(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                new.unlink()
            raise UsageError(f"cannot write {file}: {error.strerror}; it is as it was before") from error

    def to_json(self) -> str:
        """Return the register as JSON."""
        table = {"schema": SCHEMA, **asdict(self)}
        return json.dumps(table, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Register:
        """Read what `to_json` has returned. Raises ValueError for any other text."""
        table = json.loads(text)
        try:
            schema = table.pop("schema")
            if schema == 1:
                return cls._from_version_1(table)
            if schema != SCHEMA:
                raise ValueError("written by another version of labcheck")
            table["requirements"] = tuple(Asked(**each) for each in table["requirements"])
            table["submissions"] = tuple(map(Submission.from_table, table["submissions"]))
            if (roster := table["roster"]) is not None:
                people = tuple(map(Person.from_table, roster["people"]))
                table["roster"] = Roster(people, roster["assignments"])
            return cls(**table)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a class of labcheck: {error}") from error

    @classmethod
    def _from_version_1(cls, table: dict[str, Any]) -> Register:
        """Return the register of a version that kept only the rows: who they belong to is as certain as it was then."""
        people, submissions = [], []
        for entry in table["entries"]:
            label, person = entry["submission"], entry["person"] and Person.from_table(entry["person"])
            people += [person] if person else []
            clues = tuple(clues_of(person)) if person else by_hand(label)
            if entry["key"]:
                submissions.append(Submission(label, label, entry["key"], (clues,)))
        asked = tuple(Asked(**each) for each in table["requirements"])
        roster = Roster(tuple(people)) if table["with_people"] else None
        return cls(table["lab"], table["title"], asked, tuple(submissions), roster)

    @classmethod
    def load(cls, folder: Path) -> Register:
        """Read the class whose results are in a folder. Raises UsageError if the folder holds no class."""
        file = folder / FILE
        try:
            return cls.from_json(file.read_text("utf-8"))
        except FileNotFoundError:
            raise UsageError(
                f"there is no {file}; name the --out folder of a finished labcheck grade (with shards: after --merge)"
            ) from None
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise UsageError(f"{file}: {error}; remove it, and run labcheck grade to write it again") from error


def _is_named_by_hand(submission: Submission) -> bool:
    return submission.members == (by_hand(submission.label),)


def _newest(theirs: Iterable[Submission]) -> tuple[Submission | None, list[Submission]]:
    """Return the submission of a person that counts, and the others; None if it is unknown which one is the newest.

    What was given in a later run is newer; within a run, the platform's own numbering decides.
    """
    ranked = sorted(theirs, key=lambda each: (each.run, each.version))
    last = ranked[-1]
    equal = [each for each in ranked if (each.run, each.version) == (last.run, last.version)]
    if len({each.key for each in equal}) > 1:
        return None, equal
    return last, [each for each in ranked if each is not last]
