"""The embedded data set: the ten Fashion-MNIST classes, drawn by our own code from a seed.

Nothing is read or downloaded, and there is no end to it. Garments are bright on black, 28x28, as in
Fashion-MNIST, so lessons look the same with either, and a network trained on these knows real ones too
(`benchmarks/garments_transfer.py` measures how well).
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fmcore.data.garment_bags import bag
from fmcore.data.garment_shoes import ankle_boot, sandal, sneaker
from fmcore.data.garment_strokes import SIDE, Dice, Field, scramble
from fmcore.data.garment_tops import COAT, DRESS, PULLOVER, SHIRT, T_SHIRT, top
from fmcore.data.garment_trousers import trousers
from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError

DRAWINGS: dict[str, Callable[[Dice], Field]] = {
    "T-shirt/top": partial(top, cut=T_SHIRT),
    "Trouser": trousers,
    "Pullover": partial(top, cut=PULLOVER),
    "Dress": partial(top, cut=DRESS),
    "Coat": partial(top, cut=COAT),
    "Sandal": sandal,
    "Shirt": partial(top, cut=SHIRT),
    "Sneaker": sneaker,
    "Bag": bag,
    "Ankle boot": ankle_boot,
}
CLASSES: tuple[str, ...] = tuple(DRAWINGS)

_BATCH = 256  # images drawn at once: 0.8 MB per field, so that the fields of a drawing stay in the cache
_TEST_STREAM = 1 << 62  # xor-ed into the seed: the test images of a seed are other images
_LABEL_STREAM = 1 << 61


def garments(train: int = 12_000, test: int = 2_000, seed: int = 0) -> ImageSet:
    """The drawn data set, with `train` and `test` images of its own for either split.

    Raises:
        InputError: A split is not positive.
    """
    train_images, train_labels = draw_garments(train, seed)
    test_images, test_labels = draw_garments(test, seed ^ _TEST_STREAM)
    return ImageSet(
        name="garments",
        provenance=f"Drawn by fmcore in the ten classes of Fashion-MNIST, seed {seed}; no photographs.",
        classes=CLASSES,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )


def draw_garments(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw `count` labelled garments: images (count, 1, 28, 28) and labels (count,), indices into `CLASSES`.

    Image i depends on the seed and on i alone, so a longer draw begins with the shorter one. Every ten images
    in a row are one of each class, in random order. 14,000 images take about four seconds.

    Raises:
        InputError: `count` is not positive.
    """
    if count < 1:
        raise InputError(f"Cannot draw {count} garments; ask for 1 or more.")
    keys, labels = _keys(count, seed), _labels(count, seed)
    images = np.empty((count, 1, SIDE, SIDE), np.uint8)
    for label, draw in enumerate(DRAWINGS.values()):
        (own,) = np.nonzero(labels == label)
        for start in range(0, len(own), _BATCH):
            rows = own[start : start + _BATCH]
            dice = Dice(keys[rows])
            images[rows, 0] = _photograph(dice, draw(dice))
    return images, labels


def _keys(count: int, stream: int) -> NDArray[np.uint64]:
    """A 64-bit key per image, (count,)."""
    start = scramble(np.array([stream % 2**64], np.uint64))
    return scramble(start ^ scramble(np.arange(1, count + 1, dtype=np.uint64)))


def _labels(count: int, stream: int) -> NDArray[np.int64]:
    """Shuffled tens of labels, (count,): the order of ten random keys is a permutation of the ten classes."""
    tens = -(-count // len(CLASSES))
    keys = _keys(tens * len(CLASSES), stream ^ _LABEL_STREAM)
    return keys.reshape(tens, len(CLASSES)).argsort(axis=1).reshape(-1)[:count].astype(np.int64)


def _photograph(dice: Dice, picture: Field) -> NDArray[np.uint8]:
    """Turn tones (n, 28, 28) into grey levels: a little noise, sharpened, with a random exposure."""
    picture = np.clip(picture, 0, 1.1)
    lit = np.clip(picture * 12, 0, 1)
    picture = picture + lit * dice.noise() * dice.uniform(0, 0.13) ** 2
    blurred = _blurred(_blurred(picture, axis=1), axis=2)
    picture = picture + dice.uniform(0.1, 0.9) * (picture - blurred)
    picture = np.clip(picture, 0, 1) ** dice.uniform(0.7, 1.2)
    exposed = np.clip(picture * dice.uniform(0.9, 1.12), 0, 1)
    return np.asarray(exposed * 255 + 0.5, np.uint8)


def _blurred(picture: Field, axis: int) -> Field:
    """Each pixel mixed with its two neighbours along an axis; the picture's edges stay as they are."""
    lines = np.moveaxis(picture.copy(), axis, 0)  # a view of the copy
    middle = np.moveaxis(picture, axis, 0)
    lines[1:-1] = (middle[:-2] + 2 * middle[1:-1] + middle[2:]) / 4
    return np.moveaxis(lines, 0, axis)
