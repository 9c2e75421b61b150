"""A submission of a class, as it is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Clues = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Submission:
    """A submission that was given to `labcheck grade`.

    - `label`, `identity`: the name that the instructor sees, and what distinguishes students with the same label.
    - `members`: what identifies the student, or each member of a group, as pairs of a kind and a text.
    - `key`: identifies what was graded, and by what (see `grade.Order.task`).
    - `version`, `note`, `is_late`, `submitted`: what the platform tells about it (see `HandedIn`).
    - `place`: the folder or archive that it was in.
    - `suite`: the digest of the checks in its last run.
    - `run`: the number of its last run; the first is 1.
    """

    label: str
    identity: str
    key: str
    members: tuple[Clues, ...]
    version: tuple[int, ...] = ()
    note: str = ""
    is_late: bool = False
    submitted: str = ""
    place: str = ""
    suite: str = ""
    run: int = 1

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Submission:
        """Return the submission that was written as a table, with lists for tuples."""
        members = tuple(tuple((str(kind), str(text)) for kind, text in clues) for clues in table["members"])
        return cls(**{**table, "members": members, "version": tuple(table["version"])})
