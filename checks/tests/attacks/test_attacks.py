"""Malicious programs: what each attack tries, the grade it gets, and that it harms nothing else.

All attacks that are safe to run side by side are graded as one class, with honest submissions among them: once under
the strongest protection, and once, in a milder form, without any. An attack that does no harm there proves nothing.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import mmap
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from conftest import CHECKOUT, OUTSIDE, TESTS, is_reachable, libraries, need, not_passed, open_to_all
from conftest import Result as CommandResult
from labcheck.classes.results import read
from labcheck.errors import HttpError
from labcheck.protocols.http.answer import MAX_PAGE, Answer, numbers
from labcheck.record.record import Outcome, Record
from labcheck.record.result import GRADED, REFUSED, Result
from labcheck.reports.cells import to_cells
from labcheck.reports.one import html
from labcheck.reports.terminal import lines
from labcheck.sandbox.cgroup import Group
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the protections need Linux")

HERE = TESTS / "attacks" / "submissions"
SOLUTION = CHECKOUT / "solutions" / "lab1" / "webserver.py"
STARTER = CHECKOUT / "labs" / "lab1" / "webserver.py"
ALL = set(load_lab("lab1").requirements)
NOBODY = 65534
MIB = 1 << 20
MOST_TAKEN = 4 << 30  # bytes of memory that all attacks, and the tests running beside them, may use
AT_HAND = 3 << 30  # bytes: more than two attacks use at the same time
MOST_TOOK = 1500  # MiB that one attack may use: the guard's limit, plus the growth between two measurements
HELD_UP = 5  # seconds that a grading may take after its budget is used up
MOST_LINE = 20_000_000  # characters of a line of results.jsonl
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
CALLS = {b"tcp 127.0.0.1", b"udp 127.0.0.1", b"abstract"}
POISONED_LABEL = "<img src=x onerror=alert(3)>\x1b[31m"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def ids(text: str) -> set[str]:
    """Return the requirements in a text such as `1.3 2`, where `2` is a whole step."""
    return {id for id in ALL for word in text.split() if id == word or id.split(".")[0] == word}


@dataclass(frozen=True)
class Attack:
    """The expected result of an attack: the requirements that fail, and what the attack prints.

    - `must_fail`: requirements that always fail.
    - `may_fail`: further requirements that may fail, because the attack can harm itself.
    - `says`, `never`: regular expressions that its output under protection must, or must not, match.
    - `most`: for a word in its output, the largest number that may follow it.
    - `unprotected`: regular expressions for its output without protection; None: it is not run without protection.
    """

    must_fail: set[str] = field(default_factory=set)
    may_fail: set[str] = field(default_factory=set)
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    most: dict[str, int] = field(default_factory=dict)
    unprotected: tuple[str, ...] | None = None
    verdict: str = "ready"


ATTACKS = {
    "rewrites_results": Attack(unprotected=()),
    "reads_everything": Attack(
        says=(r"LOOKED \d{4}",),
        never=("FOUND",),
        unprotected=("FOUND suite", "FOUND solution", "FOUND another", "FOUND results", "FOUND environment"),
    ),
    "kills_everything": Attack(
        says=("SAW",), never=("SENT", "TRACED", "OPENED"), unprotected=("SENT 9", "TRACED", "OPENED")
    ),
    "fills_the_disk": Attack(
        says=("No space left on device", "Read-only file system|Permission denied"),
        most={"WROTE": 110},
        unprotected=("WROTE 100",),
    ),
    "makes_many_files": Attack(says=(r"MADE 1\d{4}\b",), most={"MADE": 20_000}, unprotected=("MADE 1000",)),
    "takes_all_memory": Attack(ids("1.3 1.4 5 6"), most={"TOOK": MOST_TOOK}, verdict="took too much memory"),
    "memory_of_many": Attack(ALL, verdict="took too much memory"),
    "forks_without_end": Attack(says=(r"STARTED \d\d",), most={"STARTED": 256}, unprotected=("STARTED 100",)),
    "threads_without_end": Attack(says=(r"STARTED \d\d",), most={"STARTED": 256}, unprotected=("STARTED 100",)),
    "opens_all_files": Attack(says=(r"OPENED \d{3}",), most={"OPENED": 1024}),
    "prints_without_end": Attack(says=("x{1000}",), unprotected=("x{1000}",)),
    "raises_limits": Attack(
        says=("REFUSED AS", "REFUSED NPROC", "REFUSED FSIZE"), never=("RAISED",), unprotected=("RAISED AS",)
    ),
    "reaches_the_network": Attack(never=("REACHED",), unprotected=("REACHED 127", "REACHED abstract")),
    "forges_the_report": Attack(says=("FORGED", "29 passed in"), unprotected=("FORGED",)),
    "poisons_the_report": Attack(ids("2.3 2.4 3.7 5.1 5.2"), says=("POISONED",), unprotected=("POISONED",)),
    "brings_its_own_python": Attack(unprotected=()),
    "hides_a_library": Attack(ALL, verdict="hides a library"),
    "never_answers": Attack(ALL - ids("1.1 1.2"), verdict="accepts connections, but never answers"),
    "changes_its_own_file": Attack(says=("CHANGED",), unprotected=("CHANGED",)),
    "swaps_its_site": Attack(ids("5.3 6.1 6.2 6.3"), says=("SWAPPED",)),
    "unshares_namespaces": Attack(never=("MOUNTED proc",)),
    "keeps_all_ports": Attack(may_fail=ids("1.3 1.4"), says=("HELD",)),  # its own programs get no port either
}


SPOILS = "spoils_the_client"
TRICKS = {  # the attack, its variant, what it prints after the attack, and the requirements that must not earn points
    "charset that always fails": (SPOILS, "charset that always fails", "Started", ids("2.2 2.3 3.1 3.7 4.1 5.1 5.3")),
    "charset with a NUL": (SPOILS, "charset with a NUL", "Started", ids("2.2 2.3 3.1 3.7 4.1 5.1 5.3")),
    "number of 5,000 digits": (SPOILS, "number of 5,000 digits", "Started", ids("2.2 2.3 3.1 3.7 4.1 5.1 5.3")),
    "process name that is not text": (SPOILS, "process name that is not text", "Started", ids("1.3")),
    "deep tree of folders": ("makes_a_deep_tree", "", "MADE", set()),
    "ports of the next start": ("takes_the_ports_of_the_next_start", "", "HELD", ALL - ids("1.1 1.2")),
}
WAYS = ("siblings", "vfork", "orphans", "machine code")
MEMORIES = ("memory_files", "shared_pages", "forgotten_pages", "system_v", "sockets", "own_file_system")
SLOW_PAGES = {
    "endless comments": ("text/html", b"<!--" * 500_000),
    "charset punycode": ("text/html; charset=punycode", b"a" * 30 + b"-" + b"a" * 2_000_000),
    "charset idna": ("text/html; charset=idna", b"xn--" + b"a" * 2_000_000),
    "endless titles": ("text/html", b"<title>" * 290_000),
    "endless tags": ("text/html", b"<a" * 1_000_000),
    "endless entities": ("text/html", b"&#" * 1_000_000),
    "endless numbers": ("text/html", b"1 " * 1_000_000),
    "different numbers": ("text/html", b" ".join(b"%d" % number for number in range(300_000))),
    "endless escapes": ("text/html", b"&lt;" * 500_000),
    "endless attributes": ("text/html", b"<a" + b" x=1" * 500_000),
}
READS = """
import re, sys, time
from labcheck.protocols.http.answer import Answer, numbers
from labcheck.suites.lab1.markup import tags_with
body = sys.stdin.buffer.read()
text = body.decode("latin-1")

def seconds(work):
    begin = time.process_time()
    work()
    return time.process_time() - begin

def read():
    answer = Answer(200, "OK", [("Content-Type", sys.argv[1])], body, len(body), 0.0)
    str(answer), "x" in answer.shown, numbers(answer), tags_with("xyz", answer.source.folded)

usual = max(0.02, seconds(lambda: re.findall("[a-z]+|.", "some words " * (len(body) // 11))))
print(seconds(read) / usual)
"""
MOST_TIMES = 40  # times that splitting a page of words of the same size takes; 5 where this was measured
MOST_MEMORY = 300  # MiB that reading a page may take


ARCHIVES = ("climbs.zip", "absolute.zip", "bomb.zip", "link.tar.gz", "hard_link.tar.gz")
POISONED_NAMES = ("=cmd|' -C calc'!A0", "@SUM(A1)", "+1+1", "-1-1", "\x1b[31mred\x9b1m", "<img src=x onerror=alert(3)>")


class Receiver:
    """Listens on the addresses that an attack could connect to, and records what arrives."""

    def __init__(self, mark: str) -> None:
        self.heard: set[bytes] = set()
        self.abstract = f"labcheck-{mark}"
        addresses = [
            each.address
            for name, known in psutil.net_if_addrs().items()
            for each in known
            if each.family == socket.AF_INET and not each.address.startswith("127.")
        ]
        self.hosts = ["127.0.0.1", *addresses[:1]]
        self._tcp, self._unix = socket.create_server(("", 0)), socket.socket(socket.AF_UNIX)
        self._unix.bind("\0" + self.abstract)
        self._unix.listen()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("", 0))
        self.tcp, self.udp = self._tcp.getsockname()[1], self._udp.getsockname()[1]
        self._listeners = [
            threading.Thread(target=self._accept, args=(self._tcp,)),
            threading.Thread(target=self._accept, args=(self._unix,)),
            threading.Thread(target=self._receive),
        ]
        for each in self._listeners:
            each.start()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                with client:
                    client.settimeout(2)
                    with contextlib.suppress(OSError):
                        self.heard.add(client.recv(100))

    def _receive(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._udp.recv(100):
                self.heard.add(data)

    def close(self) -> None:
        """Stop listening."""
        for sock in (self._tcp, self._unix, self._udp):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes up the waiting thread
            sock.close()
        for each in self._listeners:
            each.join()


class Memory:
    """Measures the least memory that the machine has available until it is stopped, in bytes."""

    def __init__(self) -> None:
        self.before = self.least = psutil.virtual_memory().available
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._stopped.wait(0.05):
            self.least = min(self.least, psutil.virtual_memory().available)

    def stop(self) -> None:
        """Stop measuring."""
        self._stopped.set()
        self._thread.join()


class Class:
    """A class with attacks in it, their configuration, and everything that can be observed from outside."""

    def __init__(self, place: Path, sandbox: str) -> None:
        self.place, self.sandbox = place, sandbox
        self.mark = f"att{os.urandom(4).hex()}"
        self.folder, self.out, self.prey, self.temporary = (
            place / name for name in ("class", "out", "prey", "temporary")
        )
        for folder in (self.folder, self.out, self.prey, self.temporary):
            folder.mkdir()
        self.canary = place / "canary"
        self.canary.touch()
        for name in ("results.jsonl", "grades.csv"):
            (self.prey / name).write_text("as it was\n")
        self.labels: dict[str, str] = {}  # name of an attack or an honest submission -> its label
        self.receiver = Receiver(self.mark)
        self._decoys = [
            subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={"ATTACK_SECRET": "x"})
            for _ in range(2)
        ]

    def close(self) -> None:
        """Stop the receiver and the decoy processes."""
        self.receiver.close()
        for decoy in self._decoys:
            decoy.kill()
            decoy.communicate()

    @property
    def has_killed(self) -> bool:
        """Whether an attack has killed an unrelated process."""
        return self._decoys[0].poll() is not None

    def add(self, name: str, label: str = "", trick: str = "") -> None:
        """Submit an attack."""
        self.labels[name] = label or f"{len(self.labels):02} {name}"
        folder = self.folder / self.labels[name]
        shutil.copytree(HERE / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for source, to in ((SOLUTION, "solution"), (STARTER, "starter"), (HERE / "attack.py", "attack")):
            shutil.copy(source, folder / f"{to}.py")
        # Without protection, an attack on self.out would stop labcheck itself.
        prey = [self.prey, self.out] if self.sandbox == "auto" else [self.prey]
        config = {
            "mark": self.mark,
            "canary": str(self.canary),
            "prey": list(map(str, prey)),
            "roots": list(map(str, (load_lab("lab1").suite, SOLUTION.parents[1], self.folder, self.out, self.prey))),
            "victims": [self._decoys[name == "reads_everything"].pid],
            "hosts": self.receiver.hosts,
            "tcp": self.receiver.tcp,
            "udp": self.receiver.udp,
            "abstract": self.receiver.abstract,
            "trick": trick,
        }
        (folder / "config.json").write_text(json.dumps(config))
        if name == "brings_its_own_python":
            self._set_traps(folder)

    def _set_traps(self, folder: Path) -> None:
        trap = f"open({str(self.place / 'escaped')!r}, 'a').write(__name__)\nraise SystemExit('trapped')\n"
        for name in ("conftest", "sitecustomize", "usercustomize", "labcheck", "websockets", "pytest", "psutil"):
            (folder / f"{name}.py").write_text(trap)
        (folder / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
        (folder / "lab.toml").write_text('title = "mine"\n')

    def add_honest(self, source: Path = SOLUTION, label: str = "") -> None:
        """Submit a harmless program that differs from all other submissions."""
        label = label or f"{len(self.labels):02} honest"
        self.labels[label] = label
        (self.folder / label).mkdir()
        shutil.copy(source, self.folder / label / "webserver.py")
        (self.folder / label / "note.txt").write_text(f"marker of another submission, {label}\n")

    def grade(self, labcheck: Callable[..., CommandResult], *words: object) -> CommandResult:
        """Grade all submissions, and observe the machine while that runs."""
        watched = (load_lab("lab1").suite, SOLUTION.parents[1], CHECKOUT / "labs", self.folder, self.prey)
        before, memory = fingerprint(*watched), Memory()
        try:
            result = labcheck(
                *("grade", "lab1", self.folder, "--out", self.out, "--sandbox", self.sandbox, "--budget", 25, *words),
                TMPDIR=str(self.temporary),
                ATTACK_SECRET="x",
            )
        finally:
            memory.stop()
        self.changed = {path for path, digest in fingerprint(*watched).items() if before.get(path) != digest}
        self.taken = memory.before - memory.least
        self.left = [each.info for each in psutil.process_iter(["pid", "name"]) if each.info["name"] == self.mark]
        self.results = {each.label: each for each in read(self.out)}
        return result

    def result(self, name: str) -> Result:
        """Return the result of a submission."""
        return self.results[self.labels[name]]


def fingerprint(*folders: Path) -> dict[Path, str]:
    """Return the digest of each file in the given folders, except in __pycache__."""
    return {
        file: hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.fixture(scope="module")
def memory_at_hand() -> None:
    """Touch the machine's memory first, so that an attack is stopped for its memory use, not for being slow.

    A new virtual machine gets its memory from its host on first use, which took five seconds per GiB where this was
    measured. An attack would then reach its time limit before its memory limit.
    """
    some = min(AT_HAND, psutil.virtual_memory().available // 2) // mmap.PAGESIZE * mmap.PAGESIZE
    with contextlib.closing(mmap.mmap(-1, some)) as memory:
        memory[:: mmap.PAGESIZE] = bytes(some // mmap.PAGESIZE)


@pytest.fixture
def a_class(tmp_path: Path) -> Iterator[Callable[[str], Class]]:
    """Return a function that makes a class to be graded under the given protection."""
    with contextlib.ExitStack() as stack:

        def make(sandbox: str) -> Class:
            if sandbox == "auto":
                need("bwrap")
            return stack.enter_context(contextlib.closing(Class(tmp_path / "class", sandbox)))

        (tmp_path / "class").mkdir()
        yield make


@pytest.mark.everything
@pytest.mark.usefixtures("memory_at_hand")
def test_protected_class_gets_the_right_grades(
    labcheck: Callable[..., CommandResult], a_class: Callable[[str], Class]
) -> None:
    """Under protection, each attack gets its expected grade, honest submissions all points, and nothing is harmed."""
    attacked = a_class("auto")
    attacked.add_honest(STARTER, "starter")
    for place, name in enumerate(ATTACKS):
        attacked.add(name, POISONED_LABEL if name == "poisons_the_report" else "")
        if place % 4 == 0:
            attacked.add_honest()
    submit_archives(attacked)
    for name in POISONED_NAMES:
        attacked.add_honest(label=name)
    result = attacked.grade(labcheck)
    complaints = [f"exit status {result.status}: {result.out}{result.err}"] if result.status != 1 else []
    complaints += about_grades(attacked)
    complaints += about_archives(attacked)
    complaints += about_reports(attacked, result)
    complaints += [f"{path} was changed" for path in attacked.changed]
    complaints += [f"process {each} is left over" for each in attacked.left]
    complaints += [f"file {each} is left over" for each in attacked.temporary.iterdir()]
    complaints += [f"{each} was written" for each in attacked.place.parent.rglob("*escaped*")]
    complaints += [f"{data!r} was received" for data in attacked.receiver.heard]
    complaints += ["a process outside was killed"] if attacked.has_killed else []
    complaints += [f"{attacked.taken / MIB:.0f} MiB were used"] if attacked.taken > MOST_TAKEN else []
    assert not complaints, "\n".join(complaints)


def test_attack_on_the_suite_searches_for_text_that_is_in_it() -> None:
    """The submission that searches for the suite would recognize it."""
    searched = re.search(r'"suite": "(.*)" \+ "(.*)"', (HERE / "reads_everything" / "webserver.py").read_text("utf-8"))
    assert searched is not None
    suite = CHECKOUT / "checks" / "labcheck" / "suites" / "lab1"
    assert "".join(searched.groups()) in (suite / "material.py").read_text("utf-8")


@pytest.mark.everything
def test_unprotected_class_is_harmed(labcheck: Callable[..., CommandResult], a_class: Callable[[str], Class]) -> None:
    """Without protection, the same attacks succeed; still, honest grades are right and no process is left over."""
    attacked = a_class("none")
    attacked.add_honest(STARTER, "starter")
    for name, attack in ATTACKS.items():
        if attack.unprotected is not None:
            attacked.add(name)
    attacked.add_honest()
    attacked.grade(labcheck)
    complaints = [
        f"{name} did not print {words!r}, but {said(attacked.result(name).record)!r}"
        for name, attack in ATTACKS.items()
        for words in attack.unprotected or ()
        if not re.search(words, said(attacked.result(name).record))
    ]
    complaints += [f"{data!r} was not received" for data in CALLS - attacked.receiver.heard]
    complaints += [] if attacked.has_killed else ["no process outside was killed"]
    complaints += [f"{file} was not rewritten" for file in attacked.prey.iterdir() if "FORGED" not in file.read_text()]
    complaints += [f"process {each} is left over" for each in attacked.left]
    complaints += [f"file {each} is left over" for each in attacked.temporary.iterdir()]
    complaints += [f"{each} was written" for each in attacked.place.parent.rglob("*escaped*")]
    complaints += about_the_honest(attacked)
    assert not complaints, "\n".join(complaints)


def test_occupied_ports_are_free_for_the_next_submission(
    labcheck: Callable[..., CommandResult], a_class: Callable[[str], Class]
) -> None:
    """A daemon that occupies every port does not occupy them for the next submission."""
    attacked = a_class("auto")
    attacked.add("keeps_all_ports")
    attacked.add_honest()
    result = attacked.grade(labcheck, "--jobs", 1)
    assert result.status == 0, result.out + result.err
    assert re.search(r"HELD 1[12]\d{3}", said(attacked.result("keeps_all_ports").record))
    assert [*about_the_honest(attacked)] == []  # the attack itself may lose points
    assert attacked.left == []


def about_grades(attacked: Class) -> Iterator[str]:
    """Yield a complaint for each attack with an unexpected grade or unexpected output."""
    starter = attacked.result("starter").record
    assert starter is not None
    for name, attack in ATTACKS.items():
        result = attacked.result(name)
        if result.record is None:
            yield f"{name} is {result.kind}: {result.reason}"
            continue
        if result.record.sandbox != "namespaces":
            yield f"{name} ran under {result.record.sandbox}"
        must_fail = not_passed(starter) if name == "forges_the_report" else attack.must_fail
        found = {each.id: each.outcome for each in result.record.requirements if each.outcome is not Outcome.PASSED}
        if not set(must_fail) <= set(found) <= {*must_fail, *attack.may_fail}:
            yield f"{name}: {found}, but {sorted(must_fail)} should fail"
        if result.record.of(Outcome.ERROR):
            yield f"{name} caused internal errors"
        if result.record.programs[0].verdict != attack.verdict:
            yield f"{name}: {result.record.programs[0].verdict}"
        text = said(result.record)
        yield from (
            f"{name} did not print {words!r}, but {text!r}" for words in attack.says if not re.search(words, text)
        )
        yield from (f"{name} printed {found}" for words in attack.never for found in re.findall(f"{words}.*", text))
        for word, most in attack.most.items():
            taken = [int(number) for number in re.findall(rf"{word} (\d+)", text)]
            if not taken or max(taken) > most:
                yield f"{name} should print numbers up to {most} after {word}: {taken}"
    yield from about_the_honest(attacked)


def about_the_honest(attacked: Class) -> Iterator[str]:
    """Yield a complaint for each harmless submission that did not get all points."""
    for label in attacked.labels:
        result = attacked.results.get(label)
        if label in {*ATTACKS, "starter"}:
            continue
        if result is None or result.record is None or result.record.score != len(ALL):
            why = result and (result.reason or (result.record and not_passed(result.record)))
            yield f"{label} did not get all points: {why}"


def about_archives(attacked: Class) -> Iterator[str]:
    """Yield a complaint for each archive that was not refused, and for a notebook that did not get all points."""
    for name in ARCHIVES:
        result = attacked.results[name.partition(".")[0]]
        if result.kind != REFUSED:
            yield f"{name} is {result.kind}"
    notebook = attacked.results["notebook"].record
    if notebook is None or notebook.score != len(ALL):
        yield f"the notebook: {attacked.results['notebook']}"


def about_reports(attacked: Class, result: CommandResult) -> Iterator[str]:
    """Yield a complaint for everything in a report that a reader could take for a formula, a command or markup."""
    for text in (result.out, result.err):
        yield from (f"the terminal gets {found!r}" for found in CONTROLS.findall(text))
    table = (attacked.out / "grades.csv").read_text("utf-8-sig")
    yield from (
        f"a cell is {cell!r}" for row in csv.reader(io.StringIO(table)) for cell in row if cell.startswith(DANGEROUS)
    )
    yield from (f"grades.csv contains {found!r}" for found in CONTROLS.findall(table))
    if len(list(csv.reader(io.StringIO(table)))) != len(list(attacked.folder.iterdir())) + 1:
        yield "grades.csv does not have one row per submission"
    for line in (attacked.out / "results.jsonl").read_text("utf-8").splitlines(keepends=True):
        json.loads(line)
        if len(line) > MOST_LINE or re.search(r"[\x00-\x09\x0b-\x1f]", line):
            yield f"a line of results.jsonl is {line[:100]!r} ..."
    poisoned = attacked.result("poisons_the_report").record
    assert poisoned is not None
    page = html.render(poisoned)
    if "alert(1)" not in page:
        yield "the poison is not in the page"
    markup = Markup()
    markup.feed(page)
    markup.found.remove("<script>")  # the page's own
    yield from (f"the page has {found}" for found in markup.found)
    yield from (f"the page has {found!r}" for found in CONTROLS.findall(page))
    shown = "\n".join("".join(text for text, _ in line) for line in lines(poisoned, 100))
    yield from (f"the terminal gets {found!r}" for found in CONTROLS.findall(shown))


class Markup(HTMLParser):
    """Finds everything in a page that a browser would execute, or fetch from another place."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a dangerous tag or attribute."""
        if tag in ("script", "iframe", "object", "embed", "img", "base", "form"):
            self.found.append(f"<{tag}>")
        self.found += [
            f"{name}={value}" for name, value in attrs if name.startswith("on") or "script:" in (value or "")
        ]


def said(record: Record | None) -> str:
    """Return everything that the programs of a submission have printed."""
    return "\n".join(program.stdout for program in record.programs) if record else ""


def submit_archives(attacked: Class) -> None:
    """Submit malicious archives (paths outside the folder, links, a zip bomb) and a notebook that tries to be run."""
    files = {"webserver.py": SOLUTION.read_bytes()}
    climbs, absolute = "../../../escaped", str(attacked.place / "escaped.txt")
    for name, extra in (("climbs", {climbs: b"x"}), ("absolute", {absolute: b"x"}), ("bomb", {"x": bytes(200 * MIB)})):
        with zipfile.ZipFile(attacked.folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in {**files, **extra}.items():
                archive.writestr(path, data)
    for name, kind in (("link", tarfile.SYMTYPE), ("hard_link", tarfile.LNKTYPE)):
        with tarfile.open(attacked.folder / f"{name}.tar.gz", "w:gz") as tar:
            entry = tarfile.TarInfo("webserver.py")
            entry.size = len(files["webserver.py"])
            tar.addfile(entry, io.BytesIO(files["webserver.py"]))
            link = tarfile.TarInfo("site/index.html")
            link.type, link.linkname = kind, "/etc/passwd"
            tar.addfile(link)
    escaped = attacked.place / "escaped-by-notebook"
    cells = [
        f"!touch {escaped}",
        f"import os\nos.system('touch {escaped}')",
        f"%%bash\ntouch {escaped}",
        f"%%writefile webserver.py\n{SOLUTION.read_text()}",
        f"%run -i webserver.py\n%load_ext {escaped}",
    ]
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": f"$(touch {escaped})", "display_name": "x", "language": f"; touch {escaped}",
                           "argv": ["touch", str(escaped)]},
            "language_info": {"name": "python", "file_extension": f";touch {escaped}"},
        },
        "cells": [
            {
                "cell_type": "code", "id": f"c{number}", "metadata": {}, "execution_count": None, "source": source,
                "outputs": [{"output_type": "display_data", "metadata": {},
                             "data": {"application/javascript": "alert(4)", "text/html": "<script>alert(5)</script>"}}],
            }
            for number, source in enumerate(cells)
        ],
    }  # fmt: skip
    (attacked.folder / "notebook.ipynb").write_text(json.dumps(notebook))


@pytest.mark.parametrize("trick", TRICKS)
def test_trick_earns_nothing(
    trick: str, labcheck: Callable[..., CommandResult], a_class: Callable[[str], Class]
) -> None:
    """A program that tries to make the grader fail earns no points by it."""
    name, kind, says, must_fail = TRICKS[trick]
    attacked = a_class("auto")
    attacked.add(name, trick=kind)
    result = attacked.grade(labcheck)
    record = attacked.result(name).record
    assert record is not None, result.out + result.err
    assert not record.of(Outcome.ERROR), result.out
    assert re.search(says, said(record))
    assert must_fail <= {each.id for each in record.requirements if not each.earned}
    assert attacked.left == []
    assert list(attacked.temporary.iterdir()) == []


@pytest.mark.alone
@pytest.mark.sample(8)
@pytest.mark.parametrize("user", [0, NOBODY])
@pytest.mark.parametrize("sandbox", ["namespaces", "landlock", "limits"])
@pytest.mark.parametrize("way", WAYS)
def test_nothing_outruns_the_search(way: str, sandbox: str, user: int, open_python: str) -> None:
    """Processes that start others and end at once neither outlive a grading nor hold it up, as root or as a user."""
    if sandbox == "namespaces":
        need("bwrap")
    if os.getuid() != 0:
        pytest.skip("only root can run labcheck as another user")
    budget = 10
    with tempfile.TemporaryDirectory() as place, contextlib.closing(Class(Path(place), sandbox)) as attacked:
        attacked.add("outruns_the_search", trick=way)
        attacked.add_honest(label="honest")
        open_to_all(attacked.place)
        if user != 0:
            for folder in (attacked.out, attacked.temporary):
                os.chown(folder, user, user)
        command = [*as_user(user, open_python), "grade", "lab1", str(attacked.folder), "--out", str(attacked.out)]
        command += ["--sandbox", sandbox, "--budget", str(budget), "--jobs", "1", "--python", open_python]
        environment = {**OUTSIDE, "TMPDIR": str(attacked.temporary), "HOME": str(attacked.temporary)}
        environment["PYTHONPATH"] = os.pathsep.join(libraries()) if user else ""
        done = subprocess.run(
            command, cwd="/", env=environment, capture_output=True, text=True, timeout=100, check=False
        )
        assert processes_called(attacked.mark) == []
        attacked.results = {each.label: each for each in read(attacked.out)}
        record = attacked.result("outruns_the_search").record
        assert "RUNS" in said(record), done.stderr + done.stdout
        assert record is not None
        assert record.seconds < budget + HELD_UP
        honest = attacked.result("honest").record
        assert honest is not None
        assert not_passed(honest) == {}
        assert list(attacked.temporary.glob("labcheck*")) == []


def processes_called(mark: str) -> list[int]:
    """Return the processes with this name."""
    return [each.pid for each in psutil.process_iter(["name"]) if each.info["name"] == mark]


def as_user(user: int, python: str) -> list[str]:
    """Return the command that runs labcheck as a user."""
    if user == os.getuid():
        return [sys.executable, "-P", "-m", "labcheck"]
    if not is_reachable(*libraries()):
        pytest.skip("other users cannot read the libraries of the tests")
    setpriv = [need("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return [*setpriv, python, "-P", "-m", "labcheck"]


@pytest.mark.everything
@pytest.mark.usefixtures("memory_at_hand")
@pytest.mark.parametrize("trick", MEMORIES)
def test_memory_outside_processes_is_limited(
    trick: str, labcheck: Callable[..., CommandResult], a_class: Callable[[str], Class]
) -> None:
    """Memory in a file system, in a socket or in an unattached segment counts toward the limit too."""
    group = Group(f"labcheck-test-{os.getpid()}")
    can_count = group.counts_memory
    group.remove()
    if not can_count:
        pytest.skip("this user may not create control groups")
    attacked = a_class("auto")
    attacked.add("hides_its_memory", trick=trick)
    attacked.grade(labcheck)
    record = attacked.result("hides_its_memory").record
    assert record is not None
    # Without a limit it would take 1,800 MB. It may be refused memory or be killed, but must not get more.
    taken = [int(number) for number in re.findall(r"TOOK (\d+)", said(record))]
    assert taken
    assert max(taken) <= MOST_TOOK
    assert attacked.left == []


@pytest.mark.sample(3)
@pytest.mark.parametrize("page", SLOW_PAGES)
def test_malicious_page_is_read_quickly(page: str) -> None:
    """A page of 2 MB takes about as long as one of words, and little memory, regardless of its content and charset."""
    kind, body = SLOW_PAGES[page]
    assert len(body) <= MAX_PAGE
    # Not getrusage(): after vfork(), it also counts what the parent has used.
    code = READS + "import re; print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) >> 10)"
    done = subprocess.run([sys.executable, "-c", code, kind], input=body, capture_output=True, check=True, timeout=120)
    times, memory = map(float, done.stdout.split())
    assert times < MOST_TIMES
    assert memory < MOST_MEMORY


def test_page_that_is_too_large_to_be_read_is_an_error_of_the_program() -> None:
    """A larger page is not read, also not its beginning: what is forbidden in it could come later."""
    body = b"1 " * 7_000_000
    answer = Answer(200, "OK", [("Content-Type", "text/html")], body, len(body), 0.0)
    for look in (lambda: answer.source, lambda: answer.shown, lambda: numbers(answer)):
        with pytest.raises(HttpError, match="a page of 14,000,000 bytes; labcheck reads pages of up to 2 MiB"):
            look()
    assert answer.body == body
    assert str(answer).startswith("200 OK, text/html: 1 1 1")


def test_results_are_safe_to_print_on_a_terminal() -> None:
    """A line of results.jsonl contains no control characters for a terminal."""
    line = Result("0" * 64, "\x1b[31m \x9b31m \x7f \u202e", GRADED).to_json()
    assert CONTROLS.findall(line) == []


def test_cells_are_harmless_with_semicolons_as_separators() -> None:
    """A spreadsheet that splits cells at semicolons, as in most of Europe, finds no formula either."""
    table = to_cells([["x;=cmd|' /C calc'!A0;", 1]])
    cells = [cell for row in csv.reader(io.StringIO(table), delimiter=";") for cell in row]
    assert [cell for cell in cells if cell.startswith(DANGEROUS)] == []
