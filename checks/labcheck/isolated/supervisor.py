"""The supervisor of one grading: it enforces the time limit, and removes everything that the grading leaves behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from labcheck.errors import MachineError, UsageError
from labcheck.isolated.forked import end_after
from labcheck.isolated.task import Reply, receive
from labcheck.isolated.worker import Grading
from labcheck.record.result import BROKEN
from labcheck.sandbox import processes, uids
from labcheck.sandbox.cgroup import Group
from labcheck.sandbox.protections import find
from labcheck.sandbox.scratch import scratch

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import pytest


def supervise(connection: socket.socket, session: pytest.Session) -> None:
    """Receive a request, start a worker for it, and reply after all its processes are gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.umask(0o022)
    request = receive(connection)
    if request is None:
        return
    processes.adopt_orphans()
    with contextlib.suppress(OSError), ExitStack() as stack:  # the reply is sent even if a file cannot be removed
        try:
            protection = find(request.options.protection)
            folder = stack.enter_context(scratch())
            uid = stack.enter_context(uids.reserved()) if protection.is_limited and _is_root() else None
            programs, grader = Group(folder.name), Group(folder.name, for_grader=True)
            stack.callback(_clean_up, programs, grader, uid)
            protection.surround()
            reply = _start(Grading(request, session, folder, programs, grader, uid), connection)
        except (UsageError, MachineError) as error:
            reply = Reply(BROKEN, str(error))
        except OSError as error:
            reply = Reply(BROKEN, f"{error.strerror or error}")
    with contextlib.suppress(OSError):  # the process that requested the grading is gone
        connection.sendall(reply.to_json())


def _clean_up(programs: Group, grader: Group, uid: int | None) -> None:
    """End what is left of a grading: with the strongest means first, and the next one even if that fails."""
    means: list[Callable[[], None]] = [programs.end, grader.end]
    means += [] if uid is None else [partial(uids.kill_all, uid)]
    for end in (*means, processes.end_all):
        with contextlib.suppress(OSError):
            end()
    for group in (programs, grader):
        group.remove()


def _is_root() -> bool:
    return hasattr(os, "getuid") and os.getuid() == 0


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
        return Reply(BROKEN, f"the grading did not end within {seconds:g} s")
    try:
        return Reply.from_json(answer)
    except ValueError:
        code = os.waitstatus_to_exitcode(status)
        return Reply(BROKEN, f"the grading process ended without a result (exit code {code})")


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
