"""Runs of an HTTP client, in a lab of one's own: what a check may ask for, and what a report says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import failed, not_passed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Result, Run

CHECK = '''
from labcheck.suite import Draw, HttpClient, Reply, requirement


@requirement("1.1", hints=["What?", "How?", "So."])
def test_it({fixtures}, draw: Draw) -> None:
    """It works."""
{body}
'''
SHARED = """\
    pages = [client.page(Reply(draw.word().encode())) for _ in range(2)]
    client.run_all(*pages)
    assert client.size("kept") > 0
    client.run(pages[0])
    assert client.run(pages[0]).output == b"3"
    assert [each.output == b"2" for each in client.run_all(pages[1])] == [False]
    assert client.run_all(pages[0], pages[1])[1].output == b"2"
"""
COUNTS = """\
import pathlib, sys, urllib.request
urllib.request.urlopen(sys.argv[1]).read()
file = pathlib.Path("kept/number")
file.parent.mkdir(exist_ok=True)
number = int(file.read_text()) + 1 if file.exists() else 1
file.write_text(str(number))
print(number, end="")
"""
COUNTS_OTHERS = """\
import os, psutil, sys, time, urllib.request
urllib.request.urlopen(sys.argv[1]).read()
time.sleep(0.3)
beside = 0
for each in psutil.Process(os.getppid()).children():
    try:
        beside += "fetch.py" in each.cmdline()
    except psutil.Error:  # it has just ended
        pass
print(beside, end="")
"""


@pytest.fixture
def lab(labcheck: Run, tmp_path: Path) -> Callable[..., Result]:
    """A function that runs a check of a new lab, with the words for a program and for the body of the check."""
    course = tmp_path / "course"
    assert labcheck("new", "getter", "--kind", "fetch", "--course", course).status == 0

    def run(program: str, body: str, fixtures: str = "client: HttpClient") -> Result:
        (course / "suites" / "getter" / "test_1_greeting.py").write_text(
            CHECK.format(body=body, fixtures=fixtures), "utf-8"
        )
        folder = tmp_path / "work"
        folder.mkdir()
        (folder / "fetch.py").write_text(program, "utf-8")
        return labcheck("getter", folder, "--course", course, "--json", "-")

    return run


def test_runs_share_a_folder_one_after_the_other(lab: Callable[..., Result]) -> None:
    """Runs side by side have a folder each, which the next ones in the same places have again."""
    record = lab(COUNTS, SHARED).record
    assert not_passed(record) == {}


@pytest.mark.parametrize(
    ("fixture", "said"), [("new_clients", "use the fixture client"), ("client_alone", "the fixture client runs it")]
)
def test_fixtures_of_clients_with_a_user(fixture: str, said: str, lab: Callable[..., Result]) -> None:
    """They are an error of the check's author."""
    body = "    client_alone\n" if fixture == "client_alone" else "    new_clients(1)\n"
    result = lab("", body, fixture)
    assert result.status == 3
    assert said in result.err


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("", "fetch.py is empty"),
        ("def f(:\n", "SyntaxError"),
        ("import sys\nsys.exit(2)\n", "fetch.py ended with exit status 2, and asked for nothing; it printed nothing"),
        ("import sys\nsys.exit('no')\n", "asked for nothing; on standard error: no"),
        ("x = 1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import requests\nrequests.nothing()\n", "AttributeError"),
    ],
)
def test_program_that_asks_for_nothing(program: str, said: str, lab: Callable[..., Result]) -> None:
    """The report says why, with the place in the file."""
    record = lab(program, "    page = client.page(Reply(b'x'))\n    assert client.run(page).output == b'x'\n").record
    assert failed(record) == ["1.1"]
    assert said in not_passed(record)["1.1"]


def test_program_that_asks_for_something_else(lab: Callable[..., Result]) -> None:
    """The report says what it asked for instead."""
    program = "import sys, urllib.request\nurllib.request.urlopen(sys.argv[1].replace('%', '%25'))\n"
    body = "    page = client.page(Reply(b'x'), '/a%20b')\n    assert client.run(page).output == b'x'\n"
    record = lab(program, body).record
    assert failed(record) == ["1.1"]
    assert "sent GET /a%2520b, but the URL is http://127.0.0.1:" in not_passed(record)["1.1"]


def test_report_shows_the_run_that_the_check_looks_at(lab: Callable[..., Result]) -> None:
    """Of three runs side by side, the events of the second are the last ones if it fails the check."""
    body = """\
    pages = [client.page(Reply(draw.word().encode())) for _ in range(3)]
    for run, wanted in zip(client.run_all(*pages), (b"1", b"5", b"1")):
        assert run.output == wanted
"""
    (result,) = lab(COUNTS, body).record.requirements
    assert [event["who"] for event in result.transcript][-5:] == ["run 2"] * 5
    assert {event["who"] for event in result.transcript} == {"run 1", "run 2", "run 3"}


def test_few_runs_are_side_by_side(lab: Callable[..., Result]) -> None:
    """Of many runs, four are started at first, and one more when one has ended: imports take long if all do them."""
    few = "    pages = [client.page(Reply(b'x')) for _ in range(12)]\n"
    few += "    assert all(run.output in (b'1', b'2', b'3', b'4') for run in client.run_all(*pages))\n"
    assert not_passed(lab(COUNTS_OTHERS, few).record) == {}
