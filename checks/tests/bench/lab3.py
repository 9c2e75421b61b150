"""How much more processor time does `labcheck lab3` take than a bare script that does the same work?

    python checks/tests/bench/lab3.py [ROUNDS]

The bare script starts the same program as often, sends as many requests and messages of the same sizes over as many
connections, and reads every answer without checking it. It uses plain sockets and the library websockets. Both are run
in turn; the ratio is that of the medians. The processor time of all processes together is compared, because both wait
for the same 13.5 seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from by_turns import WAIT_UNTIL_LISTENING, compare, processor_seconds, rounds, seconds

LABS = Path(__file__).resolve().parents[3]
SOLUTION = LABS / "solutions" / "lab3"

BARE = r"""
import json, os, random, signal, socket, subprocess, sys, time
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
ports = iter(range(random.randrange(10_000, 19_000), 20_000))
names = iter(range(1_000_000))
started = 0

def start():
    global started, port
    started += 1
    port = next(ports)
    process = subprocess.Popen(
        [sys.executable, "-s", "ticker.py", str(port)],
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )
    wait_until_listening(port)
    return process

def stop(process):
    process.kill()
    process.wait()

def join(path, **options):
    return connect(f"ws://127.0.0.1:{port}{path}", compression=None, max_size=None, proxy=None, **options)

def ask(target, more=""):
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n".encode())
    return client

def read(client):
    with client:
        while client.recv(65536):
            pass

def get(target, more=""):
    read(ask(target, more))

def symbol():
    return f"symbol{next(names)}"

def send(publisher, name, price="123.45"):
    publisher.send(json.dumps({"symbol": name, "price": price}))

def publish(publisher, name, price="123.45", times=1):
    for _ in range(times):
        send(publisher, name, price)
    for _ in range(times):
        publisher.recv()

def many(path, number):
    clients = []
    for _ in range(number):
        clients.append(join(path))
        time.sleep(0.002)
    return clients

QUERIES = 20
ADDED = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

shared = start()
join("/publish").close()
get("/price/none")

# 3.3, on a program of its own
shared_port, waits = port, start()
publisher = join("/publish")
publish(publisher, "ACME")
publisher.close()
times = "&wait=0", "&wait=0.5", "&wait=1", "&wait=1.25", "", "&wait=13.5"
waiting = [ask(f"/price/ACME?after=1{wait}") for wait in times]
for _ in range(4):
    get("/price/ACME")
waits_port, port = port, shared_port

# 1
first, second = join("/publish"), join("/publish")
publish(first, symbol())
for _ in range(10):
    publish(first, symbol())
    publish(second, symbol())
publish(first, symbol(), times=22)
clients = many("/publish", 10)
for _ in range(10):
    for client in clients:
        send(client, "many")
for client in clients:
    for _ in range(10):
        client.recv()

publish(first, symbol(), times=7)

# 2
publish(first, symbol(), times=5)
for _ in range(4):
    get("/price/none")
for _ in range(11):
    name = symbol()
    publish(first, name)
    get(f"/price/{name}")
    get(f"/price/{name}")
publish(first, symbol())
for _ in range(11):
    get("/nothing")
for publisher in (first, second) * 2:
    publish(publisher, "ACME")
    get("/price/ACME")
    get("/price/ACME")

# 3
publish(first, "OLD", times=11)
for after in (0, 2, 9, 10, 10):
    get(f"/price/OLD?after={after}")
publish(first, "NEW")
for version in 1, 2, 0:
    client = ask(f"/price/NEW?after={version}&wait=30")
    for _ in range(3):
        name = symbol()
        get(f"/price/{name}")
        publish(first, name)
    publish(first, "NEW")
    read(client)
clients = []
for _ in range(100):
    clients.append(ask("/price/NEW?after=4&wait=30"))
    time.sleep(0.002)
get("/price/NEW")
publish(first, "NEW")
for client in clients:
    read(client)
for _ in range(QUERIES):
    get("/price/NEW?after=0&wait=nan")

# 4
for _ in range(3):
    publish(first, "NEW")
    join("/feed/NEW").recv()
early = join("/feed/EARLY")
publish(first, "EARLY")
early.recv()
for _ in range(11):
    name = symbol()
    publish(first, name)
    feed = join(f"/feed/{name}")
    publish(first, symbol())
    publish(first, name)
    publish(first, symbol(), times=2)
    publish(first, name)
    publish(first, name, times=5)
    for _ in range(8):
        feed.recv()
feeds = [join("/feed/NEW")]
publish(first, "NEW")
feeds += many("/feed/NEW", 199)
publish(first, "NEW")
for feed in feeds:
    feed.recv()
    feed.recv()
publish(first, "KNOWN")
for _ in range(7):
    get("/nothing", ADDED)

# 2.2, 3.6, 4.4, 4.6 and 1.5 (twice), each on a program of its own
one = start()
get("/price/none?after=0&wait=0")
get("/price/none")
stop(one)
one = start()
publisher = join("/publish")
publish(publisher, "ACME")
clients = [ask("/price/ACME?after=1&wait=30") for _ in range(5)]
get("/price/ACME")
for client in clients[:3]:
    client.close()
publish(publisher, "ACME", times=3)
for client in clients[3:]:
    read(client)
get("/price/ACME")
stop(one)
one = start()
publisher = join("/publish")
publish(publisher, "ACME")
deaf = socket.socket()
deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
deaf.connect(("127.0.0.1", port))
deaf.sendall(f"GET /feed/ACME HTTP/1.1\r\nHost: localhost\r\n{ADDED}\r\n".encode())
feed = join("/feed/ACME")
feed.recv()
for _ in range(256):
    publish(publisher, "ACME", "x" * 63 * 1024)
    feed.recv()
stop(one)
one = start()
publisher = join("/publish")
publish(publisher, "ACME")
feeds = [join("/feed/ACME") for _ in range(4)]
for feed in feeds:
    feed.recv()
feeds[0].close()
for _ in range(4):
    publish(publisher, "ACME")
    feeds[2].recv()
stop(one)
one = start()
publish(join("/publish"), "ACME")
one.send_signal(signal.SIGINT)
one.wait()
own = start()
publisher, feed = join("/publish"), join("/feed/ACME")
publish(publisher, "ACME")
clients = [ask("/price/ACME?after=1&wait=30") for _ in range(2)]
get("/price/ACME")
own.send_signal(signal.SIGINT)
own.wait()
for client in waiting:
    read(client)
port = waits_port
publish(join("/publish"), "ACME")
stop(waits)
stop(shared)
print(started, flush=True)
os._exit(0)
"""


def main() -> None:
    """Measure, and print one line per figure."""
    labcheck = [sys.executable, "-P", "-m", "labcheck", "lab3"]
    bare = [sys.executable, "-W", "ignore", "-c", WAIT_UNTIL_LISTENING + BARE]
    record = json.loads(subprocess.run([*labcheck, SOLUTION, "--json", "-"], capture_output=True, check=True).stdout)
    started = len(record["programs"])
    assert int(subprocess.run(bare, cwd=SOLUTION, capture_output=True, check=True).stdout) == started, started
    remark = f", {started} programs started; processor time"
    compare(bare, [*labcheck, str(SOLUTION)], SOLUTION, rounds(5), remark, processor_seconds)
    print(f"the whole check takes {seconds([*labcheck, str(SOLUTION)], LABS):.1f} s")


if __name__ == "__main__":
    main()
