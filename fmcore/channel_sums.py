"""Sums over one layer's channels, part by part, and the statistics that follow from them.

Where a channel's mean is large beside its spread, sums are taken about a fixed pivot (Chan, Golub and LeVeque,
"Algorithms for computing the sample variance", 1983), because squares would cancel otherwise.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmcore.bundle import Array
from fmcore.errors import BundleError
from fmcore.geometry import NEVER_NEGATIVE
from fmcore.header import LayerInfo
from fmcore.image_parts import Part

TOP_IMAGES = 9  # of a channel
WIDEST_MATRIX = 512  # channels; of wider layers only the nearest other channel is kept
WIDEST_CORRELATED = 2048
_BLOCK_VALUES = 2**18  # of one layer: a MiB, which stays in the cache while it is read four times
_CANCELS = 9.0  # times the variance: a squared mean above it costs the sum of squares its last digits
_ENOUGH_INSIDE = 0.25  # of the places of a map

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

    def joined(self, other: "_Top") -> "_Top":
        return _Top(
            np.concatenate([self.channel, other.channel]),
            np.concatenate([self.value, other.value]),
            np.concatenate([self.image, other.image]),
            np.concatenate([self.place, other.place]),
        ).best()

    def least(self, channels: int) -> NDArray[np.float32] | None:
        """The value (C,) that a response must exceed to enter; None while there is room for more."""
        if len(self.channel) < channels * TOP_IMAGES:
            return None
        return self.value.reshape(channels, TOP_IMAGES)[:, -1]

    @classmethod
    def none(cls) -> "_Top":
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass
class Sums:
    """Sums of one layer's activation over images and places; C channels."""

    pivot: Tensor | None  # (C,), where sums of products are taken about it
    images: int
    places: int
    total: Doubles  # (C,), of the values as they are
    products: Doubles  # (C, C), or (C,) where the layer is too wide to be correlated
    active: Doubles  # (C,)
    fired: Doubles
    maximum: NDArray[np.float32]
    squared_means: Doubles  # (C,) sum over images of the square of their mean
    on_object: Doubles  # (C, 2): what is positive on the object, and anywhere, in images that have one
    object_places: Doubles  # (2,)
    by_class: Doubles | None  # (C, K)
    class_counts: Doubles | None
    meaning: tuple[Doubles, Doubles] | None = None  # products (C + maps + 1, maps + 1) of both and 1; squares
    sample: dict[int, Array] = field(default_factory=dict)
    top: _Top = field(default_factory=lambda: _Top.none())
    least: NDArray[np.float32] | None = None  # (C,), what enters `top` is above it; None until `top` is full

    def add(self, other: "Sums") -> None:
        self.images += other.images
        self.places += other.places
        for name in ("total", "products", "active", "fired", "squared_means", "on_object", "object_places",
                     "by_class", "class_counts"):  # fmt: skip
            mine = getattr(self, name)
            if mine is not None:
                mine += getattr(other, name)
        np.maximum(self.maximum, other.maximum, out=self.maximum)
        if other.meaning is not None and self.meaning is not None:
            self.meaning = self.meaning[0] + other.meaning[0], self.meaning[1] + other.meaning[1]
        self.sample |= other.sample
        if len(other.top.channel):
            self.top = self.top.joined(other.top)
            self.least = self.top.least(len(self.total))

    def result(self, info: LayerInfo, labelled: bool) -> dict[str, Array]:
        """The arrays of `<layer>/...` that follow from the sums.

        Raises:
            BundleError: an activation was not a number.
        """
        if not (np.isfinite(self.total).all() and np.isfinite(self.maximum).all()):
            channel = int(np.flatnonzero(~np.isfinite(self.total) | ~np.isfinite(self.maximum))[0])
            raise BundleError(
                f"Channel {channel + 1} of layer '{info.name}' gave NaN or infinite values on these images, so nothing"
                " drawn from it would be true; train again with a smaller learning rate, or mend the weights."
            )
        mean = self.total / self.places
        about = mean if self.pivot is None else mean - self.pivot.double().numpy()
        whole = self.products.ndim == 2
        variance = (np.diagonal(self.products) if whole else self.products) / self.places - about**2
        variance = np.maximum(variance, 0)
        variance[variance <= 1e-12 * (mean**2 + 1e-30)] = 0  # what rounding leaves of a constant channel
        arrays: dict[str, Array] = {
            "mean": mean,
            "std": np.sqrt(variance),
            "maximum": self.maximum,
            "fired": self.fired / self.images,
            "active": self.active / self.places,
            "sparseness": _sparseness(per_image_mean=mean, mean_square=self.squared_means / self.images, n=self.images),
            **self._top_arrays(info),
            **self._meaning_array(),
        }
        if self.object_places[1] > 0:
            arrays["foreground"] = self.on_object[:, 0] / np.maximum(self.on_object[:, 1], 1e-30)
            arrays["foreground_area"] = np.array([self.object_places[0] / self.object_places[1]])
        if whole:
            arrays |= _correlation(self.products / self.places - np.outer(about, about), variance)
        if labelled and self.by_class is not None and self.class_counts is not None:
            arrays["class_mean"] = self.by_class / np.maximum(self.class_counts, 1)
        if self.sample:
            arrays["sample"] = np.stack([self.sample[place] for place in sorted(self.sample)])
        return {name: a if a.dtype == np.int32 else a.astype(np.float32) for name, a in arrays.items()}

    def _top_arrays(self, info: LayerInfo) -> dict[str, Array]:
        c, _, columns = info.output_shape
        top = self.top.best()  # of a single part, more than enough were kept
        shape = (c, len(top.channel) // c)
        place = top.place.reshape(shape)
        return {
            "top_images": top.image.reshape(shape).astype(np.int32),
            "top_values": top.value.reshape(shape),
            "top_places": np.stack([place // columns, place % columns], -1).astype(np.int32),
        }

    def _meaning_array(self) -> dict[str, Array]:
        if self.meaning is None:
            return {}
        products, squares = self.meaning
        c, n = len(squares), products[-1, -1]
        mean, map_mean = products[:c, -1] / n, products[c:-1, -1] / n
        spread = _spread(squares / n, mean)
        map_spread = _spread(np.diagonal(products[c:-1, :-1]) / n, map_mean)
        covariance = products[:c, :-1] / n - np.outer(mean, map_mean)
        scale = np.outer(spread, map_spread)
        return {"meaning": np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)}


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


def summed(info: LayerInfo, activation: Tensor, part: Part, before: Sums | None) -> Sums:
    """The sums of one part: activation (B, C, h, w). `before` are those of the parts so far, if any."""
    images, c, h, w = activation.shape
    maps = activation.permute(0, 2, 3, 1).contiguous()  # (B, h, w, C), free where memory is channels-last
    if maps.device.type != "cpu" or maps.dtype != torch.float32:
        maps = maps.to("cpu", torch.float32)
    flat = maps.view(-1, c)  # (N, C)
    pivot = before.pivot if before is not None else _pivot(flat)
    products = torch.zeros((c, c) if c <= WIDEST_CORRELATED else c)
    above = np.empty(flat.shape, np.bool_)
    sums_of_images, largest_of_images = [], []
    step = max(1, _BLOCK_VALUES // (h * w * c))
    for start in range(0, images, step):  # every block is read four times, so it had better stay in the cache
        block = maps[start : start + step]
        rows = block.view(-1, c)
        centred = rows if pivot is None else rows - pivot
        if 1 < c <= WIDEST_CORRELATED:
            products.addmm_(centred.T, centred)
        else:  # of a single channel the product of matrices would add up one by one, and lose digits
            products += centred.square().sum(0)
        np.greater(rows.numpy(), 0, out=above[start * h * w : (start + step) * h * w])
        sums_of_images.append(block.view(-1, h * w, c).sum(1))
        # in two steps: a tenth of the time of both axes at once
        largest_of_images.append(block.view(-1, h, w * c).amax(1).view(-1, w, c).amax(1))
    per_image = torch.cat(sums_of_images).numpy().astype(np.float64)  # (B, C)
    largest = torch.cat(largest_of_images).numpy()  # (B, C)
    image_mean = per_image / (h * w)
    sums = Sums(
        pivot=pivot,
        images=images,
        places=images * h * w,
        total=per_image.sum(0),
        products=products.numpy().astype(np.float64),
        active=_count(above),
        fired=(largest > 0).sum(0).astype(np.float64),
        maximum=largest.max(0),
        squared_means=(image_mean**2).sum(0),
        on_object=np.zeros((c, 2)),
        object_places=np.zeros(2),
        by_class=None,
        class_counts=None,
    )
    masks, classical_maps = part.on(info)
    if masks is not None:
        positive = flat if info.nonlinearity in NEVER_NEGATIVE else flat.clamp(min=0)
        sums.on_object = (masks.T @ positive).T.double().numpy()
        sums.object_places = masks.sum(0).double().numpy()
    if part.one_hot is not None:
        sums.by_class = image_mean.T @ part.one_hot
        sums.class_counts = part.one_hot.sum(0)
    if classical_maps is not None:
        inside = _inside(info, part.plan.images.shape[2:])
        seen = maps[:, inside].reshape(-1, c)
        if pivot is not None:
            seen = seen - pivot
        both = torch.cat([seen, classical_maps.reshape(images, h, w, -1)[:, inside].reshape(len(seen), -1),
                          torch.ones(len(seen), 1)], 1)  # fmt: skip
        sums.meaning = (both.T @ both[:, c:]).double().numpy(), seen.square().sum(0).double().numpy()
    if part.sampled is not None:
        taken, places = part.sampled
        grid = (min(part.plan.grid, h), min(part.plan.grid, w))
        coarse = nn.functional.adaptive_avg_pool2d(maps[taken].permute(0, 3, 1, 2), grid).numpy()
        sums.sample = dict(zip(places, coarse, strict=True))
    sums.top = _candidates(maps, largest, before, part.rows.start)
    return sums


def _inside(info: LayerInfo, image: tuple[int, ...]) -> Tensor:
    """Places (h, w) that see no padding, whose zeros would pass for edges; all places where few are so."""
    _, h, w = info.output_shape
    tops_and_bottoms = np.array([info.field.box(row, 0)[::2] for row in range(h)])  # (h, 2)
    lefts_and_rights = np.array([info.field.box(0, column)[1::2] for column in range(w)])
    free = [
        (edges[:, 0] >= 0) & (edges[:, 1] <= length)
        for edges, length in zip((tops_and_bottoms, lefts_and_rights), image, strict=True)
    ]
    inside = free[0][:, None] & free[1]
    return torch.from_numpy(inside if inside.mean() >= _ENOUGH_INSIDE else np.ones((h, w), bool))


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


def _pivot(flat: Tensor) -> Tensor | None:
    """The mean (C,) where some channel varies so little about it that sums of squares would cancel."""
    mean, variance = flat.mean(0), flat.var(0, correction=0)
    return mean if bool((mean.square() > _CANCELS * variance).any()) else None


def _candidates(maps: Tensor, largest: NDArray[np.float32], before: Sums | None, first: int) -> _Top:
    """Images of maps (B, h, w, C) whose largest value (B, C) may be among the strongest of a channel."""
    if before is not None and before.least is not None:
        image, channel = np.nonzero(largest > before.least)
        if not len(image):
            return _Top.none()
    else:
        place = max(0, len(largest) - TOP_IMAGES)
        image, channel = np.nonzero(largest >= np.partition(largest, place, axis=0)[place])
    chosen = maps[torch.from_numpy(image), :, :, torch.from_numpy(channel)].flatten(1)  # (n, h x w)
    return _Top(channel, largest[image, channel], image + first, chosen.argmax(1).numpy())
