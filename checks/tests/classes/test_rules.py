"""The rules of a course: they are applied to what was measured, and shown in words."""

from __future__ import annotations

import csv
import json
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from conftest import Result as Ran
from conftest import record_of
from labcheck.classes.feedback import HandBack
from labcheck.classes.overrides import CSV
from labcheck.classes.points import KEPT
from labcheck.classes.register import FILE as REGISTER
from labcheck.classes.register import Register
from labcheck.classes.report import load, updated, write
from labcheck.classes.results import Results
from labcheck.classes.rules import FILE, Rules
from labcheck.errors import UsageError
from labcheck.platforms.formats import find
from labcheck.record.gradebook import Asked, Gradebook
from labcheck.record.points import points_in_words
from labcheck.record.record import Outcome, RequirementResult
from labcheck.record.result import GRADED, Result
from labcheck.record.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Callable
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


FORMS = {
    "TOML": ("points.toml", '"1.1" = 3\n"1.2" = 0\n'),
    "TOML like the rules": ("p.TOML", '[points]\n"1.1" = 3\n"1.2" = 0\n'),
    "CSV": ("points.csv", "Requirement,Points\n1.1,3\n1.2,0\n"),
    "CSV with other columns": ("points.csv", "Titel;Points;Requirement\nfirst;3;1.1\nsecond;0;1.2\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_points_of_a_file_are_kept(form: str, tmp_path: Path) -> None:
    """Points given as a file replace those in the rules, in this and in later reports; being late still costs."""
    name, text = FORMS[form]
    (tmp_path / "given").mkdir()
    file = tmp_path / "given" / name
    file.write_text(text)
    (tmp_path / "out").mkdir()
    out = out_with(tmp_path / "out", bob="late")
    graded = (out / "results.jsonl").read_bytes()
    updated(out, None, "", None, file)
    file.unlink()
    for _ in range(2):
        gradebook = load(out, updated(out, None, "", None).gradebook())
        assert gradebook.max_score == 3
        assert [each.score for each in gradebook.entries] == [3, 2.7]
    assert (out / "results.jsonl").read_bytes() == graded
    (out / KEPT).unlink()
    assert load(out, Register.load(out).gradebook()).max_score == 5


WRONG_FILES = {
    "an unknown requirement": ("p.csv", "requirement,points\n1.3,2\n", r"p.csv: unknown requirement '1.3'"),
    "words": ("p.csv", "requirement,points\n1.1,two\n", "the points of 1.1 are 'two'; expected a whole number"),
    "a line that ends early": ("p.csv", "requirement,points\n1.1\n", "the points of 1.1 are ''"),
    "twice": ("p.csv", "requirement,points\n1.1,2\n1.1,3\n", "1.1 is there twice; a spreadsheet makes 1.1 of 1.10"),
    "another table": ("p.csv", "Name,Email\nAda,a@x.org\n", "the columns requirement and points, or a .toml file"),
    "an empty table": ("p.csv", "", "the columns requirement and points"),
    "an id without quotes": ("p.toml", "1.1 = 2\n", 'put the id of a requirement in quotes, such as "1.1" = 2'),
    "nothing to gain": ("p.toml", '"1.1" = 0\n"1.2" = 0\n', "no requirement has any points"),
    "no TOML": ("p.toml", "1.1,2\n", "p.toml: "),
    "no file": ("p.toml", None, "p.toml: cannot be read: No such file"),
    "no table": ("p.csv", None, "p.csv: cannot be read: No such file"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_mistake_in_given_points_is_a_usage_error(case: str, tmp_path: Path) -> None:
    """Points that cannot be used are reported in one line, and none are kept."""
    name, text, why = WRONG_FILES[case]
    if text is not None:
        (tmp_path / name).write_text(text)
    out = out_with(tmp_path)
    with pytest.raises(UsageError, match=why):
        updated(out, None, "", None, tmp_path / name)
    assert not (out / KEPT).exists()


def test_points_of_the_lab_are_those_it_has_now(tmp_path: Path) -> None:
    """A lab whose points have changed gives its new ones to earlier results, unless the course says otherwise."""
    out = out_with(tmp_path)
    asked = replace(ASKED[0], points=2), replace(ASKED[1], points=7)
    register = replace(Register.load(out), requirements=asked)
    assert [
        (each.score, each.record and each.record.max_score) for each in load(out, register.gradebook()).entries
    ] == [(4, 11)]
    (out / FILE).unlink()
    (entry,) = load(out, register.gradebook()).entries
    assert (entry.score, entry.record and entry.record.max_score) == (2, 9)


def test_every_report_says_what_requirements_are_worth(tmp_path: Path) -> None:
    """The class's page and JSON, and a student's page and text, say which points the requirements have."""
    out = out_with(tmp_path, bob="late", cyd="late")
    gradebook, _ = write(out, Register.load(out).gradebook())
    said = "4 points for 1.1; 1 point for each other requirement"
    assert f"Points: {said}." in (out / "class.html").read_text("utf-8")
    assert json.loads(find("whole_class", "json").render(gradebook))["points_rule"] == said
    assert f'value="{said}"' in find("whole_class", "junit").render(gradebook)
    HandBack(tmp_path / "feedback").write(out, Register.load(out))
    assert f"Points: {said}." in (tmp_path / "feedback" / "ann.html").read_text("utf-8")
    assert f"points: {said}" in (tmp_path / "feedback" / "ann.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ({"1.1": 1, "1.2": 1}, ""),
        ({"1.1": 2, "1.2": 2}, "2 points for each requirement"),
        ({"1.1": 1, "1.2": 1, "2.1": 3, "2.2": 3, "3.1": 0, "3.2": 1},
         "3 points for 2.1, 2.2; 0 points for 3.1; 1 point for each other requirement"),
    ],
)  # fmt: skip
def test_points_are_said_in_words(points: dict[str, int], words: str) -> None:
    """What most requirements have is said last; that each has 1 need not be said."""
    assert points_in_words(points) == words


WRONG = {
    "points": ('[points]\n"1.1" = -1\n', "the points of 1.1 are -1; expected a whole number"),
    "an unknown requirement": ('[points]\n"1.3" = 2\n', r"unknown requirement '1.3'; did you mean '1\\.\\d'"),
    "an unknown table": ("[later]\n", "unknown table 'later'; did you mean 'late'"),
    "an unknown key": (
        "[late]\npercent_a_day = 10\n",
        "unknown key of .late. 'percent_a_day'; did you mean 'percent_per_day'",
    ),
    "too many points": ('[points]\n"1.1" = 10000000\n', "the points of 1.1 are 10000000; expected .* up to 1,000,000"),
    "a truth value for points": ('[points]\n"1.1" = true\n', "the points of 1.1 are True; expected a whole number"),
    "no percent": ("[late]\n", "percent_per_day in .late. is missing; expected a number from 0 to 100 .percent.$"),
    "a day as the deadline": (
        "[late]\npercent_per_day = 1\ndeadline = 2026-11-20\n",
        "expected a time such as 2026-11",
    ),
    "no table": ("late = 1\n", "expected a table with deadline, grace"),
    "no TOML": ("late", "rules.toml cannot be read"),
}


NUMBERS = {"percent_per_day": "0 to 100 (percent)", "at_most": "0 to 100 (percent)", "grace": "0 to 10080 (minutes)"}


@pytest.mark.parametrize("value", ["-0.5", "100000", "1e+300", "nan", "inf", "true", '"10"', "[10]"])
@pytest.mark.parametrize("key", NUMBERS)
def test_number_that_makes_no_sense_is_a_usage_error(key: str, value: str, tmp_path: Path) -> None:
    """A percentage is one up to 100, and a time of grace is no longer than a week."""
    lines = {"percent_per_day": "5", key: value}
    (tmp_path / FILE).write_text("\n".join(["[late]", *(f"{name} = {text}" for name, text in lines.items())]))
    said = f"{tmp_path / FILE}: {key} in [late] is {value}; expected a number from {NUMBERS[key]}"
    with pytest.raises(UsageError, match=f"^{re.escape(said)}$"):
        Rules.read(tmp_path, ("1.1", "1.2"))


@pytest.mark.skipif(os.name != "posix", reason="classes are graded on Linux and macOS")
def test_mistake_in_the_rules_is_reported_before_anything_is_graded(
    labcheck: Callable[..., Ran], tmp_path: Path
) -> None:
    """`labcheck grade` does not check a class for an hour first."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / FILE).write_text("[late]\npercent_per_day = 10\nat_most = 150\n")
    (tmp_path / "class" / "ann").mkdir(parents=True)
    (tmp_path / "class" / "ann" / "webserver.py").write_text("")
    result = labcheck("grade", "lab1", tmp_path / "class", "--out", tmp_path / "out", "--sandbox", "none")
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert "at_most in [late] is 150; expected a number from 0 to 100 (percent)" in result.err
    assert [file.name for file in (tmp_path / "out").iterdir()] == [FILE]


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
