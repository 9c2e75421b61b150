"""The command line: which command is meant, and exit statuses."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from labcheck.cli import author, instructor, student
from labcheck.cli.options import INTERRUPTED, OUR_FAULT, PASSED, WRONG_USE, Parser
from labcheck.errors import Fault, SuiteError, UsageError
from labcheck.version import __version__
from labcheck.workbook.labs import lab_names, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = """\
%(prog)s LAB [DIR] [options]
       labcheck COMMAND ... [options]"""
EXIT_STATUS = """\
Exit status: 0 everything passed (grade: everybody was graded), 1 something failed, 2 wrong use,
3 a fault of labcheck's own. `labcheck LAB --help` and `labcheck COMMAND --help` tell the options."""
COMMANDS = (*student.COMMANDS, *instructor.COMMANDS, *author.COMMANDS)


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


def _command(words: list[str]) -> int:
    """Run the command that words name."""
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if not words:
        _parser("", words).print_help()
        return WRONG_USE
    name, rest = words[0], words[1:]
    chosen = next((each for each in COMMANDS if each.name == name), student.CHECK)
    known = [*lab_names(), *(each.name for each in COMMANDS)]
    if chosen is student.CHECK and not name.startswith("-"):
        if name not in lab_names():
            raise UsageError(
                f"there is no lab or command {name!r}{nearest(name, known)}; there are: {', '.join(known)}"
            )
        given = _parser(chosen.name, rest, lab=name).parse_args([chosen.name, *rest])
        given.lab = name
    else:
        given = _parser(name, rest).parse_args(words)
    return chosen.run(given)


def _parser(name: str, words: list[str], lab: str = "LAB") -> Parser:
    """Return the parser of all commands; only the one of that name knows its arguments, which `words` are for."""
    parser = Parser(
        prog="labcheck",
        usage=USAGE,
        description="Check the programs of a network programming workbook.",
        epilog=EXIT_STATUS,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"labcheck {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="", required=True)
    for command in (student.CHECK, *COMMANDS):
        prog = f"labcheck {lab if command is student.CHECK else command.name}"
        what = f"{command.summary[0].upper()}{command.summary[1:]}."
        own = commands.add_parser(command.name, help=command.summary, description=what, prog=prog, allow_abbrev=False)
        if command.name == name:
            command.arguments(own, words)
    return parser
