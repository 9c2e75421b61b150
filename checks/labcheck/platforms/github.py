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

from labcheck.platforms import ci
from labcheck.platforms.downloads import by_neighbours
from labcheck.platforms.rosters import columns
from labcheck.record.text import within
from labcheck.reports.formats import one
from labcheck.reports.wording import TEST_STATUS, block, explanation, heading

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from labcheck.platforms.downloads import Clue
    from labcheck.record.record import Record, RequirementResult
    from labcheck.workbook.labs import Lab

# Characters of a text. Linux starts no program with a variable of 128 KiB, or with much more than 2 MB in all.
MESSAGE = 2000


@by_neighbours
def read_clones(entries: list[Path]) -> dict[Path, list[Clue]]:
    """Read `lab1-ada`, a clone of GitHub Classroom: the assignment, and the user's name.

    Where one ends and the other begins cannot be known, as both may have dashes: all that is the same in front of a
    dash may be the assignment's name.
    """
    folders = [entry for entry in entries if entry.is_dir()]
    if len(folders) < 2 and not any((folder / ".git").exists() for folder in folders):
        return {}
    starts = [folders[0].name[: dash.end()] for dash in re.finditer("-", folders[0].name)]
    starts = [start for start in starts if all(folder.name.startswith(start) for folder in folders)]
    return {folder: [("github", folder.name.removeprefix(start)) for start in starts] for folder in folders}


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
    status = TEST_STATUS[requirement.outcome]
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


def _workflows(lab: Lab) -> dict[str, bytes]:
    runners = {runner(id): variable(runner(id)) for id in lab.requirements}
    return {
        "student/.github/workflows/labcheck.yml": ci.text("student.yml", lab, runners=runners),
        "instructor/.github/workflows/grade.yml": ci.text("instructor.yml", lab),
    }


def _next_steps(_: Lab, files: list[Path]) -> str:
    student, instructor = files
    return (
        f"{student}: goes into the repository that students start from, at .github/workflows/{student.name}\n"
        f"{instructor}: goes into a private repository of yours, with a folder `submissions` and, to know who is "
        "who, class.csv\n"
        "A student can change the file in their own repository: grades that count come from yours."
    )


ci.register("github", _workflows, _next_steps)
columns(github="githubusername")
