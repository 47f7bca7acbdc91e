"""Captions: nothing said is lost, every piece fits and can be read, and players can parse the files."""

import html
import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fmcore.lesson.captions import Caption, Chapter, captions, split, srt, vtt, youtube_chapters
from fmcore.lesson.script import Beat, Script, TimedBeat

LETTERS = st.characters(categories=["L", "N", "P", "S", "M"])
WORDS = st.lists(st.text(LETTERS, min_size=1, max_size=20) | st.text("ab-", min_size=30, max_size=120), min_size=1)
SPACES = st.sampled_from([" ", "  ", "\n", "\t", "\u00a0", " \u2003 "])
SENTENCES = st.builds(lambda words, space: space.join(words), WORDS, SPACES)
FPS = st.sampled_from([10, 15, 24, 25, 30, 60])


def squeezed(text: str) -> str:
    return "".join(text.split())


@given(sentence=SENTENCES)
@example(sentence="a" * 1000)
@example(sentence="x " * 500)
@example(sentence=("a" * 43 + " ") * 9)
@example(sentence="特征图" * 60)
def test_pieces_fit_and_nothing_is_lost(sentence: str) -> None:
    (beat,) = Script.of(Beat(cue="a", say=sentence)).timed(30)
    found = captions([beat])
    for caption in found:
        lines = caption.text.split("\n")
        assert len(lines) <= 2 and all(0 < len(line) <= 42 for line in lines)
        assert all(line == line.strip() for line in lines)
    assert "".join(squeezed(caption.text) for caption in found) == squeezed(sentence)
    if max(map(len, sentence.split())) <= 42:
        assert " ".join(caption.text for caption in found).split() == sentence.split()


@given(sentences=st.lists(SENTENCES, min_size=1, max_size=4), fps=FPS, offset=st.integers(0, 10_000))
def test_captions_cover_the_beats_without_a_gap(sentences: list[str], fps: int, offset: int) -> None:
    beats = Script.of(*(Beat(cue=f"b{n}", say=say) for n, say in enumerate(sentences))).timed(fps)
    found = captions(beats, offset)
    assert found[0].start == offset and found[-1].end == offset + beats[-1].end
    assert all(one.end == following.start for one, following in pairwise(found))
    assert all(caption.end > caption.start for caption in found)
    assert {offset + beat.end for beat in beats} <= {caption.end for caption in found}
    for caption in found:
        assert len(caption.text) / ((caption.end - caption.start + 1) / fps) <= 17


@pytest.mark.parametrize("say", [" ", "\n\t", "\u00a0"])
def test_nothing_said_is_no_caption(say: str) -> None:
    assert captions([TimedBeat(cue="a", say=say, start=0, end=30)]) == []


@pytest.mark.parametrize(
    ("sentence", "pieces"),
    [
        ("Short.", ["Short."]),
        ("one two", ["one two"]),
        ("a" * 42 + " " + "b" * 41, ["a" * 42 + " " + "b" * 41]),
        ("a" * 42 + " " + "b" * 42 + " c", ["a" * 42, "b" * 42 + " c"]),
    ],
)
def test_no_more_pieces_than_needed(sentence: str, pieces: list[str]) -> None:
    assert split(sentence) == tuple(pieces)


def test_two_lines_are_of_about_equal_length() -> None:
    (caption,) = captions(
        [TimedBeat(cue="a", say="Every map is one channel of the output of a layer.", start=0, end=9)]
    )
    first, second = caption.text.split("\n")
    assert abs(len(first) - len(second)) <= 7


# --- files -----------------------------------------------------------------------------------------

CLOCK = r"(\d\d+):([0-5]\d):([0-5]\d)"
SRT_BLOCK = re.compile(rf"(\d+)\n{CLOCK},(\d{{3}}) --> {CLOCK},(\d{{3}})\n(.+(?:\n.+)?)\n")
VTT_BLOCK = re.compile(rf"{CLOCK}\.(\d{{3}}) --> {CLOCK}\.(\d{{3}})\n((?:(?!-->).)+(?:\n(?:(?!-->).)+)?)\n")


def frame(parts: tuple[str, ...], fps: int) -> float:
    hours, minutes, seconds, ms = map(int, parts)
    return (hours * 3600 + minutes * 60 + seconds + ms / 1000) * fps


SHOWN = [
    Caption(0, 61, "Plain."),
    Caption(61, 100, "Two\nlines, <b>&amp; no</b> markup"),
    Caption(100, 130, "a --> b"),
    Caption(130, 1_000_000, "Ünïcödé 特征 × 3"),
]


@pytest.mark.parametrize("fps", [10, 24, 30, 60])
def test_subrip_is_read_back(fps: int) -> None:
    blocks = srt(SHOWN, fps).split("\n\n")
    assert len(blocks) == len(SHOWN)
    for number, (caption, block) in enumerate(zip(SHOWN, blocks, strict=True), start=1):
        match = SRT_BLOCK.fullmatch(block.rstrip("\n") + "\n")
        assert match is not None, block
        assert match[1] == str(number) and match[10] == caption.text
        assert frame(match.groups()[1:5], fps) == pytest.approx(caption.start, abs=0.0006 * fps)
        assert frame(match.groups()[5:9], fps) == pytest.approx(caption.end, abs=0.0006 * fps)


@pytest.mark.parametrize("fps", [10, 24, 30, 60])
def test_webvtt_is_read_back(fps: int) -> None:
    head, *blocks = vtt(SHOWN, fps).split("\n\n")
    assert head == "WEBVTT" and len(blocks) == len(SHOWN)
    for caption, block in zip(SHOWN, blocks, strict=True):
        match = VTT_BLOCK.fullmatch(block.rstrip("\n") + "\n")
        assert match is not None, block
        assert "<" not in match[9] and html.unescape(match[9]) == caption.text
        assert frame(match.groups()[:4], fps) == pytest.approx(caption.start, abs=0.0006 * fps)


def test_hours_are_told() -> None:
    assert "01:00:02,500 --> 27:46:40,000\n" in srt([Caption(36025, 1_000_000, "x")], 10)


def test_no_captions_are_valid_files() -> None:
    assert srt([], 30) == "" and vtt([], 30) == "WEBVTT\n\n"


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ([0], ["0:00 A"]),
        ([0, 595, 6000], ["0:00 A", "1:00 B", "10:00 C"]),  # 59.5 s rounds to the minute
        ([0, 105], ["0:00 A", "0:11 B"]),  # up from the middle, as browsers round
        ([0, 100, 36_000], ["0:00:00 A", "0:00:10 B", "1:00:00 C"]),
        ([], []),
    ],
)
def test_youtube_chapters_begin_at_zero(starts: list[int], expected: list[str]) -> None:
    chapters = [Chapter(start, start + 50, title) for start, title in zip(starts, "ABC", strict=False)]
    assert youtube_chapters(chapters, 10).splitlines() == expected
