"""Verification: a signed page is genuine as it was written, and nothing else is."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcheck.certificates import keys, page
from labcheck.certificates.certificate import Certificate, PassedLab
from labcheck.certificates.verification import verify
from labcheck.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LABS = PassedLab("lab1", "Web & <b>servers</b>", 29, 29), PassedLab("lab2", "WebSockets", 26.1, 33)


class Signed:
    """A certificate, the keys that belong to it, and its page."""

    def __init__(self, folder: Path) -> None:
        file = folder / "class.key"
        self.verifier = keys.public_key(keys.make(file))
        self.signer = keys.private_key(file)
        self.certificate = Certificate(
            page.NEWEST, "Zoë O'Neil", "Networks", "2026-11-30", LABS, 2, "0f" * 32, self.signer.public
        )
        self.page = self.render(self.certificate)

    def render(self, certificate: Certificate) -> str:
        return page.render(certificate, self.signer.sign(certificate.to_json()))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return Signed(tmp_path_factory.mktemp("keys"))


def refusal(text: str | bytes, verifier: keys.Verifier) -> str:
    """Return why a page is refused."""
    with pytest.raises(RefusedError) as caught:
        verify(text.encode() if isinstance(text, str) else text, verifier)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_genuine(signed: Signed) -> None:
    """The page as it was written is genuine, also with the line ends of Windows."""
    assert verify(signed.page.encode(), signed.verifier) == signed.certificate
    assert verify(signed.page.replace("\n", "\r\n").encode(), signed.verifier) == signed.certificate


def test_each_changed_letter_is_refused(signed: Signed) -> None:
    """Each letter of the file counts: if it is another one, the page is not genuine."""
    for place, letter in enumerate(signed.page):
        other = "x" if letter != "x" else "y"
        refusal(signed.page[:place] + other + signed.page[place + 1 :], signed.verifier)


@given(st.data())
def test_each_small_change_is_refused(signed: Signed, data: st.DataObject) -> None:
    """A letter more, a letter less, or any other letter: no change is too small."""
    place = data.draw(st.integers(0, len(signed.page)))
    length = data.draw(st.integers(0, 1))
    new = data.draw(st.text(max_size=1))
    changed = signed.page[:place] + new + signed.page[place + length :]
    if changed != signed.page:
        refusal(changed.encode("utf-8", "surrogatepass"), signed.verifier)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("Zoë", "Eve"), "the signature does not belong to what it says"),
        (lambda text: text.replace(">26.1 of", ">33 of"), "the page is not as it was signed, from line"),
        (lambda text: text.replace("</main>", "<p>with honors</p></main>"), "the page is not as it was signed"),
        (lambda text: text.replace("</style>", ".name { display: none }</style>"), "the page is not as it was signed"),
        (lambda text: text.replace("Content-Security", "X-Security"), "the page is not as it was signed"),
        (lambda text: text + " ", "the page is not as it was signed"),
        (lambda text: "\ufeff" + text, "the page is not as it was signed, from line 1 on"),
        (lambda text: text.replace("\n", "\r\n", 1), "the page is not as it was signed"),
        (lambda text: text[:-3], "the page is not as it was signed"),
        (
            lambda text: text[: text.index("<script")],
            "not a certificate of labcheck, or one of which a part is",
        ),
        (lambda text: text[: len(text) // 2], "this is not a certificate"),
        (lambda _: "", "this is not a certificate"),
        (lambda _: "<!doctype html><title>x</title>", "this is not a certificate"),
        (
            lambda text: re.sub('id="signature">.*?<', 'id="signature"><', text),
            "the signature does not belong to what it says",
        ),
    ],
)
def test_changes_are_named(change: Callable[[str], str], words: str, signed: Signed) -> None:
    """The reason says whether the words, the page or the whole file is wrong."""
    assert words in refusal(change(signed.page), signed.verifier)


def test_no_text(signed: Signed) -> None:
    """A file that is no text is no certificate."""
    assert "this is not a certificate" in refusal(b"%PDF-1.4 \xff\xfe", signed.verifier)


def test_other_words_with_the_old_signature(signed: Signed) -> None:
    """A page that is made again with another name does not fit the signature."""
    _, signature = page.parts(signed.page)
    forged = page.render(replace(signed.certificate, name="Eve"), signature)
    assert "the signature does not belong" in refusal(forged, signed.verifier)


def test_another_key(signed: Signed, tmp_path: Path) -> None:
    """A page that somebody else has signed is refused, with both keys: also if it claims to be signed with this key."""
    other = Signed(tmp_path)
    reason = refusal(other.page, signed.verifier)
    assert reason.startswith("it is signed with another key")
    assert other.verifier.public in reason
    assert signed.verifier.public in reason
    forged = other.render(replace(other.certificate, key=signed.verifier.public))
    assert "the signature does not belong" in refusal(forged, signed.verifier)


def test_not_signed(signed: Signed) -> None:
    """A student's own certificate proves nothing, also with a signature in it."""
    own = replace(signed.certificate, records="", key="")
    assert "it is not signed" in refusal(page.render(own), signed.verifier)
    assert "it is not signed" in refusal(signed.render(own), signed.verifier)


def test_signature_in_other_base64(signed: Signed) -> None:
    """The last letter of Base64 has bits without a meaning; the page must have them as they were."""
    _, signature = page.parts(signed.page)
    text = base64.b64encode(signature).decode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    same = text[:-3] + alphabet[alphabet.index(text[-3]) + 1] + "=="
    assert base64.b64decode(same) == signature
    assert "the page is not as it was signed" in refusal(signed.page.replace(text, same), signed.verifier)


def test_later_version(signed: Signed) -> None:
    """A page of a later labcheck is refused with the reason, if its words are signed."""
    later = replace(signed.certificate, version=99)
    signature = base64.b64encode(signed.signer.sign(later.to_json())).decode()
    said = f'<code id="signature">{signature}</code>'
    text = f'{said}<script type="application/json" id="certificate">{later.to_json()}</script>'
    assert "it is of a later version of labcheck (page 99)" in refusal(text, signed.verifier)
