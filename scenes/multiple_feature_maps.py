"""N filters over one image leave N feature maps, and the next layer reads them all."""

from collections.abc import Mapping

from manim import DOWN, LEFT, RIGHT, UP, FadeIn, FadeOut, Group, LaggedStart

from fmcore.analysis.channels import representatives
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap, InputImage, border
from scenes.parts.marks import arrow
from scenes.parts.picture import ArraySource, Picture
from scenes.parts.text import label, lines, number, percent, shape_text
from scenes.stage import LessonScene

_SHOWN = 4
_FILTERS_SHOWN = 8


class MultipleFeatureMaps(LessonScene):
    """Every filter leaves its own map; together they are one block of height, width and channels."""

    title = "One layer, many feature maps"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="input",
            say="One filter gives one feature map. A layer has many filters, and all of them see the same input.",
        ),
        Beat(
            cue="filters",
            say="Layer {layer} of this network has {filters} filters of {kernel} weights each."
            " They began at random; training made them differ.",
        ),
        Beat(
            cue="maps",
            say="{filters} filters leave {filters} feature maps. Here are {shown} of them,"
            " chosen because they respond strongly and differ most.",
            seconds=8,
        ),
        Beat(
            cue="scale",
            say="All four share one colour scale, so brightness can be compared:"
            " filter {strong} reaches {strong_top}, filter {weak} only {weak_top}.",
        ),
        Beat(
            cue="active",
            say="Some filters answer almost everywhere, some are picky. Over {images:,} test images,"
            " filter {broad} responds at {broad_share} of all places, filter {picky} at {picky_share}.",
        ),
        Beat(
            cue="stack",
            say="Stacked up, the maps are one block of numbers: {rows} high, {columns} wide, {filters} channels deep.",
        ),
        Beat(
            cue="next",
            say="The next layer never sees the image. Each of its {next_filters} filters reads all {filters} maps"
            " and leaves a new one. A feature map is more than a filtered image.",
            seconds=9,
        ),
    )

    def prepare(self) -> None:
        if len(self.bundle.convolutions) < 2:
            raise BundleError(
                f"MultipleFeatureMaps shows two convolutions and the network in '{self.bundle.path.name}' has one;"
                " name the bundle of another network."
            )
        first, second = self.bundle.convolutions[:2]
        self.first, self.second = first, second
        self.image = self.bundle.part("probes", self.probe)
        self.activation = self.bundle.part(f"{first.name}/activation", self.probe)  # (C, H, W)
        self.deeper = self.bundle.part(f"{second.name}/activation", self.probe)
        self.shown = representatives(self.activation, _SHOWN)
        self.weights = self.bundle.array(f"{first.name}/weight")  # (C_out, C_in, kH, kW)
        self.active = self.bundle.array(f"{first.name}/active")  # (C,)

    def facts(self) -> Mapping[str, object]:
        top = {channel: float(self.activation[channel].max()) for channel in self.shown}
        strong, weak = max(top, key=top.__getitem__), min(top, key=top.__getitem__)
        broad, picky = max(self.shown, key=self.active.__getitem__), min(self.shown, key=self.active.__getitem__)
        filters, rows, columns = self.first.output_shape
        return {
            "layer": self.first.name,
            "filters": filters,
            "kernel": shape_text(*self.first.kernel, self.weights.shape[1]),
            "shown": len(self.shown),
            "strong": strong + 1,
            "strong_top": number(top[strong]),
            "weak": weak + 1,
            "weak_top": number(top[weak]),
            "images": self.bundle.header.dataset.test_count,
            "broad": broad + 1,
            "broad_share": percent(float(self.active[broad])),
            "picky": picky + 1,
            "picky_share": percent(float(self.active[picky])),
            "rows": rows,
            "columns": columns,
            "next_filters": self.second.output_shape[0],
        }

    def construct(self) -> None:
        left, middle, right = look.body().columns(2.7, 2.2, 7.2)
        picture = InputImage(self.image, 2.6, probe=self.probe).move_to(left.centre)
        with self.beat("input"):
            large = self.show_large(picture)
            self.say("All filters of a layer see the same input")
            self.settle(large, picture)
        filters = self.show_filters(middle, picture)
        maps, bar = self.show_maps(right, filters)
        self.show_scale(bar)
        notes = self.show_active(maps)
        self.show_blocks(picture, filters, maps, bar, notes)

    def show_filters(self, middle: look.Region, picture: InputImage) -> Group:
        """The filters as small pictures, representatives first where there are many."""
        count = len(self.weights)
        chosen = range(count) if count <= _FILTERS_SHOWN else sorted(representatives(self.activation, _FILTERS_SHOWN))
        scale = ColourScale.signed(self.weights, "per_layer")
        tiles = Group()
        for channel in chosen:
            slice_ = Picture(self.weights[channel].mean(0), scale, 0.72, None)
            tiles.add(Group(slice_, border(slice_)))
        tiles.arrange_in_grid(cols=2, buff=0.22)
        kh, kw = self.first.kernel
        shown = f"{count} filters" if len(tiles) == count else f"{len(tiles)} of {count} filters"
        name = label(shown, look.SMALL).next_to(tiles, UP, buff=look.NEAR)
        slices = self.weights.shape[1]
        words = [f"{shape_text(kh, kw, slices)} each"] + (["mean of slices"] if slices > 1 else [])
        shape = lines(*words).next_to(tiles, DOWN, buff=look.NEAR)
        group = Group(tiles, name, shape).move_to(middle.centre)
        self.first_arrow = arrow(picture.border.get_right(), tiles.get_left())
        with self.beat("filters"):
            self.say(f"{self.first.name}: {count} learned filters")
            self.play(FadeIn(self.first_arrow, name, shape), run_time=look.IN_S / 2)
            self.play(LaggedStart(*(FadeIn(tile) for tile in tiles), lag_ratio=0.15), run_time=look.MOVE_S)
        return group

    def show_maps(self, right: look.Region, filters: Group) -> tuple[Group, ColourBar]:
        scale = ColourScale.strength(self.activation, "per_layer")
        name = self.first.name
        maps = Group(
            *(
                FeatureMap(
                    self.activation[channel],
                    scale,
                    1.6,
                    f"filter {channel + 1}",
                    ArraySource(f"{name}/activation", (self.probe, channel)),
                )
                for channel in self.shown
            )
        )
        maps.arrange_in_grid(cols=2, buff=(0.75, 0.06))
        bar = ColourBar(scale, 3.4)
        Group(maps, bar).arrange(RIGHT, buff=0.5).move_to(right.centre)
        self.second_arrow = arrow(filters[0].get_right(), maps.get_left() + LEFT * 0.2)
        with self.beat("maps"):
            self.say(f"{len(self.weights)} filters, {len(self.weights)} feature maps")
            self.play(FadeIn(self.second_arrow), run_time=look.IN_S / 2)
            self.play(LaggedStart(*(FadeIn(one) for one in maps), lag_ratio=0.3), run_time=2.5 * look.MOVE_S)
        return maps, bar

    def show_scale(self, bar: ColourBar) -> None:
        with self.beat("scale"):
            self.say("One scale for all, so brightness can be compared")
            self.play(FadeIn(bar), run_time=look.IN_S)

    def show_active(self, maps: Group) -> Group:
        notes = Group()
        for one, channel in zip(maps, self.shown, strict=True):
            note = label(percent(float(self.active[channel])), look.SMALL, look.SECOND)
            notes.add(note.move_to(one.shape_label))
        with self.beat("active"):
            self.say("Where do they respond? Share of all places, over the test images")
            self.play(
                *(FadeOut(one.shape_label) for one in maps), *(FadeIn(note) for note in notes), run_time=look.IN_S
            )
        return notes

    def show_blocks(self, picture: InputImage, filters: Group, maps: Group, bar: ColourBar, notes: Group) -> None:
        """The maps gather into one stack; the next layer's stack follows."""
        _, middle, right = look.body().columns(3.2, 4.6, 4.6)
        name, deeper = self.first.name, self.second.name
        stack = ChannelStack(
            self.activation,
            self.shown,
            ColourScale.strength(self.activation, "per_layer"),
            2.3,
            name,
            (f"{name}/activation", (self.probe,)),
            step=0.32,
        ).move_to(middle.centre)
        following = ChannelStack(
            self.deeper,
            representatives(self.deeper, _SHOWN),
            ColourScale.strength(self.deeper, "per_layer"),
            2.3,
            deeper,
            (f"{deeper}/activation", (self.probe,)),
            step=0.32,
        ).move_to(right.centre)
        to_stack = arrow(picture.border.get_right(), stack.edge(LEFT))
        to_next = arrow(stack.edge(RIGHT), following.edge(LEFT))
        filters_note = label(f"{len(self.weights)} filters", look.SMALL, look.MUTED).next_to(
            to_stack, UP, buff=look.NEAR
        )
        next_note = label(f"{self.second.output_shape[0]} filters", look.SMALL, look.MUTED)
        next_note.next_to(to_next, UP, buff=look.NEAR)
        with self.beat("stack"):
            self.say("Together: height × width × channels")
            self.play(FadeOut(filters, self.first_arrow, self.second_arrow, bar, notes), run_time=look.IN_S)
            self.play(
                FadeOut(maps, target_position=stack.sheets, scale=0.6), FadeIn(stack.sheets), run_time=look.MOVE_S
            )
            self.play(
                FadeIn(stack.name_label, stack.shape_label, stack.count_label, to_stack, filters_note),
                run_time=look.IN_S,
            )
        with self.beat("next"):
            self.say(f"{deeper} reads all {len(self.weights)} maps, not the image")
            self.play(FadeIn(to_next, next_note), run_time=look.IN_S)
            self.play(FadeIn(following, shift=RIGHT * 0.3), run_time=look.MOVE_S)
