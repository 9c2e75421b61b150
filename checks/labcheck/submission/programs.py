"""Which files of a submission are the lab's programs, no matter what was done to their names and folders.

A program that is clear is taken, and a note says what was renamed or left aside. If it is not clear which file counts,
the submission is refused, with the names of both.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError
from labcheck.submission.files import regular_files
from labcheck.submission.names import NUMBER, listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labcheck.workbook.labs import Lab

# How the name of a file stands for a program; the best come first.
EXACT, CASE, NUMBERED, COPY, TEXT = range(5)  # webserver.py, Webserver.py, webserver-1.py, webserver_2.py, ~.py.txt
NUMBERS = re.compile(rf"({NUMBER})+$")  # added by a system or a browser: a later file gets a higher number
COPIES = re.compile(rf"({NUMBER}|_\d+| ?-? ?(copy|kopie|copie|copia)( \d+)?)+$")  # added by others, too
COPY_OF = "copy of "
FOR_READERS = (".docx", ".md", ".odt", ".pdf", ".rtf")  # no program needs them


@dataclass(frozen=True)
class Chosen:
    """The folder with the programs, and a line on what was renamed, put together or left aside (or "").

    `originals` are the names that programs had before, by their file in the lab, where they had others.
    """

    folder: Path
    note: str = ""
    originals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Candidate:
    """A file that may be a program. `style` is what was added to its name, with # for each of the `numbers`."""

    path: Path
    form: int
    style: str = ""
    numbers: tuple[int, ...] = ()

    @cached_property
    def data(self) -> bytes:
        return self.path.read_bytes()


def choose(folder: Path, lab: Lab) -> Chosen | None:
    """Give the lab's programs their names, and put them into one folder, with all that was beside each of them.

    Returns None if the folder and its subfolders contain none of the programs. Raises RefusedError if it is not clear
    which files they are, or if files beside two programs have the same name.
    """
    files = [program.file for program in lab.programs]
    paths = [path for path, _ in regular_files(folder)]
    found = {file: [each for path in paths if (each := _candidate(path, file, files))] for file in files}
    found = {file: candidates for file, candidates in found.items() if candidates}
    if not found:
        return None
    crowded = Counter(place for candidates in found.values() for place in {each.path.parent for each in candidates})
    notes: list[str] = []
    places: dict[Path, Path] = {}  # where each program was, by where it is now
    aside: list[Path] = []
    for file, candidates in found.items():
        best = _best(file, candidates, folder, crowded)
        left = [each.path for each in candidates if each.data != best.data]
        if best.form not in (EXACT, NUMBERED) or (best.form == NUMBERED and left):
            notes.append(f"took {_name(best.path, folder)} for {file}")
        aside += left
        places[best.path.with_name(file)] = best.path
    for now, before in places.items():
        _rename(before, now)
    folders = sorted({now.parent for now in places}, key=_depth)
    if len(folders) > 1:
        _merge(folders, {*aside} - {*places}, folder)
        notes.append(f"put the programs in {listed(_folder(each, folder) for each in folders)} into one folder")
    if aside:
        notes.append(f"left aside: {listed(_name(each, folder) for each in aside)}")
    originals = {now.name: shown(before.name) for now, before in places.items() if now.name != before.name}
    return Chosen(folders[0], "; ".join(notes), originals)


def has_programs(folder: Path, lab: Lab, most: int) -> bool:
    """Return whether one of the first files in a folder and its subfolders, up to `most`, may be a program."""
    files = [program.file for program in lab.programs]
    return any(_candidate(path, file, files) for path, _ in islice(regular_files(folder), most) for file in files)


def is_for(name: str, lab: Lab) -> bool:
    """Return whether the name of a file stands for a program of the lab."""
    files = [program.file for program in lab.programs]
    return any(_candidate(Path(name), file, files) for file in files)


def choose_only(folder: Path, lab: Lab) -> Chosen | None:
    """Take the only Python file, under any name, for the program of a lab that has only one. None: it is not clear."""
    found = [path for path, _ in regular_files(folder) if path.suffix.lower() == ".py"]
    if len(found) != 1 or len(lab.programs) != 1:
        return None
    file = lab.programs[0].file
    _rename(found[0], found[0].with_name(file))
    originals = {file: shown(found[0].name)} if found[0].name != file else {}
    return Chosen(found[0].parent, f"took {_name(found[0], folder)} for {file}", originals)


def _rename(before: Path, now: Path) -> None:
    if now.is_dir():
        raise RefusedError(f"it contains {now.name} as a folder; submit the file itself")
    before.replace(now)


def _candidate(path: Path, file: str, files: Sequence[str]) -> _Candidate | None:
    """Return a file as a candidate for one of the programs `files`; None: its name does not stand for this one."""
    if path.name in files:
        return _Candidate(path, EXACT) if path.name == file else None
    name, stem = path.name.lower(), file.lower().removesuffix(".py")
    is_text = name.endswith(".py.txt")
    name = name.removesuffix(".txt")
    if not name.endswith(".py"):
        return None
    name = name.removesuffix(".py")
    is_copy = COPIES.sub("", name.removeprefix(COPY_OF)) == stem
    if is_text:
        return _Candidate(path, TEXT) if is_copy or name == stem else None
    if name == stem:
        return _Candidate(path, CASE)
    if NUMBERS.sub("", name) == stem:
        added = name.removeprefix(stem)
        numbers = tuple(int(each) for each in re.findall(r"\d+", added))
        return _Candidate(path, NUMBERED, re.sub(r"\d+", "#", added).replace(" ", ""), numbers)
    return _Candidate(path, COPY) if is_copy else None


def _best(file: str, candidates: Sequence[_Candidate], top: Path, crowded: Counter[Path]) -> _Candidate:
    """Return the candidate that is the program. Raises RefusedError if that is not clear."""
    pools = (
        [each for each in candidates if each.form in forms] for forms in ((EXACT, CASE, NUMBERED), (COPY,), (TEXT,))
    )
    pool = next(each for each in pools if each)
    by_place: dict[Path, list[_Candidate]] = {}
    for each in sorted(pool, key=lambda each: _depth(each.path.parent)):
        by_place.setdefault(each.path.parent, []).append(each)
    outermost, *others = by_place
    if all(place.is_relative_to(outermost) for place in others):  # what is further inside belongs to the outermost
        return _best_here(file, by_place[outermost], top)
    best = [_best_here(file, here, top) for here in by_place.values()]
    if len({each.data for each in best}) > 1:
        names = listed((_folder(each, top) for each in by_place), 2)
        raise RefusedError(f"it contains different versions of {file}, in {names}; submit only one")

    def worth(each: _Candidate) -> tuple[int, int]:
        here = each.path.parent
        return crowded[here], sum(1 for _ in regular_files(here))

    return max(best, key=worth)  # of equals, the outermost, which comes first


def _best_here(file: str, here: Sequence[_Candidate], top: Path) -> _Candidate:
    """Return the one of the candidates in one folder that is the program. Raises RefusedError if that is not clear."""
    exact, numbered = ([each for each in here if each.form == form] for form in (EXACT, NUMBERED))
    pool = numbered or exact or [*here]
    if numbered and len({each.style for each in numbered}) == 1:
        pool = [max(numbered, key=lambda each: each.numbers)]
    if len({each.data for each in pool}) > 1:
        names = listed((_name(each.path, top) for each in pool), 2)
        raise RefusedError(f"it contains different files that could be {file}: {names}; submit only one")
    return exact[0] if exact and exact[0].data == pool[0].data else pool[0]


def _merge(folders: Sequence[Path], aside: set[Path], top: Path) -> None:
    """Copy the contents of all folders into the first, so that each program finds there what was beside it."""
    base = folders[0]
    for other in folders[1:]:
        for file, relative in list(regular_files(other)):
            to = base / relative
            if file in aside or (to.is_file() and _is_as_good(to, file)):
                continue
            if to.exists() or any(parent.is_file() for parent in to.parents):
                raise RefusedError(
                    f"{_folder(base, top)} and {_folder(other, top)} both contain programs, and a different "
                    f"{shown(relative.as_posix())}; put all programs and their files into one folder"
                )
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to)


def _is_as_good(file: Path, other: Path) -> bool:
    """Return whether a file can take the place of another: it is the same, or no program reads it."""
    is_read = file.suffix.lower() not in FOR_READERS and not file.name.startswith(".")
    return not is_read or file.read_bytes() == other.read_bytes()


def _depth(place: Path) -> tuple[int, Path]:
    """Return the sort key that puts outer folders first."""
    return len(place.parts), place


def _name(file: Path, top: Path) -> str:
    return shown(file.relative_to(top).as_posix())


def _folder(place: Path, top: Path) -> str:
    return "the top folder" if place == top else f"{_name(place, top)}/"
