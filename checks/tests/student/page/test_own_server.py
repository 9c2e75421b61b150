"""The user's own server on the page: started again and again, and if it cannot be started."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, until
from labcheck.student.page import own_server
from labcheck.student.page.own_server import OwnServer, Started
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

SOLUTION = CHECKOUT / "solutions" / "lab1"


@pytest.fixture
def server() -> Iterator[OwnServer]:
    """The server of the solution; each event is handled at once."""
    heard: list[Started] = []

    def tell(event: Started) -> None:
        heard.append(event)
        found.handle(event)

    found = OwnServer(load_lab("lab1"), SOLUTION, sys.executable, tell)
    yield found
    found.close()


def test_many_saves_in_a_row(server: OwnServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves come before the server of the last one listens: that of the last save runs, and no thread fails."""
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    server.start("webserver")
    for _ in range(5):
        server.restart()
    until(lambda: server.message()["port"])
    assert server.message()["starts"] == 6
    assert server.message()["state"].startswith("webserver.py is running on port ")
    assert failed == []


@pytest.mark.parametrize("error", [OSError("no free port"), OSError(28, "No space left on device")])
def test_it_cannot_be_started(server: OwnServer, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    """Without a port, or without room for the copy, the page says why, and it can be tried again."""

    def fail(wanted: int | None = None) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(own_server, "Port", fail)
        server.start("webserver")
        message = server.message()
    assert message["state"] == f"webserver.py cannot be started: {error.strerror or error}"
    assert (message["port"], message["wanted"]) == (0, "webserver")
    server.restart()
    until(lambda: server.message()["port"])


def test_unknown_name_changes_nothing(server: OwnServer) -> None:
    """Only a server of the lab can be started."""
    server.start("no such program")
    server.restart()
    assert (server.message()["starts"], server.message()["state"]) == (0, "webserver.py is not running.")
