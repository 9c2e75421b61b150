"""How much slower is `labcheck lab1` than a bare script that does the same work?

    python checks/tests/bench/lab1.py [ROUNDS]

The bare script uses only the standard library: it starts the same program as often, sends it the same requests,
byte for byte, over as many connections, and reads every answer without looking at it. Both are run in turn; the ratio
is that of the medians.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from itertools import zip_longest
from pathlib import Path

from by_turns import WAIT_UNTIL_LISTENING, compare, rounds

SOLUTION = Path(__file__).resolve().parents[3] / "solutions" / "lab1"

BARE = r"""
import base64, json, os, random, signal, socket, subprocess, sys, time

def start(port):
    process = subprocess.Popen([sys.executable, "-s", "webserver.py", str(port)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"})
    wait_until_listening(port)
    return process

def ask(port, request, whole):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(request)
        if whole:
            while client.recv(131072):
                pass

exchanges = [(base64.b64decode(data), whole) for data, whole in json.load(open("exchanges.json"))]
port = random.randrange(10_000, 20_000)
server = start(port)
for request, whole in exchanges:
    ask(port, request, whole)
for _ in range(16):
    time.sleep(0.005)
own = start(port + 1)
ask(port + 1, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", True)
while own.poll() is None:
    own.send_signal(signal.SIGINT)  # again: Python drops one that arrives inside a weak reference's callback
    try:
        own.wait(1)
    except subprocess.TimeoutExpired:
        pass
own = start(port + 1)
for process in (server, own):
    process.kill()
    process.wait()
"""


def record_exchanges(folder: Path) -> None:
    """Write everything that one run of labcheck sends to exchanges.json, and the site's files beside it."""
    from labcheck.judging.judge import run_suite
    from labcheck.judging.options import Options
    from labcheck.judging.run import running
    from labcheck.record import transcript
    from labcheck.workbook.labs import load_lab

    transcript.KEPT = transcript.ALL_KEPT = 1 << 24
    lab = load_lab("lab1")
    with running(lab, SOLUTION, Options(1)) as run:
        shutil.copytree(run.fleet.shared_copy, folder, dirs_exist_ok=True)
        grader = run_suite(run, lab.requirements)
    exchanges: list[tuple[str, bool]] = []
    for id, found in grader.transcripts.items():
        if id in ("1.3", "1.4"):
            continue
        for event, after in zip_longest(found.events, found.events[1:]):
            if event is not None and event.kind == "sent":
                answered = after is not None and after.kind == "received" and id != "6.3"
                exchanges.append((base64.b64encode(event.data).decode(), answered or id == "6.2"))
    (folder / "exchanges.json").write_text(json.dumps(exchanges))


def main() -> None:
    """Measure, and print one line per figure."""
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, __file__, "record", name], check=True)
        labcheck = [sys.executable, "-P", "-m", "labcheck", "lab1", str(SOLUTION)]
        compare([sys.executable, "-c", WAIT_UNTIL_LISTENING + BARE], labcheck, Path(name), rounds(15))


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record_exchanges(Path(sys.argv[2]))
    else:
        main()
