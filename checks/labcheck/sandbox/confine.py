"""Confine this process, then become another program: `python -I -S confine.py RULES COMMAND...`.

This is run as a separate program, using only the standard library, because a grader with threads cannot safely
run this code between fork and exec. RULES is JSON, see `labcheck.sandbox.protections.limits`.
"""

import ctypes
import functools
import json
import os
import stat
import struct
import sys

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446  # the same on every architecture
RULE_PATH, RULE_PORT = 1, 2
READ_DIR = 8
READ = 1 | 4 | READ_DIR  # execute, read a file
OF_A_FILE = 1 | 2 | 4 | 1 << 14  # execute, write, read, truncate
BIND_TCP, CONNECT_TCP = 1, 2
SCOPES = 1 | 2  # abstract Unix sockets, and signals
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
KEYCTL = {"x86_64": 250, "aarch64": 219}  # the number of the system call
KEYCTL_JOIN_SESSION_KEYRING = 1


@functools.cache
def libc() -> ctypes.CDLL:
    """Return the C library; loaded when it is needed, because Windows has none under this name."""
    return ctypes.CDLL(None, use_errno=True)


class Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class PathRule(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class PortRule(ctypes.Structure):
    """struct landlock_net_port_attr."""

    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


class Filter(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def version() -> int:
    """Return the Landlock ABI version of the kernel, or 0 without Landlock."""
    return max(0, libc().syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)) if sys.platform == "linux" else 0


def restrict(read: list[str], hidden: list[str], write: list[str], port: int, listen: list[int]) -> None:
    """Restrict this process to the given files and folders, to connecting to `port`, and to listening there.

    It may also listen on the ports in `listen`.
    """
    abi = version()
    everything = (1 << (16 if abi >= 5 else 15 if abi >= 3 else 14 if abi >= 2 else 13)) - 1
    rules = Ruleset(everything, BIND_TCP | CONNECT_TCP if abi >= 4 else 0, SCOPES if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = libc().syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    for path in read:
        for part, rights in without(path, hidden):
            allow(ruleset, part, rights)
    for path in ("/dev/zero", "/dev/random", "/dev/urandom", "/proc"):
        allow(ruleset, path, READ)
    for path in write:
        allow(ruleset, path, everything)
    if abi >= 4:
        for number, rights in ((port, BIND_TCP | CONNECT_TCP), *((each, BIND_TCP) for each in listen)):
            rule = PortRule(rights, number)
            libc().syscall(LANDLOCK_ADD_RULE, ruleset, RULE_PORT, ctypes.byref(rule), 0)
    if libc().syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) != 0:
        sys.exit(f"landlock: {os.strerror(ctypes.get_errno())}")
    os.close(ruleset)


def without(path: str, hidden: list[str]) -> list[tuple[str, int]]:
    """Return the paths and rights that make a path visible, except for the hidden paths inside it.

    All paths are real. A link inside needs no right of its own, and must not give any to what it leads to. Landlock
    rules have no exceptions, so everything beside a hidden path is allowed one by one. The folder itself must be
    listable, because otherwise Python imports nothing from it. The names of hidden files are therefore visible.
    """
    if any(path == each or path.startswith(each + "/") for each in hidden):
        return []
    if not any(each.startswith(path + "/") for each in hidden):
        return [(path, READ)]
    try:
        names = sorted(entry.name for entry in os.scandir(path) if not entry.is_symlink())
    except OSError:
        return []
    return [(path, READ_DIR), *(part for name in names for part in without(f"{path}/{name}", hidden))]


def allow(ruleset: int, path: str, rights: int) -> None:
    """Allow the given rights for a path and everything inside it. A path that does not exist is ignored."""
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(parent).st_mode):
        rights &= OF_A_FILE
    rule = PathRule(rights, parent)
    libc().syscall(LANDLOCK_ADD_RULE, ruleset, RULE_PATH, ctypes.byref(rule), 0)
    os.close(parent)


def leave_keys() -> None:
    """Join a new, empty session keyring: that of the user who runs labcheck may hold passwords and tickets."""
    number = KEYCTL.get(os.uname().machine)
    if number is not None:
        libc().syscall(number, KEYCTL_JOIN_SESSION_KEYRING, None)


def refuse_calls(rules: list[tuple[int, int, int, int | None]]) -> None:
    """Install a seccomp filter, see `labcheck.sandbox.calls`. On a kernel without seccomp, nothing happens.

    This process becomes the program, so its pid is that of the program.
    """
    own = os.getpid()
    packed = b"".join(struct.pack("=HBBI", *each, own if last is None else last) for *each, last in rules)
    libc().prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Filter(len(rules), packed)), 0, 0)


def give_up_rights(uid: int) -> None:
    """Become another user, without any capabilities."""
    for capability in range(64):
        libc().prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def main() -> None:
    """Confine this process, then become the program."""
    import resource  # missing on Windows, where this module is only imported

    rules, command = json.loads(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # If memory runs out, the kernel should kill this program and no other.
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
            file.write("1000")
        leave_keys()
    if (files := rules["files"]) is not None:
        restrict(files["read"], files["hidden"], files["write"], rules["port"], files["listen"])
    for name, value in rules["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (value, value))
    if rules["uid"] is not None:
        give_up_rights(rules["uid"])
    if rules["calls"]:
        refuse_calls(rules["calls"])
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
