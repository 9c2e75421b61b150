"""Step 3: long polling."""

from labcheck.suite import SOME_TEXT, Connection, Draw, MixedServer, given, requirement
from labcheck.suites.lab3.prices import Publisher, a_price, path_of

WAITING = 100  # requests at once
WAITS = "0", "0.5", "1", "1.25"  # seconds
USUAL_WAIT = 12.0  # seconds, if a request does not say for how long
FORGIVEN = 0.05  # seconds that an answer may be too early
WRONG = ["after=", "after=x", "after=-1", "after=1.5", "after=nan"]
WRONG += [f"after=0&wait={wait}" for wait in ("", "x", "-1", "nan", "61")]


@requirement(
    "3.1",
    needs=["2.1"],
    hints=[
        "What does a visitor want to hear who has missed two prices: the next one, or the latest?",
        "urllib.parse.parse_qs() reads the query; after is the version that the visitor has.",
        "If the latest version is above it, answer with the latest quote at once.",
    ],
)
def test_answers_at_once(server: MixedServer, draw: Draw) -> None:
    """GET /price/S?after=N answers at once with the latest quote if its version is above N."""
    publisher, symbol = Publisher(server), draw.word()
    for _ in range(3):
        latest = publisher.publish(symbol, a_price(draw))
    for after in (0, 1, 2):
        answer = server.http.request("GET", path_of(symbol, f"after={after}"), patience=server.patience)
        assert answer.status == 200
        assert answer.json == latest


@requirement(
    "3.2",
    needs=["2.1"],
    hints=[
        "What does your program do while a visitor waits: can it still answer others?",
        "Wait for something that a publication sets off, such as an asyncio.Event, not for time to pass.",
        "Each publication of the symbol wakes everybody who waits for it, and nobody else.",
    ],
)
def test_waits_for_the_next_one(server: MixedServer, draw: Draw) -> None:
    """Otherwise it waits, and answers with the next publication of S; other symbols do not wake it."""
    publisher, symbol = Publisher(server), draw.word()
    publisher.publish(symbol, a_price(draw))
    with server.http.ask(path_of(symbol, "after=1&wait=60")) as (waiting,):
        for _ in range(2):  # what is proven by whole exchanges on other connections
            publisher.publish(draw.word(), a_price(draw))
            given(server.http.get(path_of(symbol)).status == 200, "GET /price/S does not work")
        assert waiting.so_far() == ""
        expected = publisher.publish(symbol, a_price(draw))
        answer = waiting.read_answer(patience=server.patience)
        assert answer.status == 200
        assert answer.json == expected


def begin_to_wait(server: MixedServer, draw: Draw) -> Connection:
    """Send a request that does not say for how long it waits; nothing is published after that."""
    symbol = draw.word()
    Publisher(server).publish(symbol, a_price(draw))
    return server.http.begin(path_of(symbol, "after=1"))


@requirement(
    "3.3",
    needs=["3.1"],
    begins=begin_to_wait,
    hints=[
        "What happens to a request that waits for an hour, on its way through other people's machines?",
        "asyncio.wait_for() ends a wait; the query says after how many seconds.",
        "204 No Content has no body, and so no Content-Length (RFC 9110, section 8.6).",
    ],
)
def test_gives_up_in_time(server: MixedServer, begun: Connection, draw: Draw) -> None:
    """Without a publication, it answers 204 without a body after `wait` seconds, 12 if that is left out."""
    symbol = draw.word()
    Publisher(server).publish(symbol, a_price(draw))
    with begun, server.http.ask(*(path_of(symbol, f"after=1&wait={wait}") for wait in WAITS)) as waiting:
        for request, seconds in zip([*waiting, begun], [*map(float, WAITS), USUAL_WAIT], strict=True):
            answer = request.read_answer(waits=seconds)
            assert answer.status == 204
            assert answer.sent == b""
            early = f"it answered after {request.waited:.2f} s, not after {seconds:g} s"
            assert request.waited >= seconds - FORGIVEN, early


@requirement(
    "3.4",
    needs=["3.2"],
    hints=[
        "Who waits for the very first price of a symbol?",
        "There must be something to wait for before there is anything to show.",
        "Make the entry of a symbol when somebody waits for it; 404 is for who does not wait.",
    ],
)
def test_waits_for_the_first_one(server: MixedServer, draw: Draw) -> None:
    """It also waits for a symbol that was never published."""
    publisher, symbol = Publisher(server), draw.word()
    with server.http.ask(path_of(symbol, "after=0&wait=60")) as (waiting,):
        publisher.publish(draw.word(), a_price(draw))
        assert waiting.so_far() == ""
        expected = publisher.publish(symbol, a_price(draw))
        answer = waiting.read_answer(patience=server.patience)
        assert answer.status == 200
        assert answer.json == expected


@requirement(
    "3.5",
    needs=["3.2"],
    hints=[
        "How many may wait at the same time?",
        "An asyncio.Event wakes everybody who waits for it; asyncio.Queue.get() only one.",
        "Nobody may be forgotten, and all must see the same quote.",
    ],
)
def test_wakes_everybody(server: MixedServer, draw: Draw) -> None:
    """100 requests that wait for one symbol are all answered by one publication, with the same quote."""
    publisher, symbol = Publisher(server), draw.word()
    publisher.publish(symbol, a_price(draw))
    with server.http.ask(*[path_of(symbol, "after=1&wait=60")] * WAITING) as waiting:
        given(server.http.get(path_of(symbol)).status == 200, "GET /price/S does not work while others wait")
        expected = publisher.publish(symbol, a_price(draw))
        for request in waiting:
            assert request.read_answer().json == expected


@requirement(
    "3.6",
    needs=["3.2"],
    hints=[
        "What does your program do with an answer for somebody who has gone?",
        "Writing to a closed connection raises an exception. Whom does that concern?",
        "The others who wait must be answered, no matter who has gone in the meantime.",
    ],
)
def test_somebody_goes_away(new_server: MixedServer, draw: Draw) -> None:
    """A visitor who goes away while waiting disturbs nobody."""
    publisher, symbol = Publisher(new_server), draw.word()
    publisher.publish(symbol, a_price(draw))
    with new_server.http.ask(*[path_of(symbol, "after=1&wait=60")] * 4) as (first, stays, third, fourth):
        publisher.publish(draw.word(), a_price(draw))
        first.close()
        third.reset()
        fourth.leave(0)
        expected = publisher.publish(symbol, a_price(draw))
        assert stays.read_answer().json == expected
    expected = publisher.publish(symbol, a_price(draw))
    assert new_server.http.get(path_of(symbol)).json == expected


@requirement(
    "3.7",
    needs=["3.1"],
    hints=[
        "What does float('nan') return, and is it greater than 60?",
        "Compare the text with what it may be, before you make a number of it.",
        "400 says that the request is wrong; the JSON says what is wrong with it.",
    ],
)
def test_wrong_numbers(server: MixedServer, draw: Draw) -> None:
    """`after` or `wait` that is no number, negative or too large answers 400 with an error, at once."""
    symbol = draw.word()
    Publisher(server).publish(symbol, a_price(draw))
    for query in WRONG:
        answer = server.http.request("GET", path_of(symbol, query), patience=server.patience)
        assert answer.status == 400
        assert answer.media_type == "application/json"
        assert answer.json == {"error": SOME_TEXT}
