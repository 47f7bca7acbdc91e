"""What the documents show is run: the scene of CONTRIBUTING, the plan of README, links to a page, every verb."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from films import play
from pages import FIELDS, WEB, Read, check_state, value_of
from PIL import Image
from test_sound import tone

from fmcore.bundle import Bundle
from fmcore.cli import cli
from fmcore.data.imageset import ImageSet
from fmcore.lesson.plan import LessonPlan
from fmcore.lesson.theme import find_theme
from fmcore.render.catalogue import find_scene
from fmcore.render.spec import SIZES
from fmcore.render.voice import find_voice
from fmcore.render.worker import _load_file

ROOT = Path(__file__).parents[1]


pytestmark = pytest.mark.usefixtures("lasting_workers")


def block(document: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_scene_in_one_file_is_found_and_plays(tutorial_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "brightest_map.py"
    path.write_text(block("CONTRIBUTING.md", "python"), encoding="utf-8")
    ref = find_scene(f"{path}:BrightestMap")
    assert ref.title == "The brightest map" and ref.summary
    shown = play(getattr(_load_file(path), ref.name), tutorial_bundle).performance
    assert "channel" in shown.beats[0].say and "{" not in shown.beats[0].say
    assert [figure.array for figure in shown.figures] == ["conv1/activation"]
    # filmed, captioned and checked, with no other edit
    asked = [f"{path}:BrightestMap", "--bundle", tutorial_bundle, "--quality", "smoke"]
    checked = CliRunner().invoke(cli, ["check", *map(str, asked), "--output", str(tmp_path), "--jobs", "1"])
    assert checked.exit_code == 0, checked.output
    made = CliRunner().invoke(cli, ["render", *map(str, asked), "--output", str(tmp_path), "--jobs", "1"])
    assert made.exit_code == 0, made.output
    assert "holds the largest value" in " ".join(next(tmp_path.glob("BrightestMap-*.srt")).read_text("utf-8").split())


def test_the_plan_is_valid_and_names_scenes_that_exist() -> None:
    plan = LessonPlan.model_validate(tomllib.loads(block("README.md", "toml")))
    assert all(find_scene(entry.scene).title for entry in plan.scenes)


def test_the_model_of_the_guide_is_recorded(tmp_path: Path, tiny_images: ImageSet) -> None:
    (tmp_path / "nets.py").write_text(block("docs/guides/any-model.md", "python"), encoding="utf-8")
    Image.fromarray(tiny_images.test_images[0, 0]).resize((90, 120)).save(tmp_path / "shirt.png")
    path = tmp_path / "b.safetensors"
    model, image = f"{tmp_path / 'nets.py'}:make", str(tmp_path / "shirt.png")
    made = CliRunner().invoke(cli, ["record", "--model", model, "--image", image, "--output", str(path), "--quiet"])
    assert made.exit_code == 0, made.output
    with Bundle.open(path) as bundle:
        assert bundle.layer_names == ("0",) and bundle.layer("0").normalisation == "batch_norm"
        assert bundle.header.preprocessing.size == (64, 64) and bundle.header.preprocessing.resize == 72
        assert bundle.header.probes[0].original_size == (120, 90)


def test_the_theme_of_the_guide_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "course.toml"
    path.write_text(block("docs/guides/rendering.md", "toml"), encoding="utf-8")
    assert (theme := find_theme(str(path))).accent == "#B23A00" and theme.name == "course"


def test_the_program_of_the_guide_reads_the_sheet_of_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my voice"
    folder.mkdir()
    (folder / "voice.toml").write_text(block("docs/guides/voice.md", "toml"), encoding="utf-8")
    tone(folder / "002.wav", 300, 1)
    espeak = tmp_path / "espeak-ng"
    espeak.write_text(f"#!/bin/sh\ngrep -q grid && cp '{tone(tmp_path / 'said.wav', 400, 2)}' \"$3\"\n")
    espeak.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    subprocess.run([sys.executable, "-c", block("docs/guides/voice.md", "python"), folder], check=True)
    assert list(find_voice(folder).lengths.values()) == pytest.approx([2, 1], abs=0.01)


def test_links_of_the_guide_lead_to_what_they_name(tutorial_bundle: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    made = CliRunner().invoke(cli, ["page", str(tutorial_bundle), "--output", str(page), "--quiet"])
    assert made.exit_code == 0, made.output
    content = Read(page.read_text(encoding="utf-8")).content
    links = re.findall(r"^    page\.html#(\S+)", (ROOT / "docs/guides/page.md").read_text("utf-8"), re.MULTILINE)
    assert len(links) >= 4
    for link in links:
        state = dict(field.split("=") for field in link.split("&"))
        check_state(state, content)
        assert set(state.get("hide", "tour").split(",")) <= _parts(), link


def _parts() -> set[str]:
    """The names that the page's script gives to what can be hidden."""
    script = "".join(path.read_text("utf-8") for path in sorted((WEB / "src").rglob("*.ts")))
    return set(re.findall(r'(?:"data-part": |dataset\["part"\] = )"(\w+)"', script))


def test_the_guide_names_every_field_and_every_part_of_the_page() -> None:
    text = (ROOT / "docs/guides/page.md").read_text("utf-8")
    fields, parts = text.split("### What can be hidden")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| `(\S+)` \|$", fields, re.MULTILINE))
    assert list(rows) == list(FIELDS)
    for name, example in rows.items():
        field, said = example.split("=")
        assert field == name
        value_of(FIELDS[name], said)
    columns = re.findall(r"^\| (`[\w`, ]+`) \|", parts.split("\n## ")[0], re.MULTILINE)
    assert {part for column in columns for part in re.findall(r"\w+", column)} == _parts()
    assert set(rows["hide"].split("=")[1].split(",")) <= _parts()


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/guides/any-model.md",
        "docs/guides/checking.md",
        "docs/guides/machines.md",
        "docs/guides/page.md",
        "docs/guides/rendering.md",
    ],
)
def test_every_verb_and_option_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for verb, rest in re.findall(r"`?fmcore ([a-z]+)([^`\n|]*)", text):
        if verb not in cli.commands:
            assert not rest.startswith(" --"), f"{document} says `fmcore {verb}`"
            continue
        command = cli.commands[verb]
        if isinstance(command, click.Group):
            command = command.commands[rest.split()[0]]
        assert isinstance(command, click.Command)
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(--[a-z-]+)", rest)) <= known, f"{document}: fmcore {verb}{rest}"
    assert set(re.findall(r"--quality (\w+)", text)) <= set(SIZES)
