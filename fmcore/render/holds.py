"""Frames that repeat the last one, written straight into an H.264 stream.

Two thirds of a lesson's frames stand still. To x264 each costs 5 ms at 1080p, to say of every block that it is as it
was. The same is said here in some twenty bytes: a slice in which all blocks are skipped (ITU-T H.264, 7.3 and 9.3), the
same for every still frame but for its number. Frames that x264 makes afterwards are renumbered. That fits together
because the stream has one reference frame, no frames out of order and one slice a frame: what the next frame refers
to is the last one, or its copies.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_P_SLICE, _IDR, _SPS, _PPS = 1, 5, 7, 8  # types of units of the stream
_SKIPPED = 5  # the type of a slice whose frame has only slices of type P
_HIGH = (100, 110, 122, 244)  # profiles that say more of their chroma
# Context 11, of the flag that a block is skipped, at cabac_init_idc 0 (table 9-13)
_SKIP_M, _SKIP_N = 23, 33


class Bits:
    """Writes bits, first the most significant."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def fixed(self, value: int, width: int) -> None:
        self._bits.extend(value >> at & 1 for at in range(width - 1, -1, -1))

    def unsigned(self, value: int) -> None:
        """ue(v), 9.1."""
        width = (value + 1).bit_length()
        self.fixed(0, width - 1)
        self.fixed(value + 1, width)

    def align(self, bit: int) -> None:
        while len(self._bits) % 8:
            self._bits.append(bit)

    def done(self) -> bytes:
        self.align(0)
        return int("".join(map(str, self._bits)) or "0", 2).to_bytes(len(self._bits) // 8, "big")


class _Reader:
    """Reads bits, first the most significant."""

    def __init__(self, content: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in content)
        self.at = 0

    def fixed(self, width: int) -> int:
        self.at += width
        return int(self._bits[self.at - width : self.at] or "0", 2)

    def unsigned(self) -> int:
        zeros = self._bits.index("1", self.at) - self.at
        self.at += zeros
        return self.fixed(zeros + 1) - 1

    def signed(self) -> int:
        value = self.unsigned()
        return (value + 1) // 2 if value % 2 else -(value // 2)


@dataclass(frozen=True)
class Stream:
    """What the slices of a stream need to know of its parameter sets."""

    number_bits: int  # of a frame's number
    blocks: int  # of 16 by 16 pixels, a frame
    qp: int
    cabac: bool
    weighted: bool
    references: int  # by default
    deblocking: bool  # whether slices say something about it

    @classmethod
    def of(cls, extradata: bytes) -> "Stream":
        """The stream with these parameter sets (Annex B).

        Raises:
            ValueError: still frames cannot be written into it.
        """
        units = {unit[0] & 31: unit for unit in units_of(extradata)}
        sps, pps = (_Reader(unescaped(units[kind][1:])) for kind in (_SPS, _PPS))
        profile = sps.fixed(8)
        sps.fixed(16)
        sps.unsigned()
        if profile in _HIGH:
            if sps.unsigned() == 3:
                sps.fixed(1)
            sps.unsigned()
            sps.unsigned()
            sps.fixed(1)
            if sps.fixed(1):
                raise ValueError("matrices for scaling, which x264 does not write unasked")
        number_bits = sps.unsigned() + 4
        in_order = sps.unsigned() == 2
        one_reference = sps.unsigned() == 1
        sps.fixed(1)
        blocks = (sps.unsigned() + 1) * (sps.unsigned() + 1)
        whole_frames = sps.fixed(1) == 1
        pps.unsigned()
        pps.unsigned()
        cabac = pps.fixed(1) == 1
        pps.fixed(1)
        one_group = pps.unsigned() == 0
        references = pps.unsigned() + 1
        pps.unsigned()
        weighted = pps.fixed(1) == 1
        pps.fixed(2)
        qp = 26 + pps.signed()
        pps.signed()
        pps.signed()
        deblocking = pps.fixed(1) == 1
        pps.fixed(1)
        plain = pps.fixed(1) == 0
        if not (in_order and one_reference and whole_frames and one_group and plain):
            raise ValueError("frames out of order, several references, or half frames")
        return cls(number_bits, blocks, qp, cabac, weighted, references, deblocking)

    def still(self, number: int) -> bytes:
        """A frame (Annex B) that is the last one again, and its `number`."""
        bits = Bits()
        bits.unsigned(0)  # the slice begins at the first block
        bits.unsigned(_SKIPPED)
        bits.unsigned(0)
        bits.fixed(number % (1 << self.number_bits), self.number_bits)
        bits.fixed(int(self.references > 1), 1)
        if self.references > 1:
            bits.unsigned(0)  # one reference
        bits.fixed(0, 1)  # in their usual order
        if self.weighted:
            bits.unsigned(0)
            bits.unsigned(0)
            bits.fixed(0, 2)
        bits.fixed(0, 1)  # kept as references are
        if self.cabac:
            bits.unsigned(0)
        bits.unsigned(0)  # the quantiser of the stream
        if self.deblocking:
            bits.unsigned(1)  # none
        if self.cabac:
            bits.align(1)
            content = bits.done() + _skipped_blocks(self.blocks, self.qp)
        else:
            bits.unsigned(self.blocks)
            bits.fixed(1, 1)
            content = bits.done()
        return b"\0\0\0\1" + bytes([0x40 | _P_SLICE]) + escaped(content)

    def number_of(self, unit: bytes) -> tuple[int, int]:
        """The number of the frame that a slice belongs to, and at which bit of the unit's content it stands."""
        reader = _Reader(unescaped(unit[1:33]))
        for _ in range(3):
            reader.unsigned()
        at = reader.at
        return reader.fixed(self.number_bits), at

    def renumbered(self, packet: bytes, shift: int) -> bytes:
        """`packet` (Annex B) with the numbers of its frame `shift` higher, unless it begins to count anew."""
        made = b""
        for unit in units_of(packet):
            if unit[0] & 31 == _P_SLICE and shift:
                number, at = self.number_of(unit)
                content = unescaped(unit[1:])
                width = len(content) * 8
                whole = int.from_bytes(content, "big")
                low = width - at - self.number_bits
                mask = (1 << self.number_bits) - 1
                whole = whole & ~(mask << low) | (number + shift & mask) << low
                unit = unit[:1] + escaped(whole.to_bytes(len(content), "big"))
            made += b"\0\0\0\1" + unit
        return made


def begins_anew(packet: bytes) -> bool:
    """Whether the frame in `packet` (Annex B) refers to nothing before it."""
    return any(unit[0] & 31 == _IDR for unit in units_of(packet))


def units_of(stream: bytes) -> list[bytes]:
    """The units of a stream in the form of Annex B, without their start codes."""
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:]]


def escaped(content: bytes) -> bytes:
    """`content` without what looks like a start code, 7.4.1."""
    return re.sub(b"\0\0(?=[\0-\3])", b"\0\0\3", content)


def unescaped(content: bytes) -> bytes:
    """The reverse of `escaped`."""
    return content.replace(b"\0\0\3", b"\0\0")


# -- arithmetic coding, 9.3 ----------------------------------------------------------------------

# fmt: off
_RANGE_OF_LESS_LIKELY = (
    (128, 176, 208, 240), (128, 167, 197, 227), (128, 158, 187, 216), (123, 150, 178, 205), (116, 142, 169, 195),
    (111, 135, 160, 185), (105, 128, 152, 175), (100, 122, 144, 166), (95, 116, 137, 158), (90, 110, 130, 150),
    (85, 104, 123, 142), (81, 99, 117, 135), (77, 94, 111, 128), (73, 89, 105, 122), (69, 85, 100, 116),
    (66, 80, 95, 110), (62, 76, 90, 104), (59, 72, 86, 99), (56, 69, 81, 94), (53, 65, 77, 89), (51, 62, 73, 85),
    (48, 59, 69, 80), (46, 56, 66, 76), (43, 53, 63, 72), (41, 50, 59, 69), (39, 48, 56, 65), (37, 45, 54, 62),
    (35, 43, 51, 59), (33, 41, 48, 56), (32, 39, 46, 53), (30, 37, 43, 50), (29, 35, 41, 48), (27, 33, 39, 45),
    (26, 31, 37, 43), (24, 30, 35, 41), (23, 28, 33, 39), (22, 27, 32, 37), (21, 26, 30, 35), (20, 24, 29, 33),
    (19, 23, 27, 31), (18, 22, 26, 30), (17, 21, 25, 28), (16, 20, 23, 27), (15, 19, 22, 25), (14, 18, 21, 24),
    (14, 17, 20, 23), (13, 16, 19, 22), (12, 15, 18, 21), (12, 14, 17, 20), (11, 14, 16, 19), (11, 13, 15, 18),
    (10, 12, 15, 17), (10, 12, 14, 16), (9, 11, 13, 15), (9, 11, 12, 14), (8, 10, 12, 14), (8, 9, 11, 13),
    (7, 9, 11, 12), (7, 9, 10, 12), (7, 8, 10, 11), (6, 8, 9, 11), (6, 7, 9, 10), (6, 7, 8, 9), (2, 2, 2, 2),
)
_AFTER_LESS_LIKELY = (
    0, 0, 1, 2, 2, 4, 4, 5, 6, 7, 8, 9, 9, 11, 11, 12, 13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21, 21, 22, 22, 23, 24,
    24, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 30, 31, 32, 32, 33, 33, 33, 34, 34, 35, 35, 35, 36, 36, 36, 37, 37, 37,
    38, 38, 63,
)
# fmt: on


@lru_cache(maxsize=8)
def _skipped_blocks(blocks: int, qp: int) -> bytes:
    """The data of a slice in which all `blocks` are skipped, coded with one context that adapts."""
    coder = _Coder()
    start = min(max((_SKIP_M * qp >> 4) + _SKIP_N, 1), 126)
    state, likely = (63 - start, 0) if start <= 63 else (start - 64, 1)
    for block in range(blocks):
        state, likely = coder.decide(1, state, likely)
        coder.terminate(block == blocks - 1)
    return coder.done()


class _Coder:
    """Binary arithmetic coding as in figures 9-28 to 9-34."""

    def __init__(self) -> None:
        self._low, self._range, self._pending, self._first = 0, 510, 0, True
        self._bits = Bits()

    def decide(self, value: int, state: int, likely: int) -> tuple[int, int]:
        """Code one value in a context; return how the context is afterwards."""
        less = _RANGE_OF_LESS_LIKELY[state][self._range >> 6 & 3]
        self._range -= less
        if value != likely:
            self._low += self._range
            self._range = less
            likely = 1 - likely if state == 0 else likely
            state = _AFTER_LESS_LIKELY[state]
        else:
            state = min(state + 1, 62)
        self._renormalise()
        return state, likely

    def terminate(self, end: bool) -> None:
        self._range -= 2
        if not end:
            self._renormalise()
            return
        self._low += self._range
        self._range = 2
        self._renormalise()
        self._put(self._low >> 9 & 1)
        self._bits.fixed(self._low >> 7 & 3 | 1, 2)  # its last bit is the one that ends the unit

    def done(self) -> bytes:
        return self._bits.done()

    def _renormalise(self) -> None:
        while self._range < 256:
            if self._low < 256:
                self._put(0)
            elif self._low >= 512:
                self._low -= 512
                self._put(1)
            else:
                self._low -= 256
                self._pending += 1
            self._range <<= 1
            self._low <<= 1

    def _put(self, bit: int) -> None:
        if self._first:
            self._first = False
        else:
            self._bits.fixed(bit, 1)
        self._bits.fixed(((1 << self._pending) - 1) * (1 - bit), self._pending)
        self._pending = 0
