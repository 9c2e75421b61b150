"""Programs that break the WebSocket protocol or disturb others get a verdict in bounded time and memory."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, failed, not_passed
from labcheck.record.record import Outcome, Record
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HOSTILE = TESTS / "lab2" / "hostile"
LAB = load_lab("lab2")
pytestmark = pytest.mark.usefixtures("nothing_is_left")  # `hurry`: most of these programs use every deadline in full
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")

# Programs that cannot be checked: the first requirement that fails, and words of its reason. What needs it is not run.
GIVEN_UP = {
    ("echo_server", "never_answers_the_handshake"): ("1.1", "answer to the opening handshake in time"),
    ("echo_server", "half_a_handshake"): ("1.1", "no complete answer to the opening handshake in time"),
    ("echo_server", "handshake_without_its_last_line"): ("1.1", "no complete answer to the opening handshake in time"),
    ("echo_server", "drips_the_handshake"): ("1.1", "in time, although some bytes arrived"),
    ("echo_server", "endless_headers"): ("1.1", "opening handshake"),
    ("echo_server", "one_endless_header"): ("1.1", "opening handshake"),
    ("echo_server", "wrong_accept"): ("1.1", "Sec-WebSocket-Accept is "),
    ("echo_server", "no_accept"): ("1.1", "missing Sec-WebSocket-Accept header"),
    ("echo_server", "no_upgrade_headers"): ("1.1", "missing Connection header"),
    ("echo_server", "page_for_everything"): ("1.1", "is 200 OK, not 101 Switching Protocols"),
    ("echo_server", "garbage"): ("1.1", "not an answer to the opening handshake: ff "),
    ("echo_server", "answers_in_capitals"): ("1.1", "not an answer to the opening handshake: 'GET / HTTP/1.1"),
    ("echo_server", "hangs_up"): ("1.1", "closed without an answer to the opening handshake"),
    ("chat_server", "never_answers_the_handshake"): ("3.1", "answer to the opening handshake in time"),
    ("chat_server", "never_says_a_word"): ("3.1", "message with"),
    ("chat_server", "floods_with_messages"): ("3.1", "other messages arrived, but none with"),
    ("chat_server", "pings_without_end"): ("3.1", "pings or pongs without end"),
    ("chat_server", "fragments_without_end"): ("3.1", "a message does not end"),
    ("chat_server", "drips_its_messages"): ("3.1", "message with"),
    ("chat_server", "masks_its_frames"): ("3.1", "masking"),
    ("chat_server", "dies_at_the_third"): ("3.1", "cut without a close frame"),
    ("echo_client", "never_connects"): ("2.1", "did not connect to port"),
    ("echo_client", "prints_lines_for_ever"): ("2.1", "did not connect to port"),
    ("echo_client", "prints_one_line_for_ever"): ("2.1", "did not connect to port"),
    ("echo_client", "prints_prompts_for_ever"): ("2.1", "did not connect to port"),
    ("echo_client", "opens_a_thousand_connections"): ("2.1", "did not send a complete opening handshake"),
    ("echo_client", "half_a_handshake"): ("2.1", "did not send a complete opening handshake"),
    ("echo_client", "connects_without_a_word"): ("2.1", "did not send a complete opening handshake"),
    ("echo_client", "no_http"): ("2.1", "did not send a complete opening handshake"),
    ("echo_client", "exits_with_status_0"): ("2.1", "ended with exit status 0 without having connected to port"),
    ("echo_client", "exits_with_status_1"): ("2.1", "(its first argument); on standard error: No time."),
}

# Programs that break a rule during the exchange: what is checked, what fails and words of its reason, what passes.
CHECKED = {
    ("echo_server", "masks_its_frames"): ("1", "1.2", "incorrect masking", {"1.1"}),
    ("echo_server", "sets_reserved_bits"): ("1", "1.2", "reserved bits must be 0", {"1.1"}),
    ("echo_server", "compresses_unasked"): ("1", "1.2", "reserved bits must be 0", {"1.1"}),
    ("echo_server", "unknown_opcode"): ("1.2", "1.2", "invalid opcode", set()),
    ("echo_server", "large_control_frame"): ("1.2", "1.2", "control frame too long", set()),
    ("echo_server", "continues_nothing"): ("1.2", "1.2", "unexpected continuation frame", set()),
    ("echo_server", "announces_2_to_63"): ("1", "1.2", "9223372036854775807 bytes", {"1.1"}),
    ("echo_server", "announces_a_gigabyte"): ("1.2", "1.2", "1000000000 bytes", set()),
    ("echo_server", "not_utf_8"): ("1", "1.2", "is not UTF-8: ff fe", {"1.1"}),
    ("echo_server", "answers_in_binary"): ("1.2", "1.2", "binary", set()),
    ("echo_server", "closes_with_5"): ("1.2", "1.2", "invalid status code", set()),
    ("echo_server", "close_frame_of_one_byte"): ("1.2", "1.2", "close frame too short", set()),
    ("echo_server", "half_a_message"): ("1.2", "1.2", "message in time", set()),
    ("echo_server", "every_message_twice"): ("1", "1.2", "message 2 of 14: ", {"1.1", "1.4", "1.7", "1.9"}),
    ("echo_server", "hangs_up_once_open"): ("1.2", "1.2", "cut without a close frame", set()),
    ("echo_server", "says_hello_for_ever"): ("1.2", "1.2", ': "hello"', set()),
    ("echo_server", "dies_at_the_third"): ("1", "1.2", "cut without a close frame", {"1.1", "1.4", "1.9"}),
    ("echo_server", "answers_a_close_with_5"): ("1", "1.10", "close code", {"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}),
    ("echo_server", "never_answers_a_close"): ("1", "1.10", "close code", {"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}),
    ("echo_server", "never_says_a_word"): ("1", "1.2", "message in time", {"1.1"}),
    ("echo_server", "drips_its_messages"): ("1.2", "1.2", "in time, although some bytes arrived", set()),
    ("echo_server", "pings_without_end"): ("1.2", "1.2", "pings or pongs without end", set()),
    ("echo_server", "fragments_without_end"): ("1.2", "1.2", "a message does not end", set()),
    ("chat_server", "says_hello_for_ever"): ("3", "3.7", 'the message "hello"', {"3.1", "3.8", "3.9"}),
    ("chat_server", "never_answers_a_close"): ("3", "3.11", "close code", {"3.1", "3.6", "3.8", "3.9"}),
    ("echo_client", "gets_a_page"): ("2.1", "2.1", "is not an opening handshake: missing Connection header", set()),
    ("echo_client", "endless_request"): ("2.1", "2.1", "is not an opening handshake", set()),
    ("echo_client", "comes_and_goes"): ("2.1", "2.1", "is not an opening handshake", set()),
    ("echo_client", "opens_and_goes"): ("2", "2.2", "the prompt", {"2.1"}),
    ("echo_client", "reads_no_input"): ("2", "2.2", "the prompt", {"2.1", "2.5"}),
    ("echo_client", "announces_a_gigabyte"): ("2.2", "2.2", "the prompt", set()),
    ("echo_client", "unmasked"): ("2", "2.2", "incorrect masking", {"2.5"}),
    ("echo_client", "not_utf_8"): ("2.2", "2.2", "is not UTF-8: ff fe", set()),
    ("echo_client", "unknown_opcode"): ("2.2", "2.2", "invalid opcode", set()),
    ("echo_client", "every_message_twice"): ("2", "2.2", 'the message ""', {"2.4", "2.5"}),
    ("echo_client", "never_answers_a_close"): ("2", "2.6", "still running", {"2.1", "2.2", "2.3", "2.4", "2.5"}),
    ("echo_client", "ignores_the_end_of_input"): ("2", "2.4", "close code 1000", {"2.1", "2.2", "2.3", "2.5", "2.6"}),
    ("echo_client", "never_ends"): ("2.5", "2.5", "still running", set()),
    ("echo_client", "guesses_the_answer"): ("2.3", "2.3", 'the line "From server: ', set()),
    ("echo_client", "pings_without_end"): ("2", "2.2", "it ended before a line was typed", {"2.5"}),
    ("chat_client", "never_connects"): ("4", "4.1", "the prompt", set()),
    ("chat_client", "opens_and_goes"): ("4", "4.1", "the prompt", set()),
    ("chat_client", "reads_no_input"): ("4", "4.1", "the prompt", {"4.5"}),
    ("chat_client", "floods_with_messages"): ("4.1", "4.1", "the prompt", set()),
    ("chat_client", "unmasked"): ("4.1", "4.1", "incorrect masking", set()),
    ("chat_client", "never_answers_a_close"): ("4", "4.6", "standard error", {"4.1", "4.2", "4.3", "4.4", "4.5"}),
    ("chat_client", "ignores_the_end_of_input"): ("4", "4.4", "close code 1000", {"4.1", "4.2", "4.3", "4.5", "4.6"}),
    ("chat_client", "never_ends"): ("4.5", "4.5", "still running", set()),
}

# Floods and compression bombs: what is checked, and what must fail.
LARGE = {
    ("echo_server", "compression_bomb"): ("1.2", {"1.2"}),
    ("echo_server", "floods_with_messages"): ("1", {"1.2", "1.10"}),
    ("echo_server", "floods_with_large_messages"): ("1", {"1.2", "1.10"}),
    ("echo_server", "floods_with_huge_messages"): ("1.2", {"1.2"}),
    ("echo_server", "empty_fragments_without_end"): ("1.2", {"1.2"}),
    ("echo_server", "talks_on_after_a_close"): ("1.2", {"1.2"}),
    ("echo_server", "talks_on_at_length_after_a_close"): ("1.2", {"1.2"}),
    ("chat_server", "compression_bomb"): ("3.1", {"3.1"}),
    ("chat_server", "floods_with_large_messages"): ("3.1", {"3.1"}),
    ("chat_server", "floods_with_huge_messages"): ("3.1", {"3.1"}),
    ("echo_client", "floods_with_messages"): ("2.2", {"2.2"}),
    ("echo_client", "floods_with_large_messages"): ("2.2", {"2.2"}),
    ("echo_client", "fragments_without_end"): ("2.2", {"2.2"}),
    ("echo_client", "empty_fragments_without_end"): ("2.2", {"2.2"}),
}

# The solution with other code in front of it passes everything except these.
BEFORE = {
    ("echo_server", "floods_stdout"): set(),
    ("echo_server", "floods_stderr"): set(),
    ("echo_server", "leaves_a_daemon"): set(),
    ("echo_server", "mentions_tracebacks"): set(),
    ("echo_server", "boasts"): set(),
    ("echo_server", "ignores_ctrl_c"): {"1.10"},
    ("chat_server", "floods_stdout"): set(),
    ("chat_server", "ignores_ctrl_c"): {"3.11"},
    ("echo_client", "floods_stdout"): set(),
    ("echo_client", "leaves_a_daemon"): set(),
    ("echo_client", "mentions_tracebacks"): set(),
    ("echo_client", "prints_every_prompt"): set(),
    ("echo_client", "boasts"): set(),
    ("echo_client", "always_status_0"): {"2.5", "2.6"},
    ("chat_client", "floods_stdout"): set(),
    ("chat_client", "leaves_a_daemon"): set(),
    ("chat_client", "prints_every_prompt"): {"4.1"},
    ("chat_client", "always_status_0"): {"4.5", "4.6"},
}


@pytest.fixture
def hostile(with_program: Callable[..., Path]) -> Callable[[str, str], Path]:
    """Make a folder with the solution in which one program misbehaves in the given way."""

    def make(program: str, behavior: str) -> Path:
        source = (HOSTILE / f"{program.rpartition('_')[2]}.py").read_text("utf-8")
        source, found = re.subn(r'(?m)^BEHAVIOR = "none"', f'BEHAVIOR = "{behavior}"', source)
        assert found == 1
        return with_program("lab2", program, source)

    return make


def names(table: Iterable[tuple[str, str]]) -> list[str]:
    return ["-".join(key) for key in table]


def step_of(program: str) -> int:
    return next(step.number for step in LAB.steps if step.program == program)


def test_every_hostile_program_has_its_verdict() -> None:
    """Each behavior, and each file that is put in front of a solution, is in one of the tables."""
    tables = {**GIVEN_UP, **CHECKED, **LARGE}
    for kind in ("server", "client"):
        source = (HOSTILE / f"{kind}.py").read_text("utf-8")
        written = {*re.findall(r'^    "(\w+)":', source, re.M), *re.findall(r'BEHAVIOR == "(\w+)"', source)}
        assert written == {behavior for program, behavior in tables if kind in program}
    assert {path.stem for path in (HOSTILE / "before").glob("*.py")} == {behavior for _, behavior in BEFORE}


@pytest.mark.sample(3)
@pytest.mark.parametrize(("program", "behavior"), GIVEN_UP, ids=names(GIVEN_UP))
def test_program_that_cannot_be_checked_is_given_up_at_once(
    program: str,
    behavior: str,
    labcheck: Callable[..., Result],
    hostile: Callable[[str, str], Path],
    hurry: float,
) -> None:
    """One requirement reports the verdict; little else is run, and it takes no longer than one deadline."""
    first, words = GIVEN_UP[program, behavior]
    result = labcheck("lab2", hostile(program, behavior), "--only", step_of(program), "--slow", hurry, "--json", "-")
    record = result.record
    assert not record.of(Outcome.ERROR), not_passed(record)
    assert result.status == 1
    assert failed(record)[0] == first
    # A plain GET and Ctrl+C need no exchange of messages.
    assert set(failed(record)) <= {first, "1.9", "3.11"}, not_passed(record)
    assert words in not_passed(record)[first]
    assert result.seconds < 16 * hurry + 15


@pytest.mark.sample(4)
@pytest.mark.parametrize(("program", "behavior"), CHECKED, ids=names(CHECKED))
def test_program_that_breaks_a_rule_is_checked_for_what_it_does(
    program: str,
    behavior: str,
    labcheck: Callable[..., Result],
    hostile: Callable[[str, str], Path],
    hurry: float,
) -> None:
    """It fails where it breaks the rule, the reason names the rule, and unrelated requirements pass."""
    only, first, words, must_pass = CHECKED[program, behavior]
    result = labcheck("lab2", hostile(program, behavior), "--only", only, "--slow", hurry, "--json", "-")
    record = result.record
    assert not record.of(Outcome.ERROR), not_passed(record)
    assert first in failed(record), not_passed(record)
    assert words in not_passed(record)[first]
    assert not must_pass & set(not_passed(record)), not_passed(record)
    assert all(each.seconds < 12 * hurry + 8 for each in record.requirements)
    assert result.seconds < 45 * hurry + 20


@needs_proc
@pytest.mark.sample(3)
@pytest.mark.parametrize(("program", "behavior"), LARGE, ids=names(LARGE))
def test_flood_does_not_fill_the_memory(
    program: str, behavior: str, hostile: Callable[[str, str], Path], hurry: float
) -> None:
    """The peak memory of labcheck stays below 400 MB, no matter how much arrives, even on 50 connections at once."""
    only, must_fail = LARGE[program, behavior]
    record, peak, seconds = measured(hostile(program, behavior), only, hurry)
    assert not record.of(Outcome.ERROR), not_passed(record)
    assert must_fail <= set(failed(record)), not_passed(record)
    assert peak < 400_000
    assert all(each.seconds < 12 * hurry + 8 for each in record.requirements)
    assert seconds < 45 * hurry + 20


@needs_proc
@pytest.mark.sample(2)
@pytest.mark.parametrize(("program", "name"), BEFORE, ids=names(BEFORE))
def test_right_program_keeps_its_marks(program: str, name: str, with_program: Callable[..., Path]) -> None:
    """A right program gets the points that it earns, no matter what else it does."""
    source = (HOSTILE / "before" / f"{name}.py").read_text("utf-8")
    solution = (CHECKOUT / "solutions" / "lab2" / f"{program}.py").read_text("utf-8")
    record, peak, seconds = measured(with_program("lab2", program, source + solution), str(step_of(program)))
    assert not record.of(Outcome.ERROR), not_passed(record)
    missed = {id for id in not_passed(record) if id in record.selected}
    assert missed == BEFORE[program, name], not_passed(record)
    assert peak < 150_000
    assert seconds < 45


FIXED_PORT = """\
import socket, sys
server = socket.create_connection(("127.0.0.1", PORT))
input("Enter some data: ")
sys.exit(STATUS)
"""


@pytest.mark.parametrize("status", ["0", "'cannot talk to the server'"])
def test_port_that_a_client_connects_to_instead_is_named(
    status: str, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """If a client connects to another port than its argument, the reason names that port, no matter how it ends."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        source = FIXED_PORT.replace("PORT", str(port)).replace("STATUS", status)
        record = labcheck("lab2", with_program("lab2", "echo_client", source), "--only", "2", "--json", "-").record
    assert failed(record)[0] == "2.1"
    assert f"echo_client.py connected to port {port}, not to port " in not_passed(record)["2.1"]
    assert "connected to another port" in {program.verdict for program in record.programs}


ONCE = """\
left = asyncio.Event()

async def once(client):
    await echo(client)
    left.set()

async def main("""


def test_server_that_ends_after_its_first_client_fails_once(
    labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """The first failure says that it ended by itself, and what follows from that is not run."""
    source = (CHECKOUT / "solutions" / "lab2" / "echo_server.py").read_text("utf-8")
    source = source.replace("async def main(", ONCE).replace("serve(echo,", "serve(once,")
    source = source.replace("await server.serve_forever()", "await left.wait()")
    folder = with_program("lab2", "echo_server", source)
    record = labcheck("lab2", folder, "--only", "1.6", "--only", "1.7", "--json", "-").record
    said = "echo_server.py ended by itself with exit status 0 after its first client"
    assert failed(record) == ["1.6"]
    assert said in not_passed(record)["1.6"]
    assert not_passed(record)["1.7"].startswith("not_run:")
    assert "ended after its first client" in {program.verdict for program in record.programs}


LATE = """
import time
from labcheck.sandbox import processes
adopt_orphans = processes.adopt_orphans

def late():
    time.sleep(1)
    adopt_orphans()

processes.adopt_orphans = late
from labcheck.cli.main import main
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_first_program_leaves_nothing_behind_on_a_slow_machine(with_program: Callable[..., Path]) -> None:
    """A daemon that the first program starts at once is found, no matter how long labcheck takes to look after it."""
    source = (HOSTILE / "before" / "leaves_a_daemon.py").read_text("utf-8")
    folder = with_program("lab2", "echo_server", source + (CHECKOUT / "solutions/lab2/echo_server.py").read_text())
    command = [sys.executable, "-c", LATE, "lab2", str(folder), "--only", "1.1", "--json", "-"]
    state = {**os.environ, "XDG_STATE_HOME": str(folder.parent / "state")}
    done = subprocess.run(command, env=state, capture_output=True, text=True, timeout=60, check=True)
    assert not not_passed(Record.from_json(done.stdout))


@pytest.mark.everything
@pytest.mark.parametrize(
    ("program", "behavior"),
    [
        ("echo_client", "floods_with_large_messages"),
        ("echo_client", "pings_without_end"),
        ("echo_client", "no_http"),
        ("echo_client", "unknown_opcode"),
    ],
)
def test_hostile_program_takes_no_marks_from_others(
    program: str, behavior: str, labcheck: Callable[..., Result], hostile: Callable[[str, str], Path]
) -> None:
    """The other programs are checked in the time that is left, even if one is slow or floods its server."""
    result = labcheck("lab2", hostile(program, behavior), "--json", "-")
    record = result.record
    assert result.seconds < 65
    assert not record.of(Outcome.ERROR), not_passed(record)
    assert {id.partition(".")[0] for id in not_passed(record)} == {str(step_of(program))}, not_passed(record)


def measured(folder: Path, only: str, slow: float = 1.0) -> tuple[Record, int, float]:
    """Check a folder; return the record, the peak memory in KB and the duration in seconds."""
    code = (
        "import re, resource, sys, time; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30));"
        "from labcheck.cli.main import main; started = time.monotonic(); main();"
        "used = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1];"
        "print(f'\\n{used} KB {time.monotonic() - started} s', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "lab2", folder, "--only", only, "--slow", str(slow), "--json", "-"],
        cwd=folder.parent, env={**os.environ, "XDG_STATE_HOME": str(folder.parent / "state")},
        capture_output=True, text=True, timeout=150, check=True,
    )  # fmt: skip
    found = re.search(r"(\d+) KB ([\d.]+) s\n$", done.stderr)
    assert found, done.stderr
    return Result(0, done.stdout, done.stderr, 0.0).record, int(found[1]), float(found[2])


OLD_HANDLER = """\
import asyncio, sys
from websockets.asyncio.server import serve

async def chat(client, path):
    await client.send(path)

async def main():
    async with serve(chat, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()

asyncio.run(main())
"""


def test_exception_is_the_cause_even_if_it_is_logged_late(
    labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """websockets 17.4 logs the exception of a handler only when the client has closed the connection, too."""
    record = labcheck("lab2", with_program("lab2", "chat_server", OLD_HANDLER), "--only", "3", "--json", "-").record
    assert failed(record) == ["3.1"]
    assert "your program raised TypeError: chat() missing 1 required positional" in not_passed(record)["3.1"]
