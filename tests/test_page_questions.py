"""The questions of a page: every answer is worked out again from the bundle's arrays, by other means."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Net, make_bundle
from pages import check_words, edited, paged, rich_bundle, taught

from fmcore.analysis.naming import called
from fmcore.bundle import Array, Bundle
from fmcore.page.phrases import number
from fmcore.page.words import teach


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rich_bundle(tmp_path_factory.mktemp("rich"))


def summed_at(image: Array, weights: Array, row: int, column: int, stride: int) -> float:
    """The cross-correlation at one place, half a kernel of zeros around the image; by loops."""
    total, (channels, height, width) = 0.0, weights.shape
    for c in range(channels):
        for u in range(height):
            for v in range(width):
                y, x = stride * row + u - height // 2, stride * column + v - width // 2
                if 0 <= y < image.shape[1] and 0 <= x < image.shape[2]:
                    total += float(image[c, y, x]) * float(weights[c, u, v])
    return total


def value(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def numbers(text: str) -> list[float]:
    """All numbers in `text` but those that are a part of a name; shares as such."""
    found = re.findall(r"(?<![\w.])(−?\d[\d,]*(?:\.\d+)?)(?!\w)(%?)", text)
    return [value(one.rstrip(",")) / (100 if share else 1) for one, share in found]


def near(*wanted: float) -> Any:
    """Numbers as they are rounded for reading."""
    return pytest.approx(list(map(float, wanted)), abs=6e-3)


def check_answer(question: Mapping[str, Any], bundle: Bundle) -> str:
    """Work the answer and every number of the reason out again; says what kind of question it was."""
    text, options, why = question["text"], question["options"], question["why"]
    right, wrong = options[question["answer"]], [o for o in options if o != options[question["answer"]]]
    state = question["state"]
    layer, channel, probe = state["layer"], int(state["channel"]) - 1, int(state["image"]) - 1

    def array(part: str) -> Array:
        return bundle.array(f"{layer}/{part}")

    def best(scores: Mapping[str, float]) -> bool:
        return all(scores[right] > scores[one] * 1.001 for one in wrong)

    if "How many feature maps" in text:
        filters, inputs = array("activation").shape[1], array("weight").shape[1]
        assert value(right) == filters and numbers(why) == [filters, *([inputs] if inputs > 1 else [])]
        return "maps"
    if "How many weights" in text:
        assert value(right) == array("weight")[0].size
        assert numbers(why) == [*(shape := array("weight").shape[1:]), *shape, array("weight")[0].size]
        return "weights"
    if "H × W × C" in text:
        c, h, w = array("activation").shape[1:]
        assert right == f"{h} × {w} × {c}" and numbers(why) == [c, h, w]
        return "shape"
    if "products of patch and filter" in text:
        row, column = (int(part) - 1 for part in state["place"].split(","))
        assert f"row {row + 1}, column {column + 1} of channel {channel + 1} of {layer}" in text
        stride = bundle.layer(layer).stride[0]
        made = summed_at(bundle.array("probes")[probe], array("weight")[channel], row, column, stride)
        told, bias = (value(n) for n in re.findall(r"(?:add up to|bias is) (−?\d+(?:\.\d+)?)", text))
        assert told == pytest.approx(made, abs=6e-3) and bias == pytest.approx(array("bias")[channel], abs=6e-3)
        total = made + float(array("bias")[channel])
        after = "after ReLU" in text
        assert value(right) == pytest.approx(max(total, 0) if after else total, abs=6e-3)
        assert numbers(why) == (near(total) if after else near(made, abs(bias), total))
        assert after or f" {'−' if bias < 0 else '+'} " in why
        return "after" if after else "before"
    if "how many numbers" in text.lower():
        c, h, w = array("activation").shape[1:]
        assert value(right) == c * h * w and numbers(why) == [h, w, c, h * w]
        return "numbers"
    if text.endswith("strongest?"):
        map_ = array("activation")[probe, channel]
        places = {o: tuple(int(n) - 1 for n in re.findall(r"\d+", o)) for o in options}
        assert best({o: map_[place] for o, place in places.items()}) and map_[places[right]] == map_.max()
        assert numbers(why) == near(map_.max())
        return "place"
    if "leave at zero" in text:
        share = (array("activation")[probe, channel] == 0).mean()
        assert right == f"{share:.0%}" and numbers(why) == near(share, 1 - share)
        return "share"
    if "sees most" in text:
        sees, step, seen = 1, 1, {}
        for info in bundle.header.layers:  # this net is a chain
            sees += (info.kernel[0] - 1) * step
            step *= info.stride[0]
            seen[called(info.name)] = sees
        inside = {name: min(sees, bundle.header.model.input_shape[1]) for name, sees in seen.items()}
        assert best({**inside, "both see the same": 0})
        layer, side = r"((?:layer )?\w+)", r"(\d+) × (\d+)"
        told = re.findall(f"(?:place|one) of {layer} sees {side}|one of {layer} {side}", why)
        named = [[part for part in one if part] for one in told]
        assert [name for name, *_ in named] == [min(inside, key=inside.__getitem__), right]
        assert all(value(side) == seen[name] for name, *sides in named for side in sides)
        return "field"
    number_of = {o: int(o.removeprefix("channel ")) - 1 for o in options if o.startswith("channel ")}
    if "strongest colour" in text:
        reaches = {o: np.abs(array("activation")[probe, c]).max() for o, c in number_of.items()}
        assert best(reaches)
        told = dict(re.findall(r"(channel \d+) (?:reaches )?([\d.,]*\d)", why.lower()))
        assert told == {option: number(float(reach)) for option, reach in reaches.items()}
        return "strongest"
    if "change the filters most" in text:
        moved = {}
        for name in (o for o in options if o != "in both alike"):
            first, last = (bundle.array(f"{name}/weight_history")[n].reshape(-1, 1) for n in (0, -1))
            rows = bundle.info(f"{name}/weight_history").shape[1]
            first, last = first.reshape(rows, -1), last.reshape(rows, -1)
            moved[name] = np.mean(np.linalg.norm(last - first, axis=1) / np.linalg.norm(first, axis=1))
        assert best({**moved, "in both alike": 0})
        told = dict(re.findall(r"of (\w+) (?:moved )?by ([\d.,]*\d)", why))
        assert told == {name: number(float(distance)) for name, distance in moved.items()}
        return "moved"
    if "set to zero" in text:
        tried, changed = list(array("ablated")[probe]), array("ablation")[probe]
        change = {o: float(changed[tried.index(c)]) for o, c in number_of.items()}
        assert best({option: abs(by) for option, by in change.items()})
        told = dict(re.findall(r"(channel \d+) it (hardly changes|(?:falls|rises) by [\d.]+ points)", why))
        verbs = {o: f"{'falls' if by < 0 else 'rises'} by {abs(by) * 100:.1f} points" for o, by in change.items()}
        assert told == {o: verbs[o] if abs(by) >= 0.0005 else "hardly changes" for o, by in change.items()}
        brightest = max(tried, key=lambda c: array("activation")[probe, c].sum(dtype=np.float64))
        bright = [f"channel {brightest + 1}"] if f"channel {brightest + 1}" in wrong else []
        assert re.findall(r"Channel (\d+) is the brightest", why) == [str(brightest + 1) for _ in bright]
        return "needed"
    if "is dead" in text:
        assert array("maximum")[number_of[right]] == 0 and array("std")[number_of[right]] == 0
        assert all(array("fired")[number_of[one]] >= 0.05 for one in wrong)
        assert bundle.header.measures is not None and numbers(text) == [bundle.header.measures.images]
        said, lit, share = re.search(r"^(Channel \d+) was never .* (Channel \d+), .* on (\d+%) of", why).groups()
        fired = float(array("fired")[number_of[lit.lower()]])
        assert said.lower() == right and numbers(share) == near(fired)
        black = not array("activation")[probe, number_of[lit.lower()]].any()
        assert ("black here" in why) == black
        return "dead"
    assert "which of these patterns" in text and bundle.header.measures is not None
    scores = dict(zip((f"“{name}”" for name in bundle.header.measures.meaning), array("meaning")[channel], strict=True))
    assert best(scores) and scores[right] >= 0.6
    assert numbers(text)[0] == bundle.header.measures.meaning_images
    assert numbers(why) == near(scores[right], max(scores[one] for one in wrong))
    return "meaning"


def test_every_answer_is_the_one_that_the_arrays_give(rich: Path) -> None:
    teaching, _ = taught(rich)
    with Bundle.open(rich) as bundle:
        kinds = [check_answer(question, bundle) for question in teaching.questions]
    assert kinds == ["maps", "before", "after", "field", "strongest", "moved", "needed", "dead"]
    assert len({question["answer"] for question in teaching.questions}) > 1
    assert teaching.questions == taught(rich)[0].questions


@pytest.mark.parametrize(
    ("net", "kinds"),
    [
        (Net(), {"maps", "field", "strongest"}),
        (Net(widths=(1,)), {"maps", "weights", "after", "shape"}),
        (Net(relu=False, bias=0.3), {"before"}),
        (Net(image_channels=3, bias=-0.2, pooled=True), {"before", "after", "field"}),
        (Net(size=(8, 30), widths=(3, 20), stride=2, kernel=5, bias=0.1), {"before", "after"}),
        (Net(widths=(5, 9), epochs=2, measured=True, bias=0.2), {"needed"}),
    ],
)
def test_answers_are_right_whatever_the_network(net: Net, kinds: set[str], tmp_path: Path) -> None:
    teaching, _ = taught(made := make_bundle(tmp_path / "net.safetensors", net))
    with Bundle.open(made) as bundle:
        assert kinds <= {check_answer(question, bundle) for question in teaching.questions}
    assert len(teaching.questions) >= 5


def test_what_is_asked_to_fill_up_is_right_too(rich: Path, tmp_path: Path) -> None:
    less = edited(rich, tmp_path / "less.safetensors", drop="/weight_history|/abla|/std")
    teaching, _ = taught(less)
    with Bundle.open(less) as bundle:
        kinds = [check_answer(question, bundle) for question in teaching.questions]
    assert kinds == ["maps", "weights", "before", "after", "field", "strongest"]
    fewer = edited(rich, tmp_path / "fewer.safetensors", drop="/weight_history|/abla|/std|/weight$|/bias|^conv2/")
    with Bundle.open(fewer) as bundle:
        first = bundle.header.layers[:1]
    single = edited(fewer, tmp_path / "single.safetensors", layers=first, drop="^pool|^conv2")
    teaching, _ = taught(single)
    with Bundle.open(single) as bundle:
        assert [check_answer(question, bundle) for question in teaching.questions] == [
            "share", "strongest", "meaning", "shape", "place", "numbers",
        ]  # fmt: skip


def test_on_a_trained_network_and_its_real_page(tutorial_bundle: Path) -> None:
    with Bundle.open(tutorial_bundle) as bundle:
        content = paged(bundle)
        teaching = teach(bundle, None, content, [range(len(bundle.header.probes))])
        check_words(teaching, content)
        for question in teaching.questions:
            check_answer(question, bundle)
        assert 7 <= len(teaching.tour) <= 9 and 5 <= len(teaching.questions) <= 8
        shallow = next(step for step in teaching.tour if step["look"] == "overlay")
        top, row, column = re.search(r"largest, ([\d.]+), stands in row (\d+), column (\d+)", shallow["text"]).groups()
        image, channel = (int(shallow["state"][name]) - 1 for name in ("image", "channel"))
        map_ = bundle.array(f"{shallow['state']['layer']}/activation")[image, channel]
        assert np.unravel_index(map_.argmax(), map_.shape) == (int(row) - 1, int(column) - 1)
        assert float(top) == pytest.approx(map_.max(), abs=6e-3)
