"""Everything that a suite may import.

A check is a test function that is marked with `@requirement`; its docstring is the sentence that the student reads. It
gets the programs from fixtures (`labcheck.judging.fixtures`) and compares values with plain `assert`. labcheck turns a
failed comparison into an expected and a received line. The exception that a check raises decides its outcome:

- AssertionError, ExchangeError, NotReadyError: the requirement fails.
- Unmet (raised by `given`): a precondition does not hold. The requirement is not run if one that it needs fails;
  otherwise it fails.
- Any other exception: an error of the check, which earns the student no point and leaves the grade open.

A suite also runs under plain pytest:
`pytest -p labcheck.suite --submission DIR checks/labcheck/suites/lab1`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from labcheck.errors import ExchangeError
from labcheck.judging.marks import given, requirement
from labcheck.program.evidence import Evidence, Mismatch, differs
from labcheck.protocols.draw import Draw
from labcheck.protocols.http.answer import Answer, numbers
from labcheck.protocols.http.client import FORM, Connection
from labcheck.protocols.http.evidence import CLIENT_ERROR
from labcheck.protocols.http.server import Server
from labcheck.protocols.json_value import SOME_TEXT, Json

if TYPE_CHECKING:
    from labcheck.protocols.http_client.client import HttpClient, Run
    from labcheck.protocols.http_client.peer import Page
    from labcheck.protocols.http_client.reply import Reply
    from labcheck.protocols.lines.client import LinesClient
    from labcheck.protocols.lines.connection import LineConnection
    from labcheck.protocols.lines.server import LinesServer
    from labcheck.protocols.mixed.server import MixedServer
    from labcheck.protocols.websocket.client import ClientProgram
    from labcheck.protocols.websocket.connection import WebSocketClient
    from labcheck.protocols.websocket.evidence import Message, Messages
    from labcheck.protocols.websocket.server import WebSocketServer
    from labcheck.protocols.xml_value import Xml

__all__ = [
    "CLIENT_ERROR",
    "FORM",
    "SOME_TEXT",
    "Answer",
    "ClientProgram",
    "Connection",
    "Draw",
    "Evidence",
    "ExchangeError",
    "HttpClient",
    "Json",
    "LineConnection",
    "LinesClient",
    "LinesServer",
    "Message",
    "Messages",
    "Mismatch",
    "MixedServer",
    "Page",
    "Reply",
    "Run",
    "Server",
    "WebSocketClient",
    "WebSocketServer",
    "Xml",
    "differs",
    "given",
    "numbers",
    "requirement",
]

pytest_plugins = ["labcheck.judging.checks"]
LATER = {
    "ClientProgram": "websocket.client",
    "HttpClient": "http_client.client",
    "LineConnection": "lines.connection",
    "LinesClient": "lines.client",
    "LinesServer": "lines.server",
    "Message": "websocket.evidence",
    "Messages": "websocket.evidence",
    "MixedServer": "mixed.server",
    "Page": "http_client.peer",
    "Reply": "http_client.reply",
    "Run": "http_client.client",
    "WebSocketClient": "websocket.connection",
    "WebSocketServer": "websocket.server",
    "Xml": "xml_value",
}


def __getattr__(name: str) -> Any:
    """Import the names of some kinds on first use: labs without such programs do not need them."""
    if name in LATER:
        return getattr(import_module(f"labcheck.protocols.{LATER[name]}"), name)
    raise AttributeError(name)
