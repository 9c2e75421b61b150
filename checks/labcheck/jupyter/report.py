"""The report of `%labcheck`: the text of the terminal report, and the same as HTML with foldable transcripts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from labcheck.jupyter import fragment
from labcheck.record.record import Outcome
from labcheck.reports import terminal
from labcheck.reports.wording import (
    COMMANDS,
    EXCHANGED,
    NAMES,
    block,
    by_cause,
    cause,
    facts,
    message,
    missing,
    provisional,
    summary,
)

if TYPE_CHECKING:
    from labcheck.record.record import Record, RequirementResult

VALUE = 4_000  # characters of a value
MESSAGE = 2_000  # characters of a message
MOST_EVENTS = 40  # events of a transcript


class Report:
    """The record of a run, for display in a notebook."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def __repr__(self) -> str:
        text = io.StringIO()
        terminal.write(self.record, text)
        return text.getvalue().rstrip("\n")

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return fragment.bundle(
            repr(self),
            "report.jinja",
            record=self.record,
            steps=self._steps(),
            summary=summary(self.record),
            provisional=provisional(self.record),
            marks=NAMES,
            cause=cause,
            commands=COMMANDS,
            facts=self._facts,
            shortened=_shortened,
            limit=VALUE,
            most=MOST_EVENTS,
        )

    def _steps(self) -> list[tuple[Any, list[list[RequirementResult]]]]:
        """Return the steps with their selected requirements; those not run for the same reason form one group."""
        found = []
        for step in self.record.steps:
            chosen = [each for each in self.record.requirements_of(step) if each.id in self.record.selected]
            if chosen:
                found.append((step, by_cause(chosen)))
        return found

    def _facts(self, requirement: RequirementResult) -> list[tuple[str, str]]:
        """Return the facts about a requirement, except those about the exchange, which is in the transcript."""
        found = facts(self.record, requirement)
        if requirement.outcome is Outcome.PASSED:
            found = [("by hand", requirement.by_hand)]
        return [(name, text) for name, text in found if text and name not in EXCHANGED]


def _shortened(event: dict[str, Any]) -> str:
    more = f"\n… {missing(event):,} more bytes were not kept" if missing(event) > 0 else ""
    return block(message(event), MESSAGE) + more
