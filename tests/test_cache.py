"""The store of what was rendered: what is served is what was written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fmcore.errors import FmcoreError, InputError, RenderError
from fmcore.lesson.brief import Figure, Performance
from fmcore.lesson.script import TimedBeat
from fmcore.render.alone import alone
from fmcore.render.cache import Cuts, Store, Take, file_digest, key_of, path_digest, write_text
from fmcore.render.cuts import Play, Sketch
from fmcore.render.films import _Parts
from fmcore.render.spec import quality
from fmcore.render.upkeep import contents, prune, size_of, size_text
from fmcore.reporter import Silent

SHOWN = Performance(
    title="Größe “{x}”",
    beats=(TimedBeat(cue="a", say="Say this.", start=0, end=20),),
    figures=(
        Figure(
            beat="a", frame=19, array="conv1/activation", index=(0, 1), box=(0.1, 0.2, 0.3, 0.4), low=0.0, high=1 / 3,
            scale="per_map", colours="inferno", covered=False,
        ),
    ),
    bundle_digest="0" * 64,
)  # fmt: skip
PLAYS = (Play(start=0, frames=20, cost_s=0.1, state="ab"),)
SKETCH = Sketch(frames=20, plays=PLAYS, reads={}, files={}, performance=SHOWN, seconds=0.25)
TAKE = Take(scene="Film", inputs={"scene": "Film"}, sketch=SKETCH, pictures="0123456789abcdef" * 2)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """With one segment, one take and its cuts, all called `key`."""
    store = Store(tmp_path)
    store.video("key").write_bytes(bytes(range(256)) * 40)
    store.keep_segment("key", 20, 1.5)
    store.keep_take("key", TAKE)
    store.keep_cuts("key", Cuts(bounds=(0, 12, 20)))
    return store


def test_what_was_kept_is_found(store: Store) -> None:
    found = store.segment("key")
    assert found is not None
    assert (found.frames, found.seconds, found.sha256) == (20, 1.5, file_digest(store.video("key")))
    assert store.take("key") == TAKE
    cuts = store.cuts("key")
    assert cuts is not None and cuts.stretches == ((0, 12), (12, 20))
    assert (store.segment("other"), store.take("other"), store.cuts("other")) == (None, None, None)
    names = ["key.cuts.json", "key.json", "key.mp4", "key.take.json"]
    assert sorted(path.name for path in store.folder.iterdir()) == names


def test_a_take_is_served_while_the_files_that_the_scene_read_are_what_they_were(store: Store, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"one")
    files = {str(picture): file_digest(picture)}
    store.keep_take("key", TAKE.model_copy(update={"sketch": SKETCH.model_copy(update={"files": files})}))
    assert store.take("key") is not None
    picture.write_bytes(b"two")
    assert store.take("key") is None
    picture.write_bytes(b"one")
    assert store.take("key") is not None
    picture.unlink()
    assert store.take("key") is None


def test_what_stands_for_a_file_that_cannot_be_read_is_always_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    names = ("none", "file/none", "loop", "x" * 300, "file", "folder")
    first, again = ([path_digest(tmp_path / name) for name in names] for _ in range(2))
    assert first == again
    assert first[:4] == ["nothing", "nothing", "unreadable", "unreadable"] and len(set(first)) == 4


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


HARM: dict[str, Callable[[Store], object]] = {
    "a flipped bit at the start": lambda store: flip(store.video("key"), 0),
    "a flipped bit in the middle": lambda store: flip(store.video("key"), 5000),
    "a flipped bit at the end": lambda store: flip(store.video("key"), -1),
    "cut short": lambda store: store.video("key").write_bytes(store.video("key").read_bytes()[:-1]),
    "empty": lambda store: store.video("key").write_bytes(b""),
    "no film": lambda store: store.video("key").unlink(),
    "no record": lambda store: (store.folder / "key.json").unlink(),
    "a record of nothing": lambda store: (store.folder / "key.json").write_text("{}"),
    "a record that is no text": lambda store: (store.folder / "key.json").write_bytes(b"\xff\xfe\x00"),
    "half a record": lambda store: (store.folder / "key.json").write_text('{"sha256": "'),
    "a record of another shape": lambda store: (store.folder / "key.json").write_text('{"sha256": "0", "more": 1}'),
}


@pytest.mark.parametrize("harm", HARM)
def test_what_was_harmed_is_not_served(harm: str, store: Store) -> None:
    HARM[harm](store)
    assert store.segment("key") is None


@pytest.mark.parametrize("at", [0, 70, -1])
@pytest.mark.parametrize("name", ["key.take.json", "key.cuts.json"])
def test_a_record_with_a_flipped_bit_is_not_served(name: str, at: int, store: Store) -> None:
    flip(store.folder / name, at)
    assert (store.take("key") if "take" in name else store.cuts("key")) is None


def test_only_what_the_dead_left_half_written_is_removed(store: Store) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid in (os.getpid(), ended.pid, 10**30, "x"):  # the last are no names of ours
        (store.folder / f".film.mp4.{pid}.part").write_bytes(b"half")
    store.tidy()
    kept = {path.name.split(".")[-2] for path in store.folder.glob(".*")}
    assert kept == {str(os.getpid()), str(10**30), "x"}


def test_no_record_is_older_than_its_files_and_what_the_dead_left_goes(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for process in (ended.pid, os.getppid()):
        (tmp_path / f".part-{process}").mkdir()
    (tmp_path / "lesson.json").touch()
    parts = _Parts(tmp_path)
    with pytest.raises(RenderError, match="cannot be put into"), parts:
        parts.path("lesson.mp4").touch()
        parts.path("lesson.srt")  # is not there, as if its disk had failed by now
        parts.path("lesson.json").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".part-{os.getppid()}", "lesson.mp4"]


def test_the_key_changes_with_every_input_and_not_with_their_order() -> None:
    inputs = {"scene": "A", "source": "b", "options": "{}"}
    keys = {key_of(inputs)} | {key_of(inputs | {name: value + " "}) for name, value in inputs.items()}
    assert len(keys) == 4
    assert key_of(dict(reversed(inputs.items()))) == key_of(inputs)


def test_text_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a.json", "half \ud800")
    assert (tmp_path / "a.json").read_text() == "before"
    write_text(tmp_path / "a.json", "größer")
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "größer"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_cache_from_which_a_lesson_is_being_made_is_not_pruned(store: Store) -> None:
    pictures, inputs = TAKE.pictures, {"spec": quality("smoke").model_dump_json()}
    store.keep_take("key", TAKE.model_copy(update={"inputs": inputs}))
    film = store.video(f"{pictures}-0-20")
    film.write_bytes(b"film")
    store.keep_cuts(pictures, Cuts(bounds=(0, 20)))
    with alone(store.folder / ".lesson.lock", "", Silent()):
        with pytest.raises(FmcoreError, match=r"^A lesson is being made from this cache; prune it when that has ended"):
            prune(store, 0)
        assert film.is_file()
    removed, left = prune(store, 0)
    assert removed > 4 and left == 0 and not film.exists()


def test_an_emptied_cache_holds_nothing_of_ours_and_what_is_anybody_elses(store: Store) -> None:
    names = [path.name for path in store.folder.iterdir()]  # films and records that are not called as ours are
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for number, end in enumerate((".cuts.json", ".take.json", "-0-20.json", "-0-20.mp4")):  # each without the others
        (store.folder / f"{str(number) * 32}{end}").write_text("{}")
    (store.folder / "sources.json").write_text("{}")
    (store.folder / f".film.mp4.{ended.pid}.part").write_text("half")
    prune(store, 10**9)
    assert (store.folder / "sources.json").exists()
    prune(store, 0)
    assert {path.name for path in store.folder.iterdir()} == set(names) - {"key.take.json"}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("700", 700), ("1KB", 1000), ("1 kb", 1000), ("500MB", 5 * 10**8), ("1.5 GB", 15 * 10**8),
        ("2G", 2 * 10**9), (" 3 TB ", 3 * 10**12), ("1MiB", 2**20), (size_text(12_300_000), 12_300_000),
    ],
)  # fmt: skip
def test_a_size_is_read_as_people_write_it(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "big", "KB", "-1", "1 iB", "1 KBytes", "1,5GB", "1e9"])
def test_what_is_no_size_is_a_sentence_with_examples(text: str) -> None:
    with pytest.raises(InputError, match=f"^'{text}' is no size; write one such as 500KB, 200 MB or 1.5GB.$"):
        size_of(text)


def test_films_of_one_scene_are_told_apart(store: Store) -> None:
    german = SKETCH.model_copy(update={"performance": SHOWN.model_copy(update={"language": "de"})})
    for number, (spec, sketch) in enumerate(
        [(quality("smoke"), SKETCH), (quality("smoke", "9:16", "light"), SKETCH), (quality("smoke", "1:1"), german)]
    ):
        pictures = f"{number}" * 32
        store.video(f"{pictures}-0-20").write_bytes(b"film")
        inputs = {"spec": spec.model_dump_json()}
        store.keep_take(f"{number}", Take(scene="Film", inputs=inputs, sketch=sketch, pictures=pictures))
    looks = {one.look for one in contents(store)}
    assert looks == {"smoke 16:9 dark", "smoke 9:16 light", "smoke 1:1 dark de"}
