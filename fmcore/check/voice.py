"""A lesson that is told by a voice is told throughout, and every recording is heard in the film."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
import numpy as np

from fmcore.check.findings import Finding
from fmcore.lesson.record import LessonRecord, SceneRecord
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.voice import LEAD_S, plain

QUIETEST = 0.003  # of full scale, -50 dB: below, nothing is heard

Peak = tuple[float, float]  # second in the film, and the largest magnitude around it


def voice_findings(record: LessonRecord, film: Path, aspect: str) -> Iterator[Finding]:
    """What is not heard of a lesson that is told by a voice; nothing where it is not.

    `aspect` is the shape of the frame of `film`.
    """
    if record.voice is None:
        return

    def finding(rule: str, scene: SceneRecord, beat: TimedBeat, message: str) -> Finding:
        theme = str(record.settings["theme"])
        return Finding(rule=rule, scene=scene.scene, aspect=aspect, theme=theme, beat=beat.cue, message=message)

    fps, peaks = int(record.settings["fps"]), _peaks(film)
    for scene in record.scenes:
        for beat in scene.beats:
            recording = record.voice.get(plain(beat.say))
            if recording is None:
                message = "The sentence is not recorded; record it; `fmcore voice` adds it to the sheet."
                yield finding("sentence not recorded", scene, beat, message)
                continue
            start = beat.start / fps + LEAD_S
            loudest = max((peak for at, peak in peaks if start <= at < start + recording.seconds), default=0.0)
            if loudest < QUIETEST:
                message = (
                    f"Nothing is heard from {start:.1f} s on, where a recording of {recording.seconds:.1f} s belongs;"
                    " record that sentence again, or make the lesson again."
                )
                yield finding("recording not heard", scene, beat, message)


def _peaks(film: Path) -> list[Peak]:
    """How loud the film is, every fiftieth of a second or so; nothing where it has no sound, or cannot be read."""
    peaks: list[Peak] = []
    with suppress(av.FFmpegError, OSError), av.open(str(film)) as container:
        for stream in container.streams.audio[:1]:
            peaks += [(float(one.time or 0), float(np.abs(one.to_ndarray()).max())) for one in container.decode(stream)]
    return peaks
