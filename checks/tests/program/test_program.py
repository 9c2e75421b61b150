"""Programs: their output is limited, their ports are reserved, and no process of theirs is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from conftest import until
from labcheck.errors import ForeignListenerError, NotReadyError, Verdict
from labcheck.program import ports
from labcheck.program.output import HEAD, TAIL, Output
from labcheck.program.ports import Port
from labcheck.program.program import Program
from labcheck.sandbox import processes
from labcheck.sandbox.base import Sandbox
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


def output_of(code: str, fold: Iterable[str] = ()) -> Output:
    """Return the drained standard output of a Python program that has ended."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, bufsize=0)
    assert process.stdout is not None
    output = Output(process.stdout, (), fold)
    process.wait()
    output.finish(10)
    process.stdout.close()
    return output


def test_short_output_is_kept_whole() -> None:
    """Short output is kept unchanged."""
    assert output_of("print('a'); print('b')").text() == "a\nb\n"


def test_output_keeps_beginning_and_end() -> None:
    """The beginning and the end of very long output are kept, and the rest is counted."""
    output = output_of("print('first'); print('x' * 10_000_000); print('last')")
    text = output.text()
    assert output.total == 10_000_012
    assert text.startswith("first\n")
    assert text.endswith("last\n")
    assert f"[... {10_000_012 - HEAD - TAIL:,} bytes left out ...]" in text


def test_watched_line_is_found_in_a_flood() -> None:
    """A text is found in any case, even if it is no longer in a buffer."""
    code = "import sys; w = sys.stdout.write; w('x\\n' * 500_000); w('Now LISTENING here\\n'); w('y\\n' * 500_000)"
    output = output_of(code, fold=["listening"])
    assert output.has("listening")
    assert "LISTENING" not in output.text()
    assert not output.has("listening", since=1_000_100)


@pytest.mark.parametrize("gap", range(1, 9))
def test_watched_line_is_found_across_two_reads(gap: int) -> None:
    """A text that arrives in two pieces is found."""
    code = (
        f"import sys, time; w, f = sys.stdout.write, sys.stdout.flush; w('listening'[:{gap}]); f();"
        f"time.sleep(0.02); w('listening'[{gap}:]); f()"
    )
    assert output_of(code, fold=["listening"]).has("listening")


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("Traceback (most recent call last):", True),
        ("a\\nTraceback", True),
        ("  Traceback", False),
        ("No Traceback", False),
    ],
)
def test_traceback_counts_at_the_start_of_a_line(printed: str, found: bool) -> None:
    """A traceback counts only at the beginning of a line."""
    assert output_of(f"print('{printed}')").has("Traceback") is found


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[[str], Program]]:
    """Start a server with the given source, on its own port."""
    port = Port()
    started: list[Program] = []

    def start(source: str) -> Program:
        spec = load_lab("lab1").programs[0]
        (tmp_path / spec.file).write_text(f"import socket, sys, time; PORT = int(sys.argv[1])\n{source}")
        program = Program(spec, tmp_path, sys.executable, port.number, Sandbox(), usual_port=8001, local_time=None)
        started.append(program)
        return program

    yield start
    for each in started:
        each.kill()
        each.close()
    port.release()


def test_folder_that_cannot_be_entered_is_the_program_s_loss(tmp_path: Path) -> None:
    """An earlier start of the program may have removed or locked its folder; a missing interpreter is our error."""
    spec = load_lab("lab1").programs[0]
    with pytest.raises(NotReadyError, match="has locked or removed its own folder") as caught:
        Program(spec, tmp_path / "no", sys.executable, 1, Sandbox(), usual_port=8001, local_time=None)
    assert caught.value.verdict is Verdict.NOT_STARTED
    with pytest.raises(FileNotFoundError):
        Program(spec, tmp_path, str(tmp_path / "python"), 1, Sandbox(), usual_port=8001, local_time=None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_listener_on_another_address_is_found_soon(program: Callable[[str], Program]) -> None:
    """A program that listens on its port, but at another address of the machine, is reported within seconds."""
    elsewhere = program("listener = socket.create_server(('127.0.1.1', PORT)); time.sleep(60)")
    begin = time.monotonic()
    with pytest.raises(NotReadyError, match=rf"listens on 127.0.1.1 \(port {elsewhere.port}\)") as caught:
        elsewhere.wait_until_listening(60)
    assert caught.value.verdict is elsewhere.verdict is Verdict.OTHER_ADDRESS
    assert time.monotonic() - begin < 30


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say cheaply whose port it is")
def test_listener_of_another_process_is_not_the_program(program: Callable[[str], Program]) -> None:
    """If another process listens on the program's port, it is not taken for the program, even if it began later."""
    asleep = program("print('asleep', flush=True); time.sleep(60)")
    until(lambda: asleep.stdout.total)
    with socket.create_server(("127.0.0.1", asleep.port)), pytest.raises(ForeignListenerError):
        asleep.wait_until_listening(60)


FORKS = """
import os
if os.fork() == 0:
    listener = socket.create_server(("127.0.0.1", PORT))
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say cheaply whose port it is")
def test_listener_that_a_list_of_processes_leaves_out_is_the_program(
    program: Callable[[str], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that listens is not taken for another program, even if the list of descendants leaves it out."""
    forking = program(FORKS)
    with monkeypatch.context() as patch:
        patch.setattr(processes, "descendants", lambda *_: [])
        forking.wait_until_listening(60)
    assert forking.verdict is Verdict.READY


def test_port_is_held_until_it_is_released() -> None:
    """Two holders never have the same port, and the port itself stays free for the program."""
    held = [Port() for _ in range(50)]
    assert len({port.number for port in held}) == 50
    assert all(ports.is_free(port.number) for port in held)
    for port in held:
        port.release()


def test_port_with_a_listener_is_not_free() -> None:
    """A port that a process listens on, on any of the addresses, is not given out."""
    for family, host in ports.LOOPBACK:
        with socket.socket(family) as other:
            try:
                other.bind((host, 0))
            except OSError:
                continue  # a machine without IPv6
            other.listen()
            assert not ports.is_free(other.getsockname()[1])


FLEES = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        open(sys.argv[1], "w").write(str(os.getpid()))
        os.rename(sys.argv[1], sys.argv[2])
        time.sleep(60)
    os._exit(0)
os.wait()
"""

SWEEPS = """
import subprocess, sys, time, os
from labcheck.sandbox import processes
processes.adopt_orphans()
spared = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
subprocess.run([sys.executable, "-c", {flees!r}, sys.argv[1], sys.argv[2]], check=True)
while not os.path.exists(sys.argv[2]):
    pass
processes.end_all(spare=[spared.pid])
print(spared.poll())
spared.kill()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_process_that_flees_its_tree_is_ended(tmp_path: Path) -> None:
    """A grandchild that forks twice, calls setsid and ignores signals is ended; a process to be spared lives."""
    done = subprocess.run(
        [sys.executable, "-c", SWEEPS.format(flees=FLEES), tmp_path / "new", tmp_path / "pid"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "None"
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_tree_is_ended_with_its_root() -> None:
    """A program that ignores SIGTERM and SIGINT, and its children, are killed."""
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert child in processes.descendants(process.pid)
    processes.end_tree(process.pid)
    assert process.wait(5) == (-signal.SIGKILL if os.name == "posix" else 15)  # Windows: as TerminateProcess says
    process.stdout.close()
    limit = time.monotonic() + 5
    while processes.is_alive(child):
        assert time.monotonic() < limit
