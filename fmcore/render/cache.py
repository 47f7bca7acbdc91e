"""What was rendered, by what it was made from. A file is served only if its content is what was written.

A *take* says what playing a scene from certain inputs shows, and names its pictures; *cuts* say where those pictures
are cut into *segments*, each a film and a record of it. `sources.json` remembers what is in source files.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fmcore.errors import RenderError
from fmcore.files import sweep, write_text
from fmcore.render.cuts import Sketch


class Segment(BaseModel):
    """A rendered segment: the digest of its file, its length, and the processor time that it took."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    frames: int = Field(gt=0)
    seconds: float = Field(ge=0)


class Take(BaseModel):
    """A scene as it was played from certain inputs: its sketch, and the key of its pictures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scene: str
    inputs: dict[str, str]
    sketch: Sketch
    pictures: str = Field(pattern="^[0-9a-f]{32}$")


class Cuts(BaseModel):
    """The frames at which the segments of some pictures begin, and the end of the last.

    `whole` where the scene plays otherwise every time, so that it is rendered in one piece or not at all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bounds: tuple[int, ...] = Field(min_length=2)
    whole: bool = False

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """The frames [start, end) of every segment."""
        return tuple(zip(self.bounds[:-1], self.bounds[1:], strict=True))


M = TypeVar("M", bound=BaseModel)


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def path_digest(path: Path) -> str:
    """What is at `path`: of a file its content, of a folder the names in it, and that there is nothing.

    Also that it may not be read: a scene may try to, and do without.
    """
    try:
        if path.is_dir():
            return "names " + key_of({one.name: 1 for one in path.iterdir() if one.name != "__pycache__"})
        return file_digest(path)
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    except OSError:
        return "unreadable"


def key_of(inputs: Mapping[str, str | float]) -> str:
    """The name under which something made from `inputs` is kept."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:32]


class Store:
    """The cache folder: `<key>.take.json`, `<pictures>.cuts.json`, and `<name>.mp4` beside `<name>.json` a segment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def video(self, name: str) -> Path:
        return self.folder / f"{name}.mp4"

    def tidy(self) -> None:
        """Remove what killed processes have left half-written. Files of those that live are left to them."""
        sweep(self.folder)

    def segment(self, name: str) -> Segment | None:
        """The segment kept as `name`, or None where there is none or its file is not what was written."""
        found = self.record(name)
        try:
            return found if found is not None and file_digest(self.video(name)) == found.sha256 else None
        except OSError:
            return None

    def record(self, name: str) -> Segment | None:
        """What is written down of the segment kept as `name`; nothing is said of its file."""
        return _read(self.folder / f"{name}.json", Segment)

    def keep_segment(self, name: str, frames: int, seconds: float) -> Segment:
        """Enter the finished file of `name`; from now on it is found."""
        segment = Segment(sha256=file_digest(self.video(name)), frames=frames, seconds=seconds)
        _write(self.folder / f"{name}.json", segment)
        return segment

    def take(self, key: str) -> Take | None:
        """The take kept under `key`, or None where there is none or a file that the scene read is another now."""
        found = self.any_take(self.folder / f"{key}.take.json")
        return found if found is not None and not changed_files(found.sketch) else None

    def any_take(self, path: Path) -> Take | None:
        """The take in the file `path`, whatever has become of the files that the scene read."""
        return _read(path, Take)

    def keep_take(self, key: str, take: Take) -> None:
        """Enter `take`; from now on it is found."""
        _write(self.folder / f"{key}.take.json", take)

    def touch(self, pictures: str) -> None:
        """Note that these pictures were used, so that they are pruned later than others."""
        with suppress(OSError):
            os.utime(self.folder / f"{pictures}.cuts.json")

    def cuts(self, pictures: str) -> Cuts | None:
        """Where these pictures were cut."""
        return _read(self.folder / f"{pictures}.cuts.json", Cuts)

    def keep_cuts(self, pictures: str, cuts: Cuts) -> None:
        """Enter `cuts`; from now on they are found."""
        _write(self.folder / f"{pictures}.cuts.json", cuts)


def segment_name(pictures: str, start: int, end: int) -> str:
    """What the segment of these frames is kept as."""
    return f"{pictures}-{start}-{end}"


def read_files(sketch: Sketch) -> list[tuple[Path, str]]:
    """The files and folders that a scene has read, or is heard with, and what was there then."""
    read = [(Path(name), digest) for name, digest in sketch.files.items()]
    return read + [(one.file, one.sha256) for one in sketch.performance.sounds]


def changed_files(sketch: Sketch) -> list[str]:
    """The names of those files that are not what they were."""
    return [path.name for path, digest in read_files(sketch) if path_digest(path) != digest]


def _write(path: Path, record: BaseModel) -> None:
    """With a checksum in front."""
    text = record.model_dump_json()
    try:
        write_text(path, f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
    except OSError as error:
        raise RenderError(
            f"The cache '{path.parent}' cannot be written ({error.strerror}); free some space and run again."
        ) from None


def _read(path: Path, kind: type[M]) -> M | None:
    """A record, unless it is missing or damaged."""
    try:
        checksum, _, text = path.read_text(encoding="utf-8").partition("\n")
        return kind.model_validate_json(text) if hashlib.sha256(text.encode()).hexdigest() == checksum else None
    except (OSError, ValidationError, UnicodeDecodeError):
        return None
