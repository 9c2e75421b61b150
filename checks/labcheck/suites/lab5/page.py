"""A page as a browser sees it: the rows of its tables, with the text of their cells."""

from __future__ import annotations

from html.parser import HTMLParser


class Rows(HTMLParser):
    """Collects the rows of all tables in a page; `rows` are the texts of their cells, with white space collapsed.

    `stray` is the number of rows outside of a table: there, a browser drops the tag.
    """

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.stray = 0
        self._tables = 0  # one in the other, here
        self._cell: list[str] | None = None
        self.feed(source)
        self.close()
        self._end_cell()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell; the end tags of both may be left out."""
        del attrs
        if tag in ("tr", "td", "th"):
            self._end_cell()
        self._tables += tag == "table"
        if tag == "tr" and self._tables:
            self.rows.append([])
        elif tag == "tr":
            self.stray += 1
        elif tag in ("td", "th") and self.rows and self._tables:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        if tag in ("tr", "td", "th", "table", "tbody", "thead"):
            self._end_cell()
        self._tables -= tag == "table" and self._tables > 0

    def handle_data(self, data: str) -> None:
        """Add text to the cell."""
        if self._cell is not None:
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is not None:
            self.rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None
