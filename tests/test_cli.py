"""The command line, as real processes: what is printed, the exit status, and what is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete
from films import Net, frames_of, leftovers, make_bundle
from warm import warm

from fmcore.cli import cli, main
from fmcore.cli_render import _option
from fmcore.errors import PlanError
from fmcore.render.catalogue import find_scene
from fmcore.render.scene_options import check_options

VERBS = [
    "lesson", "render", "plan", "scenes", "record", "train", "inspect", "compare", "page", "check", "claims", "words",
    "voice", "smoke", "cache", "simulate", "doctor",
]  # fmt: skip
SCENE = """
from fmcore.lesson.script import Beat, Script
from scenes.stage import LessonScene
class Quick(LessonScene):
    '''Quick.'''
    title = "Quick"
    script = Script.of(Beat(cue="a", say="Say this."))
    def construct(self):
        with self.beat("a"):
            pass
class Failing(Quick):
    '''Fails.'''
    title = "Failing"
    def construct(self):
        raise ValueError("no such thing")
"""
SLOW = """
import time
from pathlib import Path
from manim import Scene
class Slow(Scene):
    '''Slow.'''
    title = "Slow"
    def construct(self):
        self.wait(1)
        if self.renderer.file_writer.encoder.frames:  # it is drawn
            Path(__file__).with_name("started").touch()
            time.sleep(120)
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle, scenes and plans."""
    folder = tmp_path_factory.mktemp("studio")
    (folder / "deep.py").write_text(f"x = {100_000 * '-'}1\nclass A(object):\n    pass\n")
    make_bundle(folder / "tiny.safetensors", Net())
    (folder / "film.py").write_text(SCENE, encoding="utf-8")
    (folder / "slow.py").write_text(SLOW, encoding="utf-8")
    (folder / "junk.safetensors").write_bytes(b"junk" * 100)
    (folder / "typo.toml").write_text('titel = "T"\n')
    return folder


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FMCORE")} | {"COLUMNS": "200"}


def fmcore(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fmcore.cli", *arguments],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=240,
    )  # fmt: skip


Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def forked() -> Iterator[Command]:
    """`fmcore` without the seconds in which torch and manim are imported, where a process can be forked."""
    if sys.platform != "linux":
        yield fmcore
        return
    with warm(environment()) as commands:
        yield commands.run


def test_help_names_the_verbs_and_each_verb_has_an_example(studio: Path) -> None:
    for flag in ("--help", "-h"):
        found = fmcore(studio, flag)
        assert found.returncode == 0
        assert [line.split()[0] for line in found.stdout.split("Commands:")[1].splitlines() if line] == VERBS
    assert fmcore(studio, "--version").stdout.strip()


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_an_example(verb: str, studio: Path) -> None:
    said = fmcore(studio, verb, "--help").stdout
    assert f"Usage: python -m fmcore.cli {verb}" in said
    assert re.search(rf"Examples?:\n +fmcore {verb}\b", said)


MISTAKES: dict[str, tuple[list[str], int, str]] = {
    "unknown verb": (["lessen"], 2, "There is no command 'lessen'; choose one of: lesson, .*Did you mean 'lesson'"),
    "unknown flag": (["lesson", "--qality", "hd"], 2, "No such option.*--qality"),
    "unknown quality": (["lesson", "--quality", "4K"], 2, "There is no quality '4K'; .*Did you mean '4k'"),
    "unknown scene": (["render", "ActivationHeatMap"], 2, "There is no scene .*mean 'ActivationHeatmap'"),
    "unknown file": (["render", "gone.py:A"], 2, "There is no scene file 'gone.py'"),
    "no scene named": (["render"], 2, "Missing argument 'SCENE...'"),
    "no such lesson": (["check", "renders/gone"], 2, "There is no finished lesson in 'renders/gone'; make it with"),
    "folder as plan": (["lesson", "."], 2, "'.' is a folder, .* images of your own are named by --data \"folder:.\""),
    "unknown plan": (["lesson", "gone.toml"], 2, "There is no lesson plan at 'gone.toml'; leave the name out"),
    "a typo in a plan": (["lesson", "typo.toml"], 2, "There is no setting 'titel'.*Did you mean 'title'"),
    "no bundle": (["render", "ActivationHeatmap", "--bundle", "gone"], 2, "There is no bundle at 'gone'"),
    "junk for a bundle": (["inspect", "junk.safetensors"], 2, "'junk.safetensors' is cut short or no bundle"),
    "nothing to inspect": (["inspect", "gone"], 2, "There is no bundle at 'gone'; check the name, or"),
    "a folder for a bundle": (["inspect", "."], 2, "'.' is a folder, and a bundle is one file; name a"),
    "an option without a value": (["render", "film.py:Quick", "--option", "probe"], 2, "'probe' has no value; write"),
    "a name that fits no line": (["record", "--name", 41 * "x"], 2, "^Error: The network's name has 41 letters; "),
    "no number": (["record", "--epochs", "many"], 2, "'many' is not a valid integer"),
    "a trained bundle and epochs": (["lesson", "--bundle", "tiny.safetensors", "--epochs", "1"], 2, "trained already"),
    "no number for a size": (["page", "tiny.safetensors", "--limit", "nan"], 2, "'nan' is no size of a page; name one"),
    "too long a number": (["cache", "prune", "--to", 5000 * "9" + "GB"], 2, "is no size; write one such as 500KB"),
    "code nested too deep": (["render", "deep.py:A"], 2, "'.*deep.py' is not valid Python: .*; mend it first"),
    "unknown data": (
        ["lesson", "--data", "fashon-mnist", "--jobs", "1"], 2, "'fashon-mnist'.*Did you mean 'fashion-mnist'",
    ),
    "output in the way": (
        ["render", "film.py:Quick", "--bundle", "tiny.safetensors", "--output", "film.py"], 2,
        "The output folder 'film.py' cannot be written .*; name another one with --output",
    ),
    "a bundle in the way": (
        ["record", "--data", "folder:gone", "--output", "film.py/sub/x.safetensors"], 2,
        r"The bundle 'film.py/sub/x.safetensors' cannot be written \(Not a directory\); name another one with --output",
    ),
    "a checkpoint in the way": (
        ["train", "--data", "folder:gone", "--output", "."], 2,
        r"'\.' is a folder, where a checkpoint of fmcore was to be written; name a file for --output",
    ),
    "a page in the way": (
        ["page", "gone", "--output", "film.py/page.html"], 2, "The page 'film.py/page.html' cannot be written",
    ),
    "findings in the way": (
        ["check", "gone.py:A", "--json", "film.py/x.json"], 2,
        "The report 'film.py/x.json' cannot be written .* name another one with --json",
    ),
    "findings in the way of CI": (
        ["smoke", "gone.toml", "--junit", "film.py/x.xml"], 2, "The report .* name another one with --junit",
    ),
    "unknown layer": (
        ["render", "ActivationHeatmap", "--bundle", "tiny.safetensors", "--option", "layer=conv9"], 2,
        "ActivationHeatmap: The bundle 'tiny.safetensors' has no layer 'conv9'; it has conv1, conv2(.|\n)*"
        "Error: ActivationHeatmap failed; what is finished is kept, so mend that and run the same command again.$",
    ),
    "a scene that fails": (
        [
            "render", "film.py:Quick", "film.py:Failing", "--bundle", "tiny.safetensors", "--quality", "smoke",
            "--quiet", "--jobs", "1",
        ],
        1, r"^Failing: Failing failed with ValueError: no such thing \(film.py, line 15\)\.\n"
        r"Error: Failing failed; what is finished is kept, so mend that and run the same command again\.$",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_a_sentence_and_a_status(case: str, studio: Path, forked: Command) -> None:
    arguments, status, sentence = MISTAKES[case]
    found = forked(studio, *arguments)
    assert found.returncode == status, found.stderr
    assert re.search(sentence, found.stderr), found.stderr
    assert "Traceback" not in found.stdout + found.stderr
    said = [line for line in found.stderr.splitlines() if not line.startswith(("Usage:", "Try ", "Failing:"))]
    assert len([line for line in said if line.strip()]) <= 2, found.stderr
    assert leftovers(studio) == []


def test_a_scene_is_rendered_with_its_captions(studio: Path, tmp_path: Path, forked: Command) -> None:
    arguments = [
        "render",
        "film.py:Quick",
        "--bundle",
        "tiny.safetensors",
        "--quality",
        "smoke",
        "--output",
        str(tmp_path),
    ]
    found = fmcore(studio, *arguments)
    assert found.returncode == 0, found.stderr
    assert f"{tmp_path}/Quick-tiny.mp4\n20 frames, 2 s of film\n" in found.stdout
    assert frames_of(tmp_path / "Quick-tiny.mp4").shape == (20, 240, 426, 3)
    assert (tmp_path / "Quick-tiny.srt").read_text() == "1\n00:00:00,000 --> 00:00:02,000\nSay this.\n"
    again = forked(studio, *arguments)
    assert "Nothing changed since the last run; nothing was rendered." in again.stdout
    quiet = forked(studio, *arguments, "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_what_would_be_rendered_is_planned_and_what_was_is_kept_explained_and_pruned(
    studio: Path, tmp_path: Path, forked: Command
) -> None:
    plan = tmp_path / "quick.toml"
    plan.write_text(
        f'title = "Q"\n[bundles.b]\nfile = "{studio / "tiny.safetensors"}"\n'
        f'[[scenes]]\nscene = "{studio / "film.py"}:Quick"\nbundle = "b"\n'
    )
    wanted = (str(plan), "--quality", "smoke", "--output", str(tmp_path / "out"))
    said = forked(studio, "plan", *wanted).stdout
    assert (
        re.search(r"Quick +2 s +0–20 +stale +not rendered yet", said) and "1 of 1 segments are to be rendered" in said
    )
    assert forked(studio, "lesson", *wanted).returncode == 0
    said = forked(studio, "plan", *wanted).stdout
    assert re.search(r"Quick +2 s +0–20 +fresh +nothing changed", said) and "0 of 1 segments are to be rendered" in said
    output = ("--output", str(tmp_path / "out"))
    said = forked(studio, "cache", "list", *output).stdout
    assert re.search(r"Quick +smoke 16:9 dark +[0-9a-f]{8} +1 +20 +\d", said) and "1 films of scenes" in said
    said = forked(studio, "cache", "explain", "Quick", *output).stdout
    assert "smoke 16:9 dark, 426×240 at 10 fps" in said and "segment    frames 0 to 20: there" in said
    found = forked(studio, "cache", "explain", "Quik", *output)
    assert found.returncode == 2 and "Did you mean 'Quick'" in found.stderr
    assert "size; write one such as" in forked(studio, "cache", "prune", "--to", "big", *output).stderr
    assert re.fullmatch(r"Removed \d.*; 0 B are left.\n", forked(studio, "cache", "prune", "--to", "0", *output).stdout)
    assert "0 films of scenes, 0 B" in forked(studio, "cache", "list", *output).stdout
    assert list((tmp_path / "out" / "cache").glob("[!.]*")) == []


def test_the_scenes_are_listed(studio: Path) -> None:
    found = fmcore(studio, "scenes")
    assert found.returncode == 0
    for name in ("FeatureMapDemo", "MultipleFeatureMaps", "ActivationHeatmap", "FeatureMapProgression"):
        assert name in found.stdout


def test_the_options_of_a_scene_are_listed(studio: Path, forked: Command) -> None:
    found = forked(studio, "scenes", "ConvolutionStep", "film.py:Quick", "slow.py:Slow")
    assert found.returncode == 0, found.stderr
    ours, quick, slow = found.stdout.split("\n\n")
    assert re.search(r"^layer +text +A convolution; by default the first\.", ours, re.MULTILINE)
    assert re.search(r"^channel +whole number +The channel, from 1;.*", ours, re.MULTILINE)
    assert [line.split()[0] for line in quick.splitlines()] == ["Quick,", "Quick.", "option", "probe", "seconds"]
    assert slow == "Slow, “Slow”\nSlow.\nIt has no options.\n"


def test_options_are_checked_before_anything_is_trained(studio: Path, tmp_path: Path, forked: Command) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'title = "T"\n[bundles.a]\n[[scenes]]\nscene = "GradCam"\nbundle = "a"\n'
        "options = { chanel = 3, probe = true }\n"
    )
    found = forked(studio, "lesson", str(plan), "--output", str(tmp_path / "out"))
    assert found.returncode == 2
    assert "Option 'probe' of GradCam is True, which does not fit" in found.stderr
    assert "There is no option 'chanel'; choose one of: probe, seconds, layer." in found.stderr
    assert not (tmp_path / "out").exists()
    with pytest.raises(PlanError, match="Slow is no LessonScene, so it has no options, and the plan gives it x; leave"):
        check_options(find_scene(f"{studio / 'slow.py'}:Slow"), {"x": 1})


def test_a_bundle_is_inspected(studio: Path, forked: Command) -> None:
    found = forked(studio, "inspect", "tiny.safetensors", "--arrays")
    assert found.returncode == 0
    assert "12 × 12 × 4" in found.stdout and "conv2/activation" in found.stdout and "Drawn for tests." in found.stdout


def test_the_doctor_finds_this_machine_fit(studio: Path, forked: Command) -> None:
    found = forked(studio, "doctor")
    assert found.returncode == 0, found.stdout


def test_a_closed_pipe_is_no_traceback(studio: Path) -> None:
    command = f"{sys.executable} -m fmcore.cli inspect tiny.safetensors | head -n 1; exit ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", command], cwd=studio, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in found.stderr


def children_of(group: int) -> list[int]:
    """Processes that still live in the process group `group`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, owner = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(owner) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes in /proc")
def test_ctrl_c_ends_everything_with_a_sentence(studio: Path) -> None:
    plan = 'title = "Slow"\n[bundles.tiny]\nfile = "tiny.safetensors"\n'
    plan += "".join(f'[[scenes]]\nscene = "{scene}"\nbundle = "tiny"\n' for scene in ("film.py:Quick", "slow.py:Slow"))
    (studio / "slow.toml").write_text(plan)
    process = subprocess.Popen(
        [sys.executable, "-m", "fmcore.cli", "lesson", "slow.toml", "--quality=smoke", "--output=slow", "--jobs=2"],
        cwd=studio, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    kept = studio / "slow" / "cache"
    try:
        deadline = time.monotonic() + 90
        while not ((studio / "started").exists() and list(kept.glob("*-*-*.json"))) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert (studio / "started").exists()
        assert len(children_of(process.pid)) >= 3
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 1
    assert stderr.strip() == "Interrupted. What is finished is kept; run the same command again to go on."
    assert "Traceback" not in stdout
    deadline = time.monotonic() + 10
    while children_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert children_of(process.pid) == []
    assert leftovers(studio) == []
    (finished,) = kept.glob("*-*-*.json")
    assert json.loads(finished.read_text().partition("\n")[2])["frames"] == len(frames_of(finished.with_suffix(".mp4")))


@pytest.mark.parametrize(
    ("command", "stopped", "kept"),
    [
        ("lesson", "fmcore.render.lesson.make_lesson", True),
        ("render film.py:Quick", "fmcore.render.lesson.make_lesson", True),
        ("record", "fmcore.prepare.make", False),
        ("train --output new", "fmcore.prepare.make_checkpoint", False),
        ("check film.py:Quick", "fmcore.checking.check_scenes", False),
    ],
)
def test_ctrl_c_promises_only_what_is_so(
    command: str,
    stopped: str,
    kept: bool,
    studio: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(studio)
    monkeypatch.setattr(stopped, stop)
    monkeypatch.setattr(sys, "argv", ["fmcore", *command.split()])
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)  # of this process, which goes on
    with pytest.raises(SystemExit) as left:
        main()
    more = " What is finished is kept; run the same command again to go on." if kept else ""
    assert capsys.readouterr().err.strip() == f"Interrupted.{more}" and left.value.code == 1


def test_options_of_a_scene_are_numbers_only_where_they_look_like_some() -> None:
    given = ("probe=3", "probe=-1", "probe=01", "layer=--5", "layer=", "layer=1=2")
    assert [_option(one)[1] for one in given] == [3, -1, "01", "--5", "", "1=2"]


@pytest.mark.parametrize(
    ("words", "begun", "offered"),
    [
        (["render"], "Act", ["ActivationHeatmap", "ActivationOverlay"]),
        (["scenes", "GradCam"], "Mod", ["ModelComparison"]),
        (["lesson", "--quality"], "p", ["preview"]),
        (["lesson", "--data"], "fas", ["fashion-mnist"]),
        (["record", "--model"], "t", ["tutorial", "torchvision:"]),
        (["page", "--words"], "d", ["de"]),
    ],
)
def test_the_tab_key_knows_names(words: list[str], begun: str, offered: list[str]) -> None:
    found = ShellComplete(cli, {}, "fmcore", "_FMCORE_COMPLETE").get_completions(words, begun)
    assert [one.value for one in found] == offered


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({}, "feature-maps"),
        ({"data": "folder:in/Größe"}, "feature-maps-größe"),
        ({"bundle": Path("in/My ResNet.safetensors"), "theme": "light"}, "feature-maps-my-resnet-light"),
        ({"aspect": "9:16", "words": "de"}, "feature-maps-9x16-de"),
    ],
)
def test_lessons_of_other_data_networks_and_looks_have_folders_of_their_own(given: dict[str, Any], folder: str) -> None:
    from fmcore.cli_render import _wish

    usual = {"quality": "preview", "purpose": "publish", "aspect": "16:9", "theme": "dark"}
    rest = dict.fromkeys(("plan", "data", "bundle", "epochs", "seed", "words", "voice"))
    _, wish = _wish(**rest | usual | given, output=Path("out"))
    assert wish.folder == Path("out") / folder
