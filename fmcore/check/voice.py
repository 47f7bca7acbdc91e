"""A lesson that is told by a voice is told throughout, and every recording is heard in the film where it belongs."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from fmcore.check.findings import Finding
from fmcore.lesson.record import LessonRecord, SceneRecord
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.voice import LEAD_S, SILENT, STEP_S, Heard, loudness, plain

_TOLERANCE, _RELATIVE = 0.02, 0.2  # by which loudness may differ: encoders ring
_MOST_UNLIKE = 0.1  # of the steps of a recording

Samples = NDArray[np.float32]


def voice_findings(record: LessonRecord, film: Path, aspect: str) -> Iterator[Finding]:
    """What is not heard of a lesson that is told by a voice; nothing where it is not.

    `aspect` is the shape of the frame of `film`.
    """
    if record.voice is None:
        return

    def finding(rule: str, scene: SceneRecord, beat: TimedBeat, message: str) -> Finding:
        theme = str(record.settings["theme"])
        return Finding(rule=rule, scene=scene.scene, aspect=aspect, theme=theme, beat=beat.cue, message=message)

    fps = int(record.settings["fps"])
    samples, rate = _heard(film)
    for scene in record.scenes:
        for beat in scene.beats:
            recording = record.voice.get(plain(beat.say))
            if recording is None:
                message = "Nobody says the sentence; record it, `fmcore voice` adds it to the sheet."
                yield finding("sentence not recorded", scene, beat, message)
                continue
            start = beat.start / fps + LEAD_S
            end = start + recording.seconds
            part = samples[round(start * rate) : round(end * rate)]
            late = "goes on when its beat has ended" if end > beat.end / fps else ""
            if wrong := late or _wrong(recording, part, rate, bool(scene.sounds)):
                message = (
                    f"The recording that belongs to second {start:.1f} of the film {wrong}; make the lesson again."
                )
                yield finding("recording not heard", scene, beat, message)


def _wrong(recording: Heard, part: Samples, rate: int, among_others: bool) -> str:
    """What is wrong with the `part` of the film in which a recording shall be heard, maybe `among_others`."""
    if not len(part) or np.abs(part).max() < SILENT:
        return "is silent there"
    found, wanted = loudness(part, rate), np.array(recording.loudness)
    if abs(len(found) - len(wanted)) > 1:
        return f"has {recording.seconds:.1f} s, of which {len(wanted) * STEP_S:.1f} s are described"
    steps = min(len(found), len(wanted))
    differs = found[:steps] - wanted[:steps]
    apart = -differs if among_others else np.abs(differs)
    unlike = float(np.mean(apart > _TOLERANCE + _RELATIVE * wanted[:steps]))
    return f"is not what is heard there, for {unlike:.0%} of its time" if unlike > _MOST_UNLIKE else ""


def _heard(film: Path) -> tuple[Samples, int]:
    """The sound of a film (n,), the mean of its channels, and its rate; none where there is no sound to be read.

    It takes 11 MB a minute.
    """
    pieces, rate = [np.zeros(0, np.float32)], 48_000
    with suppress(av.FFmpegError, OSError), av.open(str(film)) as container:
        for stream in container.streams.audio[:1]:
            rate = stream.rate
            for frame in container.decode(stream):
                pieces.append(frame.to_ndarray().mean(0, dtype=np.float32))
    return np.concatenate(pieces), rate
