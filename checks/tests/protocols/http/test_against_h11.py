"""The HTTP client compared with h11: both read every valid answer the same way."""

from __future__ import annotations

import socket

import h11
from hypothesis import given
from hypothesis import strategies as st

from labcheck.protocols.deadline import Deadline
from labcheck.protocols.http.client import Client
from labcheck.protocols.manners import Manners
from labcheck.record.transcript import Transcript

TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8).map(str.lower)
# RFC 9110, section 5.5: visible characters, blanks between them, and bytes without a meaning.
VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12).flatmap(
    lambda text: st.sampled_from([text, f"{text} {text}".strip(), f"{text}\xe9"])
)
FRAMING = {"content-length", "transfer-encoding", "connection", "upgrade", "trailer", "keep-alive"}
FIELDS = st.lists(st.tuples(TOKEN.filter(lambda name: name not in FRAMING), VALUE), max_size=5)
REASON = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12).map(str.strip)
STATUS = st.integers(200, 599).filter(lambda status: status not in (204, 304))
PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=4)


def request() -> h11.Request:
    """A request to answer."""
    return h11.Request(method="GET", target="/", headers=[("Host", "localhost")])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Make an answer with h11: framed by its length, by chunks, or by the end of the connection."""
    pieces = draw(PIECES)
    fields = [(name.encode(), value.encode("latin-1")) for name, value in draw(FIELDS)]
    framing = draw(st.sampled_from(["length", "chunks", "end"]))
    if framing == "length":
        fields.append((b"Content-Length", b"%d" % sum(map(len, pieces))))
    elif framing == "chunks":
        fields.append((b"Transfer-Encoding", b"chunked"))
    else:
        fields.append((b"Connection", b"close"))
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while not isinstance(server.next_event(), h11.EndOfMessage):
        pass
    if framing == "end":  # h11 would use chunks
        head = b"".join(b"%b: %b\r\n" % field for field in fields)
        return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (draw(STATUS), draw(REASON).encode(), head, b"".join(pieces))
    sent = [
        h11.Response(status_code=draw(STATUS), headers=fields, reason=draw(REASON)),
        *(h11.Data(data=piece) for piece in pieces),
        h11.EndOfMessage(),
    ]
    return b"".join(server.send(event) or b"" for event in sent)


@given(answers(), st.booleans())
def test_same_answer_as_h11(data: bytes, informed: bool) -> None:
    """Status code, reason, fields and body are those that h11 reads, also after an interim answer (RFC 9110, 15.2)."""
    if informed:
        data = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + data
    theirs = h11.Connection(h11.CLIENT)
    theirs.send(request())
    theirs.send(h11.EndOfMessage())
    theirs.receive_data(data)
    theirs.receive_data(b"")
    response, body = None, b""
    while not isinstance(event := theirs.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
        if isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            body += event.data
    assert response is not None

    ours, peer = socket.socketpair()
    with peer:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        client = Client(lambda *_: ours, 20_000, 8001, Transcript(), Deadline(10), Manners())
        answer = client.get("/")
    assert (answer.code, answer.reason) == (response.status_code, response.reason.decode("latin-1"))
    assert [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.fields] == list(response.headers)
    assert answer.body_bytes == body
    assert answer.whole
