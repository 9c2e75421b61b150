"""Step 3: long polling."""

import time
from typing import NamedTuple

from labcheck.suite import SOME_TEXT, Connection, Draw, ExchangeError, Mismatch, MixedServer, given, requirement
from labcheck.suites.lab3.prices import LONG_WAIT, PUBLISH, Publisher, a_price, expect_soon, path_of

WAITING = 100  # requests at once
WAITS = 0.0, 0.5, 1.0, 1.25  # seconds
USUAL_WAIT, LONGER = 12.0, 13.5  # seconds: of a request that does not say for how long, and of one that outlasts it
MUCH = 1.0  # seconds; two waits differ by more, unless they have the same end
FORGIVEN = 0.05  # seconds that an answer may be too early
NO_AFTER = "", "x", "-1", "1.5", "nan"
NO_WAIT = "", "x", "-1", "-0.5", "nan", "inf", "60.5", "61"


@requirement(
    "3.1",
    explained_by=["2.1", "2.5"],
    hints=[
        "A client has missed two prices. Which one does it need now?",
        "urllib.parse.parse_qs() reads the query. `after` is the version that the client has.",
        "If the latest version is above it, answer at once with the latest quote.",
    ],
)
def test_answers_at_once(server: MixedServer, draw: Draw) -> None:
    """GET /price/S?after=N answers at once with the latest quote if its version is above N."""
    publisher, symbol = Publisher(server), draw.word()
    latest = publisher.publish(symbol, *(a_price(draw) for _ in range(11)))
    before = f"after={latest['version'] - 1}"
    for query in ("after=0", "after=2", "after=9", before, f"{before}&{LONG_WAIT}"):
        answer = server.http.request("GET", path_of(symbol, query), patience=server.patience)
        assert answer.status == 200
        assert answer.json == latest
        assert answer.media_type == "application/json"


@requirement(
    "3.2",
    explained_by=["2.1", "2.5"],
    hints=[
        "While one client waits, can your program still answer the others?",
        "Wait for something that a publication sets, such as an asyncio.Event, instead of looking again and again.",
        "A publication wakes every request that waits for its symbol, and no other.",
    ],
)
def test_waits_for_the_next_one(server: MixedServer, draw: Draw) -> None:
    """Otherwise it waits, and answers with the next publication of S; other symbols do not wake it."""
    publisher, symbol = Publisher(server), draw.word()
    expected = publisher.publish(symbol, a_price(draw))
    for _ in range(2):
        with server.http.ask(path_of(symbol, f"after={expected['version']}&{LONG_WAIT}")) as (waiting,):
            exchange_others(server, publisher, waiting, draw)
            assert waiting.so_far() == ""
            expected = publisher.publish(symbol, a_price(draw))
            answer = waiting.read_answer(patience=server.patience)
            assert answer.status == 200
            assert answer.json == expected
            assert answer.media_type == "application/json"


def exchange_others(server: MixedServer, publisher: Publisher, waiting: Connection, draw: Draw) -> None:
    """While a request waits, do whole exchanges about other symbols: by their end, it has been read."""
    try:
        for _ in range(3):
            other = draw.word()
            server.http.get(path_of(other))
            publisher.publish(other, a_price(draw))
    except ExchangeError:
        server.by_hand(f"{waiting.by_hand}   # in another terminal: {PUBLISH}")
        raise


class Asked(NamedTuple):
    """Requests that wait on a server of their own, in the order of WAITS; the last two wait longest."""

    server: MixedServer
    symbol: str
    requests: list[Connection]


class Waited(float):
    """The seconds until an answer came."""

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say when it was expected, without what is forgiven."""
        del operator
        return Mismatch(f"an answer after {float(str(wanted)) + FORGIVEN:g} s", f"an answer after {self:.2f} s")


def ask_and_wait(server: MixedServer, draw: Draw) -> Asked:
    """Send requests that wait for a price that does not come: for some seconds, for the usual time, and for longer."""
    publisher, symbol = Publisher(server), draw.word()
    version = publisher.publish(symbol, a_price(draw))["version"]
    publisher.client.leave()  # it would answer no ping until its turn comes
    after = f"after={version}"
    queries = *(f"{after}&wait={wait:g}" for wait in WAITS), after, f"{after}&wait={LONGER:g}"
    return Asked(server, symbol, [server.http.begin(path_of(symbol, query), query) for query in queries])


@requirement(
    "3.3",
    explained_by=["3.1", "3.2"],
    begins=ask_and_wait,
    hints=[
        "What happens to a request without an answer on its way through other people's machines?",
        "asyncio.wait_for() ends a wait after some seconds, and the query says how many.",
        "204 No Content has no body, and so no Content-Length (RFC 9110, section 8.6).",
    ],
)
def test_gives_up_in_time(begun: Asked, draw: Draw) -> None:
    """Without a publication, it answers 204 without a body after `wait` seconds (12 if left out), not earlier."""
    *others, usual, longer = begun.requests
    for request, seconds in zip(begun.requests, (*WAITS, USUAL_WAIT, LONGER), strict=True):
        with request:
            answer = request.read_answer(waits=seconds)
            assert answer.status == 204
            assert answer.sent == b""
            assert Waited(request.waited) >= seconds - FORGIVEN
    slowest = max(each.waited for each in others)
    given(slowest < usual.waited - MUCH, f"with a `wait` of up to {WAITS[-1]:g} s, it waits as long as without `wait`")
    given(usual.waited < longer.waited, f"without `wait`, it waits as long as with wait={LONGER:g}")
    Publisher(begun.server, "another publisher").publish(begun.symbol, a_price(draw))  # it still can
    for wait in ("0", "0.5", "59.5", "60"):
        answer = begun.server.http.request("GET", path_of(begun.symbol, f"after=0&wait={wait}"))
        assert answer.status == 200, f"wait={wait} is neither negative nor too large"


@requirement(
    "3.4",
    explained_by=["2.1", "2.5", "3.2"],
    hints=[
        "How can a client wait for the very first price of a symbol?",
        "There must be something to wait for before there is a quote.",
        "Create what you keep about a symbol when a client waits for it; 404 is for a client that does not wait.",
    ],
)
def test_waits_for_the_first_one(server: MixedServer, draw: Draw) -> None:
    """It also waits for a symbol that was never published."""
    publisher, symbol = Publisher(server), draw.word()
    with server.http.ask(path_of(symbol, f"after=0&{LONG_WAIT}")) as (waiting,):
        exchange_others(server, publisher, waiting, draw)
        assert waiting.so_far() == ""
        expected = publisher.publish(symbol, a_price(draw))
        answer = waiting.read_answer(patience=server.patience)
        assert answer.status == 200
        assert answer.json == expected


@requirement(
    "3.5",
    explained_by=["2.1", "2.5", "3.2"],
    hints=[
        "How many clients can wait for the same symbol at the same time?",
        "An asyncio.Event wakes all that wait for it; asyncio.Queue.get() wakes only one.",
        "Wake every request that waits, and give each of them the same quote.",
    ],
)
def test_wakes_everybody(server: MixedServer, draw: Draw) -> None:
    """100 requests that wait for one symbol are all answered by one publication, with the same quote."""
    publisher, symbol = Publisher(server), draw.word()
    version = publisher.publish(symbol, a_price(draw))["version"]
    with server.http.ask(*[path_of(symbol, f"after={version}&{LONG_WAIT}")] * WAITING) as waiting:
        given(server.http.get(path_of(symbol)).status == 200, "GET /price/S does not work while many others wait")
        expected, began = publisher.publish(symbol, a_price(draw)), time.monotonic()
        for number, request in enumerate(waiting):
            answer = request.read_answer()
            assert answer.status == 200
            assert answer.json == expected
            expect_soon(began, number + 1, WAITING)


@requirement(
    "3.6",
    explained_by=["2.1", "2.5", "3.1", "3.2", "3.5"],
    hints=[
        "What does your program do with an answer whose client has gone?",
        "Writing to a closed connection raises an exception. Which part of your program does it end?",
        "One client's exception must not reach the loop that wakes the others, nor the publisher.",
    ],
)
def test_one_goes_away(new_server: MixedServer, draw: Draw) -> None:
    """A client that goes away while it waits disturbs no other."""
    publisher, symbol = Publisher(new_server), draw.word()
    target = path_of(symbol, f"after={publisher.publish(symbol, a_price(draw))['version']}&{LONG_WAIT}")
    with new_server.http.ask(*[target] * 5) as (first, stays, third, last, fifth):
        given(new_server.http.get(path_of(symbol)).status == 200, "GET /price/S does not work while others wait")
        first.close()
        third.reset()
        new_server.come_to_rest()  # it may have noticed these two; the next it notices when it answers
        fifth.reset()
        quotes = publisher.publish_all(symbol, a_price(draw), a_price(draw))
        for request in (stays, last):
            answer = request.read_answer()
            assert answer.status == 200
            assert answer.json in quotes
    other = draw.word()
    expected = publisher.publish(other, a_price(draw))
    assert new_server.http.get(path_of(other)).json == expected


@requirement(
    "3.7",
    needs=["3.1"],
    hints=[
        "What does float('nan') return, and is it greater than 60?",
        "Look at the text before you turn it into a number: which characters may it have?",
        "The status is 400, and the JSON says what is wrong.",
    ],
)
def test_wrong_numbers(server: MixedServer, draw: Draw) -> None:
    """`after` or `wait` that is no number, negative or too large answers 400 with an error, at once."""
    symbol = draw.word()
    version = Publisher(server).publish(symbol, a_price(draw))["version"]
    wrong = [f"after={after}" for after in NO_AFTER]
    wrong += [f"after={after}&wait={wait}" for wait in NO_WAIT for after in (0, version)]
    for query in wrong:
        answer = server.http.request("GET", path_of(symbol, query), patience=server.patience)
        assert answer.status == 400
        assert answer.media_type == "application/json"
        assert answer.json == {"error": SOME_TEXT}
