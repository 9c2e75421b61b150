"""labcheck's WebSocket client and the echo solution, checked with the cases of the Autobahn test suite."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from conftest import CHECKOUT, TESTS, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.everything,
    pytest.mark.skipif(not importlib.util.find_spec("kosoku"), reason="kosoku, which runs the cases, is not installed"),
]

# Compression is tested with small messages: the large ones take ten minutes, and are the same cases.
GROUPS = [*(f"{group}.*" for group in (1, 2, 3, 4, 5, 6, 7, 9, 10)), "12.*.3", "13.*.3"]
# Where the library websockets deviates on purpose. It reads nothing after a close frame (7.1.5), and does not accept
# a message of thousands of fragments (9.3, 9.4).
CLIENT_FAILS = {"7.1.5"}
SERVER_FAILS = {"7.1.5", "9.3.1", "9.3.2", "9.4.1", "9.4.2"}


def failures(side: str, *url: str) -> set[str]:
    """Return the cases that fail; a compression that was not negotiated is not a failure."""
    command = [sys.executable, str(TESTS / "lab2" / "autobahn.py"), side, ",".join(GROUPS), *url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True)
    verdicts = json.loads(done.stdout)
    assert verdicts, done.stderr
    return {case for case, verdict in verdicts.items() if verdict not in ("PASSED", "UNIMPLEMENTED")}


def test_client_passes_the_cases() -> None:
    """labcheck's client passes every case except the one that its library fails on purpose."""
    assert failures("client") == CLIENT_FAILS


@pytest.fixture
def echo_server(tmp_path: Path) -> Iterator[int]:
    """Run the echo solution without its prefix and with a higher message limit; yield its port."""
    source = (CHECKOUT / "solutions" / "lab2" / "echo_server.py").read_text("utf-8")
    for find, replace in (
        ('reply = f"ECHO! {message}"', "reply = message"),
        ("MESSAGE_LIMIT = 1024 * 1024", "MESSAGE_LIMIT = 64 * 1024 * 1024"),
    ):
        assert source.count(find) == 1
        source = source.replace(find, replace)
    (tmp_path / "echo_server.py").write_text(source, "utf-8")
    with serving(tmp_path, "echo_server.py") as port:
        yield port


def test_echo_solution_passes_the_cases(echo_server: int) -> None:
    """The echo solution passes every case except those that its library fails on purpose."""
    assert failures("server", f"ws://127.0.0.1:{echo_server}") == SERVER_FAILS
