"""The commands of a lab's author: prove that it is consistent, and make the book."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.cli.options import FAILED, PASSED, Command
from labcheck.workbook.labs import lab_names, load_lab

if TYPE_CHECKING:
    import argparse

    from labcheck.cli.options import Parser


def _verify_arguments(parser: Parser, words: list[str]) -> None:
    del words
    parser.add_argument("lab", metavar="LAB", nargs="?", help="one lab (default: all of them)")


def _verify(given: argparse.Namespace) -> int:
    from labcheck.authoring.verify import verify

    names = [given.lab] if given.lab else lab_names()
    consistent = [verify(load_lab(name)) for name in names]
    return PASSED if all(consistent) else FAILED


def _book_arguments(parser: Parser, words: list[str]) -> None:
    del words
    parser.add_argument("target", metavar="DIR", type=Path, help="the folder to make")


def _book(given: argparse.Namespace) -> int:
    from labcheck.authoring import book

    book.build([load_lab(name) for name in lab_names()], given.target)
    print(f"the book is made: open {given.target / 'index.html'}")
    return PASSED


COMMANDS = (
    Command("verify", "prove that a lab is consistent", _verify_arguments, _verify),
    Command("book", "make a site of the sheets, walkthroughs and solutions", _book_arguments, _book),
)
