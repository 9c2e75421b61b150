"""Step 1: publishing."""

import json
from contextlib import suppress

from labcheck.suite import SOME_TEXT, Connection, Draw, ExchangeError, MixedServer, given, requirement
from labcheck.suites.lab3.prices import LONG_WAIT, MORE, PUBLISH, Publisher, a_price, feed_of, offer, path_of

PUBLISHERS, EACH = 10, 10
GONE = (1001, 1000)  # RFC 6455, section 7.4.1: going away, or a normal end


@requirement(
    "1.1",
    hints=[
        "Which port does your program listen on, and where does it get the number from?",
        "One server can speak both protocols: a WebSocket begins as an HTTP request (RFC 6455, section 1.3).",
        "process_request() answers an HTTP request itself, or returns None for an opening handshake.",
    ],
)
def test_accepts_both(server: MixedServer, draw: Draw) -> None:
    """On one port, it accepts WebSocket connections at /publish and HTTP requests."""
    server.join("/publish").leave()
    assert server.http.get(path_of(draw.word())).status in range(200, 600)


@requirement(
    "1.2",
    hints=[
        "What does a publisher want to know after it has sent a price?",
        "json.loads() turns the message into a dictionary; json.dumps() turns the quote into a message.",
        "Answer each message with one text message to its sender: the quote, with its new version.",
    ],
)
def test_answers_with_the_quote(server: MixedServer, draw: Draw) -> None:
    """A price is answered by one message, the new quote; symbol and price are any Unicode."""
    publishers = server.join("/publish", who="one publisher"), server.join("/publish", who="another publisher")
    symbol, price = draw.word(), a_price(draw)
    publishers[0].send(offer(symbol, price))
    assert publishers[0].receive().json == {"symbol": symbol, "price": price, "version": 1}
    for symbol in (f" {draw.word()} {more} " for more in MORE):
        for publisher, price in zip(publishers, (a_price(draw), f"\t{draw.word()}\0\r\n{symbol}"), strict=True):
            publisher.send(offer(symbol, price))
            answer = publisher.receive().json
            assert answer == {"symbol": symbol, "price": price, "version": answer.get("version")}


@requirement(
    "1.3",
    explained_by=["1.2"],
    hints=[
        "What does your program do with the message `hello`?",
        "json.loads() raises ValueError. It may also return a list, a number, or a dictionary without a price.",
        "Before you publish, test that the value is a dictionary, and that its symbol and its price are strings.",
    ],
)
def test_says_what_is_wrong(server: MixedServer, draw: Draw) -> None:
    """Any other message is answered by one error; nothing is published, and the connection stays."""
    publisher, symbol, price = Publisher(server), draw.word(), a_price(draw)
    first, second = publisher.publish_all(symbol, price, a_price(draw))
    right = {"symbol": symbol, "price": price}
    no_strings = [right | {"price": 12.3}, right | {"price": None}, right | {"symbol": 7}, right | {"price": [price]}]
    no_strings += [right | {"symbol": True}, right | {"price": False}]
    others = [{"symbol": symbol}, {"price": price}, {}, [right], [symbol, price], f"symbol {price}", 7, None]
    no_json = "", draw.word(), json.dumps(right)[:-1], f"{json.dumps(right)} {draw.word()}", repr(right)
    for message in (*no_json, *map(json.dumps, [*no_strings, *others])):
        publisher.client.send(message)
        assert publisher.client.receive().json == {"error": SOME_TEXT}
    third = publisher.publish(symbol, price)
    assert third["version"] - second["version"] == second["version"] - first["version"]


@requirement(
    "1.4",
    explained_by=["1.2"],
    hints=[
        "What happens if two publishers read the same version before either has written the next one?",
        "Between two awaits, no other coroutine runs. With threads, another one may run between any two lines.",
        "Count and store the quote without an await in between; with threads, under one lock.",
    ],
)
def test_counts_without_gaps(server: MixedServer, draw: Draw) -> None:
    """With 10 publishers at once, versions have no gap and no double; each symbol counts for itself."""
    symbol = draw.word()
    publishers = server.join_many(PUBLISHERS, "/publish")
    for _ in range(EACH):
        for publisher in publishers:
            publisher.post(offer(symbol, a_price(draw)))
    versions = [publisher.receive().json.get("version") for publisher in publishers for _ in range(EACH)]
    given(all(isinstance(version, int | float) for version in versions), "a quote has no version")
    assert sorted(versions) == list(range(1, PUBLISHERS * EACH + 1))
    publishers[0].leave()
    price = a_price(draw)
    for number in range(PUBLISHERS * EACH + 1, PUBLISHERS * EACH + 4):  # each time with the same price
        publishers[1].send(offer(symbol, price))
        assert publishers[1].receive().json.get("version") == number
    for other in (draw.word(), symbol.upper(), symbol[:-1], f"{symbol}x"):
        publishers[1].send(offer(other, price))
        assert publishers[1].receive().json.get("version") == 1


@requirement(
    "1.5",
    needs=["1.2"],
    hints=[
        "What do the clients see when you stop your server, and what does the terminal show?",
        "`async with serve(...)` closes the WebSockets. Catch KeyboardInterrupt around asyncio.run().",
    ],
)
def test_stops_cleanly(new_server: MixedServer, draw: Draw) -> None:
    """On Ctrl+C it closes every WebSocket with 1001 (or 1000), and exits within 3 s: status 0, no traceback."""
    Publisher(new_server).publish(draw.word(), a_price(draw))
    expect_clean(new_server, waiting=[])


@requirement(
    "1.5",
    needs=["1.2"],
    explained_by=["3.2", "3.4", "4.4", "4.6"],  # at Ctrl+C, clients wait, read nothing and leave, too
    hints=[
        "On Ctrl+C, `async with serve(...)` waits for all requests without an answer, for up to a minute.",
        "Wake the requests that wait at the end of main(), before the block of `async with` ends.",
    ],
)
def test_stops_cleanly_while_others_wait(own_server: MixedServer, draw: Draw) -> None:
    """It does so while requests wait for the next price, and a subscriber for the next message."""
    publisher, symbol = Publisher(own_server), draw.word()
    publisher.publish(symbol, a_price(draw))
    with suppress(ExchangeError):  # without push, it may refuse a subscriber
        own_server.join(feed_of(symbol), who="a subscriber")
    with own_server.http.ask(
        path_of(symbol, f"after=1&{LONG_WAIT}"), path_of(draw.word(), f"after=0&{LONG_WAIT}")
    ) as waiting:
        try:
            own_server.http.get(path_of(symbol))  # once it has the answer, no request is half-way
        except ExchangeError:
            own_server.by_hand(f"{waiting[1].by_hand}   # in another terminal: {PUBLISH}")
            given(False, "while one request waits, it does not answer another one")
        publisher.client.skip()
        given(publisher.client.is_open, "it closed the publisher's connection before Ctrl+C")
        for client in own_server.clients[1:]:
            client.listen()
            if not client.is_open:  # without push, it may close the connection of a subscriber
                client.hang_up()
                own_server.clients.remove(client)
        expect_clean(own_server, waiting)


def expect_clean(server: MixedServer, waiting: list[Connection]) -> None:
    """Send Ctrl+C, and expect that the program closes its WebSockets and ends; `waiting` are requests that wait."""
    ending, farewells = server.interrupt(seconds=3)
    why = why_it_runs(server, waiting) if ending.status.code is None else ""
    for farewell in farewells:
        assert farewell in GONE
    assert ending.status == 0, why or ending.complaint
    assert not ending.traceback, ending.complaint


def why_it_runs(server: MixedServer, waiting: list[Connection]) -> str:
    """Return what a program waits for after Ctrl+C, as far as its clients can tell."""
    if [each for each in waiting if each.so_far() == ""]:
        server.by_hand(f"python ticker.py   # in another terminal: {waiting[1].by_hand}; then press Ctrl+C here")
        return "requests still wait for an answer: wake them on Ctrl+C"
    if not waiting:
        return "no request waits, but one of your coroutines or threads does not end"
    server.by_hand("python ticker.py   # connect a publisher and a subscriber, then press Ctrl+C here")
    return "no request waits any more, but one of your coroutines or threads does not end"
