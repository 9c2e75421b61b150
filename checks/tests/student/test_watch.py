"""`labcheck LAB --watch`: what is on the screen after each save and each key, in tmux."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

import psutil
import pytest

from conftest import CHECKOUT, OUTSIDE, TESTS, alive, until
from labcheck.judging.options import Options
from labcheck.student import watch as watching
from labcheck.student.screen import Display
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from conftest import Run

STARTER = CHECKOUT / "labs" / "lab1"
SOLUTION = CHECKOUT / "solutions" / "lab1"
PASSES = (SOLUTION / "webserver.py").read_text()
FAILS_2_3 = PASSES.replace("tm_yday", "tm_mday")
FAILS_1_2 = PASSES.replace("Started HTTP server", "Here I am")
DONE = "29 of 29 pass · checked at"
needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")


class Tmux:
    """A command in a terminal of tmux."""

    def __init__(self, words: list[object], folder: Path, columns: int = 90, rows: int = 30) -> None:
        self._socket = f"labcheck-{uuid.uuid4().hex}"
        environment = {**OUTSIDE, "LC_ALL": "C.UTF-8", "XDG_STATE_HOME": str(folder / "state")}
        command = shlex.join([sys.executable, "-m", "labcheck", *map(str, words)])
        size = ["-x", str(columns), "-y", str(rows)]
        script = f"cd {shlex.quote(str(folder))}; echo before; stty -a > modes; {command}; echo status $?; cat"
        self._do("-f", os.devnull, "new-session", "-d", *size, script, environment=environment)

    def screen(self) -> str:
        """Return what is on the screen."""
        return self._do("capture-pane", "-p")

    def shows(self, *texts: str, seconds: float = 60) -> str:
        """Wait until all texts are on the screen, and return it."""
        limit = time.monotonic() + seconds
        while not all(text in (screen := self.screen()) for text in texts):
            assert time.monotonic() < limit, f"no {texts} on the screen:\n{screen}"
            time.sleep(0.02)
        return screen

    def press(self, *keys: str) -> None:
        """Press keys, under the names that tmux has for them."""
        self._do("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self._do("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def pid(self) -> int:
        """The process of the terminal's shell."""
        return int(self._do("display-message", "-p", "#{pane_pid}"))

    def modes(self) -> str:
        """Return the modes of the terminal."""
        return subprocess.run(["stty", "-a", "-F", self.tty], check=True, capture_output=True, text=True).stdout

    @property
    def tty(self) -> str:
        """The device of the terminal."""
        return self._do("display-message", "-p", "#{pane_tty}").strip()

    def close(self) -> None:
        """End everything in the terminal."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], check=False, capture_output=True)

    def _do(self, *words: str, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-L", self._socket, *words], check=True, capture_output=True, text=True, env=environment
        )
        return done.stdout


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a program that passes."""
    folder = tmp_path / "lab1"
    shutil.copytree(STARTER, folder)
    save(folder, PASSES)
    return folder


@pytest.fixture
def watch(work: Path) -> Iterator[Tmux]:
    """A watch of that folder, whose first run has ended."""
    tmux = Tmux(["lab1", "--watch"], work.parent)
    try:
        tmux.shows(DONE)
        yield tmux
    finally:
        tmux.close()


def save(folder: Path, text: str) -> None:
    """Save the program as vim does: in a new file, which then takes the name of the old one."""
    new = folder / "4913~"
    new.write_text(text)
    new.replace(folder / "webserver.py")


@needs_tmux
def test_each_save_is_checked(watch: Tmux, work: Path) -> None:
    """The failure appears, then what has changed; a mistake of another kind takes its place; all is well again."""
    assert "Well done: everything passes." in watch.screen()
    save(work, FAILS_2_3)
    screen = watch.shows("28 of 29 pass · checked at", "since the last run: 2.3 fails now")
    assert re.search(r"FAIL  2\.3  The page shows the day of the year", screen)
    assert "received" in screen
    assert "Well done" not in screen
    save(work, FAILS_1_2)
    screen = watch.shows("FAIL  1.2", "since the last run: 2.3 passes now · 1.2 fails now")
    assert "FAIL  2.3" not in screen
    save(work, PASSES)
    watch.shows(DONE, "since the last run: 1.2 passes now", "Well done")
    state = json.loads((work.parent / "state" / "labcheck" / "state.json").read_text())
    assert state["runs"][f"lab1 {work}"]["outcomes"]["1.2"] == "passed"


@needs_tmux
def test_first_the_next_requirement_then_all(watch: Tmux, work: Path) -> None:
    """Saying that everything passes takes a run of everything, even if the only failure is mended."""
    save(work, FAILS_2_3)
    watch.shows("28 of 29 pass · checked at")
    save(work, FAILS_1_2)
    screen = watch.shows("ok    2.3")  # it was checked before the others
    assert "checking" in screen
    assert "Well done" not in screen
    watch.shows("FAIL  1.2", "28 of 29 pass · checked at")


@needs_tmux
def test_save_during_a_run_begins_it_again(watch: Tmux, work: Path) -> None:
    """Only the last of many saves is answered; nothing of the earlier programs is left."""
    save(work, "import time\nprint('Started HTTP server', flush=True)\ntime.sleep(100)")
    watch.shows("checking 1.1")
    for text in (FAILS_1_2, "def", FAILS_2_3):
        save(work, text)
    screen = watch.shows("28 of 29 pass · checked at")
    assert "since the last run: 2.3 fails now" in screen
    shell = psutil.Process(watch.pid)
    until(lambda: not [each for each in shell.children(recursive=True) if "webserver.py" in " ".join(each.cmdline())])


@needs_tmux
def test_last_lab_of_a_course_asks_for_feedback(tmp_path: Path) -> None:
    """When everything passes, the link of the course is on the screen."""
    course = tmp_path / "course"
    shutil.copytree(TESTS / "courses" / "small", course)
    (course / "labcheck.toml").write_text('feedback = "https://a.example/form"')
    shutil.copytree(course / "solutions" / "clock", tmp_path / "clock")
    tmux = Tmux(["clock", "--watch", "--course", course], tmp_path)
    try:
        tmux.shows("6 of 6 pass", "tell your course what you think of the labs: https://a.example/form")
    finally:
        tmux.close()


@needs_tmux
def test_half_saved_file_is_not_checked(watch: Tmux, work: Path) -> None:
    """An editor that empties the file and writes it a little later gets one answer, to what it has written."""
    seen = watch.screen()
    file = work / "webserver.py"
    file.write_text("")
    time.sleep(0.3)  # what a slow editor does
    assert watch.screen() == seen
    file.write_text(FAILS_2_3)
    watch.shows("since the last run: 2.3 fails now")
    file.unlink()  # this is meant
    watch.shows("webserver.py", "0 of 29 pass")


@pytest.mark.everything
@needs_tmux
def test_files_of_editors_change_nothing(watch: Tmux, work: Path) -> None:
    """Temporary files and backups of editors, and hidden files, are not checked."""
    seen = watch.screen()
    for name in (".webserver.py.swp", "webserver.py~", ".#webserver.py", ".git", "__pycache__"):
        if "." in name:
            (work / name).write_text("x")
        else:
            (work / name).mkdir()
            (work / name / "x").write_text("x")
    save(work, FAILS_2_3)
    screen = watch.shows("28 of 29 pass · checked at")
    assert seen.splitlines()[-1] != screen.splitlines()[-1]
    (work / "webserver (copy).py").write_text(PASSES)  # a stray copy is a file like others, and changes no result
    watch.shows("checking")
    watch.shows("28 of 29 pass · checked at", "FAIL  2.3")


@pytest.mark.everything
@needs_tmux
def test_log_that_grows_does_not_hold_it_up(watch: Tmux, work: Path) -> None:
    """A file that a program writes again and again is not one that the user saves."""
    stop = threading.Event()

    def write() -> None:
        with (work / "server.log").open("w") as log:
            while not stop.wait(0.1):
                log.write("GET /\n")
                log.flush()

    writing = threading.Thread(target=write)
    writing.start()
    try:
        save(work, FAILS_2_3)
        watch.shows("28 of 29 pass · checked at", "FAIL  2.3")
        save(work, PASSES)
        watch.shows(DONE)
    finally:
        stop.set()
        writing.join()


@needs_tmux
def test_keys(watch: Tmux, work: Path) -> None:
    """Each key does what the last line says, also while a run is on."""
    save(work, FAILS_2_3)
    assert watch.shows("checked at", "FAIL  2.3").splitlines()[-1] == (
        "q quit · h hint · o only 2.3 · a all · s sheet · r reset · enter again"
    )
    watch.press("h")
    watch.shows("hint 1 of 3 for 2.3: ")
    watch.press("h")
    watch.shows("hint 2 of 3 for 2.3: ", "FAIL  2.3")
    watch.press("a")
    watch.shows("1  Start and stop", "more lines: space")
    watch.press("Space", "Space")
    watch.shows("6.3  A client that leaves")
    watch.press("s")
    watch.shows("Step 2: ")
    watch.press("Space")
    until(lambda: "Step 2: " not in watch.screen())
    read = watch.screen().splitlines()[:3]
    save(work, FAILS_2_3 + "\n")
    watch.shows("checking")
    assert watch.shows("28 of 29 pass · checked at").splitlines()[:3] == read  # a run does not move what is read
    watch.press("Escape")
    watch.shows("FAIL  2.3", "received")
    watch.press("o")
    watch.shows("28 of 29 pass · checked at", "o all")
    save(work, PASSES)
    watch.shows(DONE, "Well done")
    watch.press("Enter")
    watch.shows("checking")
    watch.shows(DONE)
    watch.press("q")
    watch.shows("before", "lab1: 29 of 29 requirements pass", "status 0")


@needs_tmux
def test_reset_asks_first(watch: Tmux, work: Path) -> None:
    """The program is put back only after `y`, and what was there is kept."""
    save(work, FAILS_2_3)
    watch.shows("FAIL  2.3", "checked at")
    watch.press("r")
    watch.shows("Put webserver.py back", "any other key")
    watch.press("n")
    watch.shows("FAIL  2.3")
    assert (work / "webserver.py").read_text() == FAILS_2_3
    watch.press("r")
    watch.shows("any other key")
    watch.press("y")
    watch.shows("8 of 29 pass · checked at", "FAIL  1.3")
    assert (work / "webserver.py").read_text() == (STARTER / "webserver.py").read_text()
    assert (work / "webserver.py.old").read_text() == FAILS_2_3


@needs_tmux
def test_screen_follows_the_size_of_the_terminal(watch: Tmux, work: Path) -> None:
    """Nothing is wider than the terminal, and the keys are in view, on a small one and a large one."""
    save(work, FAILS_2_3)
    watch.shows("FAIL  2.3", "checked at")
    for columns, rows in ((60, 20), (40, 10), (120, 40)):
        watch.resize(columns, rows)
        screen = watch.shows("FAIL  2.3", "28 of 29", "q quit")
        assert len(screen.splitlines()) == rows
    watch.resize(20, 4)
    watch.shows("…", "━", "q quit")
    Path(watch.tty).write_text("\x1b[2J\x1b[Hsomething else")
    watch.shows("something else")
    watch.press("C-l")
    watch.shows("…", "━", "q quit")
    assert "something" not in watch.screen()


@needs_tmux
@pytest.mark.sample(2)
@pytest.mark.parametrize("how", ["q", "C-c", "C-\\", "SIGTERM"])
def test_terminal_is_as_it_was_afterwards(watch: Tmux, work: Path, how: str) -> None:
    """After every way to end it, the first screen and the terminal's modes are back, and no process is left."""
    save(work, FAILS_2_3)
    watch.shows("checking")  # it ends in the middle of a run

    def running() -> list[psutil.Process]:
        return [each for each in psutil.Process(watch.pid).children(recursive=True) if alive(each.pid)]

    until(lambda: len(running()) > 3)
    processes = running()
    if how == "SIGTERM":
        next(each for each in processes if "--watch" in each.cmdline()).send_signal(signal.SIGTERM)
    else:
        watch.press(how)
    status = {"C-\\": 131, "SIGTERM": 143}.get(how, 0)
    screen = watch.shows("before", f"status {status}")
    assert "quit" not in screen
    until(lambda: not any(alive(each.pid) for each in processes))
    assert watch.modes() == (work.parent / "modes").read_text()


@needs_tmux
def test_program_that_floods_the_terminal_does_not_hold_it(watch: Tmux, work: Path) -> None:
    """What a program prints, with or without an end, never reaches the screen as it is."""
    flood = "while True:\n        print('\\x1b[2J\\x1b[?1049l\\x07flood', flush=True)"
    start = f"import threading\n\ndef flood():\n    {flood}\n\nthreading.Thread(target=flood, daemon=True).start()\n"
    save(work, start + FAILS_2_3)
    screen = watch.shows("FAIL  2.3", "checked at", "q quit")
    assert "\x1b" not in screen
    save(work, PASSES)
    watch.shows(DONE, "Well done")


@pytest.mark.everything
@needs_tmux
def test_folder_that_is_gone_and_back(watch: Tmux, work: Path) -> None:
    """A folder may be moved away and come back, as `git checkout` does it."""
    away = work.with_name("away")
    work.rename(away)
    watch.shows("0 of 29 pass", "webserver.py")
    save(away, FAILS_2_3)
    away.rename(work)
    watch.shows("FAIL  2.3", "28 of 29 pass · checked at")


def test_pipe_gets_one_report_after_the_other(work: Path, tmp_path: Path) -> None:
    """Where nothing can be redrawn, each complete run writes its report; Ctrl+C ends it."""
    run = subprocess.Popen(
        [sys.executable, "-m", "labcheck", "lab1", str(work), "--watch", "--only", "2"],
        stdout=subprocess.PIPE,
        text=True,
        env={**OUTSIDE, "XDG_STATE_HOME": str(tmp_path / "state")},
    )
    try:
        assert run.stdout is not None
        first = _report(run.stdout)
        assert "5 of 5 requirements" in first[-1]
        save(work, FAILS_2_3)
        second = _report(run.stdout)
        assert "4 of 5" in second[-1]
        assert any(line.startswith("    FAIL  2.3") for line in second)
        run.send_signal(signal.SIGINT)
        assert "lab1: 4 of 5 requirements pass" in run.stdout.read()
        assert run.wait(30) == 1
    finally:
        run.kill()
        run.communicate()


class QuietLoop:
    """A loop in which nothing happens."""

    last = None

    def __init__(self, *_: object) -> None:
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def raise_errors(self) -> None:
        """Raise nothing."""


def test_ctrl_c_ends_it_at_any_moment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ctrl+C between two events closes everything at each instruction, and no interrupt gets out."""
    monkeypatch.setattr(watching, "Loop", QuietLoop)
    monkeypatch.setattr(watching.Watch, "_draw", lambda _: None)
    tried = 0
    while _interrupted(monkeypatch, tmp_path, tried):
        tried += 1
    assert tried > 10


def _interrupted(monkeypatch: pytest.MonkeyPatch, folder: Path, place: int) -> bool:
    """Interrupt a watch at an instruction of its second or third round; return False if it has fewer of them."""
    instructions = rounds = 0

    def step(_: watching.Watch) -> bool:
        nonlocal rounds
        rounds += 1
        return rounds < 4

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal instructions
        if frame.f_code.co_filename != watching.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and 1 <= rounds < 4:
            instructions += 1
            if instructions > place:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    monkeypatch.setattr(watching.Watch, "_step", step)
    watched = watching.Watch(load_lab("lab1"), folder, Options(), Display(), "")
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        watched.run()
    except KeyboardInterrupt:
        pytest.fail(f"an interrupt at instruction {place} has got out")
    finally:
        sys.settrace(before)
    assert cast("QuietLoop", watched._loop).closed
    return instructions > place


def _report(stream: IO[str]) -> list[str]:
    """Read a report up to its summary."""
    lines = []
    for line in stream:
        lines.append(line)
        if "requirements pass" in line:
            break
    return lines


@pytest.mark.parametrize("more", [("--html", "report.html"), ("--sandbox", "limits"), ("work.zip",)])
def test_what_cannot_be_watched(labcheck: Run, work: Path, more: tuple[str, ...]) -> None:
    """Only a folder is watched, and only for the screen."""
    (work.parent / "here" / "work.zip").write_bytes(b"PK")
    result = labcheck("lab1", *more, "--watch", *([] if more[0].endswith("zip") else [work]))
    assert result.status == 2
    assert result.err.startswith("labcheck: --watch shows the results on the screen; give it a folder")
