"""What a certificate says: who has passed which labs of a course, with which scores, and on which day."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from dataclasses import asdict, dataclass

LONGEST = 200  # characters of a name or a title
INVISIBLE = {"Cc", "Cf", "Co", "Cs"}  # categories of Unicode: control, format, private use, surrogate
JOINERS = "\u200c\u200d"  # of the invisible characters, the two that some scripts need for their letters
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
DIGEST = re.compile(r"[0-9a-f]{64}")
KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
AFTER_A_COMMA = {"jr", "sr", "ii", "iii", "iv", "phd", "md"}  # these do not make what is before the comma a last name


@dataclass(frozen=True)
class PassedLab:
    """A lab on a certificate. `score` is None if the student is excused from it; `of` is the number of points."""

    lab: str
    title: str
    score: float | None
    of: float


@dataclass(frozen=True)
class Certificate:
    """A certificate: `version` is that of its page, `date` is like 2026-11-30.

    - `labs` are those on it, and `all_labs` is how many the course has.
    - `records`: the SHA-256 of the results, and `key`: the public key that the signature needs (Base64 of its 32 bytes,
      RFC 8032). Both are empty if it is not signed.
    """

    version: int
    name: str
    course: str
    date: str
    labs: tuple[PassedLab, ...]
    all_labs: int
    records: str = ""
    key: str = ""

    @property
    def is_signed(self) -> bool:
        """Whether it needs a signature."""
        return bool(self.key)

    def to_json(self) -> str:
        """Return it as one line of JSON, always the same for the same certificate. This text is what is signed.

        It may be in an HTML page as it is.
        """
        text = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """Read what `to_json` has returned. Raises ValueError for any other text."""
        try:
            table = json.loads(text)
            labs = tuple(PassedLab(**each) for each in table.pop("labs"))
            found = cls(labs=labs, **table)
            is_right = _is_right(found) and found.to_json() == text
        except (AttributeError, KeyError, OverflowError, RecursionError, TypeError) as error:
            raise ValueError(f"not a certificate: {error}") from error
        if not is_right:
            raise ValueError("not a certificate")
        return found


def _is_right(found: Certificate) -> bool:
    """Return whether everything has its type and its form."""
    texts = [found.name, found.course, *(text for lab in found.labs for text in (lab.lab, lab.title))]
    numbers = [number for lab in found.labs for number in (lab.of, 0 if lab.score is None else lab.score)]
    return (
        all(isinstance(each, str) and as_shown(each) == each for each in texts)
        and all(type(each) in (int, float) and math.isfinite(each) and each >= 0 for each in numbers)
        and type(found.version) is type(found.all_labs) is int
        and bool(DATE.fullmatch(found.date))
        and bool(DIGEST.fullmatch(found.records) and KEY.fullmatch(found.key) if found.key else not found.records)
    )


def as_shown(text: str) -> str:
    """Return a name or a title as a certificate shows it: in normal form NFC, with single blanks.

    Raises ValueError if it is empty or too long, or contains a character that nobody can see: two texts that look the
    same must be the same, and none may turn the direction of what follows it.
    """
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if not plain:
        raise ValueError("it is empty")
    if len(plain) > LONGEST:
        raise ValueError(f"it has {len(plain)} characters; up to {LONGEST} fit on the page")
    for char in plain:
        if unicodedata.category(char) in INVISIBLE and char not in JOINERS:
            raise ValueError(f"it contains the invisible character U+{ord(char):04X}")
    return plain


def first_name_first(name: str) -> str:
    """Return the name of a class list as it is spoken: `Lovelace, Ada` is Ada Lovelace."""
    last, comma, first = (part.strip() for part in name.partition(","))
    is_turned = comma and first and "," not in first and first.casefold().replace(".", "") not in AFTER_A_COMMA
    return f"{first} {last}" if is_turned else name
