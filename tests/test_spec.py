"""Qualities: each is a frame that x264 and the scripts can fill."""

import pytest
from pydantic import ValidationError

from fmcore.errors import InputError
from fmcore.lesson.words import Words
from fmcore.render.spec import PURPOSES, SIZES, RenderSpec, ending, quality


@pytest.mark.parametrize("name", SIZES)
def test_a_quality_is_found_by_its_name_and_fits_the_beats(name: str) -> None:
    spec = quality(name)
    assert spec.quality == name
    assert spec.width / spec.height == pytest.approx(16 / 9, abs=0.01)
    assert spec.fps % 5 == 0  # beats are multiples of 0.2 s


@pytest.mark.parametrize(
    ("name", "hint"), [("HD", " Did you mean 'hd'?"), ("prevew", " Did you mean 'preview'?"), ("", "")]
)
def test_an_unknown_quality_is_a_sentence(name: str, hint: str) -> None:
    with pytest.raises(InputError) as told:
        quality(name)
    assert str(told.value) == f"There is no quality '{name}'; choose one of: {', '.join(SIZES)}.{hint}"


@pytest.mark.parametrize(
    "change", [{"width": 427}, {"height": 1}, {"fps": 0}, {"crf": 52}, {"width": 100_000}, {"codec": "vp9"}]
)
def test_what_cannot_be_encoded_is_no_spec(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RenderSpec.model_validate(quality("smoke").model_dump() | change)


def test_each_purpose_has_its_encoding() -> None:
    found = {purpose: quality("hd", purpose=purpose) for purpose in PURPOSES}
    assert list(found) == ["draft", "publish", "archive"]
    assert found["draft"].crf > found["publish"].crf > found["archive"].crf
    assert [spec.pixels for spec in found.values()] == ["yuv420p", "yuv420p", "yuv444p"]
    with pytest.raises(InputError, match="There is no purpose 'web'; choose one of: draft, publish, archive"):
        quality("hd", purpose="web")


@pytest.mark.parametrize(
    ("aspect", "theme", "language", "expected"),
    [
        ("16:9", "dark", None, ""),
        ("9:16", "dark", None, "-9x16"),
        ("1:1", "light", None, "-1x1-light"),
        ("16:9", "light", "pt-BR", "-light-pt-br"),
        ("9:16", "light", "de", "-9x16-light-de"),
    ],
)
def test_films_of_another_look_or_language_are_called_otherwise(
    aspect: str, theme: str, language: str | None, expected: str
) -> None:
    words = Words(language=language) if language is not None else None
    assert ending(quality("smoke", aspect, theme), words) == expected
