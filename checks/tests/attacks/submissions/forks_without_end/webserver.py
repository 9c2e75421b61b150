"""Starts processes until the limit is reached, then kills them."""

import os
import signal

import attack
import solution


def fork():
    children = []
    try:
        while len(children) < attack.most(2_000, 100):
            children.append(os.posix_spawn("/bin/sleep", ["sleep", "30"], {}))
    except OSError:
        pass
    attack.say(f"STARTED {len(children)}")
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


attack.at_first_post(fork)
solution.main()
