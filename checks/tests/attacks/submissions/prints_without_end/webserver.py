"""Prints an endless line on each stream while it serves."""

import os
import threading

import attack
import solution


def print_on(stream):
    for _ in range(attack.most(300, 50)):
        os.write(stream, b"x" * 1_000_000)


def flood():
    threads = [threading.Thread(target=print_on, args=(stream,), daemon=True) for stream in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2)


attack.at_first_post(flood)
solution.main()
