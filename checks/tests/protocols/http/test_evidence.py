"""How the parts of an answer explain a failed comparison."""

from __future__ import annotations

import pytest

from labcheck.program.evidence import Evidence
from labcheck.protocols.http.answer import Answer, numbers
from labcheck.protocols.http.evidence import Directives, HeaderValue


def answer(body: bytes = b"<p>day 7 of 2026</p>", code: int = 200, kind: str | None = "text/html") -> Answer:
    """An answer with a body."""
    return Answer(code, "OK", [("Content-Type", kind)] if kind else [], body, True, 0.0)


def with_field(name: str, value: str) -> Answer:
    """An answer with one header field."""
    return Answer(200, "OK", [(name, value)], b"", 0, 0.0)


PAGE = answer()
IN_A_LINE = "200 OK, text/html: day 7 of 2026"
CASES = {
    "a status": (PAGE.status, "==", 404, "status 404", IN_A_LINE),
    "another one": (PAGE.status, "!=", 200, "not status 200", IN_A_LINE),
    "one of two, or none": (PAGE.status, "in", (404, None), "status 404 or a closed connection", IN_A_LINE),
    "any of a range": (PAGE.status, "in", range(400, 500), "a status from 400 to 499", IN_A_LINE),
    "a type": (PAGE.media_type, "in", ("text/css", "a/b"), "Content-Type: text/css or a/b", "Content-Type: text/html"),
    "no type": (answer(kind=None).media_type, "==", "a/b", "Content-Type: a/b", "no Content-Type"),
    "another field": (
        *(answer().header("Content-Type"), "!=", "text/html"),
        *("not Content-Type: text/html", "Content-Type: text/html"),
    ),
    "a field": (PAGE.content_length, "==", "5", "Content-Length: 5", "no Content-Length"),
    "a text": (PAGE.shown, "in", "day 8", "a page that shows day 8", IN_A_LINE),
    "no such text": (PAGE.shown, "not in", "day 7", "a page without day 7", IN_A_LINE),
    "no such markup": (
        PAGE.source,
        "not in",
        "day",
        "a page without day in its source",
        "a page with … <p>day 7 of 2026</p> …",
    ),
    "markup": (PAGE.source, "in", "<b>", "a page with <b> in its source", IN_A_LINE),
    "markup at the very beginning": (
        *(answer(b"<b>" + b"x" * 99).source, "not in", "<b>"),
        *("a page without <b> in its source", f"a page with … <b>{'x' * 30} …"),
    ),
    "markup in a long page": (
        *(answer(b"a" * 99 + b"<b>" + b"x" * 99).source, "not in", "<b>"),
        *("a page without <b> in its source", f"a page with … {'a' * 30}<b>{'x' * 30} …"),
    ),
    "markup in any case": (
        *(answer(b"<B>").source.folded, "not in", "<b>"),
        *("a page without <B> in its source", "a page with … <B> …"),
    ),
    "nothing in the source": (PAGE.source, "==", "", "a page with  in its source", IN_A_LINE),
    "numbers": (numbers(PAGE), ">=", {8, 2026}, "the numbers 8 and 2026", IN_A_LINE),
    "a body": (answer(b"abc").body, "==", b"abd", '3 bytes: "abd"', '3 bytes: "abc"; differs from byte 3 on'),
    "another body": (PAGE.body, "==", b"x", "1 bytes: 'x'", IN_A_LINE),
    "a body without its line ends": (
        *(answer(b"a\n\nb").body, "==", b"a\r\n\nb"),
        '5 bytes: "a\\r\\n\\nb"',
        '4 bytes; 0d 0a became 0a: the file was opened in text mode: "a\\n\\nb"; differs from byte 2 on',
    ),
    "no body": (answer(b"abc").body, "==", b"", "no body", "3 bytes: 'abc'"),
    "a body that ends early": (
        *(answer(b"ab").body, "==", b"abc"),
        *('3 bytes: "abc"', '2 bytes; they are right, the rest is missing: "ab"; differs from byte 3 on'),
    ),
    "a body that goes on": (
        *(answer(b"abc").body, "==", b"ab"),
        *('2 bytes: "ab"', '3 bytes: "abc"; differs from byte 3 on'),
    ),
    "no bytes in a body": (answer(b"abc").body, "not in", b"b", "a body without the bytes b'b'", "3 bytes: 'abc'"),
    "a body that is no bytes": (answer(b"abc").body, "==", 3, "3", "3 bytes: 'abc'"),
    "bytes in a body": (answer(b"abc").body, "in", b"x", "a body with the bytes b'x'", "3 bytes: 'abc'"),
}


@pytest.mark.parametrize("name", CASES)
def test_mismatch_is_explained_in_words(name: str) -> None:
    """Each value explains what was expected and what arrived."""
    value, operator, wanted, expected, received = CASES[name]
    assert isinstance(value, Evidence)
    assert value.mismatch(operator, wanted)[:3] == (expected, received, None)


def test_comparison_changes_nothing() -> None:
    """A comparison changes nothing in the value."""
    body = answer(b"abc").body
    first = body.mismatch("==", b"abd")
    body.mismatch("==", b"x")
    assert body.mismatch("==", b"abd") == first


def test_numbers_have_no_letter_next_to_them() -> None:
    """A number counts if no letter touches it, with or without the tags between them."""
    assert set(numbers(answer(b"<b>7</b> a8 9b x_10 1<i>1</i> 12345678901 &#50;0"))) == {7, 10, 1, 11, 20}


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("no-store", {"no-store": ""}),
        ("No-Store, max-age=0", {"no-store": "", "max-age": "0"}),
        ('private="Set-Cookie, X", max-age="5"', {"private": "Set-Cookie, X", "max-age": "5"}),
        (r'a="x\"y"', {"a": 'x"y'}),
        (",, a , b ,", {"a": "", "b": ""}),
        ("gzip;q=0.5, br", {"gzip": "", "br": ""}),
        ("no-storex", {"no-storex": ""}),
        ("", {}),
    ],
)
def test_lists_are_read_as_the_rfc_says(value: str, items: dict[str, str]) -> None:
    """Names in any case, empty items, and commas in quoted strings (RFC 9110, sections 5.6.1 and 5.6.4)."""
    assert with_field("Cache-Control", value).directives("cache-control") == items


def test_long_list_takes_no_time() -> None:
    """A program that sends 60,000 blanks or quotation marks does not hold up the grader."""
    for value in ("a" + " " * 60_000 + '"', '"' * 60_001, '"' + "\\" * 60_000, "," * 60_000):
        assert "no-store" not in Directives(HeaderValue(value, "Cache-Control"))


def test_missing_field_shows_what_came() -> None:
    """A report names the fields that there are; a beginner may have misspelt one."""
    found = with_field("Cache-Controll", "no-store")
    assert found.field("Cache-Control") == ""
    came = found.directives("Cache-Control").mismatch("in", "no-store")
    assert came == ("Cache-Control with no-store", "no Cache-Control; the fields are Cache-Controll", None, None)
    assert with_field("ETag", "a").field("etag").mismatch("==", '"a"').received == "etag: a"
