"""A voice: sheets of sentences, recordings that cannot be used, and a lesson in which they are heard."""

import re
import shutil
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner, Result
from films import TINY, Net, make_bundle
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from test_sound import heard, loudness, tone

from fmcore.check.voice import voice_findings, wrong_in
from fmcore.cli import cli
from fmcore.errors import InputError
from fmcore.lesson.plan import BundleRecipe, LessonPlan, SceneEntry
from fmcore.lesson.record import read_record
from fmcore.lesson.script import Beat, Script
from fmcore.lesson.voice import LEAD_S, Heard, plain, read_sheet, sheet_with
from fmcore.render.lesson import Made, Wish, make_lesson
from fmcore.render.voice import files_of_voice, find_voice, unlike
from fmcore.reporter import Silent

SENTENCES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80).filter(
    lambda one: plain(one)
)


def fmcore(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(cli, [*map(str, arguments)])


def folder_with(path: Path, sheet: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "voice.toml").write_text(sheet, encoding="utf-8")
    return path


# -- sheets --------------------------------------------------------------------------------------


@given(scenes=st.lists(st.tuples(st.just("A"), st.lists(SENTENCES, max_size=4)), max_size=4))
def test_a_sheet_comes_back_as_it_was_written(scenes: list[tuple[str, list[str]]], tmp_path_factory: object) -> None:
    folder = Path(str(tmp_path_factory.getbasetemp())) / "sheet"  # type: ignore[attr-defined]
    text, sheet = sheet_with({}, scenes)
    assert read_sheet(folder_with(folder, text)) == sheet
    assert set(sheet.values()) == {plain(sentence) for _, sentences in scenes for sentence in sentences}


def test_sentences_keep_their_recordings_and_new_ones_are_numbered_on() -> None:
    known = {"007": "Old.", "intro": "Hello.", "003": "Gone."}
    text, sheet = sheet_with(known, [("First", ["Hello.", "New  one."]), ("Second", ["Old.", "New one.", "Last."])])
    assert sheet == {"intro": "Hello.", "008": "New one.", "007": "Old.", "009": "Last.", "003": "Gone."}
    assert list(sheet)[-1] == "003" and text.index("# not said") < text.index("Gone.")
    _, sheet = sheet_with({}, [("First", ["One."])], ["001", "x", "0" * 60])  # files that are there already
    assert sheet == {"002": "One."}
    text, _ = sheet_with({"a": "It reaches 0.31."}, [("First", ["It reaches 1.07.", "It is 1.07."])])
    assert '"001" = "It reaches 1.07."  # a with other numbers\n"002" = "It is 1.07."\n' in text


SHEETS = {
    "no sheet": (None, "No 'voice.toml' in .* write it with `fmcore voice"),
    "no TOML": ("[sentences", "is not valid TOML"),
    "nothing in it": ("", "No 'voice.toml' in .* says what is recorded"),
    "another table": ('[sentences]\na = "b"\n[words]\n', "one table, \\[sentences\\], and nothing else"),
    "no table": ('sentences = "a"\n', "one table"),
    "a name that leads away": ('[sentences]\n"../001" = "b"\n', r"names a recording '\.\./001'"),
    "no text": ("[sentences]\na = 1\n", "no sentence for the recording 'a'"),
    "the same twice": ('[sentences]\na = "b c"\nd = "b  c"\n', "the sentence “b c” twice, for a and d"),
}


@pytest.mark.parametrize(("sheet", "sentence"), SHEETS.values(), ids=list(SHEETS))
def test_a_sheet_that_cannot_be_used_is_a_sentence(sheet: str | None, sentence: str, tmp_path: Path) -> None:
    folder = tmp_path / "voice" if sheet is None else folder_with(tmp_path / "voice", sheet)
    with pytest.raises(InputError, match=sentence):
        find_voice(folder)


# -- recordings ----------------------------------------------------------------------------------


def compressed(path: Path, seconds: float, kind: str = "mp3", rate: int = 44_100) -> Path:
    """A tone of 500 Hz, whatever the name of the file says."""
    with av.open(str(path), "w", format={"aac": "adts"}.get(kind, kind)) as container:
        stream = container.add_stream({"mp3": "libmp3lame", "mp4": "aac"}.get(kind, kind), rate=rate)
        sine = 0.5 * np.sin(2 * np.pi * 500 * np.arange(int(seconds * rate)) / rate)
        frame = av.AudioFrame.from_ndarray(np.tile(sine.astype(np.float32), (2, 1)), format="fltp", layout="stereo")
        frame.sample_rate = rate
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def another_rate_midway(folder: Path) -> None:
    halves = [compressed(folder / f"{rate}.aac", 1, "aac", rate) for rate in (44_100, 16_000)]
    (folder / "001.aac").write_bytes(b"".join(half.read_bytes() for half in halves))


def a_playlist(folder: Path) -> None:
    tone(folder / "other.wav", 300, 1)
    (folder / "001.wav").write_text("ffconcat version 1.0\nfile other.wav\n")


RECORDINGS = {
    "text": (lambda folder: (folder / "001.mp3").write_text("hello"), r"001\.mp3' cannot be used: .* as a sound"),
    "nothing": (lambda folder: (folder / "001.flac").touch(), r"001\.flac' cannot be used"),
    "a playlist that names another file": (a_playlist, r"001\.wav' cannot be used"),
    "no sound in it": (
        lambda folder: tone(folder / "001.wav", 300, 0),
        r"001\.wav' cannot be used: there is no sound in it",
    ),
    "silence": (lambda folder: tone(folder / "001.wav", 0, 3), "nothing is to be heard in it"),
    "another rate midway": (another_rate_midway, r"001\.aac' cannot be used: it cannot be played to its end"),
    "two of a name": (
        lambda folder: shutil.copy(tone(folder / "001.wav", 300, 1), folder / "001.mp3"),
        r"001\.mp3' and '001\.wav' are of the same sentence",
    ),
    "far too long": (
        lambda folder: tone(folder / "001.wav", 300, 111, 8000),
        "it takes over 110 s",
    ),
}


@pytest.mark.parametrize(("write", "sentence"), RECORDINGS.values(), ids=list(RECORDINGS))
def test_a_recording_that_cannot_be_used_is_a_sentence(write: object, sentence: str, tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "a voice", '[sentences]\n001 = "Hello."\n')
    assert find_voice(folder).lengths == {}
    write(folder)  # type: ignore[operator]
    with pytest.raises(InputError, match=sentence):
        find_voice(folder)


def test_all_recordings_that_cannot_be_used_are_told_at_once(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "a voice", '[sentences]\n001 = "One."\n002 = "Two."\n003 = "Three."\n')
    for name in ("001.wav", "003.mp3"):
        (folder / name).touch()
    tone(folder / "002.wav", 300, 1)
    with pytest.raises(InputError, match=r"001\.wav' cannot be used: .*003\.mp3' cannot be used: "):
        find_voice(folder)


def test_recordings_are_found_measured_and_watched(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "ä voice", '[sentences]\n001 = "One  two."\n2-b = "Three."\nc = "Four."\n')
    tone(folder / "001.wav", 300, 1.25)
    tone(folder / "2-b.WAV", 300, 2, 8000, 2)  # as recorders name them
    voice = find_voice(folder)
    assert voice.lengths == pytest.approx({"One two.": 1.25, "Three.": 2.0}, abs=1e-3)
    assert voice.of(" One\ntwo.") is not None and voice.of("Four.") is None and voice.of("One two") is None
    watched = files_of_voice(folder)
    assert {folder / "voice.toml", folder / "001.wav", folder / "2-b.WAV", folder / "c.m4a"} <= set(watched)
    (folder / "voice.toml").write_text("[sentences")  # an editor is at it
    assert folder / "voice.toml" in files_of_voice(folder)


def test_silence_at_both_ends_is_left_out(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, '\ufeff[sentences]\n001 = "One."\n')  # as Windows' editor saves it
    said = tone(tmp_path / "said.wav", 300, 2, 48_000).read_bytes()
    silence = bytes(2 * 48_000 * 3)
    sizes = [
        (len(said) + 2 * len(silence) - 8).to_bytes(4, "little"),
        (len(said) - 44 + 2 * len(silence)).to_bytes(4, "little"),
    ]
    (folder / "001.wav").write_bytes(said[:4] + sizes[0] + said[8:40] + sizes[1] + silence + said[44:] + silence)
    recording = find_voice(folder).of("One.")
    assert recording is not None
    assert (recording.from_s, recording.seconds) == pytest.approx((2.9, 2.3), abs=0.01)
    assert recording.loudness[1:21] == pytest.approx([0.5 / 2**0.5] * 20, abs=0.01)
    assert recording.loudness[0] < 0.05 and max(recording.loudness[22:]) < 0.05


def test_what_would_surprise_a_listener_is_told(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "[sentences]\n" + "".join(f'a{n} = "Said {n}."\n' for n in range(5)))
    for number, level in enumerate((1.0, 1.2, 0.9, 0.3, 2.0)):
        path = tone(folder / f"a{number}.wav", 300, 2)
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(10**6), "<i2")
        path.write_bytes(path.read_bytes()[:44] + np.clip(samples * level, -32768, 32767).astype("<i2").tobytes())
    assert dict(unlike(find_voice(folder))) == {
        "a3.wav": "only 30% as loud as others",
        "a4.wav": "so loud that it is cut off",
    }


def test_both_sides_of_a_recording_count(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "[sentences]\n" + "".join(f'a{n} = "Said {n}."\n' for n in range(3)))
    for number, sides in enumerate(([1, -1], [1, -1], [1, 1])):  # a lead the wrong way round leaves no mean
        path = tone(folder / f"a{number}.wav", 300, 2, channels=2)
        samples = np.frombuffer(path.read_bytes()[44:], "<i2").reshape(-1, 2) * np.array(sides, np.int16)
        path.write_bytes(path.read_bytes()[:44] + samples.astype("<i2").tobytes())
    voice = find_voice(folder)
    assert all(one.loudness[5] == pytest.approx(0.5 / 2**0.5, abs=0.01) for one in voice.recordings.values())
    assert list(unlike(voice)) == []


STEADY, PAUSES = np.full(31, 0.2), np.where(np.arange(31) % 3, 0.2, 0.0)
LOUDNESS = {
    "as it is": (STEADY * 1.05, STEADY, False, ""),
    "quiet, and as it is": (STEADY * 0.02, STEADY * 0.02, False, ""),
    "quiet, and something else": (np.full(31, 0.001), STEADY * 0.02, False, "is silent there"),
    "no sound": (np.zeros(31), STEADY, False, "is silent there"),
    "a hum in its place": (STEADY, PAUSES, False, "is not what is heard there, for 33% of its time"),
    "music with it": (STEADY + 0.1, PAUSES, True, ""),
    "music in its place": (STEADY * 0.4, STEADY, True, "is not what is heard there, for 100% of its time"),
    "cut off": (STEADY[:10], STEADY, False, r"ends there after 1\.0 s of 3\.1"),
}


@pytest.mark.parametrize(("found", "wanted", "among_others", "wrong"), LOUDNESS.values(), ids=list(LOUDNESS))
def test_what_is_wrong_with_the_sound_of_a_film(
    found: NDArray[np.float64], wanted: NDArray[np.float64], among_others: bool, wrong: str
) -> None:
    assert re.fullmatch(wrong, wrong_in(found, wanted, among_others))


@pytest.mark.parametrize("loudness", [(), (float("nan"),) * 20, (float("inf"),) * 20, (-0.1,) * 20, (0.1,) * 9])
def test_a_record_of_a_recording_has_its_loudness(loudness: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        Heard(sha256="0", seconds=2.0, loudness=loudness)
    assert Heard(sha256="0", seconds=2.0, loudness=(0.1,) * 20)


def test_recordings_of_other_kinds_and_with_odd_tags_are_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_with(tmp_path / "de:formal", "[sentences]\n" + "".join(f'a{n} = "Said {n}."\n' for n in range(4)))
    compressed(folder / "a0.mp3", 2)
    compressed(folder / "a1.M4A", 2, "mp4")
    compressed(folder / "a2.wav", 2)  # an MP3 by another name, as downloads are
    tagged = tone(folder / "a3.wav", 300, 2).read_bytes()
    chunk = b"LIST\x10\0\0\0INFOIART\x04\0\0\0M\xfcll"  # Latin-1
    (folder / "a3.wav").write_bytes(tagged[:12] + chunk + tagged[12:])
    monkeypatch.chdir(tmp_path)
    assert list(find_voice(Path("de:formal")).lengths.values()) == pytest.approx([2] * 4, abs=0.06)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.floats(0, 20), st.none() | st.floats(0.1, 110)), min_size=1, max_size=8)
)
def test_a_beat_has_time_for_its_recording(beats: list[tuple[int, float, float | None]]) -> None:
    script = Script.of(
        *(Beat(cue=f"b{n}", say=f"{n:03}" + "x" * size, seconds=least) for n, (size, least, _) in enumerate(beats))
    )
    lengths = {beat.say: length for beat, (_, _, length) in zip(script.beats, beats, strict=True) if length is not None}
    told = script.with_voice(lengths)
    for before, now in zip(script.timed(30), told.timed(30), strict=True):
        assert now.frames >= before.frames
        if now.say in lengths:
            assert now.frames / 30 >= LEAD_S + lengths[now.say] + 0.3
        else:
            assert now.frames == before.frames


# -- a lesson ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("lasting_workers")
def test_a_lesson_is_heard_in_its_own_sentences(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "tiny.safetensors", Net())
    plan = LessonPlan(
        title="Feature maps",
        bundles={"net": BundleRecipe(file=str(bundle))},
        scenes=(SceneEntry(scene="ActivationHeatmap", bundle="net"),),
    )
    folder, voice = tmp_path / "one", tmp_path / "my voice"

    def make(silent: bool = False) -> Made:
        told = {} if silent else {"voice": find_voice(voice)}
        made = make_lesson(plan, Wish(TINY, tmp_path, folder, jobs=1, **told), Silent())
        assert made.failed == {}
        return made

    def unheard() -> list[tuple[str, str]]:
        return [
            (one.rule, one.beat) for one in voice_findings(read_record(folder), folder / "lesson.mp4", "16:9", "dark")
        ]

    make(silent=True)
    before = read_record(folder).scenes[0]
    asked = fmcore("voice", voice, folder)
    sheet = read_sheet(voice)
    assert asked.output.splitlines()[0].endswith(f"0 of the {len(sheet)} sentences are recorded."), asked.output
    assert list(sheet.values()) == [plain(beat.say) for beat in before.beats]

    names = list(sheet)
    tone(voice / f"{names[0]}.wav", 400, 1.0)  # less than it takes to read
    long = (before.beats[1].end - before.beats[1].start) / TINY.fps + 3
    tone(voice / f"{names[1]}.wav", 800, long)
    made = make()
    assert (made.unspoken, made.rendered) == (len(sheet) - 2, ["ActivationHeatmap"])
    record, samples = read_record(folder), heard(folder / "lesson.mp4")
    first, second, third = record.scenes[0].beats[:3]
    assert first.end - first.start == before.beats[0].end - before.beats[0].start
    assert (second.end - second.start) / TINY.fps >= long + LEAD_S
    assert third.end - third.start == before.beats[2].end - before.beats[2].start
    assert loudness(samples, 400, 0.25, 1.15) == pytest.approx([0.5, 0.5], abs=0.03)
    start = second.start / TINY.fps
    assert loudness(samples, 800, start + 0.25, start + long + 0.15) == pytest.approx([0.5, 0.5], abs=0.03)
    assert np.abs(samples[:, round((start + long + 0.3) * 48_000) :]).max() < 0.01
    assert unheard() == [("sentence not recorded", beat.cue) for beat in record.scenes[0].beats[2:]]
    tone(voice / "099.wav", 400, 1.0)  # whose sentence nobody knows
    (voice / "003.txt").touch()
    (voice / "notes.txt").touch()
    told = fmcore("voice", voice, folder).output
    assert (
        f"2 of the {len(sheet)} sentences are recorded." in told
        and "names no such sound file: 099.wav, 003.txt." in told
    )
    assert make().unchanged

    told_of = read_record(folder)
    assert told_of.voice is not None
    short, slow = told_of.voice.values()
    pauses = slow.model_copy(update={"loudness": tuple(one * (n % 5 > 0) for n, one in enumerate(slow.loudness))})
    for heard_there, wrong in (
        ((slow, slow), "goes on when its beat has ended"),
        ((short, pauses), "not what is heard"),
    ):
        tampered = told_of.model_copy(update={"voice": dict(zip(told_of.voice, heard_there, strict=True))})
        found = [one.message for one in voice_findings(tampered, folder / "lesson.mp4", "16:9", "dark")]
        assert sum(wrong in message for message in found) == 1

    tone(voice / f"{names[1]}.wav", 1200, long)  # said otherwise, as long
    made = make()
    assert (made.rendered, made.joined) == ([], True)
    samples = heard(folder / "lesson.mp4")
    assert loudness(samples, 1200, start + 0.25, start + long) == pytest.approx([0.5, 0.5], abs=0.03)

    tone(voice / f"{names[1]}.wav", 800, long + 5)
    make()
    tone(voice / f"{names[1]}.wav", 1200, long)  # a shorter take: the picture waits no more
    make()
    assert read_record(folder).scenes[0].beats == record.scenes[0].beats

    apart = Wish(TINY, tmp_path, tmp_path / "apart", apart=True, jobs=1, voice=find_voice(voice))
    (film,) = make_lesson(plan, apart, Silent()).films
    assert loudness(heard(film), 1200, start + 0.25, start + long) == pytest.approx([0.5, 0.5], abs=0.03)

    shutil.copy(folder / "lesson.json", tmp_path / "told.json")
    assert make(silent=True).rendered == [] and read_record(folder).scenes[0].beats == before.beats
    assert unheard() == []
    shutil.copy(tmp_path / "told.json", folder / "lesson.json")  # a film that lost its sound
    assert unheard()[:2] == [("recording not heard", first.cue), ("recording not heard", second.cue)]
    (folder / "lesson.mp4").write_bytes(b"")
    assert unheard()[:1] == [("recording not heard", first.cue)]
