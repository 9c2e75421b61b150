"""Searches all readable paths for the suite, the solution, the results and other submissions."""

import os
import re
import time
from pathlib import Path

import attack
import solution

NAMES = {
    "test_1_start_and_stop.py": "suite",
    "wrong.toml": "suite",
    "record.schema.json": "package",
    "grades.csv": "results",
    "results.jsonl": "results",
}
# Each text is in two parts, so that the search does not find this file.
TEXTS = {
    "another": "marker of " + "another submission",
    "suite": "Put random files under " + "site/, and secrets beside it.",
}
DULL = ("/proc", "/sys", "/usr/share", "/usr/include", "/usr/src", "/usr/lib/x86_64-linux-gnu")
SECONDS = 4  # for one search: the form is answered only after it, and reading an uncached disk is slow
looked = 0


def search(root, texts):
    global looked
    end = time.monotonic() + SECONDS
    for parent, folders, names in os.walk(root):
        if time.monotonic() > end:
            break
        folders[:] = [name for name in folders if f"{parent}/{name}".replace("//", "/") not in DULL]
        looked += len(names)
        for name in NAMES.keys() & names:
            attack.say(f"FOUND {NAMES[name]}")
        if "webserver.py" in names and parent.endswith("solutions/lab1"):
            attack.say("FOUND solution")
        if not texts or Path(parent).is_relative_to(attack.HERE):
            continue
        for name in names:
            try:
                text = Path(parent, name).read_bytes()[:100_000].decode(errors="replace")
            except OSError:
                continue
            for kind, words in TEXTS.items():
                if words in text:
                    attack.say(f"FOUND {kind}")


def look_at(process):
    for link in ("cwd", "root", *(f"fd/{number}" for number in range(30))):
        try:
            target = os.readlink(process / link)
        except OSError:
            continue
        if re.search("pytest|suites|results", target):
            attack.say(f"FOUND link of a process: {target}")
    try:
        if b"ATTACK_SECRET" in (process / "environ").read_bytes():
            attack.say("FOUND environment")
    except OSError:
        pass


def look():
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and (attack.PROTECTED or int(process.name) in attack.CONFIG["victims"]):
            look_at(process)
    for folder in (*attack.CONFIG["roots"], *attack.most(["/dev/shm", "/tmp", "/run", "/home"], [])):
        search(folder, texts=True)
    for folder in attack.most(["/"], []):
        search(folder, texts=False)
    attack.say(f"LOOKED {looked}")


attack.at_first_post(look)
solution.main()
