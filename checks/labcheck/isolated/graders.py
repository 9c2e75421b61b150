"""The graders of a machine, as whoever asks for a grading sees them."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import sys
import threading
from dataclasses import replace

from labcheck.errors import UsageError
from labcheck.isolated.task import GRACE, Probe, Reply, Task, send
from labcheck.judging.options import Options
from labcheck.record.result import BROKEN, GRADED
from labcheck.sandbox import processes
from labcheck.sandbox.protections import protections

TRIES = 2


class ForkServer:
    """The process that gradings of a lab are forked from, as whoever asks for one sees it. Any thread may ask."""

    def __init__(self, lab: str) -> None:
        if os.name != "posix":
            raise UsageError("archives, notebooks, --sandbox and classes need Linux or macOS")
        self._asked: set[socket.socket] = set()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-c",
                    "from labcheck.isolated.fork_server import main; main()",
                    str(theirs.fileno()),
                    lab,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                **processes.own_session(),  # Ctrl+C is for whoever has asked; who then hangs up
            )

    def ask(self, request: Task | Probe) -> Reply:
        """Have a submission graded. It takes as long as it takes, and raises nothing."""
        ours, theirs = socket.socketpair()
        with ours:
            try:
                self._asked.add(ours)
                with theirs:
                    socket.send_fds(self._control, [b"?"], [theirs.fileno()])
                ours.settimeout(request.seconds + GRACE)
                send(ours, request)
                return Reply.from_json(b"".join(iter(lambda: ours.recv(1 << 20), b"")))
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
                asked.shutdown(socket.SHUT_WR)  # its supervisor ends the grading, and answers
        self._control.close()
        self._process.wait()


class Graders:
    """What a machine grades with: one server a lab for all threads, and a new one where it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[str, ForkServer] = {}
        self._offered: dict[str, str] = {}
        self._closed = False

    def ask(self, request: Task | Probe) -> Reply:
        """Have a submission graded."""
        with self._lock:
            if self._closed:
                return Reply(BROKEN, "interrupted")
            server = self._servers.get(request.lab)
            if server is None or not server.is_alive():
                server = self._servers[request.lab] = ForkServer(request.lab)
        return server.ask(request)

    def protection(self, lab: str, python: str) -> str:
        """Return the best protection that this machine offers. Raises UsageError where there is none."""
        if python not in self._offered:
            reasons = {}
            for name in (name for name, kind in protections().items() if kind.strength):
                reply = self.ask(Probe(lab, Options(python=python, protection=name)))
                if reply.kind == GRADED:
                    self._offered[python] = name
                    break
                reasons[name] = reply.text
            else:
                raise UsageError(
                    "no protection from the programs that are graded is to be had here "
                    f"({'; '.join(f'{name}: {why}' for name, why in reasons.items())}); on Linux install bubblewrap "
                    "and let it make namespaces, or say --sandbox none to go without"
                )
        return self._offered[python]

    def close(self) -> None:
        """End all gradings that go on, and begin none."""
        with self._lock:
            self._closed = True
            for server in self._servers.values():
                server.close()


@functools.cache
def graders() -> Graders:
    """Return this process's graders."""
    return Graders()


def close_graders() -> None:
    """End what this process's graders do; who asks for a grading then gets new ones."""
    graders().close()
    graders.cache_clear()


def grade_task(task: Task) -> Reply:
    """Grade a submission, here; what was broken on the way gets a second try. To be run by an executor."""
    mine, reply = graders(), Reply(BROKEN)
    if task.options.protection == "auto":
        try:
            found = mine.protection(task.lab, task.options.interpreter)
        except UsageError as error:
            return Reply(BROKEN, str(error))
        task = replace(task, options=replace(task.options, protection=found))
    for _ in range(TRIES):
        reply = mine.ask(task)
        if reply.kind != BROKEN and not reply.faults:
            break
    return reply
