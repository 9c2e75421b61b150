"""The program kind `http server`."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from labcheck.errors import HttpError, Trouble
from labcheck.protocols.http.client import Client
from labcheck.protocols.http.server import Server
from labcheck.protocols.kinds import Kind, register
from labcheck.protocols.manners import Manners
from labcheck.record.transcript import Transcript

if TYPE_CHECKING:
    from labcheck.errors import ExchangeError
    from labcheck.program.program import Program
    from labcheck.protocols.check import Check
    from labcheck.protocols.deadline import Deadline
    from labcheck.protocols.started import Started


MARKUP = re.compile(r"<(!doctype|html|head|title|body|h[1-6]|p|div|ul|table)\b", re.IGNORECASE)


@register
class HttpServer(Kind):
    """A program that answers requests over HTTP."""

    name = "http server"
    one_silence_tells = True
    is_kept = True

    def view(self, check: Check, started: Started) -> Server:
        """Return the server as a check sees it."""
        return Server(check, started)

    def cause(self, started: Started, check: Check, error: ExchangeError | None) -> str:
        """Return why an exchange failed: headers that were not ended, or a page that was printed instead of sent."""
        if error is None:
            printed = started.program.stdout.text(started.stdout_before)
            is_page = MARKUP.search(printed) and any(word in printed for word in check.draw.words)
            return "the page was printed on standard output" if is_page else ""
        if error.trouble is Trouble.CLOSED and not check.transcript.answer():
            # http.server logs a status in send_response(), and sends it in end_headers().
            line = re.escape(check.transcript.last_request_line())
            logged = started.program.stderr.text(started.stderr_before)
            if re.search(rf'"{line}" \d{{3}} ', logged):
                return (
                    "your program logged a status for this request, but sent nothing; with http.server, "
                    "the headers were never ended: end_headers()"
                )
        return ""

    def still_answers(self, program: Program, check: Check, deadline: Deadline) -> bool:
        """Return whether the server answers any of several ordinary requests."""
        return answers_any(program, check, deadline)


def answers_any(program: Program, check: Check, deadline: Deadline) -> bool:
    """Return whether a server answers any of several ordinary requests over HTTP."""
    client = Client(program.connect, program.port, check.port, Transcript(), deadline, Manners(), program.activity)
    targets = ("/", check.probe, f"/{check.draw.word()}.html", f"/{check.draw.word()}.zzz")
    for target in filter(None, targets):
        with contextlib.suppress(HttpError):
            client.get(target)
            return True
    return False
