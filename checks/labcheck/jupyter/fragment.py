"""What a notebook displays: HTML fragments, each with the same content in plain text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

WIDEST = 64  # characters; the widest column in plain text, which longer texts exceed


def bundle(text: str, template: str, **values: Any) -> dict[str, str]:
    """Return the representations for IPython: plain text, and HTML rendered from a template in this folder."""
    return {"text/plain": text, "text/html": html(template, **values)}


def html(template: str, **values: Any) -> str:
    """Return the HTML rendered from a template in this folder."""
    return _templates().get_template(template).render(values)


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the rows of a table as lines. Each column is as wide as its longest text, up to WIDEST."""
    widths = [min(WIDEST, max(map(len, column))) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


@cache
def _templates() -> Environment:
    from labcheck.reports.one.html import environment

    return environment(Path(__file__).parent)
