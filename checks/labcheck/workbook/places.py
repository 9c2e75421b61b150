"""Where labs are: in labcheck itself (a wheel or a checkout), and in a course of one's own.

A course is a folder with `labs/`, `solutions/`, `suites/` and, if it likes, `notebooks/` and a `labcheck.toml`:

    title = "Networks, autumn 2026"
    feedback = "https://networks.example/feedback"  # after the last lab, the student is asked for it

`--course DIR` or the variable LABCHECK_COURSE names it. It is never found by looking around: its suites are run as
labcheck's own, and a student's repository must not bring any along.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labcheck.errors import SuiteError, UsageError

PACKAGE = Path(__file__).resolve().parents[1]  # the folder of the labcheck package
COURSE = "LABCHECK_COURSE"
SETTINGS = "labcheck.toml"
KEYS = ("title", "feedback")  # of the settings
LINK = re.compile(r"(https?://[^\s/]+|mailto:[^\s@]+@[^\s@]+)\S*", re.IGNORECASE)
OWN_TITLE = "Network programming in Python"  # of labcheck's own labs, where a course needs a title
LAB_FILE = "lab.toml"  # makes a folder in labs/ a lab
FOLDERS = ("labs", "solutions", "suites", "notebooks")


@dataclass(frozen=True)
class Place:
    """A place with labs.

    - `folder` holds labs/, solutions/ and notebooks/; `suites` holds the checks, a folder for each lab.
    - `package`: the import package that `suites` is.
    - `title`: the name of the course; empty for labcheck's own labs.
    - `feedback`: where the course asks its students for feedback, a link; empty if it does not.
    """

    folder: Path
    suites: Path
    package: str
    title: str = ""
    feedback: str = ""

    @property
    def is_course(self) -> bool:
        """Whether it is a course of one's own."""
        return bool(self.title)

    def lab_names(self) -> list[str]:
        """Return the names of its labs, sorted."""
        return sorted(path.parent.name for path in self.folder.glob(f"labs/*/{LAB_FILE}"))


def root() -> Path:
    """Return the folder that contains labcheck's own labs/, solutions/ and notebooks/: in the wheel or the checkout."""
    installed = PACKAGE / "_workbook"
    return installed if installed.is_dir() else PACKAGE.parent.parent


def own() -> Place:
    """Return the place of labcheck's own labs."""
    return Place(root(), PACKAGE / "suites", "labcheck.suites")


def given_folder() -> Path | None:
    """Return the folder of a course of one's own, if one is given; it may still be missing."""
    given = os.environ.get(COURSE)
    return Path(given).absolute() if given else None


def course() -> Place | None:
    """Return the course of one's own, if there is one.

    Raises UsageError if its folder is not a course, and SuiteError if its labcheck.toml is not valid.
    """
    folder = given_folder()
    if folder is None:
        return None
    if not (folder / "labs").is_dir():
        raise UsageError(
            f"{os.environ[COURSE]} is no course: it has no folder labs; give the folder with labs, solutions and "
            f"suites (--course or {COURSE}), or make one with `labcheck new`"
        )
    return Place(folder, folder / "suites", "suites", *_settings(folder))


def main_place() -> Place:
    """Return where the labs are that are meant if none is named: the course of one's own, if there is one."""
    return course() or own()


def places() -> list[Place]:
    """Return all places with labs; if two of them have a lab of the same name, the first one counts."""
    mine = course()
    return [own()] if mine is None else [mine, own()]


def _settings(folder: Path) -> tuple[str, str]:
    """Return the title of a course, by default the name of its folder, and its link for feedback, by default ""."""
    file = folder / SETTINGS
    try:
        table = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except (OSError, ValueError) as error:
        raise SuiteError(f"{file} cannot be read: {error}") from error
    for name in table:
        if name not in KEYS:
            raise SuiteError(f"{file}: unknown key {name!r}; known: {', '.join(KEYS)}")
    title = table.get("title", folder.name)
    if not isinstance(title, str) or not title.strip():
        raise SuiteError(f"{file}: title is {title!r}; expected a text")
    return " ".join(title.split()), _link(table.get("feedback", ""), file)


def _link(link: Any, file: Path) -> str:
    """Return the link for feedback. Raises SuiteError for anything that is no link to a page or an address for mail."""
    if link != "" and not (isinstance(link, str) and link.isprintable() and LINK.fullmatch(link)):
        raise SuiteError(
            f"{file}: feedback is {link!r}; expected a link with http, https or mailto, such as https://example.org/form"
        )
    return str(link)
