"""Explains bytes that are not an HTTP response: the first wrong byte, and what is missing before it."""

from __future__ import annotations

import re

from labcheck.record.text import point_at

NOT_HTTP = "it answers, but not in HTTP: an answer begins with a status line, such as HTTP/1.1 200 OK"
DIGIT = b"0123456789"
# The bytes that may be in each place of a status line (RFC 9112, section 4), up to the end of its status code.
STATUS_LINE = (b"H", b"T", b"T", b"P", b"/", b"1", b".", b"01", b" ", DIGIT, DIGIT, DIGIT, b" \r\n")
NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # of a header field (RFC 9110, section 5.6.2)
HEADER = re.compile(NAME + rb":")
HEAD = re.compile(rb"HTTP/1\.[01] \d{3}[^\r\n]*\r?\n" + NAME + rb":")  # a status line, and a header field after it


def can_be_status_line(data: bytes | bytearray) -> bool:
    """Return whether data is the beginning of a status line, as far as it has arrived."""
    return all(byte in wanted for byte, wanted in zip(data, STATUS_LINE, strict=False))


def explain_start(data: bytes) -> str:
    """Explain an answer that does not begin with a status line, in several lines of text."""
    places = enumerate(zip(data, STATUS_LINE, strict=False))
    place = next((place for place, (byte, wanted) in places if byte not in wanted), len(STATUS_LINE))
    text = f"{NOT_HTTP}\n{point_at(data, place)}"
    if HEADER.match(data) or data.startswith((b"\r\n", b"\n")):
        return f"{text}\nthe status line comes first: send_response() before send_header()"
    if HEAD.search(data):
        return (
            f"{text}\nthe status line comes first, then the headers, then the body: end_headers() before wfile.write()"
        )
    if place == 0:
        return f"{text}\nthere is no status line; with http.server, the headers were never ended: end_headers()"
    return text


def explain_header(line: bytes) -> str:
    """Explain a line among the headers that is not a header field, in several lines of text."""
    name = re.match(NAME, line)
    return f"this is not a header line (Name: value)\n{point_at(line, name.end() if name else 0)}"
