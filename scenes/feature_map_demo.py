"""One filter slides over one image and leaves one feature map."""

from collections.abc import Mapping

from manim import DOWN, RIGHT, UP, Create, FadeIn, FadeOut, Group, Rectangle, VGroup, Write

from fmcore.analysis.channels import representatives, share_zero, strongest
from fmcore.analysis.convolution import place
from fmcore.colour import ColourScale
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.kernel import NumberGrid
from scenes.parts.motion import Sweep, arrow, window
from scenes.parts.picture import UNIT, ArraySource
from scenes.parts.text import formula, label, lines, number, shape_text
from scenes.stage import LessonScene, SceneOptions

_MAP_HEIGHT = 3.5


class FeatureMapDemo(LessonScene):
    """A real filter meets a real image: patch times weights, summed, at every place, then ReLU."""

    title = "What is a feature map?"
    needs = ("probes", "logits")
    script = Script.of(
        Beat(
            cue="image",
            say="This is all the network gets: {pixels} numbers in an image of {rows} by {columns}."
            " Its answer is “{answer}”, with {probability:.0%} probability. {verdict}",
        ),
        Beat(
            cue="filter",
            say="A filter is a small window of weights, here {kernel_rows} by {kernel_columns}."
            " Nobody chose these numbers. Training did.",
        ),
        Beat(
            cue="step",
            say="Lay the window on the image. Multiply every pixel by the weight on top of it,"
            " add the products, add a bias: that is one number, here {value}.",
            seconds=10,
        ),
        Beat(
            cue="slide",
            say="Now slide the window over the whole image. Every position leaves one number behind,"
            " blue below zero and red above. The grid that fills up records the filter's response, place by place.",
            seconds=11,
        ),
        Beat(
            cue="relu",
            say="Then comes the nonlinearity. ReLU keeps what is positive and sets the rest to zero:"
            " {zero:.0%} of this map. What remains is the feature map.",
        ),
        Beat(
            cue="strongest",
            say="Bright means a strong response. The strongest is {top}, in row {top_row} and column {top_column}:"
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
        channel: int | None = None  # by default the one with the most energy

    options: "FeatureMapDemo.Options"

    def prepare(self) -> None:
        layer = self.bundle.convolutions[0]
        self.layer = layer
        self.image = self.bundle.part("probes", self.probe)  # (C, H, W)
        activation = self.bundle.part(f"{layer.name}/activation", self.probe)  # (K, H', W')
        chosen = self.options.channel
        self.channel = representatives(activation, 1)[0] if chosen is None else chosen
        self.activation = self.bundle.part(f"{layer.name}/activation", self.probe, self.channel)
        self.before = self.bundle.part(f"{layer.name}/preactivation", self.probe, self.channel)
        self.weights = self.bundle.part(f"{layer.name}/weight", self.channel)  # (C, kH, kW)
        named = f"{layer.name}/bias"
        self.bias = float(self.bundle.array(named)[self.channel]) if named in self.bundle.header.arrays else 0.0
        self.spot = strongest(self.activation)
        self.step_at = place(
            self.image, self.weights, self.bias, self.spot.row, self.spot.column, layer.stride, layer.padding
        )

    def facts(self) -> Mapping[str, object]:
        said = self.bundle.header.probes[self.probe]
        truth = self.bundle.class_name(said.label)
        return {
            "pixels": f"{self.image.size:,}",
            "rows": self.image.shape[1],
            "columns": self.image.shape[2],
            "answer": self.bundle.class_name(said.predicted),
            "probability": said.probability,
            "verdict": "That is right." if said.label == said.predicted else f"That is wrong: it is “{truth}”.",
            "kernel_rows": self.layer.kernel[0],
            "kernel_columns": self.layer.kernel[1],
            "value": number(self.step_at.value),
            "zero": share_zero(self.activation),
            "top": number(self.spot.value),
            "top_row": self.spot.row + 1,
            "top_column": self.spot.column + 1,
        }

    def construct(self) -> None:
        left, middle, right = look.body().columns(3.6, 4.6, 5.0)
        grey = len(self.image) == 1
        self.input = InputImage(
            self.image, _MAP_HEIGHT, source=ArraySource("probes", (self.probe, 0)) if grey else None
        )
        self.input.move_to(left.centre)
        self.show_image()
        weights = self.show_filter(middle)
        sum_of = self.show_step(middle, weights)
        signed = self.show_slide(right, Group(weights, sum_of))
        bright = self.show_relu(right, signed)
        marks = self.show_strongest(bright)
        self.show_formula(middle, Group(weights, sum_of), marks)

    def show_image(self) -> None:
        with self.beat("image"):
            self.play(FadeIn(self.input), run_time=look.IN_S)
            self.say("An image is a grid of numbers")

    def show_filter(self, middle: look.Region) -> Group:
        scale = ColourScale.signed(self.weights)
        weights = self.grids(self.weights, scale)
        name = label(f"filter {self.channel + 1} of {self.layer.output_shape[0]}", look.SMALL)
        kh, kw = self.layer.kernel
        shape = label(shape_text(kh, kw, len(self.weights)), look.SMALL, look.MUTED)
        group = Group(weights, name.next_to(weights, UP, buff=0.14), shape.next_to(weights, DOWN, buff=0.14))
        group.move_to(middle.centre)
        with self.beat("filter"):
            self.say("A filter is a small window of learned weights")
            self.play(FadeIn(group), run_time=look.IN_S)
        return group

    def grids(self, values, scale: ColourScale) -> VGroup:
        """One grid of numbers for every input channel, below each other."""
        tall, wide = values.shape[1:]
        cell = min(0.58, 1.8 / wide, 3.4 / (tall * len(values)))
        digits = cell > 0.3
        return VGroup(*(NumberGrid(slice_, scale, cell, digits) for slice_ in values)).arrange(DOWN, buff=0.12)

    def show_step(self, middle: look.Region, weights: Group) -> Group:
        here, layer = self.step_at, self.layer
        self.frame = window(self.input.picture, layer.kernel)
        self.follow(here.row, here.column)
        patch = self.grids(here.patch, UNIT)
        patch_group = Group(patch, label("image patch", look.SMALL).next_to(patch, UP, buff=0.14))
        both = Group(patch_group.copy(), weights.copy()).arrange(RIGHT, buff=0.75, aligned_edge=UP)
        both.move_to(middle.centre + UP * 0.55)
        patch_group.move_to(both[0])
        times = label("×", look.TITLE).move_to((both[0].get_right() + both[1].get_left()) / 2)
        times.match_y(patch)
        sums = lines(
            f"sum of products  {number(float(here.products.sum()))}",
            f"bias  {number(self.bias)}",
            f"one number  {number(here.value)}",
        )
        sums[2].set_color(look.ACCENT)
        sums.next_to(both, DOWN, buff=0.3).set_x(middle.centre[0])
        with self.beat("step"):
            self.say("Patch times weights, summed up: one number")
            self.play(Create(self.frame), run_time=look.IN_S)
            self.play(weights.animate.move_to(both[1]), FadeIn(patch_group), FadeIn(times), run_time=look.MOVE_S)
            for line in sums:
                self.play(FadeIn(line, shift=DOWN * 0.1), run_time=look.IN_S)
        return Group(patch_group, times, sums)

    def follow(self, row: int, column: int) -> Rectangle:
        """Put the window where it makes the value at (row, column)."""
        (sh, sw), (ph, pw), (kh, kw) = self.layer.stride, self.layer.padding, self.layer.kernel
        centre = (row * sh - ph + (kh - 1) / 2, column * sw - pw + (kw - 1) / 2)
        return self.frame.move_to(self.input.picture.at(*centre))

    def show_slide(self, right: look.Region, working: Group) -> FeatureMap:
        name = self.layer.name
        scale = ColourScale.signed(self.before)
        signed = FeatureMap(
            self.before,
            scale,
            _MAP_HEIGHT,
            "before ReLU",
            ArraySource(f"{name}/preactivation", (self.probe, self.channel)),
        )
        self.bar = ColourBar(scale, _MAP_HEIGHT * 0.75, "response")
        Group(signed, self.bar).arrange(RIGHT, buff=0.35).move_to(right.centre)
        self.bar.match_y(signed.picture)
        signed.picture.set_opacity(0)
        pointer = arrow(working.get_right(), signed.border.get_left())
        pointer.set_y(signed.picture.get_y())
        with self.beat("slide"):
            self.say("Every position leaves one number behind")
            self.play(FadeIn(signed.border, signed.shape_label, signed.name_label, self.bar), run_time=look.IN_S)
            self.add(signed.picture, signed.border)
            self.play(Sweep(signed.picture, self.follow, run_time=self.seconds_left - 1.0))
            signed.picture.set_opacity(1)
        return signed

    def show_relu(self, right: look.Region, signed: FeatureMap) -> FeatureMap:
        name = self.layer.name
        scale = ColourScale.strength(self.activation)
        bright = FeatureMap(
            self.activation,
            scale,
            _MAP_HEIGHT,
            "feature map",
            ArraySource(f"{name}/activation", (self.probe, self.channel)),
        )
        bright.move_to(signed)
        bar = ColourBar(scale, _MAP_HEIGHT * 0.75)
        bar.move_to(self.bar, aligned_edge=-RIGHT)
        with self.beat("relu"):
            self.say(f"ReLU: what is below zero becomes zero ({share_zero(self.activation):.0%} of the places)")
            self.play(FadeOut(self.frame), run_time=look.IN_S / 2)
            self.play(FadeIn(bright), FadeOut(signed), FadeOut(self.bar), FadeIn(bar), run_time=look.MOVE_S)
        return bright

    def show_strongest(self, bright: FeatureMap) -> Group:
        height, width = bright.picture.cell
        there = Rectangle(height=3 * height, width=3 * width, stroke_width=2 * look.STROKE, color=look.SECOND)
        there.move_to(bright.picture.at(self.spot.row, self.spot.column))
        here = self.follow(self.spot.row, self.spot.column).copy().set_color(look.SECOND)
        with self.beat("strongest"):
            self.say(f"Strongest response: {number(self.spot.value)}")
            self.play(Create(there), Create(here), run_time=look.IN_S)
        return Group(there, here)

    def show_formula(self, middle: look.Region, working: Group, marks: Group) -> None:
        line = formula('"feature map"_k = phi.alt (W_k * x + b_k)')
        line.set(width=min(line.width, middle.width)).move_to(middle.centre + UP * 0.6)
        meaning = lines(
            "W  the filter's weights, learned",
            "x  the image",
            "b  the bias",
            "φ  the nonlinearity, here ReLU",
            color=look.TEXT,
        )
        meaning.next_to(line, DOWN, buff=0.5)
        with self.beat("formula"):
            self.say("What the filter found, and where")
            self.play(FadeOut(working), FadeOut(marks), run_time=look.IN_S)
            self.play(Write(line), run_time=look.MOVE_S)
            self.play(FadeIn(meaning), run_time=look.IN_S)


