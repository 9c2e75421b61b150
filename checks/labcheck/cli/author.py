"""The commands for the author of a lab: `new`, `verify` and `book`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.cli.options import FAILED, PASSED, WRONG_USE, Command, count, lab_of, name_of, seed
from labcheck.errors import SuiteError, UsageError
from labcheck.workbook.labs import lab_names
from labcheck.workbook.places import main_place
from labcheck.workbook.withheld import expect_solutions

if TYPE_CHECKING:
    import argparse

    from labcheck.cli.options import Parser


def _new_arguments(parser: Parser, words: list[str]) -> None:
    from labcheck.authoring.new import FORMS

    del words
    parser.add_argument("name", metavar="LAB", type=name_of, help="name of the new lab, such as clock")
    kinds = ", ".join(f"{name} ({form.kind})" if name != form.kind else name for name, form in FORMS.items())
    parser.add_argument("--kind", choices=FORMS, required=True, metavar="KIND", help=f"what its program is: {kinds}")


def _new(given: argparse.Namespace) -> int:
    from labcheck.authoring.new import create

    expect_solutions("it cannot write a new lab")
    made = create(given.name, given.kind, given.commands)
    print(f"{given.name} is in {made.course}:")
    for file in made.files:
        print(f"  {file.as_posix()}")
    print(f"`labcheck verify {given.name}` accepts it as it is, and lists what is left to do.")
    return PASSED


def _verify_arguments(parser: Parser, words: list[str]) -> None:
    del words
    parser.add_argument(
        "lab",
        metavar="LAB",
        type=name_of,
        nargs="?",
        help="name of a lab, such as lab1 (default: all labs of the course, or else labcheck's own)",
    )
    parser.add_argument(
        "--only",
        metavar="ID",
        action="append",
        default=[],
        help="verify only this requirement or step, such as 2.3 or 2, with its wrong variants; also a list or a range",
    )
    parser.add_argument(
        "--again", action="store_true", help="check everything, also programs and checks that have not changed"
    )
    parser.add_argument(
        "--repeat",
        metavar="N",
        type=count,
        help="instead, check the solution and the right programs N times, and name checks that do not always pass",
    )
    parser.add_argument("--load", action="store_true", help="with --repeat: keep every processor busy while it runs")
    parser.add_argument(
        "--mutants",
        action="store_true",
        help="instead, check copies of the solution that differ from it in one place; this takes minutes",
    )
    parser.add_argument("--sample", metavar="N", type=count, help="with --mutants: only N of them, chosen at random")
    parser.add_argument(
        "--seed", metavar="N", type=seed, help="with --sample: its seed, to choose the same mutants again"
    )


def _verify(given: argparse.Namespace) -> int:
    from labcheck.judging.run import seed_or_new

    expect_solutions("it cannot verify a lab")
    if given.load and given.repeat is None:
        raise UsageError("--load keeps the processors busy while programs are checked again and again; add --repeat N")
    if given.mutants and (given.repeat is not None or given.only or given.again):
        raise UsageError("--mutants is a run of its own; it does not go together with --repeat, --only or --again")
    if given.only and given.lab is None:
        raise UsageError("--only names requirements of one lab; name the lab, too")
    if given.sample is not None and not given.mutants:
        raise UsageError("--sample chooses mutants; add --mutants")
    if given.seed is not None and given.sample is None:
        raise UsageError("--seed chooses a sample of mutants; add --mutants and --sample N")
    given.seed = seed_or_new(given.seed)
    return max(_verify_one(name, given) for name in ([given.lab] if given.lab else main_place().lab_names()))


def _verify_one(name: str, given: argparse.Namespace) -> int:
    """Verify a lab, and return the exit status: 2 for a mistake because of which its programs cannot be checked."""
    from labcheck.authoring.steadiness import verify_steadiness
    from labcheck.authoring.survivors import verify_mutants
    from labcheck.authoring.todo import todos
    from labcheck.authoring.verify import verify

    try:
        lab = lab_of(name, given.commands)
        if given.mutants:
            consistent = verify_mutants(lab, given.sample, given.seed)
        elif given.repeat is not None:
            consistent = verify_steadiness(lab, given.only, given.repeat, load=given.load)
        else:
            consistent = verify(lab, given.only, again=given.again)
        for todo in () if given.mutants or given.repeat is not None else todos(lab):
            print(f"{lab.name}: still to do: {todo}")
    except SuiteError as error:
        mistakes = str(error).splitlines()
        for mistake in mistakes:
            print(f"{name}: {mistake}")
        print(f"{name}: {len(mistakes)} {'problem' if len(mistakes) == 1 else 'problems'}, so no program was run")
        return WRONG_USE
    return PASSED if consistent else FAILED


def _book_arguments(parser: Parser, words: list[str]) -> None:
    del words
    parser.add_argument("target", metavar="DIR", type=Path, help="folder to write the website to")


def _book(given: argparse.Namespace) -> int:
    from labcheck.authoring import book

    expect_solutions("it cannot build the book")
    book.build([lab_of(name, given.commands) for name in lab_names()], given.target)
    print(f"The book is finished. Open {given.target / 'index.html'}")
    return PASSED


COMMANDS = (
    Command("new", "write a new lab into a course of your own", _new_arguments, _new, makes_course=True),
    Command("verify", "verify that a lab is consistent", _verify_arguments, _verify, starts_programs=True),
    Command(
        "book",
        "build a website from the sheets, walkthroughs and solutions",
        _book_arguments,
        _book,
        starts_programs=True,
    ),
)
