"""What a course needs to have labcheck run elsewhere: workflows for GitHub and GitLab, an autograder for Gradescope.

What these files have in common, as students bring the repository that they run on:

- labcheck is installed at one version, outside of the student's folder, and called by its full path. Nothing of that
  folder is imported, installed or executed but the student's programs, which labcheck starts confined.
- Nothing that a person can type reaches a shell as text.
"""

from __future__ import annotations

import io
import os
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.version import __version__
from labcheck.workbook.labs import nearest

if TYPE_CHECKING:
    from jinja2 import Environment

    from labcheck.workbook.labs import Lab

KINDS = ("github", "gitlab", "gradescope")
ACTIONS = {  # by commits, which nobody can move
    "checkout": "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683  # v4.2.2",
    "setup-python": "actions/setup-python@0b93645e9fea7318ecaed2b359559ac225c90a2b  # v5.3.0",
    "upload-artifact": "actions/upload-artifact@b4b15b8c7c6ac21ea08fcf65892d2ee8f75cf882  # v4.4.3",
    "download-artifact": "actions/download-artifact@fa0a91b85d4f404e444e00e005971372dc801d16  # v4.1.8",
    # No commit of its own is known for sure; the template asks the course to pin it.
    "reporter": "classroom-resources/autograding-grading-reporter@v1",
}
PYTHON = "3.12"
SHARDS = 4  # machines that grade a class


def write(kind: str, lab: Lab, target: Path) -> list[Path]:
    """Write what a kind of course needs into a folder, and return the files.

    Raises UsageError where there is no such kind, where one of the files is there already (none is written then),
    or where one cannot be written.
    """
    if kind not in KINDS:
        raise UsageError(f"there is nothing for {kind!r}{nearest(kind, KINDS)}; there is: {', '.join(KINDS)}")
    files = {target / name: data for name, data in _files(kind, lab).items()}
    for file in files:
        if os.path.lexists(file):
            raise UsageError(f"{file} is there already, and nothing was written; name another DIR")
    for file, data in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as new:
                new.write(data)
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}") from error
    return list(files)


def next_steps(kind: str, lab: Lab, paths: list[Path]) -> str:
    """Return what to do with the files that `write` has made, in two or three lines."""
    if kind == "github":
        student, instructor = paths
        return (
            f"{student}: goes into the repository that students start from, at .github/workflows/{student.name}\n"
            f"{instructor}: goes into a private repository of yours, with a folder `submissions` and, to know who is "
            "who, class.csv\n"
            "A student can change the file in their own repository: grades that count come from yours."
        )
    if kind == "gitlab":
        return (
            f"{paths[0]}: keep it in a project of yours, and in the students' projects set Settings > CI/CD > General "
            "pipelines >\n"
            "CI/CD configuration file to .gitlab-ci.yml@GROUP/PROJECT. A copy in their projects works, too, but they "
            "can change it."
        )
    return (
        f"{paths[0]}: upload it under Configure Autograder of a programming assignment; the base image is Ubuntu 22.04 "
        "or later.\n"
        f"Then try `Test Autograder` twice: with the solution (labcheck solution {lab.name}), and with the starter."
    )


def _files(kind: str, lab: Lab) -> dict[str, bytes]:
    """Return the files of a kind, by their path."""
    if kind == "github":
        return {
            "student/.github/workflows/labcheck.yml": _text("student.yml", lab),
            "instructor/.github/workflows/grade.yml": _text("instructor.yml", lab),
        }
    if kind == "gitlab":
        return {".gitlab-ci.yml": _text("gitlab.yml", lab)}
    scripts = {name: _text(name, lab) for name in ("setup.sh", "run_autograder")}
    return {f"{lab.name}-gradescope.zip": _executables(scripts)}


def _text(name: str, lab: Lab) -> bytes:
    from labcheck.platforms.github import runner, variable

    return (
        _environment()
        .get_template(f"{name}.jinja")
        .render(
            lab=lab,
            version=__version__,
            python=PYTHON,
            shards=SHARDS,
            uses=ACTIONS,
            runners={runner(id): variable(runner(id)) for id in lab.requirements},
        )
        .encode()
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        # Jinja's own delimiters are GitHub's, too.
        variable_start_string="[=",
        variable_end_string="=]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _executables(files: dict[str, bytes]) -> bytes:
    """Return a zip of executable files: the same bytes for the same files, on every machine and day."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, whose modes are in the upper half of the attributes
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, data)
    return packed.getvalue()
