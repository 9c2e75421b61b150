"""The solution of fetch.py does what the public HTTP cache tests ask of a private cache.

The names are those of the cases in https://github.com/http-tests/cache-tests that lie within the lab's spec. The
others are about what the lab leaves open: shared caches, `Age` and `Expires`, heuristic freshness, `Vary`, ranges,
fields of requests, methods that change something, and what a 304 changes in a kept answer.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from conftest import CHECKOUT
from labcheck.program.ports import Port
from labcheck.protocols.http_client.peer import Page, Peer
from labcheck.protocols.http_client.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STALE_AFTER = 2.1  # seconds; `max-age=1` is over then, in whole seconds too


class Case(NamedTuple):
    """What the first answer says, and what the next run does.

    `asks`: it sends a request. `condition`: with this value of If-None-Match, to which the answer is 304. `later`: only
    after the answer has become stale.
    """

    control: str
    tag: str = ""
    asks: bool = True
    condition: str = ""
    later: bool = False
    status: int = 200


CASES = {
    "freshness-none": Case(""),
    "freshness-max-age": Case("max-age=3600", asks=False),
    "freshness-max-age-stale": Case("max-age=1", later=True),
    "freshness-max-age-0": Case("max-age=0"),
    "freshness-max-age-max": Case("max-age=2147483648", asks=False),
    "freshness-max-age-max-plus": Case("max-age=99999999999", asks=False),
    "freshness-max-age-extension": Case("foobar, max-age=3600", asks=False),
    "freshness-max-age-case-insenstive": Case("MaX-aGe=3600", asks=False),
    "freshness-max-age-ignore-quoted": Case('extension="max-age=3600", max-age=1', later=True),
    "freshness-max-age-ignore-quoted-rev": Case('max-age=1, extension="max-age=3600"', later=True),
    "freshness-max-age-leading-zero": Case("max-age=003600", asks=False),
    "cc-resp-private-private": Case("private, max-age=3600", asks=False),
    "cc-resp-no-store": Case("no-store", '"abcd"'),
    "cc-resp-no-store-case-insensitive": Case("No-StOrE", '"abcd"'),
    "cc-resp-no-store-fresh": Case("max-age=10000, no-store", '"abcd"'),
    "cc-resp-no-cache": Case("max-age=10000, no-cache"),
    "cc-resp-no-cache-case-insensitive": Case("max-age=10000, No-CaChE"),
    "cc-resp-no-cache-revalidate": Case("no-cache", '"abcd"', condition='"abcd"'),
    "cc-resp-no-cache-revalidate-fresh": Case("max-age=10000, no-cache", '"abcd"', condition='"abcd"'),
    "cc-resp-must-revalidate-fresh": Case("max-age=10000, must-revalidate", '"abcd"', asks=False),
    "cc-resp-must-revalidate-stale": Case("max-age=1, must-revalidate", '"abcd"', condition='"abcd"', later=True),
    "conditional-etag-strong-generate": Case("max-age=1", '"abcdef"', condition='"abcdef"', later=True),
    "conditional-etag-weak-generate-weak": Case("max-age=1", 'W/"abcdef"', condition='W/"abcdef"', later=True),
    "status-404-stale": Case("max-age=1", later=True, status=404),
    "status-503-stale": Case("max-age=1", later=True, status=503),
}


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A server on a free port."""
    port = Port()
    server = Peer(port.number)
    yield server
    server.close()
    port.release()


def fetch(page: Page, folder: Path) -> bytes:
    """Run the solution, and return what it has printed."""
    command = [sys.executable, "fetch.py", page.url]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


@pytest.mark.sample(10)
@pytest.mark.parametrize("name", CASES)
def test_cache_case(name: str, peer: Peer, tmp_path: Path) -> None:
    """The second run asks or not, with the tag or not, and prints the right body."""
    case = CASES[name]
    shutil.copy(CHECKOUT / "solutions" / "lab4" / "fetch.py", tmp_path)
    fields = {"Cache-Control": case.control, "ETag": case.tag}
    page = Page(
        f"http://127.0.0.1:{peer.port}/page",
        Reply(b"old", case.status, {name: value for name, value in fields.items() if value}),
    )
    peer.add(page)
    began = time.monotonic()
    assert fetch(page, tmp_path) == (b"old" if case.status == 200 else b"")
    page.reply = Reply(status=304) if case.condition else Reply(b"new")
    if case.later:
        time.sleep(max(0.0, began + STALE_AFTER - time.monotonic()))
    assert fetch(page, tmp_path) == (b"new" if case.asks and not case.condition else b"old")
    assert page.requests.number == 1 + case.asks
    assert page.request.field("If-None-Match") == case.condition
