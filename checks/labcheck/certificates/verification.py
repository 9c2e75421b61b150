"""Whether the page of a certificate is genuine: everything on it is what was signed.

The text in the page and its signature are verified; then the page is made again from that text and compared. So
nothing can be added, hidden or moved: neither a letter nor a style. No network is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labcheck.certificates.page import parts, render
from labcheck.errors import RefusedError

if TYPE_CHECKING:
    from labcheck.certificates.certificate import Certificate
    from labcheck.certificates.keys import Verifier

LARGEST = 1_000_000  # bytes of a page
ELSE = "this is not a certificate of labcheck, or one of which a part is missing"


def verify(data: bytes, key: Verifier) -> Certificate:
    """Return what a signed certificate says. Raises RefusedError, with the reason, if it is not genuine.

    `data` is the content of the file. On its way it may have got the line ends of Windows; apart from that, it must be
    as it was written.
    """
    try:
        page = _with_plain_ends(data.decode("utf-8"))
        found, signature = parts(page)
    except ValueError as error:
        raise RefusedError(ELSE) from error
    if not found.is_signed:
        raise RefusedError("it is not signed: a student has made it, and it proves nothing")
    if found.key != key.public:
        raise RefusedError(f"it is signed with another key: its public key is {found.key}, the given one {key.public}")
    if not key.accepts(signature, found.to_json()):
        raise RefusedError("it was changed: the signature does not belong to what it says")
    try:
        original = render(found, signature)
    except LookupError as error:
        raise RefusedError(
            f"it is of a later version of labcheck (page {found.version}), which has to verify it"
        ) from error
    if page != original:
        raise RefusedError(
            f"it was changed: the page is not as it was signed, from line {_first_other(page, original)} on"
        )
    return found


def _with_plain_ends(text: str) -> str:
    """Return the text with the line ends of Unix, if all of them are those of Windows."""
    plain = text.replace("\r\n", "\n")
    return plain if plain.replace("\n", "\r\n") == text else text


def _first_other(page: str, original: str) -> int:
    """Return the number of the first line that differs, counted from 1."""
    theirs, ours = page.split("\n"), original.split("\n")
    same = next((place for place, pair in enumerate(zip(theirs, ours, strict=False)) if pair[0] != pair[1]), None)
    return 1 + (min(len(theirs), len(ours)) if same is None else same)
