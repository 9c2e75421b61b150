"""labcheck in a notebook: programs, messages and frames as a cell shows them, and the report of %labcheck."""

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
from labcheck.record.record import Outcome, ProgramResult, Record, RequirementResult
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
# One that answers every client with what it is given, once it has read something.
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
# One that opens a WebSocket, and then sends what it is given; what comes it prints.
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
    """Of the keeper, nor of the event loop that clients of a kernel run in."""
    yield
    keeper().close()
    keeper.cache_clear()
    ensure_event_loop().close()
    asyncio.set_event_loop(None)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., RunningProgram]]:
    """Start a program: a file, or the text of one."""
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
    """Return what a notebook displays of a thing."""
    shown: str = thing._repr_mimebundle_()["text/html"]
    return shown


def sanitised(markup: str) -> str:
    """Return what is read of it in a notebook that is not trusted, where it has no style."""
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
def test_examples_of_the_rfc_are_taken_apart(raw: str, opcode: int, fin: bool, text: str) -> None:
    """The examples of RFC 6455, section 5.7, have the fields that it says."""
    frame = Frame.parse(bytes.fromhex(raw))
    assert (frame.opcode, frame.fin, frame.text) == (opcode, fin, text)
    assert frame.masked == ("37 fa 21 3d" in raw)
    assert frame.mask == (bytes.fromhex("37 fa 21 3d") if frame.masked else b"")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70_000])
@pytest.mark.parametrize("mask", [b"", b"\x01\x80\xff\x00"])
def test_every_form_of_length_is_made_and_read(size: int, mask: bytes) -> None:
    """Payloads on both sides of each limit come back, and a frame that lacks a byte is none."""
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
def test_frames_of_the_library_are_taken_apart(opcode: int, payload: bytes, fin: bool, mask: bool) -> None:
    """What the library websockets puts on the wire is read as what it has put into it."""
    if opcode >= CLOSE:  # control frames are short, and whole
        payload, fin = payload[:125], True
    raw = library.Frame(library.Opcode(opcode), payload, fin=fin).serialize(mask=mask)
    frame = Frame.parse(raw)
    assert (frame.opcode, frame.payload, frame.fin, frame.masked) == (opcode, payload, fin, mask)
    assert unmask(unmask(payload, b"abcd"), b"abcd") == payload


def test_a_frame_is_shown_bit_by_bit() -> None:
    """The table names each field, where it is, its bytes in hex, and what they mean; text is shown as text."""
    frame = Frame.make(TEXT, b"<script>alert(1)</script>" * 6, b"abcd")
    shown = sanitised(html_of(frame))
    for words in (
        "0 FIN 81 1 this frame ends its message",
        "1–3 RSV1–3 000",
        "4–7 opcode 0001 0x1: text",
        "8 MASK fe 1 masked",
        "9–15 payload length 1111110 126: the next 2 bytes tell it",
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
    """A server gets a free port and Ctrl+C; its address, its output and its end are shown."""
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


def test_two_runs_of_one_file_do_not_meet(run: Callable[..., RunningProgram]) -> None:
    """The same program runs twice, each on its own port."""
    one, two = run(LAB1 / "webserver.py"), run(LAB1 / "webserver.py")
    assert one.port != two.port
    assert one.get("/a.zzz").status == two.get("/a.zzz").status == 200


def test_a_program_sees_only_real_clients(run: Callable[..., RunningProgram]) -> None:
    """That it listens is seen without a visit, which would stand in its output."""
    server = run(ANSWERS.format(answer=b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert server.output == ""
    server.get("/only")
    until(lambda: server.output)
    assert server.output.count("a client") == 1


def test_an_exchange_is_the_bytes_that_went_over_the_wire(run: Callable[..., RunningProgram]) -> None:
    """What was sent and received is kept whole and shown line by line, each with the name of its part."""
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
    """A POST sends a form with its length; another type may be given, in any case."""
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
    ("unit", "times", "said"),
    [
        (b"line\n", 200_000, "… 999,900 more bytes"),
        (b"x", 300_000, "… 298,500 more bytes"),
        (b"\x89PNG\r\n\x1a\n\x00", 40_000, "360,000 bytes, which begin with 89 50 4e 47"),
    ],
)
def test_large_and_binary_bodies_are_kept_whole_and_shown_in_short(
    run: Callable[..., RunningProgram], unit: bytes, times: int, said: str
) -> None:
    """Of a body that is long, or no text, the beginning is shown; nothing of it is lost."""
    program = ANSWERS.format(answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(unit) * times))
    exchange = run(program.replace("(answer)", f"(answer + {unit!r} * {times})")).get("/")
    assert exchange.body == unit * times
    assert exchange.received.endswith(exchange.body)
    assert said in sanitised(html_of(exchange))
    assert said in repr(exchange)
    assert len(html_of(exchange)) < 10_000


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (b"", None, "the connection was closed without an answer"),
        (b"<p>old</p>", None, "the answer does not begin with HTTP/1.1 or HTTP/1.0 but with '<p>old</p>'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", 200, "fewer bytes of the body came"),
    ],
)
def test_what_is_no_answer_is_told_in_plain_words(
    run: Callable[..., RunningProgram], answer: bytes, status: int | None, said: str
) -> None:
    """Bytes by hand show whatever came; a request that gets no answer is an error in a line."""
    server = run(ANSWERS.format(answer=answer))
    exchange = server.send(b"nonsense")
    assert (exchange.sent, exchange.received, exchange.status) == (b"nonsense", answer, status)
    assert said in exchange.note
    assert said in sanitised(html_of(exchange))
    assert "no request line" in repr(exchange)
    if status is None:
        with pytest.raises(ProgramError, match=re.escape(said)):
            server.get("/")


def test_a_target_that_is_not_encoded_is_refused(run: Callable[..., RunningProgram]) -> None:
    """A target with characters that no request line can hold is named."""
    with pytest.raises(ProgramError, match="日本 cannot stand in a request's head"):
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
    """Where a program does not listen, its last words are in the error, which has no traceback."""
    with pytest.raises(ProgramError, match=said) as caught:
        run(program)
    assert "Traceback" not in "".join(caught.value._render_traceback_())


def test_a_file_that_is_not_there_is_named_with_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is wrong is told with where it was looked for."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProgramError, match=re.escape(f"there is no webserver.py in {tmp_path}")):
        labcheck.run("webserver.py")


def test_a_program_has_the_notebooks_clock_and_python(
    run: Callable[..., RunningProgram], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its local time and its interpreter are the notebook's."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    server = run(SERVER + "import time; print(time.tzname[0], sys.executable); time.sleep(60)")
    until(lambda: server.output.endswith("\n"))
    assert server.output == f"JST {sys.executable}\n"


def test_what_ignores_ctrl_c_is_killed(run: Callable[..., RunningProgram], monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not end in time is killed, with what it has started, and says so."""
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


def test_what_has_ended_by_itself_leaves_nothing_and_is_told(run: Callable[..., RunningProgram]) -> None:
    """A program that breaks down is shown as ended; its children are gone, and a request says what happened."""
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
    with pytest.raises(ProgramError, match=r"program\.py has ended, with exit status 1; run it again"):
        server.get("/")


def test_a_flood_is_shown_in_short_and_seldom(run: Callable[..., RunningProgram]) -> None:
    """Of a program that prints for ever the last lines are shown, a few times a second."""
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
    assert "what came before is left out" in html_of(server)


# A client and its user


def test_a_chat_of_two(run: Callable[..., RunningProgram]) -> None:
    """A client is typed to and waited for; what it has printed is shown with what was typed."""
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
    with pytest.raises(ProgramError, match=r"has not printed 'never' within 0\.1 s"):
        ann.wait_for("never", seconds=0.1)
    assert "Enter Your Name: Ann\n" in repr(ann)
    assert "Hi &lt;all&gt;" in html_of(ann)
    eve.close()
    assert ann.stop().status == 0
    with pytest.raises(ProgramError, match="has ended"):
        ann.type("more")


def test_a_client_that_ends_is_not_waited_for(run: Callable[..., RunningProgram]) -> None:
    """A client that fails says why when something is expected of it."""
    client = run("import sys; sys.exit('no server')", port=1)
    with pytest.raises(ProgramError, match=r"has ended, and has not printed 'Name':\nno server"):
        client.wait_for("Name", seconds=30)


# WebSockets


def test_a_websocket_shows_its_handshake(run: Callable[..., RunningProgram]) -> None:
    """The handshake is the bytes that were sent and came; key and accept belong together."""
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


def test_what_comes_on_a_websocket_is_read_frame_by_frame(run: Callable[..., RunningProgram]) -> None:
    """Pings are answered and passed over, pieces of a message come as they are, and a goodbye is answered."""
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
        (b"HTTP/1.1 101", "the server hung up, and no answer to the handshake came"),
        (b"x" * 70_000, "the answer to the handshake does not end"),
    ],
)
def test_what_opens_no_websocket_is_told_in_plain_words(
    run: Callable[..., RunningProgram], answer: bytes, said: str
) -> None:
    """A server that is none, or that has another idea of the key, is told in a line."""
    with pytest.raises(ProgramError, match=re.escape(said)):
        run(ANSWERS.format(answer=answer)).connect()


def test_silence_and_a_hangup_on_a_websocket_are_told(run: Callable[..., RunningProgram]) -> None:
    """Who waits for a frame that does not come learns so after the seconds that were given."""
    server = run(OPENS.format(then=b"\x81\x05Hel"))
    socket = server.connect()
    with pytest.raises(ProgramError, match=r"no frame came within 0.1 s"):
        socket.receive(seconds=0.1)
    server.stop()
    with pytest.raises(ProgramError, match="hung up"):
        socket.receive(seconds=30)


# The report


def test_the_report_is_readable_when_the_notebook_is_not_trusted(tmp_path: Path) -> None:
    """Without its style the report reads in order: outcomes in words, then what was expected and received."""
    found = run_labcheck("lab1", CHECKOUT / "labs/lab1", "--json", "-", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path))
    record = found.record
    shown = sanitised(html_of(Report(record)))
    place = 0
    for step in record.steps:
        place = shown.index(f"Step {step.number}: {step.title} ", place)
        for each in record.requirements_of(step):
            place = shown.index(f"{OUTCOMES[each.outcome]} {each.id} ", place)
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


def test_whatever_a_program_said_is_text_in_the_report() -> None:
    """Markup in titles, values, outputs and messages is shown and not obeyed; long transcripts are cut, and say so."""
    evil = "<script>alert(1)</script>"
    event = {"kind": "sent", "what": evil, "who": evil, "at": 0.0, "size": 9999, "encoding": "utf-8", "data": evil}
    result = RequirementResult("1.1", evil, Outcome.FAILED, 1, 0, 0.0, evil, evil, evil, evil, transcript=[event] * 60)
    record = record_of([result], title=evil, programs=[ProgramResult("server", "did not start", evil, evil)])
    shown = html_of(Report(record))
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") > 2 * MOST_EVENTS
    assert f"… {60 - MOST_EVENTS} more" in shown
    assert "more bytes were not kept" in shown


def test_only_what_was_asked_for_is_reported_and_one_cause_once() -> None:
    """What --only left out is not in the report, and what one cause has kept from being run is one line."""
    waits = [RequirementResult(f"1.{n}", f"Title {n}", Outcome.NOT_RUN, reason="1.1 fails") for n in (2, 3, 4)]
    results = [RequirementResult("1.1", "Title 1", Outcome.FAILED), *waits, RequirementResult("2.1", "Left out")]
    shown = sanitised(html_of(Report(record_of(results, selected=["1.1", "1.2", "1.3", "1.4"]))))
    assert "not run 1.2 to 1.4: 1.1 fails 1.2 Title 2 1.3 Title 3 1.4 Title 4" in shown
    assert shown.count("1.1 fails") == 1
    assert "Left out" not in shown
    assert "Step 2" not in shown


# Notebooks and kernels


def test_a_notebook_shows_what_happens(tmp_path: Path) -> None:
    """Reports, programs whose output comes later, and errors in a line: as a notebook that is executed shows them."""
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
    assert not (tmp_path / "summary.md").exists()  # a notebook is no step of a workflow
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
    for (output,), said in ((nothing, "there is no nothing.py in "), (ended, "later.py has ended, with ")):
        assert output.ename == "ProgramError"
        assert "\n" not in "".join(output.traceback)
        assert said in output.traceback[0]


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    """Start a kernel in an empty folder, with labcheck."""
    started = Kernel(tmp_path)
    started.does("%load_ext labcheck\nimport labcheck")
    yield started
    started.client.stop_channels()
    started.manager.shutdown_kernel(now=True)
    started.manager.context.destroy()


class Kernel:
    """A kernel, and what a cell says there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env={**OUTSIDE, "XDG_STATE_HOME": str(folder)})
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def does(self, code: str, then: Callable[[], None] | None = None) -> str:
        """Run a cell, and return what it prints; after its first word, something else may be done meanwhile."""
        said = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            said.append(content.get("text", "") + "\n".join(content.get("traceback", [])))
            if then is not None and "".join(said) == "begun\n":
                threading.Thread(target=then).start()

        self.client.execute_interactive(code, timeout=60, output_hook=hear)
        return "".join(said)

    def interrupt(self) -> None:
        """Do what a notebook does to interrupt a cell."""
        os.killpg(self.process.pid, signal.SIGINT)

    @property
    def process(self) -> psutil.Process:
        """The kernel's process."""
        pid: int = vars(self.manager.provisioner)["pid"]
        return psutil.Process(pid)

    def starts(self) -> list[int]:
        """Start a server that starts another process, and return the pids of all, the keeper's last."""
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
    """An interrupt leaves a program alone; when its kernel is killed, it is gone, with all that it has started."""
    pids = kernel.starts()
    assert "KeyboardInterrupt" in kernel.does("import time; print('begun'); time.sleep(60)", then=kernel.interrupt)
    assert all(alive(pid) for pid in pids)
    kernel.process.kill()
    until(lambda: not any(alive(pid) for pid in pids))


def test_programs_end_with_a_kernel_that_is_shut_down(kernel: Kernel) -> None:
    """When a kernel is shut down, as for a restart, its programs are gone; stopped ones were gone before."""
    pids = kernel.starts()
    kernel.does("family.stop()\nfamily = labcheck.run('family.py')")
    again = int(kernel.does("print(family.pid)"))
    assert not any(alive(pid) for pid in pids[:-1])
    assert alive(again)
    kernel.manager.shutdown_kernel()
    until(lambda: not alive(again) and not alive(pids[-1]))


def test_an_interrupt_ends_the_grader(kernel: Kernel) -> None:
    """A cell with %labcheck that is interrupted says so, without a traceback, and leaves nothing running."""
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
    """Return what is below a process and has not ended."""
    return [each for each in process.children(recursive=True) if alive(each.pid)]


def words_below(process: psutil.Process) -> list[str]:
    """Return the words of the commands of what is below a process."""
    words = []
    for each in children(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            words += each.cmdline()
    return words


def test_the_keeper_ends_what_it_keeps_and_nothing_else() -> None:
    """When its pipe ends, the keeper kills what it was told of, and not what was forgotten."""
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
    """Return what a program prints in an interpreter of its own."""
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True, timeout=120).stdout


def test_grading_imports_nothing_of_jupyter(tmp_path: Path) -> None:
    """`labcheck lab1` needs neither Jupyter nor what labcheck has for it."""
    found = python(
        "import sys; from labcheck.cli import main as cli\n"
        f"status = cli.main(['lab1', {str(LAB1)!r}, '--only', '2', '--json', 'out.json'])\n"
        "foreign = ('IPython', 'jupyter', 'ipykernel', 'nb', 'traitlets', 'matplotlib', 'labcheck.jupyter')\n"
        "print([name for name in sys.modules if name.startswith(foreign)], status)",
        tmp_path,
    )
    assert found.endswith("[] 0\n")


def test_the_extension_imports_nothing_slow(tmp_path: Path) -> None:
    """`%load_ext labcheck` imports none of the libraries that are used later."""
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
    """Outside of IPython a program is started, shown as text, and gone when the interpreter ends."""
    (tmp_path / "program.py").write_text(ANSWERS.format(answer=b"HTTP/1.1 200 Fine\r\n\r\n"))
    found = python(
        "import labcheck\nserver = labcheck.run('program.py')\n"
        "print(server.get('/').reason, server.pid)\nprint(server)",
        tmp_path,
    )
    reason, pid, *shown = found.split()
    assert (reason, shown[:2]) == ("Fine", ["program.py", "runs"])
    until(lambda: not alive(int(pid)))
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        labcheck.walk  # noqa: B018
