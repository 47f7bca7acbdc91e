"""What goes into a network, what comes out, and the feature maps in between: what a lesson is about."""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import numpy as np
from manim import Create, FadeIn, FadeOut, Group, LaggedStart, ReplacementTransform, VGroup

from fmcore.analysis.depths import depths
from fmcore.analysis.saying import counted, percent
from fmcore.analysis.telling import telling
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.answer_bar import AnswerBar
from scenes.parts.closeup import Closeup
from scenes.parts.colour_numbers import ColourNumbers
from scenes.parts.feature_map import InputImage
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.layer_view import LayerView
from scenes.parts.motion import flash
from scenes.parts.pipeline import Pipeline
from scenes.parts.questions import Questions
from scenes.parts.score_bars import ScoreBars, weak_facts
from scenes.parts.text import label, whole
from scenes.stage import LessonScene

_DEPTHS = 3
_LONGEST_BAR = 8.0
_DRAWN = "garments"  # the data whose images are drawings, which a film that shows them should say


class Overview(LessonScene):
    """From the image to the answer in one picture of real maps, and the three questions to ask of a map."""

    title = "From image to answer"
    needs = ("probes", "logits")
    script = Script.of(
        Beat(
            cue="image",
            say="All that a network gets of this image are numbers: {rows} rows of {columns}, {colours}.{drawn}",
        ),
        Beat(cue="answer", say="Out comes an answer, “{answer}”, with {probability} probability.{verdict}"),
        Beat(cue="weak", say="{weak}"),
        Beat(
            cue="between",
            say="What happens in between? Layer by layer, the image becomes feature maps:"
            " {first_maps} in {first}{then}.",
        ),
        Beat(
            cue="real",
            say="Nobody drew these maps: every pixel is a number that this network computed from this very image.",
        ),
        Beat(
            cue="questions",
            say="Three questions to ask of every map: How is it made? What does it show?"
            " And is it the reason for the answer?",
        ),
    )

    # -- what is said ----------------------------------------------------------------------------

    def prepare(self) -> None:
        every = self.bundle.header.layers
        self.layers = depths(self.bundle, _DEPTHS) if len(every) > 1 else list(every)
        self.image = self.bundle.part("probes", self.probe)  # (C, H, W)

    def facts(self) -> Mapping[str, object]:
        first, last = self.layers[0], self.layers[-1]
        right = self.bundle.is_right(self.probe)
        answer = self.bundle.class_name(self.bundle.header.probes[self.probe].predicted)
        self.chance = self.claim("probability of the answer", "logits", self.probe, words=percent)
        colours = {1: "in grey", 3: "in red, green and blue"}.get(len(self.image), "in several channels")
        return {
            "rows": self.claim("rows", "probes", self.probe, words=whole),
            "columns": self.claim("columns", "probes", self.probe, words=whole),
            "colours": colours,
            "drawn": " This image is no photograph: a program drew it."
            if self.bundle.header.dataset.name == _DRAWN
            else "",
            "answer": answer,
            "probability": self.chance,
            "verdict": "" if right is None else " That is right." if right else " That is wrong.",
            **weak_facts(self.bundle, self.claim, first=True),
            "first": layer_name(first.name),
            "first_maps": self._maps(first.name),
            "then": "" if last is first else self._maps(last.name, f", {{}} in {layer_name(last.name)}"),
        }

    def _maps(self, layer: str, words: str = "{}") -> Claim:
        return self.claim(
            "channels", f"{layer}/activation", self.probe, words=lambda n: words.replace("{}", counted(n, "map"))
        )

    # -- what is shown ---------------------------------------------------------------------------

    def construct(self) -> None:
        wide = look.shape() == "wide"
        views = [LayerView(self.bundle, layer.name, self.probe) for layer in self.layers]
        if not wide:
            views = list(dict.fromkeys((views[0], views[-1])))
        places = [self.bundle.layer_names.index(view.layer) for view in views]
        room, strip = look.body().rows(11.0, 1.0) if wide else (look.body(), None)
        pipeline = Pipeline(
            partial(InputImage, self.image, name="input image" * wide, probe=self.probe),
            [partial(view.stack, name=layer_name(view.layer)) for view in views],
            self.answer,
            room,
            [other - one > 1 for one, other in pairwise(places)],
        )
        legend = VGroup()  # in a narrow frame there is no room for it
        if strip is not None:
            below = any(view.scale.low < 0 for view in views)
            words = f"one scale a layer: {'blue is below zero' if below else 'bright is strong'}"
            legend.add(label(words, look.SMALL, look.MUTED).move_to(strip.centre).match_x(pipeline.stacks))
        with self.beat("image"):
            self.say("What goes in: numbers")
            large, numbers = self.show_the_numbers()
        with self.beat("answer"):
            self.say(f"What comes out: “{self.told['answer']}”")
            self.play(FadeOut(numbers), ReplacementTransform(large, pipeline.image), run_time=look.MOVE_S)
            self.play(FadeIn(pipeline.veil), Create(pipeline.arrows[0]), run_time=look.IN_S)
            self.play(Create(pipeline.arrows[1]), run_time=look.IN_S)
            self.play(FadeIn(pipeline.answer), run_time=look.IN_S)
        standing = Group(pipeline.veil, *pipeline.arrows)
        if self.plays("weak"):
            with self.beat("weak"):
                standing = self.admit(Group(*standing, pipeline.image, pipeline.answer))
        with self.beat("between"):
            self.say("In between: feature maps")
            back = [FadeIn(pipeline.image, pipeline.answer)] * self.plays("weak")
            self.play(FadeOut(standing), *back, run_time=look.IN_S / 2)
            for stack, arrow in zip(pipeline.stacks, pipeline.steps, strict=False):
                self.play(Create(arrow), FadeIn(stack), run_time=look.MOVE_S)
            self.play(Create(pipeline.steps[-1]), FadeIn(legend), run_time=look.IN_S)
        with self.beat("real"):
            self.say("Computed by this network from this image")
            for stack in pipeline.stacks:
                self.play(flash(stack.front), run_time=look.MOVE_S)
        body = look.body()
        left, right = body.rows(1.6, 1.0) if look.shape() == "tall" else body.columns(1.0, 1.1)
        tile = fit(partial(views[0].tile, telling(views[0].activation, self.image)), left, most=3.6)
        asked = Questions(right)
        with self.beat("questions"):
            self.say("Three questions to ask of a map")
            self.play(
                FadeOut(pipeline.image, *pipeline.stacks, pipeline.answer, *pipeline.steps, legend),
                run_time=look.IN_S / 2,
            )
            self.play(FadeIn(tile), run_time=look.IN_S)
            for place, question in enumerate(asked):
                self.until(0.3 + 0.2 * place)
                self.play(FadeIn(question), run_time=look.IN_S)

    def show_the_numbers(self) -> tuple[InputImage, Group]:
        """The image, and some of its values where it steps most; of several channels that are no colours, none."""
        body, count = look.body(), len(self.image)
        left, right = body.rows(1.0, 1.3) if look.shape() == "tall" else body.columns(1.1, 1.0)
        name = "input image" if look.shape() == "wide" else ""
        numbered = count in (1, 3)
        large = fit(lambda size: InputImage(self.image, size, name, self.probe), left if numbered else body, most=3.8)
        self.play(FadeIn(large), run_time=look.MOVE_S)
        if not numbered:
            self.until(0.7)
            self.play(flash(large.picture), run_time=look.MOVE_S)
            return large, Group()
        steps = np.abs(np.diff(self.image, axis=2)).sum(0)
        row, column = (int(at) for at in np.unravel_index(int(steps.argmax()), steps.shape))
        near: Closeup | ColourNumbers
        if count == 1:
            near = Closeup.within(large.picture, row, column, right)
            near.remove(near.best)
        else:
            near = ColourNumbers.within(large.picture, row, column, right)
        self.until(0.35)
        self.play(Create(near.mark), run_time=look.IN_S)
        self.play(FadeIn(near, target_position=near.mark, scale=0.2), run_time=look.MOVE_S)
        return large, Group(near, near.mark)

    def admit(self, leaving: Group) -> Group:
        """How weak the network is, in the place of what is `leaving`."""
        room = look.body()
        bars = ScoreBars(self.told, min(room.width, _LONGEST_BAR)).move_to(room.centre)
        self.say(f"A weak network: {self.told['right']} of {self.told['tests']} right")
        self.play(FadeOut(leaving), run_time=look.IN_S / 2)
        self.play(LaggedStart(*(FadeIn(bar) for bar in bars), lag_ratio=0.5), run_time=look.MOVE_S)
        self.until(0.6)
        self.play(flash(bars[0].percentage), run_time=look.MOVE_S)
        return Group(bars)

    def answer(self, width: float) -> VGroup:
        """The likeliest class and how likely; beside the maps there is little room."""
        name, chance = f"“{self.told['answer']}”", self.chance
        return AnswerBar(name, chance.value, chance.words, width, look.ACCENT, own_line=look.shape() == "wide")
