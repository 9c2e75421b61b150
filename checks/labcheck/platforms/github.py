"""GitHub Classroom: lines for $GITHUB_OUTPUT, which its reporter reads.

Each requirement is a separate runner with one test, so that the points agree with the number of passed tests. A step
with the id `labcheck` appends these lines to $GITHUB_OUTPUT. The reporter follows it, with
`runners: ${{ steps.labcheck.outputs.runners }}` and, for each requirement, a variable such as
`R1_1_RESULTS: ${{ steps.labcheck.outputs.r1_1 }}`.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

from labcheck.platforms import ci
from labcheck.platforms.downloads import Part, by_hand, guess
from labcheck.platforms.rosters import columns
from labcheck.record.text import within
from labcheck.reports.formats import one
from labcheck.reports.wording import TEST_STATUS, block, explanation, heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from labcheck.platforms.sources import Source
    from labcheck.record.record import Record, RequirementResult
    from labcheck.workbook.labs import Lab

# Characters of a text. Linux does not start a program with a variable of 128 KiB, or with much more than 2 MB in total.
MESSAGE = 2000
AGAIN = re.compile(r"-(\d+)$")  # a number that GitHub Classroom appends if the repository already exists


@guess
def read_clones(entries: Sequence[Path]) -> Iterator[Part]:
    """Read `lab1-ada`, a clone of a GitHub Classroom repository: the assignment and the user's name.

    Both may contain dashes, so it is unknown where one ends and the other begins: every common prefix that ends with a
    dash may be the assignment's name. A second repository of the same user has a number at its end.
    """
    folders = [entry for entry in entries if entry.is_dir()]
    if len(folders) < 2 and not any((folder / ".git").exists() for folder in folders):
        return
    starts = [folders[0].name[: dash.end()] for dash in re.finditer("-", folders[0].name)]
    starts = [start for start in starts if all(folder.name.startswith(start) for folder in folders)]
    for folder in folders if starts else ():
        users = [folder.name.removeprefix(start) for start in starts]
        clues = [*by_hand(folder.name), *(("github", user) for user in users)]
        again = AGAIN.search(folder.name)
        if again:
            clues += [
                ("github again", user[: again.start() - len(folder.name)]) for user in users if AGAIN.search(user)
            ]
        yield Part(folder, folder.name, (tuple(clues),), version=(int(again[1]) if again else 0,))


@one("lines for $GITHUB_OUTPUT, read by GitHub Classroom's reporter")
def render(record: Record) -> str:
    """Return a line with the result of each requirement, and a line with the names of the runners."""
    lines = [f"{runner(each.id)}={_encoded(_result(record, each))}" for each in record.requirements]
    return "\n".join([*lines, f"runners={','.join(runner(each.id) for each in record.requirements)}", ""])


def runner(id: str) -> str:
    """Return the id of a requirement's runner, such as `r1_1` for 1.1. It has no hyphen."""
    return f"r{id.replace('.', '_')}"


def variable(runner: str) -> str:
    """Return the name of the variable from which the reporter reads a runner's result, such as `R1_1_RESULTS`."""
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
    """Return the text without runner commands: the reporter prints the text, and reports points with a command."""
    return re.sub(":(?=:)", ": ", text).replace("##[", "## [")


def _encoded(table: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(table, ensure_ascii=False).encode()).decode("ascii")


def _workflows(lab: Lab, source: Source) -> dict[str, bytes]:
    runners = {runner(id): variable(runner(id)) for id in lab.requirements}
    return {
        "student/.github/workflows/labcheck.yml": ci.text("student.yml", lab, source, runners=runners),
        **source.files("student/.github/labcheck"),
        "instructor/.github/workflows/grade.yml": ci.text("instructor.yml", lab, source),
        **source.files("instructor/.github/labcheck"),
    }


def _next_steps(_: Lab, files: list[Path]) -> str:
    half = len(files) // 2  # the students' files, then the instructor's
    student, instructor = (" and ".join(map(str, part)) for part in (files[:half], files[half:]))
    return (
        f"{student}: commit to the students' template repository, in the same folders below .github\n"
        f"{instructor}: commit to a private repository of yours, in the same way, with a folder `submissions` and, if "
        "you have a class list, class.csv\n"
        "Students can change what is in their repositories, so take the grades from your own."
    )


ci.register("github", _workflows, _next_steps)
columns(github="githubusername")
