"""The Python files of a submission, kept with its result: with them, the programs of a class can be compared later."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A file: its name in the submission, the SHA-256 of its bytes, and its text, or None if that is too large."""

    file: str
    digest: str
    text: str | None
