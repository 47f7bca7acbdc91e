"""The storyboard of a scene: what stands in the frame at the end of every beat, known without a film."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fmcore.lesson.brief import Performance

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the frame, from its top left corner


class Item(BaseModel):
    """Something that takes up room in a frame."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["text", "picture", "shape"]
    name: str  # of a text its words in English, of a picture its array, of a shape its class
    drawn: str | None = None  # of a text its words, where they are in another language
    box: Box
    capital: float | None = None  # of a text: the height of a capital as a share of the frame's height
    colour: str | None = None  # of a text: "#RRGGBB"
    opacity: float = 1.0
    filled: float = 0.0  # of a shape: how opaquely
    lacks: Literal["", "array", "opacity"] = ""  # of a picture: what it would need to be proved
    what: str = ""  # of a picture of no array: what it is drawn as instead
    cut: bool = False  # of a text: whether its middle is left out, because it had no room


class StoryFrame(BaseModel):
    """The frame at the end of a beat; what was drawn later comes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    beat: str
    number: int = Field(ge=0)  # the last frame of the beat, counted from the start of the scene
    items: tuple[Item, ...]


class Storyboard(BaseModel):
    """A scene as it will be: its performance and its frames, at one shape of frame and one theme."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scene: str
    fps: int
    aspect: str  # "16:9", "9:16" or "1:1"
    theme: str
    caption_top: float  # what lies lower than this share of the frame's height may be covered by captions
    frames: tuple[StoryFrame, ...]
    performance: Performance
