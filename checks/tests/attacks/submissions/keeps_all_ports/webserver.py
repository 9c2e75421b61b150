"""Starts daemons that occupy every port a program could be given, and listen there."""

import os
import socket
import time

import attack
import solution


def hold(first, last):
    kept = []
    for number in range(first, last):
        sock = socket.socket()
        try:
            sock.bind(("127.0.0.1", number))
            sock.listen()
            kept.append(sock)
        except OSError:
            sock.close()
    with open(attack.HERE / "held", "a") as file:
        file.write(f"{len(kept)}\n")
    time.sleep(30)


def hold_all():
    for first in range(20_000, 32_000, 1_000):
        attack.daemonize(lambda first=first: hold(first, first + 1_000))
    limit = time.monotonic() + 5
    lines = []
    while len(lines) < 12 and time.monotonic() < limit:
        time.sleep(0.02)
        if os.path.exists(attack.HERE / "held"):
            lines = (attack.HERE / "held").read_text().split()
    attack.say(f"HELD {sum(map(int, lines))}")


attack.at_first_post(hold_all)
solution.main()
