"""Programs that do little or nothing earn what they really do: what holds only because nothing works is not run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, Result
from labcheck.record.record import Outcome
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAB = load_lab("lab2")
SERVER = """\
import asyncio, sys
from websockets.asyncio.server import serve

async def handle(client):
    {handle}

async def main():
    async with serve(handle, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
"""
CLIENT = """\
import asyncio, sys
from websockets.asyncio.client import connect

async def main():
    async with connect(f"ws://localhost:{sys.argv[1]}/"):
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""
SILENT, CLOSES = SERVER.format(handle="await client.wait_closed()"), SERVER.format(handle="pass")
EACH = "async for message in client:\n        "
SAYS_THE_SAME = SERVER.format(handle=EACH + 'await client.send("ECHO! hello")')
NO_PREFIX = SERVER.format(handle=EACH + "await client.send(message)")
ERRORS = SERVER.format(handle=EACH + 'await client.send("ERROR: no comma")')
TO_ITS_SENDER = SERVER.format(handle=EACH + 'await client.send(message.replace(",", " says: ", 1))')
PROMPTS = """\
import sys
name = {name}
print("{prompt}", end="", flush=True)
for line in sys.stdin:
    print(f"To server: {{line.strip()}}\\nFrom server: ECHO! {{line.strip()}}")
    print("{prompt}", end="", flush=True)
sys.exit({status})
"""
LITTLE = {  # the program, its source, and what it passes
    "echo server that never answers": ("echo_server", SILENT, {"1.1"}),
    "echo server that hangs up": ("echo_server", CLOSES, {"1.1"}),
    "echo server that says the same to all": ("echo_server", SAYS_THE_SAME, {"1.1", "1.6", "1.7", "1.9", "1.10"}),
    "echo server without the prefix": ("echo_server", NO_PREFIX, {f"1.{number}" for number in (1, 3, *range(5, 11))}),
    "echo client that makes up its answers": (
        "echo_client",
        PROMPTS.format(name="None", prompt="Enter some data: ", status=0),
        set(),
    ),
    "chat server that answers everything with an error": ("chat_server", ERRORS, set()),
    "chat server that answers the sender": ("chat_server", TO_ITS_SENDER, set()),
    "chat client without a server": (
        "chat_client",
        PROMPTS.format(name="input('Enter Your Name: ')", prompt="Your Message: ", status=1),
        set(),
    ),
    "echo client that only reads": ("echo_client", "import sys; sys.stdin.read()", set()),
    "echo client that only connects": ("echo_client", CLIENT, {"2.1"}),
    "chat server that never answers": ("chat_server", SILENT, set()),
    "chat server that hangs up": ("chat_server", CLOSES, set()),
    "chat client that only reads": ("chat_client", "import sys; sys.stdin.read()", set()),
    "chat client that only connects": ("chat_client", CLIENT, set()),
}


def passed(result: Result) -> set[str]:
    """Return the ids of the requirements that passed."""
    return {each.id for each in result.record.of(Outcome.PASSED)}


@pytest.mark.sample(6)
@pytest.mark.parametrize("case", LITTLE)
def test_program_that_does_little_earns_little(
    case: str, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """Most checks need an exchange that works; a program without one, or one that makes it up, passes none of them."""
    program, source, wanted = LITTLE[case]
    step = next(step for step in LAB.steps if step.program == program)
    result = labcheck("lab2", with_program("lab2", program, source), "--only", step.number, "--json", "-")
    assert passed(result) == wanted


def test_starter_earns_what_it_does(labcheck: Callable[..., Result]) -> None:
    """The starter answers and relays; everything else is for the student to do."""
    result = labcheck("lab2", CHECKOUT / "labs" / "lab2", "--json", "-")
    assert passed(result) == {"1.1", "1.2", "1.3", "1.5", "1.7", "1.9", "2.1", "3.1", "3.7", "3.8"}
