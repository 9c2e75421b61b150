"""Grading a whole class: every submission is graded exactly once, even if processes are killed."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from conftest import CHECKOUT, Result, alive, need, until
from dask_cluster import cluster, kill_tree
from labcheck.authoring.variants import variants
from labcheck.classes import executors
from labcheck.classes import progress as progressing
from labcheck.classes.grade import run
from labcheck.classes.results import Results, read
from labcheck.classes.submissions import Order, Shard, Submissions
from labcheck.errors import UsageError
from labcheck.isolated.graders import ForkServer, Graders
from labcheck.isolated.task import Probe, Reply
from labcheck.judging.options import Options
from labcheck.record.record import Outcome
from labcheck.record.result import REFUSED
from labcheck.record.result import Result as Graded
from labcheck.sandbox import cgroup
from labcheck.workbook import extras
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Labcheck = Callable[..., Result]

SOLUTION = CHECKOUT / "solutions" / "lab1" / "webserver.py"
SITE = "import sys; sys.exit('closed today')  # {}"
HANGS = "import socket, sys, time\ns = socket.create_server(('127.0.0.1', int(sys.argv[1])))\ntime.sleep(1000)\n"

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="classes are graded on Linux and macOS"),
    pytest.mark.usefixtures("protection"),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return the folder with a class's submissions."""
    folder = tmp_path / "class"
    folder.mkdir()
    return folder


def hand_in(place: Path, name: str, text: str) -> None:
    (place / name).mkdir()
    (place / name / "webserver.py").write_text(text)


def hand_in_many(place: Path, number: int) -> None:
    """Submit the given number of programs that exit immediately, because these are graded quickly."""
    for each in range(number):
        hand_in(place, f"student{each:02}", SITE.format(each))


def grades(out: Path) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"] or row["submission"]: row for row in csv.DictReader(file)}


def kinds(out: Path) -> Counter[tuple[str, str]]:
    """Return how often each key and kind appears in the results."""
    return Counter((result.key, result.kind) for result in read(out))


def started(*words: object, out: Path) -> subprocess.Popen[str]:
    """Start `labcheck grade` with the given results folder."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "labcheck", "grade", "lab1", *map(str, words), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lines(out: Path) -> int:
    file = out / "results.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def test_class_is_graded_as_it_arrives(labcheck: Labcheck, place: Path, tmp_path: Path, protection: str) -> None:
    """A folder, an archive, a file and a notebook are graded; an invalid submission is reported with the reason."""
    hand_in(place, "ada", SOLUTION.read_text())
    with zipfile.ZipFile(place / "bob.zip", "w") as archive:
        archive.write(SOLUTION, "lab/webserver.py")
    shutil.copy(SOLUTION, place / "cyd.py")
    cell: dict[str, Any] = {
        "cell_type": "code",
        "source": f"%%writefile webserver.py\n{SOLUTION.read_text()}",
        "metadata": {},
    }
    cell |= {"outputs": [], "execution_count": None}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (place / "dot.ipynb").write_text(json.dumps(notebook))
    hand_in(place, "eve", "print('hello')")
    (place / "fay.rar").write_bytes(b"Rar!")
    out = tmp_path / "out"
    result = labcheck("grade", "lab1", place, "--out", out)
    found = grades(out)
    assert {name: (row["score"], row["max"]) for name, row in found.items()} == {
        **dict.fromkeys(("ada", "bob", "cyd", "dot"), ("29", "29")),
        "eve": ("0", "29"),
        "fay": ("", ""),
    }
    assert sum(int(found["ada"][id]) for id in load_lab("lab1").requirements) == 29
    assert "fay.rar" in found["fay"]["note"]
    assert "fay.rar" in result.out
    assert "5 of 6 submissions graded" in result.out
    assert result.status == 1
    assert {result.record.sandbox for result in read(out) if result.record} == {protection}


def test_note_says_what_was_chosen(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """If a program had another name or was one of several, its grade has a note, which is no problem."""
    hand_in(place, "ada", "an older version")
    (place / "ada" / "webserver (1).py").write_text(SITE.format("ada"))
    with zipfile.ZipFile(place / "bob.zip", "w") as archive:
        archive.writestr("lab/webserver - Copy.py", SITE.format("bob"))
    (place / "Webserver.py").write_text(SITE.format("cyd"))
    (place / "dot.py").write_text(SITE.format("dot"))
    for each in ("new", "old"):
        (place / "eve").mkdir(exist_ok=True)
        hand_in(place / "eve", each, each)
    result = labcheck("grade", "lab1", place, "--out", tmp_path / "out")
    notes = {
        "ada": "took webserver (1).py for webserver.py; left aside: webserver.py",
        "bob": "took lab/webserver - Copy.py for webserver.py",
        "Webserver": "took Webserver.py for webserver.py",
        "dot": "",
        "eve": "it contains different versions of webserver.py, in new/ and old/; submit only one",
    }
    found = grades(tmp_path / "out")
    assert {name: row["note"] for name, row in found.items()} == notes
    assert {name: row["score"] for name, row in found.items()} == {**dict.fromkeys(notes, "0"), "eve": ""}
    assert [name for name, note in notes.items() if f"{name}: {note}\n" in result.out] == ["eve"]
    again = labcheck("grade", "lab1", place, "--out", tmp_path / "out")
    assert grades(tmp_path / "out") == found
    assert again.out.splitlines()[-2:] == result.out.splitlines()[-2:]


@pytest.mark.everything
def test_wrong_programs_fail(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """In the sandbox for a class, a program that breaks a requirement fails that one and its consequences only."""
    lab = load_lab("lab1")
    chosen = {variant.fails: variant for variant in variants(lab)}
    chosen |= {variant.why: variant for variant in variants(lab) if variant.fails == "4.2"}
    for number, variant in enumerate(chosen.values()):
        (place / f"{number:02}").mkdir()
        variant.write(lab, place / f"{number:02}")
    labcheck("grade", "lab1", place, "--out", tmp_path / "out")
    wrong = []
    for variant, row in zip(chosen.values(), grades(tmp_path / "out").values(), strict=True):
        missed = {id for id in lab.requirements if row[id] != "1"}
        if missed != {variant.fails, *variant.also}:
            wrong.append((str(variant), sorted(missed)))
    assert wrong == []


def test_second_run_grades_only_changes(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """A graded submission is not graded again, even if it was renamed; a changed one is."""
    hand_in_many(place, 3)
    out = tmp_path / "out"
    assert labcheck("grade", "lab1", place, "--out", out).status == 0
    before = (out / "results.jsonl").read_bytes()
    (place / "student00").rename(place / "renamed")
    assert labcheck("grade", "lab1", place, "--out", out).status == 0
    assert (out / "results.jsonl").read_bytes() == before
    assert grades(out).keys() == {"renamed", "student01", "student02"}
    (place / "renamed" / "webserver.py").write_text("another text = 1")
    labcheck("grade", "lab1", place, "--out", out)
    assert (out / "results.jsonl").read_bytes().startswith(before)
    assert lines(out) == 4


def test_points_apply_to_what_is_graded(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """Points given to a graded class change its grades and grade nothing again, and a later run keeps them."""
    hand_in(place, "ann", SOLUTION.read_text("utf-8"))
    out, file = tmp_path / "out", tmp_path / "points.csv"
    file.write_text("requirement,points\n1.1,9\n1.9,2\n")
    assert "unknown requirement '1.9'" in labcheck("grade", "lab1", place, "--out", out, "--points", file).err
    assert not out.exists()
    assert labcheck("grade", "lab1", place, "--out", out).status == 0
    before = grades(out)["ann"]
    graded = (out / "results.jsonl").read_bytes()
    file.write_text("requirement,points\n1.1,9\n")
    for words in (["--points", file], []):
        assert labcheck("grade", "lab1", place, "--out", out, *words).status == 0
        now = grades(out)["ann"]
        assert [int(now[name]) - int(before[name]) for name in ("score", "max", "1.1", "1.2")] == [8, 8, 8, 0]
    assert (out / "results.jsonl").read_bytes() == graded


def test_higher_limits_are_tried_on_what_was_refused(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """What was too large, packed or not, is graded under higher limits; what has a grade is not graded again."""
    hand_in_many(place, 1)
    hand_in(place, "large", "print('large')\n")
    with (place / "large" / "video.mp4").open("wb") as file:
        file.truncate((32 << 20) + 1)
    with zipfile.ZipFile(place / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(place / "large" / "video.mp4", "video.mp4")
        archive.writestr("webserver.py", "print('packed')\n")
    out = tmp_path / "out"
    assert labcheck("grade", "lab1", place, "--out", out).status == 1
    told = grades(out)
    assert told["student00"]["score"]
    for name in ("large", "packed"):
        assert told[name]["score"] == ""
        assert "more than 32 MiB; submit only the lab's files (labcheck grade --limits 2 allows" in told[name]["note"]
    labcheck("grade", "lab1", place, "--out", out, "--limits", 2)
    assert all(row["score"] for row in grades(out).values())
    assert sorted(number for _, number in Counter(result.label for result in read(out)).items()) == [1, 2, 2]


def test_other_conditions_are_graded_again(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """With other options that decide a grade, a submission is graded again, once; the last result counts."""
    hand_in_many(place, 1)
    out = tmp_path / "out"
    graded = []
    for words in ((), ("--budget", 30), ("--budget", 30), ("--budget", 30, "--sandbox", "none")):
        labcheck("grade", "lab1", place, "--out", out, *words)
        graded.append(lines(out))
    assert graded == [1, 2, 2, 3]
    assert [result.conditions["budget"] for result in read(out)] == ["60", "30", "30"]
    assert len({result.record.seed for result in read(out) if result.record}) == 1


def test_name_of_a_file_counts_and_that_of_a_folder_does_not() -> None:
    """The note about a file names it; the name of a folder is only the label."""
    order = Order(load_lab("lab1"), Options())
    keys = [
        order.task(name, b"data", label)[0] for name, label in (("a.rar", "ada"), ("b.rar", "ada"), ("a.rar", "bob"))
    ]
    assert keys[0] == keys[2] != keys[1]
    assert order.task("ada.tar", b"data", "ada")[0] == order.task("bob.tar", b"data", "bob")[0]


def test_seed_comes_from_the_submission(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """Each submission has its own seed, the same in every run; --seed replaces all of them."""
    hand_in_many(place, 2)
    seeds = []
    for number, more in enumerate(((), (), ("--seed", 7))):
        out = tmp_path / f"out{number}"
        labcheck("grade", "lab1", place, "--out", out, *more)
        seeds.append({result.label: result.record.seed for result in read(out) if result.record})
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0].values())) == 2
    assert set(seeds[2].values()) == {7}


def test_roster_assigns_submissions_to_people(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """A person gets the grade of their only submission; none, several and unmatched submissions are reported."""
    hand_in_many(place, 2)
    hand_in(place, "Cyd Two", "raise SystemExit(1)")
    hand_in(place, "cyd@x.org", "raise SystemExit(2)")
    roster = tmp_path / "roster.csv"
    roster.write_text("Name,Email,ID\nstudent00,a@x.org,1\nAda Nothing,b@x.org,2\nCyd Two,cyd@x.org,3\n")
    out = tmp_path / "out"
    result = labcheck("grade", "lab1", place, "--out", out, "--roster", roster)
    found = grades(out)
    assert (found["student00"]["e-mail"], found["student00"]["score"]) == ("a@x.org", "0")
    assert found["Ada Nothing"]["note"] == "submitted nothing"
    assert found["student01"]["note"] == "matches nobody in the roster; did you mean student00?"
    assert "1 submitted nothing" in result.out
    assert result.status == 1
    one = [found["Cyd Two"], found.get("cyd@x.org")]
    assert any(row is not None and row["score"] == "" and "2 submissions" in row["note"] for row in one)


CANVAS = """Student,ID,SIS Login ID,Section,Lab 1 (77),Lab 2 (78)
    Points Possible,,,,50,10
"O’Hara, Ann",11,ann,A,,
"Bo, Bob",12,bob,A,,
"Day, Cyd",13,cyd,A,,
"""


def test_later_download_is_added(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """A late file alone replaces that student's grade; everybody else's, and the roster, are kept.

    The points are scaled to those that are possible in the roster's column, and people without a grade are left out.
    """
    roster, out, late = tmp_path / "class.csv", tmp_path / "out", tmp_path / "late"
    roster.write_text(CANVAS, "utf-8")
    (place / "oharaann_11_9001_webserver.py").write_text("raise SystemExit(1)")
    (place / "bobob_12_9002_webserver.py").write_text("raise SystemExit(2)")
    labcheck("grade", "lab1", place, "--out", out, "--roster", roster, "--column", "Lab 1")
    late.mkdir()
    shutil.copy(SOLUTION, late / "oharaann_LATE_11_9005_webserver-1.py")
    result = labcheck("grade", "lab1", late, "--out", out, "--canvas", tmp_path / "canvas.csv")
    assert "2 of 2 submissions graded · 1 submitted nothing" in result.out
    found = grades(out)
    assert [(found[name]["score"], found[name]["note"]) for name in ("O’Hara, Ann", "Bo, Bob", "Day, Cyd")] == [
        ("29", "late"), ("0", ""), ("", "submitted nothing"),
    ]  # fmt: skip
    rows = list(csv.reader((tmp_path / "canvas.csv").read_text("utf-8").splitlines()))
    assert [(row[1], row[-1]) for row in rows] == [("ID", "Lab 1 (77)"), ("", "50"), ("11", "50"), ("12", "0")]
    assert "points × 50 / 29" in (out / "class.html").read_text("utf-8")
    assert lines(out) == 3


def test_newest_of_a_download_is_graded(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """Of several files of a student, the newest counts by the platform's numbers, and the note names the others."""
    shutil.copy(SOLUTION, place / "annohara_LATE_11_9005_webserver-1.py")
    (place / "annohara_11_9001_webserver.py").write_text("raise SystemExit(1)")
    labcheck("grade", "lab1", place, "--out", tmp_path / "out")
    row = grades(tmp_path / "out")["annohara"]
    assert row["score"] == "29"
    assert "not graded, because older: annohara_11_9001_webserver.py" in row["note"]


def test_roster_can_be_corrected_without_the_submissions(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """`report --roster` assigns the submissions anew, and the result is kept."""
    hand_in(place, "Ann Ohara", "raise SystemExit(1)")
    roster, out = tmp_path / "class.csv", tmp_path / "out"
    roster.write_text("Name,Email\nAnne Ohara,a@x.org\n")
    assert labcheck("grade", "lab1", place, "--out", out, "--roster", roster).status == 1
    assert grades(out)["Anne Ohara"]["note"] == "no submission matches, but perhaps Ann Ohara"
    assert grades(out)["Ann Ohara"]["note"] == "matches nobody in the roster; did you mean Anne Ohara?"
    shutil.rmtree(place)
    roster.write_text("Name,Email\nAnn O'Hara,a@x.org\n")
    for words in (("--roster", roster), ()):
        assert labcheck("report", out, *words).status == 0
        assert [(row["student"], row["score"]) for row in grades(out).values()] == [("Ann O'Hara", "0")]


def test_only_one_student_is_graded_again(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """`--only-student` grades nobody else, `--again` also what has a grade; an unknown student is a usage error."""
    hand_in_many(place, 3)
    roster, out = tmp_path / "class.csv", tmp_path / "out"
    roster.write_text("Name,Login\nAnn,student00\nBob,student01\nCyd,student02\n")
    words = ("grade", "lab1", place, "--out", out, "--roster", roster)
    labcheck(*words, "--only-student", "student01")
    assert [result.label for result in read(out)] == ["student01"]
    labcheck(*words, "--only-student", "Bob", "--again")
    assert [result.label for result in read(out)] == ["student01", "student01"]
    assert {row["student"]: row["score"] for row in grades(out).values()} == {"Ann": "", "Bob": "0", "Cyd": ""}
    unknown = labcheck(*words, "--only-student", "student1")
    assert (unknown.status, unknown.err.count("\n")) == (2, 1)
    assert "no submission of 'student1' is there; did you mean student01" in unknown.err


def test_what_was_missing_is_named(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """Points that are missing because of a library or a file name are no silent zero."""
    hand_in(place, "ann", "import nothing_like_this\n")
    result = labcheck("grade", "lab1", place, "--out", tmp_path / "out")
    assert result.status == 1
    assert grades(tmp_path / "out")["ann"]["note"] == "needs a look: No module named 'nothing_like_this'"
    (place / "ann" / "webserver.py").unlink()
    shutil.copy(SOLUTION.parents[1] / "lab2" / "echo_server.py", place / "ann")
    labcheck("grade", "lab2", place, "--out", tmp_path / "out2")
    missing = ", ".join(f"{name}.py is missing" for name in ("echo_client", "chat_server", "chat_client"))
    assert grades(tmp_path / "out2")["ann"]["note"] == f"needs a look: {missing}"


def test_class_is_graded_by_the_active_environment(place: Path, tmp_path: Path) -> None:
    """The programs of a class run in the active virtual environment, as a single submission does."""
    hand_in_many(place, 1)
    venv.create(tmp_path / "venv", with_pip=False)
    package = next((tmp_path / "venv").glob("lib/*/site-packages")) / "only_here.py"
    package.write_text("raise SystemExit(7)")
    (place / "student00" / "webserver.py").write_text("import only_here")
    environment = {**os.environ, "VIRTUAL_ENV": str(tmp_path / "venv")}
    words = [sys.executable, "-P", "-m", "labcheck", "grade", "lab1", str(place), "--out", str(tmp_path / "out")]
    subprocess.run(words, env=environment, capture_output=True, check=True)
    assert grades(tmp_path / "out")["student00"]["note"] == ""


def test_shards_make_the_whole(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """Parts that are graded separately are merged into the same grades as from a single run."""
    hand_in_many(place, 5)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    labcheck("grade", "lab1", place, "--out", whole)
    for number in (1, 2, 3):
        assert labcheck("grade", "lab1", place, "--out", parts / str(number), "--shard", f"{number}/3").status == 0
        if number < 3:
            assert labcheck("grade", "lab1", place, "--out", parts, "--merge").status == 1
    merged = labcheck("grade", "lab1", place, "--out", parts, "--merge")
    assert merged.status == 0
    assert "5 of 5 submissions graded" in merged.out
    assert (parts / "grades.csv").read_bytes() == (whole / "grades.csv").read_bytes()
    assert sum(kinds(parts).values()) == 5


def test_shards_are_a_partition() -> None:
    """Each key is in exactly one part, and the sizes of the parts differ by at most one."""
    keys = {f"{number:x}" for number in range(100)}
    parts = [Shard(number, 7).takes(keys) for number in range(1, 8)]
    assert set().union(*parts) == keys
    assert sum(map(len, parts)) == 100
    assert {len(part) for part in parts} == {14, 15}


@pytest.mark.everything
def test_killed_run_can_be_resumed(place: Path, tmp_path: Path) -> None:
    """A run that is killed twenty times at random moments loses no result, and grades nothing twice."""
    hand_in_many(place, 24)
    out = tmp_path / "out"
    moments = random.Random(4711)
    kept = 0
    for _ in range(20):
        killed = started(place, out=out)
        with contextlib.suppress(subprocess.TimeoutExpired):
            killed.wait(moments.uniform(0.2, 1.2))  # not a wait for a condition: the random moment is what is tested
        killed.kill()
        killed.communicate()
        assert lines(out) >= kept
        kept = lines(out)
    last = started(place, out=out)
    assert "24 of 24 submissions graded" in last.communicate(timeout=100)[0]
    assert last.returncode == 0
    assert set(kinds(out).values()) == {1}
    assert len(grades(out)) == 24
    until(lambda: not graders_of(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
@pytest.mark.parametrize("is_all", [False, True], ids=["both", "all"])
def test_next_run_tidies_up_after_a_killed_one(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_all: bool
) -> None:
    """After SIGKILL of both processes of labcheck, and of all, the next run leaves no folder and no control group."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    for name in ("ada", "bob"):
        hand_in(place, name, f"{HANGS}# {name}\n")
    bulk = shutil.make_archive(str(tmp_path / "bulk"), "zip", place)
    killed = started(bulk, out=tmp_path / "out")
    until(lambda: killed.poll() is not None or descendants(killed.pid, 5))  # programs of students
    below = psutil.Process(killed.pid).children(recursive=True)
    victims = [psutil.Process(killed.pid), *(below if is_all else below[:1])]
    left = {folder.name for folder in temporary.iterdir()}
    for send in (psutil.Process.suspend, psutil.Process.kill):  # none of them sees another one end
        for each in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(each)
    said = killed.communicate()[0]
    assert killed.returncode == -signal.SIGKILL, said
    until(lambda: not any(alive(each.pid) for each in below))
    assert any(temporary.iterdir())
    for student in place.iterdir():
        (student / "webserver.py").write_text("raise SystemExit")
    last = started(shutil.make_archive(str(tmp_path / "bulk"), "zip", place), out=tmp_path / "out")
    assert "2 of 2 submissions graded" in last.communicate(timeout=100)[0]
    assert list(temporary.iterdir()) == []
    groups = [path.name for path in cgroup.ROOT.glob("**/labcheck-*")]
    assert [name for name in groups if name.removesuffix(cgroup.FOR_GRADER) in left] == []


def graders_of(place: Path) -> list[int]:
    """Return the processes that are still grading for a test."""
    marks = str(place)
    return [
        each.pid
        for each in psutil.process_iter(["cmdline"])
        if any(marks in word for word in each.info["cmdline"] or ())
    ]


def test_incomplete_line_is_removed(tmp_path: Path) -> None:
    """An incomplete last line is removed when the file is opened again; complete lines are kept."""
    (tmp_path / "results.jsonl").write_bytes(b'{"whole": 1}\n{"half": ' + b"x" * 200_000)
    Results(tmp_path).close()
    assert (tmp_path / "results.jsonl").read_bytes() == b'{"whole": 1}\n'


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")  # noqa: PTH110
def test_no_space_for_results(tmp_path: Path) -> None:
    """Results that cannot be written end the run with one line, which says that earlier ones are kept."""
    (tmp_path / "results.jsonl").symlink_to("/dev/full")
    results = Results(tmp_path)
    with pytest.raises(UsageError, match="No space left on device; what is graded so far is kept"):
        results.add(Graded("key", "ann", REFUSED, "empty"))
    results.close()


def test_two_runs_at_once(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """A second run with the same results folder is refused in one line; the first one continues."""
    hand_in(place, "slow", "import time; time.sleep(60)")  # keeps the first run busy
    out = tmp_path / "out"
    first = started(place, "--slow", 0.5, out=out)
    until(lambda: (out / "results.jsonl").exists())
    second = labcheck("grade", "lab1", place, "--out", out)
    assert first.poll() is None
    assert second.status == 2
    assert "another labcheck is writing" in second.err
    assert second.err.count("\n") == 1
    assert "1 of 1 submissions graded" in first.communicate(timeout=60)[0]


def test_ctrl_c_ends_cleanly(place: Path, tmp_path: Path) -> None:
    """After Ctrl+C, grades.csv has the results so far and no process is left; the same command resumes the run."""
    hand_in_many(place, 30)
    out = tmp_path / "out"
    interrupted = started(place, "--jobs", 1, out=out)  # slow enough to be interrupted before all are graded
    until(lambda: lines(out) > 2)
    below = psutil.Process(interrupted.pid).children(recursive=True)
    interrupted.send_signal(signal.SIGINT)
    text = interrupted.communicate(timeout=100)[0]
    assert interrupted.returncode == 130
    assert "Traceback" not in text
    assert len(grades(out)) == 30
    assert 2 < sum(row["score"] != "" for row in grades(out).values()) < 30
    assert {row["note"] for row in grades(out).values()} == {"", "not graded yet"}
    psutil.wait_procs(below, timeout=20)
    assert not any(alive(each.pid) for each in below)
    again = started(place, out=out)
    assert "30 of 30 submissions graded" in again.communicate(timeout=300)[0]
    assert set(kinds(out).values()) == {1}


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
@pytest.mark.everything
def test_killed_process_costs_only_a_retry(place: Path, tmp_path: Path) -> None:
    """If a fork server, a supervisor or a worker is killed during grading, every submission still gets its grade."""
    jobs, names = 2, [f"student{number:02}" for number in range(16)]
    for name in names:
        hand_in(place, name, f"{SOLUTION.read_text()}\n# {name}\n")
    out = tmp_path / "out"
    graded = started(place, "--jobs", jobs, out=out)
    until(lambda: lines(out))
    for generation in (2, 3, 4):
        until(partial(killed_one, graded.pid, generation))
        # There is only one retry, so no grading may be hit twice: wait for the results of all gradings that had begun,
        # including those whose results were not written yet.
        begun = set(names[: lines(out) + 2 * jobs])
        until(partial(have_results, begun, out), 90)
    text = graded.communicate(timeout=120)[0]
    assert graded.returncode == 0, text
    assert {row["score"] for row in grades(out).values()} == {"29"}


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_dead_fork_server_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed fork server is replaced as soon as its connection closes, even if its end is not yet reported."""
    graders, question = Graders(), Probe("lab1", Options())
    assert graders.ask(question).kind == "graded"
    (server,) = (
        each
        for each in psutil.Process().children()
        if each.status() != psutil.STATUS_ZOMBIE and "labcheck.isolated.fork_server" in " ".join(each.cmdline())
    )
    server.kill()
    until(lambda: server.status() == psutil.STATUS_ZOMBIE)
    monkeypatch.setattr(subprocess.Popen, "poll", lambda _: None)
    assert graders.ask(question).kind == "graded"
    graders.close()


def killed_one(pid: int, generation: int) -> bool:
    """Kill one process of the given generation, and return whether there was one to kill."""
    for victim in descendants(pid, generation):
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
            return True
    return False


def have_results(labels: set[str], out: Path) -> bool:
    """Return whether all the given submissions have a result."""
    return labels <= {result.label for result in read(out)}


def descendants(pid: int, generation: int) -> list[psutil.Process]:
    """Return a generation of a process's descendants: labcheck's second process, fork server, supervisors, workers."""
    found = [psutil.Process(pid)]
    for _ in range(generation):
        children = []
        for each in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                children += each.children()
        found = children
    return found


@pytest.mark.everything
def test_hanging_program_affects_no_other(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """A program that never responds is graded within its budget, and the others get their grades."""
    hand_in(place, "hangs", HANGS)
    hand_in(place, "right", SOLUTION.read_text())
    out = tmp_path / "out"
    labcheck("grade", "lab1", place, "--out", out)
    assert grades(out)["right"]["score"] == "29"
    assert int(grades(out)["hangs"]["score"]) < 5


HIDDEN = '''
from labcheck.suite import Draw, Server, requirement

@requirement("2.9", hints=["none"])
def test_page_has_a_status(server: Server, draw: Draw) -> None:
    """A made page answers {status}."""
    assert server.get(f"/{{draw.word()}}.zzz").status == {status}

@requirement("7.1", hints=["none"])
def test_says_hello(server: Server) -> None:
    """The first page answers 200."""
    assert server.get("/index.html").status in (200, 404)
'''


def test_own_checks_are_added(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """The instructor's own checks count like those of the lab, in an existing step or in a new one."""
    hand_in(place, "ada", SOLUTION.read_text())
    suite, out = tmp_path / "suite", tmp_path / "out"
    suite.mkdir()
    (suite / "test_more.py").write_text(HIDDEN.format(status=418))
    labcheck("grade", "lab1", place, "--out", out, "--suite", suite)
    row = grades(out)["ada"]
    assert (row["score"], row["max"], row["2.9"], row["7.1"]) == ("30", "31", "0", "1")
    record = next(read(out)).record
    assert record is not None
    assert next(each for each in record.requirements if each.id == "2.9").transcript


def test_hidden_checks_are_reported_by_title_only(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """A hidden check counts, but the report shows only its title and outcome."""
    hand_in(place, "ada", SOLUTION.read_text() + "\nprint('a word of its own')\n")
    suite, out = tmp_path / "suite", tmp_path / "out"
    suite.mkdir()
    (suite / "test_more.py").write_text(HIDDEN.format(status=418))
    labcheck("grade", "lab1", place, "--out", out, "--suite", suite, "--hidden")
    record = next(read(out)).record
    assert record is not None
    assert not record.all_passed
    hidden = next(each for each in record.requirements if each.id == "2.9")
    assert (hidden.hidden, hidden.outcome, hidden.earned) == (True, "failed", 0)
    assert not (hidden.expected or hidden.received or hidden.by_hand or hidden.transcript)
    assert not any(program.stdout or program.stderr for program in record.programs)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a file test_*.py"),
        ("x = 1", "@requirement"),
        (HIDDEN.replace("2.9", "2.3").format(status=418), "already has it"),
        (HIDDEN.replace("2.9", "more").format(status=418), "2.9"),
        ("import nothing_of_this_name", "cannot be imported"),
    ],
    ids=["no checks", "no mark", "a taken id", "no id", "broken"],
)
def test_invalid_own_checks_are_refused(labcheck: Labcheck, place: Path, tmp_path: Path, text: str, says: str) -> None:
    """Invalid checks of the instructor are refused in one line, before any submission is graded."""
    hand_in_many(place, 1)
    suite, out = tmp_path / "suite", tmp_path / "out"
    suite.mkdir()
    if text:
        (suite / "test_more.py").write_text(text)
    result = labcheck("grade", "lab1", place, "--out", out, "--suite", suite)
    assert result.status == 2
    assert says in result.err
    assert result.err.count("\n") == 1
    assert not out.exists()


def test_any_executor_can_be_used(place: Path, tmp_path: Path) -> None:
    """A ProcessPoolExecutor of the standard library grades as well as threads do."""
    hand_in_many(place, 3)
    submissions = Submissions.in_folder(Order(load_lab("lab1"), Options(protection="auto")), place)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = list(run(submissions.tasks(set(submissions.keys)), executors.Workers(pool, lambda running: 2)))
    assert sorted((result.label, result.kind) for result in found) == [
        (f"student0{number}", "graded") for number in range(3)
    ]


def test_executor_that_fails_loses_its_task_only(place: Path) -> None:
    """If an executor raises an exception for a task, every task still gets a result."""
    hand_in_many(place, 3)
    submissions = Submissions.in_folder(Order(load_lab("lab1"), Options(protection="no such kind")), place)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        tasks = list(submissions.tasks(set(submissions.keys)))
        pool.submit(os._exit, 1)
        found = list(run(iter(tasks), executors.Workers(pool, lambda running: 1)))
    assert {result.kind for result in found} == {"broken"}
    assert len(found) == 3


@pytest.mark.everything
def test_cluster_loses_a_worker_and_no_grade(place: Path, tmp_path: Path) -> None:
    """Two workers of a dask cluster share a class; one is killed halfway, and every submission gets its grade."""
    pytest.importorskip("distributed")
    for number in range(8):
        hand_in(place, f"student{number}", f"{SOLUTION.read_text()}\n# {number}\n")
    out = tmp_path / "out"
    with cluster(2) as (address, workers):
        graded = started(place, "--cluster", address, out=out)
        until(lambda: lines(out) >= 3 or graded.poll() is not None, 90)
        kill_tree(workers[0])
        text = graded.communicate(timeout=120)[0]
    assert graded.returncode == 0, text
    assert {row["score"] for row in grades(out).values()} == {"29"}
    assert set(kinds(out).values()) == {1}


@pytest.mark.everything
def test_cluster_loses_its_scheduler(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """If the scheduler ends, the run ends soon, with one line, status 3, and reports of what is graded; it resumes."""
    pytest.importorskip("distributed")
    for number in range(8):
        hand_in(place, f"student{number}", f"{SOLUTION.read_text()}\n# {number}\n")
    out = tmp_path / "out"
    with cluster(1) as (address, _):
        graded = started(place, "--cluster", address, out=out)
        until(lambda: lines(out) or graded.poll() is not None, 90)
        for each in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):  # one of an earlier test, which has just ended
                if any("dask_scheduler" in word for word in each.cmdline()):
                    each.kill()
        text = graded.communicate(timeout=60)[0]
    assert graded.returncode == 3, text
    assert re.search(
        r"^labcheck: lost the connection to the dask scheduler at tcp:\S+; what is graded is kept", text, re.M
    )
    assert not re.search(r"Traceback|ERROR", text)
    assert len(grades(out)) == 8
    kept = (out / "results.jsonl").read_bytes()
    with cluster(1) as (address, _):
        assert labcheck("grade", "lab1", place, "--out", out, "--cluster", address).status == 0
    assert set(kinds(out).values()) == {1}
    assert lines(out) == 8
    assert (out / "results.jsonl").read_bytes().startswith(kept)


def test_missing_cluster_is_a_usage_error(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """An address without a dask scheduler is a usage error."""
    pytest.importorskip("distributed")
    hand_in_many(place, 1)
    result = labcheck("grade", "lab1", place, "--out", tmp_path / "out", "--cluster", "no address")
    assert result.status == 2
    assert "cannot connect to a dask scheduler at no address" in result.err


def test_missing_dask_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dask, the message is one line with the command that installs it."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError) as refused, executors.workers_for(1, "tcp://scheduler:8786"):
        pass
    assert str(refused.value) == f"--cluster needs dask; run: {extras.command('cluster')}"


def test_without_protection_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a machine offers no protection, the error says why, how to get one, and how to run without."""

    def refuse(_: ForkServer, request: Probe, listener: object) -> Reply:
        return Reply("broken", f"no {request.options.protection} today")

    monkeypatch.setattr(ForkServer, "ask", refuse)
    graders = Graders()
    with pytest.raises(UsageError, match=r"no namespaces today.*bubblewrap.*--sandbox none"):
        graders.protection("lab1", sys.executable)
    graders.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has bubblewrap and Landlock")
def test_strongest_protection_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, open_python: str) -> None:
    """Namespaces are used if bubblewrap is installed, otherwise Landlock; each is tried first."""
    need("bwrap")
    graders = Graders()
    assert graders.protection("lab1", sys.executable) == "namespaces"
    graders.close()
    for tool in ("prlimit", "setpriv"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    monkeypatch.setenv("PATH", str(tmp_path))
    server = ForkServer("lab1", sys.executable)
    reply = server.ask(Probe("lab1", Options(protection="namespaces")))
    server.close()
    assert reply == Reply("broken", "bwrap is not installed")
    graders = Graders()
    assert graders.protection("lab1", open_python) == "landlock"
    graders.close()


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_request_that_is_never_sent(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If a client is interrupted before it has sent its request, the supervisor ends without a traceback."""
    server, question = ForkServer("lab1", sys.executable), Probe("lab1", Options())
    with monkeypatch.context() as patch:
        patch.setattr("labcheck.isolated.task.pickle", None)
        with pytest.raises(AttributeError):
            server.ask(question)
    assert server.ask(question).kind == "graded"
    server.close()
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["lab9", "x", "--out", "o"], "lab9"),
        (["lab1", "x"], "--out"),
        (["lab1", "nowhere", "--out", "o"], "nowhere"),
        (["lab1", "empty", "--out", "o"], "no submissions"),
        (["lab1", ".", "--out", "o", "--shard", "4/3"], "4/3"),
        (["lab1", ".", "--out", "o", "--jobs", "0"], "'0'"),
        (["lab1", ".", "--out", "o", "--hidden"], "--suite"),
        (["lab1", ".", "--out", "o", "--merge", "--shard", "1/2"], "--merge"),
        (["lab1", "empty", "--out", "o", "--roster", "nobody.csv"], "nobody.csv"),
        (["lab1", "empty", "--out", "o", "--merge"], "folder o does not exist"),
        (["lab1", ".", "--out", "o"], "must not be inside each other"),
        (["lab1", "empty", "--out", "."], "must not be inside each other"),
        (["lab1", "empty", "--out", "empty/../empty"], "must not be inside each other"),
        (["lab1", ".", "--out", "o", "--sandbox", "strong"], "strong"),
    ],
)
def test_wrong_usage_is_reported_in_one_line(labcheck: Labcheck, tmp_path: Path, words: list[str], says: str) -> None:
    """Invalid arguments get a one-line error message and exit status 2."""
    (tmp_path / "empty").mkdir()
    result = labcheck("grade", *words, cwd=tmp_path)
    assert result.status == 2
    assert says in result.err
    assert result.err.count("\n") == 1


def test_progress_is_printed_in_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal, lines show the number of graded submissions, the rate and the remaining time."""
    monkeypatch.setattr(progressing, "PRINT_EVERY", 0.0)
    with progressing.Progress(2) as progress:
        progress.advance()
        progress.advance()
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(" · ")[0] for line in printed] == ["1 of 2 graded", "2 of 2 graded"]
    assert all("a second" in line and "s left" in line for line in printed)


def test_bug_in_an_own_check_leaves_the_grades_open(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """It gives nobody a point and costs nobody one: there is no grade, and the instructor hears what went wrong.

    The grading is tried again, and so is it by the next run; when the check is right, there is a grade.
    """
    hand_in(place, "zoe", SOLUTION.read_text())
    hand_in(place, "bob", "raise SystemExit(1)\n")  # its program does not even start
    suite, out = tmp_path / "suite", tmp_path / "out"
    suite.mkdir()
    check, tries = suite / "test_more.py", tmp_path / "tries"
    right = HIDDEN.format(status=200)
    broken = f"    open({str(tries)!r}, 'a').write('x')\n    1 / 0\n"
    check.write_text(right.replace('    assert server.get(f"', f'{broken}    assert server.get(f"'))
    words = ("grade", "lab1", place, "--out", out, "--suite", suite, "--sandbox", "none", "--json", tmp_path / "c.json")
    result = labcheck(*words)
    assert result.status == 3
    assert list(grades(out)) == ["zoe", "bob"]
    open_one = grades(out)["zoe"]
    assert (open_one["score"], open_one["max"], open_one["2.9"], open_one["2.1"]) == ("", "", "", "1")
    assert re.search(
        r"^open: 2.9 could not be checked: the check itself raised ZeroDivisionError.* \(test_more.py, line \d+\); .*"
        r"its author; 30 of 31 points without it$",
        open_one["note"],
    )
    assert "1 × could not be checked: the check itself raised ZeroDivisionError" in result.out
    assert "ZeroDivisionError" in next(each for each in read(out) if each.label == "zoe").faults[0]
    assert grades(out)["bob"]["score"] == "0"
    assert tries.read_text() == "xx"
    table = json.loads((tmp_path / "c.json").read_text())
    assert [(each["name"], each["score"], each["open"]) for each in table["students"]] == [
        ("zoe", None, True), ("bob", 0, False),
    ]  # fmt: skip
    assert labcheck(*words).status == 3
    assert tries.read_text() == "xxxx"
    check.write_text(right)
    assert labcheck(*words).status == 0
    assert grades(out)["zoe"]["score"] == "31"


def test_only_own_files_are_read_as_results(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """A file of a student beside the results is not taken for them."""
    hand_in(place, "ada", SITE.format(1))
    out = tmp_path / "out"
    assert labcheck("grade", "lab1", place, "--out", out).status == 0
    (forged,) = read(out)
    assert forged.record is not None
    for each in forged.record.requirements:
        each.outcome, each.earned = Outcome.PASSED, each.points
    (out / "zz").mkdir()
    for name in ("more.jsonl", "results-1.jsonl", "results.jsonl.jsonl", "my-results.jsonl"):
        (out / "zz" / name).write_text(forged.to_json())
    assert labcheck("report", out).status == 0
    assert grades(out)["ada"]["score"] == "0"


def test_deleted_submission_affects_no_other(place: Path, tmp_path: Path) -> None:
    """A submission that is deleted before its turn is not graded; the others are."""
    hand_in_many(place, 3)
    (place / "archive.zip").write_bytes(b"PK")
    submissions = Submissions.in_folder(Order(load_lab("lab1"), Options(protection="auto")), place)
    (place / "archive.zip").unlink()
    assert [task.label for _, task in submissions.tasks(set(submissions.keys))] == [
        "student00",
        "student01",
        "student02",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows file names that are not UTF-8")
def test_name_that_is_not_utf_8_is_graded(labcheck: Labcheck, place: Path, tmp_path: Path) -> None:
    """A submission whose name is not UTF-8 is graded like any other."""
    file = os.fsencode(place) + b"/\xff\xfe.py"
    with open(file, "w") as target:  # noqa: PTH123, pathlib does not accept bytes
        target.write(SITE.format(0))
    (place / os.fsdecode(b"b.\xff")).write_text("not an archive")
    out = tmp_path / "out"
    result = labcheck("grade", "lab1", place, "--out", out)
    assert result.status == 1
    assert "1 of 2 submissions graded" in result.out
    assert len(grades(out)) == 2
