"""The command line: arguments and exit statuses, nothing else."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labcheck import __version__
from labcheck.errors import SuiteError, UsageError
from labcheck.workbook import lab_names, load_lab, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labcheck.record import Record
    from labcheck.workbook import Lab

PASSED, FAILED, WRONG_USE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130

USAGE = """\
usage: labcheck LAB [DIR] [options]      check the programs in DIR (default: ./LAB, here, ./labs/LAB)
       labcheck start LAB [DIR]          copy the starter files, never over a file of yours
       labcheck hint LAB ID              the next hint for a requirement
       labcheck solution LAB [DIR]       copy the reference solution
       labcheck list                     the labs, and how far you have come
       labcheck verify [LAB]             for authors: prove that a lab is consistent

options of labcheck LAB:
  --only ID         one requirement or one step, as 2.3 or 2; may be repeated
  --json FILE       write the record as JSON; - is standard output
  --html FILE       write a report for the browser, with whole transcripts; - is standard output
  --seed N          the seed of all random values, to repeat a run
  --budget SECONDS  the time for all checks together (default: 60)
  --slow FACTOR     multiply all deadlines, on a slow machine
  --python FILE     the interpreter of your programs (default: the active virtual environment's)

  --version, --help

Exit status: 0 everything passed, 1 something failed, 2 wrong use, 3 a fault of labcheck's own.
"""


class Terminated(KeyboardInterrupt):
    """labcheck was sent SIGTERM: it ends what it has started, as after Ctrl+C."""


def _terminate(*_: object) -> NoReturn:
    raise Terminated


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message)


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
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # an old console's charset is no reason to fail
    try:
        return _command(words)
    except UsageError as error:
        print(f"labcheck: {error} (labcheck --help tells more)", file=sys.stderr)
        return WRONG_USE
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
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return PASSED if words else WRONG_USE
    if words[0] == "--version":
        print(f"labcheck {__version__}")
        return PASSED
    if any(word in ("-h", "--help") for word in words):
        print(USAGE, end="")
        return PASSED
    name, rest = words[0], words[1:]
    if name in COMMANDS:
        return COMMANDS[name](rest)
    if name in lab_names():
        return _check(name, rest)
    known = [*lab_names(), *COMMANDS]
    raise UsageError(f"there is no lab or command {name!r}{nearest(name, known)}; there are: {', '.join(known)}")


def _check(name: str, words: list[str]) -> int:
    parser = Parser(prog=f"labcheck {name}", add_help=False, allow_abbrev=False)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--only", action="append", default=[], metavar="ID")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--html", metavar="FILE")
    parser.add_argument("--seed", type=_seed)
    parser.add_argument("--budget", type=_positive, default=60.0)
    parser.add_argument("--slow", type=_positive, default=1.0)
    parser.add_argument("--python", metavar="FILE")
    given = parser.parse_args(words)

    # What starts the student's program is imported first, and nothing slow before it.
    import random

    from labcheck.judge import judge
    from labcheck.run import Options
    from labcheck.submission import find_folder

    lab = load_lab(name)
    options = Options(
        seed=random.randrange(10_000) if given.seed is None else given.seed,
        only=lab.select(given.only) if given.only else (),
        budget=given.budget,
        slow=given.slow,
        python=_python(given.python),
    )
    files = {kind: file for kind in ("json", "html") if (file := getattr(given, kind)) is not None}
    for file in files.values():
        if file != "-" and not Path(file).absolute().parent.is_dir():
            raise UsageError(f"cannot write {file}: there is no such folder")
        if file != "-" and Path(file).is_dir():
            raise UsageError(f"cannot write {file}: it is a folder")
    faults: list[str] = []
    record = judge(lab, find_folder(lab, given.folder), options, faults)
    _report(record, files)
    if faults:
        return _own_fault("\n".join(faults), [name, *words])
    return PASSED if record.all_passed else FAILED


def _report(record: Record, files: dict[str, str]) -> None:
    from labcheck import state
    from labcheck.reports import terminal

    if "-" not in files.values():
        terminal.write(record)
    for kind, file in files.items():
        if kind == "html":
            from labcheck.reports.html import to_html

            text = to_html(record)
        else:
            text = record.to_json()
        if file == "-":
            sys.stdout.write(text)
            continue
        try:
            Path(file).write_text(text, "utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}") from error
    if len(record.selected) == len(record.requirements):
        known = state.load()
        known["progress"][record.lab] = {"score": record.score, "max_score": record.max_score}
        state.save(known)


def _list(words: list[str]) -> int:
    from labcheck import state

    Parser(prog="labcheck list", add_help=False).parse_args(words)
    progress = state.load()["progress"]
    for name in lab_names():
        lab = load_lab(name)
        found = progress.get(name)
        done = f"{found['score']} of {found['max_score']} met" if found else "not checked yet"
        print(f"{name}   {lab.title:28} about {lab.minutes} minutes   {done}")
    return PASSED


def _start(words: list[str]) -> int:
    from labcheck.submission import copy_new

    lab, target = _lab_and_folder("start", words, "{}")
    kept = [file for file, copied in copy_new(lab.starter, target) if not copied]
    if kept:
        print(f"{len(kept)} files were there already, and were kept as they are")
    print(
        f"{lab.name} is in {target}: read {target / 'README.md'}, edit "
        f"{' and '.join(str(target / program.file) for program in lab.programs)}, "
        f"and check with: labcheck {lab.name}{'' if target == Path(lab.name) else f' {target}'}"
    )
    return PASSED


def _solution(words: list[str]) -> int:
    from labcheck.submission import copy_new

    lab, target = _lab_and_folder("solution", words, "{}-solution")
    for source in (lab.solution, *(lab.starter / name for name in lab.supplies)):
        place = target if source == lab.solution else target / source.name
        for file, copied in copy_new(source, place):
            if not copied and source == lab.solution:
                raise UsageError(f"{place / file} is there already, and nothing was written over it; name another DIR")
    print(f"The solution of {lab.name} is in {target}: compare it with yours, and ask why they differ.")
    return PASSED


def _lab_and_folder(command: str, words: list[str], default: str) -> tuple[Lab, Path]:
    parser = Parser(prog=f"labcheck {command}", add_help=False)
    parser.add_argument("lab", metavar="LAB")
    parser.add_argument("folder", metavar="DIR", nargs="?")
    given = parser.parse_args(words)
    lab = load_lab(given.lab)
    return lab, Path(given.folder or default.format(lab.name))


def _hint(words: list[str]) -> int:
    from labcheck import state
    from labcheck.catalogue import read_suite

    parser = Parser(prog="labcheck hint", add_help=False)
    parser.add_argument("lab", metavar="LAB")
    parser.add_argument("id", metavar="ID")
    given = parser.parse_args(words)
    lab = load_lab(given.lab)
    ids = lab.select([given.id])
    if ids != (given.id,):
        raise UsageError(f"{given.id} is a step; name a requirement: {', '.join(ids)}")
    checks = [check for check in read_suite(lab) if check.id == given.id]
    hints = [hint for check in checks for hint in check.hints]
    known = state.load()
    key = f"{lab.name} {given.id}"
    taken = min(int(known["hints"].get(key, 0)), len(hints) - 1)
    print(f"{given.id}  {checks[0].title}")
    print(f"hint {taken + 1} of {len(hints)}: {hints[taken]}")
    known["hints"][key] = taken + 1 if taken + 1 < len(hints) else 0
    if taken + 1 == len(hints):
        print(f"That was the last one; the lab sheet explains it in step {lab.step_of(given.id).number}.")
    state.save(known)
    return PASSED


def _verify(words: list[str]) -> int:
    from labcheck.verify import verify

    parser = Parser(prog="labcheck verify", add_help=False)
    parser.add_argument("lab", metavar="LAB", nargs="?")
    given = parser.parse_args(words)
    names = [given.lab] if given.lab else lab_names()
    consistent = [verify(load_lab(name)) for name in names]
    return PASSED if all(consistent) else FAILED


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


def _python(given: str | None) -> str:
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


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "list": _list,
    "start": _start,
    "hint": _hint,
    "solution": _solution,
    "verify": _verify,
}
