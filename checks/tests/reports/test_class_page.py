"""class.html: its numbers match the gradebook, equal mistakes are grouped, students' text stays text, and it works."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import random
import re
import zlib
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from browser import LIMIT, SCHEMES, WIDTHS, Screen
from conftest import CONTRAST, record_of, run_labcheck
from labcheck.authoring.variants import variants
from labcheck.record.gradebook import NOTHING, Asked, Entry, Gradebook, Override
from labcheck.record.people import Person
from labcheck.record.record import Outcome, ProgramResult, Record, RequirementResult
from labcheck.record.statistics import BARS, Statistics, histogram
from labcheck.reports import class_page, clusters
from labcheck.reports.one import html
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORDS = {"passed": "passed", "failed": "failed", "not_run": "not run", "error": "error"}
POISON = "</script><img src=x onerror=window.ran=1>\u2028\x00\u202egnp.exe\ud800<!--"
SHOWN = r"</script><img src=x onerror=window.ran=1>\u2028\x00\u202egnp.exe\ud800<!--"
Outcomes = dict[str, Outcome]


def requirement(id: str, outcome: Outcome = Outcome.FAILED, **more: Any) -> RequirementResult:
    earned = int(outcome is Outcome.PASSED)
    return RequirementResult(id, f"Title of {id}.", outcome, earned=earned, **more)


def event(data: str, kind: str = "received") -> dict[str, Any]:
    return {"kind": kind, "what": "", "who": "", "at": 0.5, "size": len(data), "encoding": "utf-8", "data": data}


def gradebook_of(entries: list[Entry], *ids: str, with_people: bool = False) -> Gradebook:
    asked = tuple(Asked(id, f"Title of {id}.") for id in ids)
    return Gradebook("lab1", "Title", asked, tuple(entries), with_people)


def class_of(*answers: RequirementResult) -> Gradebook:
    """Make a class in which each student has one answer to one requirement."""
    entries = [Entry(f"s{n}", f"k{n}", record=record_of([each])) for n, each in enumerate(answers)]
    return gradebook_of(entries, answers[0].id)


def page_of(gradebook: Gradebook) -> str:
    records = {entry.key: entry.record for entry in gradebook.entries if entry.record}
    return class_page.render(gradebook, {key: class_page.pack(record, key) for key, record in records.items()})


class Page(HTMLParser):
    """The content of a page: the text of each element by class or tag, attributes, scripts, the rows of the tables.

    `rows` are those of the table of all students, and `tables` those of all tables.
    """

    VOID = ("meta", "link", "input", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.rows: list[list[str]] = []
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "table":
            self.tables.append(self.rows if ("role", "table") in attrs else [])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in (*self.VOID, "td", "th", "tr"):
            name = dict(attrs).get("class") or tag
            self.open.append((tag, name))
            self.texts.setdefault(name, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1][0] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if any(tag == "table" for tag, _ in self.open) and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data.strip("\n")
        for name in {name for _, name in self.open}:
            self.texts[name][-1] += data


def unpacked(packed: str) -> str:
    return zlib.decompress(base64.b64decode(packed)).decode()


# -- Its numbers


def test_numbers_match_the_gradebook() -> None:
    """Every cell, count and bar agrees with the records."""
    draw = random.Random(1)
    ids = ["1.1", "1.2", "2.1"]
    entries = []
    for number in range(60):
        results = [requirement(id, draw.choice(list(Outcome)), reason="why") for id in ids]
        programs = [ProgramResult("server", draw.choice(["ready", "did not start"]), "", "") for _ in range(2)]
        record = record_of(results, programs=programs, seconds=draw.uniform(0, 90))
        remark = "has a remark" if number % 7 == 0 else ""
        entries.append(Entry(f"work {number}", f"k{number}", Person(f"Student {number}"), remark, record))
    entries += [Entry("broken", "", Person("Zoe"), "is no archive"), Entry(person=Person("Nobody"))]
    gradebook = gradebook_of(entries, *ids, with_people=True)
    records = [entry.record for entry in entries if entry.record]
    page = Page(page_of(gradebook))

    graded = [record for record in records if not record.open]
    open = [entry for entry in entries if entry.record and entry.record.open]
    review = sum(entry.is_a_problem for entry in entries)
    assert 0 < len(open) < review
    assert page.texts["numbers"] == [
        f"\n{len(graded)} graded\n{1 + len(open)} not graded\n{len(open)} open\n1 submitted nothing\n"
        f"{review} to review\n"
    ]
    head, *rows = page.rows
    assert head == ["Name", "Score", *ids, "Seconds", "Programs", "Submission"]
    assert len(rows) == len(entries)
    for entry, row in zip(entries, rows, strict=True):
        cells = [""] * 6
        if entry.record:
            verdicts = dict.fromkeys(each.verdict for each in entry.record.programs)
            told = [each for each in verdicts if each != "ready"] or ["ready"]
            outcomes = [WORDS[each.outcome] for each in entry.record.requirements]
            cells = [
                "" if entry in open else str(entry.record.score),
                *outcomes,
                f"{entry.record.seconds:.1f}",
                ", ".join(told),
            ]
        assert row == [entry.name + entry.remark, *cells, entry.submission]

    found = [Counter(each.outcome for record in records for each in record.requirements if each.id == id) for id in ids]
    assert page.texts["share"] == [f"{100 * count[Outcome.PASSED] // 60} %" for count in found]
    assert page.texts["counts"] == [
        f"{count[Outcome.FAILED]} failed · {count[Outcome.NOT_RUN]} not run"
        f" · {count[Outcome.ERROR]} could not be checked"
        for count in found
    ]
    scores, times = (re.findall(r"(\d+) students with ([\d.–]+) ", text) for text in page.texts["histogram"])
    expected = Counter(record.score for record in graded)
    assert scores == [(str(expected[each]), str(each)) for each in range(len(ids) + 1)]
    for count, bounds in times:
        low, high = map(float, bounds.split("–"))
        assert int(count) == sum(low <= record.seconds < high for record in graded)
    assert sum(int(count) for count, _ in times) == len(graded)
    starts = [dict.fromkeys(program.verdict for program in record.programs) for record in graded]
    became = Counter(verdict for verdicts in starts for verdict in verdicts)
    assert f"server: {' · '.join(f'{each} {number}' for each, number in became.most_common())}" in page.texts["main"][0]
    slowest = sorted((each for each in entries if each.score is not None), key=_minus_seconds)[:5]
    assert [each.name for each in slowest] == re.findall(r"Student \d+", page.texts["main"][0].split("Slowest:")[1])[:5]


def _minus_seconds(entry: Entry) -> float:
    assert entry.record is not None
    return -entry.record.seconds


@example([1.0], False)
@given(st.lists(st.one_of(st.floats(0, 5000), st.integers(0, 300)), min_size=1), st.booleans())
def test_each_value_is_in_one_bar(values: list[float], whole: bool) -> None:
    """A histogram has few bars, and they hold every value once."""
    values = [int(value) for value in values] if whole else values
    bars = histogram(values, whole=whole)
    assert len(bars) <= BARS
    assert sum(bar.count for bar in bars) == len(values)
    assert all(bar.count == sum(bar.start <= value < bar.end for value in values) for bar in bars)
    assert max(bar.share for bar in bars) == 1
    assert all(bar.share == pytest.approx(bar.count / max(each.count for each in bars)) for bar in bars)
    if whole:
        ends = [int(number) for bar in bars for number in bar.label.split("–")]
        assert ends[0] == 0
        assert ends[-1] == max(values)
        assert ends == sorted(ends)


def decided() -> Gradebook:
    """Make a class in which every kind of row occurs, with and without a decision."""
    passed, failed = (record_of([requirement("1.1", each)]) for each in (Outcome.PASSED, Outcome.FAILED))
    unclear = record_of([requirement("1.1", Outcome.ERROR)])
    entries = [
        Entry("a", "a", Person("Ann", section="A 10"), record=passed),
        Entry("b", "b", Person("Bob", section="A 2"), record=failed),
        Entry("c", "c", Person("Cleo", section="A 2"), record=failed, override=Override(2)),
        Entry("d", "d", Person("Dora", section="A 2"), record=failed, override=Override(None)),
        Entry("e", "e", Person("Eve", section="A 10"), record=unclear),
        Entry("f", "f", Person("Fay"), record=unclear, override=Override(0.5)),
        Entry(person=Person("Gil"), remark=NOTHING),
        Entry(person=Person("Hal"), remark=NOTHING, override=Override(None)),
        Entry(person=Person("Ian"), remark="no submission matches, but perhaps x"),
        Entry("x", remark="is no archive"),
    ]
    return gradebook_of(entries, "1.1", with_people=True)


def test_statistics_of_the_scores() -> None:
    """A table has the numbers of everybody and of each section; who is excused or has an open grade is not in it."""
    page = Page(page_of(decided()))
    assert page.texts["numbers"] == ["\n4 graded\n2 not graded\n1 open\n1 submitted nothing\n2 excused\n2 to review\n"]
    assert page.tables[0][1:] == [
        ["Everybody", "4", "0.9", "0.9", "0", "0.38", "0.75", "1.25", "2"],  # 0, 0.5, 1, 2
        ["A 2", "2", "1.0", "1.4", "0", "0.5", "1", "1.5", "2"],
        ["A 10", "1", "1.0", "–", "1", "1", "1", "1", "1"],
    ]
    places = re.findall(r'class="half" style="left:([\d.]+)%;right:([\d.]+)%"', page_of(decided()))
    assert [tuple(map(float, each)) for each in places] == [(18.75, 37.5), (25, 25), (50, 50)]  # of 2 points


def test_hardest_requirements() -> None:
    """The requirements that the fewest pass are listed first, with who failed and what was not run apart."""
    outcomes = {"1.1": "ppppp", "1.2": "ppfff", "1.3": "pnnnf", "1.4": "pffff", "1.5": "ppppe", "1.6": "ppppf"}
    kinds = {each[0]: each for each in Outcome}
    entries = [
        Entry(f"s{n}", f"s{n}", record=record_of([requirement(id, kinds[each[n]]) for id, each in outcomes.items()]))
        for n in range(5)
    ]
    gradebook = gradebook_of(entries, *outcomes)
    assert Page(page_of(gradebook)).tables[1][1:] == [
        ["1.4 Title of 1.4.", "20 %", "4", "0"],
        ["1.3 Title of 1.3.", "20 %", "1", "3"],
        ["1.2 Title of 1.2.", "40 %", "3", "0"],
        ["1.6 Title of 1.6.", "80 %", "1", "0"],
        ["1.5 Title of 1.5.", "80 %", "0", "0"],
    ]
    assert len(Page(page_of(class_of(*others(Outcome.PASSED, 5)))).tables) == 2


def test_nobody_was_graded() -> None:
    """A class without records has a page as well."""
    page = Page(page_of(gradebook_of([Entry("x", remark="is empty"), Entry(person=Person("Ann"))], "1.1")))
    assert [row[0] for row in page.rows] == ["Name", "xis empty", "Ann"]
    assert page.texts["share"] == ["– %"]
    assert "histogram" not in page.texts
    assert len(page.tables) == 1


def test_hidden_requirement_is_shown_with_title_and_outcome() -> None:
    """For an instructor's hidden check, the page shows its title and which students fail it."""
    page = Page(page_of(class_of(requirement("9.1", hidden=True), requirement("9.1", Outcome.PASSED, hidden=True))))
    assert [row[2] for row in page.rows] == ["9.1", "failed", "passed"]
    assert page.texts["title"][-1] == "Title of 9.1."


def test_common_facts_are_shown() -> None:
    """The heading says when the class was graded, by which version of labcheck, and with which protection."""
    first, last = (requirement("1.1"), requirement("1.1"))
    early = record_of([first], sandbox="namespaces")
    late = record_of([last], started="2026-02-03T04:05:06Z")
    page = Page(page_of(gradebook_of([Entry("a", "a", record=early), Entry("b", "b", record=late)], "1.1")))
    assert page.texts["h1"] == ["lab1 · Title"]
    assert page.texts["summary"][0] == (
        "graded 2026-01-01 00:00:00 UTC to 2026-02-03 04:05:06 UTC · labcheck 0.1.0 · protection namespaces, none"
        " · Python 3.11.0"
    )


# -- Equal wrong answers


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Record]:
    """Grade some wrong variants of lab 1's solution, each with two seeds."""
    lab = load_lab("lab1")
    known = variants(lab)
    wrong = [*[each for each in known if each.fails == "2.2"][:3], next(each for each in known if each.fails == "3.6")]
    place = tmp_path_factory.mktemp("wrong")
    folders = {"solution": lab.solution}
    for number, variant in enumerate(wrong):
        folders[f"{variant.fails} {number}"] = place / str(number)
        variant.write(lab, place / str(number))
    records = {}
    for name, folder in folders.items():
        for seed in (1, 2):
            result = run_labcheck("lab1", folder, "--seed", seed, "--json", "-", cwd=place)
            records[name, seed] = record = result.record
            # As in the results of labcheck grade:
            for step in record.steps:
                step.sheet = ""
            for each in record.requirements:
                each.hints = []
                if each.outcome is Outcome.PASSED:
                    each.transcript = []
    return records


def of(record: Record, id: str) -> RequirementResult:
    return next(each for each in record.requirements if each.id == id)


@pytest.mark.everything
def test_equal_mistakes_with_different_seeds_are_one_cluster(real: dict[tuple[str, int], Record]) -> None:
    """Texts that differ only in random values have equal signatures; those of different mistakes differ."""
    signatures: dict[str, set[str]] = {}
    differ = 0
    for name in {name for name, _ in real} - {"solution"}:
        first, second = (of(real[name, seed], name.split()[0]) for seed in (1, 2))
        assert first.outcome is second.outcome is Outcome.FAILED
        differ += (first.expected, first.received) != (second.expected, second.received)
        signatures[name] = {clusters.signature(first), clusters.signature(second)}
    assert differ >= 3
    assert [len(each) for each in signatures.values()] == [1, 1, 1, 1]
    assert len(set.union(*signatures.values())) == 4


DRAWN = ("bafopute", "kolosomi", "kosudera", "rirerufe", "semegule", "vatedesa")
EQUAL = [
    ("a page that shows /kolosomi.zzz", "404 at /kolosomi", "a page that shows /rirerufe.zzz", "404 at /rirerufe"),
    ("status 200", "nothing listens on port 21605 (any more)", "status 200", "nothing listens on port 8001 (any more)"),
    ("Content-Length: 144", "Content-Length: 145", "Content-Length: 28", "Content-Length: 30"),
    ("200", "it took 2.31 s, at 12:00:01", "200", "it took 3.02 s, at 07:30:59"),
    ("200", "<Page object at 0x7f3fe125ea00>, line 12", "200", "<Page object at 0x7f0000000a10>, line 7"),
    ("no /%2ftmp%2ftmp8muapyq9%2fvatedesa", "kit' …", "no /%2ftmp%2ftmp_ab12cd9%2fkosudera", "dategid' …"),
    ("'bafopute…dem' (20,006 characters)", "a", "'semegule…kit' (20,006 characters)", "a"),
    ("3,145,728 bytes: 1d b1 9a e3 08 …", "Mon, 23 Nov 2026", "3,145,728 bytes: 00 01 02 03 04 …", "Tue, 1 Dec 2026"),
    ("the year", "local time is UTC-12", "the year", "local time is UTC+14"),
]  # fmt: skip
DIFFERENT = [
    ("status 200", "404 Not Found", "status 200", "500 Internal Server Error"),
    ("status 404", "200 OK", "status 405", "200 OK"),
    ("status 400 or 411", "200 OK", "status 400 or 413", "200 OK"),
    ("a", "Content-Type: text/html; charset=utf-8", "a", "Content-Type: text/html; charset=utf-16"),
    ("a", "200 OK, text/html", "a", "200 OK, text/plain"),
    ("close code 1009", "closed with code 1011", "close code 1009", "closed with code 1008"),
    ("a", "exit status 1", "a", "exit status 2"),
    ("a", "[Errno 36] File name too long", "a", "[Errno 17] File name too long"),
    ("a", "HTTP/1.0 200", "a", "HTTP/1.1 200"),
    ("shows kolosomi", "shows kolosomi", "shows kolosomi", "shows rirerufe"),
    ("ECHO! kolosomi", "ECHO! KOLOSOMI", "ECHO! kolosomi", "ECHO! kolosomi"),
    ("Content-Length: 142", "Content-Length: 140", "Content-Length: 142", "Content-Length: 144"),
    ("the numbers 326 and 2026", "day 325 of 2026", "the numbers 326 and 2026", "day 327 of 2026"),
    ("a", "ValueError: must be positive", "a", "ValueError: must be negative"),
    ("a", "/lorobide is a student's own word", "a", "/nimasota is a student's own word"),
    ("asked for /%2e%2e/x", "200 OK", "asked for /../x", "200 OK"),
]


@pytest.mark.parametrize(
    ("texts", "equal"), [*((each, True) for each in EQUAL), *((each, False) for each in DIFFERENT)]
)
def test_signature(texts: tuple[str, str, str, str], equal: bool) -> None:
    """Random values make no difference; status codes, types, names, and which numbers are equal or larger do."""
    first, second = (
        requirement(
            "1.1", expected=expected, received=received, drawn=[word for word in DRAWN if word in expected + received]
        )
        for expected, received in (texts[:2], texts[2:])
    )
    assert (clusters.signature(first) == clusters.signature(second)) is equal


@given(st.text(alphabet="bake …'%20.,:-x()\n\ud800é", max_size=3000), st.sampled_from(list(Outcome)))
def test_signature_of_anything(text: str, outcome: Outcome) -> None:
    """Every text has a signature, and different outcomes never have the same one."""
    answer = requirement("1.1", outcome, received=text)
    assert clusters.signature(answer).startswith(outcome)
    assert clusters.signature(answer) == clusters.signature(replace(answer, id="1.2", title="", by_hand="x"))


@pytest.mark.parametrize("part", ["bo", "a", "1", "1,", "bo ", "ab ", "é", "…", "%2f", "Mon "])
def test_long_texts_have_short_signatures(part: str) -> None:
    """A text of a million characters has a signature as short as that of a thousand."""
    answer = requirement("1.1", received=part * (1_000_000 // len(part)))
    assert len(clusters.signature(answer)) < 20 * clusters.LOOKED_AT


def test_clusters_are_listed_the_largest_first() -> None:
    """Each cluster shows its size, what was expected and received, its students, and a transcript."""
    answers = [requirement("1.1", expected="status 200", received=f"{400 + n % 3} No") for n in range(9)]
    answers += [requirement("1.1", expected="status 200", received="402 No") for _ in range(2)]
    answers += [requirement("1.1", Outcome.ERROR, reason="a fault"), requirement("1.1", Outcome.NOT_RUN, reason="x")]
    answers[5].transcript = [event("HTTP/1.1 402 No\r\n\r\n")]
    page = Page(page_of(class_of(*answers)))
    assert page.texts["h3"] == ["5 students", "3 students", "3 students", "1 student"]
    largest, *_, error = page.texts["cluster"]
    assert [line for line in largest.split("\n") if line] == [
        *("5 students", "expectedstatus 200", "received402 No", "Students", "s2", "s5", "s8", "s9", "s10"),
        *("Transcript of one of them", "received at 0.500 s · 19 bytes", "HTTP/1.1 402 No"),
    ]
    assert "notea fault" in error
    assert sum(text.count("Transcript") for text in page.texts["cluster"]) == 1


def test_small_clusters_are_only_counted() -> None:
    """If hardly any answers are equal, the page shows only some of them."""
    answers = [requirement("1.1", received=f"wrong in {letter * 9} way") for letter in "abcdefghijklmnopqrstuvw"]
    page = Page(page_of(class_of(*answers, *answers[:1])))
    assert len(page.texts["cluster"]) == class_page.CLUSTERS
    assert (
        f"and {23 - class_page.CLUSTERS} more answers, from {23 - class_page.CLUSTERS} students"
        in page.texts["summary"]
    )


def alike(count: int) -> list[RequirementResult]:
    return [requirement("1.1", received="404 Not Found") for _ in range(count)]


def unlike(count: int) -> list[RequirementResult]:
    return [requirement("1.1", received=f"nothing but {chr(97 + n) * 9}") for n in range(count)]


def others(outcome: Outcome, count: int) -> list[RequirementResult]:
    return [requirement("1.1", outcome) for _ in range(count)]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (alike(6), "All 6 that were checked fail, all with the same answer"),
        (alike(3) + unlike(3) + others(Outcome.NOT_RUN, 4), "All 6 that were checked fail:"),
        (unlike(6) + others(Outcome.PASSED, 10), "6 fail, hardly two of them in the same way"),
        (others(Outcome.PASSED, 9) + others(Outcome.ERROR, 1), "labcheck could not check 1 of 10"),
        (alike(6) + others(Outcome.PASSED, 1), ""),
        (alike(5), "All 5 that were checked fail, all with the same answer"),
        (alike(4), ""),
        (alike(4) + others(Outcome.NOT_RUN, 9), ""),
        (others(Outcome.ERROR, 4), ""),
        (others(Outcome.NOT_RUN, 9), ""),
        (unlike(4) + others(Outcome.PASSED, 10), ""),
        (unlike(6) + others(Outcome.PASSED, 30), ""),
        (others(Outcome.PASSED, 9), ""),
    ],
)
def test_suspicions(answers: list[RequirementResult], said: str) -> None:
    """The page raises a suspicion if all submissions fail, or all differently, or could not be checked; not for few."""
    hints = Page(page_of(class_of(*answers))).texts.get("hints", [])
    assert len(hints) == bool(said)
    assert all(said in hint and "Title of 1.1." in hint for hint in hints)


# -- What is a student's stays text, and the file is all there is


def poisoned() -> Gradebook:
    texts: dict[str, Any] = dict.fromkeys(("expected", "received", "reason", "by_hand"), POISON)
    record = record_of(
        [requirement("1.1", **texts, transcript=[event(POISON.replace("\ud800", "")), event("x", "sent")])],
        programs=[ProgramResult("server", POISON, POISON, POISON)],
    )
    entries = [
        Entry(POISON, "k", Person(POISON), POISON, record),
        Entry(POISON, POISON, Person(POISON), POISON),
        Entry('"><svg onload=window.ran=1>', "k2", None, "", record),
    ]
    return gradebook_of(entries, "1.1", with_people=True)


def test_poison_stays_text() -> None:
    """Names and answers with markup, or with characters that change the direction of text, are shown literally."""
    page = page_of(poisoned())
    page.encode()
    parsed = Page(page)
    assert parsed.tags["script"] == 2
    assert {"img", "svg"}.isdisjoint(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert parsed.rows[1] == [SHOWN * 2, "0", "failed", "1.0", SHOWN, SHOWN]
    assert parsed.rows[3][0] == '"><svg onload=window.ran=1>'
    assert not re.search("[\x00\u2028\u202e]", page)
    for packed in json.loads(parsed.texts["script"][0])["pages"]:
        # In texts of several lines, U+2028 ends a line.
        assert SHOWN.replace(r"\u2028", "\n") in Page(unpacked(packed)).texts["pre"]
        assert not re.search("[\x00\u2028\u202e]", unpacked(packed))
        assert {"img", "script"}.isdisjoint(Page(unpacked(packed)).tags)


def test_file_needs_no_network_and_runs_one_script() -> None:
    """No address leads out of the file; the policy allows nothing but the style, and the script with that hash."""
    text = page_of(poisoned())
    page = Page(text)
    addresses = [value for name, value in page.attributes if name in ("href", "src", "srcset", "action", "data")]
    assert {"data:,", "#student-1"} <= set(addresses)
    assert all(value == "data:," or value.startswith("#") for value in addresses)
    assert not re.search(r"url\(|@import|https?://|//[a-z]+\.", text)
    said = next(value for name, value in page.attributes if name == "content" and "-src" in value)
    policy = dict(part.split(" ", 1) for part in said.split("; "))
    digest = base64.b64encode(hashlib.sha256(page.texts["script"][1].encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "script-src": f"'sha256-{digest}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert ("sandbox", "allow-same-origin allow-modals") in page.attributes


# -- The students' pages


def test_page_of_a_student_is_the_page_of_a_submission(real: dict[tuple[str, int], Record]) -> None:
    """What is packed is the output of labcheck --html, under the student's name, with complete transcripts.

    The pictures of the exchanges are left out: they would make the file of a class larger by three quarters.
    """
    record = real["2.2 0", 1]
    # Long output of programs is shortened; this test is about the rest.
    record = replace(record, programs=[replace(each, stdout="x", stderr="") for each in record.programs])
    page = unpacked(class_page.pack(record, "Ann"))
    assert page.startswith("<header>\n<h1>Ann</h1>")
    for part in (r"(?s)<dl.*?</dl>", r"<summary><span class=\"mark.*", r"(?s)<pre>.*?</pre>"):
        assert re.findall(part, page) == re.findall(part, html.render(record))
    assert "<svg" not in page
    assert of(record, "2.2").transcript
    assert page.count('<div class="event">received') == sum(
        event["kind"] == "received" for each in record.requirements for event in each.transcript
    )


def test_equal_submissions_share_a_page() -> None:
    """A page is in the file once, no matter how many students submitted the same; without a page there is no link."""
    record = record_of([requirement("1.1")])
    entries = [Entry(name, key, record=record) for name, key in (("a", "k"), ("b", "k"), ("c", "unpacked"))]
    page = Page(class_page.render(gradebook_of(entries, "1.1"), {"k": class_page.pack(record, "a"), "other": "x"}))
    assert len(json.loads(page.texts["script"][0])["pages"]) == 1
    assert {value for name, value in page.attributes if name == "data-page"} == {"0"}
    links = {value for name, value in page.attributes if name == "href" and value.startswith("#student-")}
    assert links == {"#student-1", "#student-2"}


def test_long_texts_are_shortened_with_a_note() -> None:
    """A page stays small even if a program sent and printed a lot; short messages stay complete."""
    noise = base64.b64encode(random.Random(1).randbytes(300_000)).decode()
    large = {**event(noise), "encoding": "base64", "size": 300_000}
    record = record_of(
        [requirement("1.1", transcript=[event("short message"), large, *[event(noise[:9_000])] * 20])],
        programs=[ProgramResult("server", "ready", noise, f"first line\n{noise}\nlast line")],
    )
    packed = class_page.pack(record, "Ann")
    assert len(packed) < 60_000
    page = unpacked(packed)
    for text in ("short message", "more bytes are not shown", "first line", "last line", "characters in all"):
        assert text in page
    assert record.requirements[0].transcript[1]["data"] == noise


def test_a_large_class_fits_into_a_file(real: dict[tuple[str, int], Record]) -> None:
    """A thousand students with failures and transcripts of their own take less than 10 MB."""
    records = [record for (name, _), record in real.items() if name != "solution"]
    gradebook = gradebook_of([], *(each.id for each in records[0].requirements))
    entries = [Entry(f"s{n:04}", f"k{n}", record=records[n % len(records)]) for n in range(1_000)]
    page = page_of(replace(gradebook, entries=tuple(entries)))
    assert 1_000_000 < len(page.encode()) < 10_000_000
    assert page.count("<tr role=row") == 1_000


# -- In a browser


class ClassScreen(Screen):
    """The page of a class that is open in a browser."""

    def names(self) -> list[str]:
        """Return the names that are shown, in order."""
        return list(
            self.run(
                "return [...document.querySelectorAll('.matrix tbody tr')].filter(row => row.checkVisibility())"
                ".map(row => row.cells[0].firstChild.textContent)"
            )
        )

    def column(self, title: str) -> list[str]:
        """Return the cells of a column in the rows that are shown, in order."""
        return list(
            self.run(
                f"const place = heads.findIndex(head => head.innerText.trim().startsWith({json.dumps(title)}));"
                "return [...document.querySelectorAll('.matrix tbody tr')].filter(row => row.checkVisibility())"
                ".map(row => row.cells[place].textContent)"
            )
        )

    def sort_by(self, title: str) -> str:
        """Press the button of a column with the keyboard, and return its heading's sort order."""
        head = next(
            each for each in self.browser.find_elements(By.CSS_SELECTOR, ".matrix thead th") if each.text == title
        )
        head.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
        return str(head.get_attribute("aria-sort"))

    def student(self) -> str:
        """Wait for a student's page, and return its text."""
        self.wait_for("dialog.open && frame.contentDocument.title")
        return str(self.run("return frame.contentDocument.body.innerText"))


@pytest.fixture
def show(window: Any, tmp_path: Path) -> Callable[[Gradebook], ClassScreen]:
    """Open the page of a class in a window."""

    def open_page(gradebook: Gradebook) -> ClassScreen:
        file = tmp_path / "class.html"
        file.write_text(page_of(gradebook), "utf-8", newline="")
        screen = ClassScreen(window, file)
        screen.open()
        return screen

    return open_page


@pytest.fixture
def people(real: dict[tuple[str, int], Record]) -> Gradebook:
    """Make a class of some real gradings, with equal submissions, and some that were not graded."""
    graded = {
        "Dora": ("solution", 1), "Ann": ("2.2 0", 1), "Bob": ("2.2 0", 2), "Émile": ("3.6 3", 1),
        "Cleo": ("solution", 1),
    }  # fmt: skip
    entries = [
        Entry(f"{name}.zip", repr(key), Person(name), "handed in late" if name == "Bob" else "", real[key])
        for name, key in graded.items()
    ]
    entries += [Entry("broken.zip", "", Person("Zoe"), "is no archive"), Entry(person=Person("Noah"))]
    return gradebook_of(entries, *(each.id for each in real["solution", 1].requirements), with_people=True)


def test_sorting(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """Each column sorts up and down, numbers as numbers; empty cells come last."""
    screen = show(people)
    assert screen.names() == [entry.name for entry in people.entries]
    assert screen.sort_by("Name") == "ascending"
    assert screen.names() == ["Ann", "Bob", "Cleo", "Dora", "Émile", "Noah", "Zoe"]
    assert screen.sort_by("Score") == "ascending"
    scores = sorted(entry.record.score for entry in people.entries if entry.record)
    assert screen.column("Score") == [*map(str, scores), "", ""]
    assert screen.names()[-2:] == ["Noah", "Zoe"]
    assert screen.sort_by("Score") == "descending"
    assert screen.column("Score") == [*map(str, reversed(scores)), "", ""]
    assert screen.sort_by("2.2") == "ascending"
    assert screen.column("2.2") == ["failed", "failed", "passed", "passed", "passed", "", ""]
    assert screen.run("return document.querySelectorAll('[aria-sort]').length") == 1
    assert screen.sort_by("Seconds") == "ascending"
    assert screen.column("Seconds")[:5] == sorted(screen.column("Seconds")[:5], key=float)
    assert screen.sort_by("Submission") == "ascending"
    assert screen.column("Submission")[-1] == ""


def test_filtering(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """The table can be filtered by text, by the outcome of a requirement, and for submissions to review."""
    screen = show(people)
    assert screen.find("#shown").text == "7 of 7 shown"
    screen.find("#text").send_keys("LATE")
    assert screen.names() == ["Bob"]
    assert screen.find("#shown").text == "1 of 7 shown"
    screen.find("#text").clear()
    for text in ("emile", "Émile", "E\u0301MIL"):
        screen.find("#text").clear()
        screen.find("#text").send_keys(text)
        assert screen.names() == ["Émile"]
    screen.find("#text").clear()
    screen.find("#text").send_keys("broken.z")
    assert screen.names() == ["Zoe"]
    screen.find("#text").clear()
    screen.find("#text").send_keys(Keys.SPACE)
    screen.find("#requirement").send_keys("2.2")
    assert screen.names() == ["Ann", "Bob"]
    screen.find("#outcome").send_keys("passed")
    assert screen.names() == ["Dora", "Émile", "Cleo"]
    screen.find("#requirement").send_keys("any")
    screen.find("#problems").click()
    assert screen.names() == ["Bob", "Zoe"]
    assert screen.sort_by("Name") == "ascending"
    assert screen.names() == ["Bob", "Zoe"]


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("Ann Lee", "Lee, Ann"),
        ("Ludwig van Beethoven", "Beethoven, Ludwig van"),
        ("Lee, Ann Mary", "Lee, Ann Mary"),
        ("Plato", "Plato"),
        ("", "ann@example.org"),
    ],
)
def test_person_in_a_list(name: str, listed: str) -> None:
    """In a list, the last word of a name comes first; a name with a comma is in that order already."""
    assert Person(name, "ann@example.org").listed == listed


def test_people_are_sorted_by_last_name(show: Callable[[Gradebook], ClassScreen]) -> None:
    """The column of names sorts people by their last names, and submissions of nobody by their own names."""
    names = ["Zoe Adams", "Ann Lee", "Bo Adams", "Émile Ângel", "Baker, Tom"]
    entries = [Entry(f"{name}.zip", "k", Person(name), record=record_of([requirement("1.1")])) for name in names]
    screen = show(gradebook_of([*entries, Entry("work 1", remark="is empty")], "1.1", with_people=True))
    assert screen.sort_by("Name") == "ascending"
    assert screen.names() == ["Bo Adams", "Zoe Adams", "Émile Ângel", "Baker, Tom", "Ann Lee", "work 1"]
    assert screen.sort_by("Name") == "descending"
    assert screen.names()[0] == "work 1"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_accessible(show: Callable[[Gradebook], ClassScreen], people: Gradebook, scheme: str) -> None:
    """The page violates no rule of axe-core: with everything unfolded, and with a student's page open."""
    screen = show(people)
    for width in (max(WIDTHS), min(WIDTHS)):
        screen.emulate(width, scheme)
        screen.open()
        screen.unfold()
        assert screen.violations() == []
    screen.open("#student-1")
    screen.wait_for("document.querySelector('dialog').open")
    assert screen.violations() == []


def pressed(screen: ClassScreen) -> list[str]:
    """Return the buttons whose filter is on."""
    return [each.text for each in screen.browser.find_elements(By.CSS_SELECTOR, "[aria-pressed=true]")]


def test_counts_filter(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """Each count shows its students; pressed again, or with "Show all", everybody is back."""
    screen = show(people)
    everybody = screen.names()
    for number, names in ((1, everybody[:5]), (2, ["Zoe"]), (3, ["Noah"]), (4, ["Bob", "Zoe"])):
        button = screen.find(f".numbers li:nth-child({number}) button")
        button.send_keys(Keys.ENTER)
        assert screen.names() == names
        assert pressed(screen) == [button.text]
        assert button.text.split()[0] == str(len(names))
    screen.find("#everybody").click()
    assert (screen.names(), pressed(screen)) == (everybody, [])
    screen.find("[id='r2.2'] summary").send_keys(Keys.ENTER)
    failed = screen.find("[id='r2.2'] .pick")
    assert failed.text == "2 failed"
    failed.send_keys(Keys.ENTER)
    assert screen.names() == ["Ann", "Bob"]
    assert screen.run("return document.querySelector('#students').getBoundingClientRect().top < innerHeight / 2")
    failed.send_keys(Keys.ENTER)
    assert (screen.names(), pressed(screen)) == (everybody, [])


def test_bars_filter(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """Each bar of a histogram shows as many students as it counts, those in its range."""
    screen = show(people)
    for css in ("#scores", "#times"):
        found = []
        for button in screen.browser.find_elements(By.CSS_SELECTOR, f"{css} .histogram button"):
            button.send_keys(Keys.ENTER)
            assert screen.run("return arguments[0].getAttribute('aria-pressed')", button) == "true"
            assert len(screen.names()) == int(button.find_element(By.TAG_NAME, "b").text)
            found += screen.names()
            if css == "#scores":
                low, *high = button.find_elements(By.TAG_NAME, "span")[1].text.split("–")
                assert all(int(low) <= int(each) <= int((high or [low])[0]) for each in screen.column("Score"))
        assert sorted(found) == sorted(entry.name for entry in people.entries if entry.record)


def test_counts_and_bars_filter_what_was_decided(show: Callable[[Gradebook], ClassScreen]) -> None:
    """With decisions, open grades and excused students, too, each count and bar shows as many as it counts."""
    screen = show(decided())
    buttons = screen.browser.find_elements(By.CSS_SELECTOR, ":is(.numbers, .histogram, .picks) button")
    assert len(buttons) == 6 + len(Statistics.of(decided()).histogram) + 3 + len(
        screen.browser.find_elements(By.CSS_SELECTOR, "#times .histogram button")
    )
    screen.unfold()
    for button in buttons:
        screen.find("#everybody").click()
        button.send_keys(Keys.ENTER)
        assert len(screen.names()) == int(re.findall(r"\d+", button.text)[0]), button.text
        button.send_keys(Keys.ENTER)


def test_contents_stay_in_view(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """The contents lead to each section, and stay at the top of the window."""
    screen = show(people)
    links = [each.text for each in screen.browser.find_elements(By.CSS_SELECTOR, ".contents a")]
    assert links == ["Scores", "Requirements", "Time", "Students"]
    for text in (*links, *links[::-1]):
        screen.browser.find_element(By.LINK_TEXT, text).click()
        bar, section = screen.run(
            "return ['.contents', location.hash].map(css => {"
            "const box = document.querySelector(css).getBoundingClientRect(); return [box.top, box.bottom]; })"
        )
        assert bar[0] >= 0
        assert bar[1] <= section[0] + 1 < 900
    screen.run("scrollTo(0, document.body.scrollHeight)")
    assert 0 <= screen.run("return document.querySelector('.contents').getBoundingClientRect().top") < 2


def test_table_is_a_heat_map_with_frozen_headings(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """Each outcome has a color of its own; names, scores and headings stay where they are while the table scrolls."""
    entries = [replace(people.entries[n % 5], submission=str(n)) for n in range(80)]
    screen = show(replace(people, entries=tuple(entries)))
    colors = screen.run(
        "return ['.p', '.f', '[role=rowheader]'].map(css =>"
        "getComputedStyle(document.querySelector(`.matrix tbody ${css}`)).backgroundColor)"
    )
    assert len(set(colors)) == 3
    places = """
        const box = document.querySelector(".matrix");
        const row = [...box.querySelectorAll(".matrix tbody tr")].find(each =>
            each.getBoundingClientRect().top > box.getBoundingClientRect().top + 100);
        return [row.cells[0], row.cells[1], heads[0], heads[5]].map(cell => {
            const {left, top} = cell.getBoundingClientRect(), {x, y} = box.getBoundingClientRect();
            return [Math.round(left - x), Math.round(top - y)];
        });
    """
    drawn = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"  # rows out of view have no place
    screen.browser.execute_async_script(f"document.querySelector('#students').scrollIntoView(); {drawn}")
    before = screen.run(places)
    screen.browser.execute_async_script(f"document.querySelector('.matrix').scrollTo(300, 500); {drawn}")
    name, score, corner, head = screen.run(places)
    assert (name[0], score[0]) == (before[0][0], before[1][0])
    assert corner == before[2]
    assert head == [before[3][0] - 300, before[3][1]]


def test_keys(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """In the table, j and k go from name to name; on a student's page, to the next and the previous student."""
    screen = show(people)
    keys = ActionChains(screen.browser)
    keys.send_keys("jjk").perform()
    assert screen.run("return document.activeElement.textContent") == "Dora"
    screen.find("#text").send_keys("jk")
    assert screen.find("#text").get_attribute("value") == "jk"
    screen.find("#everybody").click()
    screen.find(".matrix tbody a").send_keys(Keys.ENTER)
    assert screen.student().startswith("Dora\n")
    keys.send_keys("j").perform()
    screen.wait_for("frame.contentDocument.title === 'Ann'")
    keys.send_keys("k").perform()
    screen.wait_for("frame.contentDocument.title === 'Dora'")
    keys.send_keys("k").perform()  # there is no previous one
    assert screen.find("#where").text == "Dora · 1 of 5"


def test_keys_work_inside_the_page_of_a_student(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """The same keys work after a click into the student's page, where Esc leads back to the class as well."""
    screen = show(people)
    screen.find(".matrix tbody a").click()
    screen.student()
    keys = ActionChains(screen.browser)
    keys.move_to_element(screen.find("iframe")).click().perform()
    screen.wait_for("document.activeElement === frame")
    for key, name in (("j", "Ann"), ("j", "Bob"), ("k", "Ann")):
        keys.send_keys(key).perform()
        screen.wait_for(f"frame.contentDocument.title === '{name}'")
        assert screen.run("return document.activeElement === frame")
    keys.send_keys(Keys.ESCAPE).perform()
    screen.wait_for("!dialog.open")
    assert screen.run("return document.activeElement.textContent") == "Ann"


def test_print(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """On paper the page is wide, the table is as wide as the paper, and its headings are repeated on each sheet."""
    entries = [replace(people.entries[n % 5], submission=str(n)) for n in range(200)]
    screen = show(replace(people, entries=tuple(entries)))
    paper = base64.b64decode(
        screen.browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "scale": 1})["data"]
    )
    sheets = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert len(sheets) > 3
    assert all(float(width) > float(height) for width, height in sheets)
    screen.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    size = {"width": 1047, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    screen.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    displays = screen.run(
        "return arguments[0].map(css => getComputedStyle(document.querySelector(css)).display)",
        [
            ".matrix table",
            ".matrix thead",
            "thead button",
            ".matrix tbody",
            ".matrix tbody tr",
            ".matrix tbody td",
            ".controls",
            ".contents",
        ],
    )
    # CSS 2.2, section 17.2: such a head is repeated on each page. Chromium leaves out the text of buttons.
    assert displays[:3] == ["table", "table-header-group", "contents"]
    assert displays[3:] == ["table-row-group", "table-row", "table-cell", "none", "none"]
    assert screen.run("return document.documentElement.scrollWidth <= innerWidth")
    places = screen.run("return heads.map(head => [head.getBoundingClientRect().left, head.scrollWidth])")
    assert all(left + width <= after[0] + 1 for (left, width), after in itertools.pairwise(places))


def test_page_of_a_student(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """A click on a name opens the student's page with transcripts; next, previous, back and a link work."""
    screen = show(people)
    ann = people.entries[1].record
    assert ann is not None
    screen.find(".matrix tbody a[href='#student-2']").click()
    text = screen.student()
    assert text.startswith("Ann\n")
    assert of(ann, "2.2").received in text
    sent = next(event["data"] for event in of(ann, "2.2").transcript if event["kind"] == "sent")
    assert sent.split("\r\n")[0] in text
    assert screen.find("#where").text == "Ann · 2 of 5"
    screen.run("frame.contentDocument.querySelector('a[href$=\"#step-6\"]').click()")
    screen.wait_for("frame.contentWindow.scrollY > 0")
    screen.find("#next").send_keys(Keys.ENTER)
    screen.wait_for("frame.contentDocument.title === 'Bob'")
    screen.find("#previous").send_keys(Keys.ENTER)
    screen.wait_for("frame.contentDocument.title === 'Ann'")
    screen.find("#back").click()
    screen.wait_for("!dialog.open && location.hash === ''")

    screen.open("#student-5")
    assert screen.student().startswith("Cleo\n")  # though the page was packed for Dora
    assert not screen.find("#next").is_enabled()
    screen.find("#back").send_keys(Keys.ESCAPE)
    screen.wait_for("!dialog.open")
    screen.find(".matrix tbody a[href='#student-1']").click()
    screen.wait_for("dialog.open")
    screen.browser.back()
    screen.wait_for("!dialog.open")
    screen.open("#student-7")  # this student has no page
    assert screen.run("return !dialog.open")


def test_next_and_previous_follow_the_table(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """Next and previous follow the order and the filter of the table."""
    screen = show(people)
    screen.find("#requirement").send_keys("2.2")
    screen.sort_by("Name")
    screen.sort_by("Name")
    screen.find(".matrix tbody a[href='#student-3']").click()
    screen.student()
    assert screen.find("#where").text == "Bob · 1 of 2"
    screen.find("#next").click()
    screen.wait_for("document.getElementById('where').textContent === 'Ann · 2 of 2'")


def test_link_to_a_requirement_unfolds_it(show: Callable[[Gradebook], ClassScreen]) -> None:
    """A click on a suspicion opens the requirement with its answers."""
    screen = show(class_of(*alike(6)))
    assert not screen.find(".cluster").is_displayed()
    screen.find(".hints a").click()
    screen.wait_for("document.querySelector('.cluster').checkVisibility()")


def test_markup_of_a_student_never_runs(show: Callable[[Gradebook], ClassScreen]) -> None:
    """Markup of a student is text, in the page and in the student's frame."""
    screen = show(poisoned())
    screen.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert SHOWN in screen.find(".cluster").text
    assert screen.names()[0] == SHOWN
    screen.find(".matrix tbody a").click()
    assert SHOWN in screen.student()
    assert screen.find("#where").text.startswith(SHOWN)
    assert screen.run("return [window.ran, frame.contentWindow.ran]") == [None, None]
    assert screen.run("return document.images.length + frame.contentDocument.images.length") == 0


def test_frame_of_a_student_runs_no_script(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """Even a page that labcheck did not make cannot run anything: the frame allows no scripts."""
    screen = show(people)
    evil = base64.b64encode(
        zlib.compress(b"<h1>x</h1><script>parent.ran = 1</script><b onclick='parent.ran = 1'>y</b>")
    )
    screen.run(f"data = JSON.parse(find('data').textContent); data.pages[0] = '{evil.decode()}'")
    screen.find(".matrix tbody a[href='#student-1']").click()
    assert "y" in screen.student()
    screen.run("frame.contentDocument.querySelector('b').click()")
    assert screen.run("return window.ran === undefined")
    screen.browser.get_log("browser")  # the browser has logged that it refused


def test_readable_without_scripts(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """Without scripts the page says so, and shows everything that does not need one."""
    screen = show(people)
    with screen.without_scripts():
        assert "sorting, filtering" in screen.find("noscript").text
        assert not screen.find(".controls").is_displayed()
        assert screen.find(".matrix tbody tr:nth-child(2) th").text == "Ann"
        summary = screen.find("[id='r2.2'] summary")
        assert "2 failed · 0 not run" in summary.text


CONTRASTS = (
    CONTRAST
    + """
    document.querySelectorAll("details").forEach(each => each.open = true);
    const texts = [...document.querySelectorAll("main *")].filter(each =>
        each.checkVisibility() && !each.matches("option, progress, i")
        && [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
    return [...texts.map(each => contrast(each)),
            ...[...document.querySelectorAll(".p, .f, .n, .e")].map(each => contrast(each, "::before"))];
"""
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_in_light_and_dark(show: Callable[[Gradebook], ClassScreen], people: Gradebook, scheme: str) -> None:
    """All text and all signs have a contrast of at least 4.5 to 1 (WCAG 2.2, section 1.4.3)."""
    screen = show(people)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    screen.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    contrasts = screen.run(CONTRASTS)
    assert len(contrasts) > 5 * len(people.requirements)
    assert min(contrasts) >= 4.5
    dark = sum(map(int, re.findall(r"\d+", screen.run("return getComputedStyle(document.body).backgroundColor")))) < 384
    assert dark is (scheme == "dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_narrow(show: Callable[[Gradebook], ClassScreen], people: Gradebook, width: int, scheme: str) -> None:
    """At any width only the table's box scrolls sideways, and the names stay visible."""
    screen = show(people)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    screen.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 640, "deviceScaleFactor": 2, "mobile": True}
    screen.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    screen.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    screen.wait_for(f"innerWidth === {width}")
    assert screen.run("return document.documentElement.scrollWidth") <= width
    assert screen.run("const box = document.querySelector('.matrix'); return box.scrollWidth > box.clientWidth")
    screen.run("document.querySelector('.matrix').scrollLeft = 500")
    for css in (".matrix tbody tr:nth-child(3) th", ".matrix thead th"):
        assert screen.run(f"return document.querySelector({css!r}).getBoundingClientRect().left") < 30
    screen.find(".matrix tbody a").click()
    screen.student()
    assert screen.run("return frame.contentDocument.documentElement.scrollWidth <= innerWidth")


def test_signs_have_words(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """A cell shows a sign and holds a word for screen readers; rows and columns have headings."""
    screen = show(people)
    sign = screen.run("return getComputedStyle(document.querySelector('td.f'), '::before').content")
    assert sign.startswith('"✗"')
    screen.run("document.querySelector('.matrix').scrollIntoView()")  # otherwise its cells have no accessible text

    outcomes = Counter(each.outcome for entry in people.entries if entry.record for each in entry.record.requirements)

    def told(_: object) -> Counter[tuple[str, str]]:
        tree = screen.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        found = Counter(
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]
        )
        return found if found["cell", "failed"] >= outcomes[Outcome.FAILED] else Counter()

    found = WebDriverWait(screen.browser, LIMIT, 0.02).until(told)
    assert found["cell", "failed"] == outcomes[Outcome.FAILED]
    assert found["cell", "passed"] == outcomes[Outcome.PASSED]
    roles = Counter(role for role, _ in found.elements())
    above = 1 + len(Statistics.of(people).hardest)  # the rows of the tables above: everybody, and hard requirements
    assert roles["rowheader"] == len(people.entries) + above
    assert roles["columnheader"] == len(people.requirements) + 5 + 9 + 4


def test_bars_are_as_long_as_their_numbers_say(show: Callable[[Gradebook], ClassScreen], people: Gradebook) -> None:
    """The heights of a histogram's bars are proportional to their counts."""
    screen = show(people)
    bars = screen.run(
        "return [...document.querySelector('.histogram').children].map(bar =>"
        "[Number(bar.querySelector('b').textContent), bar.querySelector('i').getBoundingClientRect().height])"
    )
    longest = max(height for _, height in bars)
    most = max(count for count, _ in bars)
    assert longest > 50
    assert all(math.isclose(height / longest, count / most, abs_tol=0.02) for count, height in bars)
