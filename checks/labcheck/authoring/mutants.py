"""Mutants of a program: copies that differ from it in one place.

A mutant that passes a whole suite shows either that a check is missing or that the lab leaves that place open. These
places are changed, one at a time:

- constants: a number becomes one more, a text or bytes become empty (empty ones do not stay empty), True becomes False,
  None becomes another object; each part of an f-string is dropped
- comparison, Boolean and arithmetic operators become their neighbors, and a sign or `not` is dropped
- conditions become always true, always false, and their contrary
- statements, methods, keyword arguments and `await` are dropped; `break` becomes `continue` and the other way round
- exceptions are no longer caught

Docstrings, annotations, imports and the comparison of `__name__` stay as they are. So does all text outside of the
changed place.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


COMPARISONS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
BOOLEAN: dict[type[ast.AST], tuple[str, str]] = {ast.And: ("and", "or"), ast.Or: ("or", "and")}
ARITHMETIC: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "//"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: (r"\*\*", "*"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: (r"\|", "&"),
    ast.BitXor: (r"\^", "&"),
    ast.MatMult: ("@", "*"),
}
PREFIX = re.compile(r"(?:not|await)\b\s*|[-+~]\s*")
QUOTES = re.compile(r"""[a-zA-Z]+(\"\"\"|'''|"|')""")  # the beginning of an f-string
NOT_CHANGED = {"annotation", "returns", "type_params", "decorator_list", "format_spec"}  # fields of nodes
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Statements that are not dropped. An `if` or `while` whose condition is always false is almost the same.
KEPT = (ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.If, ast.While, ast.ClassDef, *FUNCTIONS)
LONGEST = 60  # characters of a changed text in a mutant's key
Change: TypeAlias = "tuple[int, int, str]"  # replaces what is between two offsets, in characters


@dataclass(frozen=True)
class Mutant:
    """A changed program: its file, its whole text, and the number of the line that is changed.

    `key` describes the change by its function and its line of code, not by its place in the file: the key stays the
    same while other lines come and go.
    """

    file: str
    key: str
    line: int
    text: str


@dataclass(frozen=True)
class Edit:
    """A change of a text: the part between two offsets (in characters) is replaced. `where` is its function's name."""

    start: int
    end: int
    new: str
    where: str


def mutants(file: str, text: str) -> list[Mutant]:
    """Return all mutants of a program with this text, in the order of their places in it.

    A mutant that does not compile, or whose code is that of the program or of an earlier mutant, is left out. Raises
    SyntaxError if the program itself does not compile.
    """
    program = Program(text)
    known, keys, found = {ast.dump(program.tree)}, Counter[str](), []
    for edit in sorted(program.edits(), key=lambda edit: (edit.start, -edit.end)):
        changed = text[: edit.start] + edit.new + text[edit.end :]
        try:
            compile(changed, file, "exec")
            code = ast.dump(ast.parse(changed))
        except SyntaxError:
            continue
        if code in known:
            continue
        known.add(code)
        key = f"{file} {edit.where}: {_marked(text, edit)}"
        keys[key] += 1
        number = f" ({keys[key]})" if keys[key] > 1 else ""
        found.append(Mutant(file, key + number, text.count("\n", 0, edit.start) + 1, changed))
    return found


def _marked(text: str, edit: Edit) -> str:
    """Return the changed line of code in the form `before «old → new» after`, without its comment."""
    before = text[text.rfind("\n", 0, edit.start) + 1 : edit.start].lstrip()
    after = re.sub(r"\s\s#.*", "", text[edit.end :].partition("\n")[0]).rstrip()
    return f"{before}«{_short(text[edit.start : edit.end])} → {_short(edit.new)}»{after}"


def _short(text: str) -> str:
    line, more, _ = text.partition("\n")
    return line if not more and len(line) <= LONGEST else f"{line[:LONGEST]}…"


class Program:
    """The text of a program and its syntax tree."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self._text = text
        self._lines = text.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in self._lines)]

    def edits(self) -> Iterator[Edit]:
        """Yield every change of one place."""
        return self._walk(self.tree, "")

    def _walk(self, node: ast.AST, where: str) -> Iterator[Edit]:
        """Yield the changes of a node and of all nodes below it."""
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            where = f"{where}.{node.name}".lstrip(".")
        for start, end, new in self._changes(node):
            yield Edit(start, end, new, where or "module")
        for child in self._children(node):
            yield from self._walk(child, where)

    def _children(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes directly below a node in which something may change."""
        if _is_docstring(node):
            return
        if isinstance(node, ast.JoinedStr):
            yield from self._fields(node)
            return
        for name, value in ast.iter_fields(node):
            if name in NOT_CHANGED or (name == "test" and _is_main(node)):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield child

    def _changes(self, node: ast.AST) -> Iterator[Change]:
        """Yield the changes of a node itself."""
        if isinstance(node, ast.stmt) and not isinstance(node, KEPT) and not _is_docstring(node):
            yield *self._span(node), "pass"
        match node:
            case ast.ClassDef():
                for each in node.body:
                    if isinstance(each, FUNCTIONS):  # it may override a method of the library
                        yield *self._span(each), "pass"
            case ast.If() | ast.While() | ast.IfExp() if not _is_main(node):
                yield from self._condition(node.test)
            case ast.comprehension():
                for condition in node.ifs:
                    yield from self._condition(condition)
            case ast.Constant():
                start, end = self._span(node)
                if (new := _other(node.value, self._text[end - 1])) is not None:
                    yield start, end, new
            case ast.JoinedStr():
                yield from self._f_string(node)
            case ast.Compare():
                yield from self._operators([node.left, *node.comparators], [COMPARISONS[type(op)] for op in node.ops])
            case ast.BinOp():
                yield from self._operators([node.left, node.right], [ARITHMETIC[type(node.op)]])
            case ast.AugAssign():
                yield from self._operators([node.target, node.value], [ARITHMETIC[type(node.op)]])
            case ast.BoolOp():
                yield from self._operators(node.values, [BOOLEAN[type(node.op)]] * (len(node.values) - 1))
            case ast.UnaryOp() | ast.Await():  # drop its prefix
                if prefix := PREFIX.match(self._text, self._span(node)[0]):
                    yield *prefix.span(), ""
            case ast.Call():
                yield from self._keywords(node)
            case ast.ExceptHandler(type=ast.expr() as caught):
                yield *self._span(caught), "()"
                several = caught.elts if isinstance(caught, ast.Tuple) else []
                for dropped in several:
                    kept = (self._text[slice(*self._span(each))] for each in several if each is not dropped)
                    yield *self._span(caught), f"({', '.join(kept)})"
            case ast.Break():
                yield *self._span(node), "continue"
            case ast.Continue():
                yield *self._span(node), "break"

    def _condition(self, node: ast.expr) -> Iterator[Change]:
        start, end = self._span(node)
        yield start, end, "True"
        yield start, end, "False"
        match node:
            case ast.UnaryOp(op=ast.Not()) | ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot()]):
                pass  # another change makes its contrary
            case ast.Compare(ops=[ast.In() | ast.NotIn()]):
                pass
            case _:
                yield start, end, f"not ({self._text[start:end]})"

    def _operators(self, operands: Sequence[ast.expr], operators: Sequence[tuple[str, str]]) -> Iterator[Change]:
        for (left, right), (old, new) in zip(pairwise(operands), operators, strict=True):
            # Between two operands there may be parentheses, too.
            if found := re.compile(old).search(self._text, self._span(left)[1], self._span(right)[0]):
                yield *found.span(), new

    def _keywords(self, node: ast.Call) -> Iterator[Change]:
        """Drop each keyword argument together with the comma before it, or after it if it is the first argument."""
        for keyword in node.keywords:
            start, end = self._span(keyword)
            comma = self._text.rfind(",", self._span(node.func)[1], start)
            if node.args or keyword is not node.keywords[0]:
                yield comma, end, ""
            else:
                after = re.compile(r"\s*,\s*").match(self._text, end)
                yield start, after.end() if after else end, ""

    def _f_string(self, node: ast.JoinedStr) -> Iterator[Change]:
        """Drop each text and each field of an f-string."""
        start, end = self._span(node)
        quotes = QUOTES.match(self._text, start)
        if quotes is None or not self._is_simple(node):
            yield start, end, '""'
            return
        borders = [quotes.end()]
        for field in self._fields(node):
            first, last = self._span(field)
            borders += [self._text.rfind("{", start, first), self._text.find("}", last) + 1]
        borders.append(end - len(quotes[1]))
        for first, last in pairwise(borders):
            yield first, last, ""

    def _fields(self, node: ast.JoinedStr) -> Iterator[ast.expr]:
        """Yield the expressions in an f-string."""
        if self._is_simple(node):
            yield from (each.value for each in node.values if isinstance(each, ast.FormattedValue))

    def _is_simple(self, node: ast.JoinedStr) -> bool:
        """Return whether an f-string is in one line; otherwise Python 3.11 has wrong positions for its fields."""
        return "\n" not in self._text[slice(*self._span(node))]

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        """Return where a node begins and ends, decorators included, in characters."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        start, end = self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)
        for decorator in node.decorator_list[:1] if isinstance(node, FUNCTIONS) else ():
            start = self._text.rfind("@", 0, self._span(decorator)[0])
        return start, end

    def _offset(self, line: int, column: int) -> int:
        """Return the offset in characters of a line number, counted from 1, and a column in bytes of UTF-8."""
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


def _other(value: object, quote: str) -> str | None:
    """Return another constant of the same type as code, None if there is no other; `quote` is for texts.

    A text keeps its quotes: it may be in an f-string, where Python 3.11 does not accept any others.
    """
    match value:
        case bool():
            return str(not value)
        case int() | float():
            return repr(value + 1)
        case str() | bytes():
            return f"{'b' * isinstance(value, bytes)}{quote}{'' if value else 'x'}{quote}"
        case None:
            return "..."
    return None


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_main(node: ast.AST) -> bool:
    """Return whether a node is `if __name__ == ...`."""
    match node:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
    return False
