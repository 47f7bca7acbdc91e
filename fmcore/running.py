"""Run a stranger's network on a batch of images: in evaluation mode, its complaints put into sentences."""

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmcore.data.imageset import Images
from fmcore.errors import FmcoreError, InputError
from fmcore.model_input import AsInput

_USUAL_SIDES = (28, 32, 48, 64, 96, 112, 128, 160, 192, 224, 227, 256, 299, 384)
_PATIENCE_S = 10.0  # that looking for a fitting size may take
_NEAR_ONE = 1e-4  # how far from 1 probabilities may sum


def device_of(network: nn.Module) -> torch.device:
    """Where its weights are; the CPU where it has none."""
    return next((tensor.device for tensor in chain(network.parameters(), network.buffers())), torch.device("cpu"))


@contextmanager
def full_precision() -> Iterator[None]:
    """Keep a GPU from rounding what it multiplies to 10 bits (TF32): sums would not be those of the weights."""
    if not torch.cuda.is_available():
        yield
        return
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def require_logits(output: object, images: int, classes: int | None = None, mode: str = "") -> None:
    """Make sure that a network gave one row of logits an image, and one number a class; `mode` ends the complaint.

    Raises:
        InputError: it gave something else.
    """
    fits = isinstance(output, Tensor) and output.dim() == 2 and output.shape[0] == images and output.shape[1] > 1
    if isinstance(output, Tensor) and output.shape == (images, 1):
        raise InputError(
            f"A classifier tells at least two classes apart, and this model gave one number an image{mode};"
            " wrap it in a module that returns a logit of both, such as torch.cat([torch.zeros_like(x), x], 1)."
        )
    if isinstance(output, Tensor) and output.dim() > 2 and output.numel() == images * output.shape[1] > images:
        raise InputError(
            f"A classifier gives one row of logits an image, and this model gave {_described(output)}{mode};"
            " let it return output.flatten(1)."
        )
    if not fits or (classes is not None and isinstance(output, Tensor) and output.shape[1] != classes):
        shape = f"({images}, {classes or 'classes'})"
        raise InputError(
            f"A classifier gives one row of logits an image; expected was a tensor of shape {shape}, and this model"
            f" gave {_described(output)}{mode}; wrap it in a module that returns its logits alone."
        )


def run(network: nn.Module, images: Tensor) -> Any:
    """`network(images)`, its own complaints put into a sentence."""
    try:
        return network(images)
    except (FmcoreError, MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # a stranger's model may raise anything
        reason = " ".join(str(error).split())[:200]
        if isinstance(error, TypeError) and "positional argument" in reason:
            raise InputError(
                f"The model wants other inputs than one batch of images ({reason});"
                " wrap it in a module whose forward takes the images alone."
            ) from error
        if network.training and len(images) == 1 and "more than 1 value per channel" in reason:
            raise InputError(
                "The model normalises over the images of a step, and one alone has no spread: give a --batch-size of 2"
                " or more."
            ) from error
        raise _CannotRunError(
            f"The model cannot be run on images of {_shown(images.shape[1:])} ({type(error).__name__}: {reason});"
            " give another --image-size, or mend the model."
        ) from error


def answers(network: nn.Module, as_input: AsInput, images: Images) -> Tensor:
    """What the network answers to `images` (B, C, H, W): (B, K)."""
    with evaluating(network), torch.no_grad():
        outputs: Tensor = run(network, as_input(torch.from_numpy(images).to(device_of(network))))
        return outputs


def answers_each_alone(network: nn.Module, as_input: AsInput, images: Images, together: Tensor) -> bool:
    """Whether images get the same answers one by one as `together` (B, K); True where that cannot be told.

    So it is where one image alone cannot be shown, or where the answers are no numbers, which is told elsewhere.
    """
    if not bool(torch.isfinite(together).all()):
        return True
    try:
        alone = torch.cat([answers(network, as_input, images[row : row + 1]) for row in range(len(images))])
    except (InputError, RuntimeError):  # it is not made for one image alone, or answers it in another shape
        return True
    largest = float(together.abs().max())
    return alone.shape != together.shape or torch.allclose(together, alone, rtol=1e-2, atol=1e-3 * largest)


def require_numbers(logits: NDArray[np.float32]) -> None:
    """Make sure that all answers (M, K) are numbers, where the maps before them are.

    Raises:
        InputError: one is NaN or infinite.
    """
    wrong = ~np.isfinite(logits)
    if wrong.any():
        image, output = (int(number) for number in np.argwhere(wrong)[0])
        raise InputError(
            f"The model answers with NaN or infinite values to {wrong.any(1).sum():,} of {len(logits):,} images"
            f" ({logits[image, output]} as its output {output + 1}), although the maps that were measured are numbers;"
            " mend what comes after them, such as the logarithm of a negative number, and let what must not win have a"
            " large negative number instead of an infinite one."
        )


class _CannotRunError(InputError):
    """The network raised something about its images."""


@contextmanager
def hinting(network: nn.Module, images: Tensor) -> Iterator[None]:
    """Where `network` cannot be run on images such as `images`, say on which ones it can be.

    That is found by trying usual sizes, in grey and in RGB.
    """
    try:
        yield
    except _CannotRunError as error:
        found = fitting(network, images)
        if found is None:
            raise
        channels, side = found
        wanted = []
        if channels != images.shape[1]:
            name = {1: "grey", 3: "RGB"}[channels]
            wanted.append(f"say in its attribute 'preprocessing' that it takes {name} images (channels {channels})")
        if (side, side) != tuple(images.shape[2:]):
            wanted.append(f"give --image-size {side}")
        if not wanted:
            raise
        reason = error.message.rpartition(";")[0]
        raise InputError(f"{reason}; it runs on {_shown((channels, side, side))}: {' and '.join(wanted)}.") from error


def runs_on(network: nn.Module, channels: int, side: int) -> bool:
    """Whether a copy of `network` runs on two images of `channels` and `side`, whatever it answers."""
    with suppress(Exception), warnings.catch_warnings(), torch.no_grad():  # a stranger's model may raise anything
        warnings.simplefilter("ignore")
        tried = deepcopy(network).eval()  # it may keep something of the first images that it sees
        tried(torch.zeros(2, channels, side, side, device=device_of(network)))
        return True
    return False


def fitting(network: nn.Module, images: Tensor) -> tuple[int, int] | None:
    """Channels and side of images that `network` runs on; None where none is found soon."""
    own, end = images.shape[1], time.monotonic() + _PATIENCE_S
    sides = dict.fromkeys([*(side for side in images.shape[2:]), *_USUAL_SIDES])
    with evaluating(network), torch.inference_mode():
        for channels in (own, *(other for other in (1, 3) if other != own)):
            for side in sides:
                if time.monotonic() > end:
                    return None
                with suppress(Exception):  # a stranger's model may raise anything
                    output = network(images.new_zeros((len(images), channels, side, side), device=device_of(network)))
                    require_logits(output, len(images))
                    return channels, side
    return None


def _shown(shape: Sequence[int]) -> str:
    """`1 x 28 x 28 (grey)`: channels, height and width."""
    name = {1: " (grey)", 3: " (RGB)"}.get(shape[0], "")
    return " x ".join(str(side) for side in shape) + name


# As autograd calls them: what puts numbers elsewhere and changes none.
_RESHAPING = frozenset({
    "Alias", "Cat", "Clone", "Expand", "Permute", "Reshape", "Select", "Slice", "Squeeze", "Stack", "T", "ToCopy",
    "Transpose", "Unsqueeze", "UnsafeView", "View",
})  # fmt: skip


def are_probabilities(outputs: Tensor) -> bool:
    """Whether `outputs` (B, K) are shares of one, as a network gives that ends with a softmax."""
    return bool((outputs >= 0).all()) and bool(((outputs.sum(1) - 1).abs() < _NEAR_ONE).all())


def are_shares(outputs: Tensor) -> bool:
    """Whether `outputs` (B, K) all lie in 0..1, as after a sigmoid, and are no probabilities."""
    return (
        bool(((outputs >= 0) & (outputs <= 1)).all()) and bool((outputs > 0).any()) and not are_probabilities(outputs)
    )


def ends_with_sigmoid(network: nn.Module, images: Tensor) -> bool:
    """Whether what `network` answers to `images` comes out of a sigmoid, or may: without gradients nothing is told."""
    step = None
    with evaluating(network), torch.enable_grad(), suppress(RuntimeError):
        step = network(images.detach().clone().requires_grad_() + 0).grad_fn  # a sum may be written over, a leaf not
    while step is not None and step.name().rstrip("0123456789").removesuffix("Backward") in _RESHAPING:
        step = step.next_functions[0][0]
    return step is None or "sigmoid" in step.name().lower()


@contextmanager
def answering_in_logits(network: nn.Module) -> Iterator[None]:
    """Let a network that answers in probabilities answer in their logarithms, whose softmax they are."""

    def logarithm(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        return output.clamp_min(torch.finfo(output.dtype).tiny).log()

    handle = network.register_forward_hook(logarithm)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put every module into evaluation mode, and each back into its own afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        network.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"one of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"{len(value)} values ({type(value).__name__})"
    return f"a {type(value).__name__}"
