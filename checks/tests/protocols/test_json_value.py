"""JSON that a program sent: it compares as a value, and a report says where it differs."""

from __future__ import annotations

from typing import Any

import pytest

from labcheck.program.evidence import BrokenOff
from labcheck.protocols.json_value import SOME_TEXT, Json

EQUAL: list[tuple[str, Any]] = [
    ('{"a": 1, "b": [true, null]}', {"b": [True, None], "a": 1}),
    (' {"a":1.0} ', {"a": 1}),
    ('"\\u00e9"', "é"),
    ('{"error": "no such symbol"}', {"error": SOME_TEXT}),
    ("[]", []),
    ("12345678901234567890", 12345678901234567890),
    ('{"a": 1, "a": 2}', {"a": 2}),  # RFC 8259, section 4: what a double name means is open; Python takes the last one
]
DIFFERENT: list[tuple[str, Any]] = [
    ('{"version": true}', {"version": 1}),
    ('{"version": "1"}', {"version": 1}),
    ("[1]", [True]),
    ("[1, 2]", [1]),
    ('{"a": 1, "b": 2}', {"a": 1}),
    ('{"error": ""}', {"error": SOME_TEXT}),
    ('{"error": " "}', {"error": SOME_TEXT}),
    ('{"error": 7}', {"error": SOME_TEXT}),
    ("null", {}),
]
NONE = [
    ("", "nothing"),
    ("Hello", "not JSON (expecting value, at character 1 of 5)"),
    ('{"a": 1,}', "not JSON"),
    ("{'a': 1}", "not JSON"),
    ("[NaN]", "not JSON (NaN is no number in JSON)"),
    ("-Infinity", "not JSON (-Infinity is no number in JSON)"),
    ("[" * 100_000, "JSON that is nested too deeply"),
    ("1" * 5000, "not JSON"),  # Python reads no number of more than 4,300 digits
]


@pytest.mark.parametrize(("text", "wanted"), EQUAL)
def test_equal_values(text: str, wanted: object) -> None:
    """Spaces, the order of members and the notation of a number make no difference."""
    assert Json(text) == wanted


@pytest.mark.parametrize(("text", "wanted"), DIFFERENT)
def test_different_values(text: str, wanted: object) -> None:
    """A text is no number, true is not 1, and no member is too many."""
    assert Json(text) != wanted


@pytest.mark.parametrize(("text", "problem"), NONE)
def test_what_is_no_json_equals_nothing(text: str, problem: str) -> None:
    """The report says why it is not JSON."""
    assert Json(text) != None  # noqa: E711
    found = Json(text).mismatch("==", {"a": 1})
    assert found.expected == '{"a": 1}'
    assert found.received.startswith(problem)


def test_difference_is_marked_in_the_member() -> None:
    """The members are shown in the expected order, so that the mark is where the values differ."""
    found = Json('{"version":2,"price":"1","symbol":"ACME"}').mismatch(
        "==", {"symbol": "ACME", "price": "1", "version": 1}
    )
    assert found.difference is not None
    assert found.difference.expected is not None
    assert found.difference.expected.text == '{"symbol": "ACME", "price": "1", "version": 1}'
    assert found.difference.received.text == '{"symbol": "ACME", "price": "1", "version": 2}'
    assert found.difference.place == len('{"symbol": "ACME", "price": "1", "version": 1')


def test_one_of_several_is_expected() -> None:
    """A report says that any of several values would do; of a single one, it shows the value."""
    assert Json("{}").mismatch("in", [{"a": 1}, {"a": 2}]).expected == 'one of [{"a": 1}, {"a": 2}]'
    assert Json("{}").mismatch("in", [{"a": 1}]).expected == '{"a": 1}'


def test_pattern_that_fits_makes_no_difference() -> None:
    """Only the other member is marked; a pattern that does not fit is named."""
    found = Json('{"error": "gone", "more": 1}').mismatch("==", {"error": SOME_TEXT})
    assert found.difference is not None
    assert found.difference.place == len('{"error": "gone"}')
    assert "(a text)" in Json('{"error": ""}').mismatch("==", {"error": SOME_TEXT}).expected


@pytest.mark.parametrize(("text", "received"), [("[7]", "the JSON [7]"), ("gone", "not JSON")])
def test_pattern_for_the_whole_value_is_shown_in_words(text: str, received: str) -> None:
    """What stands for many values is no JSON, so it is not in quotes, also if what came is no JSON."""
    found = Json(text).mismatch("==", SOME_TEXT)
    assert found.expected.removeprefix("JSON: ") == "a text"
    assert received in found.received


def test_answer_that_broke_off_is_told_apart() -> None:
    """An exception of the program explains an answer that it did not finish."""
    assert isinstance(Json("{", broke_off=lambda: True).mismatch("==", {}), BrokenOff)


def test_half_of_a_surrogate_pair_can_be_reported() -> None:
    """JSON can escape what is no character; a report is UTF-8."""
    found = Json('{"price": "\\ud800"}').mismatch("==", {"price": "1"})
    assert found.received.encode()
    assert "\\ud800" in found.received


def test_members_can_be_read() -> None:
    """A member that is missing is None, and so is every member of what is not an object."""
    assert Json('{"version": 3}').get("version") == 3
    assert Json('{"version": 3}').get("price") is None
    assert Json("[1]").get("version") is None
    assert Json("oops").get("version") is None
