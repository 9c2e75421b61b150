"""The commands for the author of a lab: `verify` and `book`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.cli.options import FAILED, PASSED, Command, name_of
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    import argparse

    from labcheck.cli.options import Parser


def _verify_arguments(parser: Parser, words: list[str]) -> None:
    del words
    parser.add_argument(
        "lab", metavar="LAB", type=name_of, nargs="?", help="name of a lab, such as lab1 (default: all labs)"
    )


def _verify(given: argparse.Namespace) -> int:
    from labcheck.authoring.verify import verify

    names = [given.lab] if given.lab else lab_names()
    consistent = [verify(load_lab(name)) for name in names]
    return PASSED if all(consistent) else FAILED


def _book_arguments(parser: Parser, words: list[str]) -> None:
    del words
    parser.add_argument("target", metavar="DIR", type=Path, help="folder to write the website to")


def _book(given: argparse.Namespace) -> int:
    from labcheck.authoring import book

    book.build([load_lab(name) for name in lab_names()], given.target)
    print(f"The book is finished. Open {given.target / 'index.html'}")
    return PASSED


COMMANDS = (
    Command("verify", "verify that a lab is consistent", _verify_arguments, _verify, starts_programs=True),
    Command(
        "book",
        "build a website from the sheets, walkthroughs and solutions",
        _book_arguments,
        _book,
        starts_programs=True,
    ),
)
