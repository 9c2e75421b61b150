"""Step 6: many clients."""

from labcheck.suite import FORM, Draw, Server, given, requirement
from labcheck.suites.lab1.material import Material


@requirement(
    "6.1",
    hints=[
        "What does your server do while it waits for the second half of a request?",
        "A server that serves one client at a time makes all the others wait. Threads or asyncio can serve several.",
        "http.server has two server classes. One of them starts a thread for each client.",
    ],
)
def test_half_a_request_holds_nobody_up(server: Server, draw: Draw) -> None:
    """A client that has sent half a request does not hold up the others."""
    given(server.answers(), "the server does not answer")
    form = f"/{draw.word()}.zzz", {"Content-Type": FORM, "Content-Length": "3"}, "a=b"
    headers = server.head_of("POST", f"/{draw.word()}.zzz", {"Content-Type": FORM, "Content-Length": "90"})
    for half in (b"GET /ind", headers[:-10], headers + b"name=An"):
        with server.connect() as client:
            client.send(half)
            assert server.answers(patience=server.patience), "it does not answer as it did without that client"
            server.request("POST", *form, patience=server.patience)


@requirement(
    "6.2",
    needs=["3.1"],
    hints=[
        "How many clients can be connected to your server at the same time?",
        "A client may connect and send nothing for a while, and a browser opens several connections at once.",
        "Serve at least 16 clients at once, with a thread for each of them or one loop that waits for all of them.",
    ],
)
def test_sixteen_clients_at_once(server: Server, material: Material) -> None:
    """16 clients at the same time each get their own answer, even if the last one asks first."""
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
        "What does your server do if a client disconnects in the middle of a download?",
        "Writing to a client that has left raises ConnectionResetError or BrokenPipeError.",
        "Only the work for that client may end. The loop that accepts connections must go on.",
    ],
)
def test_leaving_early_does_not_stop_it(server: Server, material: Material) -> None:
    """A client that leaves in the middle of a large file does not stop the server."""
    given(server.answers(), "the server does not answer")
    for leave in ("close", "reset", "reset"):
        with server.connect(receive_buffer=16 * 1024) as client:
            client.send(server.head_of("GET", material.huge_text))
            given(client.read_some(4096) >= 4096, "files are not served")
            getattr(client, leave)()
        assert server.answers(), "after a client has left in the middle of a file, it does not answer as before"
