"""How long does the report of a large class take, how large is it, and how fast is it in a browser?

    python checks/tests/bench/report.py [STUDENTS] [LAB]     1,000 students of lab1

A few submissions are graded: the starter, the solution, and wrong variants of it. Every student gets one of these
results, with their own words, ports and name, and with at least one failure. Then the files are written that
`labcheck grade` writes at its end. Each figure is compared with something that does the same work: reading the same
results and writing them again as JSON; and a plain table with as many cells, opened in the same browser and sorted by
appending its rows in another order.
"""

from __future__ import annotations

import json
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from selenium import webdriver

from conftest import FLAGS
from labcheck.authoring.variants import variants
from labcheck.classes import report, results
from labcheck.protocols.draw import Draw
from labcheck.record.gradebook import Asked, Entry, Gradebook
from labcheck.record.people import Person
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labcheck.record.result import Result
    from labcheck.workbook.labs import Lab

VARIANTS = 24
ROUNDS = 5
DRAWN = re.compile(r"(?<![A-Za-z])(?:[bdfgklmnprstvz][aeiou]){4}(?![A-Za-z])|(?<!\d)2\d{4}(?!\d)")
SORT = "const t = performance.now(); {}; document.body.offsetHeight; return performance.now() - t"


def grade(lab: Lab, place: Path) -> list[Result]:
    """Grade the lab's starter, its solution and some wrong variants, each as a class of its own."""
    handed_in = place / "class"
    shutil.copytree(lab.starter, handed_in / "starter")
    shutil.copytree(lab.solution, handed_in / "solution")
    known = variants(lab)
    for number, variant in enumerate(known[:: max(1, len(known) // VARIANTS)]):
        variant.write(lab, handed_in / f"wrong{number:02}")
    out = place / "graded"
    words = [sys.executable, "-P", "-m", "labcheck", "grade", lab.name, str(handed_in), "--out", str(out)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return [each for each in results.read(out) if each.record is not None]


def hand_out(graded: list[Result], number: int, out: Path) -> Gradebook:
    """Write results for the given number of students into a folder, and return the class without its results."""
    drawn = Draw(1)
    failing = [each.to_json() for each in graded if each.record and not each.record.all_passed]
    entries = []
    with (out / "results.jsonl").open("w", encoding="utf-8") as file:
        for place in range(number):
            words: dict[str, str] = {}

            def other(match: re.Match[str], words: dict[str, str] = words) -> str:
                new = str(drawn.randrange(20_000, 30_000)) if match[0].isdigit() else drawn.word()
                return words.setdefault(match[0], new)

            table = json.loads(DRAWN.sub(other, failing[place % len(failing)]))
            table["key"] = f"key {place}"
            file.write(json.dumps(table) + "\n")
            name = f"{drawn.word(6).title()} {drawn.word(10).title()}"
            entries.append(Entry(f"submission {place}", table["key"], Person(name, f"{place}@example.org")))
    record = graded[0].record
    assert record is not None
    asked = tuple(Asked(each.id, each.title, each.points) for each in record.requirements)
    return Gradebook(record.lab, record.title, asked, tuple(entries), with_people=True)


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of some work: the median of several rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def rewrite(file: Path) -> None:
    """Read the results as JSON, and write them again."""
    with file.open(encoding="utf-8") as lines, file.with_suffix(".again").open("w", encoding="utf-8") as again:
        for line in lines:
            again.write(json.dumps(json.loads(line)) + "\n")


def browsers() -> Iterator[Any]:
    """Start Chromium, and stop it."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or sys.exit("chromium is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for flag in (*FLAGS, f"user-data-dir={folder}"):
            options.add_argument(f"--{flag}")
        browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
        yield browser
        browser.quit()


def plain(students: int, columns: int) -> str:
    """Return a page with nothing but a table of as many cells, which also hold words."""
    draw = random.Random(1)
    rows = ("".join(f"<td>{draw.choice(['passed', 'failed'])}</td>" for _ in range(columns)) for _ in range(students))
    return "<!doctype html><meta charset=utf-8><table>" + "".join(f"<tr>{row}</tr>\n" for row in rows) + "</table>"


def opened(browser: Any, file: Path) -> float:
    """Return the seconds until a page is loaded and its layout is done."""

    def work() -> None:
        browser.get(file.as_uri())
        browser.execute_script("return document.body.offsetHeight")

    browser.get("about:blank")
    return seconds(work)


def sorted_by(browser: Any, scripts: list[str]) -> float:
    """Return the seconds that sorting takes, including the layout: the median of several sorts."""
    return statistics.median(float(browser.execute_script(SORT.format(script))) / 1000 for script in scripts)


def main() -> None:
    """Measure, and print one line per figure."""
    students = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    lab = load_lab(sys.argv[2] if len(sys.argv) > 2 else "lab1")
    with tempfile.TemporaryDirectory() as name:
        graded = grade(lab, Path(name))
        out = Path(name) / "out"
        out.mkdir()
        gradebook = hand_out(graded, students, out)
        size = (out / "results.jsonl").stat().st_size
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores; {students} students, {size / 1e6:.1f} MB")

        again = seconds(lambda: rewrite(out / "results.jsonl"))
        whole = seconds(lambda: report.write(out, replace(gradebook)))
        read = seconds(lambda: report.load(out, replace(gradebook)))
        print(f"read and written again as JSON   {again:6.2f} s")
        print(f"all reports of the class         {whole:6.2f} s   ratio {whole / again:.2f}")
        print(f"of that, class.html              {whole - read:6.2f} s   ratio {(whole - read) / again:.2f}")
        page = out / "class.html"
        print(f"size of class.html               {page.stat().st_size / 1e6:6.2f} MB")

        columns = len(gradebook.requirements) + 5
        table = out / "plain.html"
        table.write_text(plain(students, columns), "utf-8")
        for browser in browsers():
            plainly = opened(browser, table)
            reverse = "const b = document.querySelector('tbody'); b.append(...[...b.rows].reverse())"
            plain_sort = sorted_by(browser, [reverse] * ROUNDS)
            ours = opened(browser, page)
            our_sort = sorted_by(browser, [f"sort({column})" for column in range(ROUNDS)])
            print(f"a plain table is opened in       {plainly:6.2f} s, sorted in {plain_sort:.2f} s")
            print(f"class.html is opened in          {ours:6.2f} s   ratio {ours / plainly:.2f}")
            print(f"and sorted by a column in        {our_sort:6.2f} s   ratio {our_sort / plain_sort:.2f}")


if __name__ == "__main__":
    main()
