"""Tries to contact the test in every way that needs no file: TCP, UDP, and an abstract Unix socket."""

import socket

import attack
import solution

for host in attack.CONFIG["hosts"]:
    try:
        with socket.create_connection((host, attack.CONFIG["tcp"]), 2) as sock:
            sock.sendall(b"tcp " + host.encode())
            attack.say(f"REACHED {host}")
    except OSError as error:
        attack.say(f"tcp {host}: {error}")
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"udp " + host.encode(), (host, attack.CONFIG["udp"]))
    except OSError as error:
        attack.say(f"udp {host}: {error}")
try:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("\0" + attack.CONFIG["abstract"])
        sock.sendall(b"abstract")
        attack.say("REACHED abstract")
except OSError as error:
    attack.say(f"abstract: {error}")
solution.main()
