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
from fmcore.lesson.voice import LEAD_S, SILENT, STEP_S, loudness, plain

_RATE, _EACH_S = 48_000, 0.01
# By how much loudness may differ, since encoders ring: of the largest, of itself, and where all is faint
_OF_LARGEST, _RELATIVE, _FAINTEST = 0.1, 0.2, 0.001
_MOST_UNLIKE = 0.1  # of the steps of a recording

Loudness = NDArray[np.float64]


def voice_findings(record: LessonRecord, film: Path, aspect: str, theme: str) -> Iterator[Finding]:
    """What is not heard of a lesson that is told by a voice; nothing where it is not.

    `aspect` and `theme` are those of `film`.
    """
    if record.voice is None:
        return

    def finding(rule: str, scene: SceneRecord, beat: TimedBeat, message: str) -> Finding:
        return Finding(rule=rule, scene=scene.scene, aspect=aspect, theme=theme, beat=beat.cue, message=message)

    fps, among_others = int(record.settings["fps"]), False
    power = _power(film, record.frames / fps)
    for scene in record.scenes:
        among_others |= bool(scene.sounds)  # which may go on after their scene
        for beat in scene.beats:
            recording = record.voice.get(plain(beat.say))
            if recording is None:
                message = "Nobody says the sentence; record it, `fmcore voice` adds it to the sheet."
                yield finding("sentence not recorded", scene, beat, message)
                continue
            start = beat.start / fps + LEAD_S
            late = "goes on when its beat has ended" if start + recording.seconds > beat.end / fps else ""
            found = loudness(power[round(start / _EACH_S) :][: round(recording.seconds / _EACH_S)], _EACH_S)
            if wrong := late or wrong_in(found, np.array(recording.loudness), among_others):
                message = f"The recording for second {start:.1f} of the film {wrong}; make the lesson again."
                yield finding("recording not heard", scene, beat, message)


def wrong_in(found: Loudness, wanted: Loudness, among_others: bool) -> str:
    """What is wrong where the loudness `found` in the film shall be that `wanted`, maybe `among_others`."""
    steps = len(wanted) - 1  # the last one is not whole
    if len(found) < steps:
        return f"ends there after {len(found) * STEP_S:.1f} s of {len(wanted) * STEP_S:.1f}"
    allowed = max(_FAINTEST, _OF_LARGEST * wanted.max()) + _RELATIVE * wanted[:steps]
    differs = found[:steps] - wanted[:steps]
    unlike = float(np.mean((-differs if among_others else np.abs(differs)) > allowed)) if steps else 0.0
    if unlike > _MOST_UNLIKE:
        silent = found.max() < SILENT
        return "is silent there" if silent else f"is not what is heard there, for {unlike:.0%} of its time"
    return ""


def _power(film: Path, seconds: float) -> Loudness:
    """The mean square of every `_EACH_S` of the film's sound, `seconds` long; none where there is none to be read."""
    power: list[float] = []
    with suppress(av.FFmpegError, OSError, ValueError), av.open(str(film), options={"format_whitelist": "mov"}) as file:
        for stream in file.streams.audio[:1]:
            resampler = av.AudioResampler("fltp", "stereo", _RATE, frame_size=round(_EACH_S * _RATE))
            for frame in file.decode(stream):
                power += [float(np.mean(np.square(piece.to_ndarray()))) for piece in resampler.resample(frame)]
                if len(power) * _EACH_S > seconds + 1:
                    break
    return np.array(power)
