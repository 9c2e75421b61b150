"""The people of a class."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """A person of the class; what is not known is empty."""

    name: str = ""
    email: str = ""
    id: str = ""
    sis_user_id: str = ""
    sis_login_id: str = ""
    github: str = ""
    section: str = ""

    @property
    def listed(self) -> str:
        """The person as in a list by last names: the last word of the name first, unless a comma is in the name."""
        first, _, last = self.name.rpartition(" ")
        return f"{last}, {first}" if first and "," not in self.name else str(self)

    def __str__(self) -> str:
        return self.name or self.email or self.sis_login_id or self.github or self.id or self.sis_user_id
