"""What is told of findings: for people in 80 columns, for programs as JSON and JUnit XML, and in pictures."""

import json
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from rich.console import Console

from fmcore.check import report
from fmcore.check.findings import OF_LESSON, RULES, Finding
from fmcore.check.maps import name_of
from fmcore.check.proof import Outcome, Proof
from fmcore.check.report import Scene
from fmcore.lesson.brief import Figure, Performance
from fmcore.lesson.storyboard import Item, Storyboard, StoryFrame

WIDE, TALL = Scene("Maps", "16:9", "dark"), Scene("Maps", "9:16", "light")
ODD = 'a "class" & <b>\x1b[31mred\x00\ufffe</b> of “特征” — 𝄞'
PER_SCENE = len(RULES) - len(OF_LESSON)


def finding(scene: Scene = WIDE, rule: str = "text too small", beat: str = "intro", message: str = "A; b.") -> Finding:
    return Finding(
        rule=rule, scene=scene.name, aspect=scene.aspect, theme=scene.theme, beat=beat, message=message,
        objects=("label",), box=(0.25, 0.25, 0.5, 0.5),
    )  # fmt: skip


def proof(outcome: Outcome, channel: int = 0) -> Proof:
    figure = Figure(
        beat="intro", frame=9, array="conv1/activation", index=(2, channel), box=(0, 0, 0.1, 0.1), low=0, high=1,
        scale="per_map", colours="inferno", covered=False,
    )  # fmt: skip
    return Proof(figure=figure, outcome=outcome, pixels=1.25, correlation=0.999, gain=1.0, error=0.01)


def printed(thing: object) -> str:
    out = StringIO()
    Console(file=out, width=80).print(thing)
    return out.getvalue()


def test_a_finding_breaks_a_rule_that_exists() -> None:
    with pytest.raises(ValidationError, match="there is no rule 'beauty'"):
        finding(rule="beauty")
    assert all(told.endswith(".") for told in RULES.values())


# -- in the terminal -------------------------------------------------------------------------------


def test_the_table_fits_80_columns_and_says_every_fault_once() -> None:
    faults = [finding(beat=beat, message=f"{ODD} is too small; make it larger. " * 3) for beat in ("one", "two")]
    faults += [finding(TALL), finding(Scene("", "1:1", "dark"), "no progression", "")]
    text = printed(report.findings_table(faults))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("[31mred") == 3
    assert "\x1b" not in text and "\x00" not in text
    for part in ("Maps 16:9 dark", "beats one, two", "Maps 9:16 light", "the lesson 1:1 dark", "no progression: A; b."):
        assert part in text, text


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    text = printed(report.findings_table([finding(message=f"No. {n}; do it.") for n in range(70)], most=50))
    assert "No. 49;" in text and "No. 50;" not in text and "20 more are not shown here" in text


def test_what_was_proved_is_counted_and_what_was_too_small_is_named() -> None:
    proofs = [
        (WIDE, [proof("value by value"), proof("area by area"), proof("too small"), proof("too small", 4)]),
        (TALL, [proof("too small"), proof("wrong")]),
    ]
    first, *small = report.proofs_told(proofs)
    assert first == (
        "6 pictures were read back from the film: 1 value by value, 1 area by area, 1 wrong, 3 too small to prove."
    )
    assert small == [
        "Too small to prove: conv1/activation[2][0], 1.2 pixels a value"
        " (Maps 16:9 dark, beat intro; Maps 9:16 light, beat intro).",
        "Too small to prove: conv1/activation[2][4], 1.2 pixels a value (Maps 16:9 dark, beat intro).",
    ]
    assert list(report.proofs_told([(WIDE, [])])) == []
    assert next(report.proofs_told([(WIDE, [proof("wrong")])])) == "1 picture was read back from the film: 1 wrong."


def test_what_is_drawn_and_not_read_back_is_told_once() -> None:
    items = tuple(
        Item(kind="picture", name="p", box=(0, 0, 1, 1), what=what) for what in ("an overlay", "a scale", "", "a patch")
    )
    board = Storyboard(
        scene="Maps", fps=10, aspect="16:9", theme="dark", caption_top=0.8,
        frames=(StoryFrame(beat="one", number=9, items=items),), performance=Performance(title=""),
    )  # fmt: skip
    assert list(report.drawings_told([board, board])) == [
        "Drawn from arrays and not read back: a patch and an overlay."
    ]
    assert list(report.drawings_told([])) == []


def test_a_product_is_called_by_both_of_its_factors() -> None:
    figure = proof("wrong").figure.model_copy(update={"times": ("conv1/gradcam_weight", (2, 0, 4))})
    assert name_of(figure) == "conv1/activation[2][0] × conv1/gradcam_weight[2][0][4]"


# -- for programs ----------------------------------------------------------------------------------


def test_json_holds_everything() -> None:
    told = json.loads(report.as_json([finding(), finding(TALL)], [(WIDE, [proof("too small")])], {"Broken": ODD}))
    assert told["summary"] == {
        "findings": 2, "by_rule": {"text too small": 2}, "proofs": {"too small": 1}, "failed": 1,
    }  # fmt: skip
    assert [Finding.model_validate(one) for one in told["findings"]] == [finding(), finding(TALL)]
    assert (told["proofs"][0]["scene"], told["proofs"][0]["figure"]["array"]) == ("Maps", "conv1/activation")
    assert told["failed"] == {"Broken": ODD}


# What the schema of Jenkins' xUnit plugin (junit-10.xsd) allows: attributes that must and may be, and children.
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"time", "skipped", "timestamp", "hostname"}, {"testcase"}),
    "testcase": ({"name"}, {"classname", "time", "group"}, {"failure", "error", "skipped"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
}


def junit(*arguments: object, whole_lesson: bool = True) -> ElementTree.Element:
    root = ElementTree.fromstring(report.as_junit(*arguments, whole_lesson).encode())  # type: ignore[arg-type]
    assert root.tag == "testsuites"
    for element in root.iter():
        must, may, children = SCHEMA[element.tag]
        assert must <= set(element.attrib) <= must | may, element.attrib
        assert {child.tag for child in element} <= children
    suite = root[0]
    counted = {f"{tag}s": len(suite.findall(f".//{tag}")) for tag in ("failure", "error")}
    assert {key: int(suite.attrib[key]) for key in counted} == counted
    assert int(suite.attrib["tests"]) == len(suite)
    return suite


def test_junit_has_a_case_for_every_scene_and_rule() -> None:
    faults = [finding(message=ODD), finding(beat="end"), finding(Scene("", "16:9", "dark"), "no progression", "")]
    suite = junit(faults, [(WIDE, [proof("value by value")]), (TALL, [])], {"Broken 1:1 dark": ODD})
    names = [(case.attrib["classname"], case.attrib["name"]) for case in suite]
    assert len(names) == len(set(names)) == 2 * PER_SCENE + 2 * len(OF_LESSON) + 1
    assert {where for where, _ in names} == {
        "Maps 16:9 dark", "Maps 9:16 light", "lesson 16:9 dark", "lesson 9:16 light", "Broken 1:1 dark",
    }  # fmt: skip
    failures = {(case.attrib["classname"], case.attrib["name"]): case.find("failure") for case in suite}
    small = failures["Maps 16:9 dark", "text too small"]
    assert small is not None and small.text is not None
    assert small.attrib["message"].endswith("(and 1 more)") and "end: A; b." in small.text
    assert "特征" in small.text and "𝄞" in small.text and "\x1b" not in small.text
    assert failures["lesson 16:9 dark", "no progression"] is not None
    assert failures["lesson 9:16 light", "no progression"] is None
    assert [case.attrib["classname"] for case in suite if case.find("skipped") is not None] == ["Maps 9:16 light"]
    assert [case.attrib["classname"] for case in suite if case.find("error") is not None] == ["Broken 1:1 dark"]


def test_junit_of_single_scenes_has_no_cases_of_the_lesson() -> None:
    assert len(junit([], [(WIDE, [])], {}, whole_lesson=False)) == PER_SCENE
    assert len(junit([], [], {})) == 0


# -- in pictures -----------------------------------------------------------------------------------


def test_crops_show_the_box_and_what_lies_around_it(tmp_path: Path) -> None:
    still = np.zeros((100, 200, 3), np.uint8)
    still[25:50, 50:100] = 255
    crop = report.cropped(still, (0.25, 0.25, 0.5, 0.5))
    assert crop.shape == (33, 58, 3)
    assert (crop[4:-4, 4:-4] == 255).all() and crop[0].max() == 0
    told = report.write_crops([finding(), finding(TALL, beat="")], [crop, None], tmp_path / "crops")
    assert [one.crop for one in told] == ["001-text-too-small-Maps-16x9-dark-intro.png", ""]
    assert [path.name for path in (tmp_path / "crops").iterdir()] == [told[0].crop]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "crops" / told[0].crop)), crop)
    for name in ("mine.png", "1000-text-cut-Maps.png"):
        (tmp_path / "crops" / name).write_bytes(b"")
    assert report.write_crops([], [], tmp_path / "crops") == []
    assert [path.name for path in (tmp_path / "crops").iterdir()] == ["mine.png"]  # none of an earlier check


@pytest.mark.parametrize(
    "box", [(-0.5, 0.2, 0.1, 0.4), (0.9, 0.9, 1.4, 1.3), (1.5, 0.2, 1.8, 0.4), (0.5, 0.5, 0.5, 0.5)]
)
def test_a_crop_of_any_box_is_a_picture(box: tuple[float, float, float, float]) -> None:
    crop = report.cropped(np.zeros((100, 200, 4), np.uint8), box)
    assert min(crop.shape[:2]) > 0 and crop.shape[0] <= 100 and crop.shape[1] <= 200


def test_a_contact_sheet_has_a_row_a_scene(tmp_path: Path) -> None:
    white, tall = np.full((45, 80, 3), 255, np.uint8), np.full((80, 45, 3), 255, np.uint8)
    path = tmp_path / "new" / "sheet.png"
    report.contact_sheet([("Maps 16:9 dark", [white, white, white]), (f"Maps {ODD}", [tall]), ("empty", [])], path)
    sheet = np.asarray(Image.open(path))
    filled = (sheet == 255).all(2)
    assert filled.sum() >= 3 * white[..., 0].size + tall[..., 0].size
    assert filled[32:77, 8:88].all() and filled[32:77, 96:176].all()  # side by side below their label
    assert [path.name for path in path.parent.iterdir()] == ["sheet.png"]
