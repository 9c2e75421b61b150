"""How long do the walkthroughs take, and what does `%labcheck` cost compared with `labcheck`?

    python checks/tests/bench/notebooks.py [ROUNDS]

Each walkthrough is executed from top to bottom in its own kernel, with the starters and with the solutions. For
comparison, the same programs are checked in a terminal, which the notebook does in its last cell. `%load_ext` is
compared with the import of IPython, in a Python process that has imported nothing.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from by_turns import rounds, seconds

from labcheck.workbook.labs import lab_names

LABCHECK = [sys.executable, "-P", "-m", "labcheck"]
IMPORTS = """
from time import perf_counter
began = perf_counter()
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
imported = perf_counter()
shell.run_line_magic("load_ext", "labcheck")
print(imported - began, perf_counter() - imported)
"""


def walkthrough(lab: str, whose: str, place: Path) -> tuple[float, float]:
    """Return the seconds for the walkthrough, and for checking the same programs in a terminal."""
    folder = place / f"{lab}-{whose}"
    for words in (["solution", lab, folder],) * (whose == "solution") + (["notebook", lab, folder, "--no-open"],):
        subprocess.run([*LABCHECK, *map(str, words)], check=True, stdout=subprocess.DEVNULL)
    execute = [sys.executable, "-m", "jupyter", "execute", f"{lab}.ipynb"]
    check = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode not in (0, 1))"
    return seconds(execute, folder), seconds([sys.executable, "-c", check, *LABCHECK, lab, "."], folder)


def main() -> None:
    """Run the rounds, and print the medians."""
    number = rounds(3)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {number} rounds")
    for whose in ("starter", "solution"):
        for lab in lab_names():
            with tempfile.TemporaryDirectory() as name:
                found = [walkthrough(lab, whose, Path(name) / str(each)) for each in range(number)]
            notebook, terminal = (statistics.median(values) for values in zip(*found, strict=True))
            print(f"{lab} {whose:8}  walkthrough {notebook:5.1f} s, labcheck {lab} of it {terminal:5.1f} s")
    costs = []
    for _ in range(5 * number):
        done = subprocess.run([sys.executable, "-c", IMPORTS], check=True, capture_output=True, text=True)
        costs.append([float(word) for word in done.stdout.split()])
    ipython, labcheck = (statistics.median(values) for values in zip(*costs, strict=True))
    print(f"%load_ext labcheck {labcheck:.3f} s, IPython {ipython:.3f} s, ratio {labcheck / ipython:.2f}")


if __name__ == "__main__":
    main()
