"""The server of the page: its files, and a WebSocket to each browser window."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from labcheck.errors import UsageError
from labcheck.program.machine import open_socket
from labcheck.student.page.entrance import HOST, Entrance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from websockets.http11 import Request, Response

    from labcheck.student.page.entrance import File

LONGEST = 4096  # bytes of a message from a window
CLOSES_WITHIN = 1.0  # seconds for a window to close its connection at the end


@dataclass(frozen=True)
class Joined:
    """A window has connected, and knows nothing so far."""

    window: ServerConnection


@dataclass(frozen=True)
class Asked:
    """The user has clicked on something in a window: `what` it is, and which one of them."""

    window: ServerConnection
    what: str
    which: str


class Site:
    """Serves the files, by path, until it is closed. Raises UsageError if the port (0: any) is taken.

    `tell` is called with each `Joined` and `Asked`, in a thread of its own.
    """

    def __init__(self, files: Mapping[str, File], tell: Callable[[Joined | Asked], None], port: int = 0) -> None:
        self._tell = tell
        self._windows: set[ServerConnection] = set()
        self._socket = open_socket()
        if sys.platform != "win32":  # there it would let two programs share the port
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
            self._socket.listen()  # who comes before the thread runs has to wait, but is not refused
        except OSError as error:
            self._socket.close()
            raise UsageError(f"cannot use port {port} for the page: {error.strerror}; give another --port") from error
        self.entrance = Entrance(self._socket.getsockname()[1], files)
        self._asyncio = asyncio.new_event_loop()
        self._is_over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()

    def send(self, message: Mapping[str, Any], window: ServerConnection | None = None) -> None:
        """Send a message, as JSON, to one window or to all. Does not wait for them."""
        text = json.dumps(message)
        self._asyncio.call_soon_threadsafe(lambda: broadcast([window] if window else self._windows, text))

    def close(self) -> None:
        """Close all windows' connections."""
        self._asyncio.call_soon_threadsafe(self._is_over.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._asyncio) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        quiet = logging.getLogger(f"{__name__}.quiet")
        quiet.disabled = True  # what is no request must write nothing on the user's terminal
        async with serve(
            self._join,
            sock=self._socket,
            process_request=self._answer,
            max_size=LONGEST,
            server_header=None,
            compression=None,
            close_timeout=CLOSES_WITHIN,
            logger=quiet,
        ):
            await self._is_over.wait()

    async def _answer(self, window: ServerConnection, request: Request) -> Response | None:
        del window
        return self.entrance.answer(request)

    async def _join(self, window: ServerConnection) -> None:
        self._windows.add(window)
        self._tell(Joined(window))
        try:
            async for text in window:
                self._tell(Asked(window, *_read(text)))
        except (ConnectionClosed, ValueError):  # not the page's own script
            pass
        finally:
            self._windows.discard(window)


def _read(text: str | bytes) -> tuple[str, str]:
    """Return what a message asks for: `{"ask": "details", "of": "2.3"}`. Raises ValueError."""
    message = json.loads(text)
    found = (message.get("ask"), message.get("of", "")) if isinstance(message, dict) else (None, None)
    match found:
        case (str() as what, str() as which):
            return what, which
    raise ValueError(f"not a message of the page: {text!r}")
