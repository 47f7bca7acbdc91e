"""Two networks, one image: which channels both have, which only one has, and where their answers part."""

from collections.abc import Mapping

from manim import DOWN, UP, Create, FadeIn, FadeOut, Group, LaggedStart, ReplacementTransform, VGroup
from pydantic import Field

from fmcore.analysis.compare import MATCHED
from fmcore.analysis.counterparts import (
    NEARLY,
    Parting,
    called,
    clearest,
    compared,
    counterpart,
    crossing,
    image_in_common,
    likeness,
    likest,
    loneliest,
    parting,
)
from fmcore.analysis.saying import percent
from fmcore.bundle import Bundle
from fmcore.errors import BundleError
from fmcore.lesson.claims import Claim
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.answer_bar import AnswerBar
from scenes.parts.comparison_rooms import comparison_rooms
from scenes.parts.comparison_words import ComparisonWords
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.fitting import fit
from scenes.parts.layer_name import layer_name
from scenes.parts.layer_view import LayerView
from scenes.parts.likeness_table import LikenessTable, cell_frame, score
from scenes.parts.matched_maps import Found, MapPair, MatchedMaps
from scenes.parts.motion import flash
from scenes.parts.side import Side, stacks
from scenes.parts.text import whole
from scenes.stage import LessonScene, SceneOptions

_PAIRS = {"wide": 4, "square": 3, "tall": 2}
_LAYERS = {"wide": 6, "square": 5, "tall": 3}
_SAME = 0.9  # a correlation from which on two maps show the same


class ModelComparison(LessonScene):
    """The channels of two networks matched one to one, the likeness of their layers, and an image that parts them."""

    title = "Did two networks learn the same?"
    needs = ("probes", "logits")
    script = Script.of(
        Beat(
            cue="meet",
            say="One image, two networks: A is “{one}”, B is “{two}”. Each has filters of its own."
            " Did both learn to look for the same things?",
        ),
        Beat(
            cue="order",
            say="Here are maps of {layer}, A above and B below, with equal numbers in one column."
            " But a filter's number is only its place: equal numbers need not belong together.",
        ),
        Beat(
            cue="matched",
            say="So we match channels by the correlation of their maps over {images} test images: 1 is the same"
            " pattern, 0 is nothing in common. In A, {matched} of {channels} find a partner in B.",
        ),
        Beat(
            cue="best",
            say="Look at {best}. Over all those images their correlation is {best_likeness}."
            " {verdict}{pattern}{starts}",
        ),
        Beat(
            cue="alone",
            say="{some} For {lone} of A, the most similar one in B has a correlation of {lone_likeness}:"
            " {lone_verdict}.{lone_here}",
        ),
        Beat(
            cue="layers",
            say="How alike are whole layers? CKA is near 1 where images that are alike to one network are alike to the"
            " other, and near 0 where they are not. The first layers score {first}, the last {last}{trend}.",
        ),
        Beat(
            cue="answers",
            say="{agree} To this {image}, A says {answer} and B says {other_answer}.{truth}",
        ),
        Beat(
            cue="lesson",
            say="{shared}; what one found alone may be an accident of training."
            " A map shows one network, not the world.",
        ),
    )

    class Options(SceneOptions):
        layer: str | None = Field(None, description="A layer of the first network; by default its first.")

    options: "ModelComparison.Options"

    # -- what is compared ------------------------------------------------------------------------

    def prepare(self) -> None:
        one, other = self.bundle, self.other
        if other is one:
            raise BundleError(
                f"ModelComparison compares two networks, and only '{one.path.name}' is given; name a second one,"
                ' with --other or in the plan, such as `other = "deep"`.'
            )
        if other.digest == one.digest:
            raise BundleError(
                f"ModelComparison compares two networks, and '{one.path.name}' and '{other.path.name}' are the same;"
                " name one that was trained otherwise, such as from another seed."
            )
        other.require("probes", "logits")
        self.found = compared(one, other)
        self.pair = counterpart(one, other, self.options.layer or self.found.layers[0][0])
        other.require(f"{self.pair.other}/activation")
        here = image_in_common(one, other, self.probe, self.options.probe is not None)
        names = called(one, other, self.brief.names if self.brief else None)
        self.a = Side("A", names[0], LayerView(one, self.pair.layer, here[0]))
        self.b = Side("B", names[1], LayerView(other, self.pair.other, here[1], other=True))
        self.parted = parting(one, other) or Parting(here[0], "logits", here[1])
        self.alike = likeness(one, other, self.pair.layer)  # (C1, C2)
        nearest = likest(one, other, self.pair.layer, int(self.alike.max(1).argmax()))
        pairs = list(self.pair.matching.pairs) or [nearest]
        # those that this image lights come first
        pairs.sort(key=lambda pair: self.a.view.flat(pair.one) or self.b.view.flat(pair.other))
        maps = self.a.view.activation, self.b.view.activation  # (C, H, W) each
        if first := clearest(pairs, maps, one.part("probes", here[0])):
            pairs.sort(key=lambda pair: pair != first)
        self.best = pairs[0]
        most = MatchedMaps.columns_within((self.a, self.b), comparison_rooms()[2], _PAIRS[look.shape()])
        self.shown = crossing(pairs, most)
        lit = [pair for pair in pairs if not self.a.view.flat(pair.one)]  # of a flat map nothing could be seen
        lone = loneliest(one, other, self.pair.layer)
        loosest = min(lit or pairs, key=lambda pair: pair.correlation)
        self.lone = loosest if lone is None or (lit and self.a.view.flat(lone.one)) else lone

    def facts(self) -> Mapping[str, object]:
        layers = self.found.layers
        truth, shown = self.owner.truth(self.parted.probe), self.owner.header.probes[self.parted.probe]
        partner = "correlation with its partner" if self.pair.matching.pairs else "largest correlation"
        alone = self.lone.one in self.pair.matching.unmatched_one
        nearest = "largest correlation" if alone else partner
        words = ComparisonWords(self.claim, self.bundle, self.other, self.pair)
        over_both = words.compared
        return {
            "one": self.a.name,
            "two": self.b.name,
            "layer": " and ".join(dict.fromkeys(map(layer_name, (self.pair.layer, self.pair.other)))),
            "images": over_both("images in common", words=whole),
            "channels": self.claim("channels", self.a.view.array, self.a.view.probe, words=whole),
            "matched": over_both("matched channels", words=lambda n: whole(n) if n else "none"),
            "best": f"channel {self.best.one + 1} of A and channel {self.best.other + 1} of B",
            "best_likeness": over_both(partner, self.best.one, words=score),
            "verdict": over_both(
                partner,
                self.best.one,
                words=lambda r: "Both found the same." if r >= _SAME else "Both found nearly the same.",
                at_least=NEARLY,
                otherwise="The two are not the same.",
            ),
            "pattern": words.of_the_pattern(self.best),
            **words.of_starts(),
            "some": over_both(
                "matched channels",
                words="Not every channel finds a partner.",
                at_most=len(self.alike) - 1,
                otherwise="Every channel finds a partner.",
            ),
            "lone": f"channel {self.lone.one + 1}",
            "lone_likeness": over_both(nearest, self.lone.one, words=score),
            "lone_verdict": over_both(
                nearest,
                self.lone.one,
                words=lambda r: "no single channel there does its work" if r else "it is the same on every image",
                at_most=MATCHED,
                otherwise="that one has a closer partner" if alone else "the loosest pair of all",
            ),
            "lone_here": words.of_this_image(self.lone, (self.a.view.probe, self.b.view.probe)),
            "first": over_both("CKA", 0, layer=layers[0][0], words=score),
            "last": over_both("CKA", len(layers[1]) - 1, layer=layers[0][-1], words=score),
            "trend": over_both(
                "loss of CKA with depth", words=": these are less alike", at_least=0.1, layer=layers[0][-1]
            ),
            "agree": words.agreement(self.found),
            "image": "one" if shown.source.startswith("test image") else "image",  # not one of those
            **self.answers(),
            "truth": f" It is labelled {_quoted(truth)}." if truth else "",
        } | {f"pair_{pair.one}": over_both(partner, pair.one, words=score) for pair in self.shown}

    def answers(self) -> dict[str, Claim]:
        """What both say of the image that parts them, and how sure they are."""
        mine, theirs = self.parted.answers
        found = {}
        for key, bundle, (array, row) in (("", self.bundle, mine), ("other_", self.other, theirs)):
            other = bundle is self.other
            name, sure = "class of the answer", ("probability of the answer", array)
            if array != "logits":
                name, sure = "value", ("value", "test_probability")
            found[f"{key}answer"] = self.claim(
                name, array, row, words=lambda n, of=bundle: _quoted(of.class_name(int(n))), other=other
            )
            found[f"{key}sure"] = self.claim(*sure, row, words=percent, other=other)
        return found

    # -- what is shown ---------------------------------------------------------------------------

    def construct(self) -> None:
        sides, told = (self.a, self.b), self.told
        wide, tall = look.shape() == "wide", look.shape() == "tall"
        image_room, beside, table_room, pair_room = comparison_rooms()
        image = self.image_of(self.a.view.probe, image_room)
        words = [f"r = {told[f'pair_{pair.one}']}" for pair in self.shown]
        table = fit(lambda size: MatchedMaps(sides, self.shown, words, size), table_room, most=2.4)
        best = fit(lambda size: MapPair(sides, self.best, size), pair_room, most=3.6)
        lone = fit(lambda size: MapPair(sides, self.lone, size), pair_room, most=3.6)
        both = fit(lambda size: stacks(sides, size), beside, most=2.8)
        equal = table.equal()
        with self.beat("meet"):
            self.say(f"One image, {told['layer']} of two networks")
            self.play(FadeIn(image), run_time=look.IN_S)
            for stack in both[:2]:
                self.play(FadeIn(stack, target_position=image, scale=0.4), run_time=look.MOVE_S)
            self.play(FadeIn(both[2]), run_time=look.IN_S / 2)
            self.until(0.7)
            self.play(flash(image.picture), run_time=look.MOVE_S)
        with self.beat("order"):
            count = len(self.shown)
            every = self.a.view.channels, self.b.view.channels
            below = sum(pair.one < every[1] for pair in self.shown)
            self.say(f"By number: {count} of {every[0]} channels of A, {below} of {every[1]} of B")
            self.play(FadeOut(both, *([] if wide else [image])), run_time=look.IN_S / 2)
            self.play(LaggedStart(*(FadeIn(tile) for tile in table.above), lag_ratio=0.3), run_time=look.MOVE_S)
            self.until(0.45)
            self.play(LaggedStart(*(FadeIn(tile) for tile in equal), lag_ratio=0.3), run_time=look.MOVE_S)
            self.play(FadeIn(table.note), run_time=look.IN_S / 2)
            self.until(0.75)
            names = [tile.name_label[-1] for tile in (*table.above, *equal) if isinstance(tile, FeatureMap)]
            self.play(*map(flash, names), run_time=look.MOVE_S)
        with self.beat("matched"):
            self.say(f"Matched by correlation r: {told['matched']} of {told['channels']} channels of A")
            for moves, seconds in zip(table.matching(equal), (look.IN_S, look.MOVE_S, look.IN_S), strict=True):
                if moves:
                    self.play(*moves, run_time=seconds)
            self.until(0.5)
            shown = (FadeIn(word, shift=look.NEAR * UP) for word in table.words)
            self.play(LaggedStart(*shown, lag_ratio=0.3), run_time=look.MOVE_S)
        with self.beat("best"):
            self.say(f"{told['best'][0].upper()}{told['best'][1:]}: correlation {told['best_likeness']}")
            at = self.shown.index(self.best)
            rest = [tile for row in (table.above, table.below) for k, tile in enumerate(row) if k != at]
            self.play(FadeOut(*rest, table.words, table.note), run_time=look.IN_S / 2)
            grown = ((table.above[at], best.one), (table.below[at], best.two))
            self.play(*(ReplacementTransform(*pair) for pair in grown), run_time=look.MOVE_S)
            self.play(FadeIn(best.note, *([image] if tall else [])), run_time=look.IN_S / 2)
            self.until(0.6)
            self.play(flash(best.one.picture), flash(best.two.picture), run_time=look.MOVE_S)
        with self.beat("alone"):
            self.say(f"The most similar one: correlation {told['lone_likeness']}")
            self.play(FadeOut(best.one, best.two, best.note), run_time=look.IN_S / 2)
            self.play(FadeIn(lone.one, lone.note), run_time=look.IN_S)
            self.until(0.4)
            self.play(FadeIn(lone.two), run_time=look.IN_S)
            self.until(0.7)
            if told["lone_here"].holds:
                self.say(f"On this image alone: {score(told['lone_here'].value)}")
            self.play(flash(lone.one.picture), run_time=look.MOVE_S)
        self.show_layers(FadeOut(lone, *([image] if wide or tall else [])))
        self.show_answers()
        self.show_lesson()

    @property
    def owner(self) -> Bundle:
        """The bundle that has the image of `parted` among its probes."""
        return self.other if self.parted.of_other else self.bundle

    def image_of(self, probe: int, room: look.Region, name: str = "input image", of_other: bool = False) -> InputImage:
        pixels = (self.other if of_other else self.bundle).part("probes", probe)  # (C, H, W)
        return fit(lambda size: InputImage(pixels, size, name, probe, of_other), room, most=3.4)

    def show_layers(self, leaving: FadeOut) -> None:
        heads = (f"A: {self.a.name}", f"B: {self.b.name}") if look.shape() != "tall" else ("A", "B")
        most = _LAYERS[look.shape()]
        self.table = fit(
            lambda cell: LikenessTable(self.found.cka, self.found.layers, heads, cell, most), look.body(), most=1.5
        )
        self.frames = VGroup()
        with self.beat("layers"):
            self.say(f"CKA of layers: first {self.told['first']}, last {self.told['last']}")
            self.play(leaving, run_time=look.IN_S / 2)
            self.play(FadeIn(self.table), run_time=look.MOVE_S)
            for share, end in zip((0.22, 0.36), self.table.ends, strict=False):
                self.until(share)
                self.play(flash(end), run_time=look.IN_S)
            for share, cell in zip((0.55, 0.75), self.table.corners, strict=True):
                self.until(share)
                self.frames.add(frame := cell_frame(cell))
                self.play(Create(frame, lag_ratio=0), run_time=look.MOVE_S)

    def show_answers(self) -> None:
        body, told = look.body(), self.told
        image_room, room = body.rows(1.25, 1) if look.shape() == "tall" else body.columns(1, 1.3)
        truth = self.owner.truth(self.parted.probe)
        name = f"labelled {_quoted(truth)}" if truth else "input image"
        image = self.image_of(self.parted.probe, image_room, name, self.parted.of_other)
        said = (("A", "answer", "sure", look.ACCENT), ("B", "other_answer", "other_sure", look.SECOND))
        bars = VGroup(
            AnswerBar(f"{letter} says {told[answer]}", told[sure].value, str(told[sure]), min(room.width, 6), color)
            for letter, answer, sure, color in said
        )
        agreement = self.found.agreement
        alike = VGroup()
        if agreement is not None:
            share = agreement.share
            alike.add(AnswerBar("both answer alike", share, percent(share), min(room.width, 6), look.MUTED))
        every = VGroup(*alike, *bars)
        free = (room.height - sum(bar.height for bar in every)) / max(1, len(every) - 1)
        every.arrange(DOWN, buff=min(0.7, free)).move_to(room.centre)
        with self.beat("answers"):
            self.say("Alike inside, alike in the answer?")
            self.play(FadeOut(self.table, *self.frames), run_time=look.IN_S / 2)
            for bar in alike:
                self.play(FadeIn(bar), run_time=look.IN_S)
            self.until(0.35)
            self.play(FadeIn(image), run_time=look.IN_S)
            for share, bar in zip((0.5, 0.7), bars, strict=True):
                self.until(share)
                self.play(FadeIn(bar), run_time=look.MOVE_S)
        self.leaving = Group(image, every)

    def show_lesson(self) -> None:
        alone = self.told["lone_verdict"].holds and 0 < self.lone.correlation < MATCHED
        lone = self.lone.one if alone else None
        both = "found by both" if self.told["verdict"].holds else "the most similar"
        image_room, *_, room = comparison_rooms()
        beside = look.shape() == "wide" or (
            look.shape() == "tall" and lone is None
        )  # where there is room for the image
        figure = fit(
            lambda size: Found((self.a, self.b), self.best, lone, both, size),
            room if beside else look.body(),
            most=3.4 if beside else 2.8,
        )
        image = Group(self.image_of(self.a.view.probe, image_room)) if beside else Group()
        grown = {"target_position": image, "scale": 0.6} if beside else {}
        with self.beat("lesson"):
            self.say("One network is one answer among many")
            self.play(FadeOut(self.leaving), run_time=look.IN_S / 2)
            if beside:  # what both found comes from it
                self.play(FadeIn(image), run_time=look.IN_S / 2)
            self.play(FadeIn(figure.both, figure.note, **grown), run_time=look.IN_S)
            self.until(0.25)
            self.play(*(flash(picture) for picture in figure.pictures), run_time=look.MOVE_S)
            self.until(0.45)
            if lone is not None:
                self.play(FadeIn(figure.alone), run_time=look.IN_S)
            self.until(0.75)
            self.play(*(flash(picture) for picture in figure.pictures), run_time=look.MOVE_S)


def _quoted(name: str) -> str:
    return f"“{name}”"
