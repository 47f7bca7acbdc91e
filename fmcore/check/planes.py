"""The planes of a film's frames as they are stored, and the colours of a table in the same numbers.

H.264 as we write it keeps one luma a pixel and one pair of chroma for 2 × 2 pixels (4:2:0). Reading the planes
themselves spares the way through RGB, where the chroma of neighbours would spoil every pixel.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from fmcore.colour import table
from fmcore.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Planes:
    """Luma (H, W) and the two chroma planes (H / 2, W / 2) of one frame, in 8-bit codes."""

    luma: Floats
    blue: Floats
    red: Floats

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.luma.shape[0], self.luma.shape[1]


def frames_at(film: Path, numbers: Iterable[int]) -> Iterator[tuple[int, Planes]]:
    """Frame number and planes of those of `numbers` that `film` has, in order; only what they need is decoded.

    Raises:
        InputError: the film cannot be read.
    """
    try:
        with av.open(str(film)) as container:
            yield from _frames_at(container, sorted(set(numbers)))
    except (av.FFmpegError, OSError, IndexError) as error:
        raise _unreadable(film, error) from None


def length_of(film: Path) -> tuple[int, float, tuple[int, int]]:
    """How many frames `film` holds, how many it shows a second, and its width and height in pixels.

    Raises:
        InputError: the film cannot be read.
    """
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            frames = sum(1 for packet in container.demux(stream) if packet.size)  # its head may say anything
            return frames, float(stream.average_rate or 0), (stream.width, stream.height)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise _unreadable(film, error) from None


def _unreadable(film: Path, error: Exception) -> InputError:
    """What is said of no such file, no film, or one without pictures."""
    reason = getattr(error, "strerror", None) or error
    return InputError(f"The film '{film}' cannot be read ({reason}); render it again.")


def _frames_at(container: InputContainer, wanted: Sequence[int]) -> Iterator[tuple[int, Planes]]:
    stream = container.streams.video[0]
    rate, base = stream.average_rate, stream.time_base
    if rate is None or base is None:
        return
    first = stream.start_time or 0
    now = -inf
    frames: Iterator[VideoFrame] = iter(())
    for number in wanted:
        if number > now + rate:  # a seek costs up to a group of pictures, decoding on costs what lies between
            container.seek(first + round(number / rate / base), stream=stream)
            frames = container.decode(video=0)
        for frame in frames:
            now = round(((frame.pts or 0) - first) * base * rate)
            if now == number:
                yield number, _planes(frame)
            if now >= number:
                break


def _planes(frame: VideoFrame) -> Planes:
    if frame.format.name != "yuv420p" or frame.height % 2 or frame.width % 2:
        frame = frame.reformat(frame.width // 2 * 2, frame.height // 2 * 2, "yuv420p")
    kept = frame.to_ndarray().astype(np.float64)  # (H + H / 2, W): luma, then each chroma plane row by row
    height, width = frame.height, frame.width
    quarter = (height // 2, width // 2)
    blue, red = kept[height:].reshape(2, *quarter)
    return Planes(kept[:height], blue, red)


@cache
def codes(name: str) -> Floats:
    """The colours of table `name` as `as_stored` gives them, (256, 3).

    Raises:
        KeyError: there is no such table.
    """
    made = as_stored(table(name))
    made.flags.writeable = False
    return made


def as_stored(rgb: NDArray[np.uint8] | Floats) -> Floats:
    """RGB (..., 3) as luma, blue and red chroma in 8-bit codes of limited range, (..., 3).

    The formulas are those of ITU-R BT.709-6, sections 3 and 4.
    """
    red, green, blue = np.moveaxis(np.asarray(rgb, np.float64) / 255, -1, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return np.stack([16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748], axis=-1)
