"""labcheck's own WebSocket server, which the student's client connects to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from labcheck.errors import Trouble, WebSocketError
from labcheck.protocols import peer
from labcheck.protocols.websocket.connection import SILENCE, Endpoint
from labcheck.protocols.websocket.evidence import Target
from labcheck.record.text import shorten

if TYPE_CHECKING:
    import socket

    from labcheck.record.transcript import Transcript


class Connection(Endpoint):
    """A connection from the student's client."""

    target = Target("")
    welcomed = False  # the peer has noticed its opening handshake

    other = "client"

    def __init__(self, sock: socket.socket, transcript: Transcript, who: str) -> None:
        self._server = ServerProtocol(max_size=self.most, logger=SILENCE)
        super().__init__(sock, self._server, transcript, who)

    @property
    def half(self) -> str:
        """What has arrived of a message that is not complete, in words."""
        size = sum(map(len, self._pieces))
        return f"{size:,} bytes of a message that has not ended" if self._pieces else ""

    def _open(self, event: Request | Response) -> None:
        assert isinstance(event, Request)
        if (broken := self._server.parser_exc) is not None:
            text = f"the bytes after the client's opening handshake are not a WebSocket frame: {broken}"
            self.error = WebSocketError(Trouble.MALFORMED, text)
            return
        response = self._server.accept(event)
        self.target = Target(event.path)
        self.opened = response.status_code == 101
        if not self.opened and self._server.handshake_exc is not None:
            self._fail_handshake(self._server.handshake_exc)
            if self._server.eof_sent:  # a close frame came with the request, so the library has no answer any more
                return
        self._server.send_response(response)
        self.transcript.sent(response.serialize(), "handshake", self.who)

    def _fail_handshake(self, error: Exception) -> None:
        why = error if isinstance(error, InvalidHandshake) else type(error).__name__
        text = f"the client's request is not an opening handshake: {shorten(str(why), 100)}"
        self.error = WebSocketError(Trouble.MALFORMED, text)


class Peer(peer.Peer[Connection]):
    """A WebSocket server on a port; it answers each message with the next of the prepared answers."""

    def _connection(self, sock: socket.socket) -> Connection:
        return Connection(sock, self.transcript, self.who)
