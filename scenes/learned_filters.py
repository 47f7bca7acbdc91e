"""The filters of a layer from their random start to what training made of them, epoch by epoch."""

from collections.abc import Mapping, Sequence
from functools import partial

from manim import (
    LEFT,
    UP,
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

from fmcore.analysis.channels import is_flat
from fmcore.analysis.history import starts_at_random
from fmcore.analysis.learning import CHANGED, maps_before_and_after, movements, spread, spread_epochs, turned_most
from fmcore.analysis.saying import counted
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.answer_bar import AnswerBar
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import caption
from scenes.parts.filter_pairs import FilterPairs
from scenes.parts.filter_picture import FilterPicture, slice_name, slice_that_moved
from scenes.parts.filter_walk import FilterWalk
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.likeness_table import score
from scenes.parts.map_series import MapSeries
from scenes.parts.marks import values_frame
from scenes.parts.motion import coming, flash, leaving
from scenes.parts.picture import ArraySource
from scenes.parts.scale_strip import ScaleStrip
from scenes.parts.text import label, lines, number, shape_text, whole
from scenes.stage import LessonScene, SceneOptions

_STEPS = {"wide": 6, "square": 6, "tall": 4}  # epochs that are shown side by side, the first and the last among them
_WATCHED = 6  # and one after the other
_SHOWN = 8  # filters
_COLUMNS = 4  # of filters in a tall frame; in others all stand side by side
_READ = 0.35  # of the time of an epoch, to read how many answers are right after it
_SAME = 0.7  # a cosine from which a filter still has the pattern of its start
_HISTORY, _TRAINING = "header/training.history", "header/training"


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
        Beat(cue="epochs", say="After every {batch}, the weights are nudged so that the error falls."),
        Beat(cue="train", say="Watch {epochs}: in {each}, the network sees all {images} once.", seconds=8),
        Beat(
            cue="nobody",
            say="Nobody drew these filters. The nudges moved them, and on {tests} the share of right answers"
            " went from {right_before} to {right_after}.",
        ),
        Beat(cue="moved", say="How far did each filter move? {most} {least}"),
        Beat(cue="numbers", say="Follow {followed} through training. {turned}"),
        Beat(cue="map", say="{maps} {before} {after} {likeness}"),
        Beat(
            cue="next",
            say="Nothing told {followed} what to look for. It only ever had to make the error smaller."
            " How the error fell is another question.",
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="A convolution; by default the first.")
        channel: int | None = Field(
            None, description="The filter to follow, from 1; by default the one that turned most and changed its map."
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
        self.watched = spread_epochs(self.last, _WATCHED)
        self.shown = spread(far, _SHOWN, self.followed)
        self.scale = ColourScale.signed(self.history[:, :, self.slice], "shared")
        self.maps = maps_before_and_after(self.bundle, name, self.probe, self.followed)

    # -- what is said ------------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        random = "random number" if starts_at_random(self.bundle.header) else "number"
        several = "{:,.0f} images, one batch".format
        batch = self.claim("images in a batch", _TRAINING, words=lambda n: several(n) if n > 1 else "image")
        return {
            "layer": layer_name(self.layer.name),
            "numbers": self.claim("numbers", self.array, 0, 0, words=lambda n: f"{whole(n)} {random}{'s' * (n > 1)}"),
            "epochs": self.claim("epochs", _HISTORY, words=lambda n: f"{n:.0f} epoch{'s' * (n > 1)}"),
            "images": self.claim("training images", "header/dataset", words=lambda n: counted(n, "image")),
            "batch": batch,
            "each": "each" if self.last > 1 else "it",
            "tests": self.claim("test images", "header/dataset", words=lambda n: counted(n, "test image")),
            "right_before": self.claim("test accuracy", _HISTORY, 0, words=_share),
            "right_after": self.claim("test accuracy", _HISTORY, self.last, words=_share),
            **{f"right_{epoch}": self.claim("test accuracy", _HISTORY, epoch, words=_share) for epoch in self.watched},
            "unit": self.unit,
            "followed": _called(self.followed),
            **self.told_of_movement(),
            **self.told_of_maps(),
        }

    @property
    def unit(self) -> str:
        """What the way of a filter is measured by: the norm of its weights before training."""
        return "the mean starting size" if self.movement.from_zero else "its starting size"

    def told_of_movement(self) -> dict[str, Claim | str]:
        def moved(filter_: int, start: str = "", end: str = "") -> Claim:
            return self.claim(
                "distance moved", self.array, self.last, filter_, words=lambda d: f"{start}{_part(d)}{end}"
            )

        cosine = score(float(self.movement.cosine[-1, self.followed]))
        measured = f"its likeness to the start is {cosine}, where 1 is the same."
        begun = "random start" if starts_at_random(self.bundle.header) else "first pattern"
        if len(self.history[0]) == 1:
            most, least = moved(self.most, "The only one here moved by ", f" of {self.unit}."), None
        else:
            most = moved(self.most, f"{_called(self.most).capitalize()} moved most, by ", f" of {self.unit},")
            least = moved(self.least, f"{_called(self.least)} least, by ", ".")
        return {
            "most": most,
            "least": least or "",
            **{f"moved_{one + 1}": moved(one) for one in self.shown},
            "turned": self.claim(
                "cosine with the start", self.array, self.last, self.followed, at_least=_SAME,
                words=f"Much of its {begun} is kept: {measured}",
                otherwise=f"Little of its {begun} is left: {measured}",
            ),
        }  # fmt: skip

    def told_of_maps(self) -> dict[str, Claim | str]:
        def top(place: int, sentence: str) -> Claim:
            array, index = self.maps[place]
            return self.claim("largest value", array, *index, words=lambda value: sentence % number(value))

        if len(self.maps) == 1:
            sentence = "Its largest value is %s, at the weights that training ended with."
            opening = f"This is the map that {_called(self.followed)} makes of the image now."
            return {"maps": opening, "before": "", "after": top(0, sentence), "likeness": ""}
        first = self.layer.input in ("probes", "input")
        also = "" if first else " The layers below learned, too."
        opening = f"The same image, the filter before training and after it, one scale.{also}"
        if any(is_flat(self.bundle.part(array, *index)) for array, index in self.maps):  # like nothing
            before, after = "Before training, the map's largest value was %s;", "now it is %s."
            return {"maps": opening, "before": top(0, before), "after": top(1, after), "likeness": ""}
        array, index = self.maps[1]
        alike = partial(self.claim, "likeness to the first map", array, *index)
        measured = f"its likeness to the map before training is {score(alike().value)}."
        changed = f"The map has clearly changed: {measured}"
        return {
            "maps": opening,
            "before": "",
            "after": "",
            "likeness": alike(at_most=CHANGED, words=changed, otherwise=f"The map is much the same: {measured}"),
        }

    # -- what is shown -----------------------------------------------------------------------------

    def construct(self) -> None:
        pairs, bar, footer, answers = self.table()
        both = look.shape() == "wide"  # else there is no room for the bar beside what the filters are
        first, head = pairs.first, pairs.heads[0]
        if pairs.columns:  # they stand large until there is a second state
            first = pairs.others(partial(self.tile, 0), pairs.second)
            head = label("filters before training", look.SMALL).move_to(pairs.heads).align_to(pairs.heads, LEFT)
        row = Group(first, pairs.names, head)  # alone, it stands in the middle
        way = (look.body().centre[1] - row.get_y()) * UP if both else 0 * UP
        row.shift(way)
        with self.beat("start"):
            self.say(f"Before training: {self.told['numbers']} a filter")
            appear = LaggedStart(*(FadeIn(tile) for tile in first), lag_ratio=0.15)
            self.play(appear, FadeIn(pairs.names, head), run_time=look.MOVE_S)
            self.play(FadeIn(bar, footer), run_time=look.IN_S)
            self.until(0.65)
            self.play(flash(bar.bar), run_time=look.MOVE_S)
        with self.beat("epochs"):
            self.say("Nudged, batch after batch")
            gone = [row.animate.shift(-way)] if both else [FadeOut(footer)]
            self.play(*gone, FadeIn(answers[0]), run_time=look.IN_S / 2)
            standing = pairs.others(partial(self.tile, 0), first)
            self.add(standing)
            if pairs.columns:
                moves = [ReplacementTransform(tile, small) for tile, small in zip(first, pairs.first, strict=True)]
                self.play(*moves, FadeOut(head), FadeIn(pairs.heads[0]), run_time=look.IN_S)
            self.until(0.5)
            now = pairs.others(partial(self.tile, 0), pairs.second)
            head = self.head_of(pairs, "in training")
            moves = [ReplacementTransform(*pair) for pair in zip(standing, now, strict=True)]
            self.play(*moves, FadeIn(head), run_time=look.MOVE_S)
        with self.beat("train"):
            self.say(f"{self.told['epochs']}, {self.told['images']}{' each' * (self.last > 1)}")
            self.train(pairs, now, head, answers)
        with self.beat("nobody"):
            self.say(f"Right answers in the test: {self.told['right_before']} before, {self.told['right_after']} after")
            self.until(0.3)
            self.play(flash(answers[-1].bar), run_time=look.MOVE_S)
            flashes = [flash(tile.picture) for tile in pairs.second]
            self.play(LaggedStart(*flashes, lag_ratio=0.15), run_time=2 * look.MOVE_S)
        with self.beat("moved"):
            self.say(f"How far each moved, as a share of {self.told['unit']}")
            self.play(FadeOut(answers[-1]), *[] if both else [FadeIn(footer)], run_time=look.IN_S / 2)
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

    def table(self) -> tuple[FilterPairs, ColourBar | ScaleStrip, VGroup, list[AnswerBar]]:
        """The filters before and after training, the colour bar of both, what they are, and what the network can do.

        The last is a bar for each epoch that is shown.
        """
        wide, tall = look.shape() == "wide", look.shape() == "tall"
        room, below = look.body().rows(6.4, 1)
        below, beside = below.columns(1, 1) if wide else (below, below)
        names = [f"{'filter ' * wide}{one + 1}" for one in self.shown]
        notes = [str(self.told[f"moved_{one + 1}"]) for one in self.shown]
        before = "small: before" if tall else "before training" if wide else "filters before training"
        heads = (before, self.head(self.last))
        tiles = partial(self.tile, 0), partial(self.tile, self.last)
        bar: ColourBar | ScaleStrip
        if wide:
            place, side = room.columns(8, 1, gap=look.GAP)
            bar = fit(lambda size: ColourBar(self.scale, size, "weight"), side, most=2.6)
        else:
            bar = ScaleStrip(self.scale, min(room.width, 4.0), "one scale")
            bar.move_to([room.centre[0], room.bottom + bar.height / 2, 0])
            place = look.Region(room.left, room.right, bar.get_top()[1] + look.NEAR, room.top)
        pairs = fit(
            lambda size: FilterPairs(self.shown, names, *tiles, notes, heads, size, _COLUMNS * tall), place, most=1.6
        )
        answers = [
            AnswerBar(
                "right answers in the test", self.bundle.header.training.history[epoch].test_accuracy,
                str(self.told[f"right_{epoch}"]), beside.width, look.SECOND,
            ).move_to(beside.centre)
            for epoch in self.watched
        ]  # fmt: skip
        count, slices, rows, columns = self.history.shape[1:]
        which = f"all {count} filters" if len(self.shown) == count else f"{len(self.shown)} of {count} filters"
        each = ", ".join(filter(None, [f"{shape_text(rows, columns, slices)} each", self.part]))
        words = [f"{layer_name(self.layer.name)}: {'1 filter' if count == 1 else which}", each]
        footer = lines(*(words if tall else [", ".join(words)]), width=below.width)
        return pairs, bar, footer.move_to(below.centre), answers

    def head(self, epoch: int) -> str:
        return f"large: epoch {epoch}" if look.shape() == "tall" else f"after epoch {epoch}"

    def head_of(self, pairs: FilterPairs, text: str) -> VGroup:
        """`text` where the last head of the second tiles will stand."""
        return label(text, look.SMALL).move_to(pairs.heads[1]).align_to(pairs.heads[1], LEFT)

    def train(self, pairs: FilterPairs, standing: Group, head: Mobject, answers: Sequence[AnswerBar]) -> None:
        """The second tiles, which are `standing` as they were before training, change from epoch to epoch.

        With every epoch that is shown, the bar of right answers grows. The first takes twice as long: most happens.
        """
        each = (self.seconds_left - 1.0) / len(self.watched)
        for number_, (epoch, before, answer) in enumerate(zip(self.watched[1:], answers, answers[1:], strict=False)):
            after, new = pairs.second, pairs.heads[1]
            if epoch != self.last:
                after = pairs.others(partial(self.tile, epoch), pairs.second)
                new = self.head_of(pairs, self.head(epoch))
            changes = [ReplacementTransform(old, tile) for old, tile in zip(standing, after, strict=True)]
            words = [FadeOut(head, rate_func=leaving), FadeIn(new, rate_func=coming)]
            takes = each * (2 if number_ == 0 else 1)
            self.play(*changes, *words, *before.turns_into(answer), run_time=(1 - _READ) * takes)
            self.remove(*before.get_family(), *answer.get_family())
            self.add(answer)
            self.wait(_READ * takes)
            standing, head = after, new

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
        self.say(f"{_called(self.followed).capitalize()} through training")
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
            size = found.image.picture.height
            start, end = (self.tile(epoch, self.followed, size) for epoch in (0, self.last))
            name = caption(f"{_called(self.followed)} of {layer_name(self.layer.name)}", size)
            end.move_to(Group(start, name.next_to(start, UP, buff=look.NEAR)).move_to(found.image)[0])
            self.play(FadeOut(found.image), run_time=look.IN_S / 2)
            self.play(FadeIn(start, name), run_time=look.IN_S)
            self.until(0.4)
            self.play(ReplacementTransform(start, end), run_time=2 * look.MOVE_S)
            self.until(0.75)
            self.play(flash(maps[-1][0].picture), run_time=look.MOVE_S)


def _called(filter_: int) -> str:
    return f"filter {filter_ + 1}"


def _part(distance: float) -> str:
    """How far in percent of a length, which may be more than all of it."""
    return "under 1%" if 0 < distance < 0.005 else f"{distance:,.0%}"


def _share(share: float) -> str:
    return f"{share:.1%}"
