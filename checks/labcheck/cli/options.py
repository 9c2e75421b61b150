"""What the commands share: the description of a command, and options that several commands have."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labcheck.errors import SuiteError, UsageError
from labcheck.workbook.labs import is_folder_of_lab, load_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from labcheck.reports.formats import Kind
    from labcheck.workbook.labs import Lab

PASSED, FAILED, WRONG_USE, INTERNAL_ERROR, INTERRUPTED = 0, 1, 2, 3, 130
NONE, AUTO, REQUIRED = "none", "auto", "required"  # of --sandbox, beside the names of the protections


def lab_of(name: str, commands: Collection[str]) -> Lab:
    """Return the lab with the given name. Raises UsageError, and SuiteError, also if it has the name of a command."""
    if name in commands and is_folder_of_lab(name):
        raise SuiteError(f"labs/{name}: {is_taken(name)}; rename the folders of the lab")
    return load_lab(name)


def is_taken(name: str) -> str:
    """Return in words why no lab can have a name: `labcheck NAME` would be the command, and nobody could check it."""
    return f"{name} is a command of labcheck"


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message)


@dataclass(frozen=True)
class Command:
    """A command: its name, a one-line summary, its arguments, and the function that runs it.

    `arguments` also gets the words after the command: a report format is imported only if its option is among them.
    `run` gets them as attributes, and the names of all commands, which no lab can have, as `commands`.
    `starts_programs`: it runs programs of students, which must not outlive it. `makes_course`: the folder of the course
    may still be missing.
    """

    name: str
    summary: str
    arguments: Callable[[Parser, list[str]], None]
    run: Callable[[argparse.Namespace], int]
    starts_programs: bool = False
    makes_course: bool = False


def wants_help(words: list[str]) -> bool:
    """Return whether the words contain -h or --help."""
    return any(word in ("-h", "--help") for word in words)


def add_formats(parser: Parser, kind: Kind, words: list[str]) -> None:
    """Add an option for each report format: the file to write, or - for standard output."""
    from labcheck.platforms.formats import formats, names, option

    group = parser.add_argument_group("reports", "write a report to FILE; - means standard output")
    if wants_help(words):
        for each in formats(kind):
            group.add_argument(option(each.name), metavar="FILE", help=each.purpose.replace("%", "%%"))
    else:
        for name in names(kind, words):
            group.add_argument(option(name), metavar="FILE")
    parser.set_defaults(formats=names(kind, words))


def files_of(given: argparse.Namespace) -> dict[str, str]:
    """Return the files to write, by format. Raises UsageError if a file obviously cannot be written."""
    files = {name: file for name in given.formats if (file := getattr(given, name)) is not None}
    for file in (Path(name) for name in files.values() if name != "-"):
        try:
            if not file.absolute().parent.is_dir():
                raise UsageError(f"cannot write {file}: its folder does not exist; create the folder first")
            if file.is_dir():
                raise UsageError(f"cannot write {file}: it is a folder; give a file name")
        except OSError as error:  # it may not be looked up, or its name is too long
            raise UsageError(f"cannot write {file}: {error.strerror}") from error
    if list(files.values()).count("-") > 1:
        raise UsageError("only one report can go to standard output (-); give file names for the others")
    return files


def add_ways_to_judge(parser: Parser, *, sandbox: str) -> None:
    """Add the options shared by checking one submission and grading a class; only the default sandbox differs."""
    add_repetition(parser)
    parser.add_argument(
        "--sandbox",
        metavar="NAME",
        type=_protection,
        default=sandbox,
        help="protection for running the programs: namespaces, landlock, limits or none; auto for the strongest that "
        f"this machine offers, and required for one that keeps programs from your files (default: {sandbox})",
    )


def add_repetition(parser: Parser) -> None:
    """Add the options that a repetition of a run needs: the seed, the time limits and the interpreter."""
    parser.add_argument("--seed", metavar="N", type=seed, help="seed for all random values, to repeat a run")
    parser.add_argument(
        "--budget",
        metavar="SECONDS",
        type=positive,
        help="time limit for all checks together (default: that of the lab, usually 60)",
    )
    parser.add_argument(
        "--slow",
        metavar="FACTOR",
        type=positive,
        default=1.0,
        help="multiply all deadlines by FACTOR, for a slow machine",
    )
    parser.add_argument(
        "--python",
        metavar="FILE",
        help="Python interpreter for the programs (default: the one of the active virtual environment or conda "
        "environment, otherwise the one that runs labcheck)",
    )


def _protection(text: str) -> str:
    if text not in (NONE, AUTO, REQUIRED):
        from labcheck.sandbox.protections import require_known

        require_known(text, AUTO, REQUIRED)
    return text


def name_of(text: str) -> str:
    """Return the name of a lab or command without a slash at its end: a shell completes the name of a folder so."""
    return text.rstrip("/\\")


def count(text: str) -> int:
    """Return the number in the text; it must be from 1 to 9,999."""
    if not text.isdecimal() or not 0 < int(text) < 10_000:
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: expected a number from 1 to 9999")
    return int(text)


def port(text: str) -> int:
    """Return the number in the text, which must be that of a TCP port."""
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: expected a port, from 1 to 65535")
    return int(text)


def seed(text: str) -> int:
    """Return the seed in the text: a whole number, 0 or greater."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: expected a whole number, 0 or greater")
    return int(text)


def positive(text: str) -> float:
    """Return the number in the text, which must be above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: expected a number above 0 and below 1000000")
    return number
