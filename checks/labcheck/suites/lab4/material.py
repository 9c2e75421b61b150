"""The books that the service under test begins with."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.suite import Draw

Book = dict[str, Any]
MANY = 40


@dataclass(frozen=True)
class Material:
    """The books in books.json, by id; `probe` is a path that the service serves."""

    books: list[Book]
    probe: str = "/books"


def new_book(draw: Draw, letters: int = 8) -> Book:
    """Return a random book without an id; its title has at least the given number of letters."""
    return {
        "title": f"{draw.word(letters).title()} é {draw.word().title()}",
        "author": f"{draw.word().title()} 日本",
        "year": draw.randrange(1450, 2100),
    }


def prepare(work: Path, draw: Draw) -> Material:
    """Put random books into books.json: some ids are left out, and the order is random."""
    ids = draw.sample(range(1, 3 * MANY), MANY)
    books = [{"id": id, **new_book(draw)} for id in ids]
    file = work / "books.json"
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    file.unlink(missing_ok=True)  # a link must not be written through
    file.write_text(json.dumps(books, ensure_ascii=False, indent=1), "utf-8")
    return Material(sorted(books, key=lambda book: book["id"]))
