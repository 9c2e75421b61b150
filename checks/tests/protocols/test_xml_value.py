"""XML that a program sent: a tree, or the reason why there is no tree."""

from __future__ import annotations

import time

import pytest

from labcheck.protocols.xml_value import MOST_ELEMENTS, Xml

LAUGHS = "".join(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 10))


@pytest.mark.parametrize(
    "data",
    [
        "<a>é</a>".encode(),
        '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1"),
        '<?xml version="1.0" encoding="windows-1252"?><a>é</a>'.encode("cp1252"),
        "<a>é</a>".encode("utf-16"),
        "<!DOCTYPE a><a>&#233;</a>".encode("utf-8-sig"),
    ],
)
def test_tree_is_read_from_any_encoding(data: bytes) -> None:
    """A document is read as it declares, and a document type without entities does no harm."""
    found = Xml(data)
    assert found.problem == ""
    assert found.root is not None
    assert found.root.text == "é"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "nothing"),
        (b"<a>\n<b></a>", "not well-formed XML (mismatched tag: line 2, column 5)"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "XML that declares entities"),
        (f'<!DOCTYPE a [<!ENTITY a0 "ha">{LAUGHS}]><a>&a9;</a>'.encode(), "XML that declares entities"),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', "XML that cannot be decoded (unknown encoding"),
        (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "XML that cannot be decoded"),
        (b"<a>" * (MOST_ELEMENTS + 1), "XML with more than 100,000 elements"),
        (b"<a>\xff</a>", "not well-formed XML"),
        (b"<a>\x0b</a>", "not well-formed XML"),
    ],
)
def test_problem_is_told(data: bytes, problem: str) -> None:
    """Anything else is no tree, and the reason is in words."""
    found = Xml(data)
    assert found.root is None
    assert found.problem.startswith(problem)


def test_deep_and_large_documents_take_no_time() -> None:
    """What a program may send is read within the time of one exchange, and without an error of ours."""
    started = time.process_time()
    for data in (b"<a>" * 90_000 + b"</a>" * 90_000, b"<a>" + b"&#65;" * 400_000 + b"</a>"):
        assert Xml(data).problem == ""
    assert time.process_time() - started < 10
