"""What the tests share: running labcheck as its users do, and reading its output."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import settings

from labcheck.errors import UsageError
from labcheck.isolated.graders import Graders
from labcheck.program.ports import Port
from labcheck.record.record import Outcome, ProgramResult, Record, RequirementResult, StepTitle
from labcheck.sandbox.processes import reset_signals
from labcheck.workbook.places import root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

pytest_plugins = ["lanes"]
collect_ignore = ["courses"]  # the suites in it are for labcheck

settings.register_profile("labcheck", deadline=None)  # a slow machine is not a failure
settings.load_profile("labcheck")

FLAGS = (
    *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-dev-shm-usage"),
    *("disable-background-networking", "disable-component-update", "disable-sync", "window-size=1100,900"),
)

reset_signals()  # the tests send Ctrl+C to programs; this must work even if a shell runs the tests in the background

TESTS = Path(__file__).parent
# For a page's script: `contrast(element)` of its text, or of a part such as ::before (WCAG 2.2, section 1.4.3).
CONTRAST = """
    const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
            .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const paper = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        return colour === "rgba(0, 0, 0, 0)" ? paper(element.parentElement) : colour;
    };
    const contrast = (element, part) => {
        const colour = getComputedStyle(element, part).color;
        const [less, more] = [light(colour), light(paper(element))].sort((a, b) => a - b);
        return (more + 0.05) / (less + 0.05);
    };
"""
# labcheck prints more in a step of a workflow, and the tests may run in one.
# The environment of labcheck in tests: not that of a CI system, and without the user's own saved state.
NOT_OUTSIDE = ("GITHUB_", "CI", "COLUMNS", "LINES")  # pytest sets the size of its terminal
OUTSIDE = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OUTSIDE)}
OUTSIDE |= {"XDG_STATE_HOME": os.devnull, "XDG_CACHE_HOME": os.devnull}
CHECKOUT = root()
IN_TIME = re.compile(r"within [\d.]+ s\b")


needs_links = pytest.mark.skipif(sys.platform == "win32", reason="on Windows only some users may make links")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the program forks, which Windows cannot")


def programs(files: Iterable[Path]) -> list[Any]:
    """Return programs as cases of a test: one that forks is skipped on Windows."""
    return [
        pytest.param(file, id=file.stem, marks=[needs_fork] if "os.fork" in file.read_text("utf-8") else [])
        for file in sorted(files)
    ]


@dataclass(frozen=True)
class Result:
    """The output of a labcheck command, its exit status, and how long it took in seconds."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def record(self) -> Record:
        """The record, if the command printed it."""
        return Record.from_json(self.out)


if TYPE_CHECKING:
    Run = Callable[..., Result]  # the fixture `labcheck`


def run_labcheck(*words: object, cwd: Path, **environment: str) -> Result:
    """Run labcheck in a folder."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "labcheck", *map(str, words)],
        cwd=cwd,
        env={**OUTSIDE, **environment},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


@pytest.fixture
def labcheck(tmp_path: Path) -> Callable[..., Result]:
    """Run labcheck in an empty folder, without any saved state."""
    here = tmp_path / "here"
    here.mkdir()

    def run(*words: object, cwd: Path = here, **environment: str) -> Result:
        return run_labcheck(*words, cwd=cwd, **{"XDG_STATE_HOME": str(tmp_path / "state"), **environment})

    return run


def record_of(requirements: Iterable[RequirementResult], **more: Any) -> Record:
    """Make a record with these results: two steps with one program each; `more` sets other fields."""
    results = list(requirements)
    values: dict[str, Any] = {
        "lab": "lab1",
        "title": "Title",
        "labcheck": "0.1.0",
        "seed": 1,
        "sandbox": "none",
        "python": "3.11.0",
        "platform": "Linux",
        "submission": "folder",
        "started": "2026-01-01T00:00:00Z",
        "seconds": 1.0,
        "steps": [StepTitle(1, "First", "server"), StepTitle(2, "Second", "client")],
        "selected": [each.id for each in results],
        "programs": [ProgramResult("server", "ready", "", "")],
    }
    return Record(**{**values, **more}, requirements=results)


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until a condition holds; fail the test if it does not within `seconds`."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def alive(pid: int) -> bool:
    """Return whether a process runs and is not just waiting for its parent to collect it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_in(folder: Path) -> list[psutil.Process]:
    """Return the processes whose working folder is this folder or one below it."""
    found = []
    for process in psutil.process_iter():
        # A process that has ended has no working folder. That of another test's process may be too deep for the
        # system to report its name.
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    return found


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder for all test processes; the first process that asks for it makes it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    place = base / name
    with (base / f"{name}.lock").open("a+") as lock:
        with contextlib.suppress(ImportError):  # no lock on Windows
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        if (base / f"{name}.done").exists():
            return place
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        make(place)
        (base / f"{name}.done").touch()
    return place


def open_to_all(folder: Path) -> None:
    """Let every user enter a folder of this user, and those that lead to it."""
    for each in (folder, *folder.parents):
        if os.name == "posix" and each.stat().st_uid == os.getuid() and each != Path("/"):
            each.chmod(each.stat().st_mode | 0o011)


def libraries() -> list[str]:
    """Return where labcheck and the libraries of the tests are."""
    return [str(CHECKOUT / "checks"), next(path for path in sys.path if Path(path, "pytest").is_dir())]


def is_reachable(*places: str) -> bool:
    """Return whether every user can read these folders."""
    return all(folder.stat().st_mode & 1 for place in places for folder in (Path(place), *Path(place).parents))


@pytest.fixture(scope="session")
def open_python() -> Iterator[str]:
    """Yield a Python with websockets that every user can run: the tests' own may be in root's folder."""
    import websockets

    own = (sys.executable, os.path.realpath(sys.executable), sys.prefix, sys.base_prefix, websockets.__file__)
    closed = [folder for path in own for folder in Path(path).parents if not folder.stat().st_mode & 1]
    if os.name != "posix" or os.getuid() != 0 or not closed:
        yield sys.executable
        return
    with tempfile.TemporaryDirectory() as place:  # not in pytest's folder, which it closes to other users
        subprocess.run([need("/usr/bin/python3"), "-m", "venv", "--without-pip", place], check=True, timeout=60)
        libraries = next(Path(place).glob("lib/python3*/site-packages"))
        shutil.copytree(Path(websockets.__file__).parent, libraries / "websockets")
        open_to_all(Path(place))
        yield f"{place}/bin/python3"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this checkout."""

    def build(place: Path) -> None:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(CHECKOUT)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)

    return next(once(tmp_path_factory, "wheel", build).glob("labcheck-*.whl"))


@pytest.fixture
def submission(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with a webserver.py and other files, given by name."""

    def make(source: Path | str, **files: str) -> Path:
        folder = tmp_path / "submission"
        folder.mkdir(exist_ok=True)
        text = source.read_text("utf-8") if isinstance(source, Path) else source
        (folder / "webserver.py").write_text(text, "utf-8")
        for name, content in files.items():
            (folder / name).write_text(content, "utf-8")
        return folder

    return make


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make files with the given names unreadable. Permissions would not do: root reads every file."""

    def make(*names: str) -> None:
        opened = Path.open

        def refuse(path: Path, *arguments: Any, **options: Any) -> Any:
            if path.name in names:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return opened(path, *arguments, **options)

        monkeypatch.setattr(Path, "open", refuse)

    return make


@pytest.fixture
def with_program(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with a lab's solution in which one program is replaced."""

    def make(lab: str, name: str, source: Path | str) -> Path:
        folder = tmp_path / "submission"
        shutil.copytree(CHECKOUT / "solutions" / lab, folder, dirs_exist_ok=True)
        text = source.read_text("utf-8") if isinstance(source, Path) else source
        (folder / f"{name}.py").write_text(text, "utf-8")
        return folder

    return make


@pytest.fixture
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check after a test that no process of the submission and no file of labcheck is left."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    assert processes_in(place) == []
    assert list(place.iterdir()) == []


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start Chromium, for the tests of one module."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = need("chromium")
    for flag in (*FLAGS, f"user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(need("chromedriver")))
    yield driver
    with contextlib.suppress(Exception):
        driver.quit()


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """Open a window of the browser for one test; after the test, the browser has reported no error."""
    browser.get_log("browser")
    first = browser.current_window_handle
    browser.switch_to.new_window("window")
    yield browser
    complaints = browser.get_log("browser")
    browser.close()
    browser.switch_to.window(first)
    assert complaints == []


@contextlib.contextmanager
def serving(folder: Path, file: str) -> Iterator[int]:
    """Run a server in its folder and yield its port, once it has printed its first line."""
    port = Port()
    with subprocess.Popen(
        [sys.executable, file, str(port.number)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline()
        drain = threading.Thread(target=server.stdout.read)
        drain.start()
        yield port.number
        server.kill()
        drain.join()
    port.release()


def not_passed(record: Record) -> dict[str, str]:
    """Return the selected requirements that did not pass: by id, the outcome and what the report says.

    Times in the texts are replaced by "in time": how long a wait took depends on the machine.
    """
    return {
        each.id: IN_TIME.sub("in time", f"{each.outcome}: {each.reason} | {each.expected} | {each.received}")
        for each in record.requirements
        if each.outcome is not Outcome.PASSED and "--only" not in each.reason
    }


def failed(record: Record) -> list[str]:
    """Return the ids that failed."""
    return [each.id for each in record.of(Outcome.FAILED)]


def need(tool: str) -> str:
    """Return the path of a tool; skip the test where it is not installed."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    return found


@pytest.fixture(scope="session")
def protection() -> str:
    """The protection for grading a class on this machine; skip the test if it offers none."""
    graders = Graders()
    try:
        return graders.protection("lab1", sys.executable)
    except UsageError as error:
        pytest.skip(str(error))
    finally:
        graders.close()
