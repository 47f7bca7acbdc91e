"""Training repeats itself, learns, and leaves the process as it was."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError
from fmcore.lesson.plan import BundleRecipe
from fmcore.model_input import AsInput, plain_preprocessing
from fmcore.model_source import Model
from fmcore.models import MODELS, build_model
from fmcore.training import Progress, State, Trained, TrainSpec, _bounds, load_state, state_of, train, train_spec

TrainTiny = Callable[..., Trained]


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("model", MODELS)
def test_a_seed_gives_the_same_weights_again_and_another_gives_others(
    model: str, rgb_images: ImageSet, train_tiny: TrainTiny
) -> None:
    first, again, other = (train_tiny(rgb_images, model, seed=seed) for seed in (7, 7, 8))
    assert all(same(a, b) for a, b in zip(first.states, again.states, strict=True))
    assert first.history == again.history
    assert not same(first.states[0], other.states[0]) and first.history != other.history


@pytest.mark.parametrize("threads", ["3", "2,1", ""])  # OpenMP allows a list, one number a level
def test_how_many_threads_work_changes_nothing(
    threads: str, rgb_images: ImageSet, train_tiny: TrainTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = train_tiny(rgb_images, "tutorial", batch_size=50)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    together = train_tiny(rgb_images, "tutorial", batch_size=50)
    assert alone.history == together.history
    assert all(same(a, b) for a, b in zip(alone.states, together.states, strict=True))


def test_epoch_0_is_the_untrained_network(tutorial_trained: Trained) -> None:
    torch.manual_seed(0)
    assert same(tutorial_trained.states[0], state_of(build_model("tutorial", 1, 28, 10)))
    assert not same(tutorial_trained.states[0], tutorial_trained.states[1])
    assert same(tutorial_trained.states[-1], state_of(tutorial_trained.network))


def test_nothing_is_imported_where_training_may_be_interrupted(
    rgb_images: ImageSet, train_tiny: TrainTiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It imports much the first time; Ctrl-C in there, and it cannot be called again to put things back.
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda *given, **more: pytest.fail("on a processor"))
    train_tiny(rgb_images, "tutorial", epochs=1)


def test_no_epochs_are_an_untrained_network(rgb_images: ImageSet, train_tiny: TrainTiny) -> None:
    trained = train_tiny(rgb_images, "tutorial", epochs=0)
    assert [record.epoch for record in trained.history] == [0] and len(trained.states) == 1
    assert trained.info().history == trained.history


def test_what_can_be_learned_is_learned(rgb_images: ImageSet, train_tiny: TrainTiny) -> None:
    history = train_tiny(rgb_images, "tutorial", epochs=4, batch_size=16, learning_rate=5e-3).history
    assert [record.epoch for record in history] == [0, 1, 2, 3, 4]
    assert history[-1].train_loss < 0.2 * history[0].train_loss
    assert history[-1].test_accuracy > 0.9 > history[0].test_accuracy


def test_the_record_is_what_the_network_does(tutorial_trained: Trained, tiny_images: ImageSet) -> None:
    with torch.inference_mode():
        logits = tutorial_trained.network(torch.from_numpy(tiny_images.test_images / np.float32(255))).numpy()
    shares = np.exp(logits.astype(np.float64)) / np.exp(logits.astype(np.float64)).sum(1, keepdims=True)
    last, labels = tutorial_trained.history[-1], tiny_images.test_labels
    assert last.test_accuracy == pytest.approx((logits.argmax(1) == labels).mean())
    assert last.test_loss == pytest.approx(-np.log(shares[np.arange(60), labels]).mean(), rel=1e-5)
    assert not tutorial_trained.network.training


def test_chance_of_the_process_is_its_own(rgb_images: ImageSet, train_tiny: TrainTiny) -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]
    train_tiny(rgb_images, "tutorial")
    assert torch.equal(before, torch.get_rng_state())
    assert np.random.get_state()[1].tolist() == numpy_before  # type: ignore[index, union-attr]
    assert not torch.are_deterministic_algorithms_enabled()


def test_also_after_an_interruption(rgb_images: ImageSet) -> None:
    def stop(epoch: int, seen: int, total: int) -> None:
        raise KeyboardInterrupt

    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        train(rgb_images, TrainSpec(epochs=1), Progress(on_batch=stop))
    assert torch.equal(before, torch.get_rng_state()) and not torch.are_deterministic_algorithms_enabled()


def test_progress_counts_every_image_of_every_epoch(rgb_images: ImageSet) -> None:
    batches: list[tuple[int, int, int]] = []
    train(rgb_images, TrainSpec(epochs=2, batch_size=50), Progress(lambda *batch: batches.append(batch)))
    assert batches == [(epoch, seen, 120) for epoch in (1, 2) for seen in (50, 100, 120)]


def given(network: nn.Module, data: ImageSet) -> Model:
    return Model("given", network, AsInput(plain_preprocessing(data.image_shape[0], data.image_shape[1])), "given")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x: (x, x), r"this model gave 2 values \(tuple\); wrap it in a module that returns its logits alone"),
        (lambda x: x[:, :1], "tells at least two classes apart, and this model gave one number an image; wrap it"),
        (lambda x: x[:, :2], r"expected was a tensor of shape \(8, \d+\), and this model gave"),
    ],
)
def test_a_network_that_answers_otherwise_is_a_sentence(
    answer: Callable[[torch.Tensor], object], sentence: str, rgb_images: ImageSet
) -> None:
    class Odd(nn.Sequential):
        def forward(self, x: torch.Tensor) -> object:
            return answer(super().forward(x))

    count = int(np.prod(rgb_images.image_shape))
    with pytest.raises(InputError, match=sentence):
        train(rgb_images, TrainSpec(epochs=1), model=given(Odd(nn.Flatten(), nn.Linear(count, 10)), rgb_images))


def test_a_softmax_at_the_end_changes_nothing_that_is_learnt(rgb_images: ImageSet) -> None:
    count, classes = int(np.prod(rgb_images.image_shape)), len(rgb_images.classes)

    def trained(*more: nn.Module) -> Trained:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(count, classes), *more)
        return train(rgb_images, TrainSpec(epochs=1), model=given(network, rgb_images))

    plain, shares = trained(), trained(nn.Softmax(1))
    for one, other in zip(plain.history, shares.history, strict=True):
        assert other.test_loss == pytest.approx(one.test_loss, abs=1e-4)
    some = torch.rand(3, *rgb_images.image_shape)
    assert shares.network(some).sum(1).detach().numpy() == pytest.approx(1)  # its answers are what they were


def test_no_batch_is_a_single_image(rgb_images: ImageSet) -> None:
    count = int(np.prod(rgb_images.image_shape))
    network = nn.Sequential(nn.Flatten(), nn.Linear(count, 4), nn.BatchNorm1d(4), nn.Linear(4, len(rgb_images.classes)))
    spec = TrainSpec(epochs=1, batch_size=len(rgb_images.train_labels) - 1)
    assert np.isfinite(train(rgb_images, spec, model=given(network, rgb_images)).history[-1].train_loss)
    assert _bounds(7, 3) == [0, 3, 7] and _bounds(8, 3) == [0, 3, 6, 8] and _bounds(1, 3) == [0, 1]


def test_a_network_that_cannot_be_trained_is_a_sentence_and_a_part_may_be_frozen(rgb_images: ImageSet) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4))
    model = Model("own", network, AsInput(plain_preprocessing(3, 28)), "random")
    network[0].requires_grad_(False)
    before = network[0].weight.clone()  # type: ignore[operator]
    train(rgb_images, TrainSpec(epochs=1, batch_size=50), model=model)
    assert torch.equal(network[0].weight, before)  # type: ignore[arg-type]
    network.requires_grad_(False)
    with pytest.raises(InputError, match="Nothing in the model can be trained"):
        train(rgb_images, TrainSpec(epochs=1), model=model)
    network.requires_grad_().forward = torch.no_grad()(network.forward)  # type: ignore[method-assign]
    with pytest.raises(InputError, match="Nothing in the model can be trained"):
        train(rgb_images, TrainSpec(epochs=1), model=model)


@pytest.mark.parametrize("rate", [1e30, 3e38])
def test_a_learning_rate_that_blows_up_is_a_sentence(rate: float, rgb_images: ImageSet) -> None:
    too_fast = TrainSpec(epochs=2, batch_size=50).model_copy(update={"learning_rate": rate})
    with pytest.raises(InputError, match=r"no longer a number in epoch 1 at learning rate .*smaller --learning-rate"):
        train(rgb_images, too_fast)


@pytest.mark.parametrize(
    "wish", [{"learning_rate": 0}, {"learning_rate": 2}, {"epochs": -1}, {"batch_size": 0}, {"seed": -1}, {"sed": 1}]
)
def test_a_spec_holds_only_what_can_be_done(wish: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainSpec.model_validate(wish)


def test_a_recipe_is_trained_as_it_says() -> None:
    recipe = BundleRecipe(model="deep", epochs=3, batch_size=9, learning_rate=0.5, seed=4)
    spec = train_spec(recipe)
    assert spec == TrainSpec(model="deep", epochs=3, batch_size=9, learning_rate=0.5, seed=4)
    assert train_spec(BundleRecipe()) == TrainSpec()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("conv1.bias"), r"'conv1.bias' should be \(8,\) and is absent"),
        (lambda state: state.update(extra=np.zeros(3, np.float32)), r"'extra' should be absent and is \(3,\)"),
        (lambda state: state.update({"conv1.bias": np.zeros(3, np.float32)}), r"should be \(8,\) and is \(3,\)"),
    ],
)
def test_weights_of_another_model_are_named(
    change: Callable[[State], object], sentence: str, tutorial_trained: Trained
) -> None:
    state = dict(tutorial_trained.states[0])
    change(state)
    with pytest.raises(InputError, match=sentence):
        load_state(build_model("tutorial", 1, 28, 10), state)
