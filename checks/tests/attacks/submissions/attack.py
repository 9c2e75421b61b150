"""What the attacks share: the reference solution, what the test tells them, and when they begin.

The test puts this file, the solution (solution.py) and told.json beside each attack's webserver.py.
"""

import ctypes
import json
import os
import signal
from pathlib import Path

import solution

HERE = Path(__file__).parent
TOLD = json.loads((HERE / "told.json").read_text())
MIB = 1 << 20
LIBC = ctypes.CDLL(None, use_errno=True)

# Where the machine's files are to be seen, nothing protects it: an attack is a gentle one then.
PROTECTED = not os.path.exists(TOLD["canary"])

LIBC.prctl(15, TOLD["mark"].encode(), 0, 0, 0)  # PR_SET_NAME: by this name the test finds who is left


def most(wild, gentle):
    return wild if PROTECTED else gentle


def say(text):
    os.write(1, f"{text}\n".encode())


def at_first_post(attack):
    """Attack when the first form arrives: only the program that most checks share gets one."""
    answer = solution.Handler.do_POST

    def do_post(self):
        solution.Handler.do_POST = answer
        attack()
        answer(self)

    solution.Handler.do_POST = do_post


def daemonise(work):
    """Do the work in a process that has left its parents, its session and its files, and hears no signal."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(0, 1024)
    try:
        work()
    finally:
        os._exit(0)
