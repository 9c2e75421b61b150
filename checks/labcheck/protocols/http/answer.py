"""The answer of an HTTP server, and what a client reads in it."""

from __future__ import annotations

import codecs
import html
import re
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from labcheck.errors import HttpError, Trouble
from labcheck.protocols.http.evidence import Body, Directives, HeaderValue, MediaType, Numbers, Shown, Source, Status
from labcheck.protocols.json_value import Json
from labcheck.record.text import shorten

if TYPE_CHECKING:
    from labcheck.protocols.xml_value import Xml

MAX_PAGE = 2 << 20  # bytes of a page that is read as text; one that shows a form of 256 KiB is far smaller
GZIP = 16 + zlib.MAX_WBITS  # for zlib: the format is gzip (RFC 1952)
SUMMED_UP = 20_000  # bytes of a page, from its beginning, in which a summary looks for text
NUMBER = re.compile(r"(?<![^\W_])\d{1,9}(?![^\W_])")
UNSEEN = re.compile(r"<(title|style|script)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
TAG = re.compile(r"<[/!]?[a-zA-Z][^<>]*>|<!--.*?(?:-->|\Z)", re.DOTALL)
ZEROS = re.compile(r"&#([xX]?)0+(?=[0-9a-fA-F])")
LONG = re.compile(r"&#(\d{8,}|[xX][0-9a-fA-F]{7,});?")
# Python also has codecs that no page uses: some take quadratic time, some fail in unusual ways.
CHARSET = re.compile(
    r"(us-?)?ascii|utf-?8|utf-?(16|32)-?([bl]e)?|iso-?8859-\d+|latin-?\d+|(windows-|cp)\d+|koi8-[ru]"
    r"|shift_jis|euc-(jp|kr)|iso-2022-jp|gb(k|2312|18030)|big5(-hkscs)?|macintosh"
)


@dataclass
class Answer:
    """The answer to one HTTP request.

    `code` and `reason` are from the status line. `fields` lists the names and values of the header fields, in order.
    `body_bytes` is everything that arrived after the headers, with the framing of chunks removed, no matter what
    length was announced; `announced` is the length of the body according to the headers, or None if they give none.
    `seconds` is the time from the start of reading to the end of the body.

    A check compares the properties `status`, `body`, `sent`, `media_type`, `content_length`, `json`, `source` and
    `shown`: if such a comparison fails, the report shows the answer. `xml` is a tree, in which it looks for values.
    """

    code: int
    reason: str
    fields: list[tuple[str, str]] = field(repr=False)
    body_bytes: bytes = field(repr=False)
    announced: int | None
    seconds: float

    def __str__(self) -> str:
        kind = self.header("content-type") or "no Content-Type"
        said = f"{self.code} {self.reason}".strip()
        seen = unescape(TAG.sub(" ", UNSEEN.sub(" ", self._decoded(self.body_bytes[:SUMMED_UP]))))
        text = shorten(" ".join(seen.split()), 90) if "text" in kind else f"{len(self.body):,} bytes"
        return f"{said}, {kind}" + (f": {text}" if text else "")

    @property
    def status(self) -> Status:
        """The status code, for example 200. Compare it with a number, or use `in` with a tuple or a range."""
        return Status(self.code, self)

    @property
    def broke_off(self) -> bool:
        """Whether the server seems to have failed: the body is empty or cut off, or the status says so (500)."""
        return self.code >= 500 or not self.whole or (self.code == 200 and not self.body_bytes)

    @property
    def whole(self) -> bool:
        """Whether at least the announced number of bytes arrived."""
        return self.announced is None or len(self.body_bytes) >= self.announced

    @cached_property
    def body(self) -> Body:
        """The body, for comparisons with `bytes`.

        It is equal to them if either everything that was sent is, or the part that a client keeps, which ends at
        Content-Length: whether that length is right is the subject of another check.
        """
        return Body(self.body_bytes, self, announced=self.announced)

    @cached_property
    def sent(self) -> Body:
        """All bytes that were sent after the headers, no matter what length was announced."""
        return Body(self.body_bytes, self)

    @property
    def second(self) -> str:
        """The status line of a second answer to the same request, after the announced end of this one; "" usually."""
        rest = b"" if self.announced is None else self.body_bytes[self.announced :]
        return rest.partition(b"\n")[0].decode("latin-1").strip() if rest.startswith(b"HTTP/") else ""

    def as_announced(self) -> Answer:
        """Return the answer as a client reads it: its body ends at Content-Length (RFC 9112, section 6.3)."""
        return replace(self, body_bytes=self.body_bytes[: self.announced])

    def header(self, name: str) -> HeaderValue | None:
        """Return the value of a header field, or None if it is missing.

        Upper and lower case do not matter in `name`. The values of repeated fields are joined with commas.
        """
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return HeaderValue(", ".join(values), name) if values else None

    def field(self, name: str) -> HeaderValue:
        """Return the value of a header field; if it is missing, it is empty, and a report shows what came instead."""
        others = tuple(dict.fromkeys(name for name, _ in self.fields))
        return self.header(name) or HeaderValue("", name, missing=True, others=others)

    def directives(self, name: str) -> Directives:
        """Return the items of a field that is a list, such as Cache-Control; none if it is missing."""
        return Directives(self.field(name))

    @property
    def media_type(self) -> MediaType:
        """The media type from Content-Type, in lower case and without parameters (RFC 9110, section 8.3.1).

        It is empty if the field is missing.
        """
        value = self.header("Content-Type")
        return MediaType((value or "").partition(";")[0].strip().lower(), value)

    @property
    def content_length(self) -> HeaderValue:
        """The value of Content-Length; if the field is missing, it is empty and a report calls it missing."""
        return self.header("Content-Length") or HeaderValue("", "Content-Length", missing=True)

    @cached_property
    def source(self) -> Source:
        """The body as text, including all markup, decoded with the declared charset (by default UTF-8).

        If it cannot be decoded that way, it is decoded as Latin-1. Raises HttpError if it is larger than MAX_PAGE: a
        check that looks for a text in it would take too long, and must not overlook one behind that limit.
        """
        self._expect_page()
        return Source(self._decoded(self.body_bytes), self)

    def _expect_page(self) -> None:
        """Raise HttpError if the body is too large to be read as text."""
        if len(self.body_bytes) > MAX_PAGE:
            text = f"a page of {len(self.body_bytes):,} bytes; labcheck reads pages of up to {MAX_PAGE >> 20} MiB"
            raise HttpError(Trouble.TOO_LARGE, text)

    def _decoded(self, data: bytes) -> str:
        """Decode the body, or its beginning, which may end within a character."""
        declared = re.search(r';\s*charset\s*=\s*"?([\w.:-]+)', self.header("Content-Type") or "", re.IGNORECASE)
        charset = declared[1].lower() if declared else "utf-8"
        try:
            decoder = codecs.getincrementaldecoder(charset if CHARSET.fullmatch(charset) else "latin-1")()
            return decoder.decode(data, final=len(data) == len(self.body_bytes))
        except (LookupError, UnicodeError):
            return data.decode("latin-1")

    @property
    def _unpacked(self) -> bytes:
        """The body without gzip, up to MAX_PAGE; as it came if it is no gzip."""
        if self.field("Content-Encoding").strip().lower() != "gzip":
            return self.body_bytes
        try:
            return zlib.decompressobj(GZIP).decompress(self.body_bytes, MAX_PAGE)
        except zlib.error:
            return self.body_bytes

    @cached_property
    def json(self) -> Json:
        """The body as JSON; compare it with a Python value. Raises HttpError if it is larger than MAX_PAGE.

        If it is packed with gzip, it is unpacked, also if that was not asked for: this is the subject of another check.
        """
        self._expect_page()
        try:
            text = self._unpacked.decode()  # RFC 8259, section 8.1: always UTF-8
        except UnicodeDecodeError as error:
            return Json(str(self.source), f"not UTF-8 from byte {error.start + 1} on")
        return Json(text, broke_off=lambda: self.broke_off)

    @cached_property
    def xml(self) -> Xml:
        """The body as an XML document, packed or not, as in `json`. Raises HttpError if it is larger than MAX_PAGE."""
        from labcheck.protocols.xml_value import Xml  # most labs do not need it

        self._expect_page()
        return Xml(self._unpacked)

    @cached_property
    def shown(self) -> Shown:
        """The text that a reader sees on the page; use `text in answer.shown`.

        Character references such as `&lt;` are decoded. A text is also found if tags interrupt it.
        """
        source = self.source
        # A tag may be in the middle of a text (<b>/a/</b>b.zzz), or separate two texts (<td>1<td>2).
        views = dict.fromkeys((str(source), TAG.sub("", source), TAG.sub(" ", source)))  # each once: most have few tags
        return Shown(tuple(unescape(view) for view in views), self)


def unescape(text: str) -> str:
    """Decode the character references in a text; replace those beyond Unicode, on which html.unescape fails."""
    return html.unescape(LONG.sub("\ufffd", ZEROS.sub(r"&#\1", text)))


def numbers(answer: Answer) -> Numbers:
    """Return the numbers on a page, as a set that can be compared with `>=`.

    A number counts if neither a letter nor a digit is next to it, and if it has fewer than 10 digits.
    """
    found = {number[0] for view in answer.shown.views for number in NUMBER.finditer(view)}
    return Numbers(frozenset(map(int, found)), answer)
