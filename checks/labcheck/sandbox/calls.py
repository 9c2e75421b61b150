"""The system calls that a program may not make, as a seccomp filter (seccomp(2)).

They reach what neither file rights nor Landlock cover: the keys of the user who runs labcheck, other processes, and
kernel code that few programs need. A filter is a list of instructions, see <linux/filter.h>.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import NamedTuple

Instruction = tuple[int, int, int, int | None]  # code, jump if true, jump if false, operand; None: the program's pid


class Machine(NamedTuple):
    """An architecture: its number in <linux/audit.h>, and which column of the tables below is its own."""

    audit: int
    column: int


MACHINES = {"x86_64": Machine(0xC000003E, 0), "aarch64": Machine(0xC00000B7, 1)}
X32 = 0x4000_0000  # calls from here on use another interface of x86-64, with numbers of its own
# Each call with its number on x86-64 and on aarch64.
REFUSED = {
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),  # a filter does not see what is asked for through a ring
}
# These change the process whose pid is their first argument, and are allowed for the program itself. It is
# named by 0 or by its pid; its threads and children can use 0. They cannot use their own number: a filter cannot know
# it. The same goes for a program that changes another one of its threads.
BY_PID = {
    "prlimit64": (302, 261),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}
# The same, where the first argument says what the second one names: here a process, and not a group or a user.
BY_KIND = {"setpriority": (141, 140), "ioprio_set": (251, 30)}
PROCESS = {"setpriority": 0, "ioprio_set": 1}  # PRIO_PROCESS, IOPRIO_WHO_PROCESS
# These change the mode, owner, times and attributes of files. Landlock does not cover them, so a program that runs as
# labcheck's user could use them on that user's files. A filter cannot see which file is meant. So for such a program
# these calls seem to work and do nothing: zipfile, tempfile, shutil.copy() and others go on. A program with a user of
# its own can change these of its own files only, and needs no such filter. None: the architecture lacks it.
FOR_SHOW: dict[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
IOCTL = (16, 29)
FLAGS = (0x4008_6602, 0x4004_6602, 0x401C_5820)  # FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR

LOAD, EQUAL, NOT_BELOW, RETURN = 0x20, 0x15, 0x35, 0x06
NUMBER, ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
ALLOW = 0x7FFF_0000
ANSWER = 0x0005_0000  # the call is not made; the program gets this error number
REFUSE = ANSWER | errno.EPERM


def rules(*, files: bool) -> list[Instruction]:
    """Return the filter for this machine's programs; empty if it has none for this architecture.

    `files`: it also keeps the mode, owner, times and attributes of all files as they are.

    A program for another architecture cannot do anything, for example a 32-bit Python: its calls have other numbers.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None or struct.calcsize("P") != 8:
        return []
    found: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, machine.audit),
        (RETURN, 0, 0, REFUSE),
        (LOAD, 0, 0, NUMBER),
        (NOT_BELOW, 0, 1, X32),
        (RETURN, 0, 0, REFUSE),
    ]
    for numbers in REFUSED.values():
        found += _for_call(numbers[machine.column], [(RETURN, 0, 0, REFUSE)])
    for numbers in BY_PID.values():
        found += _for_call(numbers[machine.column], _own(0))
    for name, numbers in BY_KIND.items():
        is_process: list[Instruction] = [
            (LOAD, 0, 0, _argument(0)),
            (EQUAL, 1, 0, PROCESS[name]),
            (RETURN, 0, 0, REFUSE),
        ]
        found += _for_call(numbers[machine.column], [*is_process, *_own(1)])
    if files:
        for number in (each[machine.column] for each in FOR_SHOW.values()):
            if number is not None:
                found += _for_call(number, [(RETURN, 0, 0, ANSWER)])
        flags = [step for each in FLAGS for step in _for_call(each, [(RETURN, 0, 0, ANSWER)])]
        found += _for_call(IOCTL[machine.column], [(LOAD, 0, 0, _argument(1)), *flags, (RETURN, 0, 0, ALLOW)])
    return [*found, (RETURN, 0, 0, ALLOW)]


def _for_call(number: int, then: list[Instruction]) -> list[Instruction]:
    """Return instructions that run `then`, which must return, for one call. The number of the call is loaded."""
    return [(EQUAL, 0, len(then), number), *then]


def _own(index: int) -> list[Instruction]:
    """Return instructions that allow a call if an argument is 0 or the program's pid, and refuse it otherwise."""
    return [
        (LOAD, 0, 0, _argument(index)),
        (EQUAL, 1, 0, 0),
        (EQUAL, 0, 1, None),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]


def _argument(index: int) -> int:
    """Return where an argument is: its low 32 bits. The calls above read no more of theirs; both are little-endian."""
    return 16 + 8 * index
