"""What the exports to learning platforms share: they need the people in a roster."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.people import Person

MOST_NAMED = 5  # people in a warning


def grades_of(gradebook: Gradebook, platform: str, excused: str = "") -> Iterator[tuple[Person, Entry, float | str]]:
    """Yield each person in the roster who has a grade, with the entry and the points in the course's gradebook.

    For a person who is excused, `excused` takes the place of the points, if the platform has a word for it. Others are
    left out, also those whose grade is open: an empty cell might remove a grade that was typed by hand.
    Submissions that belong to no one cannot be exported. Raises UsageError if the class was graded without a roster.
    """
    if not gradebook.with_people:
        raise UsageError(
            f"{platform} needs to know which student each grade belongs to; "
            "run labcheck grade again with --roster CSV (nothing is graded twice)"
        )
    for entry in gradebook.entries:
        points: float | str | None = gradebook.points(entry)
        if entry.is_excused:
            points = excused or None
        if entry.person is not None and points is not None:
            yield entry.person, entry, points


def without(gradebook: Gradebook, key: Callable[[Person], str]) -> list[Person]:
    """Return the people with a grade for whom a key is not known."""
    return [person for person, _, _ in grades_of(gradebook, "") if not key(person)]


def lacking(people: Sequence[Person], what: str, otherwise: str) -> Iterator[str]:
    """Yield a warning if there are people without something that an import needs, and what happens otherwise."""
    if people:
        who = "1 person has" if len(people) == 1 else f"{len(people)} people have"
        yield f"{who} no {what}, so {otherwise}: {_named(people)}"


def sharing(gradebook: Gradebook, what: str, key: Callable[[Person], str]) -> Iterator[str]:
    """Yield a warning for each key that several people with a grade have. Case does not count."""
    people = [person for person, _, _ in grades_of(gradebook, "") if key(person)]
    for value, number in Counter(key(person).casefold() for person in people).items():
        if number > 1:
            same = [person for person in people if key(person).casefold() == value]
            yield f"{number} people have the {what} {key(same[0])}: {_named(same)}"


def first_and_last(person: Person) -> tuple[str, str]:
    """Return the first and the last name: what is behind and before the comma, or else the last word is the last."""
    if "," in person.name:
        last, first = person.name.split(",", 1)
    else:
        first, _, last = person.name.strip().rpartition(" ")
    return first.strip(), last.strip()


def _named(people: Sequence[Person]) -> str:
    more = len(people) - MOST_NAMED
    return "; ".join(map(str, people[:MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
