"""The site of lab 1 in a real browser, served by the reference solution: its games can be played."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

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


@pytest.mark.parametrize("page", ["", "guestbook.html", "Snooker/", "Catch/", "Breakout/"])
def test_page_loads_without_an_error(browser: Any, address: str, page: str) -> None:
    """Each page loads completely: every image is there, and the console is empty."""
    browser.get_log("browser")
    browser.get(f"{address}/{page}")
    assert browser.find_element(By.TAG_NAME, "h1").text
    assert browser.execute_script("return [...document.images].every(image => image.naturalWidth > 0)")
    assert browser.get_log("browser") == []


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
    form.find_element(By.CSS_SELECTOR, "button, input[type=submit]").click()
    wait_for(browser, "location.pathname.endsWith('.zzz')")
    assert "Zoë <b>bold</b>" in browser.find_element(By.TAG_NAME, "body").text


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
