"""Makes symbols of a Python program: what stays when names, values, comments and layout are taken away.

All names become one symbol, and so do all numbers and all strings. Keywords and operators stay. Comments, docstrings,
line ends and indentation are dropped, and so is what a formatter adds: a comma before a closing bracket, a string
divided into several. A program that Python cannot read has symbols, too, and the versions of Python agree about them;
that is why this is not the tokenizer of the standard library.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

# Possessive quantifiers (++) keep the time linear in the length of the text. An open string ends with the text.
TOKEN = re.compile(
    r"""
      (?P<blank>[ \t\f]++|\\\r?\n|\#[^\r\n]*+)
    | (?P<end>[\r\n;])
    | (?P<string>(?i:[rbft]|u|rb|br|rf|fr|rt|tr)?
          (?:'''(?:[^\\']++|\\.|'(?!''))*+(?:'''|\\?\Z)
          | \"""(?:[^\\"]++|\\.|"(?!""))*+(?:\"""|\\?\Z)
          | '(?:[^\\'\r\n]++|\\.)*+'?
          | "(?:[^\\"\r\n]++|\\.)*+"?))
    | (?P<name>[^\W\d]\w*+)
    | (?P<number>\.?\d(?:[eE][+-]\d|[\w.])*+)
    | (?P<operator>\*\*=?|//=?|>>=?|<<=?|->|:=|\.\.\.|[-+*/%&|^=!<>@]=?|[()\[\]{},:.~])
    """,
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = "([{", ")]}"
OPERATORS = (
    *("**", "**=", "//", "//=", ">>", ">>=", "<<", "<<=", "->", ":=", "...", *OPENING, *CLOSING, ",", ":", ".", "~"),
    *(sign + end for sign in "-+*/%&|^=!<>@" for end in ("", "=")),
)
KINDS = ("name", "number", "string")
SYMBOLS = {text: number for number, text in enumerate((*KINDS, *OPERATORS, *sorted(keyword.kwlist)), start=1)}
NAME, NUMBER, STRING, COMMA = (SYMBOLS[text] for text in (*KINDS, ","))


@dataclass(frozen=True)
class Symbols:
    """The symbols of a program, one byte each, and for each symbol the line it is on, counted from 1."""

    codes: bytes
    lines: tuple[int, ...]


def symbols(text: str) -> Symbols:
    """Return the symbols of a program's text."""
    codes = bytearray()
    lines: list[int] = []
    line, counted, depth = 1, 0, 0
    begins = True  # no symbol of the statement so far
    is_alone = False  # the only symbol of the statement so far is a string
    before = ""  # the kind of the symbol before this one in the statement
    for match in TOKEN.finditer(text):
        kind, token = match.lastgroup, match[0]
        if kind == "blank":
            continue
        if kind == "end":
            if depth == 0:
                if is_alone:  # a docstring, or a comment written as a string
                    del codes[-1], lines[-1]
                begins, is_alone, before = True, False, ""
            continue
        if kind == "string" and before == "string":
            continue
        if kind == "operator":
            code = SYMBOLS[token]
            depth = max(0, depth + (token in OPENING) - (token in CLOSING))
            if token in CLOSING and codes and codes[-1] == COMMA:
                del codes[-1], lines[-1]
        elif kind == "name":
            code = SYMBOLS.get(token, NAME) if token not in KINDS else NAME
        else:
            code = STRING if kind == "string" else NUMBER
        line += text.count("\n", counted, match.start())
        counted = match.start()
        codes.append(code)
        lines.append(line)
        is_alone, begins, before = begins and kind == "string", False, kind or ""
    if is_alone:
        del codes[-1], lines[-1]
    return Symbols(bytes(codes), tuple(lines))
