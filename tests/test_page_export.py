"""The page holds what the bundle holds: to the bit where it says nothing, within the error that it states elsewhere."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from films import Net, make_bundle
from pages import Array, Read, changed, edited, make, near, renamed, unpacked

from fmcore.analysis.border import inside
from fmcore.analysis.channels import representatives
from fmcore.analysis.compare import compare
from fmcore.analysis.counterparts import common_probes
from fmcore.analysis.diagnostics import diagnose
from fmcore.analysis.meaning import meanings
from fmcore.bundle import Bundle
from fmcore.cli import cli
from fmcore.colour import ColourScale, table
from fmcore.errors import BundleError, InputError
from fmcore.header import drawable
from fmcore.lesson.record import RECORD_SCHEMA, LessonRecord
from fmcore.page import export
from fmcore.page.document import assets
from fmcore.page.study import rule_of
from fmcore.reporter import Silent

NASTY = (
    "<script>alert(1)</script>",
    "]]></script><!--",
    "\"quotes' & &amp; {{data}} \\u003c",
    "emoji \N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe שלום",
    "x" * 300,
    "line\u2028and\u2029paragraph\x85\x00\n",
)


# -- one bundle ----------------------------------------------------------------------------------


def test_every_array_is_the_bundles(tutorial_bundle: Path, tmp_path: Path) -> None:
    page = make(tmp_path / "page.html", tutorial_bundle)
    text, model = page.texts["data"], page.content["models"][0]
    held = {name: unpacked(text, packed) for name, packed in model["arrays"].items()}
    with Bundle.open(tutorial_bundle) as bundle:
        header = bundle.header
        assert np.array_equal(held["probes"], bundle.array("probes"))
        for layer in model["layers"]:
            name = layer["name"]
            activation = bundle.array(f"{name}/activation")
            for p in range(len(header.probes)):
                if layer["activation"] == "stored":
                    assert np.array_equal(held[f"{name}/activation/{p}"], activation[p])
                else:
                    before = held[f"{name}/preactivation/{p}"]
                    assert before.tobytes() == bundle.part(f"{name}/preactivation", p).tobytes()
                    assert layer["activation"] == "relu" and np.array_equal(np.maximum(before, 0), activation[p])
                    assert f"{name}/activation/{p}" not in held
                assert layer["ranges"]["activation"][p] == [float(activation[p].min()), float(activation[p].max())]
                near(held[f"{name}/gradcam/{p}"], bundle.part(f"{name}/gradcam", p))
            for part in ("weight", "bias", "ablation", "ablated"):
                if f"{name}/{part}" in header.arrays:
                    assert np.array_equal(held[f"{name}/{part}"], bundle.array(f"{name}/{part}"))
        likely = np.exp(bundle.array("logits").astype(np.float64))
        assert np.allclose(held["probabilities"], likely / likely.sum(1, keepdims=True), rtol=1e-6)
        assert np.array_equal(held["gradcam_classes"], bundle.array("gradcam_classes"))
        # earlier epochs: all but the last, which is what was recorded anyway
        earlier = bundle.array("conv1/weight_history")
        assert np.array_equal(earlier[-1], bundle.array("conv1/weight"))
        near(held["conv1/weight_history"], earlier[:-1], axes=(2, 3, 4))
        history = header.activation_history
        assert history is not None and model["historyEpochs"] == list(history.epochs[:-1])
        assert model["historyProbes"] == list(history.probes)
        for row, p in enumerate(history.probes):
            maps = bundle.array("conv2/activation_history")
            near(held[f"conv2/history/{p}"], maps[:-1, row])
            assert np.array_equal(maps[-1, row], bundle.part("conv2/activation", p))


def test_what_is_said_of_a_network(tutorial_bundle: Path, tmp_path: Path) -> None:
    page = make(tmp_path / "page.html", tutorial_bundle)
    content = page.content
    model = content["models"][0]
    with Bundle.open(tutorial_bundle) as bundle:
        header = bundle.header
        default = header.probes[bundle.default_probe]
        activations = [bundle.array(f"{name}/activation") for name in bundle.layer_names]
        first = representatives(inside(bundle.part("conv1/activation", bundle.default_probe)), 8)
        befores = [bundle.array(f"{layer.name}/preactivation") for layer in bundle.convolutions]
        text = " ".join(model["about"])
        for figure in (
            f"{header.model.parameters:,} parameters",
            "300 images",
            "60 test images",
            f"{header.test_accuracy:.1%}",
        ):
            assert figure in text
    assert content["schema"] == 2 and content["film"] is None and content["matches"] == []
    assert content["start"] == {"image": str(bundle.default_probe + 1), "layer": "conv1", "channel": str(first[0] + 1)}
    assert model["layers"][0]["representatives"] == first
    assert model["probes"][bundle.default_probe]["name"] == f"{header.classes[default.label]}, {default.source}"
    wrong = next(p for p, probe in enumerate(header.probes) if probe.label != probe.predicted)
    assert model["probes"][wrong]["name"].startswith(f"{header.classes[header.probes[wrong].label]}, ")
    for stage, maps in (("activation", activations), ("preactivation", befores)):
        scales = [ColourScale.of(values) for values in maps]
        widest = max(scales, key=lambda scale: scale.high)
        assert model["shared"][stage] == [widest.low, widest.high]
    assert bytes.fromhex(content["tables"]["signed"]) == table("berlin").tobytes()
    assert [epoch["number"] for epoch in model["epochs"]] == [0, 1]
    assert any("256 steps" in sentence and "0.2%" in sentence for sentence in content["limits"])


def test_labels_badges_and_sentences_hold_their_figures(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b.safetensors", Net(widths=(6, 6), dead=(1,), measured=True))
    page = make(tmp_path / "page.html", path)
    layer = page.content["models"][0]["layers"][0]
    assert {"channel": 1, "kind": "dead", "evidence": "Zero everywhere on all 3 images."} in layer["badges"]
    with Bundle.open(path) as bundle:
        found, sentences = meanings(bundle, "conv1"), diagnose(bundle, "conv1").sentences()
    assert [label["name"] for label in layer["labels"]] == [meaning.label for meaning in found]
    assert [label["score"] for label in layer["labels"]] == pytest.approx(
        [meaning.score for meaning in found], abs=1e-4
    )
    assert layer["diagnosis"][: len(sentences)] == sentences and "3 images only" in layer["diagnosis"][-1]


def test_nothing_is_said_where_nobody_measured(tmp_path: Path) -> None:
    page = make(tmp_path / "page.html", make_bundle(tmp_path / "b.safetensors", Net(measured=False)))
    model = page.content["models"][0]
    layer = model["layers"][0]
    assert layer["labels"] == [None] * 4 and layer["badges"] == [] and layer["diagnosis"] == []
    assert (layer["classes"], model["epochs"], model["historyEpochs"]) == (0, [], [])
    assert page.content["limits"] == []


def test_an_activation_that_no_rule_gives_is_stored(tutorial_bundle: Path, tmp_path: Path) -> None:
    def touch(held: dict[str, Array]) -> None:
        held["conv1/activation"][-1, 2, 3, 4] += 0.25

    page = make(tmp_path / "page.html", changed(tmp_path / "b.safetensors", tutorial_bundle, touch))
    one, two = page.content["models"][0]["layers"][:2]
    assert (one["activation"], two["activation"]) == ("stored", "relu")
    with Bundle.open(tmp_path / "b.safetensors") as bundle:
        last = len(bundle.header.probes) - 1
        assert np.array_equal(page.array(f"conv1/activation/{last}"), bundle.part("conv1/activation", last))
    assert one["preactivation"] and f"conv1/preactivation/{last}" in page.content["models"][0]["arrays"]


def test_normalised_inputs_and_sums_are_held(tmp_path: Path) -> None:
    made = make_bundle(tmp_path / "made.safetensors", Net())

    def add(held: dict[str, Array]) -> None:
        held["input"] = (held["probes"] - np.float32(0.4)) / np.float32(0.3)
        held["conv1/sum"] = held["conv1/preactivation"] * np.float32(0.5)

    with Bundle.open(made) as bundle:
        one, two = bundle.header.layers
    layers = (one.model_copy(update={"input": "input"}), two.model_copy(update={"input": "conv2/input"}))
    path = changed(tmp_path / "b.safetensors", made, add, layers=layers)
    page = make(tmp_path / "page.html", path)
    first, second = page.content["models"][0]["layers"]
    with Bundle.open(path) as bundle:
        assert np.array_equal(page.array("input/2"), bundle.part("input", 2))
        assert np.array_equal(page.array("conv1/sum/1"), bundle.part("conv1/sum", 1))
    assert (first["input"], first["sum"], second["input"], second["sum"]) == ("input", True, "", False)
    assert any("How a single value" in sentence and "conv2" in sentence for sentence in page.content["limits"])


def test_the_rule_is_the_one_that_gives_every_value() -> None:
    before = np.array([-1.5, -0.0, 0.5, 7.0], np.float32)
    assert rule_of(before, np.maximum(before, 0)) == "relu"
    assert rule_of(before, np.clip(before, 0, 6)) == "relu6"
    assert rule_of(before, before) == "same"
    assert rule_of(np.abs(before), np.abs(before), "none") == "same"
    assert rule_of(before, np.maximum(before, np.float32(-0.01))) == "stored"


# -- strangers' names ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tutorial_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial bundle with the names of an enemy."""
    path = tmp_path_factory.mktemp("hostile") / "b.safetensors"
    with Bundle.open(tutorial_bundle) as bundle:
        header = bundle.header
    layers = dict(zip((layer.name for layer in header.layers), NASTY, strict=False))
    names = [NASTY[number % len(NASTY)] + " " * (number // len(NASTY)) for number in range(len(header.classes))]
    probes = tuple(probe.model_copy(update={"source": NASTY[p % len(NASTY)]}) for p, probe in enumerate(header.probes))
    return edited(
        renamed(tutorial_bundle, path.with_name("layers.safetensors"), layers),
        path,
        classes=tuple(names),
        probes=probes,
        model=header.model.model_copy(update={"name": NASTY[0], "reads": ()}),
        dataset=header.dataset.model_copy(update={"name": NASTY[1], "provenance": "".join(NASTY)}),
    )


def test_names_of_strangers_stay_data(hostile: Path, tmp_path: Path) -> None:
    page = make(tmp_path / "page.html", hostile)
    assert [tag for tag in page.tags if tag == "script"] == ["script"] * 3
    assert set(page.tags) == {
        "html", "head", "meta", "title", "link", "style", "body", "div", "noscript", "p", "script",
    }  # fmt: skip
    model = page.content["models"][0]
    drawn = [drawable(name) for name in NASTY]
    assert model["name"] == NASTY[0] and model["classes"][: len(NASTY)] == drawn
    assert [layer["name"] for layer in model["layers"]] == list(NASTY[: len(model["layers"])])
    assert all(probe["name"].endswith(drawn[p % len(drawn)]) for p, probe in enumerate(model["probes"]))
    with Bundle.open(hostile) as bundle:
        name = bundle.layer_names[0]
        assert np.array_equal(page.array(f"{name}/preactivation/0"), bundle.part(f"{name}/preactivation", 0))
    assert NASTY[0] in page.texts["title"]
    assert page.texts["content"].isascii() and not re.search("[<>&]", page.texts["content"])


def test_the_policy_names_the_very_script_and_style(tutorial_bundle: Path, tmp_path: Path) -> None:
    page = make(tmp_path / "page.html", tutorial_bundle)
    rules = dict(rule.split(" ", 1) for rule in page.policy.split("; "))
    for what, tag in (("script-src", "script"), ("style-src", "style")):
        digest = base64.b64encode(hashlib.sha256(page.texts[tag].encode()).digest()).decode()
        assert rules[what] == f"'sha256-{digest}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in page.policy and "http" not in page.policy


def test_the_template_comes_with_what_is_built() -> None:
    parts = assets()
    places = re.findall(r"\{\{(\w+)\}\}", parts.template)
    assert sorted(places) == ["content", "csp", "data", "direction", "language", "noscript", "script", "style", "title"]
    assert "</style" not in parts.style.lower()
    assert not re.search(r"</script|<!--", parts.script, re.IGNORECASE)


# -- two bundles ---------------------------------------------------------------------------------


def test_two_networks_show_the_same_images(tutorial_bundle: Path, deep_bundle: Path, tmp_path: Path) -> None:
    page = make(tmp_path / "page.html", tutorial_bundle, deep_bundle)
    content, text = page.content, page.texts["data"]
    one, two = content["models"]
    images = [unpacked(text, model["arrays"]["probes"]) for model in (one, two)]
    assert np.array_equal(*images) and one["arrays"]["probes"]["start"] == two["arrays"]["probes"]["start"]
    assert [probe["name"] for probe in one["probes"]] == [probe["name"] for probe in two["probes"]]
    assert any("10 of them" in said for said in content["limits"])
    assert one["shared"] == two["shared"] and (one["name"], two["name"]) == ("tutorial", "deep")
    with Bundle.open(tutorial_bundle) as first, Bundle.open(deep_bundle) as second:
        found = compare(first, second)
        common = common_probes(first, second)
        assert len(common) == len(images[0]) == 10
        numbers = [list(found) for found in zip(*common, strict=True)]
        most = max(
            float(bundle.array(f"{name}/activation")[probes].max())
            for bundle, probes in zip((first, second), numbers, strict=True)
            for name in bundle.layer_names
        )
        for model, bundle in ((one, first), (two, second)):
            q = next(q for q, probe in enumerate(bundle.array("probes")) if np.array_equal(probe, images[0][3]))
            before = unpacked(text, model["arrays"]["conv2/preactivation/3"])
            assert np.array_equal(before, bundle.part("conv2/preactivation", q))
    assert [(match["layer"], match["other"]) for match in content["matches"]] == [
        (pair.layer, pair.other) for pair in found.counterparts
    ]
    for match, pair in zip(content["matches"], found.counterparts, strict=True):
        assert match["likeness"] == pytest.approx(pair.cka, abs=1e-4)
        assert [(a, b) for a, b, _ in match["pairs"]] == [(p.one, p.other) for p in pair.matching.pairs]
        assert all(
            value == pytest.approx(p.correlation, abs=1e-4)
            for (_, _, value), p in zip(match["pairs"], pair.matching.pairs, strict=True)
        )
    assert found.agreement is not None and found.agreement.images == 60
    assert any(f"alike on {found.agreement.share:.1%} of 60 test images" in said for said in content["comparison"])
    assert one["shared"]["activation"] == [0, most]


def test_networks_without_a_common_image_cannot_be_compared(
    tutorial_bundle: Path, rgb_bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="hold no image in common"):
        export.make_page(tutorial_bundle, rgb_bundle, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


# -- the verb ------------------------------------------------------------------------------------


def test_the_verb_says_where_how_large_and_what_is_rounded(tutorial_bundle: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "page.html"
    found = CliRunner().invoke(cli, ["page", str(tutorial_bundle), "--output", str(target)])
    assert found.exit_code == 0, found.output
    assert str(target) in found.output and f"{target.stat().st_size / 1e6:.2f} MB" in found.output
    for sentence in Read(target.read_text(encoding="utf-8")).content["limits"]:
        assert sentence in found.output
    quiet = CliRunner().invoke(cli, ["page", str(tutorial_bundle), "--output", str(target), "--quiet"])
    assert quiet.output == "" and quiet.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["gone.safetensors"], 2, "There is no bundle at 'gone.safetensors'"),
        (["{bundle}", "--compare", "gone"], 2, "There is no bundle at 'gone'"),
        (["{bundle}", "--limit", "0.02"], 1, "Give a larger --limit"),
        (["{bundle}", "--limit", "0"], 2, "--limit"),
        (["{bundle}", "--output", "{bundle}"], 2, "is no page of fmcore; name another for --output"),
        (["{bundle}", "--output", "{bundle}/page.html"], 2, "cannot be written"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tutorial_bundle: Path, arguments: list[str], status: int, said: str) -> None:
    given = [argument.format(bundle=tutorial_bundle) for argument in arguments]
    found = CliRunner().invoke(cli, ["page", *given])
    assert (found.exit_code, said in found.output) == (status, True), found.output
    assert "Traceback" not in found.output


def test_a_bundle_that_was_changed_makes_no_page(tutorial_bundle: Path, tmp_path: Path) -> None:
    data = bytearray(tutorial_bundle.read_bytes())
    length = int.from_bytes(data[:8], "little")
    start, _ = json.loads(data[8 : 8 + length])["conv1/preactivation"]["data_offsets"]
    data[8 + length + start] ^= 1
    (tmp_path / "b.safetensors").write_bytes(data)
    with pytest.raises(BundleError, match=r"'conv1/preactivation' of .* was changed after it was written"):
        make(tmp_path / "page.html", tmp_path / "b.safetensors")
    assert not (tmp_path / "page.html").exists()


def test_long_work_is_told_of(tutorial_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Told(Silent):
        packed: list[int] = []

        def progress(self, task: str, done: int, total: int | None, unit: str) -> None:
            self.packed.append(done)

    export.make_page(tutorial_bundle, None, tmp_path / "p.html", report=Told())
    assert Told.packed == []  # it took no two seconds
    monkeypatch.setattr(export, "_PATIENCE_S", 0.0)
    export.make_page(tutorial_bundle, None, tmp_path / "p.html", report=Told())
    assert Told.packed == sorted(Told.packed) and len(Told.packed) > 10


def test_a_film_is_named_with_its_page(tutorial_bundle: Path, tmp_path: Path) -> None:
    record = LessonRecord(
        schema_version=RECORD_SCHEMA,
        fmcore="0",
        title="T",
        settings={"fps": 10},
        frames=0,
        seconds=0,
        scenes=(),
        bundles={},
    )
    page = make(tmp_path / "page.html", tutorial_bundle, film=export.Film(record, "lesson.mp4"))
    assert page.content["film"] == {"file": "lesson.mp4", "poster": "poster.png", "chapters": [], "captions": []}
    assert page.content["title"] == "T · tutorial on garments"


def test_no_page_is_left_half_written(tutorial_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Iterator[None]:
        raise RuntimeError("no words")

    monkeypatch.setattr(export, "teach", fail)
    with pytest.raises(RuntimeError):
        export.make_page(tutorial_bundle, None, tmp_path / "p.html")
    assert list(tmp_path.iterdir()) == []
