"""Films for tests: bundles made by hand, scenes played without drawing, frames decoded and read back."""

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.meaning import NAMES
from fmcore.analysis.receptive_field import through
from fmcore.bundle import save_bundle
from fmcore.colour import ColourScale
from fmcore.header import (
    SCHEMA_VERSION,
    BundleHeader,
    DatasetInfo,
    EpochRecord,
    LayerInfo,
    MeasuresInfo,
    ModelInfo,
    Preprocessing,
    ProbeInfo,
    ReceptiveField,
    TrainingInfo,
)
from fmcore.lesson.brief import Brief, Figure, Performance
from fmcore.lesson.storyboard import Storyboard
from fmcore.lesson.words import Words
from fmcore.patches import top_patches
from fmcore.render.spec import RenderSpec
from fmcore.render.storyboard import storyboard
from fmcore.render.worker import SegmentJob
from scenes.parts.text import speak

TINY = RenderSpec(quality="tiny", width=160, height=90, fps=5, crf=18, preset="ultrafast")
GARMENTS = ("shirt", "trouser", "bag")


# -- bundles -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Net:
    """A network to be made up: its weights are random, its activations are computed from them.

    `widths` are the filters of its convolutions, `pooled` halves the maps after each.
    """

    size: tuple[int, int] = (12, 12)
    image_channels: int = 1
    widths: tuple[int, ...] = (4, 6)
    kernel: int = 3
    stride: int = 1
    pooled: bool = False
    bias: float = 0.0
    dead: tuple[int, ...] = ()  # channels of every layer that are zero everywhere
    relu: bool = True
    has_bias: bool = True
    classes: tuple[str, ...] = GARMENTS
    wrong: bool = False
    tests: int = 3  # answers to test images; of more than the probes, theirs are repeated
    epochs: int = 0
    seed: int = 7
    measured: bool = False  # whether there are statistics, Grad-CAM and ablations


def with_layers(header: BundleHeader, names: Mapping[str, str]) -> dict[str, Any]:
    """The fields of `header` that change where layers get other `names`."""

    def read(reads: Sequence[str]) -> tuple[str, ...]:
        return tuple(names.get(one, one) for one in reads)

    layers = (
        layer.model_copy(update={"name": names.get(layer.name, layer.name), "reads": read(layer.reads)})
        for layer in header.layers
    )
    return {"layers": tuple(layers), "model": header.model.model_copy(update={"reads": read(header.model.reads)})}


def make_bundle(path: Path, net: Net, recipe: Mapping[str, str] | None = None) -> Path:
    """Write the bundle of `net` with three probes: smooth random images, each of its own class."""
    random = np.random.default_rng(7)
    images = random.random((len(GARMENTS), net.image_channels, *net.size)).astype(np.float32)
    images[..., net.size[0] // 2 :, :] *= 0.3
    random = random if net.seed == 7 else np.random.default_rng(net.seed)
    said = (np.arange(len(GARMENTS)) + net.wrong) % len(GARMENTS)
    arrays: dict[str, NDArray[Any]] = {
        "probes": images,
        "logits": 3.0 * np.eye(len(GARMENTS), dtype=np.float32)[said],
    }
    if net.measured:
        arrays["test_predicted"] = np.resize(said, net.tests)
        arrays["test_label"] = np.resize(np.arange(len(GARMENTS)), net.tests)
        arrays["test_probability"] = np.full(net.tests, 0.9, np.float32)
        arrays["gradcam_classes"] = np.stack([said, (said + 1) % len(GARMENTS), (said + 2) % len(GARMENTS)], 1)
    layers: list[LayerInfo] = []
    maps, pad, source, field = images, net.kernel // 2, "probes", ReceptiveField()
    for number, width in enumerate(net.widths, start=1):
        name = f"conv{number}"
        weight = random.normal(0, 0.4, (width, maps.shape[1], net.kernel, net.kernel)).astype(np.float32)
        bias = np.full(width, net.bias, np.float32)
        bias[list(net.dead)] = -1000.0
        before = convolved(maps, weight, bias, net.stride if number == 1 else 1, pad)
        maps = np.maximum(before, 0) if net.relu else before
        stride = net.stride if number == 1 else 1
        field = through(field, (net.kernel, net.kernel), (stride, stride), (pad, pad))
        layers.append(_layer(name, "convolution", net.kernel, stride, pad, net.relu, maps, source, field))
        if net.measured:
            arrays |= _favourites(layers[-1], maps, (images * 255).astype(np.uint8))
        source = f"{name}/activation"
        arrays |= {
            f"{name}/weight": weight,
            f"{name}/preactivation": before,
            f"{name}/activation": maps,
            **(
                _statistics(name, maps)
                if net.measured
                else {f"{name}/active": (maps > 0).mean((0, 2, 3), dtype=np.float32)}
            ),
        }
        if net.has_bias:
            arrays[f"{name}/bias"] = bias
        if net.epochs:
            first = random.normal(0, 0.4, weight.shape).astype(np.float32)
            shares = np.linspace(0, 1, net.epochs + 1, dtype=np.float32)
            history = [first + share * (weight - first) for share in shares]
            arrays[f"{name}/weight_history"] = np.stack(history)
        if net.pooled:
            maps = _halved(maps)
            field = through(field, (2, 2), (2, 2))
            layers.append(_layer(f"pool{number}", "pooling", 2, 2, 0, False, maps, source, field))
            source = f"pool{number}/activation"
            arrays[source] = maps
    header = BundleHeader(
        schema_version=SCHEMA_VERSION,
        model=ModelInfo(name="made-up", input_shape=(net.image_channels, *net.size), parameters=1),
        preprocessing=Preprocessing(
            channels=1 if net.image_channels == 1 else 3, size=net.size, resize=min(net.size),
            mean=(0.0,) * (1 if net.image_channels == 1 else 3), std=(1.0,) * (1 if net.image_channels == 1 else 3),
        ),
        layers=tuple(layers),
        arrays={},
        classes=net.classes,
        probes=tuple(
            ProbeInfo(label=p, predicted=(p + net.wrong) % len(GARMENTS), probability=0.9, source=f"test image {p}")
            for p in range(len(GARMENTS))
        ),
        training=TrainingInfo(
            epochs=net.epochs, batch_size=1, learning_rate=0.1, optimizer="none", loss="none", seed=0, device="cpu",
            history=tuple(
                EpochRecord(
                    epoch=epoch, train_loss=1 / (epoch + 1), train_accuracy=1 - 0.7 / (epoch + 1),
                    test_loss=1 / (epoch + 1), test_accuracy=1 - 0.7 / (epoch + 1),
                )
                for epoch in range(net.epochs + 1)
            ),
        ),
        measures=MeasuresInfo(
            images=len(GARMENTS), labelled=True, foreground="the brighter half", foreground_images=len(GARMENTS),
            meaning=NAMES, meaning_images=len(GARMENTS),
        ) if net.measured else None,
        dataset=DatasetInfo(name="noise", provenance="Drawn for tests.", train_count=0, test_count=net.tests,
            test_sha256="0" * 64 if net.measured else ""),
        versions={},
        recipe=dict(recipe or {}),
    )  # fmt: skip
    save_bundle(path, header, arrays)
    return path


def convolved(
    maps: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32], stride: int, pad: int
) -> NDArray[np.float32]:
    """What a convolution leaves of `maps` (P, C, H, W)."""
    padded = np.pad(maps, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    summed = np.einsum("pchwij,ocij->pohw", windows, weight, optimize=True)
    return (summed + bias[:, None, None]).astype(np.float32)


def _statistics(layer: str, maps: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """What a recorder measures, taken over the probes; what it would measure by other means is made up."""
    probes, channels, rows, columns = maps.shape
    random = np.random.default_rng(channels)
    flat = maps.transpose(1, 0, 2, 3).reshape(channels, -1).astype(np.float64)
    spread = flat.std(1)
    centred = (flat - flat.mean(1, keepdims=True)) / np.where(spread > 0, spread, 1)[:, None]
    correlation = centred @ centred.T / flat.shape[1]
    tested, weights = min(channels, 8), random.normal(0, 0.1, (probes, len(GARMENTS), channels))
    grid = maps[:, :, :: max(1, rows // 4), :: max(1, columns // 4)][:, :, :4, :4]
    arrays = {
        "mean": flat.mean(1),
        "std": spread,
        "maximum": flat.max(1),
        "fired": (maps.max((2, 3)) > 0).mean(0),
        "active": (maps > 0).mean((0, 2, 3)),
        "foreground": random.random(channels),
        "foreground_area": np.full(1, 0.5),
        "outline": np.zeros(channels),
        "outline_area": np.full(1, 0.1),
        "sparseness": random.random(channels),
        "class_mean": maps.mean((2, 3)).T,
        "meaning": random.uniform(-1, 1, (channels, len(NAMES))),
        "gradcam_weight": weights,
        "gradcam": np.einsum("ptc,pchw->pthw", weights, maps),
        "sample": np.concatenate([grid, np.roll(grid, 1, 3), grid[::-1] * 0.5 + grid]),
        "ablation": random.uniform(-0.3, 0.1, (probes, tested)),
    }
    if channels <= 512:
        arrays["correlation"] = correlation
    found = {f"{layer}/{name}": values.astype(np.float32) for name, values in arrays.items()}
    found[f"{layer}/ablated"] = np.tile(np.arange(tested), (probes, 1))
    found[f"{layer}/ablation_predicted"] = np.tile(np.arange(tested, dtype=np.int32) % 3, (probes, 1))
    return found


def _favourites(layer: LayerInfo, maps: NDArray[np.float32], images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """The probes in the order in which they light each channel, and what lay where they do."""
    top = maps.max((2, 3))  # (P, C)
    order = np.argsort(-top, axis=0, kind="stable")
    places = maps.reshape(*maps.shape[:2], -1).argmax(2)  # (P, C)
    chosen = np.take_along_axis(places, order, 0).T
    found: dict[str, NDArray[Any]] = {
        f"{layer.name}/top_images": order.T.astype(np.int32),
        f"{layer.name}/top_values": np.take_along_axis(top, order, 0).T,
        f"{layer.name}/top_places": np.stack([chosen // maps.shape[3], chosen % maps.shape[3]], 2).astype(np.int32),
    }
    spread = {f"{layer.name}/mean": maps.mean((0, 2, 3)), f"{layer.name}/std": maps.std((0, 2, 3))}
    return found | top_patches(layer, found | spread, images)


def _halved(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = maps.shape[2:]
    padded = np.pad(maps, ((0, 0), (0, 0), (0, rows % 2), (0, columns % 2)))
    return padded.reshape(*maps.shape[:2], (rows + 1) // 2, 2, (columns + 1) // 2, 2).max((3, 5))


def _layer(
    name: str,
    kind: Any,
    kernel: int,
    stride: int,
    pad: int,
    relu: bool,
    maps: NDArray[Any],
    source: str,
    field: ReceptiveField,
) -> LayerInfo:
    return LayerInfo(
        name=name,
        type=kind,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(pad, pad),
        nonlinearity="relu" if relu else "none",
        output_shape=maps.shape[1:],
        input=source,
        field=field,
    )


# -- scenes played without drawing ---------------------------------------------------------------


@dataclass
class Played:
    """A scene that was played: what it says, the frames it took, and what `watch` saw at the end of each beat."""

    scene: Any
    frames: int
    performance: Performance
    board: Storyboard
    seen: dict[str, Any] = field(default_factory=dict)


def _settle() -> None:
    """Every play collects garbage first: what lives by now need not be looked through each time."""
    gc.collect()
    gc.freeze()


def play(
    scene_class: Any,
    bundle: Path | None = None,
    options: Mapping[str, Any] | None = None,
    spec: RenderSpec = TINY,
    watch: Callable[[Any], Any] = lambda scene: None,
    other: Path | None = None,
    words: Words | None = None,
    **place: Any,
) -> Played:
    """Play a LessonScene frame by frame as the worker does, but draw and write nothing; `place` is its in a lesson."""

    class Watched(scene_class):  # type: ignore[misc]
        def _note_figures(self, beat: Any) -> None:
            super()._note_figures(beat)
            seen[beat.cue] = watch(self)

    Watched.__name__ = scene_class.__name__
    seen: dict[str, Any] = {}
    job = SegmentJob(
        scene=scene_class.__name__, path=Path("here.py"), module=__name__,
        brief=Brief(bundle=bundle, other=other, options=dict(options or {}), words=words, **place), spec=spec,
        target=Path("nowhere.mp4"),
    )  # fmt: skip
    _settle()
    with patch("fmcore.render.worker.load_scene", lambda name, path, module: Watched):
        played = storyboard(job)
    speak(None, ())  # parts that are tested alone speak English
    return Played(played.scene, played.board.performance.beats[-1].end, played.board.performance, played.board, seen)


# -- films read back -----------------------------------------------------------------------------


def frames_of(video: Path) -> NDArray[np.uint8]:
    """All frames of `video`, RGB, (N, H, W, 3)."""
    with av.open(str(video)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def packets_of(video: Path) -> list[tuple[Fraction, Fraction, bytes]]:
    """Presentation time in seconds, decoding time in seconds and content of every packet of the film."""
    with av.open(str(video)) as container:
        return [
            (packet.pts * packet.time_base, packet.dts * packet.time_base, bytes(packet))
            for packet in container.demux(video=0)
            if packet.pts is not None and packet.dts is not None
        ]


def read_back(frame: NDArray[np.uint8], figure: Figure, shape: tuple[int, int]) -> NDArray[np.float64]:
    """The values (rows, columns) that `frame` (H, W, 3) shows in the box of `figure`: one pixel a value."""
    height, width = frame.shape[:2]
    left, top, right, bottom = figure.box
    rows = (top + (bottom - top) * (np.arange(shape[0]) + 0.5) / shape[0]) * height
    columns = (left + (right - left) * (np.arange(shape[1]) + 0.5) / shape[1]) * width
    pixels = frame[rows.astype(int)[:, None], columns.astype(int)[None, :]]  # (rows, columns, 3)
    return ColourScale(figure.low, figure.high, figure.scale, figure.colours).values(pixels)


def correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def leftovers(folder: Path) -> Sequence[Path]:
    """Temporary files and folders that somebody forgot."""
    every = (Path(place) / name for place, folders, files in os.walk(folder) for name in (*folders, *files))
    return sorted(path for path in every if ".part" in path.name)  # `rglob` fails at a link to too long a name
