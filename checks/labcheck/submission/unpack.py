"""Unpack a submission into a folder with the student's programs.

A notebook is only read, never run: its files are the contents of the cells that begin with `%%writefile`.
"""

from __future__ import annotations

import io
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import RefusedError
from labcheck.submission.archive import ARCHIVES, NOT_PLAIN, Target, extract, is_archive
from labcheck.submission.files import regular_files
from labcheck.submission.limits import MAX_BYTES, SUBMISSION
from labcheck.submission.names import listed, safe_parts, shown, tamed_parts
from labcheck.submission.notebook import WRITEFILE
from labcheck.submission.programs import choose, choose_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.submission.limits import Limits
    from labcheck.submission.names import Parts
    from labcheck.submission.programs import Chosen
    from labcheck.workbook.labs import Lab

MAX_BRACKETS = 200_000  # in a notebook: each becomes an object of a few hundred bytes
PROGRAMS = (".py", ".py.txt")  # an editor or a browser may add .txt
OTHER_ARCHIVES = (".rar", ".7z")


def unpack(name: str, data: bytes, folder: Path, lab: Lab, limits: Limits = SUBMISSION) -> Chosen:
    """Unpack a submission into a new, empty folder, and return the folder inside it that contains the lab's programs.

    `name` is the original name of the file. Raises RefusedError.
    """
    ending, is_program = Path(name).suffix.lower(), name.lower().endswith(PROGRAMS)
    if ending not in (*ARCHIVES, ".ipynb") and not is_program:
        advice = f"; pack it as .zip instead of {ending}" if ending in OTHER_ARCHIVES else ""
        raise RefusedError(f"{shown(name)} is not a .zip, .tar.gz, .py or .ipynb file{advice}")
    target = Target(folder, limits)
    if ending in ARCHIVES or is_archive(data[:512]):
        extract(io.BytesIO(data), target)
        return _in_archive(folder, target, lab)
    if is_program:
        target.write(tamed_parts(name)[-1:], [data])
        chosen = choose(folder, lab)
        if chosen is None and (only := choose_only(folder, lab)):
            chosen = replace(only, note="")  # often its name is that of the student
        files = [program.file for program in lab.programs]
        one = f"is not {files[0]}; give it this name"
        problem = one if len(files) == 1 else f"is not one of {', '.join(files)}; give it one of these names"
        problem = f"{shown(name)} {problem}"
    else:
        _write_cells(data, (), target)
        chosen, problem = choose(folder, lab), _missing(folder, lab)
    if chosen is None:
        raise RefusedError(problem)
    return chosen


def _in_archive(folder: Path, target: Target, lab: Lab) -> Chosen:
    """Return the folder with the programs of an archive. They may be in an archive or a notebook inside it."""
    if chosen := choose(folder, lab):
        unused = [file for file in _files(folder, *ARCHIVES, ".ipynb") if _may_be_newer(file, chosen.folder, lab)]
        note = f"did not use {_names(unused, folder)} beside the programs" if unused else ""
        return replace(chosen, note="; ".join(filter(None, [chosen.note, note])))
    _unpack_inner(folder, target)
    if chosen := choose(folder, lab):
        return chosen
    _write_only_notebook(folder, target)
    if chosen := choose(folder, lab) or choose_only(folder, lab):
        return chosen
    raise RefusedError(_missing(folder, lab))


def _may_be_newer(file: Path, chosen: Path, lab: Lab) -> bool:
    """Return whether an archive or a notebook may hold other versions of the programs that were found beside it."""
    if not chosen.is_relative_to(file.parent):
        return False  # one among the files of the program, or of another folder
    if file.suffix.lower() != ".ipynb":
        return True
    try:
        written = _written_files(file.read_bytes())
    except RefusedError:
        return False
    for program in lab.programs:
        text, there = written.get((program.file,)), chosen / program.file
        if text is not None and not (there.is_file() and text.encode("utf-8", "surrogatepass") == there.read_bytes()):
            return True
    return False


def _unpack_inner(folder: Path, target: Target) -> None:
    """Put a folder with the contents in the place of each archive inside the archive, within the same limits."""
    for file in _files(folder, *ARCHIVES):
        inner, place = file.read_bytes(), file.relative_to(folder)
        file.unlink()
        try:
            extract(io.BytesIO(inner), target, place.parts)
        except RefusedError as error:
            raise RefusedError(f"{shown(place.as_posix())} in it cannot be unpacked: {error}") from error


def _missing(folder: Path, lab: Lab) -> str:
    """Return the reason for refusing a submission without any program."""
    files = [program.file for program in lab.programs]
    missing = f"it contains no {files[0]}" if len(files) == 1 else f"it contains none of {', '.join(files)}"
    if wrong := _files(folder, NOT_PLAIN):
        return f"{missing}, but {_names(wrong, folder)}; submit the file itself"
    if packed := _files(folder, *OTHER_ARCHIVES):
        return f"{missing}, and {_names(packed, folder)} is not unpacked; pack the lab's files as .zip"
    if packed := _files(folder, *ARCHIVES):
        return f"{missing}, and {_names(packed, folder)} is packed twice; submit one .zip with the lab's files"
    return f"{missing}; submit the folder with {'this file' if len(files) == 1 else 'these files'}"


def _files(folder: Path, *endings: str) -> list[Path]:
    return [path for path, _ in regular_files(folder) if path.suffix.lower() in endings]


def _names(files: Sequence[Path], folder: Path) -> str:
    return listed(shown(path.relative_to(folder).as_posix()) for path in files)


def _write_only_notebook(folder: Path, target: Target) -> None:
    """Write the files of the notebook, if there is one: it was submitted instead of programs."""
    notebooks = _files(folder, ".ipynb")
    if len(notebooks) > 1:
        raise RefusedError(
            f"it contains {len(notebooks)} notebooks and no program: {_names(notebooks, folder)}; submit only one"
        )
    for notebook in notebooks:
        _write_cells(notebook.read_bytes(), notebook.parent.relative_to(folder).parts, target)


def _write_cells(data: bytes, place: Parts, target: Target) -> None:
    """Write the files that a notebook's cells would write."""
    files = _written_files(data)
    if not files:
        raise RefusedError("the notebook writes no file; begin a cell with %%writefile and the name of the program")
    for parts, text in files.items():
        target.write((*place, *parts), [text.encode("utf-8", "surrogatepass")])


def _written_files(data: bytes) -> dict[Parts, str]:
    """Return the files that a notebook's cells with `%%writefile` or `%%file` would write. Raises RefusedError."""
    files: dict[Parts, str] = {}
    for source in _cells(data):
        first, _, body = source.lstrip().partition("\n")
        if not (magic := WRITEFILE.fullmatch(first.strip())):
            continue
        parts, appends = _written(magic[1])
        files[parts] = (files.get(parts, "") if appends else "") + body + ("" if body.endswith("\n") else "\n")
    return files


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
