"""Text and numbers as they are set: readable, in the room that they have, and right as they are rounded."""

from pathlib import Path

import numpy as np
import pytest
from films import TINY

from fmcore.analysis.saying import percent
from fmcore.lesson.theme import DARK
from fmcore.render.process import configure
from scenes import look
from scenes.parts.text import is_cut, label, number, paragraph, shape_text

pytestmark = pytest.mark.usefixtures("small_frame")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (-0.0, "0.00"), (-0.004, "0.00"), (1.005, "1.00"), (-1.25, "−1.25"), (99.994, "99.99"),
     (123.4, "123"), (-1234.5, "−1234")],
)  # fmt: skip
def test_a_number_is_short_and_has_no_negative_zero(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (1.0, "100%"), (0.5, "50%"), (0.9951, "over 99%"), (0.0049, "under 1%"), (0.994, "99%"),
     (0.9999999, "over 99%"), (1e-9, "under 1%")],
)  # fmt: skip
def test_a_share_is_never_said_to_be_all_or_nothing_when_it_is_not(share: float, text: str) -> None:
    assert percent(share) == text


def test_a_shape_is_written_height_width_channels() -> None:
    assert shape_text(28, 14, 8) == "28 × 14 × 8"


@pytest.mark.parametrize("text", ["", " ", "{x}", "<b>&amp;</b>", "“Größe”", "特征图", "a" * 200, "\\n {0} %s", "a\nb"])
def test_any_text_can_be_set(text: str) -> None:
    mobject = label(text, width=5)
    assert mobject.width <= 5 + 1e-6
    assert mobject.text == text or (len(text) > 50 and mobject.text == "a" * 16 + "…" + "a" * 16)
    assert np.isfinite(mobject.points).all()


def test_a_label_is_as_large_as_it_says_wherever_it_is_set() -> None:
    capital = {size: label("H", size).height for size in (look.SMALL, look.LABEL, look.TITLE)}
    assert capital[look.SMALL] / 8 > 0.022
    assert capital[look.TITLE] / capital[look.SMALL] == pytest.approx(look.TITLE / look.SMALL, rel=1e-3)
    assert label("H", look.SMALL).height == pytest.approx(capital[look.SMALL])
    assert label("H", look.SMALL, bold=True).width > label("H", look.SMALL).width


def test_all_lines_of_a_paragraph_are_of_one_size_also_with_a_long_word() -> None:
    made = paragraph("An unbelievably long Donaudampfschifffahrt", 60, width=6.0, most=3, bold=True)
    assert len({round(row.height, 6) for row in made}) == 1 and made.width <= 6.0
    assert " ".join(row.text for row in made) == "An unbelievably long Donaudampfschifffahrt"
    cut = paragraph("Donaudampfschifffahrtsgesellschaft " * 9, 60, width=3.0, most=2, whole=True)
    assert is_cut(cut) and not is_cut(made)


def test_a_number_with_a_power_stays_on_one_line() -> None:
    rows = [row.text for row in paragraph("channel 12 adds +2.14 · 10⁻⁵ here", look.SMALL, width=2.3, most=9)]
    assert len(rows) > 2 and any("+2.14 · 10⁻⁵" in row for row in rows)


@pytest.mark.parametrize("weight", ["+0.00112", "−0.000740"])
def test_a_product_that_is_too_long_for_a_line_breaks_before_its_sign(weight: str) -> None:
    rows = [row.text for row in paragraph(f"{weight} × channel 11", look.SMALL, width=1.55, most=9)]
    assert rows == [weight, "× channel 11"] or rows == [weight, "× channel", "11"]


def test_a_paragraph_is_set_smaller_where_its_lines_would_be_too_high(tmp_path: Path) -> None:
    configure(TINY.model_copy(update={"width": 90, "height": 160}), tmp_path)
    look.use(DARK)
    region, long = look.statement_region(), "A bar for each class: channel 2 of conv1 and channel 57 of conv4"
    free = paragraph(long, look.STATEMENT, width=region.width, most=3)
    kept = paragraph(long, look.STATEMENT, width=region.width, most=3, height=region.height)
    assert free.height > region.height >= kept.height
    assert [row.text for row in kept] == [row.text for row in free]
