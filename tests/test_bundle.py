"""The bundle: what is written comes back, little is read, and every damage is one sentence."""

import hashlib
import json
import os
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file

from fmcore.bundle import Array, Bundle, BundleHeader, array_digest, save_bundle
from fmcore.contents import OF_LAYER
from fmcore.errors import BundleError

Header = dict[str, object]


@pytest.fixture
def bundle(tutorial_bundle: Path) -> Bundle:
    return Bundle.open(tutorial_bundle)


@pytest.fixture
def copy(tutorial_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(tutorial_bundle, tmp_path / "copy.safetensors"))


# --- writing and reading back ----------------------------------------------------------------------


def test_what_is_saved_is_opened_again(bundle: Bundle, tmp_path: Path) -> None:
    arrays = {name: bundle.array(name) for name in bundle.header.arrays}
    digest = save_bundle(tmp_path / "deep" / "down.safetensors", bundle.header, arrays)
    with Bundle.open(tmp_path / "deep" / "down.safetensors") as again:
        assert again.header == bundle.header
        assert again.digest == digest == bundle.digest
        for name, array in arrays.items():
            assert again.array(name).dtype == array.dtype
            assert np.array_equal(again.array(name), array)


@given(
    array=hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]),
        hnp.array_shapes(max_dims=5, min_side=0, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
    turned=st.booleans(),
)
def test_arrays_of_every_shape_and_layout_survive(
    array: Array, turned: bool, tutorial_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    array = array.T if turned else array
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    with Bundle.open(tutorial_bundle) as bundle:
        save_bundle(path, bundle.header, {"a": array})
    with Bundle.open(path) as again:
        assert again.array("a").dtype == array.dtype and np.array_equal(again.array("a"), array)
        assert again.info("a").shape == array.shape


def test_the_same_arrays_in_another_order_give_the_same_file(bundle: Bundle, tmp_path: Path) -> None:
    arrays = {"a": np.ones((2, 3), np.float32), "b": np.zeros(4, np.float32)}
    first = save_bundle(tmp_path / "1", bundle.header, arrays)
    second = save_bundle(tmp_path / "2", bundle.header, dict(reversed(arrays.items())))
    assert first == second
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize(
    "other",
    [np.ones((3, 2), np.float32), np.ones((2, 3), np.float64), np.full((2, 3), 1.0000001, np.float32)],
    ids=["shape", "type", "value"],
)
def test_a_digest_tells_arrays_apart(other: Array) -> None:
    assert array_digest(other) != array_digest(np.ones((2, 3), np.float32))


def test_the_file_has_exactly_one_metadata_key(tutorial_bundle: Path) -> None:
    assert list(raw(tutorial_bundle)[0]["__metadata__"]) == ["fmcore"]


def test_the_file_may_be_read_by_whom_the_umask_lets(bundle: Bundle, tmp_path: Path) -> None:
    save_bundle(tmp_path / "bundle", bundle.header, {"a": np.ones(3)})
    (tmp_path / "plain").touch()
    assert (tmp_path / "bundle").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_arrays_cannot_be_changed_by_accident(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="read-only"):
        bundle.array("conv1/weight")[0] = 0


# --- reading little --------------------------------------------------------------------------------


def test_every_part_is_that_slice_of_the_whole(bundle: Bundle) -> None:
    whole = bundle.array("conv2/activation")
    for index in [(), (3,), (3, 15), (11, 0, 27), (0, 1, 2, 3)]:
        assert np.array_equal(bundle.part("conv2/activation", *index), whole[index])


def test_a_part_costs_that_part(bundle: Bundle, tmp_path: Path) -> None:
    big = np.zeros((1, 64, 256, 256), np.float32)  # 16 MB, 64 maps of 256 kB
    save_bundle(tmp_path / "big", bundle.header, {"large/activation": big})

    def peak_bytes(read: Callable[[Bundle], Array]) -> int:
        with Bundle.open(tmp_path / "big") as opened:
            tracemalloc.start()
            read(opened)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return peak

    assert peak_bytes(lambda opened: opened.array("large/activation")) > 16e6
    assert peak_bytes(lambda opened: opened.part("large/activation", 0, 5)) < 2e6


# --- asking for what is not there ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda b: b.array("conv9/weight"), "no layer 'conv9'; it has conv1, conv2, pool"),
        (lambda b: b.part("conv1/activations", 0), "no array 'conv1/activations'; it has .*conv1/activation"),
        (lambda b: b.require("conv1/weight", "nothing"), "no array 'nothing'; it has gradcam_classes, "),
        (lambda b: b.require("pool/weight"), "no array 'pool/weight'"),
        (lambda b: b.layer("fc"), "no layer 'fc'; it has conv1, conv2, pool"),
        (lambda b: b.part("conv1/activation", 0, 8), "has 8 entries along axis 1, so there is no number 8"),
        (lambda b: b.part("conv1/activation", -1), "so there is no number -1"),
    ],
)
def test_what_is_not_there_is_named(ask: Callable[[Bundle], object], sentence: str, bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=sentence):
        ask(bundle)


# --- files that are no bundle ----------------------------------------------------------------------


def raw(path: Path) -> tuple[dict[str, dict[str, str]], bytes]:
    """The safetensors header and what follows it."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def write_raw(path: Path, header: object, data: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def with_text(change: Callable[[str], str]) -> Callable[[Path], None]:
    """Damage the text of the one metadata key."""

    def damage(path: Path) -> None:
        header, data = raw(path)
        header["__metadata__"]["fmcore"] = change(header["__metadata__"]["fmcore"])
        write_raw(path, header, data)

    return damage


def resealed(change: Callable[[Header], object]) -> Callable[[Path], None]:
    """Damage the bundle's header and give it the digest that fits."""

    def new_text(text: str) -> str:
        content = json.loads(text)["header"]
        change(content)
        digest = hashlib.sha256(canonical(content).encode()).hexdigest()
        return canonical({"header": content, "sha256": digest})

    return with_text(new_text)


def retyped(path: Path) -> None:
    """The same bytes, said to be numbers of a type that numpy has not."""
    header, data = raw(path)
    weight = header["conv1/weight"]
    weight["dtype"], weight["shape"] = "BF16", [*weight["shape"][:-1], 2 * int(weight["shape"][-1])]  # type: ignore[call-overload]
    write_raw(path, header, data)


def without_tensor(path: Path) -> None:
    header, data = raw(path)
    last = max((name for name in header if name != "__metadata__"), key=lambda name: header[name]["data_offsets"][0])
    data = data[: header.pop(last)["data_offsets"][0]]  # type: ignore[index]
    write_raw(path, header, data)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "There is no bundle at .*; check the name, or write it with `fmcore record --model"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "is a folder, and a bundle is one file; name a"),
    "empty": (lambda path: path.write_bytes(b""), "is cut short or no bundle"),
    "text": (lambda path: path.write_text("title = 'a plan'\n"), "is cut short or no bundle"),
    "truncated": (lambda path: os.truncate(path, path.stat().st_size // 2), "is cut short or no bundle"),
    "one byte short": (lambda path: os.truncate(path, path.stat().st_size - 1), "is cut short or no bundle"),
    "foreign": (lambda path: save_file({"a": np.ones(3)}, path), "safetensors file but no bundle of fmcore"),
    "foreign metadata": (
        lambda path: save_file({"a": np.ones(3)}, path, {"format": "pt"}),
        "safetensors file but no bundle of fmcore",
    ),
    "no JSON": (with_text(lambda text: text[:-5]), "header .* cannot be read"),
    "a JSON list": (with_text(lambda text: "[1]"), "header .* cannot be read"),
    "no envelope": (with_text(lambda text: "{}"), "header .* cannot be read"),
    "edited": (
        with_text(lambda text: text.replace('"seed":0', '"seed":1')),
        "header .* was changed after it was written; write it again",
    ),
    "NaN put in": (with_text(lambda text: text.replace('"epoch":0', '"epoch":NaN')), "header"),
    "lone surrogate put in": (with_text(lambda text: text.replace("Drawn", r"\ud800")), "header"),
    "other schema": (resealed(lambda header: header.update(schema_version=99)), "schema 99 and this fmcore reads 3"),
    "field lacking": (resealed(lambda header: header.pop("model")), "not valid at 'model'"),
    "field unknown": (resealed(lambda header: header.update(mood="good")), "not valid at 'mood'"),
    "field mistyped": (resealed(lambda header: header["model"].update(parameters="many")), "at 'model.parameters'"),
    "table lacks an array": (
        resealed(lambda header: header["arrays"].pop("conv1/bias")),
        "disagree about array 'conv1/bias'",
    ),
    "table has one more": (
        resealed(lambda header: header["arrays"].update(extra=header["arrays"]["logits"])),
        "disagree about array 'extra'",
    ),
    "file lacks an array": (without_tensor, "and its header disagree about array"),
    "other shape": (
        resealed(lambda header: header["arrays"]["conv1/weight"].update(shape=[1, 2])),
        r"'conv1/weight' .* has shape .* where its header says \(1, 2\)",
    ),
    "other numbers": (retyped, "'conv1/weight' .* holds BF16 where its header says float32"),
    "other numbers in the table": (
        resealed(lambda header: header["arrays"]["conv1/weight"].update(dtype="complex64")),
        "'conv1/weight' .* holds float32 where its header says complex64",
    ),
    "more probes than rows": (
        resealed(lambda header: header["probes"].append(header["probes"][0])),
        r"array '(probes|logits|conv|pool).*' has shape .*, not \(13,",
    ),
    "an answer that is no class": (
        resealed(lambda header: header["probes"][0].update(predicted=99)),
        "probe 0 has class 99 and there are 10",
    ),
    "no layers": (resealed(lambda header: header["layers"].clear()), "should have at least 1 item"),
    "no groups": (resealed(lambda header: header["layers"][0].update(groups=0)), "greater than or equal to 1"),
    "other places": (
        resealed(lambda header: header["layers"][0].update(output_shape=[8, 999, 999])),
        r"array 'conv1/.*activation' has shape \(12, 8, 28, 28\), not \(12, 8, 999, 999\)",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_on_opening(damage: str, copy: Path) -> None:
    do, sentence = DAMAGES[damage]
    do(copy)
    with pytest.raises(BundleError, match=sentence):
        Bundle.open(copy)


@pytest.mark.parametrize("read", [lambda b: b.array("logits"), Bundle.verify], ids=["array", "verify"])
def test_changed_numbers_are_told_on_reading(read: Callable[[Bundle], object], copy: Path) -> None:
    header, data = raw(copy)
    start = header["logits"]["data_offsets"][0]
    write_raw(copy, header, data[:start] + bytes([data[start] ^ 1]) + data[start + 1 :])  # type: ignore[operator]
    with Bundle.open(copy) as opened:
        assert opened.array("conv1/weight").size  # the others are as they were
        with pytest.raises(BundleError, match=r"Array 'logits' .* was changed after it was written"):
            read(opened)


# --- files that a stranger sealed -----------------------------------------------------------------

SPOILT: dict[str, Callable[[Array], Array]] = {
    "a row less": lambda a: a[:-1],
    "an axis more": lambda a: a[None],
    "a last number less": lambda a: a[..., :-1],
    "whole numbers for others": lambda a: a.astype(np.int16 if a.dtype.kind == "f" else np.float32),
}
OUTSIDE: dict[str, float] = {  # an array, and a number that its table does not allow
    "gradcam_classes": 10, "test_label": -1, "test_predicted": 10, "test_probability": 1.1, "conv1/ablated": 8,
    "conv1/ablation": -1.5, "conv2/ablation_predicted": 10, "conv1/fired": 1.2, "conv1/correlation": 1.5,
    "conv1/foreground": -0.1, "conv2/top_images": 60, "conv2/top_places": 28, "conv2/patch_channels": 16,
    "conv2/meaning": -2, "conv1/mean": np.nan, "logits": np.inf,
}  # fmt: skip


def forged(bundle: Bundle, path: Path, arrays: dict[str, Array]) -> Path:
    """A bundle with right digests and such arrays, as a stranger may write it."""
    content = bundle.header.model_dump(mode="json")
    content["arrays"] = {
        name: {"shape": list(a.shape), "dtype": str(a.dtype), "sha256": array_digest(a)} for name, a in arrays.items()
    }
    digest = hashlib.sha256(canonical(content).encode()).hexdigest()
    whole = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    save_file(whole, path, {"fmcore": canonical({"header": content, "sha256": digest})})
    return path


def test_every_array_is_held_to_its_shape_and_type(bundle: Bundle, tmp_path: Path) -> None:
    arrays = {name: bundle.array(name) for name in bundle.header.arrays}
    found = {name.rpartition("/")[2] for name in arrays}
    assert found >= OF_LAYER.keys() - {"input", "scale", "shift", "sum", "nearest", "nearest_correlation"}
    free = {("a last number less", part) for part in ("sample", "patches")}  # these are as coarse as they like
    for name, array in arrays.items():
        for kind, spoil in SPOILT.items():
            if (kind, name.rpartition("/")[2]) in free:
                continue
            with pytest.raises(BundleError, match=r"is no whole bundle: array '.+' (has shape|holds) .*, not"):
                Bundle.open(forged(bundle, tmp_path / "forged", arrays | {name: spoil(array)})).close()


@pytest.mark.parametrize("name", OUTSIDE)
def test_numbers_that_mean_nothing_are_refused_when_they_are_read(name: str, bundle: Bundle, tmp_path: Path) -> None:
    arrays = {name: bundle.array(name) for name in bundle.header.arrays}
    arrays[name] = arrays[name].copy()
    arrays[name].flat[0] = OUTSIDE[name]
    with Bundle.open(forged(bundle, tmp_path / "forged", arrays)) as opened:
        assert opened.array("probes").size  # the others may be read
        with pytest.raises(BundleError, match=rf"is no whole bundle: array '{name}' holds"):
            opened.array(name)
        with pytest.raises(BundleError, match=rf"is no whole bundle: array '{name}' holds"):
            opened.part(name, 0)


# --- writing that fails ----------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_and_the_old_file_stays(bad: float, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "b"
    save_bundle(path, bundle.header, {"a": np.ones(3)})
    with pytest.raises(BundleError, match="'a' holds NaN or infinite values"):
        save_bundle(path, bundle.header, {"a": np.array([1, bad])})
    assert Bundle.open(path).array("a").tolist() == [1, 1, 1]
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def under_a_file(folder: Path) -> Path:
    (folder / "file").write_text("in the way")
    return folder / "file" / "b"


def on_a_folder(folder: Path) -> Path:
    (folder / "b").mkdir()
    return folder / "b"


@pytest.mark.parametrize(
    "place", [under_a_file, on_a_folder, lambda folder: folder / ("b" * 300)], ids=["file", "folder", "long name"]
)
def test_a_place_that_cannot_be_written(place: Callable[[Path], Path], bundle: Bundle, tmp_path: Path) -> None:
    path = place(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BundleError, match=r"cannot be written to .*name another --output"):
        save_bundle(path, bundle.header, {"a": np.ones(3)})
    assert sorted(tmp_path.rglob("*")) == before


def test_a_header_is_what_it_was_recorded_as(bundle: Bundle) -> None:
    header = bundle.header
    assert isinstance(header, BundleHeader)
    assert [layer.name for layer in bundle.convolutions] == ["conv1", "conv2"]
    assert bundle.layer_names == ("conv1", "conv2", "pool")
    assert header.test_accuracy == header.training.history[-1].test_accuracy
    assert bundle.class_name(header.probes[1].label) == "Trouser"
