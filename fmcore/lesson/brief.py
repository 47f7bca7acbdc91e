"""What a scene is told before it is played, and what it hands back afterwards."""

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from fmcore.lesson.claims import SpokenClaim
from fmcore.lesson.plan import Seen
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.theme import DARK, Theme
from fmcore.lesson.words import Words

_OPENINGS = {
    "new": "From here on, we look into another network, “{name}”.",
    "again": "We go back to the network “{name}”.",
}


class Brief(BaseModel):
    """Which bundle a scene reads, which other one it compares it with, and what its plan wants of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: Path | None = None
    other: Path | None = None
    names: tuple[str, str] | None = None  # of the files of both, which lie elsewhere on another machine
    theme: Theme = DARK
    options: dict[str, str | int | float | bool] = {}
    words: Words | None = None  # of another language
    network: Seen = ""
    several: bool = False  # whether the lesson shows more than one network, so that it is said which one this is
    part: str = ""  # of the lesson, which the scene belongs to
    begins: bool = False  # whether it is the first scene of that part
    voice: dict[str, float] = {}  # seconds that the recordings of sentences take
    pace: tuple[int, ...] = ()  # the ends of its beats in an earlier film, in frames; kept where the sentences fit

    def openings(self, network: str) -> Iterator[str]:
        """What is said before the scene itself, the last of it first; its network is called `network`."""
        if self.network:
            yield _OPENINGS[self.network].format(name=network)
        if self.begins:
            yield self.part if self.part.endswith(("?", "!", ".", "…")) else f"{self.part}."


class Figure(BaseModel):
    """One array on screen at the end of a beat: the ledger from which a film is proved.

    `box` is (left, top, right, bottom) as shares of the frame, from its top left corner.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    beat: str
    frame: int = Field(ge=0)  # the last frame of the beat, counted from the start of the scene
    array: str
    index: tuple[int, ...]
    box: tuple[float, float, float, float]
    low: float
    high: float
    scale: str
    colours: str  # name of the colour table; "rgb" where three channels are the colours themselves
    covered: bool  # a picture drawn later lies over a part of it, or other things over most of it
    crossed: tuple[tuple[float, float, float, float], ...] = ()  # boxes of what is drawn over it, such as a frame
    other: bool = False  # whether the array is of the other bundle, the one compared with
    times: tuple[str, tuple[int, ...]] | None = None  # array and index of a number that every value is multiplied with


class Sound(BaseModel):
    """A file that is heard from `start_s` seconds on, and what it does to the sounds before it meanwhile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    sha256: str
    start_s: float = Field(ge=0)
    from_s: float = Field(default=0.0, ge=0)  # what of it is heard: from here on,
    length_s: float | None = Field(default=None, gt=0)  # and for so long; to its end where this is None
    gain_db: float = 0.0
    background_db: float = 0.0


class Performance(BaseModel):
    """What playing a scene has shown: its beats with their frames, its figures and what it claims.

    `moving` are the stretches of frames [start, end) in which something moved. `sounds` and `subcaptions` are what a
    plain manim scene adds with methods of those names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    beats: tuple[TimedBeat, ...] = ()
    figures: tuple[Figure, ...] = ()
    poster: int | None = Field(default=None, ge=0)  # the frame that makes a picture of a whole film
    claims: tuple[SpokenClaim, ...] = ()
    unproved: tuple[tuple[str, str], ...] = ()  # (beat, placeholder or number) of what is no claim in a sentence
    moving: tuple[tuple[int, int], ...] = ()
    language: str | None = None  # of narration and labels, where it is not English
    texts: tuple[str, ...] = ()  # all English texts, numbers and names taken out: what is to be translated
    sounds: tuple[Sound, ...] = ()
    subcaptions: tuple[TimedBeat, ...] = ()
    bundle_digest: str | None = None
    other_digest: str | None = None

    @property
    def said(self) -> tuple[TimedBeat, ...]:
        """All that captions are made from, in order, none longer than until the next."""
        spoken = sorted((*self.beats, *self.subcaptions), key=lambda one: one.start)
        until = (*(one.start for one in spoken[1:]), sys.maxsize)
        shown = (one.model_copy(update={"end": min(one.end, end)}) for one, end in zip(spoken, until, strict=False))
        return tuple(one for one in shown if one.frames > 0)
