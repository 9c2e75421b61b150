"""Extract untrusted zip and tar archives safely into a folder.

Each name is checked before it is used. Files and bytes are counted as they are extracted. Existing files are never
overwritten, and links are never created.

In the download of a class, two entries that cannot both have their name on the disk do not stop the others: one of them
is written under a name with a number, as a browser would.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from labcheck.errors import RefusedError
from labcheck.submission.names import is_left_out, is_made, joined, numbered, safe_parts, shown, tamed_parts
from labcheck.submission.reading import Reading, sound
from labcheck.submission.tars import BZIP2, GZIP, XZ, decompressed, is_tar, read_tar
from labcheck.submission.zips import read_zip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from labcheck.submission.limits import Limits
    from labcheck.submission.names import Parts
    from labcheck.submission.reading import Entry

ZIP = (b"PK\3\4", b"PK\5\6")
NOT_PLAIN = ".not_a_plain_file"  # takes the place of a device and the like in the download of a class
BLOCK = 512  # bytes of a tar, enough to recognize any archive
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz2", ".xz", ".txz")


class Target:
    """A new folder to extract into, within limits. No file is written twice."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.limits = limits
        self.reading = Reading(limits)
        self._folders: dict[Parts, Path] = {(): folder}  # those in the archive, and where they are
        self._made = 0
        self._bytes = 0

    def write(self, parts: Parts, chunks: Iterable[bytes]) -> None:
        """Create a file and its parent folders. Raises RefusedError if there is a file or a folder of that name.

        In the download of a class, the file gets a number instead: it is one student's.
        """
        path = self.make_folder(parts[:-1]) / parts[-1]
        if parts in self._folders and not self.limits.bulk:
            raise _both(parts)
        self._count(1, 0)
        if self.limits.bulk and path.exists():
            path = _numbered(path)
        try:
            file = path.open("xb")
        except FileExistsError:
            raise RefusedError(f"it contains {shown('/'.join(parts))} twice; submit only one") from None
        with file:
            for chunk in chunks:
                self._count(0, len(chunk))
                file.write(chunk)
        path.chmod(0o644)

    def make_folder(self, parts: Parts) -> Path:
        """Create a folder and its parents, if they do not exist, and return it.

        Raises RefusedError if there is a file of that name. In the download of a class, that file gets a number.
        """
        path = self._folders[()]
        for length in range(1, len(parts) + 1):
            each = parts[:length]
            if each not in self._folders:
                self._count(1, 0)
                self._folders[each] = self._new_folder(path / each[-1], each)
            path = self._folders[each]
        return path

    def _new_folder(self, path: Path, parts: Parts) -> Path:
        try:
            path.mkdir()
        except FileExistsError:
            if not self.limits.bulk:
                raise _both(parts) from None
            if path.is_dir():  # of another student: this file system takes Jane and jane for the same name
                path = _numbered(path)
            else:
                path.rename(_numbered(path))
            path.mkdir()
        path.chmod(0o755)
        return path

    def _count(self, made: int, size: int) -> None:
        self._made += made
        self._bytes += size
        self.limits.check(self._made, self._bytes)


def extract(file: IO[bytes], target: Target, into: Parts = ()) -> None:
    """Extract an archive of any supported format, from a seekable file, into a subfolder of the target.

    Several archives for one target share its limits. Raises RefusedError; some of the files may then exist.
    """
    limits = target.limits
    environments = set() if limits.bulk else _environments(file, target.reading)
    for entry in _entries(file, target.reading):
        parts = tamed_parts(entry.name) if limits.bulk else safe_parts(entry.name)
        if _is_left_out(parts, entry.kind, environments, limits):
            continue
        if into:
            safe_parts("/".join((*into, *parts)))  # for its length
        if limits.bulk and entry.kind == "else":  # one student's, too: it says so in the name of what takes its place
            target.write((*into, *parts[:-1], joined(PurePosixPath(parts[-1]).stem, NOT_PLAIN)), [])
            continue
        if entry.kind == "link":
            raise RefusedError(f"it contains a link, {shown(entry.name)}; submit the file itself")
        if entry.kind == "else":
            raise RefusedError(
                f"it contains {shown(entry.name)}, which is neither a plain file nor a folder; pack it without this"
            )
        if entry.kind == "folder":
            target.make_folder((*into, *parts))
        elif parts:
            target.write((*into, *parts), sound(entry.chunks))
        else:
            raise RefusedError("it contains a file without a name; pack it again")


def is_archive(start: bytes) -> bool:
    """Return whether a file that starts with these bytes is an archive that `extract` supports."""
    return start.startswith((*ZIP, GZIP, BZIP2, XZ)) or is_tar(start)


def _both(parts: Parts) -> RefusedError:
    return RefusedError(f"it contains {shown('/'.join(parts))} both as a file and as a folder; submit only one")


def _numbered(path: Path) -> Path:
    """Return the path with the first number that makes it a new one: `webserver (1).py`."""
    places = (path.with_name(numbered(path.name, number)) for number in count(1))
    return next(place for place in places if not place.exists())


def _is_left_out(parts: Parts, kind: str, environments: set[Parts], limits: Limits) -> bool:
    if limits.bulk:
        return kind == "link" or not parts or any(map(is_made, parts))
    return any(map(is_left_out, parts)) or any(parts[:length] in environments for length in range(1, len(parts) + 1))


def _environments(file: IO[bytes], reading: Reading) -> set[Parts]:
    """Return the folders that are virtual environments: in a tar, pyvenv.cfg may come after the environment's files."""
    names = (entry.name for entry in _entries(file, replace(reading)))
    return {safe_parts(name)[:-1] for name in names if name.endswith("pyvenv.cfg")} - {()}


def _entries(file: IO[bytes], reading: Reading) -> Iterator[Entry]:
    """Yield the entries of a seekable file, an archive of any supported format. Raises RefusedError."""
    file.seek(0)
    start = file.read(BLOCK)
    file.seek(0)
    if start.startswith(ZIP) and not is_tar(start):
        found = read_zip(file, reading.limits)
    else:
        found = read_tar(decompressed(file, start), reading)
    for entry in sound(found):
        reading.count_entry()
        yield entry
