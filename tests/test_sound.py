"""Sounds and subcaptions of plain manim scenes, heard and read in the finished film."""

import struct
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from films import TINY
from numpy.typing import NDArray

from fmcore.errors import RenderError
from fmcore.lesson.brief import Sound
from fmcore.render.assemble import join
from fmcore.render.encoder import SegmentEncoder
from fmcore.render.sound import RATE, samples_of, sound_in

SECONDS = 4
Joined = Callable[..., NDArray[np.float32]]


def tone(path: Path, hertz: int, seconds: float, rate: int = 44_100, channels: int = 1) -> Path:
    """A sine at half of full scale."""
    wanted = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat((wanted * 32767).astype("<i2")[:, None], channels, 1).tobytes())
    return path


def flac(path: Path, told: int, rates: Sequence[int]) -> Path:
    """A FLAC of one constant frame of 65,535 samples for each of the rates, whose head has told another rate."""
    head = b"fLaC\x80\0\0\x22" + b"\xff" * 4 + bytes(6)
    head += (told << 44 | 15 << 36 | 65_535 * len(rates)).to_bytes(8, "big") + bytes(16)
    for number, rate in enumerate(rates):
        frame = bytes([0xFF, 0xF8, 0x7D, 0x08, number]) + struct.pack(">HH", 65_534, rate)
        frame += bytes([crc(frame, 8, 0x07), 0, 3, 232])
        head += frame + struct.pack(">H", crc(frame, 16, 0x8005))
    path.write_bytes(head)
    return path


def crc(content: bytes, bits: int, polynomial: int) -> int:
    """What is left of `content` when it is divided by the polynomial."""
    left = 0
    for byte in content:
        left ^= byte << bits - 8
        for _ in range(8):
            left = (left << 1 ^ (polynomial if left >> bits - 1 else 0)) & (1 << bits) - 1
    return left


def heard(film: Path) -> NDArray[np.float32]:
    """Both channels of the film's sound."""
    with av.open(str(film)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], 1)


def loudness(samples: NDArray[np.float32], hertz: int, start_s: float, end_s: float) -> list[float]:
    """The amplitude of one frequency in a stretch, left and right."""
    part = samples[:, round(start_s * RATE) : round(end_s * RATE)]
    wave_of = np.exp(-2j * np.pi * hertz * np.arange(part.shape[1]) / RATE)
    return [float(value) for value in 2 * np.abs(part @ wave_of) / part.shape[1]]


@pytest.fixture
def film_with(tmp_path: Path) -> Joined:
    """A silent film of four seconds, joined with these sounds."""
    cut = SECONDS * TINY.fps // 2
    parts = [tmp_path / "1.mp4", tmp_path / "2.mp4"]
    for path in parts:
        encoder = SegmentEncoder(path, TINY)
        encoder.write(np.full((TINY.height, TINY.width, 4), 90, np.uint8), cut)
        encoder.finish()

    def joined(*sounds: Sound) -> NDArray[np.float32]:
        frames = join(parts, tmp_path / "film.mp4", TINY.fps, [], [], "t", sounds=sounds)
        assert frames == SECONDS * TINY.fps
        return heard(tmp_path / "film.mp4")

    return joined


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (48_000, 2), (22_050, 1), (8_000, 2)])
def test_a_sound_is_heard_where_and_as_loud_as_it_was_added(
    rate: int, channels: int, film_with: Joined, tmp_path: Path
) -> None:
    path = tone(tmp_path / "ä tone.wav", 400, 1.2, rate, channels)
    samples = film_with(sound_in(path, tmp_path, 0.7))
    assert samples.shape[1] / RATE == pytest.approx(SECONDS, abs=0.05)
    assert loudness(samples, 400, 0.75, 1.85) == pytest.approx([0.5, 0.5], abs=0.02)
    assert np.abs(samples[:, : round(0.65 * RATE)]).max() < 0.01
    assert np.abs(samples[:, round(1.95 * RATE) :]).max() < 0.01


def test_sounds_are_added_up_with_their_gains(film_with: Joined, tmp_path: Path) -> None:
    low, high = (tone(tmp_path / f"{hertz}.wav", hertz, 3) for hertz in (300, 1200))
    first = sound_in(low, tmp_path, 0.0)
    second = sound_in("1200", tmp_path, 2.0).model_copy(update={"gain_db": -12.0, "background_db": -6.0})
    samples = film_with(first, second)
    assert sound_in(high, tmp_path, 0.0).sha256 == second.sha256
    assert loudness(samples, 300, 0.1, 1.9) == pytest.approx([0.5] * 2, abs=0.02)
    assert loudness(samples, 300, 2.1, 2.9) == pytest.approx([0.5 * 10 ** (-6 / 20)] * 2, abs=0.02)
    assert loudness(samples, 1200, 2.1, 3.9) == pytest.approx([0.5 * 10 ** (-12 / 20)] * 2, abs=0.02)
    assert loudness(samples, 1200, 0.1, 1.9) == pytest.approx([0, 0], abs=0.01)


def test_what_is_too_loud_is_cut_off_and_what_is_too_long_ends_with_the_film(film_with: Joined, tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav", 300, 20)
    samples = film_with(*[sound_in(path, tmp_path, 0.0)] * 4, sound_in(path, tmp_path, 3600.0))
    assert samples.shape[1] / RATE == pytest.approx(SECONDS, abs=0.05)
    assert 0.95 < np.abs(samples).max() < 1.3  # an encoder rings at edges


def test_a_sound_is_heard_as_long_as_was_said_and_as_it_was_when_it_was_found(
    film_with: Joined, tmp_path: Path
) -> None:
    sound = sound_in(tone(tmp_path / "a.wav", 300, 3), tmp_path, 0.5).model_copy(update={"length_s": 1.0})
    samples = film_with(sound)
    assert loudness(samples, 300, 0.55, 1.45) == pytest.approx([0.5, 0.5], abs=0.02)
    assert np.abs(samples[:, round(1.6 * RATE) :]).max() < 0.01
    tone(tmp_path / "a.wav", 600, 3)
    with pytest.raises(RenderError, match=r"a\.wav' was saved while the film was made; run again"):
        film_with(sound)


def test_a_sound_that_has_gone_is_a_sentence(film_with: Joined, tmp_path: Path) -> None:
    sound = sound_in(tone(tmp_path / "a.wav", 300, 1), tmp_path, 0.0)
    sound.file.unlink()
    with pytest.raises(RenderError, match=r"a\.wav' cannot be read any more"):
        film_with(sound)


def test_a_rate_that_is_none_of_sound_is_refused_before_it_is_resampled(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    assert samples_of(flac(path, 48_000, [48_000] * 2), 9).shape == (1, 2 * 65_535)
    for rate in (16, 3_999):  # at 16 Hz, each frame would be over an hour
        told = rf"^'a\.flac' has {rate:,} samples a second, expected 4,000 to 768,000$"
        with pytest.raises(ValueError, match=told):
            samples_of(flac(path, rate, [rate] * 2), 9)
        with pytest.raises(ValueError, match=told):
            sound_in(path, tmp_path, 0.0)
    with pytest.raises(ValueError, match="a frame has 16 samples a second"):
        samples_of(flac(path, 48_000, [48_000, 16]), 9)
