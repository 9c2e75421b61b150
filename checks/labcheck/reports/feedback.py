"""What a student gets back: a page and a text about their own work, with the points that count.

Neither says anything about another student, nor where on the grading machine something was.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labcheck.record.record import Outcome
from labcheck.record.text import printable, without_places
from labcheck.reports import terminal
from labcheck.reports.one import html

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.record import Record, RequirementResult

OPEN = "could not be checked"


@dataclass(frozen=True)
class Feedback:
    """A student's feedback: whose it is, for which lab, and the remarks.

    The record is without what is only the instructor's. It is None if nothing was checked: the remarks say why.
    """

    name: str
    lab: str
    record: Record | None
    remarks: tuple[str, ...]

    def page(self) -> str:
        """Return it as a page for the browser; it needs no network."""
        heading = f"{self.lab} · {printable(self.name)}"
        if self.record is None:
            template = html.environment(Path(__file__).parent).get_template("feedback.html.jinja")
            return template.render(heading=heading, remarks=self.remarks, style=html.style())
        return html.page(self.record, heading, self.remarks)

    def text(self) -> str:
        """Return it as plain text."""
        report = io.StringIO()
        if self.record is None:
            report.write(f"{self.lab}\n")
        else:
            terminal.write(self.record, report)
        return "\n".join([printable(self.name), *map(printable, self.remarks), "", report.getvalue()])


def feedback(gradebook: Gradebook, entry: Entry, record: Record | None) -> Feedback:
    """Return the feedback for an entry, with its complete record; without one, see `is_told`."""
    shown = None if record is None else _for_students(record)
    title = f"{gradebook.lab} · {gradebook.title}"
    return Feedback(entry.name, title, shown, tuple(_remarks(gradebook, entry, record)))


def is_told(entry: Entry) -> bool:
    """Return whether there is something to tell a student about whose work nothing was measured.

    It is so if the submission cannot be graded, or if the instructor has decided something.
    """
    return entry.record is None and not entry.is_open and (bool(entry.key and entry.told) or entry.override is not None)


def _remarks(gradebook: Gradebook, entry: Entry, record: Record | None) -> Iterator[str]:
    if entry.override is not None:
        yield f"decided: {entry.override}"
    points, possible = gradebook.points(entry), gradebook.points_possible
    measured = None if record is None else (record.score, record.max_score)
    if points is not None and (points, possible) != measured:
        rule = f" ({gradebook.rule})" if gradebook.rule else ""
        yield f"points that count: {points:g} of {possible:g}{rule}"
    if entry.told:
        yield f"note: {entry.told}"
    if entry.submission not in ("", entry.name):
        yield f"submission: {entry.submission}"


def _for_students(record: Record) -> Record:
    """Return the record without places on the grading machine, and without the name of the submission.

    Equal submissions share a record, and the name is that of the one that was graded.
    """
    return replace(
        record,
        submission="",
        programs=[
            replace(each, stdout=without_places(each.stdout), stderr=without_places(each.stderr))
            for each in record.programs
        ],
        requirements=list(map(_shown, record.requirements)),
    )


def _shown(requirement: RequirementResult) -> RequirementResult:
    # The reason for an error may be the message of any exception, in a check of the instructor's own too.
    reason = OPEN if requirement.outcome is Outcome.ERROR else without_places(requirement.reason)
    transcript = [_event(event) for event in requirement.transcript]
    return replace(requirement, reason=reason, received=without_places(requirement.received), transcript=transcript)


def _event(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without places; its size is that of what is left, so that nothing seems to be missing."""
    data = event["data"]
    if event["encoding"] != "utf-8" or (shown := without_places(data)) == data:
        return event
    return {**event, "data": shown, "size": event["size"] - len(data.encode()) + len(shown.encode())}
