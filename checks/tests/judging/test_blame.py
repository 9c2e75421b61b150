"""Which failures of a check another requirement explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.author import author
from authoring.mini import SUITE
from labcheck.judging.judge import judge
from labcheck.judging.options import Options
from labcheck.record.record import Outcome
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from authoring.author import Author

__all__ = ["author"]

CHECK = '''\
@requirement("2.2", {explained}hints=["?", "!"])
def test_{name}(server: Server) -> None:
    """It answers as told."""
    assert server.get("/nowhere").status == {status}


'''
FIRST = '@requirement("2.1", needs=["1.2"], hints='


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [(404, 404, Outcome.PASSED), (404, 418, Outcome.NOT_RUN), (418, 404, Outcome.FAILED), (418, 418, Outcome.FAILED)],
)
def test_only_the_check_that_names_it_is_explained(author: Author, first: int, second: int, outcome: Outcome) -> None:
    """Of two checks of 2.2, only the second one is explained by 1.2, which fails."""
    author.change(
        f"{SUITE}/test_2_names.py",
        (
            FIRST,
            CHECK.format(name="first", explained="", status=first)
            + CHECK.format(name="second", explained='explained_by=["1.2"], ', status=second)
            + FIRST,
        ),
    )
    author.change("solutions/mini/greeter.py", ('"Hello!"', '"Bye!"'))
    record = judge(load_lab("mini"), author.root / "solutions" / "mini", Options(1)).record
    assert record.requirement("1.2").outcome is Outcome.FAILED
    assert record.requirement("2.2").outcome is outcome
