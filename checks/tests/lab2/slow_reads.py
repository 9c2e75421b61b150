"""What makes a server on websockets.sync look for a while at all that it reads; to be put before one, as sync_queues.

To whoever has vanished meanwhile another thread writes, and the library then stumbles over what was read last: with a
traceback of its own, of which the program knows nothing.
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
        # Who came first is read at once: so that others speak while something of the last one is looked at.
        # And so are most of a crowd, which would take all of its check's time.
        super().__init__(SlowSocket(socket) if 3 <= len(queues) < 10 else socket, *arguments, **options)  # noqa: F821


websockets.sync.server.ServerConnection = SlowConnection
