"""What is on the page before anything is checked: the sheet, and the requirements of each step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.judging.catalogue import read_suite
from labcheck.reports import diagram
from labcheck.reports.one import html
from labcheck.reports.wording import NAMES
from labcheck.student.page.entrance import HTML, TOP

if TYPE_CHECKING:
    from labcheck.student.page.entrance import File
    from labcheck.workbook.labs import Lab, ProgramSpec

FOLDER = Path(__file__).parent
STEP = re.compile(r"## Step (\d+):")


@dataclass(frozen=True)
class Section:
    """A section of the sheet, in Markdown, and the number of the step that it is about; 0 if it is about none."""

    step: int
    text: str


def files(lab: Lab, selected: tuple[str, ...], servers: list[ProgramSpec]) -> dict[str, File]:
    """Return the files of the page, by path: it can start these servers, and shows the selected requirements.

    Raises SuiteError if the suite cannot be read.
    """
    titles = {check.id: check.title for check in read_suite(lab)}
    steps = [(step, [id for id in step.requirements if id in selected]) for step in lab.steps]
    page = html.environment(FOLDER).get_template("page.html.jinja")
    text = page.render(
        lab=lab,
        steps=[(step, ids) for step, ids in steps if ids],
        titles=titles,
        sections=sections(lab),
        servers=servers,
        marks={outcome: f"{html.SIGNS[outcome]} {name}" for outcome, name in NAMES.items()} | {"": "· not checked"},
    )
    style = f"{html.style()}{diagram.STYLE}{(FOLDER / 'page.css').read_text('utf-8')}"
    script = f"{html.copying()}{(FOLDER / 'page.js').read_text('utf-8')}"
    return {
        TOP: (HTML, text.encode()),
        f"{TOP}page.css": ("text/css; charset=utf-8", style.encode()),
        f"{TOP}page.js": ("text/javascript; charset=utf-8", script.encode()),
    }


def sections(lab: Lab) -> list[Section]:
    """Return the sections of the lab sheet, without its title."""
    file = lab.starter / "README.md"
    pieces = re.split(r"^(?=## )", file.read_text("utf-8") if file.is_file() else "", flags=re.MULTILINE)
    pieces[0] = re.sub(r"\A\s*# .*\n", "", pieces[0])
    found = ((STEP.match(piece), piece) for piece in pieces if piece.strip())
    return [Section(int(step[1]) if step else 0, piece) for step, piece in found]
