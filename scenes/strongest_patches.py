"""What lit a channel most in all images: the patches, from the first layer to the last."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from manim import (
    LEFT,
    Create,
    FadeIn,
    FadeOut,
    Group,
    GrowFromEdge,
    Indicate,
    LaggedStart,
    ReplacementTransform,
    VGroup,
)
from pydantic import Field

from fmcore.analysis.channels import strongest
from fmcore.analysis.favourites import (
    commonest_class,
    layers_with_patches,
    named_favourites,
    of_one_class,
    others_lit,
    sees_beyond,
    typical,
)
from fmcore.analysis.saying import counted, listed, percent
from fmcore.errors import BundleError
from fmcore.header import LayerInfo
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.answer_bar import AnswerBar
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.lit_images import LitImages
from scenes.parts.motion import flash
from scenes.parts.nested_fields import NestedFields
from scenes.parts.patch_cut import PatchCut
from scenes.parts.patch_grid import PatchGrid
from scenes.parts.phrases import and_the_rest, field_words, why_the_rest
from scenes.parts.reach_words import reach_in_words
from scenes.parts.stage_maps import sees
from scenes.parts.text import whole
from scenes.stage import LessonScene, SceneOptions

_LAYERS = 3
_ANY = 1e-9
_FEWEST = 2  # times as many images as patches: of fewer, nearly every image lights every channel most
_ALONE = 7.5  # units: the width of the patches of one layer alone, with their words
_BAR = 4.5  # units: the longest bar
_OTHERS = {"wide": 3, "square": 2, "tall": 2}  # images side by side
_MORE = 0.05  # of all favourites: a share larger by this is called larger


class StrongestPatches(LessonScene):
    """The patches of all images that light a channel most, in a first, a middle and a last layer."""

    title = "What lights a channel?"
    bundle_name = "deep-garments-seed12"
    script = Script.of(
        Beat(
            cue="cut",
            say="What does a channel answer to? Take one image, and the map that {first_channel} of {first} makes of"
            " it. {brightest} {first_rest}",
        ),
        Beat(
            cue="ask",
            say="But one image cannot tell. So take {images}, and keep the {count} patches that lit {first_channel} of"
            " {first} most, strongest first.",
        ),
        Beat(cue="fields", say="{deeper}: {fields}{rest}. {why_rest} Here are all frames on one image, to scale."),
        Beat(cue="deeper", say="{pieces}Here all patches are drawn equally large, whatever they cover.", seconds=5.6),
        Beat(cue="classes", say="{classes}"),
        Beat(
            cue="caution",
            say="But favourites are not all: {last_channel} of {last} is above zero on {fired} of the images{others}."
            " {others_reach}{least}{most} What its patches share is a guess; whether it counts takes another test.",
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
        measures = self.bundle.header.measures
        if measures is not None and measures.images == 1:
            raise BundleError(
                f"StrongestPatches shows which of many images light a channel most, and '{self.bundle.path.name}' was"
                " measured over one; record it over more."
            )
        if not len(known) >= 2 or (self.options.layers and len(known) > _LAYERS):
            raise BundleError(
                f"StrongestPatches shows two or three layers whose strongest patches were cut out, and of"
                f" '{self.bundle.path.name}' there are {len(known)}; name others, or record a deeper network."
            )
        picks = np.linspace(0, len(known) - 1, min(_LAYERS, len(known))).round().astype(int)
        self.layers: list[LayerInfo] = [known[pick] for pick in picks]
        self.chosen = [typical(self.bundle, layer.name) for layer in self.layers]  # channel, row of its patches
        kept = self.bundle.info(f"{self.layers[0].name}/top_images").shape[1]
        self.few = measures is not None and measures.images < _FEWEST * kept
        self.labelled = not self.few and all(of_one_class(self.bundle, layer.name) is not None for layer in self.layers)
        self.others = others_lit(self.bundle, self.layers[-1].name, self.chosen[-1][0], _OTHERS[look.shape()])
        self.example = self.probe
        array, channel = f"{self.layers[0].name}/activation", self.chosen[0][0]
        if self.options.probe is None:
            self.example = self.clearest_example(array, channel)
        self.image = self.bundle.part("probes", self.example)  # (C, H, W)
        self.map = self.bundle.part(array, self.example, channel)  # (H', W')

    def clearest_example(self, array: str, channel: int) -> int:
        """The image that lights the channel most; of those in which its brightest place sees pixels only, if any do."""
        layer = self.layers[0].name

        def clear(probe: int) -> tuple[bool, float, bool]:
            spot = strongest(self.bundle.part(array, probe, channel))
            within = spot.value > 0 and not sees_beyond(self.bundle, layer, spot.row, spot.column)
            return within, spot.value, probe == self.probe

        return max(range(len(self.bundle.header.probes)), key=clear)

    # -- what is said ------------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        first, last = self.layers[0], self.layers[-1]
        fields = [f"{field_words(layer.field)} in {layer_name(layer.name)}" for layer in self.layers[1:]]
        return {
            "images": self.claim("images measured", "header/measures", words=lambda n: f"all {counted(n, 'image')}"),
            "count": self.claim("length", f"{first.name}/top_images", self.chosen[0][0], words=whole),
            "first": layer_name(first.name),
            "brightest": self.brightest(first),
            "first_channel": f"channel {self.chosen[0][0] + 1}",
            "deeper": "Deeper, a place sees more" if self.grows() else "Deeper, a place sees",
            "fields": listed(fields),
            "rest": and_the_rest(*(layer.field for layer in self.layers[1:])),
            **self.facts_of_the_rest(),
            "pieces": "So what lights a channel can be a larger piece of the image. " if self.grows() else "",
            **self.classes(),
            "last": layer_name(last.name),
            "last_channel": f"channel {self.chosen[-1][0] + 1}",
            "fired": self.claim("value over images", f"{last.name}/fired", self.chosen[-1][0], words=percent),
            "others": ", such as these" if len(self.others) > 1 else ", such as this one" if self.others else "",
            **reach_in_words(self.claim, last.name, self.chosen[-1][0], self.others),
            **{f"class_{place}": self.one_class(place) for place in range(len(self.layers)) if self.labelled},
        }

    def facts_of_the_rest(self) -> Mapping[str, str]:
        """How the rest of the image gets in, told in the first beat that speaks of it."""
        layers, (first, *later) = self.bundle.header.layers, self.layers
        early = why_the_rest(layers, first) if self.map.max() > 0 else ""
        return {"first_rest": early, "why_rest": "" if early else why_the_rest(layers, *later)}

    def grows(self) -> bool:
        """Whether a place of the last layer is known to see more than one of the first, down and across."""
        first, last = self.layers[0].field, self.layers[-1].field
        if not first.boxed or not last.known:
            return False
        return not last.boxed or all(one > other for one, other in zip(last.size, first.size, strict=True))

    def brightest(self, first: LayerInfo) -> Claim:
        """What the brightest place of the map sees, where there is one."""
        seen = f"sees {field_words(first.field)}" + " of the image" * first.field.boxed + and_the_rest(first.field)
        return self.claim(
            "largest value",
            f"{first.name}/activation",
            self.example,
            self.chosen[0][0],
            words=f"Its brightest place {seen}. Cut out, this is a patch."
            if first.field.known
            else "How far its brightest place sees is not known, so the patch is the whole image.",
            at_least=_ANY,
            otherwise="It is dark: this image does not light the channel.",
        )

    def classes(self) -> Mapping[str, Claim | str]:
        """How far the favourites of channels keep to one class."""
        if self.few:
            few = "With so few images, nearly every one is a favourite of every channel."
            return {"classes": f"{few} What they have in common takes more of them."}
        if not self.labelled:
            nobody = "Nobody told us what these images show, so look for yourself:"
            return {"classes": f"{nobody} what do the patches of one channel have in common?"}
        first, last = self.layers[0].name, self.layers[-1].name
        if dark := [layer.name for layer in self.layers if not self.lit(layer.name)]:
            none = f"No image lights any channel of {layer_name(dark[0])}, so what it shows are no favourites."
            return {"classes": none}
        share = partial(self.claim, "favourites of one class")
        early = share(f"{first}/top_images", words=percent)
        chance = self.claim("favourites of one class by chance", f"{last}/top_images", words=percent)
        opening = (
            "Do they come from one class? On average over the channels, the commonest class has"
            f" {early} of a channel's favourites in {layer_name(first)}"
        )
        by_chance = f"Images drawn blindly would give {chance}."
        classes = share(
            f"{last}/top_images",
            words=lambda s: (
                f"{opening}, and {percent(s)} in {layer_name(last)}. {by_chance} Deeper channels keep more to one"
                " class."
            ),
            at_least=early.value + _MORE,
            otherwise=f"{opening}, and no more in {layer_name(last)}. {by_chance}",
        )
        return {"classes": classes, "early": early, "chance": chance}

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
        body, count = look.body(), len(self.layers)
        rooms = body.rows(*[1.0] * count, gap=2 * look.NEAR) if _tall() else body.columns(*[1.0] * count)
        grids = [fit(partial(self.grid, number, room), room, most=1.3) for number, room in enumerate(rooms)]
        size = min(grid.pictures[0].height for grid in grids)  # patches of all layers are of one size and on one level
        grids = [self.grid(number, room, size).move_to(room.centre) for number, room in enumerate(rooms)]
        for grid, room in zip(grids, rooms, strict=True):
            if _tall():  # one below the other
                grid.align_to(np.array([room.left, 0, 0]), LEFT)
        self.show_the_cut()
        self.show_the_first(grids[0])
        self.show_the_others(grids, look.around(rooms[1:]))
        marks = self.show_classes(grids)
        self.show_caution(grids, marks, look.around(rooms[:-1]))

    def show_the_cut(self) -> None:
        layer, channel = self.layers[0], self.chosen[0][0]

        def made(size: float) -> PatchCut:
            return PatchCut(self.image, self.map, layer, channel, self.example, size)

        self.cut = fit(made, look.body(), most=3.4)
        with self.beat("cut"):
            self.say("How a patch is cut out")
            self.play(FadeIn(self.cut.image), run_time=look.IN_S)
            self.until(0.25)
            self.play(FadeIn(self.cut.map, target_position=self.cut.image, scale=0.6), run_time=look.MOVE_S)
            self.until(0.5)
            if self.cut.patch is None:
                self.play(flash(self.cut.map.picture), run_time=look.MOVE_S)
                return
            seen, brightest = self.cut.marks()
            self.play(Create(brightest), run_time=look.IN_S)
            self.play(ReplacementTransform(brightest.copy(), seen), run_time=look.MOVE_S)
            self.until(0.75)
            moving, animations = self.cut.flight(self.cut.patch)
            self.play(*animations, run_time=look.MOVE_S)
            self.remove(moving, *self.cut.patch.get_family())
            self.add(self.cut.patch)
            self.cut.add(seen, brightest)

    def show_the_first(self, grid: PatchGrid) -> None:
        """The patches of the first layer alone, large; they end in the place of their `grid`."""
        body = look.body()
        half = min(body.width, _ALONE) / 2
        room = replace(body, left=body.centre[0] - half, right=body.centre[0] + half)
        large = fit(partial(self.grid, 0, room, beside=not _tall()), room, most=1.3)
        with self.beat("ask"):
            self.say(f"{self.told['first']}: what lit {self.told['first_channel']} most")
            self.until(0.2)
            self.play(FadeOut(self.cut), FadeIn(large.words), run_time=look.IN_S)
            shown = (FadeIn(tile, shift=look.GAP * LEFT) for tile in large.tiles)
            self.play(LaggedStart(*shown, lag_ratio=0.3), run_time=2.5 * look.MOVE_S)
            self.until(0.75)
            self.play(flash(large.pictures[0]), run_time=look.IN_S)
            self.until(0.86)
            self.play(
                FadeOut(large.words),
                FadeIn(grid.words),
                *(ReplacementTransform(*pair) for pair in zip(large.tiles, grid.tiles, strict=True)),
                run_time=min(look.MOVE_S, self.seconds_left),
            )

    def show_the_others(self, grids: list[PatchGrid], room: look.Region) -> None:
        """Frames as large as fields, on one image; then the patches of the deeper layers in its place."""

        def made(size: float) -> NestedFields:
            return NestedFields(self.image, self.layers, self.example, size, room.width)

        nested = fit(made, room, most=3.6)
        with self.beat("fields"):
            self.say("Deeper layers: larger pieces" if self.grows() else "How much a place sees")
            self.play(FadeIn(nested.image), run_time=look.IN_S)
            for number, field in enumerate(nested.fields):
                self.until((0.15, 0.35, 0.55)[number])
                self.play(FadeIn(field), run_time=look.IN_S)
            self.until(0.85)
            self.play(*(flash(field[0]) for field in nested.fields if len(field) > 1), run_time=look.IN_S)
        with self.beat("deeper"):
            self.play(FadeOut(nested), run_time=look.IN_S / 2)
            for number, grid in enumerate(grids[1:]):
                self.until(0.35 * number)
                self.play(FadeIn(grid.words), run_time=look.IN_S / 2)
                self.play(LaggedStart(*map(FadeIn, grid.tiles), lag_ratio=0.3), run_time=1.5 * look.MOVE_S)

    def show_classes(self, grids: list[PatchGrid]) -> list[VGroup]:
        """Notes on the commonest class of each channel, with frames around its patches; what stands below each grid."""
        made: list[VGroup] = []
        with self.beat("classes"):
            self.say("Do a channel's favourites share a class?")
            if not self.labelled:
                self.until(0.3)
                self.play(LaggedStart(*(flash(grid.pictures[0]) for grid in grids), lag_ratio=0.5), run_time=2)
            for number, grid in enumerate(grids if self.labelled else []):
                layer, channel = self.layers[number].name, self.chosen[number][0]
                named = named_favourites(self.bundle, layer, channel) if self.lit(layer) else [False] * len(grid.tiles)
                note, frames = grid.note(str(self.told[f"class_{number}"])), grid.framed(named)
                made.append(VGroup(note, frames))
                self.until(0.15 + 0.25 * number)
                self.play(FadeIn(note), *(Create(frame) for frame in frames), run_time=look.MOVE_S)
        return made

    def show_caution(self, grids: list[PatchGrid], marks: list[VGroup], room: look.Region) -> None:
        """The last channel alone, other images that light it, and on how many images it fires."""
        fired, told = self.told["fired"], [str(self.told[f"reach_{probe}"]) for probe in self.others]
        dips = self.bundle.part(f"{self.layers[-1].name}/activation", self.example, self.chosen[-1][0]).min() < 0
        what = "images above zero" if dips else "images that light it"  # a number above zero is no answer there
        bar = AnswerBar(what, fired.value, str(fired), min(room.width, _BAR), look.ACCENT)
        above, below = room.rows(room.height - bar.height - 2 * look.GAP, bar.height, gap=2 * look.GAP)
        bar.move_to(below.centre if told else room.centre)
        others = Group()
        if told:
            others = fit(lambda size: LitImages(self.bundle, self.others, told, size, above.width), above, most=2.6)
        with self.beat("caution"):
            self.say("Favourites give an idea, not a proof")
            self.play(FadeOut(*grids[:-1], *marks[:-1]), run_time=look.IN_S / 2)
            self.play(FadeIn(bar.submobjects[1], bar.answer), run_time=look.IN_S / 2)
            self.play(GrowFromEdge(bar.bar, LEFT), FadeIn(bar.percentage), run_time=look.MOVE_S)
            self.until(0.33)
            if told:
                self.play(LaggedStart(*map(FadeIn, others), lag_ratio=0.5), run_time=1.5 * look.MOVE_S)
            self.until(0.65)
            self.play(*(flash(picture) for picture in grids[-1].pictures), run_time=look.MOVE_S)
            self.until(0.85)
            self.play(Indicate(bar.percentage, scale_factor=1.15, color=look.ACCENT), run_time=look.IN_S)

    def grid(self, number: int, room: look.Region, size: float, beside: bool | None = None) -> PatchGrid:
        layer, (channel, row) = self.layers[number], self.chosen[number]
        array = f"{layer.name}/patches"
        name, number_ = layer_name(layer.name), f"channel {channel + 1}"
        words = [f"{name}, {number_}", sees(layer)] if look.shape() == "wide" else [name, number_, sees(layer)]
        return PatchGrid(
            np.asarray(self.bundle.part(array, row)),
            size,
            words,
            (array, row),
            room.width,
            _tall() if beside is None else beside,
        )


def _tall() -> bool:
    return look.shape() == "tall"
