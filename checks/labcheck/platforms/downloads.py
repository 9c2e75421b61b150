"""The registry of downloads: how each system names and arranges what students have handed in.

A system registers a function that reads the files and folders in a download, and returns a `Part` for each file or
folder of a student that it recognizes. What no system recognizes was collected by hand.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labcheck import platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labcheck.record.submission import Clues

# What identifies a person: a kind and a text. The kinds are `name`, `compact name` (without signs), `id`, `login`,
# `email`, `github`, `group` and `compact group`, and, for the numbers that a system uses itself, `canvas number`.
Clue = tuple[str, str]
BY_HAND = ("name", "id", "login", "email", "github")  # what a name chosen by an instructor may stand for


COPIED = "copied"  # the kind of a clue that identifies nobody: the name of one of several files that had the same name


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
    - `assignment`: the name of its assignment, if the download may have the work for several.
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
    assignment: str = ""


Read = Callable[[Sequence["Path"]], Iterable[Part]]
READERS: list[tuple[Read, frozenset[str]]] = []  # with the names of what its system puts beside the submissions
GUESSES: list[Read] = []  # what recognizes its system only by what names have in common
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?(?: ?(Z|UTC|[+-]\d\d:?\d\d))?(?![\d:])")


def by_hand(label: str) -> Clues:
    """Return the clues of a name that an instructor has chosen."""
    return tuple((kind, label) for kind in BY_HAND)


def download(*beside: str) -> Callable[[Read], Read]:
    """Register a function that reads the entries of a folder: it yields what its system has put there.

    A part may be deeper than the entry that it belongs to. No other system is asked about such an entry. `beside` are
    the names of entries that this system puts beside the submissions: nobody has handed them in.
    """

    def register(read: Read) -> Read:
        READERS.append((read, frozenset(beside)))
        return read

    return register


def guess(read: Read) -> Read:
    """Register a function like `download`, which is asked last because it recognizes nothing with certainty."""
    GUESSES.append(read)
    return read


def by_name(read: Callable[[Path], Part | None]) -> Callable[[Path], Part | None]:
    """Register a function that reads an entry by itself. It returns None for an entry of another system."""
    READERS.append((lambda entries: filter(None, map(read, entries)), frozenset()))
    return read


def read_download(entries: Sequence[Path]) -> tuple[list[Part], list[Path]]:
    """Return the parts that systems recognize, and the entries that none of them knows."""
    platforms.load_all()
    parts: list[Part] = []
    left = list(entries)
    for read, beside in (*READERS, *((read, frozenset()) for read in GUESSES)):
        found = list(read(left))
        parts += found
        known = {path for part in found for path in (part.path, *part.path.parents)}
        left = [entry for entry in left if entry not in known and not (found and entry.name in beside)]
    return parts, left


def folders_in(place: Path) -> list[Path]:
    """Return the folders in a folder, sorted, without links and hidden ones."""
    return [entry for entry in _visible(place) if entry.is_dir()]


def files_in(place: Path) -> list[Path]:
    """Return the files in a folder, sorted, without links and hidden ones."""
    return [entry for entry in _visible(place) if entry.is_file()]


def _visible(place: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):  # a folder that cannot be read is refused when it is graded
        for each in sorted(place.iterdir()):
            if not each.is_symlink() and not each.name.startswith("."):
                yield each


def moment(text: str) -> tuple[tuple[int, ...], str]:
    """Return the time that a text begins with: as a version, and in ISO 8601. A text without a time gives (), ""."""
    found = TIME.match(text.strip())
    if found is None:
        return (), ""
    zone = (found[3] or "").replace("UTC", "+00:00").replace("Z", "+00:00")
    try:
        time = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
    except ValueError:  # there is no such day
        return (), ""
    time = time.astimezone(UTC) if zone else time
    return tuple(time.timetuple()[:6]), time.isoformat()
