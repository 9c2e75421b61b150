"""Who in the class has handed in which submission.

Nothing is guessed: a submission belongs to a person only if what is known about it matches that person exactly, and no
one else. What matches nobody is reported with the nearest names.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labcheck.platforms.downloads import COPIED
from labcheck.platforms.rosters import is_lasting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from labcheck.platforms.downloads import Clue
    from labcheck.record.people import Person
    from labcheck.record.submission import Clues, Submission

# The first rank with a match decides; before them come the numbers that a platform uses itself.
RANKS = (("id",), ("login", "email", "github"), ("github again",), ("name", "compact name"), ("turned name",))
GROUPS = ("group", "compact group")
NAMES = ("name", "compact name")
NUMBER = " number"  # the end of the kind of a clue with a platform's own number
COMPACT = "compact "
IN_BRACKETS = re.compile(r"\s*[(\[][^)\]]*[)\]]")  # pronouns, for example
SIGNS = str.maketrans("", "", "'’‘ʼ`´\"&<>|:\\/")  # what Moodle takes away from a name, and what people write instead
NEAR = 0.75  # from here on, two names resemble each other
NEAREST = 2  # names that are suggested
Known = dict[tuple[str, str], dict["Person", None]]


@dataclass
class Matching:
    """The submissions of each person (possibly none), and the submissions of no one, with the reason.

    `doubts` are remarks about submissions that were assigned, by identity. `perhaps` are, for a person, the submissions
    of no one that may be theirs.
    """

    of_person: dict[Person, list[Submission]]
    nobody: list[tuple[Submission, str]] = field(default_factory=list)
    doubts: dict[str, str] = field(default_factory=dict)
    perhaps: dict[Person, list[Submission]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Owners:
    """The people to whom clues lead: one, or a group; or else the reason why no one, and who it may be."""

    people: list[Person]
    reason: str = ""
    perhaps: list[Person] = field(default_factory=list)


def match(people: Sequence[Person], submissions: Iterable[Submission]) -> Matching:
    """Assign each submission to the person it belongs to, or to each member of the group."""
    known: Known = {}
    for person in people:
        for clue in clues_of(person):
            known.setdefault(clue, {})[person] = None
    matching = Matching({person: [] for person in people})
    for each in submissions:
        owners = [_owners(clues, known) for clues in each.members]
        for person in dict.fromkeys(person for found in owners for person in found.people):
            matching.of_person[person].append(each)
        unclear = [found for found in owners if found.reason]
        if len(unclear) == len(owners):
            matching.nobody.append((each, unclear[0].reason))
        elif unclear:
            matching.doubts[each.identity] = f"another member of the group {unclear[0].reason}"
        elif doubt := _doubt(each, owners[0].people):
            matching.doubts[each.identity] = doubt
        for person in dict.fromkeys(person for found in unclear for person in found.perhaps):
            matching.perhaps.setdefault(person, []).append(each)
    return matching


def clues_of(person: Person) -> Iterator[tuple[str, str]]:
    """Yield what a submission may say about a person, normalized: pairs as in `Submission.members`."""
    known = (
        *((f"{system}{NUMBER}", number) for system, number in person.numbers),
        *(("id", text) for text in (person.id, person.sis_user_id, *(number for _, number in person.numbers))),
        ("login", person.sis_login_id),
        *(("email", text) for text in (person.email, person.sis_login_id)),
        ("github", person.github),
        ("github again", person.github),
        ("name", person.name),
        *((kind, text) for kind in ("compact name", "turned name") for text in _orders(person.name)),
        ("group", person.group),
        ("compact group", person.group),
    )
    return (_normal(*clue) for clue in known if clue[1].strip())


def identities(person: Person) -> frozenset[Clue]:
    """Return what identifies a person in other classes, too, normalized: the e-mail address and the IDs.

    A name does not, nor does the number of a system that gives everybody another one for each assignment.
    """
    known = (
        ("email", person.email),
        ("id", person.id),
        ("id", person.sis_user_id),
        *((f"{system}{NUMBER}", number) for system, number in person.numbers if is_lasting(system)),
    )
    return frozenset(_normal(*clue) for clue in known if clue[1].strip())


def _owners(clues: Clues, known: Known) -> _Owners:
    turned = (("turned name", text) for kind, text in clues if kind == "name")  # a person may be listed last name first
    normal = [_normal(*clue) for clue in (*clues, *turned)]
    numbers = [clue for clue in normal if clue[0].endswith(NUMBER) and _is_used(clue[0], known)]
    by_number = _known_by(numbers, known)
    by_name = _known_by([clue for clue in normal if clue[0] in NAMES], known)
    members = _known_by([clue for clue in normal if clue[0] in GROUPS], known)
    # Moodle's number of a group is no number of a person, so the group's full name decides.
    is_named = not by_name and any(clue[0] == "group" for clue in normal if clue in known)
    if members and (not by_number or is_named or set(by_number) <= set(members)):
        return _Owners(members)
    if numbers and not by_number:
        near = by_name or _nearest(clues, known)
        return _Owners([], f"number {numbers[0][1]} is not in the roster{_did_you_mean(near)}", near)
    if by_number and by_name and not set(by_number) & set(by_name):
        reason = f"its number is that of {by_number[0]}, and its name that of {by_name[0]}"
        return _Owners([], reason, by_number + by_name)
    found = by_number
    for rank in RANKS:
        found = found or _known_by([clue for clue in normal if clue[0] in rank], known)
    if len(found) > 1:
        return _Owners([], f"could be {' or '.join(map(str, found))}", found)
    if not found:
        near = _nearest(clues, known)
        name = next((text for kind, text in clues if kind == COPIED), "")
        hint = f"; say whose {name} is in a table, and give it with --names" if name else _did_you_mean(near)
        return _Owners([], f"matches nobody in the roster{hint}", near)
    return _Owners(found)


def _known_by(clues: Iterable[Clue], known: Known) -> list[Person]:
    return list(dict.fromkeys(person for clue in clues for person in known.get(clue, ())))


def _is_used(kind: str, known: Known) -> bool:
    """Return whether the roster has numbers of this kind."""
    return any(each == kind for each, _ in known)


def _nearest(clues: Clues, known: Known) -> list[Person]:
    """Return the people in the roster with the nearest names; none if no name is near."""
    names = {text: people for (kind, text), people in known.items() if kind == "compact name"}
    wanted = {_normal("compact name", text)[1] for kind, text in clues if not kind.endswith(NUMBER)}
    near = {name: None for text in wanted for name in difflib.get_close_matches(text, names, NEAREST, NEAR)}
    return list(dict.fromkeys(person for name in near for person in names[name]))[:NEAREST]


def _did_you_mean(people: Sequence[Person]) -> str:
    return f"; did you mean {' or '.join(map(str, people))}?" if people else ""


def _doubt(submission: Submission, found: Iterable[Person]) -> str:
    """Return what to look at if a submission has the number of a person, and a name that nobody in the class has."""
    people = list(found)
    (clues, *others) = submission.members
    names = [text for kind, text in clues if kind in NAMES]
    if others or len(people) != 1 or not names or not any(kind.endswith(NUMBER) for kind, _ in clues):
        return ""
    theirs = [_normal("compact name", text)[1] for text in _orders(people[0].name)]
    text = _normal("compact name", names[0])[1]
    if not theirs or text == "anon" or difflib.get_close_matches(text, theirs, 1, NEAR):
        return ""
    return f"submitted as {names[0]}; if that is a group, a column `Group` in the roster gives each member the grade"


def _normal(kind: str, text: str) -> tuple[str, str]:
    """Return a clue in normal form, so that equal clues compare equal."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = " ".join(text.split())
    if kind.startswith(COMPACT):
        text = "".join(letter for letter in text if letter.isalnum())
    if kind == "name":
        text = IN_BRACKETS.sub("", text) or text
    if kind in ("name", "turned name", "group"):
        text = text.translate(SIGNS)
    if kind == "name" and text.count(",") == 1:
        last, first = text.split(",")
        text = f"{first.strip()} {last.strip()}".strip()
    return kind, text


def _orders(name: str) -> list[str]:
    """Return the name with the last name first, for each possible start of the last name; and the name as it is."""
    words = IN_BRACKETS.sub("", name).replace(",", " ").split()
    return [" ".join((*words[place:], *words[:place])) for place in range(len(words))]
