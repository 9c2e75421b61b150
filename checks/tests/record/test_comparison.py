"""Several classes side by side, as data."""

from __future__ import annotations

from typing import Any

import pytest

from labcheck.record.comparison import ClassOf, Comparison, Row
from labcheck.record.gradebook import Gradebook
from labcheck.record.statistics import Passing, Statistics

NOBODY = Statistics.of(Gradebook("lab1", "", (), ()))
Score = tuple[str, float | None]


def class_of(lab: str, *scores: Score) -> ClassOf:
    """Return a class with people who are known by the words of their names."""
    people = tuple((frozenset(("id", word) for word in name.split()), score) for name, score in scores)
    return ClassOf("", lab, "", (), NOBODY, people)


def share(passed: int, checked: int, title: str = "It works.") -> Passing:
    return Passing("1.1", title, passed=passed, failed=checked - passed)


@pytest.mark.parametrize(
    ("results", "change"),
    [
        ((share(8, 10), share(3, 10)), -50),
        ((share(3, 10), share(8, 10)), 50),
        ((share(5, 10), share(6, 10), share(2, 10)), -30),
        ((share(2, 3), share(2, 3)), 0),
        ((None, share(1, 4), share(1, 2)), 25),
        ((share(1, 2), None), None),
        ((None, share(1, 2)), None),
        ((share(0, 0), share(1, 2)), None),
        ((None, None), None),
    ],
)
def test_change(results: tuple[Passing | None, ...], change: int | None) -> None:
    """It is the largest one from the first class that has the requirement, with its sign."""
    assert Row("1.1", results).change == change


def test_titles() -> None:
    """Equal titles are one; different ones are all there."""
    assert Row("1.1", (share(1, 2), None, share(1, 2))).titles == ["It works."]
    assert Row("1.1", (share(1, 2), share(1, 2, "It runs."))).titles == ["It works.", "It runs."]


def in_both(first: list[Score], second: list[Score]) -> tuple[int, int, Any]:
    (found,) = Comparison.of([class_of("lab1", *first), class_of("lab2", *second)]).in_both
    return found.people, found.graded, found.correlation


def test_people_in_both() -> None:
    """People are counted by what identifies them; the correlation is of those with a grade in both."""
    first: list[Score] = [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", None), ("g", 6)]
    second: list[Score] = [("e", 5), ("d", 3), ("c", 4), ("b", 1), ("a", 2), ("f", 9), ("h", 9)]
    assert in_both(first, second) == (6, 5, pytest.approx(0.8))
    assert in_both(first, second[1:]) == (5, 4, None)
    assert in_both(first, [(name, 7) for name, _ in second]) == (6, 5, None)
    assert in_both(first, []) == (0, 0, None)


def test_nobody_is_guessed() -> None:
    """Somebody who could be two people is counted as neither, in either direction."""
    assert in_both([("a b", 1)], [("a", 1), ("b", 1)]) == (0, 0, None)
    assert in_both([("a", 1), ("b", 1)], [("a b", 1)]) == (0, 0, None)
    assert in_both([("a b", 1)], [("a b", 1), ("c", 1)]) == (1, 1, None)
    assert in_both([("", 1)], [("", 1)]) == (0, 0, None)


def test_classes_of_the_same_lab_are_compared_by_requirement() -> None:
    """Classes of one lab make a table, each pair of different labs is compared by people, and each has a sign."""
    classes = [class_of(lab) for lab in ("lab1", "lab2", "lab1", "lab3")]
    found = Comparison.of(classes)
    assert [(each.lab, each.classes) for each in found.labs] == [("lab1", (classes[0], classes[2]))]
    pairs = [found.sign(each.first) + found.sign(each.second) for each in found.in_both]
    assert pairs == ["AB", "AD", "BC", "BD", "CD"]
    many = Comparison.of([class_of("lab1") for _ in range(28)])
    assert [many.sign(each) for each in many.classes][24:] == ["Y", "Z", "A1", "B1"]
