"""Run cases of the Autobahn test suite with kosoku, in a separate process.

    autobahn.py client CASES         test the grader's WebSocket client
    autobahn.py server CASES URL     test a server

CASES are patterns, separated by commas. The result of each case is printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from typing import Any

import kosoku

from labcheck.errors import WebSocketError
from labcheck.program.activity import Activity
from labcheck.protocols.deadline import Deadline
from labcheck.protocols.manners import Manners
from labcheck.protocols.websocket.connection import WebSocketClient
from labcheck.record.transcript import Transcript


class Echo(WebSocketClient):
    """A client that sends back what it receives, as the fuzzing server requires."""

    most = 64 * 1024 * 1024

    def __init__(self, port: int, target: str) -> None:
        sock = socket.create_connection(("127.0.0.1", port))
        unknown = Activity(lambda: 2**22 + 1, lambda: True)  # there is no such process
        super().__init__(
            sock, port, Transcript(), Deadline(120), 60, Manners(), unknown, target=target, compression=True
        )  # fmt: skip

    def talk(self) -> list[str]:
        """Echo until the connection is closed, and return the messages."""
        messages = []
        try:
            self.open()
            while True:
                message = self.receive()
                messages.append(message.text)
                if message.data is not None:
                    self._protocol.send_binary(message.data)
                    self._collect()
                else:
                    self.post(message.text)
        except WebSocketError:
            self.shut(10)
            self.hang_up()
        return messages


def run_all_cases(port: int) -> None:
    """Run all cases of a fuzzing server."""
    count = int(Echo(port, "/getCaseCount").talk()[0])
    for number in range(1, count + 1):
        Echo(port, f"/runCase?case={number}&agent=labcheck").talk()
    Echo(port, "/updateReports?agent=labcheck").talk()


async def check_client(cases: list[str]) -> list[Any]:
    """Return the results for the grader's client."""
    async with kosoku.run_fuzzingserver(cases, port=0) as server:
        await asyncio.to_thread(run_all_cases, server.port)
        return await server.get_result()


async def check_server(cases: list[str], url: str) -> list[Any]:
    """Return the results for the server at a URL."""
    return await kosoku.run_fuzzingclient(url, cases)


def main() -> None:
    """Run the cases and print the results."""
    side, cases, *url = sys.argv[1:]
    run = check_client(cases.split(",")) if side == "client" else check_server(cases.split(","), *url)
    try:
        results = asyncio.run(run)
    except kosoku.FailureError as error:
        results = error.results
    print(json.dumps({each.case_id: "PASSED" if each.passed else each.behavior.value for each in results}), flush=True)
    os._exit(0)  # a normal exit may abort in the threads of kosoku


if __name__ == "__main__":
    main()
