"""Themes: the colours of a frame. Two are built in, and a file of a few lines makes one of your own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fmcore.colour import contrast, rgb
from fmcore.errors import PlanError, one_of
from fmcore.lesson.plan import slug
from fmcore.lesson.toml_file import read_toml

LEAST_CONTRAST = 4.5  # of a text with what lies behind it: WCAG 2.2, success criterion 1.4.3
_TEXTS = ("text", "muted", "accent", "second")
_COLOUR = Field(pattern="^#[0-9A-Fa-f]{6}$")


class Theme(BaseModel):
    """The colours of a frame as #rrggbb. Pictures and the colours of their values are the same in every theme."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=80)
    background: str = _COLOUR
    text: str = _COLOUR
    muted: str = _COLOUR  # text that is less important
    line: str = _COLOUR
    accent: str = _COLOUR  # what to look at
    second: str = _COLOUR  # the other thing to look at

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        for what in _TEXTS:
            found = contrast(rgb(getattr(self, what)), rgb(self.background))
            if found < LEAST_CONTRAST:
                raise ValueError(
                    f"'{what}' has a contrast of {found:.1f} with the background, and texts of that colour need"
                    f" {LEAST_CONTRAST}; choose one that is further from {self.background}"
                )
        return self


DARK = Theme(
    name="dark",
    background="#0B0E14",
    text="#F2F4F8",
    muted="#A9B4C4",
    line="#5B6778",
    accent="#FFC857",
    second="#5BD1D7",
)
LIGHT = Theme(
    name="light",
    background="#FAFAF7",
    text="#14181F",
    muted="#4A5563",
    line="#8A94A3",
    accent="#9A5B00",
    second="#00697A",
)
THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


def find_theme(wanted: str) -> Theme:
    """The theme called `wanted`, or that of the file `wanted`.

    Raises:
        PlanError: there is neither, or it cannot be used.
    """
    if wanted in THEMES:
        return THEMES[wanted]
    if Path(wanted).suffix or Path(wanted).exists():
        return read_theme(Path(wanted))
    raise PlanError(f"{one_of('theme', wanted, list(THEMES))} Or name a .toml file with colours of your own.")


def read_theme(path: Path) -> Theme:
    """Read a theme: colours by their names, and those of `like`, dark or light, where it names none.

    Raises:
        PlanError: no such file, or none that can be understood; the sentence says where.
    """
    try:
        content = read_toml(path, "theme")
    except OSError as error:
        raise PlanError(f"The theme in '{path}' cannot be read ({error.strerror}); check the name.") from None
    like = content.pop("like", DARK.name)
    if like not in list(THEMES):  # or it is no text
        raise PlanError(f"The theme in '{path}' cannot be used: 'like' is no theme; write one of {', '.join(THEMES)}.")
    name = slug(path.stem)
    if name in THEMES:
        raise PlanError(f"The theme in '{path}' would be called '{name}' like one that is built in; rename the file.")
    try:
        return Theme.model_validate({**THEMES[like].model_dump(), **content, "name": name})
    except ValidationError as error:
        raise PlanError(f"The theme in '{path}' cannot be used: {_why(error.errors()[0])}; mend that line.") from None


def _why(error: Mapping[str, Any]) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    what = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = ", ".join(name for name in Theme.model_fields if name != "name")
        return f"there is no colour '{what}', but like, {known}"
    return f"'{what}' is no colour such as #FFC857"
