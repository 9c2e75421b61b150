"""An answer of an HTTP server, and what a client reads of it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from functools import cached_property

from labcheck.protocols.http.evidence import Body, HeaderValue, MediaType, Numbers, Shown, Source, Status
from labcheck.record.text import shorten

UNSEEN = re.compile(r"<(title|style|script)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
TAG = re.compile(r"<[/!]?[a-zA-Z][^<>]*>|<!--.*?(?:-->|\Z)", re.DOTALL)
ZEROS = re.compile(r"&#([xX]?)0+(?=[0-9a-fA-F])")
LONG = re.compile(r"&#(\d{8,}|[xX][0-9a-fA-F]{7,});?")
# Python has codecs, too, that are no page's: some take quadratic time, some fail in ways of their own.
CHARSET = re.compile(
    r"(us-?)?ascii|utf-?8|utf-?(16|32)-?([bl]e)?|iso-?8859-\d+|latin-?\d+|(windows-|cp)\d+|koi8-[ru]"
    r"|shift_jis|euc-(jp|kr)|iso-2022-jp|gb(k|2312|18030)|big5(-hkscs)?|macintosh"
)


@dataclass
class Answer:
    """An answer to a request.

    `body` is what came after the headers, without the chunks' framing, whatever was announced.
    `whole` says whether as much came as was announced.
    """

    code: int
    reason: str
    fields: list[tuple[str, str]] = field(repr=False)
    body_bytes: bytes = field(repr=False)
    whole: bool
    seconds: float

    def __str__(self) -> str:
        kind = self.header("content-type") or "no Content-Type"
        said = f"{self.code} {self.reason}".strip()
        seen = unescape(TAG.sub(" ", UNSEEN.sub(" ", self.source[:20_000])))
        text = shorten(" ".join(seen.split()), 90) if "text" in kind else f"{len(self.body):,} bytes"
        return f"{said}, {kind}" + (f": {text}" if text else "")

    @property
    def status(self) -> Status:
        """The status code."""
        return Status(self.code, self)

    @cached_property
    def body(self) -> Body:
        """The bytes of the body."""
        return Body(self.body_bytes, self)

    def header(self, name: str) -> HeaderValue | None:
        """Return a header field's value; None where there is none. Names are compared without case."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return HeaderValue(", ".join(values), name) if values else None

    @property
    def media_type(self) -> MediaType:
        """The media type of Content-Type in lower case, without parameters (RFC 9110, section 8.3.1)."""
        value = self.header("Content-Type")
        return MediaType((value or "").partition(";")[0].strip().lower(), value)

    @property
    def content_length(self) -> HeaderValue:
        """The value of Content-Length; where there is none, an empty one that says so."""
        return self.header("Content-Length") or HeaderValue("", "Content-Length", missing=True)

    @cached_property
    def source(self) -> Source:
        """The body as text, markup and all; in its declared charset, else UTF-8."""
        declared = re.search(r';\s*charset\s*=\s*"?([\w.:-]+)', self.header("Content-Type") or "", re.IGNORECASE)
        charset = declared[1].lower() if declared else "utf-8"
        try:
            return Source(self.body_bytes.decode(charset if CHARSET.fullmatch(charset) else "latin-1"), self)
        except (LookupError, UnicodeError):
            return Source(self.body_bytes.decode("latin-1"), self)

    @cached_property
    def shown(self) -> Shown:
        """What a client reads."""
        source = self.source
        # A tag may stand in the middle of a text (<b>/a/</b>b.zzz), or part two (<td>1<td>2).
        views = (source, TAG.sub("", source), TAG.sub(" ", source))
        return Shown(tuple(unescape(view) for view in views), self)


def unescape(text: str) -> str:
    """Return the text without character references; a number beyond all characters is none, and html fails at it."""
    return html.unescape(LONG.sub("\ufffd", ZEROS.sub(r"&#\1", text)))


def numbers(answer: Answer) -> Numbers:
    """Return the numbers on a page that have no letter and no digit beside them."""
    found = [re.findall(r"(?<![^\W_])\d+(?![^\W_])", view) for view in answer.shown.views]
    return Numbers(frozenset(int(number) for view in found for number in view if len(number) < 10), answer)
