"""Nothing to copy from: what a confined program can read, in several layouts of a course."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, is_reachable, libraries, need, open_to_all
from labcheck.record.record import Record

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces and Landlock")

NOBODY = 65534
SECRETS = {  # a file in the checkout -> what it is
    "checks/labcheck/suites/lab1/test_2_pages.py": "suite",
    "checks/labcheck/suites/lab1/wrong.toml": "suite",
    "checks/tests/lab1/right/asyncio_streams.py": "right program",
    "solutions/lab1/webserver.py": "solution",
}
# Reads every file below the given places and below those of its Python. It follows links, and opens what it
# cannot list by name. It finds its own copy too, so the marks are put together here.
SEARCH = """
import json, os, sys
PLACES = json.loads({places!r})
seen = set()

def look(path):
    try:
        with open(path, "rb") as file:
            text = file.read(300_000)
    except OSError:
        return
    for part in text.split(b"secret-" + b"mark: ")[1:]:
        print("FOUND", part.split(b".")[0].decode(), path)

def walk(place):
    for parent, folders, names in os.walk(place, followlinks=True):
        known = os.stat(parent)
        if (known.st_dev, known.st_ino) in seen:
            folders.clear()
            continue
        seen.add((known.st_dev, known.st_ino))
        for name in names:
            look(os.path.join(parent, name))

for place in (*PLACES, sys.prefix, sys.exec_prefix, *sys.path):
    look(place)
    walk(place)
    for link in ("lib64", "share", "link"):
        look(place.replace("/lib/", f"/{{link}}/"))
        walk(os.path.join(place, link))
print("LOOKED", len(seen))
"""


@pytest.fixture(params=["installed", "checkout"])
def course(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Make a course's folder that is a virtual environment too, with labcheck inside it, results and submissions."""
    python = need(f"/usr/bin/python3.{sys.version_info.minor}")
    place = tmp_path / "course"
    subprocess.run([python, "-m", "venv", "--without-pip", str(place)], check=True, timeout=60)
    site = next(place.glob("lib/python3*/site-packages"))
    checkout = place / "src" / "labcheck"
    for name in ("checks/labcheck", "checks/tests/lab1/right", "labs", "notebooks", "solutions"):
        shutil.copytree(CHECKOUT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, what in SECRETS.items():
        with (checkout / name).open("a") as file:
            file.write(f"\n# secret-mark: {what}.\n")
    package = checkout / "checks"
    if request.param == "installed":
        shutil.copytree(package / "labcheck", site / "labcheck")
        for name in ("labs", "notebooks", "solutions"):
            shutil.copytree(checkout / name, site / "labcheck" / "_workbook" / name)
        package = site
    # The libraries of the tests, but not the labcheck that is installed beside them.
    _, beside = libraries()
    (site / "course.pth").write_text(f"{package}\n{beside}\n")
    (site / "link").symlink_to(checkout)
    (place / "share").mkdir(exist_ok=True)
    (place / "share" / "notes.txt").write_text("secret-mark: notes.")
    for name in ("results/results.jsonl", "submissions/bob/webserver.py"):
        (place / name).parent.mkdir(parents=True)
        (place / name).write_text(f"# secret-mark: {name}.\n")
    if not (place / "lib64").exists():
        (place / "lib64").symlink_to("lib")
    return place


def found(course: Path, kind: str, user: int) -> tuple[set[str], int]:
    """Return what a program finds that is checked in this course, and in how many folders it has looked."""
    places = [course, *(course / "src" / "labcheck" / name for name in SECRETS), course / "share" / "notes.txt"]
    places += [course / "results" / "results.jsonl", course / "submissions" / "bob" / "webserver.py"]
    for package in course.glob("lib/python3*/site-packages/labcheck"):
        places += [package / name.removeprefix("checks/labcheck/") for name in SECRETS]
        places.append(package / "_workbook" / "solutions" / "lab1" / "webserver.py")
    work = course.parent / "work"
    work.mkdir()
    (work / "webserver.py").write_text(SEARCH.format(places=json.dumps(list(map(str, places)))))
    open_to_all(course)
    temporary = course.parent / "temporary"
    temporary.mkdir(mode=0o755)
    command = [
        str(course / "bin" / "python"),
        "-P",
        "-m",
        "labcheck",
        "lab1",
        str(work),
        "--only",
        "1.1",
        "--json",
        "-",
    ]
    if user != os.getuid():
        os.chown(temporary, user, user)
        command = [need("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    done = subprocess.run(
        [*command, "--sandbox", kind, "--slow", "5"],  # it listens only when it has looked everywhere
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": str(temporary), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    record = Record.from_json(done.stdout)
    assert record.sandbox == kind
    lines = [line.split(maxsplit=1) for line in record.programs[0].stdout.splitlines()]
    looked = [int(words[1]) for words in lines if words[0] == "LOOKED"]
    assert looked, record.programs[0]
    return {words[1] for words in lines if words[0] == "FOUND"}, looked[0]


def users() -> list[int]:
    """Return the users as whom labcheck can be run here."""
    return [os.getuid()] if os.getuid() != 0 else [0, NOBODY]


@pytest.mark.sample(3)
@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize("kind", ["namespaces", "landlock"])
def test_nothing_to_copy_from(kind: str, user: int, course: Path) -> None:
    """A program finds neither suite, solution, right programs, results nor other submissions."""
    if kind == "namespaces":
        need("bwrap")
    if user == NOBODY and not is_reachable(*libraries()):
        pytest.skip("other users cannot read the libraries of the tests")
    what, looked = found(course, kind, user)
    assert what == set()
    assert looked > 50  # it has read its own Python


def test_limits_hide_nothing(course: Path) -> None:
    """With limits alone, the same program finds everything: that is what the guide says, and that the search works."""
    what, _ = found(course, "limits", os.getuid())
    kinds = {each.rpartition(" ")[0] for each in what}
    assert kinds >= {"suite", "solution", "right program", "notes", "results/results", "submissions/bob/webserver"}
