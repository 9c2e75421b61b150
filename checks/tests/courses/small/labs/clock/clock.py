"""A clock that answers questions over TCP: python clock.py [PORT]."""

import socket
import sys


def main() -> None:
    """Accept one client after the other."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8101
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            client, _ = listener.accept()
            with client:
                client.sendall(b"Hello\n")  # TODO 1.1: answer the line TIME


main()
