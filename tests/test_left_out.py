"""Optional scenes that a network has nothing for: named, left out, and planned around."""

from pathlib import Path

import pytest
from films import Net, make_bundle
from test_lesson import Studio, agrees

from fmcore.errors import BundleError
from fmcore.lesson.plan import BundleRecipe, SceneEntry


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_an_optional_scene_that_has_nothing_to_show_is_left_out_and_said_so(studio: Studio) -> None:
    plan = studio.plan("First", "Second")
    alone = SceneEntry(scene="ModelComparison", bundle="tiny", optional=True)  # there is nothing to compare with
    plan = plan.model_copy(update={"scenes": (plan.scenes[0], alone, plan.scenes[1])})
    made = studio.make(plan)
    assert made.failed == {} and made.left_out == ["ModelComparison"]
    assert any(line.startswith("ModelComparison: left out. ModelComparison compares two") for line in studio.told)
    assert [scene["scene"] for scene in studio.record()["scenes"]] == ["First", "Second"]
    agrees(studio)
    assert studio.make(plan).unchanged  # and each scene is compared with itself of the last run
    wrong = plan.scenes[1].model_copy(update={"options": {"lyer": "conv1"}})
    made = studio.make(plan.model_copy(update={"scenes": (plan.scenes[0], wrong)}))
    assert "Did you mean 'layer'" in made.failed["ModelComparison"].message  # a mistake of the plan, not of the network
    with pytest.raises(BundleError, match="ModelComparison compares two networks"):  # nothing would be left
        studio.make(plan.model_copy(update={"scenes": (alone,)}))
    made = studio.make(plan.model_copy(update={"scenes": (alone.model_copy(update={"optional": False}),)}))
    assert list(made.failed) == ["ModelComparison"]


def test_a_part_begins_with_the_first_of_its_scenes_that_is_shown(studio: Studio) -> None:
    plan = studio.plan("First", "Second")
    alone = SceneEntry(scene="ModelComparison", bundle="tiny", optional=True, part="Two")  # is left out
    second = plan.scenes[1].model_copy(update={"part": "Two"})
    plan = plan.model_copy(update={"scenes": (plan.scenes[0], alone, second)})
    assert studio.make(plan).failed == {}
    first_said = [scene["beats"][0]["say"] for scene in studio.record()["scenes"]]
    assert [said.startswith("Two. ") for said in first_said] == [False, True]
    assert studio.make(plan).unchanged


def test_of_one_scene_shown_of_two_networks_only_that_is_left_out_which_has_nothing_to_show(studio: Studio) -> None:
    plan = studio.plan("First", "Second")
    trained = make_bundle(studio.folder / "trained.safetensors", Net(epochs=2, measured=True))
    other = BundleRecipe(file=str(trained))
    entries = [SceneEntry(scene="TrainingCurves", bundle=name, optional=True) for name in ("tiny", "trained", "tiny")]
    plan = plan.model_copy(update={"bundles": {**plan.bundles, "trained": other}, "scenes": (plan.scenes[0], *entries)})
    made = studio.make(plan)
    assert (made.failed, made.left_out) == ({}, ["TrainingCurves", "TrainingCurves"])
    assert [scene["scene"] for scene in studio.record()["scenes"]] == ["First", "TrainingCurves"]
    assert studio.make(plan).unchanged
