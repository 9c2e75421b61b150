"""The program kind `http server`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from labcheck.errors import HttpError
from labcheck.protocols.http.client import Client
from labcheck.protocols.http.server import Server
from labcheck.protocols.kinds import Kind, register
from labcheck.protocols.manners import Manners
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from labcheck.program.program import Program
    from labcheck.protocols.check import Check
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.started import Started


@register
class HttpServer(Kind):
    """A program that answers requests over HTTP."""

    name = "http server"
    one_silence_tells = True
    is_kept = True

    def view(self, check: Check, started: Started) -> Server:
        """Return the server as a check sees it."""
        return Server(check, started)

    def still_answers(self, program: Program, check: Check, deadline: Deadline) -> bool:
        """Return whether the server answers any of several ordinary requests."""
        client = Client(program.connect, program.port, check.port, Transcript(), deadline, Manners(), program.activity)
        targets = ("/", check.probe, f"/{check.draw.word()}.html", f"/{check.draw.word()}.zzz")
        for target in filter(None, targets):
            with contextlib.suppress(HttpError):
                client.get(target)
                return True
        return False
