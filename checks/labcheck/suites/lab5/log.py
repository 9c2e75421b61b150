"""Lines of a web server's log, whole and broken, and what the program must find in them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from labcheck.suite import Mismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from labcheck.suite import Answer, Draw

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ZONES = ("+0000", "+0100", "-0500", "+0530", "-0330", "+1245", "-1130", "-0000")
METHODS = ("GET", "GET", "GET", "GET", "HEAD", "POST", "PUT")
STATUSES = ("200", "200", "200", "301", "304", "404", "500")
PROTOCOLS = ("HTTP/1.0", "HTTP/1.1", "HTTP/1.1", "HTTP/2", "HTTP/2.0", "HTTP/3")
SEPARATORS = {  # what str.splitlines() takes for the end of a line, too
    "a vertical tab": "\x0b",
    "a form feed": "\x0c",
    "the character U+001C": "\x1c",
    "the character U+001E": "\x1e",
    "the character U+0085": "\x85",
    "the character U+2028": "\u2028",
    "the character U+2029": "\u2029",
}
SHORT = 150  # characters of a line that a report shows whole


@dataclass(frozen=True)
class Line:
    """A line without its end, and its parts as they are written in it. `why` says why it is whole, or why broken."""

    host: str = "192.0.2.7"
    ident: str = "-"
    user: str = "-"
    time: str = "10/Oct/2000:13:55:36"
    zone: str = "+0000"
    method: str = "GET"
    target: str = "/"
    protocol: str = "HTTP/1.1"
    status: str = "200"
    size: str = "0"
    referer: str | None = None  # with the quotes around it; then there is an agent, too
    agent: str | None = None
    is_whole: bool = True
    why: str = ""
    other: str | None = None  # the text of a line that is made of other parts

    @property
    def text(self) -> str:
        """The line as it is in the log."""
        if self.other is not None:
            return self.other
        quoted = "".join(f" {part}" for part in (self.referer, self.agent) if part is not None)
        request = f'"{self.method} {self.target} {self.protocol}"'
        stamp = f"[{self.time} {self.zone}]"
        return f"{self.host} {self.ident} {self.user} {stamp} {request} {self.status} {self.size}{quoted}"

    @property
    def path(self) -> str:
        """The target without its query string."""
        return self.target.partition("?")[0]

    @property
    def hour(self) -> int:
        """The hour of the day in UTC."""
        day, month, rest = self.time.split("/")
        year, hours, minutes, seconds = map(int, rest.split(":"))
        shift = timedelta(hours=int(self.zone[1:3]), minutes=int(self.zone[3:]))
        zone = timezone(-shift if self.zone[0] == "-" else shift)
        moment = datetime(year, MONTHS.index(month) + 1, int(day), hours, minutes, seconds, tzinfo=zone)
        return moment.astimezone(UTC).hour


def usual(draw: Draw, **parts: Any) -> Line:
    """Return a random whole line of the simple kind; `parts` replace those that are drawn."""
    day, year = draw.randrange(1, 29), draw.randrange(1996, 2038)
    clock = f"{draw.randrange(24):02}:{draw.randrange(60):02}:{draw.randrange(60):02}"
    host = draw.choice(
        [f"192.0.2.{draw.randrange(256)}", f"{draw.word(5)}.example", f"2001:db8::{draw.randrange(1, 9)}"]
    )
    quoted = draw.random() < 0.6
    agent = f'"{draw.word(6).title()}/{draw.randrange(1, 9)}.0 ({draw.word(5)}; {draw.word(3)})"'
    drawn = Line(
        host,
        draw.choice(["-", "-", draw.word(4)]),
        draw.choice(["-", "-", draw.word(6)]),
        f"{day:02}/{draw.choice(MONTHS)}/{year}:{clock}",
        draw.choice(ZONES),
        draw.choice(METHODS),
        f"/{draw.word(6)}",
        draw.choice(PROTOCOLS),
        draw.choice(STATUSES),
        str(draw.randrange(1, 10**5)),
        draw.choice(['"-"', f'"http://{draw.word(5)}.example/"']) if quoted else None,
        agent if quoted else None,
    )
    return replace(drawn, **parts)


class Marks:
    """Draws a method and a status for lines that should be found in a summary: no other line has them."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._statuses = draw.sample([str(status) for status in range(100, 1000) if str(status) not in STATUSES], 200)
        self._methods: set[str] = set(METHODS)

    def line(self, why: str, *, is_whole: bool, **parts: Any) -> Line:
        """Return a line with its marks, unless `parts` replaces them."""
        while (method := self._draw.word(6).upper()) in self._methods:
            pass
        self._methods.add(method)
        marked = {"method": method, "status": self._statuses.pop(), **parts}
        return usual(self._draw, is_whole=is_whole, why=why, **marked)


def awkward_lines(draw: Draw, marks: Marks) -> list[Line]:
    """Return lines with each of the forms that are easy to read wrong (requirement 1.2), nearly all of them whole."""
    word = draw.word
    quoted = {"referer": f'"http://{word(5)}.example/"', "agent": f'"{word(5)}/1.0"'}
    forms: list[tuple[str, dict[str, Any]]] = [
        ("the user has blanks", {"user": f"{word(5)} {word(4)} {word(5)}"}),
        ("the user has brackets and quotes", {"user": f'{word(4)}[{word(3)}]"{word(3)}"'}),
        ("the target has escaped quotes", {"target": f'/{word(4)}/\\"{word(4)}\\"'}),
        ("the target has an escaped backslash", {"target": f"/{word(4)}\\\\{word(4)}"}),
        ("the target ends with an escaped backslash", {"target": f"/{word(6)}\\\\"}),
        ("the target has brackets", {"target": f"/{word(5)}[{draw.randrange(10)}]/]["}),
        ("the target has letters beyond ASCII", {"target": f"/{word(4)}é/日本{word(4)}"}),
        ("the referer has escaped quotes", {**quoted, "referer": f'"http://{word(4)}/?q=\\"{word(4)}\\""'}),
        ("the referer has brackets", {**quoted, "referer": f'"http://{word(4)}/ [{word(4)}] ["'}),
        ("the referer is empty", {**quoted, "referer": '""'}),
        ("the agent is empty", {**quoted, "agent": '""'}),
        ("the agent has escaped quotes", {**quoted, "agent": f'"{word(4)} \\"{word(4)}\\" \\"{word(3)}"'}),
        ("the agent ends with an escaped backslash", {**quoted, "agent": f'"{word(6)}\\\\"'}),
        ("the agent ends with an escaped quote", {**quoted, "agent": f'"{word(6)}\\""'}),
        ("the agent has a time in brackets", {**quoted, "agent": f'"{word(4)} [10/Oct/2000:13:55:36 -0700] x"'}),
        ("the agent has what looks like the end of a request", {**quoted, "agent": '"\\" 404 17 \\"-\\" \\"x"'}),
        ("the agent has letters beyond ASCII", {**quoted, "agent": f'"{word(4)} ñandú 日本 🙂"'}),
        ("the agent is one escaped backslash", {**quoted, "agent": '"\\\\"'}),
        ("the size is -, which is 0 bytes", {"size": "-"}),
        ("the size is -, which is 0 bytes", {**quoted, "size": "-"}),
    ]
    broken = [
        ("the agent's last quote is escaped, so it does not end the agent", {"agent": f'"{word(5)}\\"'}),
        ("an escaped backslash does not escape the quote after it", {"agent": f'"{word(4)}\\\\" {word(4)}"'}),
        ("an escaped backslash does not escape the quote after it", {"target": f'/{word(4)}\\\\"{word(4)}'}),
    ]
    lines = [marks.line(why, is_whole=True, **parts) for why, parts in forms]
    return lines + [marks.line(why, is_whole=False, **{**quoted, **parts}) for why, parts in broken]


def broken_lines(draw: Draw, marks: Marks) -> list[Line]:
    """Return a broken line for each rule that a line can break (requirement 1.1)."""
    word, leap, common = draw.word, draw.choice(["1996", "2000", "2024"]), draw.choice(["2001", "2023", "2100"])
    quoted = {"referer": '"-"', "agent": f'"{word(5)}/1.0"'}
    rules: list[tuple[str, dict[str, Any]]] = [
        ("there is no day 00", {"time": "00/Jan/2020:10:00:00"}),
        ("January has no day 32", {"time": "32/Jan/2020:10:00:00"}),
        ("April has no day 31", {"time": "31/Apr/2020:10:00:00"}),
        ("February has no day 30", {"time": f"30/Feb/{leap}:10:00:00"}),
        ("February 1900 has no day 29", {"time": "29/Feb/1900:10:00:00"}),
        (f"February {common} has no day 29", {"time": f"29/Feb/{common}:10:00:00"}),
        ("there is no hour 24", {"time": "10/Jan/2020:24:00:00"}),
        ("there is no minute 60", {"time": "10/Jan/2020:10:60:00"}),
        ("there is no second 61", {"time": "10/Jan/2020:10:00:61"}),
        ("there is no such month", {"time": "10/Foo/2020:10:00:00"}),
        ("months are written Jan to Dec", {"time": "10/jan/2020:10:00:00"}),
        ("months are written Jan to Dec", {"time": "10/MAR/2020:10:00:00"}),
        ("months are written Jan to Dec", {"time": "10/01/2020:10:00:00"}),
        ("a year has four digits", {"time": "10/Jan/20:10:00:00"}),
        ("a zone has a sign", {"zone": "0100"}),
        ("a zone has four digits", {"zone": "+100"}),
        ("a zone has four digits", {"zone": "+01:00"}),
        ("a zone is 2359 at most", {"zone": "+2400"}),
        ("a zone is a number", {"zone": "UTC"}),
        ("a method has capital letters only", {"method": "get"}),
        ("a method has capital letters only", {"method": "Get"}),
        ("a method has letters only", {"method": "GET1"}),
        ("a target begins with / or is *", {"target": f"{word(5)}/{word(5)}"}),
        ("a target begins with / or is *", {"target": f"http://{word(5)}.example/"}),
        ("a target that begins with * is * alone", {"target": f"*{word(5)}"}),
        ("a target holds no blank", {"target": f"/{word(4)} {word(4)}"}),
        ("HTTP/ needs a version", {"protocol": "HTTP/"}),
        ("after the dot, a version needs digits", {"protocol": "HTTP/1."}),
        ("a version is made of digits", {"protocol": "HTTP/x"}),
        ("a version has one dot at most", {"protocol": "HTTP/1.1.1"}),
        ("the protocol is HTTP/ and a version", {"protocol": "http/1.1"}),
        ("the protocol is HTTP/ and a version", {"protocol": "HTTPS/1.1"}),
        ("a status has three digits", {"status": "20"}),
        ("a status has three digits", {"status": "2000"}),
        ("a status has three digits", {"status": "2xx"}),
        ("a status has three digits", {"status": "-"}),
        ("a size is digits or -", {"size": "-5"}),
        ("a size is digits or -", {"size": "1.5"}),
        ("a size is digits or -", {"size": "12k"}),
        ("a size is digits or -", {"size": "--"}),
        ("there is a referer, but no agent", {"referer": '"-"', "agent": None}),
        ("the agent has no closing quote", {**quoted, "agent": f'"{word(5)}'}),
        ("a quote alone ends the agent", {**quoted, "agent": f'"{word(4)}"{word(4)}"'}),
        ("a quote alone ends the referer", {**quoted, "referer": f'"{word(4)}" {word(4)}"'}),
        ("something follows after the agent", {**quoted, "agent": f'"{word(4)}" {word(4)}'}),
        ("a blank follows after the agent", {**quoted, "agent": f'"{word(4)}" '}),
        ("a blank follows after the size", {"size": "17 ", "referer": None, "agent": None}),
        ("something follows after the size", {"size": f"17 {word(4)}", "referer": None, "agent": None}),
        ("the referer and the agent are in quotes", {"referer": "-", "agent": f"{word(5)}/1.0"}),
    ]
    lines = [marks.line(why, is_whole=False, **parts) for why, parts in rules]
    pieces: list[tuple[str, Callable[[str], str]]] = [
        ("it begins with a blank", lambda text: f" {text}"),
        ("it is no line of such a log", lambda _: f"{word(6)} {word(4)}: {word(5)}"),
        ("there is no user", lambda text: re.sub(r"^(\S+ \S+) .*? \[", r"\1 [", text)),
        ("two blanks stand between two parts", lambda text: text.replace(" ", "  ", 1)),
        ("two blanks stand between two parts", lambda text: text.replace('] "', ']  "', 1)),
        ("the time has no brackets", lambda text: text.replace("[", "", 1).replace("]", "", 1)),
        ("the time has no end", lambda text: text.replace("]", "", 1)),
        ("the zone is missing", lambda text: re.sub(r" [+-]\d{4}\]", "]", text, count=1)),
        ("the request has no protocol", lambda text: re.sub(r' HTTP/[\d.]+"', '"', text, count=1)),
        ("the request has no quotes", lambda text: re.sub(r'\] "(.*?)"', r"] \1", text, count=1)),
        ("status and size are missing", lambda text: re.sub(r'(HTTP/[\d.]+") .*', r"\1", text)),
        ("the size is missing", lambda text: re.sub(r'(HTTP/[\d.]+" \d{3}) .*', r"\1", text)),
    ]
    for why, change in pieces:
        line = marks.line(why, is_whole=False, referer=None, agent=None)
        lines.append(replace(line, other=change(line.text)))
    request = '"-" 400 226 "-" "-"'
    lines.append(Line(other=f"{usual(draw).text.split('] ')[0]}] {request}", is_whole=False, why="the request is -"))
    return lines


def summary(lines: Sequence[Line]) -> dict[str, Any]:
    """Return what `/log/summary` must answer."""
    whole = [line for line in lines if line.is_whole]
    return {
        "lines": len(lines),
        "broken": len(lines) - len(whole),
        "bytes": sum(int(line.size) for line in whole if line.size != "-"),
        "status": Counter(line.status for line in whole),
        "methods": Counter(line.method for line in whole),
    }


def top(lines: Sequence[Line], n: int) -> list[dict[str, object]]:
    """Return what `/log/top` must answer."""
    hits = Counter(line.path for line in lines if line.is_whole)
    ranked = sorted(hits.items(), key=lambda each: (-each[1], each[0]))
    return [{"path": path, "hits": number} for path, number in ranked[:n]]


def hours(lines: Sequence[Line]) -> list[int]:
    """Return what `/log/hours` must answer."""
    found = Counter(line.hour for line in lines if line.is_whole)
    return [found[hour] for hour in range(24)]


def search(lines: Sequence[Line], like: str) -> list[str]:
    """Return what `/log/search` must answer."""
    pattern = like.replace("[", "[[]")  # in fnmatch, a bracket begins a set of characters
    return [line.text for line in lines if fnmatchcase(line.text, pattern)]


def written(lines: Sequence[Line], ends: Sequence[str] = ("\n",), last: str = "\n") -> bytes:
    """Return a log as bytes: the ends of lines take turns, and `last` ends the last one."""
    texts = [f"{line.text}{ends[place % len(ends)]}" for place, line in enumerate(lines[:-1])]
    return "".join([*texts, lines[-1].text, last]).encode()


class Counted:
    """The answer to `/log/summary`. It equals its value; if it does not, the report names a line that explains it."""

    def __init__(self, answer: Answer, lines: Sequence[Line]) -> None:
        self._json = answer.json
        self._lines = lines

    def __eq__(self, wanted: object) -> bool:
        return self._json == wanted

    def __hash__(self) -> int:
        return hash(self._json)

    def mismatch(self, operator: str, wanted: object) -> Mismatch:
        """Say which line was counted wrongly, if that is certain; otherwise, where the values differ."""
        for line in self._wrong():
            shown = line.text if len(line.text) <= SHORT else f"{line.text[:SHORT]}…"
            kind, came = ("whole", "broken") if line.is_whole else ("broken", "whole")
            return Mismatch(f"this line is {kind} ({line.why}): {shown}", f"it was counted as {came}")
        return self._json.mismatch(operator, wanted)

    def _wrong(self) -> Iterator[Line]:
        """Yield the lines whose method or status, which no other line has, is missing or should be."""
        sent = [value if isinstance(value := self._json.get(name), dict) else {} for name in ("methods", "status")]
        known = [
            Counter(line.method for line in self._lines if line.is_whole),
            Counter(line.status for line in self._lines if line.is_whole),
        ]
        if not all(sent):
            return
        for line in self._lines:
            marks = line.method, line.status
            if line.why and line.is_whole and all(mark not in each for mark, each in zip(marks, sent, strict=True)):
                yield line
            if not line.is_whole and any(
                mark in each and mark not in theirs for mark, each, theirs in zip(marks, sent, known, strict=True)
            ):
                yield line
