"""One take cut at its pauses: made-up speech whose sentences are known, and what the command says."""

import re
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from test_page_film import recorded, scene

from fmcore.cli import cli
from fmcore.lesson.script import TimedBeat
from fmcore.lesson.voice import read_sheet
from fmcore.render.pauses import pieces_of
from fmcore.render.sound import RATE

Samples = NDArray[np.float32]


def speech(
    letters: Sequence[int],
    random: np.random.Generator,
    between: Sequence[float],
    within: tuple[float, float],
    unsteady: float = 0.15,
) -> tuple[Samples, list[tuple[float, float]]]:
    """Noise for words, `between` sentences so many seconds of hush, `within` them some; and where sentences lie."""
    parts, places, now = [np.zeros(RATE // 2)], [], 0.5
    for count, after in zip(letters, [*between, 1.0], strict=True):
        start, left = now, count / 15 * random.uniform(1 - unsteady, 1 + unsteady)
        while left > 0:
            said = left if left < 3 else random.uniform(1.2, left - 1.2)
            words = random.normal(0, 0.2, round(said * RATE))
            words *= np.sin(np.arange(len(words)) / RATE * 12) ** 2 > 0.02  # syllables
            hush = random.uniform(*within) if left > said else 0.0
            parts += [words, random.normal(0, 0.001, round(hush * RATE))]
            left, now = left - said, now + said + hush
        places.append((start, now))
        parts.append(random.normal(0, 0.001, round(after * RATE)))
        now += after
    return np.clip(np.concatenate(parts), -1, 1).astype(np.float32)[None], places


@pytest.mark.parametrize("seed", range(6))
def test_a_take_is_cut_between_its_sentences(seed: int) -> None:
    random = np.random.default_rng(seed)
    letters = [int(one) for one in random.integers(40, 170, 8)]
    samples, places = speech(letters, random, random.uniform(0.7, 1.5, 7).tolist(), (0.25, 0.6))
    found, shares = pieces_of(samples, letters)
    for (start, end), place in zip(found, places, strict=True):
        assert (start / RATE, end / RATE) == pytest.approx(place, abs=0.3)
    assert all(0.6 < share < 1.6 for share in shares)


def test_a_long_pause_within_a_sentence_is_no_end_where_its_letters_go_on() -> None:
    samples, places = speech([60, 150, 60], np.random.default_rng(3), [0.6, 0.6], (0.75, 0.8), 0.05)
    found, _ = pieces_of(samples, [60, 150, 60])
    for (start, end), place in zip(found, places, strict=True):
        assert (start / RATE, end / RATE) == pytest.approx(place, abs=0.3)


def test_clicks_of_the_recorder_are_no_speech() -> None:
    samples, places = speech([60, 90], np.random.default_rng(5), [1.0], (0.25, 0.4))
    click = np.full((1, RATE // 50), 0.5, np.float32)
    hush = np.zeros((1, RATE), np.float32)
    found, shares = pieces_of(np.concatenate([click, hush, samples, hush, click], 1), [60, 90])
    for (start, end), place in zip(found, places, strict=True):
        assert (start / RATE - 1.02, end / RATE - 1.02) == pytest.approx(place, abs=0.3)
    assert shares == pytest.approx([1, 1], abs=0.3)


def test_a_take_of_other_sentences_is_seen_by_its_pace() -> None:
    samples, _ = speech([60, 150], np.random.default_rng(5), [1.0], (0.25, 0.4))
    assert min(pieces_of(samples, [60])[1]) > 2


def test_where_pauses_are_missing_nothing_is_cut() -> None:
    samples, _ = speech([60, 60], np.random.default_rng(0), [0.1], (0.0, 0.01))
    assert pieces_of(samples, [60, 60]) == pieces_of(np.zeros((1, RATE), np.float32), [10]) == ([], [])


def save(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples[0] * 32767).astype("<i2").tobytes())
    return path


def lesson_saying(folder: Path, said: Sequence[Sequence[str]]) -> Path:
    scenes = []
    for number, sentences in enumerate(said):
        beats = (TimedBeat(cue=f"b{k}", say=one, start=k * 50, end=k * 50 + 50) for k, one in enumerate(sentences))
        scenes.append(scene(number).model_copy(update={"beats": tuple(beats)}))
    folder.mkdir()
    (folder / "lesson.json").write_text(recorded(scenes, {}).as_json(), encoding="utf-8")
    return folder


def test_the_command_cuts_a_scene_and_overwrites_nothing(tmp_path: Path) -> None:
    said = [
        ["One sentence, said here.", "Another one, a little longer than that, of 28 by 28."],
        ["The end of it, at last."],
    ]
    lesson, folder = lesson_saying(tmp_path / "a lesson", said), tmp_path / "my voice"

    def voice(*options: object) -> Result:
        arguments = ["voice", folder, lesson, *options]
        return CliRunner(env={"COLUMNS": "200"}).invoke(cli, [*map(str, arguments)])

    samples, places = speech([24, 70], np.random.default_rng(1), [1.0], (0.0, 0.01))
    take = save(tmp_path / "take.wav", samples)
    cut = voice("--cut", take)
    assert cut.exit_code == 0 and "cut into 001 to 002, 2 sentences." in cut.output, cut.output
    assert "2 of the 3 sentences are recorded." in cut.output and list(read_sheet(folder)) == ["001", "002", "003"]
    for name, (start, end) in zip(("001", "002"), places, strict=True):
        with wave.open(str(folder / f"{name}.wav")) as file:
            assert file.getnframes() / RATE == pytest.approx(end - start, abs=0.4)
    for options, sentence in {
        ("--first", "001"): "'.*001.wav' is there already; remove it to cut that sentence anew.",
        ("--first", "01"): "There is no sentence of this lesson '01'",
        ("--first", "003", "--last", "001"): "Sentence '001' comes before '003'",
    }.items():
        found = voice("--cut", take, *options)
        assert found.exit_code == 2
        assert re.search(sentence, " ".join(found.output.split())), found.output
    (folder / "001.wav").unlink()
    (folder / "002.wav").rename(folder / "002.flac")  # another kind of sound is a recording, too
    found = voice("--cut", take, "--first", "001", "--last", "003")
    assert found.exit_code == 2 and "is there already" in found.output and not (folder / "001.wav").exists()
    assert "take.wav: cut into 001." in voice("--cut", take).output  # up to what is recorded
    (folder / "001.wav").unlink()
    (folder / "002.flac").unlink()
    assert "too few pauses in 'take.wav' for 3 sentences" in voice("--cut", take, "--last", "003").output
    assert "name it with --cut" in voice("--first", "001").output
    assert "cannot be used" in voice("--cut", lesson / "lesson.json").output
    assert not list(folder.glob("*.wav"))


def test_a_sentence_that_is_said_twice_is_recorded_once(tmp_path: Path) -> None:
    often, other = "One sentence, said here.", "Another one, a little longer than that, of 28 by 28."
    last = "The end of it, at last, and no more."
    lesson, folder = lesson_saying(tmp_path / "lesson", [[often, other, often], [last, often]]), tmp_path / "voice"

    def voice(take: Path) -> str:
        found = CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["voice", str(folder), str(lesson), "--cut", str(take)])
        assert found.exit_code == 0, found.output
        return found.output

    samples, places = speech([24, 70], np.random.default_rng(1), [1.0], (0.0, 0.01))
    told = voice(save(tmp_path / "take.wav", samples))
    assert "cut into 001 to 002, 2 sentences." in told and "2 of the 3 sentences are recorded." in told
    assert "Said more than once in the lesson, and recorded once: 001." in told
    for name, (start, end) in zip(("001", "002"), places, strict=True):
        with wave.open(str(folder / f"{name}.wav")) as file:
            assert file.getnframes() / RATE == pytest.approx(end - start, abs=0.4)
    samples, _ = speech([36], np.random.default_rng(1), [], (0.0, 0.01))
    assert "cut into 003." in voice(save(tmp_path / "last.wav", samples))
    assert sorted(path.name for path in folder.glob("*.wav")) == ["001.wav", "002.wav", "003.wav"]
