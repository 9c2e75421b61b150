"""One running program of a student: start, ready, output, Ctrl+C, and its whole tree gone."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from labcheck.errors import ForeignListenerError, NotReadyError, Verdict
from labcheck.program import ports
from labcheck.program.evidence import ExitStatus, Printed, shorten
from labcheck.program.output import TRACEBACK, Output
from labcheck.sandbox import processes
from labcheck.submission.files import is_there

if TYPE_CHECKING:
    from labcheck.sandbox.base import Sandbox
    from labcheck.workbook.labs import ProgramSpec

POLL = 0.005  # seconds between two looks whether it listens
STANDSTILL = 0.05  # seconds that are more than a process which looks every POLL is ever late, unless it was stopped
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
        self._last_seen: list[tuple[str, str]] | None = None  # its threads at the last look
        self._looked_at = 0.0
        self._rested = 0.0  # seconds
        self._since = 0, 0  # bytes printed on each stream when Ctrl+C was sent
        self.folder = folder
        self._sandbox = sandbox
        self._own_pid: int | None = None
        self._usual_port = usual_port
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
            # A session of its own: Ctrl+C in our terminal is not meant for it.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.stdout = Output(cast("IO[bytes]", self._process.stdout), spec.lines, spec.fold, spec.prompts)
        self.stderr = Output(cast("IO[bytes]", self._process.stderr), spec.lines, spec.fold)

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
        meets no visitor who comes and leaves without a word.
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
                    others = (_listening_ports(tree) or set()) - {self.port}
                    elsewhere_since = (elsewhere_since or now) if others else None
                    if elsewhere_since is not None and now - elsewhere_since > WRONG_PORT_FOR:
                        raise self._elsewhere(others)
                if now > limit:
                    raise NotReadyError(
                        Verdict.NEVER_LISTENED,
                        f"{self.spec.file} runs, but within {seconds:g} s it did not listen on port {self.port}, "
                        "which it was given as its first argument",
                    )
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

    def why_it_never_connected(self, seconds: float, came: int) -> NotReadyError:
        """Return why a client has not connected, after so many seconds or because it has ended.

        `came` is the number of connections that it has opened without a handshake.
        """
        if self.has_exited:
            error = self._why_it_ended()
        elif came:
            text = (
                f"{self.spec.file} connected to port {self.port}, but within {seconds:.3g} s "
                "it sent no whole opening handshake"
            )
            error = NotReadyError(Verdict.NEVER_CONNECTED, text)
        else:
            text = (
                f"{self.spec.file} runs, but within {seconds:.3g} s it did not connect to port {self.port}, "
                "which it was given as its first argument"
            )
            error = NotReadyError(Verdict.NEVER_CONNECTED, text)
        self.verdict = error.verdict
        return error

    def connect(self, seconds: float, receive_buffer: int | None = None) -> socket.socket:
        """Return a new connection to the program. Raises OSError where there is none to be had.

        `receive_buffer` is the size in bytes of the kernel's buffer for what was not read yet.
        """
        if self._first is not None and receive_buffer is None:
            first, self._first = self._first, None
            if not _was_closed(first):
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
        while any(map(self._is_open, ports.LOOPBACK)):
            if time.monotonic() > limit:
                return True
            time.sleep(POLL)
        return False

    def _is_open(self, address: tuple[int, str]) -> bool:
        """Return whether the port is not refused; a backlog that is full is not, either."""
        family, host = address
        try:
            with socket.socket(family) as sock:
                sock.settimeout(0.25)
                sock.connect((host, self.port))
        except TimeoutError:
            return True
        except OSError:
            return False
        return True

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until the program waits for somebody again, where the system tells; at most so long.

        What it has to do and to print is done then. And Python drops a KeyboardInterrupt that is raised
        inside a weak reference's callback, as when a visitor's thread is cleared away: nobody types
        Ctrl+C within that millisecond, so neither do we.

        What does not count is time in which it wants to run and gets no processor; three times as long at most.
        """
        left, at_most = seconds, time.monotonic() + 4 * seconds
        before, looked_at = None, time.monotonic()
        while left > 0 and looked_at < at_most:
            now = self._threads()
            if now == before and not _is_busy(now) and self._is_drained():
                return
            time.sleep(POLL)
            since, looked_at = looked_at, time.monotonic()
            if now != before or not _is_busy(now):
                left -= min(looked_at - since, STANDSTILL)
            before = now

    def begin_rest(self) -> None:
        """Let its rest count from now on: it may have had nothing to do for long."""
        self._last_seen, self._looked_at, self._rested = None, time.monotonic(), 0.0

    def has_rested(self, seconds: float) -> bool:
        """Return whether it has done nothing for so many seconds, as far as the system tells; to be asked often."""
        now, looked_at = self._threads(), time.monotonic()
        if now is None or now != self._last_seen or _is_busy(now) or not self._is_drained():
            self._rested = 0.0
        else:
            # Where the machine stood still between two looks, nobody rested.
            self._rested += min(looked_at - self._looked_at, STANDSTILL)
        self._last_seen, self._looked_at = now, looked_at
        return self._rested > seconds

    def _is_drained(self) -> bool:
        """Return whether all that it has printed has been read."""
        return self.stdout.is_drained() and self.stderr.is_drained()

    def _threads(self) -> list[tuple[str, str]] | None:
        """Return each thread's state and how long it has run, in nanoseconds; None where the system does not tell.

        Source: Linux, proc(5), stat and schedstat.
        """
        try:
            tasks = sorted(Path(f"/proc/{self.pid}/task").iterdir())
            return [(processes.state_of(task), (task / "schedstat").read_text().split()[0]) for task in tasks]
        except (OSError, IndexError):
            return None

    def interrupt(self, seconds: float) -> Ending:
        """Send Ctrl+C to the program alone, and wait until it has ended; at most so long."""
        self.send_ctrl_c()
        return self.wait_until_ended(time.monotonic(), seconds)

    def send_ctrl_c(self) -> None:
        """Send Ctrl+C to the program alone."""
        self._drop_first()  # a visitor who never said a word need not be waited for
        self.was_interrupted = True
        self._since = self.stdout.total, self.stderr.total
        with contextlib.suppress(OSError):  # it has ended already
            if not self.has_exited:
                os.kill(self.pid, getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))

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
        if os.name == "posix" and sys.platform != "linux":
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

    def shown(self, text: str) -> str:
        """Return a text with paths as the student knows them: relative to their folder."""
        return text.replace(str(self.folder) + os.sep, "").replace(str(self.folder), ".")

    def _drop_first(self) -> None:
        if self._first is not None:
            self._first.close()
            self._first = None

    def _try_connect(self) -> bool:
        for family, host in ports.LOOPBACK:
            try:
                sock = socket.socket(family)
            except OSError:  # a machine without IPv6
                continue
            sock.settimeout(0.25)
            try:
                sock.connect((host, self.port))
            except OSError:
                sock.close()
                continue
            with contextlib.suppress(OSError):  # it was reset already
                if sock.getsockname() == sock.getpeername():  # TCP connected to itself: nobody listens
                    sock.close()
                    continue
            self.address = (host, self.port)
            self._first = sock
            return True
        return False

    def _why_it_ended(self) -> NotReadyError:
        status = self._sandbox.exit_code(self._process.wait())
        wanted = "connected" if self.spec.is_client else "listened"
        self.stderr.catch_up()
        stderr = self.shown(self.stderr.text()).strip()
        if self.took_too_much:
            return NotReadyError(Verdict.GREEDY, f"{self.spec.file} took too much memory before it {wanted}")
        if not is_there(self.folder / self.spec.file):
            return NotReadyError(Verdict.NOT_STARTED, f"there is no {self.spec.file} in the folder")
        if hidden := self._hidden_library(stderr):
            return NotReadyError(
                Verdict.HIDES_LIBRARY,
                f"your {hidden}.py hides the library {hidden}, which the program needs; give your file another name",
            )
        if re.search(r"Address already in use|EADDRINUSE|WinError 10048|Errno 48\b", stderr):
            return NotReadyError(Verdict.PORT_TAKEN, self._who_holds_the_port())
        if self.spec.is_client and not self.stderr.has(TRACEBACK):
            said = f", and said: {shorten(stderr)}" if stderr else ""
            text = f"{self.spec.file} ended with exit status {status} before it connected{said}"
            return NotReadyError(Verdict.ENDED_EARLY, text)
        if status == 0 and not self.stderr.has(TRACEBACK):
            return NotReadyError(
                Verdict.EXITED, f"{self.spec.file} ended at once, with exit status 0, and never listened"
            )
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        because = f": {self.explain(stderr)}" if stderr else ""
        return NotReadyError(Verdict.NOT_STARTED, f"{self.spec.file} ended with {how} before it {wanted}{because}")

    def explain(self, traceback: str) -> str:
        """Return the last line of a traceback, with the last place in the student's own files."""
        text = self.shown(traceback).strip()
        places = re.findall(r'File "([^"<>]+)", line (\d+)', text)
        own = [f" ({file}, line {line})" for file, line in places if not Path(file).is_absolute()]
        errors = [line for line in text.splitlines() if re.match(r"[\w.]+(Error|Exception|Exit|Interrupt)\b", line)]
        return (errors or text.splitlines() or [""])[-1] + (own or [""])[-1]

    def _hidden_library(self, stderr: str) -> str | None:
        """Return the name of a library that a file of the student's hides, if that is what went wrong."""
        if not re.search(r"^(ImportError|ModuleNotFoundError|AttributeError):", stderr, re.MULTILINE):
            return None
        libraries = {*sys.stdlib_module_names, "websockets", "aiohttp", "flask", "starlette", "tornado"}
        own = {path.stem for path in self.folder.glob("*.py")} & libraries - {self.spec.name}
        complaint = stderr.splitlines()[-1]
        return next((name for name in sorted(own) if re.search(rf"\b{name}\b", complaint)), None)

    def _who_holds_the_port(self) -> str:
        mine = f"the port that it was given, {self.port}, is free"
        holder = _holder(self._usual_port)
        if holder:
            return (
                f"{self.spec.file} tried to listen on a port that another program holds; {mine}, "
                f"while port {self._usual_port} is held by {holder}"
            )
        return f"{self.spec.file} tried to listen on a port that another program holds; {mine}"

    def _somebody_else_listens(self) -> bool:
        """Return whether the system tells that the port's listener is nothing that we have started."""
        # All that is below us counts: what has forked away from the program is its own, too.
        listening = _listening_ports(processes.descendants(os.getpid()))
        # Where nobody listens any more it was ours, which has died of its first visitor.
        return listening is not None and self.port not in listening and self.still_listens(0)

    def _elsewhere(self, found: set[int]) -> NotReadyError:
        named = " and ".join(map(str, sorted(found)))
        return NotReadyError(
            Verdict.OTHER_PORT,
            f"{self.spec.file} listens on port {named}, not on the port that it was given, {self.port} "
            "(the first command-line argument)",
        )


def _is_busy(threads: list[tuple[str, str]] | None) -> bool:
    """Return whether one of the threads runs, wants to run (R), or waits for the disk (D): it goes on by itself."""
    return any(state in "RD" for state, _ in threads or ())


def _listening_ports(pids: list[int]) -> set[int] | None:
    """Return the ports on which these processes listen; None where the system does not tell."""
    found = listening(pids)
    return None if found is None else {port for _, port in found}


def listening(pids: list[int]) -> set[tuple[str, int]] | None:
    """Return the addresses and ports on which these processes listen; None where the system does not tell."""
    import psutil

    found: set[tuple[str, int]] = set()
    for pid in pids:
        try:
            connections = psutil.Process(pid).net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        except (psutil.Error, OSError):
            return None
        found |= {
            (each.laddr.ip, each.laddr.port) for each in connections if each.status == psutil.CONN_LISTEN and each.laddr
        }
    return found


def _holder(port: int) -> str | None:
    """Return the name and pid of the program that listens on a port, where the system tells."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
                continue
            if connection.laddr.port == port:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return None


def _was_closed(sock: socket.socket) -> bool:
    """Return whether the other side has hung up already."""
    sock.setblocking(False)
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
