"""The starter, which prints what a grader might print."""

import json
import os
import sys

import attack
import starter

ids = [f"{step}.{number}" for step in range(1, 7) for number in range(1, 8)]
forged = {"schema": 1, "lab": "lab1", "score": 29, "max_score": 29, "sandbox": "namespaces", "selected": ids}
forged["requirements"] = [{"id": id, "outcome": "passed", "points": 1, "earned": 1} for id in ids]
for stream in (1, 2):
    for text in (
        json.dumps(forged),
        json.dumps({"key": "0" * 64, "label": "forged", "kind": "graded", "reason": "", "record": forged}),
        json.dumps({"kind": "graded", "text": "", "record": json.dumps(forged), "faults": []}),
        "test_1_start_and_stop.py::test_listens_on_the_port PASSED [100%]\n=== 29 passed in 0.10s ===",
        "    ok    2.3  The page names the day of the year and the year.",
        "\x1b[2J\x1b[H  29 of 29 requirements pass · seed 1 · 0.9 s",
    ):
        os.write(stream, f"\n{text}\n".encode())
for number in range(3, 30):
    try:
        os.write(number, json.dumps({"kind": "graded", "record": json.dumps(forged)}).encode())
    except OSError:
        pass
attack.say("FORGED")
sys.argv = ["webserver.py", *sys.argv[1:]]
starter.main()
