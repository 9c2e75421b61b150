"""Random values, and the time zone of the checked programs."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]


class Draw(random.Random):
    """The random values of one check; all methods of `random.Random` are available.

    The same seed and the same check give the same values in every run (`labcheck --seed`). `words` lists the words
    drawn so far.
    """

    def __init__(self, seed: int | str | None = None) -> None:
        super().__init__(seed)
        self.words: list[str] = []

    def word(self, letters: int = 8) -> str:
        """Return a random word that can be pronounced, with the given number of letters.

        Draw the names, texts and paths of a check this way: they appear in no file and on no page by chance.
        """
        # Like choices(), in a third of the time: one grading draws a thousand words.
        many, random = len(SYLLABLES), self.random
        syllables = [SYLLABLES[int(random() * many)] for _ in range((letters + 1) // 2)]
        word = "".join(syllables)[:letters]
        self.words.append(word)
        return word


@dataclass
class LocalTime:
    """The time zone of the programs; its date differs from the date in UTC, to tell local time from UTC."""

    offset: int = field(default_factory=lambda: -12 if time.gmtime().tm_hour < 12 else 14)

    @property
    def tz(self) -> str:
        """The value of the variable TZ. Its sign is inverted (POSIX.1, section 8.3)."""
        name = f"Etc/GMT{-self.offset:+d}"
        return name if Path("/usr/share/zoneinfo", name).exists() else f"LAB{-self.offset}"

    def today(self) -> set[int]:
        """Return the day of the year (1 to 366) and the year."""
        now = time.gmtime(time.time() + self.offset * 3600)
        return {now.tm_yday, now.tm_year}
