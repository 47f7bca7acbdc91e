"""Maps laid over their image: where channels respond, and how a colour scale can mislead about how much."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from manim import DOWN, RIGHT, UP, Create, FadeIn, FadeOut, Group, Indicate, LaggedStart, Transform, VGroup
from pydantic import Field

from fmcore.analysis.border import border_of
from fmcore.analysis.channels import strongest
from fmcore.analysis.flattering import flattered, reach, share_of_reach
from fmcore.analysis.saying import percent
from fmcore.colour import ColourScale
from fmcore.header import LayerInfo
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import aim, field_frame, values_frame
from scenes.parts.motion import flash
from scenes.parts.overlay import OverlaidMap, Overlay, around, lie_on
from scenes.parts.phrases import signed
from scenes.parts.picture import ArraySource
from scenes.parts.scale_strip import ScaleStrip
from scenes.parts.text import whole
from scenes.stage import LessonScene, SceneOptions

_FAINT = 0.6  # of the strongest map's reach: with more, a scale of its own changes little
_SOMETHING = 1e-9  # less is no response
ALONE = {  # what is said where no other channel responds
    "faint": ", and no other channel responds to this image",
    "effect": "Here nothing changes, for there is one map to see.",
    "low": "",
}


class ActivationOverlay(LessonScene):
    """Enlarged onto the image, a map shows where its channel responds; only one scale for all shows how much."""

    title = "Laying maps over the image"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="apart",
            say="Here is the image, and {strong} of {layer}: {rows} by {columns} responses."
            " Where on the image do its bright places lie?",
        ),
        Beat(
            cue="lay",
            say="Each response belongs to {patch} of the image, in the middle of what it sees."
            " {Enlarge} lay it on top, and place meets place.",
        ),
        Beat(
            cue="read",
            say="Grey is the image, colour is the response; the stronger it is, the more it covers. {framed}{beyond}",
        ),
        Beat(
            cue="one_scale",
            say="Now see {several} on one colour scale. {Strong} reaches {top}{faint}.",
            seconds=7,
        ),
        Beat(
            cue="own_scales",
            say="Give every map a scale of its own, and each is stretched to the full range of colours. {effect}",
        ),
        Beat(
            cue="bars",
            say="No number has changed, only the ruler. Read the bars:"
            " the brightest colour means {top} in {strong}{low}.",
        ),
        Beat(
            cue="rule",
            say="So look for the scale first. One scale for all compares how much; a scale for each only shows where.",
        ),
        Beat(
            cue="answer",
            say="Even then, an overlay shows where a channel responds, not why the answer is “{answer}”."
            " That takes {all}, and all that follows.",
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="The layer; by default the first convolution.")

    options: "ActivationOverlay.Options"

    def prepare(self) -> None:
        self.layer = self.layer_of(self.options.layer)
        self.array = f"{self.layer.name}/activation"
        self.image = self.bundle.part("probes", self.probe)  # (C, H, W)
        self.maps = self.bundle.part(self.array, self.probe)  # (C, h, w)
        self.scale = ColourScale.of(self.maps, "per_layer")
        self.strong, self.weak = flattered(self.maps, border_of(self.layer, self.bundle.header.model.input_shape))
        self.shown = [self.strong] if self.weak is None else [self.strong, self.weak]

    @property
    def beside(self) -> bool:
        """Whether a map stands beside its overlay, not below it."""
        rows, columns = self.image.shape[1:]
        return look.shape() == "wide" and columns < 1.6 * rows

    def facts(self) -> Mapping[str, object]:
        strong, here = f"channel {self.strong + 1}", (self.probe, self.strong)
        facts: dict[str, object] = {
            "layer": layer_name(self.layer.name),
            "strong": strong,
            "Strong": strong.capitalize(),
            "rows": self.claim("rows", self.array, *here, words=whole),
            "columns": self.claim("columns", self.array, *here, words=whole),
            "patch": patch(self.layer),
            "Enlarge": "The map is as large as the image:"
            if self.maps.shape[1:] == self.image.shape[1:]
            else "Enlarge the map to the image's size,",
            "several": "this map alone" if self.weak is None else "two channels",
            "top": self.claim("largest magnitude", self.array, *here, words=signed(self.maps[self.strong])),
            "framed": self.claim(
                "largest magnitude",
                self.array,
                *here,
                words=lambda top: f"The strongest, {signed(self.maps[self.strong])(top)}, is framed.",
                at_least=_SOMETHING,
                otherwise="This channel responds nowhere on this image.",
            ),
            "beyond": self.claim(
                "share seen beyond the image",
                self.array,
                *here,
                words=" Part of what that place sees lies beyond the image.",
                at_least=_SOMETHING,
            )
            if self.maps[self.strong].any()
            else "",
            "all": self.claim(
                "channels",
                self.array,
                self.probe,
                words=lambda n: (
                    f"all {whole(n)} channels of {layer_name(self.layer.name)}" if n > 1 else "the whole layer"
                ),
            ),
            "answer": self.bundle.class_name(self.bundle.header.probes[self.probe].predicted),
        }
        return {**facts, **(ALONE if self.weak is None else self.facts_of_the_weak(strong, self.weak))}

    def facts_of_the_weak(self, strong: str, weak: int) -> Mapping[str, object]:
        name = f"channel {weak + 1}"
        against = partial(
            self.claim, "magnitude against another's", self.array, self.probe, weak, self.strong, at_most=_FAINT
        )
        share = percent(share_of_reach(self.maps[weak], self.maps[self.strong]))
        top = partial(self.claim, "largest magnitude", self.array, self.probe, weak)
        return {
            "faint": against(
                words=f", while {name} reaches {share} of that and stays dim", otherwise=f", and {name} {share} of that"
            ),
            "effect": against(
                words=f"Now {name}, too, reaches the brightest colour.",
                otherwise=f"For {name} less changes: it was bright already.",
            ),
            "low": top(words=lambda value: f" and {signed(self.maps[weak])(value)} in {name}"),
            "tick": top(words=lambda value: f"{name}: {signed(self.maps[weak])(value)}"),
        }

    def construct(self) -> None:
        main, foot = look.body().rows(3.9, 1.05)
        strip = ScaleStrip(self.scale, min(foot.width, 6.0), "scale of the layer").move_to(foot.centre)
        strip.align_to(np.array([0, foot.bottom, 0]), DOWN)
        views = fit(lambda size: self.views(size, [self.scale] * len(self.shown)), main, most=3.4)
        image, heat, laid = self.show_one(main, strip)
        tick = self.show_together(views, strip, image, heat, laid)
        self.show_own(views, Group(strip, tick), foot)
        with self.beat("answer"):
            self.say("An overlay shows where, not why")
            for share in (0.35, 0.7):
                self.until(share)
                self.play(*(flash(view.overlay.picture) for view in views), run_time=look.MOVE_S)

    # -- one map -----------------------------------------------------------------------------------

    def show_one(self, main: look.Region, strip: ScaleStrip) -> tuple[InputImage, FeatureMap, Overlay]:
        """The strongest map and its image, and one laid over the other; the strongest place framed on both."""
        image, heat, laid = self.three(main)
        with self.beat("apart"):
            self.play(FadeIn(image), run_time=look.IN_S)
            self.say(f"An image, and a feature map of {layer_name(self.layer.name)}")
            self.play(FadeIn(heat, strip), run_time=look.MOVE_S)
            self.until(0.65)
            self.play(flash(image.picture), flash(heat.picture), run_time=look.MOVE_S)
        with self.beat("lay"):
            self.say("Which pixel a response belongs to")
            seen = self.places(image, heat)
            self.play(*map(Create, seen), run_time=look.IN_S)
            self.until(0.4)
            self.play(FadeOut(seen), run_time=look.IN_S / 2)
            self.say("The map, laid over the image")
            layers = [image.picture.copy(), heat.picture.copy()]
            if look.shape() != "wide":
                self.play(FadeOut(image.name_label, image.shape_label), run_time=look.IN_S / 2)
            for layer in layers:
                self.play(lie_on(layer, laid.picture), run_time=look.MOVE_S)
            self.play(FadeIn(laid), run_time=look.MOVE_S)
            self.remove(*layers, *(image if look.shape() != "wide" else ()))
            self.until(0.75)
            self.play(flash(heat.picture), flash(laid.picture), run_time=look.MOVE_S)
        with self.beat("read"):
            self.say("Grey is the image, colour the response")
            self.until(0.4)
            spot = around(strongest(np.abs(heat.picture.values)), heat.picture.grid)
            frames = [] if self.scale.flat else [values_frame(heat.picture, *spot), laid.places_frame(*spot)]
            self.marks = VGroup(*frames)
            self.play(Create(self.marks) if frames else flash(laid.picture), run_time=look.IN_S)
            self.until(0.7)
            self.play(*(flash(one) for one in frames or [heat.picture]), run_time=look.MOVE_S)
        return image, heat, laid

    def places(self, image: InputImage, heat: FeatureMap) -> VGroup:
        """One response of the map, and what it sees of the image."""
        at = strongest(self.maps[self.strong])
        row, column = at.row, at.column
        marks = VGroup(aim(heat.picture, row, column))
        if self.layer.field.known:
            marks.add(field_frame(image.picture, self.layer.field, row, column))
        return marks

    def three(self, main: look.Region) -> tuple[InputImage, FeatureMap, Overlay]:
        """The image, the strongest map and the overlay, which takes the image's place where the frame is not wide."""
        rooms = main.columns(1, 1, 1) if look.shape() == "wide" else [*main.columns(1, 1), main.columns(1, 1)[0]]
        name, values = f"channel {self.strong + 1} of {len(self.maps)}", self.maps[self.strong]
        source, field = ArraySource(self.array, (self.probe, self.strong)), self.layer.field
        image = partial(InputImage, self.image, probe=self.probe)
        heat = partial(FeatureMap, values, self.scale, name=name, source=source)
        laid = partial(Overlay, self.image, values, field, self.scale, name="overlay", alone=True)
        rough = fit(image, rooms[0], most=3.4), fit(heat, rooms[1], most=3.4), fit(laid, rooms[2], most=3.4)
        size = min(thing.picture.height for thing in rough)
        found = image(size), heat(size), laid(size)
        for one, thing in zip(found, rough, strict=True):  # names may take one line or two; the pictures are level
            one.shift([thing.picture.get_x(), rough[1].picture.get_y(), 0] - one.picture.get_center())
        return found

    # -- several -----------------------------------------------------------------------------------

    def views(self, size: float, scales: Sequence[ColourScale]) -> Group:
        """The channels that are compared, side by side, each on its scale."""
        beside, count = self.beside, len(self.maps)
        found = (
            OverlaidMap(
                self.image,
                self.maps[channel],
                self.layer.field,
                scale,
                size,
                f"channel {channel + 1} of {count}",
                ArraySource(self.array, (self.probe, channel)),
                beside,
            )
            for channel, scale in zip(self.shown, scales, strict=True)
        )
        return Group(*found).arrange(RIGHT, buff=0.3 if look.shape() == "tall" else 0.55, aligned_edge=UP)

    def show_together(
        self, views: Group, strip: ScaleStrip, image: InputImage, heat: FeatureMap, laid: Overlay
    ) -> VGroup:
        """The map and its overlay move to where others join them, all on the layer's scale."""
        first, *others = views
        tick = VGroup()
        if self.weak is not None:
            tick = strip.tick(float(reach(self.maps)[self.weak]), str(self.told["tick"]))
        with self.beat("one_scale"):
            moves = (laid.picture, heat.picture, heat.shape_label)
            gone = [one for thing in (heat, laid) for one in thing if one not in moves]
            gone += [image] if look.shape() == "wide" else []
            self.play(FadeOut(*self.marks, *gone), run_time=look.IN_S / 2)
            there = (first.overlay.picture, first.map.picture, first.map.shape_label)
            self.play(*(Transform(*pair) for pair in zip(moves, there, strict=True)), run_time=look.MOVE_S)
            self.remove(laid, heat, *moves)
            self.add(first)
            self.say("On one scale, strength can be compared")
            if others:
                self.play(LaggedStart(*(FadeIn(view) for view in others), lag_ratio=0.4), run_time=look.MOVE_S)
            self.until(0.65)
            self.play(FadeIn(tick) if len(tick) else flash(strip.bar), run_time=look.IN_S)
        return tick

    def show_own(self, views: Group, common: Group, foot: look.Region) -> None:
        """Every map on a scale of its own, and back on the one scale."""
        scales = [ColourScale.of(self.maps[channel]) for channel in self.shown]
        own = self.views(views[0].overlay.picture.height, scales).move_to(views)
        strips = Group()
        for view, scale in zip(own, scales, strict=True):
            strip = ScaleStrip(scale, view.width, "own scale").move_to([view.get_x(), foot.centre[1], 0])
            strips.add(strip.shift(UP * max(0.0, foot.bottom - strip.get_bottom()[1])))
        with self.beat("own_scales"):
            self.say("Each on a scale of its own")
            self.play(FadeOut(common), FadeIn(own), FadeIn(strips), run_time=look.MOVE_S)
            self.remove(*views)
            self.until(0.65)
            self.play(*(flash(view.map.picture) for view in own), run_time=look.MOVE_S)
        with self.beat("bars"):
            self.say("The brightest colour now means another number in each")
            ends = [strip.ends[-1] for strip in strips]
            self.play(*(flash(strip.bar) for strip in strips), run_time=look.MOVE_S)
            for number, end in enumerate(ends):  # as they are named
                self.until(0.55 + 0.2 * number)
                self.play(Indicate(end, scale_factor=1.5, color=look.ACCENT), run_time=look.IN_S)
                end.set_color(look.ACCENT)
        with self.beat("rule"):
            self.say("One scale: how much. Own scales: only where")
            self.play(*(flash(strip.bar) for strip in strips), run_time=look.MOVE_S)
            self.until(0.55)
            self.play(FadeOut(strips), FadeIn(views), FadeIn(common), run_time=look.MOVE_S)
            self.remove(*own)


def patch(layer: LayerInfo) -> str:
    """What of the image one place of `layer` stands for."""
    if layer.output_shape[1:] == (1, 1):
        return "the whole image"
    down, across = layer.field.jump
    if down == across == 1:
        return "one pixel"
    about = "" if down == int(down) and across == int(across) else "about "
    return f"{about}{down:.0f} by {across:.0f} pixels" if min(down, across) >= 1 else "less than a pixel"
