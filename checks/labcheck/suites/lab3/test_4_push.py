"""Step 4: push."""

import time

from labcheck.suite import Draw, ExchangeError, MixedServer, given, requirement
from labcheck.suites.lab3.prices import (
    MORE,
    Publisher,
    Quote,
    a_price,
    expect_soon,
    feed_of,
    offer,
    path_of,
    subscribe,
)

SUBSCRIBERS = 200
BURST = 5  # prices at once; a queue for a subscriber has room for them
FEW = 2  # prices before and after a newcomer, without a pause
TRIES, MOMENT = 20, 0.05  # prices, and seconds after each, until a subscriber without a quote has got one
KIB = 1024
LARGE, TIMES = 64 * KIB, 256  # 16 MiB in all
NEWCOMERS = 10  # subscribers of one symbol each


@requirement(
    "4.1",
    needs=["1.2"],
    hints=[
        "What does a page show in its first second, before the next price is published?",
        "The path of the opening handshake names the symbol: client.request.path.",
        "Send the latest quote first, if there is one.",
    ],
)
def test_begins_with_the_latest(server: MixedServer, draw: Draw) -> None:
    """A WebSocket on /feed/S first gets the latest quote of S, if there is one."""
    publisher, symbol, other = Publisher(server), draw.word(), draw.word()
    for who in ("a subscriber", "another subscriber", "a third subscriber"):
        latest = publisher.publish(symbol, a_price(draw))
        assert server.join(feed_of(symbol), who=who).receive().json == latest
    early = server.join(feed_of(other), who="an early subscriber")
    quotes: list[Quote] = []
    while not early.inbox and len(quotes) < TRIES:  # it may need a moment until it has subscribed
        quotes.append(publisher.publish(other, a_price(draw)))
        early.listen(MOMENT)
    first = early.receive().json
    given(bool(quotes), f"a subscriber gets {first!r}, although nothing was published for its symbol")
    assert first in quotes


every = requirement(
    "4.2",
    explained_by=["1.4", "4.1"],
    hints=[
        "When a price is published, how does your program know who has subscribed?",
        "A queue for each subscriber keeps the quotes in order, also when several come at once.",
        "Add the subscriber's queue and read the latest quote without an await in between: then none is left out.",
    ],
)


@every
def test_every_further_quote(server: MixedServer, draw: Draw) -> None:
    """Then it gets every further quote of S, in order, and of no other symbol; S is percent-decoded."""
    publisher = Publisher(server)
    for symbol in (draw.word(), *(f"{draw.word()}{more}" for more in MORE)):
        reader = subscribe(server, symbol, publisher.publish(symbol, a_price(draw)))
        publisher.publish(draw.word(), a_price(draw))
        one = publisher.publish(symbol, a_price(draw))
        for other in (f"{symbol}x", symbol.swapcase()):
            publisher.publish(other, a_price(draw))
        same = publisher.publish(symbol, one["price"])
        for quote in (one, same, *publisher.publish_all(symbol, *(a_price(draw) for _ in range(BURST)))):
            assert reader.receive().json == quote


@every
def test_joins_in_between(server: MixedServer, draw: Draw) -> None:
    """It misses none and gets none twice if it joins while prices are published."""
    publisher = Publisher(server)
    for number in range(NEWCOMERS):
        symbol, prices = f"newcomer {number} {draw.word()}", [a_price(draw) for _ in range(2 * FEW)]
        quotes = publisher.publish_all(symbol, a_price(draw), a_price(draw))
        publisher.client.send(*(offer(symbol, price) for price in prices[:FEW]))
        reader = server.join(feed_of(symbol), who=f"subscriber {number + 1}")
        publisher.client.send(*(offer(symbol, price) for price in prices[FEW:]))
        quotes += [publisher.read_quote(symbol, price) for price in prices]
        first = reader.receive().json
        assert first in quotes[1:]
        quotes.append(publisher.publish(symbol, a_price(draw)))
        for quote in quotes[quotes.index(first.value) + 1 :]:
            assert reader.receive().json == quote


@requirement(
    "4.3",
    explained_by=["4.1", "4.2"],
    hints=[
        "How many subscribers can a popular symbol have?",
        "Only the time that it takes to send to all of them may depend on their number.",
        "Do not wait for one subscriber before you send to the next.",
    ],
)
def test_reaches_everybody(server: MixedServer, draw: Draw) -> None:
    """One publication reaches 200 subscribers."""
    publisher, symbol = Publisher(server), draw.word()
    first = subscribe(server, symbol, publisher.publish(symbol, a_price(draw)))
    latest = publisher.publish(symbol, a_price(draw))
    assert first.receive().json == latest  # a program that fails with one subscriber may take minutes with 200
    others = server.join_many(SUBSCRIBERS - 1, feed_of(symbol))
    for reader in others:
        assert reader.receive().json == latest
    expected, began = publisher.publish(symbol, a_price(draw)), time.monotonic()
    for number, reader in enumerate([first, *others]):
        assert reader.receive().json == expected
        expect_soon(began, number + 1, SUBSCRIBERS)


@requirement(
    "4.4",
    explained_by=["1.4", "4.1", "4.2", "4.6"],  # a slow subscriber may be disconnected
    exchanges=TIMES,
    hints=[
        "What does send() wait for while the other side does not read?",
        "A queue for each subscriber, and a task that empties it, keep the publisher apart from all of them.",
        "A queue without a limit fills the memory. Disconnect a subscriber that is too far behind.",
    ],
)
def test_slow_subscriber(new_server: MixedServer, draw: Draw) -> None:
    """A subscriber who has stopped reading does not hold the others up, nor the publisher."""
    publisher, symbol = Publisher(new_server), draw.word()
    latest = publisher.publish(symbol, a_price(draw))
    new_server.join(feed_of(symbol), who="a subscriber who does not read", receive_buffer=4 * KIB)
    reader = subscribe(new_server, symbol, latest)
    new_server.by_hand("python deaf.py   # the program in step 4 of the sheet: it has to reach 1000")
    block = draw.word(KIB) * (LARGE // KIB - 1)
    for _ in range(TIMES):
        expected = publisher.publish(symbol, f"{a_price(draw)} {block}")
        assert reader.receive().json == expected


@requirement(
    "4.5",
    needs=["1.2"],
    explained_by=["2.4"],
    hints=[
        "What does a client get if it asks for a WebSocket at a path that has none?",
        "Before it is a WebSocket it is an HTTP request, which can be answered with a status code.",
        "Answer 404 in the opening handshake, also at /price/S.",
    ],
)
def test_other_paths_are_refused(server: MixedServer, draw: Draw) -> None:
    """A WebSocket on any other path is refused in the handshake with HTTP 404."""
    symbol = draw.word()
    Publisher(server).publish(symbol, a_price(draw))
    similar = (
        f"/publish{draw.word()}",
        f"/feeds/{symbol}",
        f"/feed/{symbol}/{draw.word()}",
        path_of(symbol),
        path_of(draw.word()),
    )
    for path in ("/", f"/{draw.word()}", f"/{draw.word()}/{draw.word()}", *similar):
        assert server.ask_to_join(path).status == 404


@requirement(
    "4.6",
    explained_by=["4.1", "4.2"],
    hints=[
        "What is in your set of subscribers after one has left?",
        "A `finally:` block removes the entry, no matter how the connection ends.",
        "Sending to a client that has gone raises ConnectionClosed, which is no reason for a traceback.",
    ],
)
def test_who_left_is_forgotten(new_server: MixedServer, draw: Draw) -> None:
    """After a subscriber has left, normally or not, the others' quotes go on, and there is no traceback."""
    publisher, symbol = Publisher(new_server), draw.word()
    latest = publisher.publish(symbol, a_price(draw))
    names = "the first", "one", "another", "the last"
    first, polite, sudden, last = (subscribe(new_server, symbol, latest, who) for who in names)
    for end in (polite.leave, sudden.vanish):
        end()
        for _ in range(2):
            try:
                quote = publisher.publish(symbol, a_price(draw))
                assert first.receive().json == quote
                assert last.receive().json == quote
            except ExchangeError:
                publisher.client.vanish()  # a library may report an exception when the connection is closed
                assert new_server.traceback() == ""  # it says more than that a message is missing
                raise
    assert new_server.traceback() == ""
