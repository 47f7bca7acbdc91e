"""Grad-CAM: which places of a feature-map stack support a class (Selvaraju et al., 2017, eq. 1-2).

The weight of a channel is the mean over its positions of d score / d activation; the map is the weighted sum of
the channels. The signed map is kept: places that speak against the class are negative. Drawing only what supports
it, as the paper's ReLU does, is left to whoever draws.
"""

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from fmcore.stages import Layer


class ChannelWeights:
    """Collects the weights of all layers while a score is traced back; give `listen` every activation."""

    def __init__(self) -> None:
        self._edges: dict[str, GradientEdge] = {}  # layer -> its activation as it was
        self._noted: dict[str, Tensor] = {}

    def listen(self, layer: Layer, activation: Tensor) -> None:
        """Remember `activation` (B, C, H, W) as it is now; the network may overwrite it afterwards."""

        def note(gradient: Tensor | None) -> None:
            if gradient is not None:  # a function may say that it has none
                self._noted[layer.name] = gradient

        if activation.requires_grad:
            self._edges[layer.name] = get_gradient_edge(activation)
            activation.register_hook(note)  # type: ignore[no-untyped-call]

    def of(self, score: Tensor, network: nn.Module) -> dict[str, Tensor]:
        """The weights (B, C) by layer for the scores (B,), which `network` gave.

        Layers that have no part in the score are left out; all are where it cannot be traced back, as after a
        nonlinearity whose result was overwritten.
        """
        if not self._edges:
            return {}
        self._noted = {}
        try:
            torch.autograd.grad(score.sum(), list(self._edges.values()), retain_graph=True, allow_unused=True)
        except RuntimeError:  # some parts, such as a re-entrant checkpoint, can only be traced back to the very end
            try:
                self._trace_to_the_end(score, network)
            except RuntimeError:
                return {}
        return {name: self._noted[name].mean(dim=(2, 3)) for name in self._edges if name in self._noted}

    def _trace_to_the_end(self, score: Tensor, network: nn.Module) -> None:
        """As in training, but the gradients of the parameters are afterwards what they were."""
        before = [(parameter, parameter.grad) for parameter in network.parameters()]
        self._noted = {}
        try:
            for parameter, _ in before:
                parameter.grad = None
            score.sum().backward(retain_graph=True)  # type: ignore[no-untyped-call]
        finally:
            for parameter, gradient in before:
                parameter.grad = gradient


def grad_cam(weights: Tensor, activation: Tensor) -> Tensor:
    """The signed maps (B, T, H, W) of T classes from the channels' weights (B, T, C) and activation (B, C, H, W)."""
    return torch.einsum("btc,bchw->bthw", weights, activation)
