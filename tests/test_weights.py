"""Weights from files: what fits is taken, and what does not is refused in a sentence, with nothing in it run."""

import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file, save_model
from torch import Tensor, nn

from fmcore.errors import InputError
from fmcore.model_source import Wanted, open_model
from fmcore.weights import load_weights, read_weights, require_finite

Weights = dict[str, Tensor]


def network(width: int = 4, classes: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(width, classes))


def weights(seed: int = 1) -> Weights:
    torch.manual_seed(seed)
    return {name: torch.rand_like(value) if value.is_floating_point() else value
            for name, value in network().state_dict().items()}  # fmt: skip


def prefixed(prefix: str, tensors: Weights) -> Weights:
    return {f"{prefix}{name}": value for name, value in tensors.items()}


WAYS: dict[str, Callable[[Path, Weights], object]] = {
    "safetensors": lambda path, tensors: save_file(tensors, path),
    "torch": lambda path, tensors: torch.save(tensors, path),
    "torch of old": lambda path, tensors: torch.save(tensors, path, _use_new_zipfile_serialization=False),
    "under state_dict": lambda path, tensors: torch.save({"epoch": 3, "state_dict": tensors}, path),
    "under model": lambda path, tensors: torch.save({"model": tensors, "lr": 0.1}, path),
    "from several GPUs": lambda path, tensors: torch.save({"state_dict": prefixed("module.", tensors)}, path),
    "compiled": lambda path, tensors: save_file(prefixed("_orig_mod.", tensors), path),
    "in a module of a trainer": lambda path, tensors: torch.save(
        {"state_dict": {**prefixed("model.", tensors), "loss.weight": torch.ones(3)}, "epoch": 3}, path
    ),
    "both": lambda path, tensors: torch.save(prefixed("module._orig_mod.", tensors), path),
    "in half precision": lambda path, tensors: torch.save({k: v.bfloat16() for k, v in tensors.items()}, path),
    "without counts": lambda path, tensors: save_file(
        {k: v for k, v in tensors.items() if "num_batches" not in k}, path
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_however_they_were_saved_they_are_read(way: str, tmp_path: Path) -> None:
    expected, into = weights(), network()
    WAYS[way](tmp_path / "w", expected)
    load_weights(into, tmp_path / "w")
    for name, value in into.state_dict().items():
        tolerance = 0.01 if way == "in half precision" else 0
        torch.testing.assert_close(value, expected[name], atol=tolerance, rtol=0)


def without(name: str) -> Weights:
    return {key: value for key, value in weights().items() if key != name}


OTHERS: dict[str, tuple[Weights, str]] = {
    "another width": (
        {**weights(), "0.weight": torch.zeros(8, 1, 3, 3)},
        "'0.weight' should be 4 x 1 x 3 x 3 and is 8 x",
    ),
    "another head": ({**weights(), "3.weight": torch.zeros(10, 4)}, "'3.weight' should be 3 x 4 and is 10 x 4"),
    "one missing": (without("1.bias"), "'1.bias' should be 4 and is absent"),
    "one too many": ({**weights(), "4.bias": torch.zeros(2)}, "'4.bias' should be absent and is 2"),
    "other names": (
        {f"body.{name}": value for name, value in without("1.bias").items()},
        "its names are 'body.0.weight', 'body.0.bias', 'body.1.weight', ... and this model has '0.weight', ",
    ),
    "none": ({}, "'0.weight' should be 4 x 1 x 3 x 3 and is absent"),
    "a number for a vector": (
        {**weights(), "1.bias": torch.tensor(1.0)},
        "'1.bias' should be 4 and is a single number",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_the_first_parameter_that_differs_is_named(what: str, tmp_path: Path) -> None:
    tensors, sentence = OTHERS[what]
    torch.save(tensors, tmp_path / "other.pt")
    into = network()
    before = {name: value.clone() for name, value in into.state_dict().items()}
    with pytest.raises(InputError, match=f"'other.pt' holds the weights of another model: {sentence}"):
        load_weights(into, tmp_path / "other.pt")
    assert all(torch.equal(value, before[name]) for name, value in into.state_dict().items())


class Trap:
    """Unpickled, it makes a file: what a malicious file of weights would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_nothing_in_a_file_is_run(save: Callable[[Any, Path], object], tmp_path: Path) -> None:
    save({"0.weight": torch.zeros(1), "trap": Trap(tmp_path / "sprung")}, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"'w.pt' holds more than weights.*nothing in a file of weights is ever run"):
        read_weights(tmp_path / "w.pt")
    assert not (tmp_path / "sprung").exists()


def test_a_whole_model_that_was_pickled_is_refused(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "model.pt")
    with pytest.raises(InputError, match="save the state_dict of the model alone"):
        read_weights(tmp_path / "model.pt")


def zipped(path: Path, compression: int, copies: int = 1) -> None:
    """A file of torch, zipped again; of several `copies` of a part only one is in it."""
    torch.save({"0.weight": torch.zeros(10_000)}, path)
    with zipfile.ZipFile(path) as stored:
        parts = {one.filename: stored.read(one) for one in stored.infolist()}
    with zipfile.ZipFile(path, "w", compression) as again:
        for name, content in parts.items():
            again.writestr(name, content)
        again.filelist += [again.getinfo(name) for name in parts] * (copies - 1)


def odd(make: Callable[[Tensor], Tensor]) -> Callable[[Path], object]:
    """A file of weights that fit in name and shape, one of them made into another kind of tensor."""
    return lambda path: torch.save({**weights(), "3.weight": make(torch.ones(3, 4))}, path)


NO_WEIGHTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "There is no file of weights at"),
    "a folder": (lambda path: path.mkdir(), "There is no file of weights at"),
    "empty": (lambda path: path.write_bytes(b""), "'w.pt' is no file of weights|damaged"),
    "text": (lambda path: path.write_text("not weights at all"), "'w.pt' is no file of weights|damaged"),
    "compressed": (lambda path: zipped(path, zipfile.ZIP_DEFLATED), "'w.pt' would grow when it is read"),
    "the same bytes twice": (lambda path: zipped(path, zipfile.ZIP_STORED, 2), "'w.pt' would grow when it is read"),
    "sparse": (odd(lambda one: one.to_sparse()), "'w.pt' holds '3.weight' as a sparse tensor, expected plain real"),
    "sparse rows": (odd(lambda one: one.to_sparse_csr()), "'w.pt' holds '3.weight' as a sparse tensor"),
    "without values": (odd(lambda one: one.to("meta")), "'w.pt' holds '3.weight' as an empty .meta. tensor"),
    "quantised": (
        odd(lambda one: torch.quantize_per_tensor(one, 0.1, 0, torch.qint8)),
        "'w.pt' holds '3.weight' as a quantised tensor",
    ),
    "complex": (odd(lambda one: one.to(torch.complex64)), "'w.pt' holds '3.weight' as a complex tensor"),
    "nested": (odd(lambda one: torch.nested.nested_tensor([one])), "'w.pt' holds '3.weight' as a nested tensor"),
    "a list": (lambda path: torch.save([torch.zeros(2)], path), "'w.pt' holds no weights by name"),
    "a tensor": (lambda path: torch.save(torch.zeros(2), path), "'w.pt' holds no weights by name"),
    "numbers": (lambda path: torch.save({"epoch": 3}, path), "'w.pt' holds no weights by name"),
}


@pytest.mark.filterwarnings("ignore:.*(in beta state|prototype stage|deprecated)")  # torch, of its own odd tensors
@pytest.mark.parametrize("what", NO_WEIGHTS)
def test_what_is_no_file_of_weights(what: str, tmp_path: Path) -> None:
    make, sentence = NO_WEIGHTS[what]
    make(tmp_path / "w.pt")
    with pytest.raises(InputError, match=sentence):
        read_weights(tmp_path / "w.pt")


@cache
def written(way: str) -> bytes:
    """A file of weights, always the same: old ones of torch hold addresses of memory, which differ in length."""
    with TemporaryDirectory() as folder:
        WAYS[way](Path(folder) / "w", weights())
        return (Path(folder) / "w").read_bytes()


@given(data=st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_damaged_file_holds_the_answer_is_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(written(data.draw(st.sampled_from(["safetensors", "torch", "torch of old"]))))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(1, 4))):
        if content:
            content[data.draw(st.integers(0, min(len(content), 600) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "w").write_bytes(content)
    try:
        load_weights(network(), tmp_path / "w")
    except InputError as error:
        assert "\n" not in error.message and len(error.message) < 600


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(value: float, tmp_path: Path) -> None:
    into = network()
    require_finite(into)
    with torch.no_grad():
        into[3].weight[1, 2:] = value
    with pytest.raises(InputError, match=r"NaN or infinite values \(2 of 12 in '3.weight'\)"):
        require_finite(into)
    torch.manual_seed(0)
    model = open_model("tutorial", Wanted(image_size=8))
    state = {**model.network.state_dict(), "conv2.bias": torch.full((16,), value)}
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"16 of 16 in 'conv2.bias'"):
        open_model("tutorial", Wanted(image_size=8), str(tmp_path / "w.safetensors"))


def test_of_several_networks_in_a_file_none_is_chosen(tmp_path: Path) -> None:
    both = prefixed("teacher.", weights()) | prefixed("student.", weights())
    torch.save(both, tmp_path / "both.pt")
    with pytest.raises(InputError, match="fit under 'teacher' and 'student'; save those of one network alone"):
        load_weights(network(), tmp_path / "both.pt")
    torch.save(prefixed("student.", without("1.num_batches_tracked")), tmp_path / "one.pt")
    load_weights(network(), tmp_path / "one.pt")


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool])
def test_whole_numbers_in_the_place_of_real_ones_are_refused(dtype: torch.dtype, tmp_path: Path) -> None:
    torch.save({name: (100 * value).to(dtype) for name, value in weights().items()}, tmp_path / "w.pt")
    kind = str(dtype).removeprefix("torch.")
    with pytest.raises(InputError, match=rf"'w.pt' holds '0.weight' as whole numbers \({kind}\), expected real ones"):
        load_weights(network(), tmp_path / "w.pt")


class Masked(nn.Module):
    """What an attention that looks back alone keeps as a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()
        self.register_buffer("mask", torch.full((4, 4), float("-inf")).triu(1))


def test_a_buffer_may_be_infinite_where_it_is_of_no_normalisation() -> None:
    masked = Masked()
    require_finite(masked)
    masked.net[1].running_var[2] = float("nan")
    with pytest.raises(InputError, match=r"NaN or infinite values \(1 of 4 in 'net.1.running_var'\)"):
        require_finite(masked)


class Own(nn.Module):
    """A network that calls its only part as DataParallel does."""

    def __init__(self) -> None:
        super().__init__()
        self.module = network()


@pytest.mark.parametrize("prefix", ["module.", "module.module.", "_orig_mod.module.", "trainer.module.", ""])
@pytest.mark.parametrize("make", [Own, lambda: nn.DataParallel(network())], ids=["own", "DataParallel"])
def test_names_that_begin_as_those_of_several_gpus_do(
    make: Callable[[], nn.Module], prefix: str, tmp_path: Path
) -> None:
    into, expected = make(), weights()
    torch.save(prefixed(prefix, expected), tmp_path / "w.pt")
    if not prefix:
        with pytest.raises(InputError, match=r"its names are '0\.weight', "):
            load_weights(into, tmp_path / "w.pt")
        return
    load_weights(into, tmp_path / "w.pt")
    assert all(torch.equal(value, expected[name.removeprefix("module.")]) for name, value in into.state_dict().items())


class Tied(nn.Module):
    """Two convolutions of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3)
        self.b.weight = self.a.weight


@pytest.mark.parametrize("prefix", ["", "net.", "module."])
def test_one_tensor_of_two_names_may_be_stored_once(prefix: str, tmp_path: Path) -> None:
    saved, into = Tied(), Tied()
    save_model(saved, str(tmp_path / "w"))
    assert set(read_weights(tmp_path / "w")) == {"a.weight", "a.bias", "b.bias"}
    save_file(prefixed(prefix, read_weights(tmp_path / "w")), tmp_path / "w")
    load_weights(into, tmp_path / "w")
    assert torch.equal(into.b.weight, saved.b.weight) and into.b.weight is into.a.weight
    into.b.weight = nn.Parameter(into.a.weight.clone())
    with pytest.raises(InputError, match="holds the weights of another model"):
        load_weights(into, tmp_path / "w")
