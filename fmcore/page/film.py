"""The film beside a page: its chapters, each with what to look at on the page, and its captions."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from fmcore.lesson.brief import Figure
from fmcore.lesson.captions import captions, milliseconds
from fmcore.lesson.record import POSTER_NAME, LessonRecord, SceneRecord
from fmcore.page.view import Content, Patch, View

_ASIDE = {"with": "", "stage": "activation", "epoch": "", "place": "", "class": ""}  # what a chapter's state puts aside
_SCALES = frozenset({"per_map", "per_layer", "shared"})
_OF_AN_IMAGE = frozenset({"activation", "preactivation", "sum", "gradcam"})  # parts whose first index is a probe


def film_of(
    record: LessonRecord, file: str, content: Content, sources: Sequence[tuple[str, Sequence[int]]]
) -> dict[str, Any]:
    """The film `file`, a name relative to the page, of the lesson that `record` describes.

    Args:
        sources: Of every model of the page, the digest of its bundle and the numbers in it of the page's images.
    """
    fps = int(record.settings["fps"])
    models = [
        _Model(View(model, number, tuple(probes)), record, digest)
        for number, (model, (digest, probes)) in enumerate(zip(content["models"], sources, strict=True))
    ]
    told = captions(beat for scene in record.scenes for beat in scene.beats)
    return {
        "file": file,
        "poster": str(PurePosixPath(file).with_name(POSTER_NAME)),
        "chapters": [
            {"title": scene.title, "start": _seconds(scene.start, fps), "state": _state(scene, models)}
            for scene in record.scenes
        ],
        "captions": [
            {"start": _seconds(one.start, fps), "end": _seconds(one.end, fps), "text": one.text} for one in told
        ],
    }


def _seconds(frame: int, fps: int) -> float:
    """To the millisecond, as in the captions beside the film."""
    return milliseconds(frame, fps) / 1000


def _state(scene: SceneRecord, models: Sequence["_Model"]) -> Patch | None:
    """What the page shows of the scene: the first of its figures that the page holds, else what its options name."""
    own = [model for model in models if scene.bundle is not None and model.bundle == scene.bundle]
    other = [model for model in models if scene.other is not None and model.bundle == scene.other]
    figures = [(model, figure) for figure in scene.figures for model in (other if figure.other else own)]
    images = (patch for model, figure in figures if (patch := model.image(figure)))
    shown = (patch for model, figure in figures if (patch := model.map_or_filter(figure)))
    named = (patch for model in own if (patch := model.named(scene.options)))
    found = next(images, {}) | (next(shown, {}) or next(named, {}))
    return {**_ASIDE, **found} if found else None


class _Model:
    """One model of the page, and what the lesson calls its bundle; None where it has no such bundle, or several."""

    def __init__(self, view: View, record: LessonRecord, digest: str) -> None:
        self._view = view
        fitting = [name for name, one in record.bundles.items() if one.sha256 == digest]
        self.bundle = fitting[0] if len(fitting) == 1 else None

    def image(self, figure: Figure) -> Patch:
        """The image that a figure shows, or shows a map of; nothing where the page does not hold it."""
        of_one = figure.array in ("probes", "input") or figure.array.rpartition("/")[2] in _OF_AN_IMAGE
        return self._image(figure.index[0]) if of_one and figure.index else {}

    def map_or_filter(self, figure: Figure) -> Patch:
        """The map or the filter that a figure shows; nothing where the page does not hold it."""
        layer, _, part = figure.array.rpartition("/")
        if layer not in self._view.entries or len(figure.index) < 2:
            return {}
        row, column = figure.index[:2]
        if part == "gradcam":
            return self._gradcam(layer, row, column)
        if part in _OF_AN_IMAGE:
            return self._map(layer, part, row, column, figure.scale)
        epochs, channel = self._view.epochs, column if part == "weight_history" else row
        if channel not in self._view.filters(layer):
            return {}
        if part == "weight":
            return self._layer(layer, channel)
        if part == "weight_history" and row < len(epochs) and self._view.trained(layer):
            return {**self._layer(layer, channel), "epoch": str(epochs[row])}
        return {}

    def named(self, options: Mapping[str, str | int | float | bool]) -> Patch:
        """The layer, the channel and the image that the options of a scene name, as far as the page holds them."""
        layer, channel, probe = (options.get(name) for name in ("layer", "channel", "probe"))
        found = self._image(probe) if isinstance(probe, int) else {}
        if not isinstance(layer, str) or layer not in self._view.entries:
            return found
        return found | self._layer(layer, channel - 1 if isinstance(channel, int) else None)

    def _gradcam(self, layer: str, probe: int, slot: int) -> Patch:
        """The first map of an image is that of its answer; of which class the others are is not said here."""
        image = self._image(probe)
        if not image or not self._view.explained(layer, number := self._view.probes.index(probe)):
            return {}
        predicted = self._view.model["probes"][number]["predicted"]
        return {**image, **self._layer(layer), **({"class": str(predicted + 1)} if slot == 0 else {})}

    def _map(self, layer: str, part: str, probe: int, channel: int, scale: str) -> Patch:
        image = self._image(probe)
        if not image or channel not in self._view.channels(layer):
            return {}
        before, number = part != "activation", self._view.probes.index(probe)
        if not (self._view.before_of if before else self._view.map_of)(layer, number):
            return {}
        stage = {"stage": "preactivation"} if before else {}
        return {**image, **self._layer(layer, channel), **stage, **({"scale": scale} if scale in _SCALES else {})}

    def _image(self, probe: int) -> Patch:
        known = self._view.probes
        return {**self._own, "image": str(known.index(probe) + 1)} if probe in known else {}

    def _layer(self, layer: str, channel: int | None = None) -> Patch:
        held = channel is not None and channel in self._view.channels(layer)
        return {**self._own, "layer": layer, **({"channel": str(channel + 1)} if channel is not None and held else {})}

    @property
    def _own(self) -> Patch:
        return {"model": str(self._view.number + 1)}
