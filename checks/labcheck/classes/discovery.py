"""Find the submissions in an instructor's folder, from Canvas, Moodle, GitHub Classroom or collected by hand."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError, UsageError
from labcheck.platforms.downloads import clues_of, named
from labcheck.sandbox.scratch import scratch
from labcheck.submission.archive import ARCHIVES, Target, extract
from labcheck.submission.files import is_nobodys, regular_files
from labcheck.submission.handed_in import HandedIn
from labcheck.submission.limits import Limits
from labcheck.submission.unpack import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.platforms.downloads import Clue

BULK = Limits(files=200_000, entries=400_000, bytes=8 << 30, stream=16 << 30, bulk=True)
NO_SUBMISSION = (".csv", ".txt", ".md", ".html", ".json", ".jsonl")  # unless a platform's name marks it as submitted
PLAIN = ("name", "id", "login", "email", "github")  # what a name chosen by an instructor may stand for
ENDING = re.compile(r"(\.tar)?\.\w+$")


@dataclass(frozen=True)
class _Found:
    """A file or folder of a student. Entries with the same label and the same `longer` belong to one student.

    `longer` is the label to use if two students have the same label. `name` is the original name of a file.
    """

    path: Path
    label: str
    longer: str
    clues: tuple[tuple[str, str], ...]
    name: str


def discover(place: Path) -> list[HandedIn]:
    """Return the submissions in a folder, sorted by label.

    Raises UsageError if the folder does not exist or contains no submission.
    """
    if not place.is_dir():
        what = f"{place} is a file" if place.exists() else f"folder {place} does not exist"
        raise UsageError(f"{what}; give the folder or the .zip with the submissions")
    entries = _entries(place)
    clues = clues_of(entries)
    students: dict[tuple[str, str], list[_Found]] = {}
    for entry in entries:
        if found := _found(entry, clues.get(entry, ())):
            students.setdefault((found.label, found.longer), []).append(found)
    if not students:
        raise UsageError(f"no submissions in {place}; expected a folder, an archive or a file for each student")
    labels = Counter(label for label, _ in students)
    handed_in = [
        _handed_in(label if labels[label] == 1 else longer, parts) for (label, longer), parts in students.items()
    ]
    return sorted(handed_in, key=lambda each: each.label)


@contextlib.contextmanager
def opened(place: Path) -> Iterator[Path]:
    """Yield the folder with the submissions: the given folder, or a temporary one with the unpacked bulk archive.

    Raises UsageError if the archive cannot be unpacked.
    """
    if not place.is_file():
        yield place
        return
    with scratch() as folder:
        top = folder / "in"
        top.mkdir()
        try:
            with place.open("rb") as file:
                extract(file, Target(top, BULK))
        except RefusedError as error:
            raise UsageError(f"{place} cannot be unpacked: {error}") from error
        except OSError as error:
            raise UsageError(f"{place} cannot be unpacked: {error.strerror}") from error
        yield _inner(top)


def _inner(top: Path) -> Path:
    """Return the folder with the students' submissions, which may be the only folder in the archive."""
    entries = _entries(top)
    if len(entries) != 1 or not entries[0].is_dir() or named(entries[0]):
        return top
    folder, inner = entries[0], _entries(entries[0])
    is_named = any(map(named, inner))
    is_several = len(inner) > 1 and not any(each.suffix == ".py" for each in inner)
    return folder if is_named or (is_several and not (folder / ".git").exists()) else top


def _entries(place: Path) -> list[Path]:
    """Return what may be submissions: no links, and no other files that an instructor keeps beside them."""
    return [
        entry
        for entry in sorted(place.iterdir())
        if not entry.name.startswith(".")
        and not is_nobodys(entry)
        and not entry.is_symlink()
        and (entry.is_dir() or (entry.is_file() and (entry.suffix.lower() not in NO_SUBMISSION or named(entry))))
    ]


def _found(entry: Path, clues: Sequence[Clue]) -> _Found | None:
    """Return the student of an entry, or None if it is not to be checked. `clues` come from neighboring entries."""
    if (system := named(entry)) is not None:
        longer = f"{system.label}_{system.number}"
        return _Found(entry, system.label, longer, system.clues, system.file or entry.name) if system.checked else None
    whole = entry.name
    label = whole if entry.is_dir() else ENDING.sub("", whole)
    return _Found(entry, label, whole, (*((kind, label) for kind in PLAIN), *clues), whole)


def _handed_in(label: str, parts: list[_Found]) -> HandedIn:
    paths = tuple(part.path for part in parts)
    names = tuple(part.name for part in parts)
    if paths[0].is_dir():
        only = _only_archive(paths[0])
        paths, names = ((only,), (only.name,)) if only else (paths[:1], ())
    return HandedIn(label, parts[0].clues, paths, names)


def _only_archive(folder: Path) -> Path | None:
    """Return the archive or notebook in a folder or its subfolders, if there is exactly one and no program."""
    files = [file for file, _ in regular_files(folder)]
    archives = [file for file in files if file.suffix.lower() in (*ARCHIVES, ".ipynb")]
    if len(archives) != 1 or any(file.name.lower().endswith(PROGRAMS) for file in files):
        return None
    return archives[0]
