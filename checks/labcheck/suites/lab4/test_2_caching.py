"""Step 2: caching."""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

from labcheck.suite import Draw, Server, given, requirement
from labcheck.suites.json_errors import Refusal
from labcheck.suites.lab4.material import new_book
from labcheck.suites.lab4.service import (
    GZIP,
    LARGE,
    NO_DATE,
    Moment,
    add,
    books,
    delete,
    get,
    replace,
    shows_errors,
    tag,
)
from labcheck.suites.seconds import wait_past

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.suite import Answer

STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110, section 8.8.3


def given_known(server: Server, target: str) -> str:
    """Return the tag at a URL; a check of conditions does not run if the tag alone is not answered by 304."""
    found = tag(get(server, target))
    answer = server.request("GET", target, {"If-None-Match": found})
    given(answer.status == 304, f"GET {target} with If-None-Match: {found} got {answer}")
    return found


tags = requirement(
    "2.1",
    explained_by=["1.1", "1.3", "1.4"],
    hints=[
        "How can a client say which version of a book it has, without sending all of it?",
        "RFC 9110, section 8.8.3: an ETag is a text in quotation marks; without W/ before them, it is a strong one.",
        "A hash of the bytes of the body is the same for the same bytes, and another for others: the module hashlib.",
    ],
)


@tags
def test_tags_stay(server: Server, draw: Draw) -> None:
    """Every 200 has a strong ETag, which is the same as long as the answer is, and changes with it."""
    id, other = add(server, new_book(draw, LARGE)), add(server, new_book(draw))
    asked = [(target, fields) for target in ("/books", f"/books/{id}", f"/books/{other}") for fields in ({}, GZIP)]
    first = []
    for each in asked:
        found = get(server, *each).field("ETag")
        assert STRONG.fullmatch(found), f'a strong tag looks like "xyz"; the answer has {found.came}'
        first.append(found)
    wait_past(time.time())
    for before, each in zip(first, asked, strict=True):
        assert get(server, *each).field("ETag") == before, "the answer is the same, so the tag is, too"
    replace(server, id, new_book(draw))
    assert get(server, f"/books/{other}").field("ETag") == first[4], "another book has changed, not this one"


@tags
def test_tags_change(server: Server, draw: Draw) -> None:
    """A tag changes with each change of a book or of the list, also within a second."""
    book, new = new_book(draw), new_book(draw)
    id, other = add(server, book), add(server, new_book(draw))

    def edit(**member: str | int) -> None:
        book.update(member)
        replace(server, id, book)

    def one_for_another() -> None:
        add(server, new_book(draw))
        delete(server, other)

    changes: list[tuple[str, Callable[[], object]]] = [
        (f"/books/{id}", lambda: edit(year=book["year"] + 1)),
        (f"/books/{id}", lambda: edit(author=new["author"])),
        (f"/books/{id}", lambda: edit(title=new["title"])),
    ]
    changes += [("/books", lambda: add(server, new_book(draw)))] * 2
    changes += [("/books", lambda: delete(server, id))]  # the highest id stays the same
    changes += [("/books", one_for_another)]  # their number stays the same, too
    for target, change in changes:
        old = get(server, target).field("ETag")
        change()
        assert get(server, target).field("ETag") != old, "the answer has changed, but not its tag"


def expect_not_modified(answer: Answer, tag: str) -> None:
    """Compare an answer with 304: its tag, and no body."""
    assert answer.status == 304
    assert answer.field("ETag") == tag
    assert answer.sent == b""


def nearly(tag: str, draw: Draw) -> list[str]:
    """Return tags that are nearly this one, but not the one of an earlier version, which is often a lower number."""
    inner = tag.strip('"')
    texts = {f"{inner}{draw.word(1)}", inner.swapcase(), inner[1:] if inner[-1:].isdigit() else inner[:-1]}
    return [f'"{text}"' for text in sorted(texts - {inner}) if not text.isdigit()]


@requirement(
    "2.2",
    needs=["1.3"],
    explained_by=["2.1"],
    hints=[
        'A client has version "abc", and asks whether that is still the current one. What does it need as an answer?',
        "RFC 9110, section 13.1.2: If-None-Match is * or a list of tags; a W/ before a tag does not matter here.",
        "Split the field into its tags, compare each as a whole, and send 304 (section 15.4.5) with the tag, no body.",
    ],
)
def test_if_none_match(server: Server, draw: Draw) -> None:
    """If-None-Match with the current tag gets 304 with that tag and no body; with others it gets 200."""
    id = add(server, new_book(draw))
    for target in ("/books", f"/books/{id}"):
        usual = get(server, target)
        found, other = tag(usual), f'"{draw.word()}"'
        listed = f'{other}, {found}, W/"{draw.word()}"'
        for value in (found, f"W/{found}", f"{found}, {other}", listed, f"{other},W/{found}", "*"):
            expect_not_modified(server.request("GET", target, {"If-None-Match": value}), found)
        for value in (other, f'{other}, W/"{draw.word()}"', '"*"', *nearly(found, draw)):
            answer = server.request("GET", target, {"If-None-Match": value})
            assert answer.status == 200
            assert answer.body == bytes(usual.body)


@requirement(
    "2.3",
    explained_by=["1.1", "1.3", "1.4", "2.1", "2.2"],
    hints=[
        "Which answers change if one book is replaced?",
        "The book's own, and that of the list, which shows the book too.",
        "Make the tag from what you send at that moment, or renew both tags with each PUT.",
    ],
)
def test_old_tags_after_put(server: Server, draw: Draw) -> None:
    """After a PUT the old tags get 200, with the new book and the new list."""
    id = add(server, new_book(draw))
    old = {target: given_known(server, target) for target in ("/books", f"/books/{id}")}
    before = books(server)
    book = new_book(draw)
    replace(server, id, book)
    answer = server.request("GET", f"/books/{id}", {"If-None-Match": old[f"/books/{id}"]})
    assert answer.status == 200
    assert answer.json == {"id": id, **book}
    answer = server.request("GET", "/books", {"If-None-Match": old["/books"]})
    assert answer.status == 200
    assert answer.json == [{"id": id, **book} if each["id"] == id else each for each in before]


def expect_date_moves(server: Server, target: str, change: Callable[[], object]) -> None:
    """Compare the date at a URL before and after a change of it."""
    before = Moment(get(server, target))
    assert before != NO_DATE
    assert before <= time.time() + 1, "this is in the future"
    wait_past(max(before, time.time()))
    assert Moment(get(server, target)) == before, "nothing has changed since then"
    begun = int(time.time())
    change()
    after = Moment(get(server, target))
    assert after >= begun, "it was changed later than that"
    assert after <= time.time() + 1, "this is in the future"


dates = requirement(
    "2.4",
    needs=["1.3", "2.1"],
    explained_by=["1.4", "2.2", "2.3"],
    hints=[
        "When was the list changed for the last time, after a DELETE?",
        "RFC 9110, sections 8.8.2 and 13.1.3; email.utils.formatdate(..., usegmt=True) writes such a date.",
        "Keep a time for each book and one for the list. Look at If-Modified-Since only without If-None-Match.",
    ],
)


@dates
def test_dates_move(server: Server, draw: Draw) -> None:
    """Last-Modified moves with each change, and If-Modified-Since with that date gets 304."""
    id = add(server, new_book(draw))

    for target in ("/books", f"/books/{id}"):
        assert get(server, target).field("Last-Modified") != ""
    expect_date_moves(server, f"/books/{id}", lambda: replace(server, id, new_book(draw)))
    expect_date_moves(server, "/books", lambda: replace(server, id, new_book(draw)))
    expect_date_moves(server, "/books", lambda: add(server, new_book(draw)))
    expect_date_moves(server, "/books", lambda: delete(server, id))


@dates
def test_if_modified_since(server: Server, draw: Draw) -> None:
    """If-Modified-Since with the date of the answer gets 304, an earlier one 200; If-None-Match comes before it."""
    id = add(server, new_book(draw))
    for target in ("/books", f"/books/{id}"):
        usual = get(server, target)
        date, found, other = str(usual.field("Last-Modified")), given_known(server, target), f'"{draw.word()}"'
        earlier = formatdate(Moment(usual) - draw.randrange(1, 10**6), usegmt=True)
        cases = [
            ({"If-Modified-Since": date}, 304),
            ({"If-Modified-Since": earlier}, 200),
            ({"If-Modified-Since": draw.word()}, 200),
            ({"If-Modified-Since": "Mon, 99 Xyz 2026 25:61:61 GMT"}, 200),
            ({"If-None-Match": other, "If-Modified-Since": date}, 200),
            ({"If-None-Match": found, "If-Modified-Since": earlier}, 304),
        ]
        for fields, status in cases:
            answer = server.request("GET", target, fields)
            assert answer.status == status


def expect_no_cache(answer: Answer) -> None:
    """Compare the Cache-Control of an answer with no-cache."""
    control = answer.directives("Cache-Control")
    assert "no-cache" in control
    assert control["no-cache"] == "", "no-cache with an argument is only about the fields that it names"


@requirement(
    "2.5",
    needs=["1.3", "2.1", "2.2"],
    hints=[
        "A cache has a book. How does it know whether it may show it without asking?",
        "RFC 9111, section 5.2.2.4: no-cache means: keep it, but ask each time.",
        "Send Cache-Control: no-cache with each 200 of a GET, and with each 304 (RFC 9110, section 15.4.5).",
    ],
)
def test_cache_control(server: Server, draw: Draw) -> None:
    """Cache-Control: no-cache is sent with each 200 of a GET, and with 304."""
    id = add(server, new_book(draw))
    for target in ("/books", f"/books/{id}"):
        for fields in (GZIP, {}):
            usual = get(server, target, fields)
            expect_no_cache(usual)
        known = server.request("GET", target, {"If-None-Match": tag(usual)})
        given(known.status == 304, f"GET {target} with If-None-Match got {known}")
        expect_no_cache(known)


@requirement(
    "2.6",
    explained_by=["1.1", "1.2", "1.3", "1.4", "2.1"],
    hints=[
        "Two people edit the same book at the same time. Whose change gets lost?",
        "RFC 9110, section 13.1.1: If-Match names the version that the client knows; otherwise 412 (section 15.5.13).",
        "Compare before you change anything, and strongly: a tag with W/ never matches (section 8.8.3.2).",
    ],
)
def test_if_match(server: Server, draw: Draw) -> None:
    """PUT and DELETE with If-Match are done only for the current tag, and get 412 otherwise."""
    with_json = shows_errors(server, draw)
    id, other, book = add(server, new_book(draw)), add(server, new_book(draw)), new_book(draw)
    target = f"/books/{id}"
    old = tag(get(server, target))
    replace(server, id, book)
    found, random = tag(get(server, target)), f'"{draw.word()}"'
    given(found != old, "the book has changed, but not its tag")
    values = [random, old, f"{random}, {old}", f"W/{found}", f"{random}, W/{found}", '"*"']
    values += {tag(get(server, f"/books/{other}"))} - {str(found)}  # with versions as tags, both may be the same
    for value in values:
        for method in ("PUT", "DELETE"):
            changed = new_book(draw) if method == "PUT" else None
            answer = server.request(method, target, {"If-Match": value}, json=changed)
            assert Refusal(answer, with_json=with_json) == 412
            assert server.get(target).json == {"id": id, **book}, f"{method} got 412, but has changed the book"
    for method in ("PUT", "DELETE"):
        for form in ("{}", "{1}, {0}", "{0}, {1}", "{1}, {0}, {2}", "*"):
            changed, id = new_book(draw), add(server, book)
            value = form.format(tag(get(server, f"/books/{id}")), random, old)
            answer = server.request(
                method, f"/books/{id}", {"If-Match": value}, json=changed if method == "PUT" else None
            )
            assert answer.status == (200 if method == "PUT" else 204)
            if method == "PUT":
                assert server.get(f"/books/{id}").json == {"id": id, **changed}
            else:
                assert server.get(f"/books/{id}").status == 404
