"""The instructor's guide, followed literally: its commands are run, and the results it promises are checked."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from conftest import CHECKOUT, need
from labcheck.authoring.variants import variants
from labcheck.workbook import wheel
from labcheck.workbook.labs import load_lab

GUIDE = (CHECKOUT / "checks" / "README.md").read_text("utf-8")
STEP = re.compile(r"^( *)<!-- run -->\n((?: *```sh\n)(.*?)(?: *```\n))", re.DOTALL | re.MULTILINE)
SEED = "2863311530"  # in the guide, a placeholder for the seed of a student's page
LAST_YEAR = "lab1-2025"  # in the guide, the results folder of another class
STUDENTS, ABSENT = 200, 4
LATE = str(11 + STUDENTS), f"nguyn{STUDENTS}zo"  # the ID and the name in Canvas of a student who is late
HEADER = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab 1 (4711)", "Lab 2 (4712)"]

pytestmark = [
    pytest.mark.everything,
    pytest.mark.skipif(sys.platform != "linux", reason="the guide is for Linux"),
    pytest.mark.usefixtures("protection"),
]


def steps() -> list[str]:
    """Return the commands in the guide, block by block."""
    return [textwrap.dedent(found[2]) for found in STEP.findall(GUIDE)]


def works(place: Path) -> list[tuple[str, int]]:
    """Return the submissions of a class: programs, and the score of each."""
    lab = load_lab("lab1")
    found = [((lab.solution / "webserver.py").read_text("utf-8"), 29), ("print('hello')\n", 0)]
    for fails in ("2.3", "3.2", "5.3"):
        variant = next(each for each in variants(lab) if each.fails == fails and not each.also)
        variant.write(lab, place / fails)
        found.append(((place / fails / "webserver.py").read_text("utf-8"), 28))
    return found


@pytest.fixture
def download(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int | None]:
    """Write the files that Canvas offers for an assignment; return the expected score for each ID."""
    expected: dict[str, int | None] = {}
    rows = [HEADER, ["    Points Possible", "", "", "", "", "29", "33"]]
    handed_in = works(tmp_path_factory.mktemp("works"))
    with zipfile.ZipFile(tmp_path / "submissions.zip", "w") as archive:
        for number in range(STUDENTS + ABSENT):
            name = "Lovelace, Ada" if number == 0 else f"Nguyễn {number}, Zoë"
            compact = "lovelaceada" if number == 0 else f"nguyn{number}zo"
            id = str(11 + number)
            rows.append([name, id, f"sis{id}", f"login{id}", "Section A", "", ""])
            expected[id] = None
            if number < STUDENTS:
                text, expected[id] = handed_in[number % len(handed_in)]
                archive.writestr(f"{compact}{'_LATE' * (number % 7 == 3)}_{id}_{9001 + number}_webserver.py", text)
    with (tmp_path / "class.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)
    return expected


def test_guide_leads_to_grades(download: dict[str, int | None], tmp_path: Path) -> None:
    """The guide's commands turn the files from Canvas into a file for Canvas with everyone's correct grade."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path)}
    said = []
    (tmp_path / "late").mkdir()
    work = (load_lab("lab1").solution / "webserver.py").read_text("utf-8")
    (tmp_path / "late" / f"{LATE[1]}_LATE_{LATE[0]}_19001_webserver.py").write_text(f"{work}# late\n", "utf-8")
    for step in steps():
        if SEED in step:
            students = json.loads((tmp_path / "lab1.json").read_text("utf-8"))["students"]
            (seed,) = (each["seed"] for each in students if each["submission"] == "lovelaceada")
            step = step.replace(SEED, str(seed))
        if LAST_YEAR in step:
            shutil.copytree(tmp_path / "lab1-results", tmp_path / LAST_YEAR)
        command = [need("bash"), "-euo", "pipefail", "-c", step]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{step}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    summary = (
        f"{STUDENTS} of {STUDENTS} submissions graded · {ABSENT} submitted nothing · "
        "lab1-results/grades.csv · lab1-results/class.html"
    )
    assert any(summary in text.splitlines() for text in said)
    assert f"for-students/{wheel.NAME} (without solutions)\n" in said
    assert f"lab1-feedback: feedback for {STUDENTS + 1} students\n" in said
    assert (tmp_path / "lab1-feedback" / "Lovelace, Ada.html").stat().st_size
    assert (tmp_path / "comparison.html").stat().st_size
    assert any(f"certificates: {STUDENTS // 5 + 1} certificates\n" in text for text in said)
    assert any("Ada.html: genuine: Ada Lovelace · Networks, autumn 2026 · lab1 · " in text for text in said)
    assert any(re.search(rf"^A +{LAST_YEAR} .*\nB +lab1-results ", text, re.MULTILINE) for text in said)
    with (tmp_path / "lab1-canvas.csv").open(encoding="utf-8", newline="") as file:
        header, points, *rows = csv.reader(file)
    assert header == HEADER[:-1]
    assert points[0].strip() == "Points Possible"
    assert points[-1] == "29"
    download[LATE[0]] = 29
    assert {row[1]: int(row[-1]) for row in rows} == {id: score for id, score in download.items() if score is not None}
    added = f"{STUDENTS + 1} of {STUDENTS + 1} submissions graded · {ABSENT - 1} submitted nothing"
    assert any(added in text for text in said)
    assert any("29 of 29 requirements pass" in text and "seed" in text for text in said)
    for name in ("class.html", "grades.csv", "results.jsonl", "class.json"):
        assert f"`{name}`" in GUIDE
        assert (tmp_path / "lab1-results" / name).stat().st_size
    for name in re.findall(r"`((?:student|instructor)/\S+|\.gitlab-ci\.yml|lab1-gradescope\.zip)`", GUIDE):
        assert list(tmp_path.glob(f"*/{name}")), name


def test_links_of_the_guide_lead_somewhere() -> None:
    """Every linked heading exists, in the guides and in the README, and so does every linked file."""
    for place in ("checks/README.md", "checks/AUTHORS.md", "README.md", ".github/CONTRIBUTING.md"):
        source, text = (CHECKOUT / place).parent, (CHECKOUT / place).read_text("utf-8")
        for file, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
            target = source / file if file else None
            assert target is None or target.exists(), file
            headings = (target.read_text("utf-8") if target else text) if anchor else ""
            known = {
                re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", headings, re.MULTILINE)
            }
            assert not anchor or anchor in known, anchor
