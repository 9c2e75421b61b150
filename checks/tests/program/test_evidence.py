"""What a program has done and printed, in words."""

from __future__ import annotations

import pytest

from labcheck.errors import Place
from labcheck.program.evidence import Complaint, Evidence, ExitStatus, Printed, Prompts, Said

CASES = {
    "an exit status": (ExitStatus(1, 3, ""), "==", 0, "exit status 0 within 3 s", "exit status 1"),
    "a signal": (ExitStatus(-9, 3, "Ctrl+C"), "==", 0, "exit status 0 within 3 s", "ended by signal 9"),
    "signal 1": (ExitStatus(-1, 3, ""), "==", 0, "exit status 0 within 3 s", "ended by signal 1"),
    "no end": (
        ExitStatus(None, 3, "Ctrl+C"),
        "==",
        0,
        "exit status 0 within 3 s",
        "still running 3 s after Ctrl+C",
    ),
    "any but one": (ExitStatus(0, 3, ""), "!=", 0, "an exit status other than 0 within 3 s", "exit status 0"),
    "what was said": (
        Said("a\nx\nb\n"),
        "!=",
        "",
        "a message on standard error",
        "the last line on standard error: b",
    ),
    "nothing said": (Said(""), "in", "no", "a message with no on standard error", "nothing on standard error"),
    "a line like it": (
        *(Printed("From: c\nFrom: d\nFrom: b\nx\n", set()), "in", "From: a"),
        *("a line with 'From: a'", "the line 'From: b'"),
    ),
    "another line": (Printed("a\nb\nx\n", set()), "in", "From: a", "a line with 'From: a'", "the last line: x"),
    "a misspelled line": (
        *(Printed("from: a\n", set(), "the line"), "in", "From: a"),
        *('the line "From: a"', 'the line "from: a"; differs from character 1 on'),
    ),
    "a misspelled prompt": (
        *(Prompts("Your name : ", set(), "the prompt"), "in", "Your name: "),
        *('the prompt "Your name: "', 'the prompt "Your name : "; differs from character 10 on'),
    ),
    "another prompt": (
        Prompts("Name: ", set(), "the prompt"),
        "in",
        "Who? ",
        "the prompt 'Who? '",
        "the prompt 'Name: '",
    ),
    "a line after a prompt": (
        *(Printed("Name: To Server: a\n", set(), "the line", prompts=["Name: "]), "in", "To server: a"),
        *('the line "To server: a"', 'the line "To Server: a"; differs from character 4 on'),
    ),
    "a line with other words": (
        *(Printed("Sent to the server: abc\nx\n", set(), "the line"), "in", "To server: abc"),
        *('the line "To server: abc"', 'the line "Sent to the server: abc"; differs from character 1 on'),
    ),
    "on the other stream": (
        *(Printed("", set(), "the line", errors="Started\n"), "in", "Started"),
        *("the line 'Started'", "it was printed on standard error, not on standard output"),
    ),
    "nothing but prompts": (
        *(Printed("Name: ", set(), "the line", prompts=["Name: "], then="it is idle"), "in", "From: a"),
        *("the line 'From: a'", "nothing but prompts; it is idle"),
    ),
    "waits for input": (
        *(ExitStatus(None, 10, "", waits=True), "==", 0),
        *("exit status 0 within 10 s", "still running: it is idle, and waits for input"),
    ),
    "no line": (Printed("\n", set()), "in", "a", "a line with 'a'", "nothing was printed"),
}


@pytest.mark.parametrize("name", CASES)
def test_mismatch_is_explained_in_words(name: str) -> None:
    """Each value explains what was expected and what arrived."""
    value, operator, wanted, expected, received = CASES[name]
    assert isinstance(value, Evidence)
    assert value.mismatch(operator, wanted)[:3] == (expected, received, None)


@pytest.mark.parametrize("code", [-9, 0, 1, 300])
def test_status_is_compared_as_a_number(code: int) -> None:
    """An exit status equals its number and no other, whether that is larger or smaller."""
    status = ExitStatus(code, 3, "")
    for other in (code - 1, code, code + 1):
        assert (status == other) == (code == other)
        assert (status != other) == (code != other)
    assert hash(status) == hash(code)


def test_running_program_has_no_status() -> None:
    """A program that still runs neither has an exit status nor lacks one."""
    running = ExitStatus(None, 1, "")
    assert not running == 0  # noqa: SIM201, the two operators are separate methods
    assert not running != 0  # noqa: SIM202


def test_complaint_has_its_place() -> None:
    """A traceback's last line is shown with the place in the student's file, which is also available as data."""
    complaint = Complaint("ValueError: no", Place("webserver.py", 7))
    assert complaint == "ValueError: no (webserver.py, line 7)"
    assert complaint.said == "ValueError: no"
    expected = ("no traceback on standard error", complaint, Place("webserver.py", 7))
    assert complaint.mismatch("==", "")[:3] == expected
    assert Complaint("") == ""
