"""What the attacks share: the reference solution, their configuration, and when they start.

The test puts this file, the solution (solution.py) and config.json beside each attack's webserver.py.
"""

import ctypes
import json
import os
import signal
from pathlib import Path

import solution

HERE = Path(__file__).parent
CONFIG = json.loads((HERE / "config.json").read_text())
MIB = 1 << 20
LIBC = ctypes.CDLL(None, use_errno=True)

# If the machine's files are visible, nothing protects it. An attack is then milder.
PROTECTED = not os.path.exists(CONFIG["canary"])

LIBC.prctl(15, CONFIG["mark"].encode(), 0, 0, 0)  # PR_SET_NAME: the test finds leftover processes by this name


def most(wild, gentle):
    return wild if PROTECTED else gentle


def say(text):
    os.write(1, f"{text}\n".encode())


def at_first_post(attack):
    """Attack when the first form arrives. Only the process shared by most checks receives one."""
    answer = solution.Handler.do_POST

    def do_post(self):
        solution.Handler.do_POST = answer
        attack()
        answer(self)

    solution.Handler.do_POST = do_post


def daemonize(work):
    """Do the work in a daemon: a process without its parents, session and open files, that ignores signals."""
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
