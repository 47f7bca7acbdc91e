"""The one shape in which every data source hands over its images."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]  # (N, C, H, W), C is 1 (grey) or 3 (RGB), 0..255
Labels = NDArray[np.int64]  # (N,), index into classes


@dataclass(frozen=True)
class ImageSet:
    """Labelled images in memory, split for training and for testing.

    `provenance` says in one sentence where the images come from; it is written into the bundle.
    `test_source` tells the test images apart by what they were before anyone scaled them: "" where nobody did.
    `notices` are sentences worth telling the user (images that were flattened, cut or rescaled).
    """

    name: str
    provenance: str
    classes: tuple[str, ...]
    train_images: Images  # (N, C, H, W)
    train_labels: Labels  # (N,)
    test_images: Images  # (M, C, H, W)
    test_labels: Labels  # (M,)
    notices: tuple[str, ...] = ()
    test_source: str = ""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        _, c, h, w = self.train_images.shape
        return c, h, w

    @property
    def source(self) -> str:
        """What is the same for two sets if their test images are, in the same order, however they were prepared."""
        return self.test_source or digest_of(self.test_images)


def digest_of(images: Images) -> str:
    """A digest of what `images` (N, C, H, W) show."""
    return hashlib.sha256(repr(images.shape).encode() + images.tobytes()).hexdigest()
