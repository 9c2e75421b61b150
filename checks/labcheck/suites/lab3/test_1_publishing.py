"""Step 1: publishing."""

import json

from labcheck.suite import SOME_TEXT, Draw, MixedServer, given, requirement
from labcheck.suites.lab3.prices import MORE, Publisher, a_price, offer, path_of

PUBLISHERS, EACH = 10, 5
GONE = (1000, 1001)  # normal closure, going away (RFC 6455, section 7.4.1)


@requirement(
    "1.1",
    hints=[
        "Which port does your program listen on, and who tells it?",
        "One server can speak both: a WebSocket connection begins as an HTTP request (RFC 6455, section 1.7).",
        "serve(..., process_request=...) answers an HTTP request itself, or returns None for the opening handshake.",
    ],
)
def test_accepts_both(server: MixedServer, draw: Draw) -> None:
    """On its port, it accepts WebSocket connections at /publish, and HTTP requests."""
    server.join("/publish").leave()
    assert server.http.get(path_of(draw.word())).status in range(200, 600)


@requirement(
    "1.2",
    hints=[
        "What does a publisher get for its price?",
        "json.loads() makes an object of the message, json.dumps() a message of the quote.",
        "Answer each message with one text message: the quote, with the version that it has got.",
    ],
)
def test_answers_with_the_quote(server: MixedServer, draw: Draw) -> None:
    """A price is answered by one message, the new quote; symbol and price are any Unicode."""
    publisher = server.join("/publish", who="the publisher")
    for symbol in (draw.word(), *(f"{draw.word()}{more}" for more in MORE)):
        for version, price in enumerate((a_price(draw), f" {draw.word()} {symbol}"), start=1):
            publisher.send(offer(symbol, price))
            assert publisher.receive().json == {"symbol": symbol, "price": price, "version": version}


@requirement(
    "1.3",
    needs=["1.2"],
    hints=[
        "What does your program do with the message `hello`?",
        "json.loads() raises ValueError; and what it returns may be a list, or an object without a price.",
        "Check that the value is an object whose symbol and price are both texts, before anything is published.",
    ],
)
def test_says_what_is_wrong(server: MixedServer, draw: Draw) -> None:
    """Anything else is answered by one message with an error; nothing is published, and the connection stays."""
    publisher = server.join("/publish", who="the publisher")
    symbol, price = draw.word(), a_price(draw)
    right = {"symbol": symbol, "price": price}
    wrong = [
        right | {"price": 12.3},
        right | {"symbol": 7},
        right | {"price": None},
        {"symbol": symbol},
        [right],
        price,
    ]
    for message in ("", draw.word(), json.dumps(right)[:-1], json.dumps({"price": price}), *map(json.dumps, wrong)):
        publisher.send(message)
        assert publisher.receive().json == {"error": SOME_TEXT}
    publisher.send(offer(symbol, price))
    assert publisher.receive().json == {**right, "version": 1}


@requirement(
    "1.4",
    needs=["1.2"],
    hints=[
        "What happens if two publishers read the same version before either has written the next one?",
        "Between two awaits, no other coroutine of the same event loop runs. Between two lines, another thread may.",
        "Count, and store the quote, without an await in between (or, with threads, under one lock).",
    ],
)
def test_counts_without_gaps(server: MixedServer, draw: Draw) -> None:
    """Versions have no gap and no double, also with 10 publishers at once; each symbol counts for itself."""
    symbol, other = draw.word(), draw.word()
    publishers = server.join_many(PUBLISHERS, "/publish")
    prices = {client: [f"{draw.word()}" for _ in range(EACH)] for client in publishers}
    for client in publishers:
        for price in prices[client]:
            client.post(offer(symbol, price))
    found = []
    for client in publishers:
        for price in prices[client]:
            quote = client.receive().json
            assert quote == {"symbol": symbol, "price": price, "version": quote.get("version")}
            found.append(quote.get("version"))
    assert sorted(found, key=str) == sorted(range(1, PUBLISHERS * EACH + 1), key=str)
    publishers[0].send(offer(other, a_price(draw)))
    assert publishers[0].receive().json.get("version") == 1


@requirement(
    "1.5",
    hints=[
        "What does a client see when you stop your server, and what does the terminal show?",
        "On Ctrl+C, `async with serve(...)` closes the WebSockets. It also waits for the requests that are not answered.",
        "Wake the requests that wait, and catch KeyboardInterrupt around asyncio.run().",
    ],
)
def test_stops_cleanly(own_server: MixedServer, draw: Draw) -> None:
    """On Ctrl+C it closes every WebSocket (1001 or 1000) and exits with status 0 within 3 s, without a traceback."""
    symbol = draw.word()
    quote = Publisher(own_server).publish(symbol, a_price(draw))
    reader = own_server.join(f"/feed/{symbol}", who="a subscriber")
    given(own_server.http.get(path_of(symbol)).status in range(200, 600), "it answers no HTTP request")
    del quote
    with own_server.http.ask(path_of(symbol, "after=1&wait=60"), path_of(draw.word(), "after=0&wait=60")):
        own_server.http.get(path_of(symbol))  # by its answer, the two requests have arrived
        given(reader.is_open, "it closed a subscriber's connection before Ctrl+C")
        ending, farewells = own_server.interrupt(seconds=3)
    for farewell in farewells:
        assert farewell in GONE
    assert ending.status == 0, ending.complaint
    given(not ending.traceback, ending.complaint)
