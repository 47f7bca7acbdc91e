"""The store of segments: what is served is what was written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fmcore.lesson.brief import Figure, Performance
from fmcore.lesson.script import TimedBeat
from fmcore.render.cache import SegmentStore, file_digest, key_of, write_text

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


@pytest.fixture
def store(tmp_path: Path) -> SegmentStore:
    """With one segment, called `key`."""
    store = SegmentStore(tmp_path)
    store.video("key").write_bytes(bytes(range(256)) * 40)
    store.keep("key", 20, SHOWN)
    return store


def test_what_was_kept_is_found(store: SegmentStore) -> None:
    found = store.find("key")
    assert found is not None
    assert (found.frames, found.performance, found.sha256) == (20, SHOWN, file_digest(store.video("key")))
    assert store.find("other") is None
    assert sorted(path.name for path in store.folder.iterdir()) == ["key.json", "key.mp4"]


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


HARM: dict[str, Callable[[SegmentStore], object]] = {
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
def test_what_was_harmed_is_not_served(harm: str, store: SegmentStore) -> None:
    HARM[harm](store)
    assert store.find("key") is None


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
