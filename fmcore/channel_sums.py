"""Sums over one layer's channels, part by part, and the statistics that follow from them.

Where a channel's mean is large beside its spread, sums are taken about a fixed pivot (Chan, Golub and LeVeque,
"Algorithms for computing the sample variance", 1983), because squares would cancel otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from fmcore.bundle import Array
from fmcore.errors import BundleError
from fmcore.geometry import NEVER_NEGATIVE
from fmcore.header import LayerInfo
from fmcore.image_parts import Part

TOP_IMAGES = 9  # of a channel
WIDEST_MATRIX = 512  # channels; of wider layers only the nearest other channel is kept
WIDEST_CORRELATED = 2048
_CANCELS = 9.0  # times the variance: a squared mean above it costs the sum of squares its last digits
_ENOUGH_INSIDE = 0.25  # of the places of a map
_BATCH = 16  # from which on torch leaves a convolution to oneDNN on a single thread, too

Doubles = NDArray[np.float64]


@dataclass
class _Top:
    """The strongest responses so far: channel, value, image and place of each, channels in order."""

    channel: NDArray[np.int64]
    value: NDArray[np.float32]
    image: NDArray[np.int64]
    place: NDArray[np.int64]

    def best(self) -> "_Top":
        """Only the `TOP_IMAGES` strongest of every channel, strongest first; of equals the earlier image."""
        order = np.lexsort((self.image, -self.value, self.channel))
        channel = self.channel[order]
        starts = np.searchsorted(channel, channel)
        kept = order[np.arange(len(order)) - starts < TOP_IMAGES]
        return _Top(self.channel[kept], self.value[kept], self.image[kept], self.place[kept])

    @classmethod
    def of(cls, parts: Sequence["_Top"]) -> "_Top":
        columns = ([getattr(one, name.name) for one in parts] for name in fields(cls))
        return cls(*(np.concatenate(column) for column in columns)).best()

    def least(self, channels: int) -> NDArray[np.float32] | None:
        """The value (C,) that a response must exceed to enter; None while there is room for more."""
        if len(self.channel) < channels * TOP_IMAGES:
            return None
        return self.value.reshape(channels, TOP_IMAGES)[:, -1]

    @classmethod
    def none(cls) -> "_Top":
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass
class Reading:
    """What one part's maps of a layer say: B images, C channels, K classes."""

    image_sums: NDArray[np.float32]  # (B, C), over the places of an image
    largest: NDArray[np.float32]  # (B, C)
    products: NDArray[np.float32]  # (C, C), or (C,) where the layer is too wide to be correlated; about the pivot
    active: Doubles  # (C,)
    one_hot: Doubles | None  # (B, 2 K), of classes and of shuffled ones
    on_object: "_OnObject | None"
    meaning: tuple[Doubles, Doubles] | None  # products (C + maps + 1, maps + 1) of both and 1; squares (C,)
    sample: dict[int, Array]
    top: _Top


@dataclass
class _OnObject:
    """What is positive on the object, along it and anywhere, in images that have one."""

    positive: Doubles  # (C, 3)
    places: Doubles  # (3,): how many there are
    fired: Doubles  # (C,): on how many of these images a channel is above zero
    images: int

    def __add__(self, more: "_OnObject") -> "_OnObject":
        return _OnObject(*(getattr(self, one.name) + getattr(more, one.name) for one in fields(self)))


class Sums:
    """Sums of one layer's activation over images and places; what several parts read is added at once.

    They are sums about `pivot` (C,), if there is one. `least` (C,) is what a response must exceed to be among the
    strongest, None while there is room for more.
    """

    def __init__(self, info: LayerInfo, pivot: Tensor | None) -> None:
        self.info, self.pivot = info, pivot
        c = info.output_shape[0]
        self._each = int(np.prod(info.output_shape[1:]))  # places of a map
        self._images = 0
        self._total, self._squared_means = np.zeros(c), np.zeros(c)  # of the values as they are; of image means
        self._products = np.zeros((c, c) if c <= WIDEST_CORRELATED else c)
        self._active, self._fired = np.zeros(c), np.zeros(c)
        self._maximum = np.full(c, -np.inf, np.float32)
        self._by_class: tuple[Doubles, Doubles] | None = None  # (C, 2 K), of image means; images (2 K,)
        self._on_object: _OnObject | None = None
        self._meaning: tuple[Doubles, Doubles] | None = None
        self._sample: dict[int, Array] = {}
        self._top = _Top.none()
        self.least: NDArray[np.float32] | None = None

    def add(self, readings: Sequence[Reading]) -> None:
        """Add what neighbouring parts read, in their order."""
        image_sums = np.concatenate([one.image_sums for one in readings]).astype(np.float64)
        largest = np.concatenate([one.largest for one in readings])
        means = image_sums / self._each
        self._images += len(means)
        self._total += image_sums.sum(0)
        self._squared_means += (means**2).sum(0)
        self._fired += (largest > 0).sum(0)
        np.maximum(self._maximum, largest.max(0), out=self._maximum)
        one_hots = [one.one_hot for one in readings if one.one_hot is not None]
        if one_hots:
            one_hot = np.concatenate(one_hots)
            self._by_class = _both(self._by_class, (means.T @ one_hot, one_hot.sum(0)))
        for one in readings:
            self._products += one.products
            self._active += one.active
            if one.on_object is not None:
                self._on_object = one.on_object if self._on_object is None else self._on_object + one.on_object
            self._meaning = _both(self._meaning, one.meaning)
            self._sample |= one.sample
        self._top = _Top.of([self._top, *(one.top for one in readings)])
        self.least = self._top.least(len(self._total))

    def result(self) -> dict[str, Array]:
        """The arrays of `<layer>/...` that follow from the sums.

        Raises:
            BundleError: an activation was not a number.
        """
        if not (np.isfinite(self._total).all() and np.isfinite(self._maximum).all()):
            channel = int(np.flatnonzero(~np.isfinite(self._total) | ~np.isfinite(self._maximum))[0])
            raise BundleError(
                f"Channel {channel + 1} of layer '{self.info.name}' gave NaN or infinite values on these images, so"
                " nothing drawn from it would be true; train again with a smaller learning rate, or mend the weights."
            )
        places = self._images * self._each
        mean = self._total / places
        about = mean if self.pivot is None else mean - self.pivot.double().numpy()
        whole = self._products.ndim == 2
        variance = (np.diagonal(self._products) if whole else self._products) / places - about**2
        variance = np.maximum(variance, 0)
        variance[variance <= 1e-12 * (mean**2 + 1e-30)] = 0  # what rounding leaves of a constant channel
        arrays: dict[str, Array] = {
            "mean": mean,
            "std": np.sqrt(variance),
            "maximum": self._maximum,
            "fired": self._fired / self._images,
            "active": self._active / places,
            "sparseness": _sparseness(
                per_image_mean=mean, mean_square=self._squared_means / self._images, n=self._images
            ),
            **self._top_arrays(),
            **self._meaning_array(),
        }
        if (found := self._on_object) is not None and found.places[-1] > 0:
            for column, name in enumerate(("foreground", "outline")):
                arrays[name] = found.positive[:, column] / np.maximum(found.positive[:, -1], 1e-30)
                arrays[f"{name}_area"] = np.array([found.places[column] / found.places[-1]])
            arrays["foreground_fired"] = found.fired / found.images
        if whole:
            arrays |= _correlation(self._products / places - np.outer(about, about), variance)
        if self._by_class is not None:
            means = self._by_class[0] / np.maximum(self._by_class[1], 1)
            arrays["class_mean"], arrays["class_mean_shuffled"] = np.split(means, 2, axis=1)
        if self._sample:
            arrays["sample"] = np.stack([self._sample[place] for place in sorted(self._sample)])
        return {name: a if a.dtype == np.int32 else a.astype(np.float32) for name, a in arrays.items()}

    def _top_arrays(self) -> dict[str, Array]:
        c, _, columns = self.info.output_shape
        top = self._top
        shape = (c, len(top.channel) // c)
        place = top.place.reshape(shape)
        return {
            "top_images": top.image.reshape(shape).astype(np.int32),
            "top_values": top.value.reshape(shape),
            "top_places": np.stack([place // columns, place % columns], -1).astype(np.int32),
        }

    def _meaning_array(self) -> dict[str, Array]:
        if self._meaning is None:
            return {}
        products, squares = self._meaning
        c, n = len(squares), products[-1, -1]
        mean, map_mean = products[:c, -1] / n, products[c:-1, -1] / n
        spread = _spread(squares / n, mean)
        map_spread = _spread(np.diagonal(products[c:-1, :-1]) / n, map_mean)
        covariance = products[:c, :-1] / n - np.outer(mean, map_mean)
        scale = np.outer(spread, map_spread)
        correlation = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
        return {"meaning": np.clip(correlation, -1, 1)}  # rounding leaves more where a channel hardly varies


def _both(
    so_far: tuple[Doubles, Doubles] | None, more: tuple[Doubles, Doubles] | None
) -> tuple[Doubles, Doubles] | None:
    return more if so_far is None else so_far if more is None else (so_far[0] + more[0], so_far[1] + more[1])


def _spread(mean_square: Array, mean: Array) -> Array:
    """Standard deviations, 0 where they are no more than what rounding leaves."""
    variance = mean_square - mean**2
    return np.sqrt(np.where(variance > 1e-6 * mean_square, variance, 0))


def _sparseness(per_image_mean: Array, mean_square: Array, n: int) -> Array:
    """Lifetime sparseness (C,), 0 where every image lights the channel alike, 1 where a single one does.

    Vinje and Gallant, "Sparse coding and decorrelation in primary visual cortex during natural vision", 2000.
    """
    ratio = np.divide(per_image_mean**2, mean_square, out=np.ones_like(mean_square), where=mean_square > 0)
    return np.clip((1 - ratio) / (1 - 1 / n), 0, 1) if n > 1 else np.zeros_like(ratio)


def _correlation(covariance: Doubles, variance: Doubles) -> dict[str, Array]:
    spread = np.sqrt(np.outer(variance, variance))
    matrix = np.clip(np.divide(covariance, spread, out=np.zeros_like(covariance), where=spread > 0), -1, 1)
    if len(matrix) <= WIDEST_MATRIX:
        np.fill_diagonal(matrix, (variance > 0).astype(float))
        return {"correlation": matrix}
    np.fill_diagonal(matrix, -2)
    nearest = matrix.argmax(1)
    return {"nearest": nearest.astype(np.int32), "nearest_correlation": matrix[np.arange(len(matrix)), nearest]}


def read(activation: Tensor, maxima: Tensor, part: Part, sums: Sums) -> Reading:
    """What one part says: activation (B, C, h, w). `sums` are those of parts before it.

    `maxima` is the activation, or it pooled by the network: any maps with the same largest values.
    Every pass over the maps costs as much as the memory is slow, so there are as few as can be.
    """
    info, pivot = sums.info, sums.pivot
    maps = _channels_last(activation)
    images, h, w, c = maps.shape
    flat = maps.view(-1, c)  # (N, C)
    centred = flat if pivot is None else flat - pivot
    products = _products(centred, centred) if c <= WIDEST_CORRELATED else centred.square().sum(0)
    never_negative = info.nonlinearity in NEVER_NEGATIVE
    largest = _largest(_channels_last(maxima), never_negative)
    reading = Reading(
        image_sums=maps.view(images, h * w, c).sum(1).numpy(),
        largest=largest,
        products=products.numpy(),
        active=_count(np.greater(flat.numpy(), 0)),
        one_hot=part.one_hot,
        on_object=None,
        meaning=None,
        sample={},
        top=_candidates(maps, largest, sums.least, part.rows.start),
    )
    masks, known = part.on(info)
    if masks is not None:
        positive = flat if never_negative else flat.clamp(min=0)
        having = masks.view(images, h * w, -1)[:, 0, -1].numpy() > 0  # (B,)
        reading.on_object = _OnObject(
            positive=_products(positive, masks).double().numpy(),
            places=masks.sum(0).double().numpy(),
            fired=(largest[having] > 0).sum(0).astype(np.float64),
            images=int(having.sum()),
        )
    if known is not None:
        rows, columns = _inside(info, part.plan.images.shape[2:])
        seen, there = (x.view(images, h, w, -1)[:, rows, columns].flatten(0, 2) for x in (centred, known))
        products = torch.cat([_products(seen, there), _products(there, there)])
        reading.meaning = products.double().numpy(), seen.square().sum(0).double().numpy()
    if part.sampled:
        grid = (min(part.plan.grid, h), min(part.plan.grid, w))
        sampled = maps.index_select(0, torch.tensor(part.sampled)).permute(0, 3, 1, 2)
        reading.sample = dict(zip(part.places, nn.functional.adaptive_avg_pool2d(sampled, grid).numpy(), strict=True))
    return reading


def _products(one: Tensor, other: Tensor) -> Tensor:
    """`one`.T @ `other`, of (N, C) and (N, D).

    As the gradient of the weights of a convolution of 1 x 1 over a batch of N places. Its code takes half the time
    that a product of so long and narrow matrices takes, and does not add them up one by one, which costs single
    precision two digits.
    """
    n = len(one) // _BATCH * _BATCH
    rest = one[n:].T @ other[n:]
    if not n:
        return rest
    into, out = (x[:n].view(_BATCH, 1, n // _BATCH, -1).permute(0, 3, 1, 2) for x in (one, other))
    weights: Tensor = conv2d_weight(into, (out.shape[1], into.shape[1], 1, 1), out)  # type: ignore[no-untyped-call]
    return weights.flatten(1).T + rest


def _inside(info: LayerInfo, image: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns that see no padding, whose zeros would pass for edges; all places where few are so."""
    _, h, w = info.output_shape
    tops_and_bottoms = np.array([info.field.box(row, 0)[::2] for row in range(h)])  # (h, 2)
    lefts_and_rights = np.array([info.field.box(0, column)[1::2] for column in range(w)])
    free = [
        np.flatnonzero((edges[:, 0] >= 0) & (edges[:, 1] <= length))  # neighbours: fields move with their places
        for edges, length in zip((tops_and_bottoms, lefts_and_rights), image, strict=True)
    ]
    if len(free[0]) * len(free[1]) < _ENOUGH_INSIDE * h * w:
        return slice(h), slice(w)
    rows, columns = (slice(int(places[0]), int(places[-1]) + 1) for places in free)
    return rows, columns


def _count(flags: NDArray[np.bool_]) -> Doubles:
    """How many of flags (N, C) are set, by column. Summing bytes, 255 rows at once, is quicker than any other way."""
    n, c = flags.shape
    blocks = n // 255
    counts = np.zeros(c)
    if blocks:
        rows = flags[: blocks * 255].view(np.uint8).reshape(255, blocks * c)
        counts += np.add.reduce(rows, axis=0, dtype=np.uint8).reshape(blocks, c).sum(0)
    counts += flags[blocks * 255 :].sum(0)
    return counts


def pivot_of(activation: Tensor) -> Tensor | None:
    """The mean (C,) of an activation (B, C, h, w) where some channel varies so little that sums of squares cancel."""
    flat = _channels_last(activation).flatten(0, 2)
    mean, variance = flat.mean(0), flat.var(0, correction=0)
    return mean if bool((mean.square() > _CANCELS * variance).any()) else None


def _channels_last(activation: Tensor) -> Tensor:
    """Maps (B, h, w, C) of an activation (B, C, h, w): no copy where it lies so in memory."""
    maps = activation.permute(0, 2, 3, 1).contiguous()
    return maps if maps.device.type == "cpu" and maps.dtype == torch.float32 else maps.to("cpu", torch.float32)


def _largest(maps: Tensor, never_negative: bool) -> NDArray[np.float32]:
    """The largest value (B, C) of every map; of maps (B, h, w, C).

    In two steps, a tenth of the time of both axes at once. Numbers of which none is negative are in the order of their
    bits, and whole numbers are compared in two thirds of the time.
    """
    images, h, w, c = maps.shape
    bits = maps.view(torch.int32) if never_negative else maps
    largest = bits.view(images, h, w * c).amax(1).view(images, w, c).amax(1)
    return largest.view(torch.float32).numpy()


def _candidates(maps: Tensor, largest: NDArray[np.float32], least: NDArray[np.float32] | None, first: int) -> _Top:
    """Images of maps (B, h, w, C) whose largest value (B, C) may be among the strongest of a channel."""
    if least is not None:
        image, channel = np.nonzero(largest > least)
        if not len(image):
            return _Top.none()
    else:
        place = max(0, len(largest) - TOP_IMAGES)
        image, channel = np.nonzero(largest >= np.partition(largest, place, axis=0)[place])
    chosen = maps.flatten(1, 2).numpy()[image, :, channel]  # (n, h x w)
    return _Top(channel, largest[image, channel], image + first, chosen.argmax(1))
