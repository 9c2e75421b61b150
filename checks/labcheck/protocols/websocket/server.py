"""The student's WebSocket server, as a check sees it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from labcheck.errors import Trouble, WebSocketError
from labcheck.program import sockets
from labcheck.protocols.http.client import Client
from labcheck.protocols.manners import Manners
from labcheck.protocols.view import CONNECTED_WITHIN, View
from labcheck.protocols.websocket.connection import FAREWELL, WebSocketClient
from labcheck.protocols.websocket.evidence import Messages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labcheck.program.program import Ending
    from labcheck.protocols.check import Check
    from labcheck.protocols.websocket.evidence import Message, Shutdown
    from labcheck.protocols.websocket.started import StartedServer

SECOND_TRY = 0.1  # seconds until what a newcomer has not heard is said again


class WebSocketServer(View):
    """The student's WebSocket server.

    `http` talks plain HTTP to it. Those who join stay, also when the check is over, until they leave
    or the server ends: a server that cannot bear that somebody leaves fails where that is judged.
    """

    def __init__(self, check: Check, started: StartedServer) -> None:
        super().__init__(check, started)
        self._started: StartedServer = started
        program = started.program
        self.http = Client(program.connect, program.port, check.port, check.transcript, check.deadline, Manners())
        self._marks: list[str] = []  # said by greet() and say()
        for client in started.clients:
            client.listen()  # the server may have gone, or wait for an answer to its ping
            client.transcript, client.deadline, client.patience = check.transcript, check.deadline, self.patience
        started.clients = [client for client in started.clients if client.shutdown is None]
        check.transcript.by_hand = f"websockets ws://localhost:{check.port}/"

    @property
    def clients(self) -> list[WebSocketClient]:
        """Those who have joined, in this check or in one before, and are still there."""
        return self._started.clients

    def join(self, who: str = "", *, compression: bool = False, receive_buffer: int | None = None) -> WebSocketClient:
        """Connect one more client, and do the opening handshake.

        `who` names it in the transcript. `compression` offers permessage-deflate, as browsers do (RFC
        7692). `receive_buffer` is the size in bytes that the kernel keeps of what was not read yet.
        Raises WebSocketError where there is no connection to be had.
        """
        within = self._check.deadline.at_most(CONNECTED_WITHIN * self._check.slow)
        try:
            sock = self.program.connect(within.left(), receive_buffer)
        except TimeoutError:
            raise WebSocketError(Trouble.SILENT, "no connection: nobody accepts it") from None
        except OSError as error:
            text = f"nothing listens on port {self.program.port} any more ({error.strerror})"
            raise WebSocketError(Trouble.REFUSED, text) from None
        client = WebSocketClient(
            sock, self.program.port, self._check.transcript, self._check.deadline, self.patience,
            self._started.manners, who, compression=compression,
        )  # fmt: skip
        self.clients.append(client)
        client.open()
        return client

    def join_many(self, number: int) -> list[WebSocketClient]:
        """Connect so many clients, one after the other: a listen backlog of 5 is normal."""
        return [self.join(f"client {place + 1}") for place in sockets.paced(number)]

    def room(self, number: int) -> list[WebSocketClient]:
        """Return so many clients who have heard of each other; those of an earlier check where they are still there.

        Each has said a word that all others have heard, so whatever a server sends to a newcomer has come.
        Raises WebSocketError where somebody does not hear the others.
        """
        known = self.clients[:number]
        members = known + [self.join(f"client {place + 1}") for place in range(len(known), number)]
        speak = self.say if members == known else self.greet
        for speaker in members:
            speak(speaker, *[member for member in members if member is not speaker])
        self.come_to_rest()
        for member in members:  # whatever else a server has sent them is another check's
            member.listen()
            member.inbox.clear()
        return members

    def greet(self, speaker: WebSocketClient, *listeners: WebSocketClient) -> Messages:
        """Let one client of a chat repeat a word until all the others have heard it; return what else they heard.

        A server may take a moment after the opening handshake until it has put a newcomer on its list.
        """
        came: list[Message] = []
        within, limit = SECOND_TRY, time.monotonic() + self.patience
        while True:
            self._marks.append(self._check.greetings.word(12))
            speaker.send(f"{self._marks[-1]},{self._marks[-1]}")
            missed = False
            for listener in listeners:
                try:
                    came += listener.hear_until(self._marks[-1], within)[:-1]
                except WebSocketError as error:
                    if error.trouble not in (Trouble.SILENT, Trouble.SLOW) or time.monotonic() > limit:
                        raise
                    missed = True
            if not missed:
                return self._but_greetings(came)
            within *= 2

    def say(self, speaker: WebSocketClient, *listeners: WebSocketClient) -> Messages:
        """Let one client of a chat say a word, and wait until others have heard it; return what else they heard."""
        self._marks.append(self._check.greetings.word(12))
        speaker.send(f"{self._marks[-1]},{self._marks[-1]}")
        return self._but_greetings(each for one in listeners for each in one.hear_until(self._marks[-1])[:-1])

    def _but_greetings(self, messages: Iterable[Message]) -> Messages:
        """Leave out what is one of our own words, which may have come twice, or to who has said it."""
        return Messages(each for each in messages if not any(mark in each for mark in self._marks))

    def part(self, *clients: WebSocketClient) -> Messages:
        """Let clients leave politely, all at once; return the messages that have come meanwhile."""
        for client in clients:
            client.say_goodbye()
        limit = self._check.deadline.at_most(FAREWELL * self._check.slow)
        return Messages(message for client in clients for message in client.leave(limit.left()))

    def expect_lines(self, *lines: str) -> None:
        """Look for lines on its standard output from now on."""
        self._by_hand()
        # In a program with threads, lines that are printed at the same time may be mixed up.
        self.come_to_rest()
        super().expect_lines(*lines)

    def interrupt(self, seconds: float) -> tuple[Ending, list[Shutdown]]:
        """Send Ctrl+C; return how it ended, at the latest after so many seconds, and how it left each client."""
        self._by_hand(f"connect with: websockets ws://localhost:{self._check.port}/, then press Ctrl+C")
        transcript = self._check.transcript
        seconds *= self._check.slow
        self.come_to_rest()
        transcript.note("Ctrl+C")
        started = time.monotonic()
        self.program.send_ctrl_c()
        farewells = []
        for client in self.clients:
            farewells.append(client.shut(max(0.0, started + seconds - time.monotonic())))
            with contextlib.suppress(OSError):
                client.hang_up()
        ending = self.program.wait_until_ended(started, seconds)
        transcript.note(f"{ending.status} after {ending.seconds:.2f} s")
        return ending, farewells
