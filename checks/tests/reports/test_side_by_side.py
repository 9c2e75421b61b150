"""A comparison of classes in the terminal and as a page: in words, accessible, and with nothing but text in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from browser import SCHEMES, WIDTHS, Screen
from conftest import record_of
from labcheck.platforms.formats import find, formats
from labcheck.record.comparison import ClassOf, Comparison
from labcheck.record.gradebook import Asked, Entry, Gradebook
from labcheck.record.record import Outcome, RequirementResult
from labcheck.record.statistics import Statistics
from labcheck.reports.side_by_side import about, lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

POISON = "</style><img src=x onerror=window.ran=1>\u2028\x1b[2J\x00"


def class_of(
    name: str, passed: Sequence[int], *, lab: str = "lab1", titles: Sequence[str] = ("It works.", "It is correct.")
) -> ClassOf:
    """Return a class of students who have passed the first requirements of the lab."""
    asked = tuple(Asked(f"1.{number}", title) for number, title in enumerate(titles, start=1))
    entries = []
    for number, score in enumerate(passed):
        outcomes = [Outcome.PASSED if place < score else Outcome.FAILED for place in range(len(asked))]
        results = [
            RequirementResult(each.id, each.title, outcome, earned=int(outcome is Outcome.PASSED))
            for each, outcome in zip(asked, outcomes, strict=True)
        ]
        entries.append(Entry(f"s{number}", f"s{number}", record=record_of(results)))
    statistics = Statistics.of(Gradebook(lab, "Title", asked, tuple(entries)))
    people = tuple((frozenset({("id", f"s{number}")}), float(score)) for number, score in enumerate(passed))
    return ClassOf(name, lab, "Title", ("0.1.0",), statistics, people)


def page(*classes: ClassOf) -> str:
    return find("comparison", "html").render(Comparison.of(classes))


def test_formats() -> None:
    """These are the formats of a comparison; each is listed with its purpose."""
    assert [each.name for each in formats("comparison")] == ["csv", "html", "json"]


def test_nobody_was_graded() -> None:
    """Classes without results are compared as well: what they do not have is a dash."""
    found = Comparison.of([class_of("a", []), class_of("b", []), class_of("c", [], lab="lab2")])
    text = list(lines(found))
    assert text[1].split() == ["A", "a", "lab1", "0.1.0", "0", *"————"]
    assert "1.1  It works.       —  —       —" in text
    assert text[-1] == "B and C: 0 students are in both, by e-mail address or ID"
    for name in ("html", "json", "csv"):
        assert find("comparison", name).render(found)


def test_correlation_in_words() -> None:
    """It is given with the number of students, or with the reason why it is missing."""
    found = Comparison.of(
        [
            class_of("a", [0, 1, 2, 1, 0, 2]),
            class_of("b", [0, 1, 2, 1, 0, 2], lab="lab2"),
            class_of("c", [1, 1, 1, 1, 1, 1], lab="lab3"),
            class_of("d", [0, 1], lab="lab4"),
        ]
    )
    said = {found.sign(pair.first) + found.sign(pair.second): about(pair).partition("; ")[2] for pair in found.in_both}
    assert said["AB"] == "correlation of their scores 1.00 (n = 6, those with a grade in both)"
    assert said["AC"] == "no correlation, because all 6 with a grade in both have the same score in one of them"
    assert said["AD"] == "2 with a grade in both, too few for a correlation"


def test_requirement_with_another_title_is_marked() -> None:
    """If the titles of a requirement differ, it may be another one: the terminal marks it, the page shows both."""
    found = [class_of("a", [1]), class_of("b", [1], titles=("It works.", "Something else."))]
    text = list(lines(Comparison.of(found)))
    assert [line.split()[0] for line in text if line.startswith("1.")] == ["1.1", "1.2*"]
    assert text[-1].startswith("* has another title")
    assert "It is correct. / Something else." in page(*found)
    assert not any("*" in line for line in lines(Comparison.of([found[0], class_of("c", [1])])))


def test_long_title_is_cut() -> None:
    """A line for a requirement fits into a terminal: of a long title, it shows the beginning."""
    found = [class_of(name, [1] * 100, titles=("The page " + "really " * 20 + "works.",)) for name in "ab"]
    (line,) = (line for line in lines(Comparison.of(found)) if line.startswith("1.1"))
    assert "  The page really really" in line
    assert "…  100 % of 100  100 % of 100       0" in line
    assert len(line) <= 100


def test_names_stay_text() -> None:
    """Markup in the name of a folder or in a title is shown, and never runs; a terminal gets no commands."""
    bad = class_of(POISON, [1], titles=(POISON, "x"))
    text = page(bad, class_of("b", [2]))
    assert not re.search("[\x00\x1b\u2028]|<img|<script", text)
    assert "&lt;img src=x" in text
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|url\(|@import", text)
    assert not re.search("[\x00\x1b\u2028]", "".join(lines(Comparison.of([bad, bad]))))


def test_page_has_the_numbers() -> None:
    """The page shows each share with its number, and the change."""
    text = re.sub(r"<[^>]+>", "|", page(class_of("a", [0, 1, 2]), class_of("b", [2, 2])))
    assert re.search(r"1\.1 It works\.\|+66 % of 3\|+100 % of 2\|+\+34\|", text)
    assert re.search(r"A: a[|\n]+lab1\|+0\.1\.0\|+3\|+0\|+50\.0\|+50\.0\|+25\.0\|+50\.0\|+75\.0\|", text)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_page_is_accessible_and_fits(window: Any, tmp_path: Path, scheme: str) -> None:
    """The page violates no rule of axe-core, and is not wider than the window, in light and dark."""
    file = tmp_path / "comparison.html"
    classes = [class_of(f"{year}/lab1-results-of-the-whole-year", [0, 1, 2, year % 3]) for year in range(2021, 2027)]
    file.write_text(page(*classes, class_of("lab2-results", [1, 2], lab="lab2")), "utf-8")
    screen = Screen(window, file)
    for width in WIDTHS:
        screen.emulate(width, scheme)
        screen.open()
        assert screen.overflow() <= 0
        assert screen.violations() == []
        bars = screen.run("return [...document.querySelectorAll('.passed i')].map(each => each.offsetWidth)")
        assert max(bars) > 30
