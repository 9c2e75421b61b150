"""The exchange as a picture: arrows in the right direction and order, the silence too, and links to the list."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selenium.webdriver.common.by import By

from conftest import CONTRAST, TESTS
from labcheck.authoring.variants import variants
from labcheck.judging.judge import judge
from labcheck.judging.options import Options
from labcheck.record.deciding import deciding
from labcheck.record.transcript import Transcript
from labcheck.reports.diagram import draw
from labcheck.reports.lanes import columns, cut
from labcheck.reports.one import html
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from labcheck.record.record import RequirementResult

POISON = "</title></svg><script>ran = 1</script>]]>&\x00\x1b[31m\u202e\ud800\ufffe\r\nX"


def drawn(transcript: Transcript | list[dict[str, Any]], decided: int | None = None, **more: Any) -> Drawn:
    events = [each.to_json() for each in transcript.events] if isinstance(transcript, Transcript) else transcript
    return Drawn(draw(events, decided, prefix="p-", **more).html())


class Drawn:
    """A picture as a reader sees it: its names, and a row for each event or count."""

    def __init__(self, page: str) -> None:
        self.root = ET.fromstring(page)  # raises ParseError unless it is well-formed
        header, self.body = self.root.findall("svg")
        self.lanes = {float(each.get("x", "")): each.text or "" for each in header.iter("text")}
        self.names = list(self.lanes.values())
        self.rows = self.body.findall("a")

    @property
    def titles(self) -> list[str]:
        return [each.findtext("title") or "" for each in self.rows]

    @property
    def marked(self) -> list[str]:
        """The words of the event that decided, without its time."""
        known = [each for each in self.rows if each.get("class") == "decided"]
        return [re.sub(r"^[\d.]+ s: |; this decided$", "", each.findtext("title") or "") for each in known]

    def arrow(self, place: int) -> tuple[str, str, str]:
        """Return which lanes the arrow of a row joins, and how it is drawn; no lane: it ends on its way."""
        path = next(each for each in self.rows[place].iter("path") if each.get("class", "").startswith("wire"))
        shape = path.get("d", "")
        begin, end, rest = re.fullmatch(r"M([\d.]+) \d+H([\d.]+)(.*)", shape).groups()  # type: ignore[union-attr]
        near = next((name for x, name in self.lanes.items() if abs(float(end) - x) < 5), "")
        return self.lanes[float(begin)], near, path.get("class", "") + (" head" if rest.endswith("z") else "")

    def gaps(self) -> list[str]:
        return [each.findtext("text") or "" for each in self.body.findall("g")]


def http() -> Transcript:
    transcript = Transcript()
    transcript.sent(b"GET /a HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n")
    transcript.received(b"HTTP/1.0 404 Not Found\r\nDate: today\r\nContent-Type: text/plain\r\n\r\nNo  such\nfile")
    transcript.hung_up("server")
    return transcript


def test_server_is_on_the_right() -> None:
    """A request goes to the right, its answer to the left; each says its first line, and what else fits."""
    found = drawn(http(), 1, program="webserver")
    assert found.names == ["client", "webserver"]
    assert [found.arrow(place) for place in range(3)] == [
        ("client", "webserver", "wire head"),
        ("webserver", "client", "wire head"),
        ("webserver", "client", "wire dashed"),
    ]
    texts = [[each.text for each in row.iter("text") if each.get("x") == "102"] for row in found.rows]
    assert texts == [
        ["GET /a HTTP/1.1", "Accept: */*"],
        ["HTTP/1.0 404 Not Found", "Content-Type: text/plain", "No such file"],
        ["the server closed the connection"],
    ]
    assert len(found.marked) == 1
    assert "webserver to client: HTTP/1.0 404 Not Found" in found.marked[0]


def test_program_that_is_a_client_is_on_the_left() -> None:
    """What was typed and printed is in its lane, and labcheck's server is on the right."""
    transcript = Transcript()
    transcript.received(b"GET / HTTP/1.1\r\n\r\n", "handshake")
    transcript.sent(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "handshake")
    transcript.printed("Your Message: ", "standard output")
    transcript.typed("")
    transcript.received(b"", "text")
    transcript.received(b"bye", "close 1000")
    transcript.printed("Traceback\n" + "line\n" * 9 + "KeyError", "standard error")
    found = drawn(transcript, program="echo_client")
    assert found.names == ["echo_client", "labcheck's server"]
    assert [found.arrow(place)[:2] for place in (0, 1, 4)] == [
        ("echo_client", "labcheck's server"),
        ("labcheck's server", "echo_client"),
        ("echo_client", "labcheck's server"),
    ]
    assert [re.sub(r"^\d\.\d{3} s: ", "", each) for each in found.titles[2:6]] == [
        "echo_client: printed Your Message: ",
        "echo_client: typed an empty line",
        "echo_client to labcheck's server: an empty text",
        "echo_client to labcheck's server: close 1000: bye",
    ]
    shown = [each.text for each in found.rows[6].iter("text")]
    assert shown[:5] == ["printed on standard error", "Traceback", "line", "line", "⋯ 8 more lines"]


def test_client_without_a_server_stands_alone() -> None:
    """If labcheck has started no server, the picture says so."""
    transcript = Transcript()
    transcript.typed("hi")
    assert drawn(transcript, program="echo_client").names == ["echo_client", "no server"]


def test_what_did_not_arrive_is_an_arrow_that_ends_in_a_cross() -> None:
    """It comes from the program, ends on its way, and says how long labcheck waited; the wait is no gap besides."""
    transcript = http()
    transcript.missed("no answer: no byte for 10 s", 10.0)
    transcript.missed("the line 'x' was not printed within 3 s", 3.0, "standard output")
    events: list[dict[str, Any]] = [each.to_json() for each in transcript.events]
    events[3]["at"] += 10.0
    events[4]["at"] += 13.0
    found = drawn(events, 3)
    assert found.arrow(3) == ("your program", "", "wire dashed")
    assert sorted(
        each.text or "" for each in found.rows[3].iter("text") if (each.text or "") not in ("decided", "10.000 s")
    ) == ["10 s", "no answer: no byte for 10 s"]
    assert found.marked == ["no answer: no byte for 10 s"]
    assert "✕ waited 3 s" in [each.text for each in found.rows[4].iter("text")]
    assert found.gaps() == []


def test_explanation_of_a_silence_is_complete() -> None:
    """It is wrapped where there is little room, between words."""
    transcript = Transcript()
    for name in ("Ann", "Bob", "Cem", "Dan"):
        transcript.sent(b"hi", "text", name)
    text = 'no message with "vuferidusebi" came, and the server is idle: waiting is no use; the last one was "hi"'
    transcript.missed(text, 1.0, who="Dan")
    found = [each.text or "" for each in drawn(transcript).rows[4].iter("text")]
    assert "".join(found).startswith(text)
    assert all(len(each) < 40 for each in found)


def test_waits_are_gaps_with_their_length() -> None:
    """A time without events is shown if a reader would notice it, also next to events that are only counted."""
    events = [each.to_json() for each in http().events]
    for event, at in zip(events, (0.0, 1.2, 1.25), strict=True):
        event["at"] = at
    assert drawn(events).gaps() == ["1.2 s"]
    crowd = [{**events[0], "at": float(place)} for place in range(40)]
    assert len(drawn(crowd).gaps()) == 13  # one before each event in view


def test_fifty_clients_are_folded_to_those_that_matter() -> None:
    """The others are counted beside the lanes, and their events between those in view."""
    transcript = Transcript()
    for kind in (transcript.sent, transcript.received):
        for number in range(1, 51):
            kind(f"hello {number}".encode(), "text", f"client {number}")
    found = drawn(transcript, 79, program="echo_server")
    assert found.names == ["46 other clients", *(f"client {number}" for number in (28, 29, 30, 31)), "echo_server"]
    counts = [int(each.split()[0]) for each in found.titles if re.match(r"\d+ (earlier |later )?events?", each)]
    assert sum(counts) + len(found.rows) - len(counts) == 100
    assert "46 events of other clients" in found.titles
    assert found.body.get("aria-label", "").startswith(
        "Sequence diagram of 8 of 100 events: 46 other clients, client 28"
    )


def test_connections_with_and_without_a_name_have_lanes() -> None:
    """A request of plain HTTP beside named clients has a lane of its own; a note about the program needs none."""
    transcript = http()
    transcript.sent(b"hi", "text", "Ann")
    transcript.note("Ctrl+C")
    transcript.note("reset the connection", "Ann")
    found = drawn(transcript)
    assert found.names == ["client", "Ann", "your program"]
    boxes = [float(next(row.iter("rect")).get("width", "")) for row in found.rows]
    assert len({*boxes}) == 1  # the bands
    assert [each.split(": ", 1)[1] for each in found.titles[-2:]] == [
        "your program: Ctrl+C",
        "Ann: reset the connection",
    ]


def test_ids_are_unique_and_lead_to_the_list_and_back() -> None:
    """Each event in view has an id, and a link to its row; a count leads to the first event that it counts."""
    events = [each.to_json() for each in http().events] * 20
    found = drawn(events, 30)
    ids = [each.get("id") for each in found.rows if each.get("id")]
    links = [each.get("href") for each in found.rows]
    assert len(ids) == len({*ids}) == 17
    assert links[0] == "#p-e0" and found.titles[0] == "18 earlier events"
    assert all(each.get("id") in (None, each.get("href", "#")[1:].replace("-e", "-d")) for each in found.rows)


@given(st.text(), st.text(), st.text(max_size=20), st.sampled_from(["text", "close 1000", "binary", "handshake", ""]))
def test_any_text_is_shown_as_text(data: str, line: str, who: str, what: str) -> None:
    """Control characters are printable, and every picture is well-formed XML; nothing that is shown is too long."""
    transcript = Transcript()
    sent = data.encode("utf-8", "surrogatepass")
    transcript.sent(sent, what, who)
    transcript.received(sent, what, who)
    transcript.note(line.encode("utf-8", "replace").decode(), who)
    transcript.missed(line.encode("utf-8", "replace").decode(), 1.0, "", who)
    found = drawn(transcript, program="x" * 99)
    for each in found.root.iter("text"):
        assert (each.text or "").isprintable()
        assert columns(each.text or "") <= 60


def test_hostile_text_is_shown_as_text() -> None:
    """Markup in a message, a line, a name or a program's name has no effect."""
    transcript = Transcript()
    poison = POISON.replace("\ud800", "")
    transcript.sent(poison.encode(), "text", poison)
    transcript.printed(poison, "standard output at the end")
    page = draw([each.to_json() for each in transcript.events], 0, program=POISON, prefix="p-").html()
    assert "<script" not in page
    assert not {*"\x00\x1b\u202e\ud800\ufffe"} & {*page}
    assert "&lt;script&gt;" in page
    ET.fromstring(page)


def test_picture_alone_has_its_style_and_no_links() -> None:
    """As a file, it has the names and a namespace, and no ids that may occur twice on a page."""
    picture = draw([each.to_json() for each in http().events])
    root = ET.fromstring(picture.svg())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert " id=" not in picture.svg() and "href=" not in picture.svg()
    assert "webserver" not in picture.svg() and "your program" in picture.svg()
    assert float(root.get("height", "0")) > picture.height


def test_texts_are_cut_by_their_columns() -> None:
    """A wide character takes two columns, an accent that is joined to a letter none."""
    assert [columns(each) for each in ("abc", "日本", "🎲", "e\u0301")] == [3, 4, 2, 1]
    assert (cut("日本語", 6), cut("日本語", 5), cut("abc", 2)) == ("日本語", "日本…", "a…")


# -- Real records


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., RequirementResult]:
    """Check one requirement of a program, or of a wrong variant of the solution, and return its result."""

    def check(lab: str, id: str, program: Path | str) -> RequirementResult:
        known = load_lab(lab)
        folder = tmp_path_factory.mktemp("submission")
        if isinstance(program, Path):
            (folder / known.program_of(id).file).write_bytes(program.read_bytes())
        else:
            next(each for each in variants(known) if each.fails == id and each.why == program).write(known, folder)
        return judge(known, folder, Options(1, only=(id,))).record.requirement(id)

    return check


def test_server_that_never_answers(checked: Callable[..., RequirementResult]) -> None:
    """The picture of a silence is the request, and the answer that ends in a cross with its deadline."""
    found = checked("lab1", "2.1", TESTS / "lab1" / "hostile" / "accepts_never_answers.py")
    picture = drawn(found.transcript, deciding(found))
    assert [picture.arrow(place) for place in (0, 1)] == [
        ("client", "your program", "wire head"),
        ("your program", "", "wire dashed"),
    ]
    assert found.received.startswith(picture.marked[0])
    waited = found.transcript[1]["seconds"]
    assert f"{waited:.2g} s" in [each.text for each in picture.rows[1].iter("text")]


@pytest.mark.parametrize(
    ("lab", "id", "program", "marked"),
    [
        ("lab2", "1.2", "never answers", r"no message .*"),
        ("lab2", "1.2", "writes no space after ECHO!", r"your program to client: ECHO!\w+"),
        ("lab2", "2.2", "sends the line end as well", r"your program to labcheck's server: gakenote"),
        ("lab2", "3.2", "sends to all clients, also to the sender", r"your program to client 1: \w+ says: \w+"),
        ("lab2", "1.10", "closes with the code for an internal error", r"your program to client 2: close 1011"),
    ],
)
def test_deciding_message_is_marked(
    checked: Callable[..., RequirementResult], lab: str, id: str, program: str, marked: str
) -> None:
    """Of a real failure, the event that the report is about is marked, and no other."""
    found = checked(lab, id, program)
    (told,) = drawn(found.transcript, deciding(found)).marked
    assert re.fullmatch(marked, told)


# -- The page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the report of lab 2's starter files."""
    lab = load_lab("lab2")
    place = tmp_path_factory.mktemp("page") / "report.html"
    place.write_text(html.render(judge(lab, lab.starter, Options(1)).record), "utf-8")
    return place


def test_report_of_lab_2_is_small(page: Path) -> None:
    """It is below 1 MB, although it shows everything that was exchanged."""
    assert page.stat().st_size < 1_000_000


def test_ids_in_a_report_are_unique(page: Path) -> None:
    """Each picture has its own ids, and every link leads somewhere."""
    text = page.read_text("utf-8")
    ids, links = re.findall(r' id="([^"]+)"', text), re.findall(r' href="#([^"]+)"', text)
    assert len(ids) == len({*ids})
    assert {*links} <= {*ids}
    assert len(links) > 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_report_fits_and_its_pictures_are_readable(browser: Any, page: Path, width: int, scheme: str) -> None:
    """A picture scrolls by itself, with the keyboard too; its texts have contrast in light and dark."""
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.get(page.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        least = browser.execute_script(
            CONTRAST + "return Math.min(...[...document.querySelectorAll('details[open] .picture text')].map(text => {"
            "  const css = getComputedStyle(text);"
            "  const of = [light(css.fill), light(css.stroke)].sort((a, b) => a - b);"
            "  return (of[1] + 0.05) / (of[0] + 0.05); }))"
        )
        assert least >= 4.5
        regions = browser.find_elements(By.CSS_SELECTOR, ".picture")
        assert all(each.get_attribute("tabindex") == "0" and each.get_attribute("aria-label") for each in regions)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_arrow_leads_to_its_bytes_and_back(browser: Any, page: Path) -> None:
    """A click on an arrow opens the list at its event, and marks it; its link leads back to the arrow."""
    browser.get(page.as_uri())
    arrow = browser.find_element(By.CSS_SELECTOR, "details[open] .picture a.decided")
    arrow.find_element(By.CSS_SELECTOR, "text").click()
    row = browser.find_element(By.CSS_SELECTOR, ".event:target")
    assert row.is_displayed()
    row.find_element(By.CSS_SELECTOR, "a").click()
    assert browser.find_element(By.CSS_SELECTOR, ".picture a.decided:target").is_displayed()


def test_names_of_the_lanes_stay_in_view(browser: Any, page: Path) -> None:
    """They stay at the top of a picture that is scrolled."""
    browser.get(page.as_uri())
    top = browser.execute_script(
        "const picture = document.querySelector('details[open] .picture');"
        "picture.style.maxHeight = '6rem'; picture.scrollTop = 60;"
        "const at = (each) => each.getBoundingClientRect().top;"
        "return [picture.scrollTop, at(picture.querySelector('.names')) - at(picture)]"
    )
    assert top[0] == 60
    assert abs(top[1]) < 3
