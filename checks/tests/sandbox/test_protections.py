"""What a confined program can access: its own folder, its Python, and nothing else."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conftest import CHECKOUT, OUTSIDE, need, open_to_all, run_labcheck, until
from labcheck.errors import UsageError, Verdict
from labcheck.isolated.graders import ForkServer
from labcheck.isolated.task import Probe, Reply, Task
from labcheck.judging.options import Options
from labcheck.judging.run import running
from labcheck.program.ports import FIRST, RANGE, Port
from labcheck.record.record import Outcome, Record
from labcheck.sandbox import calls, confine, visible
from labcheck.sandbox.copies import PrivateCopies
from labcheck.sandbox.guard import Guard
from labcheck.sandbox.protections import find, limits
from labcheck.sandbox.protections.landlock import TUTORIALS
from labcheck.sandbox.uids import FIRST_UID
from labcheck.submission.handed_in import pack
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from labcheck.sandbox.base import Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces and Landlock")

KINDS = ("namespaces", "landlock")
WRITES = """
import os, solution, sys, threading
from pathlib import Path

def write(number, size):
    for each in range(number):
        Path(f"file{{each}}").write_bytes(bytes(size))
    print("wrote")

def write_nameless(number, size):
    files = []
    for each in range(number):
        files.append(open("nameless", "wb"))
        files[-1].write(bytes(size))
        files[-1].flush()
        os.unlink("nameless")
    print("wrote")
    threading.Event().wait()


threading.Thread(target={writes}, daemon=True).start()
solution.main()
"""
NO_PID = 1 << 22  # no process has this number or a higher one (proc(5), pid_max)


def made(kind: str, place: Path, python: str = sys.executable) -> Sandbox:
    """Return a sandbox; skip the test if this machine does not offer it."""
    sandbox = find(kind).make(python, FIRST_UID if os.getuid() == 0 else None, place)
    if missing := sandbox.missing():
        pytest.skip(missing)
    return sandbox


@pytest.fixture(params=KINDS)
def inside(
    request: pytest.FixtureRequest, tmp_path: Path, open_python: str, run_inside: Callable[..., dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    """Run Python code in a sandbox, and return the dictionary `found` that it has filled."""
    open_to_all(tmp_path)
    python = sys.executable if request.param == "namespaces" else open_python
    return partial(run_inside, made(request.param, tmp_path, python), python)


TRY = """
def can(action):
    try:
        action()
    except OSError:
        return False
    return True
"""


def test_program_writes_in_its_own_folders_only(inside: Callable[..., dict[str, Any]]) -> None:
    """A program can write to its folder, its home and its temporary folder, but not to the system or its Python."""
    found = inside(
        TRY
        + """
import tempfile
found["own"] = can(lambda: open("new", "w"))
found["home"] = can(lambda: open(os.path.expanduser("~/new"), "w"))
found["temporary"] = can(lambda: tempfile.TemporaryFile())
found["python"] = can(lambda: open(sys.prefix + "/new", "w"))
found["system"] = can(lambda: open("/usr/new", "w"))
found["root"] = can(lambda: open("/new", "w"))
found["etc"] = can(lambda: open("/etc/hosts", "a"))
"""
    )
    assert [name for name, can in found.items() if can] == ["own", "home", "temporary"]


def test_program_does_not_see_the_machine(inside: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """A program cannot read files of the machine's user or of other submissions, regardless of their mode."""
    (tmp_path / "secret").write_text("a secret")
    places = [str(tmp_path / "secret"), str(CHECKOUT / "README.md"), "/etc/shadow", "/var/log", "/sys/kernel"]
    found = inside(
        TRY + f"for place in {places}:\n    found[place] = can(lambda: os.listdir(place)) or can(lambda: open(place))"
    )
    assert not any(found.values()), found


def test_suites_and_solutions_are_hidden(inside: Callable[..., dict[str, Any]]) -> None:
    """A program that uses labcheck's own Python can neither import labcheck nor find its files."""
    module = "labcheck.suites.lab1.test_2_pages"
    assert importlib.util.find_spec(module)
    found = inside(
        TRY
        + f"""
try:
    import {module}
    found["imported"] = True
except ImportError:
    pass
names = {{name for place in (sys.prefix, *sys.path) for _, _, names in os.walk(place) for name in names}}
found.setdefault("imported", False)
found["suite"] = "wrong.toml" in names
found["solution"] = "lab.toml" in names
found["python is there"] = "LICENSE.txt" in names or "socket.py" in names or "pip" in " ".join(names)
"""
    )
    assert not (found["imported"] or found["suite"] or found["solution"])
    assert found["python is there"]


@pytest.mark.parametrize("kind", KINDS)
def test_installed_labcheck_is_hidden(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_python: str
) -> None:
    """A labcheck installed beside the program's libraries is hidden, but the libraries are visible."""
    prefix = tmp_path / "prefix"
    installed = prefix / "lib" / "python3.11" / "site-packages" / "labcheck"
    (installed / "suites").mkdir(parents=True)
    (prefix / "labcheck").mkdir()
    for place in (installed / "suites", prefix / "labcheck"):
        (place / "test_1.py").write_text("the suite")
    (installed.parent / "library.py").write_text("a library")
    for folder in (tmp_path, prefix, *prefix.rglob("*")):
        folder.chmod(0o755)
    of_its_user = visible.installation(open_python)._replace(user_site=str(prefix), has_user_site=True)
    monkeypatch.setattr(visible, "installation", lambda _: of_its_user)
    open_to_all(tmp_path)
    python = tmp_path / "python"  # what a Python needs is found out once, so this test has one of its own
    python.symlink_to(open_python)
    confining = made(kind, tmp_path, str(python))
    place = tmp_path / "1"
    place.mkdir()
    if kind == "landlock":
        confining.make_room(place, 0)
    folder = place / "work"
    folder.mkdir()
    code = f"""
import os
for parent, _, names in os.walk({str(prefix)!r}):
    for name in names:
        try:
            print(open(os.path.join(parent, name)).read())
        except PermissionError:
            pass
"""
    (folder / "program.py").write_text(code)
    confining.hand_over(place)
    words = confining.command([str(python), "-s", "program.py", "20000"], folder)
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "a library\n"


def test_program_has_no_rights_and_has_limits(inside: Callable[..., dict[str, Any]]) -> None:
    """A program has no capabilities, cannot gain any by starting a program, and has resource limits."""
    found = inside(
        """
import resource
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
found["capabilities"] = [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
found["no new"] = status["NoNewPrivs"]
found["groups"] = status["Groups"].split()
for name in ("AS", "CORE", "CPU", "FSIZE", "NOFILE", "NPROC"):
    found[name] = resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1]
"""
    )
    assert found["no new"] == "1"
    if os.getuid() == 0:
        assert found["capabilities"] == [0] * 5
        assert not set(found["groups"]) & {"0"}
    else:
        assert found["capabilities"][2] == 0
    assert found["AS"] == limits.ADDRESS_SPACE
    assert found["CORE"] == 0
    assert found["FSIZE"] == limits.FILE_SIZE
    assert found["NOFILE"] == limits.OPEN_FILES
    assert found["CPU"] == limits.CPU_SECONDS
    assert found["NPROC"] >= limits.PROCESSES


def test_other_processes_are_inaccessible(inside: Callable[..., dict[str, Any]]) -> None:
    """A program cannot signal the process that checks it, nor read its memory or its environment."""
    found = inside(
        TRY
        + f"""
pid = {os.getpid()}
found["signal"] = can(lambda: os.kill(pid, 0))
found["memory"] = can(lambda: open(f"/proc/{{pid}}/mem", "rb"))
found["environment"] = can(lambda: open(f"/proc/{{pid}}/environ").read())
found["folder"] = can(lambda: os.listdir(f"/proc/{{pid}}/cwd/"))
"""
    )
    if confine.version() < 6:
        found.pop("signal")  # Landlock restricts signals only since Linux 6.12
    assert not any(found.values()), found


@pytest.mark.parametrize("inside", ["landlock"], indirect=True)
def test_landlock_closes_other_ports(inside: Callable[..., dict[str, Any]]) -> None:
    """Under Landlock, a program can connect to the port given as its argument, and to no other.

    It can listen there, on any free port, and on the ports of tutorials, but not on those of other gradings.
    """
    if confine.version() < 4:
        pytest.skip("Landlock restricts ports only since Linux 6.7")
    with ExitStack() as stack:
        mine, other = (stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(2))
        reserved = Port()
        stack.callback(reserved.release)
        found = inside(
            "import errno, socket\n"
            "def result(do, port):\n"
            "    with socket.socket() as sock:\n"
            "        number = do(sock, ('127.0.0.1', port))\n"
            "        return errno.errorcode[number] if number else 'done'\n"
            "def listen(sock, address):\n"
            "    try:\n        sock.bind(address); sock.listen()\n"
            "    except OSError as error:\n        return error.errno\n"
            f"found['connect'] = [result(socket.socket.connect_ex, port) for port in ({mine}, {other})]\n"
            f"ports = [0, 8000, 8001, {mine}, {reserved.number}]\n"
            "found['listen'] = {port: result(listen, port) for port in ports}\n",
            port=mine,
        )
    assert found["connect"] == ["done", "EACCES"]
    assert found["listen"].pop(str(reserved.number)) == "EACCES"
    assert found["listen"].pop(str(mine)) == "EADDRINUSE", "it is the test's, but Landlock allows it"
    assert found["listen"].pop("0") == "done"
    assert set(found["listen"].values()) <= {"done", "EADDRINUSE"}


def test_ports_of_other_gradings_are_never_allowed() -> None:
    """A program may never listen on a port that labcheck could give to another one."""
    assert not set(TUTORIALS) & set(range(FIRST, FIRST + 2 * RANGE))


@pytest.mark.sample(3)
@pytest.mark.parametrize("lab", ["lab1", "lab2"])
@pytest.mark.parametrize("kind", [*KINDS, "limits"])
def test_confined_solution_gets_all_points(kind: str, lab: str, open_python: str) -> None:
    """No protection costs a correct program a point."""
    if kind == "namespaces":
        need("bwrap")
    python = sys.executable if kind == "namespaces" else open_python
    server = ForkServer(lab, python)
    data = pack(CHECKOUT / "solutions" / lab)
    reply = server.ask(Task(lab, "work.tar", data, "me", Options(1, protection=kind, python=python)))
    server.close()
    assert reply.record is not None, reply
    record = Record.from_table(reply.record)
    assert {each.id: each.received for each in record.requirements if each.outcome is not Outcome.PASSED} == {}
    assert record.sandbox == kind


@pytest.mark.parametrize("kind", [*KINDS, "limits"])
def test_program_of_another_user_can_access_its_copy(kind: str) -> None:
    """With a Python that every user may run, root runs the program as another user, who can access its copy."""
    if kind == "namespaces":
        need("bwrap")
    server = ForkServer("lab1", sys.executable)
    data = pack(CHECKOUT / "solutions" / "lab1")
    reply = server.ask(
        Task("lab1", "work.tar", data, "me", Options(1, python=need("/usr/bin/python3"), protection=kind))
    )
    server.close()
    assert reply.record is not None, reply
    record = Record.from_table(reply.record)
    assert {each.id: each.received for each in record.requirements if each.outcome is not Outcome.PASSED} == {}


@pytest.mark.parametrize("kind", KINDS)
def test_interpreter_is_found_through_links(kind: str, tmp_path: Path, open_python: str) -> None:
    """An interpreter whose path is a link to a link in another folder works; many tools install Python this way."""
    if kind == "namespaces":
        need("bwrap")
    first, second = tmp_path / "first" / "python3", tmp_path / "second" / "python"
    for link, target in ((first, Path("..", "second", "python")), (second, Path(open_python).resolve())):
        link.parent.mkdir()
        link.symlink_to(target)
    open_to_all(first.parent)
    open_to_all(second.parent)
    server = ForkServer("lab1", sys.executable)
    assert server.ask(Probe("lab1", Options(python=str(first), protection=kind))) == Reply("graded")
    server.close()


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", ["none", "limits", *KINDS])
def test_libraries_of_the_user_are_available(kind: str, tmp_path: Path) -> None:
    """A library that the grader's user has installed (`pip install --user`) is available, as it is by hand."""
    if kind == "namespaces":
        need("bwrap")
    python = need("/usr/bin/python3")
    asked = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    code = "import site; print(site.getusersitepackages())"
    libraries = Path(
        subprocess.run([python, "-c", code], env=asked, capture_output=True, text=True, check=True).stdout.strip()
    )
    libraries.mkdir(parents=True)
    open_to_all(libraries)
    (libraries / "only_here.py").touch()
    folder = tmp_path / "submission"
    folder.mkdir()
    solution = (CHECKOUT / "solutions" / "lab1" / "webserver.py").read_text("utf-8")
    (folder / "webserver.py").write_text(
        f"import only_here\n{solution}".replace("\nfrom __future__ import annotations", "")
    )
    result = run_labcheck(
        "lab1", folder, "--only", "1", "--python", python, "--sandbox", kind, cwd=tmp_path, HOME=str(tmp_path)
    )
    assert result.status == 0, result.out + result.err


FIND_A_KEY = """
import ctypes, sys
SEARCH, SESSION = 10, -3
if ctypes.CDLL(None).syscall({keyctl}, SEARCH, SESSION, b"user", b"a name of labcheck's tests", 0) >= 0:
    sys.exit("found the key")
import solution
solution.main()
"""
GRADE_WITH_A_KEY = """
import ctypes, os, sys
number, *command = sys.argv[1:]
SESSION = -3
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(int(number), b"user", b"a name of labcheck's tests", b"a secret", 8, SESSION) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.execv(command[0], command)
"""


@pytest.mark.sample(2)
@pytest.mark.skipif(platform.machine() not in calls.MACHINES, reason="the numbers of calls are unknown")
@pytest.mark.parametrize(("kind", "status"), [("none", 1), ("limits", 0), ("namespaces", 0), ("landlock", 0)])
def test_keys_of_the_user_are_not_there(
    kind: str, status: int, submission: Callable[..., Path], open_python: str
) -> None:
    """Only without a protection can a program use the keys in the session keyring of the user who runs labcheck."""
    if kind == "namespaces":
        need("bwrap")
    column = calls.MACHINES[platform.machine()].column
    folder = submission(FIND_A_KEY.format(keyctl=calls.REFUSED["keyctl"][column]))
    shutil.copy(CHECKOUT / "solutions" / "lab1" / "webserver.py", folder / "solution.py")
    labcheck = [sys.executable, "-P", "-m", "labcheck", "lab1", str(folder), "--only", "1.1", "--sandbox", kind]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            GRADE_WITH_A_KEY,
            str(calls.REFUSED["add_key"][column]),
            *labcheck,
            "--python",
            open_python,
        ],
        env=OUTSIDE,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert ("found the key" in done.stdout) == (kind == "none")


def test_unprivileged_user_is_protected_too(tmp_path: Path, protection: str) -> None:
    """An unprivileged user gets the same protection as root."""
    python = f"/usr/bin/python3.{sys.version_info.minor}"
    libraries = next(path for path in map(Path, sys.path) if (path / "pytest").is_dir())
    reachable = all(folder.stat().st_mode & 1 for place in (libraries, CHECKOUT) for folder in (place, *place.parents))
    if os.getuid() != 0 or not Path(python).exists() or not reachable:
        pytest.skip("needs root, the system's Python, and libraries that every user may read")
    (tmp_path / "class" / "ada").mkdir(parents=True)
    shutil.copy(CHECKOUT / "solutions" / "lab1" / "webserver.py", tmp_path / "class" / "ada")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    out = tmp_path / "out"
    out.mkdir()
    os.chown(out, 65534, 65534)
    done = subprocess.run(
        [
            *(need("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", python, "-P", "-m", "labcheck"),
            *("grade", "lab1", str(tmp_path / "class"), "--out", str(out)),
        ],
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{CHECKOUT / 'checks'}:{libraries}", "HOME": str(out)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert f"protection: {protection}" in done.stdout, done.stderr
    assert '\n"ada",29,29,' in (out / "grades.csv").read_text("utf-8-sig")


def test_unknown_protection_is_an_error() -> None:
    """With an unknown protection nothing is run; the error suggests the nearest name and lists all of them."""
    server = ForkServer("lab1", sys.executable)
    data = pack(CHECKOUT / "solutions" / "lab1")
    reply = server.ask(Task("lab1", "work.tar", data, "me", Options(1, protection="namespace")))
    server.close()
    assert reply == Reply(
        "broken",
        "unknown protection 'namespace'. Did you mean 'namespaces'? Protections: namespaces, landlock, limits, none",
    )


def test_guard_adds_up_the_memory_of_all_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two programs that together use too much memory are reported, although neither alone exceeds the limit."""
    monkeypatch.setattr("labcheck.sandbox.guard.MEMORY", 150 << 20)
    reports: list[float] = []
    guard = Guard(lambda _: reports.append(time.monotonic()), lambda: 0, lambda: False)
    code = "import sys; held = bytearray(100 << 20); print('held', flush=True); sys.stdin.read()"
    programs: list[subprocess.Popen[bytes]] = []
    try:
        for number in (1, 2):
            programs.append(
                subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            stdout = programs[-1].stdout
            assert stdout is not None
            stdout.readline()
            if number == 1:
                assert reports == []
        limit = time.monotonic() + 20
        while not reports and time.monotonic() < limit:
            time.sleep(0.01)
        assert reports
    finally:
        guard.stop()
        for program in programs:
            program.communicate(b"")


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[range]], list[Verdict]]:
    """Return what a guard reports that sees the given processes at one look after the other."""

    def report(looks: list[range]) -> list[Verdict]:
        left, seen = iter(looks), threading.Event()

        def look(_: int) -> list[int]:
            with contextlib.suppress(StopIteration):
                return list(next(left))
            seen.set()
            return []

        monkeypatch.setattr("labcheck.sandbox.guard.LOOK", 0.001)
        monkeypatch.setattr("labcheck.sandbox.guard.WITHOUT_END", 0.0)
        monkeypatch.setattr("labcheck.sandbox.processes.descendants", look)
        reports: list[Verdict] = []
        guard = Guard(reports.append, lambda: 0, lambda: False)
        assert seen.wait(20)
        guard.stop()
        return reports

    return report


def test_guard_reports_processes_that_start_others_and_end(reported: Callable[[list[range]], list[Verdict]]) -> None:
    """A few processes that are others at each look are reported, although they never are too many."""
    assert Verdict.WITHOUT_END in reported([range(NO_PID + 10 * look, NO_PID + 10 * look + 10) for look in range(8)])


def test_guard_reports_no_server_with_a_process_for_each_client(
    reported: Callable[[list[range]], list[Verdict]],
) -> None:
    """Many processes may come, a part at each look, and go again; so may a few that are others at each look."""
    coming = [range(NO_PID, NO_PID + 20 * look) for look in range(8)]
    few = [range(NO_PID + 1000 + 4 * look, NO_PID + 1000 + 4 * look + 4) for look in range(20)]
    assert reported([*coming, *reversed(coming), *coming, *few, *coming]) == []


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", ["limits", "landlock"])
@pytest.mark.parametrize(
    ("writes", "verdict"),
    [
        ("write, args=(300, 1 << 20)", Verdict.OVER_DISK),
        ("write, args=(2000, 1)", Verdict.OVER_DISK),
        ("write, args=(10, 1 << 20)", Verdict.READY),
        ("write_nameless, args=(300, 1 << 20)", Verdict.OVER_DISK),
    ],
)
def test_disk_is_limited(
    kind: str, writes: str, verdict: Verdict, tmp_path: Path, open_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many large files or very many small ones end a program, also without a name; some MB do not."""
    looks: list[bool] = []
    look = PrivateCopies.hold_too_much

    def noted(copies: PrivateCopies, pids: Iterable[int]) -> bool:
        looks.append(look(copies, pids))
        return looks[-1]

    monkeypatch.setattr(PrivateCopies, "hold_too_much", noted)
    monkeypatch.setattr("labcheck.sandbox.copies.MOST_FILES", 1000)
    open_to_all(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    (work / "solution.py").write_bytes((CHECKOUT / "solutions" / "lab1" / "webserver.py").read_bytes())
    (work / "webserver.py").write_text(WRITES.format(writes=writes))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    sandbox = made(kind, scratch, open_python)
    with running(load_lab("lab1"), work, Options(1, python=open_python), sandbox) as run:
        run.begin("1.1")
        server = run.fleet.shared_server(run.spec)
        until(lambda: server.program.has_exited or "wrote" in server.program.stdout.text())
        before = len(looks)
        until(lambda: len(looks) > before + 1)
        if verdict != Verdict.READY:
            until(lambda: run.fleet.given_up)
            assert "the submission wrote more than 256 MiB or 20,000 files" in run.fleet.given_up["webserver"]
        assert server.program.verdict == verdict


def test_system_without_fork_gets_an_error_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system without fork, such as Windows, the error message says which systems work."""
    monkeypatch.setattr("labcheck.isolated.graders.HAS_FORK", False)
    with pytest.raises(UsageError, match="Linux or macOS"):
        ForkServer("lab1", sys.executable)
