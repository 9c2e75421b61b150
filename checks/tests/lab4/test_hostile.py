"""Clients and services that misbehave get a verdict in bounded time, and leave nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import TESTS, Result, failed, needs_fork, not_passed
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("nothing_is_left")
FETCH = TESTS / "lab4" / "hostile" / "fetch"

# What the report of 5.1 says about each.
SAID = {
    "deletes_its_folder": "there is no fetch.py in the folder",
    "endless_header": "",
    "floods_stdout": "the program was still running after 10 s",
    "floods_with_requests": "the program was still running after 10 s",
    "many_connections": "asked for nothing; on standard error: enough",
    "never_ends": "the program was still running after 10 s",
    "never_reads": "nothing on standard output",
    "tracebacks": "RuntimeError: not today (fetch.py, line 3)",
    "waits_for_input": "EOFError",
}


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", SAID)
def test_hostile_client_fails_in_time(
    name: str, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """5.1 fails, and says why; nothing is an internal error."""
    result = labcheck("lab4", with_program("lab4", "fetch", FETCH / f"{name}.py"), "--only", "5.1", "--json", "-")
    assert failed(result.record) == ["5.1"]
    assert SAID[name] in not_passed(result.record)["5.1"]
    assert result.status == 1
    assert result.seconds < 40


def test_client_that_never_ends_does_not_use_up_the_time(
    labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """After some runs without an end, the other requirements are not run."""
    record = labcheck(
        "lab4", with_program("lab4", "fetch", FETCH / "never_ends.py"), "--only", "5", "--json", "-"
    ).record
    assert failed(record) == ["5.1"]
    others = [each for each in record.requirements if each.id.startswith("5.") and each.id != "5.1"]
    assert {each.outcome for each in others} == {Outcome.NOT_RUN}


LEAVES_ONE = """
import os, time as clock
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for stream in (0, 1, 2):
            os.close(stream)
        clock.sleep(0.5)
        import urllib.request
        urllib.request.urlopen(sys.argv[1]).read()
    os._exit(0)
"""


@needs_fork
def test_request_of_a_process_left_behind_is_seen(
    labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """A client that asks in the background although the kept body is fresh fails that requirement, and no other."""
    solution = (TESTS.parent.parent / "solutions" / "lab4" / "fetch.py").read_text("utf-8")
    place = "    if kept is not None and kept.is_fresh:\n"
    assert solution.count(place) == 1
    code = "".join(f"        {line}\n" for line in LEAVES_ONE.strip().replace("sys.argv[1]", "url").splitlines())
    folder = with_program("lab4", "fetch", solution.replace(place, place + code))
    record = labcheck("lab4", folder, "--only", "5", "--json", "-").record
    assert failed(record) == ["5.7"], not_passed(record)
    assert "2 requests" in not_passed(record)["5.7"]
