"""The system calls that a confined program may not make, as root's separate user and as labcheck's own user."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conftest import need, open_to_all
from labcheck.sandbox import calls, confine
from labcheck.sandbox.protections import find
from labcheck.sandbox.uids import FIRST_UID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has seccomp"),
    pytest.mark.skipif(platform.machine() not in calls.MACHINES, reason="no filter for this architecture"),
]

NOBODY = 65534
HEADERS = {"x86_64": "asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}
TABLES: tuple[Mapping[str, tuple[int | None, int | None]], ...] = (
    calls.REFUSED,
    calls.BY_PID,
    calls.BY_KIND,
    calls.FOR_SHOW,
    {"ioctl": calls.IOCTL},
)
TRY = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    number = numbers[name] if isinstance(name, str) else name
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    if libc.syscall(ctypes.c_long(number), *words) >= 0:
        return "done"
    return errno.errorcode[ctypes.get_errno()]
"""


def numbers() -> dict[str, int]:
    """Return the numbers of all calls that the filter knows, on this machine."""
    column = calls.MACHINES[platform.machine()].column
    return {name: number for table in TABLES for name, each in table.items() if (number := each[column]) is not None}


@pytest.fixture(params=["another user", "own user"])
def user(request: pytest.FixtureRequest) -> int | None:
    """The user id that labcheck gives the program; None: it runs as labcheck's user, who is not root."""
    if request.param == "own user":
        return None
    if os.getuid() != 0:
        pytest.skip("only root can run a program as another user")
    return FIRST_UID


@pytest.fixture(params=["limits", "landlock"])
def inside(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    open_python: str,
    user: int | None,
    run_inside: Callable[..., dict[str, Any]],
) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Run Python code in a sandbox, beside a process of the same user, and return the dictionary `found`."""
    open_to_all(tmp_path)
    runs_as = user or (NOBODY if os.getuid() == 0 else None)
    change = [need("setpriv"), f"--reuid={runs_as}", f"--regid={runs_as}", "--clear-groups"] if runs_as else []
    confining = find(request.param).make(open_python, user, tmp_path)
    if missing := confining.missing():
        pytest.skip(missing)
    outside = tmp_path / "outside"
    outside.write_text("a file of the same user")
    outside.chmod(0o644)
    if runs_as:
        os.chown(outside, runs_as, runs_as)
    script = str(shutil.copy(confine.__file__, tmp_path))

    def as_user(words: list[str]) -> list[str]:
        """Return the command for a user who may not be able to enter the folders of this Python and of labcheck."""
        _, *options, _, rules, python, flag, program, port = words
        return [*(change if user is None else []), open_python, *options, script, rules, python, flag, program, port]

    with subprocess.Popen([*change, need("sleep"), "1000"]) as other:

        def run(code: str) -> dict[str, Any]:
            start = f"other = {other.pid}\nnumbers = {numbers()}\n{TRY}\n"
            return run_inside(confining, open_python, start + code, owner=runs_as, as_owner=as_user)

        yield run
        other.kill()


def test_program_reaches_no_other_process_and_no_keys(inside: Callable[[str], dict[str, Any]]) -> None:
    """A process of the same user cannot be traced, read or changed, and the keys of the user cannot be used."""
    found = inside(
        """
space = ctypes.create_string_buffer(200)
fd = os.pidfd_open(other)
found["ptrace"] = call("ptrace", 0x4206, other, 0, 0)  # PTRACE_SEIZE
found["process_vm_readv"] = call("process_vm_readv", other, 0, 0, 0, 0, 0)
found["process_vm_writev"] = call("process_vm_writev", other, 0, 0, 0, 0, 0)
found["kcmp"] = call("kcmp", os.getpid(), other, 1, 0, 0)
found["pidfd_getfd"] = call("pidfd_getfd", fd, 0, 0)
found["process_madvise"] = call("process_madvise", fd, 0, 0, 20, 0)  # MADV_COLD
found["perf_event_open"] = call("perf_event_open", space, other, -1, -1, 0)
found["io_uring_setup"] = call("io_uring_setup", 1, space)
found["add_key"] = call("add_key", b"user", b"a name", b"a secret", 8, -2)
found["request_key"] = call("request_key", b"user", b"a name", 0, -2)
found["keyctl"] = call("keyctl", 0, -4, 1)
found["prlimit64"] = call("prlimit64", other, 7, 0, space)
found["sched_setparam"] = call("sched_setparam", other, space)
found["sched_setscheduler"] = call("sched_setscheduler", other, 0, space)
found["sched_setaffinity"] = call("sched_setaffinity", other, 8, b"\\xff" * 8)
found["sched_setattr"] = call("sched_setattr", other, (48).to_bytes(4, "little") + bytes(44), 0)
found["migrate_pages"] = call("migrate_pages", other, 0, 0, 0)
found["move_pages"] = call("move_pages", other, 0, 0, 0, 0, 0)
found["setpriority"] = call("setpriority", 0, other, 5)
found["setpriority of the group"] = call("setpriority", 1, 0, 5)
found["setpriority of the user"] = call("setpriority", 2, 0, 5)
found["ioprio_set"] = call("ioprio_set", 1, other, 2 << 13)
found["ioprio_set of the user"] = call("ioprio_set", 3, 0, 2 << 13)
found["high bits"] = call("prlimit64", other | 1 << 32, 7, 0, space)
"""
    )
    assert {name: result for name, result in found.items() if result != "EPERM"} == {}
    assert {*calls.REFUSED, *calls.BY_PID, *calls.BY_KIND} <= set(found)


def test_program_can_change_itself(inside: Callable[[str], dict[str, Any]]) -> None:
    """A program can lower its own limits and priority, and choose its processors; its children can, too."""
    found = inside(
        """
import resource
space = ctypes.create_string_buffer(200)
def change(who):
    resource.setrlimit(resource.RLIMIT_NOFILE, (500, 1000))
    os.nice(1)
    os.sched_setaffinity(who, os.sched_getaffinity(0))
    os.sched_setscheduler(who, os.SCHED_OTHER, os.sched_param(0))
    return [call("prlimit64", who, 7, 0, space), call("setpriority", 0, who, 19), call("ioprio_set", 1, who, 2 << 13)]

found["by 0"] = change(0)
found["by pid"] = change(os.getpid())
child = os.fork()
if child == 0:
    os._exit(0 if change(0) == ["done"] * 3 else 1)
found["child"] = os.waitpid(child, 0)[1]
"""
    )
    assert found == {"by 0": ["done"] * 3, "by pid": ["done"] * 3, "child": 0}


def test_session_keyring_is_new(inside: Callable[[str], dict[str, Any]]) -> None:
    """A program has a session keyring of its own, with nothing in it."""
    if not Path("/proc/keys").exists():
        pytest.skip("this kernel has no keys")
    found = inside("found['keys'] = [line for line in open('/proc/keys') if ' _ses' in line]")
    assert found["keys"]
    assert all(line.endswith("_ses: empty\n") for line in found["keys"]), "it sees those of other programs of its user"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these are other ways to make a call on x86-64")
def test_other_ways_to_make_a_call_are_refused(inside: Callable[[str], dict[str, Any]]) -> None:
    """The numbers of x32 and of 32-bit programs are no way around the filter."""
    found = inside(
        """
import mmap
found["x32"] = call(0x40000000 | 39)  # getpid
child = os.fork()
if child == 0:
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3")  # mov eax, 20 (getpid); int 0x80; ret
    start = ctypes.addressof(ctypes.c_char.from_buffer(code))
    os._exit(7 if ctypes.CFUNCTYPE(ctypes.c_int)(start)() > 0 else 0)
found["32 bits"] = os.waitpid(child, 0)[1]
"""
    )
    assert found["x32"] == "EPERM"
    assert found["32 bits"] != 7 << 8


CHANGES = """
import shutil, tempfile, zipfile
outside = os.fsencode("../../outside")
here, stamp = -100, bytes(32)
def attempts(path, how):
    fd = os.open(path, how)
    calls = {
        "chmod": (path, 0o777), "fchmod": (fd, 0o777), "fchmodat": (here, path, 0o777),
        "fchmodat2": (here, path, 0o777, 0), "chown": (path, os.getuid(), os.getgid()),
        "fchown": (fd, os.getuid(), os.getgid()), "lchown": (path, os.getuid(), os.getgid()),
        "fchownat": (here, path, os.getuid(), os.getgid(), 0), "utime": (path, stamp), "utimes": (path, stamp),
        "futimesat": (here, path, stamp), "utimensat": (here, path, stamp, 0),
        "setxattr": (path, b"user.a", b"b", 1, 0), "lsetxattr": (path, b"user.b", b"b", 1, 0),
        "fsetxattr": (fd, b"user.c", b"b", 1, 0),
    }
    return {name: call(name, *arguments) for name, arguments in calls.items() if numbers.get(name)}
"""


@pytest.mark.parametrize(("inside", "user"), [("landlock", "own user")], indirect=True)
def test_files_outside_keep_their_mode_and_times(inside: Callable[[str], dict[str, Any]], tmp_path: Path) -> None:
    """Under Landlock, a program of labcheck's user changes nothing about that user's files outside of its copy.

    One with a user of its own owns no file there, and `limits` does not protect files.
    """
    inside(CHANGES + "attempts(outside, os.O_PATH)")
    known = (tmp_path / "outside").stat()
    assert known.st_mode & 0o777 == 0o644
    assert known.st_mtime > 1_000_000_000
    assert os.listxattr(tmp_path / "outside") == []


def test_libraries_can_copy_files(inside: Callable[[str], dict[str, Any]]) -> None:
    """Functions that set mode and times of the files that they write go on."""
    found = inside(
        CHANGES
        + """
with tempfile.TemporaryDirectory() as place:
    shutil.copy2("program.py", place)
    shutil.copytree(".", f"{place}/tree")
    with zipfile.ZipFile(f"{place}/a.zip", "w") as file:
        file.write("program.py")
    shutil.unpack_archive(f"{place}/a.zip", f"{place}/unpacked")
    os.chmod(f"{place}/program.py", 0o600)
    os.utime(f"{place}/program.py")
    found["files"] = sorted(os.listdir(place))
with open("own", "w") as file:
    os.fchmod(file.fileno(), 0o600)
found["own"] = attempts(b"own", os.O_RDONLY)
"""
    )
    assert found["files"] == ["a.zip", "program.py", "tree", "unpacked"]
    assert set(found["own"].values()) <= {"done", "EOPNOTSUPP"}, found


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_those_of_the_kernel(machine: str) -> None:
    """The numbers are those in the kernel's header files."""
    places = [Path("/usr/include"), Path("/usr/include/x86_64-linux-gnu")]
    header = next((path for place in places if (path := place / HEADERS[machine]).exists()), None)
    if header is None:
        pytest.skip("the kernel's header files are not installed")
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    column = calls.MACHINES[machine].column
    for table in TABLES:
        for name, each in table.items():
            number = each[column]
            assert number is None or known.get(name, str(number)) == str(number), name
