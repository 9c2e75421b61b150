"""A JSON text that a program sent (RFC 8259): it compares as a value, and can explain a failed comparison."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable

from labcheck.program.evidence import BrokenOff, Mismatch, differs
from labcheck.record.text import shorten

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES = {str, int, float, bool, type(None), dict, list, tuple}  # no patterns; to ask a protocol takes 7 µs


@runtime_checkable
class Pattern(Protocol):
    """A part of an expected value that stands for many values."""

    def fits(self, value: object) -> bool:
        """Return whether it stands for this value."""
        ...


class SomeText:
    """Any text that is not empty: `assert answer.json == {"error": SOME_TEXT}`."""

    def fits(self, value: object) -> bool:
        """Return whether the value is a text with something in it."""
        return isinstance(value, str) and bool(value.strip())

    def __repr__(self) -> str:
        return "a text"


SOME_TEXT = SomeText()


class Json:
    """A value as JSON, sent by a program in `text`. Compare it with a Python value: `answer.json == {"version": 1}`.

    The order of an object's members does not matter, nor does the notation of a number (1 or 1.0); true is not 1. If
    the text is no JSON, it equals no value, and the report says why. `problem`: why the text is no JSON, in words, if
    that is known already. `broke_off`: the program seems to have failed while it sent this.
    """

    def __init__(self, text: str, problem: str = "", *, broke_off: Callable[[], bool] = lambda: False) -> None:
        self.text = text
        self._broke_off = broke_off
        self.problem = problem
        self.value: Any = None
        if problem:
            return
        try:
            self.value = json.loads(text, parse_constant=_no_number)
        except RecursionError:
            self.problem = "JSON that is nested too deeply"
        except ValueError as error:
            self.problem = "nothing" if not text.strip() else f"not JSON ({_in_words(error, text)})"

    def __eq__(self, wanted: object) -> bool:
        return not self.problem and same(self.value, wanted.value if isinstance(wanted, Json) else wanted)

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return shorten(self.text)

    def get(self, name: str) -> Any:
        """Return the member of an object with this name; None without it, or if this is no object."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which value was expected, and show the one that was sent: its members in the same order."""
        kind = BrokenOff if self._broke_off() else Mismatch
        if operator != "==" or self.problem:
            shown = f"{self.problem}: {shorten(self.text)}" if self.text.strip() else self.problem
            if operator == "in" and isinstance(wanted, list) and len(wanted) == 1:
                wanted = wanted[0]
            how = {"!=": "any JSON but ", "in": "one of " if isinstance(wanted, list) else ""}.get(operator, "")
            return kind(f"{how}{_in_short(wanted)}", shown if self.problem else shorten(_dump(self.value)))
        if isinstance(wanted, Pattern):
            return kind(f"JSON: {wanted!r}", f"the JSON {shorten(_dump(self.value))}")
        expected = _fill_in(wanted, self.value)
        return kind(*differs(_dump(expected), _dump(_in_order_of(expected, self.value)), ("the JSON", "the JSON")))


def same(value: object, wanted: object) -> bool:
    """Return whether a JSON value is the expected one; its parts may be patterns."""
    if type(wanted) not in VALUES and isinstance(wanted, Pattern):
        return wanted.fits(value)
    if isinstance(value, dict) and isinstance(wanted, dict):
        return value.keys() == wanted.keys() and all(same(value[name], wanted[name]) for name in value)
    if isinstance(value, list) and isinstance(wanted, list | tuple):
        return len(value) == len(wanted) and all(map(same, value, wanted))
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _in_words(error: ValueError, text: str) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    message = error.msg[0].lower() + error.msg[1:]
    return f"{message}, at character {error.pos + 1} of {len(text)}"


def _fill_in(wanted: object, value: object) -> object:
    """Return the expected value; a pattern that fits is replaced with what was sent, so that it makes no difference."""
    if isinstance(wanted, Pattern):
        return value if wanted.fits(value) else wanted
    if isinstance(wanted, dict):
        known = value if isinstance(value, dict) else {}
        return {name: _fill_in(each, known.get(name)) for name, each in wanted.items()}
    if isinstance(wanted, list | tuple):
        sent = value if isinstance(value, list) else []
        return [_fill_in(each, sent[place] if place < len(sent) else None) for place, each in enumerate(wanted)]
    return wanted


def _in_order_of(wanted: object, value: object) -> object:
    """Return a value with the members of its objects in the order of the expected one; others come last."""
    if isinstance(value, dict) and isinstance(wanted, dict):
        names = [*(name for name in wanted if name in value), *(name for name in value if name not in wanted)]
        return {name: _in_order_of(wanted.get(name), value[name]) for name in names}
    if isinstance(value, list) and isinstance(wanted, list):
        return [_in_order_of(wanted[at] if at < len(wanted) else None, each) for at, each in enumerate(value)]
    return value


def _in_short(value: object) -> str:
    return repr(value) if isinstance(value, Pattern) else shorten(_dump(value))


def _dump(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=lambda pattern: f"({pattern!r})")
    return text.encode("utf-8", "backslashreplace").decode()  # half of a surrogate pair is no character
