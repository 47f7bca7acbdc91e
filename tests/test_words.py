"""Lessons in another language: what is taken out of a text, what is put back, and what may not be lost."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from films import TINY, Net, make_bundle, play
from hypothesis import given
from hypothesis import strategies as st

from fmcore.cli import cli
from fmcore.errors import PlanError
from fmcore.lesson.captions import split
from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry, builtin_plan
from fmcore.lesson.record import read_record
from fmcore.lesson.words import (
    Translator,
    Words,
    find_words,
    installed_words,
    read_words,
    rows_of,
    taken_out,
    words_file,
)
from fmcore.render.catalogue import find_scene
from fmcore.render.lesson import Wish, make_lesson
from fmcore.reporter import Silent
from scenes import look
from scenes.activation_heatmap import ActivationHeatmap
from scenes.learned_filters import LearnedFilters
from scenes.parts.text import paragraph

TAKEN = {
    "input image": ("input image", []),
    "channel 6 of 8": ("channel {1} of {2}", ["6", "8"]),
    "−0.36 becomes 0.00": ("{1} becomes {2}", ["−0.36", "0.00"]),
    "over 12,000 images, 95.1% of them": ("over {1} images, {2}% of them", ["12,000", "95.1"]),
    "Here it is “T-shirt/top 2”, at 3 %.": ("Here it is “{1}”, at {2} %.", ["T-shirt/top 2", "3"]),
    "maps of conv1 and layer1.0.conv2": ("maps of {1} and {2}", ["conv1", "layer1.0.conv2"]),
    "conv12 is not conv1": ("conv{1} is not {2}", ["12", "conv1"]),
    "Channel 3 gets −4.2 · 10⁻⁵ here": ("Channel {1} gets {2} here", ["3", "−4.2 · 10⁻⁵"]),
    "two\n lines": ("two lines", []),
    "3, 5 and 8 are dead": ("{1} are dead", ["3, 5 and 8"]),
    "of conv1, conv2, 7 and 12 more": ("of {1}", ["conv1, conv2, 7 and 12 more"]),
    "3 and 5, conv3, 5 and 6": ("{1} and {2}, conv{3}, {4} and {5}", ["3", "5", "3", "5", "6"]),
}


@pytest.mark.parametrize("text", TAKEN)
def test_numbers_and_names_are_taken_out(text: str) -> None:
    assert taken_out(text, ("conv1", "conv2", "layer1.0.conv2", "")) == TAKEN[text]


@given(st.text(alphabet="ab “”{}0123.,−% ×conv", max_size=40))
def test_what_is_taken_out_can_be_put_back(text: str) -> None:
    key, held = taken_out(text, ("conv1",))
    if "{" not in text and "}" not in text:  # these stand in names only, which are held
        assert Words(language="xx", words={key: key}).of(text, ("conv1",)) == " ".join(text.split())
    assert all(one in text for one in held)


def test_a_translation_keeps_numbers_and_names_in_its_own_order() -> None:
    german = Words(language="de", decimal=",", words={"{1} of “{2}” in {3}": "In {3}: „{2}“, {1}"})
    assert german.of("1,250.5 of “1.5 bags” in conv2", ("conv2",)) == "In conv2: „1.5 bags“, 1.250,5"
    assert Words(language="de", words={"“{1}” {2}%": "„{1}“ {2}\u00a0%"}).of("“bag” 3%") == "„bag“ 3\u00a0%"
    assert german.of("0.25") == "0,25"  # a number alone needs no translation
    assert german.of("never seen, 0.25") == "never seen, 0.25"
    named = Words(language="de", words={"the “{1}”": "die „{1}“", "bag {1}": "Tasche {1}"})
    assert named.of("the “bag 2”") == "die „Tasche 2“" and named.of("the “coat”") == "die „coat“"
    assert named.of("the “conv1”", ("conv1",)) == "die „conv1“"


def test_lists_sentences_and_numbered_layers_are_said_whatever_their_length() -> None:
    german = Words(
        language="de",
        decimal=",",
        words={
            "{1} are dead.": "{1} sind tot.",
            "{1} and {2}": "{1} und {2}",
            "{1} and {2} more": "{1} und {2} weitere",
            "layer {1}": "Schicht {1}",
            "In {1}.": "In {1}.",
            "“{1}” Wrong.": "„{1}“ Falsch.",
            "A map. It is.": "Eine Karte. Ist so.",
        },
    )
    one = Translator(german, ("layer 0", "conv2"), ("mine",))
    assert one.of("0.5, 1,000 and 3 are dead.") == "0,5, 1.000 und 3 sind tot."
    assert one.of("conv2, layer 0, 3 and 12 more are dead.") == "conv2, Schicht 0, 3 und 12 weitere sind tot."
    assert one.of("In layer 0. “A map. It is.” Wrong. In conv2.") == (
        "In Schicht 0. „Eine Karte. Ist so.“ Falsch. In conv2."
    )
    assert one.of("In net.", "net") == "In net." and one.of("") == "" and one.of("the “mine”") == "the “mine”"
    asked = {*german.words, "the “{1}”"} - {"A map. It is."} | {"A map.", "It is."}  # but for no proper name
    assert set(rows_of(one.texts, {})) == asked
    assert Translator(None).of("3, 5 and 8") == "3, 5 and 8"


def test_a_text_is_known_as_a_whole_or_sentence_by_sentence() -> None:
    known = {
        "It has {1} of {2}.": "Von {2} sind es {1}.",
        "Look! All {1}.": "Alle {1}, sieh nur!",
        "All {1}.": "Alle {1}.",
        "No. Yes.": "Doch.",
    }
    german = Words(language="de", decimal=",", words=known)
    assert german.of("It has 1.5 of 2. All 3.") == "Von 2 sind es 1,5. Alle 3."
    assert german.of("Look! All 3.") == "Alle 3, sieh nur!"
    assert german.of("Look! It has 1 of 2. What? 4.5.") == "Look! Von 2 sind es 1. What? 4,5."
    assert german.of("Look! What?\nThere  it is.") == "Look! What?\nThere  it is."  # nothing is known of it
    assert german.of("No. Maybe.") == "No. Maybe."  # nor is a half of what is known as a whole
    texts = ("Look! All {1}.", "{1}. Look! All {2}. It has {3} of {4}.", "No. Maybe.")
    assert rows_of(texts, known) == ["Look! All {1}.", "Look!", "All {1}.", "It has {1} of {2}.", "No.", "Maybe."]


def test_names_keep_their_points_and_commas() -> None:
    german = Words(language="de", decimal=",", words={"layer {1}": "Schicht {1}", "Coat {1}": "Mantel {1}"})
    one = Translator(german, ("layer 0.1",))
    assert one.of("layer 0.1: 0.5") == "Schicht 0.1: 0,5"
    assert one.name("2.5D") == "2.5D" and one.name("Coat 2") == "Mantel 2"


@pytest.mark.parametrize(
    "text", ["a, " * 60 + "b", "1, " * 20_000 + "2", "“1” 2. " * 5_000 + "A.", "A. " * 20_000 + "B."]
)
def test_texts_that_read_like_lists_of_lists_come_to_an_end(text: str) -> None:
    """What took twice as long with every item, or with the square of their number: for ever, that is."""
    one = Translator(Words(language="xx"), ("a", "a, a", "a and a"))
    assert one.of(text) == text


WRONG = {
    "a number is lost": ('language = "de"\n[words]\n"{1} maps" = "Karten"', r"of '\{1\} maps' must hold \{1\}"),
    "a number from nowhere": ('language = "de"\n[words]\n"maps" = "{1} Karten"', "must hold no numbers in braces"),
    "no language": ("[words]\n", "'language' has to be the code of a language"),
    "a path for a language": (
        'language = "../de"\n',
        "'language' has to be the code of a language, such as de or pt-BR; mend",
    ),
    "another setting": (
        'language = "de"\nword = 1\n',
        "there is no setting 'word', but language, decimal, words; mend",
    ),
    "no text": ('language = "de"\n[words]\na = 1\n', "'words.a': input should be a valid string"),
    "no TOML": ("language = de\n", "is not valid TOML"),
    "Latin-1": ('language = "de" # für'.encode("latin-1"), "is no text in UTF-8; name a .toml file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_translation_is_a_sentence(case: str, tmp_path: Path) -> None:
    content, sentence = WRONG[case]
    path = tmp_path / "de.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PlanError, match=sentence) as found:
        read_words(path)
    assert "\n" not in found.value.message
    with pytest.raises(PlanError, match=r"There is no translation 'dee'; choose one of: .*Did you mean 'de'"):
        find_words("dee")
    with pytest.raises(PlanError, match=r"cannot be read .*`fmcore words`"):
        find_words(str(tmp_path / "gone.toml"))


def test_a_file_of_words_keeps_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    known = {'say "{1}" \\ so': "sag {1}", "old": "alt", "empty": ""}
    path.write_text(words_file("de", ",", [("A", ["new", 'say "{1}" \\ so']), ("B", ["new"])], known), encoding="utf-8")
    assert read_words(path).words == {"new": "", 'say "{1}" \\ so': "sag {1}", "old": "alt"}


# -- scenes --------------------------------------------------------------------------------------


def test_a_scene_speaks_and_writes_in_its_language(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", Net())
    english = play(ActivationHeatmap, bundle)
    known = {text: f"»{text}«" for text in english.performance.texts}
    assert {"input image", "Strongest: {1} in row {2}, column {3}", ActivationHeatmap.title} <= known.keys()
    foreign = play(ActivationHeatmap, bundle, words=Words(language="xx", decimal=",", words=known))
    assert foreign.performance.title == f"»{ActivationHeatmap.title}«"
    for theirs, ours in zip(foreign.performance.beats, english.performance.beats, strict=True):
        assert (
            theirs.say[0] == "»" and theirs.say[-1] == "«" and taken_out(theirs.say)[0] == f"»{taken_out(ours.say)[0]}«"
        )
    texts = [item for frame in foreign.board.frames for item in frame.items if item.kind == "text"]
    drawn = {item.drawn for item in texts if item.drawn}
    assert "»input image«" in drawn and any("," in text and "»" not in text for text in drawn)
    assert foreign.performance.texts == english.performance.texts
    assert [claim.sentence for claim in foreign.performance.claims] == [c.sentence for c in english.performance.claims]
    assert [figure.array for figure in foreign.performance.figures] == [
        figure.array for figure in english.performance.figures
    ]


@pytest.mark.parametrize(("width", "height"), [(160, 90), (90, 160)])
def test_as_many_weights_are_written_with_a_decimal_comma(tmp_path: Path, width: int, height: int) -> None:
    bundle = make_bundle(tmp_path / "b", Net(epochs=2))
    spec = TINY.model_copy(update={"width": width, "height": height})
    counts = []
    for words in (None, Words(language="xx", decimal=",", words={})):
        board = play(LearnedFilters, bundle, spec=spec, words=words).board
        texts = [item.name for item in next(f for f in board.frames if f.beat == "numbers").items]
        counts.append(sum(bool(re.fullmatch(r"−?\d\.\d+", text)) for text in texts))
    assert counts == [9, 9]


def test_a_space_that_breaks_no_line_breaks_none() -> None:
    text = "Antwort: über 34\u00a0% Wahrscheinlichkeit, sagt das Netz, und zwar an jeder Stelle, die es sieht."
    assert "34\u00a0%" in " ".join(split(text))
    assert not any(line.startswith("%") for part in split(text) for line in part.split("\n"))
    rows = paragraph("Antwort: 34\u00a0% Wahrscheinlichkeit", look.LABEL, width=1.0, most=9)
    assert any("34\u00a0%" in row.text for row in rows)


def test_a_product_stays_on_one_line_if_it_fits_there() -> None:
    for width in (1.2, 1.6, 2.0, 2.4):
        rows = [row.text for row in paragraph("windows of 5 × 5 pixels of the image", look.LABEL, width=width, most=9)]
        assert any("5 × 5" in row for row in rows), rows
    narrow = paragraph("5 × 5 × 5 × 5 × 5 × 5 × 5", look.SMALLEST, width=0.6, most=9)
    assert len(narrow) > 1 and "…" not in "".join(row.text for row in narrow)


# -- the command ---------------------------------------------------------------------------------


def fmcore(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(cli, [*map(str, arguments)])


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
@pytest.mark.parametrize("verb", ["words", "voice"])
def test_what_cannot_be_written_is_a_sentence(verb: str, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "tiny.safetensors", Net())
    plan = LessonPlan(
        title="Feature maps",
        bundles={"net": BundleRecipe(file=str(bundle))},
        scenes=(SceneEntry(scene="ActivationHeatmap", bundle="net"),),
    )
    make_lesson(plan, Wish(TINY, tmp_path, tmp_path / "one", jobs=1), Silent())
    found = fmcore(verb, "/proc/none/de", tmp_path / "one")  # nobody can write there, root neither
    assert found.exit_code == 2
    told = r"Error: The (file of words|folder) '/proc/none/de' cannot be written \(.+\); name another one\."
    assert re.fullmatch(told, found.output.strip())


@pytest.mark.usefixtures("lasting_workers")
def test_words_are_collected_translated_and_come_back_in_the_lesson(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "tiny.safetensors", Net())
    plan = LessonPlan(
        title="Feature maps",
        bundles={"net": BundleRecipe(file=str(bundle))},
        scenes=(SceneEntry(scene="ActivationHeatmap", bundle="net"),),
    )
    made = make_lesson(plan, Wish(TINY, tmp_path, tmp_path / "one", jobs=1), Silent())
    assert (made.failed, made.untranslated) == ({}, 0)
    file = tmp_path / "de.toml"
    found = fmcore("words", file, tmp_path / "one", "--decimal", ",")
    assert found.exit_code == 0, found.output
    texts = read_words(file).words
    assert f"{file}: 0 of the {len(texts)} texts of this lesson are translated." in found.output
    file.write_text(file.read_text().replace('"input image" = ""', '"input image" = "Eingabebild"'), encoding="utf-8")
    words = read_words(file)
    assert (words.language, words.decimal, words.of("input image")) == ("de", ",", "Eingabebild")

    made = make_lesson(plan, Wish(TINY, tmp_path, tmp_path / "two", jobs=1, words=words), Silent())
    assert made.untranslated == len(texts) - 1 and not made.failed  # all but the input image
    record = read_record(tmp_path / "two")
    assert record.words == words
    found = fmcore("words", tmp_path / "more.toml", tmp_path / "two", "--language", "de")
    assert "1 of the" in found.output and read_words(tmp_path / "more.toml").of("input image") == "Eingabebild"
    found = fmcore("words", tmp_path / "a language.toml", tmp_path / "one")
    assert found.exit_code == 2 and "'a language' is no code of a language" in found.output
    (tmp_path / "two" / "lesson.json").write_text(
        json.dumps(record.model_copy(update={"scenes": (), "page_texts": ()}).model_dump(mode="json")), encoding="utf-8"
    )
    assert "there are no words of it to translate" in fmcore("words", file, tmp_path / "two").output


# -- what ships ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["de"])
def test_what_ships_is_whole(code: str) -> None:
    words = find_words(code)
    assert words.language == code and code in installed_words()
    assert all(words.words.values())
    for entry in builtin_plan().scenes:
        ref = find_scene(entry.scene)
        scene: Any = getattr(import_module(str(ref.module)), ref.name)
        fixed = [scene.title, *(beat.say for beat in scene.script.beats if "{" not in beat.say)]
        assert [
            row for row in rows_of((taken_out(text)[0] for text in fixed), words.words) if row not in words.words
        ] == []
