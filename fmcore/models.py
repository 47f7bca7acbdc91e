"""The two networks that lessons are made with. Input (B, C, S, S) in 0..1, output logits (B, K)."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn

from fmcore.errors import InputError, one_of

_LARGE_INPUT = 64  # from this size on, `deep` halves the image in its first convolution already


class LinearOverMaps(nn.Linear):
    """`nn.Linear(nn.Flatten(x))` for maps (B, C, H, W), its weights in the same order.

    It reads the maps as they lie in memory, channels-last: flattening them first would copy them, and their
    gradients back, at a seventh of the training time.
    """

    def forward(self, maps: Tensor) -> Tensor:
        batch, channels, height, width = maps.shape
        weight = self.weight.view(-1, channels, height, width).permute(0, 2, 3, 1).reshape(self.out_features, -1)
        return nn.functional.linear(maps.permute(0, 2, 3, 1).reshape(batch, -1), weight, self.bias)


class Staged(nn.Sequential):
    """A sequence that pools before ReLU while it is trained, which is the same and a quarter of the work.

    The largest of four values is positive exactly if it is the largest after ReLU, so outputs and gradients
    agree; in evaluation, when maps are recorded, every module runs in its place.
    """

    def forward(self, maps: Tensor) -> Tensor:
        modules = list(self)
        if self.training:
            for first, (one, other) in enumerate(pairwise(modules)):
                if isinstance(one, nn.ReLU) and isinstance(other, nn.MaxPool2d):
                    modules[first], modules[first + 1] = other, one
        for module in modules:
            maps = module(maps)
        return maps


def tutorial(in_channels: int, image_size: int, classes: int) -> nn.Module:
    """Two convolutions of 8 and 16 filters, 3x3, on maps as large as the image; one pooling; linear."""
    pooled = image_size // 2
    return Staged(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 8, 3, padding=1),  # (B, 8, S, S)
            relu1=nn.ReLU(inplace=True),
            conv2=nn.Conv2d(8, 16, 3, padding=1),  # (B, 16, S, S)
            relu2=nn.ReLU(inplace=True),
            pool=nn.MaxPool2d(2),  # (B, 16, S/2, S/2)
            linear=LinearOverMaps(16 * pooled * pooled, classes),
        )
    )


def deep(in_channels: int, image_size: int, classes: int) -> nn.Module:
    """Four stages; each widens the channels and halves the map: 28, 14, 7, 4 or 112, 56, 28, 14."""
    widths = (16, 32, 64, 128)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = in_channels
    for stage, width in enumerate(widths, start=1):
        stride = 2 if stage == 1 and image_size >= _LARGE_INPUT else 1
        layers[f"conv{stage}"] = nn.Conv2d(channels, width, 3, stride=stride, padding=1)
        layers[f"relu{stage}"] = nn.ReLU(inplace=True)
        layers[f"pool{stage}"] = nn.MaxPool2d(2, ceil_mode=True)  # ceil: 7 -> 4 keeps the border
        channels = width
    layers["average"] = nn.AdaptiveAvgPool2d(1)  # (B, 128, 1, 1)
    layers["flatten"] = nn.Flatten()
    layers["linear"] = nn.Linear(channels, classes)
    return Staged(layers)


MODELS: dict[str, Callable[[int, int, int], nn.Module]] = {"tutorial": tutorial, "deep": deep}


def require_model(name: str) -> None:
    """Make sure that there is a model called `name`.

    Raises:
        InputError: there is none; the sentence lists those that exist.
    """
    if name not in MODELS:
        raise InputError(one_of("model", name, list(MODELS)))


def build_model(name: str, in_channels: int, image_size: int, classes: int) -> nn.Module:
    """A fresh network called `name` for square images, its weights drawn from torch's global seed.

    Raises:
        InputError: there is no such model, or the images are too small for it.
    """
    require_model(name)
    if image_size < 8:
        raise InputError(
            f"Model '{name}' needs images of at least 8x8 and these are {image_size}x{image_size};"
            " give a larger --image-size."
        )
    return MODELS[name](in_channels, image_size, classes)
