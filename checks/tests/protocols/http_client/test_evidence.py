"""What a client printed compares as bytes, and explains a difference."""

from __future__ import annotations

import gzip

import pytest

from labcheck.program.evidence import BrokenOff, Growth
from labcheck.protocols.http_client.evidence import Output
from labcheck.protocols.http_client.request import Request, Requests


def test_output_equals_its_bytes() -> None:
    """It equals the same bytes and no others."""
    output = Output(b"head", b"tail", 8, "")
    assert output == b"headtail"
    assert output != b"headtai"
    assert output != b"headtail\n"
    assert output != "headtail"


def test_long_output_is_compared_as_far_as_it_is_known() -> None:
    """Of long output, the length, the beginning and the end are compared."""
    output = Output(b"begin", b"end", 100, "")
    assert output == b"begin" + bytes(92) + b"end"
    assert output != b"begin" + bytes(93) + b"end"
    assert output != b"Begin" + bytes(92) + b"end"
    assert output != b"begin" + bytes(92) + b"END"


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (b"body\n", "print() has added a line end"),
        (b"b'body'\n", "print() shows bytes as Python writes them"),
        (b"bo", "they are right, the rest is missing"),
        (b"", "nothing on standard output; on standard error: oh"),
    ],
)
def test_mismatch_says_what_seems_to_have_happened(printed: bytes, said: str) -> None:
    """The report names what print() does to bytes, and the message if nothing was printed."""
    mismatch = Output(printed, b"", len(printed), "oh").mismatch("==", b"body")
    assert said in mismatch.received
    assert isinstance(mismatch, BrokenOff)


def test_text_is_shown_as_text() -> None:
    """What was expected and printed is text if both are; packed data is named."""
    wanted = "é und ü\n".encode()
    assert Output("é und u\n".encode(), b"", 9, "").mismatch("==", wanted)[:2] == (
        '10 bytes: "é und ü\\n"',
        '9 bytes: "é und u\\n"; differs from character 7 on',
    )
    assert Output(b"", b"", 0, "").mismatch("==", wanted)[0] == "10 bytes on standard output: 'é und ü\\n'"
    packed = gzip.compress(wanted)
    received = Output(packed, b"", len(packed), "").mismatch("==", wanted).received
    assert "still packed with gzip" in received
    assert "1f 8b" in received


def test_requests_in_words() -> None:
    """The report says how many requests were expected, and lists those that came."""
    requests = Requests([Request("GET", "/a", "HTTP/1.1", ()), Request("GET", "/b", "HTTP/1.1", ())])
    assert requests.number.mismatch("==", 1)[:2] == ("1 request", "2 requests: GET /a, GET /b")
    assert Requests().number.mismatch(">=", 1)[:2] == ("at least 1 request", "no request")


def test_growth_in_words() -> None:
    """The report says by how much a folder has grown."""
    assert Growth(50_000, "in the folder").mismatch("<", 40_000)[:2] == (
        "fewer than 40,000 bytes more in the folder",
        "50,000 bytes more",
    )
    assert Growth(0, "in the folder").mismatch(">=", 40_000)[:2] == (
        "at least 40,000 bytes more in the folder",
        "0 bytes more",
    )
