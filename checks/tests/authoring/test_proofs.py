"""What else proves the checks of a lab: null programs, right programs, and many runs of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from authoring.author import words_of
from authoring.mini import NULLS, SOLUTION, SUITE
from labcheck.authoring import nulls, steadiness
from labcheck.authoring.right import RightProgram, right_programs
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    from pathlib import Path

    from authoring.author import Author

FILE, SECOND = f"{SUITE}/wrong.toml", f"{SUITE}/test_2_names.py"
NOT_ENOUGH = "add more to wrong.toml"


def problems(author: Author, *options: str) -> list[str]:
    """Return the problems that `verify` finds, except that there are too few variants."""
    return [line for line in author.verify(*options) if not line.endswith(NOT_ENOUGH)]


def test_null_program_that_passes_is_reported(author: Author) -> None:
    """It says what the program does, what it passes, and where that is listed."""
    author.write(FILE, "wrong = []\n\n" + NULLS.replace(', "1.2"', ""))
    (found,) = problems(author)
    assert found == (
        "a greeter.py that answers 200 to every request, with the same page passes 1.2: correct the check; if that is "
        "all that is asked for, add it to ok_to_all in [null_programs] of wrong.toml"
    )
    assert [line.split()[-1] for line in author.table[1:3]] == ["ok_to_all", "ok_to_all"]


def test_null_program_that_does_not_pass_is_reported(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is listed has to be true."""
    monkeypatch.setitem(nulls.OF_SERVERS, "silent", "accepts connections and says nothing")
    author.write(FILE, "wrong = []\n\n" + NULLS.replace('silent = ["1.1"]', 'silent = ["1.1", "2.2"]'))
    (found,) = problems(author)
    assert found == (
        "a greeter.py that accepts connections and says nothing does not pass 2.2: remove it from silent in "
        "[null_programs] of wrong.toml"
    )


def test_list_of_null_programs_with_a_mistake(author: Author) -> None:
    """An unknown program and an unknown requirement are named, with their lines."""
    author.write(FILE, 'wrong = []\n\n[null_programs]\nsilent = ["1.9"]\nquiet = ["1.1"]\n')
    assert problems(author) == [
        f"{FILE}:5: unknown key 'quiet'. Keys: silent, hangs_up, ok_to_all, waits, ends",
        f"{FILE}:4: silent of null_programs names 1.9, which is not in lab.toml.",
    ]


def test_every_null_program_is_there() -> None:
    """The folder holds one file for each name."""
    assert {file.stem for file in nulls.FOLDER.glob("*.py")} == {*nulls.OF_SERVERS, *nulls.OF_CLIENTS}


def test_right_program_that_fails_is_reported(author: Author) -> None:
    """It is named with what it does not pass."""
    author.write(FILE, f"wrong = []\n\n{NULLS}")
    author.write(f"{SUITE}/right/short.py", SOLUTION)
    assert problems(author) == []
    author.write(f"{SUITE}/right/other.py", SOLUTION.replace("404", "410"))
    (found,) = problems(author)
    assert found.startswith(
        "right/other.py does not pass 2.2: correct the check or the program; failed; expected status 404"
    )


def test_right_program_without_its_library(author: Author) -> None:
    """It is left out, and that is said: it is no problem of the lab."""
    author.write(FILE, f"wrong = []\n\n{NULLS}")
    author.write(f"{SUITE}/right/other.py", f"import no_such_framework.app\n{SOLUTION}")
    assert problems(author) == ["right/other.py was left out, because no_such_framework is not installed"]


@pytest.mark.parametrize("name", lab_names())
def test_right_programs_of_our_labs(name: str) -> None:
    """They are found, for each program of a lab, and the tests have all that they need."""
    lab = load_lab(name)
    found = right_programs(lab)
    assert {each.program for each in found} == {*lab.programs}
    assert [each.lacks() for each in found] == [""] * len(found)


def test_missing_package_is_named(tmp_path: Path) -> None:
    """Whichever form the import has; a part of an installed package, and a relative import, are not missing."""
    program = load_lab("lab1").programs[0]
    for text, name in [
        ("import os.path, no_such.part\n", "no_such"),
        ("def f():\n    from no_such import x\n", "no_such"),
        ("from . import x\nimport http.server\n", ""),
    ]:
        (tmp_path / "program.py").write_text(text)
        assert RightProgram(tmp_path / "program.py", program).lacks() == name


def test_check_that_is_not_steady_is_named(author: Author) -> None:
    """`--repeat` says how often a program did not pass, with the first seed; each time has another seed."""
    author.change(
        SECOND,
        ("    assert answer.status == 404\n", "    assert answer.status == 404\n    assert draw.integer(0, 1)\n"),
    )
    author.write(f"{SUITE}/right/other.py", SOLUTION)
    found = author.verify("--repeat", "8", "--only", "2.2")
    assert author.status == 1
    assert [task.options.seed for task in author.tasks] == [seed for seed in range(1, 9) for _ in range(2)]
    assert [line.split(" did not pass 2.2 ")[0] for line in found] == ["the solution", "right/other.py"]
    assert all(" of 8 times; seed " in line for line in found)


def test_steady_checks(author: Author) -> None:
    """The summary says what was run; the processors are busy while it runs, and not afterwards."""
    result = author.labcheck("verify", "mini", "--repeat", "2", "--load", "--only", "1.1")
    assert result.status == 0
    assert result.out.splitlines()[-1] == "mini: 1 right programs, 2 times each, with every processor busy: steady"
    assert not any(steadiness.BUSY in words_of(each) for each in psutil.Process().children())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--load"], "add --repeat N"),
        (["--mutants", "--only", "2.2"], "--mutants is a run of its own"),
        (["--mutants", "--repeat", "2"], "--mutants is a run of its own"),
        (["--only", "7"], "mini has no requirement '7'"),
    ],
)
def test_wrong_use(author: Author, options: list[str], said: str) -> None:
    """Options that have no effect together, and an unknown requirement, get one line."""
    result = author.labcheck("verify", "mini", *options)
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert said in result.err


def test_only_needs_a_lab(author: Author) -> None:
    """An id means something in one lab only."""
    result = author.labcheck("verify", "--only", "2.2")
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert "name the lab, too" in result.err
