"""The command line: dispatch to a command, and exit statuses."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from labcheck.cli import student
from labcheck.cli.environment import restart_if_needed
from labcheck.cli.options import INTERNAL_ERROR, INTERRUPTED, PASSED, WRONG_USE, Parser
from labcheck.errors import Fault, SuiteError, UsageError
from labcheck.version import __version__
from labcheck.workbook.labs import lab_names, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.cli.options import Command

USAGE = """\
%(prog)s LAB [DIR] [options]
       labcheck COMMAND ... [options]"""
EXIT_STATUS = """\
Exit status: 0 everything passed (grade: everyone was graded), 1 something failed,
2 wrong usage, 3 internal error in labcheck.
For the options, see `labcheck LAB --help` and `labcheck COMMAND --help`."""


class Terminated(KeyboardInterrupt):
    """labcheck received SIGTERM: it stops the programs that it started, as after Ctrl+C."""


def _terminate(*_: object) -> NoReturn:
    raise Terminated


def command() -> NoReturn:
    """Run the console script, and exit immediately.

    All programs that labcheck started have ended by then. Python's normal shutdown, which frees objects one by one,
    would take a twentieth of the time of a whole grading.
    """
    restart_if_needed()
    gc.set_threshold(50_000)  # imports create thousands of objects and hardly any garbage
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _terminate)
    hang_up = getattr(signal, "SIGHUP", None)  # sent when the terminal window is closed
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:  # nohup ignores it
        signal.signal(hang_up, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # the charset of an old console must not cause an error
    try:
        return _command(words)
    except UsageError as error:
        print(f"labcheck: {error} (see labcheck --help)", file=sys.stderr)
        return WRONG_USE
    except SystemExit as error:  # argparse has printed its help
        return int(error.code or 0)
    except Fault as error:
        return _internal_error(str(error), words)
    except SuiteError as error:
        print(f"labcheck: error in the lab, not in your program: {error}", file=sys.stderr)
        return INTERNAL_ERROR
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of our output has closed the pipe
        return PASSED
    except Terminated:
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        print("\nlabcheck: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        import traceback

        return _internal_error(traceback.format_exc(), words)


def _internal_error(details: str, words: Sequence[str]) -> int:
    """Report an internal error in labcheck in one line. The traceback goes to a file, not to the student's screen."""
    import tempfile

    text = f"labcheck {__version__}, Python {sys.version}, {sys.platform}\nlabcheck {' '.join(words)}\n\n{details}\n"
    with tempfile.NamedTemporaryFile(
        "w", prefix="labcheck-fault-", suffix=".txt", encoding="utf-8", delete=False
    ) as file:
        file.write(text)
    print(
        "labcheck: internal error in labcheck, not in your program. "
        f"Please report it and attach the file {file.name}, which contains the details.",
        file=sys.stderr,
    )
    return INTERNAL_ERROR


def commands() -> tuple[Command, ...]:
    """Return all commands. The imports are here because the student commands, used most, do not need them."""
    from labcheck.cli import author, instructor

    return (*student.COMMANDS, *instructor.COMMANDS, *author.COMMANDS)


def _command(words: list[str]) -> int:
    """Run the command given by the words of the command line."""
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
    name, rest = words[0], words[1:]
    if name in lab_names():
        chosen = student.CHECK
    elif (found := _find(name)) is not None:
        chosen = found
    else:
        labs, others = lab_names(), [each.name for each in commands()]
        raise UsageError(
            f"unknown lab or command {name!r}.{nearest(name, [*labs, *others])} "
            f"Labs: {', '.join(labs)}. Commands: {', '.join(others)}"
        )
    parser = Parser(prog=f"labcheck {name}", description=_sentence(chosen.summary), allow_abbrev=False)
    chosen.arguments(parser, rest)
    given = parser.parse_args(rest)
    if chosen is student.CHECK:
        given.lab = name
    return chosen.run(given)


def _find(name: str) -> Command | None:
    """Return the command with the given name, or None."""
    mine = (command for command in student.COMMANDS if command.name == name)
    return next(mine, None) or next((command for command in commands() if command.name == name), None)


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
