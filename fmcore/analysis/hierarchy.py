"""Edges to objects, as figures: what changes from layer to layer on the way from the image to the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmcore.bundle import Bundle
from fmcore.header import LayerInfo

Floats = NDArray[np.floating]

_LIKE_THE_INPUT = ("brightness", "darkness")
SHUFFLED = "class_mean_shuffled"  # the array of a layer: over few images, channels prefer some class by chance
_EDGES = "edges"  # how the names of the classical maps of edges end


@dataclass(frozen=True)
class Stage:
    """One layer in figures; means are over its live channels and None where they were not measured."""

    layer: str
    type: str
    channels: int
    live: int  # channels that are not the same everywhere
    field: (
        tuple[int, int] | None
    )  # height and width in pixels of what one place is computed from; None where that is not known
    share: float | None  # of the image that this is, by area; 1 where it is computed from everything
    selectivity: float | None  # mean class selectivity, 0..1: 1 where channels answer to one class only
    chance: float | None  # the same where each image has the label of another
    sparseness: float | None  # mean sparseness over images
    likeness: float | None  # mean of |correlation| with the brightness or darkness of the image
    edges: float | None  # mean of the best correlation with edges of any direction


def live_share_above_zero(bundle: Bundle, layer: str, probe: int) -> float:
    """How much of what the live channels of `layer` make of one probe lies above zero; 0 where none is live.

    Of all channels, where nothing was measured over many images.
    """
    info, maps = bundle.layer(layer), bundle.part(f"{layer}/activation", probe)  # (C, H, W)
    if f"{layer}/active" in bundle.header.arrays:
        maps = maps[_live(bundle, info)]
    return float((maps > 0).mean()) if maps.size else 0.0


def hierarchy(bundle: Bundle) -> list[Stage]:
    """The convolutions and blocks of `bundle` that have statistics, in the order in which they ran."""
    return [
        _stage(bundle, layer)
        for layer in bundle.header.layers
        if layer.type in ("convolution", "block") and f"{layer.name}/active" in bundle.header.arrays
    ]


def _stage(bundle: Bundle, layer: LayerInfo) -> Stage:
    live = _live(bundle, layer)
    sparseness = _statistic(bundle, layer, "sparseness")
    selectivity, chance = (_class_selectivity(bundle, layer, part) for part in ("class_mean", SHUFFLED))
    return Stage(
        layer=layer.name,
        type=layer.type,
        channels=len(live),
        live=int(live.sum()),
        field=layer.field.size if layer.field.known else None,
        share=_share(layer, bundle.header.model.input_shape[1:]),
        selectivity=_mean(selectivity, live),
        chance=_mean(chance, live),
        sparseness=_mean(sparseness, live),
        likeness=_mean(_likeness(bundle, layer), live),
        edges=_mean(_edge_score(bundle, layer), live),
    )


def _live(bundle: Bundle, layer: LayerInfo) -> NDArray[np.bool_]:
    """Which channels (C,) are not the same everywhere."""
    spread = _statistic(bundle, layer, "std")  # (C,)
    found: NDArray[np.bool_] = (bundle.array(f"{layer.name}/active") if spread is None else spread) > 0
    return found


def _share(layer: LayerInfo, image: tuple[int, int]) -> float | None:
    if not layer.field.boxed:
        return 1.0 if layer.field.known else None
    height, width = (min(1.0, size / full) for size, full in zip(layer.field.size, image, strict=True))
    return height * width


def selectivity_of(class_mean: Floats) -> Floats:
    """The class selectivity index (C,) of channels whose mean activation for each class is `class_mean` (C, K).

    (max - rest) / (max + rest), where rest is the mean over all other classes: Morcos et al., "On the importance of
    single directions for generalization" (2018), eq. 1. Means below zero, which only some nonlinearities leave, count
    as zero, so that the index stays in 0..1; a channel that answers to no class has 0.
    """
    means = np.maximum(np.asarray(class_mean, np.float64), 0)
    largest = means.max(1)
    rest = (means.sum(1) - largest) / (means.shape[1] - 1)
    total = largest + rest
    index: Floats = np.where(total > 0, (largest - rest) / np.where(total > 0, total, 1), 0)
    return index


def _class_selectivity(bundle: Bundle, layer: LayerInfo, part: str = "class_mean") -> Floats | None:
    means = _statistic(bundle, layer, part)
    if means is None:
        return None
    if "test_label" in bundle.header.arrays:  # a class without images has a mean of nothing
        means = means[:, np.unique(bundle.array("test_label"))]
    if (means < 0).any():  # of signed maps, whose means lie about zero, the index would be large and say nothing
        return None
    return selectivity_of(means) if means.shape[1] > 1 else None


def typical_of_classes(bundle: Bundle, layer: str) -> tuple[int, Floats] | None:
    """A channel of `layer` about as selective as its live ones are on average, and its mean for each class (K,).

    Classes without images are left out. None where selectivity was not measured.
    """
    info = bundle.layer(layer)
    selectivity, means = _class_selectivity(bundle, info), _statistic(bundle, info, "class_mean")
    live = _live(bundle, info)
    if selectivity is None or means is None or not live.any():
        return None
    channel = int(np.where(live, np.abs(selectivity - selectivity[live].mean()), np.inf).argmin())
    own = means[channel]
    return channel, own[np.unique(bundle.array("test_label"))] if "test_label" in bundle.header.arrays else own


def _likeness(bundle: Bundle, layer: LayerInfo) -> Floats | None:
    columns = _meanings(bundle, layer, [name for name in _classical(bundle) if name in _LIKE_THE_INPUT])
    return None if columns is None else np.abs(columns).max(1)


def _edge_score(bundle: Bundle, layer: LayerInfo) -> Floats | None:
    columns = _meanings(bundle, layer, [name for name in _classical(bundle) if _EDGES in name])
    return None if columns is None else columns.max(1)


def _meanings(bundle: Bundle, layer: LayerInfo, names: list[str]) -> Floats | None:
    """Those columns (C, len(names)) of the layer's correlations with the classical maps; None where there are none."""
    meaning = _statistic(bundle, layer, "meaning")
    if meaning is None or not names:
        return None
    known = _classical(bundle)
    return meaning[:, [known.index(name) for name in names]]


def _classical(bundle: Bundle) -> tuple[str, ...]:
    return bundle.header.measures.meaning if bundle.header.measures else ()


def _statistic(bundle: Bundle, layer: LayerInfo, part: str) -> Floats | None:
    name = f"{layer.name}/{part}"
    return bundle.array(name) if name in bundle.header.arrays else None


def _mean(values: Floats | None, live: NDArray[np.bool_]) -> float | None:
    return float(values[live].mean(dtype=np.float64)) if values is not None and live.any() else None


# -- with depth ----------------------------------------------------------------------------------


def trend(values: Sequence[float | None]) -> float | None:
    """Spearman's rank correlation, -1..1, of `values` with their order: 1 where each is above the one before.

    Values that were not measured are left out; None where fewer than three remain. Equal values share a rank, and
    where all are equal there is no trend: 0. Spearman, "The proof and measurement of association between two things"
    (1904).
    """
    known = np.array([value for value in values if value is not None], np.float64)
    if len(known) < 3:
        return None
    ranks = (known[:, None] > known).sum(1) + ((known[:, None] == known).sum(1) - 1) / 2
    if np.ptp(ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1])
