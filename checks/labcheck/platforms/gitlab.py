"""GitLab: a pipeline that checks every push. Its test report is in JUnit format (`labcheck.reports.one.junit`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.platforms import ci

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.platforms.sources import Source
    from labcheck.workbook.labs import Lab


def _pipeline(lab: Lab, source: Source) -> dict[str, bytes]:
    return {".gitlab-ci.yml": ci.text("gitlab.yml", lab, source), **source.files(".gitlab/labcheck")}


def _next_steps(_: Lab, files: list[Path]) -> str:
    pipeline, *wheels = files
    lines = [
        f"{pipeline}: commit to a project of yours. In the students' projects, set Settings > CI/CD > General "
        "pipelines > CI/CD configuration file to .gitlab-ci.yml@GROUP/PROJECT.",
        *(
            f"{wheel}: commit to the project that the students start from, in .gitlab/labcheck. The pipeline installs "
            "no other file in its place."
            for wheel in wheels
        ),
        "A copy of the pipeline in the students' projects works too, but they can change it.",
    ]
    return "\n".join(lines)


ci.register("gitlab", _pipeline, _next_steps)
