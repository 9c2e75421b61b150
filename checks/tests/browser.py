"""A page in a real browser, for the tests of everything that has pages: also whether it is accessible, and fits."""

from __future__ import annotations

import contextlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 60  # seconds for something to appear, even on a busy machine
WIDTHS = (360, 768, 1280)  # of a phone, a tablet and a laptop
SCHEMES = ("light", "dark")
# Contrast is by far the slowest rule. It depends on the colors, the size and the backgrounds, so it is tried on one
# element of each combination.
AXE = """
    const [colorsOnly, done] = arguments;
    const key = element => {
        const {color, fontSize, fontWeight} = getComputedStyle(element);
        const behind = [];
        for (let each = element; each; each = each.parentElement) {
            const {backgroundColor, backgroundImage, opacity} = getComputedStyle(each);
            behind.push(backgroundColor, backgroundImage, opacity);
        }
        return [color, fontSize, fontWeight, ...behind].join();
    };
    const hasText = element => [...element.childNodes].some(each => each.nodeType === 3 && each.data.trim());
    const kinds = new Map();
    for (const each of document.querySelectorAll("body *"))
        if (hasText(each) && each.checkVisibility() && each.getClientRects().length)
            kinds.set(key(each), kinds.get(key(each)) || each);
    const options = {iframes: false, preload: false};  // a frame is another page; files are not fetched again
    const colors = () => axe.run({include: [...kinds.values()]}, {...options, runOnly: ["color-contrast"]});
    const others = () => axe.run(document, {...options, rules: {"color-contrast": {enabled: false}}});
    const words = found => found.violations.map(each => `${each.id}: ${each.nodes.map(node => node.html).join(" ")}`);
    (async () => [...words(await colors()), ...(colorsOnly ? [] : words(await others()))])().then(
        done, error => done([String(error)]));
"""


class Screen:
    """A page that is open in a browser: a file, or the page at an address."""

    def __init__(self, browser: Any, place: Path | str) -> None:
        self.browser = browser
        self.url = place.as_uri() if isinstance(place, Path) else place
        self.scheme = "light"

    def open(self, hash: str = "") -> None:
        """Open the page again."""
        self.browser.get("about:blank")
        self.browser.get(self.url + hash)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, and return its value."""
        return self.browser.execute_script(script, *arguments)

    def wait_for(self, expression: str) -> Any:
        """Wait until the value of an expression is true, and return it."""
        return WebDriverWait(self.browser, LIMIT, 0.02).until(lambda _: self.run(f"return {expression}"), expression)

    def find(self, css: str) -> Any:
        """Return the first matching element."""
        return self.browser.find_element(By.CSS_SELECTOR, css)

    def emulate(self, width: int = 1280, scheme: str = "light", media: str = "screen") -> None:
        """Set the width of the window in pixels, the color scheme, and the medium, until the window is closed."""
        self.scheme = scheme
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.wait_for(f"innerWidth === {width}")

    def unfold(self) -> None:
        """Open all folds, without waiting for what fades in."""
        self.run("document.querySelectorAll('details').forEach(each => each.open = true)")
        self.run("document.getAnimations().forEach(each => each.finish())")

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        return int(self.run("const page = document.documentElement; return page.scrollWidth - page.clientWidth"))

    def violations(self) -> list[str]:
        """Return what axe-core finds: the rules that the page violates, and where.

        In the dark, these are the rules on colors: a test looks at the page in the light too, for all others.
        """
        self.run(_axe())
        self.browser.set_script_timeout(4 * LIMIT)
        return list(self.browser.execute_async_script(AXE, self.scheme == "dark"))

    @contextlib.contextmanager
    def without_scripts(self) -> Iterator[None]:
        """Open the page again, for the duration of the block with no script running in it."""
        self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        try:
            self.open()
            yield
        finally:
            self.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@cache
def _axe() -> str:
    """Return axe-core, which a package for selenium brings along; the package itself is not imported."""
    spec = importlib.util.find_spec("selenium_axe_python")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "axe-core" / "axe.min.js").read_text("utf-8")
