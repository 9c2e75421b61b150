"""What a certificate says: its text for the signature, and which names can be on it."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcheck.certificates.certificate import LONGEST, Certificate, PassedLab, as_shown, first_name_first

SIGNED = Certificate(
    1,
    "Ada Lovelace",
    "Networks",
    "2026-11-30",
    (PassedLab("lab1", "Python & <web>", 29, 29), PassedLab("lab2", "Python WebSockets", None, 33)),
    5,
    "0123456789abcdef" * 4,
    "A" * 43 + "=",
)


def test_text_is_read_back() -> None:
    """The same certificate always has the same text, which fits into a page as it is."""
    text = SIGNED.to_json()
    assert Certificate.from_json(text) == SIGNED
    assert not set("<>&\n") & set(text)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": 3},
        {"name": ""},
        {"name": "Ada  Lovelace"},
        {"name": "A\u202eda"},
        {"date": "30.11.2026"},
        {"date": None},
        {"version": True},
        {"all_labs": 5.0},
        {"labs": [3]},
        {"labs": [{"lab": "lab1", "title": "T", "score": "29", "of": 29}]},
        {"labs": [{"lab": "lab1", "title": "T", "score": -1, "of": 29}]},
        {"labs": [{"lab": "lab1", "title": "T", "score": 10**400, "of": 29}]},
        {"records": "x"},
        {"records": ""},
        {"key": ""},
        {"key": "A"},
        {"more": 1},
    ],
    ids=str,
)
def test_other_text_is_refused(changed: dict[str, object]) -> None:
    """Text that `to_json` does not write is a ValueError and nothing else."""
    table = {**json.loads(SIGNED.to_json()), **changed}
    with pytest.raises(ValueError, match=r"not a certificate|it is empty|invisible"):
        Certificate.from_json(json.dumps(table, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "[" * 100_000, '{"labs": []}', SIGNED.to_json() + " "])
def test_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each reason has its own words
        Certificate.from_json(text)


def test_number_of_labs_is_signed() -> None:
    """A certificate with fewer labs is another text."""
    assert replace(SIGNED, labs=SIGNED.labs[:1]).to_json() != SIGNED.to_json()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (" Ada \n Lovelace ", "Ada Lovelace"),
        (unicodedata.normalize("NFD", "Zoë Nguyễn"), "Zoë Nguyễn"),
        ("محمد بن موسى", "محمد بن موسى"),
        ("مه\u200cسا", "مه\u200cسا"),  # Persian needs this joiner
        ("王小明", "王小明"),
        ("O'Neil <b>", "O'Neil <b>"),
    ],
)
def test_names_are_shown_as_they_are(given: str, shown: str) -> None:
    """Only blanks and the normal form change."""
    assert as_shown(given) == shown


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (" \n", "it is empty"),
        ("A" * (LONGEST + 1), f"{LONGEST + 1} characters; up to {LONGEST}"),
        ("Ada \x1b[31m", "U+001B"),
        ("Ada\u202e", "U+202E"),
        ("Ada\u2066", "U+2066"),
        ("Ada\u200b", "U+200B"),
        ("A\u00adda", "U+00AD"),
        ("Ada\U000e0041", "U+E0041"),
        ("Ada\udce9", "U+DCE9"),
    ],
)
def test_invisible_names_are_refused(given: str, words: str) -> None:
    """The error says which character it is: nobody could see it."""
    with pytest.raises(ValueError, match=words.replace("+", r"\+")):
        as_shown(given)


@given(st.text(max_size=40))
def test_shown_text_stays_the_same(text: str) -> None:
    """A text that is shown can be signed, read and shown again."""
    try:
        shown = as_shown(text)
    except ValueError:
        return
    assert as_shown(shown) == shown
    certificate = replace(SIGNED, name=shown)
    assert Certificate.from_json(certificate.to_json()) == certificate


@pytest.mark.parametrize(
    ("listed", "spoken"),
    [
        ("Lovelace, Ada", "Ada Lovelace"),
        ("Ada Lovelace", "Ada Lovelace"),
        ("Nguyễn Thị, Zoë", "Zoë Nguyễn Thị"),
        ("Martin King, Jr.", "Martin King, Jr."),
        ("King, Martin, Jr.", "King, Martin, Jr."),
        ("Lovelace,", "Lovelace,"),
    ],
)
def test_first_name_comes_first(listed: str, spoken: str) -> None:
    """A class list often has the last name first."""
    assert first_name_first(listed) == spoken
