"""Step 1: strings and regular expressions."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from labcheck.suite import Draw, Server, given, requirement
from labcheck.suites.json_errors import JSON, Refusal
from labcheck.suites.lab5.log import (
    SEPARATORS,
    Counted,
    Line,
    Marks,
    awkward_lines,
    broken_lines,
    hours,
    search,
    summary,
    top,
    usual,
    written,
)
from labcheck.suites.lab5.service import shows_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labcheck.suite import Answer
    from labcheck.suites.lab5.material import Material

LARGE = 20_000_000  # bytes of the large log
LONG = 1_000_000  # characters of a long line
STARTS_WITHIN = 30.0  # seconds: a program may read all of the log before it listens
READS_WITHIN = 20.0  # seconds, before those of any exchange: it may also read the log when it is asked

sums_up = requirement(
    "1.1",
    hints=[
        "Which parts does a line have, and what ends each of them?",
        "re.VERBOSE lets you write an expression in several lines, with names for its groups: (?P<status>...).",
        "Read with newline='', and split at '\\n'. fullmatch() decides; datetime() finds days that do not exist.",
    ],
)


def expect_summary(server: Server, lines: Sequence[Line]) -> None:
    """Compare the answer to `/log/summary` with what these lines hold."""
    answer = server.get("/log/summary")
    assert answer.status == 200
    assert answer.media_type == JSON
    assert Counted(answer, lines) == summary(lines)


@sums_up
def test_summary(server: Server, material: Material) -> None:
    """`/log/summary` gets how many lines there are, how many are broken, and what the whole ones hold."""
    expect_summary(server, material.lines)


@sums_up
def test_broken_lines(new_server_with: Callable[..., Server], draw: Draw) -> None:
    """`/log/summary` gets how many lines there are, how many are broken, and what the whole ones hold."""
    marks = Marks(draw)
    lines = [usual(draw) for _ in range(20)] + broken_lines(draw, marks)
    lines += [marks.line("29 February exists then", is_whole=True, time="29/Feb/2000:23:59:59", zone="+2359")]
    lines += [marks.line("its status has three digits", is_whole=True, status="999")]
    lines += [marks.line("the version has several digits", is_whole=True, protocol="HTTP/11.10")]
    for name, mark in SEPARATORS.items():
        agent = f'"{draw.word(4)}{mark}{draw.word(4)}"'
        lines += [marks.line(f"{name} does not end a line", is_whole=True, referer='"-"', agent=agent)]
    draw.shuffle(lines)
    expect_summary(new_server_with({"access.log": written(lines, ("\r\n", "\n"), last="")}), lines)


@requirement(
    "1.2",
    explained_by=["1.1"],
    hints=[
        "How can a quote be a part of a text in quotes? How does a reader know where the text ends?",
        "In quotes, each character is neither a quote nor a backslash, or it is a backslash with one after it.",
        'As an expression: "((?:[^"\\\\]|\\\\.)*)". The user is everything up to the first blank and bracket.',
    ],
)
def test_awkward_lines(new_server_with: Callable[..., Server], draw: Draw) -> None:
    """Users with blanks, escaped quotes, brackets and letters beyond ASCII are read right; `-` is 0 bytes."""
    lines = [*(usual(draw, target="/") for _ in range(10)), *awkward_lines(draw, Marks(draw))]
    targets = [line for line in lines if "the target" in line.why]
    lines = [line if line in targets or not line.is_whole else replace(line, target="/") for line in lines]
    draw.shuffle(lines)
    server = new_server_with({"access.log": written(lines)})
    expect_summary(server, lines)
    paths = paths_in(server.get(f"/log/top?n={len(targets) + 1}"))
    for line in targets:
        as_they_are = line.path, re.sub(r"\\(.)", r"\1", line.path)
        assert paths & {*as_they_are} or not paths, f"{line.why}, but the path {line.path} is not in the list"


def paths_in(answer: Answer) -> set[str]:
    """Return the paths in a list of the most popular ones; none if the answer is no such list, which 1.3 tests."""
    value = answer.json.value
    found = [each.get("path") for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return {path for path in found if isinstance(path, str)}


@requirement(
    "1.3",
    explained_by=["1.1"],
    hints=[
        "What is a path, and what is a query string? What should come first if two paths have as many hits?",
        "collections.Counter counts; sorted() takes a key, which may be a pair. RFC 9110, section 15.5.1: 400.",
        "The key is (-hits, path). Check n before you use it: digits only, and from 1 to 1000.",
    ],
)
def test_top(server: Server, material: Material, draw: Draw) -> None:
    """`/log/top?n=3` gets the paths asked for most, without their queries; a bad n gets 400."""
    with_json = shows_errors(server, draw)
    many = len(top(material.lines, 1000))
    for query, n in (("", 10), ("?n=1", 1), ("?n=3", 3), (f"?n={many - 20}", many - 20), ("?n=1000", 1000)):
        answer = server.get(f"/log/top{query}")
        assert answer.status == 200
        assert answer.media_type == JSON
        assert answer.json == top(material.lines, n)
    for bad in ("0", "1001", "-1", "1.5", draw.word(4), "", str(draw.randrange(10**20, 10**21))):
        assert Refusal(server.get(f"/log/top?n={bad}"), with_json=with_json) == 400


counts_hours = requirement(
    "1.4",
    explained_by=["1.1"],
    hints=[
        "A line says 23:30 and +0530. What time is it then in Greenwich?",
        "The offset says how far local time is ahead of UTC: subtract it. datetime's astimezone() does it for you.",
        "Make a list of 24 zeros, and count each whole line at its hour in UTC.",
    ],
)


@counts_hours
def test_hours(server: Server, material: Material) -> None:
    """`/log/hours` gets 24 counts by the hour of the day in UTC."""
    answer = server.get("/log/hours")
    assert answer.status == 200
    assert answer.media_type == JSON
    assert answer.json == hours(material.lines)


@counts_hours
def test_hours_of_whole_lines(new_server_with: Callable[..., Server], draw: Draw) -> None:
    """`/log/hours` gets 24 counts by the hour of the day in UTC."""
    lines = [usual(draw) for _ in range(9)] + broken_lines(draw, Marks(draw))
    server = new_server_with({"access.log": written(lines)})
    if server.get("/log/summary").json == summary(lines):  # otherwise, 1.1 fails
        answer = server.get("/log/hours")
        given(answer.status == 200, f"GET /log/hours got {answer}")
        assert answer.json == hours(lines), "broken lines do not count"


def like(pattern: str) -> str:
    """Return the target that searches for a pattern."""
    return f"/log/search?like={quote(pattern, safe='')}"


searches = requirement(
    "1.5",
    explained_by=["1.1", "1.2"],
    hints=[
        "Which characters of the pattern mean something, and which must only stand for themselves?",
        "re.escape() makes any text stand for itself. A dot matches a line feed only with re.DOTALL.",
        "Build the expression from the pattern's characters: * is .*, ? is a dot, and all others are escaped.",
    ],
)


@searches
def test_search(server: Server, material: Material, draw: Draw) -> None:
    """`/log/search?like=PATTERN` gets the lines that match as a whole, in their order; without `like` it gets 400."""
    text = draw.choice([line.text for line in material.lines if line.is_whole])
    word = draw.choice([line.target for line in material.lines if len(line.target) > 6])[1:6]
    patterns = [text, f"*{word}*", f"*{word.upper()}*", f"{text[:9]}*", f"*{text[-9:]}", f"{text[:5]}*{text[-5:]}"]
    patterns += [
        f"*{text[4:9]}",
        f"{text[4:9]}*",
        text[:4] + "?" + text[5:],
        text[:-1],
        f"{text}?",
        text.swapcase(),
        " ",
        "",
        "*",
        "?" * 12,
        "**]?*",
    ]
    patterns += ["*.*", "*[0-9]*", f"*{text[-9:]}*?", "*HTTP/1.1* 200 *", "*\\*", "*(*;*)*", "*$", "*|*", "*+0?00*"]
    for pattern in patterns:
        answer = server.get(like(pattern))
        assert answer.status == 200
        assert answer.media_type == JSON
        assert answer.json == search(material.lines, pattern)
    assert Refusal(server.get("/log/search"), with_json=shows_errors(server, draw)) == 400


@searches
def test_search_for_special_characters(new_server_with: Callable[..., Server], draw: Draw) -> None:
    """`/log/search?like=PATTERN` gets the lines that match as a whole, in their order; without `like` it gets 400."""
    first, last = draw.word(4), draw.word(4)
    special = [
        *".^$+|\\()[]{}!-#&~%é日🙂\"'<>;=/",
        "[a-z]",
        "[!a]",
        "{2}",
        "\\d",
        "(x|y)",
        "a",
        "",
        "\\\\",
        "\x85",
        "\u2028",
    ]
    texts = [f"{first}{each}{last}" for each in special] + [f"{first}b{last}", f"{first.upper()}.{last}"]
    lines = [Line(other=text, is_whole=False) for text in texts]
    server = new_server_with({"access.log": written(lines, ("\n", "\r\n"))})
    for pattern in [
        *texts,
        f"{first}?{last}",
        f"*{first}*",
        f"{first}???{last}",
        f"{first}*[*{last}",
        f"{first}\\*",
        f"{first}\\?*",
    ]:
        answer = server.get(like(pattern))
        given(answer.status == 200, f"the search got {answer}")
        assert answer.json == search(lines, pattern)


slow = requirement(
    "1.6",
    explained_by=["1.1", "1.2", "1.5"],
    hints=[
        "How many ways does your expression have to read the same characters? It may try all of them.",
        "Two parts next to each other that can both match the same character make it slow: a.*b.*c, or (a|b)*.",
        "Let each part exclude what ends it: [^ ]+ and a blank. (?>...) and *+ never give back what they have matched.",
    ],
)


def get_of_a_large_log(server: Server, target: str) -> Answer:
    """Return the answer to a GET that must be 200, for which a program may have to read the log first."""
    with server.begin(target) as connection:
        answer = connection.read_answer(waits=READS_WITHIN)
    given(answer.status == 200, f"GET {target} got {answer}")
    return answer


@slow
def test_large_log(new_server_with: Callable[..., Server], draw: Draw) -> None:
    """A log of 20 MB is summed up in time, and a line of 1 MB does not slow anything down."""
    agent = f'"{draw.word(100)} {draw.word(80)}"'
    block = [usual(draw, referer='"-"', agent=agent) for _ in range(200)]
    data = written(block)
    times = LARGE // len(data) + 1
    server = new_server_with({"access.log": data * times}, within=STARTS_WITHIN)
    found = summary(block)
    wanted: dict[str, object] = {name: found[name] * times for name in ("lines", "broken", "bytes")}
    for name in ("status", "methods"):
        wanted[name] = {key: value * times for key, value in found[name].items()}
    answer = get_of_a_large_log(server, "/log/summary")
    assert answer.json == wanted


@slow
def test_long_lines(new_server_with: Callable[..., Server], draw: Draw) -> None:
    """A log of 20 MB is summed up in time, and a line of 1 MB does not slow anything down."""
    letter, quotes, backslashes = draw.choice("abc") * LONG, '"' * LONG, "\\" * LONG
    quoted, odd = {"referer": '"-"', "agent": '"-"'}, draw.choice([quotes, letter, "]" * LONG])
    parts = [
        {"host": letter},
        {"ident": letter},
        {"user": odd},
        {"target": f"/{letter}"},
        {"agent": f'"{backslashes}"'},
    ]
    whole = [usual(draw, **{**quoted, **part}) for part in parts]
    broken = [Line(other=text, is_whole=False) for text in (quotes, backslashes, letter, " " * LONG, "[" * LONG)]
    agents = (f'"{quotes}"', f'"{letter}', f'"{backslashes}\\"')  # the last two do not end
    broken += [usual(draw, is_whole=False, **{**quoted, "agent": agent}) for agent in agents]
    broken += [usual(draw, is_whole=False, **{**quoted, "referer": f'"{quotes}"'})]
    short, mark = [usual(draw) for _ in range(20)], draw.word(12)
    lines = [*short, usual(draw, target=f"/{mark}"), *whole, *broken]
    draw.shuffle(lines)
    server = new_server_with({"access.log": written(lines)}, within=STARTS_WITHIN)
    stars = f"*{letter[0]}" * 12
    patterns = [f"{stars}*!", f"{stars}*!*", f"*{'?*' * 40}!", f"*/*{mark}*1*"]
    answer = get_of_a_large_log(server, "/log/summary")
    assert answer.json == summary(lines)
    for pattern in patterns:
        answer = get_of_a_large_log(server, like(pattern))
        assert answer.json == search([line for line in lines if len(line.text) < LONG], pattern)
