"""A page about a class for its instructor: one file that needs no network and runs only its own script.

All data of students is shown as text. The page of each student is packed into the file and shown in a frame that cannot
run scripts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from labcheck.record.statistics import Statistics, histogram
from labcheck.record.text import printable
from labcheck.reports.clusters import suspicion, tallies
from labcheck.reports.one import html
from labcheck.reports.shortened import shortened, shortened_requirement
from labcheck.reports.wording import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jinja2 import Template

    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.record import Outcome, Record, RequirementResult
    from labcheck.record.statistics import Spread

# Limits that keep the file for a thousand students small enough to open. The results hold everything.
ROOM = 24 * 1024  # characters of one student's transcripts that are kept whole
OF_A_STREAM = 3_000  # characters of a program's output
OF_A_CLUSTER = 6 * 1024  # characters of the transcript for equal answers
CLUSTERS = 10  # shown for one requirement
SLOWEST = 5  # gradings listed
LEVEL = 6  # of the compression

CELLS: dict[Outcome | None, str] = {  # with ARIA roles, because a table with another CSS display loses its own
    **{outcome: f"<td role=cell class={outcome[0]}>{name}" for outcome, name in NAMES.items()},
    None: "<td role=cell>",
}


def pack(record: Record, name: str) -> str:
    """Return the page of one student, packed for the page of the class."""
    page = html.body(shortened(record, ROOM, OF_A_STREAM), printable(name))
    return base64.b64encode(zlib.compress(page.encode("utf-8", "backslashreplace"), LEVEL)).decode()


def render(gradebook: Gradebook, packed: Mapping[str, str], similar: str = "") -> str:
    """Return the page of a class; `packed` maps the keys of entries to what `pack` has returned.

    `similar` says in words which similar programs are in copies.html, if any.
    """
    keys = [key for key in dict.fromkeys(entry.key for entry in gradebook.entries if entry.record) if key in packed]
    pages = {key: place for place, key in enumerate(keys)}
    places = {id(entry): place for place, entry in enumerate(gradebook.entries, start=1)}
    graded = [(entry, entry.record) for entry in gradebook.entries if entry.record and entry.measured is not None]
    records = [record for _, record in graded]
    found = tallies(gradebook)
    statistics = Statistics.of(gradebook)
    script = _script()
    return _template().render(
        gradebook=gradebook,
        statistics=statistics,
        passing={each.id: each for each in statistics.requirements},
        spreads=_spreads(statistics, gradebook.max_score),
        facts=_facts(records),
        times=histogram([record.seconds for record in records]),
        slowest=sorted(graded, key=lambda each: -each[1].seconds)[:SLOWEST],
        verdicts=_verdicts(records),
        tallies=[(each, found[each.id]) for each in gradebook.requirements],
        suspicions=[(each, why) for each in gradebook.requirements if (why := suspicion(found[each.id]))],
        most_clusters=CLUSTERS,
        similar=similar,
        rows=Markup(
            "\n".join(_row(gradebook, entry, pages, place) for place, entry in enumerate(gradebook.entries, 1))
        ),
        link=lambda entry: _name(entry, pages, places[id(entry)]),
        style=html.style(),
        script=script,
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        # The escape ensures that no text can close the script element.
        data=Markup(
            json.dumps({"style": html.style(), "pages": [packed[key] for key in keys]}).replace("<", "\\u003c")
        ),
    )


def _spreads(statistics: Statistics, most: float) -> list[tuple[str, Spread, dict[str, float]]]:
    """Return the scores of the class and of its sections, each with its places on an axis.

    The axis goes from 0 to the possible points, or to the highest score if that is more.
    """
    end = max(most, statistics.scores.highest or 0)
    rows = [("Everybody", statistics.scores), *statistics.sections]
    return [(name, spread, spread.places(end)) for name, spread in rows if spread.count]


def _facts(records: Iterable[Record]) -> list[tuple[str, str]]:
    """Return when the class was graded, and with which versions and protection."""
    started = sorted(record.started for record in records)
    days = list(dict.fromkeys(each.replace("T", " ").replace("Z", " UTC") for each in (started[:1] + started[-1:])))
    known = [
        ("graded", " to ".join(days)),
        ("labcheck", ", ".join(sorted({record.labcheck for record in records}))),
        ("protection", ", ".join(sorted({record.sandbox for record in records}))),
        ("Python", ", ".join(sorted({record.python for record in records}))),
    ]
    return [(name, text) for name, text in known if text]


def _verdicts(records: Iterable[Record]) -> dict[str, list[tuple[str, int]]]:
    """Return for each program how many submissions had each verdict in at least one start."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for name, verdict in dict.fromkeys((program.name, program.verdict) for program in record.programs):
            counts[name][verdict] += 1
    return {name: counter.most_common() for name, counter in counts.items()}


def _row(gradebook: Gradebook, entry: Entry, pages: Mapping[str, int], place: int) -> str:
    """Return the row of an entry. It is made without Jinja, because there are tens of thousands of cells."""
    record = entry.record
    outcomes = {each.id: each.outcome for each in record.requirements} if record else {}
    remark = f"<small>{escape(printable(entry.about))}</small>" if entry.about else ""
    marks = {
        "problem": entry.is_a_problem,
        "open": entry.is_open,
        "excused": entry.is_excused,
        "nothing": entry.submitted_nothing,
    }
    words = " ".join(name for name, is_so in marks.items() if is_so)
    kind = f' class="{words}"' if words else ""
    if record and entry.measured is not None:
        kind += f" data-seconds={record.seconds}"
    if entry.person and (listed := entry.person.listed) != entry.name:
        kind += f' data-listed="{escape(printable(listed))}"'
    cells = [
        f"<tr role=row{kind}><th scope=row role=rowheader>{_name(entry, pages, place)}{remark}",
        CELLS[None] if entry.score is None else f"<td role=cell>{entry.score}",
        *(CELLS[outcomes.get(each.id)] for each in gradebook.requirements),
        f"<td role=cell>{record.seconds:.1f}" if record else CELLS[None],
        f"<td role=cell class=long>{escape(_programs(record))}" if record else CELLS[None],
    ]
    if gradebook.with_people:
        cells.append(f"<td role=cell class=long>{escape(printable(entry.submission))}")
    return "".join([*cells, "</tr>"])


def _name(entry: Entry, pages: Mapping[str, int], place: int) -> Markup:
    """Return the name of an entry, as a link to the student's page if there is one."""
    name = printable(entry.name)
    if entry.record is None or entry.key not in pages:
        return escape(name)
    return Markup('<a href="#student-{}" data-page="{}">{}</a>').format(place, pages[entry.key], name)


def _programs(record: Record) -> str:
    """Summarize what happened to the programs."""
    verdicts = list(dict.fromkeys((each.name, each.verdict) for each in record.programs))
    several = len({name for name, _ in verdicts}) > 1
    told = [(name, verdict) for name, verdict in verdicts if verdict != "ready"] or [("", "ready")][: len(verdicts)]
    return printable(", ".join(f"{name}: {verdict}" if several and name else verdict for name, verdict in told))


def _transcript(requirement: RequirementResult) -> Markup:
    return html.transcript(shortened_requirement(requirement, OF_A_CLUSTER))


@cache
def _template() -> Template:
    environment = html.environment(Path(__file__).parent)
    environment.filters["printable"] = printable
    environment.filters["transcript"] = _transcript
    return environment.get_template("class_page.html.jinja")


@cache
def _script() -> Markup:
    template = _template()
    values: dict[str, Any] = {}
    return Markup("".join(template.blocks["script"](template.new_context(values))))
