"""The decorator that marks a function of a suite as a check, and `given`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import pytest

from labcheck.errors import Unmet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labcheck.protocols.draw import Draw

Check = TypeVar("Check", bound="Callable[..., None]")
Begins: TypeAlias = "Callable[[Any, Draw], object]"  # from a view of a server of its own, and the check's random values


def requirement(
    id: str,
    *,
    hints: Sequence[str],
    needs: Sequence[str] = (),
    explained_by: Sequence[str] = (),
    exchanges: int = 1,
    begins: Begins | None = None,
) -> Callable[[Check], Check]:
    """Mark a test function as a check of a requirement.

    `id` is the requirement, such as `"2.3"`: the number of the step and a number within it. `hints` are what
    `labcheck hint` shows one after the other: a question, then a pointer, then the shape of the answer. `needs` are the
    ids of the requirements on which this one depends: if one of them fails, an exchange that fails or a precondition
    that does not hold (`given`) makes this one `not run` instead of `failed`. Every requirement of a program depends on
    its first one. `explained_by` are needs whose failure explains every failure of this check, also that of a
    comparison. `exchanges` is how many exchanges the check takes, one after the other, if there are many: with a slow
    program it is run last. `begins` is for a check that must wait for many seconds: a function that sends what the
    program is to wait with. It is called with a server that no other check uses and with the check's `draw`, as soon as
    the program's first requirement has passed. The other checks are run then; this one comes last, and the fixture
    `begun` is what the function has returned.

    A requirement may have several checks; it passes if all of them pass.
    """
    for name, given in (("hints", hints), ("needs", needs), ("explained_by", explained_by)):
        if isinstance(given, str):
            raise TypeError(f"{name} of {id} is a text; expected a list of texts: {name}=[{given!r}]")
    needs = (*needs, *explained_by)
    return pytest.mark.requirement(
        id=id, hints=tuple(hints), needs=needs, explained_by=tuple(explained_by), exchanges=exchanges, begins=begins
    )


def given(condition: object, otherwise: object = "") -> None:
    """Go on only if a precondition holds that another requirement tests.

    `condition` is any value; `otherwise` describes what was found instead, for the report, as in
    `given(answer.status == 200, f"there is no page: {answer}")`. Raises Unmet if the condition is false: the
    requirement is `not run` if one that it needs fails, otherwise it is `failed`.
    """
    if not condition:
        raise Unmet(str(otherwise))
