"""labcheck in a notebook: programs, messages and frames as displayed by a cell, and the report of %labcheck."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import html
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import nbformat
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient
from websockets import frames as library

import labcheck
from conftest import CHECKOUT, OUTSIDE, alive, record_of, run_labcheck, until
from labcheck.jupyter import ProgramError, programs
from labcheck.jupyter.frames import BINARY, CLOSE, PING, TEXT, Frame, unmask
from labcheck.jupyter.keeper import Keeper, keeper
from labcheck.jupyter.report import MOST_EVENTS, Report
from labcheck.record.excerpt import Excerpt
from labcheck.record.record import Outcome, Place, ProgramResult, Record, RequirementResult
from labcheck.reports import terminal, wording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient

    from labcheck.jupyter.programs import RunningProgram

LAB1, LAB2 = CHECKOUT / "solutions" / "lab1", CHECKOUT / "solutions" / "lab2"
OUTCOMES = {"passed": "passed", "failed": "failed", "not_run": "not run", "error": "error"}
SERVER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
"""
# A server that sends `answer` to every client after it has received something.
ANSWERS = (
    SERVER
    + "answer = {answer!r}\n"
    + """
while True:
    client, _ = listener.accept()
    print("a client", client.recv(65536))
    client.sendall(answer)
    client.close()
"""
)
# A server that opens a WebSocket, then sends `then`, and prints what it receives.
OPENS = (
    SERVER
    + "then = {then!r}\n"
    + """
import base64, hashlib, re
client, _ = listener.accept()
key = re.search(rb"Key: (.*)\\r\\n", client.recv(65536))[1]
accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
head = b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
client.sendall(head + b"Sec-WebSocket-Accept: " + accept + b"\\r\\n\\r\\n" + then)
while data := client.recv(65536):
    print(data.hex(), flush=True)
"""
)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Stop the keeper, and close the event loop of the kernel clients."""
    yield
    keeper().close()
    keeper.cache_clear()
    ensure_event_loop().close()
    asyncio.set_event_loop(None)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., RunningProgram]]:
    """Start a program, given as a file or as its text."""
    started = []

    def start(program: Path | str, **more: Any) -> RunningProgram:
        if isinstance(program, str):
            (tmp_path / "program.py").write_text(program, "utf-8")
            program = tmp_path / "program.py"
        running: RunningProgram = labcheck.run(program, **more)
        started.append(running)
        return running

    yield start
    for running in started:
        running.end()


def html_of(thing: Any) -> str:
    """Return the HTML that a notebook displays for an object."""
    shown: str = thing._repr_mimebundle_()["text/html"]
    return shown


def sanitised(markup: str) -> str:
    """Return the text of the HTML as shown in an untrusted notebook, which removes the style."""
    bare = re.sub(r"<style>.*?</style>", "", markup, flags=re.DOTALL)
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", bare).split()))


# Frames


@pytest.mark.parametrize(
    ("raw", "opcode", "fin", "text"),
    [
        ("81 05 48 65 6c 6c 6f", 1, True, "Hello"),
        ("81 85 37 fa 21 3d 7f 9f 4d 51 58", 1, True, "Hello"),
        ("01 03 48 65 6c", 1, False, "Hel"),
        ("80 02 6c 6f", 0, True, "lo"),
        ("89 05 48 65 6c 6c 6f", 9, True, "Hello"),
        ("8a 85 37 fa 21 3d 7f 9f 4d 51 58", 10, True, "Hello"),
    ],
)
def test_examples_of_the_rfc_are_parsed(raw: str, opcode: int, fin: bool, text: str) -> None:
    """The examples in RFC 6455, section 5.7, are parsed into the right fields."""
    frame = Frame.parse(bytes.fromhex(raw))
    assert (frame.opcode, frame.fin, frame.text) == (opcode, fin, text)
    assert frame.masked == ("37 fa 21 3d" in raw)
    assert frame.mask == (bytes.fromhex("37 fa 21 3d") if frame.masked else b"")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70_000])
@pytest.mark.parametrize("mask", [b"", b"\x01\x80\xff\x00"])
def test_every_length_encoding_is_written_and_parsed(size: int, mask: bytes) -> None:
    """Payloads on both sides of each limit are parsed correctly; a frame with a missing or extra byte is an error."""
    payload = bytes(range(256)) * (size // 256 + 1)
    frame = Frame.make(BINARY, payload[:size], mask)
    assert frame.payload == payload[:size]
    assert Frame.size(frame.raw) == len(frame.raw)
    assert len(frame.raw) == 2 + (0 if size < 126 else 2 if size < 65536 else 8) + len(mask) + size
    for wrong in (frame.raw[:-1], frame.raw + b"x"):
        with pytest.raises(ValueError, match="bytes"):
            Frame.parse(wrong)


@given(
    opcode=st.sampled_from([0, 1, 2, 8, 9, 10]),
    payload=st.binary(max_size=300),
    fin=st.booleans(),
    mask=st.booleans(),
)
def test_frames_of_the_library_are_parsed(opcode: int, payload: bytes, fin: bool, mask: bool) -> None:
    """Frames written by the library websockets are parsed into the same fields."""
    if opcode >= CLOSE:  # control frames are short and never fragmented
        payload, fin = payload[:125], True
    raw = library.Frame(library.Opcode(opcode), payload, fin=fin).serialize(mask=mask)
    frame = Frame.parse(raw)
    assert (frame.opcode, frame.payload, frame.fin, frame.masked) == (opcode, payload, fin, mask)
    assert unmask(unmask(payload, b"abcd"), b"abcd") == payload


def test_a_frame_is_shown_bit_by_bit() -> None:
    """The table shows each field with its place, its bytes in hex and their meaning; text is shown as text."""
    frame = Frame.make(TEXT, b"<script>alert(1)</script>" * 6, b"abcd")
    shown = sanitised(html_of(frame))
    for words in (
        "0 FIN 81 1 this frame ends its message",
        "1–3 RSV1–3 000",
        "4–7 opcode 0001 0x1: text",
        "8 MASK fe 1 masked",
        "9–15 payload length 1111110 126: the length is in the next 2 bytes",
        "16–31 extended payload length 00 96 150 bytes",
        "32–63 masking key 61 62 63 64",
        "from 64 payload, masked 5d 11",
        "118 more bytes",
        "<script>alert(1)",
    ):
        assert words in shown
    assert "<script" not in html_of(frame)
    assert "0x8: close" in repr(Frame.make(CLOSE, b"\x03\xe8bye"))
    assert "close code 1000: bye" in repr(Frame.make(CLOSE, b"\x03\xe8bye"))
    assert Frame.make(CLOSE, b"").code is None


# Programs and what they answer


def test_a_server_is_started_shown_and_stopped(run: Callable[..., RunningProgram]) -> None:
    """A server gets a free port, and is stopped with Ctrl+C; its address, its output and its end are shown."""
    server = run(LAB1 / "webserver.py")
    assert server.url == f"http://localhost:{server.port}"
    assert server.url in sanitised(html_of(server))
    until(lambda: f"Started HTTP server: {server.url}/" in sanitised(html_of(server)))
    assert alive(server.pid)
    assert f"process {server.pid}" in repr(server)
    ended = server.stop()
    assert (ended.status, ended.killed) == (0, False)
    assert "ended with exit status 0" in sanitised(html_of(server))
    assert "shutting down" in server.output
    assert not alive(server.pid)
    assert server.stop() == ended


def test_one_file_can_run_twice(run: Callable[..., RunningProgram]) -> None:
    """The same program can run twice at the same time, each on its own port."""
    one, two = run(LAB1 / "webserver.py"), run(LAB1 / "webserver.py")
    assert one.port != two.port
    assert one.get("/a.zzz").status == two.get("/a.zzz").status == 200


def test_a_program_sees_only_real_clients(run: Callable[..., RunningProgram]) -> None:
    """Waiting until a server listens does not connect to it, which would show in its output."""
    server = run(ANSWERS.format(answer=b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert server.output == ""
    server.get("/only")
    until(lambda: server.output)
    assert server.output.count("a client") == 1


def test_an_exchange_is_the_bytes_that_went_over_the_wire(run: Callable[..., RunningProgram]) -> None:
    """All bytes sent and received are kept, and shown line by line with the name of each part."""
    server = run(ANSWERS.format(answer=b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 9\r\n\r\n<b>1</b>\n"))
    exchange = server.get("/a?b=c", headers={"host": "elsewhere", "Accept": "text/plain"})
    assert exchange.sent == b"GET /a?b=c HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\nAccept: text/plain\r\n\r\n"
    assert exchange.received == b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 9\r\n\r\n<b>1</b>\n"
    assert (exchange.status, exchange.reason, exchange.body) == (200, "OK", b"<b>1</b>\n")
    assert (exchange.headers["x-a"], exchange.headers["X-A"], "X-B" in exchange.headers) == ("b", "b", False)
    until(lambda: server.output)
    assert repr(exchange.sent) in server.output
    shown = sanitised(html_of(exchange))
    for words in (
        "GET /a?b=c HTTP/1.1 \\r\\n request line: method GET, target /a?b=c, version HTTP/1.1",
        "Host: elsewhere \\r\\n header field Host",
        "HTTP/1.1 200 OK \\r\\n status line: version HTTP/1.1, status 200, reason OK",
        "\\r\\n empty line",
        "<b>1</b> \\n body, 9 bytes",
    ):
        assert words in shown
    assert "<b>" not in html_of(exchange)
    assert "body, 9 bytes" in repr(exchange)


def test_a_form_is_posted(run: Callable[..., RunningProgram]) -> None:
    """A POST sends a form with its length; another Content-Type can be given, with its name in any case."""
    server = run(LAB1 / "webserver.py")
    exchange = server.post("/a.zzz", b"name=Ann")
    assert exchange.sent.endswith(b"\r\n\r\nname=Ann")
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in exchange.sent
    assert b"Content-Length: 8\r\n" in exchange.sent
    assert "Ann" in exchange.text
    other = server.post("/a.zzz", b"", headers={"content-type": "text/plain"})
    assert other.sent.lower().count(b"content-type:") == 1
    assert b"Content-Type: text/plain\r\n" in other.sent
    assert b"Content-Length: 0\r\n" in other.sent


@pytest.mark.parametrize(
    ("unit", "times", "shown"),
    [
        (b"line\n", 200_000, "… 999,900 more bytes"),
        (b"x", 300_000, "… 298,500 more bytes"),
        (b"\x89PNG\r\n\x1a\n\x00", 40_000, "360,000 bytes, starting with 89 50 4e 47"),
    ],
)
def test_large_and_binary_bodies_are_kept_but_shortened_for_display(
    run: Callable[..., RunningProgram], unit: bytes, times: int, shown: str
) -> None:
    """Of a long or binary body, only the beginning is shown, but all bytes are kept."""
    program = ANSWERS.format(answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(unit) * times))
    exchange = run(program.replace("(answer)", f"(answer + {unit!r} * {times})")).get("/")
    assert exchange.body == unit * times
    assert exchange.received.endswith(exchange.body)
    assert shown in sanitised(html_of(exchange))
    assert shown in repr(exchange)
    assert len(html_of(exchange)) < 10_000


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (b"", None, "the connection was closed without an answer"),
        (b"<p>old</p>", None, "it answers, but not in HTTP: an answer begins with a status line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", 200, "the body is shorter than its Content-Length"),
    ],
)
def test_invalid_answers_are_explained(
    run: Callable[..., RunningProgram], answer: bytes, status: int | None, said: str
) -> None:
    """`send` shows everything that came back; a request without an answer raises an error that explains it."""
    server = run(ANSWERS.format(answer=answer))
    exchange = server.send(b"nonsense")
    assert (exchange.sent, exchange.received, exchange.status) == (b"nonsense", answer, status)
    assert said in exchange.note
    assert said in sanitised(html_of(exchange))
    assert "not a request line" in repr(exchange)
    if status is None:
        with pytest.raises(ProgramError, match=re.escape(said)):
            server.get("/")


def test_a_target_that_is_not_encoded_is_refused(run: Callable[..., RunningProgram]) -> None:
    """A target with characters that are not allowed in a request line is an error that shows them."""
    with pytest.raises(ProgramError, match="日本 is not allowed in a request's header"):
        run(LAB1 / "webserver.py").get("/日本.zzz")


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("def x(:\n", r"SyntaxError: .*\(program.py, line 1\)"),
        ("print('nothing to do')", "ended at once with exit status 0 and never listened"),
        ("import sys; print('why'); sys.exit('<no port>')", "ended with exit status 1 before it listened: <no port>"),
    ],
)
def test_a_program_that_does_not_start_says_why(run: Callable[..., RunningProgram], program: str, said: str) -> None:
    """If a program does not start to listen, the error contains its last output, and no traceback."""
    with pytest.raises(ProgramError, match=said) as caught:
        run(program)
    assert "Traceback" not in "".join(caught.value._render_traceback_())


def test_a_missing_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a missing file names the file and the folder that was searched."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProgramError, match=re.escape(f"no webserver.py in {tmp_path}; give the path")):
        labcheck.run("webserver.py")


def test_a_program_has_the_notebooks_clock_and_python(
    run: Callable[..., RunningProgram], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program has the local time and the interpreter of the notebook."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    server = run(SERVER + "import time; print(time.tzname[0], sys.executable); time.sleep(60)")
    until(lambda: server.output.endswith("\n"))
    assert server.output == f"JST {sys.executable}\n"


def test_a_program_that_ignores_ctrl_c_is_killed(
    run: Callable[..., RunningProgram], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that does not end in time is killed with its children, and this is displayed."""
    monkeypatch.setattr(programs, "ENDS_WITHIN", 0.3)
    server = run(
        SERVER + "import signal, subprocess, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)\ntime.sleep(60)"
    )
    until(lambda: server.output)
    child = int(server.output)
    assert server.stop().killed
    assert "was killed" in sanitised(html_of(server))
    until(lambda: not alive(child) and not alive(server.pid))


def test_a_program_that_ends_by_itself(run: Callable[..., RunningProgram]) -> None:
    """A program that crashes is shown as ended, its children are killed, and a request says what happened."""
    server = run(
        SERVER + "import subprocess\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n"
        "listener.accept()[0].recv(9999)\nraise RuntimeError('<oh>')"
    )
    with pytest.raises(ProgramError, match="closed without an answer"):
        server.get("/")
    until(lambda: "ended with exit status 1" in repr(server))
    assert not alive(int(server.output.split()[0]))
    assert "RuntimeError: &lt;oh&gt;" in html_of(server)
    with pytest.raises(ProgramError, match=r"program\.py has ended with exit status 1; run it again"):
        server.get("/")


def test_endless_output_is_shortened(run: Callable[..., RunningProgram]) -> None:
    """Of a program with endless output, only the last lines are shown, updated a few times per second."""
    updates = []

    class Handle:
        def update(self, server: RunningProgram) -> None:
            updates.append((time.monotonic(), len(html_of(server))))

    server = run(SERVER + "import threading\nwhile True: print('<x>' * 30, flush=True)")
    server._handle = Handle()
    until(lambda: len(updates) >= 5)
    server._handle = None
    assert updates[4][0] - updates[0][0] > 0.9
    assert max(size for _, size in updates) < 20_000
    assert "earlier output left out" in html_of(server)


# A client and its user


def test_a_chat_of_two(run: Callable[..., RunningProgram]) -> None:
    """Lines can be typed to a client, and its output awaited; the output is shown with the typed lines."""
    server = run(LAB2 / "chat_server.py")
    eve = server.connect()
    ann = run(LAB2 / "chat_client.py", port=server.port)
    assert ann.wait_for("Enter Your Name: ", seconds=30) == "Enter Your Name: "
    ann.type("Ann")
    assert ann.wait_for("Your Message: ", seconds=30) == "Your Message: "
    ann.type("Hi <all>")
    assert eve.receive(seconds=30).text == "Ann says: Hi <all>"
    sent = eve.send("Eve,Hello")
    assert (sent.masked, sent.text, len(sent.mask)) == (True, "Eve,Hello", 4)
    assert "From server: Eve says: Hello" in ann.wait_for("Hello", seconds=30)
    with pytest.raises(ProgramError, match=r"did not print 'never' within 0\.1 s"):
        ann.wait_for("never", seconds=0.1)
    assert "Enter Your Name: Ann\n" in repr(ann)
    assert "Hi &lt;all&gt;" in html_of(ann)
    eve.close()
    assert ann.stop().status == 0
    with pytest.raises(ProgramError, match="has ended"):
        ann.type("more")


def test_a_client_that_ends_is_not_waited_for(run: Callable[..., RunningProgram]) -> None:
    """If a client has failed, waiting for its output raises an error that says why."""
    client = run("import sys; sys.exit('no server')", port=1)
    with pytest.raises(ProgramError, match=r"ended without printing 'Name':\nno server"):
        client.wait_for("Name", seconds=30)


# WebSockets


def test_a_websocket_shows_its_handshake(run: Callable[..., RunningProgram]) -> None:
    """The handshake shows the bytes sent and received, and its accept value matches the key."""
    socket = run(LAB2 / "echo_server.py").connect("/room?x=1")
    assert socket.request.startswith(b"GET /room?x=1 HTTP/1.1\r\nHost: localhost:")
    assert f"Sec-WebSocket-Key: {socket.key}\r\n".encode() in socket.request
    digest = hashlib.sha1(f"{socket.key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    assert socket.accept == base64.b64encode(digest).decode()
    assert socket.response.startswith(b"HTTP/1.1 101 ")
    assert socket.response.endswith(b"\r\n\r\n")
    shown = sanitised(html_of(socket))
    assert f"Sec-WebSocket-Key: {socket.key} \\r\\n header field Sec-WebSocket-Key" in shown
    assert f"Sec-WebSocket-Accept: {socket.accept} \\r\\n header field Sec-WebSocket-Accept" in shown
    close = socket.close()
    assert (close.opcode, close.code) == (CLOSE, 1000)
    assert socket.close() == close
    for use in (partial(socket.send, "more"), socket.receive):
        with pytest.raises(ProgramError, match="this WebSocket is closed"):
            use()


def test_a_websocket_is_read_frame_by_frame(run: Callable[..., RunningProgram]) -> None:
    """Pings are answered and skipped, fragments of a message are returned one by one, and a close is answered."""
    sent = [Frame.make(PING, b"you?"), Frame.make(10, b""), Frame.parse(b"\x01\x03Hel"), Frame.parse(b"\x80\x02lo")]
    sent += [Frame.make(TEXT, b"x" * 70_000), Frame.make(CLOSE, b"\x03\xe9bye")]
    server = run(OPENS.format(then=b"".join(frame.raw for frame in sent)))
    socket = server.connect()
    came = [socket.receive(seconds=30) for _ in range(4)]
    assert came == sent[2:]
    assert (came[-1].code, came[-1].text) == (1001, "bye")
    assert socket.close() == came[-1]
    until(lambda: server._program.has_exited)
    answers = bytes.fromhex("".join(server.output.split()))
    pong, goodbye = Frame.parse(answers[:10]), Frame.parse(answers[10:])
    assert (pong.opcode, pong.masked, pong.payload) == (10, True, b"you?")
    assert (goodbye.opcode, goodbye.masked, goodbye.code) == (CLOSE, True, 1001)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "does not open a WebSocket: its answer begins with HTTP/1.0 404 Not Found"),
        (b"HTTP/1.1 101 Yes\r\n\r\n", "Sec-WebSocket-Accept is missing; for this key it must be "),
        (b"HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: a\r\n\r\n", "Sec-WebSocket-Accept is a; for this key"),
        (b"HTTP/1.1 101", "the server closed the connection, and no answer to the handshake came"),
        (b"x" * 70_000, "the answer to the handshake has no end after "),
    ],
)
def test_a_failed_handshake_is_explained(run: Callable[..., RunningProgram], answer: bytes, said: str) -> None:
    """An invalid answer to the handshake raises an error that says what is wrong."""
    with pytest.raises(ProgramError, match=re.escape(said)):
        run(ANSWERS.format(answer=answer)).connect()


def test_silence_and_a_closed_connection_are_errors(run: Callable[..., RunningProgram]) -> None:
    """Waiting for a frame raises an error after the given time, or when the server closes the connection."""
    server = run(OPENS.format(then=b"\x81\x05Hel"))
    socket = server.connect()
    with pytest.raises(ProgramError, match=r"no frame came within 0.1 s"):
        socket.receive(seconds=0.1)
    server.stop()
    with pytest.raises(ProgramError, match="closed the connection"):
        socket.receive(seconds=30)


# The report


def test_the_report_is_readable_in_an_untrusted_notebook(tmp_path: Path) -> None:
    """Without its style, the report is in a sensible order: the outcome in words, then expected and received."""
    found = run_labcheck("lab1", CHECKOUT / "labs/lab1", "--json", "-", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path))
    record = found.record
    shown = sanitised(html_of(Report(record)))
    place = 0
    for step in record.steps:
        place = shown.index(f"Step {step.number}: {step.title} ", place)
        for each in record.requirements_of(step):
            # Neighbors that are not run for the same reason share one outcome.
            mark = "" if each.outcome is Outcome.NOT_RUN else f"{OUTCOMES[each.outcome]} "
            place = shown.index(f"{mark}{each.id} ", place)
            if each.id == "2.1":
                assert (
                    shown.index(" expected ", place)
                    < shown.index(" received ", place)
                    < shown.index(" by hand ", place)
                )
            if each.outcome is Outcome.FAILED:
                place = shown.index(f"more %labcheck hint lab1 {each.id} ", place)
    assert "sent at 0.0" in shown
    text = io.StringIO()
    terminal.write(record, text)
    assert Report(record)._repr_mimebundle_()["text/plain"] == text.getvalue().rstrip("\n")
    assert wording.summary(record) in shown
    assert html_of(Report(record)).count("<details") == html_of(Report(record)).count("</details>")


def test_markup_is_escaped_in_the_report() -> None:
    """Markup in titles, values, outputs and messages is shown as text; long transcripts are cut, with a note."""
    evil = "<script>alert(1)</script>"
    event = {"kind": "sent", "what": evil, "who": evil, "at": 0.0, "size": 9999, "encoding": "utf-8", "data": evil}
    result = RequirementResult("1.1", evil, Outcome.FAILED, 1, 0, 0.0, evil, evil, evil, evil, transcript=[event] * 60)
    record = record_of([result], title=evil, programs=[ProgramResult("server", "did not start", evil, evil)])
    shown = html_of(Report(record))
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") > 2 * MOST_EVENTS
    assert f"… {60 - MOST_EVENTS} more" in shown
    assert "more bytes were not kept" in shown


def test_report_has_selected_requirements_and_each_cause_once() -> None:
    """Requirements left out by --only are not in the report; those not run for the same reason share a line."""
    waits = [
        RequirementResult(f"1.{n}", f"Title {n}", Outcome.NOT_RUN, reason="needs 1.1, which fails") for n in (2, 3, 4)
    ]
    results = [RequirementResult("1.1", "Title 1", Outcome.FAILED), *waits, RequirementResult("2.1", "Left out")]
    shown = sanitised(html_of(Report(record_of(results, selected=["1.1", "1.2", "1.3", "1.4"]))))
    assert "not run 1.2 to 1.4: needs 1.1, which fails 1.2 Title 2 1.3 Title 3 1.4 Title 4" in shown
    assert shown.count("needs 1.1, which fails") == 1
    assert "Left out" not in shown
    assert "Step 2" not in shown


def test_report_shows_the_line_that_python_cannot_read_and_hints() -> None:
    """The line is shown with a caret, and is the cause of what was not run; each hint is folded within another."""
    results = [
        RequirementResult(f"1.{number}", f"Title {number}", reason="server.py did not start") for number in (1, 2, 3)
    ]
    results[0].outcome, results[0].hints = Outcome.FAILED, ["Which `)`?", "Look above."]
    results[0].place, results[0].excerpt = Place("server.py", 7), Excerpt("SyntaxError", "unmatched ')'", 7, ["x)"], 2)
    shown = sanitised(html_of(Report(record_of(results))))
    assert "SyntaxError : unmatched ')' · server.py, line 7, column 2 7 x) ^" in shown
    assert "not run 1.2 to 1.3: SyntaxError in server.py, line 7" in shown
    assert "Hint 1 of 2 Which ) ? Hint 2 of 2 Look above." in shown


# Notebooks and kernels


def test_a_notebook_shows_what_happens(tmp_path: Path) -> None:
    """An executed notebook shows reports, later output of programs, and one-line errors."""
    shutil.copytree(CHECKOUT / "labs" / "lab1", tmp_path, dirs_exist_ok=True)
    (tmp_path / "later.py").write_text(
        SERVER + "listener.accept()[0].recv(999)\nprint('it came <later>', flush=True)\nlistener.accept()", "utf-8"
    )
    (tmp_path / "shlex.py").write_text("raise SystemExit('a file of the student was imported')")
    cells = [
        "%load_ext labcheck\nimport labcheck",
        "%labcheck lab1 --only 2.3",
        "%labcheck lab1 --only 2.3 --json out.json --html 'a report.html'",
        "%labcheck lab1 --only 1.1 --csv -",
        "%labcheck lab1 --only 9.9 --json out.json",
        "%labcheck hint lab1 2.3",
        "%labcheck",
        "%labcheck lab1 'a",
        "later = labcheck.run('later.py')",
        "later.send(b'x').note",
        "import time\nwhile 'later' not in later.output: time.sleep(0.01)\ntime.sleep(0.6)",
        "labcheck.run('nothing.py')",
        "later.stop()",
        "later.get('/')",
    ]
    notebook = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    )
    client = NotebookClient(notebook, timeout=120, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    workflow = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    client.execute(env={**OUTSIDE, "XDG_STATE_HOME": str(tmp_path), **workflow})
    outputs = [cell.outputs for cell in notebook.cells]
    loaded, only, files, csv, wrong, hint, usage, quote, started, *rest = outputs
    silent, waited, nothing, stopped, ended = rest
    assert loaded == waited == []
    for (output,) in (only, files):
        assert output.data["text/plain"].startswith("lab1 · Python web servers\n")
        assert "<strong>failed</strong> 2.3" in output.data["text/html"]
    assert (tmp_path / "a report.html").exists()
    assert not (tmp_path / "summary.md").exists()  # a notebook must not write a workflow's summary
    assert Record.from_json((tmp_path / "out.json").read_text("utf-8")).selected == ["2.3"]
    assert [output.name for (output,) in (csv, wrong, hint, usage, quote)] == [
        *("stdout", "stderr", "stdout", "stdout", "stderr")
    ]
    assert csv[0].text.startswith('"id",')
    assert wrong[0].text.startswith("labcheck: lab1 has no requirement '9.9'")
    assert hint[0].text.startswith("2.3 ")
    assert usage[0].text.startswith("usage: labcheck LAB")
    assert quote[0].text == "labcheck: no closing quotation in: lab1 'a\n"
    assert "it came &lt;later&gt;" in started[0].data["text/html"]
    assert "without an answer" in silent[0].data["text/plain"]
    assert "ended with" in stopped[0].data["text/plain"]
    for (output,), said in ((nothing, "no nothing.py in "), (ended, "later.py has ended with ")):
        assert output.ename == "ProgramError"
        assert "\n" not in "".join(output.traceback)
        assert said in output.traceback[0]


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    """Start a kernel in an empty folder, and load labcheck."""
    started = Kernel(tmp_path)
    started.does("%load_ext labcheck\nimport labcheck")
    yield started
    started.client.stop_channels()
    started.manager.shutdown_kernel(now=True)
    started.manager.context.destroy()


class Kernel:
    """A kernel that runs cells and returns their output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env={**OUTSIDE, "XDG_STATE_HOME": str(folder)})
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def does(self, code: str, then: Callable[[], None] | None = None) -> str:
        """Run a cell, and return what it prints. `then` is called in a thread once the cell has printed `begun`."""
        said = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            said.append(content.get("text", "") + "\n".join(content.get("traceback", [])))
            if then is not None and "".join(said) == "begun\n":
                threading.Thread(target=then).start()

        self.client.execute_interactive(code, timeout=60, output_hook=hear)
        return "".join(said)

    def interrupt(self) -> None:
        """Interrupt the running cell, as a notebook does."""
        os.killpg(self.process.pid, signal.SIGINT)

    @property
    def process(self) -> psutil.Process:
        """The kernel's process."""
        pid: int = vars(self.manager.provisioner)["pid"]
        return psutil.Process(pid)

    def starts(self) -> list[int]:
        """Start a server that starts another process. Return the pids of the server, its child and the keeper."""
        (self.folder / "family.py").write_text(
            SERVER + "import subprocess, time\n"
            "child = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
            "print(subprocess.Popen(child).pid, flush=True)\ntime.sleep(600)"
        )
        self.does("family = labcheck.run('family.py')")
        self.does("while not family.output: pass")
        found = self.does("from labcheck.jupyter.keeper import keeper\nprint(family.pid, family.output, keeper().pid)")
        return [int(word) for word in found.split()]


def test_programs_end_with_a_kernel_that_is_killed(kernel: Kernel) -> None:
    """An interrupt does not affect a program; when its kernel is killed, the program and its children are killed."""
    pids = kernel.starts()
    assert "KeyboardInterrupt" in kernel.does("import time; print('begun'); time.sleep(60)", then=kernel.interrupt)
    assert all(alive(pid) for pid in pids)
    kernel.process.kill()
    until(lambda: not any(alive(pid) for pid in pids))


def test_programs_end_with_a_kernel_that_is_shut_down(kernel: Kernel) -> None:
    """When a kernel is shut down, for example to restart it, its programs end; stopped programs ended before."""
    pids = kernel.starts()
    kernel.does("family.stop()\nfamily = labcheck.run('family.py')")
    again = int(kernel.does("print(family.pid)"))
    assert not any(alive(pid) for pid in pids[:-1])
    assert alive(again)
    kernel.manager.shutdown_kernel()
    until(lambda: not alive(again) and not alive(pids[-1]))


def test_an_interrupt_ends_the_grader(kernel: Kernel) -> None:
    """A %labcheck cell that is interrupted says so without a traceback, and leaves no process running."""
    (kernel.folder / "webserver.py").write_text(SERVER + "print(); import time; time.sleep(600)")
    own = kernel.process
    below: list[psutil.Process] = []

    def interrupt() -> None:
        until(lambda: "webserver.py" in words_below(own))
        below.extend(children(own))
        kernel.interrupt()

    assert kernel.does("print('begun')\n%labcheck lab1", then=interrupt) == "begun\nlabcheck: interrupted\n"
    until(lambda: not any(alive(each.pid) for each in below))
    assert kernel.does("print('still here')") == "still here\n"


def children(process: psutil.Process) -> list[psutil.Process]:
    """Return the running descendants of a process."""
    return [each for each in process.children(recursive=True) if alive(each.pid)]


def words_below(process: psutil.Process) -> list[str]:
    """Return the words of the command lines of a process's descendants."""
    words = []
    for each in children(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            words += each.cmdline()
    return words


def test_the_keeper_ends_what_it_keeps_and_nothing_else() -> None:
    """When its pipe ends, the keeper kills the programs it keeps, but not those it was to forget."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with (
        subprocess.Popen(command, start_new_session=True) as kept,
        subprocess.Popen(command, start_new_session=True) as forgotten,
    ):
        watch = Keeper()
        for process in (kept, forgotten):
            watch.keep(process.pid)
        watch.forget(forgotten.pid)
        watch.close()
        assert kept.wait(30) < 0
        assert forgotten.poll() is None
        forgotten.kill()


# What is imported


def python(code: str, cwd: Path) -> str:
    """Return the output of a program in a new interpreter."""
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True, timeout=120).stdout


def test_grading_imports_nothing_from_jupyter(tmp_path: Path) -> None:
    """`labcheck lab1` imports neither Jupyter nor labcheck.jupyter."""
    found = python(
        "import sys; from labcheck.cli import main as cli\n"
        f"status = cli.main(['lab1', {str(LAB1)!r}, '--only', '2', '--json', 'out.json'])\n"
        "foreign = ('IPython', 'jupyter', 'ipykernel', 'nb', 'traitlets', 'matplotlib', 'labcheck.jupyter')\n"
        "print([name for name in sys.modules if name.startswith(foreign)], status)",
        tmp_path,
    )
    assert found.endswith("[] 0\n")


def test_the_extension_imports_nothing_slow(tmp_path: Path) -> None:
    """`%load_ext labcheck` imports none of the libraries that are needed later."""
    found = python(
        "import sys; from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\nbefore = set(sys.modules)\n"
        "shell.run_line_magic('load_ext', 'labcheck')\n"
        "print('labcheck' in shell.magics_manager.magics['line'])\n"
        "print({name.partition('.')[0] for name in set(sys.modules) - before}"
        " & {'pytest', '_pytest', 'rich', 'nbformat', 'matplotlib', 'websockets', 'jinja2', 'psutil'})",
        tmp_path,
    )
    assert found == "True\nset()\n"


def test_plain_python_starts_programs_too(tmp_path: Path) -> None:
    """Outside IPython, a program is started, shown as text, and killed when the interpreter ends."""
    (tmp_path / "program.py").write_text(ANSWERS.format(answer=b"HTTP/1.1 200 Fine\r\n\r\n"))
    found = python(
        "import labcheck\nserver = labcheck.run('program.py')\n"
        "print(server.get('/').reason, server.pid)\nprint(server)",
        tmp_path,
    )
    reason, pid, *shown = found.split()
    assert (reason, shown[:3]) == ("Fine", ["program.py", "is", "running"])
    until(lambda: not alive(int(pid)))
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        labcheck.walk  # noqa: B018


# The exchange as a picture


def test_picture_shows_what_was_exchanged_with_a_server(run: Callable[..., RunningProgram]) -> None:
    """Requests, answers and printed lines are in order; a picture that is shown twice has other ids."""
    server = run(LAB1 / "webserver.py")
    server.get("/a.zzz")
    server.post("/b.zzz", b"name=Ann")
    picture = server.diagram()
    said = [line.split(": ", 1)[1].partition(",")[0] for line in repr(picture).splitlines()]
    exchanged = [line for line in said if not line.startswith("webserver.py: printed")]
    assert exchanged == [
        "client to webserver.py: GET /a.zzz HTTP/1.1",
        "webserver.py to client: HTTP/1.0 200 OK",
        "the server closed the connection",
        "client to webserver.py: POST /b.zzz HTTP/1.1",
        "webserver.py to client: HTTP/1.0 200 OK",
        "the server closed the connection",
    ]
    assert said[0].startswith("webserver.py: printed Started HTTP server")
    shown = [html_of(picture), html_of(picture)]
    ids = [re.findall(r' id="([^"]+)"', each) for each in shown]
    assert not {*ids[0]} & {*ids[1]}
    assert {*re.findall(r'href="#([^"]+)"', shown[0])} == {*ids[0]}
    assert "name=Ann" in sanitised(shown[0])
    assert xml.etree.ElementTree.fromstring(picture.svg).tag.endswith("svg")


def test_picture_has_a_lane_for_each_websocket(run: Callable[..., RunningProgram]) -> None:
    """Frames, their close codes and a silence are in the lane of their connection."""
    server = run(LAB2 / "chat_server.py")
    ann, bob = server.connect(), server.connect()
    ann.send("Ann,hello")
    bob.receive()
    with pytest.raises(ProgramError, match="no frame came within"):
        ann.receive(0.05)
    for each in (ann, bob):
        each.close()
    lines = [line.split(": ", 1)[1] for line in repr(server.diagram()).splitlines()]
    assert [line for line in lines if "handshake" not in line and "printed" not in line] == [
        "WebSocket 1 to chat_server.py: Ann,hello",
        "chat_server.py to WebSocket 2: Ann says: hello",
        "WebSocket 1: no frame came within 0.05 s",
        "WebSocket 1 to chat_server.py: close 1000",
        "chat_server.py to WebSocket 1: close 1000",
        "WebSocket 2 to chat_server.py: close 1000",
        "chat_server.py to WebSocket 2: close 1000",
    ]


def test_requests_at_the_same_time_are_not_mixed(run: Callable[..., RunningProgram]) -> None:
    """Each of several answers that arrive at the same time is one event."""
    server = run(LAB1 / "webserver.py")
    with ThreadPoolExecutor(8) as threads:
        answers = [*threads.map(lambda number: server.get(f"/{number}.zzz"), range(40))]
    received = [each["data"] for each in server.diagram().events if each["kind"] == "received"]
    assert sorted(received) == sorted(answer.received.decode() for answer in answers)


def test_client_has_no_picture(run: Callable[..., RunningProgram]) -> None:
    """What a client exchanges with its server is not seen from here; the error says so."""
    client = run("input()", port=1)
    with pytest.raises(ProgramError, match=r"program.py is a client; diagram\(\) shows"):
        client.diagram()
