"""Starts a daemon that waits for result files and overwrites them."""

import time
from pathlib import Path

import attack
import solution


def rewrite():
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        for place in map(Path, attack.CONFIG["prey"]):
            for file in (*place.rglob("results.jsonl"), *place.rglob("grades.csv")):
                if "FORGED" not in file.read_text(errors="replace"):
                    file.write_text("FORGED\n")
        time.sleep(0.01)


attack.daemonize(rewrite)
time.sleep(0.2)
solution.main()
