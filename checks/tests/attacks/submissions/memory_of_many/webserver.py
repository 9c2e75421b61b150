"""Starts twenty children that use 200 MiB each, before it listens."""

import os
import time

import attack

for _ in range(attack.most(20, 2)):
    if os.fork() == 0:
        kept = bytearray(b"x") * (200 * attack.MIB)
        attack.say("TOOK 200")
        time.sleep(60)
time.sleep(60)
