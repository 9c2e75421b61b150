"""What is read from an untrusted archive: its entries, counted one by one.

Nothing that an archive says about itself is trusted: entries and bytes are counted as they are read, chunk by chunk.
"""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from labcheck.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.submission.limits import Limits

CHUNK = 64 * 1024
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
class Entry:
    """An entry of an archive: a `file`, `folder`, `link` or something `else`. Its chunks can be read at most once."""

    name: str
    kind: str
    chunks: Iterator[bytes]


@dataclass
class Reading:
    """How much of the limits is used up by reading. An archive and those inside it are counted together."""

    limits: Limits
    entries: int = 0
    stream: int = 0

    def count_entry(self) -> None:
        """Count an entry, whether it is extracted or left out."""
        self.entries += 1
        if self.entries > self.limits.entries:
            raise too_many(self.limits)

    def count_stream(self, size: int) -> None:
        """Count the bytes of an unpacked tar."""
        self.stream += size
        if self.stream > self.limits.stream:
            raise self.limits.exceeded(f"unpacks to more than {self.limits.stream >> 20:,} MiB")


def sound(items: Iterator[Item]) -> Iterator[Item]:
    """Pass on the items read from an archive. Raises RefusedError if the archive is damaged."""
    try:
        yield from items
    except DAMAGE as error:
        raise RefusedError("it is not a readable archive, or it is damaged; pack it again as a .zip") from error


def too_many(limits: Limits) -> RefusedError:
    """Return the reason for refusing an archive with too many entries."""
    return limits.exceeded(f"contains more than {limits.entries:,} entries")
