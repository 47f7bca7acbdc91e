"""The sound of a film: the files that its scenes add, mixed block by block into one stereo AAC stream.

Sounds are added up in the order in which scenes add them, as manim does; what is too loud is cut off.
"""

from collections.abc import Sequence
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
_SUFFIXES = (".wav", ".mp3")  # which manim tries, too, where a name has none
_KINDS = {  # FFmpeg's names
    ".wav": "wav", ".mp3": "mp3", ".m4a": "mov", ".flac": "flac", ".ogg": "ogg", ".opus": "ogg", ".aac": "aac",
}  # fmt: skip

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
    length_of(file)
    return Sound(file=file, sha256=file_digest(file), start_s=start_s)


def length_of(file: Path) -> float:
    """How long a sound file is, in seconds, as its packets say.

    Raises:
        ValueError: it cannot be read as a sound, or there is no sound in it.
    """
    try:
        with _opened(file) as container:
            if not container.streams.audio:
                raise ValueError(f"there is no sound in '{file.name}'")
            ends = [
                float((packet.pts + (packet.duration or 0)) * packet.time_base)
                for packet in container.demux(container.streams.audio[0])
                if packet.pts is not None
            ]
    except (av.FFmpegError, OSError):
        raise ValueError(f"'{file.name}' cannot be read as a sound") from None
    if not ends or max(ends) <= 0:
        raise ValueError(f"there is no sound in '{file.name}'")
    return max(ends)


def _opened(file: Path) -> Any:
    """Open a sound file as what its name says it is: a playlist, which could name any other file, is none."""
    kind = _KINDS.get(file.suffix.lower())
    return av.open(str(file), format=kind, options={"protocol_whitelist": "file"})


class Track:
    """The stream of sound of `film`; as much of it is written as the pictures need."""

    def __init__(self, film: Any, sounds: Sequence[Sound]) -> None:
        self._film = film
        self._stream = film.add_stream("aac", rate=RATE, layout="stereo", bit_rate=_BITS)
        self._voices = [_Voice(one) for one in sounds]
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
        for voice in self._voices:
            voice.close()

    def _put(self, count: int) -> None:
        mixed = np.zeros((2, count), np.float32)
        for voice in self._voices:
            voice.add_to(mixed, self._done)
        frame = AudioFrame.from_ndarray(np.clip(mixed, -1, 1), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, self._done
        self._done += count
        self._film.mux(self._stream.encode(frame))


class _Voice:
    """One sound, decoded as it is needed."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._start = round(sound.start_s * RATE)
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
            found = self._read(mixed.shape[1] - from_)
        except (av.FFmpegError, OSError) as error:
            raise RenderError(f"The sound '{self._sound.file}' cannot be read any more ({error}).") from None
        part = mixed[:, from_ : from_ + found.shape[1]]
        part *= self._background
        part += self._gain * found

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
            self._container = None
        self._over = True

    def _read(self, count: int) -> Samples:
        """The next `count` samples, fewer at the end."""
        if self._container is None:
            self._container = _opened(self._sound.file)
            stream = self._container.streams.audio[0]
            self._frames = self._container.decode(stream)
            layout = "mono" if stream.codec_context.channels == 1 else "stereo"  # one channel is as loud on both sides
            self._resampler = AudioResampler("fltp", layout, RATE)
            self._waiting = AudioFifo()
        while self._waiting.samples < count and not self._decoded:
            frame = next(self._frames, None)
            self._decoded = frame is None  # the resampler gives what it still holds
            for piece in self._resampler.resample(frame):
                piece.pts = None
                self._waiting.write(piece)
        taken = self._waiting.read(count, partial=True)
        if self._decoded and self._waiting.samples == 0:
            self.close()
        if taken is None:
            return np.zeros((2, 0), np.float32)
        return np.broadcast_to(taken.to_ndarray(), (2, taken.samples))
