"""A scene's script: its beats, what is said in each, and how long each lasts.

Time is counted in frames from the start of the scene. A beat's end is absolute, so that rounding
never adds up; durations are multiples of 0.2 s, which is whole frames at 10, 15, 25, 30 and 60 fps.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from string import Formatter
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fmcore.errors import PlanError, one_of
from fmcore.lesson.voice import plain

READING_SPEED = 15.0  # characters a second; captions must stay under 17
_HURRIED = 16.5  # characters a second at which a sentence still goes with the pictures of another
_BREATH_S = 0.6  # a pause after each sentence
_SHORTEST_S = 2.0
_STEP_S = 0.2
_GONE = "\x00"  # in the place of a fact that is empty
_TYPED = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?!\w)")
_LIMITS = ("0", "1")  # of shares and correlations: nobody measures these
_MOST_FRAMES = 100_000_000  # three weeks at 60 a second


class Beat(BaseModel):
    """One sentence or two of narration and the stretch of time that belongs to it.

    `say` may hold named placeholders such as `{layer}` or `{accuracy:.0%}`. A beat lasts as long as
    it takes to read, or `seconds` where the picture needs more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cue: str = Field(pattern="^[a-z][a-z0-9_]*$")
    say: str = Field(min_length=1)
    seconds: float = Field(default=0.0, ge=0, le=120)

    @property
    def duration(self) -> float:
        """Seconds: the longer of reading time and `seconds`, rounded up to 0.2 s."""
        reading = len(self.say) / READING_SPEED + _BREATH_S
        steps = max(_SHORTEST_S, self.seconds, reading) / _STEP_S
        return math.ceil(steps - 1e-9) * _STEP_S


class TimedBeat(BaseModel):
    """A beat with its narration filled in and its frames [start, end) in the scene."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cue: str
    say: str
    start: int = Field(ge=0, le=_MOST_FRAMES)
    end: int = Field(gt=0, le=_MOST_FRAMES)

    @property
    def frames(self) -> int:
        return self.end - self.start


class Script(BaseModel):
    """The beats of one scene in order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    beats: tuple[Beat, ...] = Field(min_length=1)

    @classmethod
    def of(cls, *beats: Beat) -> Self:
        return cls(beats=beats)

    @model_validator(mode="after")
    def _cues_differ(self) -> Self:
        cues = [beat.cue for beat in self.beats]
        twice = next((cue for cue in cues if cues.count(cue) > 1), None)
        if twice is not None:
            raise ValueError(f"the cue '{twice}' is used by two beats; give each its own")
        return self

    def filled(self, facts: Mapping[str, object]) -> Self:
        """The same script with every placeholder replaced by its fact; an empty one leaves no second space.

        A beat that then says nothing is left out.

        Raises:
            PlanError: a placeholder has no fact.
        """
        beats = []
        told = {name: _GONE if str(fact) == "" else fact for name, fact in facts.items()}
        for beat in self.beats:
            try:
                said = re.sub(rf"^{_GONE} ?| ?{_GONE}", "", beat.say.format_map(told))
            except KeyError as missing:
                raise PlanError(
                    f"Beat '{beat.cue}' says {{{missing.args[0]}}} and the scene gives no such fact;"
                    f" it gives {', '.join(sorted(facts)) or 'none'}."
                ) from None
            if said.strip():
                beats.append(beat.model_copy(update={"say": said}))
        return self.model_copy(update={"beats": tuple(beats)})

    def only(self, cues: Collection[str]) -> Self:
        """The same script with those beats alone.

        Raises:
            PlanError: it has no such beat.
        """
        known = [beat.cue for beat in self.beats]
        for cue in cues:
            if cue not in known:
                raise PlanError(one_of("beat", cue, known))
        return self.model_copy(update={"beats": tuple(beat for beat in self.beats if beat.cue in cues)})

    def opened_with(self, sentence: str) -> Self:
        """The same script with a sentence before its first one."""
        first, *rest = self.beats
        return self.model_copy(update={"beats": (first.model_copy(update={"say": f"{sentence} {first.say}"}), *rest)})

    def said_as(self, translated: Callable[[str], str]) -> Self:
        """The same script with every sentence `translated`."""
        beats = (beat.model_copy(update={"say": translated(beat.say)}) for beat in self.beats)
        return self.model_copy(update={"beats": tuple(beats)})

    def with_voice(self, lengths: Mapping[str, float]) -> Self:
        """The same script with time for the recordings of its sentences, which take `lengths` in seconds."""
        beats = []
        for beat in self.beats:
            length = lengths.get(plain(beat.say))
            seconds = beat.seconds if length is None else max(beat.seconds, length + _BREATH_S)
            beats.append(beat.model_copy(update={"seconds": seconds}))
        return self.model_copy(update={"beats": tuple(beats)})

    @property
    def placeholders(self) -> tuple[tuple[str, str], ...]:
        """(cue, name) of every placeholder, in the order of the sentences."""
        parse = Formatter().parse
        return tuple(
            (beat.cue, re.split(r"[.\[]", name)[0]) for beat in self.beats for _, name, _, _ in parse(beat.say) if name
        )

    @property
    def quoted(self) -> set[str]:
        """The placeholders that stand in quotation marks: names, whatever they look like."""
        return {name for beat in self.beats for name in re.findall(r"“\{(\w+)\}”", beat.say)}

    @property
    def typed(self) -> tuple[tuple[str, str], ...]:
        """(cue, number) of every number that stands in a sentence itself, but for 0, 1 and names in quotation marks."""
        found = []
        for beat in self.beats:
            plain = re.sub(r"“[^”]*”", "", "\0".join(text for text, *_ in Formatter().parse(beat.say)))
            found += [(beat.cue, number) for number in _TYPED.findall(plain) if number not in _LIMITS]
        return tuple(found)

    def timed(self, fps: int, total_s: float | None = None, pace: Sequence[int] = ()) -> tuple[TimedBeat, ...]:
        """The beats with their frames at `fps`, all a little longer where they shall take `total_s` together.

        `pace` are the ends of the beats in an earlier film. It is kept where every sentence can be read in it, so that
        a changed word needs no new pictures.

        Raises:
            PlanError: they need more than `total_s`.
        """
        if self._keeps(pace, fps):
            starts = (0, *pace[:-1])
            return tuple(
                TimedBeat(cue=beat.cue, say=beat.say, start=start, end=end)
                for beat, start, end in zip(self.beats, starts, pace, strict=True)
            )
        timed: list[TimedBeat] = []
        needed = sum(beat.duration for beat in self.beats)
        if total_s is not None and total_s < needed - _STEP_S / 2:
            raise PlanError(f"The scene needs {needed:.1f} s for what is said in it; give it as many seconds or more.")
        stretch = 1.0 if total_s is None else total_s / needed
        seconds, start = 0.0, 0
        for beat in self.beats:
            seconds += beat.duration * stretch
            end = round(round(seconds / _STEP_S) * _STEP_S * fps)
            timed.append(TimedBeat(cue=beat.cue, say=beat.say, start=start, end=end))
            start = end
        return tuple(timed)

    def _keeps(self, pace: Sequence[int], fps: int) -> bool:
        """Whether each beat has time enough between the ends that `pace` names."""
        if len(pace) != len(self.beats):
            return False
        lengths = [(end - start) / fps for start, end in zip((0, *pace[:-1]), pace, strict=True)]
        return all(
            length >= max(_SHORTEST_S, beat.seconds, len(beat.say) / _HURRIED) - 1e-9
            for length, beat in zip(lengths, self.beats, strict=True)
        )
