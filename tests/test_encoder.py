"""The encoder: what is written is decoded again, tagged BT.709, and what is aborted leaves nothing.

Converting only what changed gives the planes of converting all.
"""

import errno
from fractions import Fraction
from pathlib import Path
from unittest.mock import Mock

import av
import numpy as np
import pytest
from films import TINY, frames_of, packets_of
from numpy.typing import NDArray

from fmcore.render.encoder import SegmentEncoder
from fmcore.render.frames import ROWS, YuvFrame, planes
from fmcore.render.holds import escaped, unescaped

COLOURS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
    (11, 14, 20),
    (128, 128, 128),
    (255, 200, 87),
]


def moving_ramp(number: int) -> NDArray[np.uint8]:
    """A grey ramp that moves by 8 columns a frame, RGBA."""
    row = (np.arange(TINY.width) + 8 * number) % 160 + 40
    frame = np.full((TINY.height, TINY.width, 4), 255, np.uint8)
    frame[..., :3] = row[None, :, None]
    return frame


def plain(colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((TINY.height, TINY.width, 4), (*colour, 255), np.uint8)


def encoded(path: Path, frames: list[tuple[NDArray[np.uint8], int]]) -> Path:
    encoder = SegmentEncoder(path, TINY)
    for frame, repeat in frames:
        encoder.write(frame, repeat)
    encoder.finish()
    return path


def test_every_frame_comes_back_in_its_place(tmp_path: Path) -> None:
    written = [moving_ramp(number) for number in range(12)]
    shown = frames_of(encoded(tmp_path / "a.mp4", [(frame, 1) for frame in written]))
    assert shown.shape == (12, TINY.height, TINY.width, 3)
    for number, frame in enumerate(written):
        difference = [np.abs(shown[at].astype(int) - frame[..., :3]).mean() for at in range(12)]
        assert difference[number] < 3
        assert np.argmin(difference) == number


def test_colours_survive_the_way_through_yuv(tmp_path: Path) -> None:
    shown = frames_of(encoded(tmp_path / "a.mp4", [(plain(colour), 2) for colour in COLOURS]))
    for number, colour in enumerate(COLOURS):
        centre = shown[2 * number, TINY.height // 2, TINY.width // 2].astype(int)
        assert np.abs(centre - colour).max() <= 4, (colour, centre)


def test_a_repeated_frame_is_there_so_often(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.mp4", [(plain((200, 200, 200)), 7), (plain((0, 0, 0)), 1), (plain((90, 90, 90)), 3)])
    brightness = frames_of(path).mean((1, 2, 3)).round(-1)
    assert brightness.tolist() == [200] * 7 + [0] + [90] * 3
    assert sorted(time for time, _, _ in packets_of(path)) == [Fraction(n, TINY.fps) for n in range(11)]


def test_the_stream_says_bt709_and_its_range(tmp_path: Path) -> None:
    with av.open(str(encoded(tmp_path / "a.mp4", [(plain((0, 0, 0)), 2)]))) as container:
        context = container.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 160, 90)
        assert container.streams.video[0].average_rate == TINY.fps


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    frames = [(moving_ramp(number), 2) for number in range(5)]
    assert encoded(tmp_path / "a.mp4", frames).read_bytes() == encoded(tmp_path / "b.mp4", frames).read_bytes()


def test_the_film_is_in_its_place_only_when_it_is_whole(tmp_path: Path) -> None:
    encoder = SegmentEncoder(tmp_path / "a.mp4", TINY)
    encoder.write(plain((0, 0, 0)), 3)
    assert not (tmp_path / "a.mp4").exists()
    encoder.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("frames", [0, 1, 30])
def test_what_is_aborted_leaves_nothing_and_spares_what_was_there(frames: int, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"before")
    encoder = SegmentEncoder(tmp_path / "a.mp4", TINY)
    if frames:
        encoder.write(plain((0, 0, 0)), frames)
    encoder.abort()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"before"


def test_what_a_full_disk_aborts_leaves_nothing_and_hides_no_error(tmp_path: Path) -> None:
    encoder = SegmentEncoder(tmp_path / "a.mp4", TINY)
    encoder.write(plain((0, 0, 0)))
    container = Mock(wraps=encoder._container)
    container.close.side_effect = OSError(errno.ENOSPC, "No space left on device")  # there is no room for the end of it
    encoder._container = container
    encoder.abort()
    assert container.close.called and list(tmp_path.iterdir()) == []


# sizes of films, upright too; less than a band; a last band of two rows; widths that no vector of pixels divides
SIZES = [(854, 480), (240, 426), (160, 90), (66, 28), (512, ROWS + 2), (130, 4 * ROWS + 2), (318, 200)]


@pytest.mark.parametrize("told", [False, True], ids=["compared", "told where"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_changed_is_converted_as_in_the_whole_frame(size: tuple[int, int], told: bool) -> None:
    width, height = size
    random = np.random.default_rng(width)
    pixels = random.integers(0, 256, (height, width, 4), np.uint8)
    followed = YuvFrame(width, height)
    areas = None
    for step in range(25):
        got = planes(followed.follow(pixels, areas))
        for one, other in zip(got, planes(YuvFrame(width, height).follow(pixels)), strict=True):
            np.testing.assert_array_equal(one, other, err_msg=f"step {step}")
        boxes = []
        for _ in range(step % 3):  # sometimes nothing changes
            left, top = int(random.integers(width)), int(random.integers(height))
            right, bottom = min(width, left + 1 + step * 5 % 90), min(height, top + 1 + step * 7 % 40)
            pixels[top:bottom, left:right] = random.integers(0, 256, 4, np.uint8)
            boxes.append((left, top, right, bottom))
        areas = np.array(boxes, int).reshape(-1, 4) if told else None


def test_a_frame_that_waits_in_the_encoder_is_not_written_over(tmp_path: Path) -> None:
    def speck(number: int) -> NDArray[np.uint8]:
        frame = plain((40, 40, 40))
        frame[60:68, 8 * number : 8 * number + 8, :3] = 240
        return frame

    shown = frames_of(encoded(tmp_path / "a.mp4", [(speck(number), 1) for number in range(20)]))
    lit = (shown[:, 60:68].mean((1, 3)) > 140).nonzero()
    at = [lit[1][lit[0] == number].mean() for number in range(20)]
    np.testing.assert_allclose(at, [8 * number + 3.5 for number in range(20)], atol=1)


SPECS = {
    "variable-length coding": {"preset": "ultrafast"},
    "arithmetic coding": {"preset": "superfast"},
    "another quantiser": {"preset": "medium", "crf": 40},
    "nearly without loss": {"preset": "superfast", "crf": 4},
    "full colour": {"preset": "superfast", "pixels": "yuv444p"},
    "odd blocks": {"preset": "superfast", "width": 38, "height": 22},
}


@pytest.mark.parametrize("what", SPECS)
def test_still_frames_are_the_last_frame_bit_by_bit_and_change_nothing_after_them(what: str, tmp_path: Path) -> None:
    spec = TINY.model_copy(update={**SPECS[what], "fps": 30})
    random = np.random.default_rng(3)
    frames = [random.integers(0, 256, (spec.height, spec.width, 4), np.uint8) for _ in range(3)]
    frames += [np.roll(frames[0], number, axis=1) for number in range(1, 9)]
    repeats = [1, 7, 1, 40, 2, 1, 300, 1, 1, 20, 1]  # more than the numbers of frames go up to, and than x264's GOP
    films = []
    for name, counts in (("moving", [1] * len(frames)), ("still", repeats)):
        encoder = SegmentEncoder(tmp_path / f"{name}.mp4", spec)
        for frame, count in zip(frames, counts, strict=True):
            encoder.write(frame, count)
        encoder.finish()
        assert encoder.frames == sum(counts)
        with av.open(str(encoder.target)) as film:
            stream = film.streams.video[0]
            shown = list(film.decode(stream))
            assert [round(frame.pts * stream.time_base * 30) for frame in shown] == list(range(sum(counts)))
            films.append([np.concatenate([bytes_of(plane) for plane in frame.planes]) for frame in shown])
    moving, still = films
    at = 0
    for number, count in enumerate(repeats):
        for frame in still[at : at + count]:
            assert (frame == still[at]).all()
        if number < 7:  # after ten seconds of stillness a frame stands for itself, and is another
            assert (still[at] == moving[number]).all()
        at += count


def bytes_of(plane: object) -> NDArray[np.uint8]:
    return np.frombuffer(plane, np.uint8)  # type: ignore[call-overload, no-any-return]


def test_long_films_can_be_searched(tmp_path: Path) -> None:
    spec = TINY.model_copy(update={"fps": 10})
    encoder = SegmentEncoder(tmp_path / "a.mp4", spec)
    for number in range(12):
        encoder.write(moving_ramp(number), 15)
    encoder.finish()
    with av.open(str(encoder.target)) as film:
        keys = [number for number, packet in enumerate(film.demux(video=0)) if packet.is_keyframe]
    assert keys == [0, 60, 120]


def test_escapes_are_those_of_the_standard() -> None:
    for content, written in (
        (b"\0\0\0", b"\0\0\3\0"),
        (b"\0\0\1", b"\0\0\3\1"),
        (b"\0\0\0\0\1", b"\0\0\3\0\0\3\1"),
        (b"\0\0\3", b"\0\0\3\3"),
        (b"\0\0\4\0", b"\0\0\4\0"),
    ):
        assert escaped(content) == written
        assert unescaped(written) == content
