"""The limits on the size of submissions: the guide for instructors names them."""

from __future__ import annotations

from conftest import CHECKOUT
from labcheck.submission.limits import CLASS, SUBMISSION
from labcheck.submission.names import MAX_PART, MAX_PATH

GUIDE = (CHECKOUT / "checks" / "README.md").read_text("utf-8")


def test_table_of_limits_is_right() -> None:
    """The guide's table has the limits that hold."""
    rows = [[cell.strip() for cell in line.split("|")[2:4]] for line in GUIDE.splitlines() if line.startswith("| ")]
    assert [f"{each.files:,}" for each in (SUBMISSION, CLASS)] in rows
    assert [f"{each.entries:,}" for each in (SUBMISSION, CLASS)] in rows
    assert [f"{each.bytes >> 20:,} MiB" for each in (SUBMISSION, CLASS)] in rows
    assert [f"{each.stream >> 20:,} MiB" for each in (SUBMISSION, CLASS)] in rows
    assert [f"{MAX_PART}, {MAX_PATH}", "longer ones are shortened"] in rows
