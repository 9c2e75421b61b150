"""What marks a function of a suite as a check, and what a check may say."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from labcheck.errors import Unmet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Check = TypeVar("Check", bound="Callable[..., None]")


def requirement(id: str, *, hints: Sequence[str], needs: Sequence[str] = ()) -> Callable[[Check], Check]:
    """Mark a test function as a check of a requirement.

    `hints` is the ladder that `labcheck hint` goes down: first a question, then a pointer, then the
    shape of the answer. `needs` are the requirements whose failure explains a failure of this one
    wherever `given` says so; the first requirement of a program is needed by all of it.
    """
    return pytest.mark.requirement(id=id, hints=tuple(hints), needs=tuple(needs))


def given(condition: object, otherwise: object = "") -> None:
    """Go on only where the condition holds: it is another requirement's, which this one needs."""
    if not condition:
        raise Unmet(str(otherwise))
