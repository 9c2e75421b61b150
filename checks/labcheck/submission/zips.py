"""Read a zip, entry by entry."""

from __future__ import annotations

import stat
import struct
import zipfile
from typing import IO, TYPE_CHECKING

from labcheck.errors import RefusedError
from labcheck.submission.names import shown
from labcheck.submission.reading import CHUNK, Entry, too_many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.submission.limits import Limits

ZIP_RECORD = b"PK\1\2"  # begins each record in the directory
ZIP_ENTRY = 200  # bytes in a zip's directory: 46, the name, and some extra fields
UTF8 = 0x800  # marks a name as UTF-8


class _ZipFile:
    """The file that zipfile reads. It limits the size of the zip's directory, which zipfile reads all at once.

    It also corrects the mark of names that are marked as UTF-8 and are not: one of them would keep zipfile from reading
    the others.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self.is_listed = False
        self._file = file
        self._limits = limits
        self._wrong: set[int] = set()  # where the headers of entries with such names are
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self._limits.entries * ZIP_ENTRY:
            raise too_many(self._limits)
        place, data = self._file.tell(), self._file.read(size)
        if place in self._wrong:
            return _unmarked(data, 6)
        return self._corrected(data) if data.startswith(ZIP_RECORD) and not self.is_listed else data

    def _corrected(self, directory: bytes) -> bytes:
        records, place = [], 0
        while len(directory) >= place + 46:
            flags, *sizes, header = struct.unpack_from("<8xH18x3H8xL", directory, place)
            end = place + 46 + sum(sizes)
            record = directory[place:end]
            if flags & UTF8 and not _is_utf8(record[46 : 46 + sizes[0]]):
                self._wrong.add(header)
                record = _unmarked(record, 8)
            records.append(record)
            place = end
        return b"".join(records) + directory[place:]


def _unmarked(header: bytes, place: int) -> bytes:
    (flags,) = struct.unpack_from("<H", header, place)
    return header[:place] + struct.pack("<H", flags & ~UTF8) + header[place + 2 :]


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_zip(file: IO[bytes], limits: Limits) -> Iterator[Entry]:
    """Yield the entries of a zip. Raises RefusedError, or what `sound` turns into one."""
    source = _ZipFile(file, limits)
    with zipfile.ZipFile(source) as archive:
        source.is_listed = True
        for info in archive.infolist():
            name = _zip_name(info)
            mode = stat.S_IFMT(info.external_attr >> 16)  # 0 in archives not made on Unix
            if mode == stat.S_IFLNK:
                kind = "link"
            elif mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                kind = "else"
            else:
                kind = "folder" if mode == stat.S_IFDIR or name.endswith(("/", "\\")) else "file"
            yield Entry(name, kind, _zip_chunks(archive, info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return the stored name: UTF-8, even if it is not marked as such, or else code page 437, as Windows writes it."""
    name = info.orig_filename
    if info.flag_bits & UTF8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeDecodeError:
        return name


def _zip_chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    name = shown(_zip_name(info))
    if info.flag_bits & 0x41:
        raise RefusedError(f"{name} in it is encrypted; submit an archive without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile cannot limit the others
        raise RefusedError(f"{name} in it uses an unsupported compression method; pack it again as an ordinary .zip")
    with archive.open(info) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
