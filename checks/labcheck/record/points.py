"""What the requirements are worth, in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT = 1


def points_in_words(points: Mapping[str, int]) -> str:
    """Return how many points the requirements have; "" if each has 1. `points` has all of them, by id."""
    numbers = Counter(points.values())
    if set(numbers) <= {DEFAULT}:
        return ""
    usual = max(numbers, key=lambda each: (numbers[each], each == DEFAULT))
    others = sorted(set(numbers) - {usual}, reverse=True)
    parts = [f"{_points(each)} for {', '.join(id for id in points if points[id] == each)}" for each in others]
    return "; ".join([*parts, f"{_points(usual)} for each {'other ' if parts else ''}requirement"])


def _points(number: int) -> str:
    return f"{number} point{'' if number == 1 else 's'}"
