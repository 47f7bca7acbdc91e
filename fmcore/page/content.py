"""What the page is told, field by field as its contract `web/src/contract.ts` says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fmcore import __version__
from fmcore.colour import GREY, SIGNED, STRENGTH, table
from fmcore.page.economies import Economy
from fmcore.page.limits import limits
from fmcore.page.packing import Packed, Packer
from fmcore.page.pairing import LayerMatch, agreement, matches
from fmcore.page.pieces import Held, Piece, held, pieces
from fmcore.page.records import model
from fmcore.page.shelf import Shelf
from fmcore.page.source import Source
from fmcore.page.study import shared_range, study

SCHEMA = 2
_TABLES = {"strength": STRENGTH, "signed": SIGNED, "grey": GREY}

Content = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What a page holds of one network under an economy."""

    source: Source
    layers: list[Held]
    pieces: list[Piece]


class Page:
    """The content of a page of one network or two, under one economy or another."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = tuple(sources)
        self.images = len(sources[0].probes)
        self._studies = [study(source) for source in sources]

    def shown(self, economy: Economy) -> list[Shown]:
        """What it holds under `economy`."""
        found = []
        for source, layers in zip(self.sources, self._studies, strict=True):
            source = source.only(economy.images(self.images))
            kept = held(source, layers, economy)
            found.append(Shown(source, kept, list(pieces(source, kept, economy))))
        return found

    def pieces(self, economy: Economy) -> list[Piece]:
        """All arrays that it holds under `economy`."""
        return [piece for one in self.shown(economy) for piece in one.pieces]

    def probes(self, economy: Economy) -> list[tuple[int, ...]]:
        """Of every network the numbers in its bundle of the images that are held under `economy`."""
        return [source.only(economy.images(self.images)).probes for source in self.sources]

    def filled(self, economy: Economy, shelf: Shelf) -> tuple[Content, str]:
        """The content under `economy`, and the text of its arrays."""
        packer = Packer()
        found = self.shown(economy)
        arrays = [{piece.name: packer.place(shelf.encoded(piece)) for piece in one.pieces} for one in found]
        return self._content(found, arrays, economy), packer.text

    def _content(self, found: Sequence[Shown], arrays: Sequence[dict[str, Packed]], economy: Economy) -> Content:
        everything = [layer for layers in self._studies for layer in layers]
        shared = {stage: shared_range(everything, stage) for stage in ("activation", "preactivation")}
        models = [
            {**model(one.source, one.layers, economy), "shared": shared, "arrays": own}
            for one, own in zip(found, arrays, strict=True)
        ]
        every_layer = [layer for one in found for layer in one.layers]
        every_piece = [piece for one in found for piece in one.pieces]
        sources = [one.source for one in found]
        pair = (found[0], found[1]) if len(found) > 1 else None
        return {
            "schema": SCHEMA,
            "fmcore": __version__,
            "title": f"Feature maps of {shown(sources)}",
            "tables": {name: table(colours).tobytes().hex() for name, colours in _TABLES.items()},
            "models": models,
            "matches": _matches(*pair) if pair else [],
            "comparison": agreement(pair[0].source, pair[1].source) if pair else [],
            "limits": limits(sources, every_layer, economy, every_piece, self.images),
            "start": _start(found[0]),
            "tour": [],
            "questions": [],
            "notes": [],
            "film": None,
        }


def _matches(one: Shown, other: Shown) -> list[LayerMatch]:
    held = [{layer.study.name: layer.channels for layer in shown.layers} for shown in (one, other)]
    return matches(one.source, other.source, held[0], held[1])


def shown(sources: Sequence[Source]) -> str:
    """What the page is of, such as "tutorial and deep on garments"."""
    return f"{' and '.join(source.name for source in sources)} on {data_of(sources)}"


def data_of(sources: Sequence[Source]) -> str:
    """The name of the data set."""
    return sources[0].bundle.header.dataset.name.removeprefix("folder:")


def _start(one: Shown) -> dict[str, str]:
    first = next((layer for layer in one.layers if layer.study.info.type == "convolution"), one.layers[0])
    return {
        "image": str(one.source.default + 1),
        "layer": first.study.name,
        "channel": str(first.representatives[0] + 1),
    }
