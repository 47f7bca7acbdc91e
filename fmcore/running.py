"""Run a stranger's network on a batch of images: in evaluation mode, its complaints put into sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from fmcore.errors import FmcoreError, InputError


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
        shape = " x ".join(str(side) for side in images.shape[1:])
        raise InputError(
            f"The model cannot be run on images of shape {shape} ({type(error).__name__}: {reason});"
            " give another --image-size, or mend the model."
        ) from error


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
