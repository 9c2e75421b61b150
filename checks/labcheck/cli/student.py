"""The commands for a student: check a lab, start one, and get help with it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.cli.interpreter import python_of
from labcheck.cli.options import (
    AUTO,
    FAILED,
    INTERRUPTED,
    PASSED,
    REQUIRED,
    Command,
    add_formats,
    add_repetition,
    add_ways_to_judge,
    files_of,
    is_taken,
    name_of,
    port,
)
from labcheck.errors import UsageError, raise_errors
from labcheck.workbook.labs import lab_names, load_lab
from labcheck.workbook.nearest import nearest
from labcheck.workbook.withheld import expect_solutions

if TYPE_CHECKING:
    import argparse

    from labcheck.cli.options import Parser
    from labcheck.judging.options import Options
    from labcheck.record.record import Record
    from labcheck.workbook.labs import Lab

DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}  # by the first character of a line


def _check_arguments(parser: Parser, words: list[str]) -> None:
    parser.add_argument(
        "folder",
        metavar="DIR",
        nargs="?",
        help="folder with the programs, or a .zip, .tar.gz, .py or .ipynb file "
        "(default: the first of ./LAB, . and ./labs/LAB that contains them)",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ID",
        help="check only this requirement or step, such as 2.3 or 2; also a list (1.3,2) or a range (2.1-3.2)",
    )
    parser.add_argument("--all", action="store_true", help="show all failures in full, not only the first one")
    parser.add_argument("--watch", action="store_true", help="check again each time a file is saved")
    parser.add_argument(
        "--beside",
        action="store_true",
        help="also show what a right program does in each check that fails; a page written with --html always does",
    )
    add_ways_to_judge(parser, sandbox="none")
    parser.add_argument(
        "--require-sandbox", dest="sandbox", action="store_const", const=REQUIRED, help="short for --sandbox required"
    )
    add_formats(parser, "one", words)


def _check(given: argparse.Namespace) -> int:
    # First the modules that start the student's program; slow imports come later, while it starts.
    from labcheck.isolated.side_by_side import judge_side_by_side
    from labcheck.submission.find import find_folder, find_packed

    lab = load_lab(given.lab)
    if given.beside:
        expect_solutions("--beside has nothing to show")
    only = lab.select(given.only) if given.only else ()
    packed = find_packed(lab, given.folder)
    folder = find_folder(lab, given.folder) if packed is None else packed if packed.is_dir() else Path()
    protection = AUTO if given.sandbox == REQUIRED else given.sandbox
    options = replace(_options(lab, folder, given, only), protection=protection)
    files = files_of(given)
    if given.watch:
        if packed is not None and packed.is_dir():
            names = " or ".join(program.file for program in lab.programs)
            raise UsageError(f"--watch needs {names} under this name in {packed}; rename the file")
        if files or packed is not None or options.protection != "none":
            raise UsageError("--watch shows the results on the screen; give it a folder, without a report or a sandbox")
        return _watch(lab, folder, options)
    from labcheck.student.live import Live

    with Live(lab, () if "-" in files.values() else options.selected(lab)) as live:
        if options.protection != "none" or packed is not None:
            from labcheck.isolated.single import judge_apart

            judgement = judge_apart(lab, packed or folder, options, live, required=given.sandbox == REQUIRED)
        else:
            judgement = judge_side_by_side(lab, folder, options, live)
    if judgement.note:
        print(f"labcheck: {judgement.note}", file=sys.stderr)
    if given.beside:
        _add_right_answers(judgement.record, lab, options)
    _report(judgement.record, lab, files, whole=given.all)
    # A page is for the student, unless it is made in a protected run: that is on a platform or for an instructor.
    if "html" in files and options.protection == "none" and not given.beside:
        _add_right_answers(judgement.record, lab, options)
    _write(judgement.record, files)
    raise_errors(judgement.faults, judgement.mistakes)
    return PASSED if judgement.record.all_passed else FAILED


def _options(lab: Lab, folder: Path, given: argparse.Namespace, only: tuple[str, ...] = ()) -> Options:
    from labcheck.judging.options import Options

    return Options(given.seed, only, given.budget or lab.budget, given.slow, python_of(given.python, folder))


def _watch(lab: Lab, folder: Path, options: Options) -> int:
    from labcheck.student import live
    from labcheck.student.screen import Display, Screen
    from labcheck.student.watch import Watch

    watch = Watch(lab, folder, options, Screen() if live.redraws() else Display(), _lab_after(lab))
    return _at_the_end(lab, watch.run())


def _at_the_end(lab: Lab, record: Record | None) -> int:
    """Say how far the user is, at the end of a watch. `record` is that of its last complete run, if there was one."""
    from labcheck.record.record import Outcome

    if record is None:
        return INTERRUPTED
    passed, failing = len(record.of(Outcome.PASSED)), record.of(Outcome.FAILED)
    following = f" · next: labcheck hint {lab.name} {failing[0].id}" if failing else ""
    print(f"{lab.name}: {passed} of {len(record.selected)} requirements pass{following}")
    return PASSED if record.all_passed else FAILED


def _lab_after(lab: Lab) -> str:
    """Return the name of the next lab of the same course; "" after the last one."""
    names = lab.place.lab_names()
    return next(iter(names[names.index(lab.name) + 1 :]), "")


def _add_right_answers(record: Record, lab: Lab, options: Options) -> None:
    from labcheck.isolated.beside import add_right_answers

    add_right_answers(record, lab, options)


def _report(record: Record, lab: Lab, files: dict[str, str], *, whole: bool) -> None:
    from labcheck.platforms.runner import in_workflow
    from labcheck.reports import terminal
    from labcheck.student.progress import remember

    before = remember(record)
    if in_workflow():
        _report_to_github(record, printed="-" not in files.values())
    elif "-" not in files.values():
        terminal.write(record, None, terminal.Occasion(whole, before, _lab_after(lab), lab.place.feedback))
        sys.stdout.flush()  # the files may take a while


def _write(record: Record, files: dict[str, str]) -> None:
    from labcheck.platforms.formats import find
    from labcheck.reports.files import write_reports

    # Others may have to read them: a course's CI system, for example, which runs labcheck as another user.
    write_reports({file: find("one", name).render(record) for name, file in files.items()}, is_private=False)


def _report_to_github(record: Record, *, printed: bool) -> None:
    import io

    from labcheck.platforms import actions
    from labcheck.reports import terminal

    if printed:
        text = io.StringIO()
        terminal.write(record, text)
        sys.stdout.write(actions.shielded(text.getvalue()) + actions.commands(record))
    actions.append_summary(record)


def _no_arguments(parser: Parser, words: list[str]) -> None:
    del parser, words


def _list(given: argparse.Namespace) -> int:
    from labcheck.student.certificate import all_passed
    from labcheck.student.progress import standings
    from labcheck.student.state import runs

    known = runs()
    for name in lab_names():
        lab = load_lab(name)
        whose = f"   ({lab.place.title})" if lab.place.is_course else ""
        print(f"{name}   {lab.title:28} about {lab.minutes} minutes{whose}")
        if name in given.commands:
            print(f"       cannot be checked, because {is_taken(name)}; its author has to rename it")
            continue
        for line in standings(lab, known) or [f"not checked yet · labcheck start {name}"]:
            print(f"       {line}")
    if all_passed(known):
        print("You have passed all labs. For a certificate: labcheck certificate --name NAME")
    return PASSED


def _lab_argument(parser: Parser) -> None:
    parser.add_argument("lab", metavar="LAB", type=name_of, help="name of a lab, such as lab1")


def _lab_and_folder(parser: Parser, words: list[str]) -> None:
    del words
    _lab_argument(parser)
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, help="target folder (default: a new one here)")


def _start(given: argparse.Namespace) -> int:
    from labcheck.submission.files import copy_new, starter_files

    lab = load_lab(given.lab)
    target = given.folder or _usual_folder(lab)
    kept = [file for file, copied in copy_new(starter_files(lab), target) if not copied]
    if kept:
        print(f"existing files left unchanged: {len(kept)}")
    print(
        f"{lab.name} is in {'this folder' if target == Path() else target}. Read {target / 'README.md'}, edit "
        f"{', '.join(str(target / program.file) for program in lab.programs)}, "
        f"then run: labcheck {lab.name}{f' {target}' if given.folder not in (None, Path(lab.name)) else ''}"
    )
    return PASSED


def _usual_folder(lab: Lab) -> Path:
    """Return the folder for a lab's files: here, if they are here; otherwise a folder with the lab's name."""
    is_here = any(Path(program.file).exists() for program in lab.programs)
    return Path() if is_here and not Path(lab.name).is_dir() else Path(lab.name)


def _solution_arguments(parser: Parser, words: list[str]) -> None:
    _lab_and_folder(parser, words)
    parser.add_argument("--diff", action="store_true", help="copy nothing; show how the programs in DIR differ from it")


def _solution(given: argparse.Namespace) -> int:
    from labcheck.submission.files import copy_if_new, copy_new, regular_files

    lab = load_lab(given.lab)
    expect_solutions("it cannot show that of " + lab.name)
    if given.diff:
        return _differences(lab, given.folder)
    target = given.folder or Path(f"{lab.name}-solution")
    for file, copied in copy_new(regular_files(lab.solution), target):
        if not copied:
            raise UsageError(f"{target / file} already exists and was not overwritten; give another DIR")
    for file in lab.supplied():
        copy_if_new(lab.starter / file, target / file)
    print(f"The solution of {lab.name} is in {target}. Compare it with yours, and ask why they differ.")
    return PASSED


def _differences(lab: Lab, given: Path | None) -> int:
    """Print what to change in the student's programs to get the solution, as `diff -u` does."""
    import difflib

    from labcheck.submission.find import find_folder

    folder = find_folder(lab, None if given is None else str(given))
    for program in lab.programs:
        mine, theirs = (_text_of(place / program.file).splitlines(keepends=True) for place in (folder, lab.solution))
        diff = difflib.unified_diff(mine, theirs, program.file, program.file, "yours", "the solution")
        _print_colored("".join(diff))
    return PASSED


def _text_of(file: Path) -> str:
    """Return the text of a file that ends with a line end; an empty text if the file is missing."""
    try:
        text = file.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    return text if text.endswith("\n") or not text else f"{text}\n"


def _print_colored(diff: str) -> None:
    """Print the lines of a diff, on a terminal in its usual colors."""
    if not sys.stdout.isatty():
        print(diff, end="")
        return
    from rich.console import Console
    from rich.text import Text

    from labcheck.record.text import printable

    console = Console(highlight=False)
    for line in diff.splitlines():
        console.print(Text(printable(line), DIFF_STYLES.get(line[:1], "")), soft_wrap=True)


def _sheet_arguments(parser: Parser, words: list[str]) -> None:
    del words
    _lab_argument(parser)
    parser.add_argument("step", metavar="STEP", nargs="?", help="number of a step (default: the whole sheet)")


def _sheet(given: argparse.Namespace) -> int:
    from labcheck.student.advice import sheet

    text = sheet(load_lab(given.lab), given.step)
    if not sys.stdout.isatty():
        print(text, end="")
        return PASSED
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
    return PASSED


def _reset_arguments(parser: Parser, words: list[str]) -> None:
    del words
    _lab_argument(parser)
    parser.add_argument(
        "files", metavar="FILE", nargs="*", help="starter file, such as webserver.py (default: programs)"
    )


def _reset(given: argparse.Namespace) -> int:
    from labcheck.submission.files import put_back, starter_files
    from labcheck.submission.find import find_folder

    lab = load_lab(given.lab)
    folder = find_folder(lab, None)
    names = given.files or [program.file for program in lab.programs]
    known = [relative.as_posix() for _, relative in starter_files(lab)]
    for name in names:
        if name not in known:
            raise UsageError(f"{lab.name} has no starter file {name!r}.{nearest(name, known)}")
    for name in names:
        kept = put_back(lab.starter / name, folder / name)
        print(f"{name} is as it was at the start{f'; what you had is in {kept.name}' if kept else ''}")
    return PASSED


def _notebook_arguments(parser: Parser, words: list[str]) -> None:
    _lab_and_folder(parser, words)
    parser.add_argument("--no-open", action="store_true", help="copy it, but do not open it")


def _notebook(given: argparse.Namespace) -> int:
    from labcheck.jupyter import walkthrough

    lab = load_lab(given.lab)
    target = given.folder or _usual_folder(lab)
    for line in walkthrough.copy(lab, target):
        print(line, flush=True)
    file = target / f"{lab.name}.ipynb"
    if given.no_open:
        return PASSED
    if not walkthrough.can_be_opened():
        from labcheck.workbook import extras

        raise UsageError(
            f"cannot open {file}: JupyterLab is not installed; open the file in VS Code, or run: "
            f"{extras.command('jupyter')}"
        )
    print("opening it in JupyterLab; press Ctrl+C here to stop JupyterLab", flush=True)
    return PASSED if walkthrough.open_in_jupyterlab(file) == 0 else FAILED


def _open_arguments(parser: Parser, words: list[str]) -> None:
    del words
    _lab_argument(parser)
    parser.add_argument("folder", metavar="DIR", nargs="?", help="folder with the programs (default: as for LAB)")
    add_repetition(parser)
    parser.add_argument("--no-open", action="store_true", help="print the address of the page, but open no browser")
    parser.add_argument(
        "--port", metavar="N", type=port, default=0, help="port of the page (default: any): a tunnel to it needs one"
    )


def _open(given: argparse.Namespace) -> int:
    from labcheck.student.page.browser import welcome
    from labcheck.student.page.page import Page
    from labcheck.submission.find import find_folder

    lab = load_lab(given.lab)
    folder = find_folder(lab, given.folder)
    page = Page(lab, folder, _options(lab, folder, given), _lab_after(lab), given.port)
    return _at_the_end(lab, page.run(lambda entrance: welcome(lab.name, entrance, opens=not given.no_open)))


def _replay_arguments(parser: Parser, words: list[str]) -> None:
    del words
    _requirement_arguments(parser)
    parser.add_argument("folder", metavar="DIR", nargs="?", help="folder with the programs (default: as for LAB)")
    add_repetition(parser)
    parser.add_argument(
        "--stay", action="store_true", help="keep the server running until you press Enter (default on a terminal)"
    )


def _replay(given: argparse.Namespace) -> int:
    from labcheck.cli.replay import stay
    from labcheck.judging.judge import judge
    from labcheck.reports import terminal
    from labcheck.submission.find import find_folder

    lab = load_lab(given.lab)
    id = _one_requirement(lab, given.id)
    folder = find_folder(lab, given.folder)
    options = _options(lab, folder, given, (id,))
    judgement = judge(lab, folder, options)
    terminal.write_exchange(judgement.record, id)
    raise_errors(judgement.faults, judgement.mistakes)
    if given.stay or (sys.stdin.isatty() and sys.stdout.isatty()):
        seeded = replace(options, seed=judgement.record.seed)
        stay(lab, folder, seeded, id, judgement.record.requirement(id).by_hand)
    return PASSED if judgement.record.all_passed else FAILED


def _requirement_arguments(parser: Parser) -> None:
    _lab_argument(parser)
    parser.add_argument("id", metavar="ID", help="id of a requirement, such as 2.3")


def _one_requirement(lab: Lab, word: str) -> str:
    """Return the id of a requirement. Raises UsageError if it is that of a step, or unknown."""
    ids = lab.select([word])
    if ids != (word,):
        raise UsageError(f"{word} is not a single requirement; give one of these: {', '.join(ids)}")
    return word


def _hint_arguments(parser: Parser, words: list[str]) -> None:
    del words
    _requirement_arguments(parser)


def _hint(given: argparse.Namespace) -> int:
    from labcheck.student.advice import next_hint

    lab = load_lab(given.lab)
    id = _one_requirement(lab, given.id)
    hint = next_hint(lab, id)
    if hint.is_withheld:
        raise UsageError(hint.text)
    print(f"{id}  {hint.title}")
    print(f"hint {hint.number} of {hint.of}: {hint.text}")
    print(hint.afterwards(lab.step_of(id).number))
    return PASSED


CHECK = Command("LAB", "check the programs in DIR", _check_arguments, _check, starts_programs=True)
COMMANDS = (
    Command("list", "list the labs and your progress", _no_arguments, _list),
    Command("start", "copy a lab's starter files, without overwriting yours", _lab_and_folder, _start),
    Command("open", "work on a lab in the browser", _open_arguments, _open, starts_programs=True),
    Command("replay", "repeat what was exchanged for a requirement", _replay_arguments, _replay, starts_programs=True),
    Command("hint", "show the next hint for a requirement", _hint_arguments, _hint),
    Command("sheet", "show a lab's sheet, or one step of it", _sheet_arguments, _sheet),
    Command("reset", "put starter files back; what you had is kept", _reset_arguments, _reset),
    Command("solution", "copy a lab's reference solution, or compare with it", _solution_arguments, _solution),
    Command("notebook", "copy a lab's walkthrough and open it in JupyterLab", _notebook_arguments, _notebook),
)
