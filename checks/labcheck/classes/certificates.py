"""Certificates for a class: of all who have passed all labs, whose results are in one folder for each lab.

A person is the same in two folders if the e-mail address, an ID or an account is the same; of somebody about whom
nothing like this is known, the name decides. What does not lead to one person is not guessed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.certificates.certificate import Certificate, PassedLab, as_shown, first_name_first
from labcheck.certificates.page import NEWEST, render
from labcheck.classes import report
from labcheck.classes.feedback import file_names
from labcheck.classes.matching import identities
from labcheck.classes.register import Register
from labcheck.errors import UsageError
from labcheck.record.record import Outcome
from labcheck.reports.files import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.certificates.keys import Signer
    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.people import Person
    from labcheck.record.record import Record
    from labcheck.record.result import Result


@dataclass(frozen=True)
class Course:
    """The course that the certificates are about: its title, the labs that must be passed, and how many it has."""

    title: str
    labs: tuple[str, ...]
    all_labs: int
    date: str


@dataclass(frozen=True)
class Graded:
    """The results of one lab: their folder, the class, and the SHA-256 of each record by the key of its entry."""

    folder: Path
    gradebook: Gradebook
    digests: dict[str, str]


@dataclass
class Student:
    """A person of the class, with the entry in each lab's results, and why they are not clear, if so."""

    person: Person
    entries: dict[str, Entry] = field(default_factory=dict)
    unclear: str = ""


@dataclass(frozen=True)
class Made:
    """The certificates: with the entry of the last lab, which has the person; and who was left out, and why."""

    certificates: tuple[tuple[Entry, Certificate], ...]
    left_out: tuple[tuple[str, str], ...]


def load(folders: Sequence[Path], labs: Sequence[str]) -> list[Graded]:
    """Return the results of the labs, in their order. Raises UsageError if the folders have those of other labs."""
    found: dict[str, Graded] = {}
    for folder in folders:
        graded = _graded(folder)
        name = graded.gradebook.lab
        if name in found:
            raise UsageError(f"{folder} and {found[name].folder} both contain results of {name}; give one of them")
        if name not in labs:
            raise UsageError(
                f"{folder} contains the results of {name}, which is not one of the labs: {', '.join(labs)}; "
                "leave it out, or name the labs with --labs"
            )
        found[name] = graded
    if missing := [name for name in labs if name not in found]:
        raise UsageError(
            f"no results of {', '.join(missing)}; give the folder of each lab's results, or, if your course has no "
            f"such labs, add --labs {','.join(found)}"
        )
    return [found[name] for name in labs]


def _graded(folder: Path) -> Graded:
    register = Register.load(folder)
    if register.roster is None:
        raise UsageError(
            f"{folder} has no class list, which says whose a submission is; run: labcheck report {folder} --roster CSV"
        )
    digests: dict[str, str] = {}

    def keep(result: Result, record: Record) -> None:
        digests[result.key] = _sha256(record.to_table())

    return Graded(folder, report.load(folder, register.gradebook(), keep), digests)


def make(course: Course, results: Sequence[Graded], signer: Signer) -> Made:
    """Return the certificates of a class, to be signed by `signer`; `results` are those of the course's labs."""
    certificates, left_out = [], []
    for student in _students(results):
        try:
            name = as_shown(first_name_first(student.person.name))
        except ValueError as error:
            left_out.append((str(student.person), f"the name cannot be on a certificate: {error}"))
            continue
        reasons = [student.unclear] if student.unclear else list(_reasons(student, results))
        if reasons:
            left_out.append((name, "; ".join(reasons)))
            continue
        labs = tuple(_passed(student.entries[each.gradebook.lab], each.gradebook) for each in results)
        digest = _sha256([_evidence(student.entries[each.gradebook.lab], each) for each in results])
        certificate = Certificate(
            NEWEST, name, course.title, course.date, labs, course.all_labs, records=digest, key=signer.public
        )
        certificates.append((student.entries[course.labs[-1]], certificate))
    return Made(tuple(certificates), tuple(sorted(left_out)))


def write(folder: Path, made: Made, signer: Signer) -> int:
    """Write a page for each certificate, which only this user can read. Return how many other files are in the folder.

    Raises UsageError if something cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        before = {file.name for file in folder.iterdir()}
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}") from error
    names = [f"{name}.html" for name in file_names([entry for entry, _ in made.certificates])]
    for name, (_, certificate) in zip(names, made.certificates, strict=True):
        write_report(folder / name, render(certificate, signer.sign(certificate.to_json())))
    return len(before - set(names))


def _students(results: Sequence[Graded]) -> list[Student]:
    """Return everybody in one of the class lists, with their entries."""
    students: list[Student] = []
    known: dict[tuple[str, str], list[Student]] = {}
    for graded in results:
        lab = graded.gradebook.lab
        found: list[tuple[Student, Person]] = []
        for entry in graded.gradebook.entries:
            if entry.person is None:
                continue
            # Within a class list, everybody is somebody else.
            same = {id(each): each for clue in _clues(entry.person) for each in known.get(clue, ())}
            if len(same) != 1:
                students.append(Student(entry.person))
            student = next(iter(same.values())) if len(same) == 1 else students[-1]
            if len(same) > 1 or lab in student.entries:
                for each in (student, *same.values()):
                    each.unclear = f"{lab}: the class list of {graded.folder} does not say clearly who this is"
            student.entries[lab] = entry
            found.append((student, entry.person))
        for student, person in found:
            for clue in _clues(person):
                known.setdefault(clue, []).append(student)
    return students


def _clues(person: Person) -> set[tuple[str, str]]:
    """Return what tells a person from others in all class lists of a course; the name, if nothing else is known."""
    known = {("login", person.sis_login_id), ("github", person.github)}
    clues = identities(person) | {(kind, text.strip().casefold()) for kind, text in known if text.strip()}
    return set(clues) or {("name", " ".join(person.name.casefold().split()))}


def _reasons(student: Student, results: Sequence[Graded]) -> Iterator[str]:
    """Yield for each lab that is not passed, why."""
    entries = [(each, student.entries.get(each.gradebook.lab)) for each in results]
    for graded, entry in entries:
        lab = graded.gradebook.lab
        if entry is None:
            yield f"{lab}: not in the class list of {graded.folder}"
        elif why := _why_not(entry, graded.gradebook):
            yield f"{lab}: {why}"
    if all(entry is not None and entry.is_excused for _, entry in entries):
        yield "excused from all labs"


def _why_not(entry: Entry, gradebook: Gradebook) -> str:
    """Return why a lab is not passed; "" if it is, or if the student is excused from it."""
    if entry.override is not None:
        points = entry.override.points
        return "" if points is None or points >= gradebook.max_score else f"decided: {entry.override}"
    if entry.is_open:
        return "the grade is open"
    if entry.record is None:
        return entry.remark or "not graded"
    number = sum(each.outcome is Outcome.PASSED for each in entry.record.requirements)
    of = len(entry.record.requirements)
    return entry.remark if number == of else f"{number} of {of} requirements pass"


def _passed(entry: Entry, gradebook: Gradebook) -> PassedLab:
    return PassedLab(as_shown(gradebook.lab), as_shown(gradebook.title), entry.score, gradebook.most(entry))


def _evidence(entry: Entry, graded: Graded) -> list[str]:
    """Return on what the score of a lab is based: the lab, the digest of the record, and the decision, if any."""
    decided = "" if entry.override is None else str(entry.override)
    return [graded.gradebook.lab, graded.digests.get(entry.key, ""), decided]


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
