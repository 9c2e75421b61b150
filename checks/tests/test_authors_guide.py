"""The guide for authors, followed literally: its files are written, its commands are run, in the order of the page."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from conftest import CHECKOUT, need
from labcheck import suite
from labcheck.judging import fixtures

GUIDE = (CHECKOUT / "checks" / "AUTHORS.md").read_text("utf-8")
STEP = re.compile(
    r"^<!-- (?P<what>\w+)(?:,? (?P<more>[^>]*?))? -->\n(?P<fence>`{3,})\w*\n(?P<text>.*?)^(?P=fence)\n",
    re.DOTALL | re.MULTILINE,
)
NEXT = "--- next step ---"
SUITES = [CHECKOUT / "checks" / "labcheck" / "suites", CHECKOUT / "checks" / "tests" / "courses" / "small" / "suites"]
LABS = [CHECKOUT / "labs", CHECKOUT / "checks" / "tests" / "courses" / "small" / "labs"]


def script() -> tuple[str, list[tuple[int, str]]]:
    """Return the guide as a script for bash, and the lines that it promises: each with the number of its command."""
    commands: list[str] = []
    promised: list[tuple[int, str]] = []
    number, old = 0, ""
    for step in STEP.finditer(GUIDE):
        what, more, text = step["what"], step["more"] or "", step["text"]
        if what == "run":
            number += 1
            commands.append(f"echo '{NEXT}'\n")
            status = more.removeprefix("exit status ")
            commands.append(f"if ( {text} ); then false; else [ $? = {status} ]; fi\n" if status else text)
        elif what == "prints":
            promised += [(number, line) for line in text.splitlines()]
        elif what == "file":
            commands.append(f"cat > {more} <<'END OF FILE'\n{text}END OF FILE\n")
        elif what == "old":
            old = text
        else:
            assert what == "new", step[0]
            change = f"text.count({old!r}) == 1 or exit('not there'); file.write_text(text.replace({old!r}, {text!r}))"
            code = f"import pathlib\nfile = pathlib.Path({more!r}); text = file.read_text(); {change}"
            commands.append(f"python - <<'END OF CODE'\n{code}\nEND OF CODE\n")
    return "".join(commands), promised


@pytest.mark.skipif(sys.platform != "linux", reason="its commands are for Linux")
def test_guide_leads_from_new_to_grades(tmp_path: Path, protection: str) -> None:
    """Its lab is consistent, one of three submissions passes everything, and a class is graded."""
    del protection
    commands, promised = script()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: each for name, each in os.environ.items() if not name.startswith(("LABCHECK", "PYTEST"))}
    done = subprocess.run(
        [need("bash"), "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env={**environment, "PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    _, *said = done.stdout.split(f"{NEXT}\n")
    assert len(promised) > 5
    for number, line in promised:
        assert line in said[number - 1].splitlines(), f"{line}\n{said[number - 1]}"
    assert any("2 of 2 requirements pass" in each for each in said)
    assert "TODO(author)" not in "".join(file.read_text("utf-8") for file in (tmp_path / "networks").rglob("*.??*"))
    with (tmp_path / "now-results" / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        scores = {row["student"]: row["score"] for row in csv.DictReader(file)}
    assert scores == {"ada": "2", "ben": "0", "eve": "1"}


def reference(title: str) -> set[str]:
    """Return the names in the first column of a table of the reference."""
    section = GUIDE.split(f"\n### {title}\n")[1].split("\n#")[0]
    firsts = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {name for first in firsts for name in re.findall(r"`([^`]+)`", first)}


def test_reference_has_everything_that_a_suite_can_use() -> None:
    """Each name that labcheck.suite exports and each fixture has its line, and nothing else has."""
    assert reference("labcheck.suite") == set(suite.__all__)
    known = {  # before pytest 8.4, a fixture is a function with a mark
        name
        for name, each in vars(fixtures).items()
        if "fixture" in type(each).__name__.lower() or hasattr(each, "_pytestfixturefunction")
    }
    assert reference("Fixtures") == known
    assert len(known) > 5


def keys(value: object) -> set[str]:
    """Return all keys in a value from TOML."""
    if isinstance(value, dict):
        return {*value} | {key for each in value.values() for key in keys(each)}
    return {key for each in value for key in keys(each)} if isinstance(value, list) else set()


def test_reference_has_every_key_in_use() -> None:
    """Every key in a lab.toml or a wrong.toml of the labs here is explained."""
    for title, folders in {"lab.toml": LABS, "wrong.toml": SUITES}.items():
        files = [file for folder in folders for file in folder.rglob(title)]
        assert files
        for file in files:
            table = tomllib.loads(file.read_text("utf-8"))
            programs = table.pop("programs", {})
            used = keys([*table.items(), *programs.values()]) | keys(table) - {*table.get("points", {})}
            assert {key for key in used if key not in ("steps", "wrong", "points", "null_programs")} <= reference(
                title
            ), file
