"""What stands between two layers of filters: a map before and after φ, and two filters that are one without it."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from manim import Create, Dot, FadeIn, FadeOut, Group, Mobject, ReplacementTransform, Transform, VGroup
from pydantic import Field

from fmcore.analysis.border import border_of
from fmcore.analysis.collapse import collapse
from fmcore.analysis.naming import CUTTING, phi_name
from fmcore.analysis.nonlinearity import clearest, curve
from fmcore.analysis.saying import percent
from fmcore.errors import BundleError
from fmcore.header import LayerInfo
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.before_after import BeforeAfter
from scenes.parts.calculation_rows import CalculationRows
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap, Lines
from scenes.parts.filter_sum import AddUp, FilterSum
from scenes.parts.fitting import fit
from scenes.parts.function_graph import FunctionGraph
from scenes.parts.layer_input import layer_input
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import unmade
from scenes.parts.motion import Sweep, flash
from scenes.parts.picture import Picture
from scenes.parts.scan import Scan
from scenes.parts.text import number
from scenes.stage import LessonScene, SceneOptions

_BEADS = 41
_LARGEST_CELL = 0.8  # units, of a weight
_READ_S = 1.5  # for a look at what was added up
_LONG = {"wide": 20, "square": 14, "tall": 14}  # characters of "channel 6 of 8" that fit above a map
_CUT = "what lies below zero becomes zero, the rest passes unchanged"
_SOFT = "what lies far above zero passes almost unchanged, what lies far below nearly vanishes"
_SHARE = "the lower the number, the smaller the share of it that is left"  # true of the same curves near zero, too
_FAR = 0.1  # of a number: by less it is almost unchanged, and of less it has nearly vanished
_RULES = {
    "relu": _CUT,
    "relu6": f"{_CUT}, up to six",
    "leaky_relu": "what lies below zero shrinks, the rest passes unchanged",
    **dict.fromkeys(("gelu", "silu", "mish", "hardswish"), _SOFT),
    **dict.fromkeys(("sigmoid", "hardsigmoid"), "every number is pressed in between zero and one"),
    "tanh": "every number is pressed in between minus one and one",
}


class Nonlinearity(LessonScene):
    """What φ keeps of a real map and what it throws away, and why layers without it are one layer."""

    title = "Why a network bends its numbers"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="before",
            say="This is {channel} of {layer} before φ: sums of inputs times weights{own}{normalised}. They run from"
            " {low} to {high}, blue below zero and red above.",
        ),
        Beat(cue="curve", say="{phi} looks at one number at a time, wherever it stands: {rule}."),
        Beat(
            cue="walk",
            say="The map's own numbers meet the curve. The lowest, {low}, becomes {low_after};"
            " the highest, {high}, becomes {high_after}.",
        ),
        Beat(cue="after", say="{kept}{left}", seconds=7),
        Beat(
            cue="chain",
            say="{why} {filter} of the network, one of {second}, over the signed map,{every_place} without padding.",
            seconds=8,
        ),
        Beat(
            cue="added",
            say="Multiply the two out. Each weight of the second filter adds a copy of the first, times that weight and"
            " shifted with it. They add up to a single filter of {size}.",
            seconds=11,
        ),
        Beat(cue="one", say="That one filter{with_bias} gives the same map in one step, {difference}.", seconds=7),
        Beat(
            cue="between",
            say="Now put {between} between the two filters. {changed}. No single filter equals that on every image.",
        ),
        Beat(
            cue="depth",
            say="Without φ, a hundred layers of filters would come to one. With it, each layer can build something new"
            " from the last. What they build shows in their maps.",
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="The layer; by default the first convolution with a nonlinearity.")
        channel: int | None = Field(
            None, description="The channel, from 1; by default the one that shows best what becomes of its numbers."
        )

    options: "Nonlinearity.Options"

    def prepare(self) -> None:
        self.layer = self.bundle.layer(self.options.layer) if self.options.layer else self._first_bent()
        self.arrays = {"before": f"{self.layer.name}/preactivation", "after": f"{self.layer.name}/activation"}
        self.bundle.require(*self.arrays.values())
        maps = self.bundle.part(self.arrays["before"], self.probe)  # (C, H, W)
        border = border_of(self.layer, self.bundle.header.model.input_shape)
        phi = self.layer.nonlinearity
        channel = self.channel_of(self.layer, self.options.channel, lambda _: clearest(maps, phi, border))
        self.here = (self.probe, channel)
        self.maps = {when: self.bundle.part(array, *self.here) for when, array in self.arrays.items()}  # (H, W)
        self.curve = curve(self.layer.nonlinearity, self.maps["before"], self.maps["after"])
        self.found = collapse(self.bundle, self.layer.name, channel, self.probe)
        self.bent = self.layer.nonlinearity != "none"

    def _first_bent(self) -> LayerInfo:
        """The first convolution that a nonlinearity follows; where there is none, the first convolution."""
        if not self.bundle.convolutions:
            raise BundleError(
                f"Nonlinearity shows what follows a filter, and '{self.bundle.path.name}' holds no convolution;"
                " record a network that has one."
            )
        bent = [layer for layer in self.bundle.convolutions if layer.nonlinearity != "none"]
        return (bent or list(self.bundle.convolutions))[0]

    # -- what is said ----------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        before, after = self.arrays["before"], self.arrays["after"]
        low, high = (
            self.claim(
                "value", after, *self.here, *(int(part) for part in np.unravel_index(at, self.maps["after"].shape))
            )
            for at in (self.maps["before"].argmin(), self.maps["before"].argmax())
        )
        return {
            "layer": layer_name(self.layer.name),
            "channel": f"channel {self.here[1] + 1}",
            "own": ", plus the bias" * (f"{self.layer.name}/bias" in self.bundle.header.arrays),
            "normalised": ", normalised" if self.normalised else "",
            "low": self.claim("smallest value", before, *self.here),
            "high": self.claim("largest value", before, *self.here),
            "low_after": low,
            "high_after": high,
            "phi": f"Here φ is {phi_name(self.layer)}. It" if self.bent else "A nonlinearity φ",
            "rule": self._rule(),
            "kept": self._kept(),
            "left": " The next layer gets only what is left." if self.bent else "",
            **self.facts_of_zeros(),
            "why": "Why? Leave φ out, and run"
            if self.bent and not self.found.without_norm
            else "Why? Leave φ and the normalisation out, and run"
            if self.bent
            else "Is that enough? Without φ, run",
            "filter": "a slice of a second filter" if self.sliced else "a second filter",
            "second": layer_name(self.found.partner),
            "every_place": "" if self.found.steps == (1, 1) else " at every place and",
            "with_bias": " with one bias c" if self.found.bias else "",
            "size": "{} by {}".format(*self.found.one.shape[1:]),
            "difference": self.claim(
                "difference without the nonlinearity",
                before,
                *self.here,
                words="up to rounding",
                at_most=1e-4,
                otherwise=f"up to {percent(self.found.difference)} of the largest number",
            ),
            "between": "φ back" if self.bent else "a ReLU",
            "changed": self.claim(
                "difference with the nonlinearity",
                before,
                *self.here,
                words=lambda share: f"The map changes by up to {share:.0%} of its largest number",
                at_least=0.01,
                otherwise="On this image the map hardly changes",
            ),
        }

    def facts_of_zeros(self) -> Mapping[str, object]:
        """What a label says of a function that makes zeros."""
        if self.layer.nonlinearity not in CUTTING:
            return {}
        array = self.arrays["after"]
        return {
            "zero": self.claim(
                "share of zeros", array, *self.here, words=lambda share: f"{percent(share)} of the map is zero now"
            )
        }

    @property
    def sliced(self) -> bool:
        """Whether the second filter has more slices than the one that is run."""
        return self.bundle.info(f"{self.found.partner}/weight").shape[1] > 1

    @property
    def normalised(self) -> bool:
        """Whether a normalisation comes before φ."""
        return bool({f"{self.layer.name}/{part}" for part in ("sum", "scale")} & set(self.bundle.header.arrays))

    def _rule(self) -> str:
        if not self.bent:
            return "none follows this layer directly, so its curve is a straight line"
        if self.curve.known and self.layer.nonlinearity in _RULES:
            rule = _RULES[self.layer.nonlinearity]
            return _SHARE if rule == _SOFT and not self._reaches_far() else rule
        return "this curve, drawn from the numbers that went in and came out"

    def _reaches_far(self) -> bool:
        """Whether the map reaches so far up and down that the curve shows what becomes of numbers far from zero."""
        low, high = float(self.maps["before"].min()), float(self.maps["before"].max())
        return self.curve.at(high) >= (1 - _FAR) * high and abs(self.curve.at(low)) <= _FAR * -low

    def _kept(self) -> object:
        """What is left of the map: a share of zeros where φ cuts, the lowest number where it only bends."""
        lowest = float(self.maps["before"].min())
        if not self.bent:
            return "Nothing is thrown away here: the map after is the map before."
        if lowest >= 0:
            return "Nothing in this map lay below zero, where φ takes most away."
        if self.layer.nonlinearity in CUTTING:
            return self.claim(
                "share of zeros",
                self.arrays["after"],
                *self.here,
                words=lambda share: f"{percent(share)} of the map is zero now: how far below zero it lay is lost.",
            )
        return self.claim(
            "smallest value",
            self.arrays["after"],
            *self.here,
            words=lambda low: f"What lay below zero is pressed together: nothing is lower than {number(low)} now.",
            at_least=lowest / 2,
            otherwise="Every number of the map has gone through the curve, each on its own.",
        )

    # -- the map and the curve -------------------------------------------------------------------

    def construct(self) -> None:
        words = ("before φ", "after φ") if self.bent else ("number before", "number after")
        shown = BeforeAfter(self.maps, self.arrays, self.here, self.curve, self.which(_LONG[look.shape()]), words)
        self.show_the_curve(shown.before, shown.after, shown.graph, shown.bar)
        self.show_the_collapse(shown.before, Group(shown.after, shown.graph, shown.bar, self.beads))

    def which(self, most: int) -> str:
        """Which channel it is, in at most about so many characters."""
        full = f"channel {self.here[1] + 1} of {self.layer.output_shape[0]}"
        return full if len(full) <= most else f"channel {self.here[1] + 1}"

    def show_the_curve(self, before: FeatureMap, after: FeatureMap, graph: FunctionGraph, bar: ColourBar) -> None:
        numbers = self.maps["before"]
        self.beads, on_curve, results = graph.beads(np.quantile(numbers, np.linspace(0, 1, _BEADS)).tolist())
        ends = VGroup(*(self.place_frame(before.picture, int(at)) for at in (numbers.argmin(), numbers.argmax())))
        with self.beat("before"):
            self.say(f"{layer_name(self.layer.name)} before φ: a map with signs")
            large = self.show_large(before, bar)
            self.until(0.45)
            self.play(flash(large[1].bar), run_time=look.MOVE_S)
            self.settle(large, before, bar)
        with self.beat("curve"):
            self.say(f"φ is {phi_name(self.layer)}" if self.bent else "No φ here: a straight line")
            self.play(FadeIn(graph.axes, graph.unchanged, graph.words), run_time=look.IN_S)
            self.play(Create(graph.line), run_time=look.MOVE_S)
            self.until(0.7)
            self.play(flash(graph.line), run_time=look.MOVE_S)
        with self.beat("walk"):
            told = self.told
            self.say(f"{told['low']} becomes {told['low_after']}, {told['high']} becomes {told['high_after']}")
            self.play(FadeIn(self.beads), Create(ends), run_time=look.IN_S)
            self.until(0.4)
            self.play(Transform(self.beads, on_curve), run_time=2 * look.MOVE_S)
            self.until(0.8)
            self.play(*(flash(end) for end in ends), run_time=look.IN_S)
        with self.beat("after"):
            self.say(str(self.told["zero"]) if self.layer.nonlinearity in CUTTING else "What is left of the map")
            self.play(FadeOut(ends), run_time=look.IN_S / 2)
            self.fill(after, Scan(before.picture), graph)
            self.play(Transform(self.beads, results), run_time=look.MOVE_S)

    def place_frame(self, picture: Picture, at: int) -> Scan:
        """A frame around the value of `picture` that is number `at` in reading order."""
        return Scan(picture).follow(*divmod(at, picture.grid[1]))

    def fill(self, result: FeatureMap, scan: Scan, graph: FunctionGraph | None = None) -> None:
        """Reveal `result` while `scan` runs over what it is made of, and a dot over the curve of `graph`."""
        dot = Dot(color=look.MARK)
        runners = [scan, dot] if graph else [scan]

        def follow(row: int, column: int) -> Mobject:
            if graph:
                dot.move_to(graph.on_curve(float(self.maps["before"][row, column])))
            return scan.follow(row, column)

        words = [part for part in result if part is not result.picture]
        blank = unmade(result.picture)
        self.play(FadeIn(blank, *words), run_time=look.IN_S / 2)
        result.picture.pixel_array[..., 3] = 0
        sweep = Sweep(result.picture, [*words, *runners], follow, run_time=min(3.0, 0.7 * self.seconds_left))
        self.play(sweep)
        self.remove(sweep.mobject, blank, *runners)
        self.add(result)

    # -- two filters as one ----------------------------------------------------------------------

    def show_the_collapse(self, before: FeatureMap, others: Group) -> None:
        lines: Lines = "two" if look.shape() == "tall" else "fit"
        image = partial(layer_input, self.bundle, self.layer, self.probe, lines=lines)
        calculations = CalculationRows.of(self.found, image, self.which(_LONG["wide"]))
        self.rows, self.apart, about = calculations.rows, calculations.apart, calculations.about
        two, one, between = self.rows["two"], self.rows["one"], self.rows["between"]
        start, kernel = two.items[-3], self.found.second.shape
        with self.beat("chain"):
            self.say("Without φ: one filter, then another")
            self.play(FadeOut(others), run_time=look.IN_S / 2)
            self.first_step(before)
            self.play(FadeIn(two.items[-2], two.signs, about.key), run_time=look.IN_S)
            self.fill(two.result, Scan(start.picture, kernel))
        with self.beat("added"):
            self.say("Multiplied out, two filters are one")
            self.add_up(about.key)
        with self.beat("one"):
            self.say(f"The same map in one step, {self.told['difference']}")
            outside = (-self.layer.padding[0], -self.layer.padding[1])
            self.fill(one.result, Scan(one.items[0].picture, self.found.one.shape[1:], self.layer.stride, outside))
            self.until(0.75)
            self.play(flash(two.result.picture), flash(one.result.picture), run_time=look.MOVE_S)
        with self.beat("between"):
            self.say("φ in between: another map")
            self.play(FadeOut(one), run_time=look.IN_S / 2)
            self.play(FadeIn(between.items[:-1], between.signs), run_time=look.IN_S)
            self.fill(between.result, Scan(between.items[-3].picture, kernel))
            results = [two.result, between.result]
            if about.change:
                self.play(FadeIn(about.change), run_time=look.IN_S)
                results.append(about.change)
            most = int(np.abs(self.found.two - self.found.between).argmax())
            frames = VGroup(*(self.place_frame(result.picture, most) for result in results))
            self.play(Create(frames), run_time=look.IN_S)
        with self.beat("depth"):
            self.say("φ is what makes depth count")
            self.play(FadeOut(frames), run_time=look.IN_S)
            self.until(0.3)
            self.play(flash(two.result.picture), run_time=look.MOVE_S)
            self.until(0.6)
            self.play(flash(between.result.picture), run_time=look.MOVE_S)

    def first_step(self, before: FeatureMap) -> None:
        """Bring the map `before` to its place as what the first filter made."""
        first, two = self.rows["first"], self.rows["two"]
        start = two.items[-3]
        if self.apart:
            self.play(ReplacementTransform(before, first.result), run_time=look.MOVE_S)
            self.play(FadeIn(*first.items[:-1], first.signs), run_time=look.IN_S)
            self.play(ReplacementTransform(first.result.copy(), start), run_time=look.MOVE_S)
        else:
            self.play(ReplacementTransform(before, start), run_time=look.MOVE_S)
            self.play(FadeIn(*two.items[:-3], *two.signs[:-2]), run_time=look.IN_S)

    def add_up(self, key: Mobject) -> None:
        """Make one filter of two, large, and put it before the image that both read."""
        first, two, one = self.rows["first"], self.rows["two"], self.rows["one"]
        filters = fit(partial(FilterSum, self.found), look.body(), _LARGEST_CELL)
        small = [first.items[1], two.items[1]] if self.apart else [two.items[1], two.items[3]]
        pairs = zip((one_of.picture.copy() for one_of in small), (filters.copied, filters.second), strict=True)
        growing = [picture.animate.match_height(large.block).move_to(large.block) for picture, large in pairs]
        shown = Group(two, key, *([first] if self.apart else []))
        self.play(FadeOut(shown), *growing, run_time=look.MOVE_S)
        self.remove(*shown.get_family())
        self.play(FadeIn(filters), run_time=look.IN_S)
        self.remove(*(builder.mobject for builder in growing))
        self.play(AddUp(filters, self.seconds_left - _READ_S - look.MOVE_S - look.IN_S))
        self.wait(self.seconds_left - look.MOVE_S - look.IN_S)
        made, place = filters.sum.block, one.items[1].picture
        self.play(FadeOut(filters.but_the_sum), made.animate.match_height(place).move_to(place), run_time=look.MOVE_S)
        self.play(FadeIn(two, key, *one.items[:-1], one.signs), run_time=look.IN_S)
        self.remove(*made.get_family())
