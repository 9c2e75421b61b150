"""The site of lab 1 in a real browser, served by the reference solution: its games can be played."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from browser import SCHEMES, Screen
from conftest import serving
from labcheck.sandbox.base import Sandbox
from labcheck.sandbox.copies import PrivateCopies
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the site with the reference solution, and yield its address."""
    lab = load_lab("lab1")
    with PrivateCopies(lab, lab.solution, Sandbox()) as copies, serving(copies.new(), "webserver.py") as port:
        yield f"http://127.0.0.1:{port}"


def wait_for(browser: Any, script: str) -> Any:
    """Wait until a script's value is true, and return it."""
    return WebDriverWait(browser, 20, 0.02).until(lambda page: page.execute_script(f"return {script}"))


@contextlib.contextmanager
def screen(browser: Any, width: int, height: int, scheme: str = "light") -> Iterator[None]:
    """Give the browser the screen of another device for a time."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 1000}
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("page", ["", "guestbook.html", "Snooker/", "Catch/", "Breakout/"])
def test_page_loads_without_an_error(browser: Any, address: str, page: str) -> None:
    """Each page loads completely: every image is there, and the console is empty."""
    browser.get_log("browser")
    browser.get(f"{address}/{page}")
    assert browser.find_element(By.TAG_NAME, "h1").text
    assert browser.execute_script("return [...document.images].every(image => image.naturalWidth > 0)")
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("page", ["", "guestbook.html", "Snooker/", "Catch/", "Breakout/", "any.zzz"])
def test_accessible(browser: Any, address: str, page: str, scheme: str) -> None:
    """No page violates a rule of axe-core."""
    with screen(browser, 1280, 800, scheme):
        found = Screen(browser, f"{address}/{page}")
        found.open()
        assert found.violations() == []


def test_front_page_links_everything(browser: Any, address: str) -> None:
    """The front page links to the three games, the guest book and a page made on the fly."""
    browser.get(address)
    links = {link.get_attribute("href") for link in browser.find_elements(By.TAG_NAME, "a")}
    assert {f"{address}/{page}" for page in ("Snooker/", "Catch/", "Breakout/", "guestbook.html")} <= links
    assert any(link.endswith(".zzz") for link in links)


def test_guest_book_shows_what_was_entered(browser: Any, address: str) -> None:
    """The form posts to a page that shows the fields as text."""
    browser.get(f"{address}/guestbook.html")
    form = browser.find_element(By.TAG_NAME, "form")
    form.find_element(By.CSS_SELECTOR, "input[type=text], input:not([type])").send_keys("Zoë <b>bold</b>")
    form.find_element(By.TAG_NAME, "textarea").send_keys("one\ntwo")
    form.find_element(By.CSS_SELECTOR, "button, input[type=submit]").click()
    wait_for(browser, "location.pathname.endsWith('.zzz')")
    text = browser.find_element(By.TAG_NAME, "body").text
    assert "Zoë <b>bold</b>" in text
    assert "message: one\ntwo\n" in text
    browser.find_element(By.TAG_NAME, "a").click()
    wait_for(browser, "location.pathname === '/'")


SCREENS = [(360, 640), (768, 1024), (844, 390), (1280, 800)]


@pytest.mark.parametrize("size", SCREENS, ids=str)
@pytest.mark.parametrize("page", ["", "guestbook.html", f"{'long' * 50}.zzz"])
def test_page_fits_the_width(browser: Any, address: str, page: str, size: tuple[int, int]) -> None:
    """Nothing sticks out of a page at its side."""
    with screen(browser, *size):
        browser.get(f"{address}/{page}")
        assert browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [size[0]] * 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_made_on_the_fly_follows_the_scheme(browser: Any, address: str, scheme: str) -> None:
    """A page that the program makes is dark where the reader's system is, and names its language."""
    with screen(browser, 360, 640, scheme):
        browser.get(f"{address}/any.zzz")
        assert browser.execute_script("return document.documentElement.lang") == "en"
        paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper))) < 384) is (scheme == "dark")


@pytest.mark.parametrize("size", SCREENS, ids=str)
@pytest.mark.parametrize("game", ["Snooker", "Catch", "Breakout"])
def test_game_is_in_view(browser: Any, address: str, game: str, size: tuple[int, int]) -> None:
    """The whole field, the numbers and the instructions are in view at once, on a phone held either way as well."""
    with screen(browser, *size):
        browser.get(f"{address}/{game}/")
        wait_for(browser, "window.game")
        width, height = size
        places = browser.execute_script(
            "return ['canvas', '.board', '#status', '#help'].map(css => {"
            "const box = document.querySelector(css).getBoundingClientRect();"
            "return [box.left, box.top, box.right, box.bottom]; })"
        )
        for left, top, right, bottom in places:
            assert 0 <= left <= right <= width
            assert 0 <= top <= bottom <= height
        left, top, right, bottom = places[0]
        assert (right - left) * (bottom - top) > width * height / 5


BEST = "document.getElementById('best').textContent"


@pytest.mark.parametrize("game", ["Snooker", "Catch", "Breakout"])
def test_best_score_is_kept(browser: Any, address: str, game: str) -> None:
    """The best score of a game is still there after a reload; a lower score does not replace it."""
    browser.get(f"{address}/{game}/")
    browser.execute_script("localStorage.clear(); location.reload()")
    wait_for(browser, f"window.game && {BEST} === '0'")
    for score, best in ((30, "30"), (20, "30"), (40, "40")):
        browser.execute_script(f"game.state.score = {score}; showNumbers()")
        assert browser.execute_script(f"return {BEST}") == best
    browser.refresh()
    wait_for(browser, f"window.game && {BEST} === '40'")


def test_game_can_be_played_where_nothing_can_be_stored(browser: Any, address: str) -> None:
    """If the browser forbids storage, a game runs, and keeps the best score while its page is open."""
    forbid = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('', 'SecurityError'); }});"
    command = "Page.addScriptToEvaluateOnNewDocument"
    script = browser.execute_cdp_cmd(command, {"source": forbid})
    try:
        browser.get_log("browser")
        browser.get(f"{address}/Catch/")
        wait_for(browser, "window.game")
        browser.execute_script("game.state.score = 7; showNumbers(); game.newGame()")
        assert browser.execute_script(f"return {BEST}") == "7"
        assert browser.get_log("browser") == []
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_snooker_is_played_with_the_mouse(browser: Any, address: str) -> None:
    """Dragging the mouse away from the white ball and releasing it strikes the ball; all balls come to rest."""
    browser.get(f"{address}/Snooker/")
    wait_for(browser, "window.game && game.state.balls.length > 10")
    where = "JSON.stringify(game.state.balls.map(ball => [ball.x, ball.y]))"
    before = browser.execute_script(f"return {where}")
    canvas = browser.find_element(By.TAG_NAME, "canvas")
    ActionChains(browser).move_to_element(canvas).click_and_hold().move_by_offset(-120, 10).release().perform()
    assert browser.execute_script("return game.state.moving")
    for _ in range(60):
        browser.execute_script("for (let i = 0; i < 60; i++) game.step(1 / 60)")
        if not browser.execute_script("return game.state.moving"):
            break
    assert browser.execute_script(f"return {where}") != before
    assert not browser.execute_script("return game.state.moving")


def test_catch_counts_what_is_caught(browser: Any, address: str) -> None:
    """An apple that falls into the basket scores, and the arrow keys move the basket."""
    browser.get(f"{address}/Catch/")
    wait_for(browser, "window.game")
    browser.execute_script("game.newGame()")
    start = browser.execute_script("return game.state.basketX")
    body = browser.find_element(By.TAG_NAME, "body")
    ActionChains(browser).key_down(Keys.ARROW_LEFT, body).perform()
    wait_for(browser, f"game.state.basketX < {start}")
    ActionChains(browser).key_up(Keys.ARROW_LEFT, body).perform()
    browser.execute_script(
        "game.newGame(); game.state.untilNext = 1e9; game.drop('apple', game.state.basketX);"
        "for (let i = 0; i < 600 && game.state.score === 0; i++) game.step(1 / 60)"
    )
    assert browser.execute_script("return game.state.score") > 0


def test_breakout_breaks_bricks_and_loses_lives(browser: Any, address: str) -> None:
    """The ball breaks bricks, and a missed ball costs a life."""
    browser.get(f"{address}/Breakout/")
    wait_for(browser, "window.game")
    bricks, left, lives, fewer = browser.execute_script(
        """
        const count = () => game.state.bricks.reduce((sum, brick) => sum + brick.hits, 0);
        game.newGame();
        const bricks = count(), lives = game.state.lives;
        game.launch();
        let left = bricks;
        for (let i = 0; i < 3000 && left === bricks; i++) {
            game.state.paddleX = game.state.ball.x;
            game.step(1 / 60);
            left = Math.min(left, count());
        }
        for (let i = 0; i < 6000 && game.state.lives === lives; i++) {
            game.state.paddleX = game.state.ball.x > 300 ? 0 : 600;
            game.step(1 / 60);
        }
        return [bricks, left, lives, game.state.lives];
        """
    )
    assert left < bricks
    assert fewer == lives - 1
