"""The command line, as a student uses it, starting in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from conftest import CHECKOUT, OUTSIDE, TESTS, Result, need, needs_fork, open_to_all, until
from labcheck.cli.main import commands
from labcheck.program.ports import is_free
from labcheck.record.record import Outcome, Record
from labcheck.reports.wording import replay
from labcheck.submission.limits import MAX_FILES
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Run


def test_student_starts_checks_and_compares(labcheck: Run, tmp_path: Path) -> None:
    """start, check, list and solution work one after the other, starting in an empty folder."""
    assert "lab1/webserver.py" in labcheck("start", "lab1").out
    here = tmp_path / "here"
    assert (here / "lab1" / "site" / "Snooker" / "index.html").is_file()
    assert not (here / "lab1" / "solutions").exists()

    checked = labcheck("lab1")
    assert checked.status == 1
    assert "8 of 29 requirements pass · 14 failed · 7 not run" in checked.out
    listed = labcheck("list").out
    shown = rf"^       8 of 29 pass · next: 1\.3 · 20\d\d-.* · {re.escape(str(here / 'lab1'))}$"
    assert re.search(shown, listed, re.MULTILINE)
    assert "not checked yet · labcheck start lab2" in listed

    (here / "lab1" / "webserver.py").write_text((CHECKOUT / "solutions" / "lab1" / "webserver.py").read_text())
    assert labcheck("lab1").status == 0
    assert labcheck("lab1", cwd=here / "lab1").status == 0
    assert "29 of 29 pass · 20" in labcheck("list").out
    (here / "lab1" / "webserver.py").write_bytes((CHECKOUT / "labs" / "lab1" / "webserver.py").read_bytes())
    labcheck("lab1", "--only", "2")
    assert "24 of 29 pass · best: 29 · next: 2.1" in labcheck("list").out
    (here / "lab1" / "webserver.py").write_bytes((CHECKOUT / "solutions" / "lab1" / "webserver.py").read_bytes())

    assert labcheck("solution", "lab1").status == 0
    assert labcheck("lab1", "lab1-solution").status == 0


@pytest.mark.parametrize("lab", lab_names())
def test_student_gets_the_starter_files(lab: str, labcheck: Run, tmp_path: Path) -> None:
    """These are all files of the starter except lab.toml, which is labcheck's; `reset` does not know it either."""
    labcheck("start", lab)
    copied, starter = (
        {file.relative_to(place) for file in place.rglob("*") if file.is_file()}
        for place in (tmp_path / "here" / lab, CHECKOUT / "labs" / lab)
    )
    assert copied == starter - {Path("lab.toml")}
    assert labcheck("reset", lab, "lab.toml").err.startswith(f"labcheck: {lab} has no starter file 'lab.toml'.")


def test_start_never_writes_over_a_file(labcheck: Run, tmp_path: Path) -> None:
    """Existing files are left unchanged; missing files are copied."""
    labcheck("start", "lab1", "mine")
    mine = tmp_path / "here" / "mine"
    (mine / "webserver.py").write_text("my work\n")
    (mine / "README.md").unlink()
    assert "existing files left unchanged: " in labcheck("start", "lab1", "mine").out
    assert (mine / "webserver.py").read_text() == "my work\n"
    assert (mine / "README.md").is_file()


def test_solution_never_writes_over_a_file(labcheck: Run, tmp_path: Path) -> None:
    """`solution` does not overwrite a student's files."""
    labcheck("start", "lab1")
    before = (tmp_path / "here" / "lab1" / "webserver.py").read_text()
    refused = labcheck("solution", "lab1", "lab1")
    assert refused.status == 2
    assert "already exists and was not overwritten" in refused.err
    assert (tmp_path / "here" / "lab1" / "webserver.py").read_text() == before


def test_hints_come_one_by_one(labcheck: Run) -> None:
    """Each call shows the next hint; after the last one, the first is shown again."""
    shown = [labcheck("hint", "lab1", "2.3").out.splitlines() for _ in range(4)]
    assert [hint.split(":")[0] for _, hint, _ in shown] == ["hint 1 of 3", "hint 2 of 3", "hint 3 of 3", "hint 1 of 3"]
    assert [left.split(":")[0].split(".")[0] for *_, left in shown] == [
        "2 more hints",
        "1 more hint",
        "This was the last hint",
        "2 more hints",
    ]
    assert labcheck("hint", "lab1", "3.1").out.splitlines()[1].startswith("hint 1 of 3")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["lab11"],
            "unknown lab or command 'lab11'. Did you mean 'lab1'? Labs: lab1, lab2, lab3, lab4, lab5. Commands: list,",
        ),
        (["lits"], "Did you mean 'list'?"),
        (["check"], "unknown lab or command 'check'. Labs: "),  # `ci` is not near
        (["lab1"], "no webserver.py in lab1/, here or in labs/lab1/; run `labcheck start lab1`"),
        (["lab1", "nowhere"], "folder nowhere does not exist"),
        (["lab1", "."], ". contains no webserver.py"),
        (["lab2", __file__], "is not one of echo_server.py, echo_client.py"),
        (["lab1", "--only", "2.9"], "lab1 has no requirement '2.9'"),
        (["lab1", "--only", "7"], "Requirements: 1.1 to 6.3. Steps: 1 to 6"),
        (["lab1", "--seed", "x"], "argument --seed: invalid value 'x': expected a whole number, 0 or greater"),
        (["lab1", "--seed", "-1"], "argument --seed"),
        (["lab1", "--budget", "0"], "argument --budget"),
        (["lab1", "--slow", "nan"], "argument --slow"),
        (["lab1", "--colour"], "unrecognized arguments: --colour"),
        (["lab1", str(CHECKOUT / "labs" / "lab1"), "--json", "no/such/folder/x.json"], "its folder does not exist"),
        (["lab1", str(CHECKOUT / "labs" / "lab1"), "--json", "."], "it is a folder"),
        (["lab1", str(CHECKOUT / "labs" / "lab1"), "--python", "no-such-python"], "cannot find the Python interpreter"),
        (["hint", "lab1", "2"], "2 is not a single requirement; give one of these: 2.1, 2.2"),
        (["hint", "lab1"], "the following arguments are required: ID"),
        (["start", "lab7"], "unknown lab 'lab7'. Did you mean 'lab5'? Labs: lab1, lab2, lab3, lab4, lab5"),
        (["start", "../lab1"], "unknown lab '../lab1'"),
    ],
)
def test_wrong_usage_is_reported_in_one_line(labcheck: Run, words: list[str], message: str) -> None:
    """Invalid input gets a one-line error message with the value and what was expected, and exit status 2."""
    result = labcheck(*words)
    assert result.status == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert message in result.err
    assert "labcheck --help" in result.err


def test_help_names_every_command(labcheck: Run) -> None:
    """`labcheck --help` and `labcheck` without arguments list the commands and the exit statuses."""
    helped = labcheck("--help")
    assert helped.status == 0
    listed = set(re.findall(r"^    (\w+)", helped.out, re.MULTILINE))
    assert listed == {"LAB", *(command.name for command in commands())}
    assert "Exit status" in helped.out
    assert labcheck().out == labcheck("help").out == helped.out
    assert labcheck().status == 2
    assert labcheck("--version").out.startswith("labcheck ")


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", ["lab1", *(command.name for command in commands())])
def test_every_command_has_its_own_help(labcheck: Run, name: str) -> None:
    """`labcheck COMMAND --help` explains the command and each of its arguments."""
    helped = labcheck(name, "--help")
    assert (helped.status, helped.err) == (0, "")
    assert helped.out.startswith(f"usage: labcheck {name} ")
    assert helped.out == labcheck("help", name).out
    arguments = re.findall(r"^  ((?:-|[A-Z]+\b).*\n?.*)", helped.out, re.MULTILINE)
    assert arguments
    assert [each for each in arguments if not re.search(r" {2,}\S", each)] == []


@pytest.mark.parametrize(
    ("words", "formats"),
    [
        (["lab1"], "csv exercism github gradescope html json junit prairielearn"),
        (
            ["grade", "lab1", ".", "--out", "out"],
            "blackboard brightspace canvas csv json junit moodle moodle-worksheet nbgrader teams",
        ),
        (["report", "."], "blackboard brightspace canvas csv json junit moodle moodle-worksheet nbgrader teams"),
    ],
)
def test_formats_are_options(labcheck: Run, words: list[str], formats: str) -> None:
    """Each report format is an option of the commands that can write it, and of no other command."""
    listed = labcheck(words[0], "--help").out.partition("\nreports:")[2]
    assert re.findall(r"^  --([\w-]+) FILE", listed, re.MULTILINE) == formats.split()
    other = "canvas" if words == ["lab1"] else "gradescope"
    refused = labcheck(*words, f"--{other}", "file")
    assert (refused.status, "unrecognized arguments" in refused.err) == (2, True)


def test_too_many_files_are_refused(labcheck: Run, tmp_path: Path) -> None:
    """A folder with more files than a submission may contain is refused."""
    folder = tmp_path / "much"
    folder.mkdir()
    for number in range(MAX_FILES + 1):
        (folder / f"{number}.txt").touch()
    (folder / "webserver.py").touch()
    result = labcheck("lab1", folder)
    assert result.status == 2
    assert "contains more than 5,000 files" in result.err


def test_several_reports_at_once(labcheck: Run, tmp_path: Path) -> None:
    """JSON and HTML reports are written in addition to the terminal report, and agree with it."""
    result = labcheck("lab1", CHECKOUT / "labs" / "lab1", "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
    record = Record.from_json((tmp_path / "r.json").read_text())
    page = (tmp_path / "r.html").read_text()
    assert f"{record.score} of 29 requirements pass" in result.out
    assert f"<title>lab1: {record.score} of 29 requirements pass</title>" in page
    assert page.count('<details class="result failed"') == 14
    assert "http://" not in page.replace("http://localhost", "")


def test_json_on_standard_output_is_nothing_else(labcheck: Run) -> None:
    """With `--json -`, standard output contains only JSON."""
    assert json.loads(labcheck("lab1", CHECKOUT / "labs" / "lab1", "--only", "1.1", "--json", "-").out)["score"] == 1


def test_internal_error_is_reported_as_one() -> None:
    """An internal error in labcheck is reported as such, with exit status 3; the traceback is in a file."""
    code = (
        "import sys, labcheck.judging.judge as judge; judge.platform.system = None;"
        f"from labcheck.cli.main import main; sys.exit(main(['lab1', {str(CHECKOUT / 'solutions' / 'lab1')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "internal error in labcheck, not in your program" in done.stderr
    assert "Traceback" not in done.stderr
    details = Path(done.stderr.split("attach the file ")[1].split(",")[0])
    assert "Traceback" in details.read_text()
    details.unlink()


@pytest.mark.skipif(os.name != "posix", reason="needs Unix signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_grading_leaves_nothing(
    submission: Callable[..., Path], number: signal.Signals, status: int
) -> None:
    """Ctrl+C and SIGTERM end labcheck without a traceback, and the programs it started are gone."""
    folder = submission(TESTS / "lab1" / "hostile" / "accepts_never_answers.py")
    with subprocess.Popen(
        [sys.executable, "-m", "labcheck", "lab1", folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        grader = psutil.Process(process.pid)
        limit = time.monotonic() + 30
        while not (programs := grader.children()) and time.monotonic() < limit:
            time.sleep(0.01)
        assert programs
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == status
    assert "Traceback" not in said
    assert not any(program.is_running() for program in programs)


def test_interrupt_while_checks_are_collected(tmp_path: Path) -> None:
    """pytest catches an interrupt while it collects the checks; labcheck still ends as interrupted."""
    code = (
        "import sys; from labcheck.cli.main import main; from labcheck.judging import checks\n"
        "def interrupt(collector): raise KeyboardInterrupt\n"
        "checks.pytest_collectstart = interrupt\n"
        "sys.exit(main(['lab1', sys.argv[1]]))"
    )
    command = [sys.executable, "-c", code, str(CHECKOUT / "solutions" / "lab1")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nlabcheck: interrupted\n")


def test_hints_of_two_checks_are_shown_once(labcheck: Run) -> None:
    """A requirement with several checks has the title of the first one, and no hint twice."""
    shown = labcheck("hint", "lab2", "1.2").out
    assert shown.startswith("1.2  It answers each text message M with one text message")
    assert "\nhint 1 of 3: " in shown


def test_sheet_is_shown(labcheck: Run) -> None:
    """The whole sheet, or one step of it; a step that does not exist gets one line."""
    sheet = (CHECKOUT / "labs" / "lab1" / "README.md").read_text("utf-8")
    assert labcheck("sheet", "lab1").out == sheet
    step = labcheck("sheet", "lab1", "2").out
    assert step.startswith("## Step 2: pages made on the fly\n")
    assert step in sheet
    assert "\n## " not in step
    refused = labcheck("sheet", "lab1", "7")
    assert (refused.status, refused.out) == (2, "")
    assert "the sheet of lab1 has no step 7; steps: 1 to 6" in refused.err


def test_reset_keeps_what_was_there(labcheck: Run, tmp_path: Path) -> None:
    """Starter files are put back, and a copy of each changed one is kept; nothing else changes."""
    labcheck("start", "lab1")
    folder = tmp_path / "here" / "lab1"
    program, starter = folder / "webserver.py", (CHECKOUT / "labs" / "lab1" / "webserver.py").read_text("utf-8")
    assert labcheck("reset", "lab1").out == "webserver.py is as it was at the start\n"
    for number, name in enumerate(("webserver.py.old", "webserver.py.old1")):
        program.write_text(f"mine {number}")
        said = labcheck("reset", "lab1").out
        assert said == f"webserver.py is as it was at the start; what you had is in {name}\n"
        assert (program.read_text("utf-8"), (folder / name).read_text("utf-8")) == (starter, f"mine {number}")
    (folder / "site" / "index.html").unlink()
    assert labcheck("reset", "lab1", "site/index.html").status == 0
    assert (folder / "site" / "index.html").is_file()
    program.write_text("mine")
    refused = labcheck("reset", "lab1", "webserver.py", "webserver")
    assert (refused.status, program.read_text("utf-8")) == (2, "mine")
    assert "lab1 has no starter file 'webserver'. Did you mean 'webserver.py'?" in refused.err


def test_solution_is_compared(labcheck: Run, tmp_path: Path) -> None:
    """`--diff` shows what to change, as `diff -u` does, and copies nothing; patch(1) understands it."""
    labcheck("start", "lab2")
    here = tmp_path / "here"
    (here / "lab2" / "chat_client.py").unlink()
    diff = labcheck("solution", "lab2", "--diff").out
    assert not (here / "lab2-solution").exists()
    assert diff.startswith("--- echo_server.py\tyours\n+++ echo_server.py\tthe solution\n@@ ")
    assert all(f"--- {program.file}\tyours\n" in diff for program in load_lab("lab2").programs)
    need("patch")
    subprocess.run(["patch", "-s", "-d", here / "lab2", "-p0"], input=diff, text=True, check=True)
    for program in load_lab("lab2").programs:
        solution = (CHECKOUT / "solutions" / "lab2" / program.file).read_text("utf-8")
        assert (here / "lab2" / program.file).read_text("utf-8") == solution
    assert labcheck("solution", "lab2", here / "lab2", "--diff").out == ""


def test_report_says_what_has_changed(labcheck: Run, with_program: Callable[..., Path]) -> None:
    """The outcomes of the last run are remembered for each folder, also for a part of the lab."""
    folder, other = CHECKOUT / "solutions" / "lab1", CHECKOUT / "labs" / "lab1"
    copy = with_program("lab1", "webserver", (other / "webserver.py").read_text("utf-8"))
    assert "since the last run" not in labcheck("lab1", copy, "--only", "2.1", "--only", "1.1").out
    (copy / "webserver.py").write_bytes((folder / "webserver.py").read_bytes())
    assert "since the last run" not in labcheck("lab1", other, "--only", "2.1").out
    assert "  since the last run: 2.1 passes now\n" in labcheck("lab1", copy, "--only", "2").out
    assert "since the last run" not in labcheck("lab1", copy, "--only", "2").out


def test_name_of_a_lab_may_be_completed_by_the_shell(labcheck: Run, tmp_path: Path) -> None:
    """Tab completes the name of the lab's folder with a slash; `start` inside the folder makes no second one."""
    assert labcheck("start", "lab1/").status == 0
    assert labcheck("lab1/", "--only", "1.1").status == 0
    inside = tmp_path / "here" / "lab1"
    (inside / "README.md").unlink()
    started = labcheck("start", "lab1", cwd=inside)
    assert "lab1 is in this folder. Read README.md, edit webserver.py, then run: labcheck lab1\n" in started.out
    assert (inside / "README.md").is_file()
    assert not (inside / "lab1").exists()


@pytest.mark.parametrize("command", ["start", "solution"])
def test_file_in_the_way_of_a_folder(labcheck: Run, tmp_path: Path, command: str) -> None:
    """A file in the place of the target folder, or above it, gets one line."""
    file = tmp_path / "here" / "taken"
    file.write_text("mine")
    for target in ("taken", "taken/below"):
        refused = labcheck(command, "lab1", target)
        assert refused.status == 2
        assert "taken is not a folder; move it, or give another DIR" in refused.err
        assert refused.err.count("\n") == 1
    assert file.read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="Windows does not remove the current folder of a process")
def test_current_folder_is_gone(tmp_path: Path) -> None:
    """A shell may be in a folder that was removed: one line says so."""
    (tmp_path / "x").mkdir()
    command = f'cd x; rmdir ../x; exec "{sys.executable}" -m labcheck lab1 "{CHECKOUT / "solutions" / "lab1"}"'
    done = subprocess.run(
        [need("sh"), "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "the current folder is gone" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.sample(1)
@pytest.mark.parametrize("level", ["1", "2"])
def test_optimized_python_changes_nothing(labcheck: Run, level: str) -> None:
    """PYTHONOPTIMIZE removes assertions and docstrings, which are the checks and their titles."""
    folder, words = CHECKOUT / "labs" / "lab1", ("--only", "2", "--seed", "1")
    usual = labcheck("lab1", folder, *words)
    optimized = labcheck("lab1", folder, *words, PYTHONOPTIMIZE=level)
    assert optimized.status == usual.status == 1
    assert re.sub(r"\d\.\d s", "", optimized.out) == re.sub(r"\d\.\d s", "", usual.out)


@pytest.mark.sample(2)
@pytest.mark.parametrize("text", [None, "def broken(:"], ids=["missing", "mistake"])
@pytest.mark.parametrize("sandbox", ["none", pytest.param("limits", marks=needs_fork)])
def test_damaged_installation_gives_no_score(
    labcheck: Run, tmp_path: Path, text: str | None, sandbox: str, open_python: str
) -> None:
    """A file of a suite that is missing or broken is an error in the lab, without a score and without a traceback."""
    for name in ("labs", "solutions"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    package = tmp_path / "checks" / "labcheck"
    shutil.copytree(CHECKOUT / "checks" / "labcheck", package, ignore=shutil.ignore_patterns("__pycache__"))
    file = package / "suites" / "lab1" / "test_3_files.py"
    file.unlink()
    if text is not None:
        file.write_text(text)
    words = ("lab1", CHECKOUT / "solutions" / "lab1", "--sandbox", sandbox, "--python", open_python)
    open_to_all(tmp_path)
    result = labcheck(*words, PYTHONPATH=str(package.parent), TMPDIR=str(tmp_path))
    assert (result.status, result.out) == (3, "")
    assert result.err.startswith("labcheck: error in the lab, not in your program: checks/labcheck/suites/lab1")
    assert result.err.count("\n") == 1
    assert ("there is no check of 3.1, 3.2" if text is None else "test_3_files.py:1: SyntaxError") in result.err


def test_details_of_an_internal_error_cannot_be_saved(tmp_path: Path) -> None:
    """Without a place for the details, an internal error is still reported as one."""
    code = (
        "import sys, tempfile\n"
        "from labcheck.cli.main import main\n"
        f"tempfile.tempdir = {str(tmp_path / 'nowhere')!r}\n"
        "sys.exit(main(['lab1', '.']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT / "solutions" / "lab1",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "internal error in labcheck, not in your program" in done.stderr
    assert "the details could not be saved" in done.stderr
    assert "Traceback" not in done.stderr


def test_broken_state_file_is_ignored(labcheck: Run, tmp_path: Path) -> None:
    """All commands work if the file with the progress is broken or cannot be written."""
    memory = tmp_path / "state" / "labcheck"
    memory.mkdir(parents=True)
    (memory / "state.json").write_text("{broken")
    assert labcheck("list").status == 0
    assert labcheck("hint", "lab1", "1.1").status == 0
    assert labcheck("list", XDG_STATE_HOME=os.devnull).status == 0


def test_broken_check_earns_no_point(labcheck: Run, tmp_path: Path) -> None:
    """A bug in what a check calls is an internal error: no point for it, which the report says first (3)."""
    broken = "def today(*_): raise ZeroDivisionError('labcheck is wrong')"
    code = (
        "import sys; from labcheck import suite; from labcheck.cli.main import main\n"
        f"exec(compile({broken!r}, suite.__file__, 'exec'))\n"
        "suite.Server.today = today\n"
        f"sys.exit(main(['lab1', {str(CHECKOUT / 'solutions' / 'lab1')!r}, '--json', {str(tmp_path / 'r.json')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    record = Record.from_json((tmp_path / "r.json").read_text())
    assert [each.id for each in record.of(Outcome.ERROR)] == ["2.3", "2.5"]
    assert (record.score, record.open) == (27, ["2.3", "2.5"])
    assert not record.all_passed
    _, first, rest = done.stdout.partition("The points are provisional: 2.3, 2.5 could not be checked.")
    assert first
    assert "1.1  It accepts" in rest
    assert "2 could not be checked" in done.stdout
    details = Path(done.stderr.split("attach the file ")[1].split(",")[0])
    assert "labcheck is wrong" in details.read_text()
    details.unlink()


def test_program_can_be_given_instead_of_its_folder(
    labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """If the program file is given instead of its folder, the whole folder is checked."""
    folder = submission("import helper", **{"helper.py": "raise SystemExit('the helper was found')"})
    result = labcheck("lab1", folder / "webserver.py", "--only", "1.1")
    assert "the helper was found" in result.out


def test_archive_is_checked_like_a_folder(labcheck: Callable[..., Result], tmp_path: Path) -> None:
    """An archive is unpacked and checked, with full transcripts; an invalid archive gets a one-line error message."""
    archive = shutil.make_archive(str(tmp_path / "work"), "gztar", CHECKOUT / "solutions" / "lab1")
    result = labcheck("lab1", archive, "--only", "2.3", "--json", "-")
    assert result.record.score == 1
    assert next(each for each in result.record.requirements if each.id == "2.3").transcript
    (tmp_path / "empty.zip").write_bytes(b"")
    refused = labcheck("lab1", tmp_path / "empty.zip")
    assert refused.status == 2
    assert refused.err.count("\n") == 1


def test_what_was_chosen_from_an_archive_is_printed(labcheck: Callable[..., Result], tmp_path: Path) -> None:
    """If a program in an archive has another name, one line says so, apart from the report."""
    place = tmp_path / "work"
    place.mkdir()
    shutil.copy(CHECKOUT / "solutions" / "lab1" / "webserver.py", place / "WebServer.py")
    result = labcheck("lab1", shutil.make_archive(str(place), "zip", place), "--only", "2.3", "--json", "-")
    assert result.record.score == 1
    assert result.err == "labcheck: took WebServer.py for webserver.py\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces")
@pytest.mark.parametrize("words", [["--sandbox", "required"], ["--require-sandbox"]], ids=" ".join)
def test_required_sandbox_is_used(
    words: list[str], labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """If it is required, a program cannot see the files of this machine, and the record names the sandbox."""
    need("bwrap")
    folder = submission("import os, sys; sys.exit(' '.join(sorted(os.listdir('/'))) + os.getcwd())")
    result = labcheck("lab1", folder, "--only", "1.1", *words, "--json", "-")
    assert result.record.sandbox == "namespaces"
    seen = result.record.programs[0].stderr
    assert "usr" in seen
    assert not {"boot", "mnt", "sys", "var"} & set(seen.split())
    assert str(folder) not in seen


def commands_in(output: str) -> list[str]:
    """Return the lines that a GitHub Actions runner takes for commands (actions/runner, ActionCommand.cs)."""
    commands, token = [], ""
    for line in output.splitlines():
        text = line.lstrip()
        if token:
            token = "" if text == f"::{token}::" else token
        elif text.startswith("::stop-commands::"):
            token = text.removeprefix("::stop-commands::")
        elif text.startswith("::") or "##[" in text:
            commands.append(text)
    assert not token
    return commands


BREAKS = r"""
import sys
print("::error::forged", "##[error]forged", "::add-path::/forged", sep="\n", file=sys.stderr)
int("port")
"""


def test_step_of_a_workflow(labcheck: Run, submission: Callable[..., Path], tmp_path: Path) -> None:
    """GitHub shows a summary, and an error at the line that failed; a program's output cannot issue commands."""
    folder, summary = submission(BREAKS), tmp_path / "summary.md"
    summary.write_text("# Before\n\n")
    step = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path), "GITHUB_STEP_SUMMARY": str(summary)}
    told = labcheck("lab1", folder, **step)
    assert "add-path::/forged" in told.out
    (error,) = commands_in(told.out)
    assert error.startswith("::error file=submission/webserver.py,line=4,title=1.1 ")
    assert "ValueError" in error
    text = summary.read_text("utf-8")
    assert text.startswith("# Before\n")
    assert "0 of 29 points" in text
    assert labcheck("lab1", folder, "--json", "-", **step).record.score == 0
    assert summary.read_text("utf-8").count("0 of 29 points") == 2
    assert commands_in(labcheck("lab1", CHECKOUT / "solutions" / "lab1", **step).out) == []


def test_replay_shows_everything_that_was_exchanged(labcheck: Run, submission: Callable[..., Path]) -> None:
    """The replay of a failed requirement shows the same bytes, the same failure and the same exit status."""
    folder = submission(load_lab("lab1").starter / "webserver.py")
    failed = labcheck("lab1", folder, "--seed", "7", "--json", "-").record
    found = next(each for each in failed.requirements if each.id == "2.2")
    line = replay(failed, found)
    assert line == f"labcheck replay lab1 2.2 --seed 7 {folder}"
    again = labcheck(*line.split()[1:])
    assert again.status == 1
    for text in (found.expected, found.transcript[0]["data"].partition("\r\n")[0], "2.2 The page shows"):
        assert text in again.out
    assert labcheck("replay", "lab1", "1.1", folder).status == 0


@pytest.mark.parametrize("inside", [True, False])
def test_replay_needs_no_folder_where_labcheck_finds_it(labcheck: Run, tmp_path: Path, inside: bool) -> None:
    """The command that is shown names the folder only if it is neither the current one nor the lab's folder in it."""
    here = tmp_path / "here"
    assert labcheck("start", "lab1").status == 0
    cwd = here / "lab1" if inside else here
    assert re.search(
        r"labcheck replay lab1 2\.1 --seed 7$", labcheck("lab1", "--only", "2.1", "--seed", 7, cwd=cwd).out, re.M
    )


def test_replay_leaves_the_server_running(submission: Callable[..., Path], tmp_path: Path) -> None:
    """After the replay, the server answers on the usual port until Enter is pressed; what it prints is shown."""
    lab = load_lab("lab1")
    folder = submission(lab.solution / "webserver.py")
    command = [sys.executable, "-m", "labcheck", "replay", "lab1", "2.1", str(folder), "--stay"]

    def stays() -> bool:
        until(lambda: is_free(lab.port, even_lately_used=True))
        with subprocess.Popen(
            command, cwd=tmp_path, env=OUTSIDE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            said, last = "", "Press Enter here to end it.\n"
            while not said.endswith(last) and (line := process.stdout.readline()):
                said += line
            if f"another program, uses port {lab.port}" in said:
                return False
            assert said.endswith(last)
            address = re.findall(r"curl -i (http://\S+\.zzz)", said)[-1]
            with urllib.request.urlopen(address, timeout=30) as answer:
                assert answer.status == 200
            process.stdin.write("\n")
            process.stdin.close()
            assert process.wait(30) == 0
        return True

    until(stays)  # a wrong program of another test may listen on that port at any moment
    until(lambda: is_free(lab.port, even_lately_used=True))


def test_replay_needs_one_requirement(labcheck: Run) -> None:
    """A step has several requirements; the replay is for one."""
    result = labcheck("replay", "lab1", "2")
    assert result.status == 2
    assert result.err.startswith("labcheck: 2 is not a single requirement; give one of these: 2.1, 2.2")
