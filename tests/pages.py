"""Pages for tests: made without words, read as a browser reads them, taught, and their words checked against them."""

import base64
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from films import Net, make_bundle, with_layers
from numpy.typing import NDArray

from fmcore.analysis.meaning import NAMES
from fmcore.bundle import Bundle, save_bundle
from fmcore.page import export
from fmcore.page.content import Content, Page
from fmcore.page.document import Assets
from fmcore.page.economies import Economy
from fmcore.page.shelf import Shelf
from fmcore.page.source import sources
from fmcore.page.words import Teaching, teach

Array = NDArray[Any]
WEB = Path(export.__file__).parent / "web"
SCRIPT = "const tag = '<b> {{data}} & $1 \\\\1';"
STYLE = "body { color: red }"


# -- a page and what a browser makes of it -------------------------------------------------------


def make(target: Path, *bundles: Path, **options: Any) -> "Read":
    """Make the page of one bundle or two at `target`, and read it."""
    parts = Assets((WEB / "page.html").read_text("utf-8"), STYLE, SCRIPT)
    wordless = Teaching([], [], [])
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


def unpacked(text: str, packed: Mapping[str, Any]) -> Array:
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


def near(found: Array, recorded: Array, axes: tuple[int, ...] = (-2, -1)) -> None:
    """Within the error of 8-bit levels by map, which those of 16 bits keep easily."""
    span = recorded.max(axes, keepdims=True) - recorded.min(axes, keepdims=True)
    assert found.shape == recorded.shape and np.all(np.abs(found - recorded) <= 0.002 * span + 1e-12)


# -- bundles -------------------------------------------------------------------------------------

RICH = Net(widths=(6, 8), pooled=True, bias=0.1, dead=(1,), epochs=3, measured=True)
_IMAGES = 80  # enough to say something of channels
_NAMED = {  # of conv1: what bears a name goes with other patterns as well
    2: {"vertical edges, bright right": 0.83, "local contrast": 0.52, "corners": 0.44, "blobs": 0.31},
    4: {"brightness": 0.71, "silhouette": 0.48, "corners": 0.12},
}


def rich_bundle(folder: Path) -> Path:
    """`RICH` with all that the words of a page can be about; `rich.safetensors` in `folder`.

    Two channels of conv1 bear a name and none besides, many images were measured, training began with random weights
    and moved the filters of conv2 least.
    """
    made = make_bundle(folder / "made.safetensors", RICH, {"model": "tutorial", "weights": ""})

    def change(held: dict[str, Array]) -> None:
        for layer in ("conv1", "conv2"):
            held[f"{layer}/meaning"] *= 0.5  # below what gives a name
        for channel, scores in _NAMED.items():
            held["conv1/meaning"][channel] = [scores.get(name, -0.1) for name in NAMES]
        history, weight = held["conv2/weight_history"], held["conv2/weight"]
        held["conv2/weight_history"] = weight + (history - weight) * np.float32(0.25)

    with Bundle.open(made) as bundle:
        assert bundle.header.measures is not None
        counted = dict.fromkeys(("images", "foreground_images", "meaning_images"), _IMAGES)
        measures = bundle.header.measures.model_copy(update=counted)
    return changed(folder / "rich.safetensors", made, change, measures=measures)


def changed(path: Path, source: Path, change: Callable[[dict[str, Array]], None], **fields: Any) -> Path:
    """A copy of the bundle at `source` with other arrays and other fields of its header."""
    with Bundle.open(source) as bundle:
        held = {name: bundle.array(name).copy() for name in bundle.header.arrays}
        change(held)
        save_bundle(path, bundle.header.model_copy(update=fields), held)
    return path


def edited(source: Path, path: Path, drop: str | None = None, **fields: Any) -> Path:
    """A copy without the arrays in whose names the pattern `drop` is found, and with other fields of its header."""

    def change(held: dict[str, Array]) -> None:
        for name in list(held):
            if drop is not None and re.search(drop, name):
                del held[name]

    return changed(path, source, change, **fields)


def renamed(source: Path, path: Path, names: Mapping[str, str]) -> Path:
    """A copy whose layers have other names, by those that they had."""

    def new(array: str) -> str:
        layer, _, part = array.rpartition("/")
        return f"{names[layer]}/{part}" if layer in names else array

    def change(held: dict[str, Array]) -> None:
        for name in list(held):
            held[new(name)] = held.pop(name)

    with Bundle.open(source) as bundle:
        fields = with_layers(bundle.header, names)
    layers = tuple(layer.model_copy(update={"input": new(layer.input)}) for layer in fields.pop("layers"))
    return changed(path, source, change, layers=layers, **fields)


# -- what a page holds and teaches ---------------------------------------------------------------


def paged(bundle: Bundle) -> Content:
    """What the page of `bundle` is told, as its script reads it, but for the words."""
    return _read(Page(sources(bundle)), Economy())


def taught(path: Path, other: Path | None = None, economy: Economy | None = None) -> tuple[Teaching, Content]:
    """The words for the page of one bundle or two, and what that page is told besides."""
    economy = economy or Economy()
    with ExitStack() as stack:
        first = stack.enter_context(Bundle.open(path))
        second = stack.enter_context(Bundle.open(other)) if other is not None else None
        page = Page(sources(first, second))
        content = _read(page, economy)
        return teach(first, second, content, page.probes(economy)), content


def _read(page: Page, economy: Economy) -> Content:
    content: Content = json.loads(json.dumps(page.filled(economy, Shelf())[0]))
    return content


def texts(teaching: Teaching) -> list[str]:
    """All that is to be read, in its order."""
    return [
        *(text for step in teaching.tour for text in (step["title"], step["text"])),
        *(text for one in teaching.questions for text in (one["text"], *one["options"], one["why"])),
        *(text for block in teaching.notes for text in block.get("items") or [block["text"]]),
    ]


# -- what holds of all words ---------------------------------------------------------------------


def _table(script: str, start: str) -> dict[str, str]:
    """The lines `name: what` between the braces that follow `start` in a file of the page's source."""
    body = (WEB / "src" / script).read_text("utf-8").split(start, 1)[1].split("\n}", 1)[0]
    return dict(re.findall(r"^  (?:readonly )?(\w+)\??: ([^\n]+?)[,;](?: //.*)?$", body, re.MULTILINE))


FIELDS = _table("state.ts", "export const FIELDS")
STEP, QUESTION = (_table("contract.ts", f"export interface {name} ") for name in ("Step", "Question"))
LOOKS = set(re.findall(r'"(\w+)"', STEP["look"]))
BLOCKS = {"heading": {"text", "level"}, "paragraph": {"text"}, "formula": {"text"}, "list": {"items"}}


def value_of(kind: str, said: str) -> Any:
    """What an address says of a field of this kind, as the table `FIELDS` in state.ts reads it; it must be valid."""
    if kind.startswith("optional("):
        return None if said == "" else value_of(kind.removeprefix("optional(").removesuffix(")"), said)
    if kind.startswith("oneOf("):
        assert said in re.findall(r'"(\w+)"', kind), (kind, said)
        return said
    match kind:
        case "text":
            return said
        case "names":
            return said.split(",")
        case "place":
            assert said.count(",") == 1, said
            row, column = said.split(",")
            return value_of("whole", row), value_of("whole", column)
        case "epoch" | "percent" | "whole":
            assert re.fullmatch("[0-9]{1,7}", said), (kind, said)
            number = int(said)
            assert {"epoch": 0, "percent": 0, "whole": 1}[kind] <= number <= {"percent": 100}.get(kind, 1_000_000)
            return number - 1 if kind == "whole" else number
    raise AssertionError(f"state.ts has a kind of field that nobody taught this test: {kind}")


def check_state(state: Mapping[str, str], content: Content) -> None:
    """Every field of `state` is one of the page's, and what it names is on the page: nothing has to be put right."""
    assert set(state) <= set(FIELDS), state
    given = {name: value_of(FIELDS[name], said) for name, said in state.items()}
    full = {name: value_of(FIELDS[name], said) for name, said in content["start"].items()} | given
    assert full.get("model", 0) < len(content["models"]), state
    model = content["models"][full.get("model", 0)]
    layers, image, name = {layer["name"]: layer for layer in model["layers"]}, full["image"], full["layer"]
    assert image < len(model["probes"]) and name in layers, state
    layer, arrays = layers[name], model["arrays"]
    stored = "activation" if layer["activation"] == "stored" else "preactivation"
    assert f"{name}/{stored}/{image}" in arrays, state
    assert "channel" not in given or given["channel"] in layer["channels"], state
    if (beside := given.get("with")) is not None:
        assert beside in layer["channels"] and beside != full["channel"], state
    if given.get("stage") == "preactivation":
        assert layer["preactivation"] and f"{name}/preactivation/{image}" in arrays, state
    if (epoch := given.get("epoch")) is not None:
        assert epoch in [one["number"] for one in model["epochs"][:-1]], state
        assert {f"{name}/weight_history", f"{name}/history/{image}"} & set(arrays), state
    if (place := given.get("place")) is not None:
        assert all(at < size for at, size in zip(place, layer["shape"][1:], strict=True)), state
    if (of_class := given.get("class")) is not None:
        assert f"{name}/gradcam/{image}" in arrays and of_class < len(model["classes"]), state
        every = layer["classes"] == len(model["classes"])  # else there is a map of the answer, and of some more
        assert every or of_class == model["probes"][image]["predicted"], state
    if (step := given.get("step")) is not None:
        assert step < len(content["tour"]), state


def check_words(teaching: Teaching, content: Content) -> None:
    """The words keep the page's contract, read well, and lead to what the page holds and they speak of."""
    check_state(teaching.start, content)
    for step in teaching.tour:
        assert set(step) == set(STEP) and step["look"] in LOOKS
        check_state(step["state"], content)
        _check_mentioned([step["text"]], step["state"], content)
    for question in teaching.questions:
        assert set(question) == set(QUESTION)
        options = question["options"]
        assert 3 <= len(options) == len(set(options)) <= 4 and 0 <= question["answer"] < len(options)
        check_state(question["state"], content)
        _check_mentioned([question["text"], options[question["answer"]]], question["state"], content)
    assert [block["kind"] for block in teaching.notes][:1] == ["heading"]
    for block in teaching.notes:
        assert set(block) == {"kind"} | BLOCKS[block["kind"]]
        assert block.get("level", 2) in (2, 3) and block.get("items", True)
    for title in (step["title"] for step in teaching.tour):
        assert title[0].isupper() and title[-1] not in ".:", title
    for sentences in _sentences(teaching):
        assert re.search(r"[.?:]$", sentences), sentences
    for text in texts(teaching):
        assert text and text == " ".join(text.split()) and text.isprintable(), text
        assert not re.search(r"\b(None|True|False|nan|inf|array)\b|[ (]-\d|[ .,]\.(?=\s|$)| [,;:)]|\(\)|\s\s", text), (
            text
        )
        assert not re.search(r"−0(\.0*)?(?![\d.])", text), text  # nothing is less than zero by nothing


def _sentences(teaching: Teaching) -> Iterator[str]:
    """What is written in sentences."""
    yield from (step["text"] for step in teaching.tour)
    yield from (text for one in teaching.questions for text in (one["text"], one["why"]))
    yield from (block["text"] for block in teaching.notes if block["kind"] == "paragraph")


def _check_mentioned(said: Sequence[str], state: Mapping[str, str], content: Content) -> None:
    """Channels, the image and the place that are named are on the page, and those that the state leads to."""
    model = content["models"][int(state["model"]) - 1]
    held = {layer["name"]: {str(channel + 1) for channel in layer["channels"]} for layer in model["layers"]}
    for text in said:
        for channel, layer in re.findall(r"[Cc]hannel (\d+)(?: of (conv\d|pool\d))?", text):
            assert channel in held[layer or state["layer"]], text
        for image in re.findall(r"[Ff]or image (\d+)", text):
            assert image == state["image"], text
        if state["place"] and (place := re.search(r"row (\d+), column (\d+)", text)):
            assert state["place"] == f"{place[1]},{place[2]}", text
