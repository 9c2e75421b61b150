"""labcheck new: each form of a lab is consistent as it stands, and nothing that exists is overwritten."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, failed
from labcheck.authoring.new import FORMS, create
from labcheck.authoring.todo import todos
from labcheck.errors import UsageError
from labcheck.workbook.labs import lab_names, load_lab
from labcheck.workbook.places import COURSE, course

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

QUICK = 60.0  # seconds for `verify`; a second or two on a machine that is not busy
COMMANDS = ("grade", "help")


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a course that is still to be made."""
    folder = tmp_path / "networks 2026"
    monkeypatch.setenv(COURSE, str(folder))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("form", FORMS)
def test_new_lab_is_consistent(form: str, labcheck: Run, tmp_path: Path) -> None:
    """verify accepts it, and lists what is left to do; the solution passes, and the starter fails what has a TODO."""
    mine = tmp_path / "mine"
    made = labcheck("new", "clock", "--kind", form, "--course", mine)
    assert (made.status, made.err) == (0, "")
    written = {line.strip() for line in made.out.splitlines() if line.startswith("  ")}
    assert written == {file.replace("\\", "/") for file in contents(mine)}
    verified = labcheck("verify", "clock", "--course", mine)
    lines = [line for line in verified.out.splitlines() if line.startswith("clock: ")]  # not the progress
    assert (verified.status, lines[0]) == (0, "clock: 1 requirement, 3 wrong variants: consistent"), verified.out
    assert verified.seconds < QUICK
    left = [line.removeprefix("clock: still to do: ").split(":")[0] for line in lines[1:]]
    assert {*left} == {
        "labs/clock/README.md",
        "labs/clock/lab.toml",
        "suites/clock/test_1_greeting.py",
        "suites/clock/wrong.toml",
    }
    record = labcheck("clock", mine / "labs" / "clock", "--json", "-", "--course", mine).record
    assert failed(record) == ["1.1"]
    (result,) = record.requirements
    assert result.expected
    assert result.received
    assert labcheck("clock", mine / "solutions" / "clock", "--course", mine).status == 0


@pytest.mark.parametrize("form", FORMS)
def test_new_lab_is_written_as_its_author_should_write(form: str, mine: Path) -> None:
    """Its Python files are formatted and documented; a starter may have a variable that its TODO needs."""
    create("clock", form, COMMANDS)
    for words in (
        ["check", "--select", "B,D1,E,F,I,RUF,UP,W", "--ignore", "B007,F841"],
        ["format", "--diff"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", words[0], "--no-cache", "--isolated", "--line-length=120", *words[1:], mine],
            cwd=CHECKOUT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is sent in another way there")
@pytest.mark.parametrize("form", [form for form in FORMS if FORMS[form].program == "server"])
def test_server_ends_with_ctrl_c(form: str, mine: Path) -> None:
    """Started by hand, without a port, it says where it listens, and Ctrl+C ends it without a traceback."""
    import signal

    made = create("clock", form, COMMANDS)
    file = made.course / "labs" / "clock" / "server.py"
    with subprocess.Popen(
        [sys.executable, "-u", file, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("Started ")
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=30)
    assert (program.returncode, out, err) == (0, "Ctrl+C: shutting down\n", "")


def test_empty_folder_becomes_a_course(mine: Path) -> None:
    """It has a title, the name of the folder, and other labs go beside the first; a .git there does not matter."""
    (mine / ".git").mkdir(parents=True)
    create("clock", "lines", COMMANDS)
    found = course()
    assert found is not None
    assert found.title == "networks 2026"
    assert found.lab_names() == ["clock"]
    before = contents(mine)
    made = create("chat", "mixed", COMMANDS)
    assert lab_names() == ["chat", "clock", "lab1", "lab2", "lab3", "lab4", "lab5"]
    after = contents(mine)
    assert before.items() <= after.items()
    assert {file.as_posix() for file in made.files} == {
        name.replace("\\", "/") for name in after.keys() - before.keys()
    }


@pytest.mark.skipif(sys.platform == "win32", reason="no folder has such a name there")
def test_title_of_a_course_can_be_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """labcheck.toml is valid, no matter how the folder is called."""
    monkeypatch.setenv(COURSE, str(tmp_path / 'net"works\\ \x01é'))
    create("clock", "lines", COMMANDS)
    found = course()
    assert found is not None
    assert found.title == 'net"works\\ ?é'


def test_each_lab_has_a_port_of_its_own(mine: Path) -> None:
    """It is the first one that no lab of the course uses; a lab.toml with a mistake does not matter."""
    for name in ("one", "two", "three"):
        create(name, "http", COMMANDS)
    assert [load_lab(name).port for name in ("one", "two", "three")] == [8101, 8102, 8103]
    toml = mine / "labs" / "two" / "lab.toml"
    toml.write_text("port = ")
    create("four", "http", COMMANDS)
    table = tomllib.loads((mine / "labs" / "four" / "lab.toml").read_text("utf-8"))
    assert table["port"] == 8102
    assert "8102" in (mine / "labs" / "four" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("grade", "'grade' is a command of labcheck"),
        ("help", "'help' is a command of labcheck"),
        ("lab1", "there is a lab 'lab1' already"),
        ("clock", "there is a lab 'clock' already"),
        ("my-lab", "'my-lab' cannot be the name of a lab"),
        ("../up", "cannot be the name of a lab"),
        ("2nd", "cannot be the name of a lab"),
        ("class", "cannot be the name of a lab"),
        ("", "cannot be the name of a lab"),
    ],
)
def test_name_that_a_lab_cannot_have(name: str, words: str, mine: Path) -> None:
    """The error names it, and nothing is written."""
    create("clock", "lines", COMMANDS)
    before = contents(mine)
    with pytest.raises(UsageError, match=words) as caught:
        create(name, "lines", COMMANDS)
    assert "\n" not in str(caught.value)
    assert contents(mine) == before


def test_first_lab_cannot_have_a_taken_name_either(mine: Path) -> None:
    """Nor can the first lab of a new course: its folder is not made."""
    for name in ("lab1", "grade", "my-lab"):
        with pytest.raises(UsageError):
            create(name, "lines", COMMANDS)
    assert not mine.exists()


@pytest.mark.parametrize("place", ["labs", "solutions", "suites"])
def test_nothing_is_overwritten(place: str, mine: Path) -> None:
    """If one of the folders of the lab exists, or a file of this name, all stays as it is."""
    create("first", "lines", COMMANDS)
    (mine / place / "clock").write_text("mine")
    before = contents(mine)
    with pytest.raises(UsageError, match="exists, and is not overwritten"):
        create("clock", "lines", COMMANDS)
    assert contents(mine) == before


def test_errors_of_the_command(labcheck: Run, tmp_path: Path) -> None:
    """Each is one line that says what to do, with exit status 2."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").touch()
    for words, said in {
        ("new", "clock", "--kind", "lines"): "add --course DIR, or set LABCHECK_COURSE",
        ("new", "verify", "--kind", "lines", "--course", tmp_path / "c"): "'verify' is a command of labcheck",
        ("new", "clock", "--course", tmp_path / "c"): "required: --kind",
        ("new", "clock", "--kind", "udp", "--course", tmp_path / "c"): "invalid choice: 'udp'",
        ("new", "clock", "--kind", "lines", "--course", other): "has no folder labs",
        ("new", "clock", "--kind", "lines", "--course", other / "notes.txt"): "notes.txt",
        ("completion", "bash", "--course", tmp_path / "c"): "has no folder labs",
        ("verify", "--course", tmp_path / "c"): "make one with `labcheck new`",
    }.items():
        found = labcheck(*words)
        assert (found.status, found.out, found.err.count("\n")) == (2, "", 1), (words, found.err)
        assert said in found.err
    assert not (tmp_path / "c").exists()
    assert [each.name for each in other.iterdir()] == ["notes.txt"]


def test_todos_are_the_marked_lines(mine: Path) -> None:
    """They name the file and the line; a file that is not text for people does not matter."""
    create("clock", "lines", COMMANDS)
    lab = load_lab("clock")
    for file in (*lab.starter.iterdir(), *lab.suite.iterdir()):
        file.write_text(file.read_text("utf-8").replace("TODO(author)", "note"), "utf-8")
    assert list(todos(lab)) == []
    (lab.starter / "picture.png").write_bytes(b"TODO(author)\xff")
    (lab.solution / "more.py").write_text("a = 1\nb = 2  # TODO(author): explain\n")
    assert list(todos(lab)) == ["solutions/clock/more.py:2: explain"]
