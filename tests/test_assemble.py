"""Joining: the film is its segments, packet by packet, with captions and chapters in their places."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from films import TINY, frames_of, packets_of
from PIL import Image

from fmcore.errors import RenderError
from fmcore.lesson.captions import Caption, Chapter
from fmcore.render.assemble import is_ours, join, still
from fmcore.render.encoder import SegmentEncoder
from fmcore.render.spec import RenderSpec


def counted(path: Path, first: int, count: int, spec: RenderSpec = TINY) -> Path:
    """A film whose frames carry their number as a brightness, four apart."""
    encoder = SegmentEncoder(path, spec)
    for number in range(first, first + count):
        frame = np.full((spec.height, spec.width, 4), 255, np.uint8)
        frame[..., :3] = 20 + 4 * number
        frame[number % 8 :: 8, :, 0] = 255  # so that no frame is a mere copy of the one before
        encoder.write(frame)
    encoder.finish()
    return path


def numbers_of(video: Path) -> list[int]:
    return [round((float(frame[..., 2].mean()) - 20) / 4) for frame in frames_of(video)]


@pytest.fixture
def segments(tmp_path: Path) -> list[Path]:
    """Of 7, 5 and 26 frames, counted through."""
    (tmp_path / "cache").mkdir()
    cuts = [(0, 7), (7, 5), (12, 26)]
    return [counted(tmp_path / "cache" / f"{first}.mp4", first, count) for first, count in cuts]


CHAPTERS = [Chapter(0, 7, "One: “first”, {a}"), Chapter(7, 12, "二"), Chapter(12, 38, "Three = 3; #x\\")]


def joined(segments: list[Path], captions: list[Caption] | None = None, fps: int = 5) -> Path:
    target = segments[0].parent.parent / "film.mp4"
    frames = join(segments, target, fps, captions or [], CHAPTERS[: len(segments)], "The “title” & more")
    assert frames == len(frames_of(target))
    return target


def test_the_film_is_its_segments_packet_by_packet(segments: list[Path]) -> None:
    film = joined(segments, [Caption(0, 7, "a"), Caption(9, 38, "b")])
    assert numbers_of(film) == list(range(38))
    packets = packets_of(film)
    apart = [packet for segment in segments for packet in packets_of(segment)]
    assert [content for _, _, content in packets] == [content for _, _, content in apart]
    assert sorted(time for time, _, _ in packets) == [Fraction(number, 5) for number in range(38)]
    decoded_at = [time for _, time, _ in packets]
    assert all(a < b for a, b in pairwise(decoded_at))
    shown = np.concatenate([frames_of(segment) for segment in segments])
    assert np.array_equal(frames_of(film), shown)


@pytest.mark.parametrize("lengths", [(1,), (1, 7), (7, 1), (7, 1, 20), (7, 2, 20), (1, 1, 1, 9), (3, 3)], ids=str)
def test_scenes_of_a_frame_or_two_can_be_joined(lengths: tuple[int, ...], tmp_path: Path) -> None:
    starts = [sum(lengths[:place]) for place in range(len(lengths))]
    parts = [counted(tmp_path / f"{start}.mp4", start, length) for start, length in zip(starts, lengths, strict=True)]
    assert join(parts, tmp_path / "film.mp4", 5, [], [], "t") == sum(lengths)
    assert numbers_of(tmp_path / "film.mp4") == list(range(sum(lengths)))
    packets = packets_of(tmp_path / "film.mp4")
    assert sorted(time for time, _, _ in packets) == [Fraction(number, 5) for number in range(sum(lengths))]
    assert all(a[1] < b[1] for a, b in pairwise(packets))


@pytest.mark.parametrize("fps", [10, 15, 24, 30, 60])
def test_times_are_exact_at_every_rate(fps: int, tmp_path: Path) -> None:
    spec = TINY.model_copy(update={"fps": fps})
    parts = [counted(tmp_path / f"{number}.mp4", 11 * number, 11, spec) for number in range(3)]
    join(parts, tmp_path / "film.mp4", fps, [], [Chapter(0, 33, "a")], "t")
    assert sorted(time for time, _, _ in packets_of(tmp_path / "film.mp4")) == [Fraction(n, fps) for n in range(33)]


def test_chapters_and_title_and_tags_are_in_the_film(segments: list[Path]) -> None:
    with av.open(str(joined(segments))) as film:
        assert film.metadata["title"] == "The “title” & more"
        found = [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"]) for c in film.chapters()
        ]
        assert found == [(Fraction(c.start, 5), Fraction(c.end, 5), c.title) for c in CHAPTERS]
        context = film.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)


def test_a_film_of_ours_is_known_from_others(segments: list[Path], tmp_path: Path) -> None:
    film = joined(segments, [Caption(0, 38, "a")])
    with av.open(str(film)) as ours, av.open(str(tmp_path / "other.mp4"), "w") as other:  # as an editor writes it
        stream = other.add_stream("libx264", rate=5)
        stream.width, stream.height = TINY.width, TINY.height
        for frame in ours.decode(video=0):
            other.mux(stream.encode(frame))
        other.mux(stream.encode())
    (tmp_path / "text.mp4").write_text(str(film))
    (tmp_path / "empty.mp4").touch()
    assert {path.name for path in tmp_path.iterdir() if is_ours(path)} == {"film.mp4"}
    assert not is_ours(tmp_path / "gone.mp4")


def test_the_index_stands_in_front(segments: list[Path]) -> None:
    content = joined(segments, [Caption(0, 38, "a")]).read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


SAID = [
    ("plain", "An image is a grid of numbers.", None),
    ("two lines", "The first line\nand the second", None),
    ("Unicode", "Größe 特征图 हिन्दी 👗 “x” – … ×", None),
    ("commas and colons", "a, b,, c: d; 0,0,Default,,x", None),
    ("markup", "<b>bold</b> & <i>x", None),
    ("quotes", "'single' \"double\"", None),
    ("braces", "{channel} and {\\i1}", "(channel) and (\\i1)"),
    ("the ends of lines", "trailing  spaces", None),
    ("long", "word " * 60 + "end", None),
]


@pytest.mark.parametrize(("text", "shown"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_a_caption_is_read_back_as_it_was_said(text: str, shown: str | None, segments: list[Path]) -> None:
    film = joined(segments, [Caption(3, 11, text), Caption(11, 38, "after")])
    assert captions_of(film) == [
        (Fraction(3, 5), Fraction(11, 5), shown or text),
        (Fraction(11, 5), Fraction(38, 5), "after"),
    ]


@pytest.mark.parametrize("text", ["C:\\new folder", "C:\\Names", "a\\hard place"])
def test_a_backslash_does_not_break_the_line(text: str, segments: list[Path]) -> None:
    ((_, _, shown),) = captions_of(joined(segments, [Caption(0, 38, text)]))
    assert "\n" not in shown and shown.endswith(text[-5:])


def captions_of(film: Path) -> list[tuple[Fraction, Fraction, str]]:
    """Start, end and text of every caption: a 3GPP timed text sample is a length and so much UTF-8."""
    found = []
    with av.open(str(film)) as container:
        for packet in container.demux(subtitles=0):
            content = bytes(packet)
            if packet.pts is not None and (size := int.from_bytes(content[:2], "big")):
                start = packet.pts * packet.time_base
                text = content[2 : 2 + size].decode("utf-8")
                found.append((start, start + packet.duration * packet.time_base, text))
    return found


@pytest.mark.parametrize("fps", [15, 24, 60])
def test_a_caption_begins_and_ends_with_its_frames(fps: int, tmp_path: Path) -> None:
    spec = TINY.model_copy(update={"fps": fps})
    counted(tmp_path / "a.mp4", 0, 40, spec)
    captions = [Caption(0, 7, "a"), Caption(7, 13, "b"), Caption(20, 40, "c")]
    join([tmp_path / "a.mp4"], tmp_path / "film.mp4", fps, captions, [Chapter(0, 40, "t")], "t")
    for (start, end, text), caption in zip(captions_of(tmp_path / "film.mp4"), captions, strict=True):
        assert text == caption.text
        assert abs(start - Fraction(caption.start, fps)) <= Fraction(1, 2000)
        assert abs(end - Fraction(caption.end, fps)) <= Fraction(1, 2000)


def test_captions_are_shown_unasked_and_carry_their_language(segments: list[Path]) -> None:
    with av.open(str(joined(segments, [Caption(0, 38, "a")]))) as film:
        (stream,) = film.streams.subtitles
        assert stream.codec_context.name == "mov_text" and stream.language == "eng"
        assert stream.disposition & Disposition.default
    with av.open(str(joined(segments))) as film:
        assert not film.streams.subtitles


@pytest.mark.parametrize(
    "change",
    [{"width": 200}, {"height": 120}, {"fps": 10}, {"preset": "veryfast"}],
    ids=lambda change: next(iter(change)),
)
def test_segments_that_do_not_fit_are_named(change: dict[str, object], segments: list[Path]) -> None:
    odd = counted(segments[0].with_name("odd.mp4"), 0, 3, TINY.model_copy(update=change))
    with pytest.raises(RenderError, match=r"Segment 'odd.mp4' was encoded otherwise than the others; delete the cache"):
        join([segments[0], odd], segments[0].parent / "film.mp4", 5, [], [], "t")


@pytest.mark.parametrize("frame", [0, 1, 6, 7, 8, 20, 36, 37])
def test_a_still_is_the_frame_asked_for(frame: int, segments: list[Path], tmp_path: Path) -> None:
    film = joined(segments)
    still(film, frame, 5, tmp_path / "still.png")
    picture = np.asarray(Image.open(tmp_path / "still.png"))
    assert picture.shape == (TINY.height, TINY.width, 3)
    assert round((float(picture[..., 2].mean()) - 20) / 4) == frame


def test_a_still_that_is_not_in_the_film(segments: list[Path], tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"'film.mp4' has no frame 38"):
        still(joined(segments), 38, 5, tmp_path / "still.png")
    assert not (tmp_path / "still.png").exists()
