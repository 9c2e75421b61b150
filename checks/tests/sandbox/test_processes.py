"""Processes that end, or move to another parent, while they are looked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conftest import until
from labcheck.sandbox import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")

# A process that adopts the child of its own child, called `parent`. `just_before(name, action)` does something when a
# file of a certain name in /proc is first read.
FAMILY = '''
import os, signal, subprocess, sys, time
from labcheck.sandbox import processes

processes.LOOK_FOR = 60  # on a loaded machine, the end of the parent may take longer than all looks together
SLEEPS = "import time; time.sleep(60)"
STARTS = f"""
import subprocess, sys
print(subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]).pid, flush=True)
{SLEEPS}
"""
processes.adopt_orphans()
parent = subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE)
child = int(parent.stdout.readline())

def end_parent():
    parent.send_signal(signal.SIGKILL)
    parent.wait()

def just_before(path, action):
    def first(file):
        if file == path:
            processes.read = read
            action()
        return read(file)

    read, processes.read = processes.read, first

CHILDREN = "/proc/{0}/task/{0}/children"
'''


def printed(code: str) -> str:
    """Return what the code prints in a process with a family."""
    done = subprocess.run(
        [sys.executable, "-c", FAMILY + code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_descendant_that_loses_its_parent_is_found() -> None:
    """A process whose parent ends between two looks at lists of children is among the descendants."""
    said = printed("""
just_before(CHILDREN.format(parent.pid), end_parent)
print(child in processes.descendants(os.getpid()))
processes.end_all()
""")
    assert said == "True"


def test_process_that_loses_its_parent_is_ended() -> None:
    """All processes are ended, even if one moves to another parent just when there seem to be no more."""
    said = printed("""
just_before(CHILDREN.format(parent.pid), end_parent)
processes.end_all()
print(processes.is_alive(child))
""")
    assert said == "False"


def test_child_of_a_process_to_be_spared_is_spared() -> None:
    """A process to be spared may start another one at any moment: that one is neither killed nor stopped."""
    said = printed("""
STARTS_LATER = f"input(){STARTS}"
spared = subprocess.Popen([sys.executable, "-c", STARTS_LATER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
later = []

def start():
    spared.stdin.write(b"\\n")
    spared.stdin.flush()
    later.append(int(spared.stdout.readline()))

just_before(CHILDREN.format(os.getpid()), start)
processes.end_all([spared.pid])
print(processes.is_alive(child))
while not all(processes.state_of(f"/proc/{pid}") == "S" for pid in (spared.pid, *later)):
    pass
processes.end_all()
""")
    assert said == "False"


def test_tree_is_ended_though_its_root_ends_first() -> None:
    """The descendants of a process are killed even if it ends after they were found, and they move to another one."""
    said = printed("""
def send(pid, number):
    kill(pid, number)
    if number == signal.SIGSTOP and pid == child:
        end_parent()

kill, os.kill = os.kill, send
processes.end_tree(parent.pid)
print(processes.is_alive(child))
processes.end_all()
""")
    assert said == "False"


def test_ancestors_lead_up_from_a_process() -> None:
    """The ancestors of a process begin with its parent, and leave out one that has just ended."""
    said = printed("""
print(processes.ancestors(child)[:2] == [parent.pid, os.getpid()])
just_before(f"/proc/{parent.pid}/stat", end_parent)
print(processes.ancestors(child)[0] == os.getpid())
processes.end_all()
""")
    assert said == "True\nTrue"


def test_process_that_has_ended_has_no_ancestors() -> None:
    """A process that has ended has no known ancestors."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    with pytest.raises(OSError, match=str(process.pid)):
        processes.ancestors(process.pid)


def test_process_lives_as_long_as_one_of_its_threads() -> None:
    """A process whose first thread has ended is alive: its files are still open."""
    code = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=[60]).start()
ctypes.CDLL(None).pthread_exit(None)
"""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        until(lambda: processes.state_of(f"/proc/{process.pid}") == "Z")
        assert processes.is_alive(process.pid)
        processes.end_tree(process.pid)
        assert not processes.is_alive(process.pid)
