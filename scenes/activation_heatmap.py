"""One feature map read closely: colours as numbers, the strongest place, and what the image has there."""

from collections.abc import Mapping
from functools import partial

from manim import RIGHT, Create, FadeIn, FadeOut, Group, ReplacementTransform
from pydantic import Field

from fmcore.analysis.channels import is_flat, representatives, strongest
from fmcore.analysis.saying import percent
from fmcore.analysis.telling import telling
from fmcore.colour import ColourScale
from fmcore.header import ReceptiveField
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts import phrases
from scenes.parts.closeup import Closeup
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.map_wall import MapWall, Rows
from scenes.parts.marks import aim, field_frame, values_frame
from scenes.parts.motion import flash
from scenes.parts.picture import ArraySource
from scenes.parts.text import on_scale, whole
from scenes.stage import LessonScene, SceneOptions

_DIM = 0.15  # of the largest number: what lies no further below zero looks black on the same scale
_NOT_FLAT = 1e-30  # between the smallest and the largest value of a map
_MANY = {"wide": 16, "square": 16, "tall": 8}  # maps of the layer, the one among them
_LONG = 15  # letters, more than fit above a map in an upright frame
_UNEVEN = {
    "found": "It was found in the data, not drawn by hand.",
    "keeps": "The map keeps where, not only how much.",
    "clue": "One bright place is one clue among",
}
_FLAT = {
    "found": "No place stands out.",
    "keeps": "Where all places are alike, a map does not say where.",
    "clue": "A flat map is one clue among",
}


def field_words(field: ReceptiveField) -> str:
    """What one place can see, in words."""
    if not field.known:
        return "a part of it that nobody worked out"
    at_most = "at most " * (field.boxed and not field.exact)
    return at_most + phrases.field_words(field)


class ActivationHeatmap(LessonScene):
    """A heat map is a table of numbers; this one shows its numbers, its strongest place and their limits."""

    title = "Reading an activation heat map"
    needs = ("probes", "logits")
    script = Script.of(
        Beat(
            cue="map",
            say="This is {channel} of {layer}, {made} from the input image:"
            " {rows} by {columns} numbers, painted by strength.",
        ),
        Beat(
            cue="bar",
            say="The colour bar translates back. Black is zero, {colours} {top}{low}."
            " Of this map, {zero} is {at_zero}{dim}.",
        ),
        Beat(
            cue="spot",
            say="{response} row {row}, column {column}. {found}",
        ),
        Beat(
            cue="numbers",
            say="Look closer, and the colours are numbers again. Numbers like these are all that the next layer gets.",
            seconds=7,
        ),
        Beat(
            cue="place",
            say="On the image, this one number could see {field}{rest}. {why} {keeps}",
        ),
        Beat(
            cue="caution",
            say="{clue} {channels} in this layer alone."
            " By itself it does not explain the answer “{answer}”, given with {probability}.",
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="The layer; by default the second convolution, or the only one.")
        channel: int | None = Field(
            None,
            description="The channel, from 1; by default one that is no copy of the image and that ReLU cuts.",
        )

    options: "ActivationHeatmap.Options"

    def prepare(self) -> None:
        self.layer = self.layer_of(self.options.layer, 1)
        self.image = self.bundle.part("probes", self.probe)  # (C, H, W)
        self.channel = self.channel_of(self.layer, self.options.channel, partial(telling, image=self.image))
        self.map = self.bundle.part(f"{self.layer.name}/activation", self.probe, self.channel)  # (H, W)
        self.scale = ColourScale.of(self.map)
        self.spot, self.flat = strongest(self.map), is_flat(self.map)

    def facts(self) -> Mapping[str, object]:
        array, here = f"{self.layer.name}/activation", (self.probe, self.channel)
        shared = self.claim("places of the largest value", array, *here, words=whole)
        return {
            "layer": layer_name(self.layer.name),
            "channel": f"channel {self.channel + 1}",
            "made": "made" if self.layer.input in ("probes", "input") else "made layer by layer",
            "channels": self.claim("channels", array, self.probe, words=lambda n: f"{n:.0f} map{'s' * (n > 1)}"),
            "rows": self.claim("rows", array, *here, words=whole),
            "columns": self.claim("columns", array, *here, words=whole),
            **self.facts_of_the_scale(),
            "at_zero": "zero" if self.scale.low >= 0 else "at zero or below",
            "zero": self.claim("share of zeros", array, *here, words=percent),
            "top": self.claim("largest value", array, *here),
            "shared": shared,
            "response": self.claim(
                "spread", array, *here, at_least=_NOT_FLAT,
                words="The strongest response lies in" if shared.value == 1
                else f"The strongest response is shared by {shared} places. The first of them is",
                otherwise="This map is flat: every place responds as does",
            ),
            "row": self.claim("row of the largest value", array, *here, words=whole),
            "column": self.claim("column of the largest value", array, *here, words=whole),
            "field": field_words(self.layer.field),
            "rest": phrases.and_the_rest(self.layer.field),
            "why": phrases.why_the_rest(self.bundle.header.layers, self.layer),
            "answer": self.bundle.class_name(self.bundle.header.probes[self.probe].predicted),
            "probability": self.claim(
                "probability of the answer", "logits", self.probe, words=lambda p: f"{percent(p)} probability"
            ),
            **(_FLAT if self.flat else _UNEVEN),
        }  # fmt: skip

    def facts_of_the_scale(self) -> Mapping[str, Claim | str]:
        """What the colours say beside black: of a map that goes below zero, which side has which, and how far it goes.

        What lies so little below zero that it looks black is said to, where there is no more than that.
        """
        if self.scale.low >= 0:
            return {"colours": "the strongest colour is", "low": "", "dim": ""}
        smallest = partial(self.claim, "smallest value", f"{self.layer.name}/activation", self.probe, self.channel)
        return {
            "colours": "red is above it, blue below. The numbers go up to",
            "low": smallest(words=lambda low: f" and down to {on_scale(low, abs(low))}"),
            "dim": smallest(words=": so near to zero, blue looks black", at_least=-_DIM * self.scale.high),
        }

    def construct(self) -> None:
        heat_room, image_room, near_room = self.rooms()
        image = fit(lambda size: InputImage(self.image, size, probe=self.probe), image_room, most=3.4)
        heat = fit(self.heat_map, heat_room, most=4.2)
        picture, bar = heat[0].picture, heat[1]
        near = Closeup.within(picture, self.spot.row, self.spot.column, near_room)
        seen = field_frame(image.picture, self.layer.field, self.spot.row, self.spot.column)
        spot = aim(picture, self.spot.row, self.spot.column)
        wall = self.wall()
        apart = near_room is not image_room  # else the two take turns
        first = Group(image, heat, spot)  # in the middle until the numbers need their room
        home = first.get_center()
        if apart:
            first.set_x(look.body().centre[0])
        with self.beat("map"):
            self.play(FadeIn(image), run_time=look.IN_S)
            self.say("A feature map is a table of numbers, painted")
            self.play(FadeIn(heat[0]), run_time=look.MOVE_S)
        with self.beat("bar"):
            self.say("The colour bar turns colours back into numbers")
            self.play(FadeIn(bar), run_time=look.IN_S)
            self.until(0.5)
            self.play(flash(bar.bar), run_time=look.MOVE_S)
        with self.beat("spot"):
            where = f"{self.told['top']} in row {self.told['row']}, column {self.told['column']}"
            self.say(f"The same everywhere: {self.told['top']}" if self.flat else f"Strongest: {where}")
            self.play(Create(spot), run_time=look.IN_S)
            self.until(0.6)
            self.play(flash(spot), run_time=look.MOVE_S)
        with self.beat("numbers"):
            self.say("Behind every colour, a number")
            if apart:
                self.play(first.animate.move_to(home), run_time=look.MOVE_S)
            else:
                self.play(FadeOut(image), run_time=look.IN_S / 2)
            self.play(Create(near.mark), FadeOut(spot), run_time=look.IN_S)
            self.play(FadeIn(near.grid, target_position=near.mark, scale=0.2), run_time=look.MOVE_S)
            self.play(FadeIn(near.words), Create(near.best), run_time=look.IN_S)
        with self.beat("place"):
            self.say("What this place could see of the image")
            self.play(FadeOut(near.mark), FadeIn(spot), run_time=look.IN_S)
            if not apart:
                self.play(FadeOut(near.grid, near.words, near.best), run_time=look.IN_S / 2)
                self.play(FadeIn(image), run_time=look.IN_S / 2)
            if self.layer.field.known:
                self.play(Create(seen), run_time=look.IN_S)
            self.until(0.6)
            self.play(flash(seen if self.layer.field.known else image.border), flash(spot), run_time=look.MOVE_S)
        with self.beat("caution"):
            self.say(f"A {'flat map' if self.flat else 'bright place'} is a clue, not the explanation")
            self.until(0.15)
            stand = [image, heat[0].border, *heat[0].submobjects[2:], bar, spot]
            stand += [near.grid, near.words, near.best] if apart else []
            self.play(FadeOut(*stand, *([seen] if self.layer.field.known else [])), run_time=look.IN_S / 2)
            self.remove(heat[0])
            self.add(picture)
            (here,) = (one for one in wall.maps if one.channel == self.channel)
            others = [part for part in wall.submobjects if part is not wall.maps]
            others += [one for one in wall.maps if one is not here]
            self.play(ReplacementTransform(picture, here.picture), run_time=look.MOVE_S)
            self.play(FadeIn(*here.submobjects[1:], *others), run_time=look.MOVE_S)
            self.remove(*here, *others)
            self.add(wall)
            self.until(0.55)
            frame = values_frame(here.picture, 0, 0, *self.map.shape)
            self.play(Create(frame), run_time=look.IN_S)
            self.until(0.75)
            self.play(flash(frame), run_time=look.MOVE_S)

    def rooms(self) -> tuple[look.Region, look.Region, look.Region]:
        """Regions of the map, the image and the numbers; the last two are one where there is no room for both."""
        body = look.body()
        if look.shape() == "wide":
            image, heat, near = body.columns(2.8, 5.7, 3.4)
            return heat, image, near
        heat, both = body.columns(1.5, 1.0) if look.shape() == "square" else body.rows(1.35, 1.0)
        return heat, both, both

    def wall(self) -> MapWall:
        """The map among those of its layer, all of them where they are few, on one scale."""
        array = f"{self.layer.name}/activation"
        maps, most = self.bundle.part(array, self.probe), _MANY[look.shape()]  # (C, H, W)
        few = [channel for channel in representatives(maps, most) if channel != self.channel]
        shown = sorted([self.channel, *few[: most - 1]])
        rows, scale = Rows.largest(shown, self.map.shape, look.body()), ColourScale.of(maps, "per_layer")
        return fit(lambda size: MapWall(maps, shown, scale, size, rows, (array, self.probe)), look.body(), most=2.4)

    def heat_map(self, size: float) -> Group:
        """The map, `size` high, and its colour bar."""
        which = f"channel {self.channel + 1} of {self.layer.output_shape[0]}"
        if look.shape() == "tall" and len(which) > _LONG:
            which = which.replace("channel", "map")
        name = f"{layer_name(self.layer.name)}, {which}"
        source = ArraySource(f"{self.layer.name}/activation", (self.probe, self.channel))
        heat = FeatureMap(self.map, self.scale, size, name, source)
        bar = ColourBar(self.scale, size * 0.72)
        both = Group(heat, bar).arrange(RIGHT, buff=0.3)
        bar.match_y(heat.picture)
        return both
