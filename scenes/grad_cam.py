"""Grad-CAM: how weighted maps add up to the places that support an answer, and that these do not decide it."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from manim import Animation, Create, FadeIn, FadeOut, Group, LaggedStart, VMobject
from pydantic import Field

from fmcore.analysis.cases import MORE, Case, case_of, doubtful, explained_layer, misleading
from fmcore.analysis.saying import counted, percent
from fmcore.analysis.weighing import Weighing
from fmcore.errors import BundleError
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.exhibit import Exhibit, Gallery
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.layer_name import layer_name
from scenes.parts.motion import flash
from scenes.parts.phrases import field_words
from scenes.parts.picture import ArraySource
from scenes.parts.portrait import Portrait
from scenes.parts.scale_strip import ScaleStrip, room_beside, rooms_with
from scenes.parts.score_bars import ScoreBars, weak_facts
from scenes.parts.support import Support, scales_of
from scenes.parts.text import on_scale, whole
from scenes.parts.weighted_sum import WeightedSum, shown_at_once
from scenes.stage import LessonScene, SceneOptions

_KINDS = ("answer", "rival")
_HALF = "places of half the support"
_ROUNDING = 1e-3  # of a map's largest value: what adding up in another order may change
_NO_WEIGHTS = dict.fromkeys(("weights", "example", "speaks", "counterexample", "speaks_too"), "")


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
            say="{weights} {example} {speaks} {counterexample} {speaks_too}",
        ),
        Beat(cue="map", say="{sum} Red places support it, blue ones oppose it.", seconds=11),
        Beat(cue="overlay", say="Now lay what supports it over the image. {half} {strongest} {sees}"),
        Beat(
            cue="second",
            say="Every class has a map of its own, “{rival}” too, which gets {rival_probability}. {verdict}",
        ),
        Beat(cue="doubt", say="{doubt} “{doubt_answer}”, with {doubt_answer_probability}.", seconds=7),
        Beat(
            cue="reasons",
            say="Here is what supports “{doubt_answer}”, and what supports “{doubt_rival}”. {doubt_verdict} {others}",
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
        self.doubt = case_of(self.bundle, layer.name, doubtful(self.bundle, subject), "doubt_")
        self.weighing = Weighing.of(self.bundle, layer.name, subject, self.case.slots[0])

    def facts(self) -> Mapping[str, object]:
        return {
            "layer": layer_name(self.layer.name),
            **weak_facts(self.bundle, self.claim),
            **self.facts_of(self.case),
            **self.facts_of_the_sum(),
            **self.facts_of_the_strongest(),
            "sees": f"Each place stands for all it sees, {field_words(self.layer.field)}, not for its square alone."
            if self.layer.field.known and self.case.maps[0].supported
            else "",
            "verdict": self.told_of_support(self.case),
            **self.facts_of(self.doubt),
            **self.facts_of_the_doubt(),
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
                _HALF,
                self.array,
                case.probe,
                slot,
                words=lambda places: f"half of it: {counted(places, 'place')}",
                at_least=1,
                otherwise="nothing supports it here",
            )
        return facts

    def facts_of_the_sum(self) -> Mapping[str, object]:
        """What the maps are multiplied with, where a bundle tells and there are several; else only that they are."""
        layer, answer = layer_name(self.layer.name), self.case.maps[0].name
        array, at = f"{self.layer.name}/gradcam_weight", (self.case.probe, self.case.slots[0])
        self.factors: dict[int, str] = {}
        if self.weighing is None or len(self.weighing.weights) < 2 or not self.weighing.added.any():
            return _NO_WEIGHTS | {"sum": self.weights_told()}
        sum_ = self.claim(
            "error of the weighted sum",
            array,
            *at,
            words=f"Multiply each map by its weight, add up {_all(len(self.weighing.weights))}: the result is one map.",
            at_most=_ROUNDING,
            otherwise=self.weights_told(),
        )
        if not sum_.holds:
            return _NO_WEIGHTS | {"sum": sum_}
        asks = (
            f"It asks of each map of {layer}: how much would the score of “{answer}” rise if it got a little brighter?"
        )
        said: list[tuple[Claim, Claim]] = []
        for channel in self.weighing.examples(shown_at_once()):
            weight = self.claim("value", array, *at, channel, words=partial(_told_of_weight, channel=channel))
            self.factors[channel] = _factor(float(self.weighing.weights[channel]))
            adds = partial(self.claim, "added to a class", array, *at, channel)
            below = float(self.weighing.activation[channel].sum(dtype=np.float64)) < 0  # the sign turns about
            its = "Its map lies below zero, so it speaks" if below else "It speaks"
            against = adds(words=f"{its} against the answer.", at_most=0)
            said.append((weight, against if against.holds else adds(words=f"{its} for the answer.", at_least=0)))
        return {
            "weights": f"Grad-CAM takes nothing away. {asks} That is its weight, on average over its places.",
            "example": said[0][0],
            "speaks": said[0][1],
            "counterexample": said[-1][0] if len(said) > 1 else "",
            "speaks_too": said[-1][1] if len(said) > 1 else "",
            "sum": sum_,
        }

    def weights_told(self) -> str:
        by = f"by how much it would raise “{self.case.maps[0].name}”"
        return f"Grad-CAM weights each map of {layer_name(self.layer.name)} {by}, and adds them up."

    def facts_of_the_strongest(self) -> Mapping[str, object]:
        place = (self.array, self.case.probe, self.case.slots[0])
        if not self.case.maps[0].supported:
            return {"half": f"Nothing supports “{self.case.maps[0].name}”, so it is left as it is.", "strongest": ""}
        column = self.claim("column of the largest value", *place, words=whole)
        row = partial(self.claim, "row of the largest value", *place)
        of = self.case.maps[0].signed.size
        return {
            "half": self.claim(
                _HALF, *place, words=lambda n: f"Half of it comes from the {_outlined(n)}, of {whole(of)}."
            ),
            "strongest": row(words=lambda r: f"Strongest is row {whole(r)}, column {column}."),
            "column": column,
        }

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
            "doubt_verdict": self.told_of_support(self.doubt),
            "others": self.told_of_others() if self.doubt.goes_with_support else "",
        }

    def told_of_support(self, case: Case) -> Claim | str:
        """What the two maps of `case` say of who won."""
        answer, rival = case.maps
        if not answer.supported:
            return "The answer came all the same: Grad-CAM does not see everything."
        if not rival.supported:
            none = f"Nothing supports “{rival.name}” here."
            return self.claim(_HALF, self.array, case.probe, case.slots[1], words=none, at_most=0)
        ratio = partial(self.claim, "support against another's", self.array, case.probe, at_least=MORE)
        if case.goes_against_support:
            more, wins = f"In all, “{rival.name}” has", "and still loses: such a map shows where, not who wins."
            return ratio(*reversed(case.slots), words=lambda x: f"{more} {_times(x)} the support {wins}")
        if case.goes_with_support:
            return ratio(*case.slots, words=lambda x: f"In all, “{answer.name}” has {_times(x)} the support.")
        return "Both have about as much support: such a map shows where, not who wins."

    def told_of_others(self) -> Claim:
        """Whether the support decides: on how many of the images here it does not."""
        images = self.claim("length", self.array, words=whole)
        return self.claim(
            "answers with less support",
            self.array,
            words=lambda n: (
                f"But on {whole(n)} of {images} images here, the answer has less: a map shows where, not who wins."
            ),
            at_least=1,
            otherwise="But such a map shows where, not why.",
        )

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
            self.until(0.75)
            self.frame_the_strongest(laid)
        with self.beat("second"):
            self.say(f"And what supports “{self.told['rival']}”")
            self.stand(*([image] if wide else []), laid, laid_2)
            self.until(0.4)
            self.outline(laid_2)
            self.until(0.75)
            self.play(flash(laid_2.picture), run_time=look.MOVE_S)
        with self.beat("doubt"):
            self.play(*self.gallery.leave(), FadeOut(strength), run_time=look.IN_S)
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

    def keep(self, *marks: tuple[Exhibit, VMobject]) -> None:
        """Let each mark, which stands, belong to its exhibit from now on, so that it moves and leaves with it."""
        for exhibit, mark in marks:
            self.remove(mark)
            exhibit.add(mark)

    def stand(self, *exhibits: Exhibit) -> None:
        for animations in self.gallery.steps(*exhibits):
            self.play(*animations, run_time=look.IN_S)


def _times(ratio: float) -> str:
    """`1.4 times`, `11 times`."""
    return f"{ratio:.1f} times" if ratio < 9.95 else f"{whole(ratio)} times"


def _factor(weight: float) -> str:
    """`+0.0113`, `−0.0195`: three digits that count."""
    return f"{'+' if weight > 0 else ''}{on_scale(weight, abs(weight), 3)}"


def _told_of_weight(weight: float, channel: int) -> str:
    return f"Channel {channel + 1} gets {_factor(weight)}."


def _all(count: float) -> str:
    return "both" if count == 2 else f"all {whole(count)}"


def _outlined(count: float) -> str:
    return "one outlined place" if count == 1 else f"{whole(count)} outlined places"
