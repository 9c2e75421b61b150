"""labcheck.suite: all that it offers has a description, from which the book's API page is made."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from labcheck import suite

if TYPE_CHECKING:
    from collections.abc import Iterator


def described() -> Iterator[tuple[str, object]]:
    """Go through the functions and classes of labcheck.suite, and the public members of the classes."""
    for name in suite.__all__:
        value = getattr(suite, name)
        if not callable(value):
            continue
        yield name, value
        for member, found in inspect.getmembers_static(value) if inspect.isclass(value) else ():
            if not member.startswith("_") and (inspect.isfunction(found) or isinstance(found, property)):
                yield f"{name}.{member}", found


@pytest.mark.parametrize(("name", "value"), [pytest.param(*each, id=each[0]) for each in described()])
def test_is_described(name: str, value: object) -> None:
    """It has a docstring of its own, which begins with a whole sentence."""
    text = inspect.getdoc(value) or ""
    assert text.partition("\n")[0].endswith((".", ":")) or ". " in text.partition("\n\n")[0].replace("\n", " "), name
