"""How long after a save does `labcheck lab1 --watch` show the verdict on the requirement that the user works on?

    python checks/tests/bench/watch.py [ROUNDS]

The time is from the save until the line `FAIL 2.3` is written to the terminal. For comparison,
`labcheck lab1 --only 2.3`, in turn with it: a new process that does the same work.
"""

from __future__ import annotations

import os
import platform
import pty
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from by_turns import rounds

from labcheck.workbook.labs import load_lab

COMMAND = [sys.executable, "-P", "-m", "labcheck", "lab1"]


def read_until(terminal: int, pattern: str) -> None:
    """Read what is written to the terminal, until the pattern is in it."""
    text = ""
    while not re.search(pattern, text):
        text += os.read(terminal, 65536).decode("utf-8", "replace")


def main() -> None:
    """Save two programs that fail 2.3 in turn, and print one line per figure."""
    lab = load_lab("lab1")
    right = (lab.solution / "webserver.py").read_text("utf-8")
    programs = [right.replace("tm_yday", wrong) for wrong in ("tm_mday", "tm_wday")]
    watched, cold = [], []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "lab1"
        shutil.copytree(lab.starter, folder)
        (folder / "webserver.py").write_text(programs[1], "utf-8")
        environment = {**os.environ, "XDG_STATE_HOME": place, "COLUMNS": "90", "LINES": "30", "TERM": "xterm"}
        ours, theirs = pty.openpty()
        run = subprocess.Popen(
            [*COMMAND, str(folder), "--watch"], stdin=theirs, stdout=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        read_until(ours, "checked at")
        for number in range(rounds(20)):
            started = time.perf_counter()
            (folder / "webserver.py").write_text(programs[number % 2], "utf-8")
            read_until(ours, r"FAIL *(\x1b\[[0-9;]*m)* *2\.3")
            watched.append(time.perf_counter() - started)
            read_until(ours, "checked at")
            started = time.perf_counter()
            subprocess.run(
                [*COMMAND, str(folder), "--only", "2.3"], env=environment, stdout=subprocess.DEVNULL, check=False
            )
            cold.append(time.perf_counter() - started)
        run.terminate()
        run.wait()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {len(watched)} rounds")
    for name, values in (("after a save", watched), ("new process", cold)):
        print(f"{name:13} {statistics.median(values):.3f} s (best {min(values):.3f}, worst {max(values):.3f})")
    print(f"ratio         {statistics.median(watched) / statistics.median(cold):.2f}")


if __name__ == "__main__":
    main()
