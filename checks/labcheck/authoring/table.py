"""The table of `verify`: what proves each requirement of a lab."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import shorten
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEAD = ("", "checks", "hints", "wrong variants", "passed by")
LONGEST = 56  # characters of a title


@dataclass
class Proof:
    """What proves a requirement.

    `checks` and `hints` are their numbers. `variants` is the number of its wrong variants, of which `exact` fail what
    they should and nothing else. `nulls` are the null programs that pass it.
    """

    title: str
    checks: int = 0
    hints: int = 0
    variants: int = 0
    exact: int = 0
    nulls: list[str] = field(default_factory=list)


def table(proofs: Mapping[str, Proof]) -> Iterator[str]:
    """Yield the lines of the table, with a heading."""
    rows = [HEAD, *(_row(proof) for proof in proofs.values())]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEAD))]
    for id, row in zip(("", *proofs), rows, strict=True):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        yield f"  {id:<5} {'  '.join(cells)}".rstrip()


def _row(proof: Proof) -> tuple[str, ...]:
    of = f"{proof.exact}" if proof.exact == proof.variants else f"{proof.exact} of {proof.variants}"
    title = shorten(proof.title, LONGEST, placeholder=" …")
    return title, str(proof.checks), str(proof.hints), of, ", ".join(proof.nulls) or "-"
