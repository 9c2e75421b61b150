"""What a check begins before its turn: beside the other checks, on a server of its own, and with its own blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.author import author
from authoring.mini import SUITE
from labcheck.judging import run
from labcheck.judging.judge import Judgement, judge
from labcheck.judging.options import Options
from labcheck.record.record import Outcome
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from authoring.author import Author

__all__ = ["author"]

FILE = f"{SUITE}/test_2_names.py"
HEAD = '@requirement("2.1", needs=["1.2"], hints='
BEGINS = """\
def begin(server, draw):
    {body}
    begin.program, begin.request = server.program, server.begin(f"/greet/{{draw.word()}}")
    return server.program.port, begin.request


"""
CHECK = '''\
@requirement("2.1", needs=["1.2"], hints=["?", "!"], begins=begin)
def test_begun(begun) -> None:
    """Hello, NAME."""
    port, request = begun
    with open({trace!r}, "a") as file:
        print("2.1", port, file=file)
    with request:
        assert request.read_answer(waits=0.1).status == {status}


'''


def checked(author: Author, body: str = "pass", status: int = 200, then: str = "pass") -> Judgement:
    """Check the solution; 2.1 has a second check that begins early, and 2.2 ends with `then`."""
    trace = str(author.root / "trace")
    note = f'with open({trace!r}, "a") as file:\n        print("{{}}", server.program.port, file=file)\n    '
    author.change(
        FILE,
        (HEAD, BEGINS.format(body=note.format("begins") + body) + CHECK.format(trace=trace, status=status) + HEAD),
        ("assert answer.status == 404\n", f"assert answer.status == 404\n    {note.format('2.2')}{then}\n"),
    )
    return judge(load_lab("mini"), author.root / "solutions" / "mini", Options(1))


def trace(author: Author) -> list[list[str]]:
    """Return what was run, in order, each with the port of its server."""
    return [line.split() for line in (author.root / "trace").read_text().splitlines()]


def test_check_comes_last_with_what_it_has_begun(author: Author) -> None:
    """It begins before all others, on a server that no other check uses, and comes after all of them."""
    judgement = checked(author)
    assert judgement.record.all_passed, judgement.faults
    (first, port), (second, other), (third, own) = trace(author)
    assert [first, second, third] == ["begins", "2.2", "2.1"]
    assert port == own != other


def test_failure_is_its_own(author: Author) -> None:
    """What comes back is compared in its turn, and the exchange in the report is its own."""
    judgement = checked(author, status=418)
    found = judgement.record.requirement("2.1")
    assert found.outcome is Outcome.FAILED
    assert "/greet/" in str(found.transcript)
    assert judgement.record.requirement("2.2").outcome is Outcome.PASSED


@pytest.mark.parametrize("body", ["given(False, 'not so')", "assert server.get('/').status == 418"])
def test_what_fails_to_begin_is_begun_in_its_turn(author: Author, body: str) -> None:
    """A failure before its turn costs nothing yet; it is tried again with another server, and counts then."""
    judgement = checked(author, body=body)
    assert judgement.record.requirement("2.1").outcome is Outcome.FAILED
    (first, port), (second, _), (third, again) = trace(author)
    assert [first, second, third] == ["begins", "2.2", "begins"]
    assert port != again


def test_server_that_ends_meanwhile_is_replaced(author: Author) -> None:
    """If the server that was to wait has gone, the check begins again."""
    judgement = checked(author, then="begin.program.kill(); begin.request.close()")
    assert [name for name, _ in trace(author)] == ["begins", "2.2", "begins", "2.1"]
    assert judgement.record.all_passed


def test_error_of_its_author(author: Author) -> None:
    """An exception in the function is an error of the check, as one in the check is."""
    judgement = checked(author, body="1 / 0")
    assert judgement.record.requirement("2.1").outcome is Outcome.ERROR
    assert "ZeroDivisionError" in judgement.faults[0]


def test_endless_function_is_ended(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that does not end is an error of its author, and the other checks are run."""
    monkeypatch.setattr(run, "GRACE", 0.3)
    monkeypatch.setattr(run, "DEADLINE", 0.5)
    judgement = checked(author, body="import time; time.sleep(60)")
    assert judgement.record.requirement("2.1").outcome is Outcome.ERROR
    assert judgement.record.requirement("2.2").outcome is Outcome.PASSED


def test_nothing_begins_before_the_program_answers(author: Author) -> None:
    """A program that fails its first requirement is not asked to wait for anything."""
    author.change("solutions/mini/greeter.py", ("int(sys.argv[1])", "0"))
    judgement = checked(author)
    assert judgement.record.requirement("2.1").outcome is Outcome.NOT_RUN
    assert not (author.root / "trace").exists()


def test_fixture_needs_a_function(author: Author) -> None:
    """A check that has begun nothing cannot ask for it."""
    author.change(FILE, (HEAD, f"{CHECK.replace(', begins=begin', '').format(trace='unused', status=200)}{HEAD}"))
    judgement = judge(load_lab("mini"), author.root / "solutions" / "mini", Options(1))
    assert judgement.record.requirement("2.1").outcome is Outcome.ERROR
    assert "begins=FUNCTION" in judgement.mistakes[0]
