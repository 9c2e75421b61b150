"""The report in the terminal: what is shown in full, what has changed, and how it fits into any width."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from conftest import record_of
from labcheck.record.record import Outcome, RequirementResult
from labcheck.reports import terminal

if TYPE_CHECKING:
    from labcheck.record.record import Record

LONG = "It answers each `text message M` with one text message that begins with `ECHO! ` and M."
RESULTS = [
    RequirementResult("1.1", "It starts.", Outcome.PASSED),
    RequirementResult("1.2", LONG, Outcome.FAILED, expected="a page " * 20, received="nothing", by_hand="curl -i " * 9),
    RequirementResult("1.3", "It stops.", Outcome.FAILED, reason="the second reason"),
    RequirementResult("1.4", "It goes on.", Outcome.NOT_RUN, reason="needs 1.2, which fails"),
    RequirementResult("1.5", "It ends.", Outcome.ERROR, reason="the internal reason"),
]
PASSED = [RequirementResult("1.1", "It starts.", Outcome.PASSED, earned=1)]


def shown(record: Record, width: int = 100, *, whole: bool = False, before: dict[str, str] | None = None) -> list[str]:
    """Return the lines of a report as text."""
    lines = terminal.lines(record, width, terminal.Occasion(whole, before or {}))
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_first_failure_is_shown_in_full() -> None:
    """The other failures and what was not run take one line each, and an internal error is never hidden."""
    text = "\n".join(shown(record_of(RESULTS)))
    assert "received   nothing" in text
    assert "    FAIL  1.3  It stops.\n    --    1.4  not run: needs 1.2, which fails\n    ERROR 1.5" in text
    assert "the internal reason" in text
    assert "next: 1.2 · labcheck hint lab1 1.2 · lab sheet, step 1 · all failures in full: --all" in text


def test_all_failures_are_shown_in_full_on_request() -> None:
    """Then each of them says where to find more, and there is no line that says what is next."""
    text = "\n".join(shown(record_of(RESULTS), whole=True))
    assert "the second reason" in text
    assert "more       labcheck hint lab1 1.3 · lab sheet, step 1" in text
    assert "next:" not in text
    assert "--all" not in "\n".join(shown(record_of(RESULTS[:2])))


def test_full_marks_get_a_closing_word() -> None:
    """It says what to do now, but only after a run of the whole lab."""
    done = shown(record_of(PASSED))
    assert done[-3:] == [
        "  Well done: everything passes.",
        "  to compare with the solution: labcheck solution lab1",
        "  to go further: the end of the lab sheet",
    ]
    lines = terminal.lines(record_of(PASSED), 100, terminal.Occasion(whole=False, next_lab="lab2"))
    assert [text for text, _ in list(lines)[-1]] == ["  the next lab: labcheck start lab2"]
    link = "https://networks.example/a/long/address/to/a/form"
    lines = terminal.lines(record_of(PASSED), 40, terminal.Occasion(whole=False, feedback=link))
    assert "".join(text for text, _ in list(lines)[-1]).endswith(f"what you think of the labs: {link}")
    lines = terminal.lines(record_of(PASSED), 100, terminal.Occasion(whole=False, next_lab="lab2", feedback=link))
    assert link not in str(list(lines))
    part = record_of([*PASSED, RequirementResult("1.2", "It stops.")], selected=["1.1"])
    assert "Well done" not in "\n".join(shown(part))


def test_changes_since_the_last_run_are_named() -> None:
    """Nothing is said of a requirement that had no outcome before, or has the same."""
    before = {"1.1": "failed", "1.2": "passed", "1.3": "failed", "1.4": "passed"}
    assert "  since the last run: 1.1 passes now · 1.2 fails now · 1.4 is not run now" in shown(
        record_of(RESULTS), before=before
    )
    unchanged = {each.id: str(each.outcome) for each in RESULTS}
    assert "since the last run" not in "\n".join(shown(record_of(RESULTS), before=unchanged))
    many = [RequirementResult(f"1.{number}", "It works.", Outcome.PASSED) for number in range(1, 12)]
    changed = shown(record_of(many), before={each.id: "not_run" for each in many})
    assert "  since the last run: 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8 and 3 more pass now" in changed


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_lines_fit_and_break_between_words(width: int) -> None:
    """Only a command is longer, so that it can be copied; the lines of a title begin in the same column."""
    lines = shown(record_of(RESULTS), width, before={"1.1": "failed", "1.2": "passed"})
    assert [line for line in lines if len(line) > width and "by hand" not in line and "replay" not in line] == []
    start = next(place for place, line in enumerate(lines) if "1.2" in line)
    end = next(place for place, line in enumerate(lines) if "expected" in line)
    title = [line[15:] for line in lines[start:end]]
    assert " ".join(title) == LONG
    assert all(not line[:15].strip() for line in lines[start + 1 : end])


def test_words_in_backticks_are_bold_on_a_terminal() -> None:
    """They stay as they are in plain text; a line may end between two backticks."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen, file = Terminal(), io.StringIO()
    terminal.write(record_of(RESULTS), screen)
    terminal.write(record_of(RESULTS), file)
    assert "`" not in screen.getvalue()
    assert "`text message M`" in file.getvalue()
    bold = [part for line in terminal.lines(record_of(RESULTS), 40) for part in line if part[1] == "bold"]
    words = " ".join(text for text, _ in bold if text in LONG)
    assert words.split() == ["text", "message", "M", "ECHO!"]
