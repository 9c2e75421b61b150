"""The same work is taken in every form: in any folder or archive, and under any name that a system gives to a copy."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from archives import tarred, zipped
from labcheck.errors import RefusedError
from labcheck.submission.limits import MAX_BYTES, MAX_ENTRIES, MAX_FILES
from labcheck.submission.unpack import unpack
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LAB1, LAB2 = load_lab("lab1"), load_lab("lab2")
WORK, OLD, PAGE = b"the work", b"an old version", b"a page"
ONE = {"webserver.py": WORK}
ECHO = {"echo_server.py": b"es", "echo_client.py": b"ec"}
CHAT = {"chat_server.py": b"cs", "chat_client.py": b"cc"}


def notebook(text: bytes) -> bytes:
    """Return a notebook with a cell that writes the program of lab 1."""
    cell = {"cell_type": "code", "source": f"%%writefile webserver.py\n{text.decode()}", "metadata": {}, "outputs": []}
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}).encode()


def inside(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files with their paths in a folder."""
    return {f"{folder}/{name}": data for name, data in files.items()}


TOOLS = (
    *("Thumbs.db", "desktop.ini", "Desktop.ini", ".DS_Store", "._webserver.py", "__MACOSX/x", "__pycache__/x.pyc"),
    *(".venv/lib/x.py", "venv/pyvenv.cfg", "venv/lib/webserver.py", "node_modules/x", ".ipynb_checkpoints/x.ipynb"),
    *(".pytest_cache/x", ".mypy_cache/x"),
)

# What is submitted -> the files in the folder with the programs, and the note.
ARCHIVES: dict[str, tuple[Mapping[str, bytes], Mapping[str, bytes], str]] = {
    "folders": (inside("a/b/c/d", {**ONE, "site/x.html": PAGE}), {**ONE, "site/x.html": PAGE}, ""),
    "a zip": ({"lab1.zip": zipped(ONE)}, ONE, ""),
    "a zip in folders": ({"a/b/lab1.zip": zipped(inside("c/d", {**ONE, "x": PAGE}))}, {**ONE, "x": PAGE}, ""),
    "a tar.gz": ({"a/lab1.tar.gz": tarred(inside("c", ONE))}, ONE, ""),
    "a zip in capitals": ({"LAB1.ZIP": zipped(ONE)}, ONE, ""),
    "a zip beside other files": ({"lab1.zip": zipped(ONE), "report.pdf": b"%PDF", "notes.txt": b"x"}, ONE, ""),
    "a zip beside another": ({"lab1.zip": zipped(ONE), "pictures.zip": zipped({"a.png": b"x"})}, ONE, ""),
    "two zips of the same": ({"lab1.zip": zipped(ONE), "lab1 (1).zip": zipped(ONE)}, ONE, ""),
    "a zip beside the program": (
        {**ONE, "old.zip": zipped({"webserver.py": OLD})},
        {**ONE, "old.zip": zipped({"webserver.py": OLD})},
        "did not use old.zip beside the programs",
    ),
    "a zip among the pages": ({**ONE, "site/a.zip": b"x"}, {**ONE, "site/a.zip": b"x"}, ""),
    "a notebook that writes another program": (
        {**ONE, "lab1.ipynb": notebook(OLD)},
        ONE,
        "did not use lab1.ipynb beside the programs",
    ),
    "a notebook that writes the program": ({"webserver.py": WORK + b"\n", "lab1.ipynb": notebook(WORK)}, {}, ""),
    "a notebook that cannot be read": ({**ONE, "lab1.ipynb": b"x"}, ONE, ""),
    "a notebook in a zip": ({"a/lab1.zip": zipped({"b/l.ipynb": notebook(WORK)})}, {"webserver.py": WORK + b"\n"}, ""),
    "the copies of two systems": ({"webserver-1.py": WORK, "webserver (1).py": WORK}, ONE, ""),
    "capitals": ({"a/Webserver.py": WORK}, ONE, "took a/Webserver.py for webserver.py"),
    "all capitals": ({"WEBSERVER.PY": WORK}, ONE, "took WEBSERVER.PY for webserver.py"),
    "a resubmission": ({"webserver-1.py": WORK}, ONE, ""),
    "a browser's copy": ({"webserver(2).py": WORK}, ONE, ""),
    "a copy": ({"webserver - Copy.py": WORK}, ONE, "took webserver - Copy.py for webserver.py"),
    "a numbered copy": ({"webserver - Copy (2).py": WORK}, ONE, "took webserver - Copy (2).py for webserver.py"),
    "a copy of macOS": ({"webserver copy 2.py": WORK}, ONE, "took webserver copy 2.py for webserver.py"),
    "a copy of Google": ({"Copy of webserver.py": WORK}, ONE, "took Copy of webserver.py for webserver.py"),
    "a text file": ({"webserver.py.txt": WORK}, ONE, "took webserver.py.txt for webserver.py"),
    "a text file of Windows": ({"Webserver (1).py.txt": WORK}, ONE, "took Webserver (1).py.txt for webserver.py"),
    "the only Python file": ({"server.py": WORK, "x": PAGE}, {**ONE, "x": PAGE}, "took server.py for webserver.py"),
    "the same in two folders": ({**inside("a", ONE), **inside("b", {**ONE, "x": PAGE})}, {**ONE, "x": PAGE}, ""),
}
LEFT_ASIDE: dict[str, tuple[Mapping[str, bytes], Mapping[str, bytes], str]] = {
    "resubmitted": (
        {"webserver.py": OLD, "webserver-1.py": OLD, "webserver-10.py": WORK, "webserver-9.py": OLD},
        ONE,
        "took webserver-10.py for webserver.py; left aside: webserver-1.py, webserver-9.py and webserver.py",
    ),
    "downloaded again": (
        {"a/webserver.py": OLD, "a/webserver (1).py": WORK},
        ONE,
        "took a/webserver (1).py for webserver.py; left aside: a/webserver.py",
    ),
    "downloaded again, the same": ({"webserver.py": WORK, "webserver (1).py": WORK}, ONE, ""),
    "a student's numbers": ({"webserver.py": WORK, "webserver_1.py": OLD}, ONE, "left aside: webserver_1.py"),
    "a backup": ({"webserver.py": WORK, "webserver - Copy.py": OLD}, ONE, "left aside: webserver - Copy.py"),
    "capitals": ({"webserver.py": WORK, "Webserver.py": OLD}, ONE, "left aside: Webserver.py"),
    "a text": ({"webserver.py": WORK, "webserver.py.txt": OLD}, ONE, "left aside: webserver.py.txt"),
    "a copy in another folder": (
        {"b/Webserver.py": WORK, "a/webserver - Copy.py": OLD},
        ONE,
        "took b/Webserver.py for webserver.py; left aside: a/webserver - Copy.py",
    ),
    "inside the folder": ({**ONE, "old/webserver.py": OLD}, ONE, "left aside: old/webserver.py"),
    "many": (
        {**ONE, **{f"old/{n}/webserver.py": OLD for n in range(9)}},
        ONE,
        "left aside: old/0/webserver.py, old/1/webserver.py, old/2/webserver.py and 6 more",
    ),
}
SPREAD: dict[str, tuple[Mapping[str, bytes], Mapping[str, bytes], str]] = {
    "by task": (
        {**inside("echo", {**ECHO, "util.py": b"u"}), **inside("chat", {**CHAT, "pages/a.html": PAGE})},
        {**ECHO, **CHAT, "util.py": b"u", "pages/a.html": PAGE},
        "put the programs in chat/ and echo/ into one folder",
    ),
    "by side": (
        {
            **inside("w/server", {"echo_server.py": b"es", "chat_server.py": b"cs"}),
            **inside("w/client", {"echo_client.py": b"ec", "chat_client.py": b"cc"}),
        },
        {**ECHO, **CHAT},
        "put the programs in w/client/ and w/server/ into one folder",
    ),
    "one folder each": (
        {f"{name.removesuffix('.py')}/{name}": data for name, data in {**ECHO, **CHAT}.items()},
        {**ECHO, **CHAT},
        "put the programs in chat_client/, chat_server/, echo_client/ and 1 more into one folder",
    ),
    "one folder inside the other": (
        {**ECHO, **inside("chat", {**CHAT, "a.html": PAGE})},
        {**ECHO, **CHAT, "a.html": PAGE},
        "put the programs in the top folder and chat/ into one folder",
    ),
    "a zip each": (
        {"echo.zip": zipped(ECHO), "chat.zip": zipped(CHAT)},
        {**ECHO, **CHAT},
        "put the programs in chat.zip/ and echo.zip/ into one folder",
    ),
    "the same beside both": (
        {**inside("echo", {**ECHO, "u.py": b"u"}), **inside("chat", {**CHAT, "u.py": b"u"})},
        {**ECHO, **CHAT, "u.py": b"u"},
        "put the programs in chat/ and echo/ into one folder",
    ),
    "a README each": (
        {**inside("echo", {**ECHO, "README.md": b"e"}), **inside("chat", {**CHAT, "README.md": b"c"})},
        {**ECHO, **CHAT, "README.md": b"c"},
        "put the programs in chat/ and echo/ into one folder",
    ),
    "copies": (
        {**inside("a", ECHO), "b/Chat_Server.py": b"cs", "b/chat_client-1.py": b"cc", "b/chat_client.py": b"old"},
        {**ECHO, **CHAT},
        "took b/Chat_Server.py for chat_server.py; took b/chat_client-1.py for chat_client.py; "
        "put the programs in a/ and b/ into one folder; left aside: b/chat_client.py",
    ),
    "an old one inside": (
        {**ECHO, **inside("chat", {**CHAT, "echo_server.py": OLD})},
        {**ECHO, **CHAT},
        "put the programs in the top folder and chat/ into one folder; left aside: chat/echo_server.py",
    ),
    "all, and some of them again": ({**inside("b", {**ECHO, **CHAT}), **inside("a", ECHO)}, {**ECHO, **CHAT}, ""),
}
TABLES = [(LAB1, ARCHIVES), (LAB1, LEFT_ASIDE), (LAB2, SPREAD)]
TAKEN = [(lab, *case) for lab, table in TABLES for case in table.values()]


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize(
    ("lab", "files", "expected", "note"), TAKEN, ids=[name for _, table in TABLES for name in table]
)
def test_work_is_taken(
    lab: Any, files: Mapping[str, bytes], expected: Mapping[str, bytes], note: str, pack: Any, tmp_path: Path
) -> None:
    """The programs are found with all that is beside them, and the note says what was chosen."""
    chosen = unpack("work.zip", pack(files), tmp_path, lab)
    there = {
        path.relative_to(chosen.folder).as_posix(): path.read_bytes()
        for path in chosen.folder.rglob("*")
        if path.is_file()
    }
    assert {name: there.get(name) for name in expected} == expected
    assert chosen.note == note
    assert chosen.note.isprintable()


# What is submitted -> the reason why it is refused.
UNCLEAR: dict[str, tuple[Any, Mapping[str, bytes], str]] = {
    "two folders": (
        LAB1,
        {"a/webserver.py": WORK, "b/c/webserver.py": OLD},
        "it contains different versions of webserver.py, in a/ and b/c/; submit only one",
    ),
    "two zips": (
        LAB1,
        {"lab1.zip": zipped(ONE), "old.zip": zipped({"webserver.py": OLD})},
        "it contains different versions of webserver.py, in lab1.zip/ and old.zip/; submit only one",
    ),
    "copies of two systems": (
        LAB1,
        {"webserver-1.py": WORK, "webserver (1).py": OLD},
        r"different files that could be webserver.py: webserver \(1\).py and webserver-1.py; submit only one",
    ),
    "copies of two systems beside the program": (
        LAB1,
        {"webserver.py": OLD, "webserver-1.py": WORK, "webserver (1).py": b"another"},
        r"different files that could be webserver.py: webserver \(1\).py and webserver-1.py; submit only one",
    ),
    "two cases": (
        LAB1,
        {"Webserver.py": WORK, "WebServer.py": OLD},
        "different files that could be webserver.py: WebServer.py and Webserver.py; submit only one",
    ),
    "a student's numbers": (
        LAB1,
        {"webserver_1.py": WORK, "webserver_2.py": OLD},
        "different files that could be webserver.py: webserver_1.py and webserver_2.py; submit only one",
    ),
    "a program twice": (
        LAB2,
        {**inside("a", {**ECHO, **CHAT}), "b/echo_server.py": OLD},
        "it contains different versions of echo_server.py, in a/ and b/; submit only one",
    ),
    "files in each other's way": (
        LAB2,
        {**inside("echo", {**ECHO, "util.py": b"e"}), **inside("chat", {**CHAT, "util.py": b"c"})},
        "^chat/ and echo/ both contain programs, and a different util.py; put all programs and their files into one f",
    ),
    "a file in a folder's way": (
        LAB2,
        {**inside("echo", {**ECHO, "a": b"e"}), **inside("chat", {**CHAT, "a/b": b"c"})},
        "^chat/ and echo/ both contain programs, and a different a; put",
    ),
    "a folder in a file's way": (
        LAB2,
        {**inside("echo", {**ECHO, "a/b": b"e"}), **inside("chat", {**CHAT, "a": b"c"})},
        "^chat/ and echo/ both contain programs, and a different a/b; put",
    ),
    "packed too often": (
        LAB1,
        {"a.zip": zipped({"b.zip": zipped(ONE)})},
        "it contains no webserver.py, and a.zip/b.zip is packed twice; submit one .zip with the lab's files",
    ),
    "a rar inside": (
        LAB1,
        {"lab1.rar": b"Rar!", "notes.txt": b""},
        "it contains no webserver.py, and lab1.rar is not unpacked; pack the lab's files as .zip",
    ),
    "two other programs": (LAB1, {"a.py": b"", "b.py": b""}, "^it contains no webserver.py; submit the folder with"),
    "a folder with the name of the program": (
        LAB1,
        {"webserver.py/x": b"", "Webserver.py": WORK},
        "^it contains webserver.py as a folder; submit the file itself",
    ),
    "a folder with the name of the only program": (
        LAB1,
        {"webserver.py/x": b"", "main.py": WORK},
        "^it contains webserver.py as a folder; submit the file itself",
    ),
    "long names in a zip with a long name": (
        LAB1,
        {f"{'a' * 200}/{'b' * 200}.zip": zipped({f"{'c' * 100}/webserver.py": WORK})},
        "a name that has more than 500 bytes",
    ),
    "a damaged zip inside": (
        LAB1,
        {"a/lab1.zip": zipped(ONE)[:-30]},
        "^a/lab1.zip in it cannot be unpacked: it is not a readable archive",
    ),
    "a zip inside that leads out": (
        LAB1,
        {"lab1.zip": zipped({"../webserver.py": WORK})},
        "^lab1.zip in it cannot be unpacked: .* leads out of its folder",
    ),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_is_not_clear_is_refused(case: str, tmp_path: Path) -> None:
    """If it is not clear which file is the program, the reason names both."""
    lab, files, why = UNCLEAR[case]
    with pytest.raises(RefusedError, match=why) as refusal:
        unpack("work.zip", zipped(files), tmp_path, lab)
    assert str(refusal.value).isprintable()


MANY = {
    "files": ([zipped({str(n): b"" for n in range(MAX_FILES // 2)})] * 2, "more than 5,000 files and folders"),
    "bytes": ([zipped({"a": bytes(MAX_BYTES // 2)})] * 2 + [zipped({"a": b"1"})], "more than 32 MiB"),
    "entries": ([zipped({f".git/{n}": b"" for n in range(MAX_ENTRIES // 2)})] * 2, "more than 20,000 entries"),
    "unpacked bytes": (
        [tarred({"__pycache__/x": bytes(30 << 20), "a": b""})] * 5,
        "unpacks to more than 128 MiB",
    ),
    "a bomb": ([zipped({"webserver.py": bytes(4 * MAX_BYTES)})], "more than 32 MiB"),
}


@pytest.mark.parametrize("case", MANY)
def test_archives_inside_share_the_limits(case: str, tmp_path: Path) -> None:
    """The limits of a submission hold for all that is in it, no matter how it is packed."""
    inner, why = MANY[case]
    ending = ".tar.gz" if inner[0].startswith(b"\x1f") else ".zip"
    with pytest.raises(RefusedError, match=why):
        unpack("work.zip", zipped({f"{n}{ending}": data for n, data in enumerate(inner)}), tmp_path, LAB1)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_what_tools_make_does_not_count(pack: Any, tmp_path: Path) -> None:
    """Files of systems and tools are not unpacked, and do not count toward the limit."""
    many = {f"node_modules/{n}": b"" for n in range(MAX_ENTRIES // 2)}
    made = {f"a/{name}": b"" for name in (*TOOLS, *many)}
    chosen = unpack("work.zip", pack({"a/webserver.py": WORK, **made}), tmp_path, LAB1)
    assert os.listdir(chosen.folder) == ["webserver.py"]  # noqa: PTH208
    assert chosen.note == ""


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("webserver.py", ""),
        ("webserver-1.py", ""),
        ("webserver (1).py", ""),
        ("jane.py", ""),
        ("WEBSERVER.PY", "took WEBSERVER.PY for webserver.py"),
        ("webserver.py.txt", "took webserver.py.txt for webserver.py"),
        ("web\nserver.py", ""),
    ],
)
def test_single_file_is_taken(name: str, note: str, tmp_path: Path) -> None:
    """A file that was submitted alone gets its program's name."""
    chosen = unpack(name, WORK, tmp_path, LAB1)
    assert (chosen.folder / "webserver.py").read_bytes() == WORK
    assert chosen.note == note


@pytest.mark.parametrize("name", ["work.rar", "work.7z"])
def test_other_archives_are_to_be_packed_again(name: str, tmp_path: Path) -> None:
    """A kind of archive that is not unpacked is refused with advice; so is a document."""
    with pytest.raises(RefusedError, match=rf"^{name} is not a .zip, .* file; pack it as .zip instead of {name[4:]}$"):
        unpack(name, b"x", tmp_path, LAB1)
    with pytest.raises(RefusedError, match=r"^work.docx is not a .zip, .tar.gz, .py or .ipynb file$"):
        unpack("work.docx", b"x", tmp_path, LAB1)
