"""Archives, notebooks and programs as students submit them, and malicious or damaged ones."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labcheck.errors import RefusedError
from labcheck.submission.limits import MAX_BYTES, MAX_ENTRIES, MAX_FILES, MAX_STREAM
from labcheck.submission.names import safe_parts
from labcheck.submission.unpack import unpack
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LAB1, LAB2 = load_lab("lab1"), load_lab("lab2")
PROGRAM = b"print('Started HTTP server')\n"
ONE = {"webserver.py": PROGRAM}


def zipped(files: Mapping[str, bytes], **attributes: Any) -> bytes:
    """Return a zip file with the given attributes set on each entry."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.writestr(info, data)
    return packed.getvalue()


def flagged(data: bytes, flags: int) -> bytes:
    """Return a zip with one entry and the given flags: 1 means encrypted, 0x800 that the name is UTF-8."""
    changed = bytearray(data)
    for magic, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        struct.pack_into("<H", changed, data.index(magic) + place, flags)
    return bytes(changed)


def tarred(files: Mapping[str, bytes], format: int = tarfile.PAX_FORMAT, **attributes: Any) -> bytes:
    """Return a tar file with the given attributes set on each entry."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format, encoding="utf-8") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def joined(*tars: bytes) -> bytes:
    """Return one tar with the entries of all the given ones."""
    entries = [tar.rstrip(b"\0") for tar in tars]
    return b"".join(each + bytes(-len(each) % 512) for each in entries) + bytes(1024)


def notebook(*sources: Any) -> bytes:
    """Return a notebook with the given code cells."""
    cells = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "id": str(place),
        }
        for place, source in enumerate(sources)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def raw_header(name: bytes, size: int, type: bytes) -> bytes:
    """Return a tar header whose size need not be true."""
    header = tarfile.TarInfo(name.decode("latin-1"))
    header.type = type
    header.size = size
    return header.tobuf(tarfile.GNU_FORMAT, "latin-1")


def pax(**records: str) -> bytes:
    """Return a tar entry with a pax header for the next entry."""
    text = b""
    for keyword, value in records.items():
        record = f" {keyword.replace('__', '.')}={value}\n".encode()
        size = len(record) + 2
        text += f"{size if size >= 10 else size - 1}".encode() + record
    return raw_header(b"pax", len(text), tarfile.XHDTYPE) + text + bytes(-len(text) % 512)


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[..., Path]:
    """Unpack into a new folder, and assert that nothing changes outside it."""

    def run(name: str, data: bytes, lab: Any = LAB1) -> Path:
        folder = tmp_path / "parent" / "folder"
        folder.mkdir(parents=True)
        try:
            return unpack(name, data, folder, lab).folder
        finally:
            assert list(folder.parent.iterdir()) == [folder]
            assert list(tmp_path.iterdir()) == [folder.parent]

    return run


RIGHT = {
    "zip": ("work.zip", zipped(ONE), ""),
    "zip in capitals": ("WORK.ZIP", zipped(ONE), ""),
    "tar": ("work.tar", tarred(ONE), ""),
    "GNU tar": ("work.tar", tarred(ONE, tarfile.GNU_FORMAT), ""),
    "old tar": ("work.tar", tarred(ONE, tarfile.USTAR_FORMAT), ""),
    "tar.gz": ("work.tar.gz", gzip.compress(tarred(ONE)), ""),
    "tgz": ("work.tgz", gzip.compress(tarred(ONE)), ""),
    "tar.bz2": ("work.tar.bz2", bz2.compress(tarred(ONE)), ""),
    "tar.xz": ("work.tar.xz", lzma.compress(tarred(ONE), preset=9), ""),
    "a second download": ("work.tar (1).gz", gzip.compress(tarred(ONE)), ""),
    "a tar whose first name begins like a bz2": ("a.tar", tarred({"BZh": b"", **ONE}), ""),
    "a zip with the name of a tar": ("work.tar.gz", zipped(ONE), ""),
    "a tar.gz with the name of a zip": ("work.zip", gzip.compress(tarred(ONE)), ""),
    "a zip with the name of a program": ("webserver.py", zipped(ONE), ""),
    "a nested folder": ("work.zip", zipped({"jane/lab1/webserver.py": PROGRAM}), "jane/lab1"),
    "one deeper": ("work.zip", zipped({**ONE, "old/webserver.py": b"x"}), ""),
    "Windows": ("work.zip", zipped({"lab1\\site\\": b"", "lab1\\webserver.py": PROGRAM}), "lab1"),
    "the dot of tar": ("work.tar", tarred({"./webserver.py": PROGRAM}), ""),
    "macOS": (
        "work.zip",
        zipped({"lab1/webserver.py": PROGRAM, "lab1/.DS_Store": b"x", "__MACOSX/lab1/._webserver.py": b"x"}),
        "lab1",
    ),
    "UTF-8 that is not marked": ("work.zip", flagged(zipped({"é/webserver.py": PROGRAM}), 0), "é"),
    "code page 437": ("work.zip", zipped({"aXb/webserver.py": PROGRAM}).replace(b"aXb", b"a\x82b"), "aéb"),
    "code page 437, marked as UTF-8": (
        "work.zip",
        flagged(zipped({"aXb/webserver.py": PROGRAM}).replace(b"aXb", b"a\x82b"), 0x800),
        "aéb",
    ),
    "a long name": ("work.tar", tarred({"a" * 120 + "/webserver.py": PROGRAM}), "a" * 120),
    "a long name of GNU": ("work.tar", tarred({"é" * 90 + "/webserver.py": PROGRAM}, tarfile.GNU_FORMAT), "é" * 90),
    "a browser's copy": ("work.zip", zipped({"a/webserver (1).py": PROGRAM}), "a"),
    "a program": ("webserver.py", PROGRAM, ""),
    "a resubmitted program": ("webserver-2.py", PROGRAM, ""),
    "the only program, with another name": ("server.py", PROGRAM, ""),
    "a notebook": ("lab.ipynb", notebook("1 + 1", "%%writefile webserver.py\n" + PROGRAM.decode()), ""),
    "a notebook in a zip": ("w.zip", zipped({"a/l.ipynb": notebook("%%file webserver.py\n" + PROGRAM.decode())}), "a"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_valid_submission_is_unpacked(case: str, unpacked: Callable[..., Path], tmp_path: Path) -> None:
    """In every supported format, the program is unpacked byte for byte into the returned folder."""
    name, data, inner = RIGHT[case]
    folder = unpacked(name, data)
    assert folder == tmp_path / "parent" / "folder" / inner
    assert (folder / "webserver.py").read_bytes() == PROGRAM
    assert {path.name for path in folder.rglob("*")}.isdisjoint({".DS_Store", "__MACOSX", "._webserver.py"})


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_tar_is_read_as_tarfile_writes_it(format: int, unpacked: Callable[..., Path]) -> None:
    """Files of any size are unpacked with their folders, from every tar format."""
    files = {f"site/{size}/{'x' * 60}/{size}": os.urandom(size) for size in (0, 1, 511, 512, 513, 200_000)}
    folder = unpacked("work.tar", tarred({**files, **ONE}, format))
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == {
        **files,
        **ONE,
    }


def test_file_like_the_directory_of_a_zip_is_not_changed(unpacked: Callable[..., Path]) -> None:
    """Only the directory of the zip itself is corrected, not what is stored in it."""
    inner = flagged(zipped({"aXb": b""}).replace(b"aXb", b"a\x82b"), 0x800)
    files = {"data": inner[inner.index(b"PK\1\2") :], **ONE}
    folder = unpacked("work.zip", zipped(files, compress_type=zipfile.ZIP_STORED))
    assert (folder / "data").read_bytes() == files["data"]


def test_generated_files_are_left_out(unpacked: Callable[..., Path]) -> None:
    """Virtual environments of any name, with the links in them, caches and the like are not unpacked."""
    made = {
        **{f"{name}/x": b"" for name in (".git", "__pycache__", "node_modules", ".ipynb_checkpoints", "a/__MACOSX")},
        ".github/labcheck/labcheck.whl": b"",
        "a.pyc": b"",
        "my env/lib/x.py": b"",
        "my env/pyvenv.cfg": b"",
    }
    link = tarred({"my env/bin/python": b""}, type=tarfile.SYMTYPE, linkname="/usr/bin/python")
    folder = unpacked("work.tar", joined(link, tarred(made), tarred(ONE)))
    assert {path.name for path in folder.iterdir()} == {"webserver.py"}


def test_modes_are_plain(unpacked: Callable[..., Path]) -> None:
    """Files get mode 0644 and folders 0755, regardless of the archive and the umask."""
    old = os.umask(0o077)
    try:
        folder = unpacked("work.tar", tarred({"a/b": b"", **ONE}, mode=0o6777))
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert modes == {"a": 0o755, "b": 0o644, "webserver.py": 0o644}


NAMES = {
    "/etc/passwd": "is an absolute path",
    "\\windows\\x": "is an absolute path",
    "../x": "leads out",
    "a/../../x": "leads out",
    "a\\..\\..\\x": "leads out",
    ".git/../../x": "leads out",
    "C:\\x": "drive letter",
    "a/c:x": "drive letter",
    "a/.. /x": "part made of dots and spaces",
    "a/.../x": "part made of dots and spaces",
    "a\nb": r"a\nb, a name that contains control characters",
    "a\x1b[2Jb": "control characters",
    "a" * 256: "more than 255 bytes",
    "é" * 128: "more than 255 bytes",
    "/".join(["a" * 50] * 20): "more than 500 bytes",
}


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", NAMES)
def test_unsafe_name_is_refused(name: str, pack: Callable[..., bytes], unpacked: Callable[..., Path]) -> None:
    """A name that leads out of the folder, or that is invalid on some system, is refused."""
    with pytest.raises(RefusedError, match=NAMES[name].replace("\\", "\\\\")):
        unpacked("work.zip", pack({**ONE, name: b"x"}))


def xz_for_large_memory() -> bytes:
    """Return a valid xz file that requires a dictionary of 1 GiB (xz-file-format 3.1 and 5.3.1)."""
    data = bytearray(lzma.compress(tarred(ONE)))
    end = 12 + data[12] * 4
    data[data.index(b"\x21\x01", 12) + 2] = 36
    data[end : end + 4] = struct.pack("<L", zlib.crc32(data[12:end]))
    return bytes(data)


def many_in_zip(count: int) -> bytes:
    """Return a zip whose directory has many entries of minimal size."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    size = len(entry) * count
    zip64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, size, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return b"PK\3\4" + entry * count + zip64 + locator + end


LINK: dict[str, Any] = {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}
REFUSED = {
    "rar": ("work.rar", b"Rar!", "work.rar is not a .zip, .tar.gz, .py or .ipynb file"),
    "no ending": ("work", b"x", "work is not a .zip"),
    "a strange name": ("a\nb.rar", b"x", r"a\\nb.rar is not a"),
    "no archive": ("work.zip", b"hello", "not a readable archive"),
    "nothing": ("work.zip", b"", "not a readable archive"),
    "a gzip of no tar": ("work.tar.gz", gzip.compress(b"hello"), "not a readable archive"),
    "half a zip": ("work.zip", zipped(ONE)[:-30], "not a readable archive"),
    "half a tar": ("work.tar", tarred({"webserver.py": bytes(2000)})[:1500], "not a readable archive"),
    "a tar without its end": ("work.tar", tarred(ONE)[:1024], "not a readable archive"),
    "half a gzip": ("a.tgz", gzip.compress(tarred({**ONE, "x": os.urandom(9999)}))[:-900], "not a readable archive"),
    "a wrong checksum": ("a.tgz", gzip.compress(tarred(ONE))[:-8] + bytes(8), "not a readable archive"),
    "half an xz": ("a.xz", lzma.compress(tarred(ONE))[:-40], "not a readable archive"),
    "half a bz2": ("a.bz2", bz2.compress(tarred(ONE))[:-9], "not a readable archive"),
    "an xz for a large memory": ("a.xz", xz_for_large_memory(), "not a readable archive"),
    "encrypted": ("work.zip", flagged(zipped(ONE), 1), "webserver.py in it is encrypted"),
    "rare compression": (
        "work.zip",
        zipped(ONE, compress_type=zipfile.ZIP_LZMA),
        "webserver.py in it uses an unsupported compression",
    ),
    "a name with NUL": ("w.zip", zipped({**ONE, "aXb": b""}).replace(b"aXb", b"a\0b"), r"a\\x00b, .* control char"),
    "a tar's name that is not UTF-8": ("a.tar", tarred({"a\udce9": b""}, 0), "not UTF-8"),
    "a zip's link": ("w.zip", zipped({"k": b"/etc/passwd"}, external_attr=0o120777 << 16), "a link, k;"),
    "a zip's device": ("w.zip", zipped({"k": b""}, external_attr=0o20777 << 16), "k, which is neither"),
    "a link": ("w.tar", tarred({"k": b""}, **LINK), "a link, k;"),
    "a link, and a file through it": ("w.tar", joined(tarred({"k": b""}, **LINK), tarred({"k/x": b""})), "a link, k;"),
    "a hard link": ("w.tar", tarred({"k": b""}, type=tarfile.LNKTYPE, linkname="/etc/passwd"), "a link, k;"),
    "a device": ("w.tar", tarred({"k": b""}, type=tarfile.CHRTYPE), "k, which is neither"),
    "a fifo": ("w.tar", tarred({"k": b""}, type=tarfile.FIFOTYPE), "k, which is neither"),
    "an unknown kind": ("w.tar", tarred({"k": b""}, type=b"Z"), "k, which is neither"),
    "a sparse file": ("w.tar", raw_header(b"k", 0, tarfile.GNUTYPE_SPARSE) + bytes(1024), "k, which is neither"),
    "a sparse file of pax": (
        "w.tar",
        joined(pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__realsize="9" * 12), tarred({"k": b""})),
        "k, which is neither",
    ),
    "a size below 0": (
        "w.tar",
        raw_header(b"k", -5, tarfile.REGTYPE) + bytes(1024),
        "not a readable archive",
    ),
    "pax that goes round": (
        "w.tar",
        raw_header(b"x", 8, tarfile.XHDTYPE) + b"0 a=b\n\n\n".ljust(512, b"\0") + bytes(1024),
        "not a readable archive",
    ),
    "pax without end": ("w.tar", raw_header(b"x", 1 << 33, tarfile.XHDTYPE) + bytes(1024), "not a readable archive"),
    "names without end": ("w.tar", pax(path="k") * 1000 + bytes(1024), "not a readable archive"),
    "a name twice": ("w.tar", joined(tarred(ONE), tarred(ONE)), "webserver.py twice"),
    "a name twice, otherwise written": ("w.zip", zipped({"a/b": b"", "a\\.\\b": b""}), "a/b twice"),
    "a file, then a folder": ("w.zip", zipped({"a": b"", "a/b": b""}), "a both as a file and as a folder"),
    "a folder, then a file": ("w.zip", zipped({"a/b": b"", "a": b""}), "a both as a file and as a folder"),
    "a file without a name": ("w.tar", tarred({"./": b""}, type=tarfile.REGTYPE), "a file without a name"),
    "too many files": ("w.zip", zipped({str(n): b"" for n in range(MAX_FILES + 1)}), "more than 5,000 files"),
    "too many folders": ("w.zip", zipped({"a/" * 99 + f"{n}/x/" * 9 + "x": b"" for n in range(300)}), "than 5,000"),
    "too many left out": (
        "w.tgz",
        gzip.compress(raw_header(b".git/x", 0, tarfile.REGTYPE) * (MAX_ENTRIES + 1) + bytes(1024)),
        "more than 20,000 entries",
    ),
    "too many in a directory": ("w.zip", many_in_zip(MAX_ENTRIES + 1), "more than 20,000 entries"),
    "too large": ("w.zip", zipped({"webserver.py": bytes(MAX_BYTES + 1)}), "more than 32 MiB"),
    "too large together": (
        "w.tgz",
        gzip.compress(tarred({str(n): bytes(1 << 22) for n in range(9)}), 1),
        "than 32 MiB",
    ),
    "no program": ("w.zip", zipped({"main.js": b""}), "^it contains no webserver.py; submit"),
    "two notebooks": ("w.zip", zipped({"a.ipynb": b"", "b.ipynb": b""}), "2 notebooks and no program: a.ipynb and b"),
    "an empty notebook": ("a.ipynb", notebook(), "the notebook writes no file"),
    "a notebook of other files": ("a.ipynb", notebook("%%writefile x.py\n"), "^it contains no webserver.py; submit"),
    "a notebook's path": ("a.ipynb", notebook("%%writefile /etc/passwd\n"), "absolute"),
    "a notebook without a name": ("a.ipynb", notebook("%%writefile a b c\n"), "writefile a b c; give one file name"),
    "a notebook with half a quote": ("a.ipynb", notebook("%%writefile 'a\n"), "give one file name"),
    "no notebook": ("a.ipynb", b"hello", "the notebook cannot be read"),
    "a notebook of another shape": ("a.ipynb", b'{"nbformat": 4, "nbformat_minor": 5}', "the notebook cannot be read"),
    "a cell of another shape": ("a.ipynb", notebook({"a": 1}, None), "the notebook"),
    "a notebook that is not UTF-8": ("a.ipynb", b"\xff", "the notebook cannot be read"),
    "a deep notebook": ("a.ipynb", b"[" * 100_000, "the notebook cannot be read"),
    "a notebook of brackets": ("a.ipynb", b"[" + b"{}," * 200_000, "the notebook is too large"),
    "a large notebook": ("a.ipynb", b" " * (MAX_BYTES + 1), "the notebook is too large"),
    "a large program": ("webserver.py", b"#" * (MAX_BYTES + 1), "more than 32 MiB"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusal_is_one_line_that_says_why(case: str, unpacked: Callable[..., Path]) -> None:
    """An invalid submission is refused with a one-line message that is safe to print."""
    name, data, why = REFUSED[case]
    with pytest.raises(RefusedError, match=why) as refusal:
        unpacked(name, data)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200


def test_several_programs_of_a_lab(unpacked: Callable[..., Path]) -> None:
    """Among folders at the same depth, the one with the most programs is used."""
    data = zipped(
        {"a/echo_server.py": b"", "b/echo_server.py": b"", "b/chat_client-1.py": b"", "c/d/chat_client.py": b""}
    )
    folder = unpacked("work.zip", data, LAB2)
    assert folder.name == "b"
    assert {path.name for path in folder.iterdir()} == {"echo_server.py", "chat_client.py"}


@pytest.mark.parametrize("name", ["chat_client.py", "chat_client-1.py", "chat_client_2.py", "chat_client (1).py"])
def test_single_program_gets_its_name(name: str, unpacked: Callable[..., Path]) -> None:
    """A program submitted alone is recognized by its name, ignoring what copying has added to it."""
    assert [path.name for path in unpacked(name, b"x", LAB2).iterdir()] == ["chat_client.py"]


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("main.py", b"", "^main.py is not one of echo_server.py, echo_client.py, chat_server.py, chat_client.py; give"),
        (
            "work.zip",
            zipped({"main.py": b""}),
            "^it contains none of echo_server.py, echo_client.py, chat_server.py, chat_cl",
        ),
    ],
)
def test_refusal_names_all_programs(name: str, data: bytes, why: str, unpacked: Callable[..., Path]) -> None:
    """If a lab has several programs, the error message names all of them."""
    with pytest.raises(RefusedError, match=why):
        unpacked(name, data, LAB2)


def test_notebook_writes_what_its_cells_would(unpacked: Callable[..., Path]) -> None:
    """A cell writes a file, a later cell replaces it or appends to it, and no cell is run."""
    folder = unpacked(
        "lab.ipynb",
        notebook(
            "%%writefile webserver.py\nold",
            "\n%%writefile 'webserver.py'\nprint(1)",
            ["%%writefile -a webserver.py\n", "print(2)\n"],
            '%%file "site/a page.html"\n<h1>é</h1>',
            "open('/tmp/never', 'w')\n%%writefile no.py",
            "%%writefile --append log.txt\nx",
        ),
    )
    assert {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.*")} == {
        "webserver.py": "print(1)\nprint(2)\n",
        "site/a page.html": "<h1>é</h1>\n",
        "log.txt": "x\n",
    }


def test_old_notebook_is_read(unpacked: Callable[..., Path]) -> None:
    """A notebook in format version 3 can be read."""
    cell = {"cell_type": "code", "input": ["%%writefile webserver.py\n", "x"], "language": "python", "outputs": []}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [{**cell, "metadata": {}}]}]}
    assert (unpacked("a.ipynb", json.dumps(old).encode()) / "webserver.py").read_text("utf-8") == "x\n"


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """Existing files and links are never written to."""
    outside = tmp_path / "outside"
    outside.write_text("mine", "utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "webserver.py").symlink_to(outside)
    with pytest.raises(RefusedError, match="twice"):
        unpack("work.zip", zipped(ONE), tmp_path / "folder", LAB1)
    assert outside.read_text("utf-8") == "mine"


BOMBS = {
    "zip": "it contains more than 32 MiB",
    "zip directory": "it contains more than 20,000 entries",
    "tar.gz": "it unpacks to more than 128 MiB",
    "tar.bz2": "it unpacks to more than 128 MiB",
    "tar.xz": "it unpacks to more than 128 MiB",
    "tar.gz with a long name": "it is not a readable archive",
}


UNPACK = """
import sys
from pathlib import Path
from labcheck.errors import RefusedError
from labcheck.submission.unpack import unpack
from labcheck.workbook.labs import load_lab
try:
    unpack(sys.argv[2], Path(sys.argv[1]).read_bytes(), Path(sys.argv[3]), load_lab("lab1"))
except RefusedError as error:
    print(error)
print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def bomb(kind: str) -> bytes:
    """Return an archive of a few MB that unpacks to gigabytes, or has a million entries."""
    zeros = bytes(1 << 24)
    if kind == "zip":
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
        whole = bytearray(zipped({"webserver.py": packed * 600}, compress_type=zipfile.ZIP_STORED))
        for magic, place, size in ((b"PK\3\4", 8, 22), (b"PK\1\2", 10, 24)):
            start = whole.index(magic)
            struct.pack_into("<H", whole, start + place, zipfile.ZIP_DEFLATED)
            struct.pack_into("<L", whole, start + size, 0xFFFFFFF0)
        return bytes(whole)
    if kind == "zip directory":
        return many_in_zip(1_000_000)
    if kind == "tar.bz2":
        return bz2.compress(zeros) * 600
    if kind == "tar.xz":
        return lzma.compress(bytes(MAX_STREAM + 1), preset=0)
    type = tarfile.GNUTYPE_LONGNAME if "name" in kind else tarfile.REGTYPE
    return gzip.compress(raw_header(b"webserver.py", 10**10, type)) + gzip.compress(zeros) * 600


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory usage from /proc")
@pytest.mark.parametrize("kind", BOMBS)
def test_bomb_is_stopped_in_little_memory(kind: str, tmp_path: Path) -> None:
    """An archive bomb is refused within 15 seconds, using less than 200 MB of memory."""
    file, folder = tmp_path / "bomb", tmp_path / "folder"
    file.write_bytes(bomb(kind))
    folder.mkdir()
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", UNPACK, file, f"work.{kind.split()[0]}", folder],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    reason, peak = done.stdout.splitlines()
    assert reason.startswith(BOMBS[kind])
    assert int(peak.split()[1]) < 200_000  # kB
    assert time.monotonic() - started < 15


def check_anything(name: str, data: bytes) -> None:
    """Unpack any data: it is unpacked or refused, and nothing appears outside the folder or is a link."""
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "folder"
        folder.mkdir()
        with contextlib.suppress(RefusedError):
            assert unpack(name, data, folder, LAB1).folder.is_relative_to(folder)
        assert list(Path(top).iterdir()) == [folder]
        assert not any(path.is_symlink() for path in folder.rglob("*"))


SOUND = [
    zipped({"a/webserver.py": PROGRAM, "a/é": bytes(600)}),
    tarred({"a/webserver.py": PROGRAM, "é" * 80: bytes(600)}),
    tarred({"webserver.py": PROGRAM, "a" * 120: b"x"}, tarfile.GNU_FORMAT),
    gzip.compress(tarred(ONE)),
    bz2.compress(tarred(ONE)),
    lzma.compress(tarred(ONE)),
    notebook("%%writefile webserver.py\nx", "%%writefile -a webserver.py\ny"),
]
ENDINGS = st.sampled_from(["zip", "tar", "tar.gz", "xz", "py", "ipynb", "rar"])


@given(ENDINGS, st.binary(max_size=2000))
@settings(max_examples=100)
def test_random_bytes_are_unpacked_or_refused(ending: str, data: bytes) -> None:
    """Random bytes are refused or unpacked, without any other error."""
    check_anything(f"work.{ending}", data)


@given(ENDINGS, st.sampled_from(SOUND), st.data())
@settings(max_examples=300)
def test_mutated_archive_is_unpacked_or_refused(ending: str, sound: bytes, draw: st.DataObject) -> None:
    """A valid archive with some bytes changed, removed or added is refused or unpacked, without any other error."""
    data = bytearray(sound)
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(data)))
        data[place : place + draw.draw(st.integers(0, 4))] = draw.draw(st.binary(max_size=4))
    check_anything(f"work.{ending}", bytes(data))


@given(st.text(max_size=30))
def test_parts_stay_in_their_folder(name: str) -> None:
    """Every part of an accepted path is a plain name: not "." or "..", and without a separator or NUL."""
    try:
        parts = safe_parts(name)
    except RefusedError:
        return
    assert not {"", ".", ".."} & set(parts)
    assert not any(letter in part for part in parts for letter in "/\\\0")
