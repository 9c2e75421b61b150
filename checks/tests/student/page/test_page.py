"""`labcheck open`: what a window gets after each save and each click, over the WebSocket of the page."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from conftest import CHECKOUT, alive, processes_in, until
from opened import FAILS_2_3, PASSES, TOP, Opened, save

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

COURSE = CHECKOUT / "checks" / "tests" / "courses" / "small"
SILENT = "import time\nprint('<b>up</b>', flush=True)\ntime.sleep(1000)\n"


def test_from_red_to_green(opened: Opened, work: Path) -> None:
    """A failure is shown with what proves it; after the save that mends it, everything passes."""
    with opened.window() as window:
        report = window.whole()
        assert (report["passed"], report["of"], report["next"]) == (28, 29, "2.3")
        assert (report["outcomes"]["2.3"], report["outcomes"]["2.2"]) == ("failed", "passed")
        assert report["status"].startswith("28 of 29 pass · checked at ")
        window.ask("details", "2.3")
        details = window.until("details")
        assert details["id"] == "2.3"
        for text in ("expected", "received", "day", "Hint 1 of", "What was exchanged", "by hand"):
            assert text in details["html"]
        save(work, PASSES)
        report = window.until("report", lambda each: each["passed"] == 29 and not each["running"])
        assert report["changes"] == "2.3 passes now"
        assert report["next"] == ""
        assert report["well_done"][0] == "Well done: everything passes."
        labs = window.until("labs", lambda each: each["labs"][0]["passed"] == 29)["labs"]
        assert [each["name"] for each in labs][:2] == ["lab1", "lab2"]
        assert (labs[1]["passed"], labs[1]["of"]) == (0, 33)
    status, out = opened.end()
    assert status == 0
    assert out.endswith("lab1: 29 of 29 requirements pass\n")


def test_the_requirement_to_work_on_comes_first(opened: Opened, work: Path) -> None:
    """After a save, it is checked by itself, and what was found before is not shown as its result any more."""
    with opened.window() as window:
        before = window.whole()
        window.messages.clear()
        save(work, FAILS_2_3.replace("tm_mday", "tm_mon"))
        window.until("report", lambda each: each["results"] > before["results"])
        heard = [each["checking"] for each in window.messages if each["about"] == "report" and each["checking"]]
        assert "6.3" not in heard
        window.ask("details", "2.3")
        assert "received" in window.until("details")["html"]
        window.ask("narrow")
        narrow = window.until("report", lambda each: each["narrow"] and not each["running"])
        assert narrow["next"] == "2.3"
        window.ask("details", "2.2")
        assert window.until("details") == {"about": "details", "id": "2.2", "html": ""}


def test_second_window_gets_everything(opened: Opened) -> None:
    """A window that is opened later gets the same report, and both get what comes then."""
    with opened.window() as first:
        report = first.whole()
        with opened.window() as second:
            assert second.until("report") == report
            assert second.until("server")["starts"] == 0
            assert second.until("labs")["labs"][0]["passed"] == 28
            first.ask("again")
            assert first.until("report", lambda each: each["running"])
            assert second.until("report", lambda each: each["running"])


def test_program_that_cannot_be_read(opened: Opened, work: Path) -> None:
    """The line that Python cannot read is shown in the details."""
    with opened.window() as window:
        window.whole()
        save(work, PASSES.replace("def main", "de main"))
        report = window.until("report", lambda each: each["next"] == "1.1" and not each["running"])
        assert report["passed"] == 0
        window.ask("details", "1.1")
        html = window.until("details")["html"]
        assert "SyntaxError" in html
        assert 'class="wrong"' in html


def test_no_program_at_all(opened: Opened, work: Path) -> None:
    """Without the file, the page says what is missing; when it is there again, it goes on."""
    with opened.window() as window:
        window.whole()
        (work / "webserver.py").unlink()
        assert window.until("report", lambda each: not each["running"] and each["passed"] == 0)["next"] == "1.1"
        window.ask("details", "1.1")
        assert "there is no webserver.py in the folder" in window.until("details")["html"]
        save(work, PASSES)
        window.until("report", lambda each: each["passed"] == 29 and not each["running"])


def test_own_server(opened: Opened, work: Path) -> None:
    """The user's server prints on the page, starts again after a save, and stops with Ctrl+C."""
    with opened.window() as window:
        window.whole()
        window.ask("start", "webserver")
        first = window.until("server", lambda each: each["port"])
        assert (first["starts"], first["wanted"], first["is_http"]) == (1, "webserver", True)
        assert first["state"] == f"webserver.py is running on port {first['port']}."
        assert b"200" in asked(first["port"])
        window.until("server", lambda each: "GET /a.zzz" in each["stderr"] and "Started" in each["stdout"])
        save(work, PASSES)
        second = window.until("server", lambda each: each["starts"] == 2 and each["port"])
        assert "GET /a.zzz" not in second["stderr"]
        window.ask("stop")
        stopped = window.until("server", lambda each: not each["wanted"])
        assert (stopped["port"], stopped["state"]) == (0, "webserver.py has ended, with exit status 0.")
        assert "shutting down" in stopped["stdout"]
        with pytest.raises(ConnectionRefusedError):
            asked(second["port"])


def asked(port: int) -> bytes:
    """Ask the user's server for a page, and return the first bytes of the answer."""
    with socket.create_connection(("localhost", port), timeout=30) as connection:
        connection.sendall(b"GET /a.zzz HTTP/1.0\r\n\r\n")
        return connection.recv(100)


def test_own_server_that_does_not_run(opened: Opened, work: Path) -> None:
    """A program that ends at once, or never listens, is reported as in the reports; its output is text."""
    with opened.window() as window:
        window.whole()
        save(work, "print('<b>ready</b>')\nraise SystemExit(3)\n")
        window.ask("start", "webserver")
        ended = window.until("server", lambda each: "exit" in each["state"])
        assert (ended["port"], ended["stdout"]) == (0, "<b>ready</b>")
        save(work, PASSES)
        window.until("server", lambda each: each["port"])
        window.ask("start", "no such program")
        window.ask("nonsense")
        window.ask("details", "9.9")
        assert window.until("details")["html"] == ""


def test_own_server_changes_no_file(opened: Opened, work: Path) -> None:
    """It runs in a copy of the folder: what it writes is not in the folder, and is not taken for a save."""
    with opened.window() as window:
        window.whole()
        save(work, PASSES.replace("def main", "open('written.txt', 'w').write('x')\n\n\ndef main", 1))
        window.ask("start", "webserver")
        window.until("server", lambda each: each["port"])
        before = sorted(each.name for each in work.iterdir())
    assert "written.txt" not in before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_nothing_is_left(opened: Opened, work: Path, number: int) -> None:
    """No matter how it ends, the user's server and the checked programs end with it."""
    with opened.window() as window:
        window.whole()
        save(work, SILENT)  # it is being checked now
        window.ask("start", "webserver")
        window.until("server", lambda each: "<b>up</b>" in each["stdout"])
        inside = [each.pid for each in psutil.Process(opened.process.pid).children(recursive=True)]
        assert len(inside) > 2
    # Ctrl+C and an end by force reach the command; its programs are in sessions of their own.
    status, out = opened.end(number)
    assert status == {signal.SIGINT: 1, signal.SIGTERM: 143, signal.SIGKILL: -9}[signal.Signals(number)]
    assert "Traceback" not in out
    until(lambda: not any(map(alive, inside)))
    assert processes_in(work.parent) == []


def test_strangers_get_nothing(opened: Opened) -> None:
    """Without the cookie, from another origin, or under another name, there is neither the page nor the WebSocket."""
    cookie = opened.cookie()
    assert opened.get(TOP)[0].status == 403
    assert opened.get(TOP, Cookie=cookie)[0].status == 200
    assert opened.get(TOP, Cookie=cookie, Host="evil.example")[0].status == 403
    for fields in (
        {"cookie": "a=b"},
        {"cookie": cookie, "origin": "http://localhost:8001"},
        {"cookie": cookie, "origin": None},
    ):
        with pytest.raises(InvalidStatus) as refused, opened.window(**fields):
            pass
        assert refused.value.response.status_code == 403


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"ask": 1}', '{"ask": "details", "of": 1}', b"\xff", "x" * 5000])
def test_messages_that_the_page_never_sends(opened: Opened, text: str | bytes) -> None:
    """They end this connection, and nothing else."""
    with opened.window() as window:
        window.socket.send(text)
        with pytest.raises(ConnectionClosed):
            window.until("nothing")
    with opened.window() as window:
        window.until("report")


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01",
        b"POST /labcheck/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_requests_that_are_no_browsers(opened: Opened, raw: bytes) -> None:
    """They get an error or nothing, write nothing on the terminal, and the page goes on."""
    with socket.create_connection(("127.0.0.1", opened.port), timeout=30) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        assert b" 200 " not in connection.recv(1000)
    assert opened.get(TOP, Cookie=opened.cookie())[0].status == 200
    assert [line for line in opened.end()[1].splitlines() if line and not line.startswith("lab1: ")] == []


def test_clients_are_not_offered_as_servers(tmp_path: Path) -> None:
    """Of the programs of lab 2, two are servers; a WebSocket server has no page for the frame."""
    shutil.copytree(CHECKOUT / "solutions" / "lab2", tmp_path / "lab2")
    with Opened(tmp_path, "lab2", state=tmp_path / "state") as opened:
        page = opened.get(TOP, Cookie=opened.cookie())[1]
        assert re.findall(r'<option value="(\w+)"', page) == ["echo_server", "chat_server"]
        with opened.window() as window:
            window.ask("start", "chat_server")
            running = window.until("server", lambda each: each["port"])
            assert running["is_http"] is False
            window.ask("start", "echo_server")
            other = window.until("server", lambda each: each["port"] and each["starts"] == 2)
            assert other["state"].startswith("echo_server.py is running")


def test_course_of_ones_own(tmp_path: Path) -> None:
    """A lab of a course has such a page too, with the labs of the course, and its link for feedback after the last."""
    course, link = tmp_path / "course", "https://networks.example/form"
    shutil.copytree(COURSE, course)
    (course / "labcheck.toml").write_text(f'feedback = "{link}"')
    shutil.copytree(COURSE / "solutions" / "clock", tmp_path / "clock")
    words = ("clock", "--course", str(course))
    with Opened(tmp_path, *words, state=tmp_path / "state") as opened, opened.window() as window:
        report = window.whole()
        assert report["next"] == ""
        assert report["well_done"][-1] == f"tell your course what you think of the labs: {link}"
        assert "clock" in [each["name"] for each in window.until("labs")["labs"]]


def test_wrong_use(labcheck: Run, tmp_path: Path) -> None:
    """A folder without the program, a wrong port or one that is taken gets one line, and exit status 2."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    number = taken.getsockname()[1]
    solution = CHECKOUT / "solutions" / "lab1"
    cases = {
        ("lab1", str(tmp_path)): "webserver.py",
        ("lab1", str(solution), "--port", str(number)): f"cannot use port {number} for the page",
        ("lab1", str(solution), "--port", "0"): "expected a port",
        ("lab9",): "unknown lab",
    }
    with taken:
        for words, said in cases.items():
            done = labcheck("open", "--no-open", *words)
            assert done.status == 2
            assert said in done.err
            assert done.err.count("\n") == 1


def test_messages_are_json_without_surprises(opened: Opened) -> None:
    """What a window gets is one JSON object a message, about something that the page's script knows."""
    script = opened.get(f"{TOP}page.js", Cookie=opened.cookie())[1]
    known = re.search(r"const SHOW = \{(.*)\}", script)
    assert known is not None
    with opened.window() as window:
        window.whole()
        window.ask("details", "1.1")
        window.until("details")
        assert {each["about"] for each in window.messages} <= set(re.findall(r"(\w+):", known[1]))
        assert json.dumps(window.messages)
