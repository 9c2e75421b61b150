"""Tries to become root in new namespaces and to mount file systems there."""

import ctypes
import os

import attack
import solution

if os.fork() == 0:
    if attack.LIBC.unshare(0x10000000 | 0x00020000 | 0x20000000) == 0:  # CLONE_NEWUSER, NEWNS, NEWPID
        attack.say("UNSHARED")
    for source, target, kind in ((b"none", b"/tmp", b"tmpfs"), (b"proc", b"/proc", b"proc")):
        if attack.LIBC.mount(source, target, kind, 0, None) == 0:
            attack.say(f"MOUNTED {kind.decode()}")
        else:
            attack.say(f"mount: {os.strerror(ctypes.get_errno())}")
    os._exit(0)
os.wait()
solution.main()
