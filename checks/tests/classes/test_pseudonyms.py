"""Reports with pseudonyms: they name nobody, and the list of who is who is kept apart."""

from __future__ import annotations

import base64
import csv
import re
import stat
import sys
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from conftest import record_of
from labcheck.classes.pseudonyms import FILE, LEFT_OUT, Pseudonyms
from labcheck.classes.register import FILE as REGISTER
from labcheck.classes.register import Register
from labcheck.classes.results import Results
from labcheck.errors import UsageError
from labcheck.platforms.downloads import by_hand
from labcheck.record.gradebook import Asked, Entry, Gradebook
from labcheck.record.people import Person, Roster
from labcheck.record.record import Outcome, RequirementResult
from labcheck.record.result import BROKEN, GRADED, Result
from labcheck.record.sources import Source
from labcheck.record.submission import Submission
from labcheck.reports.files import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Result as Done

    Labcheck = Callable[..., Done]

PROGRAM = "".join(
    f"def name_{place}(x):\n    return [x + {place} for x in range(x * {place})]\n\n" for place in range(9)
)
NAMES = ("Ada", "Bea", "Cyd", "Dot", "Eve", "Fay", "Gil", "Hal")
KEPT = {FILE, REGISTER, "results.jsonl", "overrides.csv"}  # what is not for others


def person(name: str) -> Person:
    """Return a person all of whose data has the same mark: NAMED."""
    names = ("email", "id", "sis_user_id", "sis_login_id", "github")
    more: dict[str, Any] = {field: f"{field}NAMED{name}" for field in names}
    return Person(f"NAMED {name}", section="sNAMED", group="gNAMED", numbers=(("canvas", f"9NAMED{name}"),), **more)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return the results of a class in which everything that names a student has the mark."""
    file = Results(tmp_path / "out")
    submissions = []
    for place, name in enumerate((*NAMES, "Zoe")):
        failed = RequirementResult("1.2", "second", Outcome.FAILED, reason="no answer")
        record = record_of(
            [RequirementResult("1.1", "first", Outcome.PASSED, 1, 1), failed], submission=f"a/NAMED{name}"
        )
        text = PROGRAM if place < 2 else f"print({place})"
        result = Result(name, f"NAMED{name}", GRADED, f"NAMED.py of {name}", record)
        file.add(replace(result, sources=(Source("webserver.py", str(place < 2), text),), to_look_at=f"NAMED {name}"))
        submissions.append(Submission(f"NAMED {name}", f"NAMED {name}", name, (by_hand(f"NAMED {name}"),)))
        submissions[-1] = replace(
            submissions[-1], note=f"NAMED older {name}", is_late=place == 3, suite="s" * (place > 1)
        )
    file.add(Result("Hal", "NAMED Hal", BROKEN, "NAMED broke", faults=("Traceback\nNAMED",)))
    file.close()
    roster = Roster(tuple(map(person, NAMES)))
    register = Register("lab1", "Title", (Asked("1.1", "first"), Asked("1.2", "second")), tuple(submissions), roster)
    write_report(tmp_path / "out" / REGISTER, register.to_json())
    (tmp_path / "out" / "overrides.csv").write_text("Student,Points,Reason,Who\nNAMED Eve,2,NAMED,NAMED\n")
    return tmp_path / "out"


def listed(out: Path) -> dict[str, str]:
    with (out / FILE).open(encoding="utf-8-sig", newline="") as file:
        return {row["pseudonym"]: row["submission"] for row in csv.DictReader(file)}


def test_no_report_names_anybody(labcheck: Labcheck, out: Path, tmp_path: Path) -> None:
    """No name, address, number, label or free text is in any report; grades, lateness and decisions are."""
    folder = tmp_path / "back"
    assert labcheck("report", out, "--pseudonyms").status == 0
    exports = ("--json", out / "c.json", "--junit", out / "c.xml", "--csv", out / "c.csv")
    assert labcheck("report", out, "--pseudonyms", "--feedback", folder, *exports).status == 0
    written = [file for file in (*out.iterdir(), *folder.iterdir()) if file.name not in KEPT]
    assert {"grades.csv", "class.html", "copies.html", "copies.csv", "c.json", "c.xml"} <= {
        each.name for each in written
    }
    assert len(list(folder.iterdir())) == 2 * (len(NAMES) + 1 - 1)
    for file in written:
        assert "NAMED" not in file.name
        assert "NAMED" not in file.read_text("utf-8"), file.name
    packed = re.findall('"(eJ[^"]*)"', (out / "class.html").read_text("utf-8"))
    assert len(packed) == len(NAMES)
    for page in packed:
        text = zlib.decompress(base64.b64decode(page)).decode()
        assert "NAMED" not in text
        assert re.search(r"<h1>Student \d</h1>", text)
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as opened:
        rows = {row["student"] or row["submission"]: row for row in csv.DictReader(opened)}
    who = {label.removeprefix("NAMED "): rows[pseudonym] for pseudonym, label in listed(out).items()}
    assert (who["Eve"]["score"], who["Eve"]["measured"]) == ("2", "1")
    assert "decided: 2 points (measured: 1)" in who["Eve"]["note"]
    assert who["Dot"]["note"] == f"{LEFT_OUT}; late"
    assert who["Zoe"]["submission"].startswith("Student ")


def test_pseudonyms_stay(labcheck: Labcheck, out: Path) -> None:
    """They are the same each time; who is new gets a new one; and without the option, names are back."""
    labcheck("report", out, "--pseudonyms")
    first, grades = listed(out), (out / "grades.csv").read_text("utf-8")
    assert set(first) == {f"Student {number}" for number in range(1, 10)}
    if sys.platform != "win32":
        assert stat.S_IMODE((out / FILE).stat().st_mode) == 0o600
    labcheck("report", out, "--pseudonyms")
    assert (listed(out), (out / "grades.csv").read_text("utf-8")) == (first, grades)
    register = Register.load(out)
    assert register.roster is not None
    people = (
        Person("NAMED Aaa", "aaa@x.org"),
        *(replace(each, email="new NAMED") for each in register.roster.people),
    )
    Pseudonyms(out).hide(replace(register, roster=Roster(people)).gradebook())
    assert {name: label for name, label in listed(out).items() if name in first} == first
    assert len(listed(out)) == 10
    labcheck("report", out)
    assert "NAMED Ada" in (out / "grades.csv").read_text("utf-8-sig")


def test_order_tells_nothing(tmp_path: Path) -> None:
    """Pseudonyms are not in the order of the roster, and rows are in the order of the pseudonyms."""
    entries = tuple(Entry(person=Person(f"P{place:03}")) for place in range(200))
    gradebook = Gradebook("lab1", "Title", (), entries, with_people=True)
    hidden = Pseudonyms(tmp_path).hide(gradebook)
    assert [entry.name for entry in hidden.entries] == [f"Student {number}" for number in range(1, 201)]
    with (tmp_path / FILE).open(encoding="utf-8-sig", newline="") as file:
        names = [row["student"] for row in csv.DictReader(file)]
    assert sorted(names) == [str(each.person) for each in entries]
    assert names != sorted(names)


def test_namesakes_have_a_pseudonym_each(tmp_path: Path) -> None:
    """Two students of whom only the same name is known stay two."""
    gradebook = Gradebook("lab1", "Title", (), (Entry(person=Person("Kim")), Entry(person=Person("Kim"))))
    for _ in range(2):
        assert [each.name for each in Pseudonyms(tmp_path).hide(gradebook).entries] == ["Student 1", "Student 2"]


@pytest.mark.parametrize("words", [("--canvas", "x.csv"), ("--moodle", "x.csv"), ("--moodle-feedback", "x.zip")])
def test_export_that_needs_names_is_refused(labcheck: Labcheck, out: Path, words: tuple[str, ...]) -> None:
    """A gradebook cannot take pseudonyms."""
    result = labcheck("report", out, "--pseudonyms", *words)
    assert result.status == 2
    assert f"{words[0]} needs to know who is who" in result.err
    assert not (out / FILE).exists()


@pytest.mark.parametrize(
    "text", ["", "x\n", "pseudonym,student,e-mail,id,submission,known by\nStudent 2,,,,,\n", "\0\n"]
)
def test_damaged_list_is_a_usage_error(tmp_path: Path, text: str) -> None:
    """A list that is not as it was written is reported: a student could get another's pseudonym."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError, match=FILE):
        Pseudonyms(tmp_path).hide(Gradebook("lab1", "Title", (), (Entry("a"),)))
