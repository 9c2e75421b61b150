"""How smooth is the page of `labcheck open`, and how long after a save does it show the verdict?

    python checks/tests/bench/page.py [ROUNDS]

Two programs that fail 2.3 are saved in turn. The time is from the save until the page shows the new result of 2.3. For
comparison, `labcheck lab1 --only 2.3` in turn with it: a new process that does the same work. All the time, the page
measures how long its main thread was busy at a stretch: the longest pause between two turns of its event loop, of
which each run has several hundred. A frame that takes longer than 50 ms is reported by the browser as well.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from by_turns import rounds
from selenium import webdriver

from browser import Screen
from conftest import FLAGS
from labcheck.workbook.labs import load_lab
from opened import Opened

DONE = "/checked at/.test(document.querySelector('.status').textContent)"
SHOWN = "document.querySelector('[id=\"2.3\"] .sides')?.textContent"
LONG_FRAME = 50  # ms
MEASURE = """
    window.pauses = [];
    window.frames50 = [];
    new PerformanceObserver(list => frames50.push(...list.getEntries().map(each => each.duration)))
        .observe({type: "long-animation-frame"});
    const channel = new MessageChannel();
    let last = performance.now();
    channel.port1.onmessage = () => {
        const now = performance.now();
        pauses.push(now - last);
        last = now;
        channel.port2.postMessage(0);
    };
    channel.port2.postMessage(0);
"""


def main() -> None:
    """Save two programs in turn, and print one line per figure."""
    lab = load_lab("lab1")
    right = (lab.solution / "webserver.py").read_text("utf-8")
    programs = [right.replace("tm_yday", wrong) for wrong in ("tm_mday", "tm_wday")]
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    saved, cold = [], []
    with tempfile.TemporaryDirectory() as place, webdriver.Chrome(options) as browser:
        folder = Path(place) / "lab1"
        shutil.copytree(lab.starter, folder)
        program = folder / "webserver.py"
        program.write_text(programs[1], "utf-8")
        command = [sys.executable, "-P", "-m", "labcheck", "lab1", str(folder), "--only", "2.3"]
        with Opened(folder.parent, "lab1", state=Path(place) / "state") as opened:
            screen = Screen(browser, opened.address)
            screen.open()
            screen.wait_for(f"{DONE} && {SHOWN}")
            screen.run(MEASURE)
            for number in range(rounds(20)):
                screen.run(f"window.before = {SHOWN}")
                started = time.perf_counter()
                program.write_text(programs[number % 2], "utf-8")
                screen.wait_for(f"{SHOWN} && {SHOWN} !== before")
                saved.append(time.perf_counter() - started)
                screen.wait_for(DONE)
                started = time.perf_counter()
                subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
                cold.append(time.perf_counter() - started)
            pauses, frames = screen.run("return [pauses.sort((a, b) => b - a), frames50]")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {len(saved)} rounds")
    for name, values in (("after a save", saved), ("new process", cold)):
        print(f"{name:13} {statistics.median(values):.3f} s (best {min(values):.3f}, worst {max(values):.3f})")
    print(f"ratio         {statistics.median(saved) / statistics.median(cold):.2f}")
    print(f"main thread   busy for {pauses[0]:.0f} ms at most; {len(frames)} frames over {LONG_FRAME} ms")


if __name__ == "__main__":
    main()
