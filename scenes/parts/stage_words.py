"""What is said of the stages of a network: claims about its first and its last layer, in words for any network."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Protocol

from fmcore.analysis.hierarchy import SHUFFLED, Stage
from fmcore.analysis.pooling import PoolingStep
from fmcore.analysis.saying import percent
from fmcore.header import LayerInfo
from scenes.parts.layer_name import layer_name
from scenes.parts.phrases import and_the_rest, why_the_rest
from scenes.parts.text import number, on_scale, whole

_BELOW = 1e-12  # from where on a mean is called below zero
_BEYOND_CHANCE = 2.0  # times what channels seem to prefer by chance
_SIDES = 0.3  # mean selectivity from which on channels can be said to take sides


class Told(Protocol):
    """A claim: its words, as a string, and the measured value behind them."""

    @property
    def value(self) -> float: ...

    @property
    def holds(self) -> bool: ...


class StageWords:
    """Claims about `layers`, taken by `claim` of what image `probe` makes of them; `image` is its (height, width).

    `measured` are their figures over many images, for those that have some; `signed` says that maps go below zero.
    `every` are all layers of the network, `averaged` the names of those with a mean for each of several known classes.
    """

    def __init__(
        self,
        claim: Callable[..., Told],
        probe: int,
        layers: Sequence[LayerInfo],
        measured: Sequence[Stage | None],
        image: tuple[int, int],
        signed: bool,
        every: Sequence[LayerInfo],
        averaged: Sequence[str],
    ) -> None:
        self.claim, self.probe, self.layers, self.measured = claim, probe, layers, measured
        self.image, self.signed = image, signed
        self.all_layers, self.averaged = every, averaged

    def every(self) -> Mapping[str, object]:
        """All facts by their names in the script, but for `smaller`."""
        first, last = self.layers[0], self.layers[-1]
        above = self._both("live share above zero", "activation", percent, self.probe)
        return {
            **self._shape("first", first),
            **self._shape("last", last),
            **self._likeness(),
            "first_field": self._field(first),
            "last_field": self._field(last),
            "first_rest": and_the_rest(first.field),
            "last_rest": and_the_rest(last.field) * (not first.field.local),
            "why_rest": why_the_rest(self.all_layers, first, last),
            "first_on": above[0],
            "last_on": above[1],
            "leaving": ", leaving out channels that never respond" * self._some_are_silent,
            "rarer": self._rarer(),
            **self._selectivity(),
            **self._labels(),
        }

    def _labels(self) -> dict[str, object]:
        """What stands below the maps of stage n: `likeness_n`, `above_n` and `selectivity_n`, where there is any."""
        made: dict[str, object] = {}
        for n, (layer, stage) in enumerate(zip(self.layers, self.measured, strict=True)):
            made[f"above_{n}"] = self.claim(
                "live share above zero",
                f"{layer.name}/activation",
                self.probe,
                words=lambda share: f"{percent(share)} above zero",
            )
            for name, measure, part, words in (
                ("likeness", "likeness to the image", "meaning", "likeness"),
                ("selectivity", "class selectivity", "class_mean", "mean selectivity"),
            ):
                if self.has(name) and stage is not None and getattr(stage, name) is not None:
                    made[f"{name}_{n}"] = self.claim(
                        measure, f"{layer.name}/{part}", words=partial(_labelled, what=words)
                    )
        return made

    def _both(self, measure: str, part: str, words: Callable[[float], str], *index: int) -> list[Told]:
        """A measure of the first and of the last layer."""
        ends = (self.layers[0], self.layers[-1])
        return [self.claim(measure, f"{layer.name}/{part}", *index, words=words) for layer in ends]

    def _shape(self, which: str, layer: LayerInfo) -> dict[str, object]:
        array = f"{layer.name}/activation"
        return {
            f"{which}_channels": self.claim(
                "channels", array, self.probe, words=lambda n: f"{whole(n)} map{'s' * (n > 1)}"
            ),
            f"{which}_rows": self.claim("rows", array, self.probe, words=whole),
            f"{which}_columns": self.claim("columns", array, self.probe, words=whole),
        }

    def smaller(self, step: PoolingStep | None, convolutions: Sequence[LayerInfo]) -> Told | str:
        """Why maps get smaller, as far as that is known: by pooling, or by the stride of one of `convolutions`."""
        if step is not None:
            height, width = step.layer.kernel
            return self.claim(
                "value",
                f"{step.layer.name}/activation",
                self.probe,
                step.channel,
                step.row,
                step.column,
                words=lambda kept: (
                    f"Pooling makes maps smaller: of every {height} by {width} numbers, only the largest"
                    f" stays. Here it is {number(kept)}."
                ),
            )
        if leap := next((layer for layer in convolutions if max(layer.stride) > 1), None):
            down, across = leap.stride
            by = f"{down}" if down == across else f"{down} or {across}"
            return self.claim(
                "stride",
                f"{leap.name}/activation",
                words=f"In {layer_name(leap.name)}, filters move on by {by} places at a time. That makes maps smaller.",
            )
        return "Every map is one channel of its layer: a number for every place."

    def _likeness(self) -> dict[str, object]:
        neutral = "Each shows where one filter found its pattern."
        if not self.has("likeness"):
            scale = "Each layer has its own scale, up to its strongest number"
            return {"recognise": neutral, "first_like": scale, "last_like": ""}
        measure, part = "likeness to the image", "meaning"
        start, less = "On average, a map's likeness to the image is", ": they look less and less like it"
        likes = [stage.likeness for stage in self.measured if stage is not None and stage.likeness is not None]
        falls = all(one > other for one, other in pairwise(likes))  # not only from the first to the last
        first, last = self._contrast(measure, part, start, less if falls else "", at_most=0.8)
        seen = "You can still recognise the image in them."
        array = f"{self.layers[0].name}/{part}"
        recognise = self.claim(measure, array, words=seen, at_least=0.4, otherwise=neutral)
        return {"recognise": recognise, "first_like": first, "last_like": last}

    @property
    def _some_are_silent(self) -> bool:
        return any(stage is not None and stage.live < stage.channels for stage in self.measured)

    def _rarer(self) -> object:
        question = "How much of a layer lies above zero?"
        if self.signed:
            return question
        first, *later = (
            self.claim("live share above zero", f"{layer.name}/activation", self.probe).value for layer in self.layers
        )
        if not all(one > other for one, other in pairwise((first, *later))):
            return question
        array, words = f"{self.layers[-1].name}/activation", "Fewer and fewer places respond."
        return self.claim(
            "live share above zero", array, self.probe, words=words, at_most=0.8 * first, otherwise=question
        )

    def _selectivity(self) -> dict[str, object]:
        if not self.has("selectivity"):
            if below := self._below_zero():
                return {"first_selective": below, "last_selective": "", "by_chance": ""}
            said = "What a deep map stands for cannot be seen: it has to be measured, over many images of known classes"
            return {"first_selective": said, "last_selective": "", "by_chance": ""}
        start = (
            "Does a channel prefer a class? Its selectivity is zero if it answers every class alike, and one if it"
            " answers one class only. On average it is"
        )
        limits = {"at_least": 1.2, "or_at_least": max(_SIDES, _BEYOND_CHANCE * (self._chance or 0.0))}
        first, last = self._contrast("class selectivity", "class_mean", start, ". Deep maps take sides", **limits)
        return {"first_selective": first, "last_selective": last, "by_chance": self._by_chance()}

    @property
    def _chance(self) -> float | None:
        last = self.measured[-1]
        return None if last is None else last.chance

    def _by_chance(self) -> Told | str:
        """What selectivity the last layer has where the images got each other's labels, if that was measured."""
        name = self.layers[-1].name
        if self._chance is None:
            return ""
        return self.claim(
            "class selectivity by chance",
            f"{name}/{SHUFFLED}",
            words=lambda mean: f" With labels drawn by lot, it would be {number(mean)} there.",
        )

    def _below_zero(self) -> Told | None:
        """That selectivity is not worked out from means below zero, where the first or the last layer has some."""
        ends = [layer.name for layer in (self.layers[0], self.layers[-1]) if layer.name in self.averaged]
        claims = (
            self.claim("smallest value", f"{name}/class_mean", words=partial(_left_out, layer=name), at_most=-_BELOW)
            for name in ends
        )
        return next((claim for claim in claims if claim.holds), None)

    @property
    def asks_for_classes(self) -> bool:
        """Whether the sentence of classes asks whether channels prefer one."""
        return self.has("selectivity") or self._below_zero() is not None

    def _contrast(
        self, measure: str, part: str, start: str, more: str, or_at_least: float = 0.0, **shares: float
    ) -> tuple[Told, Told]:
        """What is said of the first layer, and of the last: `more` where it is within these shares of the first.

        Where there is an `at_least` among them, it is `or_at_least` if that is more.
        """
        (first, shallow), (last, deep) = zip(
            (self.layers[0].name, self.layers[-1].name), self._both(measure, part, number), strict=True
        )
        said, end = f"{start} {shallow} in {layer_name(first)}", f" and {deep} in {layer_name(last)}"
        limits = {relation: share * shallow.value for relation, share in shares.items()}
        if "at_least" in limits:
            limits["at_least"] = max(limits["at_least"], or_at_least)
        return (
            self.claim(measure, f"{first}/{part}", words=said),
            self.claim(measure, f"{last}/{part}", words=end + more, otherwise=end, **limits),
        )

    def has(self, what: str) -> bool:
        """Whether the first and the last layer have this mean over many images."""
        ends = (self.measured[0], self.measured[-1])
        return all(stage is not None and getattr(stage, what) is not None for stage in ends)

    def _field(self, layer: LayerInfo) -> object:
        field = layer.field
        if not field.boxed:
            return "the whole image" if field.known else "an area that is not known"
        beyond = all(size >= full for size, full in zip(field.size, self.image, strict=True))
        most = "at most " * (not field.exact)  # that of some places is smaller
        return self.claim(
            "rows of the receptive field",
            f"{layer.name}/activation",
            words=lambda rows: f"{most}{rows:.0f} by {field.size[1]} pixels" + ", more than there are" * beyond,
        )


def _labelled(mean: float, what: str) -> str:
    return f"{what} {number(mean)}"


def _left_out(low: float, layer: str) -> str:
    return (
        "Does a channel prefer a class? Selectivity would tell, but it needs means of zero or more for every class."
        f" In {layer_name(layer)}, some lie below, down to {on_scale(low, abs(low))}, so it is left out"
    )
