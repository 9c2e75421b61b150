"""A client for the clock: python asker.py [PORT]."""

import socket
import sys


def main() -> None:
    """Ask what the user types, and print the answers."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8101
    with socket.create_connection(("127.0.0.1", port)) as server, server.makefile("rw", encoding="utf-8") as lines:
        while True:
            try:
                question = input("Question: ")
            except EOFError:
                break
            print(question, file=lines, flush=True)
            print("Answer:", lines.readline().rstrip("\n"))


main()
