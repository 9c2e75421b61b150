"""What `labcheck verify` does not check again: programs and checks that have not changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from authoring.mini import DONE, NULLS, SUITE

if TYPE_CHECKING:
    from pathlib import Path

    from authoring.author import Author

ONE_VARIANT = f'[[wrong]]\nfails = "2.2"\nwhy = "410"\nedits = [["404", "410"]]\n\n{NULLS}'
SECOND = f"{SUITE}/test_2_names.py"
ALL = ("1.1", "1.2", "2.1", "2.2")
PROGRAMS = 4  # solution, starter, one variant, one null program


@pytest.fixture
def known(author: Author) -> Author:
    """An author who has verified the lab `mini`; it has one wrong variant."""
    author.write(f"{SUITE}/wrong.toml", ONE_VARIANT)
    author.verify()
    assert len(author.tasks) == PROGRAMS
    return author


def selected(author: Author) -> set[tuple[str, ...]]:
    """Return the requirements that were checked."""
    return {task.options.only for task in author.tasks}


def test_nothing_has_changed(known: Author) -> None:
    """No program is checked again; the problems and the table are the same."""
    table = known.table
    found = known.verify()
    assert known.tasks == ()
    assert known.table == table
    assert len(found) == 4
    assert all("expected at least 3: add more" in each for each in found)


def test_one_check_has_changed(known: Author) -> None:
    """Only its requirement is checked again, for every program; a comment changes nothing."""
    known.change(SECOND, ('    answer = server.get(f"/{draw.word()}")', '    answer = server.get(f"/{draw.word()}x")'))
    known.verify()
    assert selected(known) == {("2.2",)}
    assert len(known.tasks) == PROGRAMS
    known.change(SECOND, ("    answer = server", "    # no such page\n    answer = server"))
    known.verify()
    assert known.tasks == ()


def test_check_that_others_need_has_changed(known: Author) -> None:
    """Those that need it are checked again as well."""
    known.change(f"{SUITE}/test_1_hello.py", ('    assert "Hello" in', '    assert "Hell" in'))
    known.verify()
    assert selected(known) == {("1.2", "2.1")}


@pytest.mark.parametrize(
    ("file", "edit", "ids"),
    [
        (SECOND, ('"""Step 2: names."""\n', '"""Step 2: names."""\n\nX = 1\n'), ("2.1", "2.2")),
        ("labs/mini/lab.toml", ("port = 8009", "port = 8010"), ALL),
        (f"{SUITE}/helpers.py", None, ALL),
    ],
    ids=["rest of a file", "lab.toml", "helpers"],
)
def test_what_several_checks_use_has_changed(
    known: Author, file: str, edit: tuple[str, str] | None, ids: tuple[str, ...]
) -> None:
    """What is beside the checks of a file concerns all of them; lab.toml and helpers concern all checks."""
    if edit is None:
        known.write(file, '"""Helpers."""\n\nX = 1\n')
    else:
        known.change(file, edit)
    known.verify()
    assert selected(known) == {ids}


def test_solution_has_changed(known: Author) -> None:
    """It is checked again, and what is made of it; the starter is not, because it is as before."""
    known.change(DONE, ('"There is no such page."', '"No such page."'))
    known.verify()
    folders = [task.folder for task in known.tasks if task.folder.startswith(str(known.root))]
    assert len(known.tasks) == 2  # the solution, and its variant; the null program replaces all of it
    assert {*folders} == {str(known.root / "solutions" / "mini")}


def test_problem_is_not_remembered(known: Author) -> None:
    """A program that is not as it should be is checked each time, because something has to be changed."""
    known.change(f"{SUITE}/wrong.toml", ('edits = [["404", "410"]]', 'edits = [["no such", "no"]]'))
    for _ in range(2):
        found = known.verify()
        assert any("does not fail 2.2" in each for each in found)
        assert len(known.tasks) == 1


def test_again(known: Author) -> None:
    """With --again, everything is checked."""
    known.verify("--again")
    assert len(known.tasks) == PROGRAMS


def test_only_one_requirement(known: Author) -> None:
    """With --only, its variants are checked, for all requirements; what is known of others stays known."""
    known.verify("--only", "2.2")
    assert known.tasks == ()
    assert [line.split()[0] for line in known.table[1:]] == ["2.2"]
    known.verify("--again", "--only", "2.2")
    assert sorted(selected(known)) == [ALL, ("2.2",)]
    known.verify()
    assert known.tasks == ()


@pytest.mark.parametrize("text", ["", "[]", "{]", '{"KEY": 1}', '{"KEY": {"2.2": ["x"]}}', '{"KEY": {"2.2": 5}}'])
def test_damaged_file_is_forgotten(known: Author, text: str) -> None:
    """Everything is checked then, and known afterwards."""
    (file,) = (known.root / "cache").rglob("*.json")
    keys = json.loads(file.read_text("utf-8"))
    file.write_text(text.replace("KEY", min(keys)), "utf-8")
    known.verify()
    assert len(known.tasks) == PROGRAMS
    known.verify()
    assert known.tasks == ()


def test_no_place_to_remember(known: Author, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a folder for it, nothing is remembered, and nothing fails."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        known.verify("--only", "2.2")
        assert len(known.tasks) == PROGRAMS
