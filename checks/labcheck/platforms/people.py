"""What the exports to learning platforms share: they are about people, whom a roster has named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labcheck.record.gradebook import Entry, Gradebook
    from labcheck.record.people import Person


def people_of(gradebook: Gradebook, platform: str) -> Iterator[tuple[Person, Entry]]:
    """Yield everybody of the roster; what is nobody's cannot be told to a platform.

    Raises UsageError where there was no roster.
    """
    if not gradebook.with_people:
        raise UsageError(
            f"nobody knows whose submission is whose, and {platform} has to; "
            "call labcheck grade once more with --roster CSV: nothing is graded twice"
        )
    for entry in gradebook.entries:
        if entry.person is not None:
            yield entry.person, entry
