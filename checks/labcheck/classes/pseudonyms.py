"""Pseudonyms: reports of a class without its names. The list of who is who is kept apart, in pseudonyms.csv."""

from __future__ import annotations

import csv
import hashlib
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.record.gradebook import NOT_YET, NOTHING, Override
from labcheck.record.people import Person
from labcheck.reports.cells import to_cells
from labcheck.reports.files import write_report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labcheck.record.gradebook import Entry, Gradebook

FILE = "pseudonyms.csv"
LEFT_OUT = "a remark that may name students is left out"
COLUMNS = ("pseudonym", "student", "e-mail", "id", "submission", "known by")


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms of a class, which are the same each time: they are kept in its results folder."""

    out: Path

    def hide(self, gradebook: Gradebook) -> Gradebook:
        """Return the class with a pseudonym for everything that names a student, and keep the pseudonyms.

        Texts that may name somebody are left out. Raises UsageError if the list cannot be read or written.
        """
        numbers = self._numbers(gradebook.entries)
        hidden = [(number, _hidden(entry, number)) for number, entry in zip(numbers, gradebook.entries, strict=True)]
        hidden.sort(key=lambda each: (not each[1].is_open, each[0]))  # the order of the roster would tell names
        return replace(gradebook, entries=tuple(entry for _, entry in hidden))

    def _numbers(self, entries: Sequence[Entry]) -> list[int]:
        rows = self._read()
        known: dict[str, list[int]] = {}
        for number, row in enumerate(rows, start=1):
            for clue in row[-1].split():
                known.setdefault(clue, []).append(number)
        found: list[int | None] = []
        for entry in entries:  # two students may share a clue, such as a name
            numbers = (number for clue in _clues(entry) for number in known.get(clue, ()) if number not in found)
            found.append(next(numbers, None))
        new = [place for place, number in enumerate(found) if number is None]
        random.SystemRandom().shuffle(new)
        for place in new:
            entry, person = entries[place], entries[place].person or Person()
            found[place] = len(rows) + 1
            clues = " ".join(_clues(entry))
            rows.append([_name(len(rows) + 1), person.name, person.email, person.id, entry.submission, clues])
        if new:
            write_report(self.out / FILE, to_cells([list(COLUMNS), *map(list, rows)]), "utf-8-sig")
        return [number for number in found if number is not None]

    def _read(self) -> list[list[str]]:
        file = self.out / FILE
        try:
            with file.open(encoding="utf-8-sig", newline="") as opened:
                header, *rows = csv.reader(opened)
        except FileNotFoundError:
            return []
        except (OSError, ValueError, csv.Error) as error:
            raise UsageError(f"{file} cannot be read: {error}") from error
        if header != list(COLUMNS) or any(row[:1] != [_name(place)] for place, row in enumerate(rows, start=1)):
            raise UsageError(f"{file} has been changed; restore it, or remove it to give everybody a new pseudonym")
        return rows


def _name(number: int) -> str:
    return f"Student {number}"


def _clues(entry: Entry) -> list[str]:
    """Return what a student is known by, as hashes: numbers and addresses, or else only the name."""
    person = entry.person
    if person is None:
        known = [("submission", entry.handed_in.identity if entry.handed_in else entry.submission)]
    else:
        names = ("id", "email", "sis_user_id", "sis_login_id", "github")
        known = [*((name, getattr(person, name)) for name in names), *person.numbers]
        known = [clue for clue in known if clue[1]] or [("name", person.name)]
    return [hashlib.sha256("\0".join(clue).encode("utf-8", "surrogatepass")).hexdigest()[:20] for clue in known]


def _hidden(entry: Entry, number: int) -> Entry:
    """Return an entry without names. Of its texts, those are kept that name nobody in any class."""
    late = "late" if entry.handed_in is not None and entry.handed_in.is_late else ""
    remark = entry.remark if entry.remark in ("", NOTHING, NOT_YET) else LEFT_OUT
    return replace(
        entry,
        person=entry.person and Person(_name(number)),
        submission=entry.submission and _name(number),
        remark=remark,
        note=late,
        told=late,
        record=entry.record and replace(entry.record, submission=""),
        faults=(),
        mistakes=(),
        override=entry.override and Override(entry.override.points),
        handed_in=None,
    )
