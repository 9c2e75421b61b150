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

    def __str__(self) -> str:
        return self.name or self.email or self.sis_login_id or self.github or self.id or self.sis_user_id
