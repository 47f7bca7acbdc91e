"""Grad-CAM: which places support an answer, right or wrong, and why neither they nor a bright map are the reason."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from manim import RIGHT, Create, FadeIn, FadeOut, LaggedStart, Transform, VMobject
from pydantic import Field

from fmcore.analysis.attribution import Ablation, brightest_is_decisive
from fmcore.analysis.cases import MORE, Case, case_of, doubtful, explained_layer, misleading
from fmcore.analysis.saying import percent
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.exhibit import Exhibit, Gallery
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.layer_name import layer_name
from scenes.parts.marks import values_frame
from scenes.parts.motion import flash
from scenes.parts.picture import ArraySource
from scenes.parts.portrait import Portrait
from scenes.parts.scale_strip import ScaleStrip
from scenes.parts.score_bars import ScoreBars, weak_facts
from scenes.parts.support import Support, scales_of
from scenes.parts.text import whole
from scenes.parts.without import WithoutBars, ablation_rooms, without_it
from scenes.stage import LessonScene, SceneOptions

_KINDS = ("answer", "rival")
_CLEARLY = 0.05  # of all places: an area larger by this is called larger
_SEEN = 0.0005  # of a probability: a change that one decimal of a percentage point shows
_COUNTS = 0.01  # of a probability: a change from which on a channel is said to count, or to count more than another


class GradCam(LessonScene):
    """Which regions drive an answer by Grad-CAM, for a right and a wrong answer, and what an ablation adds."""

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
            cue="map",
            say="Grad-CAM weights each map of {layer} by how much it would raise “{answer}”, and adds them up."
            " Red places support it, blue ones oppose it.",
        ),
        Beat(cue="overlay", say="Now lay what supports it over the image: {answer_support}. {strongest}"),
        Beat(
            cue="second",
            say="Every class has a map of its own. Here {rival_support}, which gets {rival_probability}. {verdict}",
        ),
        Beat(cue="doubt", say="{doubt} “{doubt_answer}”, with {doubt_answer_probability}.", seconds=7),
        Beat(cue="reasons", say="Here {doubt_answer_support}, and {doubt_rival_support}. {area} {others}"),
        Beat(
            cue="ablate",
            say="Is a bright map the reason? Without {brightest} of {layer}, the brightest for the first image,"
            " the probability of “{answer}” {bright_moved}.",
        ),
        Beat(cue="decide", say="{decisive_moved} {lesson} To know what counts, take it away and look."),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="A convolution; by default the last with maps of 7 × 7 or more.")

    options: "GradCam.Options"

    # -- what was measured -------------------------------------------------------------------------

    def prepare(self) -> None:
        layer = self.bundle.layer(self.options.layer) if self.options.layer else explained_layer(self.bundle)
        if layer is None or self.bundle.info("gradcam_classes").shape[1] < 2:
            raise BundleError(
                "GradCam needs a convolution with ablations and the Grad-CAM maps of two classes, and"
                f" '{self.bundle.path.name}' has none; record it again with `fmcore record`."
            )
        self.layer, self.array = layer, f"{layer.name}/gradcam"
        subject = self.probe if self.options.probe is not None else misleading(self.bundle, layer.name)
        self.decision = brightest_is_decisive(self.bundle, layer.name, subject)
        self.case = case_of(self.bundle, layer.name, subject)
        self.doubt = case_of(self.bundle, layer.name, doubtful(self.bundle, subject), "doubt_")

    def facts(self) -> Mapping[str, object]:
        return {
            "layer": layer_name(self.layer.name),
            **weak_facts(self.bundle, self.claim),
            **self.facts_of(self.case),
            **self.facts_of_the_strongest(),
            "verdict": self.told_of_support(self.case),
            **self.facts_of(self.doubt),
            **self.facts_of_the_doubt(),
            **self.facts_of_the_decision(),
        }

    def facts_of(self, case: Case) -> Mapping[str, object]:
        """Of both classes of `case` their names, their probabilities and how many places support them."""
        facts: dict[str, object] = {}
        for kind, found, slot in zip(_KINDS, case.maps, case.slots, strict=True):
            key, quoted = case.name + kind, f"“{found.name}”"
            share = partial(self.claim, "share that supports", self.array, case.probe, slot, at_least=1e-9)
            facts[key] = found.name
            facts[f"{key}_probability"] = self.claim(
                "probability of a class", "logits", case.probe, found.index, words=percent
            )
            facts[f"{key}_support"] = share(
                words=lambda part, quoted=quoted: f"{percent(part)} of the places support {quoted}",
                otherwise=f"nothing supports {quoted}",
            )
            facts[f"{key}_share"] = share(
                words=lambda part: f"{percent(part)} of places support it", otherwise="nothing supports it here"
            )
        return facts

    def facts_of_the_strongest(self) -> Mapping[str, object]:
        place = (self.array, self.case.probe, self.case.slots[0])
        if not self.case.maps[0].supported:
            return {"strongest": "So the image is left as it is."}
        column = self.claim("column of the largest value", *place, words=whole)
        row = partial(self.claim, "row of the largest value", *place)
        return {"strongest": row(words=lambda r: f"Strongest is row {whole(r)}, column {column}."), "column": column}

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
            "area": self.told_of_support(self.doubt),
            "others": self.told_of_others() if self.doubt.goes_with_support else "",
        }

    def told_of_support(self, case: Case) -> Claim | str:
        """What the two maps of `case` say of who won: their support, and the areas that it covers."""
        answer, rival = case.maps
        if not answer.supported:
            return "The answer came all the same: Grad-CAM does not see everything."
        against = partial(self.claim, "support against another's", self.array, case.probe, *reversed(case.slots))
        if case.goes_against_support:
            wins = "and still loses: such a map shows where, not who wins."
            return against(words=lambda x: f"In all, “{rival.name}” has {_times(x)} the support {wins}", at_least=MORE)
        larger = rival.share >= answer.share + _CLEARLY
        if case.goes_with_support:
            start = "That area is larger, but in all" if larger else "In all"
            return against(words=f"{start}, “{answer.name}” has more support.", at_most=1 / MORE)
        if larger:
            return self.claim(
                "share that supports",
                self.array,
                case.probe,
                case.slots[1],
                words="So the larger area lost: how strongly a place speaks counts too.",
                at_least=answer.share + _CLEARLY,
            )
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

    def facts_of_the_decision(self) -> Mapping[str, object]:
        bright, decisive, array = self.decision.brightest, self.decision.decisive, f"{self.layer.name}/ablation"
        tried = self.claim("length", array, self.case.probe, words=lambda n: f"{whole(n)} channel{'s' * (n > 1)}")
        other = f"Channel {decisive.channel + 1} is needed most, of {tried} tried: without it, the probability"
        alone = f"No other is needed more, of {tried} tried." if tried.value > 1 else "No other channel was tried."
        same = "Here the brightest is the most decisive, too." if self.decision.same else "Both count about equally."
        neither = "So no map decides alone." if tried.value > 1 else "One channel cannot be compared."
        counts = decisive.change <= -_COUNTS and tried.value > 1
        lesson = self.claim(
            "drop beyond the brightest's",
            array,
            self.case.probe,
            words="So the brightest is not the decisive one." if counts else neither,
            at_least=_COUNTS,
            otherwise=same if counts else neither,
        )
        return {
            "brightest": f"channel {bright.channel + 1}",
            "bright_moved": self.change(bright, ""),
            "decisive": f"channel {decisive.channel + 1}",
            "decisive_moved": alone if self.decision.same else self.change(decisive, other),
            "tried": tried,
            "lesson": lesson,
        }

    def change(self, ablation: Ablation, start: str) -> Claim:
        """What setting a channel to zero did to the probability of the answer; a sentence where it has a `start`."""
        ablated = self.bundle.part(f"{self.layer.name}/ablated", self.case.probe)
        place = int(np.flatnonzero(ablated == ablation.channel)[0])
        changed = partial(self.claim, "value", f"{self.layer.name}/ablation", self.case.probe, place)
        return changed(words=lambda change: f"{start} {_moves(change)}." if start else _moves(change))

    # -- what is shown -----------------------------------------------------------------------------

    def construct(self) -> None:
        body, wide = look.body(), look.shape() == "wide"
        halves, width = body.columns(1, 1), min(body.columns(1, 1)[0].width, 4.0)
        self.scales = {one.name: scales_of([found.signed for found in one.maps]) for one in (self.case, self.doubt)}
        strips = [
            [ScaleStrip(signed, width, _for_both("maps")), ScaleStrip(strength, width, _for_both("overlays"))]
            for signed, strength in self.scales.values()
        ]
        foot = body.bottom + max(strip.height for pair in strips for strip in pair)
        room = look.Region(body.left, body.right, foot + look.GAP, body.top - look.NEAR)
        for strip, half in zip((*strips[0], *strips[1]), (*halves, *halves), strict=True):
            strip.move_to([half.centre[0], (foot + body.bottom) / 2, 0])
        self.gallery = Gallery(room)
        made = self.gallery.made([*self.makers(self.case), *self.makers(self.doubt)])
        (image, heat, laid, heat_2, laid_2), doubted = made[:5], made[6:]
        (signed, strength), both = strips
        doubt_strips = both if wide else [both[1].set_x(room.centre[0])]  # there overlays stand without their maps
        large = self.portrait(self.case)
        with self.beat("answer"):
            self.play(FadeIn(large.image), run_time=look.IN_S)
            self.say(f"Why “{self.told['answer']}”?")
            self.play(LaggedStart(*(FadeIn(bar) for bar in large.bars), lag_ratio=0.5), run_time=look.MOVE_S)
            self.until(0.7)
            self.play(flash(large.image.picture), run_time=look.MOVE_S)
        bars = large.bars
        if self.plays("weak"):
            with self.beat("weak"):
                bars = ScoreBars(self.told, bars.width).move_to(bars)
                self.say(f"A weak network: {self.told['right']} of {self.told['tests']} right")
                self.play(FadeOut(large.bars), run_time=look.IN_S / 2)
                self.play(LaggedStart(*(FadeIn(bar) for bar in bars), lag_ratio=0.5), run_time=look.MOVE_S)
                self.until(0.6)
                self.play(flash(bars[0].percentage), run_time=look.MOVE_S)
        with self.beat("map"):
            self.say("Red supports the answer, blue opposes it")
            _, enter = self.gallery.steps(image, heat)
            self.play(FadeOut(bars), Transform(large.image, image.thing), run_time=look.MOVE_S)
            self.remove(large.image)
            self.add(image)
            self.play(*enter, FadeIn(signed), run_time=look.IN_S)
            self.until(0.6)
            self.play(flash(heat.picture), flash(signed.bar), run_time=look.MOVE_S)
        with self.beat("overlay"):
            self.say(f"Only what supports “{self.told['answer']}”")
            self.stand(*([image] if wide else []), heat, laid)
            self.play(FadeIn(strength), run_time=look.IN_S / 2)
            self.until(0.45)
            self.outline(laid)
            self.until(0.75)
            self.frame_the_strongest(heat, laid)
        with self.beat("second"):
            self.say(f"And what supports “{self.told['rival']}”")
            self.stand(*([heat, laid] if wide else []), heat_2, laid_2)
            self.until(0.4)
            self.outline(laid_2)
            self.until(0.75)
            self.play(flash(laid_2.picture), run_time=look.MOVE_S)
        large = self.portrait(self.doubt)
        with self.beat("doubt"):
            self.say(str(self.told["doubt_title"]))
            self.play(*self.gallery.leave(), FadeOut(signed, strength), run_time=look.IN_S)
            self.play(FadeIn(large.image), run_time=look.IN_S)
            self.play(LaggedStart(*(FadeIn(bar) for bar in large.bars), lag_ratio=0.5), run_time=look.MOVE_S)
            self.until(0.75)
            self.play(flash(large.image.picture), run_time=look.MOVE_S)
        with self.beat("reasons"):
            self.say(f"“{self.told['doubt_answer']}” or “{self.told['doubt_rival']}”?")
            self.play(FadeOut(large), run_time=look.IN_S / 2)
            self.stand(*(doubted if wide else doubted[1::2]))
            self.play(FadeIn(*doubt_strips), run_time=look.IN_S / 2)
            self.outline(*doubted[1::2])
            self.until(0.75)
            self.play(flash(doubted[1].picture), flash(doubted[3].picture), run_time=look.MOVE_S)
        self.show_ablation(room, doubt_strips)

    def portrait(self, case: Case) -> Portrait:
        answers = [
            (f"“{found.name}”", found.probability, str(self.told[f"{case.name}{kind}_probability"]))
            for found, kind in zip(case.maps, _KINDS, strict=True)
        ]
        return Portrait(case.image, case.probe, answers, look.body())

    def makers(self, case: Case) -> list[Callable[[float, float, float], Exhibit]]:
        """The image, and of its answer and the rival map and overlay."""
        told, (signed, strength) = self.told, self.scales[case.name]
        chances = [f"“{told[case.name + kind]}” {told[f'{case.name}{kind}_probability']}" for kind in _KINDS]
        made = [partial(Exhibit, partial(InputImage, case.image, probe=case.probe), "input image", chances[0])]
        for kind, found, slot, chance in zip(_KINDS, case.maps, case.slots, chances, strict=True):
            source = ArraySource(self.array, (case.probe, slot))
            heat = partial(FeatureMap, found.signed, signed, source=source)
            laid = partial(Support, case.image, found.signed, self.layer.field, strength)
            made.append(partial(Exhibit, heat, f"“{found.name}”", f"Grad-CAM of {layer_name(self.layer.name)}"))
            made.append(partial(Exhibit, laid, chance, str(told[f"{case.name}{kind}_share"])))
        return made

    def show_ablation(self, room: look.Region, strips: Sequence[ScaleStrip]) -> None:
        """The brightest channel and the decisive one, and how probable the answer is without either."""
        array, probe, answer = f"{self.layer.name}/activation", self.case.probe, self.case.maps[0]
        tried = list(dict.fromkeys((self.decision.brightest, self.decision.decisive)))
        maps = [self.bundle.part(array, probe, one.channel) for one in tried]
        scale = ColourScale.of(np.stack(maps), "shared")
        wide = look.shape() == "wide"
        upper, lower, foot = ablation_rooms(room)
        gallery, makers, left = Gallery(upper, 2), [], {}
        for one, values in zip(tried, maps, strict=True):
            name = f"channel {one.channel + 1}"
            left[name] = float(np.clip(answer.probability + one.change, 0, 1))
            heat = partial(FeatureMap, values, scale, source=ArraySource(array, (probe, one.channel)))
            words = layer_name(self.layer.name) if wide else without_it(left[name])  # wide, the bars tell
            makers.append(partial(Exhibit, heat, f"{name} of {self.layer.output_shape[0]}", words))
        shown = gallery.made(makers)
        bars = WithoutBars(answer.probability, left if wide else {}, lower.width if wide else shown[0].words.width)
        bars.move_to(lower.centre).align_to([lower.right, 0, 0], RIGHT)
        note = _for_both("maps") if len(maps) > 1 else "scale of this map"
        shared = ScaleStrip(scale, min(foot.width, 4.0), note).move_to(foot.centre)
        with self.beat("ablate"):
            self.say(f"Without {self.told['brightest']}, the brightest")
            self.play(*self.gallery.leave(), FadeOut(*strips), run_time=look.IN_S)
            for animations in gallery.steps(shown[0]):
                self.play(*animations, FadeIn(shared), *map(FadeIn, bars[:1]), run_time=look.IN_S)
            self.until(0.6)
            self.play(flash(shown[0].picture), *map(FadeIn, bars[1:2]), run_time=look.MOVE_S)
        with self.beat("decide"):
            self.say("Would it do without another?" if self.decision.same else f"Without {self.told['decisive']}")
            for animations in gallery.steps(*shown):
                self.play(*animations, run_time=look.IN_S)
            self.until(0.5)
            self.play(flash(shown[-1].picture), *map(FadeIn, bars[2:]), run_time=look.MOVE_S)

    def outline(self, *laid: Exhibit) -> None:
        """Draw a line around the places that support a class, which may be faint on a scale that others share."""
        lines = [(one, one.thing.outline()) for one in laid if isinstance(one.thing, Support)]
        if drawn := [(one, line) for one, line in lines if line.has_points()]:
            self.play(*(Create(line) for _, line in drawn), run_time=look.IN_S)
        self.keep(*drawn)

    def frame_the_strongest(self, heat: Exhibit, laid: Exhibit) -> None:
        """Frame the place that supports the answer most, on its map and on the image; if nothing does, none."""
        if not self.case.maps[0].supported:
            self.play(flash(laid.picture), run_time=look.MOVE_S)
            return
        row, column = (int(at) for at in np.unravel_index(int(heat.picture.values.argmax()), heat.picture.grid))
        frames: list[tuple[Exhibit, VMobject]] = [(heat, values_frame(heat.picture, row, column, row + 1, column + 1))]
        if isinstance(laid.thing, Support):
            frames.append((laid, laid.thing.frame()))
        self.play(*(Create(frame) for _, frame in frames), run_time=look.IN_S)
        self.keep(*frames)

    def keep(self, *marks: tuple[Exhibit, VMobject]) -> None:
        """Let each mark, which stands, belong to its exhibit from now on, so that it moves and leaves with it."""
        for exhibit, mark in marks:
            self.remove(mark)
            exhibit.add(mark)

    def stand(self, *exhibits: Exhibit) -> None:
        for animations in self.gallery.steps(*exhibits):
            self.play(*animations, run_time=look.IN_S)


def _moves(change: float) -> str:
    if abs(change) < _SEEN:
        return "hardly changes"
    return f"{'falls' if change < 0 else 'rises'} by {abs(change) * 100:.1f} points"


def _for_both(things: str) -> str:
    """What shares a scale, as there is room for it."""
    return f"for both {things}" if look.shape() == "tall" else f"one scale for both {things}"


def _times(ratio: float) -> str:
    """`1.4 times`, `11 times`."""
    return f"{ratio:.1f} times" if ratio < 9.95 else f"{whole(ratio)} times"
