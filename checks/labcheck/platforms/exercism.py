"""Exercism's results.json, version 3: a test for each requirement.

A step is a task. The format has no points, so a test's name includes them if they are not 1.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from labcheck.record.record import Outcome
from labcheck.reports.formats import one
from labcheck.reports.wording import EXPLAINED, TEST_STATUS, block, explanation, heading, message, summary

if TYPE_CHECKING:
    from typing import Any

    from labcheck.record.record import Record, RequirementResult

OUTPUT = 500  # characters of the student program's output
ROOTS = "home|root|usr|opt|tmp|var|private|Users|Library|mnt|srv|nix"
MACHINE_PATHS = (
    re.compile(r'(?<=File ")(?:/|[A-Za-z]:\\)[^"\n]*[/\\]'),
    re.compile(rf"""(?<![\w.:/-])(?:/(?:{ROOTS})|[A-Za-z]:)[/\\](?:[^\s"'<>/\\]+[/\\])*"""),
)


@one("Exercism's results.json, version 3: a test for each requirement")
def render(record: Record) -> str:
    """Return the record as results.json.

    The status is `error` if no selected requirement passed or failed, for example because the time was used up. If a
    program does not start, its first requirement fails and says why.
    """
    tests = [_test(record, each) for each in record.requirements]
    table: dict[str, Any] = {"version": 3}
    if record.of(Outcome.PASSED, Outcome.FAILED):
        table["status"] = "pass" if all(test["status"] == "pass" for test in tests) else "fail"
    else:
        reasons = dict.fromkeys(each.reason for each in record.of(Outcome.ERROR, Outcome.NOT_RUN))
        table |= {"status": "error", "message": _clean("\n".join([summary(record), *reasons]))}
    return json.dumps({**table, "tests": tests}, ensure_ascii=False, indent=1) + "\n"


def _test(record: Record, requirement: RequirementResult) -> dict[str, Any]:
    points = "" if requirement.points == 1 else f" ({requirement.points} points)"
    test: dict[str, Any] = {"name": heading(requirement) + points, "status": TEST_STATUS[requirement.outcome]}
    if requirement.outcome is not Outcome.PASSED:
        test["message"] = _clean(explanation(record, requirement)) or "fails"
    if printed := _printed(record, requirement):
        test["output"] = _clean(printed, OUTPUT)
    # There is no test code that a student could read, so show how to repeat the check by hand.
    test["test_code"] = _clean(requirement.by_hand or requirement.title)
    test["task_id"] = record.step_of(requirement).number
    return test


def _printed(record: Record, requirement: RequirementResult) -> str:
    """Return what a program printed during a check. If unknown, its first requirement gets the whole output."""
    if printed := [message(event) for event in requirement.transcript if event["kind"] == "printed"]:
        return "\n".join(printed)
    programs = record.programs_of(requirement)[:1]
    return "\n".join(
        text
        for program in programs
        if requirement.id == record.first_of(program.name).id
        for text in (program.stdout, program.stderr)
        if text
    )


def _clean(text: str, limit: int = EXPLAINED) -> str:
    """Return a readable text of up to `limit` characters, without paths of this machine."""
    for path in MACHINE_PATHS:
        text = path.sub("", text)
    return block(text, limit)
