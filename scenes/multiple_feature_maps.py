"""N filters over one input leave N feature maps, and the next layer reads them all."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from manim import (
    LEFT,
    RIGHT,
    Create,
    FadeIn,
    FadeOut,
    Group,
    LaggedStart,
    Mobject,
    ReplacementTransform,
    Transform,
    VGroup,
)
from pydantic import Field

from fmcore.analysis.border import border_of, inside
from fmcore.analysis.channels import is_flat, representatives
from fmcore.analysis.flattering import extremes, reach, some_dim
from fmcore.analysis.reading import reader_of
from fmcore.analysis.saying import counted, percent
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.look import Region
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.channel_words import ChannelWords
from scenes.parts.feature_map import InputImage
from scenes.parts.filter_tiles import FilterTiles
from scenes.parts.fitting import fit
from scenes.parts.labelled_arrow import LabelledArrow
from scenes.parts.layer_name import layer_name
from scenes.parts.map_board import MapBoard
from scenes.parts.map_wall import MapWall, Rows
from scenes.parts.marks import arrow, values_frame
from scenes.parts.motion import flash
from scenes.parts.phrases import signed
from scenes.parts.picture import Picture
from scenes.parts.reading_words import reads_one, what_all_see
from scenes.parts.text import whole
from scenes.stage import LessonScene, SceneOptions

_TOGETHER = 8  # filters and maps that are shown at once
_FAINT = 0.8  # of the strongest map's reach: with more, nobody would call a map weak
_WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight")


class MultipleFeatureMaps(LessonScene):
    """Every filter leaves its own map; together they are one block of height, width and channels."""

    title = "One layer, many feature maps"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="input",
            say="One filter gives one feature map. A layer can have many filters, and {sees}.",
        ),
        Beat(
            cue="filters",
            say="Here, {layer} has {filters} of {weights} weights each. The weights decide what a filter looks for:"
            " other weights, another map.",
        ),
        Beat(cue="maps", say="{filters}, {maps}: one channel for each. {here}", seconds=6.6),
        Beat(
            cue="scale",
            say="On one colour scale, brightness can be compared: {strong} reaches {top}{faint}.",
        ),
        Beat(cue="meaning", say="{closer}What do they show? {compared}{first_meaning}{last_meaning}."),
        Beat(
            cue="active",
            say="How often do they respond? {over}, {broad} is above zero at {broad_share} of all places{picky}.",
        ),
        Beat(
            cue="stack",
            say="Stacked up, the maps are one block of numbers: {rows} high, {columns} wide, {deep} deep.",
            seconds=7,
        ),
        Beat(
            cue="next",
            say="{reader} {all_maps}{never}."
            " A feature map is more than a filtered image: it is what the next layer sees.",
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="A convolution; by default the first.")

    options: "MultipleFeatureMaps.Options"

    def prepare(self) -> None:
        self.layer = self.layer_of(self.options.layer)
        self.array, self.weight = f"{self.layer.name}/activation", f"{self.layer.name}/weight"
        if self.weight not in self.bundle.header.arrays:
            names = ", ".join(layer.name for layer in self.bundle.convolutions)
            raise BundleError(
                f"MultipleFeatureMaps shows the filters of a convolution and '{self.layer.name}' is a"
                f" {self.layer.type} layer; name one of {names}."
            )
        self.activation = self.bundle.part(self.array, self.probe)  # (C, H, W)
        self.scale = ColourScale.of(self.activation, "per_layer")
        border = border_of(self.layer, self.bundle.header.model.input_shape)
        within = inside(self.activation, border)
        self.shown = representatives(within, 3 if look.shape() == "tall" else 4)  # from close
        self.together = sorted(representatives(within, _TOGETHER))
        self.reader = reader_of(self.bundle, self.layer)
        self.strong, self.weak = extremes(self.activation, self.together, border)
        self.words = ChannelWords(self.claim, self.bundle, self.layer.name, self.probe)

    # -- what is said ------------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        here = (self.array, self.probe)
        strong, weak = self.strong, self.weak
        chosen = "that respond strongly and differ most"
        all_of_them = len(self.together) == len(self.activation)
        own = ", each on a scale of its own" * self.some_would_hide
        close = f"Look closer at {_WORDS[len(self.shown)]} {'that differ most' if all_of_them else 'of them'}{own}. "
        against = partial(self.claim, "magnitude against another's", *here, weak, strong, at_most=_FAINT)
        return {
            "sees": what_all_see(self.bundle, self.layer),
            "layer": layer_name(self.layer.name),
            "filters": self.claim("length", self.weight, words=lambda n: counted(n, "filter")),
            "weights": self.claim("numbers", self.weight, 0, words=whole),
            "maps": self.claim("channels", *here, words=lambda n: counted(n, "feature map")),
            "here": "This is all of them." if all_of_them else f"Here are {_WORDS[len(self.together)]} {chosen}.",
            "closer": close if len(self.shown) < len(self.together) else "",
            "strong": f"channel {strong + 1}",
            "top": self.claim("largest magnitude", *here, strong, words=signed(self.activation[strong])),
            "faint": ""
            if weak == strong
            else against(
                words=lambda share: (
                    f", channel {weak + 1} {f'only {percent(share)} of that' if share else 'nothing at all'}"
                ),
                otherwise=f", and {'the others' if self.all_alike else f'channel {weak + 1}'} about as much",
            ),
            **self.words.meanings(self.shown),
            **self.words.activity(self.shown),
            "rows": self.claim("rows", *here, words=whole),
            "columns": self.claim("columns", *here, words=whole),
            "deep": self.claim("channels", *here, words=lambda n: counted(n, "channel")),
            **self.next_facts(),
        }

    @property
    def some_would_hide(self) -> bool:
        """Whether one scale, that of the layer, would hide some of the maps that are looked at from close."""
        return len(self.shown) < len(self.together) and some_dim([*self.activation[self.shown], self.activation])

    @property
    def all_alike(self) -> bool:
        """Whether no map that is shown reaches much less or more than the strong one, be it at its border."""
        reaches = reach(self.activation)[self.together]
        return bool(reaches.max() <= reaches.min() / _FAINT)

    def next_facts(self) -> Mapping[str, object]:
        every = "one of the" if self.reader and reads_one(self.bundle, self.reader.layer) else "all"
        all_maps = self.claim(
            "channels", self.array, self.probe, words=lambda n: f"{every} {whole(n)} maps" if n > 1 else "this one map"
        )
        if self.reader is None:
            return {"reader": "Whatever comes next in the network builds on", "all_maps": all_maps, "never": ""}
        layer = self.reader.layer
        reads = "each reads its share of" if layer.groups > 1 and every == "all" else "each reads"
        return {
            "reader": self.claim(
                "length",
                f"{layer.name}/weight",
                words=lambda n: f"Next, {layer_name(layer.name)} has {counted(n, 'filter')}; {reads}",
            ),
            "next_filters": self.claim("length", f"{layer.name}/weight", words=lambda n: counted(n, "filter")),
            "all_maps": all_maps,
            "never": ", once pooled, and never the image" if self.reader.pooled else ", and never the image",
        }

    # -- what is shown -----------------------------------------------------------------------------

    def construct(self) -> None:
        body, wide = look.body(), look.shape() == "wide"
        input_room, filter_room, map_room = body.columns(2.3, 2.4, 8.2) if wide else [*body.columns(1, 1), body]
        board = fit(self.board, map_room, most=2.4)
        if wide:  # on one level with the maps
            level = board.maps[0].picture.get_y()
            input_room = replace(input_room, bottom=2 * level - input_room.top)
        source = fit(self.source, input_room, most=3.0)
        filters = fit(partial(self.filters, filter_room.width), filter_room, most=1.2)
        wall = self.wall(map_room) if len(self.shown) < len(self.together) else None
        self.show_filters(source, filters)
        self.show_maps(source, filters, wall or board)
        self.show_words(wall, board)
        self.show_stack(source, filters, board)

    def source(self, size: float) -> InputImage | ChannelStack:
        """What goes into the layer: the image, or the maps of another layer."""
        name = self.layer.input
        if name in ("", "probes", "input"):
            return InputImage(self.bundle.part("probes", self.probe), size, probe=self.probe)
        return self.stack(name, name.rpartition("/")[0], representatives(self.bundle.part(name, self.probe), 3), size)

    def stack(self, array: str, name: str, channels: list[int], size: float) -> ChannelStack:
        maps = self.bundle.part(array, self.probe)
        scale = ColourScale.of(maps, "per_layer")
        flat = sum(is_flat(maps[channel]) for channel in channels)
        name += " · flat" if flat == len(channels) else f" · {flat} flat" if flat else ""
        return ChannelStack(maps, channels, scale, size, name, (array, (self.probe,)), step=0.13 * size, brief=True)

    def filters(self, width: float, size: float) -> FilterTiles:
        """All filters where they are few, else those of the most telling maps; texts at most `width` wide."""
        return FilterTiles(self.bundle, self.weight, self.together, size, width)

    def board(self, size: float) -> MapBoard:
        """Maps from close. What they show is asked of them, so each has its own scale where one would hide some."""
        scale = None if self.some_would_hide else self.scale
        return MapBoard(self.activation, self.shown, scale, size, look.body().width, (self.array, self.probe))

    def wall(self, room: Region) -> MapWall:
        height, width = self.activation.shape[1:]
        rows = Rows.largest(self.together, (height, width), room)
        source = (self.array, self.probe)
        return fit(lambda size: MapWall(self.activation, self.together, self.scale, size, rows, source), room, 2.4)

    def show_filters(self, source: InputImage | ChannelStack, filters: FilterTiles) -> None:
        self.level = front_of(source).get_y()
        self.to_filters = arrow(np.array([source.get_right()[0], self.level, 0.0]), filters.tiles.get_left())
        with self.beat("input"):
            large = self.show_large(source)
            self.say("The same input for every filter" if self.layer.groups == 1 else "What the filters see")
            self.until(0.45)
            self.play(flash(front_of(large[0])), run_time=look.MOVE_S)
            self.settle(large, source)
        with self.beat("filters"):
            self.say(f"{layer_name(self.layer.name)}: {self.told['filters']}")
            self.play(FadeIn(self.to_filters, filters.name_label, filters.words), run_time=look.IN_S)
            self.play(LaggedStart(*(FadeIn(tile) for tile in filters.tiles), lag_ratio=0.2), run_time=2 * look.MOVE_S)
            self.until(0.65)
            again = (flash(tile.picture) for tile in filters.tiles)
            self.play(LaggedStart(*again, lag_ratio=0.15), run_time=2 * look.MOVE_S)

    def show_maps(self, source: InputImage | ChannelStack, filters: FilterTiles, shown: MapWall | MapBoard) -> None:
        """The maps come out of their filters."""
        self.to_maps = VGroup()
        self.marks = VGroup()  # frames around the maps that are compared
        with self.beat("maps"):
            self.say(f"{self.told['filters']}, {self.told['maps']}")
            if look.shape() == "wide":
                start = np.array([filters.tiles.get_right()[0], self.level, 0.0])
                self.to_maps = arrow(start, np.array([shown.maps.get_left()[0], self.level, 0.0]))
                self.play(FadeIn(self.to_maps), run_time=look.IN_S / 2)
            else:
                self.play(FadeOut(source, self.to_filters, filters), run_time=look.IN_S)
            grow = (
                FadeIn(one, target_position=filters.tiles[self.together.index(one.channel)], scale=0.3)
                for one in shown.maps
            )
            below = FadeIn(*shown.submobjects[1:])
            self.play(LaggedStart(*grow, below, lag_ratio=0.35), run_time=3 * look.MOVE_S)
        with self.beat("scale"):
            self.say("One scale for all, so brightness can be compared")
            self.play(flash(shown.strip.bar), run_time=look.MOVE_S)
            pictures = {one.channel: one.picture for one in shown.maps}
            for share, channel in zip((0.4, 0.65), dict.fromkeys((self.strong, self.weak)), strict=False):
                self.until(share)
                rows, columns = pictures[channel].grid
                self.marks.add(frame := values_frame(pictures[channel], 0, 0, rows, columns))
                self.play(Create(frame), run_time=look.MOVE_S)

    def show_words(self, wall: MapWall | None, board: MapBoard) -> None:
        """What was measured of the maps of `board`, which come closer out of the `wall`."""
        written = VGroup()
        for cue, statement in (("meaning", "What does each one show?"), ("active", "How often is it above zero?")):
            with self.beat(cue):
                self.say(statement)
                if len(self.marks):
                    self.play(FadeOut(self.marks), run_time=look.IN_S / 2)
                    self.marks = VGroup()
                if wall is not None:
                    self.come_closer(wall, board)
                    wall = None
                texts = [self.told.get(f"{cue}_{channel + 1}") for channel in self.shown]
                notes = VGroup(*(one.note(str(text)) for one, text in zip(board.maps, texts, strict=True) if text))
                if len(written):
                    self.play(FadeOut(written), run_time=look.IN_S / 2)
                self.until(0.3)
                one_by_one = [FadeIn(note) for note in notes] or [flash(one.picture) for one in board.maps]
                self.play(LaggedStart(*one_by_one, lag_ratio=0.6), run_time=2.5 * look.MOVE_S)
                self.until(0.72)
                if len(notes) and self.seconds_left > look.MOVE_S:
                    again = (flash(note[-1]) for note in notes)
                    self.play(LaggedStart(*again, lag_ratio=0.3), run_time=min(2 * look.MOVE_S, self.seconds_left))
                written = notes
        self.written = written

    def come_closer(self, wall: MapWall, board: MapBoard) -> None:
        """The maps that are looked at from close take the place of all."""
        pictures = {one.channel: one.picture for one in wall.maps}
        chosen = [pictures[channel] for channel in self.shown]
        others = [part for part in wall.get_family() if part not in chosen and drawn(part)]
        self.remove(*wall.maps)
        self.add(*others, *chosen)
        self.play(FadeOut(*others, self.to_maps), run_time=look.IN_S / 2)
        self.to_maps = VGroup()  # it would end below a map that has come closer
        self.play(
            *(ReplacementTransform(old, one.picture) for old, one in zip(chosen, board.maps, strict=True)),
            run_time=look.MOVE_S,
        )
        self.play(FadeIn(*around_pictures(board), board.strip), run_time=look.IN_S / 2)
        self.remove(*(part for one in board.maps for part in one.get_family()))
        self.add(*board.maps)

    def show_stack(self, source: InputImage | ChannelStack, filters: FilterTiles, board: MapBoard) -> None:
        """The maps gather into one stack; the stack of the layer that reads them follows."""
        wide = look.shape() == "wide"
        body, count = look.body(), 2 if self.reader else 1
        if wide:
            rooms = body.columns(2.3, *[10.2 / count] * count)[1:]
        else:
            rooms = body.columns(*[1.0] * count, gap=1.0 if look.shape() == "square" else 0.5)
        stack, alone = (
            fit(lambda size: self.stack(self.array, self.layer.name, self.shown, size), room, most)
            for room, most in ((rooms[0], 2.2), (look.around(rooms), 2.8))
        )
        start, told = right_of(source), str(self.told["filters"])
        into = LabelledArrow(start, alone.edge(LEFT), told) if wide else Group()
        with self.beat("stack"):
            self.say("Together: height × width × channels")
            pictures, shapes = [one.picture for one in board.maps], [one.map.shape_label for one in board.maps]
            kept = [*reversed(pictures), shapes[0]]  # the first map in front, as in the stack
            rest = [part for part in around_pictures(board) if part not in kept and part not in shapes]
            gone = [filters, self.to_filters, self.to_maps] if wide else []
            self.play(FadeOut(*rest, board.strip, *self.written, *gone), run_time=look.IN_S)
            self.remove(*board.maps)
            self.add(*kept, *shapes[1:])
            targets = [*(sheet[0] for sheet in alone.sheets), alone.shape_label]
            gather = (Transform(*pair) for pair in zip(kept, targets, strict=True))
            self.play(*gather, *(FadeOut(shape) for shape in shapes[1:]), run_time=look.MOVE_S)
            self.remove(*kept)
            self.add(alone.sheets, alone.shape_label)
            self.play(FadeIn(alone.name_label, alone.count_label), run_time=look.IN_S)
            self.remove(alone.sheets, alone.shape_label)
            self.add(alone)
            if wide:
                self.play(FadeIn(into), run_time=look.IN_S)
            self.until(0.75)
            self.play(flash(alone.front), run_time=look.MOVE_S)
        with self.beat("next"):
            self.say(f"{layer_name(self.layer.name)}: {self.told['maps']} for the next layer")
            if self.reader is not None:
                array, name = f"{self.reader.layer.name}/activation", self.reader.layer.name
                channels = representatives(self.bundle.part(array, self.probe), len(self.shown))
                following = fit(lambda size: self.stack(array, name, channels, size), rooms[1], most=2.2)
                there = [LabelledArrow(start, stack.edge(LEFT), told)] if wide else []
                moves = zip([alone, *([into] if wide else [])], [stack, *there], strict=True)
                self.play(*(ReplacementTransform(*pair) for pair in moves), run_time=look.MOVE_S)
                self.play(
                    FadeIn(LabelledArrow(stack.edge(RIGHT), following.edge(LEFT), str(self.told["next_filters"]))),
                    run_time=look.IN_S,
                )
                self.play(FadeIn(following, shift=RIGHT * 0.3), run_time=look.MOVE_S)
            self.until(0.65)
            shown = stack if self.reader is not None else alone
            self.play(*(flash(sheet[0]) for sheet in shown.sheets), run_time=look.MOVE_S)


def drawn(part: Mobject) -> bool:
    return isinstance(part, Picture) or len(part.points) > 0


def around_pictures(board: MapBoard) -> list[Mobject]:
    """All that is drawn of its maps but the pictures."""
    family = (part for one in board.maps for part in one.get_family())
    return [part for part in family if drawn(part) and not isinstance(part, Picture)]


def front_of(source: InputImage | ChannelStack) -> Picture:
    """The picture that lies in front."""
    return source.picture if isinstance(source, InputImage) else source.front


def right_of(source: InputImage | ChannelStack) -> np.ndarray:
    """Where an arrow leaves."""
    return source.border.get_right() if isinstance(source, InputImage) else source.edge(RIGHT)
