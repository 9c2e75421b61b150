"""One process ends at its first request; another one occupies every port, so that the next start gets none."""

import os
import socket
import sys
import time

import attack


def claim(name):
    """Return a socket with a name that only one process of this grading can bind, or None if it is taken."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.bind(f"\0labcheck attack {name}")
    except OSError:
        return None
    return sock


def hold(first, last, writing):
    kept = {}
    while True:
        for number in range(first, last):
            if number not in kept:
                sock = socket.socket()
                try:
                    sock.bind(("127.0.0.1", number))
                    kept[number] = sock
                except OSError:
                    sock.close()
        os.write(writing, b"x")
        time.sleep(0.01)


# Only the process shared by most checks has the grader's files in its site/.
is_shared = len(os.listdir("site")) > 10
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    print("Started HTTP server", flush=True)
    if not is_shared and attack.PROTECTED:
        for first in range(20_000, 26_000, 900):
            reading, writing = os.pipe()
            if os.fork() == 0:
                server.close()
                hold(first, min(first + 900, 26_000), writing)
            os.read(reading, 1)
        while (held := claim("held")) is None:
            time.sleep(0.01)
        attack.say("HELD")
    while True:
        client, _ = server.accept()
        with client:
            if not client.recv(65536) or not is_shared:
                continue
            limit = time.monotonic() + 5
            while claim("held") is not None and time.monotonic() < limit:
                time.sleep(0.1)
            os._exit(0)
