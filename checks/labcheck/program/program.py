"""One running program of a student: start it, watch it, press Ctrl+C, end its whole process tree."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from labcheck.errors import ForeignListenerError, NotReadyError, Verdict
from labcheck.program import clock, owners, sockets
from labcheck.program.activity import POLL, Activity
from labcheck.program.diagnosis import Diagnosis
from labcheck.program.evidence import ExitStatus, Printed
from labcheck.program.machine import open_socket
from labcheck.program.output import TRACEBACK, Output
from labcheck.sandbox import processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from labcheck.sandbox.base import Sandbox
    from labcheck.workbook.labs import ProgramSpec

LOOK_AROUND = 0.5  # seconds between two searches for other ports that it listens on
KILLED = -9  # the exit status of a program ended by SIGKILL
SETTLES_WITHIN = 0.2  # seconds of work until a program that has raised an exception has ended
SUSPICIOUS = 0.02  # seconds; Python cannot start this fast, so an earlier answer comes from another process
WRONG_PORT_FOR = 2.0  # seconds that a program may listen on another port or address before it is given up
ENDS_WITHIN = 1.0  # seconds until a program that is about to end has ended
LOOK_AT_CLIENT = 0.02  # seconds between two looks at the connections of a client
INHERITED = (
    # what a program needs to run; it gets nothing else from labcheck's environment
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TMP", "TEMP", "VIRTUAL_ENV", "PYTHONUSERBASE"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
)


@dataclass(frozen=True)
class Ending:
    """How a program ended, and what it printed on both streams (since Ctrl+C, if that was sent).

    `status` is its exit status and `seconds` the time it took to end. `traceback` says whether standard error holds a
    traceback. `still_listening`: the program has ended, but a process still listens on its port.
    """

    status: ExitStatus
    seconds: float
    output: Printed
    traceback: bool
    still_listening: bool

    @property
    def complaint(self) -> str:
        """What to say about a traceback; empty without one."""
        return f"Ctrl+C left a traceback; {self.output.last()}" if self.traceback else ""


class Program:
    """A program started as `python FILE PORT` in its folder; `arguments` may take the place of PORT.

    `local_time` is the value of TZ, the program's time zone; None: labcheck's own. `sandbox` starts the program. `way`
    is a path that leads into the folder, by default its own. Nothing waits for it later than `until`, a time of the
    clock. Raises NotReadyError if the program cannot be started there: an earlier program may have changed the folder.
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
        way: Path | None = None,
        arguments: Sequence[str] | None = None,
        until: float = math.inf,
    ) -> None:
        self.spec = spec
        self.port = port
        self.verdict: Verdict | None = None
        self.address: tuple[str, int] | None = None
        self.was_interrupted = False
        self._was_killed = False  # by labcheck
        self._was_late = False  # it had ended before labcheck sent Ctrl+C
        self._since = 0, 0  # bytes printed on each stream when Ctrl+C was sent
        self.folder = folder
        self._sandbox = sandbox
        self._own_pid: int | None = None
        where = "its first argument" if arguments is None else "in its arguments"
        self.diagnosis = Diagnosis(spec, folder, python, port, usual_port, where)
        self._first: socket.socket | None = None
        self._looked_at_client = 0.0
        self._connected_to: set[int] = set()  # ports other than its own that the program, a client, was connected to
        self._started = clock.now()
        self._until = until
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        local_time = os.environ.get("TZ") if local_time is None else local_time
        if local_time is not None:
            environment["TZ"] = local_time
        environment |= sandbox.environment(folder)
        # Without -s: by hand, a program also finds the libraries that its user has installed (pip install --user).
        entrance = str(way or folder)
        try:
            self._process = subprocess.Popen(
                sandbox.command([python, spec.file, *([str(port)] if arguments is None else arguments)], folder),
                cwd=entrance,
                env=environment,
                stdin=subprocess.PIPE if spec.is_client else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                **processes.own_session(),
            )
        except OSError as error:
            if error.filename == entrance:  # subprocess names the folder if that is what it could not enter
                text = f"your program has locked or removed its own folder ({error.strerror})"
                raise NotReadyError(Verdict.NOT_STARTED, text) from error
            raise
        self.stdout = Output(cast("IO[bytes]", self._process.stdout), spec.lines, spec.fold, spec.prompts)
        self.stderr = Output(cast("IO[bytes]", self._process.stderr), spec.lines, spec.fold)
        self.activity = Activity(lambda: self.pid, self._is_drained, (self.stdout, self.stderr), until)

    @property
    def pid(self) -> int:
        """The process id of the program itself; of the sandbox around it until the program runs."""
        if self._own_pid is None:
            self._own_pid = self._sandbox.program_below(self._process.pid)
        return self._own_pid or self._process.pid

    @property
    def outer_pid(self) -> int:
        """The process id of the command that was started: of the sandbox around the program, if there is one."""
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        """Whether the program itself has ended; processes that it started may still run."""
        return self._process.poll() is not None

    @property
    def exit_status(self) -> int | None:
        """The exit status of the program, negative for a signal; None while it runs."""
        code = self._process.poll()
        return None if code is None else self._sandbox.exit_code(code)

    @property
    def is_finished(self) -> bool:
        """Whether the program has ended, and no process that it started can still print."""
        return self.has_exited and self.stdout.has_ended and self.stderr.has_ended

    @property
    def exceeded_memory(self) -> bool:
        """Whether it was ended because it used too much memory: by labcheck's guard, or by the kernel before that."""
        was_ended = self.exit_status == KILLED and not self._was_killed
        return self.verdict is Verdict.OVER_MEMORY or (was_ended and self._sandbox.killed() > 0)

    def ends_by_itself(self) -> bool:
        """Return whether it has ended with exit status 0, or is about to, although nothing asked it to."""
        if self._was_stopped:
            return False
        self.activity.wait_until_idle(ENDS_WITHIN)
        if not self.has_exited and not self.still_listens(0):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDS_WITHIN)
        return self.exit_status == 0

    def end_of_its_own(self, within: float) -> ExitStatus | None:
        """Return how it has ended although nothing asked it to, or None.

        Waits until it is idle; then up to `within` seconds for its end, and longer if it no longer listens.
        """
        if self._was_stopped or self.spec.is_client:
            return None
        self.activity.wait_until_idle(ENDS_WITHIN if within else SETTLES_WITHIN)
        if not self.has_exited and owners.listeners(self.port) == {}:
            within = ENDS_WITHIN
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
        if not self.has_exited or self.exceeded_memory:
            return None
        for stream in (self.stdout, self.stderr):
            stream.catch_up()
        return ExitStatus(self.exit_status, within, "")

    @property
    def _was_stopped(self) -> bool:
        """Whether labcheck has ended it, by force or with Ctrl+C."""
        return self._was_killed or (self.was_interrupted and not self._was_late)

    def wait_until_listening(self, seconds: float) -> None:
        """Wait until the program accepts connections on its port.

        The first connection is kept, and `connect` returns it first: no client connects and leaves without a request.
        Raises NotReadyError as soon as it is clear that the program will not listen, or `seconds` after its start.
        Raises ForeignListenerError if another process has taken the port, which says nothing about the program.
        """
        if self.address is not None:
            return
        limit = min(self._started + seconds, self._until)
        look_at = self._started + LOOK_AROUND
        wrong_since: float | None = None
        try:
            while not self._try_connect():
                now = clock.now()
                if self.has_exited and not self._try_connect():
                    raise self._why_it_ended()
                if now > look_at:
                    look_at = now + LOOK_AROUND
                    error = self._why_it_is_not_reached()
                    wrong_since = (wrong_since or now) if error else None
                    if error and wrong_since is not None and now - wrong_since > WRONG_PORT_FOR:
                        raise error
                if now > limit:
                    raise self.diagnosis.never_listened(limit - self._started)
                time.sleep(POLL)
        except NotReadyError as error:
            self.verdict = error.verdict
            raise
        if self._is_foreign_listener():
            self._drop_first()
            raise ForeignListenerError
        self.verdict = Verdict.READY

    def type(self, line: str) -> None:
        """Type a line, as the program's user. A program that no longer reads or has ended does not get it."""
        for stream in (self.stdout, self.stderr):
            stream.begin_line()
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with contextlib.suppress(OSError):
                stdin.write(f"{line}\n".encode())

    def end_input(self) -> None:
        """Close the program's standard input, as Ctrl+D does."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def connect(self, seconds: float, receive_buffer: int | None = None) -> socket.socket:
        """Return a new connection to the program, opened within `seconds`. Raises OSError if that fails.

        `receive_buffer` is the size in bytes of the kernel's buffer for received data.
        """
        if self._first is not None and receive_buffer is None:
            first, self._first = self._first, None
            if not sockets.was_closed(first):
                return first
            first.close()
        assert self.address is not None
        if processes.is_ending(self.pid):  # its port may still be open for a moment
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDS_WITHIN)
        sock = open_socket(socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET)
        try:
            if receive_buffer is not None:  # before the handshake: a window that shrinks later stalls for 0.2 s
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.settimeout(seconds)
            sock.connect(self.address)
        except BaseException:  # also the exception that ends a check which is late: see `judging.overdue`
            sock.close()
            raise
        return sock

    def still_listens(self, seconds: float) -> bool:
        """Return whether a process listens on the port, and still does after `seconds`."""
        limit = clock.now() + seconds
        while sockets.is_open(self.port):
            if clock.now() > limit:
                return True
            time.sleep(POLL)
        return False

    def _is_drained(self) -> bool:
        """Return whether all output so far has been read."""
        return self.stdout.is_drained() and self.stderr.is_drained()

    def interrupt(self, seconds: float) -> Ending:
        """Send Ctrl+C to the program alone, wait up to `seconds` until it has ended, and return how it ended."""
        self.send_ctrl_c()
        return self.wait_until_ended(clock.now(), seconds)

    def send_ctrl_c(self) -> None:
        """Send Ctrl+C to the program alone."""
        self._drop_first()  # the program must not wait for a client that never sends a request
        self.was_interrupted = True
        self._was_late = self.has_exited
        self._since = self.stdout.total, self.stderr.total
        with contextlib.suppress(OSError):  # it has already ended
            if not self.has_exited:
                processes.interrupt(self.pid)

    def wait_until_ended(self, started: float, seconds: float) -> Ending:
        """Wait until the program has ended, up to `seconds` after `started`, and return how it ended.

        The result holds the output since the last Ctrl+C.
        """
        code = self._process.poll()
        while code is None and (left := started + seconds - clock.now()) > 0:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(left)
        took = clock.now() - started
        if self._was_killed:
            code = None  # it did not end on its own
        if code is not None:
            code = self._sandbox.exit_code(code)
            # A process that it left running may keep the pipes open; its own output can be read at once.
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

    def expect_kill(self) -> None:
        """Note that labcheck is about to kill the program, unless it has already ended."""
        self._drop_first()
        self._was_killed = self._was_killed or not self.has_exited

    def kill(self) -> None:
        """End the program and its whole process tree at once. May be called again."""
        self.expect_kill()
        if not self.has_exited:
            processes.end_tree(self._process.pid)
        if sys.platform not in ("linux", "win32"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)  # children whose parent ended before
        self._process.wait()

    def close(self) -> None:
        """Close the pipes; call this when no process of the program runs any more."""
        for stream, pipe in ((self.stdout, self._process.stdout), (self.stderr, self._process.stderr)):
            stream.finish(1.0)
            if pipe is not None:
                pipe.close()
        self.end_input()

    def note_connections(self) -> None:
        """Note which other ports the program, a client, is connected to. Call this often: connections may be short."""
        if clock.now() - self._looked_at_client > LOOK_AT_CLIENT:
            self._connected_to |= {port for _, port in sockets.connected(processes.tree(self.pid)) or ()} - {self.port}
            self._looked_at_client = clock.now()

    def why_it_never_connected(self, seconds: float | None, came: int) -> NotReadyError:
        """Return why a client did not connect within `seconds`, or because it has ended or waits for input (None).

        `came` is the number of connections that it opened without completing a handshake.
        """
        if self._connected_to and not came:
            error = self.diagnosis.connected_elsewhere(self._connected_to)
        elif self.has_exited:
            error = self._why_it_ended()
        else:
            error = self.diagnosis.never_connected(seconds, came)
        self.verdict = error.verdict
        return error

    def _why_it_ended(self) -> NotReadyError:
        status = self._sandbox.exit_code(self._process.wait())
        self.stderr.catch_up()
        raised = self.stderr.has(TRACEBACK)
        return self.diagnosis.ended(status, self.stderr.text(), raised=raised, over_memory=self.exceeded_memory)

    def _try_connect(self) -> bool:
        found = sockets.connect(self.port)
        if found is not None:
            self.address, self._first = found
        return found is not None

    def _drop_first(self) -> None:
        if self._first is not None:
            self._first.close()
            self._first = None

    def _why_it_is_not_reached(self) -> NotReadyError | None:
        """Return the error for a program that listens, but not where it can be reached; None if it does not listen."""
        found = sockets.listening(processes.tree(self.pid)) or set()
        hosts = {host for host, port in found if port == self.port}
        if hosts:
            return None if hosts & sockets.REACHED else self.diagnosis.listens_on_other_address(hosts)
        return self.diagnosis.listens_elsewhere({port for _, port in found}) if found else None

    def _is_foreign_listener(self) -> bool:
        """Return whether the listener on the port is a process that labcheck has not started.

        If the system does not report this cheaply, only a listener that is suspicious is looked at.
        """
        found = owners.listeners(self.port)
        if found is not None:
            # If no process listens any more, it was the program, which ended after its first client.
            is_own = not found or owners.belong_to(found, self._own_processes())
            return not is_own and owners.are_foreign(found, self._sandbox.uid)
        if not self.has_exited and clock.now() - self._started >= SUSPICIOUS:
            return False
        reported = sockets.listening(processes.descendants(os.getpid()))
        return reported is not None and self.port not in {port for _, port in reported} and self.still_listens(0)

    def _own_processes(self) -> Iterator[int]:
        """Yield the processes that belong to the program: those it has forked off are descendants of labcheck."""
        yield from processes.tree(self.pid)
        yield from processes.descendants(os.getpid())
