"""`labcheck open` in a real browser: from red to green, and what neither another page nor the user's own may do."""

from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from browser import SCHEMES, WIDTHS, Screen
from opened import FAILS_2_3, LIMIT, PASSES, TOP, Opened, save

if TYPE_CHECKING:
    from pathlib import Path

DONE = "/checked at/.test(document.querySelector('.status').textContent)"
# A program whose page and output try to get at the page around it.
ATTACKS = """
import http.server
import sys

PAGE = b'''<!doctype html><title>up</title><script>
const tried = [];
const note = (name, outcome) => { tried.push(name + ": " + outcome); document.title = tried.join("; "); };
const attempt = (name, act) => { try { note(name, String(act())); } catch (error) { note(name, error.name); } };
attempt("parent", () => parent.document.title);
attempt("top", () => { top.location = "http://localhost/taken"; return "asked"; });
attempt("popup", () => String(open("about:blank")));
const live = "ws://127.0.0.1:%d/labcheck/live";
const socket = new WebSocket(live);
socket.onopen = () => note("socket", "open");
socket.onerror = () => note("socket", "refused");
fetch("http://127.0.0.1:%d/labcheck/", {credentials: "include"})
    .then(answer => answer.text()).then(text => note("fetch", text), () => note("fetch", "refused"));
</script><p>up</p>'''


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print("<img src=x onerror='window.ran = 1'>", self.headers["Cookie"], flush=True)
        target = int(open(PORT_FILE).read())
        body = PAGE % (target, target)
        if self.path == "/tried":
            body = b""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def page(window: Any, opened: Opened) -> Screen:
    """That page in a window of the browser, when everything was checked once."""
    return open_page(window, opened)


def open_page(browser: Any, opened: Opened) -> Screen:
    """Open the page as the user does, and wait until everything was checked once."""
    screen = Screen(browser, opened.address)
    screen.open()
    screen.wait_for(DONE)
    return screen


def text_of(page: Screen, css: str) -> str:
    """Return the visible text of an element."""
    return str(page.find(css).text)


def test_from_red_to_green(page: Screen, work: Path) -> None:
    """The requirement to work on is open, with its hints one in the other, and closed again when it passes."""
    assert page.run("return location.pathname + location.search + location.hash") == TOP
    assert text_of(page, ".status").startswith("28 of 29 pass")
    page.wait_for("document.querySelector('[id=\"2.3\"] .hint')")
    assert page.run("return [...document.querySelectorAll('.result[open]')].map(each => each.dataset.id)") == ["2.3"]
    assert page.run("return [...document.querySelectorAll('.step[open]')].map(each => each.dataset.step)") == ["2"]
    hints = page.run("return [...document.querySelectorAll('.hint')].map(each => each.checkVisibility())")
    assert (hints[0], any(hints[1:])) == (True, False)
    page.find(".hint > summary").click()
    save(work, FAILS_2_3.replace("tm_mday", "tm_mon"))
    page.wait_for("[...document.querySelectorAll('[id=\"2.3\"] .sides dd')].length && " + DONE)
    assert page.run("return document.querySelector('.hint').open")  # what the user has opened stays open
    save(work, PASSES)
    page.wait_for("document.querySelectorAll('.result.passed').length === 29")
    page.wait_for("!document.querySelector('.well-done').hidden")
    assert page.run("return document.querySelectorAll('.result[open], .step[open]').length") == 0
    assert text_of(page, ".changes") == "since the last run: 2.3 passes now"
    assert "29 of 29 pass" in page.run("return document.querySelector('[role=status]').textContent")
    assert page.run("return document.title") == "29/29 · lab1"


def test_token_is_in_no_address_that_can_be_seen(page: Screen, opened: Opened) -> None:
    """The address with the token is not in the history: Back does not lead to it."""
    before = page.run("return history.length")
    page.run("history.back()")
    page.wait_for("document.readyState === 'complete'")
    assert "token" not in page.browser.current_url
    page.browser.get(f"http://127.0.0.1:{opened.port}{TOP}")
    page.wait_for(DONE)
    assert page.run("return document.referrer") == ""
    assert before <= 2  # the empty page of a new window, and this one


def test_details_come_when_they_are_opened(page: Screen) -> None:
    """A requirement that passes shows what was exchanged; its commands can be copied; links lead into folds."""
    page.run("document.querySelector('[data-step=\"3\"] > summary').click()")
    page.run("document.querySelector('[data-id=\"3.1\"] > summary').click()")
    page.wait_for("document.querySelector('[id=\"3.1\"] .exchange')")
    page.wait_for("document.querySelector('[id=\"2.3\"] .copy')")
    page.run("location.hash = '#r2.3-e0'")
    page.wait_for("document.getElementById('r2.3-e0').checkVisibility()")


def test_keyboard(page: Screen) -> None:
    """All that can be clicked can be reached and used with the keyboard."""
    order = []
    for _ in range(10):
        page.browser.switch_to.active_element.send_keys(Keys.TAB)
        order.append(page.run("const at = document.activeElement; return at.textContent.trim() || at.name"))
    assert order[:5] == ["To the report", "Report", "Your server", "Lab sheet", "All labs"]
    assert order[5:7] == ["Check again", "Check only 2.3"]
    page.browser.switch_to.active_element.send_keys(Keys.TAB)
    page.find("[data-ask=narrow]").send_keys(Keys.SPACE)
    page.wait_for("document.querySelector('[data-ask=narrow]').getAttribute('aria-pressed') === 'true'")


def test_own_server_in_its_frame(page: Screen, work: Path) -> None:
    """The server's page is in the frame, a new path too, and it is loaded again after a save."""
    save(work, PASSES)
    page.wait_for("document.querySelectorAll('.result.passed').length === 29")
    page.find(".start").click()
    page.wait_for("document.querySelector('iframe')")
    assert page.run("return document.querySelector('iframe').sandbox.value.includes('allow-top') === false")
    shows(page, "It works")
    box = page.find("[name=path]")
    box.clear()
    box.send_keys("/a.zzz" + Keys.ENTER)
    shows(page, "/a.zzz")
    save(work, PASSES.replace("<h1>", "<h1>Saved "))
    shows(page, "Saved")
    page.find(".stop").click()
    page.wait_for("/exit status 0/.test(document.querySelector('.state').textContent)")


def shows(page: Screen, *texts: str) -> None:
    """Wait until the page in the frame has these texts; a frame of another origin can be asked by the tests alone."""

    def found(browser: Any) -> bool:
        browser.switch_to.frame(page.find("iframe"))
        try:
            return all(
                text in str(browser.execute_script("return document.documentElement.outerHTML")) for text in texts
            )
        finally:
            browser.switch_to.default_content()

    WebDriverWait(page.browser, LIMIT, 0.05, [WebDriverException]).until(found, str(texts))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_page_fits_and_is_accessible(page: Screen, scheme: str) -> None:
    """At each width and in each color scheme nothing is wider than the window, and axe finds nothing."""
    page.find(".start").click()
    page.wait_for("document.querySelector('iframe')")
    page.wait_for("document.querySelector('[id=\"2.3\"] .hint')")
    for width in WIDTHS:
        page.emulate(width, scheme)
        assert page.overflow() == 0
        assert page.violations() == []
    page.unfold()
    page.wait_for("document.querySelectorAll('.result .exchange').length > 20")
    page.unfold()
    page.emulate(WIDTHS[0], scheme)
    assert page.overflow() == 0


class Stranger(http.server.ThreadingHTTPServer):
    """Another server on this host; it notes the cookies that it gets."""

    def __init__(self, body: str) -> None:
        self.body = body.encode()
        self.cookies: list[str | None] = []
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers with the stranger's page."""

    server: Stranger

    def do_GET(self) -> None:
        """Send the page."""
        self.server.cookies.append(self.headers["Cookie"])
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


def tries(port: int) -> str:
    """Return a page that tries to get at labcheck's page on a port, and says in `tried` what came of it."""
    return f"""<!doctype html><title>stranger</title><script>
    window.tried = {{}};
    const socket = new WebSocket("ws://127.0.0.1:{port}/labcheck/live");
    socket.onopen = () => tried.socket = "open";
    socket.onerror = () => tried.socket = "refused";
    fetch("http://127.0.0.1:{port}/labcheck/", {{credentials: "include"}})
        .then(answer => tried.fetch = "read", () => tried.fetch = "refused");
    const script = document.createElement("script");
    script.src = "http://127.0.0.1:{port}/labcheck/page.js";
    script.onload = () => tried.script = "ran";
    script.onerror = () => tried.script = "refused";
    document.head.append(script);
    addEventListener("load", () => {{
        const frame = document.createElement("iframe");
        frame.src = "http://127.0.0.1:{port}/labcheck/";
        frame.onload = () => {{
            try {{ tried.frame = frame.contentDocument ? "read" : "closed"; }} catch {{ tried.frame = "closed"; }}
        }};
        document.body.append(frame);
    }});
    </script><body>"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_page_cannot_drive_it(browser: Any, opened: Opened, host: str) -> None:
    """A page of another port, even of the same host, neither connects, reads, frames nor runs anything of ours."""
    screen = open_page(browser, opened)
    stranger = Stranger(tries(opened.port))
    with stranger:
        browser.get(f"http://{host}:{stranger.server_address[1]}/")
        screen.wait_for("Object.keys(window.tried ?? {}).length === 4")
        tried = screen.run("return window.tried")
        stranger.shutdown()
    assert tried == {"socket": "refused", "fetch": "refused", "script": "refused", "frame": "closed"}
    assert not any("labcheck" in (cookie or "") for cookie in stranger.cookies)
    browser.get_log("browser")  # what was refused


def test_own_page_cannot_drive_it_either(browser: Any, opened: Opened, work: Path) -> None:
    """In its frame, the user's page does not reach the page around it, and what the program prints is text."""
    port_file = work.parent / "port"
    port_file.write_text(str(opened.port))
    save(work, ATTACKS.replace("PORT_FILE", json.dumps(str(port_file))))
    screen = open_page(browser, opened)
    screen.find(".start").click()
    screen.wait_for("/onerror/.test(document.querySelector('.stdout').textContent)")
    shows(screen, "parent: SecurityError", "top: ", "popup: null", "socket: refused", "fetch: refused")
    assert browser.current_url == f"http://127.0.0.1:{opened.port}{TOP}"
    assert screen.run("return window.ran === undefined && !document.querySelector('.stdout img')")
    assert "None" in text_of(screen, ".stdout")  # no cookie
    browser.get_log("browser")  # what was refused


def test_page_says_when_labcheck_has_ended(browser: Any, opened: Opened) -> None:
    """It says what to do, and the results stay."""
    screen = open_page(browser, opened)
    opened.end()
    screen.wait_for("/labcheck open lab1/.test(document.querySelector('.status').textContent)")
    assert screen.run("return document.querySelectorAll('.result.passed').length") == 28
    browser.get("about:blank")
    browser.get_log("browser")
