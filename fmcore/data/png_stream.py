"""Whether all pixels of a PNG file are there: where their stream ends early, Pillow leaves the rest black, unsaid.

The stream is that of the W3C's "Portable Network Graphics (PNG) Specification", third edition, sections 7 to 10.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import IO

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by type of colour
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
_PIECE = 2**20  # bytes at a time


def is_whole(file: IO[bytes]) -> bool:
    """Whether the first image in `file`, an intact PNG otherwise, has a value for every pixel."""
    file.seek(8)
    wanted, found, inflate = 0, 0, zlib.decompressobj()
    for kind, data in _chunks(file):
        if kind == b"IHDR":
            wanted = _bytes_of(data)
        while kind == b"IDAT" and data and not inflate.eof:
            found += len(inflate.decompress(data, _PIECE))
            data = inflate.unconsumed_tail
            if found >= wanted:
                return True
    return False


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of every chunk that matters; a long one comes in pieces."""
    while len(head := file.read(8)) == 8:
        left, kind = struct.unpack(">I4s", head)
        while left and kind in (b"IHDR", b"IDAT") and (piece := file.read(min(left, _PIECE))):
            yield kind, piece
            left -= len(piece)
        file.seek(left + 4, 1)  # the check sum, too


def _bytes_of(header: bytes) -> int:
    """How long the stream of an image with this header is: every row begins with a byte for its filter."""
    width, height, bits, colour, _, _, interlaced = struct.unpack(">2I5B", header)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = ((-(-(height - top) // down), -(-(width - left) // across)) for top, left, down, across in passes)
    each = _CHANNELS[colour] * bits
    return sum(rows * (1 + -(-columns * each // 8)) for rows, columns in sizes if rows > 0 and columns > 0)
