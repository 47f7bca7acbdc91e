"""Nothing in a scene escapes the ledger: no picture of no array, no hidden one, and no number that nobody measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import TINY, Net, Played, make_bundle, play
from manim import DOWN, RIGHT, FadeIn, ImageMobject, MathTypst, Rectangle, Square, Text

from fmcore.analysis.unclaimed import unclaimed, unclaimed_in_label
from fmcore.bundle import Bundle
from fmcore.check.findings import Finding
from fmcore.check.layout import layout_findings
from fmcore.check.ledger import ledger_findings
from fmcore.check.maps import Shown, values_of
from fmcore.check.proof import prove
from fmcore.check.teaching import teaching_findings
from fmcore.colour import ColourScale
from fmcore.lesson.brief import Figure
from fmcore.lesson.script import Beat, Script
from fmcore.lesson.words import Words
from scenes import look
from scenes.parts.colour_bar import ColourBar
from scenes.parts.feature_map import FeatureMap
from scenes.parts.fitting import fit
from scenes.parts.overlay import Overlay
from scenes.parts.picture import ArraySource, Drawn, Picture
from scenes.parts.text import label
from scenes.stage import LessonScene

NOISE = np.random.default_rng(0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("unproved") / "b.safetensors", Net(widths=(4, 3)))


class Honest(LessonScene):
    """One map of the network, and whatever a class adds to it."""

    title = "A map"
    needs = ("conv1/activation",)
    script = Script.of(
        Beat(cue="map", say="This is a feature map of the network, as it was recorded."),
        Beat(cue="after", say="And here it stands once more, {what} as before."),
    )
    what = "as bright"

    def facts(self) -> dict[str, object]:
        return {"what": self.what, "rows": self.claim("rows", "conv1/activation", words=lambda rows: f"{rows:.0f}")}

    def construct(self) -> None:
        values = self.bundle.part("conv1/activation", self.probe)
        source = ArraySource("conv1/activation", (self.probe, 0))
        scale = ColourScale.of(values[0])
        self.map = fit(
            lambda size: FeatureMap(values[0], scale, size, f"channel 1 of {len(values)}", source),
            look.body(),
            most=3.0,
        )
        for cue in ("map", "after"):
            with self.beat(cue):
                self.play(FadeIn(self.map) if cue == "map" else self.map.animate.shift(0.01 * RIGHT))
                if cue == "map":
                    self.once()
                self.more(cue)

    def once(self) -> None: ...

    def more(self, cue: str) -> None: ...


def noise(size: float) -> ImageMobject:
    image = ImageMobject(NOISE.integers(0, 255, (12, 12, 3), dtype=np.uint8))
    return image.stretch_to_fit_width(size).stretch_to_fit_height(size)


class OnTop(Honest):
    """An invented picture lies over the map."""

    def more(self, cue: str) -> None:
        self.add(noise(self.map.picture.width).move_to(self.map.picture))


class Beside(Honest):
    """An invented picture stands beside the map."""

    def more(self, cue: str) -> None:
        self.add(noise(1.0).next_to(self.map, RIGHT))


class Invented(Honest):
    """A map that looks like ours and comes from nowhere."""

    def more(self, cue: str) -> None:
        self.add(FeatureMap(NOISE.random((12, 12)), ColourScale(0.0, 1.0), 1.0).next_to(self.map, RIGHT))


class FalseBar(Honest):
    """A colour bar whose colours are another thing's."""

    def more(self, cue: str) -> None:
        bar = ColourBar(ColourScale(0.0, 1.0), 1.0)
        bar.bar.pixel_array[..., :3] = NOISE.integers(0, 255, bar.bar.pixel_array[..., :3].shape)
        self.add(bar.next_to(self.map, RIGHT))


class SeeThrough(Honest):
    """The map is a little see-through, and in no ledger."""

    def more(self, cue: str) -> None:
        self.map.picture.set_opacity(0.99)


class Covered(Honest):
    """A square lies over the map all the time."""

    def more(self, cue: str) -> None:
        self.add(Square(self.map.picture.height * 0.9, fill_opacity=1).move_to(self.map.picture))


class CoveredOnce(Honest):
    """A square lies over the map in one of two beats."""

    def more(self, cue: str) -> None:
        if cue == "after":
            self.add(Square(self.map.picture.height * 0.9, fill_opacity=1).move_to(self.map.picture))


class Stacked(Honest):
    """The map lies behind another one, as in a stack."""

    def more(self, cue: str) -> None:
        values = self.bundle.part("conv1/activation", self.probe, 1)
        source = ArraySource("conv1/activation", (self.probe, 1))
        self.add(Picture(values, ColourScale.of(values), 1.0, source).move_to(self.map.picture))


class Told(Honest):
    """Drawn from arrays by parts that say so, and a scale."""

    def more(self, cue: str) -> None:
        field = self.bundle.layer("conv1").field
        image, values = self.bundle.part("probes", 0), self.map.picture.values
        scale = ColourScale.of(values)
        self.add(Overlay(image, values, field, scale, 1.0).next_to(self.map, RIGHT))
        self.add(ColourBar(scale, 1.0).next_to(self.map, DOWN))
        self.add(Picture(NOISE.random((4, 4)), scale, 0.5, Drawn("a sketch")).to_corner(DOWN))


def found(scene: type[LessonScene], bundle: Path, **more: Any) -> list[Finding]:
    played: Played = play(scene, bundle, **more)
    with Bundle.open(bundle) as opened:
        return [*ledger_findings(played.board), *teaching_findings(played.board, opened)]


SOURCE, COVERED, NUMBER = "picture without a source", "picture covered", "number not proved"


@pytest.mark.parametrize(
    ("scene", "rules"),
    [
        (Honest, set()),
        (Told, set()),
        (CoveredOnce, set()),
        (OnTop, {SOURCE, COVERED}),
        (Beside, {SOURCE}),
        (Invented, {SOURCE}),
        (FalseBar, {SOURCE}),
        (SeeThrough, {SOURCE}),
        (Covered, {COVERED}),
    ],
)
def test_a_picture_outside_the_ledger_is_found(bundle: Path, scene: type[LessonScene], rules: set[str]) -> None:
    findings = found(scene, bundle)
    assert {one.rule for one in findings} == rules
    assert all(one.message.endswith(".") and "; " in one.message and one.box for one in findings)


def test_a_map_behind_another_one_of_a_stack_is_no_finding(bundle: Path) -> None:
    assert {one.rule for one in found(Stacked, bundle)} <= {"channels not counted"}


def test_a_map_that_is_half_made_is_proved_as_far_as_it_goes(bundle: Path, tmp_path: Path) -> None:
    """The values that are not there yet count as covered; a wrong one among the others is found."""

    def film(wrong: bool) -> Iterator[str]:
        class Half(Honest):
            def more(self, cue: str) -> None:
                alpha = self.map.picture.pixel_array
                alpha[5, 4:, 3], alpha[6:, :, 3] = 0, 0
                if wrong:
                    alpha[:5, :, :3] = alpha[4::-1, ::-1, :3]

        from fmcore.render.storyboard import storyboard
        from fmcore.render.worker import SegmentJob

        shown = play(Half, bundle)
        job = SegmentJob.model_validate(
            {"scene": "Half", "path": "here.py", "module": __name__, "spec": TINY, "target": tmp_path / "half.mp4",
             "brief": {"bundle": bundle}}
        )  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("fmcore.render.worker.load_scene", lambda name, path, module: Half)
            storyboard(job, film=True)
        with Bundle.open(bundle) as opened:
            for proof in prove(job.target, shown.performance.figures, opened):
                assert len(proof.figure.crossed) >= 2
                yield proof.outcome

    assert set(film(False)) <= {"value by value", "area by area"}
    assert "wrong" in set(film(True))


# -- texts that are not ours -----------------------------------------------------------------------


class Tiny(Honest):
    """A text of manim's, too small and too dark, with a number."""

    def once(self) -> None:
        self.add(Text("99.9% accurate", font_size=8, color="#181818").to_edge(DOWN, buff=1.5))


class TinyFormula(Honest):
    """A formula of three pixels."""

    def once(self) -> None:
        self.add(MathTypst("W_k * x + b_k", color="#202020").scale(0.12).to_edge(DOWN, buff=1.5))


class Hidden(Honest):
    """A label behind a rectangle, and a text of two colours that stands free."""

    def once(self) -> None:
        told = label("This cannot be seen").to_edge(DOWN, buff=1.5)
        self.add(told, Rectangle(width=told.width, height=told.height, fill_opacity=1).move_to(told))
        self.add(Text("free", t2c={"fr": "#FF0000"}, font_size=40).next_to(self.map, RIGHT))


@pytest.mark.parametrize(
    ("scene", "rules"),
    [
        (Tiny, {"text too small", "text too faint", NUMBER}),
        (TinyFormula, {"text too small", "text too faint"}),
        (Hidden, {"text covered"}),
    ],
)
def test_a_text_of_manims_is_read_as_ours_are(bundle: Path, scene: type[LessonScene], rules: set[str]) -> None:
    played = play(scene, bundle)
    dark = np.full((120, 212, 3), (11, 14, 20), np.uint8)
    stills = {"map": dark, "after": dark}
    found_ = [*layout_findings(played.board, stills), *found(scene, bundle)]
    assert {one.rule for one in found_} == rules, found_


def test_a_formula_has_one_text_of_its_size(bundle: Path) -> None:
    class Large(Honest):
        def more(self, cue: str) -> None:
            self.add(MathTypst("a + c", color="#FFFFFF").to_edge(DOWN, buff=1.5))

    (item,) = (one for one in play(Large, bundle).board.frames[0].items if one.name == "formula")
    assert item.colour == "#FFFFFF" and item.capital is not None and item.capital > 0.022


# -- numbers ---------------------------------------------------------------------------------------


class InFact(Honest):
    what = "right on 99.9% of all images"


class InStatement(Honest):
    def more(self, cue: str) -> None:
        self.say("It is right on 99.9% of all images")


class InLabel(Honest):
    def more(self, cue: str) -> None:
        self.add(label("It is right on 99.9% of images").to_edge(DOWN))


@pytest.mark.parametrize("scene", [InFact, InStatement, InLabel])
@pytest.mark.parametrize("german", [False, True])
def test_a_number_among_words_is_found(bundle: Path, scene: type[LessonScene], german: bool) -> None:
    words = Words(language="de", decimal=",", words={"It is right on {1}% of images": "Von allen Bildern {1} %"})
    findings = found(scene, bundle, words=words if german else None)
    assert {one.rule for one in findings} == {NUMBER}
    assert "The number 99.9% is said without a measurement; " in findings[0].message


SOUND = (
    "Of 12 rows, channel 7 of 16 is dead",
    "the maps of “Route 66” in conv12",
    "It takes 5 by 5 pixels and makes 28 × 28 × 8",
    "In lay…2.conv1 and 4…conv, the largest stays",
    "4 of 16 channels, filters 3, 5 and 8",
    "1 is the same pattern, 0 is nothing in common",
    "a closer look: the axis starts at 91%",
)
UNSOUND = {
    "right on 99.9% of images": "99.9%",
    "9 of 10 people": "9",
    "filters move on by 2 places at a time": "2",
    "Of 10 images answered rightly, this is the one": "10",
    "12% of its maps": "12%",  # 12 is measured, as a number of rows
    "channel 7 fires on 80%": "80%",
    "it has 1,000,000 weights": "1,000,000",
    "The score was −3.25 before": "3.25",
}


@pytest.mark.parametrize("text", SOUND)
def test_names_sizes_and_what_a_claim_says_need_no_measurement(text: str) -> None:
    assert unclaimed(text, ["12 rows"], ["conv12", "7", "3"]) == []  # layers may be called by numbers


@pytest.mark.parametrize("text", UNSOUND)
def test_other_numbers_do(text: str) -> None:
    assert UNSOUND[text] in unclaimed(text, ["12 rows"])


def test_axes_and_calculations_may_be_written() -> None:
    for text in ("91%", "−0.42 × 1.3 = −0.55", "28 × 28 × 1", "80% or more off the object"):
        assert unclaimed_in_label(text, []) == []
    for text in ("right: 99.9%", "99.9% above zero", "likeness 0.04", "+0.004 × channel 12"):
        assert unclaimed_in_label(text, []) != []
    assert unclaimed_in_label("right: 99.9%", ["it is 99.9%"]) == []


# -- arrays ----------------------------------------------------------------------------------------


def test_a_layer_called_probes_has_maps_and_no_images(bundle: Path) -> None:
    figure = play(Honest, bundle).performance.figures[0]
    with Bundle.open(bundle) as opened:
        for array, is_image in (("probes", True), ("probes/3/original", True), ("x/patches", True), ("input", True),
                                ("probes/activation", False), ("probes/original", False)):  # fmt: skip
            assert Shown(figure.model_copy(update={"array": array}), opened).is_image == is_image


def test_bytes_that_are_colours_are_shares_of_full_light(rgb_bundle: Path) -> None:
    figure = Figure(
        beat="a", frame=0, array="conv1/patches", index=(0, 1), box=(0, 0, 1, 1), low=0, high=255, scale="shared",
        colours="rgb", covered=False,
    )  # fmt: skip
    with Bundle.open(rgb_bundle) as opened:
        patches = opened.part("conv1/patches", 0, 1)
        assert patches.dtype == np.uint8 and patches.max() > 1
        assert np.array_equal(values_of(figure, opened), patches / 255)
        assert np.array_equal(values_of(figure.model_copy(update={"index": (0, 1, 2)}), opened), patches[2])
