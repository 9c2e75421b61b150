"""The registry of names in downloads: what the name of a file or folder says about its student."""

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
    """What a name says.

    - `label`, `number`: the student's label, and a number that distinguishes students with the same label.
    - `clues`: what identifies the student.
    - `file`: the name that the student gave to the file, or "" if unknown.
    - `checked`: False if it is not to be checked, such as a text entered in a form.
    - `of_files`: whether the system gives such names to files only.
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
    """Register a function that reads a name. It returns None for a name that is not from its system."""
    NAMES.append(read)
    return read


def by_neighbors(
    read: Callable[[list[Path]], dict[Path, list[Clue]]],
) -> Callable[[list[Path]], dict[Path, list[Clue]]]:
    """Register a function that reads all names in a folder together, and returns clues for some of them."""
    FOLDERS.append(read)
    return read


def named(entry: Path) -> Named | None:
    """Return what the name of a file or folder says, or None if no system has named it."""
    platforms.load_all()
    found = (read(entry.name) for read in NAMES)
    return next((each for each in found if each is not None and (entry.is_file() or not each.of_files)), None)


def clues_of(entries: Iterable[Path]) -> dict[Path, list[Clue]]:
    """Return the clues from all names in a folder, read together."""
    platforms.load_all()
    clues: dict[Path, list[Clue]] = {}
    for read in FOLDERS:
        for entry, found in read(list(entries)).items():
            clues.setdefault(entry, []).extend(found)
    return clues
