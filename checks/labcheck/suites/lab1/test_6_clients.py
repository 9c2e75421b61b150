"""Step 6: many clients."""

from labcheck.suite import FORM, Draw, Server, given, requirement
from labcheck.suites.lab1.material import Material


@requirement(
    "6.1",
    hints=[
        "What does your server do while it waits for the second half of a request?",
        "One that serves a client at a time lets all others wait. Threads, or asyncio, serve several.",
        "http.server has two server classes; one of them has a thread for each client.",
    ],
)
def test_half_a_request_holds_nobody_up(server: Server, draw: Draw) -> None:
    """A client that sent half a request holds nobody else up."""
    given(server.answers(), "it answers nothing")
    form = f"/{draw.word()}.zzz", {"Content-Type": FORM, "Content-Length": "3"}, "a=b"
    headers = server.head_of("POST", f"/{draw.word()}.zzz", {"Content-Type": FORM, "Content-Length": "90"})
    for half in (b"GET /ind", headers[:-10], headers + b"name=An"):
        with server.connect() as client:
            client.send(half)
            assert server.answers(patience=server.patience), "its answers are others than without that client"
            server.request("POST", *form, patience=server.patience)


@requirement(
    "6.2",
    needs=["3.1"],
    hints=[
        "How many clients can your server listen to at the same time?",
        "Somebody who has connected need not speak at once, and a browser opens several connections.",
        "No limit below 16: a thread each, or one loop that waits for all of them.",
    ],
)
def test_sixteen_clients_at_once(server: Server, material: Material) -> None:
    """16 clients at the same time get their own answers, the last one first."""
    first = material.clients[0]
    given(server.get(first.url).body == first.data, "files are not served")
    with server.connect_many(len(material.clients)) as clients:
        last, *others = reversed(list(zip(clients, material.clients, strict=True)))
        for asking in ([last], others):
            for client, file in asking:
                client.send(server.head_of("GET", file.url))
            for client, file in asking:
                answer = client.read_answer(patience=server.patience)
                assert answer.status == 200
                assert answer.body == file.data


@requirement(
    "6.3",
    needs=["3.1"],
    hints=[
        "What does your server do when a client closes the window in the middle of a download?",
        "Writing to somebody who has gone raises ConnectionResetError or BrokenPipeError.",
        "Only that client's part of the work may end; the loop that lets clients in goes on.",
    ],
)
def test_leaving_early_does_not_stop_it(server: Server, material: Material) -> None:
    """A client that leaves in the middle of a large file does not stop the server."""
    given(server.answers(), "it answers nothing")
    for leave in ("close", "reset", "reset"):
        with server.connect(receive_buffer=16 * 1024) as client:
            client.send(server.head_of("GET", material.huge_text))
            given(client.read_some(4096) >= 4096, "files are not served")
            getattr(client, leave)()
        assert server.answers(), "after a client has left in the middle of a file, the others do not get their answers"
