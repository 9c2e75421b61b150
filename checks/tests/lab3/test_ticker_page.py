"""The ticker page of lab 3 in a real browser, opened as a file, and connected to lab 3's ticker."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.keys import Keys
from websockets.sync.client import connect

from browser import Screen
from conftest import CHECKOUT, CONTRAST
from restarted import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = CHECKOUT / "solutions" / "lab3" / "ticker.html"
WAYS = ["Polling", "Long polling", "Push"]
# What a browser logs by itself about a ticker that is away, and about a symbol without a price.
USUAL = re.compile(r"WebSocket connection to 'ws://\S+' failed|Failed to load resource|ERR_CONNECTION_REFUSED")


class Ticker(Process):
    """The ticker of the solution."""

    def __init__(self) -> None:
        super().__init__(CHECKOUT / "solutions" / "lab3" / "ticker.py")

    def publish(self, price: str, symbol: str = "ACME") -> None:
        """Publish a price, as another program does."""
        with connect(f"ws://127.0.0.1:{self.number}/publish", proxy=None) as publisher:
            publisher.send(json.dumps({"symbol": symbol, "price": price}))
            assert "error" not in json.loads(publisher.recv())


@pytest.fixture
def ticker() -> Iterator[Ticker]:
    """Start a ticker."""
    found = Ticker()
    try:
        found.start()
        yield found
    finally:
        found.close()


class TickerScreen(Screen):
    """The page in a window of its own."""

    def all(self, name: str) -> list[str]:
        """Return a part of each column, in the order of the columns."""
        return list(self.run(f"return [...document.querySelectorAll('.{name}')].map(each => each.textContent)"))

    def wait_for_all(self, name: str, text: str) -> None:
        """Wait until a part of each column is this text."""
        self.wait_for(
            f"[...document.querySelectorAll('.{name}')].every(each => each.textContent === {json.dumps(text)})"
        )

    def publish(self, price: str) -> None:
        """Type a price, and publish it."""
        self.find("#price").send_keys(price + Keys.ENTER)


@pytest.fixture
def page(browser: Any, ticker: Ticker) -> Iterator[TickerScreen]:
    """Open the page; then close it, and check that it has logged no error but that of a ticker that is away."""
    first = browser.current_window_handle
    browser.get_log("browser")
    browser.switch_to.new_window("window")
    found = TickerScreen(browser, f"{PAGE.as_uri()}?port={ticker.number}")
    found.open()
    yield found
    complaints = [entry["message"] for entry in browser.get_log("browser")]
    browser.close()
    browser.switch_to.window(first)
    assert [complaint for complaint in complaints if not USUAL.search(complaint)] == []


def test_three_ways_show_the_same_prices(page: TickerScreen, ticker: Ticker) -> None:
    """All three columns show each price, no matter who has published it, and count what they have asked for."""
    assert page.run("return [...document.querySelectorAll('h2')].map(each => each.textContent)") == WAYS
    page.publish("12.30")
    page.wait_for_all("price", "12.30")
    assert [re.fullmatch(r"\d+ ms", late) is not None for late in page.all("late")] == [True] * 3
    ticker.publish("12.40")
    page.wait_for_all("price", "12.40")
    assert page.all("prices") == ["2"] * 3
    assert page.all("late") == ["–"] * 3
    polling, waiting, push = map(int, page.all("requests"))
    assert push == 1
    assert waiting == 3  # two prices, and the request that waits
    assert polling >= 2
    page.wait_for("Number(document.querySelector('.vain').textContent) > 0")


def test_markup_is_text(page: TickerScreen, ticker: Ticker) -> None:
    """A price is shown as text, and runs nothing."""
    price = "<b>1</b><img src=x onerror=window.ran=1>"
    ticker.publish(price)
    page.wait_for_all("price", price)
    assert page.run("return [document.querySelectorAll('.price > *').length, window.ran === undefined]") == [0, True]


def test_ticker_goes_away_and_comes_back(page: TickerScreen, ticker: Ticker) -> None:
    """Each column says that it gets no answer, and comes back by itself, also if all versions begin again."""
    for price in ("1", "2", "3"):
        ticker.publish(price)
    page.wait_for_all("price", "3")
    ticker.stop()
    page.wait_for("document.querySelectorAll('.lost').length === 3")
    ticker.start()
    page.wait_for("document.querySelectorAll('.lost').length === 0")
    ticker.publish("first again")
    page.wait_for_all("price", "first again")


def test_another_symbol(page: TickerScreen, ticker: Ticker) -> None:
    """A new symbol begins new columns, and the old ones stop."""
    ticker.publish("1")
    page.wait_for_all("price", "1")
    box = page.find("#symbol")
    box.clear()
    box.send_keys("café 100%" + Keys.TAB)
    page.wait_for_all("price", "–")
    ticker.publish("2")
    ticker.publish("3.50", "café 100%")
    page.wait_for_all("price", "3.50")
    assert page.all("prices") == ["1"] * 3


def test_error_of_the_ticker_is_shown(page: TickerScreen, ticker: Ticker) -> None:
    """If there is no ticker to publish to, the status says so."""
    ticker.stop()
    page.publish("1")
    page.wait_for(f"statusLine.textContent === 'no ticker at localhost:{ticker.number}'")


CONTRASTS = f"""{CONTRAST}
    const texts = document.querySelectorAll("h1, h2, p, label, dt, dd, input, button");
    return [...texts].map(each => contrast(each));
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_in_light_and_dark(page: TickerScreen, scheme: str) -> None:
    """All text has a contrast of at least 4.5 to 1 (WCAG 2.2, section 1.4.3)."""
    page.emulate(scheme=scheme)
    page.run("columns[0].state('no answer', true)")
    contrasts = page.run(CONTRASTS)
    assert len(contrasts) > 30
    assert min(contrasts) >= 4.5


@pytest.mark.parametrize("width", [320, 390])
def test_phone(page: TickerScreen, width: int) -> None:
    """At a phone's width, nothing is wider than the screen."""
    page.emulate(width)
    page.run("for (const column of columns) column.show('price', 'long'.repeat(200))")
    assert page.overflow() == 0


def test_keyboard_and_screen_reader(page: TickerScreen) -> None:
    """Each part has a name and a role, and typing begins at the price."""
    names = [page.find(box).accessible_name for box in ("#symbol", "#price")]
    assert names == ["Symbol", "New price"]
    assert page.find("#status").aria_role == "status"
    regions = page.browser.find_elements("css selector", "section")
    assert [(each.aria_role, each.accessible_name) for each in regions] == [("region", way) for way in WAYS]
    page.wait_for("document.activeElement === priceBox")
