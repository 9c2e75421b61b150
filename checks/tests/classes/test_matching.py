"""Who has handed in what: what is known about a submission matches exactly one person, or the nearest are named."""

from __future__ import annotations

import pytest

from labcheck.classes.matching import match
from labcheck.platforms.downloads import by_hand
from labcheck.record.people import Person
from labcheck.record.submission import Submission


def handed_in(label: str, *clues: tuple[str, str]) -> Submission:
    """Return a submission with the given clues, or with those of a name chosen by an instructor."""
    return Submission(label, label, "key", (clues or by_hand(label),))


JANE = Person("Doe, Jane", "jane@x.org", "123", "u123", "jd", "jane-d")
JOHN = Person("John van  Doe", "", "124", "u124", "john@x.org", "1-x")
JOHN_2 = Person("John Van Doe", "", "125", "u125", "j2", "x")
ERIK = Person("Müller, Érik-Olaf", "", "126", "", "jane", "")
PEOPLE = [JANE, JOHN, JOHN_2, ERIK]

MATCHES = {
    "Jane Doe": JANE,
    "  jane   DOE ": JANE,
    "Doe, Jane": JANE,
    "doe,jane": JANE,
    "Jane\u00a0Doe": JANE,
    "ｊａｎｅ doe": JANE,
    "E\u0301rik-Olaf Mu\u0308ller": ERIK,
    "123": JANE,
    "U123": JANE,
    "JD": JANE,
    "Jane@X.org": JANE,
    "jane-d": JANE,
    "jane": ERIK,
    "john@x.org": JOHN,
    "u124": JOHN,
    "j2": JOHN_2,
    "John van Doe": "could be John van  Doe or John Van Doe",
    "Doe, Jane, Jr.": "matches nobody in the roster; did you mean Doe, Jane?",
    "Doe Jane": JANE,
    "Jane (she/her) Doe": JANE,
    "Jane Do": "matches nobody in the roster; did you mean Doe, Jane?",
    "Jane": ERIK,
    "": "matches nobody in the roster",
    "Erik-Olaf Müller": "matches nobody in the roster; did you mean Müller, Érik-Olaf?",
}


def result(given: Submission) -> Person | str:
    """Return the person a submission belongs to, or the reason why it belongs to no one."""
    matching = match(PEOPLE, [given])
    assert list(matching.of_person) == PEOPLE
    found: list[Person | str] = [
        *(person for person, theirs in matching.of_person.items() if theirs),
        *(why for _, why in matching.nobody),
    ]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("label", MATCHES)
def test_plain_name_is_matched_exactly(label: str) -> None:
    """A name matches a person if it differs only in case, spaces, order or Unicode normalization."""
    assert result(handed_in(label)) == MATCHES[label]


CLUES = {
    "an id before a name": ([("name", "Jane Doe"), ("id", "125")], JOHN_2),
    "an id before a login": ([("login", "jd"), ("id", "125")], JOHN_2),
    "a login before a name": ([("name", "Jane Doe"), ("login", "j2")], JOHN_2),
    "a name with an unknown id": ([("name", "Jane Doe"), ("id", "999")], JANE),
    "two of one rank": ([("login", "jd"), ("email", "john@x.org")], "could be Doe, Jane or John van  Doe"),
    "two users of GitHub": ([("github", "1-x"), ("github", "x")], "could be John van  Doe or John Van Doe"),
    "a compact name": ([("compact name", "doejane")], JANE),
    "a compact name, first name first": ([("compact name", "janedoe")], JANE),
    "a compact name with letters": ([("compact name", "müllerérikolaf")], ERIK),
    "a compact name of two": ([("compact name", "vandoejohn")], "could be John van  Doe or John Van Doe"),
    "a compact name and an id": ([("compact name", "vandoejohn"), ("id", "125")], JOHN_2),
    "a part of a compact name": (
        [("compact name", "doejan")],
        "matches nobody in the roster; did you mean Doe, Jane or John van  Doe?",
    ),
    "a number of Canvas": ([("canvas number", "4711"), ("compact name", "doejane")], JANE),
    "a number of Canvas that is somebody's id": ([("canvas number", "124"), ("compact name", "doejane")], JANE),
    "a name is not a login": ([("name", "jd")], "matches nobody in the roster"),
}


@pytest.mark.parametrize("case", CLUES)
def test_better_clue_counts(case: str) -> None:
    """An id takes precedence over a login, and a login over a name; if two people match, neither gets it."""
    clues, expected = CLUES[case]
    assert result(handed_in("label", *clues)) == expected


def test_everyone_is_listed() -> None:
    """People with no submission or several are kept, and so are submissions that match no one."""
    given = [handed_in("123"), handed_in("Jane Doe"), handed_in("nobody")]
    matching = match(PEOPLE, given)
    assert matching.of_person == {JANE: given[:2], JOHN: [], JOHN_2: [], ERIK: []}
    assert matching.nobody == [(given[2], "matches nobody in the roster")]
