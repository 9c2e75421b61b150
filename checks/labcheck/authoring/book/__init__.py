"""Build the book: a static website, made with Sphinx, of the sheets, the executed walkthroughs and the solutions."""

from __future__ import annotations

import inspect
import io
import os
import re
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from labcheck import suite
from labcheck.errors import SuiteError, UsageError
from labcheck.judging import fixtures
from labcheck.sandbox.scratch import scratch
from labcheck.submission.files import copy_new, regular_files, starter_files
from labcheck.workbook import extras, wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.workbook.labs import Lab

HERE = Path(__file__).parent
MARK = ".labcheck-book"  # in a book's folder: lists the files of the book, one per line
NEEDED = ("furo", "myst_nb", "nbclient", "ipykernel", "sphinx_copybutton", "sphinx_design")


@dataclass(frozen=True)
class Chapter:
    """A lab in the book, with the title of its sheet. `files` are the solution's files, each with its lexer."""

    lab: Lab
    title: str
    files: tuple[tuple[str, str], ...]


def build(labs: Sequence[Lab], target: Path) -> None:
    """Build the book of the given labs in a folder that is new, empty, or contains an earlier book.

    Nothing in the folder is changed until the whole book is finished. Raises UsageError if the folder contains anything
    else, and SuiteError if a walkthrough fails or a link in a sheet is broken.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f"the book needs {missing[0]}, which is not installed; run: {extras.command('book')}")
    earlier = _earlier(target)
    with scratch() as place:
        for part in ("source", "site", "run"):
            (place / part).mkdir()
        chapters = [_write_source(lab, place) for lab in labs]
        (place / "source" / wheel.NAME).write_bytes(wheel.assemble().data)
        _write("index.md", place / "source" / "index.md", chapters=chapters, wheel=wheel.NAME)
        _write("api.md", place / "source" / "api.md", names=_names(), fixtures=_fixtures())
        _render(chapters, place / "source", place / "site")
        _move(place / "site", target, earlier)


def _earlier(target: Path) -> list[Path]:
    """Return the files of the earlier book in a folder. Raises UsageError if the folder cannot be used for a book."""
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file; give a folder for the book")
    try:
        target.mkdir(parents=True, exist_ok=True)
        if (target / MARK).is_file():
            names = (target / MARK).read_text("utf-8").splitlines()
            return [target / name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()]
        if any(target.iterdir()):
            raise UsageError(f"{target} is not empty and contains no book; give a new folder (nothing was changed)")
    except OSError as error:
        raise UsageError(f"cannot write a book to {target}: {error.strerror}") from error
    if not os.access(target, os.W_OK):
        raise UsageError(f"cannot write a book to {target}: no write permission")
    return []


def _write_source(lab: Lab, place: Path) -> Chapter:
    """Write Sphinx's source files for a lab, laid out as in a student's folder, so that relative links work."""
    import nbformat

    from labcheck.authoring.book.execute import execute

    folder = place / "source" / lab.name
    for _ in copy_new(starter_files(lab), folder):
        pass
    files = []
    for file, relative in regular_files(lab.solution):
        to = place / "source" / f"{lab.name}-solution" / relative
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
        files.append((relative.as_posix(), _lexer(relative)))
    title = (folder / "README.md").read_text("utf-8").splitlines()[0].removeprefix("# ")
    chapter = Chapter(lab, title, tuple(files))
    _write("solution.md", folder / "solution.md", chapter=chapter)
    if lab.notebook is not None:
        print(f"{lab.name}: running the walkthrough", flush=True)
        nbformat.write(execute(lab, place / "run"), folder / lab.notebook.name)  # type: ignore[no-untyped-call]
    return chapter


def _lexer(file: Path) -> str:
    from pygments.lexers import find_lexer_class_for_filename  # type: ignore[import-untyped]

    lexer = find_lexer_class_for_filename(file.name)
    return str(lexer.aliases[0]) if lexer else "text"  # a log, for example, has no language of its own


def _write(template: str, to: Path, **values: object) -> None:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    pages = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)
    to.write_text(pages.get_template(f"{template}.jinja").render(**values), "utf-8")


def _render(chapters: Sequence[Chapter], source: Path, site: Path) -> None:
    """Build the site with Sphinx. Any warning is an error in a lab: raises SuiteError."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    print("building the pages", flush=True)
    warnings = io.StringIO()
    pages = ["index.md", "api.md", *(f"{each.lab.name}/{name}" for each in chapters for name in _pages(each.lab))]
    context = {"labs": {each.lab.name: each.lab for each in chapters}}
    settings = {"include_patterns": pages, "html_context": context}
    with patch_docutils(HERE), docutils_namespace():
        Sphinx(source, HERE, site, source.parent / "doctrees", "html", settings, status=None, warning=warnings).build()
    if complaints := re.sub(r"\x1b\[[\d;]*m", "", warnings.getvalue()).replace(f"{source}/", "").strip():
        raise SuiteError(complaints.splitlines()[0])
    for left in (".buildinfo", "objects.inv"):
        (site / left).unlink(missing_ok=True)


def _names() -> dict[str, list[str]]:
    """Return the functions and classes that a suite may import; its constants are in the template."""
    functions = [name for name in suite.__all__ if inspect.isfunction(getattr(suite, name))]
    return {"function": functions, "class": [name for name in suite.__all__ if inspect.isclass(getattr(suite, name))]}


def _fixtures() -> dict[str, str]:
    """Return what a check may have as arguments: the names of fixtures, and what each of them is."""
    return {
        name: " ".join(inspect.cleandoc(value.__doc__ or "").split())
        for name, value in vars(fixtures).items()
        if "fixture" in type(value).__name__.lower() or hasattr(value, "_pytestfixturefunction")
    }


def _pages(lab: Lab) -> list[str]:
    return ["README.md", *([lab.notebook.name] if lab.notebook else []), "solution.md"]


def _move(site: Path, target: Path, earlier: Sequence[Path]) -> None:
    """Replace the earlier site by the new one. Files that are not part of the earlier site are not touched."""
    files = sorted(relative.as_posix() for _, relative in regular_files(site))
    others = [target / name for name in files if (target / name).exists() and target / name not in earlier]
    if others:
        raise UsageError(f"{others[0]} exists and is not part of the earlier book; move it, or give another DIR")
    for file in earlier:
        file.unlink(missing_ok=True)
    shutil.copytree(site, target, dirs_exist_ok=True)
    (target / MARK).write_text("\n".join(files) + "\n", "utf-8")
    for parent in sorted({file.parent for file in earlier} - {target}, reverse=True):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
