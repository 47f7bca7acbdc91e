"""How a film shall look technically: size, rate and encoder settings, by name."""

from pydantic import BaseModel, ConfigDict, Field

from fmcore.errors import InputError, one_of

FRAME_HEIGHT = 8.0  # manim's units; every scene is laid out in them


class RenderSpec(BaseModel):
    """Size in pixels, frames a second, and x264's rate factor and preset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quality: str
    width: int = Field(ge=16, le=8192, multiple_of=2)  # chroma is stored at half the size
    height: int = Field(ge=16, le=8192, multiple_of=2)
    fps: int = Field(ge=1, le=240)
    crf: int = Field(ge=0, le=51)
    preset: str


QUALITIES: dict[str, RenderSpec] = {
    spec.quality: spec
    for spec in (
        RenderSpec(quality="smoke", width=426, height=240, fps=10, crf=18, preset="veryfast"),
        RenderSpec(quality="preview", width=854, height=480, fps=15, crf=18, preset="veryfast"),
        RenderSpec(quality="hd", width=1920, height=1080, fps=60, crf=18, preset="veryfast"),
        RenderSpec(quality="4k", width=3840, height=2160, fps=60, crf=18, preset="veryfast"),
    )
}


def quality(name: str) -> RenderSpec:
    """The spec called `name`.

    Raises:
        InputError: there is none.
    """
    if name not in QUALITIES:
        raise InputError(one_of("quality", name, list(QUALITIES)))
    return QUALITIES[name]
