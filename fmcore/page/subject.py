"""What the words of a page are about: one image of one model, a shallow and a deep layer, and what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.attribution import SEEN, Decision, brightest_is_decisive
from fmcore.analysis.border import border_of
from fmcore.analysis.convolution import Place
from fmcore.analysis.diagnostics import Diagnosis, diagnose
from fmcore.analysis.flattering import flattered, reaches_up, share_of_reach
from fmcore.analysis.learning import Movement, movements
from fmcore.analysis.meaning import MIXED, Meaning, meanings
from fmcore.analysis.rounding import decimals_of_sum
from fmcore.analysis.telling import telling
from fmcore.analysis.worked import WorkedMap
from fmcore.bundle import Bundle
from fmcore.header import LayerInfo, explained
from fmcore.page.phrases import fixed, quoted
from fmcore.page.view import Content, View

Floats = NDArray[np.floating]

FAINT = 0.6  # of the strongest map's reach: with more, a scale of its own changes little
_DECIMALS = 3  # where no rounding adds up


@dataclass(frozen=True)
class Sum:
    """One number of a map and what it comes from, written so that the rounded numbers add up where that is possible."""

    at: Place
    adds_up: bool
    decimals: int
    result: float  # what the map holds

    @classmethod
    def of(cls, map_: WorkedMap, at: Place) -> "Sum":
        terms = [at.summed, *([at.added] if map_.has_bias else [])]
        decimals = decimals_of_sum(terms, at.value)
        return cls(at, decimals is not None, decimals or _DECIMALS, float(map_.values[at.row, at.column]))

    def write(self, value: float) -> str:
        return fixed(value, self.decimals)


@dataclass(frozen=True)
class Silencing:
    """What setting single channels of a layer to zero did to the answer for one image."""

    layer: LayerInfo
    image: int  # its number on the page
    decision: Decision

    @property
    def misleads(self) -> bool:
        """Whether the answer needs another channel more than the brightest, so that one decimal of a point shows it."""
        return self.gap >= 2 * SEEN and self.decision.decisive.change <= -SEEN

    @property
    def gap(self) -> float:
        """By how much more the answer falls without the decisive channel than without the brightest."""
        return self.decision.brightest.change - self.decision.decisive.change


@dataclass(frozen=True, eq=False)
class Subject:
    """One image of one model of a page. Layers, channels and images are such as the page holds."""

    bundle: Bundle
    view: View
    image: int  # its number on the page

    @property
    def probe(self) -> int:
        """The image's number in the bundle."""
        return self.view.probes[self.image]

    def at(self, image: int) -> "Subject":
        """The same model with another image."""
        return Subject(self.bundle, self.view, image)

    def map(self, layer: LayerInfo, channel: int) -> Floats:
        """One feature map (H, W) of the image."""
        return self.bundle.part(f"{layer.name}/activation", self.probe, channel)

    def maps(self, layer: LayerInfo, channels: Sequence[int]) -> Floats:
        """Some feature maps (len(channels), H, W) of the image."""
        return np.stack([self.map(layer, channel) for channel in channels])

    # -- the answer ------------------------------------------------------------------------------

    @property
    def answer(self) -> str:
        return quoted(self.bundle.class_name(self.bundle.header.probes[self.probe].predicted))

    @property
    def truth(self) -> str | None:
        truth = self.bundle.truth(self.probe)
        return None if truth is None else quoted(truth)

    @property
    def right(self) -> bool:
        """Whether the answer is known to be right; names do not say so, for two classes may be called the same."""
        probe = self.bundle.header.probes[self.probe]
        return probe.label == probe.predicted

    @property
    def probability(self) -> float:
        return self.bundle.header.probes[self.probe].probability

    # -- layers and channels ---------------------------------------------------------------------

    @cached_property
    def layers(self) -> list[LayerInfo]:
        """The layers on the page, in the order in which they ran."""
        return [layer for layer in self.bundle.header.layers if layer.name in self.view.entries]

    @cached_property
    def shown(self) -> list[LayerInfo]:
        """The layers of which the page has maps of this image."""
        return [layer for layer in self.layers if self.view.map_of(layer.name, self.image)]

    @cached_property
    def shallow(self) -> LayerInfo | None:
        """The first convolution; where there is none, the first layer."""
        convolutions = [layer for layer in self.shown if layer.type == "convolution"]
        return next(iter(convolutions or self.shown), None)

    @cached_property
    def deep(self) -> LayerInfo | None:
        """The last convolution or block behind the shallow layer; where there is none, the last layer."""
        if self.shallow is None:
            return None
        behind = self.shown[self.shown.index(self.shallow) + 1 :]
        return next(iter([layer for layer in behind if layer.type != "pooling"][::-1] or behind[::-1]), None)

    @cached_property
    def channel(self) -> int:
        """The channel of the shallow layer that shows most, if possible one whose numbers can be worked out."""
        if self.shallow is None:
            return 0
        return self._clearest(self.shallow, self.view.workable(self.shallow.name, self.image))

    def clearest(self, layer: LayerInfo) -> int:
        """The channel of `layer` that shows most on this image."""
        return self.channel if layer is self.shallow else self._clearest(layer, [])

    def _clearest(self, layer: LayerInfo, among: Sequence[int]) -> int:
        channels = among or self.view.channels(layer.name)
        return channels[telling(self.maps(layer, channels), self.bundle.part("probes", self.probe))]

    @cached_property
    def worked(self) -> WorkedMap | None:
        """The map whose numbers are worked out; None where the page can do so for none."""
        for layer in self.shown:
            if layer.type == "convolution" and (channels := self.view.workable(layer.name, self.image)):
                return WorkedMap(self.bundle, layer, self._clearest(layer, channels), self.probe)
        return None

    @cached_property
    def example(self) -> Place | None:
        """The place of that map whose number is worked out first."""
        return None if self.worked is None else self.worked.high

    # -- what was measured -----------------------------------------------------------------------

    def meanings(self, layer: LayerInfo) -> dict[int, Meaning] | None:
        """What the channels on the page resemble, by channel; None where that was not measured."""
        measures = self.bundle.header.measures
        if measures is None or f"{layer.name}/meaning" not in self.bundle.header.arrays:
            return None
        found = meanings(self.bundle, layer.name)
        return {channel: found[channel] for channel in self.view.channels(layer.name)}

    def named(self, layer: LayerInfo) -> list[int]:
        """The channels on the page that bear a name, by how well it fits; those that this image lights come first."""
        found = self.meanings(layer) or {}
        names = [channel for channel, meaning in found.items() if meaning.label != MIXED]
        dark = {channel: not np.ptp(self.map(layer, channel)) > 0 for channel in names}
        return sorted(names, key=lambda channel: (dark[channel], -found[channel].score, channel))

    def flattered(self, layer: LayerInfo) -> tuple[int, int] | None:
        """A strong channel, and a weak one that looks as strong on a scale of its own; None where none is so weak."""
        channels = self.view.channels(layer.name)
        maps = self.maps(layer, channels)
        strong, weak = flattered(maps, border_of(layer, self.bundle.header.model.input_shape))
        if weak is None or share_of_reach(maps[weak], maps[strong]) > FAINT:
            return None
        if not reaches_up(maps[[weak, strong]]).all():  # it would have to be said of both which way they reach
            return None
        return channels[strong], channels[weak]

    def diagnosis(self, layer: LayerInfo) -> Diagnosis | None:
        """What is wrong with the layer's channels; None where nobody measured it."""
        if layer.type == "pooling" or not self.bundle.has_statistics(layer.name):
            return None
        return diagnose(self.bundle, layer.name)

    def movement(self, layer: LayerInfo) -> Movement | None:
        """How far training moved the filters; None where the page cannot show it."""
        return movements(self.bundle, layer.name) if self.view.trained(layer.name) else None

    # -- what the answer rests on ----------------------------------------------------------------

    @cached_property
    def explained(self) -> LayerInfo | None:
        """The last convolution with Grad-CAM, maps fine enough to tell regions apart coming first."""
        return self._deepest([layer for layer in self.shown if self.view.explained(layer.name, self.image)])

    @cached_property
    def silencing(self) -> Silencing | None:
        """The case in which the brightest channel misleads most about what the answer rests on."""
        layer = self._deepest([layer for layer in self.shown if self.view.silenced(layer.name)])
        if layer is None:
            return None
        shown = [self.at(image) for image in self.view.images if self.view.map_of(layer.name, image)]
        probes = self.bundle.header.probes
        right = [one for one in shown if probes[one.probe].label == probes[one.probe].predicted]
        found = [
            Silencing(layer, one.image, brightest_is_decisive(self.bundle, layer.name, one.probe))
            for one in right or shown
        ]
        held = set(self.view.channels(layer.name))
        told = [one for one in found if {one.decision.brightest.channel, one.decision.decisive.channel} <= held]
        return max(told, key=lambda one: (one.gap, one.image == self.image, -one.image), default=None)

    @staticmethod
    def _deepest(layers: Sequence[LayerInfo]) -> LayerInfo | None:
        return explained([layer for layer in layers if layer.type == "convolution"] or layers)


def subject_of(bundle: Bundle, content: Content, number: int, probes: Sequence[int]) -> Subject:
    """Model `number` of the page and the image that the page opens with, or the first that it has maps of.

    `probes` are the numbers in the bundle of the page's images.
    """
    view = View(content["models"][number], number, tuple(probes))
    opens = str((content.get("start") or {}).get("image", ""))
    wanted = [int(opens) - 1] if opens.isascii() and opens.isdigit() else []
    wanted += [image for image in view.images if view.probes[image] == bundle.default_probe]
    known = [image for image in (*wanted, *view.images) if image in view.images]
    having = (image for image in known if any(view.map_of(layer, image) for layer in view.entries))
    return Subject(bundle, view, next(having, next(iter(known), 0)))
