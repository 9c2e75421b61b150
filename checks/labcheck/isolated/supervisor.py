"""The supervisor of one grading: it enforces the time limit, and removes everything that the grading leaves behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.isolated.forked import end_after
from labcheck.isolated.task import Reply, receive
from labcheck.isolated.worker import Grading
from labcheck.sandbox import processes
from labcheck.sandbox.cgroup import Group
from labcheck.sandbox.protections import find
from labcheck.sandbox.scratch import scratch

if TYPE_CHECKING:
    import socket

    import pytest


def supervise(connection: socket.socket, session: pytest.Session) -> None:
    """Receive a request, start a worker for it, and reply after all its processes are gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.umask(0o022)
    request = receive(connection)
    if request is None:
        return
    processes.adopt_orphans()
    with scratch() as folder:
        group = Group(f"labcheck-{os.getpid()}")
        grading = Grading(request, session, folder, group, os.getpid())
        try:
            find(request.options.protection).surround()
            reply = _start(grading, connection)
        except UsageError as error:
            reply = Reply("broken", str(error))
        except OSError as error:
            reply = Reply("broken", f"{error.strerror or error}")
        finally:
            processes.end_all()
            group.remove()
    with contextlib.suppress(OSError):  # the process that requested the grading is gone
        connection.sendall(reply.to_json())


def _start(grading: Grading, connection: socket.socket) -> Reply:
    """Start a worker, and return its reply. By then the worker has ended, with all processes in its namespaces."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        connection.close()
        os.close(reading)
        end_after(partial(grading.answer, writing))
    os.close(writing)
    seconds = grading.request.seconds
    answer = _listen(reading, connection, seconds)
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if answer is None:
        return Reply("broken", f"the grading did not end within {seconds:g} s")
    try:
        return Reply.from_json(answer)
    except ValueError:
        code = os.waitstatus_to_exitcode(status)
        return Reply("broken", f"the grading process ended without a result (exit code {code})")


def _listen(reading: int, connection: socket.socket, seconds: float) -> bytes | None:
    """Return the reply that the worker writes, and send on the lines before it.

    None: the time is over, or the requesting process is gone or has lost interest.
    """
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
            lines, end, answer = (answer + chunk).rpartition(b"\n")
            try:
                connection.sendall(lines + end)
            except OSError:
                return None
    return None
