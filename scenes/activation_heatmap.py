"""One feature map read closely: colours as numbers, the strongest place, and what the image has there."""

from collections.abc import Mapping

from manim import RIGHT, Create, FadeIn, Group

from fmcore.analysis.channels import share_zero, strongest, telling
from fmcore.colour import ColourScale
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.closeup import Closeup
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.marks import field_frame
from scenes.parts.picture import ArraySource
from scenes.parts.text import number
from scenes.stage import LessonScene, SceneOptions

_MAP = 3.9
_IMAGE = 2.8
_CELL = 0.68


class ActivationHeatmap(LessonScene):
    """A heat map is a table of numbers; this one shows its numbers, its strongest place and their limits."""

    title = "Reading an activation heat map"
    needs = ("probes", "{layer}/activation")
    script = Script.of(
        Beat(
            cue="map",
            say="This is channel {channel} of {layer}, for the image on the left: {rows} by {columns} numbers,"
            " painted by strength.",
        ),
        Beat(
            cue="bar",
            say="The colour bar translates back. Black is zero, the brightest yellow is {top}."
            " {zero:.0%} of this map is exactly zero.",
        ),
        Beat(
            cue="spot",
            say="The strongest response lies in row {row}, column {column}."
            " It was found in the data, not drawn by hand.",
        ),
        Beat(
            cue="numbers",
            say="Look closer, and the colours are numbers again. Numbers like these are all that the next layer gets.",
            seconds=7,
        ),
        Beat(
            cue="place",
            say="On the image, this one number could see {field}. The map keeps where, not only how much.",
        ),
        Beat(
            cue="caution",
            say="One bright place is one clue among {channels} maps in this layer alone."
            " By itself it does not explain the answer “{answer}”.",
        ),
    )

    class Options(SceneOptions):
        layer: str = "conv1"
        channel: int | None = None  # by default the one in which ReLU's part is clearest

    options: "ActivationHeatmap.Options"

    def prepare(self) -> None:
        self.layer = self.bundle.layer(self.options.layer)
        self.image = self.bundle.part("probes", self.probe)
        self.channel = self.channel_of(self.layer, self.options.channel, telling)
        self.map = self.bundle.part(f"{self.layer.name}/activation", self.probe, self.channel)
        self.spot = strongest(self.map)
        self.field = self.layer.field

    def facts(self) -> Mapping[str, object]:
        channels, rows, columns = self.layer.output_shape
        return {
            "layer": self.layer.name,
            "channel": self.channel + 1,
            "channels": channels,
            "rows": rows,
            "columns": columns,
            "top": number(self.spot.value),
            "zero": share_zero(self.map),
            "row": self.spot.row + 1,
            "column": self.spot.column + 1,
            "field": "the whole image" if self.field.whole else f"{self.field.size[0]} by {self.field.size[1]} pixels",
            "answer": self.bundle.class_name(self.bundle.header.probes[self.probe].predicted),
        }

    def construct(self) -> None:
        left, middle, right = look.body().columns(_IMAGE, 5.7, 5 * _CELL)
        source = ArraySource("probes", (self.probe, 0)) if len(self.image) == 1 else None
        image = InputImage(self.image, _IMAGE, source=source).move_to(left.centre)
        heat = FeatureMap(
            self.map,
            ColourScale.of(self.map),
            _MAP,
            f"{self.layer.name}, channel {self.channel + 1} of {self.layer.output_shape[0]}",
            ArraySource(f"{self.layer.name}/activation", (self.probe, self.channel)),
        )
        bar = ColourBar(heat.picture.scale_of_colour, _MAP * 0.72)
        Group(heat, bar).arrange(RIGHT, buff=0.3).move_to(middle.centre)
        bar.match_y(heat.picture)
        near = Closeup(heat.picture, self.spot.row, self.spot.column, _CELL).move_to(right.centre)
        seen = field_frame(image.picture, self.field, self.spot.row, self.spot.column)
        with self.beat("map"):
            self.play(FadeIn(image), run_time=look.IN_S)
            self.say("A feature map is a table of numbers, painted")
            self.play(FadeIn(heat), run_time=look.MOVE_S)
        with self.beat("bar"):
            self.say("The colour bar turns colours back into numbers")
            self.play(FadeIn(bar), run_time=look.IN_S)
        with self.beat("spot"):
            self.say(f"Strongest: {number(self.spot.value)} in row {self.spot.row + 1}, column {self.spot.column + 1}")
            self.play(Create(near.mark), run_time=look.IN_S)
        with self.beat("numbers"):
            self.say("Behind every colour, a number")
            self.play(FadeIn(near.grid, target_position=near.mark, scale=0.2), run_time=look.MOVE_S)
            self.play(FadeIn(near.words), Create(near.best), run_time=look.IN_S)
        with self.beat("place"):
            self.say("What this place could see of the image")
            self.play(Create(seen), run_time=look.IN_S)
        with self.beat("caution"):
            self.say("A bright place is a clue, not the explanation")
