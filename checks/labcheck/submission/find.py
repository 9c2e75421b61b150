"""A student's work, found in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from labcheck.workbook.labs import Lab


def find_folder(lab: Lab, given: str | None) -> Path:
    """Return the folder with the student's programs: the one given, that of the program given, or the usual places.

    Raises UsageError where it has none of the lab's programs.
    """
    files = [program.file for program in lab.programs]
    if given is not None and Path(given).name in files and Path(given).is_file():
        return Path(given).resolve().parent
    places = [Path(given)] if given is not None else [Path(lab.name), Path(), Path("labs") / lab.name]
    for place in places:
        if any((place / file).is_file() for file in files):
            return place.resolve()
    if given is None:
        raise UsageError(
            f"there is no {' or '.join(files)} here, nor in {lab.name}/; "
            f"`labcheck start {lab.name}` makes the folder, or name it: labcheck {lab.name} DIR"
        )
    place = places[0]
    if place.is_dir():
        raise UsageError(f"{given} has no {' or '.join(files)}; give the folder that holds it")
    if place.exists():
        raise UsageError(f"{given} is a file; give the folder that holds {' or '.join(files)}")
    raise UsageError(f"there is no folder {given}")


def is_packed(lab: Lab, place: Path) -> bool:
    """Return whether a place is a file that was handed in: an archive, a notebook, a program under another name."""
    return place.is_file() and place.name not in {program.file for program in lab.programs}
