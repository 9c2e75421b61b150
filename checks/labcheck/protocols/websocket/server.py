"""The student's WebSocket server as a check sees it."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING

from labcheck.errors import Trouble, WebSocketError
from labcheck.program import clock, sockets
from labcheck.protocols.http.client import Client
from labcheck.protocols.manners import Manners
from labcheck.protocols.view import View
from labcheck.protocols.websocket.connection import FAREWELL, WebSocketClient
from labcheck.protocols.websocket.evidence import Messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from labcheck.program.program import Ending
    from labcheck.protocols.check import Check
    from labcheck.protocols.websocket.evidence import Message, Shutdown
    from labcheck.protocols.websocket.started import StartedServer

SECOND_TRY = 0.1  # seconds until a word is repeated for a new client that did not hear it
LONG_SLEEP = 0.5  # seconds
ENOUGH_RESTS = 2  # times that the server waits for input although a client did not hear a word


class WebSocketServer(View):
    """The student's WebSocket server: a running program that a check connects clients to.

    A check gets it from the fixtures `server`, `own_server` and `new_server`. `http` sends plain HTTP requests to it.
    Clients stay connected when a check ends, until they leave or the server ends. So a server that cannot handle a
    client that leaves fails only the check that tests this.
    """

    def __init__(self, check: Check, started: StartedServer) -> None:
        super().__init__(check, started)
        self._started: StartedServer = started
        self.http = self._http(Manners())
        self._marks: list[str] = []  # sent by greet() and say()
        for client in started.clients:
            client.listen()  # the server may have closed the connection, or may wait for the answer to its ping
            client.transcript, client.deadline, client.patience = check.transcript, check.deadline, self.patience
        started.clients = [client for client in started.clients if client.shutdown is None]
        self._by_hand_at("/")

    def _by_hand_at(self, target: str) -> None:
        self._check.transcript.by_hand = f"websockets {shlex.quote(f'ws://localhost:{self._check.port}{target}')}"

    def _http(self, manners: Manners) -> Client:
        """Return HTTP clients of the server, with what is known about its answers."""
        program, check = self.program, self._check
        return Client(
            program.connect, program.port, check.port, check.transcript, check.deadline, manners, program.activity
        )

    @property
    def clients(self) -> list[WebSocketClient]:
        """The clients that joined in this check or an earlier one and are still connected."""
        return self._started.clients

    def join(
        self, target: str = "/", *, who: str = "", fields: Mapping[str, str] | None = None,
        compression: bool = False, receive_buffer: int | None = None,
    ) -> WebSocketClient:  # fmt: skip
        """Connect one more client, and perform the opening handshake.

        `target` is what it asks for: a path, and a query if there is one. `who` is its name in the transcript. `fields`
        are added to the header fields of the handshake. `compression` offers permessage-deflate, as browsers do
        (RFC 7692). `receive_buffer` is the size in bytes of the kernel's buffer for received data; a small one
        simulates a client that does not read. Raises WebSocketError if the connection or the handshake fails.
        """
        if not target.startswith("/"):
            raise ValueError(f"join({target!r}): the target begins with /; give a name as who={target!r}")
        self._by_hand_at(target)
        sock = self._new_socket(WebSocketError, who, receive_buffer)
        client = WebSocketClient(
            sock, self.program.port, self._check.transcript, self._check.deadline, self.patience,
            self._started.manners, self.program.activity, who,
            target=target, fields=fields, compression=compression,
        )  # fmt: skip
        is_alone = not any(other.is_open for other in self.clients)
        self.clients.append(client)
        client.open()
        self._started.manners.served += is_alone
        return client

    def join_many(self, number: int, target: str = "/") -> list[WebSocketClient]:
        """Connect `number` clients, one after the other, and not too fast: a listen backlog of 5 is common.

        Raises WebSocketError as `join` does.
        """
        names = (f"client {place + 1}" for place in sockets.paced(number, self.program.port))
        return [self.join(target, who=name) for name in names]

    def room(self, number: int) -> list[WebSocketClient]:
        """Return `number` clients of a chat that hear each other; clients of an earlier check are used again.

        Each of them has sent a word that all the others have received. So everything that the server sends to a new
        client has arrived as well, and each `inbox` is empty. Raises WebSocketError if a client does not hear another.
        """
        known = self.clients[:number]
        members = known + [self.join(who=f"client {place + 1}") for place in range(len(known), number)]
        speak = self.say if members == known else self.greet
        for speaker in members:
            speak(speaker, *[member for member in members if member is not speaker])
        self.come_to_rest()
        for member in members:  # other messages from the server are the subject of another check
            member.skip()
        return members

    def greet(self, speaker: WebSocketClient, *listeners: WebSocketClient) -> Messages:
        """Make one client of a chat send random words until all listeners have received one.

        Returns the other messages that the listeners received. A server may need a moment after the opening handshake
        before it sends messages to a new client. Raises WebSocketError if a listener hears nothing within `patience`.
        """
        came: list[Message] = []
        within, started, rests = SECOND_TRY, clock.now(), 0
        while True:
            self._marks.append(self._check.greetings.word(12))
            speaker.send(f"{self._marks[-1]},{self._marks[-1]}")
            missed = False
            for listener in listeners:
                try:
                    came += listener.hear_until(self._marks[-1], within, since=started)[:-1]
                except WebSocketError as error:
                    rests += self.program.activity.waits_for_input()
                    is_hopeless = rests >= ENOUGH_RESTS or clock.now() > started + self.patience
                    if error.trouble not in (Trouble.SILENT, Trouble.SLOW) or is_hopeless:
                        raise
                    missed = True
                    self._check.transcript.go_on_waiting()
            if not missed:
                return self._but_greetings(came)
            within *= 2

    def say(self, speaker: WebSocketClient, *listeners: WebSocketClient) -> Messages:
        """Make one client of a chat send a random word, and wait until all listeners have received it.

        Returns the other messages that the listeners received. Raises WebSocketError if one does not hear the word.
        """
        self._marks.append(self._check.greetings.word(12))
        speaker.send(f"{self._marks[-1]},{self._marks[-1]}")
        return self._but_greetings(each for one in listeners for each in one.hear_until(self._marks[-1])[:-1])

    def _but_greetings(self, messages: Iterable[Message]) -> Messages:
        """Leave out our own words, which may have arrived twice or at the client that sent them."""
        return Messages(each for each in messages if not any(mark in each for mark in self._marks))

    def part(self, *clients: WebSocketClient) -> Messages:
        """Make clients close their connections, all at once; return the messages that arrived before the end."""
        for client in clients:
            client.say_goodbye()
        self._check.deadline.renew()
        limit = self._check.deadline.at_most(FAREWELL * self._check.slow)
        return Messages(message for client in clients for message in client.leave(limit.left()))

    def is_asleep(self) -> bool:
        """Return whether its only thread sleeps for a long time (0.5 s), as in time.sleep(): it serves no client then.

        Returns False at once if it does not sleep, or if the system does not report it. Use it while clients wait.
        """
        return self.program.activity.sleeps_for(LONG_SLEEP)

    def expect_lines(self, *lines: str) -> None:
        """Start looking for whole lines on its standard output; call this before the lines can be printed."""
        self._by_hand()
        # A program with threads may mix lines that it prints at the same time.
        self.come_to_rest()
        super().expect_lines(*lines)

    def interrupt(self, seconds: float) -> tuple[Ending, list[Shutdown]]:
        """Send Ctrl+C, and wait until the program has ended, for up to `seconds` (times `--slow`).

        Returns a pair: how the program ended, as for an HTTP server; and how it closed the connection of each client.
        """
        target = self.clients[0].target if self.clients else "/"
        self._by_hand(f"connect with: websockets ws://localhost:{self._check.port}{target}, then press Ctrl+C")
        transcript = self._check.transcript
        seconds *= self._check.slow
        self.come_to_rest()
        transcript.note("Ctrl+C")
        self._check.deadline.renew()
        started = clock.now()
        self.program.send_ctrl_c()
        farewells = []
        for client in (each for each in self.clients if each.opened):  # not those that were refused
            farewells.append(client.shut(max(0.0, started + seconds - clock.now())))
            with contextlib.suppress(OSError):
                client.hang_up()
        ending = self.program.wait_until_ended(started, seconds)
        transcript.note(f"{ending.status} after {ending.seconds:.2f} s")
        return ending, farewells
