"""Grad-CAM: which places of a feature-map stack support a class (Selvaraju et al., 2017, eq. 1-2).

The weight of a channel is the mean over its positions of d score / d activation; the map is the weighted sum of
the channels. The signed map is kept: places that speak against the class are negative. Drawing only what supports
it, as the paper's ReLU does, is left to whoever draws.
"""

import torch
from torch import Tensor

from fmcore.tracing import Layer


class ChannelWeights:
    """Collects the weights of all layers while a score is traced back; give `listen` every activation."""

    def __init__(self) -> None:
        self.found: dict[str, Tensor] = {}  # layer -> (B, C)

    def listen(self, layer: Layer, activation: Tensor) -> None:
        """Remember `activation` (B, C, H, W) as it is now; the network may overwrite it afterwards."""

        def note(gradient: Tensor) -> None:
            self.found[layer.name] = gradient.mean(dim=(2, 3))

        if activation.requires_grad:
            activation.register_hook(note)  # type: ignore[no-untyped-call]

    def of(self, score: Tensor, images: Tensor) -> dict[str, Tensor]:
        """The weights (B, C) by layer for the scores (B,), which were worked out from `images` (B, C, H, W).

        Layers that have no part in the score are left out; all are where it cannot be traced back, as after a
        nonlinearity whose result was overwritten.
        """
        self.found = {}
        try:
            torch.autograd.grad(score.sum(), images, retain_graph=True, allow_unused=True)
        except RuntimeError:
            return {}
        return self.found


def grad_cam(weights: Tensor, activation: Tensor) -> Tensor:
    """The signed maps (B, T, H, W) of T classes from the channels' weights (B, T, C) and activation (B, C, H, W)."""
    return torch.einsum("btc,bchw->bthw", weights, activation)
