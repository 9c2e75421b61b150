"""What the exports to learning platforms share: they need the people in a roster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.people import Person


def people_of(gradebook: Gradebook, platform: str) -> Iterator[tuple[Person, Entry]]:
    """Yield each person in the roster with their entry. Submissions that belong to no one cannot be exported.

    Raises UsageError if the class was graded without a roster.
    """
    if not gradebook.with_people:
        raise UsageError(
            f"{platform} needs to know which student each grade belongs to; "
            "run labcheck grade again with --roster CSV (nothing is graded twice)"
        )
    for entry in gradebook.entries:
        if entry.person is not None:
            yield entry.person, entry
