"""The reports: each is computed from records, and knows nothing else of what was judged.

`single` holds the formats of one submission, `gradebook` those of a class: a module each, whose first line says what
it is, with a function `render` that returns its text. A new format is a new module there, and an option of the
command line with the module's name.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["single", "gradebook"]


def formats(kind: Kind) -> list[str]:
    """Return the names of the formats of one submission or of a class; nothing is imported for that."""
    return sorted(file.stem for file in Path(__file__).with_name(kind).glob("*.py") if file.stem != "__init__")


def renderer(kind: Kind, name: str) -> Callable[..., str]:
    """Return the function that makes a report: of a Record, or of a Gradebook."""
    render: Callable[..., str] = import_module(f"{__name__}.{kind}.{name}").render
    return render


def purpose(kind: Kind, name: str) -> str:
    """Return what a format is, in a few words."""
    return (import_module(f"{__name__}.{kind}.{name}").__doc__ or "").partition("\n")[0].rstrip(".")


def in_workflow() -> bool:
    """Return whether this is a step of a workflow of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def write_report(file: str | Path, text: str, encoding: str = "utf-8") -> None:
    """Write a report; `-` is standard output. Raises UsageError where that cannot be."""
    if file == "-":
        sys.stdout.write(text)
        return
    try:
        Path(file).write_text(text, encoding, "backslashreplace", newline="")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
