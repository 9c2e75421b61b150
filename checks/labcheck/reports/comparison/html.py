"""A comparison of classes as a page for the browser. It needs no network and runs no script."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.record.text import printable
from labcheck.reports.formats import comparison
from labcheck.reports.one import html
from labcheck.reports.side_by_side import FEW, about, change

if TYPE_CHECKING:
    from jinja2 import Template

    from labcheck.record.comparison import Comparison


@comparison("the comparison as a page for the browser")
def render(found: Comparison) -> str:
    """Return the page. All names in it are shown as text."""
    end = max([100, *(each.statistics.percent.highest or 0 for each in found.classes)])
    return _template().render(found=found, end=end, few=FEW, style=html.style())


@cache
def _template() -> Template:
    folder = Path(__file__).parent
    environment = html.environment(folder, folder.parent)
    environment.filters["printable"] = printable
    environment.filters["change"] = change
    environment.filters["about"] = about
    return environment.get_template("html.jinja")
