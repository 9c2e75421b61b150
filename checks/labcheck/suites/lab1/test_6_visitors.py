"""Step 6: many visitors."""

from labcheck.suite import FORM, Draw, Server, given, requirement
from labcheck.suites.lab1.material import Material


@requirement(
    "6.1",
    hints=[
        "What does your server do while it waits for the second half of a request?",
        "One that serves a visitor at a time lets all others wait. Threads, or asyncio, serve several.",
        "http.server has two server classes; one of them has a thread for each visitor.",
    ],
)
def test_half_a_request_holds_nobody_up(server: Server, draw: Draw) -> None:
    """A visitor who sent half a request holds nobody else up."""
    given(server.answers(), "it answers nothing")
    form = f"/{draw.word()}.zzz", {"Content-Type": FORM, "Content-Length": "3"}, "a=b"
    headers = server.head_of("POST", f"/{draw.word()}.zzz", {"Content-Type": FORM, "Content-Length": "90"})
    for half in (b"GET /ind", headers[:-10], headers + b"name=An"):
        with server.connect() as visitor:
            visitor.send(half)
            assert server.answers(patience=server.patience), "its answers are others than without that visitor"
            server.request("POST", *form, patience=server.patience)


@requirement(
    "6.2",
    needs=["3.1"],
    hints=[
        "How many visitors can your server listen to at the same time?",
        "Somebody who has connected need not speak at once, and a browser opens several connections.",
        "No limit below 16: a thread each, or one loop that waits for all of them.",
    ],
)
def test_sixteen_visitors_at_once(server: Server, material: Material) -> None:
    """16 visitors at the same time get their own answers, the last one first."""
    first = material.visitors[0]
    given(server.get(first.url).body == first.data, "files are not served")
    with server.connect_many(len(material.visitors)) as visitors:
        last, *others = reversed(list(zip(visitors, material.visitors, strict=True)))
        for asking in ([last], others):
            for visitor, file in asking:
                visitor.send(server.head_of("GET", file.url))
            for visitor, file in asking:
                answer = visitor.read_answer(patience=server.patience)
                assert answer.status == 200
                assert answer.body == file.data


@requirement(
    "6.3",
    needs=["3.1"],
    hints=[
        "What does your server do when a visitor closes the window in the middle of a download?",
        "Writing to somebody who has gone raises ConnectionResetError or BrokenPipeError.",
        "Only that visitor's part of the work may end; the loop that lets visitors in goes on.",
    ],
)
def test_leaving_early_does_not_stop_it(server: Server, material: Material) -> None:
    """A visitor who leaves in the middle of a large file does not stop the server."""
    given(server.answers(), "it answers nothing")
    for leave in ("close", "reset", "reset"):
        with server.connect(receive_buffer=16 * 1024) as visitor:
            visitor.send(server.head_of("GET", material.huge_text))
            given(visitor.read_some(4096) >= 4096, "files are not served")
            getattr(visitor, leave)()
        assert server.answers(), "after a visitor has left in the middle of a file, the others do not get their answers"
