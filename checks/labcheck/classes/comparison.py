"""Compares graded classes: their results folders are read one after the other, and nothing is written into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.classes import report
from labcheck.classes.matching import identities
from labcheck.classes.register import Register
from labcheck.errors import UsageError
from labcheck.platforms.formats import find
from labcheck.record.comparison import ClassOf, Comparison
from labcheck.record.statistics import Statistics, percent_of
from labcheck.reports.files import write_reports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def compare(folders: Sequence[Path]) -> Comparison:
    """Compare the classes whose results are in these folders.

    Raises UsageError if a folder is given twice, or holds no class that can be read.
    """
    known: dict[Path, Path] = {}
    for folder in folders:
        other = known.setdefault(folder.resolve(), folder)
        if other is not folder:
            raise UsageError(f"{folder} is the same folder as {other}; give different folders to compare")
    return Comparison.of([_class_of(folder) for folder in folders])


def write(found: Comparison, files: Mapping[str, str]) -> None:
    """Write a comparison in each format to its file, or to `-`. Raises UsageError if one cannot be written."""
    write_reports({file: find("comparison", name).render(found) for name, file in files.items()})


def _class_of(folder: Path) -> ClassOf:
    gradebook = report.load(folder, Register.load(folder).gradebook())
    return ClassOf(
        str(folder),
        gradebook.lab,
        gradebook.title,
        tuple(sorted({entry.record.labcheck for entry in gradebook.entries if entry.record})),
        Statistics.of(gradebook),
        tuple((identities(entry.person), percent_of(gradebook, entry)) for entry in gradebook.entries if entry.person),
    )
