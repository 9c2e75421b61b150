"""The graders of this machine: the interface for requesting a grading."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from labcheck.errors import Fault, UsageError
from labcheck.isolated.fresh import Fresh
from labcheck.isolated.task import GRACE, Probe, Reply, Task, reply_from, send
from labcheck.judging.options import Options
from labcheck.record.result import BROKEN, GRADED
from labcheck.sandbox import processes
from labcheck.sandbox.protections import protections

if TYPE_CHECKING:
    from labcheck.judging.judge import Listener

TRIES = 2
HAS_FORK = hasattr(os, "fork")


class Asked:
    """A request that was sent to a fork server."""

    def __init__(self, control: socket.socket, request: Task | Probe) -> None:
        self._ours, theirs = socket.socketpair()
        try:
            with theirs:
                name = request.options.protection
                number = [*protections(), name].index(name)  # one that is not known has a number that is not known
                socket.send_fds(control, [bytes([number])], [theirs.fileno()])
            self._ours.settimeout(request.seconds + GRACE)
            send(self._ours, request)
        except OSError:
            self._ours.close()  # the fork server is gone; `reply` says so
        except BaseException:
            self._ours.close()
            raise

    def reply(self, listener: Listener | None = None) -> Reply:
        """Return the reply. Blocks until the grading has ended; errors are in the reply.

        `listener` is called with each outcome before that, if the request is live.
        """
        with self._ours, self._ours.makefile("rb") as stream:
            return reply_from(stream, listener)

    def cancel(self) -> None:
        """Let the fork server end the grading; then it replies."""
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_WR)


class ForkServer:
    """The client side of the fork server of a lab, for programs run by `python`. It can be used from any thread."""

    def __init__(self, lab: str, python: str) -> None:
        if not HAS_FORK:
            raise UsageError(
                "archives, notebooks, --sandbox and grading a class need Linux or macOS; "
                "here, check a folder without --sandbox"
            )
        self._asked: set[Asked] = set()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *("-X", "utf8", "-P"),  # names of files in submissions are UTF-8 in every locale
                    "-c",
                    "from labcheck.isolated.fork_server import main; main()",
                    str(theirs.fileno()),
                    lab,
                    python,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"},
                **processes.own_session(),  # on Ctrl+C, this process closes the connection instead
            )

    def ask(self, request: Task | Probe, listener: Listener | None = None) -> Reply:
        """Grade a submission, and return the reply; see `Asked.reply`."""
        asked = self.begin(request)
        try:
            return asked.reply(listener)
        finally:
            self._asked.discard(asked)

    def begin(self, request: Task | Probe) -> Asked:
        """Send a request."""
        asked = Asked(self._control, request)
        self._asked.add(asked)
        return asked

    def is_alive(self) -> bool:
        """Return whether the fork server is running. If it is not, clean up what is left of it.

        This looks at the connection: a dying process closes it well before the system reports the process as ended,
        and two attempts at a grading would fit in between.
        """
        try:
            self._control.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:  # the server never sends anything here, so it is alive
            return True
        except OSError:
            pass
        self._control.close()
        self._process.wait()
        return False

    def close(self) -> None:
        """Stop the fork server and all running gradings."""
        for asked in list(self._asked):
            asked.cancel()
        self._control.close()
        self._process.wait()


class Graders:
    """The fork servers of this machine: one per lab and Python, for all threads. One that has died is replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[tuple[str, str], ForkServer] = {}
        self._offered: dict[str, str] = {}
        self._closed = False

    def ask(self, request: Task | Probe, listener: Listener | None = None) -> Reply:
        """Grade a submission, and return the reply; see `Asked.reply`."""
        server = self.server(request)
        return Reply(BROKEN, "interrupted") if server is None else server.ask(request, listener)

    def server(self, request: Task | Probe) -> ForkServer | None:
        """Return the fork server for a request; start it if it does not run. None: the graders are closed."""
        place = request.lab, request.options.interpreter
        with self._lock:
            if self._closed:
                return None
            server = self._servers.get(place)
            if server is None or not server.is_alive():
                server = self._servers[place] = ForkServer(*place)
            return server

    def protection(self, lab: str, python: str) -> str:
        """Return the strongest protection that this machine offers. Raises UsageError if it offers none.

        Raises Fault after an internal error.
        """
        if python not in self._offered:
            reasons = {}
            for name in (name for name, kind in protections().items() if kind.strength):
                reply = self.ask(Probe(lab, Options(python=python, protection=name)))
                if reply.kind == GRADED:
                    self._offered[python] = name
                    break
                if reply.faults:
                    raise Fault("\n".join(reply.faults))
                reasons[name] = reply.text
            else:
                raise UsageError(
                    "this machine offers no protection for running student programs "
                    f"({'; '.join(f'{name}: {why}' for name, why in reasons.items())}); on Linux, install bubblewrap "
                    "and allow it to create namespaces, or use --sandbox none to run them without protection"
                )
        return self._offered[python]

    def close(self) -> None:
        """Stop all running gradings, and start no more."""
        with self._lock:
            self._closed = True
            for server in self._servers.values():
                server.close()


@functools.cache
def graders() -> Graders:
    """Return the graders of this process."""
    return Graders()


def close_graders() -> None:
    """Stop all gradings of this process. A later request starts new graders."""
    graders().close()
    graders.cache_clear()


def grade_task(task: Task, listener: Listener | None = None) -> Reply:
    """Grade a submission on this machine, as a task of an executor. A grading that breaks is tried a second time.

    For `listener`, see `Asked.reply`; after a second try, it has heard of some requirements twice.
    """
    if task.folder and not HAS_FORK:
        return Fresh(task).reply(listener)
    mine, reply = graders(), Reply(BROKEN)
    if task.options.protection == "auto":
        try:
            found = mine.protection(task.lab, task.options.interpreter)
        except UsageError as error:
            return Reply(BROKEN, str(error))
        task = replace(task, options=replace(task.options, protection=found))
    for _ in range(TRIES):
        reply = mine.ask(task, listener)
        if reply.kind != BROKEN and not reply.faults:
            break
    return reply
