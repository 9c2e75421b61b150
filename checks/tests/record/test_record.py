"""The record: JSON that conforms to its schema and can be read back unchanged."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import CHECKOUT, TESTS, Result, record_of
from labcheck.record.excerpt import Excerpt
from labcheck.record.record import SCHEMA_FILE, Outcome, Place, ProgramResult, Record, RequirementResult, StepTitle
from labcheck.record.text import printable
from labcheck.reports.one import html
from labcheck.reports.terminal import lines

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = json.loads(SCHEMA_FILE.read_text("utf-8"))
TEXT = st.text(max_size=40)
EVENTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["sent", "received", "typed", "printed", "hung_up", "missed", "note"]),
        "what": st.one_of(st.just(""), TEXT),
        "who": st.one_of(st.just(""), TEXT),
        "at": st.floats(0, 100),
        "size": st.integers(0, 10**9),
        "encoding": st.just("utf-8"),
        "data": TEXT,
    },
    optional={"seconds": st.floats(0, 100)},
)


def test_record_knows_what_belongs_together() -> None:
    """Each requirement has its step and the starts of its program; each program has its first requirement."""
    results = [RequirementResult(id, id, Outcome.PASSED, earned=1) for id in ("1.1", "1.2", "2.1", "2.2")]
    starts = [ProgramResult(name, verdict, "", "") for name, verdict in (("client", "ready"), ("server", "exited"))]
    record = record_of(results, programs=[*starts, ProgramResult("client", "exited", "", "")])
    assert [record.step_of(each).number for each in results] == [1, 1, 2, 2]
    assert [[each.id for each in record.requirements_of(step)] for step in record.steps] == [
        ["1.1", "1.2"],
        ["2.1", "2.2"],
    ]
    assert [[each.verdict for each in record.programs_of(result)] for result in results[1:3]] == [
        ["exited"],
        ["ready", "exited"],
    ]
    assert (record.first_of("server").id, record.first_of("client").id) == ("1.1", "2.1")


def test_everything_has_passed_when_all_selected_requirements_have() -> None:
    """A requirement that was not selected does not count, and one that failed or was not run does."""
    passed, failed, left_out = (
        RequirementResult(id, id, outcome)
        for id, outcome in (("1.1", Outcome.PASSED), ("1.2", Outcome.FAILED), ("2.1", Outcome.NOT_RUN))
    )
    assert record_of([passed, left_out], selected=["1.1"]).all_passed
    assert not record_of([passed, left_out], selected=["1.1", "2.1"]).all_passed
    assert not record_of([passed, failed]).all_passed
    assert [each.id for each in record_of([passed, failed, left_out]).of(Outcome.FAILED, Outcome.NOT_RUN)] == [
        *("1.2", "2.1")
    ]


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Make records with any text in every field."""
    outcomes = draw(st.lists(st.sampled_from(list(Outcome)), min_size=1, max_size=5))
    requirements = [
        RequirementResult(
            f"1.{number}",
            draw(TEXT),
            outcome,
            earned=int(outcome is Outcome.PASSED),
            reason=draw(TEXT),
            expected=draw(TEXT),
            received=draw(TEXT),
            by_hand=draw(TEXT),
            place=draw(st.none() | st.builds(Place, TEXT, st.integers(1, 10**6))),
            drawn=draw(st.lists(TEXT, max_size=2)),
            excerpt=draw(st.none() | st.builds(Excerpt, TEXT, TEXT, st.integers(1), st.lists(TEXT), st.integers(0))),
            hints=draw(st.lists(TEXT, max_size=2)),
            transcript=draw(st.lists(EVENTS, max_size=3)),
            beside=draw(st.lists(EVENTS, max_size=3)),
        )
        for number, outcome in enumerate(outcomes, start=1)
    ]
    steps = [StepTitle(1, "First", "server", draw(TEXT))]
    return record_of(requirements, steps=steps, programs=[ProgramResult("server", "ready", draw(TEXT), draw(TEXT))])


@given(records())
def test_record_survives_json(record: Record) -> None:
    """A record that was written is read back unchanged, and it fits the schema."""
    text = record.to_json()
    jsonschema.validate(json.loads(text), SCHEMA)
    assert Record.from_json(text) == record


def test_error_in_an_older_record_earns_nothing() -> None:
    """In records of version 2, an internal error earned a point. Read today, it is open."""
    record = record_of(
        [RequirementResult("1.1", "One.", Outcome.PASSED, earned=1), RequirementResult("1.2", "Two.", Outcome.ERROR)]
    )
    table = json.loads(record.to_json())
    del table["open"]
    table |= {"schema": 2, "score": 2}
    table["requirements"][1]["earned"] = 1
    assert Record.from_table(table) == record
    assert (record.score, record.open) == (1, ["1.2"])


def test_record_without_what_was_added_later_can_be_read() -> None:
    """What is empty is left out, as it is missing in older records: it takes no room in the results of a class."""
    record = record_of([RequirementResult("1.1", "It works.")])
    table = json.loads(record.to_json())
    assert not {"excerpt", "hints", "sheet"} & {*table["requirements"][0], *table["steps"][0]}
    jsonschema.validate(table, SCHEMA)
    assert Record.from_table(table) == record


@given(records())
def test_every_record_has_a_page(record: Record) -> None:
    """Any record has a page, without a control character in it."""
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", html.render(record))


@given(records())
def test_no_control_character_reaches_a_terminal(record: Record) -> None:
    """No line of the terminal's report holds a control character from a program."""
    for line in lines(record, 80):
        assert all(text.isprintable() for text, _ in line)


def test_no_markup_reaches_a_page() -> None:
    """Markup in any text of a record is escaped: every text is on the page, letter for letter."""
    evil = "<script>{}</script>".format
    event = {
        "kind": "sent",
        "what": evil(1),
        "who": evil(2),
        "at": 0.0,
        "size": 9,
        "encoding": "utf-8",
        "data": evil(3),
    }
    failed = RequirementResult("1.1", evil(4), Outcome.FAILED, reason=evil(5), expected=evil(6), received=evil(7))
    failed.by_hand, failed.transcript, failed.hints = evil(8), [event], [evil(13)]
    failed.place, failed.excerpt = Place(evil(14), 2), Excerpt(evil(15), evil(16), 1, [evil(17), evil(18)], 3)
    skipped = [RequirementResult(f"1.{number}", evil(17 + number), reason=evil(18)) for number in (2, 3)]
    step = StepTitle(1, evil(21), "server", f"{evil(22)} [a](javascript:x) ![b](http://x.y/z.png)\n\n{evil(23)}")
    programs = [ProgramResult("server", evil(10), evil(11), evil(12))]
    page = html.render(record_of([failed, *skipped], title=evil(9), steps=[step], programs=programs))
    assert page.count("<script") == 1  # the page's own
    assert "<img" not in page
    assert 'href="javascript' not in page
    shown = {int(number) for number in re.findall(r"&lt;script&gt;(\d+)&lt;/script&gt;", page)}
    assert shown == set(range(1, 24)), "a text that is missing from the page proves nothing"


def test_hidden_check_shows_only_its_title() -> None:
    """A hidden check that failed is shown with its title and without a hint, and no report says that all passed."""
    hidden = RequirementResult("1.1", "A secret title.", Outcome.FAILED, hidden=True, reason="not shown")
    seen = RequirementResult("1.2", "Another.", Outcome.PASSED, earned=1)
    record = record_of([hidden, seen], programs=[])
    text = "\n".join("".join(piece for piece, _ in line) for line in lines(record, 80))
    assert "1 of 2 requirements pass" in text
    for report in (text, html.render(record)):
        assert "A secret title." in report
        assert "labcheck hint" not in report


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", ["solution", "starter", "floods_stdout", "garbage", "syntax_error"])
def test_real_records_fit_the_schema(
    name: str, labcheck: Callable[..., Result], submission: Callable[..., object]
) -> None:
    """Records of real runs fit the schema, with every requirement in order."""
    places = {"solution": CHECKOUT / "solutions" / "lab1", "starter": CHECKOUT / "labs" / "lab1"}
    folder = places.get(name) or submission(TESTS / "lab1" / "hostile" / f"{name}.py")
    result = labcheck("lab1", folder, "--json", "-")
    jsonschema.validate(json.loads(result.out), SCHEMA)
    record = result.record
    assert len(record.requirements) == 29
    assert [each.id for each in record.requirements] == sorted(each.id for each in record.requirements)
    assert record.score == sum(each.outcome is Outcome.PASSED for each in record.requirements)


@given(records())
def test_wrong_sum_is_refused(record: Record) -> None:
    """A record is refused if its score is not the sum of its points, or if it has another version."""
    table = json.loads(record.to_json())
    with pytest.raises(ValueError, match="its points add up to"):
        Record.from_json(json.dumps({**table, "score": table["score"] + 1}))
    with pytest.raises(ValueError, match="a record of version 4"):
        Record.from_json(json.dumps({**table, "schema": 4}))


def test_printable_writes_escapes_out() -> None:
    """An escape sequence is shown as characters."""
    assert printable("a\x1b[31mb\r\n") == "a\\x1b[31mb\\r\\n"
