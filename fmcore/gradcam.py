"""Grad-CAM: which places of a feature-map stack support a class (Selvaraju et al., 2017, eq. 1-2).

The signed map is kept: places that speak against the class are negative. Drawing only what supports
it, as the paper's ReLU does, is left to whoever draws.
"""

import torch
from torch import Tensor


def grad_cam(score: Tensor, activation: Tensor) -> Tensor:
    """Signed Grad-CAM (B, H, W) of `activation` (B, C, H, W) for the class scores `score` (B,).

    `activation` must lie on the way to `score`. The weight of a channel is the mean over its
    positions of d score / d activation; the map is the weighted sum of the channels.
    """
    (gradient,) = torch.autograd.grad(score.sum(), activation, retain_graph=True)  # (B, C, H, W)
    weight = gradient.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    return (weight * activation).sum(dim=1)
