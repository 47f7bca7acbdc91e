"""Statistics of every channel over a set of images, in one pass and at constant memory.

Images are worked through in parts that stay in the processor's cache; each part is summed up as soon as a
layer's maps exist, and the sums are added in the order of the parts, so the numbers are the same on any number
of cores. Where a channel's mean is large beside its spread, sums are taken about a fixed pivot (Chan, Golub and
LeVeque, "Algorithms for computing the sample variance", 1983), because squares would cancel otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmcore.analysis import classical
from fmcore.analysis.alignment import aligned
from fmcore.analysis.foreground import METHOD, foreground
from fmcore.bundle import Array
from fmcore.errors import BundleError
from fmcore.geometry import NEVER_NEGATIVE
from fmcore.header import LayerInfo, MeasuresInfo
from fmcore.parallel import Threads
from fmcore.tracing import Layer, Listening, Trace, evaluating

TOP_IMAGES = 9  # of a channel
WIDEST_MATRIX = 512  # channels; of wider layers only the nearest other channel is kept
WIDEST_CORRELATED = 2048
OBJECT_IMAGES = 2048  # evenly spread, on which object and background are told apart
MEANING_IMAGES = 256  # evenly spread, which are compared with classical maps
_BLOCK_VALUES = 2**19
_CANCELS = 100.0  # times the variance: a squared mean above it costs the sum of squares its last digits
_PART = 64  # images
_PART_VALUES = 2**22  # of the largest layer: 16 MiB
_SAMPLE_BYTES = 2**24
_SAMPLED_TOGETHER = 8  # neighbouring images: a few large readings cost less than many small ones
_CLASSES = 100  # for more, the means of every class are not kept

Images = NDArray[np.uint8]  # (M, C, H, W)
Doubles = NDArray[np.float64]


@dataclass
class Measured:
    """What one pass over the images has found."""

    logits: NDArray[np.float32]  # (M, K)
    arrays: dict[str, Array]  # `<layer>/<part>`
    info: MeasuresInfo


def measure(
    network: nn.Module,
    trace: Trace,
    images: Images,
    labels: NDArray[np.int64] | None,
    classes: int,
    as_input: Callable[[Tensor], Tensor],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Measured:
    """Run all `images` through `network` and measure the channels of the layers of `trace`.

    Args:
        labels: (M,), where they are known.
        as_input: From bytes (B, C, H, W) to the network's input.
        progress: Told how many images are done, and of how many.

    Raises:
        BundleError: an activation is not a number.
    """
    layers = [layer for layer in trace.layers if layer.measured]
    device = next(network.parameters()).device
    counted = labels if labels is not None and classes <= _CLASSES else None
    plan = _Plan(layers, images, counted, classes)
    sums: dict[str, _Sums] = {}
    logits: list[Array] = []
    found = 0

    def part(number: int) -> tuple[Array, dict[str, "_Sums"], int]:
        rows = plan.parts[number]
        context = _Context(plan, rows, number)
        results: dict[str, _Sums] = {}

        def heard(layer: Layer, _: str, activation: Tensor) -> None:
            if layer.measured:
                results[layer.name] = _summed(layer.info, activation, context, sums.get(layer.name))

        with torch.inference_mode():
            batch = as_input(torch.from_numpy(images[rows]).to(device))
            with Listening(trace, {"activation"}, heard):
                output = network(batch)
        return output.cpu().float().numpy(), results, context.found

    with evaluating(network), Threads(device) as threads:
        groups = [[0], *plan.groups(threads.count)]  # the first part alone: it decides where sums are pivoted
        for group in groups:
            for output, results, objects in threads.map(part, group):
                logits.append(output)
                found += objects
                for name, result in results.items():
                    if name in sums:
                        sums[name].add(result)
                    else:
                        sums[name] = result
            progress(plan.parts[group[-1]].stop, len(images))
    arrays: dict[str, Array] = {}
    for layer in layers:
        for name, array in sums[layer.name].result(layer.info, counted is not None).items():
            arrays[f"{layer.name}/{name}"] = array
    info = MeasuresInfo(
        images=len(images),
        labelled=labels is not None,
        foreground=METHOD,
        foreground_images=found,
        meaning=classical.NAMES,
        meaning_images=plan.meaning_images,
    )
    return Measured(np.concatenate(logits), arrays, info)


class _Plan:
    """How the images are cut into parts, and which of them are sampled."""

    def __init__(self, layers: Sequence[Layer], images: Images, labels: NDArray[np.int64] | None, classes: int) -> None:
        self.images, self.labels, self.classes = images, labels, classes
        values = max(int(np.prod(layer.info.output_shape)) for layer in layers)
        size = max(1, min(_PART, _PART_VALUES // values))
        self.parts = [slice(start, min(start + size, len(images))) for start in range(0, len(images), size)]
        self.for_objects, self.for_meaning = self._spread_over(OBJECT_IMAGES), self._spread_over(MEANING_IMAGES)
        self.meaning_images = sum(self.parts[n].stop - self.parts[n].start for n in self.for_meaning)
        channels = sum(layer.info.output_shape[0] for layer in layers)
        self.grid = 8 if channels <= WIDEST_MATRIX else 4
        count = max(32, min(256, _SAMPLE_BYTES // (4 * self.grid**2 * channels)))
        blocks = np.random.default_rng(0).permutation(
            -(-len(images) // _SAMPLED_TOGETHER)
        )  # the same for every network
        order = (blocks[:, None] * _SAMPLED_TOGETHER + np.arange(_SAMPLED_TOGETHER)).ravel()
        self.place_of = {int(row): place for place, row in enumerate(order[order < len(images)][:count])}

    def _spread_over(self, images: int) -> frozenset[int]:
        """The numbers of parts, evenly spread, that together have about so many images."""
        wanted = min(len(self.parts), max(1, images // (self.parts[0].stop - self.parts[0].start)))
        return frozenset(int(n) for n in np.linspace(0, len(self.parts) - 1, wanted).round())

    def groups(self, threads: int) -> list[list[int]]:
        """The parts after the first, as many together as are worked on between two additions."""
        size = 4 * threads
        numbers = list(range(1, len(self.parts)))
        return [numbers[start : start + size] for start in range(0, len(numbers), size)]


class _Context:
    """What the images of one part say without the network: objects, classical maps, labels."""

    def __init__(self, plan: _Plan, rows: slice, number: int) -> None:
        self.plan, self.rows, self.found = plan, rows, 0
        self.masks: Array | None = None  # (B, 2, H, W): on the object; in an image that has one
        self.maps: Array | None = None  # (B, 10, H, W)
        if number in plan.for_objects or number in plan.for_meaning:
            pixels = plan.images[rows].astype(np.float32) / np.float32(255)  # (B, C, H, W)
        if number in plan.for_objects:
            masks = foreground(pixels)
            valid: NDArray[np.bool_] = np.asarray(masks.any((1, 2)))
            self.found = int(valid.sum())
            anywhere = np.broadcast_to(valid[:, None, None], masks.shape)
            self.masks = np.stack([masks, anywhere], 1).astype(np.float32)
        if number in plan.for_meaning:
            self.maps = classical.classical_maps(pixels)
        self.one_hot = None if plan.labels is None else np.eye(plan.classes)[plan.labels[rows]]  # (B, K)
        taken = [row for row in range(rows.start, rows.stop) if row in plan.place_of]
        self.sampled = ([row - rows.start for row in taken], [plan.place_of[row] for row in taken]) if taken else None
        self._aligned: dict[tuple[object, ...], tuple[Tensor | None, Tensor | None]] = {}

    def on(self, info: LayerInfo) -> tuple[Tensor | None, Tensor | None]:
        """Masks (N, 2) and classical maps (N, 10) at the N = B x h x w places of a layer, where this part has them."""
        grid = info.output_shape[1:]
        key = (grid, info.field.jump, info.field.start)
        if key not in self._aligned:

            def at_places(images: Array | None) -> Tensor | None:
                if images is None:
                    return None
                same = images if images.shape[2:] == grid else aligned(images, info.field, grid)
                return torch.from_numpy(np.ascontiguousarray(same.transpose(0, 2, 3, 1))).reshape(-1, images.shape[1])

            self._aligned[key] = at_places(self.masks), at_places(self.maps)
        return self._aligned[key]


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
class _Sums:
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
    meaning: tuple[Doubles, Doubles] | None = None  # products (C + 10 + 1, 10 + 1) with classical maps and 1; squares
    sample: dict[int, Array] = field(default_factory=dict)
    top: _Top = field(default_factory=lambda: _Top.none())
    least: NDArray[np.float32] | None = None  # (C,), what enters `top` is above it; None until `top` is full

    def add(self, other: "_Sums") -> None:
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
                f"Channel {channel + 1} of {info.name} gave NaN or infinite values on these images, so nothing drawn"
                " from it would be true; train again with a smaller learning rate, or mend the weights."
            )
        mean = self.total / self.places
        about = mean if self.pivot is None else mean - self.pivot.double().numpy()
        whole = self.products.ndim == 2
        variance = (np.diagonal(self.products) if whole else self.products) / self.places - about**2
        variance = np.maximum(variance, 0)
        variance[variance <= 1e-12 * (about**2 + 1e-30)] = 0  # what rounding leaves of a constant channel
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
        shape = (c, len(self.top.channel) // c)
        place = self.top.place.reshape(shape)
        return {
            "top_images": self.top.image.reshape(shape).astype(np.int32),
            "top_values": self.top.value.reshape(shape),
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


def _summed(info: LayerInfo, activation: Tensor, context: _Context, before: _Sums | None) -> _Sums:
    """The sums of one part: activation (B, C, h, w). `before` are those of the parts so far, if any."""
    images, c, h, w = activation.shape
    maps = activation.permute(0, 2, 3, 1).contiguous()  # (B, h, w, C), free where memory is channels-last
    if maps.device.type != "cpu" or maps.dtype != torch.float32:
        maps = maps.to("cpu", torch.float32)
    flat = maps.view(-1, c)  # (N, C)
    pivot = before.pivot if before is not None else _pivot(flat)
    products = torch.zeros((c, c) if c <= WIDEST_CORRELATED else c)
    active, sums_of_images, largest_of_images = np.zeros(c), [], []
    step = max(1, _BLOCK_VALUES // (h * w * c))
    for start in range(0, images, step):  # every block is read four times, so it had better stay in the cache
        block = maps[start : start + step]
        rows = block.view(-1, c)
        centred = rows if pivot is None else rows - pivot
        if c <= WIDEST_CORRELATED:
            products.addmm_(centred.T, centred)
        else:
            products += centred.square().sum(0)
        active += _count(rows.numpy() > 0)
        sums_of_images.append(block.view(-1, h * w, c).sum(1))
        # in two steps: a tenth of the time of both axes at once
        largest_of_images.append(block.view(-1, h, w * c).amax(1).view(-1, w, c).amax(1))
    per_image = torch.cat(sums_of_images).numpy().astype(np.float64)  # (B, C)
    largest = torch.cat(largest_of_images).numpy()  # (B, C)
    image_mean = per_image / (h * w)
    sums = _Sums(
        pivot=pivot,
        images=images,
        places=images * h * w,
        total=per_image.sum(0),
        products=products.numpy().astype(np.float64),
        active=active,
        fired=(largest > 0).sum(0).astype(np.float64),
        maximum=largest.max(0),
        squared_means=(image_mean**2).sum(0),
        on_object=np.zeros((c, 2)),
        object_places=np.zeros(2),
        by_class=None,
        class_counts=None,
    )
    masks, classical_maps = context.on(info)
    if masks is not None:
        positive = flat if info.nonlinearity in NEVER_NEGATIVE else flat.clamp(min=0)
        sums.on_object = (masks.T @ positive).T.double().numpy()
        sums.object_places = masks.sum(0).double().numpy()
    if context.one_hot is not None:
        sums.by_class = image_mean.T @ context.one_hot
        sums.class_counts = context.one_hot.sum(0)
    if classical_maps is not None:
        both = torch.cat([flat, classical_maps, torch.ones(len(flat), 1)], 1)  # (N, C + 10 + 1)
        sums.meaning = (both.T @ both[:, c:]).double().numpy(), flat.square().sum(0).double().numpy()
    if context.sampled is not None:
        taken, places = context.sampled
        grid = (min(context.plan.grid, h), min(context.plan.grid, w))
        coarse = nn.functional.adaptive_avg_pool2d(maps[taken].permute(0, 3, 1, 2), grid).numpy()
        sums.sample = dict(zip(places, coarse, strict=True))
    sums.top = _candidates(maps, largest, before, context.rows.start)
    return sums


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


def _candidates(maps: Tensor, largest: NDArray[np.float32], before: "_Sums | None", first: int) -> _Top:
    """Images of maps (B, h, w, C) whose largest value (B, C) may be among the strongest of a channel."""
    if before is not None and before.least is not None:
        image, channel = np.nonzero(largest > before.least)
        if not len(image):
            return _Top.none()
    else:
        place = max(0, len(largest) - TOP_IMAGES)
        image, channel = np.nonzero(largest >= np.partition(largest, place, axis=0)[place])
    chosen = maps[torch.from_numpy(image), :, :, torch.from_numpy(channel)].flatten(1)  # (n, h x w)
    return _Top(channel, largest[image, channel], image + first, chosen.argmax(1).numpy()).best()
