"""Record what a network computes about its probes and measures on a set of images, and write the bundle.

In: a `Trained` network and the `ImageSet` it belongs to, or pictures of your own. Out: the bundle.
"""

import hashlib
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fmcore.analysis.answers import one_answer, softmax
from fmcore.analysis.class_order import another_order
from fmcore.analysis.graph import contracted
from fmcore.analysis.saying import counted, listed
from fmcore.bundle import Array, array_digest, save_bundle
from fmcore.class_names import name_outputs, number_of
from fmcore.data.imageset import Images, ImageSet
from fmcore.data.pictures import Picture
from fmcore.errors import InputError, one_of
from fmcore.header import (
    ORIGINAL,
    SCHEMA_VERSION,
    BundleHeader,
    DatasetInfo,
    HistoryInfo,
    LayerInfo,
    ModelInfo,
    ProbeInfo,
    default_probe,
    run_again,
)
from fmcore.measuring import Measured, measure
from fmcore.model_input import AsInput, with_channels
from fmcore.model_source import Model, usual_name
from fmcore.patches import top_patches
from fmcore.probing import ablations, activation_history, probe_bytes, probe_layers
from fmcore.running import (
    answering_in_logits,
    answers,
    answers_each_alone,
    are_probabilities,
    are_shares,
    device_of,
    ends_with_sigmoid,
    full_precision,
    require_logits,
    require_numbers,
)
from fmcore.tracing import ENDS_WITH, Trace, trace
from fmcore.training import Trained
from fmcore.weights import require_finite

MAX_CLASSES_PROBED = 16
MISTAKES_PROBED = 2
_TRIED = 8  # images whose answers show whether they are logits or probabilities
_PROBES_BYTES = 2**30  # of the arrays of all probes together
_VERSIONED = ("fmcore", "torch", "torchvision", "numpy", "safetensors")


@dataclass(frozen=True)
class Watching:
    """Who is told how far a recording is: (what is being done, how much is done, of how much)."""

    progress: Callable[[str, int, int], None] = lambda what, done, total: None
    say: Callable[[str], None] = lambda sentence: None

    def of(self, what: str) -> Callable[[int, int], None]:
        """For what reports (how much is done, of how much) of `what` alone."""
        return lambda done, total: self.progress(what, done, total)


@full_precision()
def record(
    trained: Trained,
    data: ImageSet | None,
    path: Path,
    recipe: Mapping[str, str] | None = None,
    *,
    name: str | None = None,
    pictures: Sequence[Picture] = (),
    layers: Sequence[str] = (),
    watching: Watching | None = None,
) -> str:
    """Run probes and test images through `trained.network` and write the bundle to `path`; returns its digest.

    Args:
        data: Its test images are measured, and probes are chosen from them; without any, the pictures are.
        name: What people see the network called; its `usual_name` when left out.
        pictures: These become the probes.
        layers: Names of those to record; all that can be shown when left out.

    Raises:
        InputError: the network has no convolution, cannot be run on these images, or has other outputs than there are
            names for them; or there is no such layer.
        BundleError: something it computed is not finite, or the file cannot be written.
    """
    watching = watching or Watching()
    network, as_input = trained.network, trained.as_input
    channels = as_input.preprocessing.channels
    own_pixels = np.stack([picture.pixels for picture in pictures]) if pictures else None
    if data is not None:
        data = _for_testing(data, channels)
        images = data.test_images
    elif own_pixels is not None:
        images = own_pixels
    else:
        raise InputError("There is nothing to show to the model; name images with --image or data with --data.")
    require_finite(network)
    example = _example(network, as_input, images)
    found = _chosen(trace(network, example), trained.spec.model, layers)
    outputs = answers(network, as_input, images[:_TRIED])
    require_logits(outputs, len(images[:_TRIED]))  # a single image may come out without its axis
    again = answers(network, as_input, images[:_TRIED])
    if not torch.allclose(outputs, again, rtol=1e-3, atol=1e-5, equal_nan=True):
        watching.say(
            "The model answers differently each time it sees the same image, in evaluation mode, too: what is recorded"
            " is one run of it, and what a channel is worth may be chance."
        )
    elif found.over_the_batch or not answers_each_alone(network, as_input, images[:_TRIED], outputs):
        watching.say(
            "Attention: the model answers otherwise when an image is shown alone, as with a batch normalisation that"
            " keeps no statistics; what is told of single images and channels depends on the images shown with them."
        )
    classes, labels = name_outputs(trained.classes, outputs.shape[1], data, watching.say)
    with ExitStack() as stack:
        if are_shares(outputs) and ends_with_sigmoid(network, example):
            watching.say(
                "Attention: all answers of the model lie between 0 and 1 and do not sum to 1, as after a sigmoid; they"
                " are taken as logits, so its probabilities mean little. Return what goes into the sigmoid to change"
                " that."
            )
        if are_probabilities(outputs):
            watching.say("The model answers in probabilities; their logarithms are taken as its logits.")
            stack.enter_context(answering_in_logits(network))
        name = name or usual_name(trained.spec.model, network)
        return _write(trained, name, data, images, labels, classes, found, path, recipe, pictures, watching)


def _write(
    trained: Trained,
    name: str,
    data: ImageSet | None,
    images: Images,
    labels: NDArray[np.int64] | None,
    classes: tuple[str, ...],
    found: Trace,
    path: Path,
    recipe: Mapping[str, str] | None,
    pictures: Sequence[Picture],
    watching: Watching,
) -> str:
    """Measure, record and write what `record` has made sure can be."""
    network, as_input = trained.network, trained.as_input
    watching.progress("measuring", 0, len(images))
    measured = measure(network, found, images, labels, len(classes), as_input, watching.of("measuring"))
    require_numbers(measured.logits)
    arrays = measured.arrays
    shown = [layer.info for layer in found.layers if layer.measured]
    for done, layer in enumerate(shown):
        watching.progress("patches", done, len(shown))
        arrays |= top_patches(layer, arrays, images)
    _add_predictions(arrays, measured, labels)
    for doubt in _doubts(arrays["test_predicted"], labels, classes, trained):
        watching.say(doubt)
    if pictures:
        probes = np.stack([picture.pixels for picture in pictures])
        infos = [_of_picture(picture, classes if labels is not None else ()) for picture in pictures]
    else:
        rows = choose_probes(images, labels, measured.logits)
        probes, infos = images[rows], [_of_test_image(row, labels) for row in rows]
    fit = max(1, _PROBES_BYTES // probe_bytes(found))
    if fit < len(probes):
        watching.say(
            f"Keeping {fit} of {len(probes)} probes, so that the bundle stays near 1 GB;"
            " name the layers you want with --layer to keep all."
        )
        probes, infos = probes[:fit], infos[:fit]
    infos, history = _with_answers(infos, arrays, probes, trained, found, watching)
    for p, picture in enumerate(pictures[: len(probes)]):
        arrays[ORIGINAL.format(p)] = picture.original
    header = BundleHeader(
        schema_version=SCHEMA_VERSION,
        model=ModelInfo(
            name=name,
            input_shape=tuple(images.shape[1:]),
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            weights=trained.weights,
            reads=found.answer,
        ),
        preprocessing=as_input.preprocessing,
        layers=_with_inputs([layer.info for layer in found.layers], arrays),
        modules=found.modules,
        arrays={},
        classes=classes,
        probes=tuple(infos),
        training=trained.info(),
        activation_history=history,
        dataset=_described(data, images, pictures),
        measures=measured.info,
        versions={"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}},
        recipe=dict(recipe or {}),
    )
    watching.progress("writing", 0, 0)
    return save_bundle(path, header, arrays)


def _doubts(said: Array, labels: NDArray[np.int64] | None, classes: tuple[str, ...], trained: Trained) -> Iterator[str]:
    """What makes the answers `said` (M,) hard to believe."""
    doubts = [one_answer(said, labels, classes, trained_here=bool(trained.history))]
    learned = not trained.history and trained.weights != "random"  # elsewhere, and nobody said for which order
    if labels is not None and trained.classes is None and learned:
        doubts.append(another_order(said, labels, classes))
    yield from filter(None, doubts)


def _described(data: ImageSet | None, images: Images, pictures: Sequence[Picture]) -> DatasetInfo:
    """Which `images` were measured: those of `data`, or `pictures` of somebody's own."""
    own = DatasetInfo(
        name="images",
        provenance=f"{counted(len(images), 'image file')} of your own.",
        train_count=0,
        test_count=len(images),
        test_sha256=array_digest(images),
        source_sha256=_source_of(pictures),
    )
    if data is None:
        return own
    known = {"name": data.name, "provenance": data.provenance, "train_count": len(data.train_labels)}
    return own.model_copy(update={**known, "source_sha256": data.source})


def choose_probes(images: Images, labels: NDArray[np.int64] | None, logits: NDArray[np.float32]) -> list[int]:
    """Rows of `images` (M, C, H, W) worth showing: the most typical image of every class, then confident mistakes.

    Typical is the image nearest to the mean of its class in pixels, so that it is the same for every network that
    is shown these images, and two networks can be compared on it. Without labels, the network's answers stand for
    the classes.
    """
    predicted = logits.argmax(1)
    groups = predicted if labels is None else labels
    rows = []
    for label in np.unique(groups)[:MAX_CLASSES_PROBED]:
        of_class = np.flatnonzero(groups == label)
        pixels = images[of_class].reshape(len(of_class), -1).astype(np.float32)
        rows.append(int(of_class[((pixels - pixels.mean(0)) ** 2).sum(1).argmin()]))
    if labels is None:
        return rows
    wrong = np.flatnonzero(predicted != labels)
    most_confident = wrong[np.argsort(-softmax(logits[wrong]).max(1), kind="stable")]
    return rows + [int(row) for row in most_confident if int(row) not in rows][:MISTAKES_PROBED]


def require_layers(model: Model, data: ImageSet, layers: Sequence[str]) -> None:
    """Make sure before `model` is trained on `data` that it has maps to record, of all `layers` that are named.

    Raises:
        InputError: as `record`.
    """
    images = _for_testing(data, model.preprocessing.channels).test_images
    _chosen(trace(model.network, _example(model.network, model.as_input, images)), model.name, layers)


def _for_testing(data: ImageSet, channels: int) -> ImageSet:
    """`data` in grey or RGB, without the images for training, which nobody looks at here."""
    return with_channels(replace(data, train_images=data.train_images[:0]), channels)


def _example(network: nn.Module, as_input: AsInput, images: Images) -> torch.Tensor:
    """The network's input, for two images: so a model made for one image alone is noticed at once."""
    with torch.no_grad():
        return as_input(torch.from_numpy(np.repeat(images[:1], 2, 0)).to(device_of(network)))


def _chosen(found: Trace, model: str, names: Sequence[str]) -> Trace:
    """`found` with the layers called `names`, or all, each with those among them that it reads."""
    if not any(layer.info.type == "convolution" for layer in found.layers):
        raise InputError(
            f"Model '{model}' has no convolution with maps of 2 × 2 or more, so it has no feature maps to record;"
            " name a convolutional network."
        )
    known = [layer.name for layer in found.layers]
    ends = {module.name: module.why.removeprefix(ENDS_WITH) for module in found.modules if ENDS_WITH in module.why}
    names = [name if name in known else ends.get(name, name) for name in names]  # a module by the layer it ends with
    for name in names:
        if name not in known:
            why = next((module.why for module in found.modules if module.name == name), "")
            raise InputError(
                f"Layer '{name}' cannot be shown: {why}; choose another." if why else one_of("layer", name, known)
            )
    if names:
        found.layers = [layer for layer in found.layers if layer.name in names]
        if not any(layer.measured for layer in found.layers):
            raise InputError("Only poolings were named in --layer; name a convolution or a block too.")
    kept = {layer.name for layer in found.layers}
    found.answer = contracted(found.answer, found.reads, kept)
    for layer in found.layers:
        reads = contracted(found.reads[layer.name], found.reads, kept)
        layer.info = layer.info.model_copy(update={"reads": reads})
    return found


def _source_of(pictures: Sequence[Picture]) -> str:
    """A digest of whole pictures, whatever a network sees of them."""
    digests = (array_digest(picture.original) for picture in pictures)
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _of_test_image(row: int, labels: NDArray[np.int64] | None) -> ProbeInfo:
    label = None if labels is None else int(labels[row])
    return ProbeInfo(label=label, predicted=0, probability=0, source=f"test image {row}")


def _of_picture(picture: Picture, classes: Sequence[str]) -> ProbeInfo:
    return ProbeInfo(
        label=None if picture.truth is None else number_of(picture.truth, classes),
        predicted=0,
        probability=0,
        source=picture.name,
        original_size=(picture.original.shape[1], picture.original.shape[2]),
        box=picture.box,
        file_size=picture.file_size,
    )


def _with_answers(
    infos: list[ProbeInfo],
    arrays: dict[str, Array],
    probes: Images,
    trained: Trained,
    found: Trace,
    watching: Watching,
) -> tuple[list[ProbeInfo], HistoryInfo | None]:
    """Add to `arrays` all that is recorded of the probes; return `infos` with what the network says about them."""
    labels = [info.label for info in infos]
    arrays["probes"] = probes.astype(np.float32) / np.float32(255)
    arrays |= probe_layers(trained, found, probes, labels, watching.of("probes"))
    without = [f"'{layer.name}'" for layer in found.layers if f"{layer.name}/gradcam" not in arrays]
    if without:
        of = f" of {listed(without, most=5)}" if len(without) < len(found.layers) else ""
        watching.say(
            f"Grad-CAM{of} is left out: no gradient leads from the model's answers to its maps there; to have it, run"
            " no part of the model under torch.no_grad or torch.inference_mode, and nothing that has no gradient."
        )
    probability = softmax(arrays["logits"])  # (P, K)
    predicted = probability.argmax(1)
    infos = [
        info.model_copy(update={"predicted": int(predicted[p]), "probability": float(probability[p].max())})
        for p, info in enumerate(infos)
    ]
    arrays |= ablations(trained, found, probes, arrays, predicted, watching.of("ablation"))
    if again := [f"'{name}'" for name in run_again(found.modules, {layer.name for layer in found.layers})]:
        watching.say(
            f"What a channel of {listed(again, most=5)} is worth was not tried: it runs several times for an image, and"
            " leaving it out of the first run alone would tell little; recorded is that run."
        )
    maps, history = activation_history(trained, found, probes, default_probe(infos), watching.of("earlier epochs"))
    arrays |= maps
    return infos, history


def _add_predictions(arrays: dict[str, Array], measured: Measured, labels: NDArray[np.int64] | None) -> None:
    probability = softmax(measured.logits)  # (M, K)
    arrays["test_predicted"] = probability.argmax(1).astype(np.int32)
    arrays["test_probability"] = probability.max(1).astype(np.float32)
    if labels is not None:
        arrays["test_label"] = labels.astype(np.int32)


def _with_inputs(layers: Sequence[LayerInfo], arrays: dict[str, Array]) -> tuple[LayerInfo, ...]:
    """Name the array that went into every convolution; where that is kept already, drop its second copy."""
    of_digest: dict[str, str] = {}
    for name in ("probes", "input", *(f"{layer.name}/activation" for layer in layers)):
        if name in arrays:
            of_digest.setdefault(array_digest(arrays[name]), name)
    if "input" in arrays and of_digest[array_digest(arrays["input"])] == "probes":
        del arrays["input"]
    named = []
    for layer in layers:
        own = f"{layer.name}/input"
        if own in arrays:
            known = of_digest.setdefault(array_digest(arrays[own]), own)
            if known != own:
                del arrays[own]
            layer = layer.model_copy(update={"input": known})
        named.append(layer)
    return tuple(named)
