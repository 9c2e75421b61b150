"""The page of `labcheck open` before anything is checked: it is complete for every lab."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from labcheck.student.page import content
from labcheck.student.page.entrance import TOP
from labcheck.workbook.labs import lab_names, load_lab


class Forbidden(HTMLParser):
    """Finds what the page's content security policy does not let a browser use."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        names = dict(attrs)
        if tag in ("style", "iframe", "img", "base", "object") or (tag == "script" and names.get("src") != "page.js"):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]

    @classmethod
    def by_policy(cls, page: str) -> list[str]:
        """Return the names of forbidden elements and attributes."""
        parser = cls()
        parser.feed(page)
        return parser.found


@pytest.mark.parametrize("name", lab_names())
def test_page_holds_the_sheet_and_all_requirements(name: str) -> None:
    """Each section of the sheet and each requirement with its title is there, and nothing that the policy forbids."""
    lab = load_lab(name)
    servers = [each for each in lab.programs if not each.is_client]
    files = content.files(lab, lab.requirements, servers)
    page = files[TOP][1].decode()
    assert re.findall(r'id="sheet-(\d+)"', page) == [str(step.number) for step in lab.steps]
    assert re.findall(r'data-id="([\d.]+)"', page) == list(lab.requirements)
    assert not re.search(r'<span class="title">\s*</span>', page)
    assert page.count("<h3>") >= len(lab.steps)
    assert Forbidden.by_policy(page) == []
    style, script = (files[f"{TOP}page.{end}"][1].decode() for end in ("css", "js"))
    assert not re.search(r"&[a-z#0-9]+;|https?:", style)
    assert not re.search(r"&[a-z#0-9]+;|https:", script)


def test_only_selected_requirements_are_on_it() -> None:
    """A step without a selected requirement is left out; the sheet is whole."""
    page = content.files(load_lab("lab1"), ("2.3",), [])[TOP][1].decode()
    assert re.findall(r'data-id="([\d.]+)"', page) == ["2.3"]
    assert re.findall(r'data-step="(\d+)"', page) == ["2"]
    assert 'id="sheet-6"' in page
    assert 'id="server"' not in page  # no server, nothing to start


def test_title_of_the_sheet_is_not_there_twice() -> None:
    """The page has the title of the lab itself."""
    sections = content.sections(load_lab("lab1"))
    assert not sections[0].text.lstrip().startswith("# ")
    assert [each.step for each in sections if each.step] == [1, 2, 3, 4, 5, 6]
