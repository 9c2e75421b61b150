"""The student's client as a check sees it: the check types for its user, and labcheck's own server answers it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from labcheck.errors import ExchangeError, Trouble, Verdict
from labcheck.program import clock
from labcheck.program.evidence import ExitStatus, Printed, Prompts, Said
from labcheck.protocols.peer import C
from labcheck.protocols.view import ClientView

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.protocols.check import Check
    from labcheck.protocols.peer import Peer
    from labcheck.protocols.started import StartedClient

CONTROL = re.compile(r"\x1b\[[\d;]*[A-Za-z]")  # a terminal's control sequence, for example for colors
SETTLED_WITHIN = 1.0  # seconds for the end of an exchange that an earlier check began
M = TypeVar("M")  # a message from the client


class TypedClient(ClientView, Generic[C, M]):
    """The student's client: a running program, its user, and labcheck's server that it connects to.

    A check gets it from the fixtures `client`, `new_clients` and `client_alone`. The server answers each message of
    the client with the next text that the check has given to `answers` or `exchange`. A kind says with `noun` what its
    messages are called, and with `fault` which error it raises if one does not arrive.
    """

    noun: ClassVar[str] = "message"
    fault: ClassVar[type[ExchangeError]] = ExchangeError

    def __init__(self, check: Check, started: StartedClient) -> None:
        super().__init__(check, started)
        self._started: StartedClient = started
        self._shown = self.program.stdout.total, self.program.stderr.total

    @property
    def peer(self) -> Peer[C]:
        """The server that the client connects to; not available from the fixture `client_alone`."""
        assert self._started.peer is not None, "this client is alone"
        return self._started.peer

    @property
    def stderr(self) -> Said:
        """Everything that the client has printed on standard error."""
        return Said(self.program.diagnosis.shown(self.program.stderr.text()))

    @property
    def typed(self) -> int:
        """The number of lines typed so far, in this check and in earlier ones."""
        return self._started.typed

    @property
    def port(self) -> int:
        """The port that the client was given as its first argument."""
        return self.program.port

    def begin(self) -> None:
        """Begin a check: from now on, events go into its transcript. labcheck calls this."""
        if not self._started.typed:
            self._shown = 0, 0
        self.peer.begin(self._check.transcript, self._who)

    def is_idle(self) -> bool:
        """Return whether the client waits for its user and all its exchanges are complete."""
        if self.program.has_exited or self._started.peer is None or self._started.input_ended:
            return False
        self._until(lambda: self.peer.settled, SETTLED_WITHIN * self._check.slow)
        return self.peer.settled and self.peer.shutdown is None and self.peer.error is None

    def asks(self, prompt: str, times: int = 1) -> Printed:
        """Wait until the prompt has been printed at least `times` times in all, and return the standard output.

        Waits up to `patience` seconds; stops early if the client has ended or is idle. Raises NotReadyError if it has
        ended without having connected. Compare with `assert prompt in client.asks(prompt)`, which also fails if the
        last prompt goes on after these words. The prompt must be one of the program's `prompts` in lab.toml.
        """
        # If a prompt has never appeared, do not wait for it again in every check.
        is_hopeless = (self.program.spec.name, prompt) in self._check.programs.never_asked
        seconds = 0.0 if is_hopeless else self._new_limit().left()
        started = clock.now()
        came = self._until(lambda: self.prompts(prompt) >= times, seconds, gives_up_at_rest=True)
        if not self.prompts(prompt):
            self._check.programs.never_asked.add((self.program.spec.name, prompt))
            if self.program.has_exited and self._started.peer is not None:
                self.connected()
        self.come_to_rest()
        self._note_printed()
        if not came:
            self._missed(f"the prompt {prompt!r} was not printed", clock.now() - started)
        text = self.program.stdout.text()
        rest = CONTROL.sub("", text.rpartition(prompt)[2])
        is_exact = came and (not rest or rest.endswith("\n"))  # a line of another thread may follow the prompt
        wanted = "the prompt" if times == 1 else f"{times} prompts"
        return Prompts(text, {prompt} if is_exact else set(), wanted, **self._around(came=is_exact))

    def prompts(self, prompt: str) -> int:
        """Return how often the prompt has been printed so far."""
        return self.program.stdout.count(prompt)

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        self.come_to_rest()
        if self._started.peer is not None:
            self._has_connected()
        self._note_printed()
        self._check.transcript.typed(line, self._who)
        self._started.typed += 1
        self.program.type(line)

    def end_input(self) -> None:
        """End the client's input, as Ctrl+D does in a terminal."""
        self._note_printed()
        self._check.transcript.note("end of input (Ctrl+D)", self._who)
        self._started.input_ended = True
        self.program.end_input()

    def connected(self) -> C:
        """Wait until the client has connected, and return its connection.

        Raises NotReadyError if it does not connect in time (10 s), is idle or ends first, and ExchangeError if it does
        not begin as the protocol demands.
        """
        limit = self._check.deadline
        limit.renew()
        self._until(self._has_connected, limit.left(), gives_up_if_it_waits=True)
        connection, error = self.peer.connection, self.peer.error  # read once: the peer's thread may change both
        if connection is None and error is not None:
            raise error
        if connection is None:
            self._note_printed()
            seconds = limit.seconds if limit.passed() else None
            reason = self.program.why_it_never_connected(seconds, came=self.peer.accepted)
            self._check.transcript.missed(str(reason), limit.seconds, who=self._who)
            self._check.programs.give_up(self.program, reason.verdict)
            raise reason
        self.program.verdict = Verdict.READY
        return connection

    def receive(self) -> M:
        """Wait for the next message from the client, and return it.

        Raises ExchangeError if no message arrives within `patience` seconds or if the connection is closed first, and
        NotReadyError if the client does not connect.
        """
        connection = self.connected()
        limit, started = self._new_limit(), clock.now()

        def has_news() -> bool:
            return bool(self.peer.has_message or self.peer.error or self.peer.shutdown)

        self._until(has_news, limit.left(), gives_up_if_it_waits=True)
        self._note_printed()
        if self.peer.has_message:
            taken: M = self.peer.take()
            return taken
        if (error := self.peer.error) is not None:
            raise error
        if self.peer.shutdown is not None or self.program.has_exited:
            end = self.peer.shutdown or "your program ended"
            raise self.fault(Trouble.CLOSED, f"{end} before a {self.noun} arrived")
        when = limit.words if limit.passed() else "came, and the program is idle: it waits for input"
        half = connection.half
        text = f"no {self.noun} {when}" + (f"; the server got {half}" if half else "")
        self._check.transcript.missed(text, clock.now() - started, who=self._who)
        raise self.fault(Trouble.SILENT, text)

    def exchange(self, line: str, answer: str) -> M:
        """Type a line, wait for the message it causes, answer it with the text `answer`, and return the message.

        Raises ExchangeError or NotReadyError as `receive` does.
        """
        self.type(line)
        try:
            return self.receive()
        finally:
            # A client may have one thread that prints what it sent and another that prints what it received. Wait for
            # the first: unbuffered, print() writes a line in pieces, and the lines of both would be mixed.
            self.come_to_rest()
            self.answers(answer)

    def answers(self, text: str) -> None:
        """Make the server answer the next unanswered message with this text."""
        self.peer.answer(text)

    def leaves_instead_of_answering(self, code: int | None) -> None:
        """Make the server close the connection when the next message arrives, instead of answering it.

        `code` is the close code, if the protocol has such codes; None: a TCP reset. The server accepts no new
        connections then.
        """
        self.peer.leave_instead(code)

    def says(self, text: str) -> None:
        """Make the server send a message that the client did not ask for."""
        self.come_to_rest()
        self.program.stdout.begin_line()  # after the prompt, no matter what its words are
        self.peer.send(text)

    def server_goes(self, code: int | None) -> Said:
        """Make the server close the connection, and return what the client then prints on standard error.

        `code` is the close code, if the protocol has such codes; None: a TCP reset. Waits for output for up to
        `patience` seconds; stops early if the client has ended or is idle.
        """
        before = self.program.stderr.total
        self.peer.go(code)
        self._until(lambda: self.program.stderr.total > before, self._new_limit().left(), gives_up_at_rest=True)
        self._note_printed()
        return Said(self.program.diagnosis.shown(self.program.stderr.text(before)))

    def prints(
        self, line: str, within: float | None = None, *, again: Callable[[], object] | None = None
    ) -> Printed:  # fmt: skip
        """Wait for a line, as for any program, and note in the transcript what was printed."""
        printed = super().prints(line, within, again=again)
        self._note_printed()
        return printed

    def ends(self) -> ExitStatus:
        """Wait until the client has ended, for up to 10 s, and return its exit status.

        Stops early if the client is idle and waits for input.
        Compare it with a number: `assert client.ends() == 0`. While the client still runs, it equals no number.
        """
        limit = self._check.deadline
        limit.renew()
        started = clock.now()
        self._until(lambda: self.program.has_exited, limit.left(), gives_up_if_it_waits=True)
        waits = not self.program.has_exited and not limit.passed()
        ending = self.program.wait_until_ended(started, 0 if waits else limit.seconds)
        status = ExitStatus(ending.status.code, limit.seconds, "", waits=waits)
        if self._started.peer is None:
            self.program.verdict = Verdict.ENDED_EARLY if status.code is not None else Verdict.NEVER_CONNECTED
        self._note_printed()
        self._check.transcript.note(f"the program {'is' if waits else 'ended:'} {status}", self._who)
        return status

    @property
    def _who(self) -> str:
        return self._started.who

    def _has_connected(self) -> bool:
        """Return whether the client has connected; until then, note where else it connects."""
        if self.peer.connection is None and self.peer.error is None:
            self.program.note_connections()
            return False
        return True

    def _until(self, condition: Callable[[], object], seconds: float, **how: bool) -> bool:
        """Wait as for any program; raise an error if the peer has failed, which is not the program's failure."""
        came = super()._until(condition, seconds, **how)
        if self._started.peer is not None:
            self.peer.raise_fault()
        return came

    def _waits_for_input(self) -> bool:
        peer = self._started.peer
        return super()._waits_for_input() and (peer is None or not peer.is_busy())

    def _may_bring_more(self) -> bool:
        peer = self._started.peer
        return peer is not None and (peer.connection is None or peer.shutdown is None)

    def _missed(self, text: str, seconds: float) -> None:
        self._note_printed()
        super()._missed(text, seconds)

    def _note_printed(self) -> None:
        """Add to the transcript what the client has printed since the last call."""
        out, err = self._shown
        streams = ((self.program.stdout, out, "standard output"), (self.program.stderr, err, "standard error"))
        for stream, since, name in streams:
            if stream.total > since:
                self._check.transcript.printed(self.program.diagnosis.shown(stream.text(since)), name, self._who)
        self._shown = self.program.stdout.total, self.program.stderr.total
