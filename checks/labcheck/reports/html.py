"""The report as one page for the browser, with whole transcripts; it needs no network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from labcheck.record import Outcome
from labcheck.reports.exchange import message, missing, printable

if TYPE_CHECKING:
    from labcheck.record import Record

MARKS = {
    Outcome.PASSED: "met",
    Outcome.FAILED: "failed",
    Outcome.NOT_RUN: "not run",
    Outcome.ERROR: "not judged",
}


def to_html(record: Record) -> str:
    """Return the record as a page of HTML. Everything in it is shown as text."""
    steps = [
        (step, [each for each in record.requirements if each.id.split(".")[0] == str(step.number)])
        for step in record.steps
    ]
    return _template().render(
        record=record, steps=steps, marks=MARKS, passed=len(record.of(Outcome.PASSED)), asked=len(record.selected)
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["message"] = lambda event: _block(message(event))
    environment.filters["missing"] = missing
    environment.filters["block"] = _block
    return environment.get_template("report.html.jinja")


def _block(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))
