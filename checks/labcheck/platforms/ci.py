"""The files that a course needs to run labcheck in CI: workflows for GitHub and GitLab, an autograder for Gradescope.

These files run on repositories that students control, so all of them follow three rules:

- labcheck is installed outside the student's folder, from where the instructor says (see `sources`), and called by its
  full path. Nothing in the student's folder is imported or executed, except the student's programs, which labcheck
  starts in a sandbox. It may hold the wheel of labcheck: only the one with the hash in the script is installed, from a
  copy outside.
- No text that a person can enter becomes part of a shell script.
- The course with the lab, if it is not labcheck's own, is named in the script: no variable of the job can name another.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck import platforms
from labcheck.errors import UsageError
from labcheck.platforms import sources
from labcheck.workbook.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

    from labcheck.platforms.sources import Source
    from labcheck.workbook.labs import Lab

ACTIONS = {  # pinned to commits, because a tag can be moved
    "checkout": "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683  # v4.2.2",
    "setup-python": "actions/setup-python@0b93645e9fea7318ecaed2b359559ac225c90a2b  # v5.3.0",
    "upload-artifact": "actions/upload-artifact@b4b15b8c7c6ac21ea08fcf65892d2ee8f75cf882  # v4.4.3",
    "download-artifact": "actions/download-artifact@fa0a91b85d4f404e444e00e005971372dc801d16  # v4.1.8",
    "reporter": "classroom-resources/autograding-grading-reporter@d13b5912daf5042ac1b71bc38bdb4a6bcd61d8ca  # v1",
}
PYTHON = "3.12"
SHARDS = 4  # number of machines that grade a class


@dataclass(frozen=True)
class Ci:
    """What a platform needs to run labcheck: its files by path, and instructions for them in two or three lines."""

    files: Callable[[Lab, Source], dict[str, bytes]]
    next_steps: Callable[[Lab, list[Path]], str]


_known: dict[str, Ci] = {}


def register(
    name: str, files: Callable[[Lab, Source], dict[str, bytes]], next_steps: Callable[[Lab, list[Path]], str]
) -> None:
    """Register what a platform needs. `next_steps` gets the paths of the written files, in the order of `files`."""
    _known[name] = Ci(files, next_steps)


def names() -> list[str]:
    """Return the names of the platforms that labcheck can write files for."""
    platforms.load_all()
    return sorted(_known)


def write(name: str, lab: Lab, target: Path, source: str | None = None) -> list[Path]:
    """Write the files for a platform into a folder, and return their paths.

    They install labcheck from the source, a text with one of the forms in `sources`. By default this is a wheel of this
    labcheck, which is among the files.

    Raises UsageError if the platform is unknown, if labcheck cannot be installed from the source, if one of the files
    already exists (then none is written), or if a file cannot be written.
    """
    if name not in names():
        known = names()
        raise UsageError(f"unknown platform {name!r}.{nearest(name, known)} Platforms: {', '.join(known)}")
    files = {target / path: data for path, data in _known[name].files(lab, sources.find(source)).items()}
    for file in files:
        if os.path.lexists(file):
            raise UsageError(f"{file} already exists, so nothing was written; give another DIR")
    for file, data in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as new:
                new.write(data)
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}") from error
    return list(files)


def next_steps(name: str, lab: Lab, files: list[Path]) -> str:
    """Return instructions for the files that `write` has written, in two or three lines."""
    return _known[name].next_steps(lab, files)


def text(template: str, lab: Lab, source: Source, **more: object) -> bytes:
    """Return a file rendered from a template in `templates/`; the keyword arguments are passed to the template."""
    # Who controls a repository may control the variables of its jobs as well, and a course is code that labcheck runs.
    course = shlex.quote(str(lab.place.folder) if lab.place.is_course else "")
    known = {"lab": lab, "source": source, "course": course, "python": PYTHON, "shards": SHARDS, "uses": ACTIONS}
    return _environment().get_template(f"{template}.jinja").render(**known, **more).encode()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        # GitHub workflows use Jinja's default delimiters themselves.
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
