"""An echo server, or a chat server where its file is called so, that misbehaves in the one way BEHAVIOUR names."""

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

BEHAVIOUR = "none"  # a name from one of the tables below, in place of this one
CHAT = "chat" in sys.argv[0]
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MEGABYTE = bytes(1_000_000)

members = []  # sockets
unpackers = []  # those of them that offer to unpack what is compressed
sending = collections.defaultdict(threading.RLock)  # for each of them
flooded = collections.defaultdict(threading.Event)  # for each of them: nothing else comes before the flood
visits = itertools.count(1)


def frame(data, opcode=TEXT, *, fin=True, rsv=0, masked=False, length=None):
    length = len(data) if length is None else length
    short = length if length < 126 else 126 if length < 65536 else 127
    head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | short])
    head += b"" if short < 126 else struct.pack("!H" if short == 126 else "!Q", length)
    if masked:
        mask = os.urandom(4)
        return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
    return head + data


def read_exactly(visitor, number):
    data = bytearray()
    while len(data) < number:
        data += visitor.recv(number - len(data)) or sys.exit()
    return bytes(data)


def read_message(visitor):
    """Return an opcode and the data of one frame."""
    first, second = read_exactly(visitor, 2)
    length = second & 127
    if length > 125:
        length = int.from_bytes(read_exactly(visitor, 2 if length == 126 else 8))
    mask = read_exactly(visitor, 4)
    data = read_exactly(visitor, length)
    key = int.from_bytes((mask * (length // 4 + 1))[:length])
    return first & 15, (int.from_bytes(data) ^ key).to_bytes(length)


def read_head(visitor):
    head = b""
    while b"\r\n\r\n" not in head:
        head += visitor.recv(65536) or sys.exit()
    return head.decode("latin-1")


def switching(head, *more):
    """Return the answer to an opening handshake."""
    key = re.search(r"(?i)sec-websocket-key: *(\S+)", head)[1] if "upgrade" in head.lower() else ""
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    lines = ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}", *more]
    return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode()


def wait(*_):
    time.sleep(1000)


def say(visitor, message):
    visitor.sendall(frame(message))


def drip(visitor, data):
    for byte in data:
        visitor.sendall(bytes([byte]))
        time.sleep(1)


def endlessly(visitor, data):
    with sending[visitor]:  # nobody else gets a word in
        flooded[visitor].set()
        while True:
            visitor.sendall(data)


def flood(visitor, data):
    beside(endlessly, visitor, data)
    flooded[visitor].wait()


def hello_for_ever(visitor):
    def more():
        for _ in range(200):
            time.sleep(0.5)
            visitor.sendall(frame(b"hello"))

    visitor.sendall(frame(b"hello"))
    beside(more)


def bomb(visitor, message):
    """Send a compressed message to whoever offers to take one: 1 MB on the wire, 1 GB in memory."""
    if visitor not in unpackers:
        say(visitor, message)
        return
    packer = zlib.compressobj(wbits=-15)
    block = packer.compress(MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    visitor.sendall(frame((block * 1000)[:-4], rsv=4))


def compressed(message):
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def endless_headers(visitor, head):
    visitor.sendall(switching(head)[:-2])
    for number in itertools.count():
        visitor.sendall(b"X-%d: %s\r\n" % (number, b"a" * 80))


def one_endless_header(visitor, head):
    visitor.sendall(switching(head)[:-2] + b"X-Endless: ")
    endlessly(visitor, MEGABYTE.replace(b"\0", b"a"))


def fragments_without_end(visitor, message):
    visitor.sendall(frame(message, fin=False))
    endlessly(visitor, frame(b"more ", CONT, fin=False) * 1000)


def empty_fragments_without_end(visitor, message):
    visitor.sendall(frame(message, fin=False))
    endlessly(visitor, frame(b"", CONT, fin=False) * 1000)


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<h1>Hello</h1>"
INSTEAD_OF_THE_HANDSHAKE = {
    "never_answers_the_handshake": wait,
    "half_a_handshake": lambda visitor, head: (visitor.sendall(switching(head)[:40]), wait()),
    "handshake_without_its_last_line": lambda visitor, head: (visitor.sendall(switching(head)[:-2]), wait()),
    "drips_the_handshake": lambda visitor, head: drip(visitor, switching(head)),
    "endless_headers": endless_headers,
    "one_endless_header": one_endless_header,
    "wrong_accept": lambda visitor, head: visitor.sendall(switching(head.replace("ey: ", "ey: x")) + frame(b"hello")),
    "no_accept": lambda visitor, head: visitor.sendall(re.sub(b"Sec-.*\r\n", b"", switching(head)) + frame(b"hello")),
    "no_upgrade_headers": lambda visitor, head: visitor.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    "page_for_everything": lambda visitor, head: visitor.sendall(PAGE),
    "garbage": lambda visitor, head: visitor.sendall(b"\xff" + os.urandom(4999)),
    "answers_in_capitals": lambda visitor, head: visitor.sendall(head.upper().encode()),
    "hangs_up": lambda visitor, head: None,
}
AFTER_THE_HANDSHAKE = {
    "pings_without_end": lambda visitor: flood(visitor, frame(b"are you there?", PING) * 100),
    "floods_with_messages": lambda visitor: flood(visitor, frame(b"All work and no play. " * 10) * 100),
    "floods_with_large_messages": lambda visitor: flood(visitor, frame(MEGABYTE)),
    "floods_with_huge_messages": lambda visitor: flood(visitor, frame(MEGABYTE * 15)),
    "says_hello_for_ever": hello_for_ever,
    "hangs_up_once_open": lambda visitor: visitor.shutdown(socket.SHUT_RDWR),
    "dies_at_the_third": lambda visitor: next(visits) == 3 and os._exit(3),
}
INSTEAD_OF_A_MESSAGE = {
    "never_says_a_word": lambda visitor, message: None,
    "masks_its_frames": lambda visitor, message: visitor.sendall(frame(message, masked=True)),
    "sets_reserved_bits": lambda visitor, message: visitor.sendall(frame(message, rsv=3)),
    "compresses_unasked": lambda visitor, message: visitor.sendall(frame(compressed(message), rsv=4)),
    "unknown_opcode": lambda visitor, message: visitor.sendall(frame(message, 3)),
    "large_control_frame": lambda visitor, message: visitor.sendall(frame(bytes(200), PING) + frame(message)),
    "continues_nothing": lambda visitor, message: visitor.sendall(frame(message, CONT)),
    "fragments_without_end": fragments_without_end,
    "empty_fragments_without_end": empty_fragments_without_end,
    "compression_bomb": bomb,
    "announces_2_to_63": lambda visitor, message: visitor.sendall(frame(message, length=2**63 - 1)),
    "announces_a_gigabyte": lambda visitor, message: visitor.sendall(frame(message, length=10**9)),
    "not_utf_8": lambda visitor, message: visitor.sendall(frame(message + b" \xff\xfe")),
    "answers_in_binary": lambda visitor, message: visitor.sendall(frame(message, BINARY)),
    "closes_with_5": lambda visitor, message: visitor.sendall(frame(struct.pack("!H", 5) + b"bye", CLOSE)),
    "close_frame_of_one_byte": lambda visitor, message: visitor.sendall(frame(b"x", CLOSE)),
    "drips_its_messages": lambda visitor, message: drip(visitor, frame(message)),
    "half_a_message": lambda visitor, message: visitor.sendall(frame(message)[:-1]),
    "every_message_twice": lambda visitor, message: visitor.sendall(frame(message) * 2),
}
INSTEAD_OF_A_GOODBYE = {
    "never_answers_a_close": wait,
    "answers_a_close_with_5": lambda visitor: visitor.sendall(frame(struct.pack("!H", 5), CLOSE)),
    "talks_on_after_a_close": lambda visitor: endlessly(visitor, frame(b"and another thing")),
    "talks_on_at_length_after_a_close": lambda visitor: endlessly(visitor, frame(MEGABYTE)),
}


def talk(visitor):
    head = read_head(visitor)
    if "upgrade: websocket" not in head.lower() and BEHAVIOUR != "page_for_everything":
        visitor.sendall(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
        return
    if BEHAVIOUR in INSTEAD_OF_THE_HANDSHAKE:
        INSTEAD_OF_THE_HANDSHAKE[BEHAVIOUR](visitor, head)
        return
    if BEHAVIOUR == "compression_bomb" and "permessage-deflate" in head:
        unpackers.append(visitor)
    visitor.sendall(switching(head, *["Sec-WebSocket-Extensions: permessage-deflate"] * (visitor in unpackers)))
    members.append(visitor)
    if BEHAVIOUR in AFTER_THE_HANDSHAKE:
        AFTER_THE_HANDSHAKE[BEHAVIOUR](visitor)
    send = INSTEAD_OF_A_MESSAGE.get(BEHAVIOUR, say)
    while True:
        opcode, data = read_message(visitor)
        if opcode == CLOSE:
            members.remove(visitor)
            INSTEAD_OF_A_GOODBYE.get(BEHAVIOUR, lambda visitor: visitor.sendall(frame(data[:2], CLOSE)))(visitor)
            return
        if opcode not in (TEXT, BINARY):
            continue
        message = data.decode(errors="replace")
        if CHAT:
            name, _, text = message.partition(",")
            print(f"From {name}: {text}")
            for other in [each for each in members if each is not visitor]:
                with suppress(OSError), sending[other]:
                    send(other, f"{name} says: {text}".encode())
        else:
            print(f"From client: {message}\nTo client: ECHO! {message}")
            with sending[visitor]:
                send(visitor, f"ECHO! {message}".encode())


def beside(function, *words):
    def quietly():
        with suppress(OSError):
            function(*words)

    threading.Thread(target=quietly, daemon=True).start()


def receive(visitor):
    talk(visitor)
    visitor.close()


bound = threading.Timer(150, os._exit, [1])  # whatever happens, it ends
bound.daemon = True
bound.start()
with suppress(KeyboardInterrupt), socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64) as listener:
    while True:
        beside(receive, listener.accept()[0])
