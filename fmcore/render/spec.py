"""How a film shall look technically: size, rate and encoder settings, by name."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fmcore.errors import InputError, one_of
from fmcore.lesson.theme import DARK, THEMES, Theme, find_theme
from fmcore.lesson.words import Words

FRAME_HEIGHT = 8.0  # manim's units; every scene is laid out in them


ASPECTS = ("16:9", "9:16", "1:1")


class RenderSpec(BaseModel):
    """Size in pixels, frames a second, x264's rate factor, preset and pixels, and the theme."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quality: str
    width: int = Field(ge=16, le=8192, multiple_of=2)  # chroma is stored at half the size
    height: int = Field(ge=16, le=8192, multiple_of=2)
    fps: int = Field(ge=1, le=240)
    crf: int = Field(ge=0, le=51)
    preset: str
    params: str = ""  # more for x264, as name=value:...
    pixels: Literal["yuv420p", "yuv444p"] = "yuv420p"
    theme: Theme = DARK

    @field_validator("theme", mode="before")
    @classmethod
    def _by_name(cls, theme: Any) -> Any:
        """Records of earlier lessons hold but the name of a theme that is built in."""
        return THEMES.get(theme, theme) if isinstance(theme, str) else theme

    @property
    def aspect(self) -> str:
        """The shape of the frame, as one of `ASPECTS`."""
        ratio = self.width / self.height
        return "16:9" if ratio > 1.2 else "1:1" if ratio > 0.8 else "9:16"


def ending(spec: RenderSpec, words: Words | None) -> str:
    """What the name of a film, or of its folder, ends with, so that none of another look or language takes its place.

    `-9x16-light-de`; nothing of what is usual.
    """
    look = [one for one in (spec.aspect.replace(":", "x"), spec.theme.name) if one not in ("16x9", "dark")]
    return "".join(f"-{one}" for one in (*look, *([words.language.lower()] if words is not None else [])))


SIZES = {  # width, height, frames a second
    "smoke": (426, 240, 10),
    "preview": (854, 480, 15),
    "hd": (1920, 1080, 60),
    "4k": (3840, 2160, 60),
}
# By `python benchmarks/encoder.py`: the first two take a quarter to a third of the processor time of manim's own
# settings (medium, crf 23), and are nearer to what was drawn. Archives keep every colour within a step or two in 256,
# in a profile that editors read and many browsers do not.
PURPOSES: dict[str, dict[str, str | int]] = {
    "draft": {"preset": "ultrafast", "crf": 26},
    "publish": {"preset": "ultrafast", "crf": 22, "params": "cabac=1:8x8dct=1"},  # half the bytes for a tenth more time
    "archive": {"preset": "superfast", "crf": 8, "pixels": "yuv444p"},
}


def quality(name: str, aspect: str = "16:9", theme: str = "dark", purpose: str = "publish") -> RenderSpec:
    """The spec called `name`, turned upright for `9:16`, cut to its shorter side for `1:1`, encoded for `purpose`.

    Args:
        theme: The name of one, or a file of colours.

    Raises:
        InputError: no such quality, aspect or purpose.
        PlanError: no such theme, or one that cannot be read.
    """
    for what, wanted, known in (
        ("quality", name, list(SIZES)),
        ("aspect ratio", aspect, list(ASPECTS)),
        ("purpose", purpose, list(PURPOSES)),
    ):
        if wanted not in known:
            raise InputError(one_of(what, wanted, known))
    wide, high, fps = SIZES[name]
    width, height = {"16:9": (wide, high), "9:16": (high, wide), "1:1": (high, high)}[aspect]
    encoding: Any = PURPOSES[purpose]
    return RenderSpec(quality=name, width=width, height=height, fps=fps, theme=find_theme(theme), **encoding)
