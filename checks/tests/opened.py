"""`labcheck open` for the tests of its page: the command, and a window that is connected to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

from websockets.sync.client import connect

from conftest import CHECKOUT, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSES = (CHECKOUT / "solutions" / "lab1" / "webserver.py").read_text("utf-8")
FAILS_2_3 = PASSES.replace("tm_yday", "tm_mday")
LIMIT = 60  # seconds for each wait, even on a loaded machine
TOP = "/labcheck/"


def save(folder: Path, text: str) -> None:
    """Save the program of lab 1 as editors do: a new file takes the name of the old one."""
    new = folder / "new~"
    new.write_text(text, "utf-8")
    new.replace(folder / "webserver.py")


class Opened:
    """The command in a folder, until the end of its `with` block; `state` is where it remembers results."""

    def __init__(self, folder: Path, *words: str, state: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labcheck", "open", "--no-open", *words],
            cwd=folder,
            env={**OUTSIDE, "XDG_STATE_HOME": str(state), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        text = ""
        while (found := re.search(r"http://127\.0\.0\.1:(\d+)(\S+)", text)) is None:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            text += line
        self.address = found[0]
        self.port = int(found[1])
        self.path = found[2]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL if self.process.poll() is None else None)

    def end(self, number: int | None = signal.SIGINT) -> tuple[int, str]:
        """Send it a signal, Ctrl+C if none is named; return its exit status and what it has printed since its start."""
        if number is not None:
            os.kill(self.process.pid, number)
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out + err

    def get(self, path: str, **fields: str) -> tuple[http.client.HTTPResponse, str]:
        """Return the answer to a request, and its body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in fields.items()})
            answer = connection.getresponse()
            return answer, answer.read().decode()

    def cookie(self) -> str:
        """Go in with the token, and return the cookie."""
        answer, _ = self.get(self.path)
        assert answer.status == 200
        return answer.headers["Set-Cookie"].split(";")[0]

    @contextlib.contextmanager
    def window(self, cookie: str = "", **more: Any) -> Iterator[Window]:
        """Connect as the page does."""
        fields = {"Cookie": cookie or self.cookie()}
        origin = more.pop("origin", f"http://127.0.0.1:{self.port}")
        url = f"ws://127.0.0.1:{self.port}{TOP}live"
        with connect(url, additional_headers=fields, origin=origin, proxy=None, **more) as socket:
            yield Window(socket)


class Window:
    """A window of the page: it gets messages, and asks."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []

    def ask(self, what: str, of: str = "") -> None:
        """Ask for something, as a click does."""
        self.socket.send(json.dumps({"ask": what, "of": of}))

    def until(self, about: str, condition: Callable[[dict[str, Any]], object] = bool) -> dict[str, Any]:
        """Return the next message about something for which a condition holds."""
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv(timeout=LIMIT))
            self.messages.append(message)
            if message["about"] == about and condition(message):
                return message

    def whole(self) -> dict[str, Any]:
        """Wait for the end of a complete run, and return the report."""
        return self.until("report", lambda report: not report["running"] and "" not in report["outcomes"].values())
