"""The verbs that prove a lesson: `check`, `claims` and `smoke`. Imports stand inside, so that `--help` is instant."""

from pathlib import Path
from typing import Any

import click

from fmcore.errors import FmcoreError, failure_of
from fmcore.files import FINDINGS
from fmcore.files import JUNIT as JUNIT_XML
from fmcore.options import DATA_DIR, JOBS, OTHER, OUTPUT, QUIET, FileToWrite, among

ASPECTS = click.option(
    "--aspect",
    "aspects",
    multiple=True,
    shell_complete=among("16:9", "9:16", "1:1"),
    metavar="16:9|9:16|1:1",
    help="Look at this shape of frame; repeatable.  [default: all three]",
)
THEMES = click.option(
    "--theme",
    "themes",
    multiple=True,
    shell_complete=among("dark", "light"),
    metavar="dark|light|FILE",
    help="Look at this theme; repeatable.  [default: dark]",
)
JSON = click.option("--json", "as_json", type=FileToWrite(FINDINGS), help="Write all as JSON.")
JUNIT = click.option("--junit", type=FileToWrite(JUNIT_XML), help="Write JUnit XML, for CI.")


@click.command()
@click.argument("what", nargs=-1, metavar="[LESSON|SCENE]...")
@ASPECTS
@THEMES
@click.option(
    "--quality",
    default="preview",
    show_default=True,
    metavar="smoke|preview|hd|4k",
    shell_complete=among("smoke", "preview", "hd", "4k"),
    help="Of the films of scenes that are named.",
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    help="The bundle of the lesson, where it lies elsewhere, or for scenes that are named.",
)
@OTHER
@JSON
@JUNIT
@DATA_DIR
@OUTPUT
@JOBS
@QUIET
def check(
    what: tuple[str, ...],
    aspects: tuple[str, ...],
    themes: tuple[Any, ...],
    quality: str,
    bundle: Path | None,
    other: Path | None,
    as_json: Path | None,
    junit: Path | None,
    data_dir: Path | None,
    output: Path,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Check finished lessons, or single scenes: layout, teaching rules, claims, pace, and the film's pixels.

    LESSON is a folder that `fmcore lesson` made; without a name it is that of the built-in lesson. Its film is read
    back, and every scene is played in every shape of frame. SCENE is a name that `fmcore scenes` lists, or
    path/to/file.py:ClassName; files beside a LESSON are those of its own scenes. The exit status is 1 when anything is
    found.

    \b
    Examples:
      fmcore check
      fmcore check renders/feature-maps --junit check.xml
      fmcore check renders/my-plan my_scene.py:MyScene
      fmcore check my_scene.py:MyScene --aspect 9:16 --theme light
    """
    from fmcore.checking import Looks, check_lesson, check_scenes
    from fmcore.lesson.plan import builtin_plan, slug
    from fmcore.lesson.record import RECORD_NAME
    from fmcore.reporter import reporter

    _require_writable(output / "check", as_json, junit)
    folders = [Path(one) for one in what if (Path(one) / RECORD_NAME).is_file() or _is_folder(one)]
    scenes = [one for one in what if Path(one) not in folders]
    if not what:
        folders = [output / slug(builtin_plan().title)]
    looks = Looks(output, aspects, themes, quality, data_dir, jobs, tuple(filter(None, (bundle, other))))
    with reporter(quiet) as report:
        files = [one for one in scenes if ".py" in one]
        found = [check_lesson(folder, looks, report, files) for folder in folders]
        if folders:
            scenes = [one for one in scenes if one not in files]  # they belong to the lessons
        if scenes:
            found.append(check_scenes(scenes, bundle, other, looks, report))
    _tell(found, output / "check", as_json, junit, quiet)


def _is_folder(word: str) -> bool:
    """Whether `word` is meant as a folder, there or not, and not as a scene: `renders/feature-maps`."""
    return Path(word).is_dir() or ("/" in word and ".py" not in word)


@click.command()
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@ASPECTS
@THEMES
@JUNIT
@DATA_DIR
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("renders/smoke"),
    show_default=True,
    help="Folder for films, bundles, crops, contact sheet and summary.",
)
@JOBS
@QUIET
def smoke(
    plan: Path | None,
    aspects: tuple[str, ...],
    themes: tuple[Any, ...],
    junit: Path | None,
    data_dir: Path | None,
    output: Path,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Make every scene small and quickly, in every shape of frame, and check it all; made for CI.

    Trains for one epoch on the embedded data, films every scene of PLAN.toml, or of the built-in lesson, at smoke
    quality, applies every check, and writes OUTPUT/sheet.png, OUTPUT/findings.json and one summary. The exit status
    is 1 when anything is found.

    \b
    Examples:
      fmcore smoke
      fmcore smoke --aspect 16:9 --junit smoke.xml
    """
    from fmcore.checking import Looks
    from fmcore.checking import smoke as run
    from fmcore.lesson.plan import find_plan
    from fmcore.reporter import reporter

    _require_writable(output, None, junit)
    _, chosen = find_plan(plan)
    looks = Looks(output, aspects, themes, "smoke", data_dir, jobs)
    with reporter(quiet) as report:
        found = run(chosen, looks, report)
    _tell([found], output, output / "findings.json", junit, quiet)


@click.command()
@click.argument("lesson", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@OUTPUT
def claims(lesson: Path | None, as_json: bool, output: Path) -> None:
    """List what a finished lesson says about its networks, and the measurement behind each.

    LESSON is a folder that `fmcore lesson` made; by default that of the built-in lesson.

    \b
    Examples:
      fmcore claims
      fmcore claims renders/feature-maps --json
    """
    import json

    from fmcore.claims_report import describe_claims
    from fmcore.lesson.plan import builtin_plan, slug
    from fmcore.lesson.record import read_record

    record = read_record(lesson or output / slug(builtin_plan().title))
    if as_json:
        told = [
            {"scene": scene.scene, "bundle": scene.bundle, **claim.model_dump(mode="json")}
            for scene in record.scenes
            for claim in scene.claims
        ]
        click.echo(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        describe_claims(record)


def _require_writable(folder: Path, as_json: Path | None, junit: Path | None) -> None:
    """See that what is found can be written, before anything is played for it."""
    from fmcore.files import require_writable

    require_writable(folder, "The output folder", folder=True)
    for file, option in ((as_json, "--json"), (junit, "--junit")):
        if file is not None:
            require_writable(file, "The report", option)


def _tell(found: list[Any], folder: Path, as_json: Path | None, junit: Path | None, quiet: bool) -> None:
    """Print what was found, and write crops, the contact sheet and what other programs read."""
    from fmcore.analysis.saying import counted
    from fmcore.check import report
    from fmcore.files import write_text
    from fmcore.tables import console

    folder.mkdir(parents=True, exist_ok=True)
    findings = [one for checked in found for one in checked.findings]
    crops = [one for checked in found for one in checked.crops]
    scenes = [one for checked in found for one in checked.reports]
    errors = {name: error for checked in found for name, error in checked.failed.items()}
    failed = {name: error.message for name, error in errors.items()}
    findings = report.write_crops(findings, crops, folder / "crops")
    proofs = [(report.Scene(one.board.scene, one.board.aspect, one.board.theme), one.proofs) for one in scenes]
    rows = [(str(name), one.thumbnails) for (name, _), one in zip(proofs, scenes, strict=True)]
    if rows:
        report.contact_sheet(rows, folder / "sheet.png")
    if as_json is not None:
        write_text(as_json, report.as_json(findings, proofs, failed))
    if junit is not None:
        write_text(junit, report.as_junit(findings, proofs, failed, all(one.whole_lesson for one in found)))
    out = console()
    if findings:
        out.print(report.findings_table(findings))
    if not quiet:
        for sentence in (*report.proofs_told(proofs), *report.drawings_told(one.board for one in scenes)):
            out.print(sentence)
        shapes = len({(one.board.aspect, one.board.theme) for one in scenes})
        names = len({one.board.scene for one in scenes})
        told = counted(len(findings), "finding") if findings else "no findings"
        out.print(
            f"{counted(names, 'scene')} in {counted(shapes, 'shape')} of frame and theme:"
            f" {told}. Contact sheet: {folder / 'sheet.png'}",
            soft_wrap=True,
        )
    if failed:
        raise FmcoreError(failure_of(errors, "mend that first").message)  # with the exit status of findings
    if findings:
        crops_too = ", and its crop shows where" if all(one.crop for one in findings) else ""
        raise FmcoreError(f"{counted(len(findings), 'finding')}; each says what to do{crops_too}.")
