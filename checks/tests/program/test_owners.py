"""Whose port it is, as the kernel reports it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from labcheck.program import owners

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers questions about one port")


def test_listeners_of_both_families_are_found() -> None:
    """The sockets that listen on a port are found by their names, on IPv4 and IPv6; connected sockets are not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        names = {f"/proc/self/fd/{listener.fileno()}"}
        with socket.socket(socket.AF_INET6) as second, socket.create_connection(("127.0.0.1", port)):
            try:
                second.bind(("::1", port))
            except OSError:
                pass  # a machine without IPv6
            else:
                second.listen()
                names.add(f"/proc/self/fd/{second.fileno()}")
            assert owners.listeners(port) == {os.readlink(name) for name in names}  # noqa: PTH115
    assert owners.listeners(port) == set()


def test_listener_belongs_to_the_process_that_has_it_open() -> None:
    """A listener belongs to this process, but not to a child that did not inherit it, or to one that has ended."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child,
    ):
        found = owners.listeners(listener.getsockname()[1])
        assert found
        assert not owners.belong_to(found, [child.pid])
        assert owners.belong_to(found, [child.pid, os.getpid()])
        child.communicate()
        assert not owners.belong_to(found, [child.pid])
