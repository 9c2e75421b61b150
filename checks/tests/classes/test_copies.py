"""Similar programs of a class: from the submissions to copies.html, and nowhere else."""

from __future__ import annotations

import csv
import os
import re
import shutil
import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, Result
from labcheck.classes.results import read
from labcheck.reports.copies import page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Labcheck = Callable[..., Result]

RIGHT = CHECKOUT / "checks" / "tests" / "lab1" / "right"
MARK = "a_name_that_only_this_program_has"

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="classes are graded on Linux and macOS"),
    pytest.mark.usefixtures("protection"),
]


def broken(name: str) -> str:
    """Return a long program that exits immediately, because it is graded quickly."""
    return "raise SystemExit(1)\n" + (RIGHT / f"{name}.py").read_text("utf-8")


def rows(out: Path) -> list[list[str]]:
    with (out / "copies.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))[1:]


def test_copies_of_a_class_are_listed(labcheck: Labcheck, tmp_path: Path) -> None:
    """Copies are found in folders and archives; separate programs and starters are not; report needs only results."""
    place, out = tmp_path / "class", tmp_path / "out"
    text = broken("raw_threads")
    renamed = re.sub(r"\bconnection\b", MARK, text)
    for name, program in (("ada", text), ("bob", f"# mine\n{renamed}"), ("eve", broken("flask_app"))):
        (place / name).mkdir(parents=True)
        (place / name / "webserver.py").write_text(program)
    with zipfile.ZipFile(place / "cyd.zip", "w") as archive:
        archive.writestr("work/webserver.py", text + "\n\ndef more():\n    return [each for each in range(3)]\n")
    for name in ("fay", "gil"):
        shutil.copytree(CHECKOUT / "labs" / "lab1", place / name)
        (place / name / "notes.txt").write_text(name)
    result = labcheck("grade", "lab1", place, "--out", out)
    assert f"1 group of equal programs and 1 pair of similar programs: {out / 'copies.html'}" in result.out
    found = rows(out)
    assert [(row[0], row[3], row[5]) for row in found[:1]] == [(page.EQUAL, "ada; bob", "")]
    assert [(row[0], row[3], row[5]) for row in found[1:]] == [("similar", "ada; bob", "cyd")]
    assert MARK in (out / "copies.html").read_text("utf-8")
    assert 'href="copies.html"' in (out / "class.html").read_text("utf-8")
    assert MARK not in (out / "class.html").read_text("utf-8")
    assert {result.label for result in read(out) if result.sources} == {"ada", "bob", "cyd", "eve", "fay", "gil"}
    for name in ("results.jsonl", "copies.html", "copies.csv"):
        assert stat.S_IMODE((out / name).stat().st_mode) == 0o600

    shutil.rmtree(place)
    (out / "copies.html").unlink()
    assert labcheck("report", out, "--json", tmp_path / "class.json").status == 0
    assert MARK not in (tmp_path / "class.json").read_text("utf-8")
    assert not (out / "copies.html").exists()
    assert labcheck("report", out).status == 0
    assert rows(out) == found
    assert (out / "copies.html").exists()


def test_class_without_copies_has_nothing_to_say(labcheck: Labcheck, tmp_path: Path) -> None:
    """Then neither the summary nor class.html mentions copies."""
    place, out = tmp_path / "class", tmp_path / "out"
    for name in ("raw_threads", "flask_app"):
        (place / name).mkdir(parents=True)
        (place / name / "webserver.py").write_text(broken(name))
    result = labcheck("grade", "lab1", place, "--out", out)
    assert "similar" not in result.out
    assert "copies.html" not in result.out + (out / "class.html").read_text("utf-8")
    assert rows(out) == []
