"""Captions and chapters from timed beats: SubRip, WebVTT and the list that YouTube reads.

A caption is at most two lines of 42 characters, the usual limit of broadcast subtitles. A longer
beat becomes several captions that share its time by their length.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fmcore.lesson.script import TimedBeat

LINE_LENGTH = 42
LINES = 2
_UNBROKEN = ("\u00a0", "\u202f")  # no-break spaces, the second a narrow one
_FINE = 3  # characters: steps in which the length of pieces is tried


@dataclass(frozen=True)
class Caption:
    """Text on screen during the frames [start, end) of the lesson."""

    start: int
    end: int
    text: str  # lines separated by "\n"


@dataclass(frozen=True)
class Chapter:
    """A scene's frames [start, end) in the lesson and its title."""

    start: int
    end: int
    title: str


def captions(beats: Iterable[TimedBeat], offset: int = 0) -> list[Caption]:
    """The captions of `beats`, their frames counted from `offset`."""
    found = []
    for beat in beats:
        texts = split(beat.say)
        total = sum(map(len, texts))
        said = 0
        for text in texts:
            start = beat.start + beat.frames * said // total
            said += len(text)
            end = beat.start + beat.frames * said // total
            found.append(Caption(offset + start, offset + end, _lines(text)))
    return found


@lru_cache(maxsize=4096)  # a lesson is split anew by whoever looks at it, and a cut takes a millisecond
def split(sentence: str) -> tuple[str, ...]:
    """Cut narration into pieces that fit a caption, of about equal length, never inside a word.

    Of the ways to do that in as few pieces, one is taken that breaks at the ends of sentences, or else at commas.
    """
    text = _on_one_line(sentence)
    if not text:
        return ()
    pieces = len(_wrapped(text)) // LINES + (len(_wrapped(text)) % LINES > 0)
    while True:
        width = -(-len(text) // pieces)
        found = [
            cut
            for slack in range(0, LINE_LENGTH, _FINE)
            for cut in _cuts(text, min(width + slack, LINES * LINE_LENGTH))
        ]
        fitting = [cut for cut in found if len(cut) <= pieces and all(len(_wrapped(part)) <= LINES for part in cut)]
        if fitting:
            best: list[str] = max(fitting, key=_ease)  # of equals the most even
            return tuple(best)
        pieces += 1


def _on_one_line(sentence: str) -> str:
    """The words of a sentence with single spaces; those that break no line stay, as in "34 %", but in long words."""
    text = re.sub(r"\s+", lambda gap: gap[0] if gap[0] in _UNBROKEN else " ", sentence.strip())
    return " ".join(word if len(word) <= LINE_LENGTH // 2 else " ".join(word.split()) for word in text.split(" "))


def _cuts(text: str, most: int) -> Iterator[list[str]]:
    """`text` in pieces of up to `most` characters: as full as can be, or ending where a sentence or a clause does."""
    yield textwrap.wrap(text, most, break_on_hyphens=False)
    for signs in (".!?", ".!?:;,"):
        pieces, rest = [], text
        while len(rest) > most:
            ends = [end.end() for end in re.finditer(rf"[{signs}][”»“]?(?= )", rest[:most])]
            full = len(textwrap.wrap(rest, most, break_on_hyphens=False)[0])
            end = max((end for end in ends if end >= most / 3), default=full)
            pieces.append(rest[:end])
            rest = rest[end:].strip()
        yield [*pieces, rest] if rest else pieces


def _ease(parts: Sequence[str]) -> float:
    """How well pieces can be read one by one: where they end, at sentences or at commas, less what lengths differ."""
    last = [part.rstrip("”»“")[-1:] for part in parts[:-1]]
    ends = sum(2.0 if sign in ".!?" else 1.0 if sign in ",:;" else 0.0 for sign in last)
    lengths = [len(part) for part in parts]
    return ends - (max(lengths) - min(lengths)) / (2 * LINE_LENGTH)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, LINE_LENGTH, break_on_hyphens=False)


def _lines(text: str) -> str:
    """Break into two lines of about equal length where one is not enough."""
    if len(text) <= LINE_LENGTH:
        return text
    for width in range(-(-len(text) // 2), LINE_LENGTH + 1):
        lines = textwrap.wrap(text, width, break_on_hyphens=False)
        if len(lines) <= LINES:
            return "\n".join(lines)
    return "\n".join(_wrapped(text))


def milliseconds(frame: int, fps: int) -> int:
    """The start of `frame`, rounded to the millisecond."""
    return round(1000 * frame / fps)


def _clock(frame: int, fps: int, separator: str) -> str:
    total = milliseconds(frame, fps)
    seconds, ms = divmod(total, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{separator}{ms:03}"


def srt(found: Sequence[Caption], fps: int) -> str:
    """SubRip text."""
    blocks = (
        f"{number}\n{_clock(c.start, fps, ',')} --> {_clock(c.end, fps, ',')}\n{c.text}\n"
        for number, c in enumerate(found, start=1)
    )
    return "\n".join(blocks)


def vtt(found: Sequence[Caption], fps: int) -> str:
    """WebVTT text; what would be markup there is escaped."""
    escape = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
    blocks = (f"{_clock(c.start, fps, '.')} --> {_clock(c.end, fps, '.')}\n{c.text.translate(escape)}\n" for c in found)
    return "WEBVTT\n\n" + "\n".join(blocks)


def youtube_chapters(chapters: Sequence[Chapter], fps: int) -> str:
    """One line a chapter, `0:00 Title`, as YouTube reads it in a description."""
    longest = chapters[-1].start / fps if chapters else 0

    def clock(frame: int) -> str:
        seconds = int(frame / fps + 0.5)  # up from the middle, as the page does
        if longest >= 3600:
            return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return f"{seconds // 60}:{seconds % 60:02}"

    return "".join(f"{clock(chapter.start)} {chapter.title}\n" for chapter in chapters)
