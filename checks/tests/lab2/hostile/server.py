"""An echo server, or a chat server if its file has that name, that misbehaves in the way that BEHAVIOR names."""

import base64
import collections
import hashlib
import itertools
import os
import re
import socket
import struct
import sys
import threading
import time
import zlib
from contextlib import suppress

BEHAVIOR = "none"  # replaced with a name from one of the tables below
CHAT = "chat" in sys.argv[0]
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MEGABYTE = bytes(1_000_000)

members = []  # sockets
unpackers = []  # those of them that accept compressed messages
sending = collections.defaultdict(threading.RLock)  # for each of them
flooded = collections.defaultdict(threading.Event)  # for each of them: set when the flood has begun
connections = itertools.count(1)


def frame(data, opcode=TEXT, *, fin=True, rsv=0, masked=False, length=None):
    length = len(data) if length is None else length
    short = length if length < 126 else 126 if length < 65536 else 127
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short])
    head += b"" if short < 126 else struct.pack("!H" if short == 126 else "!Q", length)
    if masked:
        mask = os.urandom(4)
        return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
    return head + data


def read_exactly(client, number):
    data = bytearray()
    while len(data) < number:
        data += client.recv(number - len(data)) or sys.exit()
    return bytes(data)


def read_message(client):
    """Read one frame and return its opcode and data."""
    first, second = read_exactly(client, 2)
    length = second & 127
    if length > 125:
        length = int.from_bytes(read_exactly(client, 2 if length == 126 else 8))
    mask = read_exactly(client, 4)
    data = read_exactly(client, length)
    key = int.from_bytes((mask * (length // 4 + 1))[:length])
    return first & 15, (int.from_bytes(data) ^ key).to_bytes(length)


def read_head(client):
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(65536) or sys.exit()
    return head.decode("latin-1")


def switching(head, *more):
    """Return the answer to an opening handshake, status code 101."""
    key = re.search(r"(?i)sec-websocket-key: *(\S+)", head)[1] if "upgrade" in head.lower() else ""
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    lines = ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}", *more]
    return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode()


def wait(*_):
    time.sleep(1000)


def say(client, message):
    client.sendall(frame(message))


def drip(client, data):
    for byte in data:
        client.sendall(bytes([byte]))
        time.sleep(1)


def endlessly(client, data):
    with sending[client]:  # no other thread can send
        flooded[client].set()
        while True:
            client.sendall(data)


def flood(client, data):
    beside(endlessly, client, data)
    flooded[client].wait()


def hello_for_ever(client):
    def more():
        for _ in range(200):
            time.sleep(0.5)
            client.sendall(frame(b"hello"))

    client.sendall(frame(b"hello"))
    beside(more)


def bomb(client, message):
    """If the client accepts compressed messages, send one: 1 MB on the wire, 1 GB in memory."""
    if client not in unpackers:
        say(client, message)
        return
    packer = zlib.compressobj(wbits=-15)
    block = packer.compress(MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    client.sendall(frame((block * 1000)[:-4], rsv=4))


def compressed(message):
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def endless_headers(client, head):
    client.sendall(switching(head)[:-2])
    for number in itertools.count():
        client.sendall(b"X-%d: %s\r\n" % (number, b"a" * 80))


def one_endless_header(client, head):
    client.sendall(switching(head)[:-2] + b"X-Endless: ")
    endlessly(client, MEGABYTE.replace(b"\0", b"a"))


def fragments_without_end(client, message):
    client.sendall(frame(message, fin=False))
    endlessly(client, frame(b"more ", CONT, fin=False) * 1000)


def empty_fragments_without_end(client, message):
    client.sendall(frame(message, fin=False))
    endlessly(client, frame(b"", CONT, fin=False) * 1000)


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<h1>Hello</h1>"
INSTEAD_OF_THE_HANDSHAKE = {
    "never_answers_the_handshake": wait,
    "half_a_handshake": lambda client, head: (client.sendall(switching(head)[:40]), wait()),
    "handshake_without_its_last_line": lambda client, head: (client.sendall(switching(head)[:-2]), wait()),
    "drips_the_handshake": lambda client, head: drip(client, switching(head)),
    "endless_headers": endless_headers,
    "one_endless_header": one_endless_header,
    "wrong_accept": lambda client, head: client.sendall(switching(head.replace("ey: ", "ey: x")) + frame(b"hello")),
    "no_accept": lambda client, head: client.sendall(re.sub(b"Sec-.*\r\n", b"", switching(head)) + frame(b"hello")),
    "no_upgrade_headers": lambda client, head: client.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    "page_for_everything": lambda client, head: client.sendall(PAGE),
    "garbage": lambda client, head: client.sendall(b"\xff" + os.urandom(4999)),
    "answers_in_capitals": lambda client, head: client.sendall(head.upper().encode()),
    "hangs_up": lambda client, head: None,
}
AFTER_THE_HANDSHAKE = {
    "pings_without_end": lambda client: flood(client, frame(b"are you there?", PING) * 100),
    "floods_with_messages": lambda client: flood(client, frame(b"All work and no play. " * 10) * 100),
    "floods_with_large_messages": lambda client: flood(client, frame(MEGABYTE)),
    "floods_with_huge_messages": lambda client: flood(client, frame(MEGABYTE * 15)),
    "says_hello_for_ever": hello_for_ever,
    "hangs_up_once_open": lambda client: client.shutdown(socket.SHUT_RDWR),
    "dies_at_the_third": lambda client: next(connections) == 3 and os._exit(3),
}
INSTEAD_OF_A_MESSAGE = {
    "never_says_a_word": lambda client, message: None,
    "masks_its_frames": lambda client, message: client.sendall(frame(message, masked=True)),
    "sets_reserved_bits": lambda client, message: client.sendall(frame(message, rsv=3)),
    "compresses_unasked": lambda client, message: client.sendall(frame(compressed(message), rsv=4)),
    "unknown_opcode": lambda client, message: client.sendall(frame(message, 3)),
    "large_control_frame": lambda client, message: client.sendall(frame(bytes(200), PING) + frame(message)),
    "continues_nothing": lambda client, message: client.sendall(frame(message, CONT)),
    "fragments_without_end": fragments_without_end,
    "empty_fragments_without_end": empty_fragments_without_end,
    "compression_bomb": bomb,
    "announces_2_to_63": lambda client, message: client.sendall(frame(message, length=2**63 - 1)),
    "announces_a_gigabyte": lambda client, message: client.sendall(frame(message, length=10**9)),
    "not_utf_8": lambda client, message: client.sendall(frame(message + b" \xff\xfe")),
    "answers_in_binary": lambda client, message: client.sendall(frame(message, BINARY)),
    "closes_with_5": lambda client, message: client.sendall(frame(struct.pack("!H", 5) + b"bye", CLOSE)),
    "close_frame_of_one_byte": lambda client, message: client.sendall(frame(b"x", CLOSE)),
    "drips_its_messages": lambda client, message: drip(client, frame(message)),
    "half_a_message": lambda client, message: client.sendall(frame(message)[:-1]),
    "every_message_twice": lambda client, message: client.sendall(frame(message) * 2),
}
INSTEAD_OF_A_CLOSE_FRAME = {
    "never_answers_a_close": wait,
    "answers_a_close_with_5": lambda client: client.sendall(frame(struct.pack("!H", 5), CLOSE)),
    "talks_on_after_a_close": lambda client: endlessly(client, frame(b"and another thing")),
    "talks_on_at_length_after_a_close": lambda client: endlessly(client, frame(MEGABYTE)),
}


def talk(client):
    head = read_head(client)
    if "upgrade: websocket" not in head.lower() and BEHAVIOR != "page_for_everything":
        client.sendall(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
        return
    if BEHAVIOR in INSTEAD_OF_THE_HANDSHAKE:
        INSTEAD_OF_THE_HANDSHAKE[BEHAVIOR](client, head)
        return
    if BEHAVIOR == "compression_bomb" and "permessage-deflate" in head:
        unpackers.append(client)
    client.sendall(switching(head, *["Sec-WebSocket-Extensions: permessage-deflate"] * (client in unpackers)))
    members.append(client)
    if BEHAVIOR in AFTER_THE_HANDSHAKE:
        AFTER_THE_HANDSHAKE[BEHAVIOR](client)
    send = INSTEAD_OF_A_MESSAGE.get(BEHAVIOR, say)
    while True:
        opcode, data = read_message(client)
        if opcode == CLOSE:
            members.remove(client)
            INSTEAD_OF_A_CLOSE_FRAME.get(BEHAVIOR, lambda client: client.sendall(frame(data[:2], CLOSE)))(client)
            return
        if opcode not in (TEXT, BINARY):
            continue
        message = data.decode(errors="replace")
        if CHAT:
            name, _, text = message.partition(",")
            print(f"From {name}: {text}")
            for other in [each for each in members if each is not client]:
                with suppress(OSError), sending[other]:
                    send(other, f"{name} says: {text}".encode())
        else:
            print(f"From client: {message}\nTo client: ECHO! {message}")
            with sending[client]:
                send(client, f"ECHO! {message}".encode())


def beside(function, *words):
    def quietly():
        with suppress(OSError):
            function(*words)

    threading.Thread(target=quietly, daemon=True).start()


def receive(client):
    talk(client)
    client.close()


bound = threading.Timer(150, os._exit, [1])  # exits in any case
bound.daemon = True
bound.start()
with suppress(KeyboardInterrupt), socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64) as listener:
    while True:
        beside(receive, listener.accept()[0])
