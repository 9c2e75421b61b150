"""How much more processor time does `labcheck lab4` take than a bare script that does the same work?

    python checks/tests/bench/lab4.py [ROUNDS]

The bare script uses only the standard library: it starts both programs as often, sends the service the same requests,
byte for byte, over as many connections, answers the client with the same bytes, and looks at nothing. Both are run in
turn; the ratio is that of the medians. The processor time of all processes together is compared, because labcheck waits
for some seconds: a date has to move, and an answer has to get old.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from by_turns import WAIT_UNTIL_LISTENING, compare, processor_seconds, rounds, seconds

if TYPE_CHECKING:
    from labcheck.protocols.http.client import Connection as ToServer
    from labcheck.protocols.http_client.client import HttpClient, Run
    from labcheck.protocols.http_client.peer import Connection as FromClient
    from labcheck.protocols.http_client.peer import Page, Peer

LABS = Path(__file__).resolve().parents[3]
SOLUTION = LABS / "solutions" / "lab4"

BARE = r"""
import base64, json, os, random, re, shutil, socket, subprocess, sys, threading

def start(words, folder, **streams):
    return subprocess.Popen([sys.executable, "-s", *words], cwd=folder, stderr=subprocess.PIPE, start_new_session=True,
                            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}, **streams)

def service():
    global port
    port += 1
    process = start(["books.py", str(port)], ".", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    threading.Thread(target=process.stderr.read, daemon=True).start()
    wait_until_listening(port)
    return process

def ask(request):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(request)
        while client.recv(131072):
            pass

def serve():
    while True:
        client, _ = listener.accept()
        with client:
            request = b""
            while b"\r\n\r\n" not in request:
                request += client.recv(65536)
            client.sendall(replies[request.split()[1].decode()].pop(0))
            client.shutdown(socket.SHUT_WR)
            client.recv(65536)

def run(check, urls):
    running = []
    for place, url in enumerate(urls):
        folder = f"runs/{check}-{place}"
        os.makedirs(folder, exist_ok=True)
        shutil.copy("fetch.py", folder)
        running.append(start(["fetch.py", url], folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
    for process in running:
        process.communicate()

shutil.rmtree("runs", ignore_errors=True)
port = random.randrange(10_000, 19_000)
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
recorded = json.load(open("exchanges.json"))

def here(data):  # labcheck's server had a port for each check
    return re.sub(rb"(?<=:)2\d{4}(?=/)", b"%d" % listener.getsockname()[1], data)

replies = {target: [here(base64.b64decode(each)) for each in found] for target, found in recorded["replies"].items()}
threading.Thread(target=serve, daemon=True).start()
services = [service() for _ in range(recorded["services"])]
for kind, *words in recorded["steps"]:
    if kind == "ask":
        ask(base64.b64decode(words[0]))
    else:
        run(words[0], [here(url.encode()).decode() for url in words[1]])
for process in services:
    process.kill()
    process.wait()
os._exit(0)
"""


def record_exchanges(folder: Path) -> None:
    """Write what one run of labcheck sends, answers and starts to exchanges.json, with the programs beside it."""
    from labcheck.judging.judge import run_suite
    from labcheck.judging.options import Options
    from labcheck.judging.run import running
    from labcheck.protocols.http import client as to_server
    from labcheck.protocols.http_client import client as of_runs
    from labcheck.protocols.http_client import peer
    from labcheck.workbook.labs import load_lab

    steps: list[list[object]] = []
    replies: dict[str, list[str]] = {}
    checks: list[HttpClient] = []
    send, run_all, answer = to_server.Connection.send, of_runs.HttpClient.run_all, peer.Peer.answer

    def note_request(connection: ToServer, data: bytes) -> None:
        steps.append(["ask", base64.b64encode(data).decode()])
        send(connection, data)

    def note_runs(client: HttpClient, *urls: Page | str) -> list[Run]:
        if client not in checks:
            checks.append(client)
        steps.append(["run", checks.index(client), [str(url) for url in urls]])
        return run_all(client, *urls)

    def note_reply(server: Peer, data: bytes, connection: FromClient) -> bytes:
        sent = answer(server, data, connection)
        replies.setdefault(data.split()[1].decode(), []).append(base64.b64encode(sent).decode())
        return sent

    lab = load_lab("lab4")
    with (
        mock.patch.object(to_server.Connection, "send", note_request),
        mock.patch.object(of_runs.HttpClient, "run_all", note_runs),
        mock.patch.object(peer.Peer, "answer", note_reply),
        running(lab, SOLUTION, Options(1)) as run,
    ):
        shutil.copytree(run.fleet.shared_copy, folder, dirs_exist_ok=True)
        run_suite(run, lab.requirements)
        services = sum(started.name == lab.programs[0].name for started in run.fleet.history)
    recorded = {"steps": steps, "replies": replies, "services": services}
    (folder / "exchanges.json").write_text(json.dumps(recorded))


def main() -> None:
    """Measure, and print one line per figure."""
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, __file__, "record", name], check=True)
        recorded = json.loads((Path(name) / "exchanges.json").read_text())
        runs = sum(len(step[2]) for step in recorded["steps"] if step[0] == "run")
        asked = sum(step[0] == "ask" for step in recorded["steps"])
        remark = f", {asked} requests to {recorded['services']} services, {runs} runs of the client; processor time"
        labcheck = [sys.executable, "-P", "-m", "labcheck", "lab4", str(SOLUTION)]
        compare(
            [sys.executable, "-c", WAIT_UNTIL_LISTENING + BARE],
            labcheck,
            Path(name),
            rounds(5),
            remark,
            processor_seconds,
        )
        print(f"the whole check takes {seconds(labcheck, LABS):.1f} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record_exchanges(Path(sys.argv[2]))
    else:
        main()
