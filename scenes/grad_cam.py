"""Grad-CAM: how weighted maps add up to the places that support an answer, and that these do not decide it."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from manim import Animation, Create, FadeIn, FadeOut, Group, LaggedStart, ReplacementTransform, VMobject
from pydantic import Field

from fmcore.analysis.attribution import Ablation
from fmcore.analysis.cases import Case, case_of, doubtful, explained_layer, misleading
from fmcore.analysis.saying import counted, percent
from fmcore.analysis.weighing import Weighing, by_both_tests
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.exhibit import Exhibit, Gallery
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.gradcam_words import HALF, GradCamWords
from scenes.parts.layer_name import layer_name
from scenes.parts.layer_view import LayerView
from scenes.parts.motion import flash
from scenes.parts.phrases import and_the_rest, field_words, why_the_rest
from scenes.parts.picture import ArraySource
from scenes.parts.portrait import Portrait
from scenes.parts.scale_strip import ScaleStrip, room_beside, rooms_with
from scenes.parts.score_bars import ScoreBars, weak_facts
from scenes.parts.support import Support, scales_of
from scenes.parts.weighted_sum import WeightedSum, shown_at_once
from scenes.stage import LessonScene, SceneOptions

_KINDS = ("answer", "rival")


class GradCam(LessonScene):
    """How maps, each times its weight, add up to what supports an answer: of a right answer, and of a wrong one."""

    title = "What does the answer rest on?"
    needs = ("probes", "logits", "gradcam_classes")
    script = Script.of(
        Beat(
            cue="answer",
            say="The network answers “{answer}”, with {answer_probability} probability."
            " Which places of the image speak for that?",
        ),
        Beat(cue="weak", say="{weak}"),
        Beat(
            cue="weights",
            say="{weights} {example} {below} {speaks} {counterexample} {below_too} {speaks_too}",
        ),
        Beat(cue="map", say="{sum} Red places support it, blue ones oppose it.", seconds=11),
        Beat(cue="overlay", say="Now lay what supports it over the image. {half} {strongest} {off} {sees} {rest}"),
        Beat(
            cue="second",
            say="Every class has a map of its own, “{rival}” too, which gets {rival_probability}. {verdict}",
        ),
        Beat(cue="tests", say="{removal} {needed} {counts}"),
        Beat(cue="doubt", say="{doubt} “{doubt_answer}”, with {doubt_answer_probability}.", seconds=7),
        Beat(
            cue="reasons",
            say="Here is what supports “{doubt_answer}”, and what supports “{doubt_rival}”. {doubt_verdict}"
            " {doubt_off} {others}",
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="A convolution; by default the last with maps of 7 × 7 or more.")

    options: "GradCam.Options"

    # -- what was measured -------------------------------------------------------------------------

    def prepare(self) -> None:
        layer = (
            self.bundle.layer(self.options.layer)
            if self.options.layer
            else explained_layer(self.bundle, "gradcam", "ablation")
        )
        if layer is None or self.bundle.info("gradcam_classes").shape[1] < 2:
            raise BundleError(
                "GradCam needs a convolution with ablations and the Grad-CAM maps of two classes, and"
                f" '{self.bundle.path.name}' has none; record it again with `fmcore record`."
            )
        self.layer, self.array = layer, f"{layer.name}/gradcam"
        subject = self.probe if self.options.probe is not None else misleading(self.bundle, layer.name, supported=True)
        self.case = case_of(self.bundle, layer.name, subject)
        self.doubt = case_of(self.bundle, layer.name, doubtful(self.bundle, layer.name, subject), "doubt_")
        self.weighing = Weighing.of(self.bundle, layer.name, subject, self.case.slots[0])
        self.tests = by_both_tests(self.bundle, layer.name, subject, self.case.slots[0])

    def facts(self) -> Mapping[str, object]:
        words = GradCamWords(self.claim, self.bundle, self.layer, self.weighing)
        of_the_sum, self.factors = words.of_the_sum(self.case, shown_at_once())
        return {
            "layer": layer_name(self.layer.name),
            **weak_facts(self.bundle, self.claim),
            **self.facts_of(self.case),
            **of_the_sum,
            **words.of_the_strongest(self.case),
            "off": words.off_the_object(self.case, "Most of the support, {}, lies beside the object."),
            **self.facts_of_the_field(),
            "verdict": words.of_support(self.case),
            **words.of_two_tests(self.case, self.tests),
            **self.facts_of(self.doubt),
            **self.facts_of_the_doubt(),
            "doubt_verdict": words.of_support(self.doubt),
            "others": words.of_others() if self.doubt.goes_with_support else "",
            "doubt_off": words.off_the_object(self.doubt, "Of the support for the answer, {} lies beside the object."),
        }

    def facts_of_the_field(self) -> Mapping[str, str]:
        """What a place stands for, where that is known and some place is shown that supports the answer."""
        field = self.layer.field
        if not field.known or not self.case.maps[0].supported:
            return {"sees": "", "rest": ""}
        seen = field_words(field) + and_the_rest(field)
        return {
            "sees": f"Each place stands for all it sees, {seen}, not for its square alone.",
            "rest": why_the_rest(self.bundle.header.layers, self.layer),
        }

    def facts_of(self, case: Case) -> Mapping[str, object]:
        """Of both classes of `case` their names, their probabilities and how few places hold half of their support."""
        facts: dict[str, object] = {}
        for kind, found, slot in zip(_KINDS, case.maps, case.slots, strict=True):
            key = case.name + kind
            facts[key] = found.name
            facts[f"{key}_probability"] = self.claim(
                "probability of a class", "logits", case.probe, found.index, words=percent
            )
            facts[f"{key}_half"] = self.claim(
                HALF,
                self.array,
                case.probe,
                slot,
                words=lambda places: f"half of it: {counted(places, 'place')}",
                at_least=1,
                otherwise="nothing supports it here",
            )
        return facts

    def facts_of_the_doubt(self) -> Mapping[str, object]:
        answer = self.doubt.maps[0]
        truth = self.bundle.truth(self.doubt.probe)
        others = [probe for number, probe in enumerate(self.bundle.header.probes) if number != self.case.probe]
        wrong = truth is not None and truth != answer.name
        if wrong:
            start, title = f"This is “{truth}”, but the network is wrong. It answers", "A wrong answer"
        elif not others:
            start, title = "There is no other image here. Once more, the answer is", "The same image again"
        elif any(probe.label is None for probe in others):
            start, title = (
                "What the other images show, nobody told us. Least sure is the answer",
                "The least sure answer",
            )
        else:
            start, title = "All the other images are answered rightly. Least sure is", "The least sure answer"
        return {
            "doubt": start,
            "doubt_title": title,
        }

    # -- what is shown -----------------------------------------------------------------------------

    def construct(self) -> None:
        self.scales = {one.name: scales_of([found.signed for found in one.maps]) for one in (self.case, self.doubt)}
        of_overlays = [scale for _, scale in self.scales.values()]
        room, (strength, doubt_strength) = room_beside(look.body(), of_overlays, "support", "scale of the overlays")
        wide = look.shape() == "wide"  # there the image has room beside both
        self.gallery = Gallery(room, 3 if wide else 2)
        made = self.gallery.made([*self.makers(self.case), *self.makers(self.doubt)])
        (image, laid, laid_2), doubted = made[:3], made[3:]
        with self.beat("answer"):
            large = self.show_portrait(self.case, f"Why “{self.told['answer']}”?")
        if self.plays("weak"):
            with self.beat("weak"):
                bars = ScoreBars(self.told, large.bars.width).move_to(large.bars)
                self.say(f"A weak network: {self.told['right']} of {self.told['tests']} right")
                self.play(FadeOut(large.bars), run_time=look.IN_S / 2)
                self.play(LaggedStart(*(FadeIn(bar) for bar in bars), lag_ratio=0.5), run_time=look.MOVE_S)
                self.until(0.6)
                self.play(flash(bars[0].percentage), run_time=look.MOVE_S)
                large.bars = bars
        leaving = self.show_the_sum(Group(large.image, large.bars))
        with self.beat("overlay"):
            self.say(f"Only what supports “{self.told['answer']}”")
            self.play(*leaving, run_time=look.IN_S / 2)
            self.stand(image, laid)
            self.play(FadeIn(strength), run_time=look.IN_S / 2)
            self.until(0.4)
            self.outline(laid)
            self.until(0.65)
            self.frame_the_strongest(laid)
        with self.beat("second"):
            self.say(f"And what supports “{self.told['rival']}”")
            self.stand(*([image] if wide else []), laid, laid_2)
            self.until(0.4)
            self.outline(laid_2)
            self.until(0.75)
            self.play(flash(laid_2.picture), run_time=look.MOVE_S)
        leaving = [*self.gallery.leave(), FadeOut(strength)]
        if self.tests and self.plays("tests"):
            leaving = self.show_both_tests(self.tests, leaving)
        with self.beat("doubt"):
            self.play(*leaving, run_time=look.IN_S)
            truth = self.bundle.truth(self.doubt.probe)
            labelled = f"labelled “{truth}”" if truth else ""
            large = self.show_portrait(self.doubt, str(self.told["doubt_title"]), labelled)
        with self.beat("reasons"):
            self.say(
                f"“{self.told['doubt_answer']}” or “{self.told['doubt_rival']}”?", "What supports each of the two?"
            )
            self.play(FadeOut(large), run_time=look.IN_S / 2)
            self.stand(*(doubted if wide else doubted[1:]))
            self.play(FadeIn(doubt_strength), run_time=look.IN_S / 2)
            self.outline(*doubted[1:])
            self.until(0.75)
            self.play(*(flash(one.picture) for one in doubted[1:]), run_time=look.MOVE_S)

    def show_portrait(self, case: Case, statement: str, name: str = "") -> Portrait:
        """The image of `case`, large, with its `name`, and how probable its classes are."""
        answers = [
            (f"“{found.name}”", found.probability, str(self.told[f"{case.name}{kind}_probability"]))
            for found, kind in zip(case.maps, _KINDS, strict=True)
        ]
        large = Portrait(case.image, case.probe, answers, look.body(), name)
        self.say(statement)
        self.play(FadeIn(large.image), run_time=look.IN_S)
        self.play(LaggedStart(*(FadeIn(bar) for bar in large.bars), lag_ratio=0.5), run_time=look.MOVE_S)
        self.until(0.7)
        self.play(flash(large.image.picture), run_time=look.MOVE_S)
        return large

    def show_the_sum(self, leaving: Group) -> list[Animation]:
        """A few maps, each times its weight, and the Grad-CAM map to which all add up, or that alone; how it leaves."""
        layer, probe, slot = self.layer.name, self.case.probe, self.case.slots[0]
        if self.weighing is None or not self.factors:
            signed, _ = self.scales[self.case.name]
            heat = partial(FeatureMap, self.case.maps[0].signed, signed, source=ArraySource(self.array, (probe, slot)))
            strip = ScaleStrip(signed, min(look.body().width, 4.0), "scale of this map")
            room, foot = rooms_with(look.body(), strip)
            strip.move_to(foot.centre)
            gallery = Gallery(room, 1)
            (shown,) = gallery.made([partial(Exhibit, heat, f"Grad-CAM of {layer_name(layer)}", "")])
            gallery.line_up([shown])
            with self.beat("map"):
                self.say("Red supports the answer, blue opposes it")
                self.play(FadeOut(leaving), run_time=look.IN_S / 2)
                self.play(FadeIn(shown, strip), run_time=look.IN_S)
                self.until(0.6)
                self.play(flash(shown.picture), flash(strip.bar), run_time=look.MOVE_S)
            return [FadeOut(shown, strip)]
        total = self.case.maps[0].signed
        sum_ = WeightedSum(self.weighing, total, self.factors, layer, (probe, slot))
        with self.beat("weights"):
            self.say(f"Each map gets a weight for “{self.told['answer']}”")
            self.play(FadeOut(leaving), run_time=look.IN_S / 2)
            for place, animations in enumerate(sum_.enter()):
                self.until(0.6 * place / len(sum_.plain))
                self.play(*animations, run_time=look.IN_S)
            self.until(0.8)
            self.play(*(flash(one.picture) for one in sum_.plain), run_time=look.MOVE_S)
        with self.beat("map"):
            self.say("Times its weight: red supports, blue opposes")
            self.play(*sum_.multiply(), run_time=look.MOVE_S)
            self.remove(*sum_.plain)
            each = min(look.IN_S, (0.85 * self.seconds_left - look.MOVE_S) / sum_.steps)
            for animations, gone in sum_.add_up():
                self.play(*animations, run_time=each)
                self.remove(*gone)
            self.until(0.85)
            self.play(flash(sum_.sums[-1].picture), run_time=look.MOVE_S)
        return sum_.leave()

    def show_both_tests(self, tests: tuple[Ablation, Ablation], leaving: list[Animation]) -> list[Animation]:
        """The map that adds most by Grad-CAM beside the one that is needed most; how they leave."""
        view = LayerView(self.bundle, self.layer.name, self.case.probe)
        scale = ColourScale.of(np.stack([view.map(one.channel) for one in tests]), "shared")
        room, (strip,) = room_beside(look.body(), [scale], "activation", "one scale for both")
        gallery = Gallery(room, 2)
        made = gallery.made(
            [
                partial(
                    Exhibit,
                    partial(FeatureMap, view.map(one.channel), scale, source=view.source(one.channel)),
                    f"channel {one.channel + 1}",
                    str(self.told[key]),
                )
                for one, key in zip(tests, ("removal_first", "removal_needed"), strict=True)
            ]
        )
        gallery.line_up(made)
        with self.beat("tests"):
            self.say("Added up, or taken away: two tests")
            self.play(*leaving, run_time=look.IN_S / 2)
            self.play(FadeIn(made[0], strip), run_time=look.IN_S)
            self.until(0.45)
            self.play(FadeIn(made[1]), run_time=look.IN_S)
            self.until(0.8)
            self.play(*(flash(one.picture) for one in made), run_time=look.MOVE_S)
        return [FadeOut(*made, strip)]

    def makers(self, case: Case) -> list[Callable[[float, float, float], Exhibit]]:
        """The image, and what supports its answer and its rival, laid over it."""
        told, (_, strength) = self.told, self.scales[case.name]
        made = [partial(Exhibit, partial(InputImage, case.image, probe=case.probe), "input image", "")]
        for kind, found in zip(_KINDS, case.maps, strict=True):
            laid = partial(Support, case.image, found.signed, self.layer.field, strength)
            made.append(partial(Exhibit, laid, f"“{found.name}”", str(told[f"{case.name}{kind}_half"])))
        return made

    def outline(self, *laid: Exhibit) -> None:
        """Draw a line around the places that hold half of what supports a class."""
        lines = [(one, one.thing.outline()) for one in laid if isinstance(one.thing, Support)]
        if drawn := [(one, line) for one, line in lines if line.has_points()]:
            self.play(*(Create(line) for _, line in drawn), run_time=look.IN_S)
        self.keep(*drawn)

    def frame_the_strongest(self, laid: Exhibit) -> None:
        """Frame the place that supports the answer most; if nothing does, none."""
        if not self.case.maps[0].supported or not isinstance(laid.thing, Support):
            self.play(flash(laid.picture), run_time=look.MOVE_S)
            return
        frame = laid.thing.frame()
        self.play(Create(frame), run_time=look.IN_S)
        self.keep((laid, frame))
        seen = laid.thing.seen() if self.told["sees"] else None
        if seen is not None:
            self.until(0.85)
            self.play(ReplacementTransform(frame.copy(), seen), run_time=look.MOVE_S)
            self.keep((laid, seen))

    def keep(self, *marks: tuple[Exhibit, VMobject]) -> None:
        """Let each mark, which stands, belong to its exhibit from now on, so that it moves and leaves with it."""
        for exhibit, mark in marks:
            self.remove(mark)
            exhibit.add(mark)

    def stand(self, *exhibits: Exhibit) -> None:
        for animations in self.gallery.steps(*exhibits):
            self.play(*animations, run_time=look.IN_S)
