"""Shallow, middle, deep: maps shrink, channels multiply, and each place sees more of the image."""

from collections.abc import Callable, Mapping
from itertools import pairwise

from manim import Create, FadeIn, FadeOut, Group, LaggedStart, Mobject, ReplacementTransform, Transform, VGroup
from pydantic import Field

from fmcore.analysis.depths import depths
from fmcore.analysis.hierarchy import Stage, hierarchy
from fmcore.analysis.saying import percent
from fmcore.header import LayerInfo
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.feature_map import InputImage
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import field_frame, values_frame
from scenes.parts.motion import flash
from scenes.parts.stage_cell import StageCell, stage_regions
from scenes.parts.stage_maps import StageMaps, arriving, front, map_side, place_over, sees, shrunk, spot_inside
from scenes.parts.text import number, paragraph, shape_text, whole
from scenes.stage import LessonScene, SceneOptions

_STAGES = 3
_LEGEND = 2  # lines that the legend of the colours takes
_FULL = 0.9  # of the image's size: smaller maps get a dashed frame of that size, to compare with


class FeatureMapProgression(LessonScene):
    """Real maps of three depths of a network, to scale and enlarged, with what was measured of each."""

    title = "From pixels to abstract maps"
    bundle_name = "deep-garments-seed12"
    needs = ("probes", "logits")
    script = Script.of(
        Beat(
            cue="input",
            say="Follow one image through a network: {rows} by {columns} pixels in {colours}."
            " All that comes later is worked out from these.",
        ),
        Beat(
            cue="shallow",
            say="Shallow, in {first}, it becomes {first_channels} of {first_rows} by {first_columns}. {recognise}",
        ),
        Beat(
            cue="deeper",
            say="Deeper layers leave {shrunk}: {last} has {last_channels} of {last_rows} by {last_columns}."
            " Here they are drawn to scale.",
        ),
        Beat(cue="enlarge", say="Enlarged, they can be compared. {first_like}{last_like}.", seconds=8),
        Beat(
            cue="field",
            say="One number of {first} sees {first_field} of the image: its receptive field."
            " At the same spot, one of {last} sees {last_field}.",
            seconds=9,
        ),
        Beat(
            cue="active",
            say="{rarer} In {first}, {first_on} of all numbers lie above zero; in {last}, {last_on}.",
        ),
        Beat(cue="classes", say="{first_selective}{last_selective}."),
        Beat(
            cue="answer",
            say="{reads} From the last maps comes the answer, “{answer}”, with {probability}{verdict}."
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

    # -- what is said ----------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        first, last = self.layers[0], self.layers[-1]
        said = self.bundle.header.probes[self.probe].predicted
        answer = self.bundle.class_name(said)
        above = self._both("share above zero", "activation", percent, self.probe)
        return {
            "rows": self.claim("rows", "probes", self.probe, words=whole),
            "columns": self.claim("columns", "probes", self.probe, words=whole),
            "colours": {1: "one grey channel", 3: "three colours"}.get(len(self.image), "several channels"),
            "first": layer_name(first.name),
            "last": layer_name(last.name),
            "shrunk": shrunk(first, last),
            **self._shape("first", first),
            **self._shape("last", last),
            **self._likeness(),
            "first_field": self._field(first),
            "last_field": self._field(last),
            "first_on": above[0],
            "last_on": above[1],
            "rarer": self._rarer(above[0].value),
            **self._selectivity(),
            "reads": f"{layer_name(last.name)} reads maps, not pixels."
            if last.input not in ("probes", "input")
            else "Each layer reads what the layers before it leave.",
            "answer": answer,
            "probability": self.claim(
                "probability of the answer", "logits", self.probe, words=lambda p: f"{percent(p)} probability"
            ),
            "verdict": ", and that is wrong" if self.bundle.is_right(self.probe) is False else "",
        }

    def _both(self, measure: str, part: str, words: Callable[[float], str], *index: int) -> list[Claim]:
        """A measure of the first and of the last layer."""
        ends = (self.layers[0], self.layers[-1])
        return [self.claim(measure, f"{layer.name}/{part}", *index, words=words) for layer in ends]

    def _shape(self, which: str, layer: LayerInfo) -> dict[str, object]:
        array = f"{layer.name}/activation"
        return {
            f"{which}_channels": self.claim(
                "channels", array, self.probe, words=lambda n: f"{whole(n)} map{'s' * (n > 1)}"
            ),
            f"{which}_rows": self.claim("rows", array, self.probe, words=whole),
            f"{which}_columns": self.claim("columns", array, self.probe, words=whole),
        }

    def _likeness(self) -> dict[str, object]:
        neutral = "Each shows where one filter found its pattern."
        if not self._has("likeness"):
            scale = "Each layer has its own scale, up to its strongest number"
            return {"recognise": neutral, "first_like": scale, "last_like": ""}
        measure, part = "likeness to the image", "meaning"
        start, less = "On average, a map's likeness to the image is", ": they look less and less like it"
        likes = [stage.likeness for stage in self.measured if stage is not None and stage.likeness is not None]
        falls = all(one > other for one, other in pairwise(likes))  # not only from the first to the last
        first, last = self._contrast(measure, part, start, less if falls else "", at_most=0.8)
        seen = "You can still recognise the image in them."
        array = f"{self.layers[0].name}/{part}"
        recognise = self.claim(measure, array, words=seen, at_least=0.4, otherwise=neutral)
        return {"recognise": recognise, "first_like": first, "last_like": last}

    def _rarer(self, shallow: float) -> object:
        question = "How much of a layer lies above zero?"
        if any(stack.scale.low < 0 for stack in self.stacks):
            return question
        array, words = f"{self.layers[-1].name}/activation", "Fewer and fewer places respond."
        return self.claim("share above zero", array, self.probe, words=words, at_most=0.8 * shallow, otherwise=question)

    def _selectivity(self) -> dict[str, object]:
        if not self._has("selectivity"):
            said = "What a deep map stands for cannot be seen: it has to be measured, over many images of known classes"
            return {"first_selective": said, "last_selective": ""}
        start = "A channel that treats all classes alike has selectivity zero, one for a single class has one: it is"
        first, last = self._contrast("class selectivity", "class_mean", start, ". Deep maps take sides", at_least=1.2)
        return {"first_selective": first, "last_selective": last}

    def _contrast(self, measure: str, part: str, start: str, more: str, **shares: float) -> tuple[Claim, Claim]:
        """What is said of the first layer, and of the last: `more` where it is within these shares of the first."""
        (first, shallow), (last, deep) = zip(
            (self.layers[0].name, self.layers[-1].name), self._both(measure, part, number), strict=True
        )
        said, end = f"{start} {shallow} in {layer_name(first)}", f" and {deep} in {layer_name(last)}"
        limits = {relation: share * shallow.value for relation, share in shares.items()}
        return (
            self.claim(measure, f"{first}/{part}", words=said),
            self.claim(measure, f"{last}/{part}", words=end + more, otherwise=end, **limits),
        )

    def _has(self, what: str) -> bool:
        """Whether the first and the last layer have this mean over many images."""
        ends = (self.measured[0], self.measured[-1])
        return all(stage is not None and getattr(stage, what) is not None for stage in ends)

    def _field(self, layer: LayerInfo) -> object:
        field = layer.field
        if field.whole:
            return "the whole image" if field.known else "an area that is not known"
        beyond = all(size >= full for size, full in zip(field.size, self.image.shape[1:], strict=True))
        return self.claim(
            "rows of the receptive field",
            f"{layer.name}/activation",
            words=lambda rows: f"{rows:.0f} by {field.size[1]} pixels" + ", more than there are" * beyond,
        )

    # -- what is shown ---------------------------------------------------------------------------

    def construct(self) -> None:
        regions = stage_regions(len(self.stacks))
        size, kind = shape_text(*self.image.shape[1:], len(self.image)), {1: "grey", 3: "RGB"}.get(len(self.image), "")
        region, beside = regions[0]
        named = (f"{kind} image".strip(), [size]) if beside else ("image", [size, kind])
        cells = [StageCell(region, *named, beside, _LEGEND)]
        for stack, (region, beside) in zip(self.stacks, regions[1:], strict=True):
            cells.append(StageCell(region, stack.name, stack.words, beside))
        self.notes: list[Group] = []
        sheets = self.show_to_scale(self.show_the_image(), cells)
        self.show_enlarged(cells[1:], sheets)
        self.show_fields(cells[1:], sheets)
        self.show_figures(cells[1:], sheets)
        self.show_the_answer(sheets)

    def show_the_image(self) -> InputImage:
        large = fit(lambda size: InputImage(self.image, size, probe=self.probe), look.body(), most=3.8)
        with self.beat("input"):
            self.say("The image: all that the network gets")
            self.play(FadeIn(large), run_time=look.MOVE_S)
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
        with self.beat("shallow"):
            self.say(f"{self.stacks[0].name}: {self.told['first_channels']}")
            self.play(
                ReplacementTransform(Group(large.picture, large.border), placed),
                FadeOut(large.name_label, large.shape_label),
                FadeIn(cells[0].words),
                run_time=look.MOVE_S,
            )
            self.play(arriving(sheets[0]), FadeIn(cells[1].words, self.legend(cells[0])), run_time=2 * look.MOVE_S)
            self.until(0.75)
            self.play(flash(front(sheets[0])), run_time=look.IN_S)
        with self.beat("deeper"):
            self.say("Deeper, drawn to scale")
            self.play(FadeIn(self.full), run_time=look.IN_S / 2)
            for stack, cell in zip(sheets[1:], cells[2:], strict=True):
                self.play(arriving(stack), FadeIn(cell.words), run_time=2 * look.MOVE_S)
        return sheets

    def legend(self, cell: StageCell) -> VGroup:
        """How to read the colours, below the words of the image."""
        signed = any(stack.scale.low < 0 for stack in self.stacks)
        words = f"one scale a layer: {'blue is below zero' if signed else 'bright is strong'}"
        return cell.place_note(paragraph(words, look.SMALL, look.MUTED, width=cell.width, most=_LEGEND))

    def show_enlarged(self, cells: list[StageCell], sheets: list[Group]) -> None:
        figures = [None if stage is None else stage.likeness for stage in self.measured]
        large = [stack.sheets(cell) for stack, cell in zip(self.stacks, cells, strict=True)]
        with self.beat("enlarge"):
            self.say("The same maps, enlarged")
            grown = [Transform(old, new) for old, new in zip(sheets, large, strict=True)]
            self.play(*grown, FadeOut(self.full), run_time=2 * look.MOVE_S)
            self.until(0.45)
            self.show_notes(cells, ["" if like is None else f"likeness {number(like)}" for like in figures])

    def show_notes(self, cells: list[StageCell], texts: list[str]) -> None:
        """Write a note for every stage that has one, below the others or in their place."""
        if not any(texts):
            return
        slot = len(self.notes) % cells[0].slots
        new = Group(*(cell.note(text, slot) for cell, text in zip(cells, texts, strict=True) if text))
        if len(self.notes) >= cells[0].slots:
            self.play(FadeOut(self.notes[-cells[0].slots]), run_time=look.IN_S / 2)
        self.notes.append(new)
        self.play(LaggedStart(*(FadeIn(note) for note in new), lag_ratio=0.5), run_time=look.MOVE_S)

    def show_fields(self, cells: list[StageCell], sheets: list[Group]) -> None:
        """Around one spot of the image, what a place of every layer sees there: frames that grow."""
        spot = spot_inside(self.layers[0], front(sheets[0]).values)
        frames: list[Mobject] = []
        with self.beat("field"):
            self.say("What one number can see: its receptive field")
            self.show_notes(cells, [sees(layer) for layer in self.layers])
            for layer, stack in zip(self.layers, sheets, strict=True):
                row, column = place_over(layer, *spot)
                there = values_frame(front(stack), row, column, row + 1, column + 1)
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
        shares = [f"{percent(float((stack.maps > 0).mean()))} above zero" for stack in self.stacks]
        with self.beat("active"):
            self.say("How many of the numbers respond")
            self.play(FadeOut(self.frames), run_time=look.IN_S / 2)
            self.show_notes(cells, shares)
            self.until(0.6)
            self.play(*(flash(front(stack)) for stack in sheets), run_time=look.MOVE_S)
        figures = [None if stage is None else stage.selectivity for stage in self.measured]
        with self.beat("classes"):
            self.say("Do channels prefer a class?" if self._has("selectivity") else "What does a deep map stand for?")
            self.until(0.4)
            self.show_notes(cells, ["" if s is None else f"selectivity {number(s)}" for s in figures])
            self.until(0.75)
            self.play(flash(front(sheets[-1])), run_time=look.IN_S)

    def show_the_answer(self, sheets: list[Group]) -> None:
        with self.beat("answer"):
            self.say(f"The answer: “{self.told['answer']}”, {self.told['probability']}")
            for picture in (self.picture, *map(front, sheets)):
                self.play(flash(picture), run_time=look.MOVE_S)
