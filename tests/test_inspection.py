"""`inspect` tells what a bundle holds and what was measured, in numbers that can be worked out again."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from films import Net, make_bundle, with_layers
from rich.console import Console

from fmcore.analysis.convolution import patch_at
from fmcore.bundle import Bundle, save_bundle
from fmcore.cli import cli
from fmcore.header import BundleHeader, ModuleInfo
from fmcore.inspection import describe
from fmcore.layer_report import describe_layer
from fmcore.tables import Name, table

Edit = Callable[[BundleHeader], dict[str, Any]]


def told(path: Path, capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    with Bundle.open(path) as bundle:
        describe(bundle, **options)
    return capsys.readouterr().out


def inspect(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["inspect", *map(str, arguments)])


def edited(source: Path, path: Path, edit: Edit) -> Path:
    """A copy of a bundle with another header."""
    with Bundle.open(source) as bundle:
        arrays = {name: bundle.array(name) for name in bundle.header.arrays}
        save_bundle(path, bundle.header.model_copy(update=edit(bundle.header)), arrays)
    return path


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


# -- what it is ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("wide")
def test_it_tells_layers_accuracy_probes_and_arrays(tutorial_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(tutorial_bundle, capsys, arrays=True)
    with Bundle.open(tutorial_bundle) as bundle:
        header = bundle.header
        assert bundle.digest[:12] in text
        for name, info in header.arrays.items():
            row = rf"^{name} +{' × '.join(map(str, info.shape))} +{info.dtype} +{info.sha256[:12]}"
            assert re.search(row, text, re.M), name
    assert re.search(r"^conv2 +convolution 3 × 3 +28 × 28 × 16 +5 × 5 +relu\s*$", text, re.M)
    assert re.search(r"^pool +pooling 2 × 2 \/ 2 +14 × 14 × 16 +6 × 6 +–\s*$", text, re.M)
    assert re.search(rf"^test accuracy +{header.test_accuracy:.2%}\s*$", text, re.M)
    assert "tutorial, 32,618 parameters, input 28 × 28 × 1" in text
    assert text.count("(wrong)") == sum(probe.label != probe.predicted for probe in header.probes)
    assert "sha256" in text and header.arrays["logits"].sha256[:12] not in told(tutorial_bundle, capsys)


@pytest.mark.usefixtures("wide")
def test_modules_are_listed_with_the_reason(deep_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(deep_bundle, capsys, modules=True)
    with Bundle.open(deep_bundle) as bundle:
        modules = bundle.header.modules
    hidden = [module for module in modules if not module.shown]
    assert f"{len(hidden)} modules cannot be shown; `--modules` lists them and why." in text
    assert "ran several times" not in text
    for module in hidden:
        assert re.search(rf"^{module.name or '.the network.'} +{module.kind} .*{module.why}", text, re.M)


@pytest.mark.parametrize("columns", [60, 80])
def test_a_narrow_terminal_cuts_nothing_off(
    columns: int, deep_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = told(deep_bundle, capsys, modules=True)
    if columns == 80:
        with Bundle.open(deep_bundle) as bundle:
            describe_layer(bundle, "conv3")
        text += capsys.readouterr().out
    assert "…" not in text
    assert all(len(line) <= columns for line in text.splitlines())


def test_a_name_breaks_at_its_joints() -> None:
    out = Console(width=12)
    made = table("layer")
    made.add_row(Name("features.block1.conv"))
    made.add_row(Name("averyverylongword"))
    with out.capture() as captured:
        out.print(made)
    assert captured.get().split() == ["layer", "features.", "block1.conv", "averyverylon", "gword"]


@pytest.mark.usefixtures("wide")
def test_layers_called_by_a_number_and_few_images(
    tutorial_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Bundle.open(tutorial_bundle) as bundle:
        named = with_layers(bundle.header, {layer.name: layer.name[-1] for layer in bundle.header.layers})
        arrays = {
            name.replace("conv1/", "1/").replace("conv2/", "2/").replace("pool/", "l/"): bundle.array(name)
            for name in bundle.header.arrays
            if "/top_" not in name
        }
        measures = bundle.header.measures.model_copy(update={"images": 12})  # type: ignore[union-attr]
        header = bundle.header.model_copy(update={**named, "measures": measures})
        save_bundle(tmp_path / "b", header, arrays)
    text = told(tmp_path / "b", capsys)
    assert re.search(r"^layer 2: ", text, re.M) and re.search(r"^Channel \d+ of layer 2 is the brightest", text, re.M)
    assert re.search(r"(supports '.+'|Nothing) in layer 1", text) and not re.search(
        r"(In|in|of) [12] (is|supp)|^[12]: ", text, re.M
    )
    assert "Of 12 images only: over more of them, fewer channels may be dead or redundant." in text


@pytest.mark.usefixtures("wide")
def test_names_are_shown_as_they_are(tutorial_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Bundle.open(tutorial_bundle) as bundle:
        odd = bundle.header.model_copy(update={"classes": ("cat [red]", ":bug:", *bundle.header.classes[2:])})
        save_bundle(tmp_path / "b", odd, {"numbers": np.zeros(3)})
    text = told(tmp_path / "b", capsys)
    assert "cat [red], :bug:, Pullover" in text


def foreign(header: BundleHeader) -> dict[str, Any]:
    """As of a published network that was shown one's own photographs."""
    file: dict[str, Any] = {"label": None, "source": "boots.jpg", "box": (90.8, 25.0, 370.8, 305.0)}
    file |= {"original_size": (534, 400), "file_size": (1068, 800)}  # the bundle keeps it at half its size
    return {
        "model": header.model.model_copy(update={"weights": "IMAGENET1K_V1"}),
        "training": header.training.model_copy(update={"epochs": 0, "history": ()}),
        "preprocessing": header.preprocessing.model_copy(update={"mean": (0.485,), "std": (0.229,), "resize": 32}),
        "probes": tuple(probe.model_copy(update=file) for probe in header.probes),
        "classes": (*header.classes, *(f"class {n}" for n in range(990))),
    }


@pytest.mark.usefixtures("wide")
def test_dilations_are_told(tutorial_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def dilated(header: BundleHeader) -> dict[str, Any]:
        first, *others = header.layers
        return {"layers": (first.model_copy(update={"dilation": (2, 3)}), *others)}

    text = told(edited(tutorial_bundle, tmp_path / "b", dilated), capsys)
    assert re.search(r"^conv1 +convolution 3 × 3, dilation 2 × 3 ", text, re.M)


@pytest.mark.usefixtures("wide")
def test_a_foreign_network_with_unknown_labels(
    tutorial_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(edited(tutorial_bundle, tmp_path / "b", foreign), capsys)
    assert re.search(r"^weights +IMAGENET1K_V1\s*$", text, re.M)
    assert re.search(r"^training +none here\s*$", text, re.M)
    assert "scaled to 32 pixels (lanczos), centre of 28 × 28 cut out, normalised by mean 0.485 and" in text
    assert re.search(r"^0 +\S.* boots.jpg +1068 × 800 +182 to 742 +51 to 610\s*$", text, re.M)
    assert "counted from 1" in text and "The true classes are not known." in text
    assert re.search(r"^classes +1,000: T-shirt/top, .* and 994 more\s*$", text, re.M)
    assert "(wrong)" not in text and "train loss" not in text
    with Bundle.open(tutorial_bundle) as bundle:
        right = (bundle.array("test_predicted") == bundle.array("test_label")).mean()
    assert f"{right:.2%} of 60 images" in text


@pytest.mark.usefixtures("wide")
def test_a_bundle_without_any_statistics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_bundle(tmp_path / "bare", Net())
    text = told(path, capsys)
    for title in ("Diagnostics", "Meaning", "Learning"):
        assert title not in text
    result = inspect(path, "--layer", "conv1")
    assert result.exit_code == 0 and "Nothing was measured here" in result.output


@pytest.mark.usefixtures("wide")
def test_of_many_layers_the_middle_is_left_out(
    tutorial_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def many(header: BundleHeader) -> dict[str, Any]:
        more = (header.layers[-1].model_copy(update={"name": f"more{n}"}) for n in range(37))
        return {"layers": (*header.layers, *more)}

    path = edited(tutorial_bundle, tmp_path / "b", many)
    text, layers = told(path, capsys), r"^(\S+) +(?:convolution|pooling) "
    shown = re.findall(layers, text, re.M)
    assert shown[:3] == ["conv1", "conv2", "pool"] and shown[-1] == "more36" and len(shown) == 12
    assert sum(int(count) for count in re.findall(r"^\((\d+) more\)", text, re.M)) == 40 - 12
    assert "12 of 40 are shown; `--all` lists them." in text
    assert len(re.findall(layers, told(path, capsys, every=True), re.M)) == 40


# -- what was measured ---------------------------------------------------------------------------


@pytest.mark.usefixtures("wide")
def test_what_was_measured_is_what_the_arrays_say(deep_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(deep_bundle, capsys, probe=1, wanted="Bag")
    with Bundle.open(deep_bundle) as bundle:
        for layer in ("conv1", "conv4"):
            live = int((bundle.array(f"{layer}/active") > 0).sum())
            sparseness = bundle.array(f"{layer}/sparseness")[bundle.array(f"{layer}/active") > 0].mean(dtype=float)
            channels = len(bundle.array(f"{layer}/active"))
            assert re.search(rf"^{layer} .*% +{live} of {channels} +\S+ +{sparseness:.2f} ", text, re.M)

            named = int((bundle.array(f"{layer}/meaning").max(1) >= 0.6).sum())
            assert re.search(rf"^{layer} +{named} of {channels} ", text, re.M)

            history = bundle.array(f"{layer}/weight_history").astype(float).reshape(2, channels, -1)
            way = np.linalg.norm(history[1] - history[0], axis=1) / np.linalg.norm(history[0], axis=1)
            row = f"{way.min():.2f} +{np.median(way):.2f} +{way.max():.2f}"
            assert re.search(rf"^{layer} +{row} ", text, re.M)

            dead = int(((bundle.array(f"{layer}/maximum") == 0) & (bundle.array(f"{layer}/std") == 0)).sum())
            found = re.search(rf"^{layer}: (\d+) of {channels} channels? (?:is|are) dead", text, re.M)
            assert (int(found[1]) if found else 0) == dead

        bag = bundle.header.classes.index("Bag")
        shown = bundle.part("gradcam_classes", 1).tolist()
        signed = bundle.part("conv4/gradcam", 1, shown.index(bag))
        strongest = np.cumsum(sorted(np.maximum(signed, 0).ravel(), reverse=True))
        half = int((strongest < strongest[-1] / 2).sum()) + 1
    evidence = f"Half of what supports 'Bag' in conv4 comes from {half} of {signed.size} places."
    assert evidence in text or "Nothing in conv4" in text
    assert "Attribution, probe 1 (Trouser)" in text and "is the brightest" in text
    assert "Rank correlation with depth, over 4 layers: share of the image +1.00" in text


def test_a_layer_is_shown_channel_by_channel(tutorial_bundle: Path) -> None:
    text = inspect(tutorial_bundle, "--layer", "conv2", "--probe", 2, "--class", 8).output
    rows = dict(re.findall(r"^ *(\d+) +(.*?)\s*$", text, re.M))
    assert len(rows) == 16
    with Bundle.open(tutorial_bundle) as bundle:
        parts = {part: bundle.array(f"conv2/{part}") for part in ("mean", "std", "maximum", "fired", "foreground")}
        tried = dict(zip(bundle.part("conv2/ablated", 2).tolist(), bundle.part("conv2/ablation", 2), strict=True))
        for c in range(16):
            row = rows[str(c + 1)]
            numbers = [float(text) for text in row.split()[:3]]
            assert numbers == pytest.approx([parts[part][c] for part in ("mean", "std", "maximum")], rel=0.1)
            lit = parts["fired"][c] > 0
            assert (f" {parts['foreground'][c]:.0%} " in row) == lit and (" – " in row or lit)
            assert f" {parts['fired'][c]:.1%}".replace("100.0%", "100%") in row
            assert row.endswith(f"{round(100 * tried[c], 1) + 0.0:+.1f}" if c in tried else "–")
    assert "'Bag'" in text and "conv2, convolution" in text


# -- one place -----------------------------------------------------------------------------------


def test_a_place_is_worked_out(deep_bundle: Path) -> None:
    text = inspect(deep_bundle, "--place", "conv2", 5, 1, 14, "--probe", 3).output
    with Bundle.open(deep_bundle) as bundle:
        weight, bias = bundle.part("conv2/weight", 4), float(bundle.part("conv2/bias", 4))
        patch = patch_at(bundle.part("pool1/activation", 3), 0, 13, (3, 3), (1, 1), (1, 1))
        recorded = float(bundle.part("conv2/preactivation", 3, 4, 0, 13))
        activation = float(bundle.part("conv2/activation", 3, 4, 0, 13))
    sums = (patch.astype(float) * weight).sum((1, 2))
    assert re.search(rf"^sum of 144 products +{re.escape(f'{sums.sum():+.6g}')}\s*$", text, re.M)
    assert re.search(rf"^bias +{re.escape(f'{bias:+.6g}')}\s*$", text, re.M)
    assert re.search(rf"^recorded by the network +{re.escape(f'{recorded:+.6g}')}\s*$", text, re.M)
    assert re.search(rf"^activation, after relu +{re.escape(f'{activation:+.6g}')}\s*$", text, re.M)
    assert "conv2, channel 5 of 32, row 1 of 14, column 14 of 14" in text
    assert "sees   rows 1 to 5, columns 24 to 28 of the 28 × 28 input; the rest of what it reaches lies beyond" in text
    shown = sorted(np.argsort(-np.abs(sums))[:3])
    assert [int(n) - 1 for n in re.findall(r"^input channel (\d+):", text, re.M)] == shown
    assert f"the other 13 input channels add {sums.sum() - sums[shown].sum():+.4g}"[:-1] in text


def test_a_place_is_found_on_the_original_picture(tutorial_bundle: Path, tmp_path: Path) -> None:
    path = edited(tutorial_bundle, tmp_path / "b", foreign)  # twenty pixels of the picture are one of the input
    text = inspect(path, "--place", "conv1", 1, 2, 4).output
    assert "rows 1 to 3, columns 3 to 5 of the 28 × 28 input" in text
    assert "rows 182 to 242, columns 91 to 150 of the 1068 × 800 picture boots.jpg" in text


MISTAKES = {
    "--layer conv9": "has no layer 'conv9'; it has conv1, conv2, pool",
    "--probe 99": "has probes 0 to 11 and no 99",
    "--layer conv1 --probe -1": "has probes 0 to 11 and no -1",
    "--probe Bga": "There is no probe 'Bga'; .*, or a number from 0 to 11. Did you mean 'Bag'",
    "--class Bga": "There is no class 'Bga'; .*Did you mean 'Bag'",
    "--class 10": "There are classes 0 to 9 and no 10",
    "--layer pool --class 10": "There are classes 0 to 9 and no 10",
    "--place conv1 9 1 1": "has channels 1 to 8, so there is no channel 9; .* counted from 1",
    "--place conv1 1 29 1": "has rows 1 to 28, so there is no row 29",
    "--place conv1 0 1 1": "0 is not in the range",
    "--place pool 1 1 1": "'pool' is a pooling and no convolution; choose one of: conv1, conv2",
    "--place conv1 1 1 1 --probe 12": "and no 12",
    "--place conv1 1 1 1 --layer conv1": "not both",
}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_a_mistake_is_a_sentence(arguments: str, tutorial_bundle: Path) -> None:
    result = inspect(tutorial_bundle, *arguments.split())
    assert result.exit_code == 2
    assert re.search(MISTAKES[arguments], result.stderr), result.stderr
    assert result.stdout == ""


# -- for programs --------------------------------------------------------------------------------


def test_json_says_what_the_arrays_hold(tutorial_bundle: Path) -> None:
    found = json.loads(inspect(tutorial_bundle, "--json").output)
    with Bundle.open(tutorial_bundle) as bundle:
        assert (found["digest"], found["test_accuracy"]) == (bundle.digest, bundle.header.test_accuracy)
        assert list(found["channels"]) == [f"{name}" for name in ("conv1", "conv2")]
        for name, channels in found["channels"].items():
            for part in ("mean", "std", "fired", "foreground"):
                assert np.array_equal(np.float32([one[part] for one in channels]), bundle.array(f"{name}/{part}"))
        assert [one["layer"] for one in found["diagnosis"]] == [one["layer"] for one in found["hierarchy"]]


def test_what_is_infinite_is_null_in_json_and_nothing_is_mixed_in(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b", Net(measured=True))
    with Bundle.open(path) as bundle:
        arrays = {name: bundle.array(name) for name in bundle.header.arrays}
        arrays["conv1/foreground"], arrays["conv1/outline"] = np.zeros(4, np.float32), np.zeros(4, np.float32)
        save_bundle(path, bundle.header, arrays)
    result = inspect(path, "--json")
    background = json.loads(result.stdout)["diagnosis"][0]["background"]
    assert [(one["share"], one["density"]) for one in background] == [(1, None)] * 4
    refused = inspect(path, "--json", "--layer", "conv1")
    assert (refused.exit_code, refused.stdout) == (2, "") and "give it alone" in refused.stderr


def test_a_layer_that_ran_several_times_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def made(**again: str) -> Path:
        path = make_bundle(tmp_path / "b", Net())
        with Bundle.open(path) as bundle:
            header, arrays = bundle.header, {name: bundle.array(name) for name in bundle.header.arrays}
        modules = tuple(
            ModuleInfo(name=name, kind="Conv2d", output_shape=None, shown=True, why=again.get(name, ""))
            for name in ("conv1", "conv2")
        )
        save_bundle(path, header.model_copy(update={"modules": modules}), arrays)
        return path

    assert "Shown is the first run of conv2, which ran several times." in told(
        made(conv2="the first of its 2 runs"), capsys
    )
    assert "ran several times" not in told(made(), capsys)


def test_names_command_no_terminal(tutorial_bundle: Path, tmp_path: Path) -> None:
    def hostile(header: BundleHeader) -> dict[str, Any]:
        model = header.model.model_copy(update={"name": "\x1b]0;mine\x07net"})
        return {"model": model, "classes": tuple(f"\x1b[2J{name}\x9b" for name in header.classes)}

    path = edited(tutorial_bundle, tmp_path / "b", hostile)
    for asked in ([], ["--modules"], ["--layer", "conv1"]):
        shown = inspect(path, *asked)
        assert shown.exit_code == 0 and not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", shown.output)
    assert "�]0;mine" in inspect(path).output
