"""The student's client, as a check sees it: a user types, and the grader's own server answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from labcheck.errors import Trouble, Verdict, WebSocketError
from labcheck.program.evidence import Printed, Said
from labcheck.protocols.view import ClientView
from labcheck.protocols.websocket.evidence import Messages, Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.program.evidence import ExitStatus
    from labcheck.protocols.check import Check
    from labcheck.protocols.websocket.evidence import Message, Target
    from labcheck.protocols.websocket.peer import Peer
    from labcheck.protocols.websocket.started import StartedClient

SETTLED_WITHIN = 1.0  # seconds for the end of an exchange that an earlier check has begun


class ClientProgram(ClientView):
    """The student's client."""

    def __init__(self, check: Check, started: StartedClient) -> None:
        super().__init__(check, started)
        self._started: StartedClient = started
        self._shown = self.program.stdout.total, self.program.stderr.total

    @property
    def peer(self) -> Peer:
        """The grader's server that it talks to."""
        assert self._started.peer is not None, "this client is alone"
        return self._started.peer

    @property
    def stderr(self) -> Said:
        """What it has printed on standard error."""
        return Said(self.program.diagnosis.shown(self.program.stderr.text()))

    @property
    def typed(self) -> int:
        """The number of lines that its user has typed so far."""
        return self._started.typed

    @property
    def port(self) -> int:
        """The port that it was given."""
        return self.program.port

    def begin(self) -> None:
        """Begin a check: what happens is kept in its transcript."""
        if not self._started.typed:
            self._shown = 0, 0
        self.peer.begin(self._check.transcript, self._who)
        self._by_hand()

    def is_idle(self) -> bool:
        """Return whether it waits for its user, every exchange being over."""
        if self.program.has_exited or self._started.peer is None or self._started.input_ended:
            return False
        self._until(lambda: self.peer.settled, SETTLED_WITHIN * self._check.slow)
        return self.peer.settled and self.peer.shutdown is None and self.peer.error is None

    def asks(self, prompt: str, times: int = 1) -> Printed:
        """Return its output, once it has printed a prompt so many times, or its patience is over."""
        # A prompt that has never come is not waited for again and again.
        seconds = 0.0 if (self.program.spec.name, prompt) in self._check.programs.never_asked else self._limit.left()
        came = self._until(lambda: self.prompts(prompt) >= times, seconds, gives_up_at_rest=True)
        if not self.prompts(prompt):
            self._check.programs.never_asked.add((self.program.spec.name, prompt))
        self._note_printed()
        which = "the prompt" if times == 1 else f"{times} times the prompt"
        return Printed(self.program.stdout.text(), {prompt} if came else set(), which)

    def prompts(self, prompt: str) -> int:
        """Return how often it has printed a prompt so far."""
        return self.program.stdout.count(prompt)

    def type(self, line: str) -> None:
        """Type a line."""
        self.come_to_rest()
        self._note_printed()
        self._check.transcript.typed(line, self._who)
        self._started.typed += 1
        self.program.type(line)

    def end_input(self) -> None:
        """Let the user have no more to type."""
        self._note_printed()
        self._check.transcript.note("end of input (Ctrl+D)", self._who)
        self._started.input_ended = True
        self.program.end_input()

    def target(self) -> Target:
        """Wait until it has connected, and return what it has asked for in its request line.

        Raises NotReadyError where it does not, and WebSocketError where its handshake is none.
        """
        limit = self._check.deadline
        self._until(lambda: self.peer.connection is not None or self.peer.error is not None, limit.left())
        connection, error = self.peer.connection, self.peer.error  # who has come may go, and be forgotten
        if connection is None and error is not None:
            raise error
        if connection is None:
            self._note_printed()
            reason = self.program.why_it_never_connected(limit.seconds, came=self.peer.crowd)
            self._check.programs.give_up(self.program, reason.verdict)
            raise reason
        self.program.verdict = Verdict.READY
        return connection.target

    def receive(self) -> Message:
        """Return the next message that it sends. Raises WebSocketError where there is none."""
        self.target()
        limit = self._limit
        self._until(lambda: bool(self.peer.has_message or self.peer.error or self.peer.shutdown), limit.left())
        self._note_printed()
        if self.peer.has_message:
            return self.peer.take()
        if (error := self.peer.error) is not None:
            raise error
        if self.peer.shutdown is not None or self.program.has_exited:
            said = self.peer.shutdown or "your program ended"
            raise WebSocketError(Trouble.CLOSED, f"{said} before a message came")
        raise WebSocketError(Trouble.SILENT, f"no message {limit.words}")

    def exchange(self, line: str, answer: str) -> Message:
        """Type a line, answer the message that comes of it, and return it."""
        self.type(line)
        try:
            return self.receive()
        finally:
            # A thread that prints what has come must not meet another that still prints what was sent:
            # unbuffered, print() writes a line in pieces, and the lines of the two would be mixed up.
            self.come_to_rest()
            self.answers(answer)

    def answers(self, text: str) -> None:
        """Let the server answer the next message with this text."""
        self.peer.answer(text)

    def leaves_instead_of_answering(self, code: int | None) -> None:
        """Let the server close the connection when the next message has come; None: without a goodbye."""
        self.peer.leave_instead(code)

    def says(self, text: str) -> None:
        """Let the server send a message."""
        self.come_to_rest()
        self.peer.send(text)

    def server_goes(self, code: int | None) -> Said:
        """Let the server go, with this close code or without a goodbye; return what the client says of it."""
        before = self.program.stderr.total
        self.peer.go(code)
        self._until(lambda: self.program.stderr.total > before, self._limit.left(), gives_up_at_rest=True)
        self._note_printed()
        return Said(self.program.diagnosis.shown(self.program.stderr.text(before)))

    def rest(self) -> Messages:
        """Return the messages that it has sent, and that nobody has asked for."""
        return Messages(self.peer.waiting())

    def prints(self, line: str, within: float | None = None) -> Printed:
        """Return its standard output, once it has printed a line that was expected, or the time is over."""
        printed = super().prints(line, within)
        self._note_printed()
        return printed

    def ends(self) -> ExitStatus:
        """Wait until it has ended, at most until the check's deadline, and return its exit status."""
        ending = self.program.wait_until_ended(time.monotonic(), self._check.deadline.left())
        if self._started.peer is None:
            self.program.verdict = Verdict.ENDED_EARLY if ending.status.code is not None else Verdict.NEVER_CONNECTED
        self._note_printed()
        self._check.transcript.note(f"the program ended: {ending.status}", self._who)
        return ending.status

    def farewell(self) -> Shutdown:
        """Wait until its connection is closed, and return how it closed it."""
        self._until(lambda: self.peer.shutdown is not None, self._check.deadline.left(), always=True)
        return self.peer.shutdown or Shutdown(None)

    @property
    def _who(self) -> str:
        return self._started.who

    def _until(self, condition: Callable[[], object], seconds: float, **how: bool) -> bool:
        """Wait as for every program; where the peer has broken down, that is no program's failure."""
        came = super()._until(condition, seconds, **how)
        if self._started.peer is not None:
            self.peer.raise_fault()
        return came

    def _may_bring_more(self) -> bool:
        peer = self._started.peer
        return peer is not None and (peer.connection is None or peer.shutdown is None)

    def _note_printed(self) -> None:
        """Put what it has printed since the last time into the transcript."""
        out, err = self._shown
        streams = ((self.program.stdout, out, "standard output"), (self.program.stderr, err, "standard error"))
        for stream, since, name in streams:
            if stream.total > since:
                self._check.transcript.printed(self.program.diagnosis.shown(stream.text(since)), name, self._who)
        self._shown = self.program.stdout.total, self.program.stderr.total
