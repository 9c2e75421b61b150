"""Unpack a submission into a folder with the student's programs.

A notebook is only read, never run: its files are the contents of the cells that begin with `%%writefile`.
"""

from __future__ import annotations

import io
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError
from labcheck.submission.archive import ARCHIVES, Target, extract, is_archive, safe_parts, shown
from labcheck.submission.limits import MAX_BYTES, SUBMISSION
from labcheck.submission.notebook import WRITEFILE

if TYPE_CHECKING:
    from labcheck.submission.archive import Parts
    from labcheck.workbook.labs import Lab

MAX_BRACKETS = 200_000  # in a notebook: each becomes an object of a few hundred bytes
COPY = re.compile(r"(-\d+|_\d+| ?\(\d+\))+(?=\.py$)")  # webserver-1.py, webserver_2.py, webserver (3).py


def unpack(name: str, data: bytes, folder: Path, lab: Lab) -> Path:
    """Unpack a submission into a new, empty folder, and return the folder that contains the lab's programs.

    `name` is the original name of the file. Raises RefusedError.
    """
    ending = Path(name).suffix.lower()
    if ending not in (*ARCHIVES, ".py", ".ipynb"):
        raise RefusedError(f"{shown(name)} is not a .zip, .tar.gz, .py or .ipynb file")
    target = Target(folder, SUBMISSION)
    if ending in ARCHIVES or is_archive(data[:512]):
        extract(io.BytesIO(data), target)
        _name_copies(folder, lab)
        if not _program_folders(folder, lab):
            _write_only_notebook(folder, target)
    elif ending == ".py":
        target.write((_program_file(name, lab),), [data])
    else:
        _write_cells(data, (), target)
    return _only_folder(folder, lab)


def _program_file(name: str, lab: Lab) -> str:
    """Return which of the lab's programs a file is, ignoring what copying adds to a name, such as `(1)`."""
    files = [program.file for program in lab.programs]
    plain = COPY.sub("", name)
    if name in files or len(files) == 1:
        return name if name in files else files[0]
    if plain not in files:
        raise RefusedError(f"{shown(name)} is not one of {', '.join(files)}; give it one of these names")
    return plain


def _name_copies(folder: Path, lab: Lab) -> None:
    """Rename a program that has a copy's name, such as `webserver-1.py`, if the folder has only one such copy."""
    for parent, _, names in os.walk(folder):
        for program in lab.programs:
            copies = [name for name in names if COPY.sub("", name) == program.file]
            path = Path(parent, program.file)
            if not path.exists() and len(copies) == 1:
                Path(parent, copies[0]).rename(path)


def _program_folders(folder: Path, lab: Lab) -> list[tuple[int, int, Path]]:
    """Return the folders with programs as (depth, minus the number of programs, path), sorted with the best first."""
    found = []
    for parent, _, _ in os.walk(folder):
        here = Path(parent)
        programs = sum((here / program.file).is_file() for program in lab.programs)
        if programs:
            found.append((len(here.relative_to(folder).parts), -programs, here))
    return sorted(found)


def _only_folder(folder: Path, lab: Lab) -> Path:
    found = _program_folders(folder, lab)
    files = [program.file for program in lab.programs]
    if not found:
        if len(files) == 1:
            raise RefusedError(f"it contains no {files[0]}; submit the folder with this file")
        raise RefusedError(f"it contains none of {', '.join(files)}; submit the folder with these files")
    equals = [each.relative_to(folder) for *rank, each in found if rank == list(found[0][:2])]
    if len(equals) > 1:
        held = next(file for file in files if (folder / equals[0] / file).is_file())
        names = f"{shown(str(equals[0]))}/ and {shown(str(equals[1]))}/"
        raise RefusedError(
            f"it contains {'two' if len(equals) == 2 else len(equals)} folders with {held}: {names}"
            f"{' ...' if len(equals) > 2 else ''}; submit only one"
        )
    return found[0][2]


def _write_only_notebook(folder: Path, target: Target) -> None:
    """Write the files of the notebook, if there is one: it was submitted instead of programs."""
    notebooks = sorted(Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    notebooks = [path for path in notebooks if path.suffix.lower() == ".ipynb"]
    if len(notebooks) > 1:
        names = " and ".join(shown(path.relative_to(folder).as_posix()) for path in notebooks[:2])
        raise RefusedError(f"it contains {len(notebooks)} notebooks and no program: {names}; submit only one")
    for notebook in notebooks:
        _write_cells(notebook.read_bytes(), notebook.parent.relative_to(folder).parts, target)


def _write_cells(data: bytes, place: Parts, target: Target) -> None:
    """Write the files that a notebook's cells with `%%writefile` or `%%file` would write."""
    files: dict[Parts, str] = {}
    for source in _cells(data):
        first, _, body = source.lstrip().partition("\n")
        if not (magic := WRITEFILE.fullmatch(first.strip())):
            continue
        parts, appends = _written(magic[1])
        files[parts] = (files.get(parts, "") if appends else "") + body + ("" if body.endswith("\n") else "\n")
    if not files:
        raise RefusedError("the notebook writes no file; begin a cell with %%writefile and the name of the program")
    for parts, text in files.items():
        target.write((*place, *parts), [text.encode("utf-8", "surrogatepass")])


def _cells(data: bytes) -> list[str]:
    if len(data) > MAX_BYTES or data.count(b"{") + data.count(b"[") > MAX_BRACKETS:
        raise RefusedError("the notebook is too large; clear its outputs and save it again")
    import nbformat

    try:
        # This is nbformat.reads() without the validation, which does not look at the text of the cells.
        found = nbformat.reader.reads(data.decode("utf-8-sig"))  # type: ignore[no-untyped-call]
        notebook = nbformat.convert(found, 4)  # type: ignore[no-untyped-call]
        return [str(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    except Exception as error:  # it accepts JSON of any shape as a notebook, and can raise almost anything
        raise RefusedError("the notebook cannot be read; save it again in Jupyter as .ipynb") from error


def _written(words: str) -> tuple[Parts, bool]:
    """Return the file that `%%writefile` names, and whether it appends to that file."""
    try:
        given = shlex.split(words, posix=False)
    except ValueError:
        given = []
    names = [word.strip("'\"") for word in given if word not in ("-a", "--append")]
    parts = safe_parts(names[0]) if len(names) == 1 else ()
    if not parts:
        raise RefusedError(f"the notebook has a cell with %%writefile {shown(words)}; give one file name there")
    return parts, len(given) > 1
