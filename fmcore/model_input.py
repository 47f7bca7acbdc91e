"""From images as bytes to what a network takes, as its preprocessing says."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmcore.analysis.classical import LUMINANCE
from fmcore.data.imageset import ImageSet
from fmcore.header import Preprocessing


@dataclass(frozen=True)
class AsInput:
    """Called with bytes (B, C, H, W), gives float32 of the same shape: 0..1, normalised, as the network wants it."""

    preprocessing: Preprocessing
    channels_last: bool = True  # in memory; quicker, but some networks look at their maps as they lie in memory

    @property
    def normalises(self) -> bool:
        return any(self.preprocessing.mean) or any(value != 1 for value in self.preprocessing.std)

    def __call__(self, images: Tensor) -> Tensor:
        memory = torch.channels_last if self.channels_last else torch.contiguous_format
        values = images.contiguous(memory_format=memory).to(torch.float32).div_(255)
        return self.normalised(values) if self.normalises else values

    def normalised(self, values: Tensor) -> Tensor:
        """`values` (B, C, H, W) in 0..1 less the mean, over the standard deviation of their channel."""
        mean, std = (
            torch.tensor(numbers, device=values.device).reshape(1, -1, 1, 1)
            for numbers in (self.preprocessing.mean, self.preprocessing.std)
        )
        return (values - mean) / std


def plain_preprocessing(channels: int, side: int) -> Preprocessing:
    """The centred square, scaled to `side`, in 0..1: what the models of this package take."""
    return Preprocessing(
        channels=1 if channels == 1 else 3,
        size=(side, side),
        resize=side,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
    )


def with_channels(data: ImageSet, channels: int) -> ImageSet:
    """`data` in grey or RGB: grey is repeated, colours become their luminance."""
    if data.image_shape[0] == channels:
        return data

    def converted(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if channels == 3:
            return np.repeat(images, 3, axis=1)
        grey: NDArray[np.float32] = np.einsum("nchw,c->nhw", images, np.array(LUMINANCE, np.float32), optimize=True)
        result: NDArray[np.uint8] = np.rint(grey).astype(np.uint8)[:, None]
        return result

    return replace(
        data,
        train_images=converted(data.train_images),
        test_images=converted(data.test_images),
        test_source=data.source,
    )
