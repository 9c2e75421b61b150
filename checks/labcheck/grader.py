"""The grading of one submission in a process of its own, and who looks after that process.

Three processes, each started by the one before it:

- the *nursery* has everything imported, and does nothing but fork: a grading begins in a millisecond;
- the *keeper* of one grading has its time, and tells what became of it when nothing of it lives any more;
- the *grader* reads what was handed in, runs its programs and judges them. Where the machine offers it,
  it is the first process in namespaces of its own.

The grader ends with its keeper, and the keeper ends it when whoever has asked for the grading is gone.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pickle
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from labcheck import isolation, processes
from labcheck.cgroup import Group
from labcheck.confine import version as landlock_version
from labcheck.errors import UsageError
from labcheck.sandbox import Confined, Namespaces, Sandbox
from labcheck.workbook import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

GRACE = 30.0  # seconds for what comes before and after the checks, beside their budget
PROBE_WITHIN = 20.0  # seconds
LENGTH = struct.Struct("!Q")
NEEDED = (
    *("pytest", "labcheck.judge", "labcheck.suite", "labcheck.unpack", "labcheck.catalogue", "labcheck.guard"),
    *("labcheck.client_program", "labcheck.host", "labcheck.ws", "labcheck.ws_server"),
)


@dataclass(frozen=True)
class Task:
    """One submission to be graded: what was handed in, and how to judge it.

    `data` is a file's content and `name` what the file was called, `label` the submission's name in the
    record; `sandbox` is the name of the protection, `extra` the instructor's own checks, as a tar; `suite` is
    the digest of all that judges; `whole` keeps the transcripts of what has passed, too, which are most of a record.
    """

    lab: str
    name: str
    data: bytes
    label: str
    seed: int
    sandbox: str
    python: str
    budget: float
    slow: float
    extra: bytes = b""
    hidden: bool = False
    suite: str = ""
    only: tuple[str, ...] = ()
    whole: bool = False

    @property
    def seconds(self) -> float:
        """How long its grading may take."""
        return self.budget + GRACE * max(1.0, self.slow)


@dataclass(frozen=True)
class Probe:
    """The question whether a protection can be had here for programs that this Python runs."""

    lab: str
    sandbox: str
    python: str
    seconds: float = PROBE_WITHIN


@dataclass(frozen=True)
class Reply:
    """What became of it: `graded` (with the record, as a table), `refused` (the submission), or `broken` (the grading).

    `text` says why, in one line; `faults` are tracebacks of our own.
    """

    kind: str
    text: str = ""
    record: dict[str, Any] | None = None
    faults: list[str] = field(default_factory=list)


class Nursery:
    """The process that graders of a lab are forked from, as whoever asks for a grading sees it. Any thread may ask."""

    def __init__(self, lab: str) -> None:
        if os.name != "posix":
            raise UsageError("archives, notebooks, --sandbox and classes need Linux or macOS")
        self._asked: set[socket.socket] = set()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", "from labcheck.grader import main; main()", str(theirs.fileno()), lab],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl+C is for whoever has asked; who then hangs up
            )

    def ask(self, request: Task | Probe) -> Reply:
        """Have a submission graded. It takes as long as it takes, and raises nothing."""
        ours, theirs = socket.socketpair()
        with ours:
            try:
                self._asked.add(ours)
                with theirs:
                    socket.send_fds(self._control, [b"?"], [theirs.fileno()])
                data = pickle.dumps(request)
                ours.settimeout(request.seconds + GRACE)
                ours.sendall(LENGTH.pack(len(data)) + data)
                answer = b"".join(iter(lambda: ours.recv(1 << 20), b""))
                return Reply(**json.loads(answer))
            except TimeoutError:
                return Reply("broken", "its grading did not end in time")
            except (OSError, ValueError):
                return Reply("broken", "its grading was ended from outside")
            finally:
                self._asked.discard(ours)

    def is_alive(self) -> bool:
        """Return whether it can be asked; what is left of it is cleared away where it cannot.

        Who dies hangs up first, and only then does the system tell of the death: two tries of a grading
        fit in between.
        """
        try:
            self._control.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:  # it never says a word here
            return True
        except OSError:
            pass
        self._control.close()
        self._process.wait()
        return False

    def close(self) -> None:
        """End it, and the gradings that go on."""
        for asked in list(self._asked):
            with contextlib.suppress(OSError):
                asked.shutdown(socket.SHUT_WR)  # its keeper ends the grading, and answers
        self._control.close()
        self._process.wait()


def main() -> None:
    """Be the nursery of a lab: `-c "..." DESCRIPTOR LAB`."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    for name in NEEDED:
        importlib.import_module(name)
    from labcheck.judge import with_checks

    with socket.socket(fileno=int(sys.argv[1])) as control:
        with_checks(load_lab(sys.argv[2]), partial(_fork, control))
    os._exit(0)


def _fork(control: socket.socket, session: pytest.Session) -> None:
    """Fork a keeper for each connection that is handed over, until the other side has gone.

    The lab's checks are collected by now: each grading begins where it would run the first.
    """
    gc.collect()
    gc.freeze()  # what is never freed need not be copied into every child
    while descriptors := socket.recv_fds(control, 1, 1)[1]:
        with socket.socket(fileno=descriptors[0]) as connection:
            if os.fork() == 0:
                control.close()
                _end_after(partial(_keep, connection, session))


def _end_after(work: Callable[[], None]) -> NoReturn:
    """Do the work of a forked process, and end it there."""
    try:
        work()
    except BaseException:  # nobody above would know what to do with it
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _keep(connection: socket.socket, session: pytest.Session) -> None:
    """Be the keeper: start a grader, and answer when nothing of it lives any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.umask(0o022)
    with connection.makefile("rb") as stream:
        length = stream.read(LENGTH.size)
        if len(length) < LENGTH.size:
            return  # who has asked is gone
        size = LENGTH.unpack(length)[0]
        request: Task | Probe = pickle.loads(stream.read(size))  # from the process that has started ours
    processes.adopt_orphans()
    scratch = Path(tempfile.mkdtemp(prefix="labcheck-"))
    group = Group(f"labcheck-{os.getpid()}")
    grading = Grading(request, session, scratch, group, os.getpid())
    try:
        if request.sandbox == "namespaces":
            isolation.unshare()
        reply = _start(grading, connection)
    except OSError as error:
        reply = Reply("broken", f"{error.strerror or error}")
    finally:
        processes.end_all()
        from labcheck.submission import remove_tree

        remove_tree(scratch)
        group.remove()
    connection.sendall(json.dumps(vars(reply)).encode())


def _start(grading: Grading, connection: socket.socket) -> Reply:
    """Start a grader, and return what it says; it is gone then, with all that was in its namespaces."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        connection.close()
        os.close(reading)
        _end_after(partial(grading.answer, writing))
    os.close(writing)
    seconds = grading.request.seconds
    answer = _listen(reading, connection, seconds)
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if answer is None:
        return Reply("broken", f"its grading did not end within {seconds:g} s")
    try:
        return Reply(**json.loads(answer))
    except ValueError:
        return Reply("broken", f"its grader ended ({os.waitstatus_to_exitcode(status)}) before it had a result")


def _listen(reading: int, connection: socket.socket, seconds: float) -> bytes | None:
    """Return all that the grader writes; nothing when its time is over, or nobody waits for it any more."""
    limit = time.monotonic() + seconds
    answer = b""
    while (left := limit - time.monotonic()) > 0:
        ready, _, _ = select.select([reading, connection.fileno()], [], [], left)
        if connection.fileno() in ready:
            return None
        if ready:
            chunk = os.read(reading, 1 << 20)
            if not chunk:
                return answer
            answer += chunk
    return None


@dataclass
class Grading:
    """What the grader does; `scratch` is a folder of its own, `number` is no other grading's of the moment."""

    request: Task | Probe
    session: pytest.Session
    scratch: Path
    group: Group
    number: int

    def answer(self, writing: int) -> None:
        """Do what was asked for, and write the reply; whatever goes wrong is told."""
        isolation.die_with_parent()
        try:
            reply = self._work()
        except Exception as error:
            if isinstance(self.request, Probe):
                reply = Reply("broken", str(getattr(error, "strerror", "") or error))
            else:
                reply = Reply("broken", "labcheck's own fault", faults=[traceback.format_exc()])
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(vars(reply)).encode())

    def _work(self) -> Reply:
        if self.request.sandbox == "namespaces":
            isolation.settle()
            self.scratch = Path(tempfile.mkdtemp(dir=isolation.SCRATCH))
        tempfile.tempdir = str(self.scratch)
        sandbox = self._sandbox()
        if sandbox.name != "none":
            sandbox.group = self.group
        return self._grade(self.request, sandbox) if isinstance(self.request, Task) else self._try_out(sandbox)

    def _sandbox(self) -> Sandbox:
        kind, python = self.request.sandbox, self.request.python
        if kind == "namespaces":
            etc = self.scratch / "etc"
            etc.mkdir()
            return Namespaces(python, self.number, etc)
        if kind in ("landlock", "limits"):
            self.scratch.chmod(0o711)  # a program of another user reaches its copy through it
            return Confined(python, self.number, landlock=kind == "landlock")
        return Sandbox()

    def _try_out(self, sandbox: Sandbox) -> Reply:
        """Start Python as a student's program would be."""
        if sandbox.name == "landlock" and not landlock_version():
            return Reply("broken", "this kernel has no Landlock")
        for tool in sandbox.tools:
            if shutil.which(tool) is None:
                return Reply("broken", f"{tool} is not installed")
        place = self.scratch / "1"
        place.mkdir()
        sandbox.make_room(place, 0)
        folder = place / "work"
        folder.mkdir()
        (folder / "probe.py").write_text("print('here')")
        sandbox.hand_over(place)
        done = subprocess.run(
            sandbox.command([self.request.python, "-s", "probe.py", "20000"], folder),
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), **sandbox.environment(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_WITHIN / 2,
            check=False,
        )
        if done.stdout.strip() == "here":
            return Reply("graded")
        return Reply("broken", (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])

    def _grade(self, task: Task, sandbox: Sandbox) -> Reply:
        from labcheck.archive import SUBMISSION, RefusedError, Target, extract
        from labcheck.catalogue import digest_of, with_more
        from labcheck.judge import judge
        from labcheck.suite_run import Options
        from labcheck.unpack import unpack

        lab = load_lab(task.lab)
        if task.suite and task.suite != digest_of(lab, task.extra, hidden=task.hidden):
            return Reply("broken", f"where it was to be graded, another labcheck or suite of {task.lab} is installed")
        more, place = self.scratch / "more", self.scratch / "handed-in"
        more.mkdir(0o700)
        place.mkdir(0o700)
        if task.extra:
            extract(io.BytesIO(task.extra), Target(more, SUBMISSION))
            lab = with_more(lab, more, hidden=task.hidden)
        try:
            folder = unpack(task.name, task.data, place, lab)
        except RefusedError as error:
            return Reply("refused", str(error))
        options = Options(task.seed, task.only, task.budget, task.slow, task.python, sandbox, task.whole)
        faults: list[str] = []
        record = judge(lab, folder, options, faults, None if lab.more else self.session)
        record.submission = task.label
        return Reply("graded", record=record.to_table(), faults=faults)
