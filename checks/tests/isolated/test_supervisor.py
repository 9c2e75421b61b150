"""The process around one grading: it replies, no matter what happens to the grading and to what it leaves behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from labcheck.isolated.task import Probe, Reply, reply_from, send
from labcheck.judging.options import Options
from labcheck.sandbox.cgroup import Group

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups, and fork, are those of Linux")

SUPERVISE = """
import os, socket, sys
from contextlib import contextmanager
from labcheck.isolated import supervisor, worker
from labcheck.isolated.task import Reply

def fail(*_):
    raise OSError("cannot be done")

@contextmanager
def kept():
    with scratch() as folder:
        yield folder
    raise OSError("cannot be removed")

scratch = supervisor.scratch
{changes}
supervisor.supervise(socket.socket(fileno=int(sys.argv[1])), None)
"""


def replied(changes: str) -> Reply:
    """Return what a supervisor replies that does its work with these changes to its modules."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-c", SUPERVISE.format(changes=changes), str(theirs.fileno())]
        with subprocess.Popen(command, pass_fds=[theirs.fileno()]) as supervisor:
            theirs.close()
            ours.settimeout(30)
            send(ours, Probe("lab1", Options(protection="none")))
            with ours.makefile("rb") as stream:
                reply = reply_from(stream, None)
        assert supervisor.returncode == 0
    return reply


def test_probe_that_works() -> None:
    """Without any change, the probe succeeds; so what the others reply is due to their changes."""
    assert replied("") == Reply("graded")


@pytest.mark.parametrize(
    "changes",
    [
        "supervisor.processes.end_all = fail",
        "supervisor.scratch = kept",
        "supervisor.Group.end = supervisor.Group.remove = fail",
    ],
)
def test_reply_is_sent_although_the_clean_up_fails(changes: str) -> None:
    """A file that cannot be removed, or a process that cannot be ended, does not take a result away."""
    assert replied(changes) == Reply("graded")


def test_grading_that_the_kernel_ends_is_broken() -> None:
    """A worker that is killed, for example for lack of memory, has no result; the grading is tried once more."""
    reply = replied("worker.Grading._work = lambda self, tell: os.kill(os.getpid(), 9)")
    assert reply == Reply("broken", "the grading process ended without a result (exit code -9)")


def test_grader_has_a_group_of_its_own() -> None:
    """The memory of the process that checks the programs is limited, apart from theirs.

    The group has the name of the grading's folder, with which it is removed if labcheck is killed.
    """
    group = Group(f"labcheck-test-{os.getpid()}")
    can_count = group.counts_memory
    group.remove()
    if not can_count:
        pytest.skip("this user may not create control groups")
    groups = "Reply('broken', self.scratch.name + '\\n' + open('/proc/self/cgroup').read())"
    reply = replied(f"worker.Grading._work = lambda self, tell: {groups}")
    folder, *lines = reply.text.splitlines()
    assert any(line.endswith(f"/{folder}-grader") for line in lines), reply.text
    assert not any("labcheck" in line and not line.endswith("-grader") for line in lines)
