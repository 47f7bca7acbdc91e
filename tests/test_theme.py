"""Themes: the colours of a frame, of one's own too, and none in which a text could not be read."""

from pathlib import Path

import numpy as np
import pytest
from films import TINY, Net, make_bundle, play

from fmcore.colour import ColourScale
from fmcore.errors import PlanError
from fmcore.lesson.theme import DARK, LIGHT, Theme, find_theme
from fmcore.render.process import configure
from fmcore.render.spec import RenderSpec, ending, quality
from scenes import look
from scenes.activation_heatmap import ActivationHeatmap
from scenes.parts.marks import unmade
from scenes.parts.picture import Picture

BRAND = 'background = "#102030"\naccent = "#FF9966"\n'


def written(folder: Path, content: str | bytes, name: str = "Mein Kurs.toml") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_a_theme_of_ones_own_names_what_differs(tmp_path: Path) -> None:
    dark = find_theme(written(tmp_path, BRAND))
    assert dark == DARK.model_copy(update={"name": "mein-kurs", "background": "#102030", "accent": "#FF9966"})
    light = find_theme(written(tmp_path, 'like = "light"\nsecond = "#553399"'))
    assert light == LIGHT.model_copy(update={"name": "mein-kurs", "second": "#553399"})
    assert [find_theme(name).name for name in ("dark", "light")] == ["dark", "light"]
    spec = quality("smoke", "1:1", str(tmp_path / "Mein Kurs.toml"))
    assert ending(spec, None) == "-1x1-mein-kurs" and RenderSpec.model_validate(spec.model_dump(mode="json")) == spec
    earlier = {**quality("smoke").model_dump(), "theme": "light"}  # as records of earlier lessons have it
    assert RenderSpec.model_validate(earlier).theme == LIGHT


WRONG = {
    "text that cannot be read": (
        'text = "#223344"',
        r"'text' has a contrast of 1\.\d with the background, .* need 4\.5",
    ),
    "a background that hides": ('background = "#FFFFFF"', r"'text' has a contrast of 1\.\d with the background"),
    "a name for a colour": ('accent = "orange"', "'accent' is no colour such as #FFC857; mend that line"),
    "a number for a colour": ("accent = 3", "'accent' is no colour such as #FFC857"),
    "another colour": ('akzent = "#FFC857"', "there is no colour 'akzent', but like, background, text, muted, line"),
    "a name of its own": ('name = "x/../y"', ""),
    "like another": ('like = "grey"', "'like' is no theme; write one of dark, light"),
    "like a list": ("like = []", "'like' is no theme"),
    "no TOML": ("background = #102030", "is not valid TOML"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_theme_is_a_sentence(case: str, tmp_path: Path) -> None:
    content, sentence = WRONG[case]
    if not sentence:
        assert find_theme(written(tmp_path, content)).name == "mein-kurs"  # whatever it calls itself
        return
    with pytest.raises(PlanError, match=sentence) as found:
        find_theme(written(tmp_path, content))
    assert "Mein Kurs.toml" in found.value.message and "\n" not in found.value.message


def test_a_theme_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"There is no theme 'drak'; choose one of: dark, light\. Did you mean 'dark'"):
        find_theme("drak")
    with pytest.raises(PlanError, match=r"gone\.toml' cannot be read"):
        find_theme(str(tmp_path / "gone.toml"))
    with pytest.raises(PlanError, match="would be called 'light' like one that is built in; rename the file"):
        find_theme(written(tmp_path, BRAND, "Light.toml"))


def test_a_scene_is_drawn_in_its_colours(tmp_path: Path) -> None:
    theme = find_theme(written(tmp_path, BRAND))
    bundle = make_bundle(tmp_path / "b", Net())
    film = play(ActivationHeatmap, bundle, spec=TINY.model_copy(update={"theme": theme}))
    assert film.board.theme == "mein-kurs"
    colours = {item.colour for frame in film.board.frames for item in frame.items if item.kind == "text"}
    assert {theme.text, theme.accent} <= {colour.upper() for colour in colours}
    assert DARK.accent not in colours
    drawn = [round(255 * share) for share in film.scene.camera.background_color.to_rgb()]
    assert drawn == [16, 32, 48]


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_a_place_without_a_value_looks_like_none(theme: Theme, tmp_path: Path) -> None:
    configure(TINY, tmp_path)
    look.use(theme)
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    surface = unmade(Picture(values, ColourScale.of(values), 1.0))
    share = surface.get_fill_opacity()
    seen = 255 * (share * look.LINE.to_rgb() + (1 - share) * look.BACKGROUND.to_rgb())
    for scale in (ColourScale.of(values), ColourScale.signed(values)):
        colours = scale.colours(np.linspace(scale.low, scale.high, 256)).astype(float)
        assert np.abs(colours - seen).max(axis=1).min() > 12  # of 255
    look.use(DARK)
