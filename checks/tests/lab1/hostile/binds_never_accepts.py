"""Listens, so that clients get connected, but never accepts one."""

import socket
import sys
import threading

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("Started HTTP server")
threading.Event().wait()
