"""Programs that do little earn what they really do: what holds only because nothing works is not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, Result
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD = """\
import asyncio, json, sys
from websockets.asyncio.server import serve

"""
TAIL = """

async def main():
    async with serve(talk, "127.0.0.1", int(sys.argv[1]), process_request=process, close_timeout=1):
        await asyncio.Event().wait()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
"""
SILENT = "process = None\n\nasync def talk(client):\n    await client.wait_closed()"
NOT_FOUND = "def process(client, request):\n    return client.respond(404, 'no')\n\nasync def talk(client):\n    pass"
SAYS_THE_SAME = """\
process = None

async def talk(client):
    async for message in client:
        await client.send('{"symbol": "ACME", "price": "12.30", "version": 1}')
"""
ONLY_ERRORS = """\
process = None

async def talk(client):
    async for message in client:
        await client.send('{"error": "no"}')
"""
ONLY_PUBLISHES = """\
versions = {}

def process(client, request):
    return None if request.path == "/publish" else client.respond(404, "no")

async def talk(client):
    async for message in client:
        quote = json.loads(message)
        versions[quote["symbol"]] = versions.get(quote["symbol"], 0) + 1
        await client.send(json.dumps(quote | {"version": versions[quote["symbol"]]}))
"""
LITTLE = {
    "accepts, and is silent": (SILENT, {"1.1"}),
    "answers 404 to everything": (NOT_FOUND, set()),
    "says the same to all": (SAYS_THE_SAME, {"1.1"}),
    "answers everything with an error": (ONLY_ERRORS, {"1.1"}),
    "only publishes": (ONLY_PUBLISHES, {"1.1", "1.2", "1.4", "1.5", "4.5"}),
}


def passed(result: Result) -> set[str]:
    """Return the ids of the requirements that passed."""
    return {each.id for each in result.record.of(Outcome.PASSED)}


@pytest.mark.sample(2)
@pytest.mark.parametrize("case", LITTLE)
def test_program_that_does_little_earns_little(
    case: str, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """Most checks need an exchange that works; a program without one, or one that makes it up, passes none of them."""
    source, wanted = LITTLE[case]
    result = labcheck("lab3", with_program("lab3", "ticker", HEAD + source + TAIL), "--json", "-")
    assert passed(result) == wanted


def test_starter_earns_what_it_does(labcheck: Callable[..., Result]) -> None:
    """The starter publishes and polls; everything else is for the student to do."""
    result = labcheck("lab3", CHECKOUT / "labs" / "lab3", "--json", "-")
    assert passed(result) == {"1.1", "1.2", "1.4", "2.1", "2.2", "2.5", "3.1"}
