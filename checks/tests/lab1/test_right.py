"""Programs that meet lab 1's spec get full marks, no matter how they are written."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, not_passed, programs
from labcheck.program.ports import Port
from labcheck.record.record import Outcome
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.copies import PrivateCopies
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RIGHT = programs((TESTS / "lab1" / "right").glob("*.py"))


@pytest.mark.sample(5)
@pytest.mark.parametrize("program", RIGHT)
def test_right_program_gets_full_marks(
    program: Path, labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """A right program passes, no matter how it is written."""
    result = labcheck("lab1", submission(program), "--json", "-")
    assert not_passed(result.record) == {}
    assert result.status == 0


SERVES_FILES_ONLY = """\
import socket, sys, threading
from pathlib import Path
from urllib.parse import unquote

SITE = (Path(__file__).parent / "site").resolve()
TYPES = {
    ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".png": "image/png", ".jpg": "image/jpeg",
    ".svg": "image/svg+xml", ".json": "application/json",
}

def serve(client):
    with client:
        words = client.recv(65536).decode().split("\\r\\n")[0].split()
        try:
            file = (SITE / unquote(words[1]).lstrip("/")).resolve()
            body = file.read_bytes() if file.is_relative_to(SITE) else None
        except (OSError, ValueError, IndexError):
            body = None
        if body is None:
            client.sendall(b"HTTP/1.1 404 Not Found")
            return
        kind = TYPES.get(file.suffix, "application/octet-stream")
        head = f"HTTP/1.1 200 OK\\r\\nContent-Type: {kind}\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
        client.sendall(head.encode() + body)

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("Started HTTP server")
try:
    while True:
        threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
except KeyboardInterrupt:
    print("shutting down")
"""


def test_unfinished_program_keeps_what_it_has_earned(
    labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """A server that breaks off its refusals is not given up: it does serve files."""
    record = labcheck("lab1", submission(SERVES_FILES_ONLY), "--json", "-").record
    assert {"1.1", "1.2", "1.3", "3.1", "3.2", "3.3", "3.4"}.isdisjoint(not_passed(record)), not_passed(record)
    assert "never answers" not in "".join(not_passed(record).values())


SLOW = {  # what the solution's handler does in addition
    "closes a second after it": "def finish(self):\n        super().finish()\n        time.sleep(1)",
    "begins late": "def send_response(self, *args):\n        time.sleep(SECONDS)\n        super().send_response(*args)",
}


@pytest.fixture
def slow_solution(tmp_path: Path) -> Callable[..., Path]:
    """A function that returns a folder with the solution, made slow."""

    def make(how: str, seconds: float = 0) -> Path:
        text = (CHECKOUT / "solutions" / "lab1" / "webserver.py").read_text("utf-8")
        place = "    def do_GET"
        assert text.count(place) == 1
        more = f"    {SLOW[how].replace('SECONDS', str(seconds))}\n\n{place}"
        (tmp_path / "webserver.py").write_text(text.replace(place, more), "utf-8")
        return tmp_path

    return make


def test_server_may_keep_connections_open(labcheck: Callable[..., Result], slow_solution: Callable[..., Path]) -> None:
    """A server that closes the connection long after its answer passes, and is not waited for each time."""
    result = labcheck("lab1", slow_solution("closes a second after it"), "--json", "-")
    assert not_passed(result.record) == {}
    answers = sum(event["kind"] == "received" for each in result.record.requirements for event in each.transcript)
    assert answers > 80
    assert result.record.seconds < answers / 4


@pytest.mark.everything
def test_server_may_be_slow(labcheck: Callable[..., Result], slow_solution: Callable[..., Path]) -> None:
    """A server that needs a quarter of a second for each answer passes within the usual budget."""
    result = labcheck("lab1", slow_solution("begins late", 0.25), "--json", "-")
    assert not_passed(result.record) == {}


def test_budget_that_is_too_small_costs_nothing_that_was_checked(
    labcheck: Callable[..., Result], slow_solution: Callable[..., Path]
) -> None:
    """When the time is over, the rest is not run; the reason says how long answers took, and what to do."""
    result = labcheck("lab1", slow_solution("begins late", 1), "--budget", 6, "--json", "-")
    outcomes = {each.id: each.outcome for each in result.record.requirements}
    assert Outcome.FAILED not in outcomes.values()
    assert {"1.1", "1.2", "2.1"} <= {id for id, outcome in outcomes.items() if outcome is Outcome.PASSED}
    reasons = {each.reason for each in result.record.requirements if each.outcome is Outcome.NOT_RUN}
    # The first check that is not run may need more time than is left.
    said = r"(out of time after 6 s; each answer took 1\.\d s|its exchange would take 1 s); --budget \d+ gives it more"
    assert [reason for reason in reasons if not re.fullmatch(said, reason)] == []
    assert reasons


def test_solution_gets_full_marks(labcheck: Callable[..., Result]) -> None:
    """The reference solution passes."""
    result = labcheck("lab1", CHECKOUT / "solutions" / "lab1", "--json", "-")
    assert not_passed(result.record) == {}
    assert (result.record.score, result.record.max_score) == (29, 29)


@pytest.mark.parametrize("requirement", ["2.3", "1.4", "6.2"])
def test_one_requirement_can_be_checked_alone(labcheck: Callable[..., Result], requirement: str) -> None:
    """`--only` checks one requirement; the others are reported as not selected."""
    result = labcheck("lab1", CHECKOUT / "solutions" / "lab1", "--only", requirement, "--json", "-")
    assert result.status == 0
    others = [each for each in result.record.requirements if each.id != requirement]
    assert len(others) == 28
    assert {(each.outcome, each.reason) for each in others} == {(Outcome.NOT_RUN, "was not selected (--only)")}
    assert result.record.selected == [requirement]


def test_seed_repeats_every_random_value(labcheck: Callable[..., Result]) -> None:
    """Two runs with the same seed send the same requests, even if only one requirement is checked."""
    solution = CHECKOUT / "solutions" / "lab1"
    runs = [
        labcheck("lab1", solution, "--seed", "7", "--json", "-", *only).record for only in ((), (), ("--only", "2.2"))
    ]
    lines = [next(each.by_hand for each in run.requirements if each.id == "2.2") for run in runs]
    assert lines[0] == lines[1] == lines[2]
    assert labcheck("lab1", solution, "--seed", "8", "--json", "-").record.requirements[5].by_hand != lines[0]


def test_ctrl_c_reaches_a_program_whose_grader_runs_in_the_background(labcheck: Callable[..., Result]) -> None:
    """1.3 is checked even if the grader was started with SIGINT ignored, as with a shell's `&`."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        result = labcheck("lab1", CHECKOUT / "solutions" / "lab1", "--only", "1.3")
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.status == 0, result.out


def test_solution_never_aborts_at_its_end() -> None:
    """Ctrl+C ends the solution with status 0 while it serves clients, even if its streams are buffered.

    A daemon thread that is inside sys.stderr.write() when the interpreter shuts down would make it abort.
    """
    request = b"GET /a.zzz HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def visit(port: int, over: threading.Event) -> None:
        while not over.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as client:
                client.sendall(request)
                client.recv(4096)

    def listens(port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    lab, port, statuses = load_lab("lab1"), Port(), set()
    with PrivateCopies(lab, lab.solution, Sandbox()) as copies:
        folder = copies.new()
        for _ in range(15):
            over = threading.Event()
            with subprocess.Popen(
                [sys.executable, "webserver.py", str(port.number)], cwd=folder, text=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PYTHONUNBUFFERED": ""},
            ) as process:  # fmt: skip
                while not listens(port.number):
                    assert process.poll() is None
                clients = [threading.Thread(target=visit, args=(port.number, over), daemon=True) for _ in range(4)]
                for client in clients:
                    client.start()
                with socket.create_connection(("127.0.0.1", port.number)) as first:
                    first.sendall(request)
                    first.recv(4096)
                # Send it again: Python loses it, for example, inside the callback of a weak reference.
                while process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        statuses.add(process.wait(3))
                over.set()
                for client in clients:
                    client.join()
    port.release()
    assert statuses == {0}
