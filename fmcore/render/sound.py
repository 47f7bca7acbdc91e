"""The sound of a film: the files that its scenes add, mixed block by block into one stereo AAC stream.

Sounds are added up in the order in which scenes add them, as manim does; what is too loud is cut off.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from fmcore.errors import RenderError
from fmcore.lesson.brief import Sound
from fmcore.render.cache import file_digest

RATE = 48_000  # samples a second
_BLOCK = RATE // 2  # samples that are mixed at a time
_BITS = 160_000  # a second
_RATES = range(4_000, 768_001)  # samples a second of a file: at 1 Hz, 68 bytes of FLAC would be days of sound
_LONGEST_FRAME_S = 60  # FLAC's longest takes 16 s at 4,000 Hz
_SUFFIXES = (".wav", ".mp3")  # which manim tries, too, where a name has none
_CONTAINERS = "aac,ac3,aiff,amr,asf,au,caf,flac,matroska,mov,mp3,ogg,w64,wav"  # as FFmpeg calls them

Samples = NDArray[np.float32]  # (2, n), left and right


def sound_in(name: str | Path, folder: str | Path, start_s: float) -> Sound:
    """The sound in the file `name`, which lies where it says or in `folder`.

    Raises:
        ValueError: there is no such file, there is no sound in it, or it would begin before the scene.
    """
    if start_s < 0:
        raise ValueError(f"the sound '{name}' would begin {-start_s:.2f} s before the scene")
    places = [Path(base, f"{name}{suffix}").absolute() for base in ("", folder) for suffix in ("", *_SUFFIXES)]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise ValueError(f"there is no sound '{name}', neither here nor in '{folder}'")
    with _sound_of(file):
        return Sound(file=file, sha256=file_digest(file), start_s=start_s)


def samples_of(file: Path, longest_s: float) -> Samples:
    """The sound in a file, all of it decoded, or a little over `longest_s` where it is longer: (1 or 2, n) at `RATE`.

    Raises:
        ValueError: it cannot be read as a sound, or there is no sound in it.
    """
    pieces: list[Samples] = []
    most = round((longest_s + 1) * RATE)
    with _sound_of(file) as container:
        try:
            for piece in _pieces(container):
                pieces.append(piece.to_ndarray().astype(np.float32, copy=False))
                most -= piece.samples
                if most < 0:
                    break
        except (av.FFmpegError, OSError, ValueError) as error:
            raise ValueError(f"it cannot be played to its end ({error})") from None
    if not pieces:
        raise ValueError("there is no sound in it")
    return np.concatenate(pieces, 1)


def power_of(samples: Samples, each: int) -> NDArray[np.float64]:
    """The mean square over the channels of every `each` samples (C, n), the last ones maybe fewer."""
    starts = np.arange(0, samples.shape[1], each)
    counts = np.diff(np.append(starts, samples.shape[1])) * len(samples)
    sums = [np.add.reduceat(np.square(channel), starts, dtype=np.float64) for channel in samples]
    return np.asarray(np.sum(sums, axis=0) / counts)


@contextmanager
def _sound_of(file: Path) -> Iterator[Any]:
    """The container of a sound, open.

    Raises:
        ValueError: it cannot be read as a sound, there is no sound in it, or its rate is none of sound.
    """
    try:
        container = _opened(file)
    except (av.FFmpegError, OSError):
        raise ValueError(f"'{file.name}' cannot be read as a sound") from None
    with container:
        if not container.streams.audio:
            raise ValueError(f"there is no sound in '{file.name}'")
        _require_rate(container.streams.audio[0].codec_context.sample_rate, f"'{file.name}'")
        yield container


def _opened(file: Path) -> Any:
    """Open a file of sound and nothing else: a playlist could name any other file."""
    safe = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    return av.open(str(file), options=safe, metadata_errors="replace")


def _require_rate(rate: int, called: str) -> None:
    if rate not in _RATES:
        raise ValueError(f"{called} has {rate:,} samples a second, expected {_RATES[0]:,} to {_RATES[-1]:,}")


def _pieces(container: Any) -> Iterator[AudioFrame]:
    """The sound of a container, in pieces of mono or stereo at `RATE`.

    Raises:
        ValueError: a frame would become too much of it.
    """
    stream = container.streams.audio[0]
    layout = "mono" if stream.codec_context.channels == 1 else "stereo"  # one channel is as loud on both sides
    resampler = AudioResampler("fltp", layout, RATE)
    for frame in chain(container.decode(stream), (None,)):
        if frame is not None:  # not only at its head: what is resampled depends on every frame
            _require_rate(frame.sample_rate, "a frame")
            if frame.samples > _LONGEST_FRAME_S * frame.sample_rate:
                raise ValueError(f"a frame takes over {_LONGEST_FRAME_S} s")
        for piece in resampler.resample(frame):  # at the end, what the resampler still holds
            piece.pts = None
            yield piece


class Track:
    """The stream of sound of `film`, in a `language` where something is said; it is written as pictures need it."""

    def __init__(self, film: Any, sounds: Sequence[Sound], language: str = "und") -> None:
        self._film = film
        self._stream = film.add_stream("aac", rate=RATE, layout="stereo", bit_rate=_BITS)
        self._stream.metadata["language"] = language
        self._sounds = [_Playing(one) for one in sounds]
        self._done = self._wanted = 0  # samples

    def write(self, until_s: float) -> None:
        """Go on until second `until_s` of the film, all but a last block that is not full yet."""
        self._wanted = round(until_s * RATE)
        while self._wanted - self._done >= _BLOCK:
            self._put(_BLOCK)

    def finish(self) -> None:
        """Write what is left, and close the sounds that would go on."""
        if self._wanted > self._done:
            self._put(self._wanted - self._done)
        self._film.mux(self._stream.encode(None))
        for sound in self._sounds:
            sound.close()

    def _put(self, count: int) -> None:
        mixed = np.zeros((2, count), np.float32)
        for sound in self._sounds:
            sound.add_to(mixed, self._done)
        frame = AudioFrame.from_ndarray(np.clip(mixed, -1, 1), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, self._done
        self._done += count
        self._film.mux(self._stream.encode(frame))


class _Playing:
    """One sound, decoded as it is needed."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._start = round(sound.start_s * RATE)
        self._left = sys.maxsize if sound.length_s is None else round(sound.length_s * RATE)
        self._gain = np.float32(10 ** (sound.gain_db / 20))
        self._background = np.float32(10 ** (sound.background_db / 20))
        self._container: Any = None
        self._decoded = self._over = False

    def add_to(self, mixed: Samples, first: int) -> None:
        """Add what belongs into `mixed`, whose first sample is number `first` of the film."""
        from_ = max(self._start - first, 0)
        if self._over or from_ >= mixed.shape[1]:
            return
        try:
            found = self._read(min(mixed.shape[1] - from_, self._left))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise RenderError(f"The sound '{self._sound.file}' cannot be read any more ({error}).") from None
        self._left -= found.shape[1]
        part = mixed[:, from_ : from_ + found.shape[1]]
        part *= self._background
        part += self._gain * found
        if not self._left:
            self.close()

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
            self._container = None
        self._over = True

    def _read(self, count: int) -> Samples:
        """The next `count` samples, fewer at the end."""
        if self._container is None:
            if file_digest(self._sound.file) != self._sound.sha256:
                raise RenderError(f"The sound '{self._sound.file}' was saved while the film was made; run again.")
            self._container = _opened(self._sound.file)
            self._pieces = _pieces(self._container)
            self._waiting = AudioFifo()
            self._decode(round(self._sound.from_s * RATE))  # to be passed over
        taken = self._decode(count)
        if self._decoded and self._waiting.samples == 0:
            self.close()
        if taken is None:
            return np.zeros((2, 0), np.float32)
        return np.broadcast_to(taken.to_ndarray(), (2, taken.samples))

    def _decode(self, count: int) -> AudioFrame | None:
        """So many samples, or fewer at the end, or None."""
        while self._waiting.samples < count and not self._decoded:
            piece = next(self._pieces, None)
            self._decoded = piece is None
            if piece is not None:
                self._waiting.write(piece)
        return self._waiting.read(count, partial=True) if count else None
