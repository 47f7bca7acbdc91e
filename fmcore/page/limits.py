"""What is rounded or left out on a page, a sentence each: nobody shall take it for what was recorded."""

from collections.abc import Iterator, Sequence

from fmcore.analysis.naming import called
from fmcore.analysis.saying import listed
from fmcore.page.economies import Economy, rounding
from fmcore.page.packing import STEPS
from fmcore.page.phrases import quoted
from fmcore.page.pieces import Held, Piece, history_epochs
from fmcore.page.source import Source

_LISTED = 7  # layers, the last of which may stand for more


def limits(
    sources: Sequence[Source], layers: Sequence[Held], economy: Economy, pieces: Sequence[Piece], images: int
) -> list[str]:
    """The sentences for a page of all `layers` and `pieces` of `sources`, which had `images` before any economy."""
    return [
        *_rounded(economy, layers, pieces),
        *_images(sources, economy, pieces, images),
        *_channels(economy, layers),
        *_left_out(sources, economy, layers),
        *_without_arithmetic(layers),
    ]


def _rounded(economy: Economy, layers: Sequence[Held], pieces: Sequence[Piece]) -> Iterator[str]:
    if economy.maps in STEPS:
        said = rounding(economy.maps, "Values of images and feature maps", "map")
        derived = any(layer.rule != "stored" for layer in layers)
        yield said + (" A map after a nonlinearity is worked out from the rounded one before it." if derived else "")
    names = [piece.name for piece in pieces]
    told = [("/gradcam/", "Grad-CAM maps"), ("/history/", "feature maps of earlier epochs")]
    rounded = " and ".join(what for part, what in told if any(part in name for name in names))
    if rounded:
        yield rounding("levels8", rounded[0].upper() + rounded[1:], "map")
    if any(name.endswith("/weight_history") for name in names):
        yield rounding("levels16", "Weights of earlier epochs", "filter")


def _images(sources: Sequence[Source], economy: Economy, pieces: Sequence[Piece], images: int) -> Iterator[str]:
    recorded = [len(source.bundle.header.probes) for source in sources]
    if len(sources) > 1 and images < max(recorded):
        others = " and ".join(f"{count} of {quoted(one.name)}" for count, one in zip(recorded, sources, strict=True))
        yield f"Images are on the page if they were recorded of both networks, {images} of them; recorded are {others}."
    if (shown := len(sources[0].probes)) < images:
        yield f"{shown} of {images} images are on the page, evenly chosen; all of them would make it too large."
    most = economy.picture_pixels
    if most is not None and any(piece.name.startswith("original/") for piece in pieces):
        yield f"The pictures that images were cut from are scaled down to at most {most} pixels a side."


def _channels(economy: Economy, layers: Sequence[Held]) -> Iterator[str]:
    cut = [layer.study.name for layer in layers if not layer.every_channel]
    if cut:
        yield (
            f"{economy.most_channels} channels are on the page of every layer with more, chosen because they respond"
            f" strongly and differ most: {_some(cut)}."
        )
    few = [layer for layer in layers if layer.weighted and len(layer.weighted) < len(layer.channels)]
    if few:
        most = max(len(layer.weighted) for layer in few)
        yield f"Filters are on the page of at most {most} channels a layer: those that are shown first."


def _left_out(sources: Sequence[Source], economy: Economy, layers: Sequence[Held]) -> Iterator[str]:
    arrays = [name for source in sources for name in source.bundle.header.arrays]
    kept = {layer.study.name for layer in layers}
    if not economy.preactivations and any(layer.study.preactivation for layer in layers):
        yield (
            "Maps before the nonlinearity are left out, because they would make the page too large, and with them how"
            " single values come about."
        )
    if not economy.earlier_filters and any(name.endswith("/weight_history") for name in arrays):
        yield "Weights of earlier epochs are left out, because they would make the page too large."
    earlier = any(f"{name}/activation_history" in arrays for name in kept)
    if not economy.earlier_maps and earlier and any(history_epochs(source.bundle) for source in sources):
        yield "Feature maps of earlier epochs are left out, because they would make the page too large."


def _without_arithmetic(layers: Sequence[Held]) -> Iterator[str]:
    missing = [layer.study.name for layer in layers if layer.weighted and not layer.input]
    if missing:
        yield (
            "How a single value comes about is not shown where the page does not hold all that went into the layer:"
            f" {_some(missing)}."
        )


def _some(names: Sequence[str]) -> str:
    """Layers, such as "conv1, layer stem and 9 more"."""
    known = [called(name) for name in dict.fromkeys(names)]
    return listed(known, most=_LISTED)
