"""How long does it take to compare the programs of a large class with each other, and how much memory does it need?

    python checks/tests/bench/copies.py [STUDENTS]     1,000 students of lab1

Each student gets one of the correct programs, from which a few lines are left out, so there are thousands of similar
pairs: far more than in a real class. The time is compared with that of Python's own tokenizer for the same programs.
The memory is given for the class and for one of a tenth of its size.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import platform
import random
import statistics
import sys
import time
import tokenize
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import CHECKOUT
from labcheck.classes.copies import programs_of
from labcheck.record.gradebook import Entry, Gradebook
from labcheck.record.sources import Source
from labcheck.reports.copies import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.reports.copies.pairs import Similar

LEFT_OUT = 0.02  # of the lines
ROUNDS = 3


def programs(number: int) -> list[str]:
    """Return the programs of a class."""
    draw = random.Random(1)
    right = [file.read_text("utf-8") for file in sorted((CHECKOUT / "checks/tests/lab1/right").glob("*.py"))]
    return [
        "".join(line for line in draw.choice(right).splitlines(keepends=True) if draw.random() > LEFT_OUT)
        for _ in range(number)
    ]


def compare(texts: list[str]) -> Similar:
    """Compare the programs."""
    found = programs_of("lab1")
    assert found is not None
    for place, text in enumerate(texts):
        found.add(str(place), [Source("webserver.py", hashlib.sha256(text.encode()).hexdigest(), text)])
    return found.compare([Entry(f"student {place}", str(place)) for place in range(len(texts))])


def tokens(texts: list[str]) -> None:
    """Let Python's tokenizer read the programs; it stops where one is broken."""
    for text in texts:
        with contextlib.suppress(tokenize.TokenError, IndentationError):
            for _ in tokenize.generate_tokens(io.StringIO(text).readline):
                pass


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU time of some work: the median of several rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return statistics.median(times)


def megabytes(texts: list[str]) -> float:
    """Return the most memory that the comparison needs at a time, in addition to the texts."""
    tracemalloc.start()
    compare(texts)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def main() -> None:
    """Measure, and print one line per figure."""
    texts = programs(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
    lines = sum(text.count("\n") for text in texts)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; {len(texts):,} programs, {lines:,} lines")
    bare = seconds(lambda: tokens(texts))
    ours = seconds(lambda: compare(texts))
    similar = compare(texts)
    gradebook = Gradebook("lab1", "Title", (), ())
    written = seconds(lambda: (page.render(gradebook, similar), page.table(similar)))
    print(f"Python's tokenizer      {bare:6.2f} s")
    print(f"compared                {ours:6.2f} s   ratio {ours / bare:.2f}   {similar}")
    print(f"written as page, table  {written:6.2f} s   ratio {written / bare:.2f}")
    print(f"size of copies.html     {len(page.render(gradebook, similar)) / 1e6:6.2f} MB")
    few = texts[: len(texts) // 10]
    print(f"memory                  {megabytes(texts):6.1f} MB, of {len(few):,} programs {megabytes(few):.1f} MB")


if __name__ == "__main__":
    main()
