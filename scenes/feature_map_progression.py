"""From the image to the deepest layer: maps shrink, channels multiply, each place sees more of the image."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from manim import DOWN, LEFT, RIGHT, Arrow, Create, FadeIn, FadeOut, Group, LaggedStart, Transform, VGroup

from fmcore.analysis.channels import representatives
from fmcore.colour import ColourScale
from fmcore.header import LayerInfo, ReceptiveField
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.marks import arrow, field_frame, values_frame
from scenes.parts.picture import UNIT
from scenes.parts.text import label, percent
from scenes.stage import LessonScene

_SHOWN = 3
_STAGES = 4


class FeatureMapProgression(LessonScene):
    """Real maps of four stages of a deeper network, to scale, with what one place of each can see."""

    title = "From pixels to abstract maps"
    bundle_name = "deep-garments"
    needs = ("probes",)
    script = Script.of(
        Beat(
            cue="input",
            say="Follow one image through a deeper network. It starts as {rows} by {columns} pixels"
            " in {image_channels}.",
        ),
        Beat(
            cue="shallow",
            say="{first} leaves {first_channels} maps of {first_rows} by {first_columns}."
            " At this size, you can still recognise the image in them.",
        ),
        Beat(
            cue="deeper",
            say="From stage to stage the maps shrink and their number grows:"
            " {shapes}. Drawn to scale, the last ones are tiny.",
            seconds=10,
        ),
        Beat(
            cue="enlarge",
            say="Enlarged to one size, they show what happened: less and less looks like a picture."
            " Each number now stands for a whole region.",
        ),
        Beat(
            cue="field",
            say="That region is the receptive field. One place in {first} sees {first_field};"
            " one place in {last} can see {last_field}.",
            seconds=10,
        ),
        Beat(
            cue="active",
            say="{activity} Of all numbers in {first}, {first_on:.0%} are above zero; in {last}, {last_on:.0%}.",
        ),
        Beat(
            cue="answer",
            say="Only at the end are these maps summed up into an answer: “{answer}”, {probability}."
            " Deep maps are built from shallow ones, never from pixels.",
        ),
    )

    def prepare(self) -> None:
        self.layers: list[LayerInfo] = list(self.bundle.convolutions)
        if len(self.layers) > _STAGES:  # spread over the depth, first and last included
            picks = np.linspace(0, len(self.layers) - 1, _STAGES).round().astype(int)
            self.layers = [self.layers[pick] for pick in picks]
        self.image = self.bundle.part("probes", self.probe)
        self.maps = [self.bundle.part(f"{layer.name}/activation", self.probe) for layer in self.layers]
        self.on = [float((maps > 0).mean()) for maps in self.maps]
        self.fields = [layer.field for layer in self.layers]

    def facts(self) -> Mapping[str, object]:
        said = self.bundle.header.probes[self.probe]
        channels, rows, columns = self.image.shape
        return {
            "rows": rows,
            "columns": columns,
            "image_channels": "one grey channel" if channels == 1 else f"{channels} colour channels",
            "shapes": ", ".join(
                f"{layer.output_shape[0]} of {layer.output_shape[1]} by {layer.output_shape[2]}"
                for layer in self.layers
            ),
            "first": self.layers[0].name,
            "last": self.layers[-1].name,
            "first_field": field_text(self.fields[0]),
            "last_field": field_text(self.fields[-1]),
            "first_channels": self.layers[0].output_shape[0],
            "first_rows": self.layers[0].output_shape[1],
            "first_columns": self.layers[0].output_shape[2],
            # said only where it is so, on this image
            "activity": "Responses become rarer." if self.on[-1] < 0.8 * self.on[0] else "And how much responds?",
            "first_on": self.on[0],
            "last_on": self.on[-1],
            "answer": self.bundle.class_name(said.predicted),
            "probability": percent(said.probability),
        }

    def construct(self) -> None:
        columns = look.body().columns(*([1.0] * (1 + len(self.layers))))
        size = min(2.0, columns[0].width - 0.4)
        to_scale = self.stacks(columns, [size * m.shape[1] / self.image.shape[1] for m in self.maps], size)
        enlarged = self.stacks(columns, [size] * len(self.maps), size)
        arrows = [arrow(a.edge(RIGHT), b.edge(LEFT)) for a, b in pairwise(enlarged)]
        self.show_shrinking(to_scale)
        self.show_enlarged(to_scale, enlarged)
        notes = self.show_fields(enlarged)
        self.show_active(enlarged, notes)
        self.show_answer(enlarged, arrows)

    def stacks(self, columns: list[look.Region], heights: list[float], size: float) -> list[ChannelStack]:
        """The image and every layer as stacks, in columns, their names and shapes on the same lines."""
        channels = len(self.image)
        grey = ("probes", (self.probe,)) if channels == 1 else None
        found = [ChannelStack(self.image, range(channels), UNIT, size, "image", grey, brief=True)]
        for layer, maps, height in zip(self.layers, self.maps, heights, strict=True):
            source = (f"{layer.name}/activation", (self.probe,))
            scale = ColourScale.strength(maps, "per_layer")
            found.append(
                ChannelStack(maps, representatives(maps, _SHOWN), scale, height, layer.name, source, 0.2, brief=True)
            )
        for stack, column in zip(found, columns, strict=True):
            stack.sheets.move_to([column.centre[0], 0.35, 0])
            stack.name_label.move_to([column.centre[0], 1.95, 0])
            stack.shape_label.move_to([column.centre[0], -1.2, 0])
            stack.count_label.move_to([column.centre[0], -1.55, 0])
        return found

    def show_shrinking(self, stacks: list[ChannelStack]) -> None:
        with self.beat("input"):
            large = self.show_large(stacks[0])
            self.say("The image: all the network gets")
            self.settle(large, stacks[0])
        with self.beat("shallow"):
            first = self.layers[0]
            self.say(f"{first.name}: {first.output_shape[0]} maps of {first.output_shape[1]} × {first.output_shape[2]}")
            self.play(FadeIn(stacks[1], shift=RIGHT * 0.3), run_time=look.MOVE_S)
        with self.beat("deeper"):
            self.say("Deeper: smaller maps, more of them (drawn to scale)")
            for stack in stacks[2:]:
                self.play(FadeIn(stack, shift=RIGHT * 0.3), run_time=look.MOVE_S)

    def show_enlarged(self, stacks: list[ChannelStack], enlarged: list[ChannelStack]) -> None:
        with self.beat("enlarge"):
            self.say("The same maps, enlarged to one size")
            grow = [Transform(old.sheets, new.sheets) for old, new in zip(stacks[1:], enlarged[1:], strict=True)]
            self.play(*grow, run_time=look.MOVE_S)
        for old, new in zip(stacks, enlarged, strict=True):
            self.remove(old, old.sheets)
            self.add(new)

    def show_fields(self, stacks: list[ChannelStack]) -> Group:
        """On the image, the receptive field of the strongest place of each layer's front map, growing."""
        picture, notes = stacks[0].front, Group()
        with self.beat("field"):
            self.say("What one place can see: its receptive field")
            shown: VGroup | None = None
            for stack, field, maps in zip(stacks[1:], self.fields, self.maps, strict=True):
                row, column = np.unravel_index(int(stack.front.values.argmax()), maps.shape[1:])
                frame = field_frame(picture, field, int(row), int(column))
                there = values_frame(stack.front, int(row), int(column), int(row) + 1, int(column) + 1)
                sees = "sees all" if field.whole else f"sees {field.size[0]} × {field.size[1]}"
                note = label(sees, look.SMALL, look.SECOND).move_to([stack.count_label.get_x(), -1.92, 0])
                marks = VGroup(frame, there)
                change = [FadeOut(shown)] if shown is not None else []
                self.play(*change, Create(frame), Create(there), FadeIn(note), run_time=look.MOVE_S)
                shown = marks
                notes.add(note)
            self.marks = shown
        return notes

    def show_active(self, stacks: list[ChannelStack], notes: Group) -> None:
        rates = Group(
            *(
                label(f"{share:.0%} above zero", look.SMALL, look.SECOND).move_to(note)
                for share, note in zip(self.on, notes, strict=True)
            )
        )
        with self.beat("active"):
            self.say("How many of the numbers respond")
            self.play(FadeOut(notes), FadeOut(self.marks), FadeIn(rates), run_time=look.IN_S)
        self.rates = rates

    def show_answer(self, stacks: list[ChannelStack], arrows: list[Arrow]) -> None:
        with self.beat("answer"):
            facts = self.facts()
            self.say("Deep maps are made from shallow ones, never from pixels")
            self.play(LaggedStart(*(FadeIn(one) for one in arrows), lag_ratio=0.4), run_time=look.MOVE_S)
            words, width = f"{facts['answer']}: {facts['probability']}", look.body().width
            answer = label(words, look.STATEMENT, look.ACCENT, bold=True, width=width)
            answer.move_to([0, -2.2, 0]).align_to(np.array([look.body().right, 0, 0]), RIGHT)
            self.play(FadeOut(self.rates), FadeIn(answer, shift=DOWN * 0.2), run_time=look.IN_S)


def field_text(field: ReceptiveField) -> str:
    return "the whole image" if field.whole else f"{field.size[0]} × {field.size[1]} pixels"
