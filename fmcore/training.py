"""Train a network on an `ImageSet` and keep its weights at every epoch.

Images stay in memory as bytes, channels-last. On a CPU every batch is cut into parts of 64 images that
stay in the processor's cache and whose gradients are worked out in parallel, then summed in a fixed
order: so the weights are the same on any number of cores. `benchmarks/training.py` compares the speed
with that of a DataLoader over a Dataset.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from fmcore.cores import cores
from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError
from fmcore.header import EpochRecord, TrainingInfo
from fmcore.lesson.plan import BundleRecipe
from fmcore.model_input import AsInput, with_channels
from fmcore.model_source import Model, Wanted, open_model
from fmcore.models import Staged
from fmcore.parallel import Copies, Threads
from fmcore.running import answering_in_logits, are_probabilities, evaluating, hinting, require_logits, run
from fmcore.weights import tensors_of

_EVALUATION_BATCH = 250
_EVALUATION_VALUES = 2**20  # of the images of a batch: large images come in small batches
_TRIED = 8  # images, to see what a network answers
_PART = 64  # images a thread works on at once; the sums depend on it, so it is fixed

_UNTRAINABLE = (
    "Nothing in the model can be trained: its answers depend on no parameter that takes gradients; unfreeze some"
    " (requires_grad), and run no part of it under torch.no_grad."
)


class TrainSpec(BaseModel):
    """What to train and how; the same spec on the same machine gives the same weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "tutorial"
    epochs: int = Field(default=5, ge=0, le=1000)
    batch_size: int = Field(default=128, ge=1, le=100_000)
    learning_rate: float = Field(default=4e-3, gt=0, le=1)
    seed: int = Field(default=0, ge=0, lt=2**32)


State = dict[str, NDArray[np.float32]]  # parameter name -> value


@dataclass(frozen=True)
class Trained:
    """A network and how it got its weights; `states[e]` are those after `e` epochs, none where nobody trained it."""

    spec: TrainSpec
    network: nn.Module
    history: tuple[EpochRecord, ...]
    states: tuple[State, ...]
    device: str
    as_input: AsInput
    weights: str = "trained here"
    classes: tuple[str, ...] | None = None  # the names that came with it or its weights

    def info(self) -> TrainingInfo:
        """The record of this training for the bundle's header."""
        return TrainingInfo(
            epochs=self.spec.epochs,
            batch_size=self.spec.batch_size,
            learning_rate=self.spec.learning_rate,
            optimizer="Adam",
            loss="cross-entropy",
            seed=self.spec.seed,
            device=self.device,
            history=self.history,
        )


@dataclass
class Progress:
    """What a progress bar needs: called with (number of the epoch, images seen in it, images in an epoch)."""

    on_batch: Callable[[int, int, int], None] = field(default=lambda epoch, seen, total: None)


def choose_device() -> torch.device:
    """The GPU when there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def wanted_by(data: ImageSet) -> Wanted:
    """The shape that `data` would like a model to have."""
    channels, side, _ = data.image_shape
    return Wanted(channels, side, len(data.classes))


def untrained(model: Model, seed: int = 0) -> Trained:
    """`model` as it is."""
    spec = TrainSpec(model=model.name, epochs=0, seed=seed)
    network = model.network.to(choose_device()).eval()
    return Trained(spec, network, (), (), choose_device().type, model.as_input, model.weights, model.classes)


def train(data: ImageSet, spec: TrainSpec, progress: Progress | None = None, model: Model | None = None) -> Trained:
    """Train `spec.model` on `data` with Adam and cross-entropy, the learning rate falling to zero.

    Args:
        model: Its network is trained further; when left out, a fresh one is made.

    Raises:
        InputError: unknown model, too small images, or a loss that is no longer a number.
    """
    progress = progress or Progress()
    device = choose_device()
    model = model or open_model(spec.model, wanted_by(data), seed=spec.seed)
    data = with_channels(data, model.preprocessing.channels)
    some = model.as_input(torch.from_numpy(data.test_images[:_TRIED]))
    with (
        hinting(model.network, some),
        _repeatable(spec.seed, device, model.network),
        _Fit(data, spec, device, model) as fit,
        fit.in_logits(some.to(device)),
    ):
        history = [fit.measure(0)]
        states = [state_of(fit.network)]
        for epoch in range(1, spec.epochs + 1):
            fit.run_epoch(epoch, progress)
            history.append(fit.measure(epoch))
            states.append(state_of(fit.network))
        return Trained(spec, fit.network.eval(), tuple(history), tuple(states), device.type, model.as_input)


class _Fit:
    """One training run: the network and the images on the device, the optimizer, and the threads."""

    def __init__(self, data: ImageSet, spec: TrainSpec, device: torch.device, model: Model) -> None:
        self.network, self.as_input = model.network.to(device), model.as_input
        if model.as_input.channels_last:
            self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.spec, self.device = spec, device
        self.train_images = torch.from_numpy(data.train_images).to(device)  # (N, C, H, W) uint8
        self.train_labels = torch.from_numpy(data.train_labels).to(device)  # (N,)
        self.test_images = torch.from_numpy(data.test_images).to(device)
        self.test_labels = torch.from_numpy(data.test_labels).to(device)
        self.classes = len(data.classes)
        self.parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        if not self.parameters:
            raise InputError(_UNTRAINABLE)
        self.optimizer = torch.optim.Adam(self.parameters, lr=spec.learning_rate, fused=device.type != "mps")
        self.bounds = _bounds(len(self.train_labels), spec.batch_size)
        steps = max(1, spec.epochs * (len(self.bounds) - 1))
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)
        # a stranger's network may look at the whole batch, as batch normalisation does, so it is not cut into parts
        self.part = _PART if device.type == "cpu" and isinstance(self.network, Staged) else None
        self.threads = Threads(device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.threads.close()

    @contextmanager
    def in_logits(self, some: Tensor) -> Iterator[None]:
        """See what the network answers to `some` inputs; of one that ends with a softmax, logarithms are learnt from.

        Cross-entropy takes the softmax of what it is given, and two would hold gradients back and be another loss.

        Raises:
            InputError: it answers with anything but a row of numbers an image, or with too few of them.
        """
        with evaluating(self.network), torch.inference_mode():
            outputs = run(self.network, some)
        require_logits(outputs, len(some), self.classes)
        with answering_in_logits(self.network) if are_probabilities(outputs) else nullcontext():
            yield

    def run_epoch(self, epoch: int, progress: Progress) -> None:
        self.network.train()
        total = len(self.train_labels)
        running = torch.zeros((), device=self.device)  # read once an epoch: .item() waits for the device
        for seen, rows in self._batches(total):
            found = self.threads.map(partial(self._gradients, of=len(rows)), torch.split(rows, self.part or len(rows)))
            for parameter, *gradients in zip(self.parameters, *(gradient for _, gradient in found), strict=True):
                parameter.grad = None if gradients[0] is None else sum(gradients[1:], start=gradients[0])
            self.optimizer.step()
            self.schedule.step()
            running += sum(loss for loss, _ in found)
            progress.on_batch(epoch, seen, total)
        if not bool(torch.isfinite(running)):
            raise InputError(
                f"The loss is no longer a number in epoch {epoch} at learning rate"
                f" {self.spec.learning_rate:g}; give a smaller --learning-rate."
            )

    def _gradients(self, rows: Tensor, of: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The share that images `rows` have in the mean loss over `of` images, and its gradients."""
        logits = run(self.network, self.as_input(self.train_images[rows]))
        require_logits(logits, len(rows), self.classes, " in training mode")
        loss = nn.functional.cross_entropy(logits, self.train_labels[rows], reduction="sum") / of
        if not loss.requires_grad:
            raise InputError(_UNTRAINABLE)
        return loss.detach(), torch.autograd.grad(loss, self.parameters, allow_unused=True)

    def _batches(self, total: int) -> Iterator[tuple[int, Tensor]]:
        order = torch.randperm(total).to(self.device)
        for start, end in pairwise(self.bounds):
            yield end, order[start:end]

    def measure(self, epoch: int) -> EpochRecord:
        measured = partial(evaluate, self.network, threads=self.threads, as_input=self.as_input)
        train_loss, train_accuracy = measured(self.train_images, self.train_labels)
        test_loss, test_accuracy = measured(self.test_images, self.test_labels)
        return EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
        )


def _bounds(total: int, size: int) -> list[int]:
    """Where batches of `size` images begin, and `total`; one that would be left over alone goes into the last batch.

    Batch normalisation of vectors learns nothing from a single image.
    """
    starts = list(range(0, total, size))
    return [*(starts[:-1] if len(starts) > 1 and total - starts[-1] == 1 else starts), total]


def evaluate(
    network: nn.Module, images: Tensor, labels: Tensor, threads: Threads, as_input: AsInput
) -> tuple[float, float]:
    """Mean cross-entropy and accuracy (a share) of `network` over byte images (N, C, H, W) and labels (N,)."""
    network.eval()
    copies = Copies(network, threads.count)

    def part(rows: slice) -> tuple[float, int]:
        with torch.inference_mode():
            logits = run(copies.mine(), as_input(images[rows]))
            loss = nn.functional.cross_entropy(logits, labels[rows], reduction="sum")
            return float(loss), int((logits.argmax(1) == labels[rows]).sum())

    size = max(1, min(_EVALUATION_BATCH, _EVALUATION_VALUES // int(np.prod(images.shape[1:]))))
    parts = [slice(start, start + size) for start in range(0, len(labels), size)]
    found = threads.map(part, parts) if copies.count == threads.count else list(map(part, parts))
    return sum(loss for loss, _ in found) / len(labels), sum(right for _, right in found) / len(labels)


def state_of(network: nn.Module) -> State:
    """A copy of every parameter as float32 arrays."""
    return {
        name: value.detach().cpu().contiguous().numpy().astype(np.float32, copy=True)
        for name, value in tensors_of(network).items()
    }


def load_state(network: nn.Module, state: State) -> None:
    """Put `state` into `network`.

    Raises:
        InputError: a parameter is missing, unknown or of another shape; the first one is named.
    """
    expected = {name: tuple(value.shape) for name, value in tensors_of(network).items()}
    found = {name: value.shape for name, value in state.items()}
    for name in [*expected, *(name for name in found if name not in expected)]:
        if expected.get(name) != found.get(name):
            raise InputError(
                f"These weights belong to another model: '{name}' should be"
                f" {expected.get(name, 'absent')} and is {found.get(name, 'absent')}."
            )
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in state.items()})


@contextmanager
def _repeatable(seed: int, device: torch.device, network: nn.Module) -> Iterator[None]:
    """Fix every source of chance that training has, and give the process its own back afterwards."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(), ExitStack() as stack:
        torch.manual_seed(seed)
        if device.type == "cpu":
            # parts run in parallel, and not what is inside them
            torch.set_num_threads(1 if isinstance(network, Staged) else cores())
            stack.callback(torch.set_num_threads, threads)
        else:
            before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
            torch.use_deterministic_algorithms(True, warn_only=True)
            stack.callback(torch.use_deterministic_algorithms, before[0], warn_only=before[1])
        yield


def train_spec(recipe: BundleRecipe) -> TrainSpec:
    """The training that a plan's recipe asks for."""
    return TrainSpec(
        model=recipe.model,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        seed=recipe.seed,
    )
