"""How much room pieces take, and their compressed bytes: what is compressed once is kept while economies are tried."""

from collections.abc import Callable, Hashable, Iterable

import numpy as np

from fmcore.page.packing import Encoded, encode
from fmcore.page.pieces import Piece

_SAMPLE_VALUES = 32_768  # of the first piece of a family, to tell how well all of them compress
_ABOUT = 1.15  # an estimate may be off by so much


def silent() -> None:
    """What is told where nobody listens."""


class Shelf:
    """Compressed pieces by key, and how well families compress. `told` is called for every array that is packed."""

    def __init__(self, told: Callable[[], None] = silent) -> None:
        self._encoded: dict[Hashable, Encoded] = {}
        self._share: dict[Hashable, float] = {}  # compressed bytes a raw byte
        self._told = told

    def encoded(self, piece: Piece) -> Encoded:
        if piece.key not in self._encoded:
            self._encoded[piece.key] = encode(piece.load(), piece.coding, piece.each)
            self._told()
        return self._encoded[piece.key]

    def characters(self, pieces: Iterable[Piece], room: float) -> float:
        """What `pieces` take as text: exact where that is about `room` or less, else an estimate."""
        pieces = list({piece.key: piece for piece in pieces}.values())
        estimate = sum(self._estimate(piece) for piece in pieces)
        if estimate > _ABOUT * room:
            return estimate
        return sum(self.encoded(piece).characters for piece in pieces)

    def _estimate(self, piece: Piece) -> float:
        if piece.key in self._encoded:
            return self._encoded[piece.key].characters
        if piece.family not in self._share:
            self._share[piece.family] = self._sampled(piece)
        return self._share[piece.family] * piece.raw_bytes * 4 / 3

    def _sampled(self, piece: Piece) -> float:
        """How well some runs of `piece` compress, evenly taken."""
        run = piece.each or piece.shape[-1]
        runs = piece.load().reshape(-1, run)
        count = max(1, min(len(runs), _SAMPLE_VALUES // run))
        chosen = runs[np.linspace(0, len(runs) - 1, count).round().astype(int)]
        raw_bytes: float = chosen.size * piece.raw_bytes / runs.size
        return len(encode(chosen, piece.coding, run).stream) / raw_bytes
