"""The registry of formats: each report registers its function under the name of its module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from labcheck.record.comparison import Comparison
    from labcheck.record.gradebook import Gradebook
    from labcheck.record.record import Record

Kind = Literal["one", "whole_class", "comparison"]  # the subject of a report: one submission, a class, or several
Render = TypeVar("Render", bound="Callable[..., str]")


@dataclass(frozen=True)
class Format:
    """A format: its name, its purpose in a few words, and the function that renders a Record, a Gradebook or a
    Comparison.

    `warns` returns what to know before a file with this Gradebook is imported.
    """

    name: str
    purpose: str
    render: Callable[..., str]
    warns: Callable[[Gradebook], Iterable[str]]


FORMATS: dict[tuple[Kind, str], Format] = {}


def one(purpose: str) -> Callable[[Callable[[Record], str]], Callable[[Record], str]]:
    """Register a function as a format for one submission: `@one("a page for the browser")`."""
    return _register("one", purpose)


def whole_class(
    purpose: str, warns: Callable[[Gradebook], Iterable[str]] = lambda _: ()
) -> Callable[[Callable[[Gradebook], str]], Callable[[Gradebook], str]]:
    """Register a function as a format for a class. For `warns`, see Format."""
    return _register("whole_class", purpose, warns)


def comparison(purpose: str) -> Callable[[Callable[[Comparison], str]], Callable[[Comparison], str]]:
    """Register a function as a format for a comparison of classes."""
    return _register("comparison", purpose)


def _register(
    kind: Kind, purpose: str, warns: Callable[[Gradebook], Iterable[str]] = lambda _: ()
) -> Callable[[Render], Render]:
    def register(render: Render) -> Render:
        name = render.__module__.rpartition(".")[2]
        FORMATS[kind, name] = Format(name, purpose, render, warns)
        return render

    return register
