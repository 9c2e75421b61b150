"""What was expected and what was received, as HTML in which the first difference is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labcheck.record.difference import cut
from labcheck.reports.wording import block

if TYPE_CHECKING:
    from labcheck.record.record import RequirementResult

ROOM = 80  # columns, which fit beside the names
PIECE = Markup("<code>{}<mark>{}</mark>{}</code>")


def value(requirement: RequirementResult, name: str, limit: int | None = None) -> Markup:
    """Return `expected` or `received` of a requirement; a text without a marked difference in up to `limit` characters.

    Where a text ends too early, the mark is a blank.
    """
    difference = requirement.difference
    piece = getattr(difference, name, None)
    if difference is None or piece is None:
        text = block(getattr(requirement, name), limit)
        return Markup("<code>{}</code>" if "\n" in text else "{}").format(text)
    expected, received = cut(difference, ROOM)
    shown = received if name == "received" or expected is None else expected
    lines = [block(piece.title), PIECE.format(shown.before, shown.mark or " ", shown.after)]
    if name == "received":
        lines.append(difference.where)
    return Markup("\n").join(line for line in lines if line)
