"""Step 6: many clients."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from labcheck.suite import FORM, Draw, Server, given, requirement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labcheck.suites.lab1.material import Material


Request = tuple[str, str] | tuple[str, str, dict[str, str], str]
PART = 256 * 1024  # bytes of a large file; no page is that large


def check_while_half_is_sent(server: Server, halves: list[bytes], requests: Sequence[Request]) -> None:
    """Check that a server answers requests with 200 while other clients have sent only a part of theirs."""
    with ExitStack() as stack:
        for half in halves:
            client = stack.enter_context(server.connect())
            stack.callback(client.leave)
            client.send(half)
            for request in requests:
                answer = server.request(*request, patience=server.patience)
                assert answer.status == 200, f"another client has sent only a part of a request: {half[:20]!r}"
    server.come_to_rest()
    assert server.answers(), "after these clients have left, it does not answer as before"


@requirement(
    "6.1",
    needs=["2.1", "3.1"],
    hints=[
        "What does your server do while it waits for the second half of a request?",
        "A server that serves one client at a time makes all the others wait. Threads or asyncio can serve several.",
        "http.server has two server classes. One of them starts a thread for each client.",
    ],
)
def test_half_a_request_holds_nobody_up(server: Server, material: Material, draw: Draw) -> None:
    """A client that has sent half a request does not hold up the others."""
    url = next((url for url in (material.top.url, material.page) if server.serves(url)), "")
    given(url, "neither a page nor a file is served")
    methods = ["GET", "HEAD"] if server.serves(url, method="HEAD") else ["GET"]
    halves = [f"GET {url} HT".encode(), server.head_of("HEAD", url)[:-10]]
    check_while_half_is_sent(server, halves, [(method, url) for method in methods])
    form = urlencode([(draw.word(), draw.word())])
    if server.serves(material.page, method="POST", form=form):
        fields = {"Content-Type": FORM, "Content-Length": str(len(form))}
        head = server.head_of("POST", material.page, fields)
        post = ("POST", material.page, fields, form)
        check_while_half_is_sent(server, [head[:-10], head + form[:3].encode()], [("GET", url), post])


@requirement(
    "6.2",
    needs=["2.1", "3.1", "6.1"],
    hints=[
        "How many clients can be connected to your server at the same time?",
        "A client may connect and send nothing for a while, and a browser opens several connections at once.",
        "Serve at least 16 clients at once, with a thread for each of them or one loop that waits for all of them.",
    ],
)
def test_sixteen_clients_at_once(server: Server, material: Material, draw: Draw) -> None:
    """16 clients at the same time each get their own answer, even if the last one asks first."""
    given(server.serves(material.top.url, material.top.data), "files are not served")
    files = {file.url: file.data for file in material.clients}
    names = [draw.word() for _ in range(4)]
    page = server.get(f"/{names[0]}.zzz")
    pages = {f"/{name}.zzz": name for name in names} if page.status == 200 and names[0] in page.shown else {}
    with server.connect_many(16) as clients:
        last, *others = zip(reversed(clients), draw.sample([*[*files][len(pages) :], *pages], 16), strict=True)
        for asking in ([last], others):
            for client, url in asking:
                client.send(server.head_of("GET", url))
            for client, url in asking:
                answer = client.read_answer(patience=server.patience)
                assert answer.status == 200
                if url in pages:
                    assert pages[url] in answer.shown
                else:
                    assert answer.body == files[url]


@requirement(
    "6.3",
    needs=["3.1", "3.3"],
    hints=[
        "What does your server do if a client disconnects in the middle of a download?",
        "Writing to a client that has left raises ConnectionResetError or BrokenPipeError.",
        "Only the work for that client may end. The loop that accepts connections must go on.",
    ],
)
def test_leaving_early_does_not_stop_it(server: Server, material: Material) -> None:
    """A client that leaves in the middle of a large file does not stop the server."""
    given(server.answers(), "the server does not answer")
    for leave in ("close", "reset"):
        with server.connect(receive_buffer=16 * 1024) as client:
            client.send(server.head_of("GET", material.huge_text))
            given(client.read_some(PART) >= PART, "a large file is not served")
            getattr(client, leave)()
        server.come_to_rest()  # it may notice only now, when it sends more
        assert server.answers(), "after a client has left in the middle of a file, it does not answer as before"
