"""Contrast of text, measured from smoothed letters in a small frame, against what was painted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from stages import font

from fmcore.check.contrast import worst_contrast
from fmcore.check.strength import lightness
from fmcore.colour import contrast, luminance

WORDS = (
    "28 × 28 × 1",
    "Together: height × width × channels",
    "MMMM WWWW",
    "il.",
    "0.00",
    "— — —",
    "channel 3 of 8",
    "7",
)


def written(
    words: str, colour: str, paper: str, size_px: int = 9, second: str = "", at: float = 0.5
) -> NDArray[np.uint8]:
    """The box of a line of text, smoothed; `second` is the paper from the share `at` of its width on."""
    width, height = round(font(size_px).getlength(words)) + 1, round(size_px * 1.2)
    image = Image.new("RGB", (width, height), paper)
    if second:
        image.paste(second, (round(at * width), 0, width, height))
    ImageDraw.Draw(image).text((0, 0), words, colour, font(size_px))
    return np.asarray(image)


def rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#FFFFFF", 21.0),
        ("#767676", "#FFFFFF", 4.54),
        ("#777777", "#FFFFFF", 4.48),
        ("#FF0000", "#FFFFFF", 4.0),
    ],
)
def test_the_ratio_is_that_of_wcag(one: str, other: str, expected: float) -> None:
    """Values that WCAG's own techniques and every checker of it give."""
    assert contrast(rgb(one), rgb(other)) == pytest.approx(expected, abs=0.01)
    assert contrast(rgb(other), rgb(one)) == contrast(rgb(one), rgb(other))


def test_luminance_and_lightness_have_known_values() -> None:
    assert luminance(np.array([[0, 0, 0], [255, 255, 255], [0, 255, 0]])).tolist() == pytest.approx([0, 1, 0.7152])
    assert lightness("gray")[[0, 119, 255]].tolist() == pytest.approx([0, 50.03, 100], abs=0.01)  # L* of sRGB 119 is 50


colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06X}")


@given(words=st.sampled_from(WORDS), colour=colours, paper=colours, size_px=st.integers(7, 24))
def test_a_plain_background_is_found_behind_small_letters(words: str, colour: str, paper: str, size_px: int) -> None:
    measured, background = worst_contrast(written(words, colour, paper, size_px), colour)
    assert measured == pytest.approx(contrast(rgb(colour), rgb(paper)), rel=0.1, abs=0.15)
    assert np.linalg.norm(rgb(background) - rgb(paper)) < 48


@pytest.mark.parametrize("at", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("second", ["#E8E8E8", "#9A9A9A", "#C03A76", "#F2F4F8"])
@pytest.mark.parametrize("size_px", [8, 16])
def test_the_worse_of_two_backgrounds_counts(second: str, at: float, size_px: int) -> None:
    text, paper = "#F2F4F8", "#0B0E14"
    pixels = written("Together: height × width", text, paper, size_px, second, at)
    measured, _ = worst_contrast(pixels, text)
    assert measured == pytest.approx(contrast(rgb(text), rgb(second)), rel=0.1)


def test_a_faded_text_is_measured_as_it_looks() -> None:
    text, paper = "#F2F4F8", "#0B0E14"
    pixels = np.round(0.5 * written("fading away", text, paper) + 0.5 * rgb(paper)).astype(np.uint8)
    expected = contrast(0.5 * rgb(text) + 0.5 * rgb(paper), rgb(paper))
    assert worst_contrast(pixels, text, 0.5)[0] == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("name", "shape"), [("text", (9, 1)), ("dot", (1, 1)), ("line", (1, 40))])
def test_a_box_of_any_shape_has_a_contrast(name: str, shape: tuple[int, int]) -> None:
    assert worst_contrast(np.full((*shape, 4), 20, np.uint8), "#FFFFFF")[0] == pytest.approx(18.4, abs=0.1)
