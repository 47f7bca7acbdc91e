"""The stage that every lesson scene stands on: its bundle, its options, its beats and its ledger."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from manim import (
    DL,
    DOWN,
    DR,
    RIGHT,
    Animation,
    FadeIn,
    FadeOut,
    Group,
    Line,
    Mobject,
    Scene,
    ShowPassingFlash,
    Transform,
    Wait,
    config,
)

from fmcore.analysis.measures import digest_of, measure, sample_size
from fmcore.analysis.naming import PHI_NAMES, called
from fmcore.bundle import Bundle
from fmcore.choices import probe_number
from fmcore.errors import BundleError, FmcoreError, PlanError, RenderError, one_of
from fmcore.header import LayerInfo
from fmcore.lesson.brief import Brief, Figure, Performance
from fmcore.lesson.claims import Claim, SpokenClaim
from fmcore.lesson.script import Script, TimedBeat
from fmcore.lesson.storyboard import StoryFrame
from fmcore.lesson.theme import DARK
from scenes import look
from scenes.ledger import read_figures, read_items
from scenes.options import SceneOptions as SceneOptions  # scenes take it from here
from scenes.options import default_bundle, understood
from scenes.parts.heading import top_of
from scenes.parts.motion import coming, leaving
from scenes.parts.text import in_language, is_cut, number, paragraph, speak, texts_used
from scenes.unproved import unproved

_LONG_S = 5.0  # of standing still: learners look away
_TINY = 1e-9  # of a duration: keeps manim's float arithmetic from gaining or losing a frame


class LessonScene(Scene):
    """A scene with a title, a script, the arrays it needs and a `construct` that plays its beats."""

    title: ClassVar[str]
    script: ClassVar[Script]
    needs: ClassVar[tuple[str, ...]] = ()  # may hold placeholders of options, such as "{layer}/activation"
    bundle_name: ClassVar[str] = "tutorial-garments"  # used when nobody names a bundle
    Options: ClassVar[type[SceneOptions]] = SceneOptions

    poster: ClassVar[str] = ""  # the beat whose end makes the picture of the whole film, if it is in one
    caption_top: ClassVar[float] = look.CAPTION_TOP  # players may cover what lies below
    brief: Brief | None = None  # set by the driver before the scene is played
    on_beat: Callable[[str], None] | None = None  # told of the end of every beat, when its last frame stands

    # -- for the driver --------------------------------------------------------------------------

    @classmethod
    def read_options(cls, given: Mapping[str, object]) -> SceneOptions:
        """The options of a plan as this scene understands them.

        Raises:
            PlanError: options that the scene does not have, or values that do not fit; all of them are named.
            RenderError: the class itself lacks a title or a script.
        """
        for name, example in (("title", '"What it shows"'), ("script", 'Script.of(Beat(cue="a", say="It is said."))')):
            if not hasattr(cls, name):
                raise RenderError(f"{cls.__name__} has no {name}; give the class one, such as {name} = {example}.")
        return understood(cls.Options, given, cls.__name__)

    # -- for scenes ------------------------------------------------------------------------------

    @property
    def heading(self) -> str:
        """What stands above it, and what its chapter is called."""
        return self.title

    def lead_with(self, heading: Mobject) -> None:
        """Show `heading` instead of the line that scenes have at the top."""
        self.remove(self._heading, *self._part)
        self._heading = heading
        self.add(heading)

    def facts(self) -> Mapping[str, object]:
        """What fills the placeholders of the script: names, and claims for whatever is measured.

        Asked for once, before anything is drawn; `self.told` keeps it, so that a label can say the same.
        """
        return {}

    def claim(
        self,
        name: str,
        array: str,
        *index: int,
        words: Callable[[float], str] | str = number,
        at_least: float | None = None,
        at_most: float | None = None,
        otherwise: str = "",
        other: bool = False,
    ) -> Claim:
        """Take measure `name` of `array`, or its part at `index`, and put it into `words`.

        With `at_least` or `at_most` it is a judgement: where the number does not hold, `otherwise` is said.
        `other` measures the bundle that is compared with.

        Raises:
            BundleError: no such measure, array or part.
        """
        bundle, reference = (self.other, self.bundle) if other else (self.bundle, self.other)
        value = measure(name, bundle, array, index, reference)
        holds = (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
        said = words if isinstance(words, str) else words(value)
        return Claim(
            words=said if holds else otherwise,
            measure=name,
            array=array,
            index=index,
            digest=digest_of(bundle, array),
            value=value,
            relation="is" if at_least is at_most is None else "at most" if at_least is None else "at least",
            threshold=at_most if at_least is None else at_least,
            sample_size=sample_size(name, bundle, array, reference),
            holds=holds,
            other=other,
        )

    def prepare(self) -> None:
        """Read from the bundle what `facts` and `construct` use."""

    @contextmanager
    def beat(self, cue: str) -> Iterator[TimedBeat]:
        """Own the stretch of time of beat `cue`; what the block leaves of it is waited out.

        Raises:
            RenderError: beats out of order, or more played than the beat has room for.
        """
        expected = self.timeline[self._played] if self._played < len(self.timeline) else None
        if expected is None or expected.cue != cue:
            wanted = f"'{expected.cue}'" if expected else "the end"
            raise RenderError(
                f"{type(self).__name__} plays beat '{cue}' where its script has {wanted}; play beats in order."
            )
        yield expected
        left = expected.end - self.frame_now
        if left < 1:  # the last frame of a play is not its end: without one more, the end is never seen
            raise RenderError(
                f"{type(self).__name__} overruns beat '{cue}' by {(1 - left) / config.frame_rate:.2f} s;"
                " shorten its animations or give the beat more seconds."
            )
        self._wait_frames(left)
        self._note_figures(expected)
        self._played += 1

    def plays(self, cue: str) -> bool:
        """Whether the film has beat `cue`: one that has nothing to say of this network is left out."""
        return any(beat.cue == cue for beat in self.timeline)

    def say(self, text: str, otherwise: str = "") -> None:
        """Put `text` in the statement line, in the place of what stands there; `otherwise` where it has no room."""
        region = look.statement_region()
        most = look.LINES[look.shape()][1]
        fits = {"width": region.width, "height": region.height}
        new = paragraph(text, look.STATEMENT, look.ACCENT, most=most, whole=True, **fits)
        if otherwise and is_cut(new):
            text, new = otherwise, paragraph(otherwise, look.STATEMENT, look.ACCENT, most=most, whole=True, **fits)
        self._stated += [(beat.cue, text) for beat in self.timeline[self._played :][:1]]
        _put(new, region)
        old, self._statement = self._statement, new
        if old is None:
            self.play(FadeIn(new), run_time=look.IN_S / 2)
        else:
            self.play(FadeOut(old, rate_func=leaving), FadeIn(new, rate_func=coming), run_time=look.IN_S / 2)

    def show_large(self, *parts: Mobject) -> Group:
        """Fade in copies of `parts` beside each other, as large as the body allows, for `settle`."""
        region = look.body()
        large = Group(*(part.copy() for part in parts)).arrange(RIGHT, buff=look.GAP)
        large.scale(min(region.height / large.height, region.width / large.width, 1.6)).move_to(region.centre)
        self.play(FadeIn(large), run_time=look.IN_S)
        return large

    def settle(self, large: Group, *parts: Mobject) -> None:
        """At the end of the beat, let the copies shrink to `parts`, which then stand in their place."""
        if (pause := self.seconds_left - look.MOVE_S - look.IN_S / 2) > 0:
            self.wait(pause)
        self.play(*(Transform(*pair) for pair in zip(large, parts, strict=True)), run_time=look.MOVE_S)
        self.remove(large, *large)
        self.add(*parts)

    def until(self, share: float) -> None:
        """Wait until this share of the beat that is being played has passed, so that it does not stand still after."""
        beat = self.timeline[self._played]
        if (frames := round(beat.start + share * beat.frames) - self.frame_now) > 0:
            self._wait_frames(frames)

    @property
    def seconds_left(self) -> float:
        """What remains of the beat that is being played, less the frame that shows its end."""
        return (self.timeline[self._played].end - self.frame_now - 1) / config.frame_rate

    @property
    def frame_now(self) -> int:
        return round(self.renderer.time * config.frame_rate)

    @property
    def probe(self) -> int:
        """The index of the probe that the options name."""
        return probe_number(self.bundle, self.options.probe)

    def layer_of(self, wanted: str | None, default: int = 0) -> LayerInfo:
        """The layer that the options name, or convolution number `default`, from 0; the last one where there are fewer.

        Raises:
            BundleError: no such layer, or no convolution.
        """
        if wanted is None and not self.bundle.convolutions:
            raise BundleError(
                f"{type(self).__name__} shows a convolution, and '{self.bundle.path.name}' holds none (its layers are"
                f" {', '.join(self.bundle.layer_names)}); name the bundle of a network that has one."
            )
        return self.bundle.layer(wanted) if wanted is not None else self.bundle.convolutions[: default + 1][-1]

    def channel_of(self, layer: LayerInfo, wanted: int | None, choose: Callable[[np.ndarray], int]) -> int:
        """The channel of `layer` that the options name, counted from 1 as on screen, or the one that `choose` finds.

        Raises:
            PlanError: the layer has no such channel.
        """
        count = layer.output_shape[0]
        if wanted is None:
            return choose(self.bundle.part(f"{layer.name}/activation", self.probe))
        if not 1 <= wanted <= count:
            raise PlanError(f"Layer '{layer.name}' has channels 1 to {count} and no {wanted}; change the option.")
        return wanted - 1

    # -- called by manim -------------------------------------------------------------------------

    def setup(self) -> None:
        look.register_fonts()
        look.use(self.brief.theme if self.brief else DARK)
        try:
            self._set_the_stage()
        except FmcoreError as error:
            if self.brief is not None:
                raise
            raise SystemExit(error.message) from None  # under plain `manim`: the sentence, no traceback

    def tear_down(self) -> None:
        if self._played < len(self.timeline):
            missing = self.timeline[self._played].cue
            raise RenderError(f"{type(self).__name__} never plays beat '{missing}' of its script; play it.")
        for bundle in {id(one): one for one in (self.bundle, self.other)}.values():
            bundle.close()

    def play(self, *animations: Any, **settings: Any) -> None:
        """Play as manim does, and note when something moves."""
        start = self.frame_now
        super().play(*animations, **settings)
        still = len(animations) == 1 and isinstance(animations[0], Wait) and self._stands_still()
        if not still and self.frame_now > start:
            self.moving.append((start, self.frame_now))

    def get_run_time(self, animations: list) -> float:
        """Whole frames only, so that the frames of a scene are those that its script says."""
        frames = max(1, round(super().get_run_time(animations) * config.frame_rate))
        # manim floors a still wait and rounds a play up; both must come to `frames`.
        still = len(animations) == 1 and isinstance(animations[0], Wait)
        return frames / config.frame_rate * (1 + _TINY if still else 1 - _TINY)

    # -- inside ----------------------------------------------------------------------------------

    def _set_the_stage(self) -> None:
        brief = self.brief or Brief(bundle=default_bundle(self.bundle_name))
        self.bundle = Bundle.open(brief.bundle or default_bundle(self.bundle_name))
        self.other = Bundle.open(brief.other) if brief.other else self.bundle
        self.options = self.read_options(brief.options)
        self.bundle.require(*self._needed())
        self.figures: list[Figure] = []
        self.story: list[StoryFrame] = []
        self.moving: list[tuple[int, int]] = []
        self._played = 0
        self._statement: Mobject | None = None
        self._part: list[Mobject] = []
        both = (self.bundle, self.other)
        networks = [*(brief.names or ()), *(one.header.model.name for one in both)]
        layers = [called(name) for one in both for name in one.layer_names]
        speak(brief.words, [*layers, *PHI_NAMES], networks)
        self._stated: list[tuple[str, str]] = []
        self._names = [*layers, *(name for one in both for name in one.layer_names), *PHI_NAMES, *networks]
        self.prepare()
        self.told = self.facts()
        english = self.script.filled(self.told)
        script = english.said_as(in_language)
        for opening in brief.openings(self.bundle.header.model.name):
            english, script = english.opened_with(opening), script.opened_with(in_language(opening))
        self.english = {beat.cue: beat.say for beat in english.beats}
        script = script.with_voice(brief.voice)
        self.timeline = script.timed(int(config.frame_rate), self.options.seconds, brief.pace)
        self.camera.background_color = look.BACKGROUND
        network = self.bundle.header.model.name if brief.several else ""
        self._heading, notes = top_of(self.heading, brief.part, brief.begins, network)
        self._part = list(notes)
        self.add(self._heading, *self._part)

    def _needed(self) -> Iterator[str]:
        options = self.options.model_dump()
        if isinstance(self.needs, str):
            raise PlanError(
                f"{type(self).__name__}.needs is a text, and names of arrays in a tuple are expected; add a"
                f' comma: needs = ("{self.needs}",).'
            )
        for name in self.needs:
            try:
                yield name.format_map(options)
            except KeyError as missing:
                no_such = one_of("option", str(missing.args[0]), list(options))
                raise PlanError(f"{type(self).__name__}.needs has '{name}'. {no_such}") from None

    def _wait_frames(self, frames: int) -> None:
        """Wait, and where that is long let light run below the statement now and then, so that nobody drifts off."""
        if not self._stands_still():
            self.wait(frames / config.frame_rate, frozen_frame=None)
            return
        gleam = round(look.MOVE_S * config.frame_rate)
        times = int(frames / config.frame_rate / _LONG_S)
        for left in range(times, 0, -1):
            pause = (frames - left * gleam) // (left + 1)
            self.wait(pause / config.frame_rate, frozen_frame=True)
            self.play(self._gleam(), run_time=gleam / config.frame_rate)
            frames -= pause + gleam
        self.wait(frames / config.frame_rate, frozen_frame=True)

    def _gleam(self) -> Animation:
        text = self._statement or self._heading
        line = Line(text.get_corner(DL), text.get_corner(DR)).shift(DOWN * look.NEAR)
        return ShowPassingFlash(line.set_stroke(look.ACCENT, 2 * look.STROKE), time_width=0.5)

    def _stands_still(self) -> bool:
        return not any(mobject.get_family_updaters() for mobject in self.mobjects)

    def _note_figures(self, beat: TimedBeat) -> None:
        self.figures.extend(read_figures(self.mobjects, beat))
        if self.on_beat is not None:
            self.on_beat(beat.cue)
        self.story.append(StoryFrame(beat=beat.cue, number=beat.end - 1, items=tuple(read_items(self.mobjects))))

    def _spoken(self) -> Iterator[SpokenClaim]:
        """Every claim with each beat whose sentence makes it; one that only a label shows has no beat."""
        places = dict.fromkeys(self.script.placeholders)
        for name, claim in self.told.items():
            if isinstance(claim, Claim):
                cues = [cue for cue, used in places if used == name and self.plays(cue)]
                for cue in cues or [""] * bool(claim.words):
                    yield SpokenClaim(beat=cue, name=name, sentence=self.english.get(cue, ""), claim=claim)

    def performance(self) -> Performance:
        """What was shown, for the driver."""
        language = self.brief.words.language if self.brief is not None and self.brief.words is not None else None
        return Performance(
            title=in_language(self.heading),
            beats=self.timeline,
            figures=tuple(self.figures),
            poster=next((beat.end - 1 for beat in self.timeline if beat.cue == self.poster), None),
            claims=tuple(self._spoken()),
            unproved=unproved(self.script, self.told, self._stated, self.story, self._names, language is not None),
            moving=tuple(self.moving),
            language=language,
            texts=texts_used(),
            bundle_digest=self.bundle.digest,
            other_digest=None if self.other is self.bundle else self.other.digest,
        )


def _put(text: Mobject, region: look.Region) -> Mobject:
    """Put `text` at the left of `region`, in its middle."""
    return text.move_to(region.centre).align_to(np.array([region.left, 0, 0]), np.array([-1.0, 0, 0]))
