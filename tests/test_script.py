"""Scripts: how long a beat lasts, at which frame it ends, and what it says."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fmcore.errors import PlanError
from fmcore.lesson.script import Beat, Script

SAYINGS = st.text(st.characters(categories=["L", "N", "P", "Zs"], exclude_characters="{}"), min_size=1, max_size=400)
SECONDS = st.floats(0, 120)
BEATS = st.lists(st.tuples(SAYINGS, SECONDS), min_size=1, max_size=40)


def script_of(beats: list[tuple[str, float]]) -> Script:
    return Script.of(*(Beat(cue=f"beat{n}", say=say, seconds=seconds) for n, (say, seconds) in enumerate(beats)))


def fifths(beat: Beat) -> int:
    return round(beat.duration * 5)


@given(say=SAYINGS, seconds=SECONDS)
def test_a_beat_can_be_read_and_lasts_whole_fifths_of_a_second(say: str, seconds: float) -> None:
    beat = Beat(cue="a", say=say, seconds=seconds)
    assert beat.duration == pytest.approx(fifths(beat) / 5, abs=1e-9)
    assert beat.duration >= max(2.0, seconds) - 1e-6
    assert len(say) / beat.duration <= 17
    assert beat.duration < max(2.0, seconds, len(say) / 15 + 0.6) + 0.2 + 1e-6


@given(beats=BEATS, fps=st.sampled_from([10, 15, 24, 25, 30, 60]))
def test_frames_follow_each_other_and_end_where_the_clock_says(beats: list[tuple[str, float]], fps: int) -> None:
    script = script_of(beats)
    timed = script.timed(fps)
    elapsed, start = Fraction(0), 0
    for beat, found in zip(script.beats, timed, strict=True):
        elapsed += Fraction(fifths(beat), 5)
        assert (found.cue, found.say, found.start) == (beat.cue, beat.say, start)
        assert abs(found.end - elapsed * fps) <= Fraction(1, 2)
        if fps != 24:
            assert found.end == elapsed * fps
        assert found.frames == found.end - found.start > 0
        start = found.end


@pytest.mark.parametrize(
    ("beat", "sentence"),
    [
        ({"cue": "Intro", "say": "x"}, "cue"),
        ({"cue": "", "say": "x"}, "cue"),
        ({"cue": "a", "say": ""}, "say"),
        ({"cue": "a", "say": "x", "seconds": -1}, "seconds"),
        ({"cue": "a", "say": "x", "seconds": float("nan")}, "seconds"),
        ({"cue": "a", "say": "x", "second": 3}, "second"),
    ],
)
def test_beats_that_cannot_be(beat: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Beat.model_validate(beat)


def test_a_cue_is_used_once() -> None:
    with pytest.raises(ValidationError, match="the cue 'two' is used by two beats; give each its own"):
        Script.of(*(Beat(cue=cue, say="x") for cue in ("one", "two", "three", "two")))


def test_a_script_has_a_beat() -> None:
    with pytest.raises(ValidationError):
        Script.of()


def test_facts_fill_the_sentences_and_make_them_longer() -> None:
    script = Script.of(
        Beat(cue="a", say="Layer {layer} gets {accuracy:.0%} right."), Beat(cue="b", say="{{}} is {count:,} {count}.")
    )
    filled = script.filled({"layer": "conv1" * 30, "accuracy": 0.876, "count": 1234, "unused": 0})
    assert [beat.say for beat in filled.beats] == [f"Layer {'conv1' * 30} gets 88% right.", "{} is 1,234 1234."]
    assert filled.beats[0].duration > script.beats[0].duration
    assert script.beats[0].say.startswith("Layer {layer}")


def test_an_empty_fact_leaves_no_second_space() -> None:
    script = Script.of(Beat(cue="a", say="{none} One. {none} {none} Two{none}: {two}. {none}"))
    (beat,) = script.filled({"none": "", "two": "as  it  is"}).beats
    assert beat.say == "One. Two: as  it  is."


@pytest.mark.parametrize(("facts", "given"), [({"layer": 1, "class": 2}, "class, layer"), ({}, "none")])
def test_a_fact_that_is_missing_is_named(facts: dict[str, object], given: str) -> None:
    script = Script.of(Beat(cue="start", say="It is {accuracy:.0%}."))
    with pytest.raises(PlanError, match=rf"Beat 'start' says {{accuracy}} .* no such fact; it gives {given}\."):
        script.filled(facts)


def test_a_placeholder_is_called_by_its_fact() -> None:
    script = Script.of(Beat(cue="a", say="{top.value:.2f} of {names[0]}, {top}"))
    assert script.placeholders == (("a", "top"), ("a", "names"), ("a", "top"))


def test_a_script_of_some_of_its_beats() -> None:
    whole = Script.of(*(Beat(cue=cue, say=f"The {cue} one.") for cue in ("first", "second", "third")))
    assert [beat.cue for beat in whole.only(["third", "first"]).beats] == ["first", "third"]
    for wrong in ("secnd", ""):
        with pytest.raises(PlanError, match=f"no beat '{wrong}'; choose one of: first, second, third"):
            whole.only(["first", wrong])
