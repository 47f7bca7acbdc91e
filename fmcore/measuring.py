"""Statistics of every channel over a set of images, in one pass and at constant memory.

Images are worked through in parts; each part is read as soon as a layer's maps exist, and what was read is added up
in the order of the parts, so the numbers are the same on any number of cores.
"""

from collections.abc import Callable
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
from fmcore.tracing import Layer, Trace

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
    layers = [layer for layer in trace.layers if layer.measured]
    device = device_of(network)
    counted = labels if labels is not None and classes <= _CLASSES else None
    plan = Plan(layers, images, counted, classes)
    sums: dict[str, Sums] = {}
    logits: list[Array] = []
    found = 0

    def run(rows: slice, heard: Callable[[Layer, Tensor, Tensor], None]) -> Array:
        """`heard` is told of a layer, its activation, and what has the same largest values: that, or it pooled."""
        waiting: list[Tensor] = []  # one at most: the pooling is the next call

        def of_layer(layer: Layer, part: str, maps: Tensor) -> None:
            if not layer.measured:
                return
            if part == "activation" and "maxima" in layer.calls:
                waiting.append(maps)
            else:
                heard(layer, waiting.pop() if part == "maxima" else maps, maps)

        with torch.inference_mode():
            batch = as_input(torch.from_numpy(images[rows]).to(device))
            with Listening(trace, {"activation", "maxima"}, of_layer):
                output = copies.mine()(batch)
        logits: Array = output.cpu().float().numpy()
        return logits

    def begin(layer: Layer, activation: Tensor, _: Tensor) -> None:
        sums[layer.name] = Sums(layer.info, pivot_of(activation))

    def run_part(number: int) -> tuple[Array, dict[str, Reading], int]:
        part = Part(plan, plan.parts[number], number)
        readings: dict[str, Reading] = {}

        def heard(layer: Layer, activation: Tensor, maxima: Tensor) -> None:
            readings[layer.name] = read(activation, maxima, part, sums[layer.name])

        return run(part.rows, heard), readings, part.found

    with ExitStack() as stack:
        stack.enter_context(evaluating(network))
        copies = Copies(network, threads_for(device))
        threads = stack.enter_context(Threads(device, copies.count))
        run(slice(0, min(_LOOKED_AT_FIRST, plan.parts[0].stop)), begin)  # of a large network, parts are smaller
        widths = [layer.info.output_shape[0] for layer in layers]
        read_bytes = sum(4 * c * (c if c <= WIDEST_CORRELATED else 1) for c in widths)
        together = max(1, min(_ADDED_TOGETHER, _KEPT_BYTES // read_bytes))
        for group in threads.in_order(run_part, range(len(plan.parts)), together):
            for layer in layers:
                sums[layer.name].add([readings[layer.name] for _, readings, _ in group])
            logits += [output for output, _, _ in group]
            found += sum(objects for _, _, objects in group)
            progress(sum(map(len, logits)), len(images))
    arrays = {f"{layer.name}/{name}": array for layer in layers for name, array in sums[layer.name].result().items()}
    info = MeasuresInfo(
        images=len(images),
        labelled=labels is not None,
        foreground=METHOD,
        foreground_images=found,
        meaning=classical.NAMES,
        meaning_images=plan.meaning_images,
    )
    return Measured(np.concatenate(logits), arrays, info)
