"""`check`, `claims` and `smoke` as commands: a right lesson is clean, a tampered one is found, CI gets its files."""

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from films import Net, make_bundle, play
from PIL import Image
from test_sound import tone

from fmcore import checking
from fmcore.bundle import Bundle
from fmcore.checking import Checked, Looks, _bundle_file
from fmcore.cli import cli
from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry
from fmcore.lesson.record import RECORD_SCHEMA, read_record
from fmcore.lesson.voice import plain, sheet_with
from fmcore.render.lesson import Wish, make_lesson
from fmcore.render.spec import quality
from fmcore.render.voice import find_voice
from fmcore.reporter import Silent
from scenes.activation_heatmap import ActivationHeatmap

pytestmark = pytest.mark.usefixtures("lasting_workers")


def fmcore(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(cli, [*map(str, arguments)])


@pytest.fixture(scope="module")
def lesson(tutorial_bundle: Path, tmp_path_factory: pytest.TempPathFactory, lasting_workers: None) -> Path:
    """A finished lesson of one scene, at smoke quality, told by a voice that takes its time once."""
    output = tmp_path_factory.mktemp("lesson")
    plan = LessonPlan(
        title="One",
        bundles={"net": BundleRecipe(file=str(tutorial_bundle))},
        scenes=(SceneEntry(scene="ActivationHeatmap", bundle="net", options={"channel": 2}),),
    )
    shutil.copy(tutorial_bundle, output / tutorial_bundle.name)
    beats = play(ActivationHeatmap, tutorial_bundle, {"channel": 2}).performance.beats
    text, sheet = sheet_with({}, [("One", [beat.say for beat in beats])])
    (output / "voice.toml").write_text(text, encoding="utf-8")
    for number, name in enumerate(sheet):
        tone(output / f"{name}.wav", 400, 3 if number else 12)
    voice = find_voice(output)
    made = make_lesson(plan, Wish(quality("smoke"), output, output / "one", jobs=1, voice=voice), Silent())
    assert not made.failed and not made.unspoken
    return output / "one"


@pytest.fixture
def copied(lesson: Path, tutorial_bundle: Path, tmp_path: Path) -> Path:
    """A copy of it, to be tampered with."""
    shutil.copytree(lesson, tmp_path / "one")
    shutil.copy(tutorial_bundle, tmp_path / "one" / tutorial_bundle.name)
    return tmp_path / "one"


def check(folder: Path, *options: object) -> Result:
    return fmcore("check", folder, "--aspect", "16:9", "--jobs", 1, "--output", folder.parent, *options)


def tampered(folder: Path, change: Any) -> None:
    record = json.loads((folder / "lesson.json").read_text(encoding="utf-8"))
    change(record["scenes"][0])
    (folder / "lesson.json").write_text(json.dumps(record), encoding="utf-8")


def test_what_is_wrong_with_a_lesson_is_found_and_what_is_right_is_not(copied: Path) -> None:
    found = check(copied, "--json", copied / "found.json", "--junit", copied / "junit.xml")
    told = json.loads((copied / "found.json").read_text(encoding="utf-8"))
    # A lesson of one scene has no progression through the layers; nothing else is wrong.
    assert {one["rule"] for one in told["findings"]} == {"no progression"}, found.output
    assert found.exit_code == 1
    assert told["summary"]["proofs"].get("wrong", 0) == 0 and len(told["proofs"]) >= 12
    cases = ElementTree.parse(copied / "junit.xml").getroot().iter("testcase")
    assert [case.get("name") for case in cases if case.find("failure") is not None] == ["no progression"]
    assert Image.open(copied.parent / "check" / "sheet.png").width > 400

    def another_channel(scene: Any) -> None:
        for figure in scene["figures"]:
            if figure["array"] == "conv2/activation":
                figure["index"][1] = 3

    tampered(copied, another_channel)
    found = check(copied)  # the film is right: it is proved by the scene, played again, and not by its record
    assert found.exit_code == 1 and "record differs" in found.output
    assert "picture is not the array" not in found.output


def test_a_sentence_that_is_not_heard_is_found(copied: Path) -> None:
    record = json.loads((copied / "lesson.json").read_text(encoding="utf-8"))
    said = record["scenes"][0]["beats"][1]
    del record["voice"][plain(said["say"])]
    (copied / "lesson.json").write_text(json.dumps(record), encoding="utf-8")
    found = check(copied, "--json", copied / "found.json")
    told = json.loads((copied / "found.json").read_text(encoding="utf-8"))["findings"]
    assert [one["beat"] for one in told if one["rule"] == "sentence not recorded"] == [said["cue"]], found.output
    assert {one["rule"] for one in told} == {"no progression", "sentence not recorded"}
    (copied / "lesson.mp4").write_bytes(b"no film")
    found = check(copied)
    assert found.exit_code == 1 and "recording not heard" in found.output


def test_scenes_that_are_only_manims_are_left_alone(copied: Path) -> None:
    tampered(copied, lambda scene: scene.update(beats=[], figures=[], claims=[]))
    found = check(copied)  # a record that keeps quiet about one of ours hides nothing
    assert found.exit_code == 1 and "ActivationHeatmap 16:9 dark: 1 finding" in found.output
    tampered(copied, lambda scene: scene.update(scene="Intro"))
    found = check(copied)
    assert found.exit_code == 0, found.output
    assert "Not looked at, since only LessonScenes say what they show: Intro." in found.output


def test_a_lesson_that_is_not_there_or_not_whole_is_a_sentence(copied: Path, tutorial_bundle: Path) -> None:
    record = json.loads((copied / "lesson.json").read_text(encoding="utf-8"))
    for settings in ({"theme": {"name": "x"}}, {"fps": "many"}, {"theme": None}):
        (copied / "lesson.json").write_text(json.dumps({**record, "settings": {**record["settings"], **settings}}))
        found = check(copied)
        assert found.exit_code == 2 and "does not say how its film looks" in found.output, found.output
    (copied / "lesson.json").write_text(json.dumps(record), encoding="utf-8")
    found = fmcore("check", copied / "nowhere")
    assert found.exit_code == 2 and "There is no finished lesson in" in found.output
    bundle = copied / tutorial_bundle.name
    content = bytearray(bundle.read_bytes())
    content[-1] ^= 1
    bundle.write_bytes(content)
    found = check(copied)  # a changed number is no number to prove a film by
    assert found.exit_code == 2 and f"The bundle '{tutorial_bundle.name}' that the lesson" in found.output
    make_bundle(bundle, Net())
    assert f"not there any more, as '{bundle}' was recorded anew; " in " ".join(check(copied).output.split())
    (copied / tutorial_bundle.name).unlink()
    found = check(copied)
    assert found.exit_code == 2 and f"The bundle '{tutorial_bundle.name}' that the lesson" in found.output
    assert "name it with --bundle" in found.output
    looks = Looks(copied.parent, bundles=(copied / "lesson.json", tutorial_bundle))
    (wanted,) = read_record(copied).bundles.values()
    assert _bundle_file(wanted, copied, looks) == tutorial_bundle
    (copied / "lesson.json").write_text('{"schema_version": 1}', encoding="utf-8")
    found = check(copied)
    assert found.exit_code == 2 and f"has schema 1 and this fmcore reads {RECORD_SCHEMA}" in found.output
    (copied / "lesson.json").write_text(
        f'{{"schema_version": {RECORD_SCHEMA}, "frames": "<script>"}}', encoding="utf-8"
    )
    found = check(copied)
    assert found.exit_code == 2 and "is damaged at" in found.output


def test_a_scene_that_is_not_installed_is_checked_where_its_file_is_named(copied: Path, tmp_path: Path) -> None:
    tampered(copied, lambda scene: scene.update(scene="Renamed"))
    found = check(copied)
    assert found.exit_code == 2 and "Scene 'Renamed' of the lesson" in found.output
    assert "path/to/file.py:Renamed" in found.output
    own = "from scenes.activation_heatmap import ActivationHeatmap\nclass Renamed(ActivationHeatmap):\n    pass\n"
    (tmp_path / "own scene.py").write_text(own)
    found = fmcore("check", copied, tmp_path / "own scene.py:Renamed", "--aspect", "16:9", "--jobs", 1,
                   "--output", tmp_path, "--json", tmp_path / "found.json")  # fmt: skip
    told = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert {one["rule"] for one in told["findings"]} == {"no progression"}, found.output


def test_a_title_is_listed_as_it_is_whatever_signs_it_holds(copied: Path) -> None:
    title = "Filters [/b] and [part one] \x1b[31m"
    tampered(copied, lambda scene: scene.update(title=title))
    table = fmcore("claims", copied)
    assert table.exit_code == 0 and "Filters [/b] and [part one] �[31m" in table.output


def test_claims_are_listed_and_can_be_taken_again(lesson: Path, tutorial_bundle: Path) -> None:
    table = fmcore("claims", lesson)
    assert table.exit_code == 0 and "largest value" in table.output and "conv2/activation" in table.output
    told = json.loads(fmcore("claims", lesson, "--json").output)
    (top,) = (one for one in told if one["name"] == "top")
    with Bundle.open(tutorial_bundle) as bundle:
        truth = bundle.part("conv2/activation", *top["claim"]["index"]).max()
        assert top["claim"]["digest"] == bundle.info("conv2/activation").sha256
    assert top["claim"]["value"] == pytest.approx(float(truth)) and f"{truth:.2f}" in top["sentence"]


BROKEN = '''
"""A scene with planted faults."""
from manim import DOWN, RIGHT
from fmcore.lesson.script import Beat, Script
from scenes import look
from scenes.parts.text import (label)
from scenes.stage import LessonScene


class Broken(LessonScene):
    """Says too much, too small, off the frame."""

    title = "Broken"
    script = Script.of(Beat(cue="one", say="There are {count} of them."))

    def facts(self):
        return {"count": 12}

    def construct(self):
        with self.beat("one"):
            self.add(label("small").scale(0.4), label("outside").shift(RIGHT * 20), label("low").shift(DOWN * 3.5))
'''


def test_a_scene_of_ones_own_is_filmed_and_its_faults_are_named(tutorial_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken scene.py"
    path.write_text(BROKEN, encoding="utf-8")
    junit = tmp_path / "junit.xml"
    found = fmcore(
        "check", f"{path}:Broken", "--bundle", tutorial_bundle, "--quality", "smoke", "--aspect", "1:1",
        "--theme", "light", "--output", tmp_path, "--junit", junit, "--jobs", 1,
    )  # fmt: skip
    assert found.exit_code == 1
    failed = {
        case.get("name") for case in ElementTree.parse(junit).iter("testcase") if case.find("failure") is not None
    }
    assert failed == {"text too small", "outside the frame", "under the captions", "number not proved"}


def test_smoke_makes_films_checks_them_and_leaves_one_sheet(tutorial_bundle: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        f"""title = "Smoke"\n[bundles.net]\nfile = {json.dumps(str(tutorial_bundle))}\n"""
        """[[scenes]]\nscene = "ActivationHeatmap"\nbundle = "net"\n""",
        encoding="utf-8",
    )
    output = tmp_path / "smoke"
    found = fmcore("smoke", plan, "--aspect", "9:16", "--output", output, "--junit", tmp_path / "s.xml", "--jobs", 1)
    told = json.loads((output / "findings.json").read_text(encoding="utf-8"))
    assert {one["rule"] for one in told["findings"]} == {"no progression"}, found.output
    assert (output / "films" / "01-ActivationHeatmap-9x16-dark.mp4").is_file() and (output / "sheet.png").is_file()
    assert (tmp_path / "s.xml").is_file()


def test_the_rules_of_a_lesson_are_no_cases_of_single_scenes(tutorial_bundle: Path, tmp_path: Path) -> None:
    named = ("ActivationHeatmap", "--bundle", tutorial_bundle, "--aspect", "16:9", "--quality", "smoke", "--jobs", 1)
    found = fmcore("check", *named, "--output", tmp_path, "--junit", tmp_path / "s.xml")
    assert found.exit_code == 0, found.output
    names = {case.get("name") for case in ElementTree.parse(tmp_path / "s.xml").getroot().iter("testcase")}
    assert names and "no progression" not in names


def test_a_scene_is_checked_as_it_is_shown(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the part of the lesson that stands beside its heading; two jobs of one scene have names of their own."""
    jobs: list[Any] = []
    monkeypatch.setattr(checking, "check_all", lambda given, *_, **__: jobs.extend(given) or Checked())
    tampered(copied, lambda scene: scene["inputs"].update(part="Reading maps"))
    checking.check_lesson(copied, Looks(copied.parent, aspects=("16:9",)), Silent())
    assert [(job.segment.brief.part, job.segment.brief.begins) for job in jobs] == [("Reading maps", True)]
    assert checking._names([*jobs, *jobs]) == ["ActivationHeatmap 16:9 dark", "ActivationHeatmap (2) 16:9 dark"]


def test_each_board_of_a_lesson_is_judged_by_its_own_network(tmp_path: Path) -> None:
    """The first shows three layers in order; that the scene is shown again of another network changes nothing."""
    names = ("first", "second")
    deep, flat = (make_bundle(tmp_path / f"{name}.safetensors", Net(widths=widths))
                  for name, widths in zip(names, ((4, 4, 4), (4, 4, 4, 4)), strict=True))  # fmt: skip
    entries = [SceneEntry(scene="FeatureMapProgression", bundle=name) for name in names]
    entries[1].options["layers"] = "conv1, conv3"
    specs = Looks(tmp_path, aspects=("16:9",), quality="smoke").specs
    jobs = checking.jobs_for(entries, dict(zip(names, (deep, flat), strict=True)), specs, tmp_path)
    found = checking.check_all(jobs, 1, Silent(), whole_lesson=True)
    assert not found.failed and "no progression" not in {one.rule for one in found.findings}


def test_smoke_does_not_train_what_came_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[LessonPlan] = []
    monkeypatch.setattr(
        checking, "bundles_of", lambda plan, *_: asked.append(plan) or {"net": tmp_path, "own": tmp_path}
    )
    monkeypatch.setattr(checking, "check_all", lambda *_, **__: Checked())
    plan = LessonPlan(
        title="T",
        bundles={"net": BundleRecipe(model="torchvision:resnet18", weights="DEFAULT", images=("cat.jpg",)),
                 "own": BundleRecipe(model="tutorial", epochs=7)},
        scenes=(SceneEntry(scene="ActivationHeatmap", bundle="net"),),
    )  # fmt: skip
    checking.smoke(plan, Looks(tmp_path, aspects=("16:9",)), Silent())
    assert {name: one.epochs for name, one in asked[0].bundles.items()} == {"net": 0, "own": 1}
