"""The report of one submission as a page: what is on it, and that it can be used, with and without scripts."""

from __future__ import annotations

import base64
import hashlib
import html as markup
import re
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from browser import SCHEMES, WIDTHS, Screen
from conftest import CHECKOUT, once, record_of, run_labcheck
from labcheck.record.difference import compare
from labcheck.record.excerpt import Excerpt
from labcheck.record.record import Outcome, Place, ProgramResult, Record, RequirementResult, StepTitle
from labcheck.reports.one import html
from labcheck.reports.wording import folded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPENS_WITHIN = 1.0  # seconds; it takes 0.05, and six times as long on a machine that runs other tests
LARGEST = 1_000_000  # bytes
NOT_PYTHON = 'import sys\n\n\ndef main():\n\tprint("<é>", 1))\n'
STEPS = [StepTitle(number, f"Step {number}", "server") for number in (1, 2, 3)]


def event(data: str, kind: str = "received", what: str = "") -> dict[str, Any]:
    return {"kind": kind, "what": what, "who": "", "at": 0.5, "size": len(data), "encoding": "utf-8", "data": data}


def results(**outcomes: str) -> list[RequirementResult]:
    """Make results, given as `r1_1="failed"`."""
    return [
        RequirementResult(
            id[1:].replace("_", "."), f"It does `{id}`.", Outcome(outcome), earned=int(outcome == "passed")
        )
        for id, outcome in outcomes.items()
    ]


def text_of(page: str) -> str:
    """Return the text of a page's body, without markup and with single blanks."""
    return " ".join(markup.unescape(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2])).split())


# -- What is on it


def test_head_has_a_chip_for_each_step() -> None:
    """A chip says in a sign, in words and in numbers how a step did, and leads to it."""
    found = results(r1_1="passed", r1_2="passed", r2_1="failed", r2_2="not_run", r3_1="not_run")
    page = html.render(record_of(found, steps=STEPS))
    chips = re.findall(r'<a class="chip (\w+)" href="#(step-\d)">(.*?)</a>', page)
    assert [(kind, place, text_of(f"<body>{inside}")) for kind, place, inside in chips] == [
        ("passed", "step-1", "✓ 1 Step 1 2/2 passed"),
        ("failed", "step-2", "✗ 2 Step 2 0/2 failed"),
        ("not_run", "step-3", "– 3 Step 3 0/1 not run"),
    ]
    assert all(f'id="{place}"' in page for _, place, _ in chips)
    assert "2 of 5 requirements pass · 2 of 5 points · 1 failed · 2 not run" in text_of(page)


def test_one_cause_is_one_line() -> None:
    """What was not run for one reason is one line, also over several steps; each requirement keeps its link."""
    found = results(r1_1="failed", r1_2="not_run", r1_3="not_run", r2_1="not_run", r3_1="not_run")
    for each in found[1:]:
        each.reason = "server.py did not start"
    page = html.render(record_of(found, steps=STEPS))
    assert page.count('<summary><span class="mark">') == 2
    assert "– not run 4 could not be run: server.py did not start" in text_of(page)
    assert '<h2 id="step-2"' not in page
    for place in ("step-2", "step-3", *(each.id for each in found)):
        assert page.count(f'id="{place}"') == 1
    found[-1].reason = "another reason"
    page = html.render(record_of(found, steps=STEPS))
    assert "3 could not be run" in page
    assert '<h2 id="step-3"' in page


def test_file_that_python_cannot_read_is_a_card() -> None:
    """The lines around the mistake are shown with their numbers and a caret, and named as the cause of the rest."""
    found = results(r1_1="failed", r1_2="not_run", r1_3="not_run")
    found[0].place = Place("server.py", 5)
    found[0].excerpt = Excerpt("SyntaxError", "unmatched ')'", 4, ["def main():", '\tprint("<é>", 1))'], 16)
    page = html.render(record_of(found, steps=STEPS[:1]))
    figure = page.partition("<figure")[2].partition("</figure>")[0]
    assert "SyntaxError : unmatched ')' · server.py, line 5, column 16" in text_of(f"<body><{figure}")
    lines = markup.unescape(re.sub(r"<[^>]*>", "", figure.partition("<pre")[2].partition(">")[2])).split("\n")
    assert lines == ["4def main():", '5\tprint("<é>", 1))', "\t              ^", ""]
    assert lines[1][1:].index("))") == lines[2].index("^")
    assert "2 could not be run: SyntaxError in server.py, line 5" in text_of(page)


def test_hints_are_folded_one_in_the_other() -> None:
    """A hint is seen only by who has opened the one before it; the words between backticks are code."""
    [failed] = results(r1_1="failed")
    failed.hints = ["What does `x` do?", "Look at y."]
    page = html.render(record_of([failed], steps=STEPS[:1]))
    first = page.partition("Hint 1 of 2")[2]
    assert "What does <code>x</code> do?" in first.partition("<details")[0]
    assert "Look at y." not in first.partition("<details")[0]
    assert first.partition("Hint 2 of 2")[2].index("Look at y.") < first.index("</details></div></details>")


def test_sheet_is_shown_as_it_is_read() -> None:
    """The section of the lab sheet is HTML, under the heading of its step; only its links lead to the web."""
    sheet = (
        "## Step 1\n\nSee [the RFC](https://example.org/x) and [here](../x.md).\n\n| a | b |\n|---|---|\n| `1` | 2 |\n"
    )
    steps = [StepTitle(1, "First", "server", sheet)]
    page = html.render(record_of(results(r1_1="failed"), steps=steps))
    section = page.partition('id="sheet-1"')[2].partition("</details>")[0]
    assert "<h3>Step 1</h3>" in section
    assert '<a href="https://example.org/x">the RFC</a> and [here](../x.md)' in section
    assert "<td><code>1</code></td>" in section
    assert '<a href="#sheet-1">' in page


HTTP = [event("GET", "sent"), event("200"), event("the server closed", "hung_up")]
MESSAGE = [event("a", "sent", "text"), event("b", "received", "text")]
TYPED = [event("a", "typed"), event("a", "received", "text"), event("b", "sent", "text"), event("b", "printed")]


@pytest.mark.parametrize(
    ("transcript", "words", "shown"),
    [
        ([], "", 0),
        (HTTP, "", 3),
        (HTTP * 2, "1 earlier exchange", 3),
        ([*HTTP * 4, event("Ctrl+C", "note")], "3 earlier exchanges", 4),
        (MESSAGE * 3, "", 6),
        (MESSAGE * 5, "2 earlier exchanges", 6),
        ([event("hello", "printed"), *TYPED * 3], "2 earlier exchanges", 8),
    ],
)
def test_only_the_last_exchange_is_open(transcript: list[dict[str, Any]], words: str, shown: int) -> None:
    """The exchange that decided is not folded; where messages go to and fro, six of them or more are not."""
    said, before, last = folded(transcript)
    assert (said, [*before, *last], len(last)) == (words, transcript, shown)


def test_earlier_exchanges_are_folded() -> None:
    """They are on the page, in a fold of their own with their number."""
    [failed] = results(r1_1="failed")
    failed.transcript = [event("first", "sent"), event("200"), event("second", "sent"), event("404")]
    shown = html.transcript(failed)
    fold, _, rest = shown.partition("</details>")
    assert "1 earlier exchange</span>" in fold
    assert "first" in fold
    assert "second" in rest
    assert "<details" not in rest


def test_first_failure_is_open() -> None:
    """It is open with its exchange; everything else is folded, except an internal error."""
    found = results(r1_1="passed", r1_2="failed", r1_3="failed", r1_4="error", r1_5="not_run")
    for each in found:
        each.transcript = [event("200")]
    page = html.render(record_of(found, steps=STEPS[:1]))
    folds = re.findall(r'<details class="result (\w+)"( open)?>.*?<details class="exchange"( open)?>', page, re.DOTALL)
    assert folds == [
        ("passed", "", ""), ("failed", " open", " open"), ("failed", "", " open"), ("error", " open", ""),
        ("not_run", "", ""),
    ]  # fmt: skip


def test_what_was_not_selected_is_left_out() -> None:
    """With --only, the page shows the selected requirements, and how many others there are."""
    found = results(r1_1="passed", r1_2="not_run", r2_1="not_run")
    page = html.render(record_of(found, steps=STEPS, selected=["1.1"]))
    assert "1 of 1 requirements pass · 1 of 3 points · 2 not selected" in text_of(page)
    assert "Step 2" not in page
    assert 'id="1.2"' not in page


def test_page_runs_one_script_and_loads_nothing() -> None:
    """The policy allows the page's own script and style, and nothing else."""
    page = html.render(record_of(results(r1_1="failed")))
    script = page.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:" in page
    assert not re.search(r"url\(|@import|https?://|\ssrc=", page)


# -- In a browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Check some submissions, and keep their records and pages."""

    def make(place: Path) -> None:
        (place / "broken").mkdir()
        (place / "broken" / "webserver.py").write_text(NOT_PYTHON, "utf-8")
        for name, lab, folder in (
            ("solution", "lab1", CHECKOUT / "solutions" / "lab1"),
            ("starter", "lab1", CHECKOUT / "labs" / "lab1"),
            ("syntax", "lab1", place / "broken"),
            ("lab2", "lab2", CHECKOUT / "labs" / "lab2"),
        ):
            more = ("--html", place / f"{name}.html", "--json", place / f"{name}.json")
            run_labcheck(lab, folder, "--seed", 7, *more, cwd=place)

    return once(tmp_path_factory, "pages", make)


@pytest.fixture
def show(window: Any, pages: Path) -> Callable[..., Screen]:
    """Open one of the pages in a window."""

    def open_page(name: str, hash: str = "") -> Screen:
        screen = Screen(window, pages / f"{name}.html")
        screen.emulate()
        screen.open(hash)
        return screen

    return open_page


def shown(screen: Screen) -> list[str]:
    """Return the ids of the requirements with lines of their own that are shown."""
    script = "return [...document.querySelectorAll('.result .inside[id]')].filter(each => each.parentElement"
    return list(screen.run(f"{script}.checkVisibility()).map(each => each.id)"))


def opened(screen: Screen) -> list[str]:
    """Return the ids of the requirements that are open."""
    return list(screen.run("return [...document.querySelectorAll('.result[open] > .inside')].map(each => each.id)"))


def press(screen: Screen, key: str) -> None:
    ActionChains(screen.browser).send_keys(key).perform()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["solution", "starter", "syntax"])
def test_accessible(show: Callable[..., Screen], name: str, scheme: str) -> None:
    """The page violates no rule of axe-core, as it opens and with everything unfolded, also on a phone."""
    screen = show(name)
    screen.emulate(max(WIDTHS), scheme)
    screen.open()
    assert screen.violations() == []
    for width in (max(WIDTHS), min(WIDTHS)):
        screen.emulate(width, scheme)
        screen.unfold()
        assert screen.violations() == []


@pytest.mark.parametrize("name", ["solution", "starter", "syntax", "lab2"])
def test_nothing_overflows(show: Callable[..., Screen], name: str) -> None:
    """At the width of a phone, a tablet and a laptop nothing is wider than the window, folded and unfolded."""
    screen = show(name)
    for width in WIDTHS:
        for scheme in SCHEMES:
            screen.emulate(width, scheme)
            screen.open()
            assert screen.overflow() <= 0
            screen.unfold()
            assert screen.overflow() <= 0


def test_long_words_do_not_overflow(window: Any, tmp_path: Path) -> None:
    """Words of a thousand characters anywhere on the page are broken, or have a box that scrolls."""
    word = "x" * 1000
    found = results(r1_1="failed", r1_2="failed", r1_3="not_run", r1_4="not_run")
    for each in found:
        each.title = each.reason = word
    first, second, *_ = found
    first.expected = first.received = first.by_hand = word
    first.transcript, first.hints = [event(word, "sent", word), event(word)], [word, f"`{word}`"]
    first.place, first.excerpt = Place(f"{word}.py", 1), Excerpt(word, word, 1, [word], 900)
    second.difference = compare(word, word[:-1], (word, word))
    second.expected = second.received = word
    sheet = f"## {word}\n\n{word} `{word}`\n\n```\n{word}\n```\n\n|{word}|b|\n|-|-|\n|`{word}`|2|\n"
    programs = [ProgramResult(word, word, word, word)]
    record = record_of(found, steps=[StepTitle(1, word, word, sheet)], programs=programs, title=word, lab=word)
    file = tmp_path / "long.html"
    file.write_text(html.render(record), "utf-8")
    screen = Screen(window, file)
    for width in WIDTHS:
        screen.emulate(width)
        screen.open()
        assert screen.overflow() <= 0
        screen.unfold()
        assert screen.overflow() <= 0
        assert screen.violations() == []


def test_large_report_opens_fast(show: Callable[..., Screen], pages: Path) -> None:
    """The report with the largest transcripts is small, opens at once, and is a few screens long."""
    assert (pages / "lab2.html").stat().st_size < LARGEST
    assert (pages / "lab2.json").stat().st_size > 2 * LARGEST
    screen = show("lab2")
    times = []
    for _ in range(5):
        screen.open()
        times.append(screen.wait_for("performance.getEntriesByType('navigation')[0].loadEventEnd"))
    assert min(times) < 1000 * OPENS_WITHIN
    assert screen.run("return document.documentElement.scrollHeight") < 5_000


def test_expected_is_beside_received(show: Callable[..., Screen], pages: Path) -> None:
    """On a laptop the two are side by side, on a phone one is below the other; the first difference has a mark."""
    script = (
        "return [...document.querySelectorAll('.sides')].find(each => each.querySelector('mark')).closest('.inside').id"
    )
    screen = show("lab2")
    id = screen.run(script)
    for width, beside in ((1280, True), (360, False)):
        screen.emulate(width)
        screen.open(f"#{id}")
        screen.wait_for(f"document.getElementById('{id}').checkVisibility()")
        boxes = [each.rect for each in screen.browser.find_elements(By.CSS_SELECTOR, f"[id='{id}'] .sides > div")]
        assert len(boxes) == 2
        assert (boxes[0]["y"] == boxes[1]["y"]) is beside
        marks = screen.browser.find_elements(By.CSS_SELECTOR, f"[id='{id}'] .sides mark")
        assert [mark.is_displayed() for mark in marks] == [True, True]


def test_filters(show: Callable[..., Screen], pages: Path) -> None:
    """The page can show only what failed, or only what was not run; steps without any of it are hidden."""
    record = Record.from_json((pages / "starter.json").read_text("utf-8"))
    screen = show("starter")
    everything = shown(screen)
    failed, not_run = ([each.id for each in record.of(outcome)] for outcome in (Outcome.FAILED, Outcome.NOT_RUN))
    screen.find("[data-show=failed]").click()
    assert shown(screen) == failed
    assert not screen.find("#step-6").is_displayed()
    assert screen.find("[data-show=failed]").get_attribute("aria-pressed") == "true"
    screen.find("[data-show=not_run]").click()
    assert set(shown(screen)) < set(not_run)
    assert screen.find("[data-show=failed]").get_attribute("aria-pressed") == "false"
    screen.find("[data-show='']").click()
    assert shown(screen) == everything
    screen.find("[data-show=failed]").click()
    screen.find(".chip[href='#step-6']").click()
    screen.wait_for("document.getElementById('step-6').checkVisibility()")


def test_keys_lead_from_failure_to_failure(show: Callable[..., Screen], pages: Path) -> None:
    """n and p open the next and the previous failure, around the end, from where one is; the page says so."""
    failed = [each.id for each in Record.from_json((pages / "starter.json").read_text("utf-8")).of(Outcome.FAILED)]
    screen = show("starter")
    buttons = screen.browser.find_elements(By.CSS_SELECTOR, "[data-walk]")
    assert [each.text for each in buttons] == ["↑ Previous failure p", "↓ Next failure n"]
    focused = "document.activeElement.closest('.result').querySelector('.inside').id"
    for key, place in (("n", 0), ("n", 1), ("n", 2), ("p", 1), ("p", 0), ("p", -1), ("n", 0)):
        press(screen, key)
        assert screen.run(f"return {focused}") == failed[place]
        assert failed[place] in opened(screen)
        assert screen.run("return location.hash") == f"#{failed[place]}"
    assert screen.find("[role=status]").get_attribute("textContent") == f"failure 1 of {len(failed)}"
    screen.find("[data-walk='1']").click()
    assert screen.run(f"return {focused}") == failed[1]
    screen.run("document.querySelector(\".result:has([id='3.5']) > summary\").focus()")
    press(screen, "n")
    assert screen.run(f"return {focused}") == "3.6"


def test_solution_has_nothing_to_walk_to(show: Callable[..., Screen]) -> None:
    """If everything passes, there are no buttons, and the keys do nothing."""
    screen = show("solution")
    assert not screen.find(".controls").is_displayed()
    press(screen, "n")
    assert opened(screen) == []


def test_link_opens_a_requirement(show: Callable[..., Screen]) -> None:
    """#2.3 opens 2.3, also if a filter hides it, and one that is in a line with others; so do links in the page."""
    screen = show("starter", "#2.3")
    screen.wait_for("document.getElementById('2.3').checkVisibility()")
    assert opened(screen) == ["1.3", "2.3"]
    screen.find("[id='2.3'] .more a[href='#sheet-2']").click()
    screen.wait_for("document.getElementById('sheet-2').checkVisibility()")
    screen.find("[data-show=failed]").click()
    screen.run("location.hash = '#6.1'")
    screen.wait_for("document.getElementById('6.1').checkVisibility()")
    screen.run("location.hash = '#3.4'")
    screen.wait_for("document.getElementById('3.4').checkVisibility()")


def test_commands_can_be_copied(show: Callable[..., Screen], pages: Path) -> None:
    """A button copies a command, also where the page may not use the clipboard."""
    record = Record.from_json((pages / "starter.json").read_text("utf-8"))
    screen = show("starter", "#2.1")
    by_hand, _ = screen.browser.find_elements(By.CSS_SELECTOR, "[id='2.1'] .copy")
    assert by_hand.accessible_name == "Copy: by hand"
    copied = "window.copied"
    screen.run(f"navigator.clipboard.writeText = async text => {{ {copied} = text; }}")
    by_hand.click()
    assert screen.wait_for(copied) == record.requirement("2.1").by_hand
    assert by_hand.text == "Copied"
    screen.run(
        f"navigator.clipboard.writeText = () => Promise.reject(); {copied} = '';"
        f"document.execCommand = command => {{ {copied} = command + document.activeElement.value; }}"
    )
    screen.browser.find_elements(By.CSS_SELECTOR, "[id='2.1'] .copy")[1].click()
    assert screen.wait_for(copied).startswith("copylabcheck replay lab1 2.1 --seed 7")


def test_usable_without_scripts(show: Callable[..., Screen]) -> None:
    """Without scripts nothing is lost but filters, keys and copying: folds and links work."""
    screen = show("starter")
    with screen.without_scripts():
        assert not screen.find(".controls").is_displayed()
        assert not screen.browser.find_elements(By.CSS_SELECTOR, ".copy")
        assert screen.find("[id='1.3'] .exchange").is_displayed()
        assert not screen.find("[id='2.2']").is_displayed()
        screen.find(".result:has([id='2.2']) > summary").click()
        assert screen.find("[id='2.2'] .sides").is_displayed()
        screen.find("[id='2.2'] .more a[href='#sheet-2']").click()
        assert screen.find("[id='sheet-2']").is_displayed()
        screen.open("#2.3")
        assert screen.find("[id='2.3'] .sides").is_displayed()


def test_failures_are_open_on_paper(show: Callable[..., Screen]) -> None:
    """In print all failures are unfolded, also without scripts, and the buttons are gone."""
    screen = show("starter")
    before = opened(screen)
    screen.run("dispatchEvent(new Event('beforeprint'))")
    assert len(opened(screen)) == 14
    screen.run("dispatchEvent(new Event('afterprint'))")
    assert opened(screen) == before
    screen.emulate(media="print")
    assert screen.run("return document.querySelector('[id=\"5.1\"]').checkVisibility()")
    assert not screen.run("return document.querySelector('[id=\"1.1\"]').checkVisibility()")
    assert not screen.find(".controls").is_displayed()


def test_focus_can_be_seen(show: Callable[..., Screen]) -> None:
    """What has the focus of the keyboard has an outline, and each fold has a triangle."""
    screen = show("starter")
    for css in ("[data-show=failed]", ".chip", ".result > summary", "[id='1.3'] .copy"):
        screen.run(f"document.querySelector({css!r}).focus({{focusVisible: true}})")
        assert screen.run("return parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    signs = "return [...document.querySelectorAll('summary')].map(each => getComputedStyle(each, '::before').content)"
    assert {sign[1] for sign in screen.run(signs)} == {"▸", "▾"}
