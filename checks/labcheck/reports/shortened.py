"""Records with their long texts shortened, for pages that have to stay small. The record itself keeps everything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from labcheck.record.text import within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.record.record import Record, RequirementResult

# Characters kept of each message if all of them are too long: multiples of 4, because of base64.
OF_A_MESSAGE = (4096, 1024, 256)


def shortened(record: Record, room: int, stream: int) -> Record:
    """Return the record with about `room` characters of its transcripts, and `stream` of each program's output."""
    limit = _limit(record.requirements, room)
    return replace(
        record,
        programs=[
            replace(each, stdout=within(each.stdout, stream), stderr=within(each.stderr, stream))
            for each in record.programs
        ],
        requirements=[_cut(each, limit) for each in record.requirements],
    )


def shortened_requirement(requirement: RequirementResult, room: int) -> RequirementResult:
    """Return the requirement with about `room` characters of its transcript."""
    return _cut(requirement, _limit([requirement], room))


def _limit(requirements: Sequence[RequirementResult], room: int) -> int | None:
    """Return how many characters of each message to keep so that all fit into the room, if that is possible."""
    messages = [len(event["data"]) for each in requirements for event in each.transcript]
    if sum(messages) <= room:
        return None
    fitting = (limit for limit in OF_A_MESSAGE if sum(min(limit, each) for each in messages) <= room)
    return next(fitting, OF_A_MESSAGE[-1])


def _cut(requirement: RequirementResult, limit: int | None) -> RequirementResult:
    if limit is None or not requirement.transcript:
        return requirement
    events = [{**event, "data": event["data"][:limit]} for event in requirement.transcript]
    return replace(requirement, transcript=events)
