"""How a film shall look technically: size, rate and encoder settings, by name."""

from pydantic import BaseModel, ConfigDict, Field

from fmcore.errors import InputError, one_of
from fmcore.lesson.brief import Theme

FRAME_HEIGHT = 8.0  # manim's units; every scene is laid out in them


ASPECTS = ("16:9", "9:16", "1:1")


class RenderSpec(BaseModel):
    """Size in pixels, frames a second, x264's rate factor and preset, and the theme: colours for dark or light."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quality: str
    width: int = Field(ge=16, le=8192, multiple_of=2)  # chroma is stored at half the size
    height: int = Field(ge=16, le=8192, multiple_of=2)
    fps: int = Field(ge=1, le=240)
    crf: int = Field(ge=0, le=51)
    preset: str
    theme: Theme = "dark"

    @property
    def aspect(self) -> str:
        """The shape of the frame, as one of `ASPECTS`."""
        ratio = self.width / self.height
        return "16:9" if ratio > 1.2 else "1:1" if ratio > 0.8 else "9:16"


QUALITIES: dict[str, RenderSpec] = {
    spec.quality: spec
    for spec in (
        RenderSpec(quality="smoke", width=426, height=240, fps=10, crf=18, preset="veryfast"),
        RenderSpec(quality="preview", width=854, height=480, fps=15, crf=18, preset="veryfast"),
        RenderSpec(quality="hd", width=1920, height=1080, fps=60, crf=18, preset="veryfast"),
        RenderSpec(quality="4k", width=3840, height=2160, fps=60, crf=18, preset="veryfast"),
    )
}


def quality(name: str, aspect: str = "16:9", theme: Theme = "dark") -> RenderSpec:
    """The spec called `name`, turned upright for `9:16`, cut to its shorter side for `1:1`.

    Raises:
        InputError: no such quality or aspect.
    """
    if name not in QUALITIES:
        raise InputError(one_of("quality", name, list(QUALITIES)))
    if aspect not in ASPECTS:
        raise InputError(one_of("aspect ratio", aspect, list(ASPECTS)))
    spec = QUALITIES[name]
    sizes = {"16:9": (spec.width, spec.height), "9:16": (spec.height, spec.width), "1:1": (spec.height, spec.height)}
    width, height = sizes[aspect]
    return spec.model_copy(update={"width": width, "height": height, "theme": theme})
