"""Step 3: compression."""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from typing import TYPE_CHECKING

import pytest

from labcheck.suite import Draw, Mismatch, Server, given, requirement
from labcheck.suites.lab4.material import Material, new_book
from labcheck.suites.lab4.service import GZIP, LARGE, add, coding, get, tag

if TYPE_CHECKING:
    from labcheck.suite import Answer

WORTH_PACKING = 1024  # bytes


@pytest.fixture
def targets(server: Server, draw: Draw) -> list[str]:
    """URLs whose answers have more than 1 KiB."""
    found = ["/books", f"/books/{add(server, new_book(draw, LARGE))}"]
    for target in found:
        plain = get(server, target)
        given(len(plain.json.text) > WORTH_PACKING, f"GET {target} got {plain}, with less than 1 KiB")
    return found


class Unpacked(bytes):
    """The body of an answer after gzip was undone."""

    problem: str

    def __new__(cls, answer: Answer) -> Unpacked:
        try:
            self = super().__new__(cls, gzip.decompress(answer.body))
            self.problem = ""
        except (OSError, EOFError, zlib.error) as error:
            self = super().__new__(cls, b"")
            self.problem = str(error)
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which bytes were expected, and what came."""
        del operator
        size = len(wanted) if isinstance(wanted, bytes) else 0
        came = f"no gzip: {self.problem}" if self.problem else f"{len(self):,} other bytes"
        return Mismatch(f"the {size:,} bytes of the answer without gzip", came)


@requirement(
    "3.1",
    needs=["1.1", "1.3"],
    hints=[
        "What does `curl -i --compressed http://localhost:8004/books` print, and how many bytes came?",
        "RFC 9110, sections 12.5.3 and 8.4: Accept-Encoding is what a client can unpack, Content-Encoding what came.",
        "gzip.compress() packs bytes. Do it if the body has more than 1024 bytes and gzip is in the list.",
    ],
)
def test_large_answers_are_packed(server: Server, targets: list[str]) -> None:
    """An answer of more than 1 KiB comes packed to a client that accepts gzip."""
    for target in targets:
        plain = get(server, target)
        for value in (
            "gzip",
            "GZIP",
            "gzip, deflate, br",
            "deflate, gzip",
            "identity;q=0.5, gzip;q=1.0",
            "br;q=0, gzip",
        ):
            answer = server.request("GET", target, {"Accept-Encoding": value})
            assert answer.status == 200
            assert coding(answer) == "gzip", f"Accept-Encoding: {value}"
            assert Unpacked(answer) == plain.json.text.encode()  # as JSON, it is unpacked, also if nobody asked for it


@requirement(
    "3.2",
    needs=["1.3"],
    explained_by=["3.1"],
    hints=[
        "What does a client see that cannot unpack, and gets a packed book?",
        "RFC 9110, sections 12.4.2 and 12.5.3: `;q=0` means: not this one.",
        "Split the field at its commas, and each part at its semicolon. Compare whole names, and look at q.",
    ],
)
def test_only_who_asks_gets_it_packed(server: Server, targets: list[str]) -> None:
    """Without gzip in Accept-Encoding, or with `gzip;q=0`, the answer comes as it is."""
    for target in targets:
        plain = get(server, target)
        assert coding(plain) in ("", "identity")
        packed = get(server, target, GZIP)
        given(coding(packed) == "gzip", f"GET {target} with gzip got {packed}")
        for value in ("", "gzip;q=0", "gzip; q=0.0", "identity", "br", "gzip;q=0, *", "deflate, gzip;q=0.000"):
            answer = server.request("GET", target, {"Accept-Encoding": value})
            assert answer.status == 200
            assert coding(answer) in ("", "identity"), f"Accept-Encoding: {value}"
            assert answer.body == bytes(plain.body)
        for value in ("gzip;q=0.5", "gzip; q=0.5"):
            answer = server.request("GET", target, {"Accept-Encoding": value})
            assert coding(answer) == "gzip", f"Accept-Encoding: {value}"


@requirement(
    "3.3",
    needs=["1.3", "3.1", "3.2"],
    explained_by=["2.1", "2.2"],
    hints=[
        "A cache between you and two clients keeps the packed answer. Which of them can read it?",
        "RFC 9110, section 12.5.5: Vary names the fields on which the choice depends; section 8.8.3.3: two tags.",
        "Send Vary: Accept-Encoding with both kinds, and put something into the tag that says which kind it is.",
    ],
)
def test_two_kinds(server: Server, targets: list[str]) -> None:
    """Both kinds of an answer have Vary: Accept-Encoding, and each has a tag of its own, which gets 304."""
    for target in targets:
        plain, packed = get(server, target), get(server, target, GZIP)
        given(coding(packed) == "gzip", f"GET {target} with gzip got {packed}")
        given(coding(plain) != "gzip", f"GET {target} without gzip got {plain}")
        for fields in ({}, GZIP):
            assert "accept-encoding" in get(server, target, fields).directives("Vary")
        assert tag(packed) != str(tag(plain))
        for answer, fields in ((plain, {}), (packed, GZIP)):
            known = server.request("GET", target, {**fields, "If-None-Match": tag(answer)})
            assert known.status == 304
            assert known.sent == b""


@requirement(
    "3.4",
    needs=["1.2", "1.3", "3.1", "4.1"],
    hints=[
        "How does a client know where the body ends if the connection stays open?",
        "RFC 9110, section 8.6: Content-Length counts the bytes that are sent: after packing, and not characters.",
        "Encode the text, pack the bytes, and take the length of what is left, as the last step.",
    ],
)
def test_length_is_that_of_the_sent_bytes(server: Server, material: Material, targets: list[str], draw: Draw) -> None:
    """Content-Length, if it is there, counts the bytes that are sent."""
    requests = [partial(server.request, "GET", target, fields) for target in targets for fields in ({}, GZIP)]
    requests += [partial(server.get, path) for path in (f"/books/{draw.word()}", f"/book/{material.books[0]['id']}")]
    requests += [partial(server.request, "POST", "/books", json=new_book(draw))]
    for request in requests:
        answer = request()  # one by one: a report shows the last answer
        if not answer.content_length.missing:
            assert answer.content_length == str(len(answer.sent))
