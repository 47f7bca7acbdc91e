"""Rendered segments by what they were made from. A file is served only if its content is what was written."""

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fmcore.files import write_text
from fmcore.lesson.brief import Performance


class Segment(BaseModel):
    """A rendered segment: the digest of its file, its length and what it shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    frames: int
    performance: Performance


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def key_of(inputs: dict[str, str]) -> str:
    """The name under which a segment made from `inputs` is kept."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:32]


class SegmentStore:
    """A folder of segments, `<key>.mp4` beside `<key>.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def video(self, key: str) -> Path:
        return self.folder / f"{key}.mp4"

    def find(self, key: str) -> Segment | None:
        """The segment kept under `key`, or None where there is none or its file is not what was written."""
        try:
            segment = Segment.model_validate_json((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            return segment if file_digest(self.video(key)) == segment.sha256 else None
        except (OSError, ValidationError, UnicodeDecodeError):
            return None

    def keep(self, key: str, frames: int, performance: Performance) -> Segment:
        """Enter the finished file of `key`; from now on it is found."""
        segment = Segment(sha256=file_digest(self.video(key)), frames=frames, performance=performance)
        write_text(self.folder / f"{key}.json", segment.model_dump_json())
        return segment
