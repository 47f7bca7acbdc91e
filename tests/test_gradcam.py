"""Our Grad-CAM against captum's, and against the formula on a network small enough for paper."""

from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn

from fmcore.bundle import Bundle
from fmcore.gradcam import grad_cam


@pytest.mark.parametrize("model", ["tutorial", "deep"])
def test_recorded_maps_are_those_of_captum(model: str, request: pytest.FixtureRequest) -> None:
    network: nn.Module = request.getfixturevalue(f"{model}_trained").network
    path: Path = request.getfixturevalue(f"{model}_bundle")
    with Bundle.open(path) as bundle:
        probes = torch.tensor(bundle.array("probes"))
        predicted = torch.tensor([probe.predicted for probe in bundle.header.probes])
        for layer in bundle.convolutions:
            relu = network.get_submodule(layer.name.replace("conv", "relu"))
            expected = LayerGradCam(network, relu).attribute(probes, predicted, relu_attributions=False)
            ours = bundle.array(f"{layer.name}/gradcam")
            assert ours.shape == (len(probes), *layer.output_shape[1:])
            np.testing.assert_allclose(ours, expected.detach().numpy()[:, 0], rtol=1e-4, atol=1e-5)


def test_the_map_is_signed_and_weighs_channels_by_their_mean_gradient() -> None:
    activation = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]], requires_grad=True)  # (1, 2, 1, 2)
    score = (activation * torch.tensor([[[[2.0, 4.0]], [[-1.0, -3.0]]]])).sum((1, 2, 3))  # channel means 3, -2
    assert grad_cam(score, activation).tolist() == [[[3 * 1 - 2 * 3, 3 * 2 - 2 * 0]]]


def test_images_of_a_batch_do_not_mix() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU())
    images = torch.rand(4, 1, 6, 6)

    def maps(batch: torch.Tensor) -> torch.Tensor:
        activation = network(batch)
        return grad_cam(activation.square().sum((1, 2, 3)), activation)

    together = maps(images)
    for number in range(4):
        torch.testing.assert_close(maps(images[number : number + 1])[0], together[number])
