"""Values that a program produced, and that can explain a failed comparison.

A check compares them with plain `assert`. If the comparison fails, the report shows what `mismatch` returns, in words
that a beginner understands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from labcheck.record.difference import compare
from labcheck.record.text import shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.errors import Place
    from labcheck.record.difference import Difference

MOST_LINES = 100  # of the output, in which to look for the one that is most like the expected one
SIMILAR = 0.6  # of two lines, as difflib measures it: they may mean the same


class Mismatch(NamedTuple):
    """What was expected and what arrived instead, in words; and the place in the student's file, if it is known.

    `difference` is where two texts, or two sequences of bytes, begin to differ.
    """

    expected: str
    received: str
    place: Place | None = None
    difference: Difference | None = None


class BrokenOff(Mismatch):
    """A program seems to have failed while it answered, so an exception that it raised explains what arrived."""


def differs(expected: str | bytes, received: str | bytes, titles: tuple[str, str]) -> Mismatch:
    """Return the mismatch of two texts that are not equal, or of two sequences of bytes; `titles` introduce them."""
    difference = compare(expected, received, titles)
    return Mismatch(*difference.in_words(), None, difference)


@runtime_checkable
class Evidence(Protocol):
    """A value that can explain a failed comparison."""

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Explain the comparison with `operator` and the other side, `wanted`: what was expected, what arrived."""
        ...


class ExitStatus:
    """The exit status of a program, up to `seconds` after something (such as `Ctrl+C`).

    Compare it with a number: `status == 0`. It equals no number, and differs from none, while the program still runs.
    `waits`: it does not end, because it waits for input that does not come.
    """

    def __init__(self, code: int | None, seconds: float, after: str, *, waits: bool = False) -> None:
        self.code = code
        self._seconds = seconds
        self._after = after
        self._waits = waits

    def __eq__(self, other: object) -> bool:
        return self.code == other

    def __ne__(self, other: object) -> bool:
        return self.code is not None and self.code != other  # a program that still runs has no status

    def __hash__(self) -> int:
        return hash(self.code)

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which status was expected, and how the program ended."""
        status = f"an exit status other than {wanted}" if operator == "!=" else f"exit status {wanted}"
        return Mismatch(f"{status} within {self._seconds:.2g} s", str(self))

    def __str__(self) -> str:
        if self.code is None and self._waits:
            return "still running: it is idle, and waits for input"
        if self.code is None:
            since = f" after {self._after}" if self._after else " later"
            return f"still running {self._seconds:.2g} s{since}"
        if self.code < 0:
            return f"ended by signal {-self.code}"
        return f"exit status {self.code}"


class Said(str):
    """What a program printed on standard error."""

    def __repr__(self) -> str:
        return "<said>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which text was expected, and show the last line."""
        lines = self.strip().splitlines()
        last = f"the last line on standard error: {shorten(lines[-1])}" if lines else "nothing on standard error"
        return Mismatch(f"a message{f' with {wanted}' if wanted else ''} on standard error", last)


class Printed:
    """What a program printed on standard output. `text in printed` holds for the watched texts that it printed.

    Watched texts are found even in output that was too long to be kept. `errors` is what it printed on standard error,
    `prompts` are texts without a line end that lines may follow, and `then` is what it did when labcheck stopped
    waiting, in words.
    """

    def __init__(
        self,
        text: str,
        said: set[str],
        wanted: str = "a line with",
        *,
        errors: str = "",
        prompts: Sequence[str] = (),
        then: str = "",
    ) -> None:
        self.text = text
        self._said = said
        self._wanted = wanted
        self._errors = errors
        self._prompts = prompts
        self._then = then

    def __contains__(self, text: str) -> bool:
        return text in self._said

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which line was expected, and show the one that is most like it."""
        text = str(wanted)
        if text in self._errors:
            where = "it was printed on standard error, not on standard output"
            return Mismatch(f"{self._wanted} {text!r}", where)
        near = self._nearest(text)
        if near and near != text and self._wanted.startswith("the "):
            return BrokenOff(*differs(text, near, (self._wanted, self._wanted)))
        return BrokenOff(f"{self._wanted} {text!r}", self.last(text.partition(":")[0]))

    def last(self, like: str = "") -> str:
        """Describe the last line that contains `like`, in upper or lower case; without one, the last line."""
        lines = self._lines()
        if alike := _with(lines, like):
            return f"the line {shorten(alike[-1])!r}"
        nothing = "nothing but prompts" if self.text.strip() else "nothing was printed"
        last = f"the last line: {shorten(lines[-1])}" if lines else nothing
        return f"{last}; {self._then}" if self._then else last

    def _nearest(self, wanted: str) -> str:
        """Return the line that is most like the expected one, in upper or lower case; empty if none is like it.

        A line with the same words before the colon comes before all others.
        """
        lines = self._lines()
        begin, colon, _ = wanted.partition(":")
        alike = _with(lines, begin) if colon else []
        found = [(_likeness(line, wanted), place, line) for place, line in enumerate(alike or lines)]
        near = max(found, default=(0.0, 0, ""))
        return near[-1] if alike or near[0] >= SIMILAR else ""

    def _lines(self) -> list[str]:
        """Return the last lines that are not empty, without prompts at their beginning."""
        return list(filter(None, map(self._without_prompts, self.text.splitlines())))[-MOST_LINES:]

    def _without_prompts(self, line: str) -> str:
        while prompt := next((prompt for prompt in self._prompts if line.startswith(prompt)), ""):
            line = line.removeprefix(prompt)
        return line.strip()


def _with(lines: list[str], like: str) -> list[str]:
    """Return the lines that contain a text, in upper or lower case; none if the text is empty."""
    return [line for line in lines if like and like.lower() in line.lower()]


def _likeness(line: str, wanted: str) -> float:
    """Return how much two lines are alike, from 0 to 1; upper and lower case do not matter."""
    import difflib

    return difflib.SequenceMatcher(None, shorten(line).lower(), shorten(wanted).lower()).ratio()


class Prompts(Printed):
    """What a program printed up to a prompt, at which it waits for its user."""

    def last(self, like: str = "") -> str:
        """Describe the unfinished line: the prompt as it was really printed; without one, the last line."""
        unfinished = self._unfinished("")
        return f"the prompt {shorten(unfinished)!r}" if unfinished else super().last(like)

    def _nearest(self, wanted: str) -> str:
        unfinished = self._unfinished(wanted)
        return unfinished if unfinished[:1] == wanted[:1] and self._wanted == "the prompt" else ""

    def _unfinished(self, wanted: str) -> str:
        """Return the last line, which has no end, without other prompts than the expected one at its beginning."""
        line = self.text.rpartition("\n")[2]
        for prompt in self._prompts:
            if prompt not in (wanted, line):
                line = line.removeprefix(prompt)
        return line


class Growth(int):
    """The number of bytes by which something has grown. Compare it with a limit: `growth < 40_000`, or `growth >= 1`.

    `where` they are is a part of the report: `in the folder`, `of memory`.
    """

    where: str

    def __new__(cls, more: int, where: str) -> Growth:
        self = super().__new__(cls, more)
        self.where = where
        return self

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say how many bytes were expected, and how many there are."""
        word = {"<": "fewer than ", "<=": "at most ", ">": "more than ", ">=": "at least "}.get(operator, "")
        return Mismatch(f"{word}{wanted:,} bytes more {self.where}", f"{int(self):,} bytes more")


class Complaint(str):
    """The last line of a program's traceback, with the place where it was raised; empty if there is no traceback.

    Or a warning in its place.
    `advice` says what that means, if this is certain.
    """

    said: str
    place: Place | None
    advice: str
    verb: str  # what the program did, before the text in a sentence

    def __new__(cls, said: str, place: Place | None = None, advice: str = "", verb: str = "raised") -> Complaint:
        where = f" ({place.file}, line {place.line})" if place else ""
        self = super().__new__(cls, f"{said}{where}{advice and '; '}{advice}")
        self.said = said
        self.place = place
        self.advice = advice
        self.verb = verb
        return self

    def __repr__(self) -> str:
        return "<complaint>"

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say that no traceback was expected, and show this one."""
        return Mismatch("no traceback on standard error", shorten(self), self.place)
