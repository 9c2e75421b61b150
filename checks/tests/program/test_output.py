"""Searching a program's output, no matter in which pieces it arrives."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from labcheck.program.output import TRACEBACK, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROMPT = "Say something: "
LINE = "From server: hello"

LINES = {
    "a line": (f"{LINE}\n", 1),
    "twice": (f"{LINE}\n{LINE}\n", 2),
    "after the prompt": (f"{PROMPT}{LINE}\n", 1),
    "a prompt before its end": (f"x\n{LINE}{PROMPT}\n", 1),
    "the line end of Windows": (f"{LINE}\r\n", 1),
    "blanks behind": (f"{LINE}  \n", 1),
    "a terminal's way to begin a line": (f"{PROMPT}\r\x1b[K{LINE}\n", 1),
    "the last line, without an end": (f"x\n{LINE}", 1),
    "more in front": (f"INFO {LINE}\n", 0),
    "more behind": (f"{LINE}!\n", 0),
    "no line end, and a prompt": (f"{LINE}{PROMPT}x\n", 0),
    "in the middle of a line": (f"x {LINE} x\n", 0),
}


@pytest.fixture
def printing() -> Iterator[Callable[..., Output]]:
    """Return the output of a program that prints pieces of text."""
    opened = []

    def make(*pieces: str, typed: bool = False) -> Output:
        reading, writing = os.pipe()
        pipe = os.fdopen(reading, "rb", buffering=0)
        opened.append(pipe)
        output = Output(pipe, (), prompts=[PROMPT])
        output.expect_line(LINE)
        for piece in pieces:
            os.write(writing, piece.encode())
            while not output.is_drained() or output.total < len("".join(pieces[: pieces.index(piece) + 1])):
                pass
            if typed:
                output.begin_line()
        os.close(writing)
        output.finish(10)
        return output

    yield make
    for pipe in opened:
        pipe.close()


@pytest.mark.parametrize("case", LINES)
def test_only_whole_lines_are_counted(case: str, printing: Callable[..., Output]) -> None:
    """A line counts if nothing but a prompt is next to it, whether it arrives at once or letter by letter."""
    text, count = LINES[case]
    assert printing(text).lines(LINE) == count
    assert printing(text[:9], text[9:]).lines(LINE) == count
    assert printing(text[:-1], text[-1:]).lines(LINE) == count


def test_enter_of_the_user_ends_the_line_of_an_unknown_prompt(printing: Callable[..., Output]) -> None:
    """What a program prints after its user has typed begins a line, as on a terminal."""
    assert printing("Well? ", f"{LINE}\n").lines(LINE) == 0
    assert printing("Well? ", f"{LINE}\n", typed=True).lines(LINE) == 1


def test_prompts_are_counted_across_pieces(printing: Callable[..., Output]) -> None:
    """A prompt counts every time it is printed, even if it arrives in two pieces."""
    assert printing(f"{PROMPT}x\n{PROMPT}", PROMPT[:5], PROMPT[5:]).count(PROMPT) == 3


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (f"{TRACEBACK} (most recent call last):\n", True),
        (f"it failed\n{TRACEBACK} (most recent call last):\n", True),
        (f"DEBUG:websockets.server:! no handshake\n{TRACEBACK} (most recent call last):\n", False),
        (f"no {TRACEBACK} here\n", False),
    ],
)
def test_traceback_in_a_debug_log_does_not_count(text: str, seen: bool, printing: Callable[..., Output]) -> None:
    """A traceback begins a line; one in a library's debug log was caught."""
    assert printing(text).has(TRACEBACK) is seen
    assert printing(text[:7], text[7:]).has(TRACEBACK) is seen


@pytest.mark.skipif(os.name != "posix", reason="needs pipes that can be read without blocking")
def test_catching_up_reads_everything() -> None:
    """After catching up nothing is missing, even if the pipe stays open and the reading thread is late."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        output = Output(pipe, ())
        for _ in range(500):
            before = output.total
            os.write(writing, b"the last words")
            output.catch_up()
            assert output.total == before + len("the last words")
        os.close(writing)
        output.finish(10)
