"""Encode the frames of one segment as H.264, tagged BT.709, so that segments join without re-encoding.

What changed since the last frame is converted to YUV, once however often the frame is repeated, and encoded before
the next is drawn: nothing is queued.
"""

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av

from fmcore.render.frames import Boxes, Pixels, YuvFrame
from fmcore.render.spec import RenderSpec

BT709 = 1  # the code of BT.709 for primaries, transfer and matrix alike (ITU-T H.273)
_LIMITED_RANGE = 1
# One thread a worker, since there is a worker a core; and the same bytes on any number of cores.
_X264: Mapping[str, str] = MappingProxyType({"x264-params": "stitchable=1:threads=1", "tune": "animation"})


class SegmentEncoder:
    """Write RGBA frames to an MP4 at `target`, which exists only after `finish`."""

    def __init__(self, target: Path, spec: RenderSpec) -> None:
        self.target, self.spec = target, spec
        self.frames, self.finished = 0, False
        self._partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        self._time_base = Fraction(1, spec.fps)
        self._frame = YuvFrame(spec.width, spec.height)
        self._container = av.open(str(self._partial), "w", format="mp4")
        options = {"crf": str(spec.crf), "preset": spec.preset, **_X264}
        stream = self._container.add_stream("libx264", rate=spec.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = _LIMITED_RANGE
        self._stream = stream

    def write(self, pixels: Pixels, repeat: int = 1, areas: Boxes | None = None) -> None:
        """Encode RGBA `pixels` (H, W, 4) as the next `repeat` frames.

        `areas` hold all that differs from the last frame, if that is known.
        """
        frame = self._frame.follow(pixels, areas)  # its planes are written over again: x264 takes a copy
        for _ in range(repeat):
            frame.pts, frame.time_base = self.frames, self._time_base
            self._container.mux(self._stream.encode(frame))
            self.frames += 1

    def finish(self) -> None:
        """Flush, close and put the file in its place."""
        self._container.mux(self._stream.encode())
        self._container.close()
        self._partial.replace(self.target)
        self.finished = True

    def abort(self) -> None:
        """Close and remove what was written."""
        try:
            self._container.close()
        finally:
            self._partial.unlink(missing_ok=True)
