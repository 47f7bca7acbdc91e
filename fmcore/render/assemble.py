"""Join segments into one film without re-encoding, with captions, chapters and the index in front."""

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition
from av.subtitles.subtitle import SubtitleSet
from PIL import Image

from fmcore.errors import RenderError
from fmcore.lesson.brief import Sound
from fmcore.lesson.captions import Caption, Chapter, milliseconds
from fmcore.render.encoder import OF_OURS
from fmcore.render.sound import Track

_MS = Fraction(1, 1000)
# What FFmpeg's mov_text encoder wants to know of the style; players use their own.
_ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
MarginR, MarginV, Encoding
Style: Default,Sans,18,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def join(
    segments: Sequence[Path],
    target: Path,
    fps: int,
    captions: Sequence[Caption],
    chapters: Sequence[Chapter],
    title: str,
    language: str = "eng",
    sounds: Sequence[Sound] = (),
) -> int:
    """Write the film to `target` and return its number of frames.

    Raises:
        RenderError: two segments do not fit together, or a sound cannot be read any more.
    """
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as film:
        film.metadata["title"] = title
        with av.open(str(segments[0])) as first:
            video = film.add_stream_from_template(first.streams.video[0])
            template = _signature(first)
        text: Any = film.add_stream("mov_text") if captions else None
        if text is not None:
            text.codec_context.subtitle_header = _ASS_HEADER
            text.codec_context.time_base = text.time_base = _MS
            text.metadata["language"] = language
            text.disposition = Disposition.default  # players that can show captions do so unasked
        track = Track(film, sounds, language if captions else "und") if sounds else None
        film.start_encoding()
        packets = _caption_packets(text, captions, fps) if text is not None else []
        frames = 0
        for path in segments:
            with av.open(str(path)) as segment:
                if _signature(segment) != template:
                    raise RenderError(
                        f"Segment '{path.name}' was encoded otherwise than the others; delete the cache folder"
                        " beside it and render again."
                    )
                shown = 0
                for packet in segment.demux(video=0):
                    if packet.dts is None or packet.pts is None:
                        continue  # the empty packet that ends the stream
                    packet.pts += int(Fraction(frames, fps) / packet.time_base)
                    packet.dts = packet.pts  # no frame is out of order
                    packet.stream = video
                    film.mux(packet)
                    shown += 1
                    if track is not None:
                        track.write((frames + shown) / fps)
            frames += shown
            while packets and packets[0].pts < milliseconds(frames, fps):
                film.mux(packets.pop(0))  # captions near their pictures, so that players need not seek
        if track is not None:
            track.finish()
        film.set_chapters([_chapter(number, chapter, fps) for number, chapter in enumerate(chapters)])
    return frames


def is_ours(path: Path) -> bool:
    """Whether the pictures of the film at `path` are as fmcore encoded them, this version or another."""
    try:
        with av.open(str(path), format="mp4") as film:
            return any(OF_OURS in bytes(packet) for packet in islice(film.demux(video=0), 1))
    except (av.FFmpegError, OSError, IndexError):
        return False


def _signature(container: Any) -> tuple[object, ...]:
    stream = container.streams.video[0]
    context = stream.codec_context
    return context.name, context.width, context.height, context.pix_fmt, stream.time_base, bytes(context.extradata)


def _caption_packets(stream: Any, captions: Sequence[Caption], fps: int) -> list[Any]:
    packets = []
    for number, caption in enumerate(captions):
        start, end = milliseconds(caption.start, fps), milliseconds(caption.end, fps)
        said = re.sub(r"\\(?=[nNh])", "\\\\\u2060", caption.text)  # these break lines in ASS, which knows no escape
        text = said.replace("{", "(").replace("}", ")").replace("\n", r"\N")  # braces are commands in ASS
        line = f"{number},0,Default,,0,0,0,,{text}"
        packet = stream.codec_context.encode_subtitle(SubtitleSet.create(line.encode(), 0, end - start, start * 1000))
        packet.stream, packet.time_base = stream, _MS
        packet.pts = packet.dts = start
        packet.duration = end - start
        packets.append(packet)
    return packets


def _chapter(number: int, chapter: Chapter, fps: int) -> Any:
    return {
        "id": number,
        "start": milliseconds(chapter.start, fps),
        "end": milliseconds(chapter.end, fps),
        "time_base": _MS,
        "metadata": {"title": chapter.title},
    }


def still(video: Path, frame: int, fps: int, target: Path) -> None:
    """Write frame number `frame` of `video` as a PNG."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        container.seek(int(Fraction(frame, fps) / stream.time_base), stream=stream)
        for picture in container.decode(stream):
            if picture.pts is not None and picture.pts * stream.time_base * fps >= frame:
                Image.fromarray(picture.to_ndarray(format="rgb24")).save(target, format="PNG")
                return
    raise RenderError(f"'{video.name}' has no frame {frame}.")
