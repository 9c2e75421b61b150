"""Libraries that misbehave get a verdict in bounded time and memory, and leave nothing behind."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, Result, failed, not_passed
from labcheck.record.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("nothing_is_left")
HOSTILE = TESTS / "lab5" / "hostile"
SOLUTION = CHECKOUT / "solutions" / "lab5" / "library.py"

# Each program is the solution with one misbehaviour: the requirement that fails, and words of what the report says.
FAILS = {
    "billion_laughs": ("3.1", "XML that declares entities"),
    "deep_json": ("1.1", "JSON that is nested too deeply"),
    "deep_xml": ("3.1", "no book"),
    "empties_its_log": ("1.1", '"lines": 0'),
    "endless_search": ("1.5", "the answer does not end"),
    "external_entity": ("3.1", "XML that declares entities"),
    "feed_leads_elsewhere": ("4.2", "an entry should have a link to"),
    "huge_number": ("1.1", "not JSON"),
    "huge_xml": ("2.1", "the answer does not end"),
    "keeps_memory": ("2.5", "bytes more"),
    "many_elements": ("3.1", "XML with more than 100,000 elements"),
    "not_a_link": ("4.2", "an entry should have a link to"),
    "unknown_encoding": ("3.1", "XML that cannot be decoded"),
}
WITHIN = 30  # seconds for all of a run, on a machine that is busy with other tests


@pytest.fixture
def hostile(with_program: Callable[..., Path]) -> Callable[[str], Path]:
    """Make a folder with the solution as good.py, and a hostile program that uses it."""

    def make(source: str) -> Path:
        folder = with_program("lab5", "library", source)
        shutil.copy(SOLUTION, folder / "good.py")
        return folder

    return make


def source_of(name: str) -> str:
    """Return the text of a hostile program."""
    return (HOSTILE / f"{name}.py").read_text("utf-8")


def test_every_hostile_program_has_its_verdict() -> None:
    """Each program in the folder is in the table or has a test of its own."""
    assert {path.stem for path in HOSTILE.glob("*.py")} == {*FAILS, "burns_the_processor"}


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", FAILS)
def test_hostile_library_fails_in_time(
    name: str, labcheck: Callable[..., Result], hostile: Callable[[str], Path]
) -> None:
    """One requirement fails, and the report says why; nothing is an internal error, and no file is touched."""
    id, words = FAILS[name]
    folder = hostile(source_of(name))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = labcheck("lab5", folder, "--only", id, "--json", "-")
    assert failed(result.record) == [id], not_passed(result.record)
    assert words in not_passed(result.record)[id]
    assert result.status == 1
    assert result.seconds < WITHIN
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_link_to_another_server_is_not_followed(
    labcheck: Callable[..., Result], hostile: Callable[[str], Path]
) -> None:
    """A feed cannot make labcheck send a request to another server."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        source = source_of("feed_leads_elsewhere").replace("8005", str(other.getsockname()[1]))
        record = labcheck("lab5", hostile(source), "--only", "4", "--json", "-").record
        assert failed(record) == ["4.2"], not_passed(record)
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.mark.everything
def test_library_that_burns_the_processor_is_ended(
    labcheck: Callable[..., Result], hostile: Callable[[str], Path]
) -> None:
    """A program that never gets done with a long log fails 1.6 alone, and keeps nobody waiting for the rest."""
    result = labcheck("lab5", hostile(source_of("burns_the_processor")), "--only", "1", "--json", "-")
    assert failed(result.record) == ["1.6"], not_passed(result.record)
    assert {each.id for each in result.record.of(Outcome.PASSED)} == {"1.1", "1.2", "1.3", "1.4", "1.5"}
    assert result.seconds < 90
