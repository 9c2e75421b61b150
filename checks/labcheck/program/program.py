"""One running program of a student: start, ready, output, Ctrl+C, and its whole tree gone."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from labcheck.errors import ForeignListenerError, NotReadyError, Verdict
from labcheck.program import sockets
from labcheck.program.activity import POLL, Activity
from labcheck.program.diagnosis import Diagnosis
from labcheck.program.evidence import ExitStatus, Printed
from labcheck.program.output import TRACEBACK, Output
from labcheck.sandbox import processes

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.sandbox.base import Sandbox
    from labcheck.workbook.labs import ProgramSpec

LOOK_AROUND = 0.5  # seconds between two looks on which ports it listens instead
KILLED = -9  # the exit status of who was ended by SIGKILL
SUSPICIOUS = 0.02  # no Python starts within so many seconds: who answers is somebody else
WRONG_PORT_FOR = 2.0  # seconds after which a program that listens elsewhere is not waited for
INHERITED = (
    # what a program needs to run at all; everything else of our environment is not its business
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TMP", "TEMP", "VIRTUAL_ENV"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
)


@dataclass(frozen=True)
class Ending:
    """How a program ended, and what it printed on both streams; after Ctrl+C, since then."""

    status: ExitStatus
    seconds: float
    output: Printed
    traceback: bool
    still_listening: bool


class Program:
    """A program that was started as `python FILE PORT` in its folder.

    `local_time` is the value of TZ, the time zone in which the program lives; None: ours. `sandbox` starts it.
    """

    def __init__(
        self,
        spec: ProgramSpec,
        folder: Path,
        python: str,
        port: int,
        sandbox: Sandbox,
        *,
        usual_port: int,
        local_time: str | None,
    ) -> None:
        self.spec = spec
        self.port = port
        self.verdict: Verdict | None = None
        self.address: tuple[str, int] | None = None
        self.was_interrupted = False
        self._was_killed = False  # by us
        self._since = 0, 0  # bytes printed on each stream when Ctrl+C was sent
        self.folder = folder
        self._sandbox = sandbox
        self._own_pid: int | None = None
        self.diagnosis = Diagnosis(spec, folder, port, usual_port)
        self._first: socket.socket | None = None
        self._started = time.monotonic()
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        local_time = os.environ.get("TZ") if local_time is None else local_time
        if local_time is not None:
            environment["TZ"] = local_time
        environment |= sandbox.environment(folder)
        self._process = subprocess.Popen(
            sandbox.command([python, "-s", spec.file, str(port)], folder),
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE if spec.is_client else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            **processes.own_session(),
        )
        self.stdout = Output(cast("IO[bytes]", self._process.stdout), spec.lines, spec.fold, spec.prompts)
        self.stderr = Output(cast("IO[bytes]", self._process.stderr), spec.lines, spec.fold)
        self.activity = Activity(lambda: self.pid, self._is_drained)

    @property
    def pid(self) -> int:
        """The process id of the program itself; of the sandbox around it, while there is no program in it."""
        if self._own_pid is None:
            self._own_pid = self._sandbox.program_below(self._process.pid)
        return self._own_pid or self._process.pid

    @property
    def has_exited(self) -> bool:
        """Whether the program itself has ended (what it started may run on)."""
        return self._process.poll() is not None

    @property
    def exit_status(self) -> int | None:
        """How the program has ended, below 0 by a signal; None while it runs."""
        code = self._process.poll()
        return None if code is None else self._sandbox.exit_code(code)

    @property
    def took_too_much(self) -> bool:
        """Whether it was ended because of the memory that it took: by the guard, or by the kernel before that."""
        was_ended = self.exit_status == KILLED and not self._was_killed
        return self.verdict is Verdict.GREEDY or (was_ended and self._sandbox.killed() > 0)

    def wait_until_listening(self, seconds: float) -> None:
        """Wait until the program accepts connections on its port.

        The connection that proves it is kept, and is the first that `connect` gives out: a program
        meets no client who comes and leaves without a word.
        Raises NotReadyError as soon as it is clear that it will not, and ForeignListenerError
        where another program has taken the port, which says nothing about this one.
        """
        if self.address is not None:
            return
        limit = self._started + seconds
        look_at = self._started + LOOK_AROUND
        elsewhere_since: float | None = None
        try:
            while not self._try_connect():
                now = time.monotonic()
                if self.has_exited and not self._try_connect():
                    raise self._why_it_ended()
                if now > look_at:
                    look_at = now + LOOK_AROUND
                    tree = [self.pid, *processes.descendants(self.pid)]
                    others = {port for _, port in sockets.listening(tree) or ()} - {self.port}
                    elsewhere_since = (elsewhere_since or now) if others else None
                    if elsewhere_since is not None and now - elsewhere_since > WRONG_PORT_FOR:
                        raise self.diagnosis.listens_elsewhere(others)
                if now > limit:
                    raise self.diagnosis.never_listened(seconds)
                time.sleep(POLL)
        except NotReadyError as error:
            self.verdict = error.verdict
            raise
        in_doubt = self.has_exited or time.monotonic() - self._started < SUSPICIOUS
        if in_doubt and self._somebody_else_listens():
            self._drop_first()
            raise ForeignListenerError
        self.verdict = Verdict.READY

    def type(self, line: str) -> None:
        """Type a line, as its user does. A program that reads no more, or has ended, does not hear it."""
        for stream in (self.stdout, self.stderr):
            stream.begin_line()
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with contextlib.suppress(OSError):
                stdin.write(f"{line}\n".encode())

    def end_input(self) -> None:
        """Let its user have no more to type (Ctrl+D)."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def connect(self, seconds: float, receive_buffer: int | None = None) -> socket.socket:
        """Return a new connection to the program. Raises OSError where there is none to be had.

        `receive_buffer` is the size in bytes of the kernel's buffer for what was not read yet.
        """
        if self._first is not None and receive_buffer is None:
            first, self._first = self._first, None
            if not sockets.was_closed(first):
                return first
            first.close()
        assert self.address is not None
        sock = socket.socket(socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET)
        try:
            if receive_buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.settimeout(seconds)
            sock.connect(self.address)
        except OSError:
            sock.close()
            raise
        return sock

    def still_listens(self, seconds: float) -> bool:
        """Return whether somebody listens on the port, still after so many seconds."""
        limit = time.monotonic() + seconds
        while sockets.is_open(self.port):
            if time.monotonic() > limit:
                return True
            time.sleep(POLL)
        return False

    def _is_drained(self) -> bool:
        """Return whether all that it has printed has been read."""
        return self.stdout.is_drained() and self.stderr.is_drained()

    def interrupt(self, seconds: float) -> Ending:
        """Send Ctrl+C to the program alone, and wait until it has ended; at most so long."""
        self.send_ctrl_c()
        return self.wait_until_ended(time.monotonic(), seconds)

    def send_ctrl_c(self) -> None:
        """Send Ctrl+C to the program alone."""
        self._drop_first()  # a client that never said a word need not be waited for
        self.was_interrupted = True
        self._since = self.stdout.total, self.stderr.total
        with contextlib.suppress(OSError):  # it has ended already
            if not self.has_exited:
                processes.interrupt(self.pid)

    def wait_until_ended(self, started: float, seconds: float) -> Ending:
        """Wait until the program has ended, at the latest so many seconds after `started`; return how it did.

        What it printed is told from the last Ctrl+C on.
        """
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(max(0.0, started + seconds - time.monotonic()))
        took = time.monotonic() - started
        if self._was_killed:
            code = None  # it did not end by itself
        if code is not None:
            code = self._sandbox.exit_code(code)
            # What it left running may hold the pipes open; what it said itself is there at once.
            for stream in (self.stdout, self.stderr):
                stream.catch_up()
        out, err = self._since
        watched = (*self.spec.lines, *self.spec.fold)
        said = {line for line in watched if self.stdout.has(line, out) or self.stderr.has(line, err)}
        return Ending(
            ExitStatus(code, seconds, "Ctrl+C" if self.was_interrupted else ""),
            took,
            Printed(self.stdout.text(out) + self.stderr.text(err), said),
            self.stderr.has(TRACEBACK, err),
            code is not None and not self.spec.is_client and self.still_listens(max(0.0, seconds - took)),
        )

    def kill(self) -> None:
        """End the program and everything below it, at once. May be called again."""
        self._drop_first()
        if not self.has_exited:
            self._was_killed = True
            processes.end_tree(self._process.pid)
        if sys.platform not in ("linux", "win32"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)  # children whose parent has ended before
        self._process.wait()

    def close(self) -> None:
        """Let the pipes go; to be called when nothing of the program lives any more."""
        for stream, pipe in ((self.stdout, self._process.stdout), (self.stderr, self._process.stderr)):
            stream.finish(1.0)
            if pipe is not None:
                pipe.close()
        self.end_input()

    def why_it_never_connected(self, seconds: float, came: int) -> NotReadyError:
        """Return why a client has not connected, after so many seconds or because it has ended.

        `came` is the number of connections that it has opened without a handshake.
        """
        error = self._why_it_ended() if self.has_exited else self.diagnosis.never_connected(seconds, came)
        self.verdict = error.verdict
        return error

    def _why_it_ended(self) -> NotReadyError:
        status = self._sandbox.exit_code(self._process.wait())
        self.stderr.catch_up()
        raised = self.stderr.has(TRACEBACK)
        return self.diagnosis.ended(status, self.stderr.text(), raised=raised, over_memory=self.took_too_much)

    def _try_connect(self) -> bool:
        found = sockets.connect(self.port)
        if found is not None:
            self.address, self._first = found
        return found is not None

    def _drop_first(self) -> None:
        if self._first is not None:
            self._first.close()
            self._first = None

    def _somebody_else_listens(self) -> bool:
        """Return whether the system tells that the port's listener is nothing that we have started."""
        # All that is below us counts: what has forked away from the program is its own, too.
        found = sockets.listening(processes.descendants(os.getpid()))
        # Where nobody listens any more it was ours, which has died of its first client.
        return found is not None and self.port not in {port for _, port in found} and self.still_listens(0)
