"""Find the student's programs in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.submission.files import is_there

if TYPE_CHECKING:
    from labcheck.workbook.labs import Lab


def find_folder(lab: Lab, given: str | None) -> Path:
    """Return the folder with the student's programs.

    `given` is a folder or one of the lab's programs. If it is None, the usual places are searched.
    Raises UsageError if the folder has none of the lab's programs.
    """
    files = [program.file for program in lab.programs]
    if given is not None and Path(given).name in files and is_there(Path(given)):
        return Path(given).parent.resolve()  # if the file is a link, the folder of the link
    places = [Path(given)] if given is not None else [Path(lab.name), Path(), Path("labs") / lab.name]
    for place in places:
        if any(is_there(place / file) for file in files):
            return place.resolve()
        for file in files:
            if (place / file).is_symlink():
                target = (place / file).readlink()
                raise UsageError(f"{place / file} is a link to {target}, which does not exist; give the file itself")
    if given is None:
        raise UsageError(
            f"no {' or '.join(files)} in {lab.name}/, here or in labs/{lab.name}/; run `labcheck start {lab.name}` "
            f"to get the starter files, or give the folder: labcheck {lab.name} DIR"
        )
    place = places[0]
    if place.is_dir():
        raise UsageError(f"{given} contains no {' or '.join(files)}; give the folder that contains it")
    if place.exists():
        raise UsageError(f"{given} is a file; give the folder that contains {' or '.join(files)}")
    raise UsageError(f"folder {given} does not exist; give the folder that contains {' or '.join(files)}")


def is_packed(lab: Lab, place: Path) -> bool:
    """Return whether a path is a file to unpack: an archive, a notebook, or a program under another name."""
    return place.is_file() and place.name not in {program.file for program in lab.programs}
