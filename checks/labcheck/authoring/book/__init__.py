"""The tutorial as a static site, made with Sphinx: sheets, executed walkthroughs and, behind a click, solutions."""

from __future__ import annotations

import inspect
import io
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from labcheck import suite
from labcheck.errors import SuiteError, UsageError
from labcheck.judging import fixtures
from labcheck.submission.files import copy_new, regular_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.workbook.labs import Lab

HERE = Path(__file__).parent
MARK = ".labcheck-book"  # in a book's folder: the files that belong to it, one a line
NEEDED = ("furo", "myst_nb", "nbclient", "ipykernel", "sphinx_copybutton", "sphinx_design")


@dataclass(frozen=True)
class Chapter:
    """A lab in the book: its title is the sheet's; `files` are those of its solution, with the lexer of each."""

    lab: Lab
    title: str
    files: tuple[tuple[str, str], ...]


def build(labs: Sequence[Lab], target: Path) -> None:
    """Make the book of these labs in a folder that is new or empty, or holds an earlier one.

    Nothing is changed there before the whole book is made. Raises UsageError where the folder holds
    anything else, and SuiteError where a walkthrough fails or a sheet refers to what is not there.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f"a book needs {missing[0]}, which is not installed; pip install 'labcheck[book]' gets it")
    earlier = _earlier(target)
    with tempfile.TemporaryDirectory(prefix="labcheck-") as folder:
        place = Path(folder).resolve()
        for part in ("source", "site", "run"):
            (place / part).mkdir()
        chapters = [_write_source(lab, place) for lab in labs]
        _write("index.md", place / "source" / "index.md", chapters=chapters)
        _write("api.md", place / "source" / "api.md", names=_names(), fixtures=_fixtures())
        _render(chapters, place / "source", place / "site")
        _move(place / "site", target, earlier)


def _earlier(target: Path) -> list[Path]:
    """Return the files of the earlier book in a folder. Raises UsageError where the folder is no place for a book."""
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file; name a folder for the book")
    try:
        target.mkdir(parents=True, exist_ok=True)
        if (target / MARK).is_file():
            names = (target / MARK).read_text("utf-8").splitlines()
            return [target / name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()]
        if any(target.iterdir()):
            raise UsageError(f"{target} is not empty and holds no book; name a new folder, nothing there was changed")
    except OSError as error:
        raise UsageError(f"no book can be made in {target}: {error.strerror}") from error
    if not os.access(target, os.W_OK):
        raise UsageError(f"no book can be made in {target}: it may not be written to")
    return []


def _write_source(lab: Lab, place: Path) -> Chapter:
    """Write what Sphinx makes a lab's pages of, laid out as in a student's folder, so that relative links hold."""
    import nbformat

    from labcheck.authoring.book.execute import execute

    folder = place / "source" / lab.name
    for _ in copy_new(lab.starter, folder):
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
        print(f"{lab.name}: the walkthrough is executed", flush=True)
        nbformat.write(execute(lab, place / "run"), folder / lab.notebook.name)  # type: ignore[no-untyped-call]
    return chapter


def _lexer(file: Path) -> str:
    from pygments.lexers import get_lexer_for_filename  # type: ignore[import-untyped]

    return str(get_lexer_for_filename(file.name).aliases[0])


def _write(template: str, to: Path, **values: object) -> None:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    pages = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)
    to.write_text(pages.get_template(f"{template}.jinja").render(**values), "utf-8")


def _render(chapters: Sequence[Chapter], source: Path, site: Path) -> None:
    """Let Sphinx make the site; whatever it has to complain of is a fault of a lab."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    print("the pages are made", flush=True)
    told = io.StringIO()
    pages = ["index.md", "api.md", *(f"{each.lab.name}/{name}" for each in chapters for name in _pages(each.lab))]
    context = {"labs": {each.lab.name: each.lab for each in chapters}}
    settings = {"include_patterns": pages, "html_context": context}
    with patch_docutils(HERE), docutils_namespace():
        Sphinx(source, HERE, site, source.parent / "doctrees", "html", settings, status=None, warning=told).build()
    if complaints := re.sub(r"\x1b\[[\d;]*m", "", told.getvalue()).replace(f"{source}/", "").strip():
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
    """Put the site in the place of the earlier one, and leave alone what is not of it."""
    files = sorted(relative.as_posix() for _, relative in regular_files(site))
    others = [target / name for name in files if (target / name).exists() and target / name not in earlier]
    if others:
        raise UsageError(f"{others[0]} is there already and is of no earlier book; nothing was written over it")
    for file in earlier:
        file.unlink(missing_ok=True)
    shutil.copytree(site, target, dirs_exist_ok=True)
    (target / MARK).write_text("\n".join(files) + "\n", "utf-8")
    for parent in sorted({file.parent for file in earlier} - {target}, reverse=True):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
