"""The reports in the terminal, compared word for word with recorded ones.

`python -m pytest checks/tests/golden/test_golden.py --record-golden` records them again; then read the diff.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, OUTSIDE, TESTS, Result
from labcheck.authoring.variants import variants
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CASES = {
    "lab1": ["solution", "starter", "starter-all", "wrong-1.2", "wrong-3.2", "wrong-3.4", "wrong-5.2", "wrong-1.3"],
    "lab2": ["solution", "wrong-1.2", "wrong-3.3"],
    "lab3": ["solution", "starter", "wrong-3.2", "wrong-4.2"],
    "lab4": ["solution", "wrong-1.3", "wrong-4.4", "wrong-5.1", "wrong-5.7"],
    "lab5": ["solution", "wrong-1.4", "wrong-2.3", "wrong-3.2", "wrong-4.2"],
}

SAME = [
    (r"(localhost|127\.0\.0\.1):(?!800[12345]\b)\d+", r"\1:PORT"),
    (r"127\.0\.0\.1:\d* …", "127.0.0.1:PORT …"),
    (r"(Date|Last-Modified): \w{3}, [\w :]+ GMT", r"\1: DATE"),
    (r"port 2\d{4}\b", "port PORT"),
    (r"the numbers \d+ and \d{4}", "the numbers DAY and YEAR"),
    (r"UTC[+-]\d+", "UTC+HOURS"),
    (r"after \d\.\d\d s", "after TIME s"),
    (r"(no message) (within [\d.]+ s|by the end of the time limit of 10 s)", r"\1 within TIME s"),
    (r"(labcheck replay .* --seed 1) .+", r"\1 FOLDER"),
    (r"seed \d+ · \d+\.\d s", "seed SEED · TIME s"),
]


@pytest.mark.sample(4)
@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in CASES.items() for case in cases])
def test_report_reads_as_recorded(
    name: str, case: str, labcheck: Callable[..., Result], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The report of a run is the recorded one, except for port, date and times."""
    lab = load_lab(name)
    folder = {"solution": lab.solution, "starter": lab.starter}.get(case.removesuffix("-all"), tmp_path / "wrong")
    if case.startswith("wrong-"):
        variant = next(each for each in variants(lab) if each.fails == case.removeprefix("wrong-"))
        variant.write(lab, folder)
    report = labcheck(name, folder, "--seed", "1", *(["--all"] if case.endswith("-all") else [])).out
    for pattern, stand_in in SAME:
        report = re.sub(pattern, stand_in, report)
    golden = TESTS / "golden" / f"{name}-{case}.txt"
    if request.config.getoption("--record-golden"):
        golden.write_text(report, "utf-8")
    assert report == golden.read_text("utf-8")


def test_report_on_a_terminal_says_the_same(labcheck: Callable[..., Result]) -> None:
    """With and without colors, the report has the same words; there is no color if NO_COLOR is set."""
    pty = pytest.importorskip("pty", reason="only Unix has pseudo-terminals")
    import os
    import subprocess
    import sys

    texts = []
    for colour in ({"TERM": "xterm-256color"}, {"TERM": "xterm-256color", "NO_COLOR": "1"}):
        ours, theirs = pty.openpty()
        environment = {**OUTSIDE, **colour, "COLUMNS": "100", "XDG_STATE_HOME": os.devnull}
        command = [sys.executable, "-m", "labcheck", "lab1", str(CHECKOUT / "labs/lab1"), "--seed", "1", "--only", "2"]
        with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=environment):
            os.close(theirs)
            data = b""
            while True:
                try:
                    chunk = os.read(ours, 65536)
                except OSError:  # Linux raises it when the other side is closed
                    break
                data += chunk
                if not chunk:
                    break
        os.close(ours)
        text = data.decode().replace("\r\n", "\n")
        texts.append(text[text.rindex("lab1 · ") :])  # after what was shown while it ran
    coloured, plain = texts
    assert "\x1b[31m" in coloured or "\x1b[1;31m" in coloured
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain)
    bare = [re.sub(r"\x1b\[[0-9;]*m", "", text) for text in texts]
    for pattern, name in SAME:
        bare = [re.sub(pattern, name, text) for text in bare]
    assert bare[0] == bare[1]
    assert "FAIL  2.3" in bare[0]
