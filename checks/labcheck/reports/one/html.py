"""A page for the browser, with complete transcripts; it needs no network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from labcheck.record.deciding import counterpart, deciding
from labcheck.record.record import Outcome
from labcheck.reports import diagram
from labcheck.reports.formats import one
from labcheck.reports.marked import value
from labcheck.reports.wording import NAMES, block, hexadecimal, label, measure, message, missing, replay

if TYPE_CHECKING:
    from labcheck.record.record import Record, RequirementResult


@one("a page for the browser, with complete transcripts; it needs no network")
def render(record: Record) -> str:
    """Return the record as an HTML page. All data in it is shown as text."""
    return _template().render(_facts(record, f"{record.lab} · {record.title}"))


def style() -> Markup:
    """Return the CSS of the page."""
    return _part("style", {})


def body(record: Record, heading: str) -> Markup:
    """Return the content of the page's body, under another heading and without pictures, which are large."""
    return _part("body", {**_facts(record, heading), "with_pictures": False})


def transcript(requirement: RequirementResult) -> Markup:
    """Return the transcript of a requirement as HTML, without its picture."""
    return _part("transcript", {"each": requirement, "with_pictures": False})


def environment(folder: Path) -> Environment:
    """Return the Jinja environment for the templates in a folder; the values they insert are shown as text."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["message"] = lambda event, limit=None: block(message(event), limit)
    made.filters["missing"] = missing
    made.filters["label"] = label
    made.filters["measure"] = measure
    made.filters["block"] = block
    made.filters["value"] = value
    made.filters["hexadecimal"] = hexadecimal
    made.filters["picture"] = _picture
    made.filters["right_picture"] = _right_picture
    made.globals["picture_style"] = diagram.STYLE
    return made


def _picture(requirement: RequirementResult, record: Record) -> diagram.Picture:
    """Return the picture of a transcript, whose arrows lead to the list of its events."""
    program = record.step_of(requirement).program
    prefix = f"r{requirement.id}-"
    return diagram.draw(requirement.transcript, deciding(requirement), program=program, prefix=prefix)


def _right_picture(requirement: RequirementResult) -> diagram.Picture:
    """Return the picture of what the solution does in the same check."""
    return diagram.draw(requirement.beside, counterpart(requirement), program="a right program", mark="right")


@cache
def _template() -> Template:
    return environment(Path(__file__).parent).get_template("html.jinja")


def _part(name: str, values: dict[str, Any]) -> Markup:
    """Return one block of the template."""
    template = _template()
    return Markup("".join(template.blocks[name](template.new_context(values))))


def _facts(record: Record, heading: str) -> dict[str, Any]:
    return {
        "record": record,
        "heading": heading,
        "steps": [(step, record.requirements_of(step)) for step in record.steps],
        "marks": NAMES,
        "replay": replay,
        "with_pictures": True,
        "passed": len(record.of(Outcome.PASSED)),
        "asked": len(record.selected),
    }
