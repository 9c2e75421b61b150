"""WebSocket connections for checks (RFC 6455): every frame is recorded, every wait ends, errors are in plain words.

The protocol itself is implemented by the core of the library websockets, which does no input or output. An `Endpoint`
is either side of a connection and never waits; a `WebSocketClient` is the client's side, for a check that waits for the
next message.
"""

from __future__ import annotations

import contextlib
import logging
import re
import select
import socket
import sys
from collections import deque
from typing import TYPE_CHECKING

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidHeaderValue, InvalidStatus, PayloadTooBig
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import WebSocketURI
from websockets.utils import accept_key

from labcheck.errors import Trouble, WebSocketError
from labcheck.program import clock, sockets
from labcheck.program.machine import lack
from labcheck.protocols.deadline import Deadline, in_words
from labcheck.protocols.websocket.evidence import Message, Messages, Shutdown
from labcheck.record.text import quote, shorten, show_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from websockets.http11 import Request, Response
    from websockets.protocol import Protocol

    from labcheck.program.activity import Activity
    from labcheck.protocols.manners import Manners
    from labcheck.record.transcript import Transcript

CHUNK = 128 * 1024  # bytes read or written at once
HEAD = 64 * 1024  # bytes kept of an opening handshake
MOST_UNSENT = 16 * 1024 * 1024  # bytes waiting to be sent because the other side does not read
MOST_WAITING = 5_000  # messages that have arrived and were not taken
MOST_PINGS = 10_000  # pings and pongs on one connection
SMALL = 64  # bytes; a message in smaller frames than this is one without end. The shortest header is for up to 125
MOST_OTHERS = 1000  # other messages received while waiting for a certain one
MOST_HEARD = 32 * 1024 * 1024  # characters in them; a server may send a client its own 16 MiB back
KEPT_OF_ONE = 1000  # characters kept of each of them
KEPT_ASIDE = 100  # messages kept that no check has asked for
AHEAD = 4096  # bytes of a too large message that are sent before waiting for the server's reaction
REACTION = 0.05  # seconds for that reaction
IDLE = "came, and the server is idle: waiting longer would not help"  # a server may wait for another client, too
GLANCE = 0.02  # seconds to wait for data between two looks at what the server is doing
FAREWELL = 1.0  # seconds for the server's half of the closing handshake, if the check does not test it

SILENCE = logging.Logger("labcheck.protocols.websocket", logging.CRITICAL + 1)  # drops what the library logs


def size_of(messages: Iterable[Message]) -> int:
    """Return the total size of messages: characters of text messages, bytes of binary ones."""
    return sum(message.size for message in messages)


class Endpoint:
    """One side of a connection. Its methods never wait.

    `who` is the name of the connection in the transcript. `inbox` holds the messages that have arrived and were not
    taken. `opened` says that the opening handshake is complete, `error` what went wrong, `shutdown` how the connection
    was closed (None: it is open).
    """

    other = "server"  # the other side
    # Largest size in bytes of one message, and of all messages that were not taken; no check asks for more than 1 MiB.
    most = 5 * 256 * 1024

    def __init__(self, sock: socket.socket, protocol: Protocol, transcript: Transcript, who: str = "") -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transcript = transcript
        self.who = who
        self.inbox: deque[Message] = deque()
        self.error: WebSocketError | None = None
        self.shutdown: Shutdown | None = None
        self._socket = sock
        self._protocol = protocol
        self._out = bytearray()
        self._half_closed = False
        self._held_back = False
        self._unread = 0  # bytes of messages that arrived since they were last counted
        self._pings = 0
        self._pieces: list[bytes] = []  # of a message in several frames
        self._binary = False
        self._head = bytearray()  # what arrived before the opening handshake was complete
        self.opened = False  # the opening handshake is complete

    def fileno(self) -> int:
        """Return the socket's file descriptor, for select(); -1 if it is closed."""
        return self._socket.fileno()

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._protocol.state is OPEN and self.shutdown is None

    @property
    def wants_to_write(self) -> bool:
        """Whether data is waiting to be written."""
        return bool(self._out) and self.shutdown is None

    def post(self, text: str) -> None:
        """Send a text message in one frame, as soon as the other side can take it; do not wait for that."""
        data = text.encode()
        if self.is_open:
            self._protocol.send_text(data)
            self.transcript.sent(data, "text", self.who)
            self._collect()

    def say_goodbye(self, code: int = CloseCode.NORMAL_CLOSURE) -> None:
        """Send a close frame with this close code, if the connection is open; do not wait for the answer."""
        if self.is_open:
            self._protocol.send_close(code)
            self.transcript.sent(b"", f"close {code}", self.who)
            self._collect()

    def vanish(self) -> None:
        """Close the connection abruptly: no close frame, but a TCP reset."""
        if self._socket.fileno() >= 0:
            sockets.reset(self._socket)
            side = "client" if self.other == "server" else "server"
            self.transcript.note(f"the {side} reset the connection (TCP RST)", self.who)
        self.shutdown = self.shutdown or Shutdown(CloseCode.ABNORMAL_CLOSURE)

    def hang_up(self) -> None:
        """Close the socket and drop the messages that were not taken."""
        self.inbox.clear()
        self._pieces = []
        self._socket.close()
        self.shutdown = self.shutdown or Shutdown(CloseCode.ABNORMAL_CLOSURE)

    def write(self) -> None:
        """Write as much as the other side can take now."""
        try:
            while self._out:
                del self._out[: self._socket.send(self._out[:CHUNK])]
            if self._half_closed and self._socket.fileno() >= 0:
                self._socket.shutdown(socket.SHUT_WR)
                self._half_closed = False
        except BlockingIOError:
            pass
        except OSError:
            self._out.clear()  # the other side is gone; its last data is still to be read

    def read(self) -> None:
        """Read what has arrived."""
        try:
            data = self._socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._over()
            return
        if not self.opened:
            self._head += data[: max(0, HEAD - len(self._head))]
        self._process(lambda: self._protocol.receive_data(data))

    def _process(self, receive: Callable[[], None]) -> None:
        """Pass on what has arrived to the library, and process the events that it finds there.

        The library should be ready for anything. If some bytes make it fail, they are this connection's error: other
        connections go on.
        """
        try:
            with contextlib.suppress(EOFError):  # bytes after the end of the connection
                receive()
            self._take()
        except Exception as error:
            if lack(error):
                raise
            came = show_bytes(bytes(self._head)) if self._head else "nothing"
            text = f"the {self.other}'s bytes are not a WebSocket connection ({type(error).__name__}): {came}"
            self.error = self.error or WebSocketError(Trouble.MALFORMED, text)
            self.transcript.note(text, self.who)
            self.hang_up()

    def _over(self) -> None:
        self._process(self._protocol.receive_eof)
        if self.shutdown is None:
            self.transcript.hung_up(self.other, self.who)
            self.shutdown = Shutdown(CloseCode.ABNORMAL_CLOSURE)
        self._out.clear()
        self._socket.close()

    def _take(self) -> None:
        """Process the events that the library has parsed."""
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                if self.opened:
                    self._take_frame(event)
                continue
            end = self._head.find(b"\r\n\r\n") + 4
            self.transcript.received(bytes(self._head[: end if end > 3 else None]), "handshake", self.who)
            if self._protocol.handshake_exc is None:
                self._open(event)
        wrong = self._protocol.handshake_exc
        if wrong is not None and not self.opened and self.error is None:
            self._fail_handshake(wrong)
        broken = self._protocol.parser_exc
        if broken is not None and self.error is None and not isinstance(broken, EOFError):
            if isinstance(broken, PayloadTooBig):
                self.error = WebSocketError(Trouble.TOO_LARGE, f"a message does not end, or is too large: {broken}")
            else:
                self.error = WebSocketError(Trouble.MALFORMED, f"the data violates the WebSocket protocol: {broken}")
            self.transcript.note(str(self.error), self.who)
        self._collect()
        if len(self._out) > MOST_UNSENT + self.most:
            self._stop("it keeps sending frames that need an answer, but does not read the answers")

    def _stop(self, why: str) -> None:
        """Give up on the other side."""
        self.error = self.error or WebSocketError(Trouble.TOO_LARGE, why)
        self.hang_up()
        self._out.clear()

    def _open(self, event: Request | Response) -> None:
        """Handle the other side's half of the opening handshake."""
        raise NotImplementedError

    def _fail_handshake(self, error: Exception) -> None:
        """Set the error for an opening handshake that failed."""
        raise NotImplementedError

    def _take_frame(self, frame: Frame) -> None:
        data = bytes(frame.data)
        more = "" if frame.fin else ", more to come"
        if frame.opcode is Opcode.CLOSE:
            close = self._protocol.close_rcvd
            code = close.code if close else CloseCode.NO_STATUS_RCVD
            self.transcript.received(data[2:], f"close {int(code)}", self.who)
            self.shutdown = Shutdown(code, close.reason if close else "")
            if self._protocol.close_rcvd_then_sent:
                self.transcript.sent(b"", f"close {int(code)}", self.who)
            return
        self.transcript.received(data, f"{frame.opcode.name.lower()}{more}", self.who)
        if frame.opcode in (Opcode.PING, Opcode.PONG):
            self._pings += 1
            if self._pings > MOST_PINGS:
                self._stop(f"it sends pings or pongs without end: more than {MOST_PINGS:,} arrived")
            return
        if frame.opcode is not Opcode.CONT:
            self._binary = frame.opcode is Opcode.BINARY
        self._pieces.append(data)
        if not frame.fin:
            if len(self._pieces) > self.most // SMALL:
                self._stop(f"a message does not end: more than {self.most // SMALL:,} frames of it arrived")
            return
        whole = b"".join(self._pieces)
        self._pieces = []
        try:
            text = whole.decode("utf-8", "backslashreplace" if self._binary else "strict")
        except UnicodeDecodeError as error:
            self._protocol.fail(CloseCode.INVALID_DATA, "not UTF-8")
            self.error = WebSocketError(
                Trouble.MALFORMED, f"a text message is not UTF-8: {show_bytes(whole[error.start :])}"
            )
            return
        self.inbox.append(Message(text, whole if self._binary else None))
        self._unread += len(whole)
        if self._unread > self.most:
            self._unread = size_of(self.inbox)
        if len(self.inbox) > MOST_WAITING or (self._unread > self.most and len(self.inbox) > 1):
            self._stop("it keeps sending messages that no check asked for")

    def _collect(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._out += data
            else:
                self._half_closed = True
        if not self._held_back:
            self.write()


class WebSocketClient(Endpoint):
    """A client of the student's server. A check makes it send and receive.

    A check gets it from `WebSocketServer.join`. Each wait ends at `deadline`, which begins again with every exchange,
    or earlier if nothing arrives for `patience` seconds, or if `activity` says that the server itself waits for input:
    then nothing will arrive. Every method that waits for a message raises WebSocketError if it does not arrive in time,
    if the connection is closed first, or if the data violates the protocol.

    `target` is what the opening handshake asks for, `fields` are added to its header fields. `inbox` holds the messages
    that arrived and that no method has returned. `shutdown` says how the connection was
    closed, and is None while it is open. `aside` holds the last 100 messages that `hear` and `collect` skipped,
    shortened to 1,000 characters each.
    """

    def __init__(
        self,
        sock: socket.socket,
        port: int,
        transcript: Transcript,
        deadline: Deadline,
        patience: float,
        manners: Manners,
        activity: Activity,
        who: str = "",
        *,
        target: str = "/",
        fields: Mapping[str, str] | None = None,
        compression: bool = False,
    ) -> None:
        extensions = [ClientPerMessageDeflateFactory(client_max_window_bits=True)] if compression else None
        uri = WebSocketURI(False, "localhost", port, target, "")
        protocol = ClientProtocol(uri, extensions=extensions, max_size=self.most, logger=SILENCE)
        super().__init__(sock, protocol, transcript, who)
        self.target = target
        self.deadline = deadline
        self.patience = patience
        self.aside: deque[Message] = deque(maxlen=KEPT_ASIDE)
        self._manners = manners
        self._activity = activity
        self._client = protocol
        self._fields = fields or {}

    def open(self) -> WebSocketClient:
        """Perform the opening handshake (RFC 6455, section 4.1), and return the client itself.

        Raises WebSocketError if the server refuses the handshake or does not complete it in time.
        """
        self.deadline.renew()
        request = self._client.connect()
        request.headers.update(self._fields)
        self.transcript.sent(request.serialize(), "handshake", self.who)
        self._client.send_request(request)
        self._collect()
        self._wait(lambda: self.opened or self.error is not None, "answer to the opening handshake")
        if self.error is not None:
            raise self.error
        return self

    def send(self, *texts: str) -> None:
        """Send text messages, one after the other, without waiting for answers.

        Raises WebSocketError if the server stops reading or the connection is closed.
        """
        for text in texts:
            self.post(text)
            self.deadline.renew()
            while self.wants_to_write and not self.deadline.passed():
                self._pump(self.deadline.left())
            if self.wants_to_write:
                raise WebSocketError(Trouble.SLOW, "the server stopped reading")
            if self.shutdown is not None or self.error is not None:
                raise self._ended("a message could be sent")

    def receive(self) -> Message:
        """Return the next message; wait for it if necessary."""
        self.deadline.renew()
        self._wait(lambda: bool(self.inbox), "message")
        return self.inbox.popleft()

    def hear(self, mark: str) -> Message:
        """Return the next message that contains the text `mark`; messages before it are put into `aside`."""
        return self.hear_until(mark)[-1]

    def hear_until(
        self, mark: str, patience: float | None = None, *, since: float | None = None
    ) -> list[Message]:  # fmt: skip
        """Return all messages up to the next one that contains `mark`.

        `patience` replaces the client's own patience, in seconds. If the message does not arrive, the error names the
        time `since` the moment when the wait began, by default now; the messages before it can still be received.
        """
        heard: list[Message] = []
        room = MOST_HEARD
        self.deadline.renew()
        try:
            while True:
                self._wait(lambda: bool(self.inbox), f"message with {quote(mark)}", patience, heard, since)
                heard.append(self.inbox.popleft())
                if mark in heard[-1]:
                    self.aside.extend(Message(message.text[:KEPT_OF_ONE]) for message in heard[:-1])
                    return heard
                room -= size_of(heard[-1:])
                if len(heard) > MOST_OTHERS or room < 0:
                    text = f"{len(heard):,} other messages arrived, but none with {quote(mark)}"
                    heard = []
                    raise WebSocketError(Trouble.TOO_LARGE, text)
        except WebSocketError:
            self.inbox.extendleft(reversed(heard))
            raise

    def collect(self, marks: Sequence[str]) -> Messages:
        """Receive messages until each of the marks has arrived or nothing more arrives; return them as they came.

        The result holds one mark for each message that contains it, the first one if there are several. Other messages
        are put into `aside`.
        """
        came: list[str] = []
        any_mark = re.compile("|".join(map(re.escape, marks)))  # one search: in a long text, each takes 0.1 ms
        with contextlib.suppress(WebSocketError):
            while len(came) < len(marks):
                message = self.receive()
                if found := any_mark.findall(message.text):
                    came.append(min(found, key=marks.index))
                else:
                    self.aside.append(Message(message.text[:KEPT_OF_ONE]))
        return Messages(came)

    def send_too_much(self, text: str) -> Shutdown:
        """Send a message that is too large for the server, and return how the server closed the connection.

        The beginning of the message, which holds its length, is sent first: a server that closes a connection with
        unread data sends a TCP reset, which may overtake its close frame. If the server sends the message back, it has
        accepted it, and the method returns without waiting.
        """
        self.deadline.renew()
        self._held_back = True
        self.post(text)
        self._held_back = False
        with contextlib.suppress(OSError):
            del self._out[: self._socket.send(self._out[:AHEAD])]
        self.listen(REACTION)

        def came_back() -> bool:
            return bool(self.inbox) and self.inbox[-1].text.endswith(text)

        limit = self.deadline.at_most(self.patience)
        while not came_back() and self._pump_until(limit) and not self.deadline.passed():
            limit = self.deadline.at_most(self.patience)
        end = self.shutdown or Shutdown(None)
        self.hang_up()
        return end

    def leave(self, within: float | None = None) -> list[Message]:
        """Close the connection with close code 1000, and return the messages that arrived before the end.

        Waits up to `within` seconds for the server's close frame, by default up to `patience`.
        """
        self.deadline.renew()
        self.say_goodbye()
        limit = self.deadline.at_most(self.patience if within is None else within)
        self._pump_until_closed(limit)
        late = list(self.inbox)
        self.hang_up()
        if self.error is not None and self.error.trouble is Trouble.TOO_LARGE:
            return [Message(str(self.error))]  # there were too many to keep them
        return late

    def shut(self, seconds: float) -> Shutdown:
        """Wait up to `seconds` until the server closes the connection, and return how it closed it."""
        self.deadline.renew()
        limit = self.deadline.at_most(seconds)
        self._pump_until_closed(limit)
        if self.shutdown is None:
            self.transcript.missed(f"no close frame {limit.words}", limit.seconds, who=self.who)
        return self.shutdown or Shutdown(None)

    def listen(self, seconds: float = 0.0) -> None:
        """Receive what has arrived, or what arrives within `seconds`; the messages go into `inbox`."""
        if self.shutdown is None:
            self._pump(seconds, write=False)

    def skip(self) -> None:
        """Receive what has arrived, and drop it."""
        self.listen()
        self.inbox.clear()

    def _pump(self, seconds: float, *, write: bool = True) -> bool:
        """Write and read once, as soon as possible; return whether that was possible within `seconds`."""
        write = write and self.wants_to_write
        if self._socket.fileno() < 0:
            self.shutdown = self.shutdown or Shutdown(CloseCode.ABNORMAL_CLOSURE)
            return False
        if sys.platform == "win32":  # select.poll is missing there
            ready = select.select([self], [self] if write else [], [], seconds)
            readable, writable = bool(ready[0]), bool(ready[1])
        else:
            poll = select.poll()
            poll.register(self, select.POLLIN | (select.POLLOUT if write else 0))
            events = poll.poll(seconds * 1000)
            readable = any(mask & ~select.POLLOUT for _, mask in events)
            writable = any(mask & select.POLLOUT for _, mask in events)
        if readable:
            self.read()
        if writable:
            self.write()
        return readable or writable

    def _pump_until(self, limit: Deadline) -> bool:
        """Write and read once; return whether that was possible in time, and before the server was at rest."""
        self._activity.begin_rest()
        while self.shutdown is None:
            if self._pump(min(limit.left(), GLANCE)):
                return True
            if limit.passed():
                return False
            if self._activity.waits_for_input():
                return self._pump(0)
        return False

    def _pump_until_closed(self, limit: Deadline) -> None:
        while self.shutdown is None and not limit.passed() and self._pump_until(limit):
            pass

    def _wait(
        self,
        condition: Callable[[], bool],
        what: str,
        patience: float | None = None,
        heard: Sequence[Message] = (),
        since: float | None = None,
    ) -> None:
        if condition():
            return
        was_open, started = self.opened, clock.now()
        patience = self.patience if patience is None else patience
        limit = self.deadline.at_most(patience)
        anything = False
        while not condition():
            if self.shutdown is not None or self.error is not None:
                raise self._ended(f"the {what} arrived")
            if pumped := self._pump_until(limit):
                limit = self.deadline.at_most(patience)
                anything = True
            is_late = limit.passed() or self.deadline.passed()
            if (is_late or not pumped) and self.shutdown is None and not condition():
                waited = clock.now() - (started if since is None else since)
                doing = self._activity.doing() if is_late else ""
                took = "; ".join(filter(None, (f"within {in_words(waited)}", doing))) if is_late else IDLE
                trouble = Trouble.SLOW if heard or anything else Trouble.SILENT
                text = f"no {what} {took}"
                if heard:
                    text += f"; the last one was {heard[-1].words}"
                elif anything:
                    text = f"no complete {what} {took}, although some bytes arrived"
                self.transcript.missed(text, waited, who=self.who)
                raise WebSocketError(trouble, text)
        self._manners.slowest = max(self._manners.slowest, clock.now() - started)
        if was_open:
            self._manners.note_wait(clock.now() - started)

    def _ended(self, before: str) -> WebSocketError:
        if self.error is not None:
            return self.error
        assert self.shutdown is not None
        return WebSocketError(Trouble.CLOSED, f"{self.shutdown} before {before}")

    def _take_frame(self, frame: Frame) -> None:
        super()._take_frame(frame)
        self._manners.answered = self._manners.answered or bool(self.inbox)

    def _open(self, event: Request | Response) -> None:
        self.opened = True  # the library has validated the response

    def _fail_handshake(self, error: Exception) -> None:
        if isinstance(error, InvalidStatus):
            response = error.response
            said = f"{response.status_code} {response.reason_phrase}".strip()
            text = f"the answer to the opening handshake is {said}, not 101 Switching Protocols"
        elif isinstance(error, InvalidHeaderValue) and error.name == "Sec-WebSocket-Accept":
            said, right = shorten(str(error.value), 60), accept_key(self._client.key)
            text = f"Sec-WebSocket-Accept is {said}; for this key it must be {right}"
        elif not self._head:
            text = "the connection was closed without an answer to the opening handshake"
            self.error = WebSocketError(Trouble.CLOSED, text)
            return
        elif isinstance(error, InvalidHandshake) and error.__cause__ is None:
            text = f"the answer to the opening handshake is not valid: {error}"
        else:
            text = f"this is not an answer to the opening handshake: {show_bytes(bytes(self._head))}"
        self.error = WebSocketError(Trouble.MALFORMED, text)
