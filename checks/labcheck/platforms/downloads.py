"""The registry of names in downloads: what a system's name for a file or folder says of whose work it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck import platforms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

Clue = tuple[str, str]  # its kind (`name`, `compact name`, `id`, `login`, `email`, `github`), and a text


@dataclass(frozen=True)
class Named:
    """What a name says: the student's label, and a number where two students have the same one.

    `file` is the name that the student gave, empty where that is not known. What is not `checked` is no program:
    a text typed into a form, say. `of_files`: the system names files only.
    """

    label: str
    number: str
    clues: tuple[Clue, ...]
    file: str = ""
    checked: bool = True
    of_files: bool = False


NAMES: list[Callable[[str], Named | None]] = []
FOLDERS: list[Callable[[list[Path]], dict[Path, list[Clue]]]] = []


def by_name(read: Callable[[str], Named | None]) -> Callable[[str], Named | None]:
    """Register a function that reads a name; it returns None for one that its system has not given."""
    NAMES.append(read)
    return read


def by_neighbours(
    read: Callable[[list[Path]], dict[Path, list[Clue]]],
) -> Callable[[list[Path]], dict[Path, list[Clue]]]:
    """Register a function that reads all names of a folder together, and returns clues for some of them."""
    FOLDERS.append(read)
    return read


def named(entry: Path) -> Named | None:
    """Return what a system has said by the name of a file or folder, or None where no system has named it."""
    platforms.load_all()
    found = (read(entry.name) for read in NAMES)
    return next((each for each in found if each is not None and (entry.is_file() or not each.of_files)), None)


def clues_of(entries: Iterable[Path]) -> dict[Path, list[Clue]]:
    """Return what the names of a folder say when they are read together."""
    platforms.load_all()
    clues: dict[Path, list[Clue]] = {}
    for read in FOLDERS:
        for entry, found in read(list(entries)).items():
            clues.setdefault(entry, []).extend(found)
    return clues
