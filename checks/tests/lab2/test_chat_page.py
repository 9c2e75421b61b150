"""The chat page of lab 2 in a real browser, served by lab 1's solution and connected to lab 2's chat server."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from conftest import CHECKOUT, CONTRAST
from restarted import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = CHECKOUT / "solutions" / "lab2" / "chat.html"
CHAT_SERVER = CHECKOUT / "solutions" / "lab2" / "chat_server.py"
LIMIT = 60  # seconds for each wait, even on a loaded machine
LOST = re.compile(r"WebSocket connection to 'ws://\S+' failed")  # what a browser logs about a lost connection


class Person:
    """A person with the page open in a separate window."""

    def __init__(self, browser: Any, address: str, name: str = "") -> None:
        self.browser = browser
        browser.switch_to.new_window("window")
        self.window = browser.current_window_handle
        browser.get(address)
        self.wait_for("document.activeElement === nameBox")  # typing before autofocus has run logs an error
        if name:
            self.type("name", name)

    def run(self, script: str) -> Any:
        """Run a script in the page and return its value."""
        self.browser.switch_to.window(self.window)
        return self.browser.execute_script(script)

    def wait_for(self, expression: str) -> Any:
        """Wait until the value of an expression is true, and return it."""
        return WebDriverWait(self.browser, LIMIT, 0.02).until(lambda _: self.run(f"return {expression}"), expression)

    def find(self, id: str) -> Any:
        """Return the element with this id."""
        self.browser.switch_to.window(self.window)
        return self.browser.find_element(By.ID, id)

    def type(self, id: str, text: str) -> None:
        """Type at the end of a field."""
        self.find(id).send_keys(text)

    def say(self, text: str) -> None:
        """Type a message and send it."""
        self.type("message", text + Keys.ENTER)

    def typed(self) -> str:
        """Return the text in the message box."""
        return str(self.run("return messageBox.value"))

    def read(self, count: int) -> list[str]:
        """Wait until there are at least `count` messages, and return them."""
        self.wait_for(f"log.children.length >= {count}")
        return list(self.run("return [...log.children].map(line => line.innerText)"))

    def wait_for_status(self, start: str) -> None:
        """Wait until the status starts with this text."""
        self.wait_for(f"statusLine.innerText.startsWith({start!r})")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page with lab 1's solution and yield its URL."""
    folder = tmp_path_factory.mktemp("lab1")
    (folder / "site").mkdir()
    shutil.copy(PAGE, folder / "site")
    server = Process(Path(shutil.copy(CHECKOUT / "solutions" / "lab1" / "webserver.py", folder)))
    try:
        server.start()
        yield f"http://localhost:{server.number}/{PAGE.name}"
    finally:
        server.close()


@pytest.fixture
def chat() -> Iterator[Process]:
    """Start a chat server."""
    server = Process(CHAT_SERVER)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def windows(browser: Any) -> Iterator[Any]:
    """Yield the browser; then close its new windows, and check that no page logged any error but a lost connection."""
    first = browser.current_window_handle
    browser.get_log("browser")
    yield browser
    complaints = [entry["message"] for entry in browser.get_log("browser")]
    for window in set(browser.window_handles) - {first}:
        browser.switch_to.window(window)
        browser.close()
    browser.switch_to.window(first)
    assert [complaint for complaint in complaints if not LOST.search(complaint)] == []


@pytest.fixture
def join(windows: Any, site: str, chat: Process) -> Callable[..., Person]:
    """Open the page in a new window, connected to the chat server."""

    def open_page(name: str = "") -> Person:
        person = Person(windows, f"{site}?port={chat.number}", name)
        person.wait_for_status("connected")
        return person

    return open_page


def test_two_talk(join: Callable[..., Person]) -> None:
    """A message appears with its sender's name in the other window, and once in the sender's own; commas are kept."""
    ann, bob = join("Ann"), join("Bob")
    ann.say("yes, but,  why?,")
    assert bob.read(1) == ["Ann says: yes, but,  why?,"]
    bob.say("Größe → 5 €")
    assert ann.read(2) == ["You say: yes, but,  why?,", "Bob says: Größe → 5 €"]
    ann.say("first")
    ann.say("second")
    assert bob.read(4)[1:] == ["You say: Größe → 5 €", "Ann says: first", "Ann says: second"]
    assert ann.typed() == ""


def test_markup_is_text(join: Callable[..., Person]) -> None:
    """Markup in a name or a message is shown as text and runs nothing."""
    name = "<b>x</b><img src=x onerror=window.ran=1>"
    text = "<i>y</i><img src=x onerror='window.ran=2'><script>window.ran=3</script>&lt;"
    mallory, bob = join(name), join("Bob")
    mallory.say(text)
    assert bob.read(1) == [f"{name} says: {text}"]
    bob.say("done")
    assert mallory.read(2) == [f"You say: {text}", "Bob says: done"]
    for person in (mallory, bob):
        assert person.run("return [log.querySelectorAll('p > *').length, window.ran === undefined]") == [0, True]


@pytest.mark.parametrize("name", ["Ann, Queen", ""])
def test_name_must_fit_the_protocol(join: Callable[..., Person], name: str) -> None:
    """If the name is empty or has a comma, nothing is sent, and the field says why."""
    ann, bob = join(name), join("Bob")
    ann.say("hello")
    assert ann.run("return nameBox.matches(':invalid') && document.activeElement === nameBox")
    assert ann.run("return /comma/i.test(nameBox.title)")
    assert ann.typed() == "hello"
    ann.run("nameBox.value = 'Ann'")
    ann.say("!")
    assert bob.read(1) == ["Ann says: hello!"]


def test_error_from_the_server_is_shown_as_an_error(join: Callable[..., Person]) -> None:
    """An ERROR from the server looks different from a message."""
    ann = join("Ann")
    ann.run("socket.send('no comma')")
    assert ann.read(1)[0].startswith("ERROR")
    ann.say("hello")
    ann.run("addMessage('Bob says: ERROR', 'theirs')")
    ann.read(3)
    colors = ann.run("return [...log.children].map(line => getComputedStyle(line).color)")
    assert colors[0] not in colors[1:]


def test_server_goes_away_and_comes_back(join: Callable[..., Person], chat: Process) -> None:
    """The page reports a lost server, keeps the typed text and connects again by itself; then the chat continues."""
    ann, bob = join("Ann"), join("Bob")
    ann.say("before")
    assert bob.read(1) == ["Ann says: before"]
    watch = "window.said = []; new MutationObserver(() => said.push(statusLine.innerText)).observe(statusLine, {%s})"
    ann.run(watch % "childList: true")
    ann.type("message", "half a")
    chat.stop()
    ann.wait_for("said.length > 0")
    assert ann.run("return said[0]") == "the server has gone away, trying again in 1 s"
    ann.say(" sentence")
    assert ann.typed() == "half a sentence"
    assert ann.read(1) == ["You say: before"]
    chat.start()
    for person in (ann, bob):
        person.wait_for_status("connected")
    assert ann.run("return said").count("connecting ...") >= 1
    assert ann.typed() == "half a sentence"
    ann.say("")
    assert bob.read(2)[1:] == ["Ann says: half a sentence"]
    bob.say("after")
    assert ann.read(3)[1:] == ["You say: half a sentence", "Bob says: after"]


def test_waits_double_up_to_a_limit(join: Callable[..., Person], chat: Process) -> None:
    """The waits double up to 16 seconds, and start again at 1 second after a connection."""
    ann = join("Ann")
    ann.run(
        "window.waits = []; new MutationObserver(() => waits.push(...statusLine.innerText.match(/\\d+(?= s$)/) ?? []))"
        ".observe(statusLine, {childList: true})"
    )
    chat.stop()
    for count in range(1, 7):
        ann.wait_for(f"waits.length >= {count}")
        ann.run("nowButton.click()")  # to save time
    assert ann.run("return waits.slice(0, 6)") == ["1", "2", "4", "8", "16", "16"]
    chat.start()
    ann.wait_for("nowButton.click() || socket.readyState === WebSocket.OPEN")
    ann.run("waits.length = 0")
    chat.stop()
    assert ann.wait_for("waits[0]") == "1"


def test_button_connects_at_once(join: Callable[..., Person], chat: Process) -> None:
    """The button, shown only during a wait, connects at once and moves the focus to the message box."""
    ann, bob = join("Ann"), join("Bob")
    assert not ann.find("now").is_displayed()
    ann.run("wait = 600")
    chat.stop()
    ann.wait_for_status("the server has gone away, trying again in 600 s")
    chat.start()
    bob.wait_for_status("connected")
    assert ann.find("now").accessible_name == "Connect now"
    ann.find("now").send_keys(Keys.ENTER)
    ann.wait_for_status("connected")
    assert not ann.find("now").is_displayed()
    assert ann.run("return document.activeElement === messageBox")
    ann.say("back")
    assert bob.read(1) == ["Ann says: back"]


def test_log_follows_new_messages_only_at_its_end(join: Callable[..., Person]) -> None:
    """At its end the log scrolls to new messages; scrolled up, it stays where it is."""
    ann = join("Ann")
    ann.run("for (let i = 0; i < 100; i++) addMessage(`line ${i}`, 'theirs')")
    rest = "Math.round(log.scrollHeight - log.scrollTop - log.clientHeight)"
    assert ann.run(f"return log.scrollTop > 0 && {rest}") == 0
    ann.run("log.scrollTop = 50")
    ann.wait_for("!atEnd")
    ann.run("addMessage('new', 'theirs')")
    assert ann.run("return log.scrollTop") == 50
    ann.run("log.scrollTop = log.scrollHeight")
    ann.wait_for("atEnd")
    ann.run("addMessage('newer', 'own')")
    assert ann.run(f"return {rest}") == 0
    # The browser sends the scroll event only when it draws; by then the window may be smaller.
    ann.run("addMessage('newest', 'own'); document.body.style.height = '500px'")
    ann.wait_for(f"log.clientHeight < 400 && {rest} === 0")


def test_keyboard_and_screen_reader(join: Callable[..., Person]) -> None:
    """Each part has a name and a role, and the keyboard reaches all parts in the order of the page."""
    ann, bob = join(), join("Bob")
    assert ann.find("name").accessible_name.startswith("Your name")
    assert ann.find("message").accessible_name == "Your message"
    assert [ann.find(id).aria_role for id in ("log", "status")] == ["log", "status"]
    assert ann.run("return document.activeElement.id") == "name"
    for keys in ("Ann" + Keys.TAB, "hello" + Keys.TAB, Keys.SPACE):
        ann.run("return document.activeElement").send_keys(keys)
    assert bob.read(1) == ["Ann says: hello"]
    assert ann.run("return document.activeElement.id") == "message"


CONTRASTS = f"""{CONTRAST}
    const texts = document.querySelectorAll("h1, p, label, small, input, button");
    return [...texts].map(each => contrast(each));
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_in_light_and_dark(join: Callable[..., Person], scheme: str) -> None:
    """All text has a contrast of at least 4.5 to 1 (WCAG 2.2, section 1.4.3)."""
    ann = join("Ann")
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    ann.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    ann.run("for (const kind of ['own', 'theirs', 'error']) addMessage('text', kind)")
    contrasts = ann.run(CONTRASTS)
    assert len(contrasts) == 12
    assert min(contrasts) >= 4.5
    assert ann.run("return getComputedStyle(document.body).colorScheme") == "light dark"


@pytest.mark.parametrize("width", [320, 390])
def test_phone(join: Callable[..., Person], width: int) -> None:
    """At a phone's width nothing is wider than the screen, and the whole form is visible."""
    ann = join("Ann")
    size = {"width": width, "height": 640, "deviceScaleFactor": 2, "mobile": True}
    ann.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    ann.run(
        "for (const kind of ['own', 'theirs', 'error']) addMessage('long'.repeat(200), kind);"
        "showStatus('the server has gone away, trying again in 16 s', true)"
    )
    ann.wait_for(f"innerWidth === {width}")
    assert ann.run("return [document.documentElement, log].every(part => part.scrollWidth <= part.clientWidth)")
    assert ann.run(
        "return [...document.querySelectorAll('h1, p, label, input, button')].every(part => {"
        "const box = part.getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth})"
    )
    assert ann.run("return form.getBoundingClientRect().bottom <= innerHeight && statusLine.clientHeight < 60")


def test_page_opened_as_a_file(windows: Any, chat: Process, join: Callable[..., Person]) -> None:
    """Opened as a file, without a web server, the page connects to localhost."""
    ann, bob = Person(windows, f"{PAGE.as_uri()}?port={chat.number}", "Ann"), join("Bob")
    ann.wait_for_status(f"connected to localhost:{chat.number}")
    ann.say("hello")
    assert bob.read(1) == ["Ann says: hello"]


@pytest.mark.parametrize(
    ("query", "port"),
    [
        *(("", 8002), ("?port=9000", 9000), ("?port=", 8002), ("?port=x", 8002), ("?port=70000", 8002)),
        *(("?port=9000@far.example", 9000), ("?port=9000/path", 9000), ("?other=9000", 8002)),
    ],
)
def test_query_chooses_a_port_and_nothing_else(windows: Any, site: str, query: str, port: int) -> None:
    """The page connects only to its own host, on port 8002 or the port in the query; the query changes nothing else."""
    windows.switch_to.new_window("window")
    stub = "window.WebSocket = class { constructor(url) { window.asked = String(url) } }"
    windows.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": stub})
    for host in ("localhost", "127.0.0.1"):
        windows.get(site.replace("localhost", host) + query)
        assert windows.execute_script("return asked") == f"ws://{host}:{port}/"
