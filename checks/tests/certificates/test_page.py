"""The page of a certificate: what is on it, that it never changes, and that it looks right on screens and on paper."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from browser import SCHEMES, WIDTHS, Screen
from labcheck.certificates.certificate import LONGEST, Certificate, PassedLab
from labcheck.certificates.page import NEWEST, render, versions

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = bytes(range(64))
TITLES = ("Python web servers", "Python WebSockets", "Up to date", "Web services", "Text and XML", "More")
LABS = tuple(PassedLab(f"lab{number}", title, 29, 29) for number, title in enumerate(TITLES, start=1))
OWN = Certificate(1, "Ada Lovelace", "Networks, autumn 2026", "2026-11-03", LABS, 6)
SIGNED = replace(OWN, records="0f" * 32, key="A" * 43 + "=")
MANY = tuple(replace(LABS[0], lab=f"lab{number}") for number in range(12))
# What the pages of each version are, as SHA-256 of one with everything on it. A version never changes, so that what was
# signed can be verified for ever: make a new version instead.
PAGES = {1: "53073a55a35179428c61c22748e6753fe6b6f256c8890fe961e5ad0c3ec216fc"}
LONG = {
    "usual": SIGNED,
    "not signed": OWN,
    "long name": replace(SIGNED, name=("Wolfeschlegelsteinhausenbergerdorff " * 9)[: LONGEST - 1] + "x"),
    "one long word": replace(SIGNED, name="W" * LONGEST, labs=(replace(LABS[0], title="W" * 100), *LABS[1:])),
    "right to left": replace(OWN, name="محمد بن موسى الخوارزمي"),
    "Chinese": replace(SIGNED, name="王小明", course="计算机网络"),
    "many labs": replace(SIGNED, labs=MANY, all_labs=12),
}


def text_of(page: str) -> str:
    """Return the text of a page's body, without markup and with single blanks."""
    body = page.partition("<body>")[2].partition("<script")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_page_says_everything() -> None:
    """Name, course, labs with their scores, and the date are on it, and who has made it."""
    text = text_of(render(OWN))
    assert text.startswith("Certificate Ada Lovelace has passed all 6 labs of Networks, autumn 2026 ")
    assert "lab2 Python WebSockets 29 of 29" in text
    assert "3 November 2026 This certificate is not signed." in text
    assert "Signature" not in text


def test_signed_page_has_the_signature_as_text() -> None:
    """With it are the digest of the results and the public key."""
    text = text_of(render(SIGNED, SIGNATURE))
    for value in (SIGNED.records, SIGNED.key, base64.b64encode(SIGNATURE).decode()):
        assert f" {value} " in text
    assert "not signed" not in text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"all_labs": 7}, "has passed 6 of the 7 labs of"),
        ({"labs": LABS[:1], "all_labs": 1}, "has passed the lab of"),
        ({"labs": LABS[:2], "all_labs": 2}, "has passed both labs of"),
        ({"labs": (replace(LABS[0], score=None), *LABS[1:])}, "has completed all 6 labs of"),
        ({"labs": (replace(LABS[0], score=None), *LABS[1:])}, "lab1 Python web servers excused"),
        ({"labs": (replace(LABS[0], score=26.1), *LABS[1:])}, "lab1 Python web servers 26.1 of 29"),
        ({"labs": (replace(LABS[0], score=0), *LABS[1:])}, "has passed all 6 labs"),
    ],
)
def test_page_says_what_is_missing(changed: dict[str, Any], words: str) -> None:
    """Labs that are left out and labs from which a student was excused are not hidden."""
    assert words in text_of(render(replace(OWN, **changed)))


def test_page_needs_no_network_and_runs_no_script() -> None:
    """Its policy allows its own style and nothing else, and there is no address in it."""
    page = render(SIGNED, SIGNATURE)
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"content=\"default-src 'none'; style-src 'sha256-{digest}'\"" in page
    assert not re.search(r"\b(src|href|action|url)\b\s*[=(]|//", page)


def test_names_are_text() -> None:
    """Markup in a name or a title is shown, and does not end the text that is signed."""
    evil = "</script><script>alert(1)</script><!-- \" ' & <b>"
    page = render(replace(SIGNED, name=evil, course=evil, labs=(replace(LABS[0], title=evil, lab=evil),)), SIGNATURE)
    assert page.count("<script") == page.count("</script>") == 1
    assert "<b>" not in page
    assert text_of(page).count("alert(1)") == 4


@pytest.mark.parametrize("version", versions())
def test_version_of_the_page_never_changes(version: int) -> None:
    """Each page that was ever signed can still be made again, letter by letter."""
    labs = (replace(LABS[0], score=None), replace(LABS[1], score=26.1), *MANY)
    whole = replace(SIGNED, version=version, name="Zoë <O'Neil>", labs=labs, all_labs=15)
    pages = [render(whole, SIGNATURE), render(replace(OWN, version=version, labs=LABS[:1], all_labs=1))]
    assert hashlib.sha256("".join(pages).encode()).hexdigest() == PAGES[version]


def test_unknown_version() -> None:
    assert versions()[-1] == NEWEST
    with pytest.raises(LookupError):
        render(replace(OWN, version=NEWEST + 1))


# -- In a browser


def screen(window: Any, certificate: Certificate, folder: Path) -> Screen:
    file = folder / "certificate.html"
    file.write_text(render(certificate, SIGNATURE if certificate.is_signed else b""), "utf-8")
    found = Screen(window, file)
    found.open()
    return found


@pytest.mark.parametrize("name", LONG)
def test_page_fits_each_screen(window: Any, name: str, tmp_path: Path) -> None:
    """Nothing overflows, from a phone to a laptop, no matter how long the name is."""
    page = screen(window, LONG[name], tmp_path)
    for width in WIDTHS:
        page.emulate(width)
        assert page.overflow() == 0
        assert page.run(
            "return [...document.querySelectorAll('main *')].filter(each => each.scrollWidth > each.clientWidth + 1 "
            "&& getComputedStyle(each).display !== 'inline').map(each => each.outerHTML)"
        ) == []  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["usual", "not signed"])
def test_page_is_accessible(window: Any, name: str, scheme: str, tmp_path: Path) -> None:
    """The page violates no rule of axe-core."""
    page = screen(window, LONG[name], tmp_path)
    page.emulate(scheme=scheme)
    assert page.violations() == []


@pytest.mark.parametrize("name", LONG)
def test_page_is_one_sheet_of_paper(window: Any, name: str, tmp_path: Path) -> None:
    """It is printed on one sheet, A4 as well as Letter."""
    page = screen(window, LONG[name], tmp_path)
    for width, height in ((8.27, 11.69), (8.5, 11)):
        paper = {"paperWidth": width, "paperHeight": height, "printBackground": False}
        printed = base64.b64decode(page.browser.execute_cdp_cmd("Page.printToPDF", paper)["data"])
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1


def test_right_to_left_name_is_centered_and_whole(window: Any, tmp_path: Path) -> None:
    """The name's own direction does not turn the words around it."""
    page = screen(window, LONG["right to left"], tmp_path)
    direction = "return [...document.querySelectorAll('.name, .course')].map(each => getComputedStyle(each).direction)"
    assert page.run(direction) == ["rtl", "ltr"]
