"""Slows down each read of a server on websockets.sync; this text is put in front of such a server, like sync_queues.

If the client vanishes during the read, and another thread writes to it, the library raises an error when it handles
the data. It prints a traceback that the server's own code cannot prevent.
"""

import time

import websockets.sync.server


class SlowSocket:
    def __init__(self, socket):
        self._socket = socket

    def __getattr__(self, name):
        return getattr(self._socket, name)

    def recv(self, size):
        data = self._socket.recv(size)
        until = time.monotonic() + 0.1
        while time.monotonic() < until:
            pass
        return data


class SlowConnection(websockets.sync.server.ServerConnection):
    def __init__(self, socket, *arguments, **options):
        # The first three clients are read without delay: they send while the read of a later one is still running.
        # Nor is there a delay from the eleventh client on: with many clients it would use up the time of the check.
        super().__init__(SlowSocket(socket) if 3 <= len(queues) < 10 else socket, *arguments, **options)  # noqa: F821


websockets.sync.server.ServerConnection = SlowConnection
