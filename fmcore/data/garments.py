"""The embedded data set: the ten Fashion-MNIST classes, drawn by our own code from a seed.

Nothing is read or downloaded, and there is no end to it. Bright garments on black, 28x28, as in Fashion-MNIST,
so that lessons look the same with either, and a network trained here knows real garments too.
"""

import numpy as np
from numpy.typing import NDArray

from fmcore.data.garment_shapes import DRAWINGS
from fmcore.data.garment_strokes import SIDE, Dice, Field, scramble
from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError

CLASSES: tuple[str, ...] = tuple(DRAWINGS)

_BATCH = 256  # images drawn at once; about 0.8 MB per field, so that the fields of a drawing stay in the cache
_TEST_STREAM = 1 << 62  # xor-ed into image keys: the test images of a seed are other images


def draw_garments(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw `count` labelled garments: images (count, 1, 28, 28) and labels (count,), an index into `CLASSES`.

    Image i depends on the seed and on i alone, so a longer draw begins with the shorter one, byte for byte.
    Every ten images in a row are one of each class, in random order.

    Raises:
        InputError: if `count` is not positive.
    """
    return _draw(count, seed, stream=0)


def garments(train: int = 12_000, test: int = 2_000, seed: int = 0) -> ImageSet:
    """The drawn data set, with `train` and `test` images of its own for either split.

    Raises:
        InputError: if a split is not positive.
    """
    train_images, train_labels = _draw(train, seed, stream=0)
    test_images, test_labels = _draw(test, seed, stream=_TEST_STREAM)
    return ImageSet(
        name="garments",
        provenance=f"drawn by fmcore's own code in the ten classes of Fashion-MNIST, seed {seed}; no photographs",
        classes=CLASSES,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
    )


def _draw(count: int, seed: int, stream: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if count < 1:
        raise InputError(f"Cannot draw {count} garments; ask for 1 or more.")
    keys = _keys(count, seed, stream)
    labels = _labels(count, seed, stream)
    images = np.empty((count, 1, SIDE, SIDE), np.uint8)
    for label, draw in enumerate(DRAWINGS.values()):
        (mine,) = np.nonzero(labels == label)
        for start in range(0, len(mine), _BATCH):
            chosen = mine[start : start + _BATCH]
            dice = Dice(keys[chosen])
            images[chosen, 0] = photograph(dice, draw(dice))
    return images, labels


def _keys(count: int, seed: int, stream: int) -> NDArray[np.uint64]:
    """A 64-bit key per image, (count,)."""
    start = scramble(np.array([(seed % 2**62) ^ stream], np.uint64))
    return scramble(start ^ scramble(np.arange(1, count + 1, dtype=np.uint64)))


def _labels(count: int, seed: int, stream: int) -> NDArray[np.int64]:
    """Shuffled tens of labels, (count,): the random order of ten keys is a permutation of the ten classes."""
    tens = -(-count // len(CLASSES))
    keys = _keys(tens * len(CLASSES), seed, stream ^ (1 << 61))
    return keys.reshape(tens, len(CLASSES)).argsort(axis=1).reshape(-1)[:count].astype(np.int64)


def photograph(dice: Dice, picture: Field) -> NDArray[np.uint8]:
    """Turn tones (n, 28, 28) into grey levels: sharpened, with a random exposure and some noise on the object."""
    picture = np.clip(picture, 0, 1.1)
    lit = np.clip(picture * 12, 0, 1)
    picture = picture + lit * dice.noise() * dice.uniform(0, 0.13) ** 2
    rows = picture.copy()
    rows[:, 1:-1] = (picture[:, :-2] + 2 * picture[:, 1:-1] + picture[:, 2:]) / 4
    blurred = rows.copy()
    blurred[:, :, 1:-1] = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4
    picture = picture + dice.uniform(0.1, 0.9) * (picture - blurred)
    picture = np.clip(picture, 0, 1) ** dice.uniform(0.7, 1.2)
    grey = np.clip(picture * dice.uniform(0.9, 1.12), 0, 1) * 255
    return np.asarray(grey + np.float32(0.5), np.float32).clip(0, 255).astype(np.uint8)
