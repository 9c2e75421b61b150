"""The log of the program under test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.suites.lab5.log import Line, usual, written

if TYPE_CHECKING:
    from pathlib import Path

    from labcheck.suite import Draw

MANY = 260  # lines with random paths
OFTEN = 25  # paths that are asked for more than once


@dataclass(frozen=True)
class Material:
    """The lines of access.log; `probe` is a path that the program serves."""

    lines: list[Line]
    probe: str = "/log/summary"


def prepare(work: Path, draw: Draw) -> Material:
    """Put a random log into access.log: whole lines of simple forms, lines that are clearly broken, and empty ones."""
    quiet = draw.sample(range(24), 3)
    lines = [_line(draw, target, quiet) for target in _targets(draw)]
    lines += [Line(other=draw.word(12), is_whole=False, why="it is no line of such a log") for _ in range(6)]
    for end in (" [", ' "', " 200"):  # the last ones have a time and a path, but broken lines do not count
        line = usual(draw, status="200")
        lines += [Line(other=line.text.partition(end)[0], is_whole=False, why="it breaks off") for _ in range(9)]
    lines += [Line(other="", is_whole=False, why="it is empty") for _ in range(5)]
    draw.shuffle(lines)
    lines.append(_line(draw, "/", quiet))  # whole: if an empty line came last, it would look like the end of the log
    (work / "access.log").write_bytes(written(lines, ("\n", "\r\n", "\n"), last=draw.choice(["\n", "\r\n"])))
    return Material(lines)


def _line(draw: Draw, target: str, quiet: list[int]) -> Line:
    """Return a random line for a target that is not of one of the quiet hours, in UTC."""
    while (line := usual(draw, target=target)).hour in quiet:
        pass
    return line


def _targets(draw: Draw) -> list[str]:
    """Return targets: some paths often, most of them once or twice, so that many have as many hits as others."""
    word = draw.word
    often = ["/", f"/{word(5)}/", f"/{word(6)}%20{word(3)}", f"/{word(4)}%C3%A9", f"//{word(5)}/{word(4)}", "*"]
    often += [f"/{word(5)}#{word(3)}", f"/{word(5)};{word(3)}=1"]
    often += [f"/{word(6)}" for _ in range(OFTEN - len(often))]
    often += [often[-1].upper(), f"{often[-2]}/", f"{often[-3]}%2F"]
    found = [path for path in often for _ in range(draw.randrange(2, 9))]
    rare = [f"/{word(draw.randrange(2, 9))}" for _ in range(MANY)]
    found += [path.title() if draw.random() < 0.4 else path for path in rare]
    return [f"{path}{_query(draw)}" if path != "*" else path for path in found]


def _query(draw: Draw) -> str:
    return draw.choice(["", "", "", "?", f"?{draw.word(3)}={draw.word(4)}", f"?a={draw.word(3)}/?b=%20"])
