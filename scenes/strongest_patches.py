"""What lit a channel most in all images: the patches, from the first layer to the last."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from manim import FadeIn, LaggedStart, VGroup
from pydantic import Field

from fmcore.analysis.favourites import commonest_class, layers_with_patches, of_one_class, typical
from fmcore.analysis.saying import counted, listed, percent
from fmcore.errors import BundleError
from fmcore.header import LayerInfo
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.motion import flash
from scenes.parts.patch_grid import PatchGrid
from scenes.parts.phrases import field_words
from scenes.parts.stage_maps import sees
from scenes.parts.text import whole
from scenes.stage import LessonScene, SceneOptions

_LAYERS = 3
_SHOWN = {"wide": (9, 3), "square": (9, 3), "tall": (5, 5)}  # patches of a channel, and how many side by side
_MORE = 0.05  # of all favourites: a share larger by this is called larger


class StrongestPatches(LessonScene):
    """The patches of all images that light a channel most, in a first, a middle and a last layer."""

    title = "What lights a channel?"
    bundle_name = "deep-garments-seed12"
    script = Script.of(
        Beat(
            cue="ask",
            say="What does a channel answer to? One image cannot tell. So take {images}, and cut out what lay"
            " where it responded most.",
        ),
        Beat(
            cue="first",
            say="In {first}, a place sees {first_field}. These patches lit {first_channel} most, strongest first.",
        ),
        Beat(
            cue="deeper",
            say="Deeper, a place sees more: {fields}. So what lights a channel can be a larger piece of the image.",
        ),
        Beat(cue="classes", say="{classes}"),
        Beat(
            cue="caution",
            say="But favourites are not all: {last_channel} of {last} is above zero on {fired} of the images."
            " What its patches share is a guess; whether it counts takes another test.",
        ),
    )

    class Options(SceneOptions):
        layers: str = Field("", description="Two or three names such as 'conv1, conv3'; by default spread over depth.")

    options: "StrongestPatches.Options"

    def prepare(self) -> None:
        known = layers_with_patches(self.bundle)
        if self.options.layers:
            named = {self.bundle.layer(name.strip()).name for name in self.options.layers.split(",")}
            known = [layer for layer in known if layer.name in named]
        if not len(known) >= 2 or (self.options.layers and len(known) > _LAYERS):
            raise BundleError(
                f"StrongestPatches shows two or three layers whose strongest patches were cut out, and of"
                f" '{self.bundle.path.name}' there are {len(known)}; name others, or record a deeper network."
            )
        picks = np.linspace(0, len(known) - 1, min(_LAYERS, len(known))).round().astype(int)
        self.layers: list[LayerInfo] = [known[pick] for pick in picks]
        self.chosen = [typical(self.bundle, layer.name) for layer in self.layers]  # channel, row of its patches
        self.labelled = all(of_one_class(self.bundle, layer.name) is not None for layer in self.layers)

    # -- what is said ------------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        first, last = self.layers[0], self.layers[-1]
        fields = [f"{field_words(layer.field)} in {layer_name(layer.name)}" for layer in self.layers[1:]]
        return {
            "images": self.claim("images measured", "header/measures", words=lambda n: f"all {counted(n, 'image')}"),
            "first": layer_name(first.name),
            "first_field": field_words(first.field),
            "first_channel": f"channel {self.chosen[0][0] + 1}",
            "fields": listed(fields),
            "classes": self.classes(),
            "last": layer_name(last.name),
            "last_channel": f"channel {self.chosen[-1][0] + 1}",
            "fired": self.claim("value over images", f"{last.name}/fired", self.chosen[-1][0], words=percent),
            **{f"class_{number}": self.one_class(number) for number in range(len(self.layers)) if self.labelled},
        }

    def classes(self) -> Claim | str:
        """How far the favourites of channels keep to one class."""
        if not self.labelled:
            return (
                "Nobody told us what these images show, so look for yourself:"
                " what do the patches of one channel have in common?"
            )
        first, last = self.layers[0].name, self.layers[-1].name
        if dark := [layer.name for layer in self.layers if not self.lit(layer.name)]:
            return f"No image lights any channel of {layer_name(dark[0])}, so what it shows are no favourites."
        share = partial(self.claim, "favourites of one class")
        early = share(f"{first}/top_images", words=percent)
        opening = "Do they come from one class? On average over the channels, the commonest class has"
        return share(
            f"{last}/top_images",
            words=lambda s: (
                f"{opening} {early} of a channel's favourites in {layer_name(first)}, and {percent(s)} in"
                f" {layer_name(last)}. Deeper channels keep more to one class."
            ),
            at_least=early.value + _MORE,
            otherwise=f"{opening} {early} of a channel's favourites in {layer_name(first)}, and no more in"
            f" {layer_name(last)}.",
        )

    def lit(self, layer: str) -> bool:
        """Whether some image lights some channel of `layer`."""
        counts = of_one_class(self.bundle, layer)
        return counts is None or bool(counts.any())

    def one_class(self, number: int) -> Claim | str:
        """Of a channel's favourites, how many are of their commonest class."""
        layer, (channel, _) = self.layers[number].name, self.chosen[number]
        if not self.lit(layer):
            return "no image lights it"
        count = self.bundle.info(f"{layer}/top_images").shape[1]
        name = self.bundle.class_name(commonest_class(self.bundle, layer, channel))
        return self.claim(
            "favourites of the commonest class",
            f"{layer}/top_images",
            channel,
            words=lambda n: f"{whole(n)} of {count}: “{name}”",
        )

    # -- what is shown -----------------------------------------------------------------------------

    def construct(self) -> None:
        tall = look.shape() == "tall"
        rooms = look.body().rows(*[1.0] * len(self.layers)) if tall else look.body().columns(*[1.0] * len(self.layers))
        grids = [fit(partial(self.grid, number, room), room, most=1.3) for number, room in enumerate(rooms)]
        if not tall:  # patches of all layers are of one size and on one level
            size = min(grid.pictures[0].height for grid in grids)
            grids = [self.grid(number, room, size).move_to(room.centre) for number, room in enumerate(rooms)]
        first, *others = grids
        with self.beat("ask"):
            self.say("Ask all images, not one")
            self.play(FadeIn(first.words), run_time=look.IN_S)
            self.until(0.6)
            self.play(FadeIn(first.tiles[0], scale=1.5), run_time=look.MOVE_S)
        with self.beat("first"):
            self.say(f"{self.told['first']}: what lit {self.told['first_channel']} most")
            self.play(LaggedStart(*map(FadeIn, first.tiles[1:]), lag_ratio=0.3), run_time=2 * look.MOVE_S)
            self.until(0.75)
            self.play(flash(first.pictures[0]), run_time=look.MOVE_S)
        with self.beat("deeper"):
            self.say("Deeper layers: larger pieces")
            for grid in others:
                self.play(FadeIn(grid.words), run_time=look.IN_S / 2)
                self.play(LaggedStart(*map(FadeIn, grid.tiles), lag_ratio=0.3), run_time=2 * look.MOVE_S)
        with self.beat("classes"):
            self.say("Do a channel's favourites share a class?")
            notes = VGroup(*(grid.note(str(self.told[f"class_{n}"])) for n, grid in enumerate(grids) if self.labelled))
            self.until(0.3)
            shown = [FadeIn(note) for note in notes] or [flash(grid.pictures[0]) for grid in grids]
            self.play(LaggedStart(*shown, lag_ratio=0.5), run_time=2 * look.MOVE_S)
        with self.beat("caution"):
            self.say("Favourites give an idea, not a proof")
            self.until(0.5)
            self.play(*(flash(picture) for picture in grids[-1].pictures), run_time=look.MOVE_S)

    def grid(self, number: int, room: look.Region, size: float) -> PatchGrid:
        layer, (channel, row) = self.layers[number], self.chosen[number]
        most, across = _SHOWN[look.shape()]
        array = f"{layer.name}/patches"
        name, number_ = layer_name(layer.name), f"channel {channel + 1}"
        words = [name, number_, sees(layer)] if look.shape() == "square" else [f"{name}, {number_}", sees(layer)]
        return PatchGrid(np.asarray(self.bundle.part(array, row))[:most], size, across, words, (array, row), room.width)
