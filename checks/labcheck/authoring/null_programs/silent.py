"""A server that accepts connections and says nothing."""

import socket
import sys

connections = []
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        connections.append(listener.accept())
