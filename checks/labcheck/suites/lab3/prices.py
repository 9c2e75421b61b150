"""What the checks of lab 3 have in common: publishing prices, and the quotes that have to come of it."""

import json
from urllib.parse import quote

from labcheck.suite import Draw, MixedServer, WebSocketClient, given

MORE = ("é", "日本", "🎲", "a+b", "100%", 'c"d')  # what a symbol and a price may also hold


class Publisher:
    """A client that publishes prices, and knows which quotes that makes."""

    def __init__(self, server: MixedServer, who: str = "the publisher") -> None:
        self.client: WebSocketClient = server.join("/publish", who=who)
        self.versions: dict[str, int] = {}

    def publish(self, symbol: str, price: str) -> dict[str, object]:
        """Publish a price, wait for the answer, and return the quote that it should be."""
        self.versions[symbol] = self.versions.get(symbol, 0) + 1
        self.client.send(offer(symbol, price))
        expected = {"symbol": symbol, "price": price, "version": self.versions[symbol]}
        answer = self.client.receive().json
        given(answer == expected, f"publishing is answered with {answer!r}, not with the quote")
        return expected


def offer(symbol: str, price: str) -> str:
    """Return the message that publishes a price."""
    return json.dumps({"symbol": symbol, "price": price})


def path_of(symbol: str, query: str = "") -> str:
    """Return the target of a request for the price of a symbol."""
    return f"/price/{quote(symbol, safe='')}{query and '?'}{query}"


def feed_of(symbol: str) -> str:
    """Return the target of a subscription."""
    return f"/feed/{quote(symbol, safe='')}"


def a_price(draw: Draw) -> str:
    """Return a random price."""
    return f"{draw.randint(1, 999)}.{draw.randint(10, 99)}"
