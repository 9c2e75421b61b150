"""Similar programs: copies are found in spite of disguises, separate work is not, and students' text stays text."""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import itertools
import keyword
import random
import re
import subprocess
import sys
import time
import tokenize
from html.parser import HTMLParser
from itertools import starmap
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from selenium.webdriver.common.by import By

from browser import SCHEMES, WIDTHS, Screen
from conftest import CHECKOUT, record_of
from labcheck.classes.copies import programs_of
from labcheck.record.gradebook import Entry, Gradebook
from labcheck.record.people import Person
from labcheck.record.record import Outcome, RequirementResult
from labcheck.record.sources import Source
from labcheck.reports.copies import page, pairs
from labcheck.reports.copies.lexer import symbols
from labcheck.reports.copies.passages import passages
from labcheck.reports.copies.winnowing import GRAM, GUARANTEED, WINDOW, fingerprints, grams, own_runs, winnow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from labcheck.reports.copies.pairs import Similar

RIGHT = CHECKOUT / "checks" / "tests"
FILE = "webserver.py"
PROGRAM = (RIGHT / "lab1" / "right" / "raw_threads.py").read_text("utf-8")
STARTER = (CHECKOUT / "labs" / "lab1" / FILE).read_text("utf-8")
POISON = "</pre><script>alert(1)</script>\u202e\x1b[2J\x00"


def source(text: str | None, file: str = FILE) -> Source:
    return Source(file, hashlib.sha256((text or "large").encode()).hexdigest(), text)


def compared(entries: Iterable[Entry], texts: dict[str, list[Source]], lab: str = "lab1") -> Similar:
    """Compare programs; `texts` maps keys of entries to the files of their submissions."""
    programs = programs_of(lab)
    assert programs is not None
    for key, sources in texts.items():
        programs.add(key, sources)
    return programs.compare(entries)


def similar(*texts: str, **named: str) -> Similar:
    """Compare the programs of students, who are s0, s1 and so on unless they are named."""
    handed_in = {f"s{place}": text for place, text in enumerate(texts)} | named
    return compared(
        [Entry(name, f"key {name}") for name in handed_in],
        {f"key {name}": [source(text)] for name, text in handed_in.items()},
    )


def found(result: Similar) -> set[tuple[str, ...]]:
    """Return the names in each pair and group."""
    works = [(pair.first, pair.second) for pair in result.pairs] + [(work,) for work in result.groups]
    return {tuple(sorted(name for work in several for name in work.names)) for several in works}


def share(first: str, second: str) -> float:
    """Return how similar two programs are, from 0 to 1; 0 as well if they are not reported."""
    result = similar(first, second)
    return 1 if result.groups else max((pair.share for pair in result.pairs), default=0)


def invented(seed: int, functions: int = 12) -> str:
    """Return a program that nobody else has written."""
    draw = random.Random(seed)

    def value(depth: int) -> str:
        kinds = ["a", "b", "1", "'x'", "f({})", "{} + {}", "{} * {}", "[{}, {}]", "a[{}]", "({} if {} else {})"]
        chosen = draw.choice(kinds if depth else kinds[:4])
        return re.sub(r"\{\}", lambda _: value(depth - 1), chosen)

    def statement() -> str:
        kinds = ["a = {}", "b += {}", "return {}", "if {}: a = {}", "while {}: b = {}", "assert {}", "del a[{}]"]
        return re.sub(r"\{\}", lambda _: value(3), draw.choice(kinds))

    return "\n".join(
        f"def f{number}(a, b):\n" + "\n".join(f"    {statement()}" for _ in range(6)) for number in range(functions)
    )


# -- Symbols


@pytest.mark.parametrize(
    ("text", "other"),
    [
        pytest.param("total = price * 3", "x = y * 4.5e-3", id="names and numbers"),
        pytest.param("print('a')", 'print(rb"""b\nc""")', id="strings"),
        pytest.param("a = 1  # one\n\n\n# two\nb = 2", "a = 1; b = 2", id="comments, blank lines and semicolons"),
        pytest.param("def f():\n    '''Doc.'''\n    return 1", "def f(): return 1", id="docstrings"),
        pytest.param("f(a, b)", "f(\n    a,  # first\n    b,\n)", id="a call over several lines"),
        pytest.param("x = 'ab'", "x = 'a' \\\n  'b'", id="a string in parts"),
        pytest.param("x = a + b", "x = a \\\r\n  + b\r\n", id="continued lines"),
        pytest.param("naïve = 1", "x = 1", id="names in other scripts"),
        pytest.param("f'{x!r}'", "'y'", id="formatted strings"),
    ],
)
def test_equal_symbols(text: str, other: str) -> None:
    """Names, values, comments and layout make no difference."""
    assert symbols(text).codes == symbols(other).codes


@pytest.mark.parametrize(
    ("text", "other"),
    [("a + b", "a - b"), ("if a: b", "while a: b"), ("a = 1", "a == 1"), ("a, b", "a b"), ("x = 'a'", "x = 1")],
)
def test_different_symbols(text: str, other: str) -> None:
    """Keywords, operators and the kinds of values do make one."""
    assert symbols(text).codes != symbols(other).codes


FSTRING_START, FSTRING_END = ({getattr(tokenize, f"FSTRING_{part}", -1)} for part in ("START", "END"))


def test_symbols_are_those_of_python() -> None:
    """In real programs, the symbols are on the lines, and of the kinds, that Python's own tokenizer finds."""
    for file in sorted(RIGHT.glob("lab*/right/**/*.py")):
        text = re.sub(r"(?m)^\s*(\"\"\"|')[^\"]*?\1\s*$", "", file.read_text("utf-8"))
        expected, depth = [], 0  # from Python 3.12 on, a formatted string has tokens of its own
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            depth += (token.type in FSTRING_START) - (token.type in FSTRING_END)
            if token.type == tokenize.NAME and not depth and not keyword.iskeyword(token.string):
                expected.append(token.start[0])
        every = symbols(text)
        name = symbols("x").codes[0]
        assert [line for code, line in zip(every.codes, every.lines, strict=True) if code == name] == expected, file


@given(st.text(alphabet="ab1\"'\\#\n\r \t()[]{},;.=é\0", max_size=80))
def test_any_text_has_symbols(text: str) -> None:
    """A text that is no Python has symbols, each on one of its lines, one after the other."""
    every = symbols(text)
    assert len(every.codes) == len(every.lines)
    assert list(every.lines) == sorted(every.lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in every.lines)


# -- Winnowing


@given(st.randoms(use_true_random=False), st.integers(GUARANTEED, 60), st.integers(0, 200), st.integers(2, 60))
def test_every_run_of_the_guaranteed_length_is_found(draw: random.Random, size: int, around: int, kinds: int) -> None:
    """Two programs that share a run of that length share a fingerprint of it, no matter what is around it."""

    def some(number: int) -> bytes:
        return bytes(draw.randrange(1, kinds) for _ in range(number))

    run = some(size)
    first, second = (some(draw.randint(0, around)) + run + some(draw.randint(0, around)) for _ in range(2))
    one, two = (fingerprints(codes, [(0, len(codes))]) for codes in (first, second))
    assert one & two & set(grams(run))


@given(st.binary(min_size=0, max_size=300))
def test_fingerprints_are_few_and_close(codes: bytes) -> None:
    """Each window has a fingerprint; of random symbols, about two in ten grams are one."""
    row = list(grams(codes))
    chosen = winnow(row)
    assert all(chosen & set(row[start : start + WINDOW]) for start in range(len(row) - WINDOW + 1))
    assert bool(chosen) == bool(row)


def test_few_grams_are_fingerprints() -> None:
    """A window of nine grams has on average one fingerprint in five grams."""
    draw = random.Random(1)
    row = list(grams(bytes(draw.randrange(60) for _ in range(10_000))))
    assert len(winnow(row)) == pytest.approx(len(row) * 2 / (WINDOW + 1), rel=0.05)


@given(st.lists(st.integers(1, 4), max_size=120).map(bytes), st.lists(st.integers(1, 4), max_size=60).map(bytes))
def test_what_was_given_is_taken_away(codes: bytes, starter: bytes) -> None:
    """The own runs are what is in no given gram: nothing else, and nothing twice."""
    known = set(grams(starter))
    inside = {place for start, gram in enumerate(grams(codes)) if gram in known for place in range(start, start + GRAM)}
    runs = own_runs(codes, known)
    assert [place for start, end in runs for place in range(start, end)] == sorted({*range(len(codes))} - inside)
    assert all(start < end for start, end in runs)


# -- Disguises


def renamed(text: str) -> str:
    """Give every name that is not a keyword another one."""
    names: dict[str, str] = {}
    tokens = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        string = token.string
        if token.type == tokenize.NAME and not keyword.iskeyword(string):
            string = names.setdefault(string, f"name_{len(names)}")
        tokens.append((token.type, string))
    return tokenize.untokenize(tokens)


def formatted(text: str) -> str:
    """Format a program for a narrow screen."""
    words = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "50", "-"]
    return subprocess.run(words, input=text, capture_output=True, text=True, check=True).stdout


def reordered(text: str) -> str:
    """Put the parts of the program into the reverse order, without comments, as Python itself writes it."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef):
            node.body.reverse()
    return ast.unparse(tree)


def retold(text: str) -> str:
    """Change every string and number, and add comments and docstrings."""
    text = re.sub(r"(?m)^( *)(def .*:)$", r'\1\2\n\1    """Do what it says."""\n\1    # carefully', text)
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | str) and not isinstance(node.value, bool):
            node.value = node.value + 1 if isinstance(node.value, int) else f"{node.value}!"
    return ast.unparse(tree)


@pytest.mark.parametrize("disguise", [renamed, formatted, reordered, retold])
@pytest.mark.parametrize("name", ["raw_threads", "noisy", "flask_app", "simple_handler"])
def test_disguise_is_seen_through(disguise: Callable[[str], str], name: str) -> None:
    """A copy is found although it was renamed, formatted, reordered or retold; or even all of that."""
    text = (RIGHT / "lab1" / "right" / f"{name}.py").read_text("utf-8")
    assert text != disguise(text)
    assert share(text, disguise(text)) > 0.6
    assert share(text, renamed(retold(reordered(formatted(text))))) > 0.6


def test_half_of_a_program_is_found_in_a_larger_one() -> None:
    """The share is that of the smaller program: adding one's own does not hide the rest."""
    assert share(invented(1), invented(1) + "\n" + invented(2, 30)) > 0.9
    assert share(invented(1), invented(2)) == 0


def test_copy_that_python_cannot_read_is_found() -> None:
    """A program with a syntax error has symbols, too."""
    assert share(PROGRAM, "def broken(:\n" + PROGRAM + "\n    )") > 0.9


# -- Separate work


def separate(lab: str) -> dict[str, list[Source]]:
    """Return the programs of a lab that were written separately, each as the submission of another student."""
    files = {path.stem: (path, FILE) for path in (RIGHT / "lab1" / "right").glob("*.py")}
    if lab == "lab2":
        paths = (RIGHT / "lab2" / "right").glob("*/*.py")
        files = {f"{path.parent.name}/{path.stem}": (path, f"{path.parent.name}.py") for path in paths}
    files |= {f"solution {path.stem}": (path, path.name) for path in (CHECKOUT / "solutions" / lab).glob("*.py")}
    return {name: [source(path.read_text("utf-8"), file)] for name, (path, file) in files.items()}


def test_separate_programs_are_no_pairs() -> None:
    """No two of the programs for lab 1 are similar; of those for lab 2, only two, one made from the other."""
    for lab, expected in (("lab1", set()), ("lab2", {("chat_server/prints_in_threads", "chat_server/sync_queues")})):
        works = separate(lab)
        assert len(works) > 20
        assert found(compared([Entry(name, name) for name in works], works, lab)) == expected


def test_separate_programs_stay_below_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threshold is twice what separate programs for lab 1 share."""
    monkeypatch.setattr(pairs, "SIMILAR", 0.01)
    works = separate("lab1")
    result = compared([Entry(name, name) for name in works], works)
    assert 0.15 < result.pairs[0].share < 0.25


def test_starter_is_nobodys_own() -> None:
    """Students who hand in the starter, or have only begun to change it, have nothing in common."""
    begun = STARTER.replace("self.send_error(501)", "self.do_GET()")
    assert begun != STARTER
    assert found(similar(STARTER, STARTER, begun, begun, f"# mine\n{STARTER}", renamed(STARTER))) == set()


def test_code_of_the_sheet_is_nobodys_own() -> None:
    """What the sheet prints does not count."""
    text = invented(5)
    programs = pairs.Programs([], [text])
    for key in ("a", "b"):
        programs.add(key, [source(f"# {key}\n{text}")])
    assert found(programs.compare([Entry("a", "a"), Entry("b", "b")])) == set()
    assert found(similar(a=text, b=text)) == {("a", "b")}


def test_what_many_have_is_the_task() -> None:
    """What more than a third of a large class have in their programs does not count; in a small class, it does."""
    task, mine = invented(100, 20), [invented(seed, 4) for seed in range(40)]
    assert found(similar(*(f"{task}\n{each}" for each in mine[:12]), *mine[12:])) != set()
    assert found(similar(*(f"{task}\n{each}" for each in mine[:20]), *mine[20:])) == set()
    assert len(found(similar(*(f"{task}\n{each}" for each in mine[:3])))) == 3
    copied = similar(*(f"{task}\n{each}" for each in [*mine[:20], mine[0] + "\nx = 1"]), *mine[20:])
    assert found(copied) == {("s0", "s20")}


# -- Who


def test_identical_programs_are_a_group() -> None:
    """Equal bytes are one group; equal apart from names and comments another one; a third one is similar."""
    text = invented(1)
    result = similar(a=text, b=text, c=f"# mine\n{text}", d=f"{text}\n{invented(2, 3)}", e=invented(3))
    assert found(result) == {("a", "b", "c"), ("a", "b", "c", "d")}
    rows = list(csv.reader(io.StringIO(page.table(result))))
    assert [row[0] for row in rows[1:]] == [page.EQUAL, "similar"]
    assert rows[1][3] == "a; b; c"
    assert [row[0] for row in csv.reader(io.StringIO(page.table(similar(a=text, b=text))))] == ["kind", "identical"]


def test_equal_submissions_of_several_students_share_a_key() -> None:
    """Identical submissions are graded once; all their students are in the group."""
    result = compared([Entry("a", "k"), Entry("b", "k"), Entry("c", "other")], {"k": [source(PROGRAM)]})
    assert found(result) == {("a", "b")}


def test_submissions_of_one_student_are_no_pair() -> None:
    """Nobody copies from themselves."""
    ada = Person("Ada", "ada@example.org")
    texts = {"1": [source(PROGRAM)], "2": [source(f"{PROGRAM}\nx = 1")], "3": [source(renamed(PROGRAM))]}
    entries = [Entry("ada", "1", ada), Entry("ada late", "2", ada), Entry("ada too", "3", ada)]
    assert found(compared(entries, texts)) == set()
    other = Entry("bob", "3", Person("Bob"))
    assert found(compared([*entries[:1], other], texts)) == {("Ada", "Bob")}


def test_two_tasks_of_a_lab_are_not_compared() -> None:
    """The programs of a lab are alike by nature; a file with another name is compared with all of them."""
    text = invented(1)

    def of(first: str, second: str) -> set[tuple[str, ...]]:
        texts = {"a": [source(text, first)], "b": [source(f"{text}\nx = 1", second)]}
        return found(compared([Entry("a", "a"), Entry("b", "b")], texts, "lab2"))

    assert of("chat_client.py", "echo_client.py") == set()
    assert of("chat_client.py", "chat_client.py") == {("a", "b")}
    assert of("chat_client.py", "helper.py") == of("helper.py", "chat_client.py") == {("a", "b")}


def test_later_result_counts() -> None:
    """If a submission was graded twice, its last files are compared."""
    programs = programs_of("lab1")
    assert programs is not None
    for key, text in (("a", PROGRAM), ("b", PROGRAM), ("b", invented(1))):
        programs.add(key, [source(text)])
    result = programs.compare([Entry("a", "a"), Entry("b", "b")])
    assert (found(result), result.programs) == (set(), 2)


def test_large_files_are_compared_byte_for_byte() -> None:
    """A file that was not kept has no symbols; equal ones are a group, and all are named."""
    large = Source(FILE, "1" * 64, None)
    texts = {"a": [large], "b": [large], "c": [Source(FILE, "2" * 64, None)]}
    result = compared([Entry(name, name) for name in texts], texts)
    assert found(result) == {("a", "b")}
    shown = page.render(Gradebook("lab1", "Title", (), ()), result)
    assert f"a ({FILE}), b ({FILE}), c ({FILE})" in shown


def test_large_starter_is_nobodys_own() -> None:
    """A file that students were given is recognized by its bytes, no matter how large it is."""
    large = Source("data.py", "1" * 64, None)
    programs = pairs.Programs([large], [])
    for key in ("a", "b"):
        programs.add(key, [large])
    result = programs.compare([Entry("a", "a"), Entry("b", "b")])
    assert (found(result), result.programs, result.unread) == (set(), 0, [])


def test_unknown_lab_is_not_compared() -> None:
    """Without the starter, everything would look copied."""
    assert programs_of("lab0") is None


# -- Hostile programs


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "'''",
        '"',
        "\\",
        "'\\",
        "x=1\n",
        "\n ",
        "a.",
        "f'{",
        "\"'",
        "1e",
        "#",
        "\\\n",
        "é",
        "'a' ",
        "if x:\n",
        "'\\\n",
    ],
)
def test_hostile_program_costs_little(piece: str) -> None:
    """The time is linear in the size of the file: four times the text takes less than eight times as long."""

    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        times = []
        for _ in range(3):
            started = time.process_time()
            codes = symbols(text).codes
            fingerprints(codes, own_runs(codes, set()))
            passages(symbols(text), symbols(text), set())
            times.append(time.process_time() - started)
        return min(times)

    assert seconds(1 << 15) < 8 * max(seconds(1 << 13), 0.01)


# -- The page


class Texts(HTMLParser):
    """The text of each element by its classes, all tags, and all ids and targets of links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.lines: list[tuple[set[str], str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.targets += [given["href"]] if tag == "a" else []
        classes = set(given.get("class", "").split())
        if "line" in classes:
            self.lines.append((classes, ""))

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.lines:
            self.lines[-1] = (self.lines[-1][0], self.lines[-1][1] + data)


def page_of(result: Similar) -> Texts:
    return Texts(page.render(Gradebook("lab1", "Title", (), ()), result))


def test_page_shows_programs_side_by_side() -> None:
    """Both programs are shown, with the shared lines marked, and links that lead to them."""
    text, own = invented(1, 8), invented(2, 4)
    shown = page_of(similar(ada=f"{STARTER}\n{text}", bob=f"{own}\n{text}\n{STARTER}"))
    assert "not a verdict" in shown.text
    assert "ada – bob" in shown.text
    marked = {re.sub(r"^\d+", "", line).strip() for classes, line in shown.lines if "shared" in classes}
    assert {line.strip() for line in text.splitlines() if len(line) > 20} <= marked | {""}
    dim = [line for classes, line in shown.lines if "given" in classes and "shared" not in classes]
    assert any("class Server" in line for line in dim)
    assert not any("given" not in classes and "class Server" in line for classes, line in shown.lines)
    assert shown.targets
    assert {target[1:] for target in shown.targets} <= set(shown.ids)
    assert len(shown.ids) == len(set(shown.ids))


def test_programs_have_the_names_that_students_gave_them() -> None:
    """The page and the table name a program as it was submitted, also where it was checked under another name."""

    def entry(label: str, name: str) -> Entry:
        originals = {} if name == FILE else {FILE: name}
        record = record_of([RequirementResult("1.1", "", Outcome.PASSED)], originals=originals)
        return Entry(label, label, record=record)

    text = invented(1)
    other, large = f"{text}\n{invented(2, 1)}", None
    names = {"ann": "ann.py", "bob": FILE, "cyd": "ann.py", "dee": "Webserver (1).py", "eve": "eve.py", "fay": FILE}
    texts = {"ann": text, "bob": text, "cyd": text, "dee": other, "eve": large, "fay": large}
    result = compared(starmap(entry, names.items()), {key: [source(each)] for key, each in texts.items()})
    shown = page_of(result).text
    assert "ann, bob, cyd: ann.py and webserver.py" in shown
    assert "dee: Webserver (1).py" in shown
    assert "eve (eve.py), fay (webserver.py)" in shown
    rows = list(csv.reader(io.StringIO(page.table(result))))[1:]
    assert sorted(row[2] for row in rows if not row[4]) == ["ann.py and webserver.py", "eve.py and webserver.py"]
    assert [(row[2], row[4]) for row in rows if row[4]] == [("ann.py and webserver.py", "Webserver (1).py")]
    keys = list(map(str, range(9)))
    many = compared([entry(key, f"{key}.py") for key in keys], {key: [source(text)] for key in keys})
    assert "0.py, 1.py and 7 other names" in page_of(many).text


def test_students_text_stays_text() -> None:
    """Neither a program nor a name becomes markup, and no cell becomes a formula."""
    text = f"x = '{POISON}'\n{invented(1)}"
    names = [f"=1+1{POISON}", f"b{POISON}"]
    texts = {"a": [source(text, f"{POISON}.py")], "b": [source(f"{text}\ny = 1", f"{POISON}.py")]}
    result = compared([Entry(name, key) for name, key in zip(names, texts, strict=True)], texts)
    shown = page_of(result)
    assert len(result.pairs) == 1
    assert not {"script", "img", "iframe", "form"} & shown.tags
    assert "</pre><script>alert(1)</script>" in shown.text
    assert not {"\u202e", "\x1b", "\x00"} & set(shown.text)
    cells = [cell for row in csv.reader(io.StringIO(page.table(result))) for cell in row]
    assert not any(cell.startswith("=") or "\x1b" in cell for cell in cells)


def test_page_stays_small() -> None:
    """A page shows a limited number of rows, lines and characters, and counts the rest."""
    long = "x = [" + ", ".join(invented(seed, 1).split("\n")[1].strip() for seed in range(300)) + "]\n"
    text = invented(1) + "\n" + "\n" * 2_000 + long
    result = similar(text, f"{text}{invented(2, 1)}")
    shown = page.render(Gradebook("lab1", "Title", (), ()), result)
    assert "more lines" in shown
    assert max(map(len, Texts(shown).text.split("\n"))) < 1_000


def test_rows_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has what the page leaves out."""
    monkeypatch.setattr(page, "MOST_ROWS", 4)
    result = similar(*(f"{invented(1)}\n{invented(seed, 1)}" for seed in range(2, 6)), invented(9), invented(9))
    assert (len(result.groups), len(result.pairs)) == (1, 6)
    shown = page_of(result)
    assert "and 3 more in copies.csv" in shown.text
    assert len(page.table(result).splitlines()) == 8


def test_nothing_is_found() -> None:
    """A class without similar programs has a page that says so, and nothing to report."""
    result = similar(invented(1), invented(2))
    assert str(result) == ""
    assert "No two programs" in page_of(result).text


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ((1, 1), "1 group of equal programs"),
        ((1, 1, 2, 2), "2 groups of equal programs"),
    ],
)
def test_summary(texts: tuple[int, ...], said: str) -> None:
    """The summary counts groups and pairs."""
    assert str(similar(*map(invented, texts))) == said
    more = similar(*map(invented, texts), invented(7), f"{invented(7)}\nx = 1")
    assert str(more) == f"{said} and 1 pair of similar programs"


def test_passage_is_the_longest() -> None:
    """If a passage is in the other program several times, the place is taken from which most lines are equal."""
    start, rest = "a = f(b, 1) + [c, d]\nreturn a[1] * 2 - b\n", invented(1, 2)
    one = start + rest
    two = start + "while x: y\n" + start + rest
    shared = passages(symbols(one), symbols(two), set())
    assert [(each.first.first, each.second.first) for each in shared] == [(1, 4)]


@given(st.integers(0, 10), st.integers(0, 10))
def test_passages_are_equal_lines(first: int, second: int) -> None:
    """Both sides of a passage are equal, and passages of the first program do not overlap."""
    assume(first != second)
    one = "\n".join([invented(first, 3), invented(50, 2), invented(60, 2)])
    two = "\n".join([invented(60, 2), invented(second, 3), invented(50, 2)])
    shared = passages(symbols(one), symbols(two), set())
    assert len(shared) >= 2

    def cut(text: str, lines: Any) -> bytes:
        return symbols("\n".join(text.split("\n")[lines.first - 1 : lines.last])).codes

    for each in shared:
        here, there = cut(one, each.first), cut(two, each.second)
        assert any(gram in there for gram in grams(here))
    assert all(before.first.last <= after.first.first for before, after in itertools.pairwise(shared))


# -- In a browser


@pytest.fixture
def screen(window: Any, tmp_path: Path) -> Screen:
    """Open a page with a group and a pair."""
    text = f"{STARTER}\n{invented(1)}"
    result = similar(ada=text, bob=text, cyd=f"{invented(3, 2)}\n{text}")
    file = tmp_path / "copies.html"
    file.write_text(page.render(Gradebook("lab1", "Title", (), ()), result), "utf-8", newline="")
    opened = Screen(window, file)
    opened.open()
    return opened


@pytest.mark.parametrize("scheme", SCHEMES)
def test_page_is_accessible_and_fits(screen: Screen, scheme: str) -> None:
    """With everything unfolded, the page violates no rule of axe-core, and only programs scroll sideways."""
    for width in WIDTHS:
        screen.emulate(width, scheme)
        screen.open()
        screen.unfold()
        assert screen.overflow() <= 0
        assert screen.violations() == []


def test_link_leads_to_the_passage(screen: Screen) -> None:
    """A link to a passage shows its first line, in the box of its program."""
    screen.unfold()
    link = screen.browser.find_elements(By.CSS_SELECTOR, "#p1 .passages a")[-1]
    link.click()
    target = f"document.getElementById({link.get_attribute('href').partition('#')[2]!r})"
    screen.wait_for(f"{target}.matches(':target')")
    inside = "const [a, b] = [each.getBoundingClientRect(), each.closest('pre').getBoundingClientRect()];"
    assert screen.run(f"const each = {target}; {inside} return a.top >= b.top - 1 && a.bottom <= b.bottom + 1")
