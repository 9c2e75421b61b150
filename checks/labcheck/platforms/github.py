"""GitHub Classroom: lines for $GITHUB_OUTPUT, for the reporter of points.

Each requirement is a runner of its own, with one test: so its points, and the number of tests that are passed, say
the same. A step with the id `labcheck` that appends these lines to $GITHUB_OUTPUT is followed by the reporter, with
`runners: ${{ steps.labcheck.outputs.runners }}` and, for each requirement, a variable such as
`R1_1_RESULTS: ${{ steps.labcheck.outputs.r1_1 }}`.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

from labcheck.record.record import Outcome
from labcheck.reports.formats import one
from labcheck.reports.wording import block, explanation, heading, within

if TYPE_CHECKING:
    from typing import Any

    from labcheck.record.record import Record, RequirementResult

# Characters of a text. Linux starts no program with a variable of 128 KiB, or with much more than 2 MB in all.
MESSAGE = 2000
STATUS = {Outcome.PASSED: "pass", Outcome.FAILED: "fail", Outcome.NOT_RUN: "fail", Outcome.ERROR: "error"}


@one("GitHub Classroom: lines for $GITHUB_OUTPUT, for the reporter of points")
def render(record: Record) -> str:
    """Return a line for each requirement's result, and one that names the runners."""
    lines = [f"{runner(each.id)}={_encoded(_result(record, each))}" for each in record.requirements]
    return "\n".join([*lines, f"runners={','.join(runner(each.id) for each in record.requirements)}", ""])


def runner(id: str) -> str:
    """Return the id of a requirement's runner, without a hyphen: `r1_1` for 1.1."""
    return f"r{id.replace('.', '_')}"


def variable(runner: str) -> str:
    """Return the name of the variable in which the reporter looks for a runner's result: `R1_1_RESULTS`."""
    return f"{runner.upper()}_RESULTS"


def _result(record: Record, requirement: RequirementResult) -> dict[str, Any]:
    status = STATUS[requirement.outcome]
    message = _no_commands(explanation(record, requirement, MESSAGE))
    test = {
        "name": _no_commands(within(heading(requirement), MESSAGE)),
        "status": status,
        "score": requirement.earned,
        "message": message,
        "test_code": _no_commands(block(requirement.by_hand, MESSAGE)),
        "filename": "",
        "line_no": 0,
        "execution_time": f"{requirement.seconds:.3f}s",
    }
    result = {"version": 1, "status": status, "max_score": requirement.points, "tests": [test]}
    return {**result, "message": message} if status == "error" else result


def _no_commands(text: str) -> str:
    """Return the text without what a runner takes for a command: the reporter prints it, and sends points by one."""
    return re.sub(":(?=:)", ": ", text).replace("##[", "## [")


def _encoded(table: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(table, ensure_ascii=False).encode()).decode("ascii")
