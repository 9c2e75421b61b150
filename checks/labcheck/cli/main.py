"""The command line: which command is meant, and exit statuses."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from labcheck.cli import student
from labcheck.cli.options import INTERRUPTED, OUR_FAULT, PASSED, WRONG_USE, Parser
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
Exit status: 0 everything passed (grade: everybody was graded), 1 something failed, 2 wrong use,
3 a fault of labcheck's own. `labcheck LAB --help` and `labcheck COMMAND --help` tell the options."""


class Terminated(KeyboardInterrupt):
    """labcheck was sent SIGTERM: it ends what it has started, as after Ctrl+C."""


def _terminate(*_: object) -> NoReturn:
    raise Terminated


def command() -> NoReturn:
    """Run the console script, and end at once.

    Everything that was started is gone by then. What Python would do yet, to free each of its
    objects one by one, takes a twentieth of the time of a whole grading.
    """
    gc.set_threshold(50_000)  # imports make thousands of objects, and hardly any garbage
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _terminate)
    hang_up = getattr(signal, "SIGHUP", None)  # the terminal's window was closed
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:  # it is ignored under nohup
        signal.signal(hang_up, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # an old console's charset is no reason to fail
    try:
        return _command(words)
    except UsageError as error:
        print(f"labcheck: {error} (labcheck --help tells more)", file=sys.stderr)
        return WRONG_USE
    except SystemExit as error:  # argparse has printed its help
        return int(error.code or 0)
    except Fault as error:
        return _own_fault(str(error), words)
    except SuiteError as error:
        print(f"labcheck: the lab is wrong, not you: {error}", file=sys.stderr)
        return OUR_FAULT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # who reads our output has left
        return PASSED
    except Terminated:
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        print("\nlabcheck: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        import traceback

        return _own_fault(traceback.format_exc(), words)


def _own_fault(details: str, words: Sequence[str]) -> int:
    """Say that a fault is ours. Who learns network programming is spared its traceback."""
    import tempfile

    text = f"labcheck {__version__}, Python {sys.version}, {sys.platform}\nlabcheck {' '.join(words)}\n\n{details}\n"
    with tempfile.NamedTemporaryFile(
        "w", prefix="labcheck-fault-", suffix=".txt", encoding="utf-8", delete=False
    ) as file:
        file.write(text)
    print(
        "labcheck: this is a fault of labcheck's own, not of your program. "
        f"Please report it, with the file {file.name}, which says what happened.",
        file=sys.stderr,
    )
    return OUR_FAULT


def commands() -> tuple[Command, ...]:
    """Return all commands. Students call theirs most, and need not wait for the others'."""
    from labcheck.cli import author, instructor

    return (*student.COMMANDS, *instructor.COMMANDS, *author.COMMANDS)


def _command(words: list[str]) -> int:
    """Run the command that words name."""
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
        known = [*lab_names(), *(each.name for each in commands())]
        listed = ", ".join(known)
        raise UsageError(f"there is no lab or command {name!r}{nearest(name, known)}; there are: {listed}")
    parser = Parser(prog=f"labcheck {name}", description=_sentence(chosen.summary), allow_abbrev=False)
    chosen.arguments(parser, rest)
    given = parser.parse_args(rest)
    if chosen is student.CHECK:
        given.lab = name
    return chosen.run(given)


def _find(name: str) -> Command | None:
    """Return the command of that name."""
    mine = (command for command in student.COMMANDS if command.name == name)
    return next(mine, None) or next((command for command in commands() if command.name == name), None)


def _parser(known: Sequence[Command]) -> Parser:
    """Return the parser that tells of all commands, and knows none of their arguments."""
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
