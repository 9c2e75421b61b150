"""Tries to raise its own resource limits."""

import resource

import attack
import solution

for name in ("AS", "NPROC", "FSIZE", "NOFILE", "CPU", "CORE"):
    number = getattr(resource, f"RLIMIT_{name}")
    soft, hard = resource.getrlimit(number)
    try:
        resource.setrlimit(number, (soft, resource.RLIM_INFINITY if name != "NOFILE" else hard + 1))
        attack.say(f"RAISED {name}")
    except (OSError, ValueError):
        attack.say(f"REFUSED {name}")
solution.main()
