"""What is reported about a program that went wrong: the words, and the place in the student's own file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from labcheck.errors import NotReadyError, Place, Unreadable, Verdict
from labcheck.program.diagnosis import Diagnosis
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from pathlib import Path

RAISED = """\
Traceback (most recent call last):
  File "{folder}/webserver.py", line 12, in <module>
    main()
  File "{folder}/parts/page.py", line 3, in main
    int("x")
  File "/usr/lib/python3.11/library.py", line 9, in int
ValueError: no
"""


@pytest.fixture
def diagnosis(tmp_path: Path) -> Diagnosis:
    """A web server with port 20000 as its argument."""
    spec = load_lab("lab1").programs[0]
    (tmp_path / spec.file).write_text("pass")
    return Diagnosis(spec, tmp_path, "/usr/bin/python3", 20_000, 8001)


def test_last_place_in_the_students_files_is_reported(diagnosis: Diagnosis) -> None:
    """The innermost frame in the student's folder counts, in any of their modules."""
    told = diagnosis.explain(RAISED.format(folder=diagnosis.folder))
    assert told == "ValueError: no (parts/page.py, line 3)"
    assert (told.said, told.place) == ("ValueError: no", Place("parts/page.py", 3))


@pytest.mark.parametrize(
    "said", ["re.error: missing )", "KeyError: 'x'", "StopIteration", "binascii.Error: odd\nhint: x"]
)
def test_exception_is_found_among_other_lines(diagnosis: Diagnosis, said: str) -> None:
    """The line that names the exception counts, also if its name does not end with Error and other lines follow it."""
    rest = f'{"-" * 40}\n"GET /next HTTP/1.1" 200 -\n'
    text = f'Traceback (most recent call last):\n  File "page.py", line 3, in find\n    x: int = find()\n{said}\n{rest}'
    for found in (diagnosis.explain(text), diagnosis.cause(f"{'-' * 40}\n{text}")):
        assert found == f"{said.splitlines()[0]} (page.py, line 3)"


@pytest.mark.parametrize(
    "file", ["/etc/passwd.py", "../secret.py", "a/../../b.py", "C:\\x.py", "C:/x.py", "notes.txt", "<string>"]
)
def test_other_files_are_not_the_students(diagnosis: Diagnosis, file: str) -> None:
    """A path that leads out of the submission, or not to a program, is not one of the student's files."""
    told = diagnosis.explain(f'Traceback (most recent call last):\n  File "{file}", line 3\nValueError: no\n')
    assert (told, told.place) == ("ValueError: no", None)


@pytest.mark.parametrize(
    ("stderr", "status", "verdict", "said"),
    [
        (RAISED, 1, Verdict.NOT_STARTED, "ended with exit status 1 before it listened: ValueError: no (parts/page.py"),
        ("", -9, Verdict.NOT_STARTED, "ended with signal 9 before it listened"),
        ("", 0, Verdict.EXITED, "ended at once with exit status 0 and never listened"),
        (
            "OSError: [Errno 98] Address already in use",
            1,
            Verdict.PORT_TAKEN,
            "port 20000 (its first argument) is free",
        ),
        ("ImportError: cannot import name 'x' from 'http'", 1, Verdict.HIDES_LIBRARY, "your http.py hides the library"),
    ],
)
def test_why_it_ended(diagnosis: Diagnosis, stderr: str, status: int, verdict: Verdict, said: str) -> None:
    """Each cause has its own verdict and sentence."""
    (diagnosis.folder / "http.py").write_text("")
    stderr = stderr.format(folder=diagnosis.folder)
    error = diagnosis.ended(status, stderr, raised="Traceback" in stderr, over_memory=False)
    assert isinstance(error, NotReadyError)
    assert error.verdict is verdict
    assert said in str(error)
    assert error.place == (Place("parts/page.py", 3) if stderr.startswith("Traceback") else None)


@pytest.mark.parametrize(
    "said",
    [
        "OSError: [Errno 98] Address already in use",
        "OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8765): address already in use",
        "OSError: [Errno 48] error while attempting to bind on address ('127.0.0.1', 8765): address already in use",
        "OSError: [WinError 10048] Normalerweise darf jede Socketadresse nur jeweils einmal verwendet werden",
        "OSError: [Errno 10048] error while attempting to bind on address ('::1', 8765, 0, 0): only one usage of each "
        "socket address (protocol/network address/port) is normally permitted",
        "[ERROR] Connection in use: ('127.0.0.1', 8765)",
    ],
)
def test_port_that_is_taken_is_recognized(diagnosis: Diagnosis, said: str) -> None:
    """Every library and system words it differently."""
    assert diagnosis.ended(1, said, raised=False, over_memory=False).verdict is Verdict.PORT_TAKEN


@pytest.mark.parametrize(
    ("traceback", "verdict"),
    [
        (
            '  File "socketserver.py", line 472, in server_bind\n    self.socket.bind(self.server_address)\n'
            "PermissionError: [Errno 13] Permission denied",
            Verdict.OTHER_PORT,
        ),
        (
            "PermissionError: [Errno 13] error while attempting to bind on address ('::1', 80): permission denied",
            Verdict.OTHER_PORT,
        ),
        ("PermissionError: [Errno 13] Permission denied: 'notes.txt'", Verdict.NOT_STARTED),
    ],
)
def test_port_that_a_program_may_not_use_is_recognized(diagnosis: Diagnosis, traceback: str, verdict: Verdict) -> None:
    """Ports below 1024 belong to root, and under a protection, most others do not belong to the program."""
    error = diagnosis.ended(1, f"Traceback (most recent call last):\n{traceback}", raised=True, over_memory=False)
    assert error.verdict is verdict
    assert ("port 20000 (its first argument) is free" in str(error)) == (verdict is Verdict.OTHER_PORT)


def test_address_that_does_not_exist_is_not_taken(diagnosis: Diagnosis) -> None:
    """Other errors of bind() are no taken port."""
    said = (
        "OSError: [Errno 99] error while attempting to bind on address ('10.9.8.7', 1): cannot assign requested address"
    )
    assert diagnosis.ended(1, said, raised=True, over_memory=False).verdict is Verdict.NOT_STARTED


def test_client_that_ended_early_is_told_its_port(diagnosis: Diagnosis) -> None:
    """A client may have connected to another port, so the reason names its own."""
    client = replace(diagnosis, spec=load_lab("lab2").programs[1])
    (client.folder / client.spec.file).write_text("pass")
    text = str(client.ended(0, "", raised=False, over_memory=False))
    assert text == "echo_client.py ended with exit status 0 without having connected to port 20000 (its first argument)"
    text = str(client.ended(1, "Traceback\nConnectionRefusedError: no", raised=True, over_memory=False))
    assert text.endswith("before it connected to port 20000 (its first argument): ConnectionRefusedError: no")


def test_missing_library_names_the_interpreter(diagnosis: Diagnosis) -> None:
    """By hand, the student may use another interpreter than labcheck does."""
    said = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'flask.views'\n"
    text = str(diagnosis.ended(1, said, raised=True, over_memory=False))
    assert "; if flask is a library, install it for /usr/bin/python3, or choose another interpreter with" in text


def test_missing_file_is_reported(diagnosis: Diagnosis) -> None:
    """If the file of the program is missing, the error says so."""
    (diagnosis.folder / diagnosis.spec.file).unlink()
    assert str(diagnosis.ended(2, "", raised=False, over_memory=False)) == "there is no webserver.py in the folder"


def test_ports_that_are_not_its_own_are_named(diagnosis: Diagnosis) -> None:
    """If a program listens on other ports, the error names them and the expected port."""
    text = str(diagnosis.listens_elsewhere({8001, 80}))
    assert "listens on port 80 and 8001, not on port 20000 (its first argument)" in text


def test_other_addresses_are_named(diagnosis: Diagnosis) -> None:
    """If a program listens on its port at other addresses only, the error names them, and where labcheck looks."""
    error = diagnosis.listens_on_other_address({"192.168.0.7", "127.0.1.1"})
    assert error.verdict is Verdict.OTHER_ADDRESS
    assert "on 127.0.1.1 and 192.168.0.7 (port 20000), not on 127.0.0.1, ::1 or all addresses" in str(error)


@pytest.mark.parametrize(
    ("file", "said", "hides"),
    [
        ("html.py", "AttributeError: module 'html' has no attribute 'escape'", True),
        ("email.py", "ModuleNotFoundError: No module named 'email.utils'; 'email' is not a package", True),
        ("email/__init__.py", "ModuleNotFoundError: No module named 'email.utils'", True),
        ("random.py", "ImportError: cannot import name 'randint' from 'random' (random.py)", True),
        (
            "socket.py",
            "AttributeError: partially initialized module 'socket' has no attribute 'socket' (most likely due to a "
            "circular import)",
            True,
        ),
        ("json.py", "ImportError: cannot import name 'x' from partially initialized module 'json' (most likely", True),
        ("os.py", "AttributeError: module 'os' has no attribute 'fork'", False),  # os is found before any file
        ("page.py", "AttributeError: module 'page' has no attribute 'make'", False),  # not a library
        ("other.py", "AttributeError: module 'html' has no attribute 'quote'", False),  # no file hides it
        ("html.py", "ImportError: cannot import name 'html' from 'page' (page.py)", False),
        ("html.py", "NameError: name 'html' is not defined", False),
        ("html.py", "KeyError: 'html'", False),
        ("webserver.py", "AttributeError: module 'webserver' has no attribute 'x'", False),
    ],
)
def test_hidden_library_is_advice(diagnosis: Diagnosis, file: str, said: str, hides: bool) -> None:
    """A traceback says that a file hides a library only if that is certain."""
    (diagnosis.folder / file).parent.mkdir(exist_ok=True)
    (diagnosis.folder / file).touch()
    told = diagnosis.explain(f'Traceback\n  File "webserver.py", line 3, in do_GET\n{said}\n')
    name = file.partition(".")[0].partition("/")[0]
    advice = f"your {file} hides the library {name}, which the program needs; give your file another name"
    assert told.advice == (advice if hides else "")
    assert told == f"{said} (webserver.py, line 3)" + (f"; {advice}" if hides else "")


def test_library_that_imports_a_students_file_wanted_another(diagnosis: Diagnosis) -> None:
    """A library does not mean the student's file, no matter what the error is; the student's own program may."""
    (diagnosis.folder / "queue.py").touch()
    for by, hides in (("/usr/lib/python3.11/sched.py", True), ("webserver.py", False)):
        frames = f'  File "{by}", line 3, in <module>\n  File "queue.py", line 1, in <module>\n'
        assert bool(diagnosis.explain(f"Traceback\n{frames}NameError: name 'x' is not defined\n").advice) is hides


def test_server_gets_no_keyboard(diagnosis: Diagnosis) -> None:
    """input() in a server is explained; a client has a user who types."""
    text = 'Traceback\n  File "webserver.py", line 3, in main\nEOFError: EOF when reading a line\n'
    assert diagnosis.explain(text).advice.startswith("a server gets no keyboard")
    assert replace(diagnosis, spec=load_lab("lab2").programs[1]).explain(text).advice == ""


NOT_PYTHON = """\
  File "{folder}/webserver.py", line 12
    \tprint(é))
    \t        ^
SyntaxError: unmatched ')'
"""
IN_A_MODULE = """\
Traceback (most recent call last):
  File "{folder}/webserver.py", line 1, in <module>
    import parts
  File "{folder}/parts.py", line 2
    x = 1
IndentationError: unexpected indent
"""


@pytest.mark.parametrize(
    ("stderr", "place", "unreadable"),
    [
        (NOT_PYTHON, Place("webserver.py", 12), Unreadable("SyntaxError", "unmatched ')'", 10)),
        (IN_A_MODULE, Place("parts.py", 2), Unreadable("IndentationError", "unexpected indent", 0)),
        (RAISED, Place("parts/page.py", 3), None),
    ],
)
def test_file_that_python_cannot_read(
    diagnosis: Diagnosis, stderr: str, place: Place, unreadable: Unreadable | None
) -> None:
    """What Python reports about such a file is data: the kind of error, the words, and the column of the caret."""
    error = diagnosis.ended(1, stderr.format(folder=diagnosis.folder), raised=False, over_memory=False)
    assert (error.place, error.unreadable) == (place, unreadable)


def test_long_exception_keeps_its_name(diagnosis: Diagnosis) -> None:
    """Of a last line that is too long, the middle is left out."""
    told = diagnosis.explain(f"Traceback\nOSError: [Errno 36] File name too long: 'site/{'x' * 5000}.html'\n")
    assert len(told) == 300
    assert told.startswith("OSError: [Errno 36] File name too long: 'site/xxx")
    assert told.endswith("xxx.html'")


RAISED_IN_A_LIBRARY = """Traceback (most recent call last):
  File "library.py", line 1, in read
    raise {0}("no more bytes")
{0}: no more bytes
"""
BECAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
ON_THE_WAY = "\nDuring handling of the above exception, another exception occurred:\n\n"
CAUSES = {
    "a mistake": (("ValueError",), "", "ValueError"),
    "a lost connection": (("ConnectionError",), "", None),
    "what led to a lost connection": (("EOFError", "ConnectionError"), BECAUSE, None),
    "a mistake before a lost connection": (("ValueError", "ConnectionError"), "", "ValueError"),
    "a mistake after a lost connection": (("ConnectionError", "ValueError"), ON_THE_WAY, "ValueError"),
    "the mistake that another one caused": (("EOFError", "ValueError"), BECAUSE, "ValueError"),
}


@pytest.mark.parametrize("case", CAUSES)
def test_lost_connections_are_no_cause(diagnosis: Diagnosis, case: str) -> None:
    """labcheck closes its own connections after a failure, so the exceptions that follow from that say nothing."""
    raised, between, cause = CAUSES[case]
    said = diagnosis.cause(between.join(RAISED_IN_A_LIBRARY.format(name) for name in raised))
    assert said.said == (f"{cause}: no more bytes" if cause else "")
