"""A lesson can be followed: captions can be read, narration fits, and the picture does not stand still for long."""

from collections.abc import Iterator

from fmcore.check.findings import Finding, found
from fmcore.lesson.captions import captions
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.storyboard import Storyboard

FASTEST = 17.0  # characters a second: the usual limit of subtitles for adults
LONGEST_STILL_S = 6.0
SHORTEST_BEAT_S = 1.0


def pace_findings(board: Storyboard) -> Iterator[Finding]:
    """What is too fast or too slow in the scene of `board`."""
    yield from _captions(board)
    yield from _stillness(board)
    yield from _narration(board)


def _captions(board: Storyboard) -> Iterator[Finding]:
    for beat in board.performance.beats:
        for caption in captions([beat]):
            length = len(caption.text)
            seconds = (caption.end - caption.start) / board.fps
            if length > FASTEST * seconds:
                speed = f"at {length / seconds:.1f} a second" if seconds else "in no time at all"
                message = (
                    f"The caption “{' '.join(caption.text.split())}” shows {length} characters {speed} and at most"
                    f" {FASTEST:.0f} a second are asked for; say less, or give the beat more seconds."
                )
                yield found(board, "captions too fast", message, beat.cue, (caption.text,))


def _stillness(board: Storyboard) -> Iterator[Finding]:
    beats = board.performance.beats
    if not beats:
        return
    reached = beats[0].start
    stretches = sorted(board.performance.moving)
    for start, end in [*stretches, (beats[-1].end, beats[-1].end)]:
        seconds = (start - reached) / board.fps
        if seconds > LONGEST_STILL_S:
            beat = max(beats, key=lambda one: _common(one, reached, start))
            message = (
                f"Nothing moves for {seconds:.1f} s from second {reached / board.fps:.1f} on and at most"
                f" {LONGEST_STILL_S:.0f} s are asked for; show something new in between, or say less."
            )
            yield found(board, "still too long", message, beat.cue)
        reached = max(reached, end)


def _common(beat: TimedBeat, start: int, end: int) -> int:
    """Frames that `beat` shares with the frames [start, end)."""
    return min(beat.end, end) - max(beat.start, start)


def _narration(board: Storyboard) -> Iterator[Finding]:
    for beat in board.performance.beats:
        seconds = beat.frames / board.fps
        needed = max(len(beat.say) / FASTEST, SHORTEST_BEAT_S)
        if seconds < needed - 1e-9:
            message = (
                f"The beat lasts {seconds:.1f} s and its narration of {len(beat.say)} characters takes"
                f" {needed:.1f} s; say less, or give the beat more seconds."
            )
            yield found(board, "narration too long", message, beat.cue)
