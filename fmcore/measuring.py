"""Statistics of every channel over a set of images, in one pass and at constant memory.

Images are worked through in parts that stay in the processor's cache; each part is summed up as soon as a
layer's maps exist, and the sums are added in the order of the parts, so the numbers are the same on any number
of cores.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmcore.analysis import classical
from fmcore.analysis.foreground import METHOD
from fmcore.bundle import Array
from fmcore.channel_sums import Sums, summed
from fmcore.header import MeasuresInfo
from fmcore.image_parts import Images, Part, Plan
from fmcore.parallel import Threads
from fmcore.running import device_of, evaluating
from fmcore.tracing import Layer, Listening, Trace

_CLASSES = 100  # for more, the means of every class are not kept


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

    def run_part(number: int) -> tuple[Array, dict[str, "Sums"], int]:
        rows = plan.parts[number]
        part = Part(plan, rows, number)
        results: dict[str, Sums] = {}

        def heard(layer: Layer, _: str, activation: Tensor) -> None:
            if layer.measured:
                results[layer.name] = summed(layer.info, activation, part, sums.get(layer.name))

        with torch.inference_mode():
            batch = as_input(torch.from_numpy(images[rows]).to(device))
            with Listening(trace, {"activation"}, heard):
                output = network(batch)
        return output.cpu().float().numpy(), results, part.found

    with evaluating(network), Threads(device) as threads:
        groups = [[0], *plan.groups(threads.count)]  # the first part alone: it decides where sums are pivoted
        for group in groups:
            for output, results, objects in threads.map(run_part, group):
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
