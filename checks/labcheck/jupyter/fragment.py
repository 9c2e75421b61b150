"""What a notebook displays: fragments of HTML, each with the same things in plain text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

WIDEST = 64  # characters of a column in plain text; a longer line sticks out


def bundle(text: str, template: str, **values: Any) -> dict[str, str]:
    """Return what IPython asks an object for: plain text, and HTML made by a template of this folder."""
    return {"text/plain": text, "text/html": _templates().get_template(template).render(values)}


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the rows of a table as lines; the columns are as wide as need be, and none wider than WIDEST."""
    widths = [min(WIDEST, max(map(len, column))) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


@cache
def _templates() -> Environment:
    from labcheck.reports.one.html import environment

    return environment(Path(__file__).parent)
