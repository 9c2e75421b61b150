"""The command line: dispatch to a command, and exit statuses."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labcheck.cli import completion, streams, student
from labcheck.cli.environment import restart_if_needed
from labcheck.cli.options import FAILED, INTERNAL_ERROR, INTERRUPTED, PASSED, WRONG_USE, Parser, name_of
from labcheck.errors import Fault, MachineError, SuiteError, UsageError
from labcheck.version import __version__
from labcheck.workbook.labs import is_folder_of_lab, lab_names
from labcheck.workbook.nearest import nearest
from labcheck.workbook.places import COURSE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.cli.options import Command

ENDING = [
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT")  # SIGHUP: the terminal window is closed; SIGQUIT: Ctrl+\\
    if hasattr(signal, name)
]
USAGE = """\
%(prog)s LAB [DIR] [options]
       labcheck COMMAND ... [options]"""
EXIT_STATUS = """\
Exit status: 0 everything passed (grade: everyone was graded), 1 something failed,
2 wrong usage, a report that cannot be written, or a mistake in a lab's files (verify),
3 internal error in labcheck, another mistake in a lab, or this machine lacks something.
For the options, see `labcheck LAB --help` and `labcheck COMMAND --help`. With --course DIR or the variable
LABCHECK_COURSE, there are also the labs of a course of your own."""


class Terminated(KeyboardInterrupt):
    """labcheck received a signal such as SIGTERM: it stops the programs that it started, as after Ctrl+C."""


def _terminate(number: int, _: object) -> NoReturn:
    raise Terminated(number)


def command() -> NoReturn:
    """Run the console script, and exit immediately.

    All programs that labcheck started have ended by then. Python's normal shutdown, which frees objects one by one,
    would take a twentieth of the time of a whole grading.
    """
    if completion.ASKED in os.environ:
        completion.complete(student.CHECK, commands())
    restart_if_needed()
    gc.set_threshold(50_000)  # imports create thousands of objects and hardly any garbage
    streams.prepare()
    status = main(in_pair=True)
    if (incomplete := streams.finish()) and status in (PASSED, FAILED):
        print(f"labcheck: {incomplete}", file=sys.stderr)
        status = WRONG_USE
    os._exit(status)


def main(argv: Sequence[str] | None = None, *, in_pair: bool = False) -> int:
    """Run a command and return its exit status.

    `in_pair`: a command that starts programs runs in a child process, see `labcheck.sandbox.pair`; then this function
    returns in both processes.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for number in ENDING:
        if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, _terminate)
    try:
        return _command(words, in_pair=in_pair)
    except UsageError as error:
        print(f"labcheck: {error} (see labcheck --help)", file=sys.stderr)
        return WRONG_USE
    except SystemExit as error:  # argparse has printed its help
        return int(error.code or 0)
    except Fault as error:
        return _internal_error(str(error), words)
    except SuiteError as error:
        for mistake in str(error).splitlines():
            print(f"labcheck: error in the lab, not in your program: {mistake}", file=sys.stderr)
        return INTERNAL_ERROR
    except MachineError as error:
        return _unfit(error)
    except Terminated as error:
        return 128 + int(error.args[0])
    except KeyboardInterrupt:
        print("\nlabcheck: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        import traceback

        from labcheck.program.machine import lack

        if lacking := lack(error):
            return _unfit(lacking)
        return _internal_error(traceback.format_exc(), words)


def _unfit(error: MachineError) -> int:
    print(f"labcheck: {error}", file=sys.stderr)
    return INTERNAL_ERROR


def _internal_error(details: str, words: Sequence[str]) -> int:
    """Report an internal error in labcheck in one line. The traceback goes to a file, not to the student's screen."""
    import tempfile

    text = f"labcheck {__version__}, Python {sys.version}, {sys.platform}\nlabcheck {' '.join(words)}\n\n{details}\n"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="labcheck-fault-", suffix=".txt", encoding="utf-8", errors="backslashreplace", delete=False
        ) as file:
            file.write(text)
        attached = f"attach the file {file.name}, which contains the details."
    except OSError as error:
        last = details.strip().splitlines()[-1]
        attached = f"quote: {last} (the details could not be saved: {error.strerror})"
    print(
        f"labcheck: internal error in labcheck, not in your program. Please report it and {attached}", file=sys.stderr
    )
    return INTERNAL_ERROR


def commands() -> tuple[Command, ...]:
    """Return all commands. The imports are here because the student commands, used most, do not need them."""
    from labcheck.cli import author, certificate, instructor

    return (*student.COMMANDS, completion.COMMAND, certificate.COMMAND, *instructor.COMMANDS, *author.COMMANDS)


def _command(words: list[str], *, in_pair: bool) -> int:
    """Run the command given by the words of the command line."""
    words = _take_course(words)
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words == ["--version"]:
        print(f"labcheck {__version__}")
        return PASSED
    if not words or words[0].startswith("-"):
        overview = _parser(commands())
        if not words:
            overview.print_help()
            return WRONG_USE
        overview.parse_args(words)
    name, rest = name_of(words[0]), words[1:]
    chosen = _chosen(name)
    parser = Parser(prog=f"labcheck {name}", description=_sentence(chosen.summary), allow_abbrev=False)
    chosen.arguments(parser, rest)
    parser.add_argument("--course", metavar="DIR", help="folder of a course with labs of its own (see `labcheck list`)")
    given = parser.parse_intermixed_args(rest)  # DIR may come after options
    if chosen is student.CHECK:
        given.lab = name
    else:
        given.commands = ["help", *(each.name for each in commands())]
    _expect_current_folder()
    if chosen.starts_programs and in_pair:
        from labcheck.sandbox import pair
        from labcheck.sandbox.scratch import clear_abandoned

        status = pair.split()
        if status is not None:
            return _status_of_child(status)
        clear_abandoned()
    return chosen.run(given)


def _chosen(name: str) -> Command:
    """Return the command with the given name, or the one that checks the lab of this name; commands come first.

    Raises UsageError if there is neither, or if the folder of the course is not one.
    """
    mine = next((command for command in student.COMMANDS if command.name == name), None)
    if mine is not None:
        return mine
    try:
        labs = lab_names()
    except UsageError:
        if (found := _find(name)) is not None and found.makes_course:
            return found
        raise
    if (found := _find(name)) is not None:
        return found
    if name in labs or is_folder_of_lab(name):
        return student.CHECK  # it reports what is wrong with the lab
    others = [each.name for each in commands()]
    raise UsageError(
        f"unknown lab or command {name!r}.{nearest(name, [*labs, *others])} "
        f"Labs: {', '.join(labs)}. Commands: {', '.join(others)}"
    )


def _take_course(words: list[str]) -> list[str]:
    """Return the words without `--course DIR`, which decides what labs there are; keep DIR for child processes too."""
    left: list[str] = []
    following = iter(words)
    for word in following:
        if word == "--":
            return [*left, word, *following]
        name, equals, folder = word.partition("=")
        if name == "--course":
            folder = folder if equals else next(following, "")
            if not folder:
                raise UsageError("--course needs a folder: that of a course with labs, solutions and suites")
            os.environ[COURSE] = str(Path(folder).absolute())
        else:
            left.append(word)
    return left


def _status_of_child(status: int) -> int:
    if status < 0:
        print(f"labcheck: ended from outside, by signal {-status}; nothing was reported", file=sys.stderr)
        return 128 - status
    return status


def _expect_current_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(f"the current folder is gone ({error.strerror}); go to another one with `cd`") from error


def _find(name: str) -> Command | None:
    """Return the command with the given name, or None."""
    return next((command for command in commands() if command.name == name), None)


def _parser(known: Sequence[Command]) -> Parser:
    """Return the parser of `labcheck --help`: it lists all commands, without their arguments."""
    parser = Parser(
        prog="labcheck",
        usage=USAGE,
        description="Check the programs of a network programming workbook.",
        epilog=EXIT_STATUS,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"labcheck {__version__}")
    overview = parser.add_subparsers(title="commands", metavar="", required=True)
    for command in (student.CHECK, *known):
        overview.add_parser(command.name, help=command.summary)
    return parser


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."
