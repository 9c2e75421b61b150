"""Find the student's programs in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.submission.files import is_there
from labcheck.submission.limits import MAX_FILES
from labcheck.submission.programs import has_programs, is_for

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
    places = [Path(given)] if given is not None else usual_places(lab)
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


def find_packed(lab: Lab, given: str | None) -> Path | None:
    """Return what is unpacked before it is checked; None if the programs are where `find_folder` finds them.

    It is an archive, a notebook, a program under another name, or a folder in which the programs have other names or
    are further inside. Of these, a class's submissions are taken in the same way.
    """
    files = [program.file for program in lab.programs]
    if given is None:
        places = usual_places(lab)
        if any(is_there(place / file) for place in places for file in files):
            return None
        return next((place for place in places if _has_renamed(lab, place)), None)
    place = Path(given)
    if place.is_file():
        return None if place.name in files else place
    if not place.is_dir() or any(is_there(place / file) or (place / file).is_symlink() for file in files):
        return None
    return place if has_programs(place, lab, MAX_FILES) else None


def usual_places(lab: Lab) -> list[Path]:
    """Return the folders in which the programs of a lab are looked for, the first ones first."""
    return [Path(lab.name), Path(), Path("labs") / lab.name]


def _has_renamed(lab: Lab, place: Path) -> bool:
    """Return whether a folder itself has a program under another name."""
    return place.is_dir() and any(is_for(file.name, lab) for file in place.iterdir() if file.is_file())
