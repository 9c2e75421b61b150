"""Find the submissions in an instructor's folder: a download from any platform, or files collected by hand."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError, UsageError
from labcheck.platforms.downloads import COPIED, Part, by_hand, read_download
from labcheck.sandbox.scratch import scratch
from labcheck.submission.archive import ARCHIVES, Target, extract
from labcheck.submission.files import is_nobodys, regular_files
from labcheck.submission.handed_in import HandedIn
from labcheck.submission.limits import CLASS
from labcheck.submission.names import without_numbers
from labcheck.submission.unpack import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from labcheck.record.submission import Clues
    from labcheck.submission.limits import Limits

NO_SUBMISSION = (".csv", ".txt", ".md", ".html", ".json", ".jsonl", ".yml", ".xlsx")  # unless a platform knows it
ENDING = re.compile(r"(\.tar)?\.\w+$")
WHOLE = (*ARCHIVES, ".ipynb")  # what contains a whole submission


def discover(place: Path, names: Mapping[str, Clues] | None = None, called: Collection[str] = ()) -> list[HandedIn]:
    """Return the submissions in a folder, sorted by label.

    `names` says whose a submission is if its name does not tell: the clues for a file name or a label. `called` are the
    names that the assignment may have, the best one first. Raises UsageError if the folder does not exist or contains
    no submission, or if it contains the work for several assignments, and which one to grade is unknown.
    """
    if not place.is_dir():
        what = f"{place} is a file" if place.exists() else f"folder {place} does not exist"
        raise UsageError(f"{what}; give the folder or the .zip with the submissions")
    students: dict[tuple[str, str], list[Part]] = {}
    for part in _of_one_assignment(list(_parts(place, names or {})), called):
        known = (names or {}).get(part.label)
        part = replace(part, members=(known,)) if known else part
        longer = f"{part.label}_{part.number}" if part.number else part.path.name
        students.setdefault((part.label, longer), []).append(part)
    if not students:
        raise UsageError(f"no submissions in {place}; expected a folder, an archive or a file for each student")
    labels = Counter(label for label, _ in students)
    handed_in = []
    for (label, longer), parts in students.items():
        shown = label if labels[label] == 1 else longer
        handed_in.append(_handed_in(shown, longer if parts[0].number else shown, parts))
    return sorted(handed_in, key=lambda each: each.label)


@contextlib.contextmanager
def opened(place: Path, programs: Collection[str] = (), limits: Limits = CLASS) -> Iterator[Path]:
    """Yield the folder with the submissions: the given folder, or a temporary one with the unpacked bulk archive.

    `programs` are the files of the lab: a folder with one of them is a submission, not a class. Raises UsageError if
    the archive cannot be unpacked.
    """
    if not place.is_file():
        yield _of_clones(_inner(place, programs)) if place.is_dir() else place
        return
    with scratch() as folder:
        top = folder / "in"
        top.mkdir()
        try:
            with place.open("rb") as file:
                extract(file, Target(top, limits))
        except RefusedError as error:
            raise UsageError(f"{place} cannot be unpacked: {error}") from error
        except OSError as error:
            raise UsageError(f"{place} cannot be unpacked: {error.strerror}") from error
        inner = _inner(top, programs)
        yield _of_a_class(inner, programs) if inner == top else inner


def _inner(top: Path, programs: Collection[str]) -> Path:
    """Return the folder that a platform has filled: the given one, or the only folder in it, if a platform knows it."""
    place = top
    while not _is_a_download(_entries(place)):
        folders = [entry for entry in _entries(place) if entry.is_dir()]
        if len(folders) != 1 or _is_submission(folders[0], programs):
            return top
        place = folders[0]
    return place


def _is_a_download(entries: list[Path]) -> bool:
    """Return whether a platform has certainly arranged this: it has given numbers, or made folders of its own."""
    return any(part.number or part.path not in entries for part in read_download(entries)[0])


def _of_clones(top: Path) -> Path:
    """Return the folder with the students' repositories: it may be the only folder in the given one."""
    folders = [entry for entry in _entries(top) if entry.is_dir()]
    if len(folders) != 1 or _is_repository(folders[0]):
        return top
    clones = [entry for entry in _entries(folders[0]) if entry.is_dir()]
    return folders[0] if clones and all(map(_is_repository, clones)) else top


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists()


def _of_a_class(top: Path, programs: Collection[str]) -> Path:
    """Return the folder with the students' submissions in an archive: it may be the only folder in there."""
    entries = _candidates(_entries(top))
    if len(entries) != 1 or not entries[0].is_dir():
        return top
    folder, inner = entries[0], _candidates(_entries(entries[0]))
    return folder if len(inner) > 1 and not _is_submission(folder, programs) else top


def _is_submission(folder: Path, programs: Collection[str]) -> bool:
    """Return whether a folder is one student's work: it has a program of the lab, or is a repository."""
    known = {program.casefold() for program in programs}
    has_program = any(without_numbers(entry.name).casefold() in known for entry in folder.iterdir())
    return has_program or _is_repository(folder)


def _entries(place: Path) -> list[Path]:
    """Return the files and folders in a folder, without links and without those that systems create."""
    return [
        entry
        for entry in sorted(place.iterdir())
        if not entry.name.startswith(".")
        and not is_nobodys(entry)
        and not entry.is_symlink()
        and (entry.is_dir() or entry.is_file())
    ]


def _candidates(entries: list[Path]) -> list[Path]:
    """Return what may be submissions: not the files that an instructor keeps beside them."""
    return [entry for entry in entries if entry.is_dir() or entry.suffix.lower() not in NO_SUBMISSION]


def _parts(place: Path, names: Mapping[str, Clues]) -> Iterator[Part]:
    """Yield what the students have handed in. Files that `names` knows are theirs, no matter what they are called."""
    entries = _entries(place)
    parts, left = read_download([entry for entry in entries if entry.name not in names])
    yield from parts
    files = Counter(without_numbers(entry.name) for entry in left if entry.is_file())
    for entry in [*(entry for entry in entries if entry.name in names), *_candidates(left)]:
        label = entry.name if entry.is_dir() else ENDING.sub("", entry.name)
        clues = names.get(entry.name) or by_hand(label)
        if entry.is_file() and entry.name not in names and files[without_numbers(entry.name)] > 1:
            clues += ((COPIED, entry.name),)
        yield Part(entry, label, (clues,), name=entry.name)


def _of_one_assignment(parts: list[Part], called: Collection[str]) -> list[Part]:
    """Return the parts of the only assignment in a download, or of the one with the first name that one of them has."""
    assignments = sorted({part.assignment for part in parts if part.assignment})
    fitting = ([each for each in assignments if _compact(each) == _compact(name)] for name in called)
    chosen = next(filter(None, fitting), []) if len(assignments) > 1 else assignments
    if assignments and len(chosen) != 1:
        raise UsageError(
            f"the download has the work for {len(assignments)} assignments: {', '.join(assignments)}; "
            "say which one to grade with --column TITLE"
        )
    return [part for part in parts if part.assignment in ("", *chosen)]


def _compact(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _handed_in(label: str, identity: str, parts: list[Part]) -> HandedIn:
    """Return one student's submission. If it has several versions, it is the newest one."""
    newest, older = _newest(sorted(parts, key=lambda part: (part.version, part.is_late)))
    first = newest[0]
    found = HandedIn(
        label,
        first.members,
        tuple(part.path for part in newest),
        tuple(part.name or part.path.name for part in newest),
        identity=identity,
        version=max(part.version for part in newest),
        note=f"not graded, because older: {', '.join(map(_place_of, older))}" if older else "",
        is_late=any(part.is_late for part in newest),
        submitted=max(part.submitted for part in newest),
        problem="" if any(not part.problem for part in newest) else f"{first.problem}: see {first.path.name}",
    )
    if not first.path.is_dir():
        return found
    only = _only_archive(first.path)
    paths, names = ((only,), (only.name,)) if only else (found.paths[:1], ())
    return replace(found, paths=paths, names=names)


def _place_of(part: Part) -> str:
    """Return the name of a part, with that of its folder if the system has named the folder and not the file."""
    path = part.path
    return f"{path.parent.name}/{path.name}" if path.name == part.name else path.name


def _newest(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """Return the parts that count, and those that have been replaced. They are given with the newest one last.

    Of files with the same name, apart from a number that copying adds, the newest counts. An archive contains a whole
    submission: it replaces what is older, and a program that is newer replaces it.
    """
    files = [part for part in parts if not part.problem] or parts
    folders = [part for part in files if part.path.is_dir()]
    if folders:
        return folders[-1:], folders[:-1]
    if len({part.version for part in files}) == 1:
        return files, []  # no numbering: nothing is known to be newer
    wholes = [place for place, part in enumerate(files) if part.path.suffix.lower() in WHOLE]
    later = files[wholes[-1] + 1 :] if wholes else files
    if wholes and not any(part.path.suffix.lower() == ".py" for part in later):
        newest = [files[wholes[-1]]]
    else:
        newest = list({without_numbers(part.name): part for part in later}.values())
    return newest, [part for part in files if part not in newest]


def _only_archive(folder: Path) -> Path | None:
    """Return the archive or notebook in a folder or its subfolders, if there is exactly one and no program."""
    files = [file for file, _ in regular_files(folder)]
    archives = [file for file in files if file.suffix.lower() in WHOLE]
    if len(archives) != 1 or any(file.name.lower().endswith(PROGRAMS) for file in files):
        return None
    return archives[0]
