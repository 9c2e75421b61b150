"""What a student gets back: a page and a text about their own work, with the points that count.

Neither says anything about another student, nor where on the grading machine something was.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
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
    """A student's feedback: whose it is, the record without what is only the instructor's, and the remarks."""

    name: str
    record: Record
    remarks: tuple[str, ...]

    def page(self) -> str:
        """Return it as a page for the browser; it needs no network."""
        return html.page(self.record, f"{self.record.lab} · {self.record.title} · {printable(self.name)}", self.remarks)

    def text(self) -> str:
        """Return it as plain text."""
        report = io.StringIO()
        terminal.write(self.record, report)
        return "\n".join([printable(self.name), *map(printable, self.remarks), "", report.getvalue()])


def feedback(gradebook: Gradebook, entry: Entry, record: Record) -> Feedback:
    """Return the feedback for an entry, with its complete record."""
    return Feedback(entry.name, _for_students(record), tuple(_remarks(gradebook, entry, record)))


def _remarks(gradebook: Gradebook, entry: Entry, record: Record) -> Iterator[str]:
    if entry.override is not None:
        yield f"decided: {entry.override}"
    points, possible = gradebook.points(entry), gradebook.points_possible
    if points is not None and (points, possible) != (record.score, record.max_score):
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
