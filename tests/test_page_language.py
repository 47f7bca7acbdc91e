"""A page in another language: nothing is left in English, no number is lost, and the browser speaks it, too."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from browser import Chromium, goto, settled, visiting
from click.testing import CliRunner
from films import Net, make_bundle

from fmcore.cli import cli
from fmcore.lesson.words import Words, figures, find_words, rows_of
from fmcore.page.export import Composed, compose, make_page
from fmcore.page.language import direction
from fmcore.reporter import Silent

ODD = {
    "wrong answers in colour": Net(image_channels=3, kernel=5, stride=2, dead=(1,), wrong=True, measured=True),
    "no ReLU and no bias": Net(relu=False, has_bias=False, epochs=1, measured=True),
    "odd names": Net(classes=tuple(f"a “{number}”, 1 and {number}" for number in range(10))),
}


@pytest.fixture(scope="module")
def german() -> Words:
    return find_words("de")


def said(content: Any) -> Iterator[str]:
    """All strings in it that people may read, in order."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for name, one in content.items():
            if name not in ("words", "tables", "arrays", "state", "decimal", "language"):
                yield from said(one)
    elif isinstance(content, list | tuple):
        for one in content:
            yield from said(one)


def both(bundle: Path, other: Path | None, words: Words) -> tuple[Composed, Composed]:
    english, theirs = (compose(bundle, other, words=one) for one in (None, words))
    for text, foreign in zip(said(english.content), said(theirs.content), strict=True):
        assert figures(text) == figures(foreign), foreign
    return english, theirs


def unknown(page: Composed, words: Words) -> list[str]:
    rows = rows_of(page.own.texts, words.words)
    return [row for row in rows if not words.words.get(row) and "Drawn for tests" not in row]


@pytest.mark.parametrize("compared", [False, True])
def test_nothing_is_left_in_english(tutorial_bundle: Path, deep_bundle: Path, german: Words, compared: bool) -> None:
    english, theirs = both(tutorial_bundle, deep_bundle if compared else None, german)
    assert unknown(theirs, german) == []
    assert english.own.texts == theirs.own.texts and english.content["words"] == {}
    assert theirs.content["title"].startswith("Feature-Maps von") and theirs.content["language"] == "de"
    assert b'<html lang="de" dir="ltr">' in theirs.page


def test_what_a_small_page_leaves_out_is_said_in_german(
    tutorial_bundle: Path, deep_bundle: Path, german: Words
) -> None:
    page = compose(tutorial_bundle, deep_bundle, limit_mb=0.3, words=german)
    assert unknown(page, german) == [] and len(page.content["limits"]) > 3
    left_out = "Weights of earlier epochs are rounded"  # on a larger page: nobody is asked for what this one lacks
    assert not any(text.startswith(left_out) for text in page.own.texts)
    whole = compose(tutorial_bundle, deep_bundle, words=german).own.texts
    assert any(text.startswith(left_out) for text in whole)


@pytest.mark.parametrize("odd", ODD)
def test_an_unusual_network_is_spoken_of_without_losing_a_number(odd: str, tmp_path: Path, german: Words) -> None:
    both(make_bundle(tmp_path / "odd", ODD[odd]), None, german)


def test_every_text_of_the_script_is_listed_and_translated(german: Words) -> None:
    page = files("fmcore.page")
    listed = json.loads(page.joinpath("texts.json").read_text(encoding="utf-8"))
    script = page.joinpath("page.js").read_text(encoding="utf-8")
    put_together = re.compile(r"\{1\} (epoch|input channel)s?|\{1\}\. Shown is the .*")  # of a noun or a kind
    assert [text for text in listed if f'"{text}"' not in script and not put_together.fullmatch(text)] == []
    assert [row for row in rows_of(listed, german.words) if not german.words.get(row)] == []


def test_the_browser_speaks_it(chromium: Chromium, tutorial_bundle: Path, tmp_path: Path, german: Words) -> None:
    texts = {}
    for name, words in (("en", None), ("de", german)):
        page = make_page(tutorial_bundle, None, tmp_path / f"{name}.html", words=words)
        with visiting(chromium, page, "#place=3,4&epoch=0") as visit:
            goto(visit, "place=3,4&with=2&step=2")
            settled(visit)
            texts[name] = visit.page.evaluate(
                "[...document.querySelectorAll('#page *')].flatMap((e) => [e.ariaLabel, e.title,"
                " ...[...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data)]).filter(Boolean)"
            )
            visit.is_clean()
    same = {one.partition(":")[0] for one in texts["en"] if one in texts["de"] and re.search("[a-z]{3}", one)}
    assert same <= {"Training", "Pullover", "tutorial", "conv1", "conv2", "pool"}, same
    assert len(texts["en"]) == len(texts["de"]) > 200


def test_a_page_from_the_right_keeps_the_order_of_numbers(
    chromium: Chromium, tutorial_bundle: Path, tmp_path: Path
) -> None:
    class Told(Silent):
        said = ""

        def say(self, text: str) -> None:
            self.said += text

    words, report = Words(language="he", words={"Notes": "הערות", "Right.": "נכון."}), Told()
    page = make_page(tutorial_bundle, None, tmp_path / "he.html", words=words, report=report)
    assert int(re.search(r"without a translation, .*: (\d+);", report.said)[1]) > 200
    with visiting(chromium, page) as visit:
        goto(visit, "place=3,4&stage=preactivation")
        settled(visit)
        left = "(e) => e.getBoundingClientRect().left"
        bar, cells = (
            visit.page.locator(one).evaluate_all(f"(all) => all.slice(0, 3).map({left})")
            for one in (".colour-bar span", ".cells.patch td")
        )
        image, first = (visit.page.locator(one).first.evaluate(left) for one in (".layer.start", ".layer:not(.start)"))
        assert bar == sorted(bar) and cells == sorted(cells) and image > first
        assert visit.page.evaluate("document.documentElement.scrollWidth === innerWidth")
        text = visit.page.locator("#page").inner_text()
        assert re.search("\u2066−\\d", text), "a sign may stand behind its number"
        visit.is_clean()


@pytest.mark.parametrize(
    ("code", "turned"),
    [("he", True), ("ar-EG", True), ("ara", True), ("ku-Arab", True), ("ar-Latn", False), ("de", False), ("uz", False)],
)
def test_a_language_is_written_from_its_side(code: str, turned: bool) -> None:
    assert direction(code) == ("rtl" if turned else "ltr")


def test_the_verb_takes_a_language(tutorial_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(cli, ["page", str(tutorial_bundle), "--words", "de", "--quiet"])
    assert made.exit_code == 0 and (tmp_path / f"renders/{tutorial_bundle.stem}-de.page.html").exists(), made.output
    wrong = CliRunner().invoke(cli, ["page", str(tutorial_bundle), "--words", "klingon"])
    assert wrong.exit_code == 2 and "There is no translation 'klingon'" in wrong.output
