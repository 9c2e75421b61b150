"""Read a tar, entry by entry, and what it is compressed with."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tarfile
from typing import IO, TYPE_CHECKING

from labcheck.submission.reading import CHUNK, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labcheck.submission.reading import Reading

GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
XZ_MEMORY = 80 * 1024 * 1024  # `xz -9` needs 65 MiB
TAR_EXTENSION = 16 * 1024  # bytes of a long name or of a pax header
TAR_EXTENSIONS = 8  # such headers before one entry
TAR_PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
TAR_LONG = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
TAR_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
TAR_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
PAX_RECORD = re.compile(rb"(\d{1,9}) ([^=]+)=")


def is_tar(start: bytes) -> bool:
    """Return whether a file that starts with these bytes is a tar that is not compressed."""
    return start.startswith(b"ustar", 257)  # the first file name in a tar may look like the magic of another format


def decompressed(file: IO[bytes], start: bytes) -> Callable[[int], bytes]:
    """Return the function that reads what is compressed in a file, which starts with these bytes."""
    if start.startswith(GZIP):
        return gzip.GzipFile(fileobj=file).read
    if start.startswith(XZ):
        return _Xz(file).read
    if start.startswith(BZIP2) and not is_tar(start):
        return bz2.BZ2File(file).read
    return file.read


class _Xz:
    """A reader of xz with a memory limit, which lzma.LZMAFile does not have."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._xz = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end of the data."""
        data = b""
        while len(data) < size and not self._xz.eof:
            chunk = self._file.read(CHUNK) if self._xz.needs_input else b""
            if not chunk and self._xz.needs_input:
                raise EOFError
            data += self._xz.decompress(chunk, size - len(data))
        return data


class _Stream:
    """The bytes of a tar, counted as they come out of the decompressor, because they may never end."""

    def __init__(self, read: Callable[[int], bytes], reading: Reading) -> None:
        self.position = 0
        self._read = read
        self._reading = reading

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end of the data."""
        data = self._read(size)
        self.position += len(data)
        self._reading.count_stream(len(data))
        return data

    def part(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes in chunks. Raises EOFError if there are fewer."""
        while size > 0:
            chunk = self.read(min(size, CHUNK))
            if not chunk:
                raise EOFError
            size -= len(chunk)
            yield chunk


def read_tar(read: Callable[[int], bytes], reading: Reading) -> Iterator[Entry]:
    """Yield the entries of a tar. Raises RefusedError, or what `sound` turns into one.

    It works without tarfile's reader, which trusts sizes, keeps all headers and seeks backward in the stream.
    """
    stream = _Stream(read, reading)
    extended: dict[str, str] = {}
    extensions = 0
    while any(block := stream.read(tarfile.BLOCKSIZE)):
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        size = int(extended.get("size", header.size))
        if header.type in (*TAR_PAX, *TAR_LONG):
            extensions += 1
            if extensions > TAR_EXTENSIONS or not 0 <= header.size <= TAR_EXTENSION:
                raise tarfile.ReadError("the extended headers of an entry are too large, or too many")
            text = b"".join(stream.part(_padded(header.size)))[: header.size]
            extended |= _extension(header.type, text)
            continue
        if size < 0:
            raise tarfile.ReadError("negative size")
        kind = _tar_kind(header, extended)
        has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
        end = stream.position + (_padded(size) if has_data else 0)
        yield Entry(extended.get("path", header.name), kind, stream.part(size))
        for _ in stream.part(end - stream.position):
            pass
        extended, extensions = {}, 0
    if not block:
        raise EOFError
    while stream.read(CHUNK):  # read to the end, where the decompressor verifies its checksum
        pass


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _tar_kind(header: tarfile.TarInfo, extended: dict[str, str]) -> str:
    if header.type in TAR_LINKS:
        return "link"
    if header.type == tarfile.DIRTYPE:
        return "folder"
    is_sparse = any(keyword.startswith("GNU.sparse") for keyword in extended)
    return "file" if header.type in TAR_FILES and not is_sparse else "else"


def _extension(type: bytes, text: bytes) -> dict[str, str]:
    """Return the fields in an extended header, by pax keyword."""
    if type == tarfile.GNUTYPE_LONGNAME:
        return {"path": text.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    found: dict[str, str] = {}
    place = 0
    while type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE) and place < len(text):
        record = PAX_RECORD.match(text, place)
        end = place + int(record[1]) if record else 0
        if record is None or not record.end() < end <= len(text):
            raise tarfile.ReadError("invalid pax header")
        found[record[2].decode()] = text[record.end() : end - 1].decode("utf-8", "surrogateescape")
        place = end
    return found
