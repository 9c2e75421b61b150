"""Step 2: polling."""

from urllib.parse import quote as percent

from labcheck.suite import SOME_TEXT, Answer, Draw, MixedServer, requirement
from labcheck.suites.lab3.prices import MORE, Publisher, a_price, path_of


@requirement(
    "2.1",
    needs=["1.2"],
    hints=[
        "What has your program to remember, so that it can answer somebody who asks later?",
        "A dictionary, from the symbol to its latest quote.",
        "The answer is the quote as JSON, with Content-Type: application/json.",
    ],
)
def test_latest_quote(server: MixedServer, draw: Draw) -> None:
    """GET /price/S answers 200 with the latest quote of S."""
    publisher, symbol = Publisher(server), draw.word()
    publisher.publish(draw.word(), a_price(draw))
    for _ in range(2):
        expected = publisher.publish(symbol, a_price(draw))
        shows(server.http.get(path_of(symbol)), expected)


@requirement(
    "2.2",
    hints=[
        "What can you answer about a symbol that nobody has published?",
        "The status code says that there is nothing, the JSON says so in words.",
        '404, and {"error": "..."} with a text that is not empty.',
    ],
)
def test_unknown_symbol(server: MixedServer, draw: Draw) -> None:
    """A symbol that was never published answers 404 with an error."""
    answer = server.http.get(path_of(draw.word()))
    assert answer.status == 404
    assert answer.media_type == "application/json"
    assert answer.json == {"error": SOME_TEXT}


@requirement(
    "2.3",
    needs=["2.1", "2.2"],
    hints=[
        "Who may stand between your program and the visitor, and answer in its place?",
        "A cache may keep an answer and give it again, unless a header field forbids it (RFC 9111, section 5.2.2.5).",
        "Cache-Control: no-store, with both answers.",
    ],
)
def test_nothing_is_stored(server: MixedServer, draw: Draw) -> None:
    """Both answers carry Cache-Control with no-store."""
    symbol = draw.word()
    Publisher(server).publish(symbol, a_price(draw))
    for target in (path_of(symbol), path_of(draw.word())):
        assert "no-store" in server.http.get(target).directives("Cache-Control")


@requirement(
    "2.4",
    needs=["2.1", "2.2"],
    hints=[
        "How does a browser write é, or a space, in the request line?",
        "urllib.parse.unquote() undoes percent-encoding. In a path, + is just a plus.",
        "Decode the symbol exactly once. Compare the rest of the path as a whole, not only its beginning.",
    ],
)
def test_paths(server: MixedServer, draw: Draw) -> None:
    """The symbol is percent-decoded as UTF-8; any other path answers 404."""
    publisher = Publisher(server)
    for symbol in (f"{draw.word()} {draw.word()}", *(f"{draw.word()}{more}" for more in MORE)):
        expected = publisher.publish(symbol, a_price(draw))
        for encoded in {percent(symbol, safe="+"), "".join(f"%{byte:02x}" for byte in symbol.encode())}:
            shows(server.http.get(f"/price/{encoded}"), expected)
    known = draw.word()
    publisher.publish(known, a_price(draw))
    for path in ("/", f"/{draw.word()}", f"/{known}", f"/prices/{known}", f"/{draw.word()}/price/{known}"):
        assert server.http.get(path).status == 404
    assert server.http.get(f"/price/{known}/{draw.word()}").status == 404


@requirement(
    "2.5",
    needs=["2.1"],
    hints=[
        "Where does your program keep a quote: with the connection, or for everybody?",
        "All connections must see the same dictionary.",
        "Store the quote before you answer the publisher.",
    ],
)
def test_next_request_sees_it(server: MixedServer, draw: Draw) -> None:
    """What is published is seen by the next request, over every connection."""
    symbol = draw.word()
    one, other = Publisher(server, "one publisher"), Publisher(server, "another publisher")
    for publisher in (one, other, one):
        publisher.versions = {symbol: max(each.versions.get(symbol, 0) for each in (one, other))}
        expected = publisher.publish(symbol, a_price(draw))
        shows(server.http.get(path_of(symbol)), expected)


def shows(answer: Answer, expected: dict[str, object]) -> None:
    """Assert that an answer is this quote."""
    assert answer.status == 200
    assert answer.media_type == "application/json"
    assert answer.json == expected
