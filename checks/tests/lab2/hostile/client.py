"""An echo client, or a chat client if its file has that name, that misbehaves in the way that BEHAVIOR names."""

import base64
import os
import random
import re
import socket
import struct
import sys
import threading
import time
from contextlib import suppress

BEHAVIOR = "none"  # replaced with a name from one of the tables below
CHAT = "chat" in sys.argv[0]
PORT = int(sys.argv[1])
CONT, TEXT, CLOSE, PING = 0, 1, 8, 9
MEGABYTE = b"a" * 1_000_000
leaving = threading.Event()


def frame(data, opcode=TEXT, *, fin=True, masked=True, length=None):
    """Return a frame; its mask is four zero bytes, which change nothing."""
    length = len(data) if length is None else length
    short = length if length < 126 else 126 if length < 65536 else 127
    head = bytes([fin << 7 | opcode, masked << 7 | short])
    head += b"" if short < 126 else struct.pack("!H" if short == 126 else "!Q", length)
    return head + bytes(4 * masked) + data


def request():
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"Host: localhost:{PORT}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}"]
    return "\r\n".join(["GET / HTTP/1.1", *lines, "Sec-WebSocket-Version: 13", "", ""]).encode()


def dial():
    return socket.create_connection(("127.0.0.1", PORT))


def connect():
    """Connect, do the opening handshake and return the socket."""
    server = dial()
    server.sendall(request())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += server.recv(1) or sys.exit("The server closed the connection.")
    return server


def wait(*_):
    time.sleep(1000)


def endlessly(server, data):
    while True:
        server.sendall(data)


def print_for_ever(line):
    while True:
        os.write(1, line * 1000)


def a_thousand_connections():
    held = []
    for _ in range(1000):
        with suppress(OSError):
            held.append(dial())
    wait()


def again_and_again(open_connection):
    while True:
        with suppress(OSError):
            open_connection().close()


def fragments(server, piece):
    server.sendall(frame(b"a", fin=False))
    endlessly(server, frame(piece, CONT, fin=False) * 1000)


INSTEAD_OF_EVERYTHING = {
    "never_connects": wait,
    "prints_lines_for_ever": lambda: print_for_ever(b"All work and no play makes a dull client.\n"),
    "prints_one_line_for_ever": lambda: print_for_ever(b"All work and no play "),
    "prints_prompts_for_ever": lambda: print_for_ever(b"Enter some data: Enter Your Name: Your Message: "),
    "opens_a_thousand_connections": a_thousand_connections,
    "half_a_handshake": lambda: (server := dial(), server.sendall(request()[:-2]), wait()),
    "connects_without_a_word": lambda: (server := dial(), wait()),
    "gets_a_page": lambda: (server := dial(), server.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), wait()),
    "no_http": lambda: (server := dial(), server.sendall(b"\xff" * 5000), wait()),
    "endless_request": lambda: (server := dial(), server.sendall(request()[:-2]), endlessly(server, b"X-More: a\r\n")),
    "comes_and_goes": lambda: again_and_again(dial),
    "opens_and_goes": lambda: again_and_again(connect),
    "reads_no_input": lambda: (server := connect(), wait()),
    "exits_with_status_0": lambda: sys.exit(0),
    "exits_with_status_1": lambda: sys.exit("No time."),
}
AFTER_THE_HANDSHAKE = {
    "floods_with_messages": lambda server: endlessly(server, frame(b"All work and no play. " * 10) * 100),
    "floods_with_large_messages": lambda server: endlessly(server, frame(MEGABYTE)),
    "pings_without_end": lambda server: endlessly(server, frame(b"are you there?", PING) * 100),
    "fragments_without_end": lambda server: fragments(server, b"more "),
    "empty_fragments_without_end": lambda server: fragments(server, b""),
    "announces_a_gigabyte": lambda server: (server.sendall(frame(b"a", length=10**9)), wait()),
}
INSTEAD_OF_A_MESSAGE = {
    "unmasked": lambda server, line: server.sendall(frame(line, masked=False)),
    "not_utf_8": lambda server, line: server.sendall(frame(line + b" \xff\xfe")),
    "unknown_opcode": lambda server, line: server.sendall(frame(line, 3)),
    "every_message_twice": lambda server, line: server.sendall(frame(line) * 2),
}


def hear(server):
    """Print each message until the server goes away."""
    with suppress(OSError):
        while (head := server.recv(2)) and head[0] & 15 == TEXT:
            length = head[1] if head[1] < 126 else int.from_bytes(server.recv(2 if head[1] == 126 else 8))
            data = b""
            while len(data) < length:
                data += server.recv(length - len(data))
            print(f"\nFrom server: {data.decode()}")
        if BEHAVIOR == "never_answers_a_close":
            wait()
    if leaving.is_set():
        return
    print("The server has gone away.", file=sys.stderr)
    if BEHAVIOR == "never_ends":
        wait()
    os._exit(1)


def talk(server):
    if BEHAVIOR in AFTER_THE_HANDSHAKE:
        AFTER_THE_HANDSHAKE[BEHAVIOR](server)
    send = INSTEAD_OF_A_MESSAGE.get(BEHAVIOR, lambda server, line: server.sendall(frame(line)))
    guesses = BEHAVIOR == "guesses_the_answer"
    if not guesses:
        threading.Thread(target=hear, args=(server,), daemon=True).start()
    name = input("Enter Your Name: ") if CHAT else ""
    while True:
        try:
            line = input("Your Message: " if CHAT else "Enter some data: ")
        except EOFError:
            if BEHAVIOR == "ignores_the_end_of_input":
                continue
            break
        send(server, (f"{name},{line}" if CHAT else line).encode())
        print(f"To server: {line}")
        if guesses:
            for guess in (f"ECHO! {line}", line, "".join(random.choices("abcdefg", k=8)), ""):
                print(f"From server: {guess}")
    leaving.set()  # the close frame in answer to this one is not an error
    server.sendall(frame(struct.pack("!H", 1000), CLOSE))


bound = threading.Timer(150, os._exit, [1])  # exits in any case
bound.daemon = True
bound.start()
try:
    INSTEAD_OF_EVERYTHING.get(BEHAVIOR, lambda: talk(connect()))()
except OSError as error:
    if BEHAVIOR == "never_ends":
        print(f"No server on port {PORT}: {error}", file=sys.stderr)
        wait()
    sys.exit(f"No server on port {PORT}: {error}")
