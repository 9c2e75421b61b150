"""The names of files in a submission: which are safe to write, which are nobody's work, and how they are shown."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

Parts = tuple[str, ...]  # a path relative to the folder

MAX_PART = 255  # bytes of one name: the limit of most file systems
MAX_PATH = 500  # bytes
KEPT = 180  # bytes that are kept of a name that is too long

# What systems and tools make beside a student's work, in lower case. No program of a lab needs it.
MADE = {
    *("__macosx", ".ds_store", "desktop.ini", "thumbs.db"),
    *("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints"),
    *("node_modules", "site-packages", ".venv"),
}
REPOSITORY = {".git", ".github", ".gitlab", ".hg", ".svn", ".idea", ".vscode"}

DRIVE = re.compile(r"[A-Za-z]:")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NOT_TEXT = re.compile(r"[\ud800-\udfff]")  # stands for a byte that is not UTF-8
STRANGE = re.compile(rf"{CONTROL.pattern}|{NOT_TEXT.pattern}|(?<=^[A-Za-z]):|^[. ]+$")
NUMBER = r"-\d+| ?\(\d+\)"  # what a system or a browser adds to the name of a file if it is taken: -1, (1)
NUMBERED = re.compile(rf"({NUMBER}|_\d+)+(?=(\.tar)?\.\w+$)")


def without_numbers(name: str) -> str:
    """Return the name of a file without the numbers that copying or a platform may have added: `webserver-1.py`."""
    return NUMBERED.sub("", name)


def is_made(name: str) -> bool:
    """Return whether a file or folder was made by a system or a tool, such as `Thumbs.db` or `__pycache__`."""
    return name.lower() in MADE or name.startswith("._") or name.endswith(".pyc")


def is_left_out(name: str) -> bool:
    """Return whether a file or folder is no part of anyone's work: made by a tool, or what a repository is kept in."""
    return is_made(name) or name.lower() in REPOSITORY


def shown(name: str) -> str:
    """Return a name that is safe to print in one line: shortened, with escapes for invisible characters."""
    short = name if len(name) <= 60 else f"{name[:28]} ... {name[-28:]}"
    return repr(short)[1:-1]


def listed(names: Iterable[str], most: int = 3) -> str:
    """Return names as the words of a sentence, no more than `most` of them."""
    words = list(names)
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def safe_parts(name: str) -> Parts:
    """Return the parts of a path that stays inside its folder on every system. Raises RefusedError for any other.

    A backslash also separates parts, as in archives made on Windows.
    """
    path, parts = _split(name)
    sizes = [_size(part) for part in parts]
    for wrong, why in (
        (NOT_TEXT.search(name), "is not UTF-8"),
        (CONTROL.search(name), "contains control characters"),
        (path.startswith("/"), "is an absolute path"),
        (any(map(DRIVE.match, parts)), "has a drive letter"),
        (".." in parts, "leads out of its folder"),
        (any(not part.strip(". ") for part in parts), "has a part made of dots and spaces only"),
        (any(size > MAX_PART for size in sizes), f"has a part of more than {MAX_PART} bytes"),
        (sum(sizes) + len(sizes) > MAX_PATH, f"has more than {MAX_PATH} bytes"),
    ):
        if wrong:
            raise RefusedError(f"it contains {shown(name)}, a name that {why}; rename it and pack again")
    return parts


def tamed_parts(name: str) -> Parts:
    """Return the parts of a path in the download of a class, where one student's strange name must not stop the rest.

    A name that is too long or cannot be written everywhere is shortened or escaped. Different names stay different, and
    files that were in one folder stay in one. Raises RefusedError for a path that leads out of its folder.
    """
    path, parts = _split(name)
    if path.startswith("/") or DRIVE.match(path) or ".." in parts:
        return safe_parts(name)  # refused
    tamed = tuple(map(_tamed, parts))
    if sum(map(_size, tamed)) + len(tamed) <= MAX_PATH or len(tamed) <= 4:
        return tamed
    return (*tamed[:2], f"~{_digest('/'.join(tamed[2:-1]))}", tamed[-1])  # the first two name the class and the student


def numbered(name: str, number: int) -> str:
    """Return the name of a file with a number, as a browser adds it: `webserver (1).py`."""
    ending = _ending(name)
    return joined(name.removesuffix(ending), f" ({number}){ending}")


def joined(start: str, ending: str) -> str:
    """Return a name with this start and ending. If that is too long for a file system, the start is shortened."""
    return start.encode()[: MAX_PART - _size(ending)].decode("utf-8", "ignore") + ending


def _split(name: str) -> tuple[str, Parts]:
    path = name.replace("\\", "/")
    return path, tuple(part for part in path.split("/") if part not in ("", "."))


def _tamed(part: str) -> str:
    plain = STRANGE.sub(lambda found: "".join(f"%{ord(each) & 0xFF:02X}" for each in found[0]), part)
    if plain == part and _size(part) <= MAX_PART:
        return part
    ending = _ending(plain)
    start = plain.removesuffix(ending).encode()[:KEPT].decode("utf-8", "ignore")
    return f"{start}~{_digest(part)}{ending}"


def _ending(name: str) -> str:
    ending = PurePosixPath(name).suffix
    return ending if _size(ending) <= 10 else ""


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _size(part: str) -> int:
    return len(part.encode("utf-8", "surrogatepass"))
