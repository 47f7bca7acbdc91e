"""Everything that is recorded of the probes: maps, weights, Grad-CAM, ablation, and maps of some earlier epochs.

Arrays come back under the names that `fmcore.contents` lists; probes are bytes (P, C, H, W).
"""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmcore.analysis.answers import softmax
from fmcore.analysis.channels import representatives
from fmcore.bundle import Array
from fmcore.data.imageset import Images
from fmcore.gradcam import ChannelWeights, grad_cam
from fmcore.header import HistoryInfo, explained, run_again
from fmcore.listening import Listening
from fmcore.parallel import Copies, Threads, threads_for
from fmcore.running import device_of, evaluating, run
from fmcore.stages import Layer
from fmcore.tracing import Trace
from fmcore.training import Trained, load_state

ALL_CLASSES = 16  # up to so many, every class gets its Grad-CAM; else the likeliest few
LIKELIEST = 5
_CHUNK_VALUES = 2**25  # of all maps of the probes that are run together
_ABLATIONS = 4096  # runs, of all probes together; where there are more channels, the representative ones are taken
_ABLATED_VALUES = 2**28  # of all maps of all runs: large networks are run less often, or it would take minutes
_EXPLAINED_VALUES = 2**30  # the same of the layer in which answers are explained: of few channels, none is the one
_ABLATED_OF_LAYER = 16
_EXPLAINED_OF_LAYER = 64  # all of most small networks' channels
_TOGETHER_VALUES = 2**22  # of the largest map of the runs of one batch
_HISTORY_EPOCHS = 8  # of which maps are kept, evenly spread over the training
_HISTORY_VALUES = 2**19  # of those maps: 2 MiB, as many probes as fit
_HISTORY_AT_MOST = 2**22  # where a single probe takes more, none is kept
_PARTS = {"input", "sum", "preactivation", "activation"}

Report = Callable[[int, int], None]


def probe_bytes(found: Trace) -> int:
    """About how much one probe takes in the bundle."""
    return sum(4 * 3 * int(np.prod(layer.info.output_shape)) for layer in found.layers)


def probe_layers(
    trained: Trained, found: Trace, probes: Images, labels: Sequence[int | None], report: Report
) -> dict[str, Array]:
    """Logits, maps before and after the nonlinearity, weights, and the Grad-CAM of all layers."""
    parts: dict[str, list[Array]] = {}
    report(0, len(probes))
    values = max(1, probe_bytes(found) // 4)
    size = max(1, _CHUNK_VALUES // values)
    for start in range(0, len(probes), size):
        rows = slice(start, start + size)
        for name, value in _chunk(trained, found, probes[rows], labels[rows]).items():
            parts.setdefault(name, []).append(value)
        report(min(start + size, len(probes)), len(probes))
    arrays = {name: np.concatenate(pieces) for name, pieces in parts.items()}
    for layer in found.layers:
        for part in ("weight", "bias", "scale", "shift"):
            if (tensor := getattr(layer, part)) is not None:
                arrays[f"{layer.name}/{part}"] = _array(tensor)
        if layer.weight is not None and trained.states:
            history = [state.get(f"{layer.name}.weight") for state in trained.states]
            kept = [weight for weight in history if weight is not None and weight.shape == layer.weight.shape]
            # another weight is what the filter is worked out from, as where it is standardised
            if len(kept) == len(history) and np.array_equal(kept[-1], arrays[f"{layer.name}/weight"]):
                arrays[f"{layer.name}/weight_history"] = np.stack(kept)
    return arrays


def _chunk(trained: Trained, found: Trace, probes: Images, labels: Sequence[int | None]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    gradients = ChannelWeights()

    def heard(layer: Layer, part: str, tensor: Tensor) -> None:
        if part == "activation":
            gradients.listen(layer, tensor)
        if part != "sum" or layer.info.normalisation != "none":
            arrays[f"{layer.name}/{part}"] = _array(tensor)

    with evaluating(trained.network), torch.enable_grad():
        batch = _batch(trained, probes).requires_grad_()
        arrays["input"] = _array(batch)
        given = batch.clone()  # which the network may overwrite
        with Listening(found, _PARTS, heard):
            logits: Tensor = run(trained.network, given)  # (B, K)
        arrays["logits"] = _array(logits)
        classes = _shown_classes(arrays["logits"], labels)  # (B, T)
        arrays["gradcam_classes"] = classes
        if logits.requires_grad:
            found_of: dict[str, list[Array]] = {}
            for chosen in torch.from_numpy(classes).long().to(logits.device).T:
                score = logits.gather(1, chosen[:, None])[:, 0]
                for name, weights in gradients.of(score, trained.network).items():
                    found_of.setdefault(name, []).append(_array(weights))
            for name, of_classes in found_of.items():
                weights = torch.from_numpy(np.stack(of_classes, 1))  # (B, T, C)
                arrays[f"{name}/gradcam_weight"] = _array(weights)
                arrays[f"{name}/gradcam"] = _array(grad_cam(weights, torch.from_numpy(arrays[f"{name}/activation"])))
    return arrays


def _shown_classes(logits: NDArray[np.float32], labels: Sequence[int | None]) -> NDArray[np.int32]:
    """The classes (P, T) that Grad-CAM is worked out for, likeliest first; the true one is among them."""
    order = np.argsort(-logits, axis=1, kind="stable").astype(np.int32)
    if logits.shape[1] <= ALL_CLASSES:
        return order
    shown = order[:, :LIKELIEST].copy()
    for row, label in enumerate(labels):
        if label is not None and label not in shown[row]:
            shown[row, -1] = label
    return shown


def ablations(
    trained: Trained,
    found: Trace,
    probes: Images,
    arrays: dict[str, Array],
    predicted: NDArray[np.int64],
    report: Report,
) -> dict[str, Array]:
    """By how much the probability of the predicted class changes when one channel is set to zero.

    `<layer>/ablated` (P, A) are the channels, `<layer>/ablation` (P, A) the changes, and `<layer>/ablation_predicted`
    (P, A) the classes that are predicted then. Where a layer has too many, the
    most telling ones are tried; more of them in the layer in which answers are `explained`. Layers that run several
    times for an image are left out: a channel would be there still in the other runs.
    """
    again = run_again(found.modules, {layer.name for layer in found.layers})
    layers = [layer for layer in found.layers if layer.measured and layer.name not in again]
    if not layers:
        return {}
    channels = {layer.name: layer.info.output_shape[0] for layer in layers}
    shapes = [layer.info.output_shape for layer in found.layers if layer.measured]
    of_run = max(sum(math.prod(shape) for shape in shapes), sum(math.prod(shape) for shape in _computed(found)))
    runs = min(_ABLATIONS, _ABLATED_VALUES // of_run)
    everything = len(probes) * sum(channels.values()) <= runs
    few = max(1, min(_ABLATED_OF_LAYER, runs // (len(probes) * len(layers))))
    more = max(few, min(_EXPLAINED_OF_LAYER, _EXPLAINED_VALUES // (of_run * len(probes))))
    main = explained(layer.info for layer in layers)
    tried = []  # (layer, probe, channels)
    for layer in layers:
        for p in range(len(probes)):
            maps = arrays[f"{layer.name}/activation"][p]
            wanted = more if layer.info == main else few
            every = everything or wanted >= channels[layer.name]
            chosen = list(range(channels[layer.name])) if every else representatives(maps, wanted)
            tried.append((layer, p, np.array(chosen, np.int32)))
    before = softmax(arrays["logits"])[np.arange(len(probes)), predicted]  # (P,)
    network, values = trained.network, max(math.prod(shape) for shape in [*shapes, *_computed(found)])
    size = max(1, min(64, _TOGETHER_VALUES // values))
    jobs = [  # the same, of no more channels than run together, in the order of the results
        (layer, p, chosen[start : start + size]) for layer, p, chosen in tried for start in range(0, len(chosen), size)
    ]

    def job(number: int) -> tuple[Array, Array]:
        layer, p, chosen = jobs[number]
        some = torch.from_numpy(chosen).long()

        def leave_out(heard: Layer, part: str, tensor: Tensor) -> None:
            if heard is layer:
                tensor[torch.arange(len(some)), some.to(tensor.device)] = 0

        with torch.inference_mode():
            batch = _batch(trained, np.repeat(probes[p : p + 1], len(some), 0))
            with Listening(found, {"activation"}, leave_out):
                logits = _array(copies.mine()(batch))
        return (softmax(logits)[:, predicted[p]] - before[p]).astype(np.float32), logits.argmax(1).astype(np.int32)

    results: list[tuple[Array, Array]] = []
    total = sum(len(chosen) for _, _, chosen in jobs)
    report(0, total)
    with ExitStack() as stack:
        stack.enter_context(evaluating(network))
        copies = Copies(network, threads_for(device_of(network)))
        threads = stack.enter_context(Threads(device_of(network), copies.count))
        step = threads.count * max(1, min(8, size // 8))  # of large networks a few runs take seconds
        for start in range(0, len(jobs), step):
            results += threads.map(job, list(range(start, min(start + step, len(jobs)))))
            report(sum(len(changes) for changes, _ in results), total)
    changed, classes = (np.concatenate(found) for found in zip(*results, strict=True))
    added: dict[str, Array] = {}
    end = 0
    for layer in layers:
        of_layer = np.stack([chosen for one, _, chosen in tried if one is layer])
        start, end = end, end + of_layer.size
        added[f"{layer.name}/ablated"] = of_layer
        added[f"{layer.name}/ablation"] = changed[start:end].reshape(of_layer.shape)
        added[f"{layer.name}/ablation_predicted"] = classes[start:end].reshape(of_layer.shape)
    return added


def _computed(found: Trace) -> list[tuple[int, ...]]:
    """The shapes of all maps that the network computes, whether they are recorded or not: what a run of it costs."""
    return [
        module.output_shape
        for module in found.modules
        if module.shown and module.output_shape and "pool" not in module.kind.lower()
    ]


def activation_history(
    trained: Trained, found: Trace, probes: Images, default: int, report: Report
) -> tuple[dict[str, Array], HistoryInfo | None]:
    """`<layer>/activation_history` (E', P', C, H, W): maps after some epochs, of the probe `default` and some others.

    Poolings are left out: they repeat what lies before them. Nothing where the network was not trained here, or is so
    large that the maps of one probe would dwarf the rest of the bundle.
    """
    layers = [layer for layer in found.layers if layer.measured]
    last = len(trained.states) - 1
    if last < 1:
        return {}, None
    epochs = np.unique(np.linspace(0, last, min(last + 1, _HISTORY_EPOCHS)).round().astype(int)).tolist()
    values = len(epochs) * sum(int(np.prod(layer.info.output_shape)) for layer in layers)
    if values > _HISTORY_AT_MOST:
        return {}, None
    count = max(1, min(len(probes), _HISTORY_VALUES // values))
    rows = sorted([default, *(p for p in range(len(probes)) if p != default)][:count])
    maps: dict[str, list[Array]] = {}

    def heard(layer: Layer, part: str, tensor: Tensor) -> None:
        if layer.measured:
            maps.setdefault(f"{layer.name}/activation_history", []).append(_array(tensor))

    report(0, len(epochs))
    try:
        for done, epoch in enumerate(epochs, 1):
            load_state(trained.network, trained.states[epoch])
            with evaluating(trained.network), torch.inference_mode():
                batch = _batch(trained, probes[rows])
                with Listening(found, {"activation"}, heard):
                    trained.network(batch)
            report(done, len(epochs))
    finally:
        load_state(trained.network, trained.states[-1])
    return {name: np.stack(kept) for name, kept in maps.items()}, HistoryInfo(epochs=tuple(epochs), probes=tuple(rows))


def _batch(trained: Trained, images: Images) -> Tensor:
    return trained.as_input(torch.from_numpy(images).to(device_of(trained.network)))


def _array(tensor: Tensor) -> NDArray[np.float32]:
    """A copy as it is now: what the network overwrites afterwards does not reach it."""
    return np.array(tensor.detach().to("cpu", torch.float32).numpy(), order="C")
