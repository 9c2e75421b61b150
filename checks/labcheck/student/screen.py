"""What a watch shows: on a terminal a screen that is redrawn, elsewhere one report after the other."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from labcheck.reports import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.segment import Segment

    from labcheck.record.record import Record
    from labcheck.reports.terminal import Occasion

BAR = 24  # columns
LEAST_BAR = 8
MOST_KEYS = 2  # rows


@dataclass(frozen=True)
class Scene:
    """What is to be seen: a text, how many of the requirements pass, what is going on, and the keys.

    `text` returns its parts for a number of columns; another text is `about` something else. `keys` are pairs of a key
    and its meaning.
    """

    about: object
    text: Callable[[int], Iterable[RenderableType]]
    passed: int
    of: int
    status: str
    keys: Sequence[tuple[str, str]]


class Display:
    """A stream on which nothing can be redrawn: it gets the report of each complete run."""

    takes_keys = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def draw(self, scene: Scene) -> None:
        """Show a scene."""

    def scroll(self, key: str) -> None:
        """Move the text; `key` is `up`, `down`, `page up` or `page down`."""

    def fit(self) -> None:
        """Draw again if the terminal has another size."""

    def redraw(self) -> None:
        """Draw again: something else may have written to the terminal."""

    def finish(self, record: Record, occasion: Occasion) -> None:
        """Show the result of a complete run."""
        terminal.write(record, None, occasion)
        sys.stdout.write("\n")
        sys.stdout.flush()


class Screen(Display):
    """The terminal's second screen: what was on the first one is back at the end."""

    takes_keys = True

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(highlight=False)
        self._live = Live(console=self._console, screen=True, auto_refresh=False)
        self._scene: Scene | None = None
        self._top = 0  # the first line of the text that is shown
        self._rows = 0  # lines of the text that fit on the screen
        self._size = self._console.size

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def draw(self, scene: Scene) -> None:
        """Draw a scene, from the beginning of its text unless it is the text that is shown already."""
        if self._scene is None or self._scene.about != scene.about:
            self._top = 0
        self._scene = scene
        self._refresh()

    def scroll(self, key: str) -> None:
        """Move the text; `key` is `up`, `down`, `page up` or `page down`."""
        page = max(1, self._rows - 1)
        self._top = max(0, self._top + {"up": -1, "down": 1, "page up": -page, "page down": page}[key])
        self._refresh()

    def fit(self) -> None:
        """Draw again if the terminal has another size."""
        if self._console.size != self._size:
            self._refresh()

    def redraw(self) -> None:
        """Draw again: something else may have written to the terminal."""
        self._console.clear()
        self._refresh()

    def finish(self, record: Record, occasion: Occasion) -> None:
        """Do nothing: scenes show all results."""

    def _refresh(self) -> None:
        self._size = self._console.size
        self._live.update(self, refresh=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the scene: the text, as much as fits, above a bar and the keys."""
        from rich.segment import Segment

        scene = self._scene
        if scene is None:
            return
        width, height = options.max_width, options.size.height

        def rows(*parts: RenderableType) -> list[list[Segment]]:
            natural = options.update(height=None)
            return [row for each in parts for row in console.render_lines(each, natural, pad=False)]

        below = [*rows(_bar(scene, width)), *rows(_keys(scene))[:MOST_KEYS]][-height:]
        text = rows(*scene.text(width))
        self._rows = max(0, height - len(below) - 1)
        self._top = max(0, min(self._top, len(text) - self._rows))
        shown = text[self._top : self._top + self._rows]
        if left := len(text) - self._top - len(shown):
            more = f"… {left + 1} more lines: space, or the arrow keys"[:width]
            shown[-1:] = [[Segment(more)]]
        shown += [[] for _ in range(height - len(below) - len(shown))]
        for number, row in enumerate([*shown, *below]):
            yield from [Segment.line()] if number else []
            yield from row


def _bar(scene: Scene, width: int) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    columns = min(BAR, max(LEAST_BAR, width // 4))
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(scene.of, scene.passed, columns, complete_style="cyan", finished_style="cyan")
    row.add_row(bar, Text(scene.status, overflow="ellipsis", no_wrap=True))
    return row


def _keys(scene: Scene) -> RenderableType:
    from rich.text import Text

    return Text(" · ").join(Text.assemble((key, "bold"), f" {meaning}") for key, meaning in scene.keys)
