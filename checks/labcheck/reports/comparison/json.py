"""A comparison of classes as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from labcheck.reports.formats import comparison

if TYPE_CHECKING:
    from labcheck.record.comparison import Comparison


@comparison("the comparison as JSON")
def render(found: Comparison) -> str:
    """Return the comparison (see Comparison.to_table)."""
    # In ASCII, so that a lone surrogate in a name does not cause an error.
    return json.dumps({"schema": 1, **found.to_table()}, indent=1) + "\n"
