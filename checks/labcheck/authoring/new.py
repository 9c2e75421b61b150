"""A new lab in a course of one's own: a small one that `labcheck verify` accepts, to be changed step by step.

A form is a folder in `templates/`: the program (the starter and the solution in one), its sheet, check and wrong
variants. What an author should replace is marked with TODO(author), see `authoring.todo`.
"""

from __future__ import annotations

import contextlib
import keyword
import os
import tomllib
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.workbook.labs import lab_names
from labcheck.workbook.places import COURSE, SETTINGS, course, given_folder, own, places

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from jinja2 import Environment

FIRST_PORT = 8101
MODULE = '"""The checks of {}."""\n'


@dataclass(frozen=True)
class Form:
    """What a new lab begins with: the kind of its program, in the words of lab.toml, and the program's name."""

    kind: str
    program: str


FORMS = {  # by the name of the folder in templates/
    "http": Form("http server", "server"),
    "websocket": Form("websocket server", "server"),
    "mixed": Form("mixed server", "server"),
    "lines": Form("lines server", "server"),
    "client": Form("lines client", "client"),
}


@dataclass(frozen=True)
class NewLab:
    """A lab that was written: the folder of its course, and its files, relative to that folder."""

    course: Path
    files: tuple[Path, ...]


def create(name: str, form: str, commands: Collection[str]) -> NewLab:
    """Write a new lab into the current course, which is made if its folder is missing or empty.

    `form` is a key of FORMS; `commands` are names that a lab cannot have. Raises UsageError if there is no current
    course, if the name cannot be used, or if a file cannot be written. Nothing is overwritten.
    """
    folder = given_folder()
    if folder is None:
        raise UsageError(
            f"new needs the folder of your course, which may be a new one: add --course DIR, or set {COURSE}"
        )
    is_course = _is_course(folder)
    _expect_free(name, folder, commands, known=lab_names() if is_course else own().lab_names())
    files = {} if is_course else {SETTINGS: f"title = {_quoted(folder.name or 'My course')}\n"}
    if not (folder / "suites" / "__init__.py").exists():
        files["suites/__init__.py"] = MODULE.format("the labs, a folder for each")
    files |= _files(name, form, _free_port() if is_course else FIRST_PORT)
    return NewLab(folder, tuple(_write(folder, files)))


def _is_course(folder: Path) -> bool:
    """Return whether a folder is a course; False: it is missing or empty. Raises UsageError for any other folder."""
    try:
        if not any(not entry.name.startswith(".") for entry in folder.iterdir()):  # it may have a .git
            return False
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(f"cannot read the folder {folder}: {error.strerror}") from error
    return course() is not None


def _expect_free(name: str, folder: Path, commands: Collection[str], known: Collection[str]) -> None:
    """Raise UsageError if a lab of the course cannot have this name."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot be the name of a lab: use letters, digits and _, with a letter first")
    if name in commands:
        raise UsageError(f"{name!r} is a command of labcheck; give the lab another name")
    if name in known:
        raise UsageError(f"there is a lab {name!r} already; give the new one another name")
    for place in ("labs", "solutions", "suites"):
        if os.path.lexists(folder / place / name):
            raise UsageError(f"{folder / place / name} exists, and is not overwritten; give the lab another name")


def _free_port() -> int:
    """Return a usual port that no lab has. A lab.toml that cannot be read is the subject of `verify`."""
    taken = set()
    for place in places():
        for file in place.folder.glob("labs/*/lab.toml"):
            with contextlib.suppress(OSError, ValueError):
                taken.add(tomllib.loads(file.read_text("utf-8")).get("port"))
    return next(port for port in count(FIRST_PORT) if port not in taken)


def _files(name: str, form: str, port: int) -> dict[str, str]:
    """Return the files of a new lab: their paths in the course, and their texts."""
    chosen = FORMS[form]
    templates = _templates()
    values = {"lab": name, "title": name.replace("_", " ").strip().capitalize() or name, "port": port}
    values |= {"kind": chosen.kind, "program": chosen.program}

    def text(template: str, **more: object) -> str:
        return templates.get_template(f"{template}.jinja").render(**values, **more)

    return {
        f"labs/{name}/README.md": text(f"{form}/README.md"),
        f"labs/{name}/lab.toml": text("lab.toml"),
        f"labs/{name}/{chosen.program}.py": text(f"{form}/program.py", starter=True),
        f"solutions/{name}/{chosen.program}.py": text(f"{form}/program.py", starter=False),
        f"suites/{name}/__init__.py": MODULE.format(name),
        f"suites/{name}/test_1_greeting.py": text(f"{form}/test_1_greeting.py"),
        f"suites/{name}/wrong.toml": text(f"{form}/wrong.toml"),
    }


def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Python, Markdown and TOML
    )


def _quoted(text: str) -> str:
    """Return a text as a basic string of TOML."""
    shown = "".join(each if each.isprintable() else "?" for each in text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write(folder: Path, files: dict[str, str]) -> Iterator[Path]:
    """Write files that do not exist, and yield their paths. Raises UsageError if one exists or cannot be written."""
    for name, text in files.items():
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}") from error
        yield Path(name)
