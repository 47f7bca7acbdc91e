"""A claim: words about a model with the measurement that they rest on."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

Relation = Literal["is", "at least", "at most"]


class Claim(BaseModel):
    """Words about the model, such as a number or a label, and what was measured for them.

    `words` are what is said: where the measured `value` does not stand in `relation` to `threshold`, they are
    the neutral wording already. Format a claim into a sentence and it says its words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: str
    measure: str  # a name of `fmcore.analysis.measures.MEASURES`
    array: str  # what was measured
    index: tuple[int, ...] = ()
    digest: str  # sha256 of the whole array
    value: FiniteFloat
    relation: Relation = "is"
    threshold: FiniteFloat | None = None
    sample_size: int = Field(ge=1)  # images that the value was taken over
    other: bool = False  # taken of the bundle that is compared with
    holds: bool = True  # always true of a plain measurement, which has no threshold

    def __str__(self) -> str:
        return self.words

    def __format__(self, spec: str) -> str:
        return format(self.words, spec)


class SpokenClaim(BaseModel):
    """A claim in its place: the beat in whose sentence it is made, and the placeholder that it fills."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    beat: str
    name: str
    sentence: str
    claim: Claim
