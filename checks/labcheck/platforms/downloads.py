"""The registry of downloads: how each system names and arranges what students have handed in.

A system registers a function that reads the files and folders in a download, and returns a `Part` for each file or
folder of a student that it recognizes. What no system recognizes was collected by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck import platforms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from labcheck.record.submission import Clues

# What identifies a person: a kind and a text. The kinds are `name`, `compact name` (without signs), `id`, `login`,
# `email`, `github`, `group` and `compact group`, and, for the numbers that a system uses itself, `canvas number`.
Clue = tuple[str, str]
BY_HAND = ("name", "id", "login", "email", "github")  # what a name chosen by an instructor may stand for


@dataclass(frozen=True)
class Part:
    """A file or folder of a download: what one student or one group has handed in, or a part of it.

    - `path`: the file or folder.
    - `label`, `number`: the student's label, and a number that distinguishes students with the same label.
    - `members`: the clues to the student; for a group, the clues to each of its members.
    - `name`: the name that the student gave to the file; "" for a folder, or if unknown.
    - `version`: the system's own numbering: of two parts of one student, the greater one is newer.
    - `is_late`, `submitted`: whether the system calls it late, and the time of its submission (ISO 8601), if known.
    - `problem`: why it cannot be graded, if that is known: a text that was entered in a form, for example.
    """

    path: Path
    label: str
    members: tuple[Clues, ...]
    number: str = ""
    name: str = ""
    version: tuple[int, ...] = ()
    is_late: bool = False
    submitted: str = ""
    problem: str = ""


READERS: list[Callable[[Sequence[Path]], Iterable[Part]]] = []


def by_hand(label: str) -> Clues:
    """Return the clues of a name that an instructor has chosen."""
    return tuple((kind, label) for kind in BY_HAND)


def download(read: Callable[[Sequence[Path]], Iterable[Part]]) -> Callable[[Sequence[Path]], Iterable[Part]]:
    """Register a function that reads the entries of a folder: it yields what its system has put there.

    A part may be deeper than the entry that it belongs to. No other system is asked about such an entry.
    """
    READERS.append(read)
    return read


def by_name(read: Callable[[Path], Part | None]) -> Callable[[Path], Part | None]:
    """Register a function that reads an entry by itself. It returns None for an entry of another system."""
    READERS.append(lambda entries: filter(None, map(read, entries)))
    return read


def read_download(entries: Sequence[Path]) -> tuple[list[Part], list[Path]]:
    """Return the parts that systems recognize, and the entries that none of them knows."""
    platforms.load_all()
    parts: list[Part] = []
    left = list(entries)
    for read in READERS:
        found = list(read(left))
        parts += found
        known = {path for part in found for path in (part.path, *part.path.parents)}
        left = [entry for entry in left if entry not in known]
    return parts, left
