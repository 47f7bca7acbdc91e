"""What a check finds: a record a fault, and the table of rules with what each asks for."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, field_validator

from fmcore.lesson.storyboard import Box, Storyboard

RULES: Mapping[str, str] = MappingProxyType(
    {
        "outside the frame": "Everything that is drawn lies inside the frame.",
        "under the captions": "Nothing lies in the strip at the bottom that captions may cover.",
        "text over text": "No two texts overlap.",
        "text over a map": "No text lies on a map or an image.",
        "text covered": "Nothing that is filled lies over a text.",
        "text too small": "Capitals have at least 2.2 % of the frame's height.",
        "text too faint": "Text has a contrast of at least 4.5:1 with what lies behind it.",
        "letter without a font": "Every letter that is written is in a font of this machine.",
        "text cut": "No title and no statement is cut for want of room.",
        "map without its size": "Every map stands beside its height × width.",
        "channels not counted": "Where a layer is shown in part, a text says which channels, or how many of how many.",
        "too many channels": "At most 16 channels of a layer are shown at once.",
        "flat map not called flat": "A map whose values are all equal is called flat.",
        "no progression": "Some beat shows maps of at least three layers, in the order in which they ran.",
        "colour is not strength": "Colours get lighter as values get stronger, from zero on, and none is cut off.",
        "scales differ": "Maps of one array that share a scale have the same range of values.",
        "number not proved": "Every number that is said comes from a measurement.",
        "claim not proved": "Every measurement comes out the same when it is taken again.",
        "picture is not the array": "Every picture, read back from the film, is the array that it is said to show.",
        "record differs": "The record of a film says what its scenes say and show when they are played again.",
        "film not whole": "The film has as many frames, of the size and rate, as its record says.",
        "file changed": "Every file of a lesson is there, as it was written.",
        "picture without a source": "Every picture shows an array, opaquely, or says what it is drawn as instead.",
        "picture covered": "Every picture of an array can be seen whole at the end of some beat.",
        "captions too fast": "Captions have at most 17 characters a second.",
        "still too long": "Something moves at least every 6 seconds.",
        "sentence not recorded": "Where a voice tells the lesson, every sentence is recorded.",
        "recording not heard": "Where a recording belongs, the film is as loud as it is, tenth of a second by tenth.",
        "narration too long": "A beat lasts at least a second, and as long as its narration takes to read.",
    }
)

OF_LESSON = {"no progression", "film not whole", "file changed"}  # rules about all scenes of a lesson together


class Finding(BaseModel):
    """A fault: which rule is broken where, what was found and what to do about it.

    `beat` is empty where the whole scene is meant, `scene` where the whole lesson is. `box` is the part of the frame
    to look at, `crop` the name of a file that shows it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: str  # a name of `RULES`
    scene: str
    aspect: str
    theme: str
    beat: str = ""
    objects: tuple[str, ...] = ()
    message: str
    box: Box | None = None
    crop: str = ""

    @field_validator("rule")
    @classmethod
    def _is_known(cls, rule: str) -> str:
        if rule not in RULES:
            raise ValueError(f"there is no rule '{rule}'")
        return rule


def found(
    board: Storyboard,
    rule: str,
    message: str,
    beat: str = "",
    objects: tuple[str, ...] = (),
    box: Box | None = None,
) -> Finding:
    """A finding about the scene of `board`."""
    return Finding(
        rule=rule, scene=board.scene, aspect=board.aspect, theme=board.theme,
        beat=beat, objects=objects, message=message, box=box,
    )  # fmt: skip
