"""The filters of a layer from their random start to what training made of them, epoch by epoch."""

from collections.abc import Mapping
from functools import partial

from manim import (
    LEFT,
    Create,
    FadeIn,
    FadeOut,
    Group,
    LaggedStart,
    Mobject,
    ReplacementTransform,
    VGroup,
)
from pydantic import Field

from fmcore.analysis.history import starts_at_random
from fmcore.analysis.learning import maps_before_and_after, movements, spread, spread_epochs, turned_most
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.filter_pairs import FilterPairs
from scenes.parts.filter_picture import FilterPicture, slice_name, slice_that_moved
from scenes.parts.filter_walk import FilterWalk
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.map_series import MapSeries
from scenes.parts.marks import values_frame
from scenes.parts.motion import flash
from scenes.parts.picture import ArraySource
from scenes.parts.text import label, lines, number, shape_text, whole
from scenes.stage import LessonScene, SceneOptions

_STEPS = {"wide": 6, "square": 6, "tall": 4}  # epochs that are shown, the first and the last among them
_SHOWN = {"wide": 8, "square": 4, "tall": 3}  # filters side by side
_SAME = 0.7  # a cosine from which a filter still has the pattern of its start
_HISTORY = "header/training.history"


class LearnedFilters(LessonScene):
    """Filters before, during and after training: how far each moved, and what that did to one feature map."""

    title = "Nobody designed these filters"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="start",
            say="Before training, each filter of {layer} is {numbers}."
            " Blue is below zero, red above it, black is zero.",
        ),
        Beat(
            cue="epochs",
            say="After every batch of images, the weights are nudged so that the error falls."
            " Watch {epochs} of {images}.",
        ),
        Beat(
            cue="nobody",
            say="Nobody drew these filters. The nudges made them, and the share of right answers in the test"
            " went from {right_before} to {right_after}.",
        ),
        Beat(cue="moved", say="How far did each filter move? In units of {unit}: {most} {least}"),
        Beat(cue="numbers", say="Follow {followed} through training. {turned}"),
        Beat(cue="map", say="{maps} {before} {after}"),
        Beat(
            cue="next",
            say="Nothing told {followed} what to look for. It only ever had to make the error smaller."
            " How the error fell is another question.",
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="A convolution; by default the first.")
        channel: int | None = Field(
            None, description="The filter to follow, from 1; by default the one whose map changed most."
        )

    options: "LearnedFilters.Options"

    def prepare(self) -> None:
        first = (self.bundle.convolutions or self.bundle.header.layers)[0].name
        name = self.options.layer or first
        self.layer = self.bundle.layer(name)
        if f"{name}/weight_history" not in self.bundle.header.arrays or len(self.bundle.header.training.history) < 2:
            raise BundleError(
                f"LearnedFilters shows how filters changed in training, and '{self.bundle.path.name}' does not hold"
                f" those of {name} at every epoch; name a convolution of a network that was"
                " trained here for one epoch or more."
            )
        self.image = self.bundle.part("probes", self.probe)  # (C, H, W)
        self.array = f"{name}/weight_history"
        self.history = self.bundle.array(self.array)  # (E + 1, C_out, C_in, kH, kW)
        self.last = len(self.history) - 1
        self.movement = movements(self.bundle, name)
        far = self.movement.distance[-1]  # (C_out,)
        self.most, self.least = int(far.argmax()), int(far.argmin())
        self.followed = self.channel_of(
            self.layer, self.options.channel, lambda _: turned_most(self.bundle, name, self.probe)
        )
        self.slice = slice_that_moved(self.history)
        self.part = slice_name(self.slice, self.history.shape[2], self.layer.input in ("probes", "input"))
        self.epochs = spread_epochs(self.last, _STEPS[look.shape()])
        self.shown = spread(far, _SHOWN[look.shape()], self.followed)
        self.scale = ColourScale.signed(self.history[:, :, self.slice], "shared")
        self.maps = maps_before_and_after(self.bundle, name, self.probe, self.followed)

    # -- what is said ------------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        random = "random number" if starts_at_random(self.bundle.header) else "number"
        each = " each" * (self.last > 1)
        return {
            "layer": layer_name(self.layer.name),
            "numbers": self.claim("numbers", self.array, 0, 0, words=lambda n: f"{whole(n)} {random}{'s' * (n > 1)}"),
            "epochs": self.claim("epochs", _HISTORY, words=lambda n: f"{n:.0f} epoch{'s' * (n > 1)}"),
            "images": self.claim("training images", "header/dataset", words=lambda n: f"{whole(n)} images{each}"),
            "right_before": self.claim("test accuracy", _HISTORY, 0, words=_share),
            "right_after": self.claim("test accuracy", _HISTORY, self.last, words=_share),
            "unit": "the mean length at the start" if self.movement.from_zero else "its length at the start",
            "followed": _called(self.followed),
            **self.told_of_movement(),
            **self.told_of_maps(),
        }

    def told_of_movement(self) -> dict[str, Claim | str]:
        def moved(filter_: int, sentence: str) -> Claim:
            return self.claim("distance moved", self.array, self.last, filter_, words=lambda d: sentence % number(d))

        cosine = number(float(self.movement.cosine[-1, self.followed]))
        measured = f"the cosine with its start is {cosine}, where 1 is the same pattern."
        only = len(self.history[0]) == 1
        most = "the only one here moved by %s." if only else f"{_called(self.most)} moved most, by %s,"
        return {
            "most": moved(self.most, most),
            "least": "" if only else moved(self.least, f"{_called(self.least)} least, by %s."),
            **{f"moved_{one + 1}": moved(one, "%s") for one in self.shown},
            "turned": self.claim(
                "cosine with the start", self.array, self.last, self.followed, at_least=_SAME,
                words=f"Much of its first pattern is kept: {measured}",
                otherwise=f"Little of its first pattern is left: {measured}",
            ),
        }  # fmt: skip

    def told_of_maps(self) -> dict[str, Claim | str]:
        def top(place: int, sentence: str) -> Claim:
            array, index = self.maps[place]
            return self.claim("largest value", array, *index, words=lambda value: sentence % number(value))

        if len(self.maps) == 1:
            sentence = "Its largest value is %s, at the weights that training ended with."
            opening = f"This is the map that {_called(self.followed)} makes of the image now."
            return {"maps": opening, "before": "", "after": top(0, sentence)}
        first = self.layer.input in ("probes", "input")
        also = "" if first else " The layers below learned, too."
        return {
            "maps": f"Same image, same filter, one scale.{also}",
            "before": top(0, "Before training, the map's largest value was %s;"),
            "after": top(1, "now it is %s."),
        }

    # -- what is shown -----------------------------------------------------------------------------

    def construct(self) -> None:
        pairs, bar, footer = self.table()
        with self.beat("start"):
            self.say(f"Before training: {self.told['numbers']} a filter")
            self.play(
                LaggedStart(*(FadeIn(tile) for tile in pairs.first), lag_ratio=0.15),
                FadeIn(pairs.names, pairs.heads[0]),
                run_time=look.MOVE_S,
            )
            self.play(FadeIn(bar, footer), run_time=look.IN_S)
            self.until(0.65)
            self.play(flash(bar.bar), run_time=look.MOVE_S)
        with self.beat("epochs"):
            self.train(pairs)
        with self.beat("nobody"):
            self.say(f"Right answers in the test: {self.told['right_before']} before, {self.told['right_after']} after")
            self.until(0.4)
            flashes = [flash(tile.picture) for tile in pairs.second]
            self.play(LaggedStart(*flashes, lag_ratio=0.15), run_time=2 * look.MOVE_S)
        with self.beat("moved"):
            self.say(f"How far each moved, in {self.told['unit']}")
            self.play(LaggedStart(*(FadeIn(note) for note in pairs.notes), lag_ratio=0.1), run_time=look.MOVE_S)
            marks = VGroup(
                values_frame(tiles[self.shown.index(one)].picture, 0, 0, *self.history.shape[3:])
                for one in dict.fromkeys((self.most, self.least))
                for tiles in (pairs.first, pairs.second)
                if one in self.shown
            )
            self.until(0.4)
            self.play(Create(marks[:2]), run_time=look.IN_S)
            self.until(0.65)
            self.play(Create(marks[2:]) if len(marks) > 2 else flash(marks[0]), run_time=look.IN_S)
        followed = pairs.second[self.shown.index(self.followed)]
        with self.beat("numbers"):
            rest = Group(pairs.first, pairs.names, pairs.notes, pairs.heads, marks, bar, footer)
            rest.add(*(tile for tile in pairs.second if tile is not followed))
            shown = self.follow(followed, rest)
        self.show_maps(shown)

    def tile(self, epoch: int, filter_: int, size: float) -> FilterPicture:
        values = self.history[epoch, filter_, self.slice]
        return FilterPicture(values, self.scale, size, ArraySource(self.array, (epoch, filter_, self.slice)))

    def table(self) -> tuple[FilterPairs, ColourBar, VGroup]:
        """The filters before and after training, the colour bar of both, and what they are."""
        tall = look.shape() == "tall"
        room, below = look.body().rows(7 if tall else 10, 1)
        place, side = room.columns(*{"wide": (8, 1), "square": (4.5, 1), "tall": (2.6, 1)}[look.shape()], gap=look.GAP)
        brief = tall and max(self.shown) >= 9  # room for the numbers alone
        names = [f"{'' if brief else 'filter '}{one + 1}" for one in self.shown]
        heads = ("filters before training" if brief else "before training", f"after epoch {self.last}")
        notes = [str(self.told[f"moved_{one + 1}"]) for one in self.shown]
        before, after = partial(self.tile, 0), partial(self.tile, self.last)
        pairs = fit(lambda size: FilterPairs(self.shown, names, before, after, notes, heads, size), place, most=1.6)
        bar = fit(lambda size: ColourBar(self.scale, size, "weight"), side, most=2.6)
        count, slices, rows, columns = self.history.shape[1:]
        which = f"all {count} filters" if len(self.shown) == count else f"{len(self.shown)} of {count} filters"
        each = ", ".join(filter(None, [f"{shape_text(rows, columns, slices)} each", self.part]))
        words = [f"{layer_name(self.layer.name)}: {'1 filter' if count == 1 else which}", each]
        footer = lines(*(words if tall else [", ".join(words)]), width=below.width)
        return pairs, bar, footer.move_to(below.centre)

    def train(self, pairs: FilterPairs) -> None:
        """Copies of the first tiles move to the place of the second and change there from epoch to epoch."""
        self.say(f"{self.told['epochs']} of {self.told['images']}")
        each = min(look.MOVE_S, (self.seconds_left - 1.0) / len(self.epochs[1:]))
        standing = pairs.others(partial(self.tile, 0), pairs.first)
        head: Mobject | None = None
        for epoch in self.epochs[1:]:
            after, new = pairs.second, pairs.heads[1]
            if epoch != self.last:
                after = pairs.others(partial(self.tile, epoch), pairs.second)
                new = label(f"after epoch {epoch}", look.SMALL).move_to(new).align_to(new, LEFT)
            changes = [ReplacementTransform(old, tile) for old, tile in zip(standing, after, strict=True)]
            self.play(*changes, FadeIn(new), *([FadeOut(head)] if head else []), run_time=each)
            standing, head = after, new
        if self.seconds_left > look.MOVE_S + 2:
            self.until(0.6)
            self.play(*(flash(tile.picture) for tile in pairs.second), run_time=look.MOVE_S)

    def follow(self, followed: FilterPicture, rest: Group) -> Group:
        """The numbers of one filter change epoch by epoch, while a frame walks along its pictures."""
        shares = {"wide": (1.0, 1.4), "square": (1.0, 1.0), "tall": (2.4, 1.0)}[look.shape()]
        body = look.body()
        close, along = body.rows(*shares) if look.shape() == "tall" else body.columns(*shares)
        rows, columns, slices = *self.history.shape[3:], self.history.shape[2]
        words = [
            f"{_called(self.followed)} of {layer_name(self.layer.name)}",
            self.part,
            shape_text(rows, columns, slices),
        ]
        walk = FilterWalk(
            self.history[:, self.followed, self.slice],
            self.epochs,
            lambda epoch, size: self.tile(epoch, self.followed, size),
            self.scale,
            [word for word in words if word],
            close,
            along,
            columns={"wide": 3, "square": 2, "tall": 4}[look.shape()],
        )
        self.say(f"{_called(self.followed).capitalize()}, epoch by epoch")
        self.play(FadeOut(rest), ReplacementTransform(followed, walk.tiles[-1]), run_time=look.MOVE_S)
        new = FadeIn(Group(*walk.tiles[:-1], walk.names, walk.grids[0], walk.heading))
        self.play(new, Create(walk.frames[0]), run_time=look.IN_S)
        each = min(look.MOVE_S, (self.seconds_left - 1.0) / (len(self.epochs) - 1))
        for number_ in range(len(self.epochs) - 1):
            self.play(*walk.step(number_), run_time=each)
        return walk.end

    def show_maps(self, before: Group) -> None:
        """What the followed filter made of the image at the start and at the end."""
        heads = ("before training", f"after epoch {self.last}")[-len(self.maps) :]
        where = f"channel {self.followed + 1} of {self.layer.output_shape[0]}"
        values = [self.bundle.part(array, *index) for array, index in self.maps]  # (H, W) each
        sources = [ArraySource(array, index) for array, index in self.maps]
        found = MapSeries(self.image, self.probe, values, [(head, where) for head in heads], sources)
        maps = found.maps
        with self.beat("map"):
            self.say("What it makes of one image, before and after" if len(maps) > 1 else "What it makes of one image")
            self.play(FadeOut(before), run_time=look.IN_S / 2)
            self.play(FadeIn(found.image), run_time=look.IN_S)
            self.play(FadeIn(maps[0], found.bar), run_time=look.IN_S)
            self.until(0.5)
            self.play(FadeIn(maps[-1]) if len(maps) > 1 else flash(maps[0][0].picture), run_time=look.MOVE_S)
        with self.beat("next"):
            self.say("Its only teacher was the error")
            self.until(0.5)
            self.play(flash(maps[-1][0].picture), run_time=look.MOVE_S)


def _called(filter_: int) -> str:
    return f"filter {filter_ + 1}"


def _share(share: float) -> str:
    return f"{share:.1%}"
