"""All that a suite may import.

A check is a test function with `@requirement`; its docstring is the sentence that the student
reads. It gets programs from fixtures (`labcheck.judging.fixtures`) and compares with plain `assert`, and the engine
turns a comparison that fails into expected / received lines. What a check raises decides the outcome:

- AssertionError, ExchangeError, NotReadyError: failed, the student's fault;
- Unmet: what the check needs is not there; not run where a requirement it needs has failed;
- anything else: an error, ours, which costs nobody a point.

A suite runs under plain pytest as well:
`pytest -p labcheck.suite --submission DIR checks/labcheck/suites/lab1`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from labcheck.judging.marks import given, requirement
from labcheck.protocols.draw import Draw
from labcheck.protocols.http.answer import Answer, numbers
from labcheck.protocols.http.client import FORM
from labcheck.protocols.http.evidence import CLIENT_ERROR
from labcheck.protocols.http.server import Server

if TYPE_CHECKING:
    from labcheck.protocols.websocket.client import ClientProgram
    from labcheck.protocols.websocket.connection import WebSocketClient
    from labcheck.protocols.websocket.evidence import Messages
    from labcheck.protocols.websocket.server import WebSocketServer

__all__ = [
    "CLIENT_ERROR",
    "FORM",
    "Answer",
    "ClientProgram",
    "Draw",
    "Messages",
    "Server",
    "WebSocketClient",
    "WebSocketServer",
    "given",
    "numbers",
    "requirement",
]

pytest_plugins = ["labcheck.judging.checks"]
WEBSOCKET_NAMES = {
    "ClientProgram": "client",
    "Messages": "evidence",
    "WebSocketClient": "connection",
    "WebSocketServer": "server",
}


def __getattr__(name: str) -> Any:
    """Load what only labs with WebSockets need when such a lab asks for it."""
    if name in WEBSOCKET_NAMES:
        return getattr(import_module(f"labcheck.protocols.websocket.{WEBSOCKET_NAMES[name]}"), name)
    raise AttributeError(name)
