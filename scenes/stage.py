"""The stage that every lesson scene stands on: its bundle, its options, its beats and its ledger."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import ClassVar

import numpy as np
from manim import FadeIn, FadeOut, ImageMobject, Mobject, Scene, Transform, Wait, config
from pydantic import BaseModel, ConfigDict, ValidationError

from fmcore.bundle import Bundle
from fmcore.errors import FmcoreError, PlanError, RenderError, one_of
from fmcore.header import LayerInfo
from fmcore.lesson.brief import Brief, Figure, Performance
from fmcore.lesson.script import Script, TimedBeat
from scenes import look
from scenes.parts.picture import Picture
from scenes.parts.text import label

BUNDLE_FOLDER = Path("renders/bundles")
_TINY = 1e-9  # of a duration: keeps manim's float arithmetic from gaining or losing a frame


class SceneOptions(BaseModel):
    """What a plan may say to a scene. Scenes add their own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    probe: int | str | None = None  # a number, or a class name; by default the last class


class LessonScene(Scene):
    """A scene with a title, a script, the arrays it needs and a `construct` that plays its beats."""

    title: ClassVar[str]
    script: ClassVar[Script]
    needs: ClassVar[tuple[str, ...]] = ()  # may hold placeholders of options, such as "{layer}/activation"
    bundle_name: ClassVar[str] = "tutorial-garments"  # used when nobody names a bundle
    Options: ClassVar[type[SceneOptions]] = SceneOptions

    brief: Brief | None = None  # set by the driver before the scene is played

    # -- for scenes ------------------------------------------------------------------------------

    def facts(self) -> Mapping[str, object]:
        """What fills the placeholders of the script; measured on the bundle, before anything is drawn."""
        return {}

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

    def say(self, text: str) -> None:
        """Put `text` in the statement line, in the place of what stands there."""
        region = look.statement_region()
        new = label(text, look.STATEMENT, look.ACCENT, width=region.width).move_to(region.centre)
        new.align_to(np.array([region.left, 0, 0]), np.array([-1.0, 0, 0]))
        old, self._statement = self._statement, new
        if old is None:
            self.play(FadeIn(new), run_time=look.IN_S / 2)
        else:
            self.play(FadeOut(old), FadeIn(new), run_time=look.IN_S / 2)

    def show_large(self, mobject: Mobject) -> Mobject:
        """Fade in a copy of `mobject`, as large as the body allows; `settle` brings it to its place."""
        region = look.body()
        large = mobject.copy().scale(min(region.height / mobject.height, 1.6)).move_to(region.centre)
        self.play(FadeIn(large), run_time=look.IN_S)
        return large

    def settle(self, large: Mobject, mobject: Mobject) -> None:
        """At the end of the beat, let the copy shrink to `mobject`, which then stands in its place."""
        if (pause := self.seconds_left - look.MOVE_S - look.IN_S / 2) > 0:
            self.wait(pause)
        self.play(Transform(large, mobject), run_time=look.MOVE_S)
        self.remove(large)
        self.add(mobject)

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
        return find_probe(self.bundle, self.options.probe)

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
        self.bundle.close()

    def get_run_time(self, animations: list) -> float:
        """Whole frames only, so that the frames of a scene are those that its script says."""
        frames = max(1, round(super().get_run_time(animations) * config.frame_rate))
        # manim floors a still wait and rounds a play up; both must come to `frames`.
        still = len(animations) == 1 and isinstance(animations[0], Wait)
        return frames / config.frame_rate * (1 + _TINY if still else 1 - _TINY)

    # -- inside ----------------------------------------------------------------------------------

    def _set_the_stage(self) -> None:
        brief = self.brief or Brief(bundle=_default_bundle(self.bundle_name))
        self.bundle = Bundle.open(brief.bundle or _default_bundle(self.bundle_name))
        self.options = read_options(type(self), brief)
        self.bundle.require(*(name.format_map(self.options.model_dump()) for name in self.needs))
        self.figures: list[Figure] = []
        self._played = 0
        self._statement: Mobject | None = None
        self.prepare()
        self.timeline = self.script.filled(self.facts()).timed(int(config.frame_rate))
        self.camera.background_color = look.BACKGROUND
        region = look.title_region()
        heading = label(self.title, look.TITLE, bold=True, width=region.width).move_to(region.centre)
        heading.align_to(np.array([region.left, 0, 0]), np.array([-1.0, 0, 0]))
        self.add(heading)

    def _wait_frames(self, frames: int) -> None:
        still = not any(mobject.get_family_updaters() for mobject in self.mobjects)
        self.wait(frames / config.frame_rate, frozen_frame=True if still else None)

    def _note_figures(self, beat: TimedBeat) -> None:
        self.figures.extend(read_ledger(self.mobjects, beat))

    def performance(self) -> Performance:
        """What was shown, for the driver."""
        return Performance(
            title=self.title,
            beats=self.timeline,
            figures=tuple(self.figures),
            bundle_digest=self.bundle.digest,
        )


def read_options(scene: type[LessonScene], brief: Brief) -> SceneOptions:
    """The options of `brief` as `scene` understands them.

    Raises:
        PlanError: an option that the scene does not have, or a value that does not fit.
    """
    try:
        return scene.Options.model_validate(brief.options)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:1])
        if first["type"] == "extra_forbidden":
            sentence = one_of("option", name, list(scene.Options.model_fields))
            raise PlanError(f"Options of {scene.__name__}: {sentence}") from None
        raise PlanError(
            f"Option '{name}' of {scene.__name__} is {first['input']!r}, which does not fit"
            f" ({first['msg'].lower()}); change it in the plan."
        ) from None


def find_probe(bundle: Bundle, wanted: int | str | None) -> int:
    """The index of the probe called `wanted`: a number, a class name, or the last class that has one.

    Raises:
        PlanError: there is none.
    """
    probes = bundle.header.probes
    if wanted is None:
        return bundle.default_probe
    if isinstance(wanted, int):
        if 0 <= wanted < len(probes):
            return wanted
        raise PlanError(f"The bundle '{bundle.path.name}' has probes 0 to {len(probes) - 1} and no {wanted}.")
    names = [bundle.truth(number) or bundle.class_name(probe.predicted) for number, probe in enumerate(probes)]
    if wanted in names:
        return names.index(wanted)
    raise PlanError(one_of("probe", wanted, list(dict.fromkeys(names))))


def read_ledger(mobjects: list[Mobject], beat: TimedBeat) -> Iterator[Figure]:
    """The pictures of arrays that are fully visible, with their boxes as shares of the frame."""
    painted = [
        member
        for mobject in mobjects
        for member in mobject.get_family()
        if isinstance(member, ImageMobject) and member.get_pixel_array()[..., 3].max() > 0
    ]
    boxes = [_box(image) for image in painted]
    for number, image in enumerate(painted):
        if not isinstance(image, Picture) or image.source is None or image.get_pixel_array()[..., 3].min() < 255:
            continue
        yield Figure(
            beat=beat.cue,
            frame=beat.end - 1,
            array=image.source.array,
            index=image.source.index,
            box=boxes[number],
            low=image.scale_of_colour.low,
            high=image.scale_of_colour.high,
            scale=image.scale_of_colour.kind,
            colours=image.scale_of_colour.table_name,
            covered=any(_overlap(boxes[number], later) for later in boxes[number + 1 :]),
        )


def _box(image: ImageMobject) -> tuple[float, float, float, float]:
    (left, bottom), (right, top) = image.points[:, :2].min(0), image.points[:, :2].max(0)
    width, height = config.frame_width, config.frame_height
    return (
        float(left / width + 0.5),
        float(0.5 - top / height),
        float(right / width + 0.5),
        float(0.5 - bottom / height),
    )


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(low < high for low, high in ((max(a[i], b[i]), min(a[i + 2], b[i + 2])) for i in (0, 1)))


def _default_bundle(name: str) -> Path:
    """What `FMCORE_BUNDLE` says, else the bundle that the default lesson leaves behind."""
    if named := environ.get("FMCORE_BUNDLE"):
        return Path(named)
    path = BUNDLE_FOLDER / f"{name}.safetensors"
    if not path.is_file():
        model, _, data = name.partition("-")
        raise RenderError(
            f"There is no bundle at '{path}'; run `fmcore record --model {model} --data {data}` first"
            " (or `fmcore lesson`), or name one in the environment variable FMCORE_BUNDLE."
        )
    return path
