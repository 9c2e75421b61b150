"""A transcript as a sequence diagram in SVG: a lane for each client and one for the program; time flows down.

Each arrow is a link to its event in a list, and its title says the same in words. The colors come from the page around
it, so that a picture fits light and dark pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from markupsafe import Markup

from labcheck.record.text import printable
from labcheck.reports.lanes import Lanes
from labcheck.reports.window import MOST_BEFORE, Folded, window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.reports.lanes import Row

HEADER = 26  # height of the names
MARGIN = 6  # above the first row and below the last one
MARKS = {"decided": "this decided", "right": "this is right"}  # and what they mean
GAP = 0.1  # seconds without an event, from which on they are shown

STYLE = Markup("""\
.picture { --picture-paper: var(--paper, var(--jp-layout-color0, Canvas)); --picture-dim: var(--dim, currentColor);
  --picture-accent: var(--failed, var(--jp-error-color1, #d9463d));
  overflow: auto; max-height: 46rem; border: 1px solid var(--line, currentColor); border-radius: .3rem; }
.picture svg { display: block; font: 12px ui-monospace, monospace; fill: currentColor; }
.picture .names { position: sticky; top: 0; background: var(--picture-paper); }
.picture .name { font: 600 13px system-ui, sans-serif; text-anchor: middle; }
.picture .lane { stroke: var(--picture-dim); stroke-dasharray: 2 3; }
.picture .wire { stroke: currentColor; stroke-width: 1.5; }
.picture .dashed { stroke-dasharray: 5 4; }
.picture text { white-space: pre; stroke: var(--picture-paper); stroke-width: 4px; stroke-linejoin: round;
  paint-order: stroke; }
.picture .dim { fill: var(--picture-dim); font-size: 11px; }
.picture .end { text-anchor: end; }
.picture .middle { text-anchor: middle; }
.picture .box { fill: var(--picture-paper); stroke: var(--picture-dim); }
.picture .band { fill: none; pointer-events: all; }
.picture a { color: inherit; text-decoration: none; }
.picture a:focus-visible { outline: none; }
.picture a:is(:hover, :focus-visible, :target) .band { fill: currentColor; fill-opacity: .1; }
.picture a:is(:focus-visible, :target) .band { stroke: currentColor; }
.picture .decided { color: var(--picture-accent); }
.picture .right { color: var(--met, var(--jp-success-color1, #2a9d5c)); }
.picture :is(.decided, .right) .band { fill: currentColor; fill-opacity: .08; }
.picture :is(.decided, .right) :is(.wire, .box) { stroke: currentColor; stroke-width: 2.5; }
.picture :is(.decided, .right) text { fill: currentColor; }
@media print {
  .picture { overflow: visible; max-height: none; }
  .picture .names { position: static; }
  .picture svg { max-width: 100%; height: auto; }
}
""")


class Picture(NamedTuple):
    """Two SVG elements of the same width: the `names` of the lanes, and the `body` below them.

    `words` says what it is, `lines` what it shows: a line for each event that is drawn, and for those that are counted.
    `places` are those of the events that are drawn.
    """

    width: float
    height: int
    names: Markup
    body: Markup
    words: str
    lines: list[str]
    places: list[int]

    def html(self) -> Markup:
        """Return it as HTML that scrolls if there is no room for it, while the names of the lanes stay in view."""
        # It can be scrolled with the keyboard. It is no landmark: there may be dozens of pictures on a page.
        return Markup('<div class="picture" role="group" tabindex="0" aria-label="{}">\n{}\n{}\n</div>').format(
            self.words, self.names, self.body
        )

    def svg(self) -> Markup:
        """Return it as one SVG element with its own style."""
        below = Markup('<g transform="translate(0 {})">{}</g>').format(HEADER, self.body)
        inside = Markup("<style>{}</style>{}{}").format(STYLE, self.names, below)
        alone = Markup(' class="picture" xmlns="http://www.w3.org/2000/svg"')
        return _svg(self.width, HEADER + self.height, inside, alone)


def draw(
    events: Sequence[dict[str, Any]],
    decided: int | None = None,
    *,
    program: str = "your program",
    prefix: str | None = None,
    is_client: bool | None = None,
    most_before: int = MOST_BEFORE,
    mark: Literal["decided", "right"] = "decided",
) -> Picture:
    """Return the picture of a transcript.

    `decided` is the place of the event with the `mark`, `program` the name of the student's program. With a `prefix`,
    the event in place 7 has the id `d7` after this prefix, and is a link to `e7`. `is_client`: the program is a client;
    None: the events tell. `most_before` events are shown before the one with the mark, or before the last one.
    """
    shown = window(events, decided, most_before)
    lanes = Lanes(events, shown, printable(program), is_client)
    drawn, y = Markup(""), MARGIN
    lines = []
    before = None
    for place in shown.rows:
        first, last = (place.first, place.end - 1) if isinstance(place, Folded) else (place, place)
        waited = 0.0 if before is None else events[first]["at"] - events[before]["at"]
        if waited - events[first].get("seconds", 0.0) >= GAP:
            row = lanes.gap(waited)
            drawn += Markup('<g transform="translate(0 {})">{}</g>\n').format(y, row.shown)
            y += row.height
        row = lanes.folded(place) if isinstance(place, Folded) else lanes.row(events[place])
        words = row.words if isinstance(place, Folded) else f"{events[place]['at']:.3f} s: {row.words}"
        lines.append(f"{words}; {MARKS[mark]}" if place == decided else words)
        inside = Markup('<title>{}</title><rect class="band" x="1" width="{:g}" height="{}"/>{}').format(
            lines[-1], lanes.width - 2, row.height, row.shown
        )
        if not isinstance(place, Folded):
            inside += _note(56, row, f"{events[place]['at']:.3f} s", "dim end")
        kind = Markup("")
        if place == decided:
            kind = Markup(' class="{}"').format(mark)
            inside += _note(lanes.right + 14, row, mark, "dim")
        if prefix is not None:
            kind += Markup(' href="#{}e{}"').format(prefix, first)
            kind += Markup("") if isinstance(place, Folded) else Markup(' id="{}d{}"').format(prefix, place)
        tag = Markup("g" if prefix is None else "a")
        drawn += Markup('<{0}{1} transform="translate(0 {2})">{3}</{0}>\n').format(tag, kind, y, inside)
        y += row.height
        before = last
    height = y + MARGIN
    count, every = len(shown.places), len(events)
    words = f"Sequence diagram of {f'{count} of {every:,}' if count < every else count} event{'s' * (every != 1)}"
    words = f"{words}: {', '.join(lanes.names)}"
    body = _svg(lanes.width, height, lanes.lines(height) + drawn, Markup(' role="group" aria-label="{}"').format(words))
    names = _svg(lanes.width, HEADER, lanes.header(), Markup(' class="names" aria-hidden="true"'))
    return Picture(lanes.width, height, names, body, words, lines, shown.places)


def _note(x: float, row: Row, text: str, kind: str) -> Markup:
    """Return a small text beside the last line of a row."""
    return Markup('<text class="{}" x="{:g}" y="{}">{}</text>').format(kind, x, row.height - 8, text)


def _svg(width: float, height: int, inside: Markup, more: Markup) -> Markup:
    size = Markup('width="{0:g}" height="{1}" viewBox="0 0 {0:g} {1}"').format(width, height)
    return Markup("<svg {}{}>{}</svg>").format(size, more, inside)
