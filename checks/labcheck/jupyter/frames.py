"""WebSocket frames, bit by bit (RFC 6455, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from labcheck.jupyter import fragment
from labcheck.record.text import printable, shorten

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
OPCODES = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
NO_CODE = 1005  # stands for a close frame without a code (RFC 6455, section 7.4.1)
SHOWN_BYTES = 32  # bytes of a payload that are shown
SHOWN_TEXT = 200  # characters of a text payload that are shown


class Row(NamedTuple):
    """A field of a frame: its place, its name, its bytes and bits, and their meaning.

    `rows` is how many fields share the bytes; 0 if an earlier row shows them.
    """

    place: str
    name: str
    data: str
    rows: int
    bits: str
    meaning: str


@dataclass(frozen=True)
class Frame:
    """A frame. `raw` is the frame as sent over the network; `payload` is its unmasked payload."""

    raw: bytes
    fin: bool
    reserved: int
    opcode: int
    masked: bool
    mask: bytes
    payload: bytes

    @classmethod
    def make(cls, opcode: int, payload: bytes, mask: bytes = b"") -> Frame:
        """Return a frame that is a complete message. `mask` is 4 bytes, or empty for an unmasked frame."""
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
        """Parse a frame. Raises ValueError if the bytes are not exactly one frame."""
        length, masked, start = _lengths(data)
        if len(data) < start + length:
            raise ValueError(
                f"incomplete frame: its header announces a payload of {length:,} bytes, "
                f"so the frame has {start + length:,} bytes, but only {len(data):,} are here"
            )
        if len(data) > start + length:
            raise ValueError(
                f"the frame ends after {start + length:,} bytes, but {len(data) - start - length:,} more follow"
            )
        mask = data[start - 4 : start] if masked else b""
        payload = unmask(data[start:], mask) if masked else data[start:]
        return cls(data, bool(data[0] & 0x80), data[0] >> 4 & 0x7, data[0] & 0xF, masked, mask, payload)

    @staticmethod
    def size(data: bytes) -> int | None:
        """Return the size in bytes of a frame that starts with this data; None if more data is needed to know."""
        try:
            length, _, start = _lengths(data)
        except ValueError:
            return None
        return start + length

    @property
    def text(self) -> str:
        """The payload as text; in a close frame, the reason."""
        return self.data.decode("utf-8", "replace")

    @property
    def code(self) -> int | None:
        """The close code, or None if the frame has none or is not a close frame."""
        return int.from_bytes(self.payload[:2]) if self.opcode == CLOSE and len(self.payload) >= 2 else None

    @property
    def data(self) -> bytes:
        """The payload; in a close frame, the bytes of the reason."""
        return self.payload[2:] if self.opcode == CLOSE else self.payload

    @property
    def title(self) -> str:
        """The name of the opcode; in a close frame, with the code; if more frames follow, it says so."""
        code = f" {self.code or NO_CODE}" if self.opcode == CLOSE else ""
        return f"{self.kind}{code}{'' if self.fin else ', more to come'}"

    @property
    def kind(self) -> str:
        """The name of the opcode."""
        return OPCODES.get(self.opcode, "reserved")

    def rows(self) -> list[Row]:
        """Return the fields of the frame, in the order of the RFC's diagram."""
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
            Row("9–15", "payload length", "", 0, second[1:], _length(short)),
        ]
        place = 2
        if short >= 126:
            size = 2 if short == 126 else 8
            extended = self.raw[place : place + size]
            rows.append(Row(_bits(place, size), "extended payload length", _hex(extended), 1, "", f"{length:,} bytes"))
            place += size
        if self.masked:
            meaning = "each payload byte is XORed with one of these bytes, in turn"
            rows.append(Row(_bits(place, 4), "masking key", _hex(self.mask), 1, "", meaning))
        if length:
            sent = self.raw[start : start + SHOWN_BYTES]
            more = f" … {length - SHOWN_BYTES:,} more bytes" if length > SHOWN_BYTES else ""
            name = "payload, masked" if self.masked else "payload"
            rows.append(Row(f"from {8 * start}", name, _hex(sent) + more, 1, "", self._meaning()))
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
    """Mask or unmask a payload; both are the same operation (RFC 6455, section 5.3)."""
    key = (mask * (len(data) // len(mask) + 1))[: len(data)]
    return (int.from_bytes(data) ^ int.from_bytes(key)).to_bytes(len(data))


def _lengths(data: bytes) -> tuple[int, bool, int]:
    """Return the length of the payload, whether it is masked, and where it starts. Raises ValueError."""
    if len(data) < 2:
        raise ValueError(f"a frame has at least 2 bytes, but only {len(data)} are here")
    masked, length, start = bool(data[1] & 0x80), data[1] & 0x7F, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[2:start])
    start += 4 if masked else 0
    if len(data) < start:
        raise ValueError(f"incomplete frame: its header has {start} bytes, but only {len(data)} are here")
    return length, masked, start


def _length(short: int) -> str:
    if short < 126:
        return f"{short} bytes"
    return f"{short}: the length is in the next {2 if short == 126 else 8} bytes"


def _hex(data: bytes) -> str:
    return data.hex(" ")


def _bits(start: int, size: int) -> str:
    return f"{8 * start}–{8 * (start + size) - 1}"
