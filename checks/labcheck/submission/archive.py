"""Extract untrusted zip and tar archives safely into a folder.

Nothing that an archive says about itself is trusted. Files and bytes are counted as they are extracted, chunk by
chunk. Each name is checked before it is used. Existing files are never overwritten, and links are never created.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar

from labcheck.errors import RefusedError
from labcheck.submission.files import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from labcheck.submission.limits import Limits

    Parts = tuple[str, ...]  # a path relative to the folder

MAX_PART = 255  # bytes of one name: the limit of most file systems
MAX_PATH = 500  # bytes
CHUNK = 64 * 1024

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz2", ".xz", ".txz")
ZIP = (b"PK\3\4", b"PK\5\6")
GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
XZ_MEMORY = 80 * 1024 * 1024  # `xz -9` needs 65 MiB
ZIP_ENTRY = 200  # bytes in a zip's directory: 46, the name, and some extra fields
TAR_EXTENSION = 16 * 1024  # bytes of a long name or of a pax header
TAR_EXTENSIONS = 8  # such headers before one entry
TAR_PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
TAR_LONG = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
TAR_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
TAR_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
LEFT_OUT_HERE = LEFT_OUT | {"__MACOSX", ".DS_Store", ".ipynb_checkpoints"}
DRIVE = re.compile(r"[A-Za-z]:")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
PAX_RECORD = re.compile(rb"(\d{1,9}) ([^=]+)=")
DAMAGE = (  # what the standard library raises for a damaged archive
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Entry:
    """An entry of an archive: a `file`, `folder`, `link` or something `else`. Its chunks can be read at most once."""

    name: str
    kind: str
    chunks: Iterator[bytes]


class Target:
    """A new folder to extract into, within limits. No file is written twice."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.limits = limits
        self._folder = folder
        self._folders: set[Parts] = {()}
        self._made = 0
        self._bytes = 0

    def write(self, parts: Parts, chunks: Iterable[bytes]) -> None:
        """Create a file and its parent folders."""
        if not parts:
            raise RefusedError("it contains a file without a name; pack it again")
        self.make_folder(parts[:-1])
        if parts in self._folders:
            raise _both(parts)
        self._count(1, 0)
        path = self._folder.joinpath(*parts)
        try:
            file = path.open("xb")
        except FileExistsError:
            raise RefusedError(f"it contains {shown('/'.join(parts))} twice; submit only one") from None
        with file:
            for chunk in chunks:
                self._count(0, len(chunk))
                file.write(chunk)
        path.chmod(0o644)

    def make_folder(self, parts: Parts) -> None:
        """Create a folder and its parents, if they do not exist."""
        for length in range(1, len(parts) + 1):
            each = parts[:length]
            if each in self._folders:
                continue
            self._count(1, 0)
            path = self._folder.joinpath(*each)
            try:
                path.mkdir()
            except FileExistsError:
                raise _both(each) from None
            path.chmod(0o755)
            self._folders.add(each)

    def _count(self, made: int, size: int) -> None:
        self._made += made
        self._bytes += size
        self.limits.check(self._made, self._bytes)


def extract(file: IO[bytes], target: Target) -> None:
    """Extract an archive of any supported format, from a seekable file.

    Raises RefusedError. The folder may then contain some of the files.
    """
    limits = target.limits
    environments = set() if limits.bulk else _environments(file, limits)
    for entry in _entries(file, limits):
        parts = safe_parts(entry.name)
        if _is_left_out(parts, entry.kind, environments, limits):
            continue
        if entry.kind == "link":
            raise RefusedError(f"it contains a link, {shown(entry.name)}; submit the file itself")
        if entry.kind == "else":
            raise RefusedError(
                f"it contains {shown(entry.name)}, which is neither a plain file nor a folder; pack it without this"
            )
        if entry.kind == "folder":
            target.make_folder(parts)
        else:
            target.write(parts, _sound(entry.chunks))


def shown(name: str) -> str:
    """Return a name that is safe to print in one line: shortened, with escapes for invisible characters."""
    short = name if len(name) <= 60 else f"{name[:28]} ... {name[-28:]}"
    return repr(short)[1:-1]


def safe_parts(name: str) -> Parts:
    """Return the parts of a path that stays inside its folder on every system. Raises RefusedError for any other.

    A backslash also separates parts, as in archives made on Windows.
    """
    path = name.replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    for wrong, why in (
        (re.search(r"[\ud800-\udfff]", name), "is not UTF-8"),
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


def _both(parts: Parts) -> RefusedError:
    return RefusedError(f"it contains {shown('/'.join(parts))} both as a file and as a folder; submit only one")


def _is_left_out(parts: Parts, kind: str, environments: set[Parts], limits: Limits) -> bool:
    if limits.bulk:
        return "__MACOSX" in parts or kind == "link"
    return (
        not LEFT_OUT_HERE.isdisjoint(parts)
        or any(part.endswith(".pyc") for part in parts[-1:])
        or any(parts[:length] in environments for length in range(1, len(parts) + 1))
    )


def _environments(file: IO[bytes], limits: Limits) -> set[Parts]:
    """Return the folders that are virtual environments: in a tar, pyvenv.cfg may come after the environment's files."""
    names = (entry.name for entry in _entries(file, limits))
    return {safe_parts(name)[:-1] for name in names if name.endswith("pyvenv.cfg")} - {()}


def _sound(items: Iterator[Item]) -> Iterator[Item]:
    """Pass on the items read from an archive. Raises RefusedError if the archive is damaged."""
    try:
        yield from items
    except DAMAGE as error:
        raise RefusedError("it is not a readable archive, or it is damaged; pack it again as a .zip") from error


def is_archive(start: bytes) -> bool:
    """Return whether a file that starts with these bytes is an archive that `extract` supports."""
    return start.startswith((*ZIP, GZIP, BZIP2, XZ)) or _is_tar(start)


def _is_tar(start: bytes) -> bool:
    return start.startswith(b"ustar", 257)  # the first file name in a tar may look like the magic of another format


def _entries(file: IO[bytes], limits: Limits) -> Iterator[_Entry]:
    file.seek(0)
    start = file.read(tarfile.BLOCKSIZE)
    file.seek(0)
    if start.startswith(ZIP) and not _is_tar(start):
        entries = _zip(file, limits)
    else:
        entries = _tar(_Stream(_decompressed(file, start), limits))
    for count, entry in enumerate(_sound(entries), start=1):
        if count > limits.entries:
            raise _too_many(limits)
        yield entry


def _decompressed(file: IO[bytes], start: bytes) -> Callable[[int], bytes]:
    if start.startswith(GZIP):
        return gzip.GzipFile(fileobj=file).read
    if start.startswith(XZ):
        return _Xz(file).read
    if start.startswith(BZIP2) and not _is_tar(start):
        return bz2.BZ2File(file).read
    return file.read


def _too_many(limits: Limits) -> RefusedError:
    return RefusedError(f"it contains more than {limits.entries:,} entries; submit only the lab's files")


class _ZipFile:
    """The file that zipfile reads. It limits the size of the zip's directory, which zipfile reads all at once."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self._limits.entries * ZIP_ENTRY:
            raise _too_many(self._limits)
        return self._file.read(size)


def _zip(file: IO[bytes], limits: Limits) -> Iterator[_Entry]:
    with zipfile.ZipFile(_ZipFile(file, limits)) as archive:
        for info in archive.infolist():
            name = _zip_name(info)
            mode = stat.S_IFMT(info.external_attr >> 16)  # 0 in archives not made on Unix
            if mode == stat.S_IFLNK:
                kind = "link"
            elif mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                kind = "else"
            else:
                kind = "folder" if mode == stat.S_IFDIR or name.endswith(("/", "\\")) else "file"
            yield _Entry(name, kind, _zip_chunks(archive, info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return the stored name. zipfile decodes it as code page 437 unless it is marked as UTF-8."""
    name = info.orig_filename
    if info.flag_bits & 0x800:
        return name
    return name.encode("cp437").decode("utf-8", "surrogateescape")


def _zip_chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    name = shown(_zip_name(info))
    if info.flag_bits & 0x41:
        raise RefusedError(f"{name} in it is encrypted; submit an archive without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile cannot limit the others
        raise RefusedError(f"{name} in it uses an unsupported compression method; pack it again as an ordinary .zip")
    with archive.open(info) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


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

    def __init__(self, read: Callable[[int], bytes], limits: Limits) -> None:
        self.position = 0
        self._read = read
        self._most = limits.stream

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end of the data."""
        data = self._read(size)
        self.position += len(data)
        if self.position > self._most:
            raise RefusedError(f"it unpacks to more than {self._most >> 20} MiB; submit only the lab's files")
        return data

    def part(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes in chunks. Raises EOFError if there are fewer."""
        while size > 0:
            chunk = self.read(min(size, CHUNK))
            if not chunk:
                raise EOFError
            size -= len(chunk)
            yield chunk


def _tar(stream: _Stream) -> Iterator[_Entry]:
    """Read a tar without tarfile's reader, which trusts sizes, keeps all headers and seeks backward in the stream."""
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
        yield _Entry(extended.get("path", header.name), kind, stream.part(size))
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
