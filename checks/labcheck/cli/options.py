"""What the commands share: how a command is described, and the options that several of them have."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.reports.formats import Kind

PASSED, FAILED, WRONG_USE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message)


@dataclass(frozen=True)
class Command:
    """A command: its name, what it does in a line, its arguments, and the function that runs it.

    `arguments` gets the words that follow the command, too, as some options are there for who names them only.
    """

    name: str
    summary: str
    arguments: Callable[[Parser, list[str]], None]
    run: Callable[[argparse.Namespace], int]


def wants_help(words: list[str]) -> bool:
    """Return whether words ask for help."""
    return any(word in ("-h", "--help") for word in words)


def add_formats(parser: Parser, kind: Kind, words: list[str]) -> None:
    """Add an option for each format: the file to write, or - for standard output."""
    from labcheck.platforms.formats import formats, names

    group = parser.add_argument_group("reports", "each to a FILE, or to standard output where it is -")
    if wants_help(words):
        for each in formats(kind):
            group.add_argument(f"--{each.name}", metavar="FILE", help=each.purpose.replace("%", "%%"))
    else:
        for name in names(kind, words):
            group.add_argument(f"--{name}", metavar="FILE")
    parser.set_defaults(formats=names(kind, words))


def files_of(given: argparse.Namespace) -> dict[str, str]:
    """Return the files to write, by their format. Raises UsageError where it can be seen that one cannot be written."""
    files = {name: file for name in given.formats if (file := getattr(given, name)) is not None}
    for file in files.values():
        if file != "-" and not Path(file).absolute().parent.is_dir():
            raise UsageError(f"cannot write {file}: there is no such folder")
        if file != "-" and Path(file).is_dir():
            raise UsageError(f"cannot write {file}: it is a folder")
    if list(files.values()).count("-") > 1:
        raise UsageError("only one report at a time can go to standard output; name a file for the others")
    return files


def add_ways_to_judge(parser: Parser, *, sandbox: str) -> None:
    """Add the options that one submission and a class have in common; the usual sandbox is not the same."""
    parser.add_argument("--seed", metavar="N", type=_seed, help="the seed of all random values, to repeat a run")
    parser.add_argument(
        "--budget",
        metavar="SECONDS",
        type=_positive,
        default=60.0,
        help="the time for all checks together (default: 60)",
    )
    parser.add_argument(
        "--slow", metavar="FACTOR", type=_positive, default=1.0, help="multiply all deadlines, on a slow machine"
    )
    parser.add_argument(
        "--python",
        metavar="FILE",
        help="the interpreter of the programs (default: the active virtual environment's, else labcheck's own)",
    )
    parser.add_argument(
        "--sandbox",
        metavar="NAME",
        type=_protection,
        default=sandbox,
        help="what the programs run under: namespaces, landlock, limits, none, or auto for the best protection that "
        f"this machine offers (default: {sandbox})",
    )


def _protection(text: str) -> str:
    if text not in ("auto", "none"):
        from labcheck.sandbox.protections import find

        find(text)
    return text


def count(text: str) -> int:
    """Return a number from 1 on."""
    if not text.isdecimal() or not 0 < int(text) < 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def python_of(given: str | None) -> str:
    """Return the interpreter for the student's programs."""
    if given is not None:
        import shutil

        found = shutil.which(given)
        if found is None:
            raise UsageError(f"there is no Python interpreter {given}")
        return str(Path(found).absolute())
    if active := os.environ.get("VIRTUAL_ENV"):
        for place in ("bin/python", "Scripts/python.exe"):
            if (Path(active) / place).exists():
                return str(Path(active) / place)
    return sys.executable
