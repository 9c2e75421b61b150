"""The command line: arguments and exit statuses, nothing else."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labcheck.errors import SuiteError, UsageError
from labcheck.version import __version__
from labcheck.workbook.labs import lab_names, load_lab, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labcheck.record.record import Record
    from labcheck.reports.formats import Kind
    from labcheck.workbook.labs import Lab

PASSED, FAILED, WRONG_USE, OUR_FAULT, INTERRUPTED = 0, 1, 2, 3, 130

USAGE = """\
usage: labcheck LAB [DIR] [options]      check the programs in DIR (default: ./LAB, here, ./labs/LAB);
                                         DIR may be a .zip, a .tar.gz or a notebook, too
       labcheck start LAB [DIR]          copy the starter files, never over a file of yours
       labcheck hint LAB ID              the next hint for a requirement
       labcheck solution LAB [DIR]       copy the reference solution
       labcheck notebook LAB [DIR]       copy the walkthrough, and open it in JupyterLab (with --no-open: only copy it)
       labcheck list                     the labs, and how far you have come
       labcheck grade LAB SUBMISSIONS --out DIR [options]      for instructors: a whole class
       labcheck report DIR [options]     the reports of a class that was graded, once more
       labcheck ci github|gitlab|gradescope LAB [DIR]          write what a course's CI needs
       labcheck verify [LAB]             for authors: prove that a lab is consistent
       labcheck book DIR                 for authors: sheets, walkthroughs and solutions as a site

options of labcheck LAB:
  --only ID         one requirement or one step, as 2.3 or 2; may be repeated
  --seed N          the seed of all random values, to repeat a run
  --budget SECONDS  the time for all checks together (default: 60)
  --slow FACTOR     multiply all deadlines, on a slow machine
  --python FILE     the interpreter of your programs (default: the active virtual environment's)
  --sandbox auto    confine the programs, as well as this machine can (default: none)
  --require-sandbox confine them, or do not run them at all
{one}
options of labcheck grade (and --seed, --budget, --slow, --python):
  --out DIR         where the results go; called again, it goes on where it was ended
  --jobs N          how many submissions at a time (default: one a core)
  --cluster ADDRESS on the workers of a dask scheduler instead
  --shard K/N       only the Kth of N parts of the class; then, when all parts are done:
  --merge           grade nothing, and make grades.csv of all results in DIR
  --roster CSV      whose submission is whose, and who has handed in nothing
  --suite DIR       more checks, of your own; with --hidden they are reported by title only
  --sandbox none    run the programs unprotected, with your rights (default: auto)

options of labcheck grade and labcheck report:
  --column TITLE    the heading of the lab's column in your gradebook, as 'Lab 1 (4711)' in Canvas
{whole_class}
  --version, --help

Exit status: 0 everything passed (grade: everybody was graded), 1 something failed, 2 wrong use,
3 a fault of labcheck's own.
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


def _usage() -> str:
    """Return the help; what formats there are, they say themselves."""
    from labcheck.platforms.formats import formats

    options: dict[Kind, str] = {"one": "", "whole_class": ""}
    for kind in options:
        for each in formats(kind):
            options[kind] += f"  {f'--{each.name} FILE':17} {each.purpose}\n"
    return USAGE.format(**options)


def _command(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_usage(), end="")
        return PASSED if words else WRONG_USE
    if words[0] == "--version":
        print(f"labcheck {__version__}")
        return PASSED
    if any(word in ("-h", "--help") for word in words):
        print(_usage(), end="")
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
    _add_formats(parser, "one", words)
    _add_ways_to_judge(parser, sandbox="none")
    parser.add_argument("--require-sandbox", action="store_true")
    given = parser.parse_args(words)

    # What starts the student's program is imported first, and nothing slow before it.
    from labcheck.judging.judge import judge
    from labcheck.judging.options import Options
    from labcheck.submission.find import find_folder, is_packed

    lab = load_lab(name)
    options = Options(
        seed=given.seed,
        only=lab.select(given.only) if given.only else (),
        budget=given.budget,
        slow=given.slow,
        python=_python(given.python),
        protection="auto" if given.sandbox == "none" and given.require_sandbox else given.sandbox,
    )
    files = _files(given, "one", words)
    if options.protection != "none" or is_packed(lab, Path(given.folder or "")):
        from labcheck.isolated.single import judge_apart

        judgement = judge_apart(lab, given.folder, options, required=given.require_sandbox)
    else:
        judgement = judge(lab, find_folder(lab, given.folder), options)
    _report(judgement.record, files)
    if judgement.faults:
        return _own_fault("\n".join(judgement.faults), [name, *words])
    return PASSED if judgement.record.all_passed else FAILED


def _report(record: Record, files: dict[str, str]) -> None:
    from labcheck.platforms.actions import in_workflow
    from labcheck.platforms.formats import find
    from labcheck.reports import terminal
    from labcheck.reports.files import write_report
    from labcheck.workbook import state

    if in_workflow():
        _report_to_github(record, printed="-" not in files.values())
    elif "-" not in files.values():
        terminal.write(record)
    for name, file in files.items():
        write_report(file, find("one", name).render(record))
    if len(record.selected) == len(record.requirements):
        known = state.load()
        known["progress"][record.lab] = {"score": record.score, "max_score": record.max_score}
        state.save(known)


def _report_to_github(record: Record, *, printed: bool) -> None:
    import io

    from labcheck.platforms import actions
    from labcheck.reports import terminal

    commands = actions.publish(record)
    if printed:
        text = io.StringIO()
        terminal.write(record, text)
        sys.stdout.write(actions.shielded(text.getvalue()) + commands)


def _add_formats(parser: Parser, kind: Kind, words: list[str]) -> None:
    """Add an option for each format: the file to write, or - for standard output."""
    from labcheck.platforms.formats import names

    for name in names(kind, words):
        parser.add_argument(f"--{name}", metavar="FILE")


def _files(given: argparse.Namespace, kind: Kind, words: list[str]) -> dict[str, str]:
    """Return the files to write, by their format. Raises UsageError where it can be seen that one cannot be written."""
    from labcheck.platforms.formats import names

    files = {name: file for name in names(kind, words) if (file := getattr(given, name)) is not None}
    for file in files.values():
        if file != "-" and not Path(file).absolute().parent.is_dir():
            raise UsageError(f"cannot write {file}: there is no such folder")
        if file != "-" and Path(file).is_dir():
            raise UsageError(f"cannot write {file}: it is a folder")
    if list(files.values()).count("-") > 1:
        raise UsageError("only one report at a time can go to standard output; name a file for the others")
    return files


def _list(words: list[str]) -> int:
    from labcheck.workbook import state

    Parser(prog="labcheck list", add_help=False).parse_args(words)
    progress = state.load()["progress"]
    for name in lab_names():
        lab = load_lab(name)
        found = progress.get(name)
        done = f"{found['score']} of {found['max_score']} met" if found else "not checked yet"
        print(f"{name}   {lab.title:28} about {lab.minutes} minutes   {done}")
    return PASSED


def _start(words: list[str]) -> int:
    from labcheck.submission.files import copy_new

    lab, target = _lab_and_folder("start", words, "{}")
    kept = [file for file, copied in copy_new(lab.starter, target) if not copied]
    if kept:
        print(f"{len(kept)} files were there already, and were kept as they are")
    print(
        f"{lab.name} is in {target}: read {target / 'README.md'}, edit "
        f"{', '.join(str(target / program.file) for program in lab.programs)}, "
        f"and check with: labcheck {lab.name}{'' if target == Path(lab.name) else f' {target}'}"
    )
    return PASSED


def _solution(words: list[str]) -> int:
    from labcheck.submission.files import copy_new

    lab, target = _lab_and_folder("solution", words, "{}-solution")
    for source in (lab.solution, *(lab.starter / name for name in lab.supplies)):
        place = target if source == lab.solution else target / source.name
        for file, copied in copy_new(source, place):
            if not copied and source == lab.solution:
                raise UsageError(f"{place / file} is there already, and nothing was written over it; name another DIR")
    print(f"The solution of {lab.name} is in {target}: compare it with yours, and ask why they differ.")
    return PASSED


def _notebook(words: list[str]) -> int:
    parser = Parser(prog="labcheck notebook", add_help=False, allow_abbrev=False)
    parser.add_argument("lab", metavar="LAB")
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path)
    parser.add_argument("--no-open", action="store_true")
    given = parser.parse_args(words)

    from labcheck.jupyter import walkthrough

    lab = load_lab(given.lab)
    target = given.folder or Path(lab.name)
    for line in walkthrough.copy(lab, target):
        print(line, flush=True)
    file = target / f"{lab.name}.ipynb"
    if given.no_open:
        return PASSED
    if not walkthrough.can_be_opened():
        raise UsageError(
            f"JupyterLab, which opens {file}, is not installed; pip install 'labcheck[jupyter]' gets it, "
            "and VS Code opens the file, too"
        )
    print("opening it in JupyterLab; Ctrl+C here ends it", flush=True)
    return PASSED if walkthrough.open_in_jupyterlab(file) == 0 else FAILED


def _book(words: list[str]) -> int:
    parser = Parser(prog="labcheck book", add_help=False)
    parser.add_argument("target", metavar="DIR", type=Path)
    given = parser.parse_args(words)

    from labcheck.authoring import book

    book.build([load_lab(name) for name in lab_names()], given.target)
    print(f"the book is made: open {given.target / 'index.html'}")
    return PASSED


def _lab_and_folder(command: str, words: list[str], default: str) -> tuple[Lab, Path]:
    parser = Parser(prog=f"labcheck {command}", add_help=False)
    parser.add_argument("lab", metavar="LAB")
    parser.add_argument("folder", metavar="DIR", nargs="?")
    given = parser.parse_args(words)
    lab = load_lab(given.lab)
    return lab, Path(given.folder or default.format(lab.name))


def _hint(words: list[str]) -> int:
    from labcheck.judging.catalogue import read_suite
    from labcheck.workbook import state

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
    from labcheck.authoring.verify import verify

    parser = Parser(prog="labcheck verify", add_help=False)
    parser.add_argument("lab", metavar="LAB", nargs="?")
    given = parser.parse_args(words)
    names = [given.lab] if given.lab else lab_names()
    consistent = [verify(load_lab(name)) for name in names]
    return PASSED if all(consistent) else FAILED


def _grade(words: list[str]) -> int:
    parser = Parser(prog="labcheck grade", add_help=False, allow_abbrev=False)
    parser.add_argument("lab", metavar="LAB")
    parser.add_argument("submissions", metavar="SUBMISSIONS", type=Path)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True)
    parser.add_argument("--jobs", metavar="N", type=_count, default=os.cpu_count() or 1)
    parser.add_argument("--cluster", metavar="ADDRESS")
    parser.add_argument("--shard", metavar="K/N", type=_shard)
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("--roster", metavar="CSV", type=Path)
    parser.add_argument("--suite", metavar="DIR", type=Path)
    parser.add_argument("--hidden", action="store_true")
    parser.add_argument("--column", metavar="TITLE", default="")
    _add_formats(parser, "whole_class", words)
    _add_ways_to_judge(parser, sandbox="auto")
    given = parser.parse_args(words)
    files = _files(given, "whole_class", words)
    if "-" in files.values():
        raise UsageError("labcheck grade tells on standard output how far it is; name a file for the report")
    if given.merge and (given.shard or given.cluster):
        raise UsageError("--merge grades nothing; give it without --shard and --cluster")
    if given.hidden and given.suite is None:
        raise UsageError("--hidden is about the checks of --suite DIR; name their folder")

    from labcheck.classes.grade import Order, Shard, grade
    from labcheck.errors import RefusedError
    from labcheck.judging.catalogue import with_more
    from labcheck.judging.options import Options
    from labcheck.submission.handed_in import pack

    lab = load_lab(given.lab)
    extra = b""
    if given.suite is not None:
        lab = with_more(lab, given.suite, hidden=given.hidden)
        try:
            extra = pack(given.suite)
        except RefusedError as error:
            raise UsageError(f"{given.suite}: {error}") from error
    options = Options(
        seed=given.seed,
        budget=given.budget,
        slow=given.slow,
        python=_python(given.python) if given.python else "",
        protection=given.sandbox,
        whole=False,
    )
    order = Order(lab, options, extra, given.hidden)
    everybody = grade(
        order,
        given.submissions,
        given.out,
        jobs=given.jobs,
        cluster=given.cluster,
        shard=given.shard and Shard(*given.shard),
        merge=given.merge,
        roster=given.roster,
        files=files,
        heading=given.column,
    )
    return PASSED if everybody else FAILED


def _report_class(words: list[str]) -> int:
    parser = Parser(prog="labcheck report", add_help=False, allow_abbrev=False)
    parser.add_argument("out", metavar="DIR", type=Path)
    parser.add_argument("--column", metavar="TITLE", default="")
    _add_formats(parser, "whole_class", words)
    given = parser.parse_args(words)

    from dataclasses import replace

    from labcheck.classes import report
    from labcheck.record.gradebook import Gradebook

    files = _files(given, "whole_class", words)
    gradebook = replace(Gradebook.load(given.out), heading=given.column)
    if files:
        report.export(report.load(given.out, gradebook), files)
    else:
        report.write(given.out, gradebook)
        print(f"{given.out / report.GRADES} · {given.out / report.PAGE}")
    return PASSED


def _ci(words: list[str]) -> int:
    from labcheck.platforms import ci

    parser = Parser(prog="labcheck ci", add_help=False)
    parser.add_argument("kind", metavar="|".join(ci.names()))
    parser.add_argument("lab", metavar="LAB")
    parser.add_argument("target", metavar="DIR", nargs="?", type=Path, default=Path())
    given = parser.parse_args(words)
    lab = load_lab(given.lab)
    print(ci.next_steps(given.kind, lab, ci.write(given.kind, lab, given.target)))
    return PASSED


def _add_ways_to_judge(parser: Parser, *, sandbox: str) -> None:
    """Add the options that one submission and a class have in common; the usual sandbox is not the same."""
    parser.add_argument("--seed", type=_seed)
    parser.add_argument("--budget", type=_positive, default=60.0)
    parser.add_argument("--slow", type=_positive, default=1.0)
    parser.add_argument("--python", metavar="FILE")
    parser.add_argument("--sandbox", type=_protection, default=sandbox)


def _protection(text: str) -> str:
    if text not in ("auto", "none"):
        from labcheck.sandbox.protections import find

        find(text)
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _shard(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part of a class; write 3/8 for the third of eight")
    return int(number), int(of)


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
    "notebook": _notebook,
    "verify": _verify,
    "book": _book,
    "grade": _grade,
    "report": _report_class,
    "ci": _ci,
}
