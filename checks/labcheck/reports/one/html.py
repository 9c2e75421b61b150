"""A page for the browser, with transcripts. It needs no network, and no script to be read."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from labcheck.record.deciding import counterpart, deciding
from labcheck.record.record import Outcome
from labcheck.record.text import printable
from labcheck.reports import diagram
from labcheck.reports.formats import one
from labcheck.reports.marked import value
from labcheck.reports.shortened import shortened, shortened_requirement
from labcheck.reports.wording import (
    NAMES,
    block,
    by_cause,
    cause,
    folded,
    hexadecimal,
    label,
    measure,
    message,
    missing,
    provisional,
    replay,
    submitted_as,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt

    from labcheck.record.record import ProgramResult, Record, RequirementResult, StepTitle

FOLDER = Path(__file__).parent
ROOM = 256 * 1024  # characters of all transcripts that are shown whole
ROOM_FOR_ONE = 64 * 1024  # characters of a transcript that is shown whole, of one requirement
OF_A_STREAM = 10_000  # characters of what a program printed
OF_A_PHONE = 30  # columns
MOST_LINES = 16  # of a box that does not scroll
SIGNS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.NOT_RUN: "–", Outcome.ERROR: "!"}
WORST_FIRST = (Outcome.ERROR, Outcome.FAILED, Outcome.NOT_RUN, Outcome.PASSED)


@dataclass
class Section:
    """A step on the page: its selected requirements, in groups that were not run for the same reason.

    `covers` are the numbers of later steps that were not run for the reason of the last group: they are part of it.
    """

    title: StepTitle
    chosen: list[RequirementResult]
    groups: list[list[RequirementResult]]
    covers: list[int] = field(default_factory=list)

    @property
    def passed(self) -> int:
        """The number of requirements that pass."""
        return sum(each.outcome is Outcome.PASSED for each in self.chosen)

    @property
    def outcome(self) -> Outcome:
        """The worst outcome."""
        return min((each.outcome for each in self.chosen), key=WORST_FIRST.index)


@one("a page for the browser, with transcripts; it needs no network")
def render(record: Record) -> str:
    """Return the record as an HTML page. All data in it is shown as text."""
    return page(record, f"{record.lab} · {record.title}")


def page(record: Record, heading: str, remarks: Sequence[str] = ()) -> str:
    """Return the page with another heading, and with remarks about the points."""
    script = copying() + _text("html.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    facts = {**_facts(shortened(record, ROOM, OF_A_STREAM), heading), "remarks": remarks}
    return _template().render({**facts, "style": style() + diagram.STYLE, "script": script, "digest": digest})


def style() -> Markup:
    """Return the CSS of the page."""
    return _text("html.css")


def copying() -> Markup:
    """Return the JavaScript that adds buttons to the commands on a page, which copy them."""
    return _text("copying.js")


def body(record: Record, heading: str) -> Markup:
    """Return the content of the page's body, under another heading and without pictures, which are large."""
    template = _template()
    facts = {**_facts(record, heading), "with_pictures": False}
    return Markup("".join(template.blocks["body"](template.new_context(facts))))


def transcript(requirement: RequirementResult) -> Markup:
    """Return the transcript of a requirement as HTML, without its picture."""
    return _rendered("transcript.jinja", {"each": requirement, "with_pictures": False})


def details(record: Record, id: str) -> Markup:
    """Return what the page shows of a requirement below its title, as HTML; long messages are shortened."""
    each = shortened_requirement(record.requirement(id), ROOM_FOR_ONE)
    facts = {"each": each, "step": record.step_of(each), "record": record, "replay": replay, "with_pictures": True}
    return _rendered("requirement.jinja", facts)


def environment(*folders: Path) -> Environment:
    """Return the Jinja environment for the templates in some folders, which may include those of this page.

    The values that they insert are shown as text.
    """
    made = Environment(
        loader=FileSystemLoader([*folders, FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["message"] = lambda event, limit=None: block(message(event), limit)
    made.filters["missing"] = missing
    made.filters["label"] = lambda event: printable(label(event))
    made.filters["measure"] = measure
    made.filters["block"] = block
    made.filters["value"] = value
    made.filters["hexadecimal"] = hexadecimal
    made.filters["folded"] = folded
    made.filters["ticked"] = _ticked
    made.filters["source"] = _source
    made.filters["markdown"] = _markdown
    made.filters["picture"] = _picture
    made.filters["right_picture"] = _right_picture
    made.tests["tall"] = _is_tall
    return made


def _picture(requirement: RequirementResult, record: Record) -> diagram.Picture:
    """Return the picture of a transcript, whose arrows lead to the list of its events."""
    step = record.step_of(requirement)
    return diagram.draw(
        requirement.transcript,
        deciding(requirement),
        program=step.program,
        prefix=f"r{requirement.id}-",
        is_client=step.is_client or None,
    )


def _right_picture(requirement: RequirementResult, record: Record) -> diagram.Picture:
    """Return the picture of what the solution does in the same check."""
    return diagram.draw(
        requirement.beside,
        counterpart(requirement),
        program="a right program",
        is_client=record.step_of(requirement).is_client or None,
        mark="right",
    )


@cache
def _environment() -> Environment:
    return environment()


def _template() -> Template:
    return _environment().get_template("html.jinja")


def _rendered(name: str, values: dict[str, Any]) -> Markup:
    """Return a template that is a part of the page."""
    return Markup(_environment().get_template(name).render(values))


@cache
def _text(name: str) -> Markup:
    return Markup((FOLDER / name).read_text("utf-8"))


def _facts(record: Record, heading: str) -> dict[str, Any]:
    programs: dict[str, list[ProgramResult]] = {}
    for each in record.programs:
        programs.setdefault(each.name, []).append(each)
    return {
        "record": record,
        "heading": heading,
        "sections": _sections(record),
        "counts": {outcome: len(record.of(outcome)) for outcome in Outcome},
        "first": next(iter(record.of(Outcome.FAILED)), None),
        "programs": programs,
        "names": NAMES,
        "signs": SIGNS,
        "cause": cause,
        "replay": replay,
        "provisional": provisional(record),
        "submitted_as": submitted_as(record),
        "remarks": (),
        "with_pictures": True,
    }


def _sections(record: Record) -> list[Section]:
    """Return the steps with selected requirements."""
    sections: list[Section] = []
    for step in record.steps:
        chosen = [each for each in record.requirements_of(step) if each.id in record.selected]
        if not chosen:
            continue
        groups = by_cause(chosen)
        before = next((each for each in reversed(sections) if each.groups), None)
        if before and len(groups) == 1 and len(by_cause([before.groups[-1][0], chosen[0]])) == 1:
            before.groups[-1] += chosen
            before.covers.append(step.number)
            groups = []
        sections.append(Section(step, chosen, groups))
    return sections


def _ticked(text: str) -> Markup:
    """Return a text in which what is between two backticks is code."""
    pieces = block(text).split("`")
    if len(pieces) % 2 == 0:
        return Markup("{}").format(block(text))
    return Markup("").join(
        Markup("<code>{}</code>" if place % 2 else "{}").format(piece) for place, piece in enumerate(pieces)
    )


def _source(line: str, until: int | None = None) -> str:
    """Return a line of a file as it is shown; with `until`, the blanks above which the columns before that one are."""
    shown = "\t".join(map(printable, line[: None if until is None else until - 1].split("\t")))
    return shown if until is None else re.sub(r"[^\t]", " ", shown)


def _is_tall(text: str) -> bool:
    """Return whether a text may need a box that scrolls, which has to be reachable with the keyboard, on a phone."""
    return text.count("\n") + len(text) // OF_A_PHONE >= MOST_LINES


def _markdown(text: str) -> Markup:
    """Return a text in Markdown as HTML; markup in it, images and links that do not lead to the web are text."""
    return Markup(_reader().render(block(text)))


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    # A section of the sheet begins with a heading of the second level, which is that of a step on the page.
    reader.core.ruler.push("below", _lower_headings)
    reader.core.ruler.push("aligned", _align_by_class)
    reader.validateLink = lambda url: bool(re.match(r"https?://", url))  # type: ignore[method-assign]
    return reader


def _align_by_class(state: Any) -> None:
    """Give the cells of a table classes instead of styles, which the policy of a page may forbid."""
    for token in state.tokens:
        if token.type in ("th_open", "td_open") and "style" in token.attrs:
            token.attrs["class"] = token.attrs.pop("style").removeprefix("text-align:")


def _lower_headings(state: Any) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
