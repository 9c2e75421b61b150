"""How much more processor time does `labcheck lab5` take than a bare script that does the same work?

    python checks/tests/bench/lab5.py [ROUNDS]

The bare script uses only the standard library: it starts the program as often, with the same logs beside it, sends the
same requests, byte for byte, over as many connections, and looks at nothing. Both are run in turn; the ratio is that of
the medians. The processor time of all processes together is compared, because labcheck waits for a second to pass.
"""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from by_turns import WAIT_UNTIL_LISTENING, compare, processor_seconds, rounds, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.protocols.http.client import Connection
    from labcheck.sandbox.copies import PrivateCopies

LABS = Path(__file__).resolve().parents[3]
SOLUTION = LABS / "solutions" / "lab5"

BARE = r"""
import os, pickle, random, socket, subprocess, sys, threading

def service(folder, port):
    process = subprocess.Popen([sys.executable, "-s", "library.py", str(port)], cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"})
    threading.Thread(target=process.stderr.read, daemon=True).start()
    wait_until_listening(port)
    return process

def ask(port, request):
    with socket.create_connection(("127.0.0.1", port)) as client:
        try:
            client.sendall(request)
            while client.recv(131072):
                pass
        except ConnectionError:
            pass  # a refusal

port = random.randrange(10_000, 19_000)
with open("exchanges.pickle", "rb") as file:
    folders, steps = pickle.load(file)
running = {name: service(folder, port + place) for place, (name, folder) in enumerate(folders.items())}
ports = {name: port + place for place, name in enumerate(folders)}
for name, request in steps:
    ask(ports[name], request)
for process in running.values():
    process.kill()
    process.wait()
os._exit(0)
"""


def record_exchanges(folder: Path) -> None:
    """Write what one run of labcheck sends, and to which program, into a file; beside it are the programs' folders."""
    from labcheck.judging.judge import run_suite
    from labcheck.judging.options import Options
    from labcheck.judging.run import running
    from labcheck.protocols.http import client
    from labcheck.sandbox import copies
    from labcheck.workbook.labs import load_lab

    steps: list[tuple[int, bytes]] = []
    folders: dict[Path, str] = {}
    send, new = client.Connection.send, copies.PrivateCopies.new

    def note_request(connection: Connection, data: bytes) -> None:
        steps.append((connection._socket.getpeername()[1], data))
        send(connection, data)

    def note_copy(made: PrivateCopies, add: Callable[[Path], object] | None = None) -> Path:
        work = new(made, add)
        folders[work] = f"copy{len(folders)}"
        shutil.copytree(work, folder / folders[work])
        return work

    lab = load_lab("lab5")
    with (
        mock.patch.object(client.Connection, "send", note_request),
        mock.patch.object(copies.PrivateCopies, "new", note_copy),
        running(lab, SOLUTION, Options(1)) as run,
    ):
        run_suite(run, lab.requirements)
        started = {each.program.port: folders[each.program.folder] for each in run.fleet.history}
    (folder / "exchanges.pickle").write_bytes(pickle.dumps((started, steps)))


def main() -> None:
    """Measure, and print one line per figure."""
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, __file__, "record", name], check=True)
        started, steps = pickle.loads((Path(name) / "exchanges.pickle").read_bytes())
        sent = sum(len(data) for _, data in steps) / 1e6
        remark = f", {len(steps)} requests to {len(started)} programs, {sent:.0f} MB sent; processor time"
        labcheck = [sys.executable, "-P", "-m", "labcheck", "lab5", str(SOLUTION)]
        bare = [sys.executable, "-c", WAIT_UNTIL_LISTENING + BARE]
        compare(bare, labcheck, Path(name), rounds(5), remark, processor_seconds)
        print(f"the whole check takes {seconds(labcheck, LABS):.1f} s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record_exchanges(Path(sys.argv[2]))
    else:
        main()
