"""The rules of a course: they are applied to what was measured, and shown in words."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from conftest import record_of
from labcheck.classes.overrides import CSV
from labcheck.classes.register import FILE as REGISTER
from labcheck.classes.register import Register
from labcheck.classes.report import load, write
from labcheck.classes.results import Results
from labcheck.classes.rules import FILE, Rules
from labcheck.errors import UsageError
from labcheck.record.gradebook import Asked, Gradebook
from labcheck.record.record import Outcome, RequirementResult
from labcheck.record.result import GRADED, Result
from labcheck.record.submission import Submission

if TYPE_CHECKING:
    from pathlib import Path

ASKED = Asked("1.1", "first"), Asked("1.2", "second")
RULES = """
[points]
"1.1" = 4

[late]
deadline = 2026-11-20T23:59:00+01:00
grace = 15
percent_per_day = 10
at_most = 25
"""


def out_with(tmp_path: Path, **more: str) -> Path:
    """Write the results of a class: each student passes 1.1 and fails 1.2. `more` are the times of submissions."""
    results = Results(tmp_path)
    submissions = []
    for label, time in {"ann": "", **more}.items():
        found = RequirementResult("1.1", "", Outcome.PASSED, 1, 1), RequirementResult("1.2", "", Outcome.FAILED)
        record = record_of(found, lab="lab9", title="A lab", seed=7, seconds=1.5, submission=label)
        results.add(Result(label, label, GRADED, "", record))
        is_late = time == "late"
        time = "" if is_late else time
        submissions.append(Submission(label, label, label, ((("name", label),),), is_late=is_late, submitted=time))
    results.close()
    (tmp_path / REGISTER).write_text(Register("lab9", "A lab", ASKED, tuple(submissions)).to_json())
    (tmp_path / FILE).write_text(RULES)
    return tmp_path


TIMES = {
    "in time": ("2026-11-20T23:58:59+01:00", 4, ""),
    "in the grace": ("2026-11-21T00:14:00+01:00", 4, ""),
    "a minute late": ("2026-11-21T00:15:00+01:00", 3.6, "1 day late: 10 % of 4 points less"),
    "in another time zone": ("2026-11-20T22:59:00Z", 4, ""),
    "late in another time zone": ("2026-11-20T23:30:00Z", 3.6, "1 day late: 10 % of 4 points less"),
    "without a time zone": ("2026-11-22T12:00:00", 3.2, "2 days late: 20 % of 4 points less"),
    "many days": ("2026-12-22T12:00:00+01:00", 3, "32 days late: 25 % of 4 points less"),
    "marked late": ("late", 3.6, "1 day late: 10 % of 4 points less"),
}


@pytest.mark.parametrize("case", TIMES)
def test_lateness_costs_what_the_rule_says(case: str, tmp_path: Path) -> None:
    """The deadline, the grace, the days that have begun and the limit count, in any time zone."""
    time, points, note = TIMES[case]
    out = out_with(tmp_path, bob=time)
    ann, bob = load(out, Register.load(out).gradebook()).entries
    assert (ann.score, ann.about) == (4, "")
    assert (bob.score, bob.measured, bob.about) == (points, 4, note)


def test_reports_show_the_rules(tmp_path: Path) -> None:
    """Requirements have their points everywhere; what was measured is beside the grade; a decision is the last word."""
    out = out_with(tmp_path, bob="late", cyd="late")
    (out / CSV).write_text("Student,Points\ncyd,5\n")
    gradebook, _ = write(out, Register.load(out).gradebook())
    assert gradebook.max_score == 5
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["student"], row["score"], row["max"], row["measured"], row["1.1"]) for row in rows] == [
        ("ann", "4", "5", "4", "4"), ("bob", "3.6", "5", "4", "4"), ("cyd", "5", "5", "4", "4"),
    ]  # fmt: skip
    page = (out / "class.html").read_text("utf-8")
    assert "10 % less for each day after 2026-11-20 23:59 (and 15 minutes), at most 25 %" in page
    table = json.loads((out / REGISTER).read_text())
    assert {each["points"] for each in table["requirements"]} == {1}


WRONG = {
    "points": ('[points]\n"1.1" = -1\n', "the points of 1.1 are -1; expected a whole number"),
    "an unknown requirement": ('[points]\n"1.3" = 2\n', r"unknown requirement '1.3'; did you mean '1\\.\\d'"),
    "an unknown table": ("[later]\n", "unknown table 'later'; did you mean 'late'"),
    "an unknown key": (
        "[late]\npercent_a_day = 10\n",
        "unknown key of .late. 'percent_a_day'; did you mean 'percent_per_day'",
    ),
    "no percent": ("[late]\n", "percent_per_day in .late. is None; expected a number"),
    "a day as the deadline": (
        "[late]\npercent_per_day = 1\ndeadline = 2026-11-20\n",
        "expected a time such as 2026-11",
    ),
    "no table": ("late = 1\n", "expected a table with deadline, grace"),
    "no TOML": ("late", "rules.toml cannot be read"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistake_is_a_usage_error(case: str, tmp_path: Path) -> None:
    """A rule that cannot be applied is reported in one line, with what is known."""
    text, why = WRONG[case]
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError, match=why.replace("\\\\", "\\")):
        Rules.read(tmp_path, ("1.1", "1.2"))


def test_without_rules_being_late_is_only_noted(tmp_path: Path) -> None:
    """Without a file, every requirement has its own points, and a late submission has all of them."""
    (entry,) = (each for each in load(out_with(tmp_path, bob="late"), _bare(tmp_path)).entries if each.name == "bob")
    assert (entry.score, entry.about, entry.told) == (1, "late", "late")


def _bare(out: Path) -> Gradebook:
    """Return the gradebook of a class whose rules have been removed."""
    (out / FILE).unlink()
    return Register.load(out).gradebook()
