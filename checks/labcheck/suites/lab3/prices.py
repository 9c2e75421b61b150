"""What the checks of lab 3 have in common: publishers, subscribers, and the quotes that they should get."""

import json
import time
from typing import Any
from urllib.parse import quote

from labcheck.suite import Draw, MixedServer, WebSocketClient, given

MORE = (
    "é",
    "e\u0301",
    "\u212b",
    "日本",
    "🎲",
    "a+b",
    "a&b",
    "100%",
    "%41",
    'c"d',
)  # what a symbol and a price may contain, too
LONG_WAIT = "wait=30"  # of a request that is not to end by itself
SOON = 20.0  # seconds until one publication has reached everybody, even on a busy machine

PUBLISH = "python publish.py ACME 12.30"  # by hand; the sheet has this program

Quote = dict[str, Any]


class Publisher:
    """A client that publishes prices. Their versions are those in the answers: 1.4 tests whether they are right."""

    def __init__(self, server: MixedServer, who: str = "the publisher") -> None:
        self.client: WebSocketClient = server.join("/publish", who=who)

    def publish(self, symbol: str, *prices: str) -> Quote:
        """Publish prices, all of them before the first answer is read, and return the last quote."""
        return self.publish_all(symbol, *prices)[-1]

    def publish_all(self, symbol: str, *prices: str) -> list[Quote]:
        """Publish prices, all of them before the first answer is read, and return the quotes."""
        self.client.send(*(offer(symbol, price) for price in prices))
        return [self.read_quote(symbol, price) for price in prices]

    def read_quote(self, symbol: str, price: str) -> Quote:
        """Read the answer to a price, and return the quote."""
        answer = self.client.receive().json
        version = answer.get("version")
        quote: Quote = {"symbol": symbol, "price": price, "version": version}
        is_right = answer == quote and isinstance(version, int | float)
        given(is_right, f"a price is answered with {answer!r}, not with its quote")
        return quote


def subscribe(server: MixedServer, symbol: str, latest: Quote, who: str = "a subscriber") -> WebSocketClient:
    """Connect a subscriber, and receive the latest quote, which proves that it has subscribed."""
    reader = server.join(feed_of(symbol), who=who)
    first = reader.receive().json
    given(first == latest, f"a new subscriber first gets {first!r}, not the latest quote")
    return reader


def expect_soon(began: float, reached: int, everybody: int) -> None:
    """Expect that a publication, made when time.monotonic() was `began`, does not take longer than SOON."""
    told = f"after {SOON:g} s, one publication has reached only {reached} of {everybody}"
    assert time.monotonic() - began < SOON, told


def offer(symbol: str, price: str) -> str:
    """Return the message that publishes a price."""
    return json.dumps({"symbol": symbol, "price": price})


def path_of(symbol: str, query: str = "") -> str:
    """Return the target of a request for the price of a symbol."""
    return f"/price/{quote(symbol, safe='')}{query and '?'}{query}"


def feed_of(symbol: str) -> str:
    """Return the target of a subscription; in a path, + is a plus."""
    return f"/feed/{quote(symbol, safe='+')}"


def a_price(draw: Draw) -> str:
    """Return a random price."""
    return f"{draw.randint(1, 999)}.{draw.randint(10, 99)}"
