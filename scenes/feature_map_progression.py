"""Shallow, middle, deep: maps shrink, channels multiply, and each place sees more of the image."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from manim import RIGHT, Create, FadeIn, FadeOut, Group, LaggedStart, Mobject, ReplacementTransform, Transform, VGroup
from pydantic import Field

from fmcore.analysis.depths import depths
from fmcore.analysis.graph import is_chain
from fmcore.analysis.hierarchy import Stage, hierarchy, typical_of_classes
from fmcore.analysis.pooling import max_pooling
from fmcore.analysis.saying import listed, percent
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.class_table import ClassTable
from scenes.parts.feature_map import InputImage
from scenes.parts.fitting import fit
from scenes.parts.layer_chain import LayerChain
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import aim, field_frame
from scenes.parts.motion import coming, flash, leaving
from scenes.parts.pooling_picture import PoolingPicture
from scenes.parts.stage_cell import StageCell, noted, stage_regions, title_lines
from scenes.parts.stage_maps import StageMaps, arriving, front, map_side, place_over, sees, shrunk, spot_inside
from scenes.parts.stage_words import StageWords
from scenes.parts.text import label, number, paragraph, shape_text, whole
from scenes.stage import LessonScene, SceneOptions

_STAGES = 3
_LEGEND = 2  # lines that the legend of the colours takes
_LEAST = 2.0  # units: an image less high with its words is too small to be looked at
_FULL = 0.9  # of the image's size: smaller maps get a dashed frame of that size, to compare with


class FeatureMapProgression(LessonScene):
    """Real maps of three depths of a network, to scale and enlarged, with what was measured of each."""

    title = "From pixels to abstract maps"
    bundle_name = "deep-garments-seed12"
    needs = ("probes", "logits")
    script = Script.of(
        Beat(
            cue="chain",
            say="{chain}, and each works on what those before it leave. We follow one image and stop at {stops}.",
        ),
        Beat(
            cue="input",
            say="The image has {rows} by {columns} pixels in {colours}. All that comes later is worked out from these.",
        ),
        Beat(
            cue="shallow",
            say="Shallow, in {first}, it becomes {first_channels} of {first_rows} by {first_columns}. {recognise}",
        ),
        Beat(cue="pooling", say="{smaller}", seconds=6),
        Beat(
            cue="deeper",
            say="Deeper layers leave {shrunk}: {last} has {last_channels} of {last_rows} by {last_columns}."
            " Here they are drawn to scale.",
        ),
        Beat(cue="enlarge", say="Enlarged, they can be compared. {first_like}{last_like}.", seconds=8),
        Beat(
            cue="field",
            say="One number of {first} sees {first_field} of the image{first_rest}: its receptive field."
            " At the same spot, one of {last} sees {last_field}{last_rest}. {why_rest}",
            seconds=9,
        ),
        Beat(
            cue="active",
            say="{rarer} In {first}, {first_on} of all numbers lie above zero; in {last}, {last_on}{leaving}.",
        ),
        Beat(cue="classes", say="{first_selective}{last_selective}.{by_chance}"),
        Beat(
            cue="answer",
            say="{reads} From maps like these comes the answer, “{answer}”, with {probability}{verdict}."
            " Which places counted is another question.",
        ),
    )

    class Options(SceneOptions):
        layers: str = Field(
            "", description="Names such as 'conv1, conv3, conv4'; by default the first, a middle and the last one."
        )

    options: "FeatureMapProgression.Options"

    def prepare(self) -> None:
        self.layers = depths(self.bundle, _STAGES, self.options.layers)
        self.image = self.bundle.part("probes", self.probe)  # (C, H, W)
        self.stacks = [
            StageMaps(layer, self.bundle.part(f"{layer.name}/activation", self.probe), self.probe)
            for layer in self.layers
        ]
        known = {stage.layer: stage for stage in hierarchy(self.bundle)}
        self.measured: list[Stage | None] = [known.get(layer.name) for layer in self.layers]
        signed = any(stack.scale.low < 0 for stack in self.stacks)
        rows, columns = self.image.shape[1:]
        every, arrays = self.bundle.header.layers, self.bundle.header.arrays
        averaged = [layer.name for layer in self.layers if f"{layer.name}/class_mean" in arrays]
        self.words = StageWords(
            self.claim, self.probe, self.layers, self.measured, (rows, columns), signed, every, averaged
        )
        self.step = max_pooling(self.bundle, self.probe)
        shown = self.layers if self.words.has("selectivity") else []
        taken = [typical_of_classes(self.bundle, layer.name) for layer in shown]
        labels = self.bundle.array("test_label") if "test_label" in self.bundle.header.arrays else None
        self.classes = range(len(self.bundle.header.classes)) if labels is None else np.unique(labels).tolist()
        self.by_class = [one for one in taken if one is not None]

    # -- what is said ----------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        first, last = self.layers[0], self.layers[-1]
        said = self.bundle.header.probes[self.probe].predicted
        answer = self.bundle.class_name(said)
        return {
            "rows": self.claim("rows", "probes", self.probe, words=whole),
            "columns": self.claim("columns", "probes", self.probe, words=whole),
            "colours": {1: "one grey channel", 3: "three colours"}.get(len(self.image), "several channels"),
            "first": layer_name(first.name),
            "last": layer_name(last.name),
            "chain": "This network is a chain of layers"
            if is_chain(self.bundle.header.layers)
            else "The paths of this network part and meet",
            "stops": listed([layer_name(layer.name) for layer in self.layers]),
            "smaller": self.words.smaller(self.step, self.bundle.convolutions),
            "shrunk": shrunk(first, last),
            **self.words.every(),
            "reads": f"What {layer_name(last.name)} reads are maps, not pixels."
            if last.input not in ("probes", "input")
            else "Each layer reads what the layers before it leave.",
            "answer": answer,
            "probability": self.claim(
                "probability of the answer", "logits", self.probe, words=lambda p: f"{percent(p)} probability"
            ),
            "verdict": ", and that is wrong" if self.bundle.is_right(self.probe) is False else "",
        }

    # -- what is shown ---------------------------------------------------------------------------

    def construct(self) -> None:
        regions = stage_regions(len(self.stacks))
        size, kind = shape_text(*self.image.shape[1:], len(self.image)), {1: "grey", 3: "RGB"}.get(len(self.image), "")
        region, beside = regions[0]
        wide, skips = look.shape() == "wide", self._skips()
        names = [f"{kind} image".strip(), *(stack.name for stack in self.stacks)]
        names[1:] = [f"… {name}" if skip and not wide else name for name, skip in zip(names[1:], skips, strict=True)]
        heads = max(title_lines(name, room.width) for name, (room, _) in zip(names, regions, strict=True))
        cells = [StageCell(region, names[0], [size], beside, _LEGEND, heads)]
        for name, stack, (room, beside) in zip(names[1:], self.stacks, regions[1:], strict=True):
            cells.append(StageCell(room, name, stack.words, beside, heads=heads))
        for skip, before, cell in zip(skips, cells, cells[1:], strict=False):
            if skip and wide:
                between = (before.region.right + cell.region.left) / 2
                cell.words.add(label("…", look.STATEMENT, look.MUTED).move_to([between, cell.centre[1], 0]))
        self.noted: list[VGroup] = []
        self.table: ClassTable | None = None  # in the place of all that stands on the `ground`
        chain = self.show_the_chain()
        sheets = self.show_to_scale(self.show_the_image(chain), cells)
        self.show_enlarged(cells[1:], sheets)
        self.show_fields(cells[1:], sheets)
        self.show_figures(cells[1:], sheets)
        self.show_the_answer(cells[1:], sheets)

    def _skips(self) -> list[bool]:
        """Whether recorded layers lie between each stage and the one before it."""
        names = list(self.bundle.layer_names)
        places = [-1, *(names.index(layer.name) for layer in self.layers)]
        return [after - before > 1 for before, after in pairwise(places)]

    def show_the_chain(self) -> LayerChain:
        header, stops = self.bundle.header, [layer.name for layer in self.layers]
        chain = LayerChain(header.layers, stops, look.body().width, header.model.reads)
        chain.move_to(look.body().centre)
        self.sizes = chain.sizes(look.body().bottom)
        self.stops = VGroup(*(chain.stop(name) for name in stops))
        with self.beat("chain"):
            self.say(f"“{self.bundle.header.model.name}”: layer after layer")
            parts = LaggedStart(*(FadeIn(box) for box in chain.every), lag_ratio=0.4)
            self.play(parts, FadeIn(chain.links), run_time=2.5 * look.MOVE_S)
            self.until(0.45)
            lit = [flash(box[0]) for box in chain.boxes.values()]
            self.play(LaggedStart(*lit, *map(FadeIn, self.sizes), lag_ratio=0.2), run_time=2)
            self.until(0.8)
            self.play(LaggedStart(*map(Create, self.stops), lag_ratio=0.5), run_time=look.MOVE_S)
        return chain

    def show_the_image(self, chain: LayerChain) -> InputImage:
        above, below = look.body().rows(1.0, 1e-9, gap=chain.height + look.GAP)
        stays = above.height >= _LEAST  # of many rows, the chain would leave no room for the image
        above = above if stays else look.body()
        self.standing = Group(self.stops, chain.links, *chain.every) if stays else Group()
        large = fit(lambda size: InputImage(self.image, size, probe=self.probe), above, most=3.8)
        foot = np.array([chain.get_x(), below.bottom + chain.height / 2, 0])
        with self.beat("input"):
            self.say("The image: all that the network gets")
            row = Group(chain, self.stops)
            self.play(
                *map(FadeOut, self.sizes),
                row.animate.shift(foot - chain.get_center()) if stays else FadeOut(row),
                FadeIn(large, target_position=chain.image, scale=0.3),
                run_time=look.MOVE_S,
            )
            self.until(0.6)
            self.play(flash(large.picture), run_time=look.MOVE_S)
        return large

    def show_to_scale(self, large: InputImage, cells: list[StageCell]) -> list[Group]:
        """The image moves to its place, then come the stacks, in the sizes that they have beside each other."""
        sides = [max(self.image.shape[1:]), *(max(stack.maps.shape[1:]) for stack in self.stacks)]
        shares = [side / max(sides) for side in sides]
        sheets = [
            stack.sheets(cell, share) for stack, cell, share in zip(self.stacks, cells[1:], shares[1:], strict=True)
        ]
        height = shares[0] * map_side(cells[0]) * min(1.0, self.image.shape[1] / self.image.shape[2])
        small = InputImage(self.image, height, probe=self.probe)
        placed = Group(small.picture, small.border).move_to(cells[0].centre)
        self.picture = small.picture
        smaller = [cell for cell, share in zip(cells[1:], shares[1:], strict=True) if share < _FULL]
        self.full = VGroup(*(cell.full_size(small.border, cells[0]) for cell in smaller))
        legend = self.legend(cells[0])
        with self.beat("shallow"):
            self.say(f"{self.stacks[0].name}: {self.told['first_channels']}")
            self.play(
                ReplacementTransform(Group(large.picture, large.border), placed),
                FadeOut(large.name_label, large.shape_label, *self.standing, rate_func=leaving),
                FadeIn(cells[0].words, cells[1].words, rate_func=coming),
                run_time=look.MOVE_S,
            )
            self.play(arriving(sheets[0]), FadeIn(legend), run_time=2 * look.MOVE_S)
            self.until(0.6)
            ahead = VGroup(self.full, *(cell.words[0] for cell in cells[2:]))  # the stops that are still to come
            self.play(FadeIn(ahead), run_time=look.IN_S / 2)
            self.until(0.75)
            self.play(flash(front(sheets[0])), run_time=look.IN_S)
        stands = Group(placed, cells[0].words, legend, cells[1].words, sheets[0], ahead)
        pooling = self.show_pooling(stands, sheets[0])
        with self.beat("deeper"):
            self.say("Deeper, drawn to scale")
            if pooling is not None:
                self.play(FadeOut(pooling), run_time=look.IN_S / 2)
                self.play(FadeIn(stands), run_time=look.IN_S / 2)
            for stack, cell in zip(sheets[1:], cells[2:], strict=True):
                self.play(arriving(stack), FadeIn(cell.words[1:]), run_time=1.5 * look.MOVE_S)
        self.ground = [placed, legend, *(cell.words for cell in cells), *sheets]
        return sheets

    def show_pooling(self, stands: Group, first: Group) -> Group | None:
        """How the largest number of a window stays, in the place of what `stands` there; None where none pools so."""
        with self.beat("pooling"):
            if (step := self.step) is None:
                self.until(0.3)
                self.play(flash(front(first)), run_time=look.IN_S)
                return None
            picture = fit(lambda size: PoolingPicture.of(self.bundle, step, self.probe, size), look.body(), most=3.0)
            self.say(f"{layer_name(step.layer.name)}: the largest stays")
            self.play(FadeOut(stands), run_time=look.IN_S / 2)
            self.play(FadeIn(picture.before), run_time=look.IN_S)
            for share, moves in zip((0.25, 0.35, 0.5, 0.65, 0.8), picture.moves(), strict=True):
                self.until(share)
                self.play(*moves, run_time=min(look.IN_S, self.seconds_left))
        return Group(picture, picture.marks)

    def legend(self, cell: StageCell) -> VGroup:
        """How to read the colours, below the words of the image."""
        words = f"one scale a layer: {'blue is below zero' if self.words.signed else 'bright is strong'}"
        return cell.place_note(paragraph(words, look.SMALL, look.MUTED, width=cell.width, most=_LEGEND))

    def claimed(self, what: str) -> list[Claim | None]:
        """That figure of every stage, where the sentence says what it is; none of them otherwise."""
        found = (self.told.get(f"{what}_{n}") for n in range(len(self.layers)))
        return [one if isinstance(one, Claim) else None for one in found]

    def show_enlarged(self, cells: list[StageCell], sheets: list[Group]) -> None:
        large = [stack.sheets(cell) for stack, cell in zip(self.stacks, cells, strict=True)]
        with self.beat("enlarge"):
            self.say("The same maps, enlarged")
            grown = [Transform(old, new) for old, new in zip(sheets, large, strict=True)]
            self.play(*grown, FadeOut(self.full), run_time=2 * look.MOVE_S)
            self.until(0.45)
            self.show_figures_of(cells, "likeness")
            self.until(0.8)
            self.play(*(flash(front(stack)) for stack in sheets), run_time=look.MOVE_S)

    def drop_notes(self) -> None:
        if self.noted:
            self.play(FadeOut(*self.noted), run_time=look.IN_S / 2)
        self.noted = []

    def show_notes(self, cells: list[StageCell], texts: list[str], shares: Sequence[float | None] = ()) -> None:
        """Write a note for every stage that has one, in the place of those before."""
        made = noted(cells, texts, shares or [None] * len(cells))
        self.drop_notes()
        self.noted = made
        if made:
            self.play(LaggedStart(*(FadeIn(note) for note in made), lag_ratio=0.5), run_time=look.MOVE_S)

    def show_figures_of(self, cells: list[StageCell], what: str) -> None:
        """Below every stage what was measured of it, with a bar."""
        figures = self.claimed(what)
        texts = ["" if one is None else str(one) for one in figures]
        self.show_notes(cells, texts, [None if one is None else one.value for one in figures])

    def show_fields(self, cells: list[StageCell], sheets: list[Group]) -> None:
        """Around one spot of the image, what a place of every layer sees there: frames that grow."""
        spot = spot_inside(self.layers[0], front(sheets[0]).values)
        frames: list[Mobject] = []
        with self.beat("field"):
            self.say("What one number can see: its receptive field")
            self.show_notes(cells, [sees(layer) for layer in self.layers])
            for layer, stack in zip(self.layers, sheets, strict=True):
                row, column = place_over(layer, *spot)
                there = aim(front(stack), row, column)
                shown = [there]
                moves = [Create(there)]
                if layer.field.known:
                    seen = field_frame(self.picture, layer.field, row, column)
                    moves.append(ReplacementTransform(frames[-1].copy(), seen) if frames else Create(seen))
                    shown.append(seen)
                self.play(*moves, run_time=look.MOVE_S)
                frames += shown
            self.until(0.8)
            self.play(flash(frames[-1]), run_time=look.IN_S)
        self.frames = Group(*frames)

    def show_figures(self, cells: list[StageCell], sheets: list[Group]) -> None:
        with self.beat("active"):
            self.say("How many of the numbers " + ("lie above zero" if self.words.signed else "respond"))
            self.play(FadeOut(self.frames), run_time=look.IN_S / 2)
            self.show_figures_of(cells, "above")
            self.until(0.6)
            self.play(*(flash(front(stack)) for stack in sheets), run_time=look.MOVE_S)
        with self.beat("classes"):
            if len(self.by_class) == len(cells):
                self.show_classes()
            else:
                self.say(
                    "Do channels prefer a class?" if self.words.asks_for_classes else "What does a deep map stand for?"
                )
                self.until(0.6)
                self.show_figures_of(cells, "selectivity")
                self.until(0.85)
                self.play(flash(self.noted[-1][0] if self.noted else front(sheets[-1])), run_time=look.IN_S)

    def show_classes(self) -> None:
        """In the place of all maps, how one channel of every stage answers to each class."""
        self.say("One channel each: its mean over the images of every class")
        figures = [(number(one.value), one.value) for one in self.claimed("selectivity") if one is not None]
        self.table = ClassTable(
            look.body(),
            [self.bundle.class_name(number) for number in self.classes],
            [layer.name for layer in self.layers],
            [channel for channel, _ in self.by_class],
            [means for _, means in self.by_class],
            "selectivity" if look.shape() == "tall" else "mean selectivity",
            figures if len(figures) == len(self.stacks) else [],
        )
        self.drop_notes()
        self.play(FadeOut(*self.ground), run_time=look.IN_S / 2)
        self.play(FadeIn(self.table.names), run_time=look.IN_S / 2)
        for place, column in enumerate(self.table.columns):
            self.until(0.15 + 0.4 * place / len(self.stacks))
            self.play(FadeIn(column, shift=look.GAP * RIGHT), run_time=look.IN_S)
        self.until(0.6)
        self.play(FadeIn(self.table.foot), run_time=look.IN_S)
        self.until(0.85)
        self.play(*map(flash, [head for head, *_ in self.table.columns]), run_time=look.IN_S)

    def show_the_answer(self, cells: list[StageCell], sheets: list[Group]) -> None:
        """The maps once more: those that the last layer reads, or its own, then all; and the answer from them."""
        answer, told = self.told["answer"], self.told["probability"]
        with self.beat("answer"):
            self.say(f"The answer: “{answer}”, {told}")
            self.drop_notes()
            if self.table is not None:
                self.play(FadeOut(self.table), FadeIn(*self.ground), run_time=look.IN_S)
            read = self.layers[-1].input == f"{self.layers[-2].name}/activation"  # else what it reads is not shown
            self.play(flash(front(sheets[-2 if read else -1])), run_time=look.MOVE_S)
            self.until(0.3)
            self.play(*(flash(front(stack)) for stack in sheets), run_time=look.MOVE_S)
            self.until(0.55)
            short = f"“{answer}”" if cells[-1].beside else f"“{answer}” {percent(told.value)}"
            texts = [""] * (len(cells) - 1) + [short]
            (last,) = noted(cells, texts, [None] * (len(cells) - 1) + [told.value], look.ACCENT)
            self.play(FadeIn(last, target_position=front(sheets[-1]), scale=0.6), run_time=look.MOVE_S)
