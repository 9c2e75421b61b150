"""What an instructor has decided: it is read from a file, and every report shows it beside what was measured."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from conftest import record_of
from labcheck.classes.overrides import CSV, TOML, overridden
from labcheck.errors import UsageError
from labcheck.platforms.formats import find
from labcheck.record.gradebook import Asked, Entry, Gradebook, Override
from labcheck.record.people import Person
from labcheck.record.record import Outcome, RequirementResult
from labcheck.reports import class_page

if TYPE_CHECKING:
    from pathlib import Path

ANN = Person("Lee, Ann", "ann@x.org", "1", numbers=(("canvas", "11"),))
BOB = Person("Bo, Bob", "bob@x.org", "2", numbers=(("canvas", "12"),))
REFUSED = Entry("zoe.rar", "z", remark="cannot be read")


@pytest.fixture
def gradebook() -> Gradebook:
    """Return a class: a student with one point of two, one who has submitted nothing, and a submission of nobody."""
    results = (
        RequirementResult("1.1", "first", Outcome.PASSED, 1, 1),
        RequirementResult("1.2", "second", Outcome.FAILED),
    )
    record = record_of(results, lab="lab9", title="A lab", seed=7, seconds=1.5)
    asked = Asked("1.1", "first"), Asked("1.2", "second")
    entries = Entry("ann.zip", "a", ANN, record=record), Entry(person=BOB, remark="submitted nothing"), REFUSED
    return Gradebook("lab9", "A lab", asked, entries, with_people=True)


FILES = {
    CSV: """Student,Points,Excuse,Reason,Who,When
1,2.5,,shown in class,T. Ott,2026-05-01
Bob Bo,,yes,ill,,
zoe.rar,"0,5",,,,
""",
    TOML: """
[[override]]
student = "ann@x.org"
points = 2.5
reason = "shown in class"
who = "T. Ott"
when = 2026-05-01

[[override]]
student = "Bo, Bob"
excuse = true
reason = "ill"

[[override]]
student = "zoe.rar"
points = 0.5
""",
}


@pytest.mark.parametrize("name", FILES)
def test_decisions_are_read(name: str, gradebook: Gradebook, tmp_path: Path) -> None:
    """Students are named as in the roster, in any of its columns, or by their submission."""
    (tmp_path / name).write_text(FILES[name].replace("true", '"yes"'), "utf-8")
    found = overridden(gradebook, tmp_path)
    assert [each.override for each in found.entries] == [
        Override(2.5, "shown in class", "T. Ott", "2026-05-01"),
        Override(None, "ill"),
        Override(0.5),
    ]
    assert overridden(gradebook, tmp_path / "nothing") is gradebook


def test_every_report_shows_them(gradebook: Gradebook, tmp_path: Path) -> None:
    """The grade is what was decided, and what was measured is beside it; Canvas hears of an excuse."""
    (tmp_path / CSV).write_text(FILES[CSV], "utf-8")
    found = overridden(gradebook, tmp_path)
    measured = 1
    assert (found.graded, found.not_graded, found.nothing) == (2, 0, 0)
    assert not any(entry.is_a_problem for entry in found.entries)
    rows = list(csv.DictReader(find("whole_class", "csv").render(found).splitlines()))
    assert [(row["score"], row["measured"]) for row in rows] == [("2.5", str(measured)), ("", ""), ("0.5", "")]
    said = f"decided: 2.5 points by T. Ott on 2026-05-01, shown in class (measured: {measured})"
    assert rows[0]["note"] == said
    assert rows[1]["note"] == "decided: excused, ill; submitted nothing"
    students = json.loads(find("whole_class", "json").render(found))["students"]
    assert [(each["score"], each["measured"]) for each in students] == [(2.5, measured), (None, None), (0.5, None)]
    canvas = list(csv.reader(find("whole_class", "canvas").render(found).splitlines()))[2:]
    assert [(row[1], row[-1]) for row in canvas] == [("11", "2.5"), ("12", "EX")]
    moodle = list(csv.reader(find("whole_class", "moodle").render(found).split("\n")))
    assert "2.5" in moodle[1]
    assert "decided: 2.5 points" in moodle[1][-1]
    assert said in class_page.render(found, {})
    assert said in find("whole_class", "junit").render(found)


WRONG = {
    "nobody": ("Student,Points\nAnn Lea,3\n", "'Ann Lea' is nobody in the class; did you mean Lee, Ann"),
    "nothing": ("Student,Points\nLee Ann,\n", "points are ''; expected a number, or an excuse"),
    "less than nothing": ("Student,Points\nLee Ann,-1\n", "points are '-1'; expected a number"),
    "no number": ("Student,Points\nLee Ann,nan\n", "points are 'nan'; expected a number"),
    "twice": ("Student,Points\nLee Ann,1\n1,2\n", "there is a second line for '1'; keep one of them"),
    "an unknown column": ("Student,Punkte\nLee Ann,1\n", "unknown column 'punkte'; the columns are student, points"),
    "no student": ("Points\n1\n", "there is no column student; the columns are"),
    "no excuse": ("Student,Excuse\nLee Ann,maybe\n", "excuse is 'maybe'; expected yes or no"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistake_is_a_usage_error(case: str, gradebook: Gradebook, tmp_path: Path) -> None:
    """A line that cannot be used is reported; it is never left out silently."""
    text, why = WRONG[case]
    (tmp_path / CSV).write_text(text, "utf-8")
    with pytest.raises(UsageError, match=rf"overrides.csv.*: {why}"):
        overridden(gradebook, tmp_path)


@pytest.mark.parametrize(
    "text", ["x", "override = 1", "[[override]]\nwho = 1\n", "[[override]]\nstudent = 'zoe.rar'\nx = 1\n"]
)
def test_damaged_toml_is_a_usage_error(text: str, gradebook: Gradebook, tmp_path: Path) -> None:
    """A file that is not as described is reported in one line, and so are two files."""
    (tmp_path / TOML).write_text(text)
    with pytest.raises(UsageError, match=r"overrides.toml"):
        overridden(gradebook, tmp_path)
    (tmp_path / CSV).write_text("")
    with pytest.raises(UsageError, match=r"there are .*overrides.csv and .*overrides.toml; keep one of them"):
        overridden(gradebook, tmp_path)
