"""A program that was submitted under another name has that name in every report."""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Result

    Labcheck = Callable[..., Result]

# What Python prints keeps the name under which the program was run.
PRINTED = re.compile(r"File (\"|&#34;|&quot;)webserver\.py(\"|&#34;|&quot;), line \d")
NAME = "Webserver (1).py"
SAID = f"{NAME} (checked as webserver.py)"
ENDS = {
    "cannot be read": "import sys\n\ndef main(:\n    pass\n",
    "ends": "import sys\n\nraise ValueError('no')\n",
    "is empty": "",
}


def expect_original(report: str, *, told: str = SAID) -> None:
    """Assert that a report names the file as it was submitted, except in what Python prints about it."""
    assert told in report
    rest = PRINTED.sub("", report.replace(told, "").replace("<wbr>", ""))
    assert NAME in rest
    assert "webserver.py" not in rest.replace("python webserver.py PORT", "").replace("webserver.py 9000", "")


@pytest.mark.parametrize("case", ENDS)
def test_reports_of_one_submission_name_its_file(case: str, labcheck: Labcheck, tmp_path: Path) -> None:
    """A folder is checked as in a class, in a copy; the reports have the name that the student knows."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / NAME).write_text(ENDS[case])
    files = (word for name in ("json", "html", "junit") for word in (f"--{name}", tmp_path / f"r.{name}"))
    found = labcheck("lab1", folder, *files)
    assert found.status == 1
    expect_original(found.out)
    record = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert record["originals"] == {"webserver.py": NAME}
    first = record["requirements"][0]
    assert NAME in first["reason"] and "webserver.py" not in first["reason"]
    if case != "is empty":
        assert first["place"] == {"file": NAME, "line": 3}
    assert bool(first.get("excerpt")) == (case == "cannot be read")
    expect_original((tmp_path / "r.junit").read_text("utf-8"))
    page = (tmp_path / "r.html").read_text("utf-8")
    assert f"Submitted as {SAID}." in page
    assert f"{NAME} did not start" in page or f"{NAME}, line 3" in page
    assert sorted(file.name for file in folder.iterdir()) == [NAME]


@pytest.mark.skipif(os.name != "posix", reason="classes are graded on Linux and macOS")
@pytest.mark.usefixtures("protection")
def test_reports_of_a_class_name_the_file(labcheck: Labcheck, tmp_path: Path) -> None:
    """The page of the class, the feedback, JSON and JUnit have the name that the student knows."""
    folder, out, back = tmp_path / "class", tmp_path / "out", tmp_path / "back"
    (folder / "ann").mkdir(parents=True)
    (folder / "ann" / NAME).write_text(ENDS["ends"])
    files = ["--json", tmp_path / "r.json", "--junit", tmp_path / "r.xml", "--feedback", back]
    assert labcheck("grade", "lab1", folder, "--out", out, *files).status == 0
    (student,) = json.loads((tmp_path / "r.json").read_text("utf-8"))["students"]
    assert student["submitted_as"] == {"webserver.py": NAME}
    expect_original((tmp_path / "r.xml").read_text("utf-8"))
    expect_original((back / "ann.txt").read_text("utf-8"))
    expect_original((back / "ann.html").read_text("utf-8").partition("<body>")[2])
    data = re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', (out / "class.html").read_text("utf-8"), re.DOTALL)
    assert data is not None
    (packed,) = json.loads(data[1])["pages"]
    expect_original(zlib.decompress(base64.b64decode(packed)).decode())


def test_other_names_are_found_where_a_class_has_them(labcheck: Labcheck, tmp_path: Path) -> None:
    """The usual places are searched, and folders inside; labcheck says which one it took, or why it took none."""
    here = tmp_path / "there"
    (here / "lab1").mkdir(parents=True)
    (here / "lab1" / "WEBSERVER.PY").write_text("print('here')")
    found = labcheck("lab1", cwd=here)
    assert (found.status, found.err) == (1, "labcheck: took WEBSERVER.PY for webserver.py\n")
    (here / "lab1" / "webserver (2).py").write_text("print('newer')")
    found = labcheck("lab1", cwd=here)
    assert "took webserver (2).py for webserver.py; left aside: WEBSERVER.PY" in found.err
    (here / "lab1" / "WEBSERVER.PY").rename(here / "lab1" / "webserver-3.py")
    found = labcheck("lab1", "lab1", cwd=here)
    assert found.status == 2
    assert "could be webserver.py: webserver (2).py and webserver-3.py; submit only one" in found.err
    assert "--watch needs webserver.py under this name in lab1" in labcheck("lab1", "--watch", cwd=here).err
    (here / "lab1" / "webserver.py").write_text("print('exact')")
    assert "took" not in labcheck("lab1", cwd=here).err
    inner = tmp_path / "inner" / "work" / "deep"
    inner.mkdir(parents=True)
    (inner / "webserver.py").write_text("print('here')")
    assert labcheck("lab1", tmp_path / "inner").status == 1
