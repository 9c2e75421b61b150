"""What is wrong with bytes that are not HTTP: the first wrong byte is marked, and what is missing is named."""

from __future__ import annotations

import pytest

from labcheck.protocols.http.malformed import can_be_status_line, explain_header, explain_start

STATUS_FIRST = "the status line comes first: send_response() before send_header()"
NEVER_ENDED = "with http.server, the headers were never ended: end_headers()"
BODY_FIRST = "end_headers() before wfile.write()"


@pytest.mark.parametrize(
    ("data", "column", "advice"),
    [
        (b"<h1>Hello</h1>", 0, NEVER_ENDED),
        (b"Content-Type: text/html\r\n\r\nhello", 0, STATUS_FIRST),
        (b"Content-Type: text/html\r\nHTTP/1.0 200 OK\r\nServer: x\r\n\r\n", 0, STATUS_FIRST),
        (b"\r\n<h1>Hello</h1>", 0, STATUS_FIRST),
        (b"<h1>Hello</h1>HTTP/1.0 200 OK\r\nServer: x\r\n\r\n", 0, BODY_FIRST),
        (b"<p>HTTP/1.0 200 OK is a status line</p>", 0, NEVER_ENDED),
        (b"HTTP 1.1 200 OK\r\n\r\n", 4, ""),
        (b"HTTP/2 200\r\n\r\n", 5, ""),
        (b"HTTP/1.2 200\r\n\r\n", 7, ""),
        (b"HTTP/1.1 20 OK\r\n\r\n", 11, ""),
        (b"HTTP/1.1 2000 OK\r\n\r\n", 12, ""),
        (b"HTTP/1.1\r\n\r\n", 8, ""),
        (b"http/1.1 200 OK\r\n\r\n", 0, NEVER_ENDED),
    ],
)
def test_first_wrong_byte_of_an_answer_is_marked(data: bytes, column: int, advice: str) -> None:
    """The caret is under the first byte that cannot be in a status line."""
    error = explain_start(data)
    assert str(error).startswith("it answers, but not in HTTP")
    assert str(error).endswith(f"is wrong from byte {column + 1} on")
    assert error.difference.place == column + 1
    assert not can_be_status_line(data)
    assert can_be_status_line(data[:column])
    assert error.difference.received.title.endswith(advice or "HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("line", "column"),
    [(b"Content-Type text/html", 12), (b"<h1>Hello</h1>", 0), (b"Content-Type : a", 12), (b" folded", 0)],
)
def test_first_wrong_byte_of_a_header_is_marked(line: bytes, column: int) -> None:
    """The caret is under the first byte that cannot be in a field's name."""
    assert explain_header(line).difference.place == column + 1
