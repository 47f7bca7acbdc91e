"""Encode the frames of one segment as H.264, tagged BT.709, so that segments join without re-encoding.

What changed since the last frame is converted to YUV and encoded before the next is drawn: nothing is queued. Frames
that repeat the last one are not encoded at all, but written into the stream as what they are.
"""

from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
from av.packet import Packet
from av.video.frame import PictureType

from fmcore.files import temporary_of
from fmcore.render.frames import Boxes, Pixels, YuvFrame
from fmcore.render.holds import Stream, begins_anew
from fmcore.render.spec import RenderSpec

BT709 = 1  # the code of BT.709 for primaries, transfer and matrix alike (ITU-T H.273)
_LIMITED_RANGE = 1
_SEEK_S = 5.0  # of film after which a player should find a frame that stands for itself
# One thread a worker, since there is a worker a core; and the same bytes on any number of cores. Every frame comes out
# when it goes in and refers to the last one alone, so that still frames can be put between.
_X264: Mapping[str, str] = MappingProxyType(
    {
        "x264-params": "stitchable=1:threads=1:ref=1:bframes=0:weightp=0",
        "tune": "animation,zerolatency",
        "forced-idr": "1",
    }
)
OF_OURS = b"stitchable=1"  # x264 writes its settings in front of the first frame, and hardly anybody else has this one


class SegmentEncoder:
    """Write RGBA frames to an MP4 at `target`, which exists only after `finish`."""

    def __init__(self, target: Path, spec: RenderSpec) -> None:
        self.target, self.spec = target, spec
        self.frames, self.finished = 0, False
        self._partial = temporary_of(target)
        self._time_base = Fraction(1, spec.fps)
        self._frame = YuvFrame(spec.width, spec.height, spec.pixels)
        self._container = av.open(str(self._partial), "w", format="mp4")
        options = {"crf": str(spec.crf), "preset": spec.preset, **_X264}
        options["x264-params"] += f":{spec.params}" * bool(spec.params)
        stream = self._container.add_stream("libx264", rate=spec.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, spec.pixels
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = _LIMITED_RANGE
        self._stream = stream
        self._slices: Stream | None = None
        self._number = self._shift = 0  # of the last frame in the stream, and by how much ours are ahead of x264's
        self._key = 0  # the last frame that stands for itself

    def write(self, pixels: Pixels, repeat: int = 1, areas: Boxes | None = None) -> None:
        """Encode RGBA `pixels` (H, W, 4) as the next `repeat` frames.

        `areas` hold all that differs from the last frame, if that is known.
        """
        frame = self._frame.follow(pixels, areas)  # its planes are written over again: x264 takes a copy
        frame.pts, frame.time_base = self.frames, self._time_base
        seek = self.frames - self._key >= _SEEK_S * self.spec.fps
        frame.pict_type = PictureType.I if seek else PictureType.NONE
        (packet,) = self._stream.encode(frame)
        self._put(self._renumbered(bytes(packet)), packet.is_keyframe)
        assert self._slices is not None
        for _ in range(repeat - 1):
            self._number, self._shift = self._number + 1, self._shift + 1
            self._put(self._slices.still(self._number), False)

    def finish(self) -> None:
        """Close and put the file in its place."""
        self._stream.encode()  # nothing comes: no frame waits
        self._container.close()
        self._partial.replace(self.target)
        self.finished = True

    def _renumbered(self, packet: bytes) -> bytes:
        if self._slices is None:
            self._slices = Stream.of(self._stream.codec_context.extradata or b"")
        if begins_anew(packet):
            self._number = self._shift = 0
            self._key = self.frames
            return packet
        packet = self._slices.renumbered(packet, self._shift)
        self._number += 1
        return packet

    def _put(self, content: bytes, stands_for_itself: bool) -> None:
        packet = Packet(content)
        packet.stream, packet.time_base = self._stream, self._time_base
        packet.pts = packet.dts = self.frames
        packet.duration, packet.is_keyframe = 1, stands_for_itself
        self._container.mux(packet)
        self.frames += 1

    def abort(self) -> None:
        """Close and remove what was written."""
        try:
            with suppress(OSError):  # a full disk, which is why it is aborted
                self._container.close()
        finally:
            self._partial.unlink(missing_ok=True)
