"""All report formats: those in `labcheck.reports`, and those of the platforms."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from labcheck import platforms, reports
from labcheck.reports.formats import FORMATS, Format, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable


def formats(kind: Kind) -> list[Format]:
    """Return the formats for one submission, for a class, or for several, sorted by name."""
    for name in (*_reports(kind), *platforms.modules()):
        _load(kind, name)
    return [FORMATS[key] for key in sorted(FORMATS) if key[0] == kind]


def names(kind: Kind, words: Iterable[str]) -> list[str]:
    """Return the names of the formats that the words of a command line may request. No other platform is imported."""
    said = {word[2:].partition("=")[0].replace("-", "_") for word in words if word.startswith("--")}
    for name in said:
        _load(kind, name)
    return [*_reports(kind), *sorted(name for name in said if (kind, name) in FORMATS and name not in _reports(kind))]


def option(name: str) -> str:
    """Return the option of the command line for a format."""
    return f"--{name.replace('_', '-')}"


def find(kind: Kind, name: str) -> Format:
    """Return the format with the given name. Raises KeyError if it does not exist."""
    _load(kind, name)
    return FORMATS[kind, name]


def _load(kind: Kind, name: str) -> None:
    """Import the module with the given name, which registers its format. Does nothing if there is no such module."""
    for package, known in ((f"{reports.__name__}.{kind}", _reports(kind)), (platforms.__name__, platforms.modules())):
        if name in known:
            import_module(f"{package}.{name}")


@cache
def _reports(kind: Kind) -> list[str]:
    return sorted(file.stem for file in Path(reports.__path__[0], kind).glob("[!_]*.py"))
