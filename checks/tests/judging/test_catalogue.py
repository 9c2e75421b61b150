"""The catalogue of a suite, and the checks that an instructor adds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from labcheck.errors import UsageError
from labcheck.judging.catalogue import digest_of, engine_digest, read_suite, with_more
from labcheck.workbook.labs import lab_names, load_lab
from labcheck.workbook.places import PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

CHECK = '''
from labcheck.suite import requirement

@requirement("{id}", hints=["Why?"])
def test_more(server):
    """{title}"""
'''


def add(folder: Path, text: str) -> Path:
    """Write an instructor's check into a folder."""
    (folder / "test_more.py").write_text(text)
    return folder


def test_checks_of_a_requirement_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    """The first one gives the title, as in a report; the names of the functions do not matter."""
    first = CHECK.format(id="2.9", title="First.").replace("test_more", "test_z")
    second = CHECK.format(id="2.9", title="Second.").replace("test_more", "test_a")
    later = with_more(load_lab("lab1"), add(tmp_path, first + second))
    assert [check.title for check in read_suite(later) if check.id == "2.9"] == ["First.", "Second."]


@pytest.mark.parametrize("name", lab_names())
def test_each_requirement_has_a_title_and_hints(name: str) -> None:
    """The suite of a lab names its requirements in order, each with a title and hints."""
    lab = load_lab(name)
    checks = read_suite(lab)
    assert tuple(dict.fromkeys(check.id for check in checks)) == lab.requirements
    assert all(check.title.endswith(".") for check in checks)
    assert all(check.hints for check in checks)


def test_check_joins_its_step(tmp_path: Path) -> None:
    """A check with a new number in a step becomes its last check; a new step number makes a new step."""
    lab = load_lab("lab1")
    more = with_more(lab, add(tmp_path, CHECK.format(id="2.9", title="More.")))
    assert more.step_of("2.9").requirements == (*lab.steps[1].requirements, "2.9")
    assert not more.hidden
    later = with_more(lab, add(tmp_path, CHECK.format(id="9.1", title="More.")), hidden=True)
    assert (later.steps[-1].number, later.steps[-1].requirements) == (9, ("9.1",))
    assert later.hidden == {"9.1"}
    assert read_suite(later)[-1].title == "More."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CHECK.format(id="2.1", title="T."), "2.1, but lab1 already has it"),
        (CHECK.format(id="two", title="T."), "'two'; use the number of a step"),
        (CHECK.format(id="2.9", title=""), "no docstring; reports show it"),
        ("x = 1", "mark a test function with @requirement"),
        ("1 / 0", "cannot be imported: ZeroDivisionError"),
    ],
)
def test_unusable_check_is_reported_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    """An instructor's mistake is reported in one line that names the folder."""
    with pytest.raises(UsageError, match=said) as caught:
        with_more(load_lab("lab1"), add(tmp_path, text))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folder_without_checks_is_reported(tmp_path: Path) -> None:
    """A folder without checks is not a suite."""
    with pytest.raises(UsageError, match="expected a file test_"):
        with_more(load_lab("lab1"), tmp_path)


def test_digest_covers_the_files_that_judge(tmp_path: Path) -> None:
    """A change in a file that takes part in judging makes another digest; one in a report does not."""
    copy = tmp_path / "labcheck"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "_workbook"))
    assert engine_digest(copy) == engine_digest()
    for name, counts in (("reports/html.py", False), ("judging/judge.py", True), ("errors.py", True)):
        again = tmp_path / name.replace("/", " ")
        shutil.copytree(copy, again)
        with (again / name).open("a") as file:
            file.write("# a change\n")
        assert (engine_digest(again) != engine_digest()) == counts


def test_digest_covers_everything_that_decides_a_grade(tmp_path: Path) -> None:
    """The digest depends on the lab, its checks, the added checks and whether they are hidden, and on nothing else."""
    lab = load_lab("lab1")
    suite = add(tmp_path, "x = 1")
    others = [
        digest_of(load_lab("lab2")),
        digest_of(lab, b"more"),
        digest_of(lab, hidden=True),
        digest_of(replace(lab, suite=suite)),
    ]
    assert digest_of(lab) == digest_of(load_lab("lab1"))
    assert len({digest_of(lab), *others}) == 5


def test_digest_does_not_depend_on_points(tmp_path: Path) -> None:
    """Points judge nothing, so a lab with other points is the same; one with another text to look for is not."""
    lab = load_lab("lab1")
    copy = replace(lab, starter=tmp_path / "lab1")
    shutil.copytree(lab.starter, copy.starter)
    file = copy.starter / "lab.toml"
    text = file.read_text("utf-8")
    file.write_text(f'{text}\n[points]\n"2.3" = 5\n', "utf-8")
    assert digest_of(copy) == digest_of(lab)
    file.write_text(text.replace("shutting down", "going down"), "utf-8")
    assert digest_of(copy) != digest_of(lab)
