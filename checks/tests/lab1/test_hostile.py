"""Broken and hostile programs get a verdict in bounded time and leave nothing behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, failed, not_passed, programs
from labcheck.program.ports import Port
from labcheck.record.record import Outcome, Record
from labcheck.submission.limits import MAX_BYTES
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("nothing_is_left")
HOSTILE = TESTS / "lab1" / "hostile"
NEVER_ANSWERS = "accepts connections, but never answers"
NEVER_ENDS = "begins to answer, but never ends"
NOT_HTTP = "answers, but not in HTTP"

# Programs that cannot be checked: the verdict, the requirement that reports it, and words of its reason.
GIVEN_UP = {
    "syntax_error": ("did not start", "1.1", "SyntaxError: 'return' outside function (webserver.py, line 7)"),
    "crashes_at_import": ("did not start", "1.1", "KeyError: 'port' (webserver.py, line 6)"),
    "stdin_reader": ("did not start", "1.1", "EOFError"),
    "exits_at_once": ("exited", "1.1", "exit status 0"),
    "never_binds": ("never listened", "1.1", "did not listen on port"),
    "accepts_never_answers": (NEVER_ANSWERS, "2.1", "no byte for"),
    "binds_never_accepts": (NEVER_ANSWERS, "2.1", "no byte for"),
    "one_byte_a_second": (NEVER_ENDS, "2.1", "the empty line that ends the headers"),
    "half_status_line": (NEVER_ENDS, "2.1", "the empty line that ends the headers"),
    "closes_at_once": (NEVER_ANSWERS, "2.1", "closed without an answer"),
    "resets": (NEVER_ANSWERS, "2.1", "closed without an answer"),
    "garbage": (NOT_HTTP, "2.1", "it answers, but not in HTTP"),
    "endless_headers": (NEVER_ENDS, "2.1", "the headers do not end"),
    "huge_header_line": (NEVER_ENDS, "2.1", "the headers do not end"),
    "endless_body": (NEVER_ENDS, "2.1", "the answer does not end"),
}

# Programs that can be checked: the requirements that they must fail, and those that they must pass.
CHECKED = {
    "answers_then_dies": ({"2.1"}, {"1.1", "1.2"}),
    "wrong_content_length": ({"3.6"}, {"1.1", "1.4", "2.1", "3.1", "3.3", "3.7", "6.3"}),
    "ignores_signals": ({"1.3"}, {"1.1", "1.4", "3.1", "3.3"}),
    "daemon_left_behind": ({"1.3"}, {"1.1", "3.1", "3.3"}),
    "fork_storm": ({"4.1"}, {"1.1", "3.1", "3.3"}),
    "floods_stdout": ({"4.1"}, {"1.1", "1.2", "3.1", "3.3"}),
    "floods_stderr": ({"4.1"}, {"1.1", "1.2", "3.1", "3.3"}),
    "answers_early": ({"2.2", "3.1", "4.1"}, {"1.1"}),
    "redirect_loop": ({"2.1", "3.1"}, {"1.1"}),
    "deletes_its_folder": ({"2.1", "3.1"}, {"1.1"}),
    "edits_its_original": ({"4.1"}, {"1.1", "3.1"}),
}


def test_every_hostile_program_has_its_verdict() -> None:
    """Each program in the folder is in one of the tables or has a test of its own."""
    assert {path.stem for path in HOSTILE.glob("*.py")} == {*GIVEN_UP, *CHECKED, "hard_coded_port", "loses_its_folder"}


@pytest.mark.sample(2)
@pytest.mark.parametrize("program", programs(HOSTILE / f"{name}.py" for name in GIVEN_UP))
def test_program_that_cannot_be_checked_is_given_up_at_once(
    program: Path, labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """One requirement reports the verdict; those after it are not run, and it takes no longer than one deadline."""
    verdict, first, words = GIVEN_UP[program.stem]
    result = labcheck("lab1", submission(program), "--json", "-")
    record = result.record
    assert result.status == 1
    assert failed(record) == [first]
    assert words in not_passed(record)[first]
    assert record.programs[0].verdict == verdict
    assert all(verdict in each.reason for each in record.of(Outcome.NOT_RUN))
    assert record.seconds < 25


@pytest.mark.sample(3)
@pytest.mark.parametrize("program", programs(HOSTILE / f"{name}.py" for name in CHECKED))
def test_program_that_serves_is_checked_for_what_it_does(
    program: Path, labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """A program that serves gets the points that it earns, no matter what else it does."""
    must_fail, must_pass = CHECKED[program.stem]
    folder = submission(program, **{"canary.txt": "as it was\n"})
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    record = labcheck("lab1", folder, "--json", "-").record
    assert must_fail <= set(failed(record)), not_passed(record)
    assert not must_pass & set(not_passed(record)), not_passed(record)
    assert not record.of(Outcome.ERROR)
    assert record.seconds < 65
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep a program from renaming its folder")
@pytest.mark.sample(2)
@pytest.mark.parametrize("how", ["link", "loop", "renamed", "file", "locked", "pipe", "kernel_log"])
def test_program_that_spoils_its_folder_loses_only_by_it(
    how: str, labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """What it does to its own folder is its own loss: no check ends with an internal error, and none is passed."""
    source = (HOSTILE / "loses_its_folder.py").read_text().replace('HOW = "link"', f'HOW = "{how}"')
    record = labcheck("lab1", submission(source), "--json", "-").record
    assert not record.of(Outcome.ERROR), not_passed(record)
    assert {each.id for each in record.of(Outcome.PASSED)} == {"1.1", "1.2", "1.3", "1.4"}
    assert record.seconds < 60


def test_hard_coded_port_is_named(labcheck: Callable[..., Result], submission: Callable[..., Path]) -> None:
    """If a program listens on another port than its argument, the reason names that port."""
    port = Port()  # reserved: no connection of another test can get it
    source = (HOSTILE / "hard_coded_port.py").read_text().replace("8001", str(port.number))
    record = labcheck("lab1", submission(source), "--json", "-").record
    port.release()
    assert record.programs[0].verdict == "listens on another port"
    assert f"listens on port {port.number}, not on port" in record.requirements[0].reason


def test_port_that_another_program_holds_is_reported(
    labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """If a program uses a fixed port that is taken, the reason says so."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        source = (HOSTILE / "hard_coded_port.py").read_text().replace("8001", str(other.getsockname()[1]))
        record = labcheck("lab1", submission(source), "--json", "-").record
    assert record.programs[0].verdict == "another program holds the port"
    assert "tried to listen on a port that another program uses" in record.requirements[0].reason


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_other_address_of_the_machine_is_named(
    labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """If a program listens on its port, but only on another address of the machine, the reason names that address."""
    source = "import sys\n" + (HOSTILE / "hard_coded_port.py").read_text()
    source = source.replace('"127.0.0.1", 8001', '"127.0.1.1", int(sys.argv[1])')
    record = labcheck("lab1", submission(source), "--json", "-").record
    assert record.programs[0].verdict == "listens on another address"
    assert "listens on 127.0.1.1 (port " in record.requirements[0].reason


@pytest.mark.parametrize(("only", "first"), [("1", "1.3"), ("2", "2.1"), ("3", "3.1")])
def test_server_that_ends_after_its_first_client_fails_once(
    only: str, first: str, labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """The first failure says that it ended by itself; what follows from that is not run."""
    source = (CHECKOUT / "solutions" / "lab1" / "webserver.py").read_text("utf-8")
    folder = submission(source.replace("serve_forever()", "handle_request()"))
    record = labcheck("lab1", folder, "--only", only, "--json", "-").record
    said = "webserver.py ended by itself with exit status 0 after its first client"
    assert [each.reason for each in record.of(Outcome.FAILED)] == [said], not_passed(record)
    assert failed(record) == [first]
    assert all(each.reason == said or each.reason.startswith("needs ") for each in record.of(Outcome.NOT_RUN))
    verdicts = {program.verdict for program in record.programs}
    assert "ended after its first client" in verdicts
    assert "answered and then died" not in verdicts


def test_server_that_dies_after_its_first_answer_has_died(
    labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """A program that a request has killed did not end by itself."""
    record = labcheck("lab1", submission(HOSTILE / "answers_then_dies.py"), "--only", "2", "--json", "-").record
    assert "answered and then died" in {program.verdict for program in record.programs}
    assert "by itself" not in "".join(not_passed(record).values())


def test_program_that_ends_between_two_checks_fails_none_of_them(
    labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """The check after the one whose last request has ended the program is run again, with a new one."""
    lab = load_lab("lab1")
    ends = """self.send_error(413)
            if int(length) > 2 * FORM_LIMIT:
                import threading
                self.server.socket.close()
                threading.Timer(0.3, os._exit, (1,)).start()"""
    solution = (lab.solution / "webserver.py").read_text("utf-8")
    assert solution.count("self.send_error(413)") == 1
    record = labcheck("lab1", submission(solution.replace("self.send_error(413)", ends)), "--json", "-").record
    assert record.all_passed, not_passed(record)
    assert "answered and then died" in {program.verdict for program in record.programs}


THREAD_DIES = """\
import socket, sys, threading

kept = []

def serve(client):
    kept.append(client)
    client.recv(65536).split()[99]

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
"""


def test_exception_that_leaves_a_connection_open_is_the_cause(
    labcheck: Callable[..., Result], submission: Callable[..., Path], hurry: float
) -> None:
    """A thread that has died is why no answer came, and the program is not called silent."""
    record = labcheck("lab1", submission(THREAD_DIES), "--only", "2", "--slow", hurry, "--json", "-").record
    first, *others = [each for each in record.requirements if each.id in record.selected]
    assert first.outcome is Outcome.FAILED
    assert first.reason == "your program raised IndexError: list index out of range (webserver.py, line 7)"
    assert {each.reason for each in others} == {"webserver.py raises an exception instead of answering"}


def test_file_that_hides_a_library_is_named(labcheck: Callable[..., Result], submission: Callable[..., Path]) -> None:
    """If a student's http.py hides the library http, the reason names it."""
    solution = CHECKOUT / "solutions" / "lab1" / "webserver.py"
    record = labcheck("lab1", submission(solution, **{"http.py": "x = 1\n"}), "--json", "-").record
    assert record.programs[0].verdict == "hides a library"
    assert "your http.py hides the library http" in record.requirements[0].reason


@pytest.mark.parametrize("how", ["module", "script"])
def test_files_of_the_student_are_not_loaded(
    labcheck: Callable[..., Result], submission: Callable[..., Path], how: str, tmp_path: Path
) -> None:
    """No file in the student's folder runs in the grader, even if labcheck is started there."""
    solution = CHECKOUT / "solutions" / "lab1" / "webserver.py"
    trap = f"open({str(tmp_path / 'trapped')!r}, 'a').write(__name__)\nraise SystemExit('trapped')\n"
    names = ["websockets", "conftest", "sitecustomize", "usercustomize", "pytest", "rich", "psutil"]
    files = {f"{name}.py": trap for name in names} | {"pytest.ini": "[pytest]\naddopts = --collect-only\n"}
    folder = submission(solution, **files)
    script = Path(sys.executable).with_name("labcheck")
    command = [sys.executable, "-m", "labcheck"] if how == "module" else [str(script)]
    done = subprocess.run(
        [*command, "lab1"], cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTEST_ADDOPTS": "--collect-only", "PYTEST_PLUGINS": "conftest"},
    )  # fmt: skip
    assert "29 of 29 requirements pass" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "trapped").exists()


def test_result_is_written_after_the_submission_s_processes_have_ended(
    labcheck: Callable[..., Result], submission: Callable[..., Path], tmp_path: Path
) -> None:
    """A daemon that rewrites every result that it finds has ended before the result is written."""
    results = tmp_path / "results"
    results.mkdir()
    decoy, result = results / "decoy.json", results / "result.json"
    decoy.write_text("{}")
    source = (HOSTILE / "daemon_left_behind.py").read_text()
    folder = submission(source.replace("def prey", f"os.environ['PREY'] = {str(results)!r}\n\n\ndef prey", 1))
    labcheck("lab1", folder, "--json", result)
    # The daemon may have been killed in the middle of writing.
    assert decoy.read_text() != "{}", "the daemon did not try"
    record = Record.from_json(result.read_text())
    assert record.score < record.max_score


def test_links_to_large_folders_are_not_followed(
    labcheck: Callable[..., Result], submission: Callable[..., Path]
) -> None:
    """A link to a folder that is too large to be copied is left out; the program itself may still be a link."""
    folder = submission(CHECKOUT / "solutions" / "lab1" / "webserver.py")
    (folder / "webserver.py").rename(folder.parent / "elsewhere.py")
    (folder / "webserver.py").symlink_to(folder.parent / "elsewhere.py")
    (folder / "site").symlink_to(folder.parent / "large")
    (folder.parent / "large").mkdir()
    with (folder.parent / "large" / "file").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert labcheck("lab1", folder, "--json", "-").record.score == 29


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_flood_does_not_fill_the_memory(submission: Callable[..., Path]) -> None:
    """1 GB on standard output leaves the peak memory of labcheck below 120 MB."""
    folder = submission(HOSTILE / "floods_stdout.py")
    # Not ru_maxrss: it includes the memory of the parent process.
    code = (
        "import sys; from labcheck.cli.main import main; sys.argv[1:] = ['lab1', sys.argv[1]]; status = main();"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout.splitlines()[-1]) < 120_000
