"""Check scenes and lessons: played in every shape of frame and theme, measured again, and their films read back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from fmcore.analysis.saying import counted
from fmcore.bundle import Bundle
from fmcore.check.findings import Finding
from fmcore.check.layout import layout_findings
from fmcore.check.ledger import ledger_findings
from fmcore.check.pace import pace_findings
from fmcore.check.proof import Proof, proof_findings, prove
from fmcore.check.record import beats_of, figures_of, lesson_record_findings, record_findings
from fmcore.check.report import cropped
from fmcore.check.teaching import lesson_findings, teaching_findings
from fmcore.check.voice import voice_findings
from fmcore.cores import cores
from fmcore.errors import BundleError, FmcoreError, InputError
from fmcore.lesson.brief import Brief
from fmcore.lesson.plan import LessonPlan, SceneEntry, builtin_plan, single_scenes, turns
from fmcore.lesson.record import BundleRecord, SceneRecord, read_record
from fmcore.lesson.storyboard import Storyboard
from fmcore.lesson.words import Words
from fmcore.render.catalogue import find_scene, list_scenes
from fmcore.render.films import FILM_NAME
from fmcore.render.lesson import Wish, bundles_of
from fmcore.render.run import OnFrames, Outcome, Workers
from fmcore.render.sources import Sources
from fmcore.render.spec import ASPECTS, RenderSpec
from fmcore.render.spec import quality as spec_of
from fmcore.render.worker import SegmentJob
from fmcore.reporter import Reporter

_THUMBNAIL_PX = 180  # height on the contact sheet
_QUICK_EPOCHS = 1  # enough for maps that are worth a look
Pixels = NDArray[np.uint8]


class Film(BaseModel):
    """A finished film with what is recorded of one scene in it, whose source may have `changed` since."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path
    scene: SceneRecord
    changed: bool


@dataclass(frozen=True)
class SceneReport:
    """What the check of one scene, in one shape of frame and theme, has found."""

    board: Storyboard
    findings: list[Finding]
    crops: dict[int, Pixels]  # by number of the finding
    proofs: list[Proof]
    thumbnails: list[Pixels]  # the end of every beat


class CheckJob(BaseModel):
    """One scene to be played and looked at; its film is written and read back where `filmed`.

    Instead of its own, an existing `film` may be read back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment: SegmentJob
    filmed: bool = False
    film: Film | None = None

    def run(self, on_frames: OnFrames) -> SceneReport:
        """Play the scene and apply every rule that one scene can break."""
        from fmcore.render.storyboard import storyboard

        played = storyboard(self.segment, stills=True, film=self.filmed, on_frames=on_frames)
        board, brief = played.board, self.segment.brief
        differs = list(record_findings(board, self.film.scene, self.film.changed)) if self.film else []
        with ExitStack() as opened:
            bundle = opened.enter_context(Bundle.open(brief.bundle or Path(played.scene.bundle.path)))
            other = opened.enter_context(Bundle.open(brief.other)) if brief.other else None
            proofs = self._proofs(board, bool(differs), bundle, other)
            findings = [
                *differs,
                *layout_findings(board, played.stills),
                *pace_findings(board),
                *teaching_findings(board, bundle, other),
                *ledger_findings(board),
                *proof_findings(board, proofs),
            ]
        crops = {
            number: cropped(played.stills[finding.beat], finding.box)
            for number, finding in enumerate(findings)
            if finding.box is not None and finding.beat in played.stills
        }
        thumbnails = [_small(still) for still in played.stills.values()]
        return SceneReport(board, findings, crops, proofs, thumbnails)

    def _proofs(self, board: Storyboard, differs: bool, bundle: Bundle, other: Bundle | None) -> list[Proof]:
        """What the film shows of the pictures that the scene shows when it is played, whatever its record tells.

        A film of what the scene was before it changed is read by its record, which is found to differ.
        """
        figures = board.performance.figures
        if self.filmed:
            return prove(self.segment.target, figures, bundle, other)
        if self.film is None:
            return []
        recorded = self.film.scene
        times = [(one.start, one.end) for one in board.performance.beats]
        if differs and (self.film.changed or times != [(one.start, one.end) for one in beats_of(recorded)]):
            figures = figures_of(recorded)
        return prove(self.film.path, figures, bundle, other, recorded.start)


@dataclass
class Checked:
    """What was found in all scenes, in the order in which they were asked for."""

    reports: list[SceneReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    crops: list[Pixels | None] = field(default_factory=list)  # one a finding
    failed: dict[str, FmcoreError] = field(default_factory=dict)
    whole_lesson: bool = False  # whether rules about the lesson as a whole were applied

    @property
    def proofs(self) -> list[Proof]:
        return [proof for report in self.reports for proof in report.proofs]


def check_all(jobs: Sequence[CheckJob], workers: int, report: Reporter, whole_lesson: bool) -> Checked:
    """Do `jobs` in worker processes; rules about the lesson as a whole apply where `whole_lesson` is true."""
    reports: dict[int, SceneReport] = {}
    failed: dict[str, FmcoreError] = {}

    names = _names(jobs)

    def on_progress(number: int, done: int, total: int | None) -> None:
        report.progress(names[number], done, total, "frames")

    def on_outcome(outcome: Outcome[SceneReport]) -> None:
        if outcome.result is None:
            assert outcome.error is not None
            failed[names[outcome.number]] = outcome.error
            report.finish(names[outcome.number], outcome.error.message, ok=False)
            return
        reports[outcome.number] = outcome.result
        count = len(outcome.result.findings)
        report.finish(names[outcome.number], counted(count, "finding") if count else "clean", ok=not count)

    report.expect(len(jobs))
    with Workers(workers) as crew:
        crew.run(jobs, on_progress, on_outcome)
    checked = Checked([reports[number] for number in sorted(reports)], failed=failed)
    checked.whole_lesson = whole_lesson and not failed
    for one in checked.reports:
        checked.findings += one.findings
        checked.crops += [one.crops.get(number) for number in range(len(one.findings))]
    if checked.whole_lesson:
        with ExitStack() as opened:
            read = {n: path for n, job in enumerate(jobs) if (path := job.segment.brief.bundle)}
            bundles = {path: opened.enter_context(Bundle.open(path)) for path in dict.fromkeys(read.values())}
            extra = list(lesson_findings([(reports[n].board, bundles[path]) for n, path in read.items()]))
        checked.findings += extra
        checked.crops += [None] * len(extra)
    return checked


def _names(jobs: Sequence[CheckJob]) -> list[str]:
    """What jobs are called: a scene that is shown of two networks has a number the second time."""
    names: list[str] = []
    seen: Counter[tuple[str, str]] = Counter()
    for job in jobs:
        segment = job.segment
        name, look = segment.scene, f"{segment.spec.aspect} {segment.spec.theme.name}"
        again = seen[name, look] = seen[name, look] + 1
        names.append(f"{name} ({again}) {look}" if again > 1 else f"{name} {look}")
    return names


def jobs_for(
    entries: Sequence[SceneEntry],
    bundles: Mapping[str, Path],
    specs: Sequence[RenderSpec],
    folder: Path,
    films: Mapping[tuple[int, RenderSpec], Film] | None = None,
    filmed: bool = False,
    words: Words | None = None,
    voice: Mapping[str, float] | None = None,
    files: Mapping[str, str] | None = None,
) -> list[CheckJob]:
    """A job for every scene of a plan in every spec; films are written into `folder` where `filmed`.

    `films` are by place in the plan. Where there are some, scenes without one are not looked at. `files` are what the
    files of `bundles` were called when the films were made.
    """
    jobs = []
    stems = {name: Path((files or {}).get(name, path.name)).stem for name, path in bundles.items()}
    wanted = {position for position, _ in films} if films is not None else set(range(len(entries)))
    for position, (entry, turn) in enumerate(zip(entries, turns(entries), strict=True)):
        if position not in wanted:
            continue
        ref = find_scene(entry.scene)
        brief = Brief(
            bundle=bundles[entry.bundle] if entry.bundle else None,
            other=bundles[entry.other] if entry.other else None,
            names=(stems[entry.bundle], stems[entry.other]) if entry.bundle and entry.other else None,
            **turn._asdict(),
            options=entry.options,
            words=words,
            voice=dict(voice or {}),
        )
        for spec in specs:
            name = f"{position + 1:02}-{ref.name}-{spec.aspect.replace(':', 'x')}-{spec.theme.name}.mp4"
            film = (films or {}).get((position, spec))
            pace = tuple(one.end for one in beats_of(film.scene)) if film else ()
            segment = SegmentJob(
                scene=ref.name,
                path=ref.path,
                module=ref.module,
                brief=brief.model_copy(update={"pace": pace}),
                spec=spec,
                target=folder / name,
            )
            jobs.append(CheckJob(segment=segment, filmed=filmed, film=film))
    return jobs


def _small(still: Pixels) -> Pixels:
    height, width = still.shape[:2]
    size = (round(width * _THUMBNAIL_PX / height), _THUMBNAIL_PX)
    return np.asarray(Image.fromarray(still).resize(size, Image.Resampling.LANCZOS))


# -- what is asked for ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Looks:
    """In which shapes and themes to look, and where bundles, lessons and the report lie."""

    output: Path
    aspects: tuple[str, ...] = ()  # all where none is named
    themes: tuple[str, ...] = ()  # dark where none is named
    quality: str = "preview"
    data_dir: Path | None = None
    jobs: int | None = None
    bundles: tuple[Path, ...] = ()  # named for a lesson whose record knows only their names and digests

    @property
    def specs(self) -> list[RenderSpec]:
        return [
            spec_of(self.quality, aspect, theme)
            for theme in self.themes or ("dark",)
            for aspect in self.aspects or ASPECTS
        ]

    @property
    def workers(self) -> int:
        return self.jobs or cores()


def check_lesson(folder: Path, looks: Looks, report: Reporter, files: Sequence[str] = ()) -> Checked:
    """Check the finished lesson in `folder`: its film against its record, and every scene in every shape.

    Scenes that are not installed are looked for in `files` (`path/to/file.py:ClassName`): a record comes from anywhere,
    so it cannot name a file to be run.

    Raises:
        InputError: no lesson there, or one without scenes, one of its bundles is missing or another by now, or a scene
            is not installed.
    """
    record = read_record(folder)
    if not record.scenes:
        raise InputError(
            f"The record of the lesson in '{folder}' has no scenes, so nothing can be checked; make the lesson again."
        )
    try:
        film_spec = RenderSpec.model_validate(record.settings)
    except ValidationError:
        raise InputError(
            f"The record of the lesson in '{folder}' does not say how its film looks, or in a way of another fmcore;"
            " make the lesson again."
        ) from None
    bundles = {name: _bundle_file(one, folder, looks) for name, one in record.bundles.items()}
    own = {find_scene(one).name: one for one in files}
    known = {ref.name for ref in list_scenes()}
    sources = Sources(looks.output / "cache")
    lessons = known | {name for name, file in own.items() if sources.reads_bundles(find_scene(file))}
    scenes = {n: one for n, one in enumerate(record.scenes) if one.beats or one.scene in lessons}
    if plain := list(dict.fromkeys(one.scene for n, one in enumerate(record.scenes) if n not in scenes)):
        report.say(f"Not looked at, since only LessonScenes say what they show: {', '.join(plain)}.")
    for one in scenes.values():
        if one.scene not in own and one.scene not in known:
            raise InputError(
                f"Scene '{one.scene}' of the lesson in '{folder}' is not installed; name its file, too:"
                f" fmcore check {folder} path/to/file.py:{one.scene}."
            )
    entries = [
        SceneEntry(
            scene=own.get(one.scene, one.scene),
            bundle=one.bundle,
            other=one.other,
            part=one.inputs.get("part", ""),
            options=one.options,
        )
        for one in record.scenes  # the others, too: what is said depends on what stood before a scene
    ]
    looked = [replace(looks, quality=film_spec.quality).specs, [film_spec]]
    specs = list(dict.fromkeys(spec for some in looked for spec in some))
    film, shape = folder / FILM_NAME, (film_spec.aspect, film_spec.theme.name)
    films = {
        (position, film_spec): Film(path=film, scene=one, changed=_is_changed(one, entries[position].scene, sources))
        for position, one in scenes.items()
    }
    sources.keep()
    with TemporaryDirectory() as scratch:
        voice = {sentence: one.seconds for sentence, one in (record.voice or {}).items()}
        called = {name: one.file for name, one in record.bundles.items()}
        jobs = jobs_for(entries, bundles, specs, Path(scratch), films, words=record.words, voice=voice, files=called)
        checked = check_all(jobs, looks.workers, report, whole_lesson=True)
    more = [*voice_findings(record, film, *shape), *lesson_record_findings(record, film, *shape)]
    checked.findings += more
    checked.crops += [None] * len(more)
    return checked


def check_scenes(
    names: Sequence[str], bundle: Path | None, other: Path | None, looks: Looks, report: Reporter
) -> Checked:
    """Check single scenes on the bundles of the built-in lesson, or all on `bundle`; their films are made for it."""
    for name in names:
        find_scene(name)  # before anything is trained for it
    plan = single_scenes(names, {}, builtin_plan(), bundle, other)
    bundles = bundles_of(plan, Wish(looks.specs[0], looks.output, looks.output, data_dir=looks.data_dir), report)
    with TemporaryDirectory() as scratch:
        jobs = jobs_for(plan.scenes, bundles, looks.specs, Path(scratch), filmed=True)
        return check_all(jobs, looks.workers, report, whole_lesson=False)


def smoke(plan: LessonPlan, looks: Looks, report: Reporter) -> Checked:
    """Make `plan` quickly, in every shape, and check it all: bundles of little training, films of few pixels."""
    for entry in plan.scenes:
        find_scene(entry.scene)
    quick = {
        name: one if one.file else one.model_copy(update={"epochs": min(one.epochs, _QUICK_EPOCHS)})
        for name, one in plan.bundles.items()
    }
    plan = plan.model_copy(update={"bundles": quick})
    bundles = bundles_of(plan, Wish(looks.specs[0], looks.output, looks.output, data_dir=looks.data_dir), report)
    films = looks.output / "films"
    films.mkdir(parents=True, exist_ok=True)
    jobs = jobs_for(plan.scenes, bundles, looks.specs, films, filmed=True)
    return check_all(jobs, looks.workers, report, whole_lesson=True)


def _is_changed(recorded: SceneRecord, scene: str, sources: Sources) -> bool:
    """Whether the source of a scene, called `scene` in a plan, is another than that of its film."""
    inputs = recorded.inputs
    return sources.digests(find_scene(scene)) != (inputs.get("source"), inputs.get("narration"))


def _bundle_file(wanted: BundleRecord, folder: Path, looks: Looks) -> Path:
    """Where the bundle lies that a lesson was made from: one that is named, or one of its name nearby."""
    near = (folder, folder.parent / "bundles", looks.output / "bundles", Path.cwd())
    inside = Path.cwd() / (wanted.path or wanted.file)
    told = [inside] if inside.resolve().is_relative_to(Path.cwd().resolve()) else []
    other = ""
    for path in (*looks.bundles, *told, *(place / wanted.file for place in near)):
        if path.is_file():
            with suppress(BundleError), Bundle.open(path) as bundle:
                if bundle.digest == wanted.sha256:
                    bundle.verify()
                    return path
                if path.name == wanted.file:
                    other = f", as '{path}' was recorded anew"
    raise InputError(
        f"The bundle '{wanted.file}' that the lesson in '{folder}' was made from is not there any more{other};"
        " name it with --bundle, put it beside the lesson, or make the lesson again."
    )
