"""The page of a certificate. It needs no network and no script.

Whether a page is genuine is decided by making it again, so a version of the page never changes: who signed it has
signed each letter. A new look is a new file in `templates/`, with the next number.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from labcheck.certificates.certificate import Certificate

TEMPLATES = Path(__file__).parent / "templates"
NEWEST = 1  # the version of new certificates
# What a page must hold so that it can be made again: the text that is signed, and the signature if there is one.
SAID = re.compile(r'<script type="application/json" id="certificate">(.*?)</script>')
SIGNATURE = re.compile(r'<code id="signature">([A-Za-z0-9+/]{86}==)</code>')


def render(certificate: Certificate, signature: bytes = b"") -> str:
    """Return the page. `signature` has 64 bytes; it is empty for a certificate that is not signed.

    Raises LookupError for a version that this labcheck does not know.
    """
    if certificate.version not in versions():
        raise LookupError(certificate.version)
    style = (TEMPLATES / f"{certificate.version}.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _template(certificate.version).render(
        it=certificate,
        said=certificate.to_json(),
        signature=base64.b64encode(signature).decode(),
        style=style,
        digest=digest,
    )


def versions() -> list[int]:
    """Return the versions of the page that can be made, the oldest first."""
    return sorted(int(file.name.partition(".")[0]) for file in TEMPLATES.glob("*.html.jinja"))


def parts(page: str) -> tuple[Certificate, bytes]:
    """Return what a page says, and its signature, which is empty without one.

    Nothing is verified: see `verification`. Raises ValueError if it is no certificate.
    """
    said, signature = SAID.search(page), SIGNATURE.search(page)
    if said is None:
        raise ValueError("not a certificate")
    return Certificate.from_json(said[1]), base64.b64decode(signature[1]) if signature else b""


@cache
def _template(version: int) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{version}.html.jinja")
