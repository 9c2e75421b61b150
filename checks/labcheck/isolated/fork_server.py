"""The fork server: the process that gradings are forked from."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.isolated.forked import end_after
from labcheck.isolated.supervisor import supervise
from labcheck.isolated.task import Reply, broken_by, receive
from labcheck.protocols import kinds
from labcheck.sandbox.protections import protections
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    import pytest

NEEDED = (  # by every grading; modules imported before the fork are imported only once
    *("pytest", "labcheck.judging.judge", "labcheck.judging.checks", "labcheck.judging.catalogue", "labcheck.suite"),
    *("labcheck.submission.unpack", "labcheck.sandbox.guard", "labcheck.protocols.websocket.client"),
    *("labcheck.protocols.websocket.peer", "labcheck.protocols.websocket.server"),
    *("psutil", "termios", "encodings.idna", "encodings.utf_8_sig", "encodings.cp437"),
)


def main() -> None:
    """Run the fork server of a lab: `-c "..." DESCRIPTOR LAB PYTHON`; PYTHON runs the programs."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the supervisors leave no zombies
    for name in NEEDED:
        importlib.import_module(name)
    kinds.load_all()
    from labcheck.judging.catalogue import engine_digest
    from labcheck.judging.judge import with_checks

    engine_digest()  # each grading needs it

    with socket.socket(fileno=int(sys.argv[1])) as control:
        try:
            with_checks(load_lab(sys.argv[2]), partial(_fork, control, sys.argv[3]))
        except Exception as error:  # the suite is broken
            _refuse(control, broken_by(error))
    os._exit(0)


def _refuse(control: socket.socket, reply: Reply) -> None:
    """Give the same reply to every request, until the other side closes."""
    while descriptors := socket.recv_fds(control, 1, 1)[1]:
        with socket.socket(fileno=descriptors[0]) as connection, contextlib.suppress(OSError):
            receive(connection)
            connection.sendall(reply.to_json())


def _fork(control: socket.socket, python: str, session: pytest.Session) -> None:
    """Fork a supervisor for each connection received, until the other side closes.

    The lab's checks are already collected, so each grading can run the first check immediately. The byte that comes
    with a connection says which protection it needs; that is prepared here, once.
    """
    from labcheck.judging.checks import place_of

    for item in session.items:
        place_of(item)  # pytest keeps it
    gc.collect()
    gc.freeze()  # the garbage collector no longer touches these objects, so children need not copy their pages
    left = dict(enumerate(protections().values()))
    while True:
        told, descriptors, *_ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as connection:
            if kind := left.pop(told[0], None):
                with contextlib.suppress(OSError, UsageError):  # the grading says what is wrong with it
                    kind.prepare(python)
            if os.fork() == 0:
                control.close()
                end_after(partial(supervise, connection, session))
