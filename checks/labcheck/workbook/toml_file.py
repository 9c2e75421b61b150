"""A TOML file that an author writes: its values, the line of each key, and how it differs from its schema.

The schema is a JSON Schema, which editors use as well. Of its vocabulary, `differences` reads what `KEYWORDS` lists.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labcheck.errors import SuiteError
from labcheck.workbook.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KEYWORDS = (
    *("type", "properties", "additionalProperties", "required", "minProperties", "items", "minItems", "maxItems"),
    *("minLength", "pattern", "minimum", "maximum", "title", "description", "examples", "$schema"),
)
TYPES = {
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "array": (list, "a list"),
    "object": (dict, "a table"),
}
HEADING = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[\w-]+)\s*=""")
Route = tuple[str | int, ...]  # from the top of the file: ("steps", 2, "title") is the title of the second step


@dataclass(frozen=True)
class Difference:
    """A place in a file that is not as its schema demands. `path` leads to it; the text says what is wrong there."""

    path: Route
    text: str


@dataclass(frozen=True)
class TomlFile:
    """A TOML file: its name in messages, its values, and its text. Lines are counted from 1."""

    name: str
    table: dict[str, Any]
    text: str

    @functools.cached_property
    def lines(self) -> Mapping[Route, int]:
        """The line of each table and key."""
        return dict(_lines(self.text))

    @classmethod
    def read(cls, file: Path, name: str) -> TomlFile:
        """Read a file. Raises SuiteError if it is missing or not TOML."""
        try:
            text = file.read_text("utf-8")
            table = tomllib.loads(text)
        except FileNotFoundError as error:
            raise SuiteError(f"{name}: there is no such file") from error
        except (OSError, UnicodeDecodeError) as error:
            raise SuiteError(f"{name}: cannot be read: {error}") from error
        except tomllib.TOMLDecodeError as error:
            # Until Python 3.14, the place is only in the text: "Invalid value (at line 13, column 9)".
            said, _, place = str(error).partition(" (at ")
            line = re.match(r"line (\d+), column \d+", place)
            where = f":{line[1]}" if line else ""
            quotes = "; a text needs quotes" if said == "Invalid value" else ""
            raise SuiteError(f"{name}{where}: not valid TOML: {said[:1].lower()}{said[1:]}{quotes}") from error
        return cls(name, table, text)

    @functools.cached_property
    def _first_lines(self) -> Mapping[Route, int]:
        """The line of each table and key; that of a table without a heading is the first one in it."""
        found: dict[Route, int] = {}
        for path, line in self.lines.items():
            for length in range(1, len(path) + 1):
                found.setdefault(path[:length], line)
        return found

    def at(self, *path: str | int, text: str | None = None, nth: int = 1) -> str:
        """Return the place of a key in a message: `labs/lab1/lab.toml:14`.

        `text`: the line of this text in the value of the key, the nth time that it is there.
        """
        while path and path not in self._first_lines:
            path = path[:-1]
        line = self._first_lines.get(path)
        if line is None:
            return self.name
        if text is not None:
            following = sorted(each for each in self.lines.values() if each > line)
            value = self.text.splitlines()[line - 1 : following[0] - 1 if following else None]
            found = [line + place for place, words in enumerate(value) for _ in range(words.count(text))]
            line = found[nth - 1] if len(found) >= nth else line
        return f"{self.name}:{line}"

    def differences(self, schema: Mapping[str, Any]) -> list[Difference]:
        """Return how the file differs from its schema."""
        return list(differences(self.table, schema))


def schema_of(file: Path) -> dict[str, Any]:
    """Return the JSON Schema in a file."""
    return dict(json.loads(file.read_text("utf-8")))


def differences(value: Any, schema: Mapping[str, Any], path: Route = ()) -> Iterator[Difference]:
    """Yield how a value differs from a JSON Schema."""
    kind, words = TYPES[schema["type"]]
    if type(value) is not kind:
        wanted = f"{words}, such as {in_toml(schema['examples'][0])}" if "examples" in schema else words
        yield Difference(path, f"{_name(path)} is {in_toml(value)}; expected {wanted}")
    elif isinstance(value, dict):
        yield from _differences_of_table(value, schema, path)
    elif isinstance(value, list):
        least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
        if not least <= len(value) <= most:
            wanted = f"a list such as {in_toml(schema['examples'][0])}"
            yield Difference(path, f"{_name(path)} is {in_toml(value)}; expected {wanted}")
        for place, each in enumerate(value, start=1):
            yield from differences(each, schema["items"], (*path, place))
    elif isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value) or len(value) < schema.get("minLength", 0):
            wanted = in_toml(schema["examples"][0])
            yield Difference(path, f"{_name(path)} is {in_toml(value)}; expected {schema['title']}, such as {wanted}")
    elif not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        limits = f"from {schema['minimum']}" + (f" to {schema['maximum']}" if "maximum" in schema else "")
        yield Difference(path, f"{_name(path)} is {value}; expected a number {limits}")


def _differences_of_table(table: dict[str, Any], schema: Mapping[str, Any], path: Route) -> Iterator[Difference]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    misspelled = ""
    for key, value in table.items():
        if key in known:
            yield from differences(value, known[key], (*path, key))
        elif others is False:
            misspelled += nearest(key, known)
            yield Difference((*path, key), f"unknown key {key!r}.{nearest(key, known)} Keys: {', '.join(known)}")
        elif others:
            yield from differences(value, others, (*path, key))
    for key in schema.get("required", ()):
        if key not in table and f" {key!r}" not in misspelled:
            what = known[key]
            yield Difference(path, f"missing key {key!r}: {what['description']}, such as {example_of(key, what)}")
    if len(table) < schema.get("minProperties", 0):
        yield Difference(path, f"{_name(path)} is empty; expected {schema['description']}")


def example_of(key: str, schema: Mapping[str, Any]) -> str:
    """Return how a key is written: `port = 8001`, or the heading of a table."""
    example = schema["examples"][0]
    if schema["type"] == "object":
        return f"[{key}.{next(iter(example))}]"
    if schema["type"] == "array" and schema["items"]["type"] == "object":
        return f"[[{key}]]"
    return f"{key} = {in_toml(example)}"


def in_toml(value: Any) -> str:
    """Return a value as an author would write it, in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(in_toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {in_toml(each)}" for key, each in value.items()) + " }" if value else "{}"
    return str(value)


def _name(path: Route) -> str:
    """Return the name of a value: its key, also for the elements of its list."""
    keys = [each for each in path if isinstance(each, str)]
    return f"one of {keys[-1]}" if path and isinstance(path[-1], int) and keys else keys[-1] if keys else "the file"


def _lines(text: str) -> Iterator[tuple[Route, int]]:
    """Yield the path of each table and key with its line. The text is valid TOML without dotted keys."""
    table: Route = ()
    numbers: dict[str, int] = {}
    quotes = ""  # those that end the text of several lines in which the line begins
    for number, line in enumerate(text.splitlines(), start=1):
        if not quotes:
            if heading := HEADING.match(line):
                names = [name.strip().strip("\"'") for name in heading[2].split(".")]
                table = tuple(names)
                if heading[1] == "[[":
                    numbers[heading[2]] = numbers.get(heading[2], 0) + 1
                    table = (*names, numbers[heading[2]])
                yield table, number
            elif key := KEY.match(line):
                yield (*table, key[1].strip("\"'")), number
        for mark in re.findall(r"\"\"\"|'''", line):
            quotes = "" if quotes == mark else quotes or mark
