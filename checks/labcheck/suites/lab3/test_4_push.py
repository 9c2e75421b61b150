"""Step 4: push."""

from labcheck.suite import Draw, MixedServer, given, requirement
from labcheck.suites.lab3.prices import MORE, Publisher, a_price, feed_of, path_of

SUBSCRIBERS = 200
KIB = 1024
LARGE, TIMES = 64 * KIB, 256  # 16 MiB in all


@requirement(
    "4.1",
    needs=["1.2"],
    hints=[
        "What does a page show in the first second, before anything is published?",
        "The path of the request says whose prices they are: connection.request.path.",
        "Send the latest quote first, if there is one.",
    ],
)
def test_begins_with_the_latest(server: MixedServer, draw: Draw) -> None:
    """A WebSocket on /feed/S first gets the latest quote of S, if there is one."""
    publisher, symbol, other = Publisher(server), draw.word(), draw.word()
    for _ in range(2):
        latest = publisher.publish(symbol, a_price(draw))
    assert server.join(feed_of(symbol), who="a subscriber").receive().json == latest
    early = server.join(feed_of(other), who="an early subscriber")
    first = publisher.publish(other, a_price(draw))
    assert early.receive().json == first


@requirement(
    "4.2",
    needs=["4.1"],
    hints=[
        "Who knows that somebody has subscribed, when a price is published?",
        "A queue for each subscriber keeps the quotes in order.",
        "Subscribe before you read the latest quote, without an await in between: then none is left out.",
    ],
)
def test_every_further_quote(server: MixedServer, draw: Draw) -> None:
    """Then it gets every further quote of S, in order, and of no other symbol; S is percent-decoded."""
    publisher, others = Publisher(server), draw.word()
    for symbol in (draw.word(), *(f"{draw.word()}{more}" for more in MORE)):
        publisher.publish(symbol, a_price(draw))
        reader = server.join(feed_of(symbol), who=f"a subscriber of {symbol}")
        given(reader.receive().json.get("version") == 1, "it does not send the latest quote first")
        expected = []
        for _ in range(5):
            publisher.publish(others, a_price(draw))
            expected.append(publisher.publish(symbol, a_price(draw)))
        for quote in expected:
            assert reader.receive().json == quote


@requirement(
    "4.3",
    needs=["4.2"],
    hints=[
        "How many subscribers has a symbol that everybody watches?",
        "Nothing in your program may depend on their number, but the time to send to all of them.",
        "Do not wait for one before you send to the next.",
    ],
)
def test_reaches_everybody(server: MixedServer, draw: Draw) -> None:
    """One publication reaches 200 subscribers."""
    publisher, symbol = Publisher(server), draw.word()
    publisher.publish(symbol, a_price(draw))
    readers = server.join_many(SUBSCRIBERS, feed_of(symbol))
    for reader in readers:
        given(reader.receive().json.get("version") == 1, "it does not send the latest quote first")
    expected = publisher.publish(symbol, a_price(draw))
    for reader in readers:
        assert reader.receive().json == expected


@requirement(
    "4.4",
    needs=["4.2"],
    exchanges=TIMES,
    hints=[
        "What does send() do while the other side does not read?",
        "A queue for each subscriber, with a task that empties it, separates the publisher from all of them.",
        "A queue without a limit fills the memory. Who is too far behind must be disconnected.",
    ],
)
def test_slow_subscriber(new_server: MixedServer, draw: Draw) -> None:
    """A subscriber who has stopped reading does not hold the others up, nor the publisher."""
    publisher, symbol = Publisher(new_server), draw.word()
    publisher.publish(symbol, a_price(draw))
    new_server.join(feed_of(symbol), who="a subscriber who does not read", receive_buffer=4 * KIB)
    reader = new_server.join(feed_of(symbol), who="a subscriber")
    given(reader.receive().json.get("version") == 1, "it does not send the latest quote first")
    for _ in range(TIMES):
        expected = publisher.publish(symbol, (draw.word(KIB) * (LARGE // KIB))[: LARGE - 200])
        assert reader.receive().json == expected


@requirement(
    "4.5",
    hints=[
        "What does a client hear that asks for a WebSocket where there is none?",
        "Before it is a WebSocket, it is an HTTP request: it can be answered with a status.",
        "404, in the opening handshake, also at /price/S.",
    ],
)
def test_other_paths_are_refused(server: MixedServer, draw: Draw) -> None:
    """A WebSocket on any other path is refused in the handshake with HTTP 404."""
    server.join("/publish").leave()
    for path in ("/", f"/{draw.word()}", path_of(draw.word()), f"/{draw.word()}/{draw.word()}"):
        assert server.ask_to_join(path).status == 404


@requirement(
    "4.6",
    needs=["4.2"],
    hints=[
        "What is in your list of subscribers after somebody has left?",
        "try ... finally removes the entry, however the connection ends.",
        "Sending to somebody who has gone raises ConnectionClosed: it is no reason for a traceback.",
    ],
)
def test_who_left_is_forgotten(new_server: MixedServer, draw: Draw) -> None:
    """A subscriber that left, normally or not, is forgotten: the others' quotes go on, without a traceback."""
    publisher, symbol = Publisher(new_server), draw.word()
    publisher.publish(symbol, a_price(draw))
    polite, sudden, stays = (new_server.join(feed_of(symbol), who=who) for who in ("one", "another", "a third"))
    for reader in (polite, sudden, stays):
        given(reader.receive().json.get("version") == 1, "it does not send the latest quote first")
    polite.leave()
    sudden.vanish()
    for _ in range(3):
        expected = publisher.publish(symbol, a_price(draw))
        assert stays.receive().json == expected
    assert new_server.traceback() == ""
