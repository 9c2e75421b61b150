"""WebSocket frames, bit by bit (RFC 6455, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from labcheck.jupyter import fragment
from labcheck.record.text import printable, shorten

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
OPCODES = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
SHOWN_BYTES = 32  # of a payload
SHOWN_TEXT = 200  # characters of one


class Row(NamedTuple):
    """A field of a frame: where it is, its bytes and its bits, and what they mean.

    `rows` is how many fields share the bytes: 0 where an earlier one shows them.
    """

    place: str
    name: str
    data: str
    rows: int
    bits: str
    meaning: str


@dataclass(frozen=True)
class Frame:
    """A frame: `raw` are its bytes on the wire, `payload` those of its payload, without the mask."""

    raw: bytes
    fin: bool
    reserved: int
    opcode: int
    masked: bool
    mask: bytes
    payload: bytes

    @classmethod
    def make(cls, opcode: int, payload: bytes, mask: bytes = b"") -> Frame:
        """Make a frame that is a whole message; of 4 bytes that mask it, or unmasked."""
        head = bytes([0x80 | opcode])
        masked = 0x80 if mask else 0
        if len(payload) < 126:
            head += bytes([masked | len(payload)])
        elif len(payload) < 1 << 16:
            head += bytes([masked | 126]) + len(payload).to_bytes(2)
        else:
            head += bytes([masked | 127]) + len(payload).to_bytes(8)
        return cls.parse(head + mask + (unmask(payload, mask) if mask else payload))

    @classmethod
    def parse(cls, data: bytes) -> Frame:
        """Take a frame apart. Raises ValueError where the bytes are not one whole frame."""
        length, masked, start = _lengths(data)
        if len(data) < start + length:
            raise ValueError(
                f"the frame has not come whole: it announces a payload of {length:,} bytes, "
                f"so that it has {start + length:,} bytes, of which {len(data):,} are here"
            )
        if len(data) > start + length:
            raise ValueError(
                f"the frame ends after {start + length:,} bytes, and {len(data) - start - length:,} follow"
            )
        mask = data[start - 4 : start] if masked else b""
        payload = unmask(data[start:], mask) if masked else data[start:]
        return cls(data, bool(data[0] & 0x80), data[0] >> 4 & 0x7, data[0] & 0xF, masked, mask, payload)

    @staticmethod
    def size(data: bytes) -> int | None:
        """Return how many bytes the frame has that begins so; None where that cannot be told yet."""
        try:
            length, _, start = _lengths(data)
        except ValueError:
            return None
        return start + length

    @property
    def text(self) -> str:
        """The payload as text, of a close frame the reason."""
        return self.payload[2 if self.opcode == CLOSE else 0 :].decode("utf-8", "replace")

    @property
    def code(self) -> int | None:
        """The code of a close frame; None where it has none, or this is another frame."""
        return int.from_bytes(self.payload[:2]) if self.opcode == CLOSE and len(self.payload) >= 2 else None

    @property
    def kind(self) -> str:
        """What its opcode means."""
        return OPCODES.get(self.opcode, "reserved")

    def rows(self) -> list[Row]:
        """Return its fields, as the RFC draws them."""
        first, second = f"{self.raw[0]:08b}", f"{self.raw[1]:08b}"
        length, start = len(self.payload), len(self.raw) - len(self.payload)
        fin = "this frame ends its message" if self.fin else "more frames of this message follow"
        reserved = "an extension is in use" if self.reserved else "no extension is in use"
        masked = "masked, as every frame of a client" if self.masked else "not masked, as every frame of a server"
        short = self.raw[1] & 0x7F
        rows = [
            Row("0", "FIN", _hex(self.raw[:1]), 3, first[0], fin),
            Row("1–3", "RSV1–3", "", 0, first[1:4], reserved),
            Row("4–7", "opcode", "", 0, first[4:], f"{self.opcode:#x}: {self.kind}"),
            Row("8", "MASK", _hex(self.raw[1:2]), 2, second[0], masked),
            Row("9–15", "payload length", "", 0, second[1:], _told(short)),
        ]
        place = 2
        if short >= 126:
            size = 2 if short == 126 else 8
            extended = self.raw[place : place + size]
            rows.append(Row(_bits(place, size), "extended payload length", _hex(extended), 1, "", f"{length:,} bytes"))
            place += size
        if self.masked:
            meaning = "each byte of the payload is XORed with one of these, in turn"
            rows.append(Row(_bits(place, 4), "masking key", _hex(self.mask), 1, "", meaning))
        if length:
            on_the_wire = self.raw[start : start + SHOWN_BYTES]
            more = f" … {length - SHOWN_BYTES:,} more bytes" if length > SHOWN_BYTES else ""
            name = "payload, masked" if self.masked else "payload"
            rows.append(Row(f"from {8 * start}", name, _hex(on_the_wire) + more, 1, "", self._meaning()))
        return rows

    def _meaning(self) -> str:
        if self.code is not None:
            return f"close code {self.code}" + (f": {printable(self.text)}" if self.text else "")
        if self.opcode not in (CONTINUATION, TEXT):
            return f"{len(self.payload):,} bytes"
        return printable(shorten(self.text, SHOWN_TEXT))

    @property
    def _title(self) -> str:
        header, payload = len(self.raw) - len(self.payload), len(self.payload)
        return f"{self.kind} frame, {len(self.raw):,} bytes: {header} of header, {payload:,} of payload"

    def __repr__(self) -> str:
        rows = [("bits", "field", "bytes", "value", "meaning")]
        rows += [(row.place, row.name, row.data, row.bits, row.meaning) for row in self.rows()]
        return "\n".join([self._title, *fragment.columns(rows)])

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return fragment.bundle(repr(self), "frame.jinja", title=self._title, rows=self.rows())


def unmask(data: bytes, mask: bytes) -> bytes:
    """Mask a payload, or take its mask off: the two are the same (RFC 6455, section 5.3)."""
    key = (mask * (len(data) // len(mask) + 1))[: len(data)]
    return (int.from_bytes(data) ^ int.from_bytes(key)).to_bytes(len(data))


def _lengths(data: bytes) -> tuple[int, bool, int]:
    """Return the length of the payload, whether it is masked, and where it begins. Raises ValueError."""
    if len(data) < 2:
        raise ValueError(f"a frame has at least 2 bytes, and here are {len(data)}")
    masked, length, start = bool(data[1] & 0x80), data[1] & 0x7F, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[2:start])
    start += 4 if masked else 0
    if len(data) < start:
        raise ValueError(f"the header of this frame has {start} bytes, of which {len(data)} are here")
    return length, masked, start


def _told(short: int) -> str:
    if short < 126:
        return f"{short} bytes"
    return f"{short}: the next {2 if short == 126 else 8} bytes tell it"


def _hex(data: bytes) -> str:
    return data.hex(" ")


def _bits(start: int, size: int) -> str:
    return f"{8 * start}–{8 * (start + size) - 1}"
