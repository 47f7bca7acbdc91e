"""What is said of Grad-CAM: how weighted maps add up, where support lies, and what taking channels away says of it.

`claim` is the `claim` of a scene.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from fmcore.analysis.attribution import Ablation, moves
from fmcore.analysis.cases import MORE, Case
from fmcore.analysis.saying import percent
from fmcore.analysis.weighing import Weighing
from fmcore.bundle import Bundle
from fmcore.header import LayerInfo
from scenes.parts.channel_words import Said, TakeClaim
from scenes.parts.layer_name import layer_name
from scenes.parts.text import on_scale, whole

HALF = "places of half the support"
_ROUNDING = 1e-3  # of a map's largest value: what adding up in another order may change
_OF_TWO = ("example", "below", "speaks"), ("counterexample", "below_too", "speaks_too")  # facts of both channels
_NO_WEIGHTS = dict.fromkeys(("weights", *_OF_TWO[0], *_OF_TWO[1]), "")
_MOST = 0.5  # of the support
_PART = 0.25  # of what the strongest example adds: one that adds less is no example of what counts
_DARK = 0.25  # of the largest reach of maps on one scale: one that reaches less is hardly seen there


class GradCamWords:
    """Claims about the Grad-CAM maps of `layer`; `weighing` is that of the answer looked at, if weights were kept."""

    def __init__(self, claim: TakeClaim, bundle: Bundle, layer: LayerInfo, weighing: Weighing | None) -> None:
        self.claim, self.bundle, self.weighing = claim, bundle, weighing
        self.layer, self.array = layer.name, f"{layer.name}/gradcam"

    def of_the_sum(self, case: Case, most: int) -> tuple[Mapping[str, object], dict[int, str]]:
        """What the maps are multiplied with, where a bundle tells and there are several; else only that they are.

        And of up to `most` channels what each is multiplied with.
        """
        layer, answer = layer_name(self.layer), case.maps[0].name
        array, at = f"{self.layer}/gradcam_weight", (case.probe, case.slots[0])
        factors: dict[int, str] = {}
        by = f"by how much it would raise “{answer}”"
        otherwise = f"Grad-CAM weights each map of {layer} {by}, and adds them up."
        if self.weighing is None or len(self.weighing.weights) < 2 or not self.weighing.added.any():
            return _NO_WEIGHTS | {"sum": otherwise}, factors
        sum_ = self.claim(
            "error of the weighted sum",
            array,
            *at,
            words=f"Multiply each map by its weight, add up {_all(len(self.weighing.weights))}: the result is one map.",
            at_most=_ROUNDING,
            otherwise=otherwise,
        )
        if not sum_.holds:
            return _NO_WEIGHTS | {"sum": sum_}, factors
        asks = (
            f"It asks of each map of {layer}: how much would the score of “{answer}” rise if it got a little brighter?"
        )
        channels = plain_examples(self.weighing, most)
        facts: dict[str, object] = dict(_NO_WEIGHTS)
        for channel in channels:
            facts[f"factor_{channel + 1}"] = factor = self.claim("value", array, *at, channel, words=_factor)
            factors[channel] = str(factor)
        for names, channel in zip(_OF_TWO, dict.fromkeys((channels[0], channels[-1])), strict=False):
            facts |= zip(names, self._of_channel(channel, array, at), strict=True)
        return facts | {
            "weights": f"Grad-CAM takes nothing away. {asks} That is its weight, on average over its places.",
            "sum": sum_,
        }, factors

    def _of_channel(self, channel: int, array: str, at: tuple[int, int]) -> tuple[Said, Said, Said]:
        """The weight of one channel, where its map lies, which may turn the sign about, and what it speaks for."""
        weight = self.claim("value", array, *at, channel, words=partial(_told_of_weight, channel=channel))
        map_, words = (f"{self.layer}/activation", at[0], channel), "Its map lies below zero, so it speaks"
        below = self.claim("largest value", *map_, words=words, at_most=0)
        if not below.holds:
            words = "On average its map lies below zero, so it speaks"
            below = self.claim("mean", *map_, words=words, at_most=0, otherwise="It speaks")
        adds = partial(self.claim, "added to a class", array, *at, channel)
        against = adds(words="against the answer.", at_most=0)
        return weight, below, against if against.holds else adds(words="for the answer.", at_least=0)

    def of_the_strongest(self, case: Case) -> Mapping[str, object]:
        """How few places hold half of the support for the answer, and which is the strongest."""
        place = (self.array, case.probe, case.slots[0])
        if not case.maps[0].supported:
            return {"half": f"Nothing supports “{case.maps[0].name}”, so it is left as it is.", "strongest": ""}
        column = self.claim("column of the largest value", *place, words=whole)
        row = partial(self.claim, "row of the largest value", *place)
        of = case.maps[0].signed.size
        return {
            "half": self.claim(
                HALF, *place, words=lambda n: f"Half of it comes from the {_outlined(n)}, of {whole(of)}."
            ),
            "strongest": row(words=lambda r: f"Strongest is row {whole(r)}, column {column}."),
            "column": column,
        }

    def off_the_object(self, case: Case, words: str) -> Said | str:
        """What share of the support for the answer lies beside the object, put into `words`, if it is most of it."""
        return self.claim(
            "support off the object",
            self.array,
            case.probe,
            case.slots[0],
            words=lambda share: words.format(percent(share)),
            at_least=_MOST,
            otherwise="",
        )

    def of_two_tests(self, case: Case, tests: tuple[Ablation, Ablation] | None) -> Mapping[str, object]:
        """What is left without the channel that adds most by Grad-CAM, and without the one that is needed most."""
        if tests is None:
            return {"removal": "", "needed": "", "counts": ""}
        first, needed = tests
        tried = [int(one) for one in self.bundle.part(f"{self.layer}/ablated", case.probe)]

        def change(one: Ablation, words: str, say: Callable[[float], str] = moves) -> Said:
            at = (f"{self.layer}/ablation", case.probe, tried.index(one.channel))
            return self.claim("value", *at, words=lambda change: words.format(say(change)))

        added = (f"{self.layer}/gradcam_weight", case.probe, case.slots[0], needed.channel)
        return {
            "removal": change(
                first,
                f"To take a map away is another test. Grad-CAM adds most for channel {first.channel + 1};"
                " without it, the probability {}.",
            ),
            "needed": change(needed, f"Without channel {needed.channel + 1}, it {{}}."),
            "counts": self.claim(
                "added to a class",
                *added,
                words="And that one Grad-CAM counts against the answer.",
                at_most=0,
                otherwise="A little brighter, or gone: two questions.",
            ),
            "removal_first": change(first, "adds most; without it, {}", _points),
            "removal_needed": change(needed, "needed most; without it, {}", _points),
        }

    def of_support(self, case: Case) -> Said | str:
        """What the two maps of `case` say of who won."""
        answer, rival = case.maps
        if not answer.supported:
            return "The answer came all the same: Grad-CAM does not see everything."
        if not rival.supported:
            none = f"Nothing supports “{rival.name}” here."
            return self.claim(HALF, self.array, case.probe, case.slots[1], words=none, at_most=0)
        ratio = partial(self.claim, "support against another's", self.array, case.probe, at_least=MORE)
        if case.goes_against_support:
            more, wins = f"In all, “{rival.name}” has", "and still loses: such a map shows where, not who wins."
            return ratio(*reversed(case.slots), words=lambda x: f"{more} {_times(x)} the support {wins}")
        if case.goes_with_support:
            return ratio(*case.slots, words=lambda x: f"In all, “{answer.name}” has {_times(x)} the support.")
        return "Both have about as much support: such a map shows where, not who wins."

    def of_others(self) -> Said:
        """Whether the support decides: on how many of the images here it does not."""
        images = self.claim("length", self.array, words=whole)
        return self.claim(
            "answers with less support",
            self.array,
            words=lambda n: (
                f"But on {whole(n)} of {images} images here, the answer has less: a map shows where, not who wins."
            ),
            at_least=1,
            otherwise="But such a map shows where, not why.",
        )


def plain_examples(weighing: Weighing, most: int) -> list[int]:
    """The channels to show: as `Weighing.examples`, but easy ones first where these add or take away nearly as much.

    Easy is a map that lies above zero on average, so that its weight alone says what it speaks for; easier still is one
    that is seen well on a scale with the others.
    """
    found, added, maps = weighing.examples(most), np.abs(weighing.added), weighing.activation
    reach = np.abs(maps).max((1, 2))
    easy, bright = maps.mean((1, 2), dtype=np.float64) > 0, reach >= _DARK * reach[found].max()
    hard = np.where(easy, np.where(bright, 0, 1), 2)
    last = found[-1:] if len(found) > 1 and weighing.added[found[-1]] < 0 else []
    if last:
        against = [int(one) for one in np.flatnonzero(weighing.added < 0) if added[one] >= _PART * added[last[0]]]
        last = [min(against, key=lambda one: (hard[one], -added[one]))]
    others = [int(one) for one in np.flatnonzero(added) if one not in last]
    near = _PART * added[others].max()
    others.sort(key=lambda one: (hard[one] if added[one] >= near else 2, -added[one]))
    return [*others[: len(found) - len(last)], *last]


def _times(ratio: float) -> str:
    """`1.4 times`, `11 times`."""
    return f"{ratio:.1f} times" if ratio < 9.95 else f"{whole(ratio)} times"


def _factor(weight: float) -> str:
    """`+0.0113`, `−0.0195`: three digits that count."""
    return f"{'+' if weight > 0 else ''}{on_scale(weight, abs(weight), 3)}"


def _told_of_weight(weight: float, channel: int) -> str:
    return f"Channel {channel + 1} gets {_factor(weight)}."


def _all(count: float) -> str:
    return "both" if count == 2 else f"all {whole(count)}"


def _outlined(count: float) -> str:
    return "one outlined place" if count == 1 else f"{whole(count)} outlined places"


def _points(change: float) -> str:
    """`+3.4 points`."""
    return f"{100 * change:+.1f} points".replace("-", "−")
