"""The score of servers that do nothing: nothing for a requirement that holds only because nothing works."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, not_passed
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STARTER = CHECKOUT / "labs" / "lab1" / "webserver.py"
SOLUTION = CHECKOUT / "solutions" / "lab1" / "webserver.py"
LIFE = {"1.1", "1.2", "1.3", "1.4"}  # starting and stopping needs no right answer

NOT_FOUND = TESTS / "lab1" / "nothing" / "not_found.py"


def refusing(code: int) -> str:
    """Return a server that answers every request, also one with an unknown method, with this status."""
    source = NOT_FOUND.read_text("utf-8").replace("404", str(code))
    return source.replace("do_HEAD =", "do_BREW = do_HEAD =")


EVERY_DATE = NOT_FOUND.read_text("utf-8").replace(
    "self.send_error(404)",
    """import html, urllib.parse
        shown = html.escape(urllib.parse.unquote(self.path.partition("?")[0]))
        body = " ".join([shown, *map(str, range(2200))]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)""",
)

# A server, the requirements that pass, and those that fail. All others are not run.
SCORES = {
    # It listens and serves each client in a thread (given), and http.server refuses what is not HTTP.
    "starter": (
        STARTER,
        {"1.1", "1.2", "1.4", "4.4", "4.5", "6.1", "6.2", "6.3"},
        {
            *("1.3", "2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.5", "3.6", "3.7", "4.1", "4.2"),
            "5.1",
        },
    ),
    "404 to everything": (NOT_FOUND, LIFE, {"2.1", "3.1"}),
    # 2.1 asks for a status and a type, not for a body.
    "empty pages": (TESTS / "lab1" / "nothing" / "empty_pages.py", LIFE | {"2.1"}, {"2.2", "3.1", "3.2"}),
    **{f"{code} to everything": (refusing(code), LIFE, {"2.1", "3.1"}) for code in (400, 405, 501)},
    # It has the right page, and no files; but a page of all numbers names no date.
    "all days and years": (
        EVERY_DATE,
        LIFE | {"2.1", "2.2", "2.4", "2.5", "3.6", "3.7", "4.4", "4.5", "6.1"},
        {"2.3", "3.1", "3.2", "4.1", "5.1"},
    ),
    "accepts and closes": (TESTS / "lab1" / "hostile" / "closes_at_once.py", {"1.1", "1.2"}, {"2.1"}),
    "accepts and says nothing": (TESTS / "lab1" / "hostile" / "accepts_never_answers.py", {"1.1", "1.2"}, {"2.1"}),
}


@pytest.mark.sample(4)
@pytest.mark.parametrize(("program", "passed", "failed"), SCORES.values(), ids=SCORES)
def test_server_earns_only_what_works(
    program: Path | str, passed: set[str], failed: set[str],
    labcheck: Callable[..., Result], submission: Callable[..., Path],
) -> None:  # fmt: skip
    """A requirement that holds only because nothing works is not run, and the reason names one that fails."""
    record = labcheck("lab1", submission(program), "--json", "-").record
    assert {each.id for each in record.of(Outcome.PASSED)} == passed, not_passed(record)
    assert {each.id for each in record.of(Outcome.FAILED)} == failed, not_passed(record)
    needed = {
        re.sub(r"needs (\S+), which .*|.*never answers", r"\1", each.reason) for each in record.of(Outcome.NOT_RUN)
    }
    assert needed <= failed | {""}


def test_few_requests_are_enough(
    labcheck: Callable[..., Result], submission: Callable[..., Path], tmp_path: Path
) -> None:
    """A server that takes 0.3 s for each answer gets through all checks in the time limit of 60 s."""
    counted = tmp_path / "counted"
    source = SOLUTION.read_text("utf-8").replace(
        "        path = self.path.partition",
        f"        open({str(counted)!r}, 'a').write('x')\n        path = self.path.partition",
    )
    record = labcheck("lab1", submission(source), "--json", "-").record
    assert not_passed(record) == {}
    assert 100 < counted.stat().st_size < 160  # other requests and the start of the programs take time as well


@pytest.mark.everything
def test_slow_server_gets_full_marks(labcheck: Callable[..., Result], submission: Callable[..., Path]) -> None:
    """A server that takes 0.3 s for each answer passes."""
    source = SOLUTION.read_text("utf-8").replace(
        "    def do_GET(self)",
        "    def parse_request(self):\n        time.sleep(0.3)\n"
        "        return super().parse_request()\n\n    def do_GET(self)",
    )
    assert not_passed(labcheck("lab1", submission(source), "--json", "-").record) == {}
