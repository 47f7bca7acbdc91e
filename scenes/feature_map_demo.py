"""One filter slides over one image and leaves one feature map."""

from collections.abc import Mapping

import numpy as np
from manim import DOWN, LEFT, RIGHT, UP, Create, FadeIn, FadeOut, Group, Rectangle, VGroup, Write
from numpy.typing import NDArray

from fmcore.analysis.channels import share_zero, strongest, telling
from fmcore.analysis.convolution import arithmetic
from fmcore.colour import ColourScale
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.closeup import Closeup
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.kernel import LARGEST, NumberGrid
from scenes.parts.marks import values_frame
from scenes.parts.motion import Sweep
from scenes.parts.picture import UNIT, ArraySource, Picture
from scenes.parts.text import formula, label, lines, number, percent, shape_text
from scenes.stage import LessonScene, SceneOptions

_LARGE = 4.2
_SIZE = 3.1


class FeatureMapDemo(LessonScene):
    """A real filter meets a real image: patch times weights, summed, at every place, then ReLU."""

    title = "What is a feature map?"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="image",
            say="To a network, an image is a grid of numbers: {rows} by {columns} pixels, {channels}."
            " This network's answer is “{answer}”, with {probability} probability. {verdict}",
        ),
        Beat(
            cue="filter",
            say="A filter is a small window of weights, here {kernel_rows} by {kernel_columns}."
            " Nobody chose these numbers. Training did.",
        ),
        Beat(
            cue="step",
            say="Lay the window on the image. Multiply every pixel by the weight on top of it,"
            " add up the products, add a bias: that gives one number, here {value}.",
            seconds=10,
        ),
        Beat(
            cue="slide",
            say="Now slide the window over the whole image. Every position leaves one number behind,"
            " blue below zero, red above. The grid that fills up is the filter's response, place by place.",
            seconds=11,
        ),
        Beat(
            cue="relu",
            say="Then comes the nonlinearity. ReLU keeps what is positive and sets the rest to zero:"
            " {zero:.0%} of this map. What remains is the feature map.",
        ),
        Beat(
            cue="strongest",
            say="Bright means a strong response. The strongest is {top}, in row {top_row}, column {top_column}:"
            " there the image suits the filter best.",
        ),
        Beat(
            cue="formula",
            say="In one line: feature map k is the nonlinearity of filter k laid over the input."
            " It tells what the filter found, and where.",
            seconds=8,
        ),
    )

    class Options(SceneOptions):
        channel: int | None = None  # by default the one in which ReLU's part is clearest

    options: "FeatureMapDemo.Options"

    def prepare(self) -> None:
        layer = self.bundle.convolutions[0]
        self.layer = layer
        self.image = self.bundle.part("probes", self.probe)  # (C, H, W)
        self.channel = self.channel_of(layer, self.options.channel, telling)
        self.activation = self.bundle.part(f"{layer.name}/activation", self.probe, self.channel)
        self.before = self.bundle.part(f"{layer.name}/preactivation", self.probe, self.channel)
        self.spot = strongest(self.activation)
        here = arithmetic(self.bundle, layer.name, self.channel, self.spot.row, self.spot.column, self.probe)
        # A batch normalisation scales the filter and shifts the bias: shown is what the network really multiplies by.
        self.weights = self.bundle.part(f"{layer.name}/weight", self.channel) * here.scale  # (C, kH, kW)
        self.products = float(here.products.sum()) * here.scale
        self.bias = here.bias * here.scale + here.shift
        self.here = here

    def facts(self) -> Mapping[str, object]:
        said = self.bundle.header.probes[self.probe]
        truth = self.bundle.truth(self.probe)
        channels, rows, columns = self.image.shape
        return {
            "rows": rows,
            "columns": columns,
            "channels": "each with one brightness" if channels == 1 else f"each with {channels} colour values",
            "answer": self.bundle.class_name(said.predicted),
            "probability": percent(said.probability),
            "verdict": _verdict(self.bundle.class_name(said.predicted), truth),
            "kernel_rows": self.layer.kernel[0],
            "kernel_columns": self.layer.kernel[1],
            "value": number(self.here.value),
            "zero": share_zero(self.activation),
            "top": number(self.spot.value),
            "top_row": self.spot.row + 1,
            "top_column": self.spot.column + 1,
        }

    def construct(self) -> None:
        left, middle, right = look.body().columns(_SIZE, 4.4, 4.7)
        self.show_image(left)
        weights = self.show_filter(middle)
        working = self.show_step(middle, weights)
        signed = self.show_slide(right)
        bright = self.show_relu(signed)
        marks = self.show_strongest(bright)
        self.show_formula(middle, Group(weights, working), marks)

    def show_image(self, left: look.Region) -> None:
        grey = len(self.image) == 1
        self.input = InputImage(self.image, _SIZE, probe=self.probe).move_to(left.centre)
        large = InputImage(self.image, _LARGE, probe=self.probe)
        with self.beat("image"):
            if grey:
                at_row, at_column = (round(place) for place in self.centre_of(self.spot.row, self.spot.column))
                near = Closeup(large.picture, at_row, at_column, 0.66)
                Group(Group(large, near.mark), near).arrange(RIGHT, buff=1.2).move_to(look.body().centre)
                self.play(FadeIn(large), run_time=look.IN_S)
                self.say("An image is a grid of numbers")
                self.play(Create(near.mark), run_time=look.IN_S)
                self.play(FadeIn(near.grid, target_position=near.mark, scale=0.3), run_time=look.MOVE_S)
                self.play(FadeIn(near.words), run_time=look.IN_S / 2)
                self.extra = Group(near.grid, near.words, near.mark)
            else:
                large.move_to(look.body().centre)
                self.play(FadeIn(large), run_time=look.IN_S)
                self.say("An image is a grid of numbers, three for every pixel")
                self.extra = Group()
        self.large = large

    def show_filter(self, middle: look.Region) -> Group:
        scale = ColourScale.signed(self.weights)
        grids = self.grids(self.weights, scale)
        kh, kw = self.layer.kernel
        name = label(f"filter {self.channel + 1} of {self.layer.output_shape[0]}", look.SMALL)
        shape = label(shape_text(kh, kw, len(self.weights)), look.SMALL, look.MUTED)
        group = Group(grids, name.next_to(grids, UP, buff=look.NEAR), shape.next_to(grids, DOWN, buff=look.NEAR))
        group.move_to(middle.centre)
        with self.beat("filter"):
            self.say("A filter is a small window of learned weights")
            self.play(FadeOut(self.extra), FadeOut(self.large), FadeIn(self.input), run_time=look.IN_S)
            self.play(FadeIn(group), run_time=look.IN_S)
        return group

    def grids(self, values: NDArray[np.floating], scale: ColourScale) -> Group:
        """One grid for every input channel, below each other; with numbers where they can be read."""
        tall, wide = values.shape[1:]
        cell = min(0.66, 2.0 / wide, 2.4 / (tall * len(values)))
        if max(tall, wide) > LARGEST:
            grids = [Picture(one, scale, cell * tall) for one in values]
        else:
            grids = [NumberGrid(one, scale, cell, cell > 0.6) for one in values]
        return Group(*grids).arrange(DOWN, buff=0.1)

    def show_step(self, middle: look.Region, weights: Group) -> Group:
        here = self.here
        kh, kw = self.layer.kernel
        self.window = values_frame(self.input.picture, 0, 0, kh, kw, look.ACCENT)
        self.follow(here.row, here.column)
        normalised = here.patch.min() < 0 or here.patch.max() > 1
        patch = self.grids(here.patch, ColourScale.signed(here.patch) if normalised else UNIT)
        patch_group = Group(patch, label("image patch", look.SMALL).next_to(patch, UP, buff=look.NEAR))
        both = Group(patch_group.copy(), weights.copy()).arrange(RIGHT, buff=0.44, aligned_edge=UP)
        both.move_to(middle.centre + UP * 0.6)
        patch_group.move_to(both[0]).shift(UP * (both[1][0].get_y() - both[0][0].get_y()))
        times = label("×", look.TITLE).move_to([(both[0].get_right()[0] + both[1].get_left()[0]) / 2, patch.get_y(), 0])
        rows = (("sum of products", self.products), ("bias", self.bias), ("one number", here.value))
        cells = [label(text, look.LABEL) for name, value in rows for text in (name, number(value))]
        VGroup(*cells).arrange_in_grid(3, 2, buff=(0.5, look.LEADING), col_alignments="lr")
        sums = VGroup(*(VGroup(*cells[row : row + 2]) for row in (0, 2, 4)))
        sums[2].set_color(look.ACCENT)
        sums.next_to(both, DOWN, buff=0.2).set_x(middle.centre[0])
        with self.beat("step"):
            self.say("Patch times weights, summed up: one number")
            self.play(Create(self.window), run_time=look.IN_S)
            self.play(weights.animate.move_to(both[1]), FadeIn(patch_group), FadeIn(times), run_time=look.MOVE_S)
            for line in sums:
                self.play(FadeIn(line, shift=DOWN * 0.1), run_time=look.IN_S)
        return Group(patch_group, times, sums)

    def centre_of(self, row: int, column: int) -> tuple[float, float]:
        """The image place on which the window's middle lies when it makes the value at (row, column)."""
        (sh, sw), (ph, pw), (kh, kw) = self.layer.stride, self.layer.padding, self.layer.kernel
        return row * sh - ph + (kh - 1) / 2, column * sw - pw + (kw - 1) / 2

    def follow(self, row: int, column: int) -> Rectangle:
        """Put the window where it makes the value at (row, column)."""
        return self.window.move_to(self.input.picture.at(*self.centre_of(row, column)))

    def map_of(self, part: str, values: NDArray[np.floating], scale: ColourScale, name: str) -> FeatureMap:
        source = ArraySource(f"{self.layer.name}/{part}", (self.probe, self.channel))
        found = FeatureMap(values, scale, _SIZE, name, source)
        return found.move_to(self.input, aligned_edge=UP).set_x(look.body().right - 4.7 + _SIZE / 2)

    def show_slide(self, right: look.Region) -> FeatureMap:
        scale = ColourScale.signed(self.before)
        signed = self.map_of("preactivation", self.before, scale, "before ReLU")
        self.bar = ColourBar(scale, _SIZE * 0.72, "response").next_to(signed.border, RIGHT, buff=0.3)
        signed.picture.set_opacity(0)
        with self.beat("slide"):
            self.say("Every position leaves one number behind")
            self.play(FadeIn(signed.border, signed.shape_label, signed.name_label, self.bar), run_time=look.IN_S)
            self.add(signed.picture, signed.border)
            self.play(Sweep(signed.picture, self.follow, run_time=self.seconds_left - 1.0))
        return signed

    def show_relu(self, signed: FeatureMap) -> FeatureMap:
        scale = ColourScale.strength(self.activation)
        bright = self.map_of("activation", self.activation, scale, "feature map")
        bar = ColourBar(scale, _SIZE * 0.72).move_to(self.bar, aligned_edge=LEFT)
        with self.beat("relu"):
            self.say(f"ReLU: what is below zero becomes zero ({share_zero(self.activation):.0%} of the places)")
            self.play(FadeOut(self.window), run_time=look.IN_S / 2)
            self.play(FadeIn(bright), FadeOut(signed, self.bar), FadeIn(bar), run_time=look.MOVE_S)
        return bright

    def show_strongest(self, bright: FeatureMap) -> Group:
        row, column = self.spot.row, self.spot.column
        there = values_frame(bright.picture, row - 1, column - 1, row + 2, column + 2)
        here = self.follow(row, column).copy().set_color(look.SECOND)
        with self.beat("strongest"):
            self.say(f"Strongest response: {number(self.spot.value)}")
            self.play(Create(there), Create(here), run_time=look.IN_S)
        return Group(there, here)

    def show_formula(self, middle: look.Region, working: Group, marks: Group) -> None:
        line = formula('"feature map"_k = phi.alt (W_k * x + b_k)')
        line.set(width=middle.width).move_to(middle.centre + UP * 0.8)
        meaning = lines(
            "W  the filter's weights, learned",
            "x  the image",
            "b  the bias",
            "φ  the nonlinearity: ReLU",
            color=look.TEXT,
        )
        meaning.set(width=min(meaning.width, middle.width)).next_to(line, DOWN, buff=0.5)
        with self.beat("formula"):
            self.say("What the filter found, and where")
            self.play(FadeOut(working), FadeOut(marks), run_time=look.IN_S)
            self.play(Write(line), run_time=look.MOVE_S)
            self.play(FadeIn(meaning), run_time=look.IN_S)


def _verdict(answer: str, truth: str | None) -> str:
    if truth is None:
        return "Nobody told us what it really is."
    return "That is right." if answer == truth else f"That is wrong: it is “{truth}”."
