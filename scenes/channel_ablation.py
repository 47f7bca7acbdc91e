"""Ablation: what the answer loses without a channel, the brightest first, then another, then all that were tried."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from manim import RIGHT, FadeIn, FadeOut, Group, Rectangle, ReplacementTransform
from pydantic import Field

from fmcore.analysis.attribution import SEEN, Ablation, brightest_is_decisive, largest_gain, lit_by_brightness, moves
from fmcore.analysis.cases import COUNTS, explained_layer, misleading
from fmcore.analysis.saying import counted, percent
from fmcore.colour import ColourScale
from fmcore.errors import BundleError
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.exhibit import Exhibit, Gallery
from scenes.parts.feature_map import FeatureMap
from scenes.parts.layer_name import layer_name
from scenes.parts.loss_chart import LossChart, largest_of_the_small
from scenes.parts.motion import flash
from scenes.parts.picture import ArraySource, Picture, nothing_over
from scenes.parts.portrait import Portrait
from scenes.parts.scale_strip import ScaleStrip, rooms_with
from scenes.parts.text import whole
from scenes.parts.without import Left, WithoutBar, WithoutBars, ablation_rooms, without_it
from scenes.stage import LessonScene, SceneOptions

_SURE = 0.5  # of a probability: no other class can have more
_MANY = 4  # channels: with fewer, there is no order to look for


class ChannelAblation(LessonScene):
    """What the answer loses without its brightest channel, without the one it needs most, and without each tried."""

    title = "What if a channel is missing?"
    needs = ("probes", "logits")
    script = Script.of(
        Beat(
            cue="image",
            say="{chosen}Here the network answers “{answer}”, with {answer_probability} probability.{truth}"
            " Is that because of its brightest map?",
        ),
        Beat(
            cue="ablate",
            say="{counted}, the brightest of {layer}{of_those} is {brightest}."
            " Set all of it to zero, and the probability {bright_moved}.",
            seconds=7,
        ),
        Beat(cue="decide", say="{decisive_moved} {lesson} {stays}", seconds=7),
        Beat(cue="order", say="{order} {together} {surer}{gain}"),
        Beat(cue="look", say="To know what an answer rests on, do not trust what is bright: take it away and look."),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="A convolution; by default the last with maps of 7 × 7 or more.")

    options: "ChannelAblation.Options"

    # -- what was measured -------------------------------------------------------------------------

    def prepare(self) -> None:
        layer = (
            self.bundle.layer(self.options.layer) if self.options.layer else explained_layer(self.bundle, "ablation")
        )
        if layer is None:
            raise BundleError(
                "ChannelAblation needs a convolution of which single channels were set to zero, and"
                f" '{self.bundle.path.name}' has none; record it again with `fmcore record`."
            )
        self.layer, self.array = layer, f"{layer.name}/ablation"
        self.subject = self.probe if self.options.probe is not None else misleading(self.bundle, layer.name)
        self.decision = brightest_is_decisive(self.bundle, layer.name, self.subject)
        self.lit = lit_by_brightness(self.bundle, layer.name, self.subject)
        self.signed = bool((self.bundle.part(f"{layer.name}/activation", self.subject) < 0).any())

    def facts(self) -> Mapping[str, object]:
        predicted = self.bundle.header.probes[self.subject].predicted
        self.chance = self.claim("probability of a class", "logits", self.subject, predicted, words=percent)
        return {
            "layer": layer_name(self.layer.name),
            "answer": self.bundle.class_name(predicted),
            "answer_probability": self.chance,
            "chosen": self.told_of_the_choice(),
            "truth": {True: " That is right.", False: " That is wrong.", None: ""}[self.bundle.is_right(self.subject)],
            **self.facts_of_the_decision(),
            **self.facts_of_the_order(),
        }

    def told_of_the_choice(self) -> Claim | str:
        """That this image was not taken at random."""
        among = self.claim(
            "images to choose from",
            "header/probes",
            words=lambda n: (
                f"Of {whole(n)} images{' answered rightly' * (n < len(self.bundle.header.probes))}, this is the one in"
                " which brightness misleads most. "
            ),
        )
        if self.options.probe is not None or among.value < 2 or self.decision.beyond_the_brightest < COUNTS:
            return ""
        return among

    def facts_of_the_decision(self) -> Mapping[str, object]:
        bright, decisive = self.decision.brightest, self.decision.decisive
        tried = self.of_tried("length", words=partial(counted, noun="channel"))
        several = tried.value > 1
        counts = several and decisive.change <= -COUNTS
        same = "Here the brightest is the one needed most, too." if self.decision.same else "Both count about equally."
        of_those = "" if tried.value == self.layer.output_shape[0] else " of those tried"
        neither = f"So no map{of_those} decides alone." if several else "One channel cannot be compared."
        lesson = self.of_tried(
            "drop beyond the brightest's",
            words="So the brightest is not the one needed most." if counts else neither,
            at_least=COUNTS,
            otherwise=same if counts else neither,
        )
        return {
            "brightest": self.of_tried("brightest of those tried", words=lambda c: f"channel {whole(c)}"),
            "of_those": of_those,
            "counted": "Counting only what is above zero" if self.signed else "Added up over all places",
            "bright_moved": self.change(bright, ""),
            "decisive": f"channel {decisive.channel + 1}",
            "decisive_moved": self.told_of_the_neediest(tried),
            "tried": tried,
            "lesson": lesson,
            "stays": self.answer_without(decisive)
            or self.of_tried("least probability left", words="Neither decides alone: the answer stays.", at_least=_SURE)
            if counts and lesson.holds
            else "",
        }

    def told_of_the_neediest(self, tried: Claim) -> Claim | str:
        decisive = self.decision.decisive
        if self.decision.same:
            return f"No other is needed more, of {tried} tried." if tried.value > 1 else "No other channel was tried."
        if decisive.change > -SEEN:
            none = f"No channel of {tried} tried is needed: without channel {decisive.channel + 1}, the probability"
            return self.change(decisive, none)
        most = f"Channel {decisive.channel + 1} is needed most, of {tried} tried: without it, the probability"
        return self.change(decisive, most)

    def facts_of_the_order(self) -> Mapping[str, object]:
        """Whether brighter channels cost more, where enough were tried and any of them costs anything."""
        if len(self.lit) < _MANY or self.decision.decisive.change > -COUNTS:
            return {"order": "", "together": "", "surer": "", "gain": ""}
        gain = largest_gain(self.bundle, self.layer.name, self.subject)
        little, most = SEEN <= gain < COUNTS, partial(self.of_tried, "largest gain without a channel")
        surer = "a little surer" if little else "even surer."
        return {
            "order": self.of_tried(
                "lit channels tried",
                words=lambda n: (
                    f"Here are the {whole(n)} channels tried that are above zero somewhere, the brightest first."
                ),
            ),
            "together": self.of_tried(
                "place of the neediest",
                words=lambda n: f"The one needed most stands in place {whole(n)}.",
                at_least=2,
                otherwise="The one needed most stands first.",
            ),
            "surer": self.of_tried(
                "channels in the way",
                words=lambda n: f"Without {'one' if n == 1 else whole(n)} of them, the answer gets {surer}",
                at_least=1,
            ),
            "gain": most(words=lambda gain: f", by at most {np.ceil(1000 * gain) / 10:.1f} points.") if little else "",
        }

    def answer_without(self, ablation: Ablation) -> Claim | None:
        """What is answered without a channel, as a sentence; None where that is not known."""
        if ablation.predicted is None:
            return None
        answer = self.bundle.header.probes[self.subject].predicted

        def words(then: float) -> str:
            name = self.bundle.class_name(int(then))
            return (
                f"The answer stays “{name}” all the same." if int(then) == answer else f"The answer becomes “{name}”."
            )

        return self.claim("value", f"{self.array}_predicted", self.subject, self.place_of(ablation), words=words)

    def place_of(self, ablation: Ablation) -> int:
        """Where its channel stands among those that were set to zero."""
        ablated = self.bundle.part(f"{self.layer.name}/ablated", self.subject)
        return int(np.flatnonzero(ablated == ablation.channel)[0])

    def of_tried(self, measure: str, **said: Any) -> Claim:
        """A claim about what setting channels to zero did to this answer."""
        return self.claim(measure, self.array, self.subject, **said)

    def change(self, ablation: Ablation, start: str) -> Claim:
        """What setting a channel to zero did to the probability of the answer; a sentence where it has a `start`."""
        changed = partial(self.claim, "value", self.array, self.subject, self.place_of(ablation))
        return changed(words=lambda change: f"{start} {moves(change)}." if start else moves(change))

    # -- what is shown -----------------------------------------------------------------------------

    def construct(self) -> None:
        image = self.bundle.part("probes", self.subject)
        answer = (f"“{self.told['answer']}”", self.chance.value, self.chance.words)
        large = Portrait(image, self.subject, [answer], look.body())
        with self.beat("image"):
            self.play(FadeIn(large.image), run_time=look.IN_S)
            self.say("Is the brightest map the reason?")
            self.play(*map(FadeIn, large.bars), run_time=look.IN_S)
            self.until(0.7)
            self.play(flash(large.bars[0].percentage), run_time=look.MOVE_S)
        picture, standing = self.show_two(large)
        last: Rectangle | Picture = picture
        if self.plays("order"):
            last = self.show_all(standing)
        with self.beat("look"):
            self.say("Take it away and look")
            self.until(0.5)
            self.play(flash(last), run_time=look.MOVE_S)

    def show_two(self, large: Portrait) -> tuple[Picture, Group]:
        """The brightest channel and the decisive one, and what is left without either: the last map, and all of it."""
        array, wide, body = f"{self.layer.name}/activation", look.shape() == "wide", look.body()
        tried = list(dict.fromkeys((self.decision.brightest, self.decision.decisive)))
        maps = [self.bundle.part(array, self.subject, one.channel) for one in tried]
        scale = ColourScale.of(np.stack(maps), "shared")
        note = "scale of this map" if len(maps) == 1 else "one scale for both maps" if wide else "one scale"
        least = body.width if look.shape() == "tall" else body.columns(1, 1)[0].width
        strip = ScaleStrip(scale, min(least, 4.0), note)
        upper, lower, foot = ablation_rooms(rooms_with(body, strip)[0])
        strip = ScaleStrip(scale, min(foot.width, 4.0), note).move_to(foot.centre)
        gallery, makers, left = Gallery(upper, 2), [], [self.left(one) for one in tried]
        for one, values, rest in zip(tried, maps, left, strict=True):
            heat = partial(FeatureMap, values, scale, source=ArraySource(array, (self.subject, one.channel)))
            words = layer_name(self.layer.name) if wide else without_it(rest)  # wide, the bars tell
            makers.append(partial(Exhibit, heat, f"{rest.name} of {self.layer.output_shape[0]}", words))
        shown = gallery.made(makers)
        told = [exhibit.words.copy() for exhibit in shown]
        if not wide:  # what is left without a map is told when it is taken away
            for exhibit in shown:
                exhibit.words.set_opacity(0)
        width = lower.width if wide else shown[0].words.width
        bars = WithoutBars(str(self.told["answer"]), self.chance.value, left if wide else [], width)
        bars.move_to(lower.centre).align_to([lower.right, 0, 0], RIGHT)
        with self.beat("ablate"):
            self.say(f"Without {self.told['brightest']}, the brightest")
            self.play(FadeOut(large), run_time=look.IN_S / 2)
            for animations in gallery.steps(shown[0]):
                self.play(*animations, FadeIn(strip), *map(FadeIn, bars[:1]), run_time=look.IN_S)
            self.take_away(shown[0], scale, left[0], bars[1] if wide else told[0])
        with self.beat("decide"):
            self.say("Would it do without another?" if self.decision.same else f"Without {self.told['decisive']}")
            for animations in gallery.steps(*shown):
                self.play(*animations, run_time=look.IN_S)
            if len(shown) > 1:
                self.take_away(shown[1], scale, left[1], bars[2] if wide else told[1])
            else:
                self.until(0.5)
                self.play(flash(shown[0].picture), run_time=look.MOVE_S)
        return shown[-1].picture, Group(*shown, bars, strip)

    def left(self, ablation: Ablation) -> Left:
        """What is left of the answer without a channel."""
        before, then = self.chance.value, ablation.predicted
        answer = self.bundle.header.probes[self.subject].predicted
        told = "" if then is None else f"{'still' if then == answer else 'now'} “{self.bundle.class_name(then)}”"
        after = float(np.clip(before + ablation.change, 0, 1))
        return Left(f"channel {ablation.channel + 1}", before, after, told)

    def take_away(self, exhibit: Exhibit, scale: ColourScale, left: Left, bar: WithoutBar) -> None:
        """The map is zero everywhere for a while, so that one sees what was taken away; and what that changes."""
        picture = exhibit.picture
        dark = nothing_over(picture, scale)
        beside = look.shape() != "wide"
        if beside:
            bar.move_to(exhibit.words)
        before, changes = bar.grows_from(left.before)
        self.until(0.25)
        self.play(FadeIn(before), run_time=look.IN_S)
        self.play(FadeIn(dark), *changes, run_time=2 * look.MOVE_S)
        self.remove(*before.get_family(), *bar.get_family())
        self.add(exhibit.words.become(bar) if beside else bar)
        if left.then and look.shape() == "tall":  # where no bar has room for it
            self.say(f"Without {left.name}: {left.then}")
        self.until(0.85)
        self.play(FadeOut(dark), run_time=look.IN_S)

    def show_all(self, leaving: Group) -> Rectangle:
        """A bar for each channel that was tried, from the brightest to the faintest; the one that costs most."""
        marked = {0: f"{self.told['brightest']}, the brightest"}
        last = self.lit.index(self.decision.decisive)  # it is lit, since the answer falls without it
        marked |= {last: f"{self.told['decisive']}, needed most"} if last else {}
        changes = [one.change for one in self.lit]
        chart = LossChart(changes, marked, look.body())
        small = largest_of_the_small(changes)
        with self.beat("order"):
            self.say("Does what is bright count most?")
            self.play(FadeOut(leaving), run_time=look.IN_S / 2)
            self.play(FadeIn(chart.axes), run_time=look.IN_S)
            self.play(chart.grow(), run_time=2 * look.MOVE_S)
            self.until(0.5)
            self.play(FadeIn(chart.axes.keys), run_time=look.IN_S)
            if small:
                self.until(0.65)
                chart = self.enlarge(chart, LossChart(changes, marked, look.body(), small))
            self.until(0.8)
            self.play(flash(chart.bars[last]), run_time=look.MOVE_S)
        bar: Rectangle = chart.bars[last]
        return bar

    def enlarge(self, chart: LossChart, close: LossChart) -> LossChart:
        """The bars again, so that those can be seen which the largest one dwarfs."""
        self.say("The same bars, enlarged")
        self.play(FadeOut(chart.axes, chart.axes.keys), run_time=look.IN_S / 2)
        self.play(
            FadeIn(close.axes, close.axes.keys), ReplacementTransform(chart.bars, close.bars), run_time=look.MOVE_S
        )
        self.play(FadeIn(close.cuts), run_time=look.IN_S / 2)
        return close
