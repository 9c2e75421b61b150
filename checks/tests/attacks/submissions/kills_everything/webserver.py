"""Kills, stops and traces every process it can see except itself."""

import os
import signal
from pathlib import Path

import attack
import solution

seen = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
pids = attack.most(seen, attack.CONFIG["victims"])
for pid in pids:
    if pid == os.getpid():
        continue
    if attack.LIBC.ptrace(16, pid, 0, 0) == 0:  # PTRACE_ATTACH
        os.waitpid(pid, 0)
        attack.say("TRACED")
        attack.LIBC.ptrace(17, pid, 0, 0)  # PTRACE_DETACH
    try:
        with open(f"/proc/{pid}/mem", "r+b"):
            attack.say("OPENED its memory")
    except OSError:
        pass
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(pid, number)
            attack.say(f"SENT {number}")
        except OSError:
            pass
attack.say(f"SAW {len(pids)}")
solution.main()
