"""GitLab: a pipeline that checks every push. Its test report is in JUnit format (`labcheck.reports.one.junit`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.platforms import ci

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.workbook.labs import Lab


def _pipeline(lab: Lab) -> dict[str, bytes]:
    return {".gitlab-ci.yml": ci.text("gitlab.yml", lab)}


def _next_steps(_: Lab, files: list[Path]) -> str:
    return (
        f"{files[0]}: keep it in a project of yours. In the students' projects, set Settings > CI/CD > General "
        "pipelines >\n"
        "CI/CD configuration file to .gitlab-ci.yml@GROUP/PROJECT. A copy in their projects works too, but students "
        "can change it."
    )


ci.register("gitlab", _pipeline, _next_steps)
