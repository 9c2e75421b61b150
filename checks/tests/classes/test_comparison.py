"""Several classes side by side: `labcheck report A B`."""

from __future__ import annotations

import csv
import json
import os
import stat
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from conftest import record_of
from labcheck.classes import comparison
from labcheck.classes.matching import identities
from labcheck.classes.register import FILE, Register
from labcheck.classes.results import Results
from labcheck.platforms.downloads import by_hand
from labcheck.record.gradebook import Asked
from labcheck.record.people import Person, Roster
from labcheck.record.record import Outcome, RequirementResult
from labcheck.record.result import GRADED, Result
from labcheck.record.submission import Submission
from labcheck.reports.files import write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from conftest import Result as Done

    Labcheck = Callable[..., Done]

KINDS = {"p": Outcome.PASSED, "f": Outcome.FAILED, "n": Outcome.NOT_RUN, "e": Outcome.ERROR}


def write_class(
    out: Path, lab: str, ids: Sequence[str], students: Mapping[str, str], version: str = "0.1.0"
) -> dict[str, bytes]:
    """Write the results of a class; each student has a letter for the outcome of each requirement, or nothing.

    Return the content of all files.
    """
    file = Results(out)
    submissions = []
    for name, outcomes in students.items():
        if outcomes:
            found = [KINDS[each] for each in outcomes]
            results = [
                RequirementResult(id, f"It does {id}.", each, earned=int(each is Outcome.PASSED))
                for id, each in zip(ids, found, strict=True)
            ]
            file.add(Result(f"{lab} {name}", name, GRADED, record=record_of(results, lab=lab, labcheck=version)))
            submissions.append(Submission(name, name, f"{lab} {name}", (by_hand(name),)))
    file.close()
    roster = Roster(tuple(Person(name, f"{name}@x.org") for name in students))
    asked = tuple(Asked(id, f"It does {id}.") for id in ids)
    write_report(out / FILE, Register(lab, "Title", asked, tuple(submissions), roster).to_json())
    return contents(out)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def classes(tmp_path: Path) -> dict[str, dict[str, bytes]]:
    """Write two classes of lab1 with other requirements, and one of lab2 with some of the same students."""
    last = {"Ada": "pppp", "Bea": "ppff", "Cyd": "pfnn", "Dot": "ppfp"}
    this = {"Eve": "ppf", "Fay": "pff", "Gil": ""}
    other = {"Ada": "pp", "Bea": "pf", "Cyd": "ff", "Eve": "pp"}
    return {
        "last": write_class(tmp_path / "last", "lab1", ("1.1", "1.2", "1.3", "1.4"), last, "0.0.9"),
        "this": write_class(tmp_path / "this", "lab1", ("1.1", "1.2", "1.5"), this),
        "other": write_class(tmp_path / "other", "lab2", ("1.1", "1.2"), other),
    }


def test_table(labcheck: Labcheck, classes: object, tmp_path: Path) -> None:
    """One line for each class; the requirements of the same lab by the largest change; common students of others."""
    done = labcheck("report", "last", "this", "other", cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert (
        done.out
        == """\
   class  lab   labcheck  graded    mean  median  std. dev.      quartiles
A  last   lab1  0.0.9          4  62.5 %  62.5 %       32.3   43.8 to 81.2
B  this   lab1  0.1.0          2  50.0 %  50.0 %       23.6   41.7 to 58.3
C  other  lab2  0.1.0          4  62.5 %  75.0 %       47.9  37.5 to 100.0

Scores are in percent of the possible points, of all students with a grade; lateness and your decisions count.

lab1: the share that passed each requirement, the largest change first
                            A           B  change
1.2  It does 1.2.   75 % of 4   50 % of 2     −25
1.1  It does 1.1.  100 % of 4  100 % of 2       0
1.3  It does 1.3.   25 % of 4           —       —
1.4  It does 1.4.   50 % of 4           —       —
1.5  It does 1.5.           —    0 % of 2       —
In a small class, one or two students change a percentage a lot: look at the number behind it.

A and C: 3 students are in both, by e-mail address or ID; 3 with a grade in both, too few for a correlation
B and C: 1 student is in both, by e-mail address or ID; 1 with a grade in both, too few for a correlation
"""
    )


def test_single_folder_is_as_before(labcheck: Labcheck, classes: object, tmp_path: Path) -> None:
    """With one folder, `report` writes the files of the class."""
    done = labcheck("report", tmp_path / "last")
    assert (done.status, done.out) == (0, f"{tmp_path / 'last' / 'grades.csv'} · {tmp_path / 'last' / 'class.html'}\n")


def test_exports(labcheck: Labcheck, classes: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    """JSON, CSV and the page have the same numbers; the files are private, and the classes stay as they are."""
    before = os.umask(0)
    try:
        words = ("--json", "c.json", "--csv", "c.csv", "--html", "c.html", "--pseudonyms")
        assert labcheck("report", "last", "this", "other", *words, cwd=tmp_path).status == 0
    finally:
        os.umask(before)
    files = [tmp_path / name for name in ("c.json", "c.csv", "c.html")]
    if sys.platform != "win32":
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {name: contents(tmp_path / name) for name in classes} == classes
    for file in files:
        assert not any(name in file.read_text("utf-8") for name in ("Ada", "Bea", "x.org"))

    found = json.loads(files[0].read_text("utf-8"))
    assert found["schema"] == 1
    assert [(each["class"], each["lab"], each["labcheck"]) for each in found["classes"]] == [
        ("last", "lab1", ["0.0.9"]),
        ("this", "lab1", ["0.1.0"]),
        ("other", "lab2", ["0.1.0"]),
    ]
    assert found["classes"][1]["nothing"] == 1
    assert found["classes"][0]["percent"]["mean"] == 62.5
    (lab,) = found["labs"]
    assert (lab["lab"], lab["classes"]) == ("lab1", [0, 1])
    assert lab["requirements"] == [
        {"id": id, "titles": [f"It does {id}."], "passed": passed, "checked": checked, "change": change}
        for id, passed, checked, change in (
            ("1.2", [3, 1], [4, 2], -25),
            ("1.1", [4, 2], [4, 2], 0),
            ("1.3", [1, None], [4, None], None),
            ("1.4", [2, None], [4, None], None),
            ("1.5", [None, 0], [None, 2], None),
        )
    ]
    assert found["in_both"] == [
        {"classes": [0, 2], "people": 3, "graded": 3, "correlation": None},
        {"classes": [1, 2], "people": 1, "graded": 1, "correlation": None},
    ]

    with files[1].open(encoding="utf-8", newline="") as opened:
        rows = list(csv.reader(opened))
    assert rows[0] == [
        "lab",
        "what",
        "title",
        *("last", "last: of", "this", "this: of", "other", "other: of"),
        "change",
    ]
    assert ["", "submitted nothing", "", "0", "", "1", "", "0", "", ""] in rows
    assert ["", "mean %", "", "62.5", "4", "50.0", "2", "62.5", "4", ""] in rows
    assert ["lab1", "1.2", "It does 1.2.", "75", "4", "50", "2", "", "", "-25"] in rows
    assert ["lab1", "1.5", "It does 1.5.", "", "", "0", "2", "", "", ""] in rows
    assert ["", "students in both", "last; other", "3", "", "", "", "3", "", ""] in rows


def test_report_on_standard_output_is_alone(labcheck: Labcheck, classes: object, tmp_path: Path) -> None:
    """With `--json -`, standard output holds nothing but valid JSON."""
    done = labcheck("report", "last", "--json", "-", "this", cwd=tmp_path)
    assert [each["class"] for each in json.loads(done.out)["classes"]] == ["last", "this"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("last", "this", "--roster", "x.csv"), "--roster is about one class"),
        (("last", "this", "--column", "Lab 1"), "--column is about one class"),
        (("last", "this", "--out-of", "5"), "--out-of is about one class"),
        (("last", "this", "--feedback", "x"), "--feedback is about one class"),
        (("last", "this", "--moodle-feedback", "x.zip"), "--moodle-feedback is about one class"),
        (("last", "this", "--canvas", "x.csv"), "--canvas is about one class"),
        (("last", "this", "--moodle-worksheet", "x.csv"), "--moodle-worksheet is about one class"),
        (("last", "this", "--junit", "x.xml"), "--junit is about one class"),
        (("last", "this", "last"), "last is the same folder as last"),
        (("last", "this/../last"), "is the same folder as last"),
        (("last", "nowhere"), "there is no nowhere/class.json"),
        (("last", "this", "--json", "-", "--csv", "-"), "only one report can go to standard output"),
        (
            ("last", "--html", "x.html"),
            "--html is for comparing several folders; the page of one class is last/class.html",
        ),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, tuple) else "",
)
def test_wrong_use_is_one_line(
    words: tuple[str, ...], said: str, labcheck: Labcheck, classes: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """What makes no sense with several classes, or with one, is refused in one line, and nothing is written."""
    done = labcheck("report", *words, cwd=tmp_path)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err.replace(os.sep, "/")
    assert {each.name for each in tmp_path.iterdir()} - {"here"} == set(classes)
    assert {name: contents(tmp_path / name) for name in classes} == classes


def test_decisions_and_rules_count(classes: object, tmp_path: Path) -> None:
    """The scores are those of the grades: with what is decided and the points of requirements in each folder."""
    (tmp_path / "this" / "overrides.csv").write_text("Student,Points,Excuse\nEve,,yes\nGil,4,\n")
    (tmp_path / "this" / "rules.toml").write_text('[points]\n"1.1" = 2\n')
    found = comparison.compare([tmp_path / "last", tmp_path / "this"])
    statistics = found.classes[1].statistics
    assert (statistics.graded, statistics.excused, statistics.checked) == (2, 1, 1)
    assert statistics.percent.mean == 75  # Fay has 2 of 4 points, and Gil 4
    assert [row.results[1] and row.results[1].checked for row in found.labs[0].rows if row.id == "1.1"] == [1]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Person("Ann", "Ann@X.org"), Person("A. Lee", " ann@x.org "), True),
        (Person("Ann", id="s1"), Person("Lee", sis_user_id="S1"), True),
        (Person("Ann", numbers=(("canvas", "7"),)), Person("Lee", numbers=(("canvas", "7"),)), True),
        (Person("Ann", numbers=(("moodle", "7"),)), Person("Ann", numbers=(("moodle", "7"),)), False),
        (Person("Ann", id="7"), Person("Lee", numbers=(("canvas", "7"),)), False),
        (Person("Ann Lee", github="ann", sis_login_id="ann"), Person("Ann Lee", github="ann"), False),
        (Person("Ann"), Person("Ann"), False),
    ],
)
def test_who_is_the_same_person(one: Person, other: Person, same: bool) -> None:
    """An e-mail address or an ID says so, but no name, and no number that Moodle gives for one assignment."""
    assert bool(identities(one) & identities(other)) is same
    assert identities(replace(one, name="x")) == identities(one)
