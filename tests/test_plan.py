"""Lesson plans: a good one is read, and a bad one is one sentence that says where and what instead."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fmcore.errors import PlanError
from fmcore.lesson.overrides import with_overrides
from fmcore.lesson.plan import (
    BundleRecipe,
    LessonPlan,
    SceneEntry,
    builtin_plan,
    find_plan,
    networks_seen,
    parts_begun,
    read_plan,
    slug,
    turns,
)

GOOD = """
title = "Feature maps"

[bundles.tutorial]
model = "tutorial"
epochs = 3
learning_rate = 0.01

[bundles.mine]
file = "mine.safetensors"

[[scenes]]
scene = "ActivationHeatmap"
bundle = "tutorial"
options = { layer = "conv1", probe = 3, slow = true, gain = 0.5, layers = ["conv1", "conv2"] }

[[scenes]]
scene = "my_scenes.py:Own"
"""


def written(folder: Path, text: str) -> Path:
    (folder / "plan.toml").write_text(text, encoding="utf-8")
    return folder / "plan.toml"


def test_a_plan_is_read(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, GOOD))
    assert plan == LessonPlan(
        title="Feature maps",
        bundles={
            "tutorial": BundleRecipe(model="tutorial", epochs=3, learning_rate=0.01),
            "mine": BundleRecipe(file="mine.safetensors"),
        },
        scenes=(
            SceneEntry(
                scene="ActivationHeatmap",
                bundle="tutorial",
                options={"layer": "conv1", "probe": 3, "slow": True, "gain": 0.5, "layers": "conv1, conv2"},
            ),
            SceneEntry(scene="my_scenes.py:Own"),
        ),
    )
    assert plan.scenes[0].options["slow"] is True and type(plan.scenes[0].options["probe"]) is int


SCENE = '[[scenes]]\nscene = "A"\n'
START = f'title = "T"\n{SCENE}[bundles.a]\n'

BAD: dict[str, tuple[str, str]] = {
    "empty": ("", "lacks 'title'; add it"),
    "no scenes": ('title = "T"\n[bundles.a]\n', "lacks 'scenes'; add it"),
    "no bundles": (f'title = "T"\n{SCENE}', "lacks 'bundles'; add it"),
    "empty scenes": ('title = "T"\nscenes = []\n[bundles.a]\n', "'scenes' = .* does not fit"),
    "empty title": (f'title = ""\n{SCENE}[bundles.a]\n', "'title' = '' *, which does not fit"),
    "no TOML": ("title = Feature maps", r"not valid TOML: .*line 1.*\. Mend that line"),
    "a table twice": (START + "[bundles.a]\n", "not valid TOML"),
    "deep nesting": ("a = " + "[" * 5000, "is not valid TOML|cannot be read"),
    "a number without end": ("a = " + "9" * 5000, "is not valid TOML|cannot be read"),
    "typo at the top": (START.replace("title", "titel"), "at the top is not understood: .*Did you mean 'title'"),
    "typo in bundles": (START.replace("bundles", "bundels"), "at the top is not understood: .*mean 'bundles'"),
    "an option beside the scene": (
        START + '[[scenes]]\nscene = "A"\nseconds = { place = 9 }\n',
        r"in 'scenes.2' is not understood: There is no setting 'seconds'; .* or write options = \{ seconds = ... \} if",
    ),
    "typo in scenes": (START.replace("scenes", "scene"), "at the top is not understood: .*Did you mean 'scenes'"),
    "typo in a bundle": (
        START + "epoch = 3\n",
        "in 'bundles.a' is not understood: There is no setting 'epoch'.*Did you mean 'epochs'",
    ),
    "typo in a scene": (
        f'title = "T"\n{SCENE}bundel = "a"\n[bundles.a]\n',
        "in 'scenes.1' is not understood: There is no setting 'bundel'.*Did you mean 'bundle'",
    ),
    "typo in a scene's name": (
        START.replace("scene =", "sceen ="),
        "in 'scenes.1' is not understood: There is no setting 'sceen'.*Did you mean 'scene'",
    ),
    "unknown bundle": (
        f'title = "T"\n{SCENE}bundle = "tutoral"\n[bundles.tutorial]\n',
        "not consistent: There is no bundle 'tutoral'; choose one of: tutorial. Did you mean 'tutorial'",
    ),
    "a file and how to make it": (
        START + 'file = "net.safetensors"\nepochs = 77\nmodel = "deep"\n',
        r"in 'bundles\.a': the bundle 'net\.safetensors' is used as it is, and model and epochs would change nothing",
    ),
    "a typo in a model": (
        START + 'model = "tutoral"\n',
        "wants model 'tutoral', .* Did you mean 'tutorial'",
    ),
    "wrong type": (START + 'epochs = "many"\n', "'bundles.a.epochs' = 'many', which does not fit"),
    "too small": (START + "epochs = -1\n", "'bundles.a.epochs' = -1, which does not fit"),
    "no number": (START + "learning_rate = nan\n", "'bundles.a.learning_rate' = nan, which does not fit"),
    "bundles is a list": (f'title = "T"\nbundles = [1]\n{SCENE}', r"'bundles' = \[1\], which does not fit"),
    "a scene is a word": ('title = "T"\nscenes = ["A"]\n[bundles.a]\n', "'scenes.1' = 'A', which does not fit"),
    "scenes is no list": ('title = "T"\nscenes = 3\n[bundles.a]\n', r"'scenes' = 3, .*\(input should be a list\)"),
    "single brackets": (START.replace("[[scenes]]", "[scenes]"), r"and scenes are a list; write \[\[scenes\]\] above"),
    "single brackets, twice": (
        START.replace(SCENE, 2 * SCENE.replace("[[scenes]]", "[scenes]")),
        r"; write \[\[scenes\]\] above",
    ),
    "an option is a table": (
        f'title = "T"\n{SCENE}{SCENE}options = {{ x = {{ y = 1 }} }}\n[bundles.a]\n',
        r"'scenes\.2\.options\.x' = \{'y': 1\}, which does not fit",
    ),
    "an option is a mixed list": (
        f'title = "T"\n{SCENE}options = {{ x = ["a", 1] }}\n[bundles.a]\n',
        r"'scenes\.1\.options\.x' = \['a', 1\], which does not fit",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_plan_is_a_sentence(case: str, tmp_path: Path) -> None:
    text, sentence = BAD[case]
    path = written(tmp_path, text)
    with pytest.raises(PlanError, match=sentence) as told:
        read_plan(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value).strip() and "pydantic" not in str(told.value)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "There is no lesson plan at .*; leave the name out to get the built-in lesson"),
    "a folder": (Path.mkdir, "is a folder, and a lesson plan is a .toml file; images of your own .* --data .folder:"),
    "binary": (lambda path: path.write_bytes(b"\x89PNG\xff\x00"), "is no text in UTF-8; name a .toml file"),
    "Latin-1": (lambda path: path.write_bytes('title = "Größe"'.encode("latin-1")), "and save it as UTF-8"),
    "a link to a device": (lambda path: path.symlink_to("/dev/null"), r"cannot be read \(.*it is no ordinary file"),
    "too large": (lambda path: path.write_bytes(b"#" * 1_000_001), "over 1 MB, so it is no lesson plan"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_plan(case: str, tmp_path: Path) -> None:
    make, sentence = FILES[case]
    make(tmp_path / "plan.toml")
    with pytest.raises(PlanError, match=sentence):
        read_plan(tmp_path / "plan.toml")


def test_scenes_that_name_no_bundle_are_about_the_only_one(tmp_path: Path) -> None:
    one = 'title = "One"\n[bundles.mine]\nfile = "mine.safetensors"\n[[scenes]]\nscene = "GradCam"\n'
    assert [entry.bundle for entry in read_plan(written(tmp_path, one)).scenes] == ["mine"]
    two = one.replace("[[scenes]]", '[bundles.yours]\nfile = "yours.safetensors"\n[[scenes]]')
    assert [entry.bundle for entry in read_plan(written(tmp_path, two)).scenes] == [None]


def test_the_builtin_plan_is_a_plan() -> None:
    plan = builtin_plan()
    assert plan.title and len(plan.scenes) >= 4
    assert all(entry.bundle in plan.bundles for entry in plan.scenes)
    assert all(recipe.data == "garments" and recipe.file is None for recipe in plan.bundles.values())  # no network


def test_an_installed_plan_is_found_by_its_name_and_a_file_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (name, short), (usual, whole) = find_plan(Path("short")), find_plan(None)
    assert (name, usual) == ("feature-maps-in-short", "feature-maps") and whole == builtin_plan()
    assert {entry.scene for entry in short.scenes} < {entry.scene for entry in whole.scenes}
    assert short.bundles == whole.bundles  # nothing is trained for it alone
    with pytest.raises(PlanError, match=r"no lesson plan at 'sort'; .* or write short for a shorter one"):
        find_plan(Path("sort"))
    Path("short").write_text(written(tmp_path, GOOD).read_text())
    assert find_plan(Path("short"))[0] == "short"


@pytest.fixture
def plan(tmp_path: Path) -> LessonPlan:
    return read_plan(written(tmp_path, GOOD))


@pytest.mark.parametrize("changes", [{"data": "mnist"}, {"epochs": 0}, {"seed": 0}, {"data": "mnist", "seed": 9}])
def test_overrides_change_every_recipe_and_nothing_else(changes: dict[str, object], plan: LessonPlan) -> None:
    recipes = {"a": plan.bundles["tutorial"], "b": BundleRecipe(model="deep", weights="w.pth", classes=("x", "y"))}
    trained = LessonPlan(title="T", bundles=recipes, scenes=(SceneEntry(scene="S", bundle="a"),))
    changed = with_overrides(trained, **changes)  # type: ignore[arg-type]
    assert (changed.title, changed.scenes) == (trained.title, trained.scenes)
    for name, recipe in recipes.items():
        assert changed.bundles[name].model_dump() == {**recipe.model_dump(), **changes}
    assert with_overrides(trained) == trained and with_overrides(plan) == plan


@pytest.mark.parametrize("changes", [{"data": "mnist"}, {"epochs": 0}, {"seed": 0}])
def test_what_would_change_nothing_in_a_file_is_refused(changes: dict[str, object], plan: LessonPlan) -> None:
    (option,) = changes
    told = rf"^The plan's bundle 'mine' is the file 'mine\.safetensors', used as it is, and --{option} would change not"
    with pytest.raises(PlanError, match=told):
        with_overrides(plan, **changes)  # type: ignore[arg-type]


def test_a_recipe_that_options_change_is_held_to_what_a_plan_may_say() -> None:
    recipes = {"net": BundleRecipe(model="torchvision:resnet18", classes=("x", "y"))}
    plan = LessonPlan(title="T", bundles=recipes, scenes=(SceneEntry(scene="S", bundle="net"),))
    told = r"^With --data and --epochs, the plan's bundle 'net' is not consistent: .*; leave out 'classes', or the epo"
    with pytest.raises(PlanError, match=told):
        with_overrides(plan, data="mnist", epochs=3)
    with pytest.raises(PlanError, match=r"'net' is not consistent: Input should be less than or equal to 1000\."):
        with_overrides(plan, epochs=1001)


def test_another_seed_keeps_networks_apart_that_a_plan_has_told_apart() -> None:
    recipes = {"a": BundleRecipe(), "b": BundleRecipe(seed=12)}
    plan = LessonPlan(title="T", bundles=recipes, scenes=(SceneEntry(scene="S", bundle="a"),))
    assert {name: one.seed for name, one in with_overrides(plan, seed=3).bundles.items()} == {"a": 3, "b": 15}
    assert with_overrides(plan, seed=2**32 - 1).bundles["b"].seed == 11


NETWORKS: dict[str, tuple[list[tuple[str | None, str | None]], list[str]]] = {
    "one network": ([("a", None), ("a", None)], ["", ""]),
    "another, and back": ([("a", None), ("b", None), ("b", None), ("a", None)], ["", "new", "", "again"]),
    "compared before": ([("a", None), ("a", "b"), ("b", None)], ["", "", "new"]),
    "back after a comparison": ([("a", None), ("b", None), ("a", "b"), ("a", None)], ["", "new", "", "again"]),
    "a comparison names its networks": ([("a", None), ("b", "c")], ["", ""]),
    "a scene without any between": ([("a", None), (None, None), ("a", None), ("b", None)], ["", "", "", "new"]),
    "none at first": ([(None, None), ("a", None)], ["", ""]),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_a_lesson_knows_when_it_turns_to_another_network(case: str) -> None:
    shown, expected = NETWORKS[case]
    assert networks_seen([SceneEntry(scene="S", bundle=one, other=other) for one, other in shown]) == expected


def test_networks_are_named_where_there_are_several() -> None:
    shown: list[tuple[str | None, str | None]] = [("a", None), (None, None), ("a", "b"), ("b", None)]
    entries = [SceneEntry(scene="S", bundle=one, other=other) for one, other in shown]
    assert [turn.several for turn in turns(entries)] == [True, False, False, True]
    assert not any(turn.several for turn in turns(entries[:3]))  # a comparison names its networks itself


def test_a_part_begins_where_another_one_stood_before() -> None:
    parts = ["", "a", "a", "b", "", "", "b", "a"]
    begins = [False, True, False, True, False, False, True, True]
    assert parts_begun([SceneEntry(scene="S", part=part) for part in parts]) == begins
    with pytest.raises(ValueError, match="at most 60 characters"):
        SceneEntry(scene="S", part="x" * 61)


def test_a_given_bundle_takes_the_place_of_all(plan: LessonPlan) -> None:
    changed = with_overrides(plan, bundle=Path("other.safetensors"))
    assert changed.bundles == {"given": BundleRecipe(file="other.safetensors")}
    assert [(entry.scene, entry.bundle) for entry in changed.scenes] == [
        (entry.scene, "given") for entry in plan.scenes
    ]
    assert changed.scenes[0].options == plan.scenes[0].options


@pytest.mark.parametrize("changes", [{"data": "mnist"}, {"epochs": 0}, {"seed": 0}])
def test_a_given_bundle_is_trained_already(changes: dict[str, object], plan: LessonPlan) -> None:
    with pytest.raises(PlanError, match="A bundle is trained already: leave out"):
        with_overrides(plan, bundle=Path("b"), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Feature maps", "feature-maps"),
        ("  What   a CNN sees!  ", "what-a-cnn-sees"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "lesson"),
        ("", "lesson"),
        ("/", "lesson"),
        ("___", "lesson"),
        ("a\x00b\nc", "a-b-c"),
        ("C:\\films\\one", "c-films-one"),
        ("Größe & Maß", "größe-maß"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full-width"),
        ("特征图", "特征图"),
        ("हिन्दी पाठ", "हिन्दी-पाठ"),
        ("a" * 100, "a" * 60),
        ("a" * 59 + " b", "a" * 59),
    ],
)
def test_a_slug_is_one_plain_folder_name(text: str, name: str) -> None:
    assert slug(text) == name
