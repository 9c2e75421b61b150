"""The people of a class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Person:
    """A person of the class; what is not known is empty.

    `id` is the number that the school gives. `numbers` are the numbers that systems use among themselves, as pairs of
    the system and its number: `("canvas", "4711")`. No system knows those of another. `is_late`: the roster is that of
    an assignment, and calls the person's submission late.
    """

    name: str = ""
    email: str = ""
    id: str = ""
    sis_user_id: str = ""
    sis_login_id: str = ""
    github: str = ""
    section: str = ""
    group: str = ""
    numbers: tuple[tuple[str, str], ...] = ()
    is_late: bool = False

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> Person:
        """Return the person that was written as a table: the fields, with lists for tuples."""
        pairs = tuple((str(system), str(number)) for system, number in table.get("numbers", ()))
        return cls(**{**table, "numbers": pairs})

    def number(self, system: str) -> str:
        """Return the person's number in a system, or "" if it is not known."""
        return dict(self.numbers).get(system, "")

    @property
    def listed(self) -> str:
        """The person as in a list by last names: the last word of the name first, unless a comma is in the name."""
        first, _, last = self.name.rpartition(" ")
        return f"{last}, {first}" if first and "," not in self.name else str(self)

    def __str__(self) -> str:
        known = self.name, self.email, self.sis_login_id, self.github, self.id, self.sis_user_id
        return next(filter(None, (*known, *(number for _, number in self.numbers))), "")


@dataclass(frozen=True)
class Roster:
    """The class list: its people, and the assignments in its gradebook with the points that are possible, if known."""

    people: tuple[Person, ...]
    assignments: dict[str, float | None] = field(default_factory=dict)
