"""Statistics of every channel over a set of images, in one pass and at constant memory.

Images are worked through in parts; each part is read as soon as a layer's maps exist, and what was read is added up
in the order of the parts, so the numbers are the same on any number of cores.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmcore.analysis import classical
from fmcore.analysis.foreground import METHOD
from fmcore.bundle import Array
from fmcore.channel_sums import WIDEST_CORRELATED, Reading, Sums, pivot_of, read
from fmcore.header import MeasuresInfo
from fmcore.image_parts import Images, Part, Plan
from fmcore.listening import Listening
from fmcore.parallel import Copies, Threads, threads_for
from fmcore.running import device_of, evaluating
from fmcore.stages import Layer
from fmcore.tracing import Trace

_CLASSES = 100  # for more, the means of every class are not kept
_LOOKED_AT_FIRST = 8  # images, which decide where sums are pivoted
_ADDED_TOGETHER = 8  # parts; fixed, so that the numbers do not depend on how many cores there are
_KEPT_BYTES = 2**27  # of what those parts read; of wide networks, fewer are added together


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
    counted = labels if labels is not None and classes <= _CLASSES else None
    plan = Plan([layer for layer in trace.layers if layer.measured], images, counted, classes)
    logits: list[Array] = []
    found = 0
    with ExitStack() as stack:
        stack.enter_context(evaluating(network))
        device = device_of(network)
        copies = Copies(network, threads_for(device))
        threads = stack.enter_context(Threads(device, copies.count))
        one_pass = _Pass(copies, trace, plan, as_input)
        list(threads.in_order(one_pass.begin, [plan.parts[0]], 1))
        for group in threads.in_order(one_pass.read, range(len(plan.parts)), one_pass.added_together):
            one_pass.add(group)
            logits += [one.logits for one in group]
            found += sum(one.objects for one in group)
            progress(sum(map(len, logits)), len(images))
    arrays = {
        f"{layer}/{name}": array for layer, sums in one_pass.sums.items() for name, array in sums.result().items()
    }
    info = MeasuresInfo(
        images=len(images),
        labelled=labels is not None,
        foreground=METHOD,
        foreground_images=found,
        meaning=classical.NAMES,
        meaning_images=plan.meaning_images,
    )
    return Measured(np.concatenate(logits), arrays, info)


class _Pass:
    """One pass of a network over the images, whose parts may be read in several threads."""

    def __init__(self, copies: Copies, trace: Trace, plan: Plan, as_input: Callable[[Tensor], Tensor]) -> None:
        self.copies, self.trace, self.plan, self.as_input = copies, trace, plan, as_input
        self.layers = [layer for layer in trace.layers if layer.measured]
        self.sums: dict[str, Sums] = {}  # by layer, of the parts that were added

    def begin(self, rows: slice) -> None:
        """Look at a few of the images to see where sums are pivoted; before any part is read."""
        self._logits(slice(rows.start, min(rows.start + _LOOKED_AT_FIRST, rows.stop)), self._begin)

    def read(self, number: int) -> "_PartRead":
        """Run part `number` and read every layer's maps as soon as they exist."""
        part = Part(self.plan, self.plan.parts[number], number)
        readings: dict[str, Reading] = {}

        def heard(layer: Layer, activation: Tensor, maxima: Tensor) -> None:
            readings[layer.name] = read(activation, maxima, part, self.sums[layer.name])

        return _PartRead(self._logits(part.rows, heard), readings, part.found)

    def add(self, group: Sequence["_PartRead"]) -> None:
        """Add what neighbouring parts read, in their order."""
        for name, sums in self.sums.items():
            sums.add([one.readings[name] for one in group])

    @property
    def added_together(self) -> int:
        """How many parts are added at once."""
        widths = [layer.info.output_shape[0] for layer in self.layers]
        read_bytes = sum(4 * c * (c if c <= WIDEST_CORRELATED else 1) for c in widths)
        return max(1, min(_ADDED_TOGETHER, _KEPT_BYTES // read_bytes))

    def _begin(self, layer: Layer, activation: Tensor, _: Tensor) -> None:
        self.sums[layer.name] = Sums(layer.info, pivot_of(activation))

    def _logits(self, rows: slice, heard: Callable[[Layer, Tensor, Tensor], None]) -> Array:
        """(B, K) of some images; `heard` is told of a layer, its activation, and what has the same largest values.

        That is the activation itself, or what a max pooling that comes next made of it.
        """
        waiting: list[Tensor] = []  # one at most: the pooling is the next call

        def of_layer(layer: Layer, part: str, maps: Tensor) -> None:
            if not layer.measured:
                return
            if part == "activation" and "maxima" in layer.calls:
                waiting.append(maps)
            else:
                heard(layer, waiting.pop() if part == "maxima" else maps, maps)

        network = self.copies.mine()
        with torch.inference_mode():
            batch = self.as_input(torch.from_numpy(self.plan.images[rows]).to(device_of(network)))
            with Listening(self.trace, {"activation", "maxima"}, of_layer):
                output = network(batch)
        logits: Array = output.cpu().float().numpy()
        return logits


@dataclass
class _PartRead:
    """What was read of one part: B images."""

    logits: Array  # (B, K)
    readings: dict[str, Reading]  # by layer
    objects: int  # images in which one was found
