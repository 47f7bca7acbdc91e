"""How a convolution makes one number, and then all numbers of a feature map."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from manim import Create, FadeIn, FadeOut, Group, ManimColor, ReplacementTransform, Transform, VGroup
from pydantic import Field

from fmcore.analysis.convolution import Place
from fmcore.analysis.history import weights_are
from fmcore.analysis.naming import phi_name
from fmcore.analysis.telling import telling
from fmcore.analysis.worked import WorkedMap
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.convolution_pictures import input_picture, live_blocks, map_picture, place_blocks, stacked
from scenes.parts.convolution_rooms import ConvolutionRooms
from scenes.parts.equation import Equation
from scenes.parts.fitting import fit
from scenes.parts.formula_legend import FormulaLegend
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import unmade, values_frame
from scenes.parts.motion import Sweep, coming, flash, leaving
from scenes.parts.outcome_words import OutcomeWords
from scenes.parts.place_sum import (
    PlaceSum,
    bias_in_words,
    in_colours,
    product_in_words,
    shifted_in_words,
    signs_in_words,
    slice_name,
)
from scenes.parts.text import Label, label, whole
from scenes.parts.window import window
from scenes.parts.working import Working
from scenes.stage import LessonScene, SceneOptions

_COUNTED = 5  # products that are made one by one on screen
_SHOWN = 0.005  # what two decimals show
_WATCHED = 12  # places at which the window can be followed by eye


class ConvolutionStep(LessonScene):
    """Patch times filter, added up, plus bias, through φ: three places with their numbers, then the whole map."""

    title = "How one number is made"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="place",
            say="Every number of a feature map is made in the same way. Take one place:"
            " the window frames {rows} by {columns} values of {input}.{shifted}",
        ),
        Beat(cue="weights", say="The filter holds {count}, one for each value under it. {origin}", seconds=7),
        Beat(
            cue="products",
            say="Multiply every value by the weight that lies on it. {signs} {made}",
            seconds=10,
        ),
        Beat(cue="slices", say="{second}{third_slice}{all_slices}", seconds=9),
        Beat(cue="bias", say="{bias} That makes {total}. {through}", seconds=7.4),
        Beat(cue="low", say="At another place the same weights meet other values. {low_sum} {low}", seconds=8.4),
        Beat(cue="third", say="{where} The steps are the same. {third_sum} {third}{turned}", seconds=8.4),
        Beat(
            cue="all",
            say="Now every place in turn: {map_rows} rows of {map_columns}, {numbers} in all,"
            " from one filter of {layer}.",
            seconds=10,
        ),
        Beat(
            cue="formula",
            say="All of it fits on one line: the star slides the weights W of filter k over the input x, multiplies and"
            " adds up{and_bias}{and_norm}{and_phi}. A map is easy to make. What it tells us is the better question.",
            seconds=12,
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="A convolution; by default the first.")
        channel: int | None = Field(
            None,
            description="The channel, from 1; by default one that is no copy of the image and that ReLU cuts.",
        )

    options: "ConvolutionStep.Options"

    def prepare(self) -> None:
        layer = self.layer_of(self.options.layer)
        choose = partial(telling, image=self.bundle.part("probes", self.probe))
        self.map = WorkedMap(self.bundle, layer, self.channel_of(layer, self.options.channel, choose), self.probe)
        self.phi = phi_name(layer)

    def facts(self) -> Mapping[str, object]:
        channel, high = self.map.channel, self.map.high
        weight, map_ = (self.array("weight"), channel), (self.array("activation"), self.probe, channel)
        say = PlaceSum.of(self.map, high).write
        return {
            "rows": self.claim("rows", *weight, words=whole),
            "columns": self.claim("columns", *weight, words=whole),
            "input": self.claim("length", *weight, words=self.input_in_words),
            "shifted": shifted_in_words(self.map, self.claim),
            "count": self.claim("numbers", *weight, words=lambda n: f"{whole(n)} weight{'s' * (n > 1)}"),
            "origin": "Nobody has trained them yet: they are random, and the same at every place."
            if weights_are(self.bundle.header) == "random"
            else "They are the same at every place.",
            **self.facts_of_products(say),
            "bias": self.claim(
                "bias",
                *map_,
                high.row,
                high.column,
                words=lambda v: bias_in_words(self.map, say(v)),
            )
            if self.map.has_bias
            else "This filter has no bias to add.",
            "total": self.claim("value", self.array(self.map.stage), *map_[1:], high.row, high.column, words=say),
            **OutcomeWords(self.claim, self.map).every(),
            "where": self.where_in_words(),
            "layer": layer_name(self.map.layer.name),
            "map_rows": self.claim("rows", *map_, words=whole),
            "map_columns": self.claim("columns", *map_, words=whole),
            "numbers": self.claim("numbers", *map_, words=lambda n: f"{whole(n)} number{'s' * (n > 1)}"),
            "and_bias": ", b is its bias" if self.map.has_bias else "",
            "and_norm": ", N normalises" if self.normalised else "",
            "and_phi": f", φ is {self.phi}" if self.phi else "",
        }

    def facts_of_products(self, say: Callable[[float], str]) -> Mapping[str, object]:
        """What the products add up to: all at once, or slice by slice where those can be told apart."""
        at = self.map.high
        summed = (f"{self.map.layer.name}/activation", self.probe, self.map.channel, at.row, at.column)
        all_made = partial(self.claim, "sum of products", *summed)
        of_slice = partial(self.claim, "sum of a slice's products", *summed)
        first, *others = self.map.told_apart
        facts: dict[str, object] = {
            "signs": signs_in_words(self.map, at),
            **dict.fromkeys(("second", "third_slice", "all_slices"), ""),
        }
        if not others:
            count = len(self.map.weights)
            these = "Together they make" if count == 1 else f"Those of all {whole(count)} slices together make"
            return facts | {"made": all_made(words=lambda v: f"{these} {say(v)}.")}
        names = [slice_name(self.map, number) for number in (first, *others)]
        facts["made"] = of_slice(first, words=lambda v: f"In {names[0]}, they make {say(v)}.")
        opening = f"{'Each colour has' if in_colours(self.map) else 'Every slice has'} weights of its own: "
        for key, name, number in zip(("second", "third_slice"), names[1:], others, strict=False):
            facts[key] = of_slice(number, words=lambda v, start=opening, name=name: f"{start}in {name}, {say(v)}")
            opening = ", "
        together = f"The {'three' if len(others) == 2 else 'two'} sums together make"
        return facts | {"all_slices": all_made(words=lambda v: f". {together} {say(v)}.")}

    @property
    def normalised(self) -> bool:
        """Whether a normalisation follows that is no part of the weights on screen."""
        return self.map.stage == "sum"

    def array(self, part: str) -> str:
        return f"{self.map.layer.name}/{part}"

    def input_in_words(self, count: float) -> str:
        if count == 1:
            return "the image" if self.map.reads_image else "one map"
        own = self.map.layer.input.rpartition("/")[0] == self.map.layer.name  # what goes in is nobody's maps
        return f"each of {count:.0f} {'colour channels' if self.map.reads_image else 'channels' if own else 'maps'}"

    def where_in_words(self) -> str:
        if not self.map.overhangs.any():
            return "Take a third place."
        missing = "counts as zero" if self.map.layer.padding_mode == "zeros" else "is filled in from within"
        return f"At the border, the window hangs over, and what is missing {missing}."

    # -- what is drawn ---------------------------------------------------------------------------

    def construct(self) -> None:
        self.rooms = ConvolutionRooms.close(stacked(self.map), len(self.map.told_apart) > 1)
        self.equation = Equation(bool(self.phi), self.map.has_bias, self.normalised).fill(self.rooms.formula)
        self.input = fit(partial(input_picture, self.map), self.rooms.input, most=3.4)
        self.output = fit(partial(map_picture, self.map, False), self.rooms.map, most=3.4)
        self.output[0].picture.pixel_array[..., 3] = 0  # none of its numbers is made yet
        self.blank = unmade(self.output[0].picture)
        self.letters: dict[str, VGroup] = {}  # of the formula, beside the names of blocks
        self.made = VGroup()  # frames around the numbers that are made
        self.now = fit(partial(place_blocks, self.map, self.map.high), self.rooms.blocks, most=3.0)
        self.working = self.working_at(self.map.high)
        self.window = window(self.input[0].picture, self.map.layer, self.map.high.row, self.map.high.column)
        with self.beat("place"):
            self.say("One place of the input, one number of the map")
            self.play(FadeIn(self.input, self.blank, self.output, self.equation), run_time=look.IN_S)
            self.play(Create(self.window), run_time=look.IN_S)
            self.until(0.5)
            self.play(FadeIn(self.now.patch, target_position=self.window, scale=0.2), run_time=look.MOVE_S)
            named = self.input[0].name_label[-1] if self.map.reads_image else None  # x is all maps, not the one shown
            self.give_letter("input", named, look.SECOND)
        with self.beat("weights"):
            self.say("The filter has one weight for each of these values")
            self.play(FadeIn(self.now.times, self.now.weights), run_time=look.IN_S)
            self.give_letter("weights", self.now.weights.name_line, look.ACCENT)
            self.until(0.7)
            self.play(flash(self.now.weights.outline), flash(self.equation.line_below("weights")), run_time=look.MOVE_S)
        with self.beat("products"):
            self.say("Multiply value by weight, then add up")
            lit = self.equation.animate.lit("slides")
            self.play(FadeIn(self.now.equals, self.now.products.words), lit, run_time=look.IN_S / 2)
            self.multiply()
            apart = len(self.map.told_apart)
            self.play(FadeIn(self.working[: self.products if apart == 1 else 1]), run_time=look.IN_S)
        if self.plays("slices"):
            with self.beat("slices"):
                self.say("Every slice of the filter does the same")
                self.visit_slices()
        with self.beat("bias"):
            self.say(f"Add up{', with the bias' * self.map.has_bias}{f', then {self.phi}' * bool(self.phi)}")
            self.finish(self.map.high)
        with self.beat("low"):
            self.say("The same weights meet other values")
            self.go_to(self.map.low)
        with self.beat("third"):
            self.say("The same steps at every place")
            self.go_to(self.map.third)
        with self.beat("all"):
            self.say("Every place makes its number")
            self.step_back()
            self.sweep()
        with self.beat("formula"):
            self.say("The whole recipe on one line")
            self.explain()

    def working_at(self, at: Place) -> Working:
        return Working(PlaceSum.of(self.map, at).terms, self.rooms.words)

    @property
    def products(self) -> int:
        """How many terms of the working are sums of products."""
        return PlaceSum.of(self.map, self.map.high).slices

    def give_letter(self, part: str, name: Label | None, color: ManimColor) -> None:
        """Where there is room, a letter joins the name of what it stands for; from there it rises into the formula."""
        if name is None or (look.shape() == "tall" and not stacked(self.map)):
            self.play(self.equation.animate.lit(part, color=color), run_time=look.MOVE_S)
            return
        written = self.equation.copy().lit(part, color=color)
        self.letters[part] = written.beside(part, name)
        self.play(FadeIn(self.letters[part]), run_time=look.IN_S / 2)
        rising = self.letters[part].copy()
        self.play(Transform(rising, written.part(part)), run_time=look.MOVE_S)
        self.remove(rising)
        self.equation.lit(part, color=color)

    def multiply(self) -> None:
        """Make the largest products one by one, then all others: most of them are often zero."""
        blocks, products = self.now.blocks, self.now.products
        order = np.argsort(-np.abs(products.values), axis=None, kind="stable")[:_COUNTED]
        seen = [int(n) for n in order if abs(products.values.flat[n]) >= _SHOWN] or [int(order[0])]
        places = [divmod(n, products.values.shape[1]) for n in sorted(seen)]
        seconds = min(1.2, (self.seconds_left - 2 * look.IN_S - 1) / len(places))
        marks, line, made = VGroup(*(block.mark(*places[0]) for block in blocks)), VGroup(), VGroup()
        for place in places:
            self.remove(line)
            target = VGroup(*(block.mark(*place) for block in blocks))
            self.play(Transform(marks, target), run_time=seconds / 4)
            words = product_in_words(*(float(block.values[place]) for block in blocks[:2]))
            line = label(words, width=self.rooms.words.width).move_to(self.rooms.words.centre)
            made.add(products.single(*place))
            self.add(line, made[-1])
            self.wait(3 * seconds / 4)
        self.play(FadeOut(marks, line), run_time=look.IN_S / 2)
        if len(places) < products.values.size:
            self.play(FadeIn(products.block), run_time=look.IN_S / 2)
        self.remove(made)
        self.add(self.now)

    def visit_slices(self) -> None:
        """The other slices at the same place, one after the other, and back to the first."""
        for place, number in enumerate(self.map.told_apart[1:], start=1):
            if self.map.reads_image:
                self.show_slice(number)
            self.play(FadeIn(self.working[place]), run_time=look.IN_S / 2)
            self.until(0.36 * place)
        self.play(*(flash(term.value) for term in self.working[: self.products]), run_time=look.MOVE_S)
        if self.map.reads_image:
            self.show_slice(self.map.slice)

    def show_slice(self, number: int) -> None:
        """Another slice in the place of the one that stands."""
        old, self.now = self.now, place_blocks(self.map, self.map.high, self.now.side, number).move_to(self.now)
        self.play(FadeOut(*old.blocks), run_time=look.IN_S / 2)
        self.remove(*old.get_family())
        self.add(self.now.times, self.now.equals)
        moves = []
        if letter := self.letters.get("weights"):
            moves.append(Transform(letter, self.equation.beside("weights", self.now.weights.name_line)))
        self.play(FadeIn(*self.now.blocks), *moves, run_time=look.IN_S)
        self.add(self.now)

    def finish(self, at: Place) -> None:
        """From the sum of products to the number in the map."""
        last = len(self.working) - bool(PlaceSum.of(self.map, at).outcome)
        if self.products < last:
            added = FadeIn(self.working[self.products : last])
            self.play(added, self.equation.animate.lit("bias"), run_time=look.IN_S)
        self.until(0.55)
        if last < len(self.working):
            self.play(FadeIn(self.working[last:]), self.equation.animate.lit("norm", "phi"), run_time=look.IN_S)
        if self.phi:
            self.play(flash(self.equation.line_below("phi")), run_time=look.IN_S)
        picture = self.output[0].picture
        self.made.add(values_frame(picture, at.row - 1, at.column - 1, at.row + 2, at.column + 2))  # it is seen inside
        self.play(FadeIn(self.made[-1], target_position=self.working[-1], scale=6), run_time=look.IN_S)
        picture.pixel_array[at.row, at.column, 3] = 255

    def go_to(self, at: Place) -> None:
        """Take the same steps at another place."""
        old, self.now = self.now, place_blocks(self.map, at, self.now.side).move_to(self.rooms.blocks.centre)
        there = window(self.input[0].picture, self.map.layer, at.row, at.column)
        gone = FadeOut(old.patch.block, old.products.block, self.working)
        self.play(Transform(self.window, there), gone, run_time=look.IN_S)
        self.play(FadeIn(self.now.patch.block, target_position=self.window, scale=0.2), run_time=look.IN_S)
        self.play(flash(old.weights.outline), FadeIn(self.now.products.block), run_time=look.IN_S)
        self.remove(*old.get_family())
        self.working = self.working_at(at)
        self.add(self.now)
        self.play(FadeIn(self.working[: self.products]), run_time=look.IN_S / 2)
        self.finish(at)

    def step_back(self) -> None:
        """What was read closely shrinks; input and map grow."""
        self.rooms, old, at = ConvolutionRooms.far(), self.now, self.map.third
        source = fit(partial(input_picture, self.map), self.rooms.input, most=3.6)
        output = fit(partial(map_picture, self.map, True), self.rooms.map, most=3.6)
        output[0].picture.pixel_array = self.output[0].picture.pixel_array.copy()
        self.now = fit(partial(live_blocks, self.map, at), self.rooms.blocks, most=1.4)
        small, large = self.output[0], output[0]
        self.play(FadeOut(self.working, self.made, old, *self.letters.values()), run_time=look.IN_S / 2)
        self.play(
            FadeIn(self.now),
            ReplacementTransform(self.input, source),
            Transform(self.blank, unmade(large.picture)),
            *(ReplacementTransform(*pair) for pair in ((small.picture, large.picture), (small.border, large.border))),
            FadeOut(small.shape_label, small.name_label, rate_func=leaving),
            FadeIn(large.shape_label, large.name_label, output[1:], rate_func=coming),
            Transform(self.window, window(source[0].picture, self.map.layer, at.row, at.column)),
            self.equation.animate.fill(self.rooms.formula),
            run_time=look.MOVE_S,
        )
        self.input, self.output = source, output

    def sweep(self) -> None:
        """The window runs over the whole input; patch, products and map follow."""

        def follow(row: int, column: int) -> None:
            self.window.move_to(window(self.input[0].picture, self.map.layer, row, column))
            self.now.lay_on(self.map.patch(row, column))

        picture = self.output[0].picture
        moving = Group(self.now, self.window)
        self.play(Sweep(picture, [*moving], follow, self.seconds_left - 0.8, slowly=_WATCHED))
        self.remove(picture, self.blank, *moving)
        self.add(self.output, *moving)

    def explain(self) -> None:
        """Back to the first place, and through the formula: what each letter stands for lights up with it."""
        high = self.map.high
        back = window(self.input[0].picture, self.map.layer, high.row, high.column)
        self.play(Transform(self.window, back), run_time=look.IN_S)
        self.now.lay_on(self.map.patch(high.row, high.column))
        legend = FormulaLegend(self.equation.names, self.phi, self.rooms.words.width).move_to(self.rooms.words.centre)
        lights = {"input": self.input[0].picture, "weights": self.now.weights.outline}
        for row, line in zip(legend.rows, legend, strict=True):
            things = [
                *(self.equation.line_below(name) for name in row),
                *(lights[name] for name in row if name in lights),
            ]
            self.play(FadeIn(line), *map(flash, things), run_time=look.IN_S)
        self.play(self.equation.animate.lit("map"), flash(self.output[0].picture), run_time=look.MOVE_S)
