"""Whether a program that waits wakes up on its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import until
from labcheck.program import waits
from labcheck.program.activity import Activity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports what threads do")

ASYNCIO = """
import asyncio
async def main():
    await asyncio.start_server(print, "127.0.0.1", 0)
    {}
asyncio.run(main())
"""
LISTENS = "import select, socket, threading; server = socket.create_server(('127.0.0.1', 0)); "
FOR_INPUT = {
    "accept": LISTENS + "server.accept()",
    "recv": "import socket; ours, theirs = socket.socketpair(); ours.recv(1)",
    "select": LISTENS + "select.select([server], [], [])",
    "poll": LISTENS + "poll = select.poll(); poll.register(server); poll.poll()",
    "a long time limit": LISTENS + "poll = select.poll(); poll.register(server); poll.poll(60_000)",
    "asyncio": ASYNCIO.format("await asyncio.Event().wait()"),
    "asyncio with the ping of an idle connection": ASYNCIO.format("await asyncio.sleep(20)"),
    "a lock": "import threading; threading.Event().wait()",
    "a thread": LISTENS + "threading.Thread(target=server.accept).start()",
    "a child": "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])",
    "input": "input()",
}
FOR_A_TIME = {
    "sleep": "import time; time.sleep(60)",
    "socket.settimeout": LISTENS + "server.settimeout(5); server.accept()",
    "select": LISTENS + "select.select([server], [], [], 60)",
    "serve_forever": "from http.server import *; ThreadingHTTPServer(('127.0.0.1', 0), None).serve_forever(5)",
    "asyncio": ASYNCIO.format("await asyncio.sleep(5)"),
    "a lock": "import threading; threading.Event().wait(60)",
    "one of several threads": LISTENS + "threading.Timer(60, print).start(); server.accept()",
    "a child": "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])",
}
FOR_TIME_LIMIT = FOR_A_TIME["socket.settimeout"]


def program(source: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Start a program that waits for its user, its clients or a time."""
    return subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE)


@pytest.fixture
def activity(request: pytest.FixtureRequest) -> Iterator[Activity]:
    """Start a program, and wait until it waits."""
    with program(request.param) as process:
        found = Activity(lambda: process.pid, lambda: True)
        found.wait_until_idle(30)
        found.begin_rest()
        yield found
        process.kill()


@pytest.mark.parametrize("activity", FOR_INPUT.values(), ids=FOR_INPUT, indirect=True)
def test_program_that_waits_for_input_stays_idle(activity: Activity) -> None:
    """A program whose threads all wait without a time limit does nothing until something arrives."""
    until(activity.waits_for_input)


@pytest.mark.parametrize("activity", FOR_A_TIME.values(), ids=FOR_A_TIME, indirect=True)
def test_program_that_waits_for_a_time_may_go_on(activity: Activity) -> None:
    """A program of which one thread waits for a time may go on by itself, no matter how long it has been idle."""
    until(lambda: activity.has_rested(0.5))
    assert not activity.waits_for_input()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import time; time.sleep(60)", "the program is asleep, as in time.sleep()"),
        ("while True: pass", "the program is busy"),
        ("import threading, time; threading.Thread(target=input).start(); time.sleep(60)", ""),
        (FOR_INPUT["accept"], ""),
        (FOR_TIME_LIMIT, ""),
    ],
    ids=["asleep", "busy", "asleep in one of two threads", "waits for a client", "waits for a client and a time"],
)
def test_what_a_program_is_doing_is_put_into_words(source: str, told: str) -> None:
    """Only a program that cannot do anything else is asleep: one of several threads may sleep."""
    with program(source) as process:
        doing = Activity(lambda: process.pid, lambda: True).doing
        until(lambda: doing().partition(":")[0] == told)
        assert all(doing().partition(":")[0] == told for _ in range(3))
        process.kill()


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("source", "sleeps"),
    [
        ("import time; time.sleep(60)", True),
        ("import time\nwhile True: time.sleep(0.02)", False),
        ("while True: pass", False),
        (FOR_INPUT["accept"], False),
        ("import threading, time; threading.Thread(target=input).start(); time.sleep(60)", False),
    ],
    ids=["long", "short", "busy", "waits for a client", "in one of two threads"],
)
def test_long_sleep_is_recognized(source: str, sleeps: bool) -> None:
    """A program that sleeps for a moment again and again serves its clients in between."""
    with program(source) as process:
        activity = Activity(lambda: process.pid, lambda: True)
        if sleeps:
            until(lambda: activity.sleeps_for(0.2))
        else:
            activity.wait_until_idle(0.5)
            assert not any(activity.sleeps_for(0.2) for _ in range(10))
        process.kill()


def test_unknown_process_may_go_on() -> None:
    """If the system does not report what a process waits for, it may wake up on its own."""
    assert waits.wakes_by_itself(2**22 + 1)


def test_unknown_system_call_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine whose numbers of system calls are not known here, every thread may wake up on its own."""
    with program("input()") as process:
        activity = Activity(lambda: process.pid, lambda: True)
        until(activity.waits_for_input)
        monkeypatch.setattr(waits, "CALLS", {})
        assert not activity.waits_for_input()
        process.kill()


@pytest.mark.parametrize("limit", ["0xffffffff", "0xffffffffffffffff"])
def test_signed_milliseconds(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel shows a whole register, of which poll(2) uses 32 bits: -1 may have 32 or 64 of them."""
    monkeypatch.setattr(waits, "CALLS", waits.X86_64)
    assert not waits._has_time_limit(f"7 0x7ffd 0x1 {limit} 0x0 0x0 0x0 0x7ffe 0x7f00")
