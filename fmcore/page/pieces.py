"""Which arrays a page holds under an economy: each with its name, how it is coded, and how to get it."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.answers import softmax
from fmcore.analysis.attribution import places_of_half
from fmcore.analysis.correlation import regridded
from fmcore.bundle import Array, Bundle
from fmcore.header import ORIGINAL
from fmcore.page.economies import Economy
from fmcore.page.packing import Coding
from fmcore.page.source import Source
from fmcore.page.study import SHOWN_FIRST, Rule, Study


@dataclass(frozen=True)
class Piece:
    """One array of the page. Pieces of one `family` compress about as well; those of one `key` are the same."""

    name: str
    family: Hashable
    key: Hashable
    load: Callable[[], Array]
    shape: tuple[int, ...]
    coding: Coding
    each: int = 0

    @property
    def raw_bytes(self) -> int:
        return int(np.prod(self.shape)) * {"uint8": 1, "levels8": 1, "levels16": 2}.get(self.coding, 4)


@dataclass(frozen=True)
class Held:
    """What the page holds of one layer."""

    study: Study
    channels: tuple[int, ...]  # rising
    weighted: tuple[int, ...]  # rising
    rule: Rule
    preactivation: bool
    sum: bool
    input: str

    @property
    def every_channel(self) -> bool:
        return len(self.channels) == self.study.info.output_shape[0]

    @property
    def representatives(self) -> tuple[int, ...]:
        return self.study.ranked[:SHOWN_FIRST]


def held(source: Source, studies: Sequence[Study], economy: Economy) -> list[Held]:
    """What the page holds of every layer under `economy`."""
    names = source.bundle.header.arrays
    layers = [_held(layer, economy, names) for layer in studies]
    whole = {f"{layer.study.name}/activation" for layer in layers if layer.every_channel}
    known = {"probes", "input"} & set(names) | whole
    return [layer if layer.input in known else replace(layer, input="") for layer in layers]


def _held(layer: Study, economy: Economy, names: Mapping[str, object]) -> Held:
    every = range(layer.info.output_shape[0])
    cut = economy.most_channels is not None and len(every) > economy.most_channels
    channels = tuple(sorted(layer.ranked[: economy.most_channels])) if cut else tuple(every)
    weighted = channels if economy.filters else tuple(sorted(layer.ranked[:SHOWN_FIRST]))
    preactivation = layer.preactivation and economy.preactivations
    return Held(
        study=layer,
        channels=channels,
        weighted=weighted if f"{layer.name}/weight" in names else (),
        rule=layer.rule if preactivation else "stored",
        preactivation=preactivation,
        sum=preactivation and f"{layer.name}/sum" in names,
        input=layer.info.input,
    )


def history_epochs(bundle: Bundle) -> tuple[int, ...]:
    """The epochs of the recorded feature maps of earlier ones: without the last, which is what was recorded anyway."""
    kept = bundle.header.activation_history
    if kept is None:
        return ()
    return kept.epochs[:-1] if _last(bundle) == kept.epochs[-1] else kept.epochs


def history_probes(source: Source, economy: Economy) -> list[int]:
    """The images of the page that have feature maps of earlier epochs."""
    kept = source.bundle.header.activation_history
    if kept is None or not economy.earlier_maps or not history_epochs(source.bundle):
        return []
    return [p for p, probe in enumerate(source.probes) if probe in kept.probes]


def _last(bundle: Bundle) -> int | None:
    history = bundle.header.training.history
    return history[-1].epoch if history else None


# -- all arrays ----------------------------------------------------------------------------------


def pieces(source: Source, layers: Sequence[Held], economy: Economy) -> Iterator[Piece]:
    """Every array of one network, named as the page's contract says."""
    yield from _of_images(source, economy)
    for layer in layers:
        yield from _of_maps(source, layer, economy)
        yield from _of_filters(source.bundle, layer, economy)
        yield from _of_earlier(source, layer, economy)
        yield from _of_answers(source, layer)


def _piece(
    name: str,
    of: tuple[Bundle, str],
    load: Callable[[], Array],
    shape: Sequence[int],
    coding: Coding,
    each: int = 0,
    part: Hashable = (),
) -> Piece:
    bundle, array = of
    family = (bundle.digest, array, coding)
    return Piece(name, family, (family, part), load, tuple(shape), coding, each)


def _rows(bundle: Bundle, name: str, rows: Sequence[int]) -> Array:
    array: Array = bundle.array(name)[list(rows)]
    return array


def _of_images(source: Source, economy: Economy) -> Iterator[Piece]:
    bundle, probes, arrays = source.bundle, source.probes, source.bundle.header.arrays
    c, h, w = bundle.header.model.input_shape
    load = partial(_rows, bundle, "probes", probes)
    yield _piece("probes", (bundle, "probes"), load, (len(probes), c, h, w), economy.maps, h * w, probes)
    for p, probe in enumerate(probes):
        if "input" in arrays:
            size = bundle.info("input").shape[1:]
            load = partial(_one, bundle, "input", probe)
            yield _piece(f"input/{p}", (bundle, "input"), load, size, economy.maps, size[1] * size[2], probe)
        name = ORIGINAL.format(probe)
        if name in arrays:
            shrunk = picture_size(bundle, probe, economy)
            load = partial(picture, bundle, probe, shrunk)
            size = (bundle.info(name).shape[0], *shrunk)
            yield _piece(f"original/{p}", (bundle, name), load, size, "uint8", part=shrunk)
    if "logits" in arrays:
        size = (len(probes), *bundle.info("logits").shape[1:])
        load = partial(probabilities, bundle, probes)
        yield _piece("probabilities", (bundle, "logits"), load, size, "float32", part=probes)
    if "gradcam_classes" in arrays:
        size = (len(probes), *bundle.info("gradcam_classes").shape[1:])
        load = partial(_rows, bundle, "gradcam_classes", probes)
        yield _piece("gradcam_classes", (bundle, "gradcam_classes"), load, size, "int32", part=probes)


def _one(bundle: Bundle, name: str, index: int, channels: Sequence[int] | None = None) -> Array:
    array: Array = bundle.array(name)[index]
    return array if channels is None else array[list(channels)]


def _of_maps(source: Source, layer: Held, economy: Economy) -> Iterator[Piece]:
    bundle, name, (_, h, w) = source.bundle, layer.study.name, layer.study.info.output_shape
    chosen = None if layer.every_channel else layer.channels
    stages = ["activation"] if layer.rule == "stored" else []
    stages += ["preactivation"] if layer.preactivation else []
    stages += ["sum"] if layer.sum else []
    for stage in stages:
        array = f"{name}/{stage}"
        for p, probe in enumerate(source.probes):
            load = partial(_one, bundle, array, probe, chosen)
            shape, key = (len(layer.channels), h, w), (probe, chosen)
            yield _piece(f"{name}/{stage}/{p}", (bundle, array), load, shape, economy.maps, h * w, key)


def _of_filters(bundle: Bundle, layer: Held, economy: Economy) -> Iterator[Piece]:
    name, arrays = layer.study.name, bundle.header.arrays
    for part in ("bias", "scale", "shift"):
        array = f"{name}/{part}"
        if array in arrays:
            yield _piece(array, (bundle, array), partial(bundle.array, array), bundle.info(array).shape, "float32")
    if not layer.weighted:
        return
    chosen, weight, earlier = layer.weighted, f"{name}/weight", f"{name}/weight_history"
    shape = (len(chosen), *bundle.info(weight).shape[1:])
    yield _piece(weight, (bundle, weight), partial(_rows, bundle, weight, chosen), shape, "float32", part=chosen)
    if earlier in arrays and economy.earlier_filters and (epochs := earlier_weights(bundle, layer.study.name)):
        load = partial(_filters_before, bundle, earlier, epochs, chosen)
        each = int(np.prod(shape[1:]))
        yield _piece(earlier, (bundle, earlier), load, (epochs, *shape), "levels16", each, chosen)


def earlier_weights(bundle: Bundle, layer: str) -> int:
    """How many epochs before the last the weights of `layer` are known of; 0 where some were not kept."""
    info = bundle.header.arrays.get(f"{layer}/weight_history")
    epochs = len(bundle.header.training.history)
    return epochs - 1 if info is not None and info.shape[0] == epochs else 0


def _filters_before(bundle: Bundle, name: str, epochs: int, channels: Sequence[int]) -> Array:
    array: Array = bundle.array(name)[:epochs, list(channels)]
    return array


def _of_earlier(source: Source, layer: Held, economy: Economy) -> Iterator[Piece]:
    bundle, name, (_, h, w) = source.bundle, layer.study.name, layer.study.info.output_shape
    array, kept = f"{name}/activation_history", bundle.header.activation_history
    if kept is None or array not in bundle.header.arrays:
        return
    epochs = len(history_epochs(bundle))
    for p in history_probes(source, economy):
        row = kept.probes.index(source.probes[p])
        load = partial(_maps_before, bundle, array, epochs, row, layer.channels)
        shape = (epochs, len(layer.channels), h, w)
        yield _piece(f"{name}/history/{p}", (bundle, array), load, shape, "levels8", h * w, (row, layer.channels))


def _maps_before(bundle: Bundle, name: str, epochs: int, row: int, channels: Sequence[int]) -> Array:
    array: Array = bundle.array(name)[:epochs, row][:, list(channels)]
    return array


def _of_answers(source: Source, layer: Held) -> Iterator[Piece]:
    bundle, name, probes = source.bundle, layer.study.name, source.probes
    arrays = bundle.header.arrays
    array = f"{name}/gradcam"
    if classes(bundle, name):
        shape = bundle.info(array).shape[1:]  # (T, H, W)
        for p, probe in enumerate(probes):
            load = partial(_one, bundle, array, probe)
            yield _piece(f"{name}/gradcam/{p}", (bundle, array), load, shape, "levels8", shape[1] * shape[2], probe)
        load = partial(support, bundle, array, probes)
        yield _piece(f"{name}/support", (bundle, array), load, (len(probes), shape[0], 2), "float32", part=probes)
    if f"{name}/ablated" in arrays:
        codings: tuple[tuple[str, Coding], ...] = (("ablated", "int32"), ("ablation", "float32"))
        for part, coding in codings:
            array = f"{name}/{part}"
            shape = (len(probes), *bundle.info(array).shape[1:])
            yield _piece(array, (bundle, array), partial(_rows, bundle, array, probes), shape, coding, part=probes)


def classes(bundle: Bundle, layer: str) -> int:
    """How many classes Grad-CAM was worked out for in `layer`."""
    info = bundle.header.arrays.get(f"{layer}/gradcam")
    return info.shape[1] if info is not None else 0


# -- what is worked out --------------------------------------------------------------------------


def probabilities(bundle: Bundle, probes: Sequence[int]) -> NDArray[np.float32]:
    """The softmax (P, K) of the logits of `probes`."""
    return softmax(_rows(bundle, "logits", probes)).astype(np.float32)


def support(bundle: Bundle, gradcam: str, probes: Sequence[int]) -> NDArray[np.float32]:
    """Of Grad-CAM maps (P, T, H, W) how few places hold half of the support, and the largest value, (P, T, 2)."""
    maps = _rows(bundle, gradcam, probes)
    places = [[places_of_half(one) for one in of_image] for of_image in maps]
    return np.stack([np.array(places), maps.max((2, 3))], -1).astype(np.float32)


def picture_size(bundle: Bundle, probe: int, economy: Economy) -> tuple[int, int]:
    """Height and width of the picture that `probe` was cut from, as the page holds it."""
    _, h, w = bundle.info(ORIGINAL.format(probe)).shape
    most = economy.picture_pixels
    if most is None or max(h, w) <= most:
        return h, w
    return max(1, ceil(h * most / max(h, w))), max(1, ceil(w * most / max(h, w)))


def picture(bundle: Bundle, probe: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """That picture (C, H, W); made smaller, every pixel is the mean over its area."""
    whole = bundle.array(ORIGINAL.format(probe))
    if whole.shape[1:] == size:
        return np.asarray(whole)
    smaller: NDArray[np.uint8] = np.rint(regridded(whole[None].astype(np.float64), size)[0]).astype(np.uint8)
    return smaller
