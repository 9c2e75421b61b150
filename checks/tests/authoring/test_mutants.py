"""Mutants: each place of a program is changed, one at a time, and nothing else."""

from __future__ import annotations

import ast
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT
from labcheck.authoring.mutants import mutants

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = sorted((CHECKOUT / "solutions").glob("*/*.py"))


def changed(text: str) -> list[str]:
    """Return the texts of a program's mutants."""
    return [mutant.text for mutant in mutants("program.py", text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(1)", ["pass", "f(2)"]),
        ("f(0.5)", ["pass", "f(1.5)"]),
        ("f(-1)", ["pass", "f(1)", "f(-2)"]),
        ("f('a')", ["pass", "f('')"]),
        ('f("")', ["pass", 'f("x")']),
        ("f(b'a')", ["pass", "f(b'')"]),
        ("f(True)", ["pass", "f(False)"]),
        ("f(None)", ["pass", "f(...)"]),
        ('f("one" "two")', ["pass", 'f("")']),
    ],
)
def test_constants(text: str, expected: list[str]) -> None:
    """Numbers become one more, texts and bytes empty, True becomes False, and None another object."""
    assert changed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(a < b)", ["pass", "f(a <= b)"]),
        ("f(a <= b)", ["pass", "f(a < b)"]),
        ("f(a > b)", ["pass", "f(a >= b)"]),
        ("f(a >= b)", ["pass", "f(a > b)"]),
        ("f(a == b)", ["pass", "f(a != b)"]),
        ("f(a != b)", ["pass", "f(a == b)"]),
        ("f(a is b)", ["pass", "f(a is not b)"]),
        ("f(a is  not b)", ["pass", "f(a is b)"]),
        ("f(a in b)", ["pass", "f(a not in b)"]),
        ("f(a not in b)", ["pass", "f(a in b)"]),
        ("f((a) < (b) < c)", ["pass", "f((a) <= (b) < c)", "f((a) < (b) <= c)"]),
        ("f(a and b and c)", ["pass", "f(a or b and c)", "f(a and b or c)"]),
        ("f(a or b)", ["pass", "f(a and b)"]),
        ("f(a + b)", ["pass", "f(a - b)"]),
        ("f(a - b)", ["pass", "f(a + b)"]),
        ("f(a * b)", ["pass", "f(a // b)"]),
        ("f(a / b)", ["pass", "f(a * b)"]),
        ("f(a % b)", ["pass", "f(a * b)"]),
        ("f(a ** b)", ["pass", "f(a * b)"]),
        ("f(a | b)", ["pass", "f(a & b)"]),
        ("a += b", ["pass", "a -= b"]),
        ("f(not a)", ["pass", "f(a)"]),
        ("f(~a)", ["pass", "f(a)"]),
    ],
)
def test_operators(text: str, expected: list[str]) -> None:
    """Each operator becomes its neighbor, also between parentheses and in a chain; a sign is dropped."""
    assert changed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if a:\n    ...", ["if True:\n    ...", "if False:\n    ...", "if not (a):\n    ..."]),
        ("if not a:\n    ...", ["if True:\n    ...", "if False:\n    ...", "if a:\n    ..."]),
        ("while a == b:\n    ...", ["while True:\n    ...", "while False:\n    ...", "while a != b:\n    ..."]),
        ("while True:\n    ...", ["while False:\n    ...", "while not (True):\n    ..."]),
        ("f(a if b else c)", ["pass", "f(a if True else c)", "f(a if False else c)", "f(a if not (b) else c)"]),
        ("[a for a in b if a in c]", ["pass", *(f"[a for a in b if {x}]" for x in ("True", "False", "a not in c"))]),
    ],
)
def test_conditions(text: str, expected: list[str]) -> None:
    """A condition becomes always true, always false, and its contrary."""
    assert changed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = b", ["pass"]),
        ("a: 'int' = b", ["pass"]),
        ("def f():\n    return a", ["def f():\n    pass"]),
        ("raise a", ["pass"]),
        ("with a:\n    b()", ["pass", "with a:\n    pass"]),
        ("for a in b:\n    break", ["pass", "for a in b:\n    pass", "for a in b:\n    continue"]),
        ("for a in b:\n    continue", ["pass", "for a in b:\n    pass", "for a in b:\n    break"]),
        ("class A:\n    @b\n    def f(self): ...", ["class A:\n    pass"]),
        ("async def f():\n    await a()", ["async def f():\n    pass", "async def f():\n    a()"]),
    ],
)
def test_statements(text: str, expected: list[str]) -> None:
    """Each statement, each method and each await is dropped; break and continue take each other's place."""
    assert changed(text) == expected


def test_exceptions() -> None:
    """An exception is no longer caught; of several, one at a time is not."""
    found = changed("try:\n    ...\nexcept (A, B, C):\n    ...\nexcept D:\n    ...")
    caught = [[line for line in text.splitlines() if line.startswith("except")] for text in found if text != "pass"]
    assert caught == [
        *([f"except ({some}):", "except D:"] for some in ("", "B, C", "A, C", "A, B")),
        ["except (A, B, C):", "except ():"],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(a, b=c)", ["pass", "f(a)"]),
        ("f(a=b)", ["pass", "f()"]),
        ("f(a=(b), c=(d))", ["pass", "f(c=(d))", "f(a=(b))"]),
        ("f(\n    (a),\n    b=c,\n)", ["pass", "f(\n    (a),\n)"]),
    ],
)
def test_keyword_arguments(text: str, expected: list[str]) -> None:
    """Each keyword argument is dropped with one comma."""
    assert changed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('f(f"a{b}c")', ["pass", 'f(f"{b}c")', 'f(f"ac")', 'f(f"a{b}")']),
        ("f(f\"{b('c')!r:>9}\")", ["pass", 'f(f"")', "f(f\"{b('')!r:>9}\")"]),
        ('f(f"""a\n{b}""")', ["pass", 'f("")']),  # Python 3.11 has wrong positions for b
    ],
)
def test_f_strings(text: str, expected: list[str]) -> None:
    """Each text and each field of an f-string is dropped, and what is in a field is changed."""
    assert changed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"""Text."""',
        'class A:\n    """Text."""',
        "import a\nfrom a import b",
        "def f(a: 'b' = c) -> 'd': ...",
        'if __name__ == "__main__":\n    ...',
    ],
)
def test_these_stay(text: str) -> None:
    """Docstrings, imports, annotations and the comparison of __name__ have no mutants."""
    assert changed(text) == []


def test_positions_are_those_of_characters() -> None:
    """Characters of several bytes, and separators that are not line ends for Python, do not move a change."""
    assert changed('é = "日本\x0c\u2028"; f("é", a=1)')[3:] == [
        'é = "日本\x0c\u2028"; f("", a=1)',
        'é = "日本\x0c\u2028"; f("é")',
        'é = "日本\x0c\u2028"; f("é", a=2)',
    ]


def test_keys_name_the_function_and_the_line() -> None:
    """A key has the function, and the line with its change; a number tells equal ones apart."""
    text = "class A:\n    def f(self):\n        g(1)  # why\n        h(\n            1,\n        )\n        g(1)\n"
    assert [mutant.key.removeprefix("a.py ") for mutant in mutants("a.py", text)] == [
        "A: «def f(self):… → pass»",
        "A.f: «g(1) → pass»",
        "A.f: g(«1 → 2»)",
        "A.f: «h(… → pass»",
        "A.f: «1 → 2»,",
        "A.f: «g(1) → pass» (2)",
        "A.f: g(«1 → 2») (2)",
    ]
    assert [mutant.line for mutant in mutants("a.py", text)] == [2, 3, 3, 4, 5, 7, 7]


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: file.name)
def test_mutants_of_the_solutions(file: Path) -> None:
    """Each differs from the solution in one place and in what it does; keys do not depend on the lines above."""
    text = file.read_text("utf-8")
    found = mutants(file.name, text)
    assert len(found) > 40
    assert len({mutant.key for mutant in found}) == len(found)
    assert len({ast.dump(ast.parse(each)) for each in (text, *(mutant.text for mutant in found))}) == len(found) + 1
    for mutant in found:
        matcher = SequenceMatcher(None, text.splitlines(), mutant.text.splitlines(), autojunk=False)
        places = [code for code in matcher.get_opcodes() if code[0] != "equal"]
        assert len(places) == 1, mutant.key
        # An argument that is left out begins with the comma at the end of the line before, which stays as it is.
        assert places[0][1] in (mutant.line - 1, mutant.line), mutant.key
    moved = mutants(file.name, text.replace("\ndef ", "\n# A comment.\n\ndef ").replace("\nclass ", "\n\nclass "))
    assert [mutant.key for mutant in moved] == [mutant.key for mutant in found]
