"""Prints 1 GB on standard output as fast as it can, while the program runs; each line is written in one piece."""

import builtins as _builtins
import os as _os
import sys as _sys
import threading as _threading


def _print(*words, file=_sys.stdout):
    _os.write(file.fileno(), (" ".join(map(str, words)) + "\n").encode())


def _flood():
    block = b"All work and no play makes a dull lab.\n" * 100  # less than PIPE_BUF: never mixed with other lines
    for _ in range(250_000):
        _os.write(1, block)


_builtins.print = _print
_threading.Thread(target=_flood, daemon=True).start()
