"""What a program did not do is in the transcript: the message, the line or the close frame that labcheck waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labcheck.authoring.variants import variants
from labcheck.judging.judge import judge
from labcheck.judging.options import Options
from labcheck.reports.wording import label, last_exchange, message
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from pathlib import Path

LAB = load_lab("lab2")


@pytest.mark.parametrize(
    ("id", "why", "labels", "text"),
    [
        ("1.4", "does not print what it receives", "waited", "the line 'From client: "),
        (
            "1.10",
            "waits until all clients have left",
            "waited, client 1 waited, client 2 waited",
            "no close frame within",
        ),
        ("2.1", "requests another path", "", ""),
        ("2.2", "skips an empty line", "waited", "no message "),
        ("2.2", "prompts with other words", "waited", "the prompt 'Enter some data: ' was not printed"),
        ("3.1", "never adds a client to the set", "client 3 waited", "no message with "),
    ],
)
def test_wait_without_success_is_in_the_transcript(id: str, why: str, labels: str, text: str, tmp_path: Path) -> None:
    """Each is one event, in words; a try that was followed by another one is not."""
    next(each for each in variants(LAB) if (each.fails, each.why) == (id, why)).write(LAB, tmp_path / "wrong")
    found = judge(LAB, tmp_path / "wrong", Options(1, only=(id,))).record.requirement(id)
    missed = [event for event in found.transcript if event["kind"] == "missed"]
    assert ", ".join(map(label, missed)) == labels
    assert all(message(each).startswith(text) for each in missed)
    assert all(each["seconds"] >= 0 for each in missed)
    # What the report says as expected and received anyway is not said again.
    told = dict(last_exchange(found.transcript)).get("happened", "")
    assert ("waited: no" in told) == (bool(missed) and not missed[0]["what"])


def test_solution_misses_nothing() -> None:
    """A program that does everything leaves no wait without success."""
    record = judge(LAB, LAB.solution, Options(1, only=("1.2", "2.2", "3.1", "4.3"))).record
    assert record.all_passed
    assert not [event for each in record.requirements for event in each.transcript if event["kind"] == "missed"]
