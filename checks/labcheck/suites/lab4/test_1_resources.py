"""Step 1: resources."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labcheck.suite import Draw, Server, given, requirement
from labcheck.suites.json_errors import JSON, Refusal
from labcheck.suites.lab4.material import Material, new_book
from labcheck.suites.lab4.service import (
    LARGE,
    Methods,
    Place,
    add,
    books,
    shows_errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@requirement(
    "1.1",
    hints=[
        "Which books does the program know when it starts, and in which order are they in the file?",
        "json.loads() makes a list of dictionaries; sorted() takes a key. RFC 8259, section 8.1: JSON is UTF-8.",
        "Send the list for /books, and one of its dictionaries for /books/7, with Content-Type: application/json.",
    ],
)
def test_books_are_served(server: Server, material: Material, draw: Draw) -> None:
    """GET of `/books` gets all books, by id, and GET of `/books/7` gets that book."""
    answer = server.get("/books")
    assert answer.status == 200
    assert answer.media_type == JSON
    assert answer.json == material.books
    for book in (material.books[0], material.books[-1], *draw.sample(material.books, 3)):
        answer = server.get(f"/books/{book['id']}")
        assert answer.status == 200
        assert answer.media_type == JSON
        assert answer.json == book


@requirement(
    "1.2",
    explained_by=["1.1"],
    hints=[
        "What does a client want to know that has mistyped a URL, and in which form?",
        "RFC 9110, section 15.5.5: 404 (Not Found). The explanation is in the body.",
        'Answer every path that you do not know with 404 and JSON such as {"error": "there is no book 999999"}.',
    ],
)
def test_unknown_paths(server: Server, material: Material, draw: Draw) -> None:
    """An id that does not exist, and any other path, get 404 and an error in JSON."""
    known, word = material.books[0]["id"], draw.word()
    unknown = draw.randrange(10**6, 10**9)
    ids = (unknown, word, f"{known}{word}", f"{known}/{word}", 0, f"-{known}")
    paths = ("/", f"/{word}", f"/books{word}", f"/{word}/{known}", "/BOOKS", f"/Books/{known}")
    for path in (*(f"/books/{each}" for each in ids), *paths):
        assert Refusal(server.get(path)) == 404


@requirement(
    "1.3",
    explained_by=["1.1"],
    hints=[
        "How does the client learn which id the new book got?",
        "RFC 9110, section 15.3.2: 201 (Created), with the URL of what was created in Location.",
        "Keep the highest id that was ever given in a variable of its own: after a DELETE, the list does not show it.",
    ],
)
def test_post_adds_a_book(server: Server, draw: Draw) -> None:
    """POST stores a book, answers 201 with it and its URL in Location, and never uses an id again."""
    seen = {book["id"] for book in books(server)}
    for place in range(4):
        book = new_book(draw)
        answer = server.request("POST", "/books", json=book)
        assert answer.status == 201
        assert answer.media_type == JSON
        id = answer.json.get("id")
        assert answer.json == {"id": id, **book}
        given(type(id) is int, f"the id is {id!r}")
        assert id not in seen, "this id was used before"
        assert Place(server, answer, "/books") == f"/books/{id}"
        assert server.get(f"/books/{id}").json == {"id": id, **book}
        seen.add(id)
        if place % 2:
            server.request("DELETE", f"/books/{id}")  # whether that works is the subject of 1.4


@requirement(
    "1.4",
    explained_by=["1.1", "1.2", "1.3"],
    hints=[
        "What is left of the old book after a PUT?",
        "RFC 9110, sections 9.3.4 and 9.3.5: PUT replaces what is at the URL, DELETE removes it.",
        "Both look for the id first, and answer 404 without it. 204 (section 15.3.5) means that there is no body.",
    ],
)
def test_put_and_delete(server: Server, draw: Draw) -> None:
    """PUT replaces a book and answers 200 with it; DELETE answers 204; then, and for an unknown id, they get 404."""
    with_json = shows_errors(server, draw)
    id, other, book = add(server, new_book(draw)), add(server, new_book(draw)), new_book(draw)
    before = books(server)
    answer = server.request("PUT", f"/books/{id}", json=book)
    assert answer.status == 200
    assert answer.media_type == JSON
    assert answer.json == {"id": id, **book}
    assert server.get(f"/books/{id}").json == {"id": id, **book}
    assert server.get("/books").json == [{"id": id, **book} if each["id"] == id else each for each in before]
    answer = server.request("DELETE", f"/books/{id}")
    assert answer.status == 204
    assert answer.sent == b""
    for missing in (id, draw.randrange(10**6, 10**9)):
        assert Refusal(server.get(f"/books/{missing}"), with_json=with_json) == 404
        assert Refusal(server.request("PUT", f"/books/{missing}", json=book), with_json=with_json) == 404
        assert Refusal(server.request("DELETE", f"/books/{missing}"), with_json=with_json) == 404
    assert server.get("/books").json == [each for each in before if each["id"] != id]
    assert server.get(f"/books/{other}").status == 200


OTHER_TYPES = ("text/plain", "application/x-www-form-urlencoded", "application/json-seq", "text/json")


def no_books(draw: Draw) -> Iterator[bytes]:
    """Yield bodies that are no JSON, or no book."""
    book = new_book(draw)
    whole = json.dumps(book).encode()
    yield from (b"", draw.word().encode(), whole[:-1], whole + b"}", b'{"title": "\xff", "author": "a", "year": 1}')
    texts: list[Any] = ["", None, 7, [draw.word()], {}]
    values: list[Any] = [[book], [], None, 7, draw.word(), {}]
    values += [{each: book[each] for each in book if each != name} for name in book]
    values += [{**book, name: wrong} for name in ("title", "author") for wrong in texts]
    years: list[Any] = [True, False, None, "1999", 1999.5, [1999]]
    values += [{**book, "year": year} for year in years]
    values += [{**book, draw.word(): draw.word()}]
    yield from (json.dumps(value).encode() for value in values)


@requirement(
    "1.5",
    explained_by=["1.1", "1.2", "1.3", "1.4"],
    hints=[
        "What happens to the next client if a book without a title was stored?",
        "RFC 9110, section 15.5.1: 400 (Bad Request); section 15.5.16: 415 (Unsupported Media Type).",
        "Check the type and the content of each member before you store anything. In Python, True is an int as well.",
    ],
)
def test_bad_books_are_refused(server: Server, draw: Draw) -> None:
    """A body that is no book gets 400, another media type gets 415, and neither changes anything."""
    with_json, book = shows_errors(server, draw), new_book(draw)
    id = add(server, book)
    before = books(server)
    for method, target in (("POST", "/books"), ("PUT", f"/books/{id}")):
        for body in no_books(draw):
            fields = {"Content-Type": JSON, "Content-Length": str(len(body))}
            assert Refusal(server.request(method, target, fields, body), with_json=with_json) == 400
        for media_type in OTHER_TYPES:
            fields = {"Content-Type": media_type}
            assert Refusal(server.request(method, target, fields, json.dumps(book)), with_json=with_json) == 415
        assert server.get("/books").json == before, f"{method} has changed something that it has refused"
        for charset, year in (("; charset=utf-8", book["year"]), (";charset=UTF-8", book["year"]), ("", 0)):
            fields = {"Content-Type": JSON + charset}
            text = json.dumps({**book, "year": year}, ensure_ascii=False)
            answer = server.request(method, target, fields, text)
            sent = f"a book of the year {year}, with Content-Type: {fields['Content-Type']}"
            assert answer.status == (201 if method == "POST" else 200), sent
        before = books(server)


@requirement(
    "1.6",
    needs=["1.2", "1.3"],
    hints=[
        "What can a client do that used a method which this URL does not have?",
        "RFC 9110, section 15.5.6: 405 (Method Not Allowed), with the methods that it has in Allow (section 10.2.1).",
        "Allow is a list such as: GET, HEAD, POST. It differs for /books and /books/7.",
    ],
)
def test_other_methods(server: Server, draw: Draw) -> None:
    """A method that a URL does not have gets 405, with all those that it has in Allow."""
    with_json = shows_errors(server, draw)
    id = add(server, new_book(draw))
    cases = {
        "/books": (("PUT", "DELETE"), {"GET", "HEAD", "POST"}),
        f"/books/{id}": (("POST",), {"GET", "HEAD", "PUT", "DELETE"}),
    }
    for path, (others, allowed) in cases.items():
        for method in others:
            answer = server.request(method, path, json=new_book(draw) if method != "DELETE" else None)
            assert Refusal(answer, with_json=with_json) == 405
            named = Methods(answer)
            for each in sorted(allowed):
                assert each in named
            for each in sorted({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"} - allowed):
                assert each not in named


@requirement(
    "1.7",
    explained_by=["1.1", "1.3"],
    exchanges=50,
    hints=[
        "Two threads read the highest id at the same time. Which id does each of them give?",
        "With threads, what belongs together needs a lock; with asyncio, there must be no await in between.",
        "Take the next id and store the book while you hold the lock: `with lock:`.",
    ],
)
def test_many_posts_at_once(server: Server, draw: Draw) -> None:
    """50 POSTs at the same time give 50 books with 50 ids."""
    new = [new_book(draw) for _ in range(50)]
    before = {book["id"] for book in books(server)}
    with server.connect_many(len(new), least=1) as clients:
        for client, book in zip(clients, new, strict=False):
            body = json.dumps(book, ensure_ascii=False).encode()
            fields = {"Content-Type": JSON, "Content-Length": str(len(body))}
            client.send(server.head_of("POST", "/books", fields) + body)
        answers = [client.read_answer("POST") for client in clients]
    # A program that serves one client after the other has not accepted all of them.
    answers += [server.request("POST", "/books", json=book) for book in new[len(answers) :]]
    for answer in answers:
        assert answer.status == 201
    stored = {each["id"]: each for each in books(server) if each["id"] not in before}
    assert len({answer.json.get("id") for answer in answers}) == len(new), "some ids were given twice"
    for answer, book in zip(answers, new, strict=True):
        assert stored.get(answer.json.get("id")) == {"id": answer.json.get("id"), **book}


@requirement(
    "1.8",
    needs=["1.2", "1.3"],
    hints=[
        "What does `curl -I http://localhost:8004/books` print?",
        "RFC 9110, section 9.3.2: HEAD is answered as GET is, without the body.",
        "Let the same code answer both, and leave out only the last step, in which the body is written.",
    ],
)
def test_head(server: Server, material: Material, draw: Draw) -> None:
    """HEAD gets the same status and header fields as GET, and no body."""
    long = add(server, new_book(draw, LARGE))
    for path in ("/books", f"/books/{material.books[0]['id']}", f"/books/{long}", f"/books/{10**6 + long}"):
        usual = server.get(path)
        answer = server.head(path)
        assert answer.status == usual.status
        assert answer.sent == b""
        if usual.status == 200:
            assert answer.media_type == usual.media_type
            if server.get(path).field("ETag") == usual.field("ETag"):  # otherwise, 2.1 fails
                assert answer.field("ETag") == usual.field("ETag")
            if not answer.content_length.missing:
                assert answer.content_length == (usual.content_length or str(len(usual.sent)))
            condition = {"If-None-Match": usual.field("ETag") or '""'}
            known = server.request("GET", path, condition)
            assert server.request("HEAD", path, condition).status == int(known.status), "as GET with If-None-Match"
