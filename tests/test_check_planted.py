"""Planted faults: each breaks one rule of a sound storyboard, in every shape of frame; near misses break none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from films import Net, make_bundle
from stages import CAPTION_TOP, SAY, SIZES, TEXT, Stage

from fmcore.bundle import Bundle
from fmcore.check.findings import OF_LESSON, RULES, Finding
from fmcore.check.layout import layout_findings
from fmcore.check.pace import pace_findings
from fmcore.check.proof import RULE as PROOF
from fmcore.check.teaching import lesson_findings, teaching_findings
from fmcore.colour import ColourScale
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.storyboard import Item


def findings_of(stage: Stage) -> list[Finding]:
    board = stage.board
    return [
        *layout_findings(board, {"maps": stage.still}),
        *teaching_findings(board, stage.bundle),
        *pace_findings(board),
        *lesson_findings([(board, stage.bundle)]),
    ]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """Three convolutions of 4, 20 and 5 filters on 12 × 12; channel 4 of each is dead."""
    path = make_bundle(tmp_path_factory.mktemp("check") / "b.safetensors", Net(widths=(4, 20, 5), dead=(3,)))
    with Bundle.open(path) as opened:
        yield opened


@pytest.fixture
def stage(bundle: Bundle, aspect: str) -> Stage:
    """A sound scene: one map of every layer below each other, with size and number beside it."""
    made = Stage(bundle, aspect)
    made.text("Deeper and deeper", 0.08, 0.05, 0.035)
    for number, (layer, count) in enumerate({"conv1": 4, "conv2": 20, "conv3": 5}.items()):
        top = 0.15 + 0.2 * number
        made.picture(f"{layer}/activation", (0, 0), top)
        made.text(f"12 × 12 × {count}", 0.4, top)
        made.text(f"1 of {count} channels", 0.4, top + 0.06)
    made.claim()
    return made


pytestmark = pytest.mark.parametrize("aspect", SIZES)


def test_a_sound_scene_has_no_findings(stage: Stage) -> None:
    assert findings_of(stage) == []


# -- faults ----------------------------------------------------------------------------------------


def shape(stage: Stage, left: float, top: float, right: float, bottom: float, name: str = "Rectangle") -> None:
    stage.items.append(Item(kind="shape", name=name, box=(left, top, right, bottom)))


def cover(stage: Stage, name: str, filled: float, more: float = 0.0) -> None:
    """A shape over a text, `more` of the frame larger on every side."""
    left, top, right, bottom = stage.text("hidden", 0.55, 0.5).box
    box = (left - more / 2, max(0.0, top - more), right + more / 2, bottom + more)
    stage.items.append(Item(kind="shape", name=name, box=box, filled=filled))


def many(stage: Stage, count: int, label: str) -> None:
    stage.drop("1 of 20 channels")
    stage.text(label, 0.4, 0.41)
    channels = [channel for channel in range(20) if channel != 3 or count == 20]  # 3 is dead
    stage.figures[1:2] = [stage.figures[1].model_copy(update={"index": (0, c)}) for c in channels[:count]]
    stage.figures = [one.model_copy(update={"low": 0.0, "high": 99.0, "scale": "shared"}) for one in stage.figures]


def beat(stage: Stage, say: str, end: int) -> None:
    stage.beats = [TimedBeat(cue="maps", say=say, start=0, end=end)]
    stage.moving, stage.claims = [(0, end)], []


def in_german(stage: Stage, rows: int) -> None:
    stage.language = "de"
    stage.beats = [TimedBeat(cue="maps", say=f"Jede dieser Karten hat {rows} Zeilen.", start=0, end=80)]


def swapped(stage: Stage) -> None:
    """The last layer's map above the first."""
    first, last = stage.figures[0], stage.figures[2]
    stage.figures[0] = first.model_copy(update={"box": last.box})
    stage.figures[2] = last.model_copy(update={"box": first.box})


def preactivation(stage: Stage, **change: object) -> None:
    stage.picture("conv3/preactivation", (0, 0), 0.68)
    stage.recolour(3, **change)


def other_words(stage: Stage, *texts: str) -> None:
    """Other words for the first channel of conv1."""
    stage.drop("1 of 4 channels")
    for number, text in enumerate(texts):
        stage.text(text, 0.4, 0.21 + 0.045 * number)


def unsized(stage: Stage, *texts: str) -> None:
    stage.drop("12 × 12 × 4", "12 × 12 × 20", "12 × 12 × 5")
    for text in texts:
        stage.text(text, 0.4, 0.15)


def on_paper(stage: Stage, colour: str, left: float, words: str, ink: str = TEXT) -> None:
    """Words at 0.4 of the width on paper of `colour` from `left` to the right edge."""
    stage.patches.append(((left, 0.68, 1.0, 0.84), colour))
    stage.text(words, 0.4, 0.7, colour=ink)


def two_scales(stage: Stage, kind: str, one: float, other: float) -> None:
    """The map of the last layer twice, its colours ending at these multiples of what the layer reaches."""
    reach = float(stage.bundle.part("conv3/activation", 0).max())
    stage.picture("conv3/activation", (0, 0), 0.68, 0.08, ColourScale(0.0, one * reach, kind))
    stage.recolour(2, scale=kind, low=0.0, high=other * reach)


def own_scales(stage: Stage) -> None:
    """Two channels of the last layer, each on its own scale."""
    values = stage.bundle.part("conv3/activation", 0, 1)
    stage.picture("conv3/activation", (0, 1), 0.68, 0.08, ColourScale.of(values))
    stage.text("channel 2", 0.4, 0.7)


def two_layers(stage: Stage, one: float, other: float) -> None:
    """Maps of two layers that are said to share a scale."""
    for number, high in enumerate((one, other)):
        stage.recolour(number, scale="shared", low=0.0, high=high)


def dead(stage: Stage, words: str) -> None:
    stage.recolour(0, index=(0, 3), low=0.0, high=0.0)
    other_words(stage, words)


def square_below(stage: Stage) -> None:
    stage.items.insert(0, Item(kind="shape", name="Square", box=(0.05, 0.1, 0.35, 0.35)))
    stage.text("7", 0.1, 0.2)


Spoil = Callable[[Stage], object]
FAULTS: dict[str, dict[str, Spoil]] = {
    "outside the frame": {
        "a shape at the right": lambda s: shape(s, 0.9, 0.1, 1.01, 0.2),
        "a text at the top": lambda s: s.text("high", 0.7, -0.01),
        "a picture at the left": lambda s: s.picture("probes", (0, 0), 0.68, -0.05),
    },
    "under the captions": {
        "a text": lambda s: s.text("low", 0.1, 0.9),
        "the end of a shape": lambda s: shape(s, 0.1, 0.7, 0.2, 0.85),
    },
    "text over text": {"words on words": lambda s: s.text("again", 0.42, 0.16)},
    "text over a map": {
        "a text in its corner": lambda s: s.text("map", 0.07, 0.2),
        "a digit on a square below it": square_below,
    },
    "text covered": {
        "a rectangle on it": lambda s: cover(s, "RoundedRectangle", 1.0),
        "a disc on it": lambda s: cover(s, "Circle", 0.5, 0.3),
    },
    "text too small": {"capitals of 2.1 %": lambda s: s.text("small print", 0.4, 0.7, 0.021)},
    "text too faint": {
        "dark grey on black": lambda s: s.text("who can read it", 0.3, 0.7, colour="#5C6470"),
        "a faded text": lambda s: s.text("going", 0.4, 0.7, opacity=0.4),
        "half on white": lambda s: on_paper(s, "#DDE2E8", 0.5, "half in the light"),
        "on its own colour": lambda s: on_paper(s, TEXT, 0.3, "gone"),
    },
    "letter without a font": {"a letter of nobody's": lambda s: s.text("Bag \U0010abcd", 0.4, 0.7)},
    "text cut": {"a statement": lambda s: s.text("What no…room", 0.4, 0.7, cut=True)},
    "map without its size": {
        "nothing": unsized,
        "a wrong size": lambda s: unsized(s, "112 × 12 × 4"),
        "a cut size": lambda s: s.text("12 ×…× 4", 0.4, 0.7),
    },
    "channels not counted": {
        "nothing": other_words,
        "other things are counted": lambda s: other_words(s, "asked: 1 of 4 people"),
        "a wrong number": lambda s: other_words(s, "3 of 4 channels"),
        "another channel": lambda s: other_words(s, "channel 2 of 4"),
        "the size of a filter": lambda s: other_words(s, "filter 1 × 1"),
    },
    "too many channels": {
        "17 of 20": lambda s: many(s, 17, "17 of 20 channels"),
        "all 20": lambda s: many(s, 20, "all 20, one flat"),
    },
    "flat map not called flat": {
        "a dead channel": lambda s: dead(s, "channel 4"),
        "flat in another word": lambda s: dead(s, "channel 4, flattened"),
    },
    "colour is not strength": {
        "a scale that begins above zero": lambda s: s.recolour(0, low=0.1),
        "the rainbow": lambda s: s.recolour(0, colours="jet"),
        "no such table": lambda s: s.recolour(0, colours="beige"),
        "bright is weak": lambda s: s.recolour(0, colours="inferno_r"),
        "signed values in strength colours": lambda s: preactivation(s, colours="inferno"),
        "a signed scale out of balance": lambda s: preactivation(s, high=99.0),
        "negative values cut off": lambda s: preactivation(s, low=0.0, colours="inferno"),
        "large values cut off": lambda s: s.recolour(0, high=s.figures[0].high / 2),
        "an image in colours": lambda s: s.picture("probes", (0, 0), 0.68, 0.08, ColourScale(0.0, 1.0, "shared")),
        "a scale far beyond a map": lambda s: s.recolour(0, high=1e6),
        "a scale far beyond a layer": lambda s: two_scales(s, "per_layer", 40.0, 40.0),
        "a map as RGB": lambda s: s.recolour(0, colours="rgb"),
    },
    "scales differ": {
        "50 and 51": lambda s: two_scales(s, "shared", 50.0, 51.0),
        "of two layers": lambda s: two_layers(s, 100.0, 50.0),
    },
    "number not proved": {"from nowhere": lambda s: s.unproved.append(("maps", "rows"))},
    "claim not proved": {
        "another value": lambda s: s.claim(value=12.001),
        "another array": lambda s: s.claim(digest="0" * 64),
        "an array that is not there": lambda s: s.claim(array="conv9/activation"),
        "a measure that is not there": lambda s: s.claim(measure="beauty"),
        "words that nobody says": lambda s: s.claim(words="thirteen"),
        "another number in another language": lambda s: in_german(s, 13),
        "a judgement that does not hold": lambda s: s.claim(relation="at least", threshold=13.0),
        "a judgement that holds": lambda s: s.claim(relation="at most", threshold=12.0, holds=False),
    },
    "captions too fast": {"50 characters in 2.9 s": lambda s: beat(s, "a" * 24 + " " + "b" * 25, 29)},
    "still too long": {
        "6.1 seconds": lambda s: s.moving.__setitem__(slice(None), [(0, 19)]),
        "nothing moves at all": lambda s: s.moving.clear(),
    },
    "narration too long": {
        "half a second": lambda s: beat(s, "So.", 5),
        "90 characters in 4.9 s": lambda s: beat(s, "ten chars " * 9, 49),
    },
    "no progression": {"from deep to shallow": swapped, "two layers": lambda s: s.figures.pop(1)},
}  # fmt: skip


@pytest.mark.parametrize(("rule", "fault"), [(rule, fault) for rule, faults in FAULTS.items() for fault in faults])
def test_a_planted_fault_is_found(stage: Stage, rule: str, fault: str) -> None:
    FAULTS[rule][fault](stage)
    found = findings_of(stage)
    too_fast = {"captions too fast", "narration too long"}
    assert {finding.rule for finding in found} <= (too_fast if rule in too_fast else {rule}), found
    assert rule in {finding.rule for finding in found}
    for finding in found:
        assert (finding.aspect, finding.theme) == (stage.aspect, "dark")
        assert (finding.scene, finding.beat) == (("", "") if rule in OF_LESSON else ("Maps", "maps"))
        assert not finding.message[0].islower()
        assert finding.message.endswith(".") and "; " in finding.message and "\n" not in finding.message


def test_every_rule_has_a_planted_fault(aspect: str) -> None:
    heard = {"sentence not recorded", "recording not heard"}  # in test_voice
    recorded = {"record differs", "film not whole", "file changed"}  # in test_check_records
    unproved = {"picture without a source", "picture covered"}  # in test_check_unproved
    assert set(FAULTS) == set(RULES) - {PROOF} - heard - recorded - unproved


# -- near misses -----------------------------------------------------------------------------------


def flat(stage: Stage) -> None:
    dead(stage, "channel 4, flat")


def touching(stage: Stage) -> None:
    first = stage.text("left", 0.4, 0.75)
    stage.text("right", first.box[2] - 0.0005, 0.75)


NEAR: dict[str, Spoil] = {
    "a shape up to the edge": lambda s: shape(s, 0.7, 0.0, 1.0005, 0.1),
    "a text down to the captions": lambda s: shape(s, 0.1, 0.75, 0.2, CAPTION_TOP),
    "texts that touch": touching,
    "a text in an empty frame": lambda s: cover(s, "Rectangle", 0.0),
    "a text in a faint frame": lambda s: cover(s, "Rectangle", 0.2),
    "a text in the corner of a disc's box": lambda s: cover(s, "Circle", 1.0),
    "a text that nobody can see": lambda s: s.text("ghost", 0.1, 0.2, 0.01, opacity=0.0),
    "capitals of 2.2 %": lambda s: s.text("small print", 0.4, 0.7, 0.022),
    "grey of 4.7 : 1": lambda s: s.text("quiet", 0.4, 0.7, colour="#7A818C"),
    "a little faded": lambda s: s.text("going", 0.4, 0.7, opacity=0.8),
    "a text beside white": lambda s: s.patches.append(((0.0, 0.65, 0.39, 0.84), "#FFFFFF")) or s.text("here", 0.4, 0.7),
    "a dark text on white": lambda s: on_paper(s, "#FAFAF7", 0.3, "black on white", "#14181F"),
    "a digit on a square": lambda s: (shape(s, 0.05, 0.15, 0.35, 0.3, "Square"), s.text("7", 0.1, 0.2)),
    "a size with the letter x": lambda s: unsized(s, "12x12x4"),
    "a size without channels": lambda s: unsized(s, "12 × 12"),
    "shown": lambda s: other_words(s, "1 of 4 shown"),
    "named as a filter": lambda s: other_words(s, "filter 1"),
    "named in a sentence": lambda s: other_words(s, "Channel 1 is shown."),
    "named with how many there are": lambda s: other_words(s, "channel 1 of 4"),
    "named in short": lambda s: other_words(s, "A, 1 of 4"),
    "named in two lines": lambda s: other_words(s, "this is channel", "1 of 4"),
    "16 channels": lambda s: many(s, 16, "16 of 20 channels"),
    "16 channels, one with a name": lambda s: many(s, 16, "channel 1, 15 of 20"),
    "a flat map that says so": flat,
    "signed values": lambda s: preactivation(s),
    "an image in grey": lambda s: s.picture("probes", (0, 0), 0.68),
    "scales of their own": own_scales,
    "one scale": lambda s: two_scales(s, "per_layer", 1.0, 1.0),
    "one scale of two layers": lambda s: two_layers(s, 50.0, 50.0),
    "named in German": lambda s: other_words(s, "Kanal 1 von 4"),
    "counted in German": lambda s: other_words(s, "1 von 4 Kanälen"),
    "a claim of a label": lambda s: s.claim(words="a dozen", say=False),
    "a value of rounding": lambda s: s.claim(value=12.00001),
    "the same number in another language": lambda s: in_german(s, 12),
    "a judgement that holds": lambda s: s.claim(relation="at least", threshold=12.0),
    "a neutral wording": lambda s: s.claim(words="", relation="at least", threshold=13.0, holds=False),
    "34 characters in 2 seconds": lambda s: beat(s, "a" * 17 + " " + "b" * 16, 20),
    "6 seconds without motion": lambda s: s.moving.__setitem__(slice(None), [(0, 20)]),
    "one second": lambda s: beat(s, "So.", 10),
}  # fmt: skip


@pytest.mark.parametrize("near", NEAR)
def test_a_near_miss_passes(stage: Stage, near: str) -> None:
    NEAR[near](stage)
    assert [(finding.rule, finding.message) for finding in findings_of(stage)] == []


# -- what findings say -----------------------------------------------------------------------------


def test_stillness_is_charged_to_the_beat_that_holds_most_of_it(stage: Stage) -> None:
    stage.beats = [
        TimedBeat(cue="maps", say=SAY.format(rows=12), start=0, end=60),
        TimedBeat(cue="after", say=SAY.format(rows=12), start=60, end=130),
    ]
    stage.moving = [(0, 40)]
    assert [(finding.rule, finding.beat) for finding in findings_of(stage)] == [("still too long", "after")]


def test_the_contrast_is_measured(stage: Stage) -> None:
    stage.text("who can read it", 0.3, 0.7, colour="#5C6470")
    (finding,) = findings_of(stage)
    assert "stands out from #0B0E14 by 3.2" in finding.message


def test_without_a_still_nothing_is_said_about_contrast(stage: Stage) -> None:
    stage.text("who can read it", 0.4, 0.7, colour="#5C6470")
    assert list(layout_findings(stage.board, {})) == []


def test_two_convolutions_are_enough_where_there_are_no_more(tmp_path: Path, aspect: str) -> None:
    with Bundle.open(make_bundle(tmp_path / "b.safetensors", Net(widths=(4, 6)))) as bundle:
        made = Stage(bundle, aspect)
        made.picture("conv1/activation", (0, 0), 0.1)
        assert [one.rule for one in lesson_findings([(made.board, bundle)])] == ["no progression"]
        made.picture("conv2/activation", (0, 0), 0.1, 0.5)
        assert list(lesson_findings([(made.board, bundle)])) == []


def test_the_other_network_is_asked_for_its_own_arrays(stage: Stage, tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "b.safetensors", Net(size=(8, 8), widths=(4,)))) as other:
        stage.picture("conv1/activation", (0, 0), 0.68, 0.08, ColourScale(0.0, 99.0, "shared"))
        stage.recolour(3, other=True)
        digest = other.header.arrays["conv1/activation"].sha256
        stage.claim(words="", value=8.0, digest=digest, other=True)
        found = list(teaching_findings(stage.board, stage.bundle, other))
    assert [finding.rule for finding in found] == ["map without its size"]
    assert "8 × 8" in found[0].message
