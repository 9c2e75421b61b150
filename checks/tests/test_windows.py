"""What can be known about Windows on another system: every module can be imported there."""

from __future__ import annotations

import subprocess
import sys

import labcheck

# The libraries are imported as they are here, then the system's own parts are hidden, then labcheck is imported again.
IMPORT_AS_ON_WINDOWS = """
import ctypes, importlib, os, pathlib, pkgutil, select, signal, socket, sys

sys.path.insert(0, sys.argv[1])
import labcheck

def import_all():
    names = [each.name for each in pkgutil.walk_packages(labcheck.__path__, "labcheck.")]
    names = [name for name in names if name.rpartition(".")[2] not in ("__main__", "conf")]
    for name in names:
        importlib.import_module(name)
    return names

import_all()
for name in [name for name in sys.modules if name.partition(".")[0] == "labcheck"]:
    del sys.modules[name]
for name in ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None
POSIX = {
    os: "O_CLOEXEC O_NONBLOCK O_PATH P_ALL WNOHANG chown fchmod fork getgid getpgid getsid getuid geteuid killpg "
        "mkfifo posix_spawn pread register_at_fork sched_getaffinity sched_yield setgid setgroups setpriority setsid "
        "setuid sysconf uname wait3 wait4 waitid",
    select: "POLLIN POLLOUT epoll kqueue poll",
    signal: "SIGALRM SIGCHLD SIGHUP SIGKILL SIGQUIT SIGSTOP SIGUSR1 SIG_BLOCK pthread_sigmask setitimer sigwait",
    socket: "AF_UNIX MSG_DONTWAIT recv_fds send_fds",
}
for module, names in POSIX.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
library = ctypes.CDLL
def load(name, *args, **options):
    if name is None:
        raise TypeError("LoadLibrary() argument 1 must be str, not None")
    return library(name, *args, **options)
ctypes.CDLL = load
sys.modules[pathlib.Path.__module__].WindowsPath = pathlib.PosixPath  # the other cannot be made here
os.name, sys.platform = "nt", "win32"

import labcheck
print(len(import_all()))
"""


def test_every_module_can_be_imported_on_windows() -> None:
    """No module uses at import what only POSIX systems have."""
    package = str(labcheck.__path__[0]).removesuffix("labcheck")
    command = [sys.executable, "-c", IMPORT_AS_ON_WINDOWS, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100
