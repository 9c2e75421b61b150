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
            found = {os.readlink(name): os.getuid() for name in names}  # noqa: PTH115
            assert owners.listeners(port) == found
    assert owners.listeners(port) == {}


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


LISTENS = """
import socket
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    input()
"""


def test_listener_is_foreign_only_if_its_owner_is_no_descendant() -> None:
    """A listener of this process itself is foreign; one of a child is not."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        subprocess.Popen([sys.executable, "-c", LISTENS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None
        ours, its = (owners.listeners(int(port)) for port in (listener.getsockname()[1], child.stdout.readline()))
        assert ours
        assert its
        assert owners.are_foreign(ours, None)
        assert not owners.are_foreign(its, None)
        child.communicate(b"\n")


def test_listener_without_a_visible_owner_is_foreign_if_it_is_of_another_user() -> None:
    """If no process has the socket open, as far as one can see, it is foreign unless its user runs the programs."""
    of_user, of_other = {"socket:[0]": os.getuid()}, {"socket:[0]": os.getuid() + 1}
    assert not owners.are_foreign(of_user, None)
    assert owners.are_foreign(of_other, None)
    assert not owners.are_foreign(of_other, os.getuid() + 1)
