"""The commands for an instructor: `grade`, `report`, `wheel` and `ci`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.cli.interpreter import python_of
from labcheck.cli.options import (
    AUTO,
    FAILED,
    INTERNAL_ERROR,
    PASSED,
    REQUIRED,
    Command,
    add_formats,
    add_ways_to_judge,
    count,
    files_of,
    lab_of,
    name_of,
    positive,
)
from labcheck.errors import UsageError

if TYPE_CHECKING:
    from labcheck.classes.feedback import HandBack
    from labcheck.cli.options import Parser


def _grade_arguments(parser: Parser, words: list[str]) -> None:
    parser.add_argument("lab", metavar="LAB", type=name_of, help="name of a lab, such as lab1")
    parser.add_argument(
        "submissions", metavar="SUBMISSIONS", type=Path, help="folder or .zip archive with the submissions"
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help="folder for the results; to resume an interrupted run, give the same folder again",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=count,
        help="number of submissions to grade at the same time (default: as many as keep the processors busy)",
    )
    parser.add_argument(
        "--cluster", metavar="ADDRESS", help="grade on the workers of the dask scheduler at ADDRESS instead"
    )
    parser.add_argument("--shard", metavar="K/N", type=_shard, help="grade only part K of the N parts of the class")
    parser.add_argument(
        "--merge",
        action="store_true",
        help="grade nothing; write grades.csv from the results of all parts",
    )
    parser.add_argument("--suite", metavar="DIR", type=Path, help="folder with additional checks of your own")
    parser.add_argument("--hidden", action="store_true", help="report the checks in --suite by title only")
    parser.add_argument(
        "--names",
        metavar="CSV",
        type=Path,
        help="whose a file is, if its name does not tell: a table with the columns File and, for example, Email",
    )
    parser.add_argument(
        "--only-student",
        metavar="NAME",
        action="append",
        default=[],
        help="grade only this student's submission; may be repeated",
    )
    parser.add_argument(
        "--limits",
        metavar="FACTOR",
        type=positive,
        default=1.0,
        help="multiply the limits on the size of a submission and of a download by FACTOR, for large files",
    )
    parser.add_argument("--again", action="store_true", help="grade again what has a grade")
    add_ways_to_judge(parser, sandbox="auto")
    _class_arguments(parser, words)


def _class_arguments(parser: Parser, words: list[str]) -> None:
    """Add the options for the reports of a class."""
    parser.add_argument(
        "--roster",
        metavar="CSV",
        type=Path,
        help="class list: assigns submissions to students, and shows who submitted nothing (default: the last one)",
    )
    parser.add_argument(
        "--column",
        metavar="TITLE",
        default="",
        help="heading of the lab's column in your gradebook, such as 'Lab 1 (4711)' in Canvas",
    )
    parser.add_argument(
        "--out-of",
        metavar="N",
        type=_points,
        help="points that are possible in your gradebook (default: those in the roster, or the lab's own)",
    )
    parser.add_argument(
        "--points",
        metavar="FILE",
        type=Path,
        help='points of requirements: TOML with lines such as "2.3" = 2, or a CSV file with the columns requirement '
        "and points (default: the last ones given, those in rules.toml, or the lab's own)",
    )
    parser.add_argument(
        "--feedback", metavar="FOLDER", type=Path, help="write a page and a text for each student, to hand them back"
    )
    parser.add_argument(
        "--moodle-feedback",
        metavar="FILE",
        type=Path,
        help="write the pages to a .zip for Moodle's 'Upload multiple feedback files in a zip'",
    )
    add_formats(parser, "whole_class", words)


def _hand_back(given: argparse.Namespace) -> HandBack | None:
    """Return where the students' feedback goes, if it is wanted. Raises UsageError if it obviously cannot go there."""
    if given.feedback is None and given.moodle_feedback is None:
        return None
    from labcheck.classes.feedback import HandBack

    wanted = HandBack(given.feedback, given.moodle_feedback)
    wanted.expect_possible(given.out)
    return wanted


def _grade(given: argparse.Namespace) -> int:
    files = files_of(given)
    if "-" in files.values():
        raise UsageError("a report cannot go to standard output (-), where grade prints its progress; give a file name")
    if given.merge and (given.shard or given.cluster):
        raise UsageError("--merge grades nothing; use it without --shard and --cluster")
    back = _hand_back(given)
    if back is not None and given.shard:
        raise UsageError("a part of the class gives no feedback; run labcheck report when all parts are merged")
    if given.hidden and given.suite is None:
        raise UsageError("--hidden applies only to the checks in --suite DIR; add --suite DIR")

    from labcheck.classes.grade import Wanted, grade
    from labcheck.classes.register import Register
    from labcheck.classes.submissions import Order, Shard
    from labcheck.errors import RefusedError
    from labcheck.judging.catalogue import expect_suite, with_more
    from labcheck.judging.options import Options
    from labcheck.submission.handed_in import pack

    lab = lab_of(given.lab, given.commands)
    expect_suite(lab)
    extra = b""
    if given.suite is not None:
        lab = with_more(lab, given.suite, hidden=given.hidden)
        try:
            extra = pack(given.suite)
        except RefusedError as error:
            raise UsageError(f"{given.suite}: {error}") from error
    options = Options(
        seed=given.seed,
        budget=given.budget or lab.budget,
        slow=given.slow,
        # The workers of a cluster have a Python of their own.
        python=python_of(given.python, Path()) if given.python or not given.cluster else "",
        protection=AUTO if given.sandbox == REQUIRED else given.sandbox,  # a class is never graded without one
        whole=False,
        limits=given.limits,
    )
    order = Order(lab, options, extra, given.hidden)
    gradebook = grade(
        order,
        given.submissions,
        given.out,
        Wanted(
            given.roster,
            given.names,
            given.only_student,
            given.again,
            given.column,
            given.out_of,
            given.points,
            files,
        ),
        jobs=given.jobs,
        cluster=given.cluster,
        shard=given.shard and Shard(*given.shard),
        merge=given.merge,
    )
    if back is not None:
        print("\n".join(back.write(given.out, Register.load(given.out))))
    if gradebook.open:
        return INTERNAL_ERROR
    return FAILED if any(entry.is_a_problem for entry in gradebook.entries) else PASSED


def _report_arguments(parser: Parser, words: list[str]) -> None:
    parser.add_argument(
        "out",
        metavar="DIR",
        type=Path,
        nargs="+",
        help="the --out folder of a finished `labcheck grade`; several are compared with each other",
    )
    parser.add_argument(
        "--pseudonyms",
        action="store_true",
        help="name nobody in the reports; the list of who is who is DIR/pseudonyms.csv (a comparison names nobody)",
    )
    _class_arguments(parser, words)
    parser.add_argument(
        "--html", metavar="FILE", help="with several DIR: write their comparison as a page; --csv and --json work, too"
    )
    parser.set_defaults(formats=[*parser.get_default("formats"), "html"])


def _report(given: argparse.Namespace) -> int:
    from labcheck.classes import report
    from labcheck.classes.pseudonyms import Pseudonyms
    from labcheck.platforms.formats import names

    files = files_of(given)
    if len(given.out) > 1:
        return _compare(given, files)
    if "html" in files:
        raise UsageError(
            f"--html is for comparing several folders; the page of one class is {given.out[0] / report.PAGE}"
        )
    (given.out,) = given.out
    back = _hand_back(given)
    pseudonyms = Pseudonyms(given.out) if given.pseudonyms else None
    identifying = [name for name in files if name not in names("whole_class", ())]
    identifying += ["moodle-feedback"] if given.moodle_feedback is not None else []
    if pseudonyms is not None and identifying:
        raise UsageError(f"--{identifying[0]} needs to know who is who; use it without --pseudonyms")
    register = report.updated(given.out, given.roster, given.column, given.out_of, given.points)
    if files:
        report.export(report.load(given.out, register.gradebook(), pseudonyms=pseudonyms), files)
    if back is not None:
        # A report on standard output stays alone there.
        print(
            "\n".join(back.write(given.out, register, pseudonyms)), file=sys.stderr if "-" in files.values() else None
        )
    if not files and back is None:
        report.write(given.out, register.gradebook(), pseudonyms)
        print(f"{given.out / report.GRADES} · {given.out / report.PAGE}")
    return PASSED


def _compare(given: argparse.Namespace, files: dict[str, str]) -> int:
    """Compare several classes. Raises UsageError for an option that is about one class."""
    from labcheck.classes import comparison
    from labcheck.platforms.formats import names, option
    from labcheck.reports.side_by_side import lines

    about_one = [name for name in ("roster", "column", "out_of", "feedback", "moodle_feedback") if getattr(given, name)]
    about_one += [name for name in files if name not in names("comparison", ())]
    if about_one:
        raise UsageError(
            f"{option(about_one[0])} is about one class; leave it out to compare several, or give one folder"
        )
    found = comparison.compare(given.out)
    comparison.write(found, files)
    if "-" not in files.values():  # a report on standard output stays alone there
        print("\n".join(lines(found)))
    return PASSED


def _ci_arguments(parser: Parser, words: list[str]) -> None:
    del words
    from labcheck.platforms import ci

    parser.add_argument("kind", metavar="PLATFORM", help=f"one of: {', '.join(ci.names())}")
    parser.add_argument("lab", metavar="LAB", type=name_of, help="name of a lab, such as lab1")
    _add_target(parser)
    parser.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="where they install labcheck from: a wheel file, git+https://...@COMMIT, https://...whl#sha256=..., or an "
        "index https://.../simple (default: a wheel of this labcheck, which is written beside them)",
    )


def _ci(given: argparse.Namespace) -> int:
    from labcheck.platforms import ci

    lab = lab_of(given.lab, given.commands)
    print(ci.next_steps(given.kind, lab, ci.write(given.kind, lab, given.target, given.source)))
    return PASSED


def _wheel_arguments(parser: Parser, words: list[str]) -> None:
    del words
    _add_target(parser)
    parser.add_argument(
        "--without-solutions",
        action="store_true",
        help="leave out the solutions, what quotes them, and the last hint for each requirement",
    )
    parser.add_argument(
        "--ask",
        metavar="TEXT",
        type=_one_line,
        help="with --without-solutions: whom a student asks for a solution (default: your instructor)",
    )


def _wheel(given: argparse.Namespace) -> int:
    from labcheck.workbook import wheel, withheld

    if given.ask and not given.without_solutions:
        raise UsageError("--ask says whom to ask for what is left out; add --without-solutions")
    if given.without_solutions:
        withheld.expect_solutions("nothing can be left out")
    made = wheel.assemble((given.ask or withheld.INSTRUCTOR) if given.without_solutions else "")
    print(f"{made.write(given.target)}{' (without solutions)' if given.without_solutions else ''}")
    return PASSED


def _add_target(parser: Parser) -> None:
    parser.add_argument(
        "target", metavar="DIR", nargs="?", type=Path, default=Path(), help="target folder (default: this one)"
    )


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: expected a text of one line, such as a name")
    return text.strip().rstrip(".")


def _shard(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: expected K/N, such as 3/8 for part 3 of 8")
    return int(number), int(of)


def _points(text: str) -> float:
    try:
        points = float(text)
    except ValueError:
        points = 0
    if not 0 < points < float("inf"):
        raise argparse.ArgumentTypeError(f"invalid value {text!r}: expected a number of points, such as 50")
    return points


COMMANDS = (
    Command("grade", "grade a whole class", _grade_arguments, _grade, starts_programs=True),
    Command(
        "report", "write the reports of a graded class again, or compare several classes", _report_arguments, _report
    ),
    Command("wheel", "make one file that installs this labcheck elsewhere", _wheel_arguments, _wheel),
    Command("ci", "write the files that a course's CI needs", _ci_arguments, _ci),
)
