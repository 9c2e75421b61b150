"""Step 4: redirects."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode

from labcheck.suite import Draw, Server, requirement
from labcheck.suites.json_errors import Refusal
from labcheck.suites.lab4.material import Material, new_book
from labcheck.suites.lab4.service import (
    Place,
    add,
    books,
    delete,
    replace,
    shows_errors,
)

MOVED = (301, 308)
FOR_NOW = (302, 303, 307)


@requirement(
    "4.1",
    explained_by=["1.2"],
    hints=[
        "Old links lead to /book/7. What should a search engine remember?",
        "RFC 9110, sections 15.4.2 and 15.4.9: 301 and 308 mean that the address has changed for good.",
        "Put what follows the question mark into Location as it came. Answer 404 if there is no number.",
    ],
)
def test_old_address(server: Server, material: Material, draw: Draw) -> None:
    """The old address `/book/7` leads to `/books/7`, with its query, and gets 404 without a number."""
    for book in draw.sample(material.books, 2):
        for query in ("", f"?{urlencode({draw.word(): f'{draw.word()} é&=', draw.word(): ''})}"):
            target = f"/book/{book['id']}{query}"
            answer = server.get(target)
            assert answer.status in MOVED
            place = Place(server, answer, target)
            assert place.path == f"/books/{book['id']}"
            assert place.query == parse_qsl(query[1:], keep_blank_values=True), "the query is kept"
    for word in (draw.word(), f"7{draw.word()}"):
        assert server.get(f"/book/{word}").status == 404


@requirement(
    "4.2",
    explained_by=["1.1", "1.3"],
    hints=[
        "A browser gets a 301 as the answer to a POST. Which method does it use at the new address?",
        "RFC 9110, sections 15.4.2 and 15.4.9: only after a 307 or a 308 is the request repeated as it was.",
        "Send 308 with Location: /books, and leave the body alone.",
    ],
)
def test_slash_too_many(server: Server, draw: Draw) -> None:
    """POST to `/books/` gets 308 to `/books`, and stores nothing."""
    before = books(server)
    answer = server.request("POST", "/books/", json=new_book(draw))
    assert answer.status == 308
    assert Place(server, answer, "/books/") == "/books"
    assert server.get("/books").json == before


@requirement(
    "4.3",
    explained_by=["1.3", "1.4"],
    hints=[
        "Where does /latest lead tomorrow, if a cache has kept today's answer?",
        "RFC 9110, section 15.4.3: 302 is for now only. RFC 9111, section 5.2.2.5: no-store.",
        "The book that was added last is the one with the highest id that is still there.",
    ],
)
def test_latest(server: Server, draw: Draw) -> None:
    """`/latest` leads to the book that was added last and is still there, and is not stored."""
    first, second, third = (add(server, new_book(draw)) for _ in range(3))
    replace(server, first, new_book(draw))  # changed, not added
    for expected, then in ((third, third), (second, first), (second, second)):
        answer = server.get("/latest")
        assert answer.status in FOR_NOW
        assert Place(server, answer, "/latest") == f"/books/{expected}"
        assert "no-store" in answer.directives("Cache-Control")
        delete(server, then)


def elsewhere(draw: Draw) -> list[str]:
    """Return targets that lead to another server, as they are in a query."""
    host = f"{draw.word()}.example"
    raw = [f"https://{host}/", f"http://{host}/books/7", f"//{host}/", f"//{host}", f"/\\{host}/", f"/\\\\{host}"]
    raw += [f"\\\\{host}/"]
    return [*raw, *(quote(each, safe="") for each in raw), "javascript:alert(1)", f"%2F/{host}", f"/%2F{host}/"]


@requirement(
    "4.4",
    needs=["1.2"],
    hints=[
        "You get a mail with a link to your bank: https://bank.example/go?to=https://bonk.example. What do you see?",
        "This is an open redirect: it lends your good name to anybody. A browser reads // and /\\ as a host.",
        "After decoding, allow only paths: one slash, then neither a slash nor a backslash, and no line break.",
    ],
)
def test_go(server: Server, material: Material, draw: Draw) -> None:
    """`/go?to=` leads to paths of this service only; any other target, or none, gets 400."""
    with_json = shows_errors(server, draw)
    for path in ("/books", *(f"/books/{book['id']}" for book in draw.sample(material.books, 2))):
        for target in (f"/go?to={path}", f"/go?to={quote(path, safe='')}"):
            answer = server.get(target)
            assert answer.status == 302
            assert Place(server, answer, target) == path
    breaks = [f"/books%0d%0aX-{draw.word()}:%20x", f"/books/{draw.word()}%0a{draw.word()}", "/books%0D%0A%0D%0Ax"]
    breaks += ["/books%0a", "%0d%0a/books"]
    for query in ("", "?to=", f"?{draw.word()}=/books", *(f"?to={each}" for each in (*elsewhere(draw), *breaks))):
        assert Refusal(server.get(f"/go{query}"), with_json=with_json) == 400
