"""The formats for other tools: they read what the record contains, regardless of a program's output."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import jsonschema
import junitparser
import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import conftest
from conftest import CHECKOUT, TESTS, run_labcheck
from labcheck.platforms import actions, github
from labcheck.platforms.formats import find, formats
from labcheck.record.gradebook import Asked, Entry, Gradebook
from labcheck.record.record import Outcome, Place, ProgramResult, Record, RequirementResult
from labcheck.record.text import within
from labcheck.reports import terminal
from labcheck.reports.wording import explanation, provisional

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMAS = TESTS / "schemas"
JUNIT = xmlschema.XMLSchema(str(SCHEMAS / "junit.xsd"))
SOLUTION = CHECKOUT / "solutions" / "lab1"
SOURCE = (SOLUTION / "webserver.py").read_text("utf-8")
BROKEN = {
    "syntax error": SOURCE.replace("import os", "def broken(:"),
    "crash": SOURCE.replace("import os", "1 / 0"),
    "traceback": SOURCE.replace(
        "def do_GET(self) -> None:\n",
        """def do_GET(self) -> None:
        print("seen\\n::error::x\\n##[error]y", flush=True)
        undefined_name()
""",
    ),
}
VALIDATORS = {
    file.stem: jsonschema.Draft202012Validator(json.loads(file.read_text("utf-8"))) for file in SCHEMAS.glob("*.json")
}
TOKEN = "5f2c7e"
NASTY = (
    "\x00\x1b[31m]]>\r\n::error::x\n  ::set-output name=a::b\n##[error]y\n<script>|`[a](b)@all\n\n"
    "[[ATTACHMENT|/etc/passwd]]\ud800"
)


def requirement(id: str, outcome: Outcome, points: int = 1, **more: Any) -> RequirementResult:
    """Return a requirement's result with the earned points that `judge` would give."""
    earned = points if outcome is Outcome.PASSED else 0
    return RequirementResult(id, f"Sentence {id}.", outcome, points, earned, **more)


def record_of(*requirements: RequirementResult, **more: Any) -> Record:
    """Return a record of an imaginary lab."""
    return conftest.record_of(requirements, **{"lab": "lab9", "title": "A lab", "seed": 7, "seconds": 1.5, **more})


@pytest.fixture(scope="module")
def every_outcome() -> Record:
    """A record with every outcome: 1 of 10 points, 1.4 could not be checked, 1.5 was not selected."""
    record = record_of(
        requirement("1.1", Outcome.PASSED, seconds=0.25),
        requirement("1.2", Outcome.FAILED, 2, expected="status 200", received="status 404", by_hand="curl -i x"),
        requirement("1.3", Outcome.NOT_RUN, reason="needs 1.2, which fails"),
        requirement("1.4", Outcome.ERROR, 2, reason="could not be checked (internal error in labcheck)"),
        requirement("1.5", Outcome.NOT_RUN, 3, reason="was not selected (--only)"),
        requirement("2.1", Outcome.FAILED, 1, hidden=True, reason="how it is done is not told"),
        requirement("2.2", Outcome.FAILED, 0, reason="worth nothing"),
    )
    record.selected.remove("1.5")
    return record


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """Records of real programs: correct, unfinished, and broken in several ways."""
    folders: dict[str, tuple[Path, list[str]]] = {
        "solution": (SOLUTION, []),
        "starter": (CHECKOUT / "labs" / "lab1", []),
    }
    for name, text in BROKEN.items():
        folder = tmp_path_factory.mktemp("submission")
        (folder / "webserver.py").write_text(text, "utf-8")
        folders[name] = (folder, ["--only", "1.1", "--only", "2.1", "--only", "3.1"])
    return {name: run(tmp_path_factory, folder, words) for name, (folder, words) in folders.items()}


def run(tmp_path_factory: pytest.TempPathFactory, folder: Path, words: list[str]) -> Record:
    """Check a submission of lab 1, and return the record."""
    here = tmp_path_factory.mktemp("here")
    return run_labcheck("lab1", folder, "--json", "-", *words, cwd=here, XDG_STATE_HOME=str(here)).record


# What other tools read: the score and the maximum score.


def of_json(text: str) -> tuple[float, float]:
    """Read the record itself."""
    record = Record.from_json(text)
    return record.score, record.max_score


def of_html(text: str) -> tuple[float, float]:
    """Read the page's summary."""
    found = re.search(r"· (\d+) of (\d+) points\b", text)
    assert found
    return int(found[1]), int(found[2])


def of_csv(text: str) -> tuple[float, float]:
    """Add up two columns, as a spreadsheet would."""
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    return sum(int(row["earned"]) for row in rows), sum(int(row["points"]) for row in rows)


def properties(suite: junitparser.TestSuite) -> dict[str, str]:
    """Return the properties of a suite: name -> value."""
    return {each.name: each.value for each in suite.properties()}  # type: ignore[no-untyped-call]


def of_junit(text: str) -> tuple[float, float]:
    """Read the properties of the only suite."""
    JUNIT.validate(text)
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    values = properties(suite)
    return int(values["score"]), int(values["max_score"])


def of_gradescope(text: str) -> tuple[float, float]:
    """Add up the tests, as Gradescope does if the results contain no score."""
    tests = checked("gradescope", json.loads(text))["tests"]
    return sum(each["score"] for each in tests), sum(each["max_score"] for each in tests)


def of_prairielearn(text: str) -> tuple[float, float]:
    """Add up the points, and assert that the score is their fraction."""
    table = checked("prairielearn", json.loads(text))
    score, most = (sum(each[name] for each in table["tests"]) for name in ("points", "max_points"))
    assert table["score"] == (score / most if most else 0)
    return score, most


def of_exercism(text: str) -> tuple[float, float]:
    """Read the points from the names of the tests."""
    score = most = 0
    for test in checked("exercism", json.loads(text))["tests"]:
        named = re.search(r" \((\d+) points\)$", test["name"])
        points = int(named[1]) if named else 1
        most += points
        score += points if test["status"] == "pass" else 0
    return score, most


def of_github(text: str) -> tuple[float, float]:
    """Do what the published reporter does with the outputs of a step, and return the points it reports."""
    outputs = dict(line.split("=", 1) for line in text.splitlines())
    names = outputs.pop("runners").split(",")
    environment = {f"{name.upper()}_RESULTS": value for name, value in outputs.items()}
    score = most = 0
    for name in names:
        result = checked("github", json.loads(base64.b64decode(environment[f"{name.upper()}_RESULTS"], validate=True)))
        if result["max_score"]:
            most += result["max_score"]
            score += sum(test["score"] for test in result["tests"])
    return score, most


def checked(name: str, table: Any) -> Any:
    """Return the table after validating it with a format's schema."""
    VALIDATORS[name].validate(table)
    return table


READERS: dict[str, Callable[[str], tuple[float, float]]] = {
    "csv": of_csv,
    "exercism": of_exercism,
    "github": of_github,
    "gradescope": of_gradescope,
    "html": of_html,
    "json": of_json,
    "junit": of_junit,
    "prairielearn": of_prairielearn,
}


def rendered(name: str, record: Record) -> str:
    """Return a report as written to its file. Only the record itself may need characters replaced for that."""
    text = find("one", name).render(record)
    assert isinstance(text, str)
    data = text.encode("utf-8", "backslashreplace" if name == "json" else "strict")
    return data.decode("utf-8")


TITLES = st.text(max_size=20)  # written by the lab's author, not by a student
TEXTS = st.text(st.characters(exclude_categories=()), max_size=40) | st.just(NASTY)
EVENTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["sent", "received", "typed", "printed", "note"]),
        "what": st.sampled_from(["", "text", "standard error"]),
        "who": st.sampled_from(["", "client 1"]),
        "at": st.floats(0, 100),
        "size": st.integers(0, 10**9),
        "encoding": st.just("utf-8"),
        "data": st.text(max_size=40) | st.just(NASTY[:-1]),
    }
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Generate records with any outcomes, points and texts."""
    found = []
    for place, outcome in enumerate(draw(st.lists(st.sampled_from(list(Outcome)), min_size=1, max_size=6))):
        each = requirement(f"{1 + place % 2}.{1 + place // 2}", outcome, draw(st.integers(0, 5)))
        each.title, each.hidden = draw(TITLES), draw(st.booleans())
        each.seconds = draw(st.floats(0, 60))
        each.reason, each.expected, each.received, each.by_hand = (draw(TEXTS) for _ in range(4))
        each.transcript = draw(st.lists(EVENTS, max_size=2))
        found.append(each)
    programs = [
        ProgramResult(name, draw(st.sampled_from(["ready", "did not start"])), draw(TEXTS), draw(TEXTS))
        for name in ("server", "client")
    ]
    not_run = [each.id for each in found if each.outcome is Outcome.NOT_RUN]
    spared = draw(st.sets(st.sampled_from(not_run))) if not_run else set()
    return record_of(
        *sorted(found, key=lambda each: each.id),
        title=draw(TITLES),
        seconds=draw(st.floats(0, 60)),
        programs=programs,
        selected=sorted({each.id for each in found} - spared),
    )


def test_every_format_has_a_reader() -> None:
    """The tests have a reader for every format of one submission."""
    assert set(READERS) == {each.name for each in formats("one")}


@given(records())
def test_every_format_has_the_same_points(record: Record) -> None:
    """For any record, every format is valid and contains the record's score."""
    for name, read in READERS.items():
        assert read(rendered(name, record)) == (record.score, record.max_score), name


@pytest.mark.parametrize("name", ["solution", "starter", "syntax error", "crash", "traceback"])
def test_real_records_have_the_same_points(name: str, real: dict[str, Record]) -> None:
    """For real programs too, every format contains the record's score."""
    record = real[name]
    assert record.max_score == 29
    for form, read in READERS.items():
        assert read(rendered(form, record)) == (record.score, 29), form


@pytest.mark.parametrize("name", sorted({*READERS} - {"html", "json"}))
def test_format_is_explained_in_the_help(name: str) -> None:
    """The help explains each format in one line."""
    assert 10 < len(find("one", name).purpose) < 75


def test_explanation_has_the_words_of_the_terminal(real: dict[str, Record]) -> None:
    """Other tools show a failure in the same words and columns as the terminal, which draws only a difference."""
    drawn = [each for each in real["starter"].requirements if each.difference]
    assert all("from byte" in explanation(real["starter"], each) and "^" not in each.received for each in drawn)
    plain = [replace(each, difference=None) for each in real["starter"].requirements]
    record = replace(real["starter"], requirements=plain)
    assert drawn
    shown = ["".join(text for text, _ in line).strip() for line in terminal.lines(record, terminal.ANY_WIDTH)]
    failures = record.of(Outcome.FAILED)
    assert len(failures) > 10
    for each in failures:
        lines = explanation(record, each).split("\n")
        start = 1 + next(place for place, line in enumerate(shown) if line.startswith(f"FAIL  {each.id} "))
        assert shown[start : start + len(lines)] == [line.strip() for line in lines]


def test_explanation_shows_why_a_program_did_not_start(real: dict[str, Record]) -> None:
    """Only the explanation of the program's first requirement contains the traceback."""
    record = real["crash"]
    texts = [explanation(record, each) for each in record.requirements]
    assert "ZeroDivisionError: division by zero" in texts[0]
    assert "stderr     Traceback (most recent call last):" in texts[0]
    assert not any("Traceback" in text for text in texts[1:])


@given(st.text(max_size=300), st.integers(0, 200))
def test_within_keeps_both_ends(text: str, limit: int) -> None:
    """A text that is too long keeps its beginning and its end, within the limit."""
    short = within(text, limit)
    assert len(short) <= limit
    assert short == text or limit < len(text)
    if limit > 60:
        assert (short[0], short[-1]) == (text[0], text[-1]) if text else short == ""


def test_within_says_how_long_the_text_was() -> None:
    """A shortened text contains the length of the original."""
    short = within("a" * 500_000 + "b" * 500_000, 99)
    assert short == f"{'a' * 32} … (1,000,000 characters in all) … {'b' * 32}"


# JUnit


def test_junit_has_the_right_counts(every_outcome: Record) -> None:
    """An independent reader finds a test case with the right outcome for each requirement."""
    found = junitparser.JUnitXml.fromstring(rendered("junit", every_outcome).encode())
    (suite,) = found
    assert (found.tests, found.failures, found.errors, found.skipped, found.time) == (7, 3, 1, 2, 1.5)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped, suite.time) == (7, 3, 1, 2, 1.5)
    cases = list(suite)
    assert len(cases) == 7
    assert (cases[0].name, cases[0].classname, cases[0].time) == ("1.1 Sentence 1.1.", "lab9.1 First", 0.25)
    assert cases[0].is_passed and cases[1].is_failure and cases[3].is_error
    assert cases[1].result[0].message == "expected status 200, received status 404"
    assert cases[1].result[0].text == (
        "expected   status 200\nreceived   status 404\nby hand    curl -i x\n"
        "replay     labcheck replay lab9 1.2 --seed 7"  # columns as on the terminal
    )
    assert cases[2].result[0].message == "needs 1.2, which fails"
    assert cases[4].result[0].message == "not selected"
    assert "the grade stays open" in cases[3].result[0].text
    assert properties(suite) == {
        "lab": "lab9",
        "title": "A lab",
        "score": "1",
        "max_score": "10",
        "provisional": provisional(every_outcome),
        "seed": "7",
        "sandbox": "none",
        "python": "3.11.0",
        "platform": "Linux",
        "labcheck": "0.1.0",
        "points": "3 points for 1.5; 2 points for 1.2, 1.4; 0 points for 2.2; 1 point for each other requirement",
    }


def test_junit_escapes_what_xml_forbids() -> None:
    """Characters that XML forbids are written as escapes, and no tool finds a file to attach."""
    failed = requirement("1.1", Outcome.FAILED, expected="x", received=NASTY + "\ufffe[[[ATTACHMENT|/etc/passwd]]")
    text = rendered("junit", record_of(failed, programs=[ProgramResult("server", "ready", NASTY, "\x07" * 10**6)]))
    (suite,) = ElementTree.fromstring(text)
    texts = "".join(suite.itertext())
    assert suite.findtext("testcase/failure", "").startswith("expected   x\nreceived   \\x00\\x1b[31m]]>\n")
    assert "\\ufffe" in texts and "\\ud800" in texts and "<script>" in texts
    assert "[[" not in text
    assert "server (ready):\n\\x00" in suite.findtext("system-out", "")
    assert len(suite.findtext("system-err", "")) == 20_000


def test_junit_of_a_class_has_a_suite_for_each_student(every_outcome: Record) -> None:
    """A graded submission has its test cases; one that could not be graded is an error; a missing one is skipped."""
    entries = (
        Entry(submission="ada.zip", record=every_outcome, remark="handed in late"),
        Entry(submission="b\x00b.zip", remark="cannot be unpacked"),
        Entry(remark="nothing handed in"),
        Entry(),
    )
    asked = tuple(Asked(each.id, each.title, each.points) for each in every_outcome.requirements)
    gradebook = Gradebook("lab9", "A lab", asked, entries)
    text = find("whole_class", "junit").render(gradebook)
    JUNIT.validate(text)
    found = junitparser.JUnitXml.fromstring(text.encode())
    assert (found.tests, found.failures, found.errors, found.skipped) == (10, 3, 2, 4)
    ada, bob, nobody, nothing = found
    assert (ada.name, ada.tests) == ("ada.zip", 7)
    assert {"score": "1", "provisional": provisional(every_outcome), "remark": "handed in late"}.items() <= properties(
        ada
    ).items()
    assert [bob.name, bob.errors, next(iter(bob)).result[0].message] == ["b\\x00b.zip", 1, "cannot be unpacked"]
    assert [nobody.skipped, next(iter(nobody)).result[0].message] == [1, "nothing handed in"]
    assert next(iter(nothing)).result[0].message == "nothing was submitted"


# Gradescope


def test_gradescope_internal_error_earns_no_points(every_outcome: Record) -> None:
    """An internal error earns no points, and the output says first that they are provisional.

    A hidden requirement shows only its title; all tests are visible.
    """
    table = checked("gradescope", json.loads(rendered("gradescope", every_outcome)))
    tests = {each["number"]: each for each in table["tests"]}
    assert [tests[id]["status"] for id in tests] == ["passed", "failed", "failed", "failed", *["failed"] * 3]
    assert (tests["1.4"]["score"], tests["1.4"]["max_score"]) == (0, 2)
    assert table["output"].startswith("The points are provisional: 1.4 could not be checked.")
    assert "an error earns no point and costs none: the grade stays open" in tests["1.4"]["output"]
    assert (tests["2.1"]["name"], tests["2.1"]["output"]) == ("Sentence 2.1.", "note       how it is done is not told")
    assert {each["visibility"] for each in table["tests"]} == {"visible"}
    assert (table["stdout_visibility"], table["execution_time"]) == ("hidden", 1.5)
    assert "1 could not be checked (internal error in labcheck)" in table["output"] and "seed 7" in table["output"]
    assert table["extra_data"] == {"lab": "lab9", "seed": 7, "labcheck": "0.1.0", "sandbox": "none", "python": "3.11.0"}


# GitHub Classroom


def test_github_gives_a_step_an_output_for_each_requirement(every_outcome: Record) -> None:
    """The outputs have the names that the workflow passes to its environment variables."""
    lines = rendered("github", every_outcome).splitlines()
    runners = [github.runner(each.id) for each in every_outcome.requirements]
    assert runners[:2] == ["r1_1", "r1_2"]
    assert github.variable("r1_1") == "R1_1_RESULTS"
    assert [line.partition("=")[0] for line in lines] == [*runners, "runners"]
    assert lines[-1] == f"runners={','.join(runners)}"
    results = [json.loads(base64.b64decode(line.partition("=")[2])) for line in lines[:-1]]
    assert [each["status"] for each in results] == ["pass", "fail", "fail", "error", "fail", "fail", "fail"]
    assert [each["tests"][0]["score"] for each in results] == [1, 0, 0, 0, 0, 0, 0]
    assert results[1]["tests"][0]["test_code"] == "curl -i x"
    assert "Points {}/{}".format(*of_github("\n".join(lines))) == "Points 1/10"


def test_github_reporter_prints_no_command_and_fits_its_environment() -> None:
    """The reporter prints the texts: none contains a command, each fits in a variable, and all fit in a process."""
    words = NASTY + ":::error:::##[error]###[error]" + "\U0001f600" * 10**6
    failed = [requirement(f"1.{n}", Outcome.FAILED, received=words, by_hand=words) for n in range(1, 41)]
    text = rendered("github", record_of(*failed))
    for line in text.splitlines()[:-1]:
        decoded = base64.b64decode(line.partition("=")[2]).decode()
        assert "::" not in decoded and "##[" not in decoded
        assert ": : error" in decoded.replace(":error", ": error")
        assert len(line) < 128 * 1024
    assert len(text) < 1_500_000


# Exercism


def test_exercism_has_an_error_only_where_no_test_ran(every_outcome: Record, real: dict[str, Record]) -> None:
    """If a program does not start, its first test fails; if nothing could run, the status is error and says why."""

    def read(record: Record) -> Any:
        return checked("exercism", json.loads(rendered("exercism", record)))

    table = read(real["syntax error"])
    assert table["status"] == "fail" and "message" not in table
    assert (table["tests"][0]["status"], table["tests"][0]["task_id"]) == ("fail", 1)
    assert "SyntaxError" in table["tests"][0]["message"]
    assert read(real["solution"])["status"] == "pass"
    table = read(every_outcome)
    assert [each["status"] for each in table["tests"]] == ["pass", "fail", "fail", "error", "fail", "fail", "fail"]
    assert [each["task_id"] for each in table["tests"]] == [1, 1, 1, 1, 1, 2, 2]
    assert "message" not in table["tests"][0]
    assert table["tests"][1]["test_code"] == "curl -i x"
    part = record_of(requirement("1.1", Outcome.PASSED), requirement("1.2", Outcome.NOT_RUN), selected=["1.1"])
    assert read(part)["status"] == "fail"
    nothing = record_of(
        requirement("1.1", Outcome.NOT_RUN, reason="the time is used up"), requirement("1.2", Outcome.ERROR)
    )
    table = read(nothing)
    assert table["status"] == "error" and "the time is used up" in table["message"]


def test_exercism_has_limits_and_hides_the_machine() -> None:
    """Output has up to 500 characters and messages up to 65,535; neither contains a path of the machine."""
    said = 'File "/opt/python/lib/python3.11/selectors.py", line 4\nFile "C:\\Users\\A B\\x.py", line 5\n'
    said += "see /tmp/labcheck-1/work/page.html and /home/ada/x, http://localhost/tmp/page, GET /usual/tmp/page\n"
    failed = requirement("1.1", Outcome.FAILED, reason=said, received="x" * 10**6)
    noisy = record_of(failed, programs=[ProgramResult("server", "ready", "y" * 10**6, said)])
    (test,) = checked("exercism", json.loads(rendered("exercism", noisy)))["tests"]
    assert "(1,000," in test["output"] and 490 < len(test["output"]) <= 500
    failed.received = ""
    noisy.programs[0].stdout = ""
    (test,) = json.loads(rendered("exercism", noisy))["tests"]
    assert test["output"] == (
        'File "selectors.py", line 4\nFile "x.py", line 5\n'
        "see page.html and x, http://localhost/tmp/page, GET /usual/tmp/page"
    )
    assert "/opt" not in test["message"] and "Users" not in test["message"]


def test_exercism_shows_what_was_printed_during_a_check() -> None:
    """If the transcript contains what a program printed, that is the output, without what labcheck sent."""
    event = {"what": "standard output", "who": "", "at": 0.0, "size": 5, "encoding": "utf-8"}
    events = [{**event, "kind": "sent", "data": "ours"}, {**event, "kind": "printed", "data": "hello"}]
    record = record_of(requirement("1.1", Outcome.PASSED), requirement("1.2", Outcome.PASSED, transcript=events))
    record.programs[0].stdout = "all"
    first, second = json.loads(rendered("exercism", record))["tests"]
    assert (first["output"], second["output"]) == ("all", "hello")


# PrairieLearn and CSV


def test_prairielearn_stays_within_its_limit() -> None:
    """Texts are shortened until the result fits; the points stay the same."""
    words = "\N{GRINNING FACE}\x00" * 500_000
    failed = [requirement(f"1.{n}", Outcome.FAILED, 2, received=words) for n in range(1, 60)]
    record = record_of(
        *failed, requirement("2.1", Outcome.PASSED), programs=[ProgramResult("server", "ready", words, "")]
    )
    text = rendered("prairielearn", record)
    assert 400_000 < len(text.encode()) <= 1_000_000
    assert of_prairielearn(text) == (1, 119)
    assert [each["name"] for each in json.loads(text)["tests"]][-1] == "2.1 Sentence 2.1."


def test_csv_has_no_formulas_and_no_truncated_cells() -> None:
    """Formulas become text, line feeds stay in their cell, and a long cell keeps its end."""
    formula = "=HYPERLINK(1)"
    failed = requirement("1.1", Outcome.FAILED, expected=formula, received="a\nb\x1b", reason="x" * 10**6 + "!")
    text = rendered("csv", record_of(failed, requirement("1.2", Outcome.PASSED, 3)))
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert list(first) == ["id", "title", "outcome", "points", "earned", "expected", "received", "note"]
    assert (first["expected"], first["received"]) == (f"'{formula}", "a\nb\\x1b")
    assert len(first["note"]) < 32_767 and first["note"].endswith("x!")
    assert list(second.values())[:5] == ["1.2", "Sentence 1.2.", "passed", "3", "3"]


# GitHub Actions


class Tags(HTMLParser):
    """What a browser sees in a page: its tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert attrs == []
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_summary_shows_what_is_left_to_do(every_outcome: Record, real: dict[str, Record]) -> None:
    """The summary has the points, expected and received values, and the passed steps; each cause has one row."""
    page = actions.summary(every_outcome)
    text = Tags(page).text
    assert "1 of 10 points" in page and "not selected" in page
    assert "Steps passed" not in text
    assert "<tr><td>1.2 Sentence 1.2.</td><td><code>status 200</code></td><td><code>status 404</code></td>" in page
    assert "The points are provisional: 1.4 could not be checked." in text
    assert "1 could not be checked (internal error in labcheck)" in text
    assert "1.5" not in text
    assert "Steps passed: 1 Start and stop" in Tags(actions.summary(real["solution"])).text
    assert "<table>" not in actions.summary(real["solution"])
    record = record_of(*[requirement(f"1.{n}", Outcome.NOT_RUN, reason="it did not start") for n in range(1, 5)])
    page = actions.summary(record)
    assert page.count("it did not start") == 1 and "<td>1.1 to 1.4</td>" in page


@given(records())
def test_summary_contains_no_markup_of_a_student(record: Record) -> None:
    """An independent Markdown parser finds only the HTML that labcheck wrote, regardless of a program's output."""
    page = actions.summary(record)
    page.encode()
    assert {token.type for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page)} == {"html_block"}
    assert Tags(page).tags <= {"h2", "p", "b", "table", "tr", "th", "td", "code", "br"}
    rest = re.sub(r"<code>.*?</code>", "", page)
    assert "@all" not in rest and "ATTACHMENT" not in rest


def test_summary_is_small() -> None:
    """The summary stays well below 1 MiB, no matter how large the record is."""
    words = "<&\"'\x00" * 200_000
    failed = [
        requirement(f"1.{n}", Outcome.FAILED, expected=words, received=words, reason=words) for n in range(1, 100)
    ]
    page = actions.summary(record_of(*failed))
    assert len(page.encode()) < 512 * 1024
    assert page.count("<tr>") == 61 and "and 39 more" in page


def commands_in(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Return the commands that the runner finds in a step's output: name, properties and message."""
    found = []
    until = None
    for line in text.splitlines():
        command = re.match(r"\s*::([\w-]+)(?: ([^:]*))?::(.*)", line)
        if until is not None:
            until = None if line.strip() == f"::{until}::" else until
        elif command:
            pairs = [pair.partition("=") for pair in (command[2] or "").split(",") if pair]
            found.append((command[1], {name: decoded(value) for name, _, value in pairs}, decoded(command[3])))
            until = command[3] if command[1] == "stop-commands" else None
        elif "##[" in line:
            found.append(("##[", {}, line))
    return found


def decoded(text: str) -> str:
    """Return the text without the escapes of a workflow command."""
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("syntax error", "def broken(:", "SyntaxError"),
        ("crash", "1 / 0", "ZeroDivisionError"),
        ("traceback", "undefined_name()", "NameError"),
    ],
)
def test_annotation_points_at_the_line(name: str, line: str, said: str, real: dict[str, Record]) -> None:
    """An exception is reported at its line, once for all the failures that it caused."""
    record = real[name]
    ((kind, where, message),) = commands_in("\n".join(actions.annotations(record, "work/lab1")))
    assert kind == "error" and said in message
    assert where["file"] == "work/lab1/webserver.py"
    assert BROKEN[name].splitlines()[int(where["line"]) - 1].strip() == line
    failures = [each.id for each in record.of(Outcome.FAILED)]
    assert where["title"].startswith(failures[0])
    assert [id for id in failures[1:] if id not in message] == []


def test_annotation_of_ctrl_c_points_at_the_interrupted_line(real: dict[str, Record]) -> None:
    """A failure without a line of its own gets the line from the traceback; failures with a line come first."""
    first, *others = commands_in("\n".join(actions.annotations(real["starter"], "")))
    starter = (CHECKOUT / "labs" / "lab1" / "webserver.py").read_text("utf-8").splitlines()
    assert first[1]["title"].startswith("1.3") and "serve_forever" in starter[int(first[1]["line"]) - 1]
    assert len(others) == len(real["starter"].of(Outcome.FAILED)) - 1
    assert all(where["file"] == "webserver.py" and "line" not in where for _, where, _ in others)


def test_annotations_report_each_cause_once(every_outcome: Record) -> None:
    """An internal error is a warning; a requirement not run because of a failure gets no annotation of its own."""
    found = commands_in("\n".join(actions.annotations(every_outcome, ".")))
    assert [(kind, where.get("file"), where["title"]) for kind, where, _ in found] == [
        ("error", "server.py", "1.2 Sentence 1.2."),
        ("error", "client.py", "2.1 Sentence 2.1."),
        ("error", "client.py", "2.2 Sentence 2.2."),
        ("warning", None, "Not checked: 1.4"),
    ]
    again = "by hand    curl -i x\nreplay     labcheck replay lab9 1.2 --seed 7"
    assert found[0][2] == f"expected   status 200\nreceived   status 404\n{again}"
    assert found[3][2] == "could not be checked (internal error in labcheck)"
    late = record_of(*[requirement(f"1.{n}", Outcome.NOT_RUN, reason="the time is used up") for n in (1, 2)])
    assert commands_in("\n".join(actions.annotations(late, ""))) == [
        ("warning", {"title": "Not checked: 1.1, 1.2"}, "not run: the time is used up")
    ]


def test_annotation_with_a_line_comes_first() -> None:
    """A failure with a known place comes first, with its path relative to the repository."""
    other = requirement("1.1", Outcome.FAILED, received="100%25, a: b%0A")
    raised = requirement("1.2", Outcome.FAILED, place=Place("parts/page.py", 12))
    first, second = commands_in("\n".join(actions.annotations(record_of(other, raised), "lab9")))
    assert (first[1]["file"], first[1]["line"]) == ("lab9/parts/page.py", "12")
    assert second[2] == "received   100%25, a: b%0A\nreplay     labcheck replay lab9 1.1 --seed 7"


@given(records())
def test_annotations_contain_no_other_commands(record: Record) -> None:
    """Each annotation is one command with the right properties, regardless of a program's output."""
    for line in actions.annotations(record, "a,b:c%"):
        assert line.encode() and line.isprintable()
        ((kind, where, message),) = commands_in(line)
        assert kind in ("error", "warning") and set(where) <= {"file", "line", "title"} and len(message) < 2000
        assert kind == "warning" or where["file"].startswith("a,b:c%/")


def test_protected_text_contains_no_commands(real: dict[str, Record]) -> None:
    """The runner finds no commands in a program's output, but still finds those after it."""
    printed = real["traceback"].programs[0].stdout + "  ::add-mask::x"
    assert ("##[", {}, "##[error]y") in commands_in(printed) and ("error", {}, "x") in commands_in(printed)
    for text in (printed, printed + "\n\n", ""):
        found = commands_in(actions.protected(text, TOKEN) + "::notice::after\n")
        assert found == [("stop-commands", {}, TOKEN), ("notice", {}, "after")]
    assert printed in actions.protected(printed, TOKEN)
