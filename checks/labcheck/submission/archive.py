"""Archives from strangers: zip and tar, extracted into a folder, safely.

Nothing that an archive says of itself is trusted: files and bytes are counted as they really come out of it, in
pieces; a name is checked before anything is done with it; a file is only ever made new, and a link never.
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

    Parts = tuple[str, ...]  # a path inside the folder

MAX_PART = 255  # bytes of one name; what file systems allow
MAX_PATH = 500  # bytes
CHUNK = 64 * 1024

ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz2", ".xz", ".txz")
ZIP = (b"PK\3\4", b"PK\5\6")
GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
XZ_MEMORY = 80 * 1024 * 1024  # `xz -9` needs 65 MiB
ZIP_ENTRY = 200  # bytes in a zip's directory: 46, the name, and some extra fields
TAR_EXTENSION = 16 * 1024  # bytes of a long name, or of a header of pax
TAR_EXTENSIONS = 8  # that stand before one entry
TAR_PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
TAR_LONG = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
TAR_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)
TAR_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
LEFT_OUT_HERE = LEFT_OUT | {"__MACOSX", ".DS_Store", ".ipynb_checkpoints"}
DRIVE = re.compile(r"[A-Za-z]:")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
PAX_RECORD = re.compile(rb"(\d{1,9}) ([^=]+)=")
DAMAGE = (  # what the readers of the standard library raise for an archive that is not sound
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
    """An entry of an archive: a `file`, `folder`, `link` or something `else`; its chunks come once, if at all."""

    name: str
    kind: str
    chunks: Iterator[bytes]


class Target:
    """A new folder that is filled within limits, and in which nothing is written twice."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.limits = limits
        self._folder = folder
        self._folders: set[Parts] = {()}
        self._made = 0
        self._bytes = 0

    def write(self, parts: Parts, chunks: Iterable[bytes]) -> None:
        """Make a file, and the folders above it."""
        if not parts:
            raise RefusedError("it holds a file without a name; pack it again")
        self.make_folder(parts[:-1])
        if parts in self._folders:
            raise _both(parts)
        self._count(1, 0)
        path = self._folder.joinpath(*parts)
        try:
            file = path.open("xb")
        except FileExistsError:
            raise RefusedError(f"it holds {shown('/'.join(parts))} twice; hand in one") from None
        with file:
            for chunk in chunks:
                self._count(0, len(chunk))
                file.write(chunk)
        path.chmod(0o644)

    def make_folder(self, parts: Parts) -> None:
        """Make a folder, and those above it, where they are not there."""
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
    """Extract an archive of any kind that can be read, from a file that can be read twice.

    Raises RefusedError, after which the folder may hold a part of it.
    """
    limits = target.limits
    environments = set() if limits.bulk else _environments(file, limits)
    for entry in _entries(file, limits):
        parts = safe_parts(entry.name)
        if _is_left_out(parts, entry.kind, environments, limits):
            continue
        if entry.kind == "link":
            raise RefusedError(f"it holds a link, {shown(entry.name)}; hand in the file itself")
        if entry.kind == "else":
            raise RefusedError(f"it holds {shown(entry.name)}, which is neither a plain file nor a folder")
        if entry.kind == "folder":
            target.make_folder(parts)
        else:
            target.write(parts, _sound(entry.chunks))


def shown(name: str) -> str:
    """Return a name as it can stand in a line: shortened, and with escapes for what is not visible."""
    short = name if len(name) <= 60 else f"{name[:28]} ... {name[-28:]}"
    return repr(short)[1:-1]


def safe_parts(name: str) -> Parts:
    """Return the parts of a path that stays in its folder on every system; raise RefusedError for any other.

    A backslash separates parts, too: it does in archives that were made on Windows.
    """
    path = name.replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    for wrong, why in (
        (re.search(r"[\ud800-\udfff]", name), "is not UTF-8"),
        (CONTROL.search(name), "has control characters"),
        (path.startswith("/"), "is absolute"),
        (any(map(DRIVE.match, parts)), "has a drive letter"),
        (".." in parts, "leads out of its folder"),
        (any(not part.strip(". ") for part in parts), "has a part without a letter"),
        (any(size > MAX_PART for size in sizes), f"has a part of more than {MAX_PART} bytes"),
        (sum(sizes) + len(sizes) > MAX_PATH, f"has more than {MAX_PATH} bytes"),
    ):
        if wrong:
            raise RefusedError(f"it holds {shown(name)}, a name that {why}; rename it and pack again")
    return parts


def _both(parts: Parts) -> RefusedError:
    return RefusedError(f"it holds {shown('/'.join(parts))} both as a file and as a folder; hand in one")


def _is_left_out(parts: Parts, kind: str, environments: set[Parts], limits: Limits) -> bool:
    if limits.bulk:
        return "__MACOSX" in parts or kind == "link"
    return (
        not LEFT_OUT_HERE.isdisjoint(parts)
        or any(part.endswith(".pyc") for part in parts[-1:])
        or any(parts[:length] in environments for length in range(1, len(parts) + 1))
    )


def _environments(file: IO[bytes], limits: Limits) -> set[Parts]:
    """Return the folders that are virtual environments; a tar may name what shows it after what is in it."""
    names = (entry.name for entry in _entries(file, limits))
    return {safe_parts(name)[:-1] for name in names if name.endswith("pyvenv.cfg")} - {()}


def _sound(items: Iterator[Item]) -> Iterator[Item]:
    """Pass on what is read of an archive, and refuse the archive where its reader fails."""
    try:
        yield from items
    except DAMAGE as error:
        raise RefusedError("it is no archive that can be read, or a damaged one; pack it again, as a .zip") from error


def is_archive(start: bytes) -> bool:
    """Return whether a file that begins so is an archive that `extract` takes."""
    return start.startswith((*ZIP, GZIP, BZIP2, XZ)) or _is_tar(start)


def _is_tar(start: bytes) -> bool:
    return start.startswith(b"ustar", 257)  # a tar's first name may begin like an archive of another kind


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
    return RefusedError(f"it holds more than {limits.entries:,} entries; hand in the lab's files only")


class _ZipFile:
    """What zipfile reads from: it reads the whole directory at once, so that here its size can be limited."""

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
            mode = stat.S_IFMT(info.external_attr >> 16)  # 0 in archives that were not made on Unix
            if mode == stat.S_IFLNK:
                kind = "link"
            elif mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                kind = "else"
            else:
                kind = "folder" if mode == stat.S_IFDIR or name.endswith(("/", "\\")) else "file"
            yield _Entry(name, kind, _zip_chunks(archive, info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return the name as it is stored; zipfile takes it for code page 437 where it is not marked as UTF-8."""
    name = info.orig_filename
    if info.flag_bits & 0x800:
        return name
    return name.encode("cp437").decode("utf-8", "surrogateescape")


def _zip_chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    name = shown(_zip_name(info))
    if info.flag_bits & 0x41:
        raise RefusedError(f"it is encrypted ({name} is); hand in an archive without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile does not bound the others
        raise RefusedError(f"it holds {name} in a rare compression; pack it again, as an ordinary .zip")
    with archive.open(info) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


class _Xz:
    """A reader of xz that is bounded in memory, which lzma.LZMAFile is not."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._xz = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)

    def read(self, size: int) -> bytes:
        """Return so many bytes, or fewer at the end."""
        data = b""
        while len(data) < size and not self._xz.eof:
            chunk = self._file.read(CHUNK) if self._xz.needs_input else b""
            if not chunk and self._xz.needs_input:
                raise EOFError
            data += self._xz.decompress(chunk, size - len(data))
        return data


class _Stream:
    """The bytes of a tar, counted as they come out of the decompressor: it may have no end."""

    def __init__(self, read: Callable[[int], bytes], limits: Limits) -> None:
        self.position = 0
        self._read = read
        self._most = limits.stream

    def read(self, size: int) -> bytes:
        """Return so many bytes, or fewer at the end."""
        data = self._read(size)
        self.position += len(data)
        if self.position > self._most:
            raise RefusedError(f"it comes to more than {self._most >> 20} MiB; hand in the lab's files only")
        return data

    def part(self, size: int) -> Iterator[bytes]:
        """Yield the next so many bytes in chunks; raise EOFError where there are fewer."""
        while size > 0:
            chunk = self.read(min(size, CHUNK))
            if not chunk:
                raise EOFError
            size -= len(chunk)
            yield chunk


def _tar(stream: _Stream) -> Iterator[_Entry]:
    """Read a tar without tarfile's reader, which trusts sizes, keeps all headers and goes back in the stream."""
    extended: dict[str, str] = {}
    extensions = 0
    while any(block := stream.read(tarfile.BLOCKSIZE)):
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        size = int(extended.get("size", header.size))
        if header.type in (*TAR_PAX, *TAR_LONG):
            extensions += 1
            if extensions > TAR_EXTENSIONS or not 0 <= header.size <= TAR_EXTENSION:
                raise tarfile.ReadError("more is said of an entry than a name needs")
            text = b"".join(stream.part(_padded(header.size)))[: header.size]
            extended |= _extension(header.type, text)
            continue
        if size < 0:
            raise tarfile.ReadError("a size below 0")
        kind = _tar_kind(header, extended)
        has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
        end = stream.position + (_padded(size) if has_data else 0)
        yield _Entry(extended.get("path", header.name), kind, stream.part(size))
        for _ in stream.part(end - stream.position):
            pass
        extended, extensions = {}, 0
    if not block:
        raise EOFError
    while stream.read(CHUNK):  # so that the decompressor compares its checksum
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
    """Return what the header before an entry says of it, by pax's keywords."""
    if type == tarfile.GNUTYPE_LONGNAME:
        return {"path": text.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    found: dict[str, str] = {}
    place = 0
    while type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE) and place < len(text):
        record = PAX_RECORD.match(text, place)
        end = place + int(record[1]) if record else 0
        if record is None or not record.end() < end <= len(text):
            raise tarfile.ReadError("a header of pax that is none")
        found[record[2].decode()] = text[record.end() : end - 1].decode("utf-8", "surrogateescape")
        place = end
    return found
