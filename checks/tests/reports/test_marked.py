"""What was expected and received, as HTML."""

from __future__ import annotations

from dataclasses import replace

from labcheck.record.difference import compare
from labcheck.record.record import Outcome, RequirementResult
from labcheck.reports.marked import value

WRONG = RequirementResult("1.1", "It works.", Outcome.FAILED, expected="a\x1b", received="b\n<c>")


def test_first_difference_is_marked_and_said_in_words() -> None:
    """Both sides have a mark; where one ends too early, it is a blank. A screen reader gets the place as words."""
    found = replace(WRONG, difference=compare("<a>b", "<a>", ("the message", "the message")))
    assert value(found, "expected") == "the message\n<code>&#34;&lt;a&gt;<mark>b</mark>&#34;</code>"
    shown = "the message\n<code>&#34;&lt;a&gt;<mark> </mark>&#34;</code>\ndiffers from character 4 on"
    assert value(found, "received") == shown


def test_other_values_are_shown_as_text() -> None:
    """Without a difference, the words are shown, as code if there are several lines of them."""
    assert value(WRONG, "expected") == "a\\x1b"
    assert value(WRONG, "received") == "<code>b\n&lt;c&gt;</code>"
