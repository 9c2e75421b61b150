"""What an author still has to do in a lab: the lines with TODO(author), which `labcheck new` leaves in its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.workbook.labs import Lab

MARK = "TODO(author)"
SUFFIXES = {".md", ".py", ".toml"}


def todos(lab: Lab) -> Iterator[str]:
    """Yield the lines of a lab's sheet, starter, solution and suite that have the mark, each with its file and number.

    A file's path is relative to the folder of the course.
    """
    for folder in (lab.starter, lab.solution, lab.suite):
        for file in sorted(folder.rglob("*")):
            if file.suffix not in SUFFIXES or not file.is_file():
                continue
            for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), start=1):
                _, mark, text = line.partition(MARK)
                if mark:
                    where = file.relative_to(folder.parent.parent).as_posix()
                    yield f"{where}:{number}: {text.lstrip(': ').strip()}"
