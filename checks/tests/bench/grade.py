"""How fast is a class graded, how much memory does it need, and does every correct program get full marks?

    python checks/tests/bench/grade.py rate [ROUNDS]       30 solutions of lab 1, and a bare script with two threads
    python checks/tests/bench/grade.py processor [ROUNDS]  processor time of one more submission; needs perf(1)
    python checks/tests/bench/grade.py large [NUMBER]      1,000 of them, and 30: rate and memory
    python checks/tests/bench/grade.py cluster [ROUNDS]    two dask workers, and one
    python checks/tests/bench/grade.py marks [NUMBER]      2,000 gradings of the tests' right programs: marks lost

The bare script starts the same programs as often as one grading does, and sends them the same requests (see
lab1.py). The submissions differ in a comment, because equal ones are graded only once.

Where the processor time of one more submission goes, under `namespaces`, as root, with Python 3.11 (perf record, and
samples of the process that checks). The bare script needs 205 of these 375 ms: 175 for the programs, 30 for the rest.

    195 ms  the student's programs: three starts of Python, and their answers
     35 ms  the protection of three starts: bwrap 23 (half of it reads the table of mounts after each of 28 bind
            mounts); setpriv, choom, prlimit and the shell that enters the control group 12
    122 ms  the process that checks:
              31  requests and answers, with deadlines, transcript and the commands by hand
              19  3.3 alone: a file of 6 MiB through a small window; each copy of it is 1,500 page faults
              18  the suite's material (11 MiB in 60 files) and the copies of the submission
              14  pytest, fixtures, findings
              14  starting, waiting for, reading and ending programs
              10  /proc: the guard's looks, who listens, who is idle, what is left
              16  the checks themselves, the record, and others
     14 ms  the supervisor: three forks 5, a free user id 2, control groups and clean-up 3, the pages it touches 4
      9 ms  `labcheck grade` itself (packing, results, the student's page, similar programs) and the fork server

The programs, their protection and the requests alone take 260 ms, so while the processor is the limit, `rate` cannot
come near 0.85. A whole run takes 0.7 s besides (imports, the fork server, reports): 25 ms for each of 30 submissions.
"""

from __future__ import annotations

import contextlib
import csv
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from by_turns import WAIT_UNTIL_LISTENING

import lab1
from dask_cluster import cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TESTS = Path(__file__).resolve().parents[1]
JOBS = 2
SMALL = 30
FEW = 5
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
BARE = (
    WAIT_UNTIL_LISTENING
    + lab1.BARE.partition("exchanges = ")[0]
    + r"""
from concurrent.futures import ThreadPoolExecutor
exchanges = [(base64.b64decode(data), whole) for data, whole in json.load(open("exchanges.json"))]

def grade(number):
    port = 10_000 + 2 * number
"""
    + "".join(f"    {line}\n" for line in lab1.BARE.partition("port = random")[2].partition("\n")[2].splitlines())
    + r"""
with ThreadPoolExecutor(2) as pool:
    list(pool.map(grade, range(int(sys.argv[1]))))
"""
)


def hand_in(place: Path, number: int) -> None:
    """Make the given number of submissions of lab 1's solution, all different."""
    for each in range(number):
        shutil.copytree(lab1.SOLUTION, place / f"student{each:04}")
        with (place / f"student{each:04}" / "webserver.py").open("a") as file:
            file.write(f"# {each}\n")


def grade(lab: str, place: Path, *more: str, weigh: bool = False, under: Sequence[str] = ()) -> tuple[float, float]:
    """Grade a class; return the seconds it took and, with `weigh`, the peak memory of all processes in MiB.

    `under` are the words of a command that runs another one.
    """
    with tempfile.TemporaryDirectory() as out:
        words = [*under, sys.executable, "-P", "-m", "labcheck", "grade", lab, str(place), "--out", out, *more]
        started = time.perf_counter()
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=ENVIRONMENT) as graded:
            peak = Peak(graded.pid) if weigh else None  # measuring takes time as well
            graded.wait()
        seconds = time.perf_counter() - started
        with (Path(out) / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
            lost = [row for row in csv.DictReader(file) if row["score"] != row["max"]]
        for row in lost:
            print("lost:", row["student"], [id for id, points in row.items() if points == "0"], row["note"])
        if lost:
            sys.exit(f"{len(lost)} submissions have lost marks")
    return seconds, peak.mib if peak else 0.0


class Peak:
    """The largest memory of a process and its descendants at any time (PSS, as far as it can be read)."""

    def __init__(self, pid: int) -> None:
        self.mib = 0.0
        threading.Thread(target=self._watch, args=[psutil.Process(pid)], daemon=True).start()

    def _watch(self, process: psutil.Process) -> None:
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            total = 0
            with contextlib.suppress(psutil.Error):
                for each in [process, *process.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error, FileNotFoundError, ProcessLookupError):
                        total += each.memory_full_info().pss
            self.mib = max(self.mib, total / (1 << 20))
            time.sleep(1)


def rate(rounds: int) -> None:
    """Compare the grading rate with that of the bare script."""
    with tempfile.TemporaryDirectory() as name:
        place, folder = Path(name, "class"), Path(name, "bare")
        hand_in(place, SMALL)
        subprocess.run([sys.executable, lab1.__file__, "record", str(folder)], check=True)
        bare: list[float] = []
        ours: dict[int, list[float]] = {JOBS: [], JOBS + 1: []}  # one more, because a grading sometimes waits
        for _ in range(rounds):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", BARE, str(SMALL)], cwd=folder, check=True)
            bare.append(SMALL / (time.perf_counter() - started))
            for jobs, found in ours.items():
                found.append(SMALL / grade("lab1", place, "--jobs", str(jobs))[0])
        print(f"bare, two threads  {statistics.median(bare):.2f} a second")
        for jobs, found in ours.items():
            ratio = statistics.median(found) / statistics.median(bare)
            print(f"labcheck --jobs {jobs}  {statistics.median(found):.2f} a second, ratio {ratio:.2f}")


def processor(rounds: int) -> None:
    """Compare the processor time of a grading with that of the bare script, without what a whole run needs once.

    perf(1) counts all processes. getrusage(2) would not: nobody waits for those that end with their namespaces.
    """
    with tempfile.TemporaryDirectory() as name:
        counted, folder = Path(name, "counted"), Path(name, "bare")
        classes = {number: Path(name, str(number)) for number in (FEW, SMALL)}
        for number, place in classes.items():
            hand_in(place, number)
        subprocess.run([sys.executable, lab1.__file__, "record", str(folder)], check=True)
        perf = ["perf", "stat", "-x,", "-e", "task-clock", "-o", str(counted), "--"]

        def bare(number: int) -> None:
            subprocess.run([*perf, sys.executable, "-c", BARE, str(number)], cwd=folder, check=True)

        def under(protection: str) -> Callable[[int], object]:
            words = ("--jobs", "1", "--sandbox", protection)
            return lambda number: grade("lab1", classes[number], *words, under=perf)

        ways = {"bare script": bare, **{name: under(name) for name in ("none", "namespaces")}}
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, run in ways.items():
                used = []
                for number in (FEW, SMALL):
                    run(number)
                    used.append(float(counted.read_text().splitlines()[-1].partition(",")[0]))
                found[name].append((used[1] - used[0]) / (SMALL - FEW))
        for name, each in found.items():
            print(f"{name:12} {statistics.median(each):4.0f} ms, best {min(each):.0f} ms")


def large(number: int) -> None:
    """Compare a large class with a small one."""
    found = []
    for size in (SMALL, number):
        with tempfile.TemporaryDirectory() as name:
            hand_in(Path(name), size)
            seconds, mib = grade("lab1", Path(name), "--jobs", str(JOBS), weigh=True)
            found.append((size / seconds, mib))
            print(f"{size:5} submissions: {size / seconds:.2f} a second, {mib:.0f} MiB at most")
    (small, least), (big, most) = found
    print(f"rate x {big / small:.2f}, memory x {most / least:.2f}")


def clusters(rounds: int) -> None:
    """Compare two workers with one."""
    from distributed import Client

    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as name:
        hand_in(Path(name), SMALL)
        for _ in range(rounds):
            for workers, found in rates.items():
                with cluster(workers) as (address, _), Client(address) as client:  # type: ignore[no-untyped-call]
                    client.wait_for_workers(workers)
                    found.append(SMALL / grade("lab1", Path(name), "--cluster", address)[0])
    for workers, found in rates.items():
        print(f"{workers} workers  {statistics.median(found):.2f} a second")
    print(f"ratio      {statistics.median(rates[2]) / statistics.median(rates[1]):.2f}")


def marks(number: int) -> None:
    """Grade the tests' correct programs in turn, four at a time, with a load on every core."""
    load = [sys.executable, "-c", "while True: pass"]
    loads = [subprocess.Popen(load) for _ in range(os.cpu_count() or 1)]
    try:
        for lab in ("lab1", "lab2"):
            with tempfile.TemporaryDirectory() as name:
                _hand_in_right(lab, Path(name), number // 2)
                seconds, _ = grade(lab, Path(name), "--jobs", str(2 * (os.cpu_count() or 1)))
            print(f"{lab}: {number // 2} gradings in {seconds:.0f} s, no mark lost")
    finally:
        for process in loads:
            process.kill()
            process.wait()


def _hand_in_right(lab: str, place: Path, number: int) -> None:
    right = sorted(each for each in (TESTS / lab / "right").rglob("*.py"))
    for count, program in enumerate(islice(cycle(right), number)):
        folder = place / f"{count:04}-{program.parent.name}-{program.stem}"
        shutil.copytree(TESTS.parents[1] / "solutions" / lab, folder)
        name = "webserver.py" if lab == "lab1" else f"{program.parent.name}.py"
        (folder / name).write_text(f"{program.read_text('utf-8')}\n# {count}\n", "utf-8")


def main() -> None:
    """Run the measurement named on the command line."""
    known = {
        "rate": (rate, 3),
        "processor": (processor, 3),
        "large": (large, 1_000),
        "cluster": (clusters, 3),
        "marks": (marks, 2_000),
    }
    if sys.argv[1:2] == [] or sys.argv[1] not in known:
        sys.exit(__doc__)
    measure, usual = known[sys.argv[1]]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    measure(int(sys.argv[2]) if len(sys.argv) > 2 else usual)


if __name__ == "__main__":
    main()
