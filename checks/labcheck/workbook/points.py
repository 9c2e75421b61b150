"""The points of requirements, in the form in which authors and instructors write them: a table such as `"2.3" = 2`.

A requirement that is not named has 1 point.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT = 1
MOST = 1_000_000  # far more, and a gradebook shows them in another form or rounds them


def points_of(table: Any, requirements: Sequence[str]) -> dict[str, int]:
    """Return the points that a table gives to some requirements, by id. Raises ValueError for a mistake in it."""
    if not isinstance(table, dict):
        raise ValueError(f'the points are {table!r}; expected a table with lines such as "{requirements[0]}" = 2')
    for id, points in table.items():
        if isinstance(points, dict):  # TOML takes 2.3 = 2 for a table 2 with a key 3
            raise ValueError(f'put the id of a requirement in quotes, such as "{id}.{next(iter(points), 1)}" = 2')
        if id not in requirements:
            near = difflib.get_close_matches(id, requirements, 1) or [requirements[0]]
            raise ValueError(f"unknown requirement {id!r}; did you mean {near[0]!r}?")
        if type(points) is not int or not 0 <= points <= MOST:
            raise ValueError(f"the points of {id} are {points!r}; expected a whole number such as 2, up to {MOST:,}")
    if not any(table.get(id, DEFAULT) for id in requirements):
        raise ValueError("no requirement has any points; give at least one of them 1")
    return table
