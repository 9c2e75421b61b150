"""Step 2: polling."""

import time
from urllib.parse import quote

from labcheck.suite import SOME_TEXT, Answer, Draw, ExchangeError, MixedServer, given, requirement
from labcheck.suites.lab3.prices import MORE, Publisher, Quote, a_price, path_of

TRIES, MOMENT = 20, 0.05  # requests, and seconds between them, until a price can be seen


@requirement(
    "2.1",
    needs=["1.2"],
    hints=[
        "What must your program remember, so that it can answer a client that asks later?",
        "A dictionary can hold the latest quote of each symbol.",
        "The answer is the quote as JSON, with Content-Type: application/json.",
    ],
)
def test_latest_quote(server: MixedServer, draw: Draw) -> None:
    """GET /price/S answers 200 with the latest quote of S."""
    publisher, symbol = Publisher(server), draw.word()
    publisher.publish(draw.word(), a_price(draw))
    expected = publisher.publish(symbol, a_price(draw), f'{draw.word()} "é" 日本 🎲')
    publisher.publish(draw.word(), a_price(draw))
    for _ in range(TRIES):  # that the next request sees it is the subject of 2.5
        answer = server.http.get(path_of(symbol))
        if answer.json == expected:
            break
        time.sleep(MOMENT)
    shows(answer, expected)
    assert answer.media_type == "application/json"


unknown = requirement(
    "2.2",
    hints=[
        "What can your program answer about a symbol without a price?",
        "The status code says it to programs, and the JSON says it in words.",
        'The answer is 404 with {"error": "..."}, and the text is not empty.',
    ],
)


@unknown
def test_unknown_symbol(server: MixedServer, draw: Draw) -> None:
    """A symbol that was never published answers 404 with an error."""
    answer = server.http.get(path_of(draw.word()))
    assert answer.status == 404
    assert answer.media_type == "application/json"
    assert answer.json == {"error": SOME_TEXT}


@unknown
def test_asked_for_is_not_published(new_server: MixedServer, draw: Draw) -> None:
    """It still does after somebody has waited for it in vain."""
    symbol = draw.word()
    try:
        new_server.http.request("GET", path_of(symbol, "after=0&wait=0"), patience=new_server.patience)
    except ExchangeError:  # it may wait, and hold up all others: this is the subject of step 3
        return
    assert new_server.http.get(path_of(symbol)).status == 404


@requirement(
    "2.3",
    needs=["2.1", "2.2"],
    hints=[
        "Which programs between yours and the client may answer in your place?",
        "A cache may keep an answer and give it again, unless a header field forbids it (RFC 9111, section 5.2.2.5).",
        "Send Cache-Control: no-store with both answers.",
    ],
)
def test_nothing_is_stored(server: MixedServer, draw: Draw) -> None:
    """Both answers have Cache-Control with no-store."""
    symbol = draw.word()
    Publisher(server).publish(symbol, a_price(draw))
    for target in (path_of(symbol), path_of(draw.word())):
        answer = server.http.get(target)
        given(answer.status < 500, f"GET {target} is answered with status {answer.status}")
        assert "no-store" in answer.directives("Cache-Control")


@requirement(
    "2.4",
    explained_by=["2.1", "2.5"],
    hints=[
        "How does a browser write é, or a space, in a request line?",
        "urllib.parse.unquote() decodes it. In a path, + is just a plus.",
        "Decode the symbol exactly once, and compare the whole path, not only its beginning.",
    ],
)
def test_paths(server: MixedServer, draw: Draw) -> None:
    """The symbol is percent-decoded as UTF-8; any other path answers 404."""
    publisher = Publisher(server)
    for symbol in (f" {draw.word()} {draw.word()} ", *(f"{draw.word()}{more}" for more in MORE)):
        expected = publisher.publish(symbol, a_price(draw))
        for encoded in (quote(symbol, safe="+"), "".join(f"%{byte:02x}" for byte in symbol.encode())):
            shows(server.http.get(f"/price/{encoded}"), expected)
    known = draw.word()
    publisher.publish(known, a_price(draw))
    others = (
        "/",
        f"/{draw.word()}",
        f"/{known}",
        "/price",
        f"/prices/{known}",
        f"/{draw.word()}/price/{known}",
        "/favicon.ico",
    )
    for path in (*others, f"/price/{known}/{draw.word()}", f"/price/{draw.word()}/{known}", f"/PRICE/{known}"):
        assert server.http.get(path).status == 404


@requirement(
    "2.5",
    explained_by=["2.1"],
    hints=[
        "Where does your program keep a quote: with one connection, or for all of them?",
        "All connections must use the same dictionary.",
        "Store the quote before you answer its publisher.",
    ],
)
def test_next_request_sees_it(server: MixedServer, draw: Draw) -> None:
    """What is published is seen by the next request, no matter who has published it."""
    one, other, symbol = Publisher(server, "one publisher"), Publisher(server, "another publisher"), draw.word()
    server.http.get(path_of(symbol))  # nobody has published it: this is no answer for later
    for publisher in (one, other, one, other):
        expected = publisher.publish(symbol, a_price(draw))
        for _ in range(2):
            shows(server.http.get(path_of(symbol)), expected)


def shows(answer: Answer, expected: Quote) -> None:
    """Expect this quote in an answer."""
    assert answer.status == 200
    assert answer.json == expected
