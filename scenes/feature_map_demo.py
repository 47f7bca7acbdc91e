"""One filter slides over one image and leaves one feature map: what it is, what bright means, and what it is not."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from manim import Create, FadeIn, FadeOut, Group, ReplacementTransform
from pydantic import Field

from fmcore.analysis.channels import strongest
from fmcore.analysis.history import starts_at_random, weights_are
from fmcore.analysis.naming import CUTTING, phi_name
from fmcore.analysis.saying import counted, percent
from fmcore.analysis.telling import telling
from fmcore.analysis.worked import WorkedMap
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.cells import Cells
from scenes.parts.closeup import Closeup
from scenes.parts.colour_numbers import ColourNumbers
from scenes.parts.convolution_pictures import (
    filter_block,
    filter_slices,
    input_picture,
    map_picture,
    patch_block,
    sum_picture,
)
from scenes.parts.demo_rooms import DemoRooms
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import aim, unmade, values_frame
from scenes.parts.motion import Sweep, flash
from scenes.parts.picture import Picture
from scenes.parts.text import number, whole
from scenes.parts.window import window
from scenes.stage import LessonScene, SceneOptions

_SUITS = 0.2  # of white: a difference between pixels that is plain to see
_ABOVE = 1e-9  # from where on a response is called one
_GRIDS = {  # by the channels of an image
    1: "a grid of numbers: zero is black, one is white, and every grey lies between.",
    3: "three grids of numbers: how much red, how much green and how much blue there is at every place.",
}


class FeatureMapDemo(LessonScene):
    """A filter meets an image: where it slides, what it leaves, and how the two differ."""

    title = "What is a feature map?"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="image",
            say="An image is {grids}",
            seconds=7,
        ),
        Beat(
            cue="filter",
            say="A filter is a small window of weights, here {rows} by {columns}{slices}."
            " Red is above zero, blue below. {origin}",
        ),
        Beat(
            cue="slide",
            say="Laid on the image, it makes one number: values times weights, added up{own}."
            " Then it slides on, and every place leaves its number behind. That is a convolution.",
            seconds=10,
        ),
        Beat(
            cue="kept",
            say="{kept} What remains is the feature map. One filter makes one channel, here channel {channel} in"
            " {layer}.",
            seconds=7.4,
        ),
        Beat(cue="bright", say="{bright} means a strong response. {strongest} {suits}", seconds=7.4),
        Beat(cue="ground", say="{ground}", seconds=7),
        Beat(
            cue="meaning",
            say="So the filter fixes the question, one pattern to look for."
            " The map keeps the answers: how strong each is, and where.",
        ),
        Beat(
            cue="versus",
            say="Do not mix up the two. The filter is {weights}, the same for every image."
            " The map is {numbers}, and another image gives another map.",
            seconds=9,
        ),
    )

    class Options(SceneOptions):
        channel: int | None = Field(
            None,
            description="The channel, from 1; by default one that is no copy of the image and that ReLU cuts.",
        )

    options: "FeatureMapDemo.Options"

    def prepare(self) -> None:
        layer = self.layer_of(None)
        choose = partial(telling, image=self.bundle.part("probes", self.probe))
        self.channel = self.channel_of(layer, self.options.channel, choose)
        self.map = WorkedMap(self.bundle, layer, self.channel, self.probe)
        self.phi = phi_name(layer)
        spot = strongest(self.map.values)
        self.spot = spot.row, spot.column
        self.ground = self.map.ground()

    def facts(self) -> Mapping[str, object]:
        layer = self.map.layer
        weight, map_ = (f"{layer.name}/weight", self.channel), (f"{layer.name}/activation", self.probe, self.channel)
        shared = self.claim("places of the largest value", *map_, words=whole)
        arrays = self.bundle.header.arrays
        return {
            "grids": _GRIDS.get(len(self.map.source), "several grids of numbers, one for each channel."),
            "rows": self.claim("rows", *weight, words=whole),
            "columns": self.claim("columns", *weight, words=whole),
            "slices": ""
            if len(self.map.weights) == 1
            else self.claim(
                "length",
                *weight,
                words=lambda n: (
                    f", once for each of {whole(n)} {'colours' if len(self.map.source) == 3 else 'channels'}"
                ),
            ),
            "own": ", plus a number of the filter's own, the bias" if f"{layer.name}/bias" in arrays else "",
            "origin": self.origin_in_words(),
            "kept": self.kept_in_words(),
            "channel": f"{self.channel + 1} of {layer.output_shape[0]}",
            "layer": layer_name(layer.name),
            "bright": "Bright red" if self.map.values.min() < 0 else "Bright",
            "strongest": self.claim(
                "largest value",
                *map_,
                words=lambda v: (
                    f"The strongest, {number(v)}, marks the place that suits this filter best."
                    if shared.value == 1
                    else f"The strongest, {number(v)}, is shared by {shared} places; the first is marked."
                ),
                at_least=_ABOVE,
                otherwise="On this map nothing is: no place of the image suits this filter.",
            ),
            "suits": self.what_suits() if shared.value == 1 else "",
            "shared": shared,
            "ground": self.told_of_the_ground(),
            "weights": self.claim("numbers", *weight, words=partial(counted, noun="weight")),
            "numbers": self.claim("numbers", *map_, words=partial(counted, noun="number")),
        }

    def origin_in_words(self) -> str:
        """Where the weights come from, as far as that is known; a filter may have kept much of a random start."""
        header, are = self.bundle.header, weights_are(self.bundle.header)
        if are == "trained" and header.model.weights == "trained here":
            begun = "they began at random, and " if starts_at_random(header) else ""
            return f"Nobody wrote these numbers down: {begun}training moved them."
        return {
            "trained": "Nobody wrote these numbers down. Training found them.",
            "random": "These are random: nobody has trained this network yet.",
            "unknown": "Nobody wrote these numbers down.",
        }[are]

    def what_suits(self) -> Claim | str:
        """What the weights meet at the strongest place, where they meet pixels as they are."""
        if self.map.layer.input != "probes":
            return ""
        return self.claim(
            "met by positive weights beyond negative ones",
            f"{self.map.layer.name}/{self.map.stage}",
            self.probe,
            self.channel,
            *self.spot,
            words=lambda more: (
                f"There, its red weights lie on brighter pixels than its blue ones: by {more:.2f}, each counted by its"
                " size."
            ),
            at_least=_SUITS,
        )

    def told_of_the_ground(self) -> Claim | str:
        """That the bias alone glows where the image is black, if it does."""
        if self.ground is None:
            return ""
        return self.claim(
            "value",
            f"{self.map.layer.name}/activation",
            self.probe,
            self.channel,
            *self.ground,
            words=lambda value: (
                "Where the window sees nothing but black, every product is zero, and the bias alone is left:"
                f" {number(value)}. That glow says no more than: black here."
            ),
        )

    def kept_in_words(self) -> Claim | str:
        """What the nonlinearity keeps."""
        normalised = self.map.stage == "sum"
        if self.map.layer.nonlinearity not in CUTTING and normalised:
            return f"Then these numbers are normalised{f', and {self.phi} bends them' * bool(self.phi)}."
        if self.map.layer.nonlinearity not in CUTTING:
            return f"Then {self.phi} bends these numbers." if self.phi else "No nonlinearity follows here."
        return self.claim(
            "share of zeros",
            f"{self.map.layer.name}/activation",
            self.probe,
            self.channel,
            words=lambda z: (
                f"{'Then they are normalised, and ' * normalised}{self.phi} keeps what lies above zero"
                f" and sets the rest to zero, here {percent(z)}."
            ),
        )

    # -- what is drawn ---------------------------------------------------------------------------

    def construct(self) -> None:
        self.rooms = DemoRooms.of_frame()
        self.input = fit(partial(input_picture, self.map), self.rooms.image, most=3.6)
        self.output = fit(partial(map_picture, self.map, True), self.rooms.map, most=3.6)
        self.window = window(self.input[0].picture, self.map.layer, 0, 0)
        with self.beat("image"):
            self.show_image()
        with self.beat("filter"):
            self.say("A filter is a small window of weights")
            self.show_filter()
        with self.beat("slide"):
            self.say("Every place leaves one number behind")
            self.slide()
        with self.beat("kept"):
            self.show_what_is_kept()
        with self.beat("bright"):
            self.say("Bright: a strong response")
            self.show_strongest()
        if self.ground is not None:
            with self.beat("ground"):
                bias = float(self.map.values[self.ground])
                self.say(f"Over black, only the bias is left: {number(bias)}")
                self.show_ground(*self.ground)
        with self.beat("meaning"):
            self.say("A feature map: how strongly, and where")
            self.until(0.4)
            self.play(flash(self.filter.outline), run_time=look.MOVE_S)
            self.until(0.75)
            self.play(flash(self.output[0].picture), *(flash(mark) for mark in self.marks), run_time=look.MOVE_S)
        with self.beat("versus"):
            self.say("The filter stays, the map is new for every image")
            self.show_another_image()

    def show_image(self) -> None:
        """The image, large, and the numbers of which it consists."""
        self.large = fit(partial(input_picture, self.map), self.rooms.far, most=4.0)
        picture = self.large[0].picture
        self.play(FadeIn(self.large), run_time=look.IN_S)
        self.say("An image is a grid of numbers" if len(self.map.source) == 1 else "An image: grids of numbers")
        self.until(0.3)
        if picture.values.ndim == 3:
            colours = ColourNumbers.within(picture, *self.map.under(*self.spot), self.rooms.near, self.probe)
            self.numbers = Group(colours, colours.mark)
            self.play(FadeIn(colours.colours, target_position=picture, scale=0.5), run_time=look.MOVE_S)
            self.until(0.65)
            self.play(Create(colours.mark), FadeIn(colours.grids, colours.words), run_time=look.MOVE_S)
            return
        self.until(0.45)
        side = 3 if look.shape() == "tall" else 5
        near = fit(partial(Closeup, picture, *self.map.under(*self.spot), side=side), self.rooms.near, most=0.8)
        self.numbers = Group(near, near.mark)
        self.play(Create(near.mark), run_time=look.IN_S)
        self.play(FadeIn(near, target_position=near.mark, scale=0.2), run_time=look.MOVE_S)

    def show_filter(self) -> None:
        """The filter, so large that its weights can be read where there is room."""
        large = fit(partial(filter_slices, self.map), self.rooms.beside, most=3.0)
        self.filter = fit(partial(filter_block, self.map, look.shape() != "wide"), self.rooms.filter, most=1.6)
        self.play(FadeOut(self.numbers), run_time=look.IN_S / 2)  # its mark would stay where the image was
        self.play(ReplacementTransform(self.large, self.input), run_time=look.MOVE_S)
        self.play(FadeIn(large), run_time=look.IN_S)
        self.until(0.6)
        self.play(*(flash(part.outline) for part in large if isinstance(part, Cells)), run_time=look.MOVE_S)
        self.large = large

    def slide(self) -> None:
        """The window runs over the image; the map fills up."""
        self.before = sum_picture(self.map, self.output[0].picture.height)
        self.before.shift(self.output[0].picture.get_center() - self.before[0].picture.get_center())
        picture, border, *words = self.before[0]
        blank = unmade(picture)
        come = FadeIn(blank, border, *words, self.before[1])
        self.play(FadeOut(self.large), FadeIn(self.filter), come, run_time=look.IN_S)
        self.play(Create(self.window), run_time=look.IN_S / 2)
        picture.pixel_array[..., 3] = 0
        self.until(0.2)
        first = values_frame(picture, 0, 0, 1, 1)
        self.play(FadeIn(first, target_position=self.window, scale=2), run_time=look.MOVE_S)
        picture.pixel_array[0, 0, 3] = 255
        self.until(0.45)
        self.remove(first)

        def follow(row: int, column: int) -> None:
            self.window.move_to(window(self.input[0].picture, self.map.layer, row, column))

        self.play(Sweep(picture, [border, self.window], follow, self.seconds_left - 0.8))
        self.remove(picture, blank, border, self.window)
        self.add(self.before, self.window)

    def show_what_is_kept(self) -> None:
        """What lies below zero goes dark, all else as it was; then comes the map in colours that begin at zero."""
        if self.map.layer.nonlinearity in CUTTING and self.map.stage == "preactivation" and self.map.sums.min() < 0:
            self.say(f"{self.phi}: below zero becomes zero")
            old = self.before[0].picture
            cut = Picture(self.map.values, old.scale_of_colour, old.height).move_to(old)
            self.until(0.15)
            self.play(FadeIn(cut), run_time=look.MOVE_S)
            old.pixel_array[...] = cut.pixel_array  # else it would show through as both go
            self.remove(cut)
            self.until(0.45)
        steps = ["normalisation"] * (self.map.stage == "sum") + [self.phi] * bool(self.phi)
        self.say(f"After {' and '.join(steps)}: the feature map" if steps else "What is left: the feature map")
        self.play(FadeIn(self.output), FadeOut(self.before, self.window), run_time=look.MOVE_S)
        self.until(0.8)
        self.play(flash(self.output[0].picture), run_time=look.MOVE_S)

    def show_strongest(self) -> None:
        """Where the map is strongest, and what the image has there."""
        self.play(flash(self.output[1].bar), run_time=look.MOVE_S)
        self.until(0.45)
        self.look_at(*self.spot)

    def show_ground(self, row: int, column: int) -> None:
        """A place over the black background, where the map glows all the same."""
        self.play(FadeOut(self.window, self.patch, *self.marks), run_time=look.IN_S)
        self.look_at(row, column)
        self.until(0.75)
        self.play(flash(self.output[1].bar), run_time=look.MOVE_S)

    def look_at(self, row: int, column: int) -> None:
        """Mark a place of the map and what it sees of the image, and show the numbers there."""
        self.window = window(self.input[0].picture, self.map.layer, row, column)
        self.marks = [aim(self.output[0].picture, row, column)]
        self.patch = fit(partial(patch_block, self.map, self.map.at(row, column)), self.rooms.patch, most=1.6)
        self.play(Create(self.marks[0]), Create(self.window), run_time=look.MOVE_S)
        self.play(FadeIn(self.patch, target_position=self.window, scale=0.2), run_time=look.MOVE_S)

    def show_another_image(self) -> None:
        """The same filter on another image, where the bundle holds one."""
        probe = self.another_probe()
        self.play(FadeOut(self.window, self.patch, *self.marks), run_time=look.IN_S)
        self.until(0.25)
        self.play(flash(self.filter.outline), run_time=look.MOVE_S)
        self.until(0.55)
        if probe is None:
            self.play(flash(self.output[0].picture), run_time=look.MOVE_S)
            return
        other = replace(self.map, probe=probe)
        image = fit(partial(input_picture, other), self.rooms.image, most=3.6)
        map_ = fit(partial(map_picture, other, True), self.rooms.map, most=3.6)
        self.play(FadeOut(self.input), FadeIn(image), run_time=look.IN_S)
        self.play(FadeOut(self.output), FadeIn(map_), run_time=look.MOVE_S)
        self.input, self.output = image, map_

    def another_probe(self) -> int | None:
        """The probe to which the filter responds most: one with another answer, or of another class, or any other."""
        probes = self.bundle.header.probes
        this, rest = probes[self.probe], [p for p in range(len(probes)) if p != self.probe]
        answered = [p for p in rest if probes[p].predicted != this.predicted]
        others = answered or [p for p in rest if probes[p].label != this.label] or rest
        array = f"{self.map.layer.name}/activation"
        return max(others, key=lambda p: float(self.bundle.part(array, p, self.channel).max()), default=None)
