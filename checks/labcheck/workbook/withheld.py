"""A labcheck without solutions, for a course that holds them back: what is left out of its wheel, and whom to ask.

Besides the solutions, these are the files for authors that quote them or are like them (the wrong variants, the
surviving mutants, the templates of new labs), and the last hint for each requirement. The file ASK takes their
place: it says whom a student asks.
"""

from __future__ import annotations

import ast
import re

from labcheck.errors import SuiteError, UsageError
from labcheck.workbook.places import root

ASK = "ask.txt"
INSTRUCTOR = "your instructor"
LEFT_OUT = re.compile(r"labcheck/(_workbook/solutions/.*|suites/\w+/(wrong|survivors)\.toml|authoring/templates/.*)")
CHECKS = re.compile(r"labcheck/suites/\w+/test_\w+\.py")


def whom_to_ask() -> str:
    """Return whom to ask for a solution; "" if this labcheck has them."""
    file = root() / ASK
    return file.read_text("utf-8").strip() if file.is_file() else ""


def last_hint() -> list[str]:
    """Return what is shown instead of the last hint for a requirement, as a list; nothing if the hints are complete."""
    ask = whom_to_ask()
    return [f"The last hint is not in this labcheck. Ask {ask}."] if ask else []


def expect_solutions(wanted: str) -> None:
    """Raise UsageError if this labcheck has no solutions; `wanted` is what cannot be done without them, in words."""
    if ask := whom_to_ask():
        raise UsageError(f"this labcheck has no solutions, so {wanted}; ask {ask}")


def without_solutions(files: dict[str, bytes], ask: str) -> dict[str, bytes]:
    """Return the files of a wheel, by name, without the solutions and what quotes them.

    Raises SuiteError if the hints of a check cannot be found.
    """
    kept = {name: data for name, data in files.items() if not LEFT_OUT.fullmatch(name)}
    for name in filter(CHECKS.fullmatch, kept):
        kept[name] = _without_last_hints(name, kept[name])
    return {**kept, f"labcheck/_workbook/{ASK}": f"{ask}\n".encode()}


def _without_last_hints(name: str, source: bytes) -> bytes:
    """Return the source of checks in which each list `hints=[...]` has lost its last element."""
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    calls = [
        each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call) and _name(each) == "requirement"
    ]
    lists = [word.value for call in calls for word in call.keywords if word.arg == "hints"]
    for each in sorted(lists, key=lambda each: each.lineno, reverse=True):
        if not isinstance(each, ast.List) or not all(isinstance(hint, ast.Constant) for hint in each.elts):
            raise SuiteError(f"{name}, line {each.lineno}: hints must be a list of texts in the call of requirement()")
        hints = [hint.value for hint in each.elts if isinstance(hint, ast.Constant)]
        start, end = (
            starts[line - 1] + column
            for line, column in ((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0))
        )
        source = source[:start] + repr(hints[:-1]).encode() + source[end:]
    return source


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""
