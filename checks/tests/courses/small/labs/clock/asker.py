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
            print(question, end="", file=lines, flush=True)  # TODO 2.1: what ends a line?
            print("Answer:", lines.readline().rstrip("\n"))


main()
