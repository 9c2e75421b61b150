"""Explains bytes that are not an HTTP response: the first wrong byte, and what is missing before it."""

from __future__ import annotations

import re

from labcheck.errors import HttpError, Trouble
from labcheck.record.difference import Difference, point_at

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


class MalformedError(HttpError):
    """Bytes that do not follow HTTP; `difference` marks the first wrong one."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(Trouble.MALFORMED, difference.in_words()[1])
        self.difference = difference


def explain_start(data: bytes) -> MalformedError:
    """Return the error for an answer that does not begin with a status line."""
    places = enumerate(zip(data, STATUS_LINE, strict=False))
    place = next((place for place, (byte, wanted) in places if byte not in wanted), len(STATUS_LINE))
    advice = ""
    if HEADER.match(data) or data.startswith((b"\r\n", b"\n")):
        advice = "the status line comes first: send_response() before send_header()"
    elif HEAD.search(data):
        advice = "the status line comes first, then the headers, then the body: end_headers() before wfile.write()"
    elif place == 0:
        advice = "there is no status line; with http.server, the headers were never ended: end_headers()"
    return MalformedError(point_at(data, place, "; ".join(filter(None, (NOT_HTTP, advice)))))


def explain_header(line: bytes) -> MalformedError:
    """Return the error for a line among the headers that is not a header field."""
    name = re.match(NAME, line)
    return MalformedError(point_at(line, name.end() if name else 0, "this is not a header line (Name: value)"))
