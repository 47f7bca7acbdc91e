"""The first seconds of a film: its name, one image, and maps that a network made of it."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from manim import DOWN, LEFT, FadeIn, FadeOut, LaggedStart, ReplacementTransform, VGroup
from pydantic import Field

from fmcore.analysis.border import border_of, inside
from fmcore.analysis.channels import representatives
from fmcore.analysis.flattering import mostly_dim, reach
from fmcore.colour import ColourScale
from fmcore.header import LayerInfo
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.look import Region
from scenes.parts.feature_map import InputImage
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.map_wall import MapWall, Rows
from scenes.parts.motion import flash
from scenes.parts.text import paragraph, whole
from scenes.stage import LessonScene, SceneOptions

_MOST = 6  # maps
_FINE, _FINER = 4, 2  # pixels of the image that a place may stand for, down and across
_NOTHING = 1e-12
_PLACES = 12  # down and across: of fewer, no map looks like anything
_LARGE = 1.6  # times the title of other scenes


class Opening(LessonScene):
    """The name of a film beside real maps of one image; it makes a poster, too."""

    title = "Feature maps"
    needs = ("probes",)
    poster = "maps"
    script = Script.of(
        Beat(cue="image", say="What does a network make of an image, on its way to an answer?"),
        Beat(
            cue="maps",
            say="It makes feature maps. Here {are} {shown} in {layer}, every number computed from this one image.",
            seconds=8,
        ),
    )

    class Options(SceneOptions):
        title: str | None = Field(None, max_length=80, description="What the film is called.")
        by: str = Field("", max_length=80, description="A line below it: a course, a name.")
        layer: str | None = Field(
            None,
            description="Whose maps are shown; by default one deep inside that is fine enough to see the object in.",
        )

    options: "Opening.Options"

    @property
    def heading(self) -> str:
        return self.options.title or self.title

    def prepare(self) -> None:
        named = self.options.layer
        layer = self.bundle.layer(named) if named is not None else self.fine(_FINE)
        if self.choose(layer) and named is None:  # no scale makes coarse maps of a few bright places look like anything
            self.choose(self.fine(_FINER))

    def choose(self, layer: LayerInfo) -> bool:
        """Choose maps of `layer`, on one scale where more can be seen than its brightest places; whether it cannot."""
        self.layer, self.array = layer, f"{layer.name}/activation"
        self.activation = self.bundle.part(self.array, self.probe)  # (C, H, W)
        border = border_of(layer, self.bundle.header.model.input_shape)
        within = inside(self.activation, border)
        self.shown = sorted(representatives(within, _MOST))
        self.scale: ColourScale | None = ColourScale.of(self.activation, "per_layer")
        if len(self.shown) < 2 or not mostly_dim(self.activation, self.shown, border):
            return False
        contrast = within - within.mean((1, 2), keepdims=True)  # as own scales show them
        reaches = np.maximum(reach(self.activation), _NOTHING)[:, None, None]
        self.shown = sorted(representatives(contrast / reaches, _MOST))
        self.scale = None
        return True

    def fine(self, most: int) -> LayerInfo:
        """The last layer whose maps are fine enough to show the object in; one with a nonlinearity if there is one.

        That is, with a place for so many pixels down and across at `most`.
        """
        layers, image = self.bundle.header.layers, self.bundle.header.model.input_shape[1:]
        maps = [layer for layer in layers if layer.type != "pooling"] or list(layers)
        fine = [
            layer
            for layer in maps
            if all(side >= max(full / most, _PLACES) for side, full in zip(layer.output_shape[1:], image, strict=True))
        ]
        return ([layer for layer in fine if layer.nonlinearity != "none"] or fine or maps[:1])[-1]

    def facts(self) -> Mapping[str, object]:
        shown = len(self.shown)
        return {
            "are": "is" if shown == 1 else "are",
            "shown": self.claim(
                "channels",
                self.array,
                self.probe,
                words=lambda n: (
                    ("the one" if n == 1 else f"all {whole(n)}") if n == shown else f"{shown} of the {whole(n)}"
                ),
            ),
            "layer": layer_name(self.layer.name),
        }

    def construct(self) -> None:
        title_room, picture_room, wall_room = self.rooms()
        self.lead_with(self.name(title_room))
        image = partial(InputImage, self.bundle.part("probes", self.probe), probe=self.probe)
        large, small = fit(image, wall_room, most=4.5), fit(image, picture_room, most=2.2)
        if look.shape() == "wide":
            small.align_to(self._heading, LEFT)
        wall = self.wall(wall_room)
        with self.beat("image"):
            self.play(FadeIn(large), run_time=look.MOVE_S)
            self.until(0.6)
            self.play(flash(large.picture), run_time=look.MOVE_S)
        with self.beat("maps"):
            tall = look.shape() == "tall"  # with no room for the image beside its maps
            self.play(FadeOut(large) if tall else ReplacementTransform(large, small), run_time=look.MOVE_S)
            grow = (FadeIn(one, target_position=small.picture, scale=0.3) for one in wall.maps)
            self.play(LaggedStart(*grow, lag_ratio=0.25), run_time=2.5 * look.MOVE_S)
            self.play(FadeIn(wall.strip, wall.shape_label), run_time=look.IN_S)
            self.until(0.75)
            self.play(*(flash(one.picture) for one in wall.maps), run_time=look.MOVE_S)

    def rooms(self) -> tuple[Region, Region, Region]:
        """For the name, for the image beside the maps, and for the maps."""
        top, body = look.title_region(), look.body()
        whole_frame = Region(body.left, body.right, body.bottom, top.top)
        if look.shape() == "wide":
            left, right = whole_frame.columns(1.0, 1.2)
            return (*left.rows(1.2, 1.0), right)
        names, rest = whole_frame.rows(1.0, 2.6)
        return names, *([rest, rest] if look.shape() == "tall" else rest.columns(1.0, 2.2))

    def name(self, room: Region) -> VGroup:
        """What the film is called, large, and the line below it."""
        size = look.TITLE * (_LARGE if look.shape() == "wide" else 1.2)
        below = VGroup()
        if self.options.by:
            below.add(paragraph(self.options.by, look.STATEMENT, look.ACCENT, width=room.width, most=2, whole=True))
        left = room.height - (below.height + look.GAP) * len(below)
        name = paragraph(self.heading, size, width=room.width, most=4, bold=True, height=left, whole=True)
        words = VGroup(name, *below)
        words.arrange(DOWN, buff=look.GAP, aligned_edge=LEFT)
        return words.move_to(room.centre).align_to([room.left, 0, 0], LEFT)

    def wall(self, room: Region) -> MapWall:
        shape = self.activation.shape[1:]
        rows = Rows.largest(self.shown, (shape[0], shape[1]), room)
        source = (self.array, self.probe)
        return fit(lambda size: MapWall(self.activation, self.shown, self.scale, size, rows, source), room, most=2.4)
