"""Pages for tests: made without words and with a script of their own, and read as a browser reads them."""

import base64
import json
import struct
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from fmcore.bundle import Bundle, save_bundle
from fmcore.page import export
from fmcore.page.document import Assets

Array = NDArray[Any]
TEMPLATE = Path(export.__file__).parent / "web" / "page.html"
SCRIPT = "const tag = '<b> {{data}} & $1 \\\\1';"
STYLE = "body { color: red }"


def make(target: Path, *bundles: Path, **options: Any) -> "Read":
    """Make the page of one bundle or two at `target`, and read it."""
    parts = Assets(TEMPLATE.read_text("utf-8"), STYLE, SCRIPT)
    wordless = SimpleNamespace(tour=[], questions=[], notes=[])
    with patch.object(export, "assets", lambda: parts), patch.object(export, "teach", lambda *_: wordless):
        export.make_page(bundles[0], bundles[1] if len(bundles) > 1 else None, target, **options)
    return Read(target.read_text(encoding="utf-8"))


class Read(HTMLParser):
    """What a browser makes of a page: the text of its elements, by tag or id, and the policy."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.tags: list[str] = []
        self.policy = ""
        self._open = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self._open = given.get("id") or tag
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        self.texts[self._open] = self.texts.get(self._open, "") + data

    @property
    def content(self) -> Any:
        return json.loads(self.texts["content"])

    def array(self, name: str, model: int = 0) -> Array:
        return unpacked(self.texts["data"], self.content["models"][model]["arrays"][name])


def unpacked(text: str, packed: dict[str, Any]) -> Array:
    """An array as the contract says, value by value and by no code of fmcore."""
    stream = zlib.decompress(base64.b64decode(text[packed["start"] : packed["end"]]))
    count, each = int(np.prod(packed["shape"])), packed["each"]

    def planes(data: bytes, width: int) -> list[bytes]:
        assert len(data) % width == 0
        size = len(data) // width
        return [bytes(data[at + plane * size] for plane in range(width)) for at in range(size)]

    match packed["coding"]:
        case "float32":
            values = [struct.unpack("<f", one)[0] for one in planes(stream, 4)]
            return np.array(values, np.float32).reshape(packed["shape"])
        case "int32":
            return np.array([struct.unpack("<i", one)[0] for one in planes(stream, 4)]).reshape(packed["shape"])
        case "uint8":
            return np.frombuffer(stream, np.uint8).reshape(packed["shape"])
    runs = count // each
    head = [struct.unpack("<f", one)[0] for one in planes(stream[: 8 * runs], 4)]
    width = {"levels8": 1, "levels16": 2}[packed["coding"]]
    levels = [int.from_bytes(one, "little") for one in planes(stream[8 * runs :], width)]
    values = [head[at // each] + level * head[runs + at // each] for at, level in enumerate(levels)]
    return np.array(values, np.float64).astype(np.float32).reshape(packed["shape"])


def changed(path: Path, source: Path, change: Callable[[dict[str, Array]], None], **fields: Any) -> Path:
    """A copy of the bundle at `source` with other arrays and other fields of its header."""
    with Bundle.open(source) as bundle:
        held = {name: bundle.array(name).copy() for name in bundle.header.arrays}
        change(held)
        save_bundle(path, bundle.header.model_copy(update=fields), held)
    return path


def near(found: Array, recorded: Array, axes: tuple[int, ...] = (-2, -1)) -> None:
    """Within the error of 8-bit levels by map, which those of 16 bits keep easily."""
    span = recorded.max(axes, keepdims=True) - recorded.min(axes, keepdims=True)
    assert found.shape == recorded.shape and np.all(np.abs(found - recorded) <= 0.002 * span + 1e-12)
