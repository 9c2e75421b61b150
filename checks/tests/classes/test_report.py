"""The reports of a class: nobody else on the machine can read them."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import sys
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from conftest import record_of
from labcheck.classes import report
from labcheck.classes.register import FILE, Register
from labcheck.classes.results import Results
from labcheck.platforms.downloads import by_hand
from labcheck.record.gradebook import Asked
from labcheck.record.record import Outcome, RequirementResult
from labcheck.record.result import GRADED, Result
from labcheck.record.sources import Source
from labcheck.record.submission import Submission
from labcheck.reports.files import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = "".join(
    f"def name_{place}(x):\n    return [x + {place} for x in range(x * {place})]\n\n" for place in range(9)
)


@pytest.fixture
def lenient() -> Iterator[None]:
    """Let new files be open to everybody, unless their maker says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def out(lenient: None, tmp_path: Path) -> Path:
    """Return the results of two students whose programs are equal."""
    results = Results(tmp_path / "out")
    submissions = []
    for name in ("Ann", "Bob"):
        record = record_of([RequirementResult("1.1", "first", Outcome.PASSED, 1, 1)])
        results.add(Result(name, name, GRADED, record=record, sources=(Source("webserver.py", "digest", PROGRAM),)))
        submissions.append(Submission(name, name, name, (by_hand(name),)))
    results.close()
    register = Register("lab1", "Title", (Asked("1.1", "first"),), tuple(submissions))
    write_report(tmp_path / "out" / FILE, register.to_json())
    (tmp_path / "class.csv").write_text("Name,Email\nAnn,ann@x.org\nBob,bob@x.org\n")
    return tmp_path / "out"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_reports_of_a_class_are_private(out: Path, tmp_path: Path) -> None:
    """Every file that is written about a class can be read by its owner only, where others are not kept out."""
    register = report.updated(out, tmp_path / "class.csv", "", None)
    gradebook, _ = report.write(out, register.gradebook())
    report.export(gradebook, {name: str(out / f"export.{name}") for name in ("json", "junit", "moodle")})
    files = list(out.iterdir())
    assert len(files) == 9
    assert {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in files} == {
        file.name: "0o600" for file in files
    }


def test_shared_page_is_headed_with_all_names(out: Path) -> None:
    """Equal submissions share a page, and its heading names everybody whose work it is."""
    register = Register.load(out)
    shared = tuple(replace(each, key="Ann") for each in register.submissions)
    report.write(out, replace(register, submissions=shared).gradebook())
    page = (out / report.PAGE).read_text("utf-8")
    data = re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert data is not None
    (packed,) = json.loads(data[1])["pages"]
    assert "<h1>Ann and Bob</h1>" in zlib.decompress(base64.b64decode(packed)).decode()
