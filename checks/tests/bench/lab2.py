"""How much slower is `labcheck lab2` than a bare script that does the same work?

    python checks/tests/bench/lab2.py [ROUNDS]

The bare script starts the same programs as often, one after the other, sends and types as many messages of the same
sizes over as many connections, and reads every answer without checking it. It uses the library websockets. Both are
run in turn; the ratio is that of the medians.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from by_turns import WAIT_UNTIL_LISTENING, compare, rounds

SOLUTION = Path(__file__).resolve().parents[3] / "solutions" / "lab2"

BARE = r"""
import contextlib, http.client, os, random, signal, socket, subprocess, sys, threading, time
from websockets.sync.client import connect
from websockets.sync.server import serve
from websockets.exceptions import ConnectionClosed

ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
ports = iter(range(random.randrange(10_000, 19_000), 20_000))
starts = []

def start(name, port, **streams):
    starts.append(name)
    return subprocess.Popen([sys.executable, "-s", f"{name}.py", str(port)], env=ENVIRONMENT, **streams)

def start_server(name):
    port = next(ports)
    process = start(name, port, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_until_listening(port)
    return process, port

def join(port):
    return connect(f"ws://127.0.0.1:{port}/", compression=None, max_size=None)

def stop(process):
    process.kill()
    process.wait()

def interrupt(process, clients):
    process.send_signal(signal.SIGINT)
    for client in clients:
        with contextlib.suppress(ConnectionClosed):
            while True:
                client.recv()
    process.wait()

# 1 the echo server
process, port = start_server("echo_server")
for _ in range(2):
    with join(port) as client:
        for text in ("word", "", "text", " ", "more", "x" * 20_000, "last"):
            client.send(text)
            client.recv()
with join(port) as client:
    for number in range(100):
        client.send(f"{number}-message")
    for number in range(100):
        client.recv()
with join(port) as client:
    for text in ("one", "two"):
        client.send(text)
        client.recv()
clients = []
for _ in range(50):
    clients.append(join(port))
    time.sleep(0.005)
for _ in range(3):
    for client in clients:
        client.send("a message")
for client in clients:
    for _ in range(3):
        client.recv()
    client.close()
client, other = join(port), join(port)
client.send("x" * 512 * 1024)
client.recv()
with contextlib.suppress(ConnectionClosed):
    client.send("x" * (1024 * 1024 + 1))
    client.recv()
other.send("x")
other.recv()
plain = http.client.HTTPConnection("127.0.0.1", port)
plain.request("GET", "/")
plain.getresponse().read()
stop(process)
process, port = start_server("echo_server")
for words in (0, 1, 3):
    with join(port) as client:
        for _ in range(words):
            client.send("x")
            client.recv()
other = join(port)
for messages in (0, 1, 50):
    client = join(port)
    for _ in range(messages):
        client.send("x" * 1000)
    client.socket.shutdown(socket.SHUT_RDWR)
    other.send("x")
    other.recv()
interrupt(process, [other])

# 2 the echo client
class Host:
    def __init__(self, answer):
        self.port = next(ports)
        self.came, self.opened, self.answer = threading.Semaphore(0), threading.Event(), answer
        self.server = serve(self.handle, "127.0.0.1", self.port, compression=None)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, connection):
        self.connection = connection
        self.opened.set()
        for message in connection:
            self.came.release()
            if self.answer == "leave":
                return
            if self.answer:
                connection.send("an answer")

def start_client(name, port):
    return start(name, port, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)

def await_prompt(process, prompt):
    seen = b""
    while not seen.endswith(prompt):
        seen += os.read(process.stdout.fileno(), 65536)

def type_line(process, line):
    process.stdin.write(line.encode() + b"\n")

host = Host("answer")
process = start_client("echo_client", host.port)
for line in ("one", "two", "", "four", "x" * 3000, "six", "seven", "eight"):
    await_prompt(process, b"Enter some data: ")
    type_line(process, line)
    host.came.acquire()
process.stdin.close()
process.stdout.read()
process.wait()
process = start_client("echo_client", next(ports))
type_line(process, "one")
process.wait()
for _ in range(3):
    host = Host("leave")
    process = start_client("echo_client", host.port)
    type_line(process, "one")
    process.wait()

# 3 the chat server
def talk(speaker, text, listeners):
    speaker.send(text)
    for listener in listeners:
        listener.recv()

process, port = start_server("chat_server")
members = [join(port) for _ in range(3)]
for _ in range(12):
    for speaker in members:
        talk(speaker, "name,text", [member for member in members if member is not speaker])
for _ in range(100):
    members[0].send("name,text")
for listener in members[1:]:
    for _ in range(100):
        listener.recv()
for member in members:
    member.close()
members = []
for _ in range(50):
    members.append(join(port))
    time.sleep(0.005)
for _ in range(3):
    talk(members[0], "name,text", members[1:])
for member in members:
    member.socket.shutdown(socket.SHUT_RDWR)
stop(process)
process, port = start_server("chat_server")
ann, bob, deaf = join(port), join(port), socket.create_connection(("127.0.0.1", port))
deaf.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
for _ in range(256):
    talk(ann, "name," + "x" * 65536, [bob])
stop(process)
process, port = start_server("chat_server")
members = [join(port) for _ in range(5)]
for _ in range(6):
    talk(members[0], "name,text", members[1:])
    talk(members[1], "name,text", [member for member in members if member is not members[1]])
interrupt(process, members)

# 4 the chat client
host = Host("")
process = start_client("chat_client", host.port)
await_prompt(process, b"Enter Your Name: ")
type_line(process, "Ann")
for _ in range(6):
    await_prompt(process, b"Your Message: ")
    type_line(process, "text")
    host.came.acquire()
for _ in range(4):
    host.connection.send("Bob says: hello")
    await_prompt(process, b"hello\n")
process.stdin.close()
process.stdout.read()
process.wait()
process = start_client("chat_client", next(ports))
type_line(process, "one")
process.wait()
for _ in range(3):
    host = Host("")
    process = start_client("chat_client", host.port)
    await_prompt(process, b"Enter Your Name: ")
    type_line(process, "Ann")
    await_prompt(process, b"Your Message: ")
    host.opened.wait()
    host.connection.close()
    type_line(process, "x")
    process.wait()
print(len(starts))
os._exit(0)
"""


def main() -> None:
    """Measure, and print one line per figure."""
    labcheck = [sys.executable, "-P", "-m", "labcheck", "lab2", str(SOLUTION)]
    bare = [sys.executable, "-W", "ignore", "-c", WAIT_UNTIL_LISTENING + BARE]
    record = json.loads(subprocess.run([*labcheck, "--json", "-"], capture_output=True, check=True).stdout)
    started = len(record["programs"])
    assert int(subprocess.run(bare, cwd=SOLUTION, capture_output=True, check=True).stdout) == started, started
    compare(bare, labcheck, SOLUTION, rounds(9), f", {started} programs started")


if __name__ == "__main__":
    main()
