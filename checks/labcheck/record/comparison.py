"""Several classes side by side: those of the same lab by requirement, those of different labs by their students."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from labcheck.record.statistics import correlation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.record.statistics import Passing, Statistics

Identities = frozenset[tuple[str, str]]  # what a person is known by: pairs of a kind and a text


@dataclass(frozen=True)
class ClassOf:
    """A class in a comparison: its name, its lab, and the versions of labcheck that have checked it.

    `people` are those of its roster: what each is known by, and the score in percent, or None without a grade.
    """

    name: str
    lab: str
    title: str
    versions: tuple[str, ...]
    statistics: Statistics
    people: tuple[tuple[Identities, float | None], ...] = ()


@dataclass(frozen=True)
class Row:
    """A requirement in several classes: how many passed in each, or None if a class does not have it.

    `change` is in percentage points: the largest one from the first class that has the requirement. It is None if no
    other class has it.
    """

    id: str
    results: tuple[Passing | None, ...]

    @property
    def titles(self) -> list[str]:
        """The different titles in the classes: with several, it may not be the same requirement."""
        return list(dict.fromkeys(each.title for each in self.results if each is not None))

    @property
    def change(self) -> int | None:
        """The largest change, signed."""
        shares = [each.percent for each in self.results if each is not None and each.percent is not None]
        return max((each - shares[0] for each in shares[1:]), key=abs, default=None)


@dataclass(frozen=True)
class OneLab:
    """The classes of one lab, and its requirements, the largest change first."""

    lab: str
    classes: tuple[ClassOf, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class InBoth:
    """Two classes of different labs: how many people are in both, and for those with a grade in both, the correlation.

    It is Pearson's; None if there are too few of them, or if all have the same score in one of the classes.
    """

    first: ClassOf
    second: ClassOf
    people: int
    graded: int
    correlation: float | None


@dataclass(frozen=True)
class Comparison:
    """Several classes, in the order given."""

    classes: tuple[ClassOf, ...]
    labs: tuple[OneLab, ...]
    in_both: tuple[InBoth, ...]

    @classmethod
    def of(cls, classes: Sequence[ClassOf]) -> Comparison:
        """Compare classes: those of the same lab by requirement, and each pair of different labs by their students."""
        of_lab: dict[str, list[ClassOf]] = defaultdict(list)
        for each in classes:
            of_lab[each.lab].append(each)
        labs = tuple(OneLab(lab, tuple(found), _rows(found)) for lab, found in of_lab.items() if len(found) > 1)
        pairs = (pair for pair in combinations(classes, 2) if pair[0].lab != pair[1].lab)
        return cls(tuple(classes), labs, tuple(_in_both(*pair) for pair in pairs))

    def sign(self, one: ClassOf) -> str:
        """Return a short name of a class: A for the first one."""
        turn, place = divmod(next(place for place, each in enumerate(self.classes) if each is one), 26)
        return f"{chr(ord('A') + place)}{turn or ''}"

    def to_table(self) -> dict[str, Any]:
        """Return the comparison as objects for JSON. Classes are given by their position in `classes`, from 0.

        There are no sections in it, because names of groups may name students.
        """
        places = {id(each): place for place, each in enumerate(self.classes)}
        return {
            "classes": [
                {
                    "class": each.name,
                    "lab": each.lab,
                    "title": each.title,
                    "labcheck": list(each.versions),
                    **{name: part for name, part in each.statistics.to_table().items() if name != "sections"},
                }
                for each in self.classes
            ],
            "labs": [
                {
                    "lab": lab.lab,
                    "classes": [places[id(each)] for each in lab.classes],
                    "requirements": [
                        {
                            "id": row.id,
                            "titles": row.titles,
                            "passed": [each and each.passed for each in row.results],
                            "checked": [each and each.checked for each in row.results],
                            "change": row.change,
                        }
                        for row in lab.rows
                    ],
                }
                for lab in self.labs
            ],
            "in_both": [
                {
                    "classes": [places[id(pair.first)], places[id(pair.second)]],
                    "people": pair.people,
                    "graded": pair.graded,
                    "correlation": None if pair.correlation is None else round(pair.correlation, 4),
                }
                for pair in self.in_both
            ],
        }


def _rows(classes: Sequence[ClassOf]) -> tuple[Row, ...]:
    known = [{each.id: each for each in one.statistics.requirements} for one in classes]
    ids = dict.fromkeys(id for each in known for id in each)
    rows = [Row(id, tuple(each.get(id) for each in known)) for id in ids]
    return tuple(sorted(rows, key=lambda row: -1 if row.change is None else abs(row.change), reverse=True))


def _in_both(first: ClassOf, second: ClassOf) -> InBoth:
    """Compare two classes by the people in both: somebody who could be two people is not counted."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, (identities, _) in enumerate(second.people):
        for identity in identities:
            places[identity].append(place)
    found = [{place for identity in identities for place in places[identity]} for identities, _ in first.people]
    times = Counter(place for each in found for place in each)
    scores = [
        (first.people[own][1], second.people[other][1])
        for own, candidates in enumerate(found)
        if len(candidates) == 1
        for other in candidates
        if times[other] == 1
    ]
    pairs = [(one, other) for one, other in scores if one is not None and other is not None]
    return InBoth(first, second, len(scores), len(pairs), correlation(pairs))
