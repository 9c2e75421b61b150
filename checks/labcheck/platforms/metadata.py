"""Reads the `submission_metadata.yml` in an export of Gradescope: who has submitted what, and when.

It is YAML as Ruby's Psych writes it: a table of submissions, indented by two spaces, with keys that begin with a colon.
This reader knows only that form. Everything else about a submission, such as what its autograder has printed, is
skipped: it is indented further, so no text in it is taken for the name of a person.

    submission_4711:
      :submitters:
      - :name: Ada Lovelace
        :sid: '0042'
        :email: ada@example.org
      :created_at: 2025-01-02 10:11:12.345678000 Z
      :results: ...
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

KEY = re.compile(r"(?P<indent> *)(?P<dash>- )?(?P<key>:?[A-Za-z0-9_.-]+|'[^']*'|\"[^\"\\]*\"):(?: +(?P<value>.*))?")
ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
LETTERS = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
    " ": " ",
    '"': '"',
    "/": "/",
    "\\": "\\",
}
NOTHING = ("", "~", "null")
NOT_PLAIN = ("|", ">", "&", "*", "!", "{", "[", "%", "@", "`")  # what begins another form of YAML
CREATED, SUBMITTERS = ":created_at", ":submitters"
TEXTS = (":name", ":sid", ":email", CREATED)
LONG = 1000  # characters of a text that is not continued in the next line


@dataclass
class Submission:
    """A submission: its people, with what is known of `name`, `sid` and `email`, and the time."""

    people: list[dict[str, str]] = field(default_factory=list)
    created_at: str = ""


def read(text: str) -> dict[str, Submission]:
    """Return the submissions, by the name of the folder. Raises ValueError for any other text, with the line."""
    known: dict[str, Submission] = {}
    submission, section = Submission(), ""
    for number, line in _logical_lines(text):
        found = KEY.fullmatch(line)
        indent = len(line) - len(line.lstrip(" "))
        is_person = section == SUBMITTERS and indent > 0 and not (indent == 2 and line[2] == ":")
        if indent > 2 and not is_person:
            continue  # a part of something else
        if found is None:
            if indent == 0 or is_person:
                raise ValueError(f"line {number} is not as Gradescope writes it")
            continue
        value = found["value"] or ""
        try:
            if indent == 0:
                submission = known[_scalar(found["key"])] = Submission()
                section = ""
            elif is_person:
                if found["dash"]:
                    submission.people.append({})
                if not submission.people or indent + 2 * bool(found["dash"]) != 4:
                    raise ValueError("not indented")
                submission.people[-1][found["key"].removeprefix(":")] = _scalar(value)
            elif not found["dash"]:
                section = found["key"]
                if section == CREATED:
                    submission.created_at = _scalar(value)
        except ValueError as error:
            raise ValueError(f"line {number} is not as Gradescope writes it") from error
    return known


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines with their numbers. A long text is folded: its further lines, indented by more, are joined."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith(("---", "#")):
            continue
        indent = len(line) - len(line.lstrip(" "))
        last = lines[-1][1] if lines else ""
        found = KEY.fullmatch(last) if len(last) < LONG else None
        is_open = found and found["key"] in TEXTS and found["value"] and not _is_whole(found["value"])
        if found and is_open and indent > len(found["indent"]) + 2 * bool(found["dash"]):
            joined = last.removesuffix("\\") if last.endswith("\\") else f"{last} "
            lines[-1] = lines[-1][0], f"{joined}{line.strip()}"
        else:
            lines.append((number, line.rstrip("\r")))
    return lines


def _is_whole(value: str) -> bool:
    """Return whether a value cannot go on in the next line, because its quotation marks are complete."""
    try:
        return value[0] in "'\"" and _scalar(value) is not None
    except ValueError:
        return False


def _scalar(value: str) -> str:
    """Return the text of a value: plain, or in quotation marks."""
    value = value.strip()
    if value in NOTHING:
        return ""
    if value[0] == "'":
        inner = value[1:-1]
        if len(value) < 2 or value[-1] != "'" or "'" in inner.replace("''", ""):
            raise ValueError("the quotation marks are not complete")
        return inner.replace("''", "'")
    if value[0] == '"':
        if not re.fullmatch(r'"(?:[^"\\]|\\.)*"', value):
            raise ValueError("the quotation marks are not complete")
        return ESCAPE.sub(_unescaped, value[1:-1])
    if value.startswith(NOT_PLAIN):
        raise ValueError("another form")
    return value


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if code:
        return chr(int(code, 16))
    if found[4] not in LETTERS:
        raise ValueError("unknown escape")
    return LETTERS[found[4]]
