"""Train a network on an `ImageSet` and keep its weights at every epoch.

Images stay in memory as bytes, channels-last. On a CPU every batch is cut into parts of 64 images that
stay in the processor's cache and whose gradients are worked out in parallel, then summed in a fixed
order: so the weights are the same on any number of cores. `benchmarks/training.py` compares the speed
with that of a DataLoader over a Dataset.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError
from fmcore.header import EpochRecord, TrainingInfo
from fmcore.lesson.plan import BundleRecipe
from fmcore.models import build_model

_EVALUATION_BATCH = 250
_PART = 64  # images a thread works on at once; the sums depend on it, so it is fixed


class TrainSpec(BaseModel):
    """What to train and how; the same spec on the same machine gives the same weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "tutorial"
    epochs: int = Field(default=5, ge=0, le=1000)
    batch_size: int = Field(default=128, ge=1, le=100_000)
    learning_rate: float = Field(default=4e-3, gt=0, le=1)
    seed: int = Field(default=0, ge=0, lt=2**32)


Part = TypeVar("Part")
Result = TypeVar("Result")
State = dict[str, NDArray[np.float32]]  # parameter name -> value


@dataclass(frozen=True)
class Trained:
    """A trained network and how it got there; `states[e]` are the weights after `e` epochs."""

    spec: TrainSpec
    network: nn.Module
    history: tuple[EpochRecord, ...]
    states: tuple[State, ...]
    device: str

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
    """What a progress bar needs: called with (images seen in this epoch, images in an epoch)."""

    on_batch: Callable[[int, int, int], None] = field(default=lambda epoch, seen, total: None)
    on_epoch: Callable[[EpochRecord], None] = field(default=lambda record: None)


def choose_device() -> torch.device:
    """The GPU when there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def train(data: ImageSet, spec: TrainSpec, progress: Progress | None = None) -> Trained:
    """Train `spec.model` on `data` with Adam and cross-entropy, the learning rate falling to zero.

    Raises:
        InputError: unknown model, too small images, or a loss that is no longer a number.
    """
    progress = progress or Progress()
    device = choose_device()
    with _repeatable(spec.seed, device), _Fit(data, spec, device) as fit:
        history = [fit.measure(0)]
        states = [state_of(fit.network)]
        progress.on_epoch(history[0])
        for epoch in range(1, spec.epochs + 1):
            fit.run_epoch(epoch, progress)
            history.append(fit.measure(epoch))
            states.append(state_of(fit.network))
            progress.on_epoch(history[-1])
        return Trained(spec, fit.network.eval(), tuple(history), tuple(states), device.type)


class _Fit:
    """One training run: the network and the images on the device, the optimizer, and the threads."""

    def __init__(self, data: ImageSet, spec: TrainSpec, device: torch.device) -> None:
        channels, size, _ = data.image_shape
        network = build_model(spec.model, channels, size, len(data.classes))
        self.network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.spec, self.device = spec, device
        self.train_images = torch.from_numpy(data.train_images).to(device)  # (N, C, H, W) uint8
        self.train_labels = torch.from_numpy(data.train_labels).to(device)  # (N,)
        self.test_images = torch.from_numpy(data.test_images).to(device)
        self.test_labels = torch.from_numpy(data.test_labels).to(device)
        self.parameters = list(self.network.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=spec.learning_rate, fused=device.type != "mps")
        steps = max(1, spec.epochs * -(-len(self.train_labels) // spec.batch_size))
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, steps)
        self.part = _PART if device.type == "cpu" else spec.batch_size
        self.threads = Threads(device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.threads.close()

    def run_epoch(self, epoch: int, progress: Progress) -> None:
        self.network.train()
        total = len(self.train_labels)
        running = torch.zeros((), device=self.device)  # read once an epoch: .item() waits for the device
        for seen, rows in self._batches(total):
            found = self.threads.map(partial(self._gradients, of=len(rows)), torch.split(rows, self.part))
            for parameter, *gradients in zip(self.parameters, *(gradient for _, gradient in found), strict=True):
                parameter.grad = sum(gradients[1:], start=gradients[0])
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
        logits = self.network(as_input(self.train_images[rows]))
        loss = nn.functional.cross_entropy(logits, self.train_labels[rows], reduction="sum") / of
        return loss.detach(), torch.autograd.grad(loss, self.parameters)

    def _batches(self, total: int) -> Iterator[tuple[int, Tensor]]:
        order = torch.randperm(total).to(self.device)
        for start in range(0, total, self.spec.batch_size):
            rows = order[start : start + self.spec.batch_size]
            yield start + len(rows), rows

    def measure(self, epoch: int) -> EpochRecord:
        train_loss, train_accuracy = evaluate(self.network, self.train_images, self.train_labels, self.threads)
        test_loss, test_accuracy = evaluate(self.network, self.test_images, self.test_labels, self.threads)
        return EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
        )


class Threads:
    """Python threads that each compute with one core; torch releases the interpreter while it does.

    The calling thread is one of them, which spares a handover. A GPU is fed by one. How many there are never
    changes a result, since the results come back in the order of their parts.
    """

    def __init__(self, device: torch.device) -> None:
        asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # OpenMP allows a list there
        cores = int(asked) if asked.isdecimal() and int(asked) else os.cpu_count() or 1
        self.count = cores if device.type == "cpu" else 1
        self._others = ThreadPoolExecutor(max(1, self.count - 1), initializer=torch.set_num_threads, initargs=(1,))

    def map(self, function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """`function` of every part; thread number k works on the parts k, k + count, ..."""
        lanes = [parts[first :: self.count] for first in range(min(self.count, len(parts)))]
        others = [self._others.submit(lambda lane: [function(part) for part in lane], lane) for lane in lanes[1:]]
        found = [[function(part) for part in lanes[0]], *(other.result() for other in others)]
        return [found[number % self.count][number // self.count] for number in range(len(parts))]

    def close(self) -> None:
        self._others.shutdown(cancel_futures=True)


def as_input(images: Tensor) -> Tensor:
    """Bytes (B, C, H, W) as the network's input: float32 in 0..1, channels-last in memory."""
    return images.contiguous(memory_format=torch.channels_last).to(torch.float32).div_(255)


def evaluate(network: nn.Module, images: Tensor, labels: Tensor, threads: Threads) -> tuple[float, float]:
    """Mean cross-entropy and accuracy (a share) of `network` over byte images (N, C, H, W) and labels (N,)."""
    network.eval()

    def part(rows: slice) -> tuple[float, int]:
        with torch.inference_mode():
            logits = network(as_input(images[rows]))
            loss = nn.functional.cross_entropy(logits, labels[rows], reduction="sum")
            return float(loss), int((logits.argmax(1) == labels[rows]).sum())

    starts = range(0, len(labels), _EVALUATION_BATCH)
    found = threads.map(part, [slice(start, start + _EVALUATION_BATCH) for start in starts])
    return sum(loss for loss, _ in found) / len(labels), sum(right for _, right in found) / len(labels)


def state_of(network: nn.Module) -> State:
    """A copy of every parameter as float32 arrays."""
    return {
        name: value.detach().cpu().contiguous().numpy().astype(np.float32, copy=True)
        for name, value in network.state_dict().items()
    }


def load_state(network: nn.Module, state: State) -> None:
    """Put `state` into `network`.

    Raises:
        InputError: a parameter is missing, unknown or of another shape; the first one is named.
    """
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: value.shape for name, value in state.items()}
    for name in expected.keys() | found.keys():
        if expected.get(name) != found.get(name):
            raise InputError(
                f"These weights belong to another model: '{name}' should be"
                f" {expected.get(name, 'absent')} and is {found.get(name, 'absent')}."
            )
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in state.items()})


@contextmanager
def _repeatable(seed: int, device: torch.device) -> Iterator[None]:
    """Fix every source of chance that training has, and give the process its own back afterwards."""
    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if device.type == "cpu":
            torch.set_num_threads(1)  # the parts run in parallel, not what is inside them
        else:
            torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic)
            torch.set_num_threads(threads)


def train_spec(recipe: BundleRecipe) -> TrainSpec:
    """The training that a plan's recipe asks for."""
    return TrainSpec(
        model=recipe.model,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        seed=recipe.seed,
    )
