"""The fork server: what it prepares for the gradings that are forked from it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from labcheck.isolated.graders import Asked
from labcheck.isolated.task import Probe
from labcheck.judging.options import Options

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork")

# A fork server that writes down which protections it prepares, each in a line.
SERVER = """
import sys
from functools import partial
from labcheck.isolated import fork_server
from labcheck.sandbox.protections import protections

def prepare(name, python):
    with open(sys.argv[4], "a") as file:
        print(name, file=file)

for name, kind in protections().items():
    kind.prepare = staticmethod(partial(prepare, name))
fork_server.main()
"""


def test_only_protections_that_are_used_are_prepared(tmp_path: Path) -> None:
    """A protection is prepared for the first grading that needs it, and not again; others never are."""
    prepared = tmp_path / "prepared"
    prepared.touch()
    control, theirs = socket.socketpair()
    words = [str(theirs.fileno()), "lab1", sys.executable, str(prepared)]
    with control, subprocess.Popen([sys.executable, "-c", SERVER, *words], pass_fds=[theirs.fileno()]) as server:
        theirs.close()
        for name, expected in (
            ("none", ["none"]),
            ("nonesuch", ["none"]),
            ("limits", ["none", "limits"]),
            ("none", ["none", "limits"]),
        ):
            reply = Asked(control, Probe("lab1", Options(protection=name))).reply()
            assert reply.text.startswith("unknown protection 'nonesuch'") == (name == "nonesuch")
            assert prepared.read_text().split() == expected
        control.close()
    assert server.returncode == 0
