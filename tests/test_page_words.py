"""What a page teaches: every state is on the page, nothing is said of what is missing or was not measured."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, make_bundle
from pages import RICH, check_words, edited, paged, rich_bundle, taught, texts

from fmcore.analysis.saying import percent
from fmcore.bundle import Bundle, save_bundle
from fmcore.header import BundleHeader
from fmcore.page.economies import Economy
from fmcore.page.phrases import number, shortened
from fmcore.page.words import Teaching, teach


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rich_bundle(tmp_path_factory.mktemp("rich"))


NETS = {
    "everything": RICH,
    "plain": Net(),
    "one channel": Net(widths=(1,)),
    "one channel, measured": Net(widths=(1, 1), measured=True),
    "colours, wrong answers": Net(image_channels=3, wrong=True, pooled=True),
    "no nonlinearity": Net(relu=False, measured=True),
    "no bias": Net(has_bias=False, epochs=2),
    "all dead": Net(widths=(2, 3), dead=(0, 1), bias=-50.0, measured=True),
    "wide": Net(size=(8, 30), widths=(3, 20), stride=2, kernel=5),
    "a point": Net(size=(1, 1), kernel=1),
}


@pytest.mark.parametrize("situation", NETS)
def test_whatever_a_bundle_lacks_the_words_hold(situation: str, tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "net.safetensors", NETS[situation])
    teaching, content = taught(path)
    check_words(teaching, content)
    titles = " ".join(step["title"] for step in teaching.tour)
    net = NETS[situation]
    assert ("Nobody drew" in titles) == (net.epochs > 0)
    assert ("the reason" in titles) == net.measured
    assert ("ReLU" in titles) == net.relu
    assert ("many channels" in titles) == (net.widths[0] > 1)
    assert ("Deeper" in titles) == (len(net.widths) > 1)
    assert "Two networks" not in titles


def without_labels(header: BundleHeader) -> dict[str, Any]:
    return {"probes": tuple(probe.model_copy(update={"label": None}) for probe in header.probes)}


def only_pooling(header: BundleHeader) -> dict[str, Any]:
    layers = tuple(layer.model_copy(update={"input": ""}) for layer in header.layers if layer.type == "pooling")
    return {"layers": layers, "drop": "^conv"}


@pytest.mark.parametrize(
    ("change", "says", "never"),
    [
        (without_labels, "Nobody said what it really shows", "That is right"),
        (lambda _: {"drop": "/weight_history"}, "How one number", "Nobody drew"),
        (lambda _: {"drop": "/gradcam$|^gradcam"}, "Without channel", "Grad-CAM marks"),
        (lambda _: {"drop": "/abla"}, "Grad-CAM marks", "Without channel"),
        (lambda _: {"drop": "/preactivation"}, "A feature map", "How one number|before ReLU"),
        (lambda _: {"drop": "/meaning", "measures": None}, "many channels", "goes with|dead"),
        (
            lambda header: {"model": header.model.model_copy(update={"weights": "random"})},
            "nobody has trained",
            "random numbers",
        ),
        (only_pooling, "A feature map", "filter 1|How one number"),
    ],
)
def test_nothing_is_said_of_what_is_missing(
    rich: Path, tmp_path: Path, change: Callable[[BundleHeader], dict[str, Any]], says: str, never: str
) -> None:
    with Bundle.open(rich) as bundle:
        fields = change(bundle.header)
    teaching, content = taught(edited(rich, tmp_path / "less.safetensors", **fields))
    check_words(teaching, content)
    said = " ".join(text for step in teaching.tour for text in (step["title"], step["text"]))
    notes = " ".join(text for block in teaching.notes for text in (block.get("text", ""), *block.get("items", [])))
    assert re.search(says, said + notes), said
    assert not re.search(never, said), said


def test_of_an_untrained_network_it_is_told_beside_the_title(rich: Path, tmp_path: Path) -> None:
    with Bundle.open(rich) as bundle:
        model = bundle.header.model.model_copy(update={"weights": "random"})
    teaching, content = taught(edited(rich, tmp_path / "random.safetensors", model=model))
    assert content["models"][0]["about"][0].endswith("but nobody has trained it: its weights are random.")
    notes = " ".join(text for block in teaching.notes for text in (block.get("text", ""), *block.get("items", [])))
    assert "more abstract ones of them" not in notes and "In a trained network they show the way" in notes


@pytest.mark.parametrize(
    "economy",
    [
        Economy(halvings=1),
        Economy(halvings=2, filters=False),
        Economy(most_channels=3, filters=False),
        Economy(preactivations=False, earlier_filters=False),
    ],
)
def test_words_are_about_what_a_small_page_holds(rich: Path, economy: Economy) -> None:
    teaching, content = taught(rich, economy=economy)
    check_words(teaching, content)
    assert teaching.tour and teaching.questions
    if economy.most_channels:
        held = {str(c + 1) for layer in content["models"][0]["layers"] for c in layer["channels"]}
        assert {question["state"]["channel"] for question in teaching.questions} <= held


def test_images_are_those_of_the_bundle_whatever_their_number_on_the_page(rich: Path) -> None:
    with Bundle.open(rich) as bundle:
        content = paged(bundle)
        model = content["models"][0]
        model["probes"] = [model["probes"][2], model["probes"][0]]
        content["start"] = {"image": "2"}
        found = teach(bundle, None, content, [[2, 0]])
        assert bundle.class_name(0) in found.tour[0]["text"] and found.tour[0]["state"]["image"] == "2"


def test_classes_that_read_alike_are_not_the_same(tmp_path: Path) -> None:
    made = make_bundle(tmp_path / "net.safetensors", Net(classes=("bag", "bag\n", "hat"), wrong=True))
    with Bundle.open(made) as bundle:
        content = paged(bundle) | {"start": {"image": "1"}}
        teaching = teach(bundle, None, content, [range(3)])
    assert "It answers “bag”" in teaching.tour[0]["text"] and "it is labelled “bag”" in teaching.tour[0]["text"]


def test_two_networks_are_compared(rich: Path, tmp_path: Path) -> None:
    other = make_bundle(tmp_path / "other.safetensors", Net(widths=(5, 7), measured=True, seed=9))
    teaching, content = taught(rich, other)
    check_words(teaching, content)
    assert 7 <= len(teaching.tour) <= 9
    last = teaching.tour[-1]
    matches = {match["layer"]: match["pairs"] for match in content["matches"]}
    count, layer = re.search(r"^(\d) of \d channels of (conv\d) of “rich” find a partner in", last["text"]).groups()
    one, two, strength = re.search(r"Channel (\d+) of one and (\d+) of the other .* at (\S+)\. ", last["text"]).groups()
    assert last["look"] == "compare" and int(count) == len(matches[layer])
    assert (int(one) - 1, int(two) - 1, float(strength)) in [(a, b, round(r, 2)) for a, b, r in matches[layer]]
    assert not any("takes away" in step["title"] for step in teaching.tour)
    assert any("makes" in step["text"] and "of the places zero" in step["text"] for step in teaching.tour)


def test_no_channel_is_called_what_nobody_measured(rich: Path) -> None:
    teaching, _ = taught(rich)
    example = " ".join(texts(Teaching([], [], teaching.notes[-8:])))
    step = next(step["text"] for step in teaching.tour if "many channels" in step["title"])
    told = r"over 80 images, channel 3 goes with “vertical edges, bright right” \(correlation 0\.83\), channel 5 with"
    for text in (example, step):
        assert re.search(told, text)
        assert set(re.findall(r"channel \d+ (?:goes )?with “([^”]+)”", text)) == {
            "vertical edges, bright right", "brightness",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (number(0.0), "0"), (number(-0.0), "0"), (number(-1.234), "−1.23"), (number(0.0342), "0.034"),
        (number(0.00123), "0.0012"), (number(1234.5), "1,234"), (number(-0.5), "−0.50"), (number(1e-12), "0"),
        (percent(1.0), "100%"), (percent(0.9999), "over 99%"), (percent(0.001), "under 1%"), (percent(0.0), "0%"),
        (shortened("x" * 100), "x" * 15 + "…" + "x" * 16), (shortened(" a\u202eb\n c "), "ab c"),
    ],
)  # fmt: skip
def test_numbers_and_names_as_they_are_read(said: str, text: str) -> None:
    assert said == text


def test_maps_that_reach_below_zero_are_not_compared_by_how_high_they_reach(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "a", Net(relu=False, measured=True))) as bundle:
        arrays = {name: np.array(bundle.array(name)) for name in bundle.header.arrays}
        for layer in ("conv1", "conv2"):
            arrays[f"{layer}/activation"] -= 2 * np.abs(arrays[f"{layer}/activation"]).max()
        save_bundle(tmp_path / "sunk", bundle.header, arrays)
    teaching, _ = taught(tmp_path / "sunk")
    everything = str([teaching.tour, teaching.questions, teaching.notes])
    assert "it reaches" not in everything and "strongest colour" not in everything
