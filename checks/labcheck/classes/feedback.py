"""Feedback to hand back: a page and a text for each student in a folder, or an archive that Moodle hands out."""

from __future__ import annotations

import unicodedata
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labcheck.classes import report
from labcheck.classes.results import read
from labcheck.classes.rules import weigh
from labcheck.errors import UsageError
from labcheck.platforms import moodle
from labcheck.reports.feedback import feedback, is_told
from labcheck.reports.files import for_us, write_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from labcheck.classes.pseudonyms import Pseudonyms
    from labcheck.classes.register import Register
    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.record import Record

IN_ARCHIVE = "feedback.html"
FORBIDDEN = '\\/:*?"<>|'  # in the names of files, on one system or another
AT_THE_ENDS = " .-~"  # a file that begins or ends so is hidden, or causes trouble
RESERVED = {"con", "prn", "aux", "nul", *(f"{kind}{place}" for kind in ("com", "lpt") for place in range(10))}
LONGEST = 80  # bytes of a part of a file's name


@dataclass(frozen=True)
class HandBack:
    """Where the feedback goes: a folder, an archive for Moodle, or both."""

    folder: Path | None = None
    archive: Path | None = None

    def expect_possible(self, out: Path) -> None:
        """Raise UsageError if something obviously cannot be written; `out` is the results folder."""
        for place in filter(None, (self.folder, self.archive)):
            if not place.absolute().parent.is_dir():
                raise UsageError(f"cannot write {place}: its folder does not exist; create the folder first")
        if self.archive is not None and self.archive.is_dir():
            raise UsageError(f"cannot write {self.archive}: it is a folder; give a file name, such as feedback.zip")
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"cannot write into {self.folder}: it is a file; give a folder")
        if self.folder is not None and self.folder.resolve() == out.resolve():
            raise UsageError(f"{out} holds the results, which students must not get; give another folder for feedback")

    def write(self, out: Path, register: Register, pseudonyms: Pseudonyms | None = None) -> list[str]:
        """Write the feedback, and return in words what was written. Raises UsageError if something cannot be."""
        said = []
        graded = Counter[str]()
        gradebook = report.load(out, register.gradebook(), lambda result, _: graded.update([result.key]), pseudonyms)
        if self.folder is not None:
            said.append(_write_folder(self.folder, gradebook, _records(out, gradebook, graded)))
        if self.archive is not None:
            said.append(_write_archive(self.archive, gradebook, _records(out, gradebook, graded)))
        return said


def _records(out: Path, gradebook: Gradebook, graded: Counter[str]) -> Iterator[tuple[list[Entry], Record]]:
    """Yield each complete record with the entries that it belongs to; equal submissions share one.

    They are read one by one, because those of a whole class are large. `graded` counts the records of each key: the
    last one counts.
    """
    left = graded.copy()
    entries: dict[str, list[Entry]] = {}
    for entry in gradebook.entries:
        if entry.record is not None:
            entries.setdefault(entry.key, []).append(entry)
    for result in read(out):
        if result.record is not None and result.key in left:
            left[result.key] -= 1
            if left[result.key] == 0 and result.key in entries:
                weigh(result.record, gradebook.requirements)
                yield entries[result.key], result.record


def _with_unmeasured(
    gradebook: Gradebook, records: Iterator[tuple[list[Entry], Record]]
) -> Iterator[tuple[list[Entry], Record | None]]:
    """Yield the records, and then the entries without one whose students get a page all the same."""
    yield from records
    yield from (([entry], None) for entry in gradebook.entries if is_told(entry))


def _write_folder(folder: Path, gradebook: Gradebook, records: Iterator[tuple[list[Entry], Record]]) -> str:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        before = {file.name for file in folder.iterdir()}
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}") from error
    names = dict(zip(map(id, gradebook.entries), file_names(gradebook.entries), strict=True))
    written = set()
    for entries, record in _with_unmeasured(gradebook, records):
        for entry in entries:
            theirs = feedback(gradebook, entry, record)
            for ending, text in (("html", theirs.page()), ("txt", theirs.text())):
                file = folder / f"{names[id(entry)]}.{ending}"
                write_report(file, text)
                written.add(file.name)
    said = f"{folder}: feedback for {_count(len(written) // 2, 'student')}"
    older = len(before - written)
    return f"{said}; {_count(older, 'other file')} there, not written now" if older else said


def _write_archive(archive: Path, gradebook: Gradebook, records: Iterator[tuple[list[Entry], Record]]) -> str:
    """Write the archive for Moodle: a folder for each submission, which Moodle gives to each member of a group."""
    handed_in = [entry for entry in gradebook.entries if entry.record is not None or (entry.key and is_told(entry))]
    groups = _by_submission(handed_in)
    folders = {name: moodle.feedback_folder(group[0].handed_in) for name, group in groups.items() if group[0].handed_in}
    from_moodle = {name: group for name, group in groups.items() if folders.get(name)}
    pages = {name: entry for name, group in from_moodle.items() if (entry := _of_all(group)) is not None}
    reasons = [
        f"{_count(number, 'submission')} left out: {why}"
        for number, why in (
            (len(groups) - len(from_moodle), "not from Moodle's download, so Moodle would not know whose it is"),
            (len(from_moodle) - len(pages), "what is decided about one member of a group is not for the others"),
        )
        if number
    ]
    if not pages:
        why = "; ".join(reasons) or "no submission is graded"
        raise UsageError(f"there is no feedback for {archive}: {why}; --feedback FOLDER writes it for everybody")
    try:
        with open(archive, "wb", opener=for_us) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
            left = dict(pages)
            for entries, record in _with_unmeasured(gradebook, records):
                for name in _by_submission(entries):
                    if left.pop(name, None):  # of a group without a record, each member has an entry of their own
                        page = feedback(gradebook, pages[name], record).page()
                        target.writestr(f"{folders[name]}/{IN_ARCHIVE}", page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(f"cannot write {archive}: {error.strerror}") from error
    return "; ".join([f"{archive}: feedback for {_count(len(pages), 'submission')} from Moodle", *reasons])


def _by_submission(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Return the entries of each submission: more than one if a group has handed it in."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.handed_in.identity if entry.handed_in else entry.submission, []).append(entry)
    return groups


def _of_all(members: Sequence[Entry]) -> Entry | None:
    """Return an entry that says what is known of all members of a group, without their names.

    None if the instructor has decided different things.
    """
    first = members[0]
    if any(each.override != first.override for each in members):
        return None
    if len(members) == 1:
        return first
    told = first.told if all(each.told == first.told for each in members) else ""
    return replace(first, person=None, told=told)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def file_names(entries: Sequence[Entry]) -> list[str]:
    """Return the name of each entry's files, without an ending: the name by which the instructor knows the student.

    No two are equal, on any system. Students of the same name differ in what else is known of them.
    """
    names = [safe_name(entry.name) for entry in entries]
    often = Counter(map(_folded, names))
    names = [
        name if often[_folded(name)] == 1 else f"{name} {safe_name(_more(entry))}"
        for name, entry in zip(names, entries, strict=True)
    ]
    taken: set[str] = set()
    for place in sorted(range(len(names)), key=lambda place: (names[place], entries[place].submission)):
        plain, number = names[place], 1
        while _folded(names[place]) in taken:
            number += 1
            names[place] = f"{plain} {number}"
        taken.add(_folded(names[place]))
    return names


def safe_name(text: str) -> str:
    """Return a text as a name that every system takes for a file in the same folder."""
    plain = "".join(
        "_" if char in FORBIDDEN or not char.isprintable() else char for char in unicodedata.normalize("NFC", text)
    )
    short = plain.strip(AT_THE_ENDS).encode()[:LONGEST].decode("utf-8", "ignore").strip(AT_THE_ENDS)
    is_reserved = short.partition(".")[0].rstrip().casefold() in RESERVED
    return f"_{short}" if is_reserved else short or "student"


def _folded(name: str) -> str:
    """Return what two names have in common that some system takes for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def _more(entry: Entry) -> str:
    person = entry.person
    known = (person.email, person.sis_login_id, person.id, person.github) if person else ()
    return next(filter(None, (*known, entry.submission)), "")
