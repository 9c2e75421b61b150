"""The Python files that a result keeps: the right ones, and never too much of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from conftest import needs_links
from labcheck.submission.sources import LARGEST, MOST_FILES, ROOM, read_sources

if TYPE_CHECKING:
    from pathlib import Path


def test_python_files_are_read(tmp_path: Path) -> None:
    """The lab's programs come first, then the other Python files, with their paths; nothing else is read."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "__pycache__").mkdir()
    for name in ("parts/a.py", "z.py", "b.py", "page.html", "__pycache__/c.py"):
        (tmp_path / name).write_text(f"# {name}\n")
    found = read_sources(tmp_path, ["z.py"])
    assert [each.file for each in found] == ["z.py", "b.py", "parts/a.py"]
    assert [each.text for each in found] == ["# z.py\n", "# b.py\n", "# parts/a.py\n"]
    assert found[0].digest == hashlib.sha256(b"# z.py\n").hexdigest()


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"\xef\xbb\xbfx = 1\r\n", "x = 1\r\n"), (b"caf\xe9 = 1", "caf\ufffd = 1"), (b"\0", "\0"), (b"", "")],
)
def test_any_bytes_become_text(tmp_path: Path, data: bytes, text: str) -> None:
    """What is not UTF-8 is replaced, and a byte order mark is dropped."""
    (tmp_path / "a.py").write_bytes(data)
    assert [each.text for each in read_sources(tmp_path)] == [text]


def test_large_files_are_known_by_their_bytes(tmp_path: Path) -> None:
    """The text of a large file is not kept, nor that of a file for which there is no room; its digest is."""
    (tmp_path / "a.py").write_bytes(b"#" * (LARGEST + 1))
    for place in range(3):
        (tmp_path / f"b{place}.py").write_bytes(b"%d" % place * (ROOM // 2))
    found = read_sources(tmp_path)
    assert [each.text is None for each in found] == [True, False, False, True]
    assert len({each.digest for each in found}) == 4
    assert sum(len(each.text or "") for each in found) <= ROOM


def test_number_of_files_is_limited(tmp_path: Path) -> None:
    """Of many files, the first are read; the lab's programs are always among them."""
    for place in range(MOST_FILES + 10):
        (tmp_path / f"a{place:03}.py").write_text("x = 1\n")
    (tmp_path / "webserver.py").write_text("y = 1\n")
    found = read_sources(tmp_path, ["webserver.py"])
    assert len(found) == MOST_FILES
    assert found[0].file == "webserver.py"


@needs_links
def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link could lead to a file of somebody else."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a.py").symlink_to(tmp_path / "secret.txt")
    assert read_sources(tmp_path / "work") == []
