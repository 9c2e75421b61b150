"""Programs that fulfill lab 2's spec, each written in a different way, get full marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, failed, not_passed
from labcheck.workbook.labs import load_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAB = load_lab("lab2")
RIGHT = sorted((TESTS / "lab2" / "right").glob("*/*.py"))


@pytest.mark.sample(7)
@pytest.mark.parametrize("program", RIGHT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_right_program_gets_full_marks(
    program: Path, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """A right program passes its whole step, no matter how it is written."""
    name = program.parent.name
    assert_full_marks(name, labcheck, with_program("lab2", name, program))


def test_no_error_inside_a_library(labcheck: Callable[..., Result], with_program: Callable[..., Path]) -> None:
    """If a library reads and writes in two threads, no client sends while a vanished one is still being read."""
    slow, server = TESTS / "lab2" / "slow_reads.py", TESTS / "lab2" / "right" / "chat_server" / "sync_queues.py"
    folder = with_program("lab2", "chat_server", slow.read_text("utf-8") + server.read_text("utf-8"))
    assert_full_marks("chat_server", labcheck, folder)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("place", "id"), [("async with connect", "2.1"), ("await websocket.send", "2.2")], ids=["connects", "sends"]
)
def test_client_may_take_its_time(
    place: str, id: str, labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """A client that waits for two seconds, and then goes on by itself, is not idle: it is in time."""
    source = (TESTS / "lab2" / "right" / "echo_client" / "connects_late.py").read_text("utf-8")
    before, found, after = source.partition(place)
    indent = before.rpartition("\n")[2]
    folder = with_program("lab2", "echo_client", f"{before}await asyncio.sleep(2)\n{indent}{found}{after}")
    record = labcheck("lab2", folder, "--only", id, "--json", "-").record
    assert record.all_passed, not_passed(record)


UNFINISHED = """\
import asyncio, contextlib, sys
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

clients = []

async def chat(client):
    clients.append(client)
    with contextlib.suppress(ConnectionClosed):
        async for message in client:
            name, comma, text = message.partition(",")
            for other in list(clients) if comma else ():
                if other is not client:
                    await other.send(f"{name}: {text}")

async def main():
    async with serve(chat, "127.0.0.1", int(sys.argv[1]), close_timeout=1) as server:
        await server.serve_forever()

with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(main())
"""


def test_unfinished_program_keeps_what_it_has_earned(
    labcheck: Callable[..., Result], with_program: Callable[..., Path]
) -> None:
    """Several checks that got no answer leave those alone that do not need them, such as the one of Ctrl+C."""
    record = labcheck("lab2", with_program("lab2", "chat_server", UNFINISHED), "--only", 3, "--json", "-").record
    assert failed(record) == ["3.1", "3.5"]
    assert {"3.2", "3.7", "3.8", "3.9", "3.11"}.isdisjoint(not_passed(record)), not_passed(record)


def assert_full_marks(name: str, labcheck: Callable[..., Result], folder: Path) -> None:
    """Check that one program of a submission passes its whole step."""
    step = next(step for step in LAB.steps if step.program == name)
    result = labcheck("lab2", folder, "--only", step.number, "--json", "-")
    missed = not_passed(result.record)
    assert {id: missed[id] for id in step.requirements if id in missed} == {}
    assert result.status == 0


def test_each_program_is_written_in_several_ways() -> None:
    """For each of the four programs there are at least four right programs."""
    written = [path.parent.name for path in RIGHT]
    assert all(written.count(spec.name) > 3 for spec in LAB.programs)


def test_solution_gets_full_marks(labcheck: Callable[..., Result]) -> None:
    """The reference solution passes."""
    result = labcheck("lab2", CHECKOUT / "solutions" / "lab2", "--json", "-")
    assert not_passed(result.record) == {}
    assert (result.record.score, result.record.max_score) == (33, 33)


@pytest.mark.sample(4)
@pytest.mark.parametrize("requirement", [id for step in LAB.steps for id in step.requirements[::3]])
def test_one_requirement_can_be_checked_alone(labcheck: Callable[..., Result], requirement: str) -> None:
    """`--only` checks one requirement, no matter which others would come before it."""
    result = labcheck("lab2", CHECKOUT / "solutions" / "lab2", "--only", requirement, "--json", "-")
    assert result.status == 0, not_passed(result.record)[requirement]
    assert result.record.selected == [requirement]


def test_seed_repeats_every_random_value(labcheck: Callable[..., Result]) -> None:
    """Two runs with the same seed type the same lines; another seed types different lines."""

    def typed(seed: int) -> list[str]:
        record = labcheck("lab2", LAB.solution, "--only", "2.2", "--seed", seed, "--json", "-").record
        found = next(each for each in record.requirements if each.id == "2.2")
        return [event["data"] for event in found.transcript if event["kind"] == "typed"]

    assert typed(7) == typed(7) != typed(8)
