"""What the checks of lab 3 have in common: publishers, subscribers, and the quotes that they should get."""

import json
from urllib.parse import quote

from labcheck.suite import Draw, MixedServer, WebSocketClient, given

MORE = ("é", "日本", "🎲", "a+b", "100%", "%41", 'c"d')  # what a symbol and a price may contain, too

Quote = dict[str, object]


class Publisher:
    """A client that publishes prices, and knows which quotes they become.

    `versions` are the latest ones that are known; two publishers of the same symbols share them.
    """

    def __init__(
        self, server: MixedServer, who: str = "the publisher", versions: dict[str, int] | None = None
    ) -> None:  # fmt: skip
        self.client: WebSocketClient = server.join("/publish", who=who)
        self.versions = {} if versions is None else versions

    def publish(self, symbol: str, *prices: str) -> Quote:
        """Publish prices, all of them before the first answer is read, and return the last quote."""
        return self.publish_all(symbol, prices)[-1]

    def publish_all(self, symbol: str, prices: tuple[str, ...]) -> list[Quote]:
        """Publish prices, all of them before the first answer is read, and return the quotes."""
        expected = []
        for price in prices:
            self.client.send(offer(symbol, price))
            self.versions[symbol] = self.versions.get(symbol, 0) + 1
            expected.append({"symbol": symbol, "price": price, "version": self.versions[symbol]})
        for each in expected:
            answer = self.client.receive().json
            given(answer == each, f"a price is answered with {answer!r}, not with its quote")
        return expected


def subscribe(server: MixedServer, symbol: str, latest: Quote, who: str = "a subscriber") -> WebSocketClient:
    """Connect a subscriber, and receive the latest quote, which proves that it has subscribed."""
    reader = server.join(feed_of(symbol), who=who)
    first = reader.receive().json
    given(first == latest, f"a new subscriber first gets {first!r}, not the latest quote")
    return reader


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
