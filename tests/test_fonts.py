"""Which letters can be written on this machine, and in which order they stand."""

from pathlib import Path

import numpy as np
import pytest

from fmcore import fonts
from fmcore.fonts import font_file, letters_of, letters_without_a_font, sentence_about
from scenes.parts.outlines import in_reading_order, outline

NOBODYS = "\U0010abcd"  # for private use: no font has it


@pytest.mark.parametrize(
    "text", ["Bag", "Sac à main", "Сумка", "τσάντα", "حقيبة", "תיק", "e\u0301", "28 × 28", "a\tb\n"]
)
def test_letters_of_our_font_ask_no_other(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_files", lambda: pytest.fail("other fonts were read"))
    assert letters_without_a_font([text]) == ""


def test_a_letter_of_another_font_of_the_machine_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, other = font_file(), font_file(bold=True).with_name("STIXGeneral.ttf")
    (extra, *_) = sorted(letters_of(other) - letters_of(ours))
    monkeypatch.setattr(fonts, "_files", lambda: (Path("gone.ttf"), other))
    fonts._somewhere.cache_clear()
    assert letters_without_a_font([extra, NOBODYS, "Bag"]) == NOBODYS
    monkeypatch.setattr(fonts, "_files", lambda: ())
    fonts._somewhere.cache_clear()
    assert letters_without_a_font([extra, NOBODYS]) == "".join(sorted(extra + NOBODYS))
    fonts._somewhere.cache_clear()


def test_the_sentence_names_some_letters_and_what_to_do() -> None:
    said = sentence_about("包恤裙裤鞋靴")
    assert "has 包 (U+5305), 恤, 裙, 裤, 鞋 and 1 more, so" in said and "install a font" in said


@pytest.mark.parametrize("text", ["“Bag” 35%", "“תיק” 35%", "“حقيبة يد” 35%"])
def test_names_from_right_to_left_leave_what_stands_around_them(text: str) -> None:
    points = outline(text, False)[:-8]  # less the marks of the line's height
    left, right = points[:, 0].min(), points[:, 0].max()
    middle = float(np.ptp(outline("H", False)[:-8, 1])) / 2
    assert points[points[:, 0] < left + 0.1, 1].min() > middle  # a quotation mark hangs high
    assert points[points[:, 0] > right - 0.1, 1].min() < middle  # the percent sign stands on the line


def test_a_name_alone_is_set_as_it_is_written() -> None:
    assert [in_reading_order(name) for name in ("תיק 3", "Bag 3", "")] == ["תיק 3", "Bag 3", ""]
