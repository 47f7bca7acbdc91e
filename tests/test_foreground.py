"""What is told apart as the object: planted objects are found, and nothing is found where there is none."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fmcore.analysis.foreground import BINS, CONTRAST, METHOD, _otsu, foreground
from fmcore.data.garments import draw_garments

Masks = NDArray[np.bool_]
Image = NDArray[np.float32]


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def square(side: int, height: int = 28, width: int = 28) -> Masks:
    """A square in the middle (H, W)."""
    mask = np.zeros((height, width), bool)
    top, left = (height - side) // 2, (width - side) // 2
    mask[top : top + side, left : left + side] = True
    return mask


def painted(mask: Masks, inside: object, outside: object, noise: float = 0.0) -> Image:
    """An image (C, H, W) of two colours, one on the mask and one around it."""
    colours = np.atleast_1d(np.array(inside, float)), np.atleast_1d(np.array(outside, float))
    image = np.where(mask, colours[0][:, None, None], colours[1][:, None, None])
    return np.clip(image + noise * random().standard_normal(image.shape), 0, 1).astype(np.float32)


SQUARE, TALL, LARGE = square(12), square(9, 40, 20), square(120, 224, 224)
OBJECTS: dict[str, tuple[Image, Masks]] = {
    "bright on black": (painted(SQUARE, 0.9, 0.0), SQUARE),
    "dark on white": (painted(SQUARE, 0.1, 1.0), SQUARE),
    "grey on grey, noisy": (painted(SQUARE, 0.7, 0.4, noise=0.02), SQUARE),
    "as bright, of another colour": (painted(SQUARE, (0.8, 0.2, 0.2), (0.2, 0.5, 0.2)), SQUARE),
    "two bright and dark halves on grey": (painted(SQUARE, 0.9, 0.5) - 0.8 * np.tri(28)[::-1] * SQUARE, SQUARE),
    "a tall image": (painted(TALL, 0.2, 0.6), TALL),
    "a photograph's size": (painted(LARGE, (0.9, 0.8, 0.1), (0.3, 0.3, 0.4), noise=0.03), LARGE),
}  # fmt: skip


@pytest.mark.parametrize("case", OBJECTS)
def test_a_planted_object_is_found_pixel_by_pixel(case: str) -> None:
    image, mask = OBJECTS[case]
    (found,) = foreground(np.asarray(image, np.float32)[None])
    assert found.dtype == bool and found.shape == mask.shape
    assert (found == mask).mean() > 0.999


NOTHING: dict[str, Callable[[np.random.Generator], Image]] = {
    "flat": lambda rng: np.full((1, 28, 28), rng.random()),
    "flat colour": lambda rng: np.broadcast_to(rng.random((3, 1, 1)), (3, 28, 28)),
    "nearly flat": lambda rng: painted(SQUARE, 0.5 + 0.9 * CONTRAST, 0.5),
    "noise": lambda rng: rng.random((1, 28, 28)),
    "coloured noise": lambda rng: np.clip(0.5 + 0.1 * rng.standard_normal((3, 32, 32)), 0, 1),
    "a ramp": lambda rng: np.broadcast_to(np.linspace(0, 1, 28), (1, 28, 28)),
    "a slanted ramp": lambda rng: np.add.outer(np.linspace(0, 0.5, 28), np.linspace(0, 0.5, 28))[None],
    "stripes": lambda rng: np.broadcast_to(np.arange(28) // 3 % 2, (1, 28, 28)),
    "a speck": lambda rng: painted(square(2), 1.0, 0.0),
    "a single pixel": lambda rng: np.ones((1, 1, 1)),
}


@pytest.mark.parametrize("case", NOTHING)
def test_nothing_is_found_where_there_is_no_object(case: str) -> None:
    images = np.stack([NOTHING[case](random(seed)) for seed in range(20)]).astype(np.float32)
    assert not foreground(images).any()


@given(values=st.lists(st.floats(0, 1, width=32), min_size=4, max_size=60))
@example(values=random().beta(1, 2, 3000).tolist())  # no bin is empty, so one threshold is the best
def test_the_threshold_leaves_the_largest_variance_between_its_classes(values: list[float]) -> None:
    row = np.array(values, np.float32)
    if row.max() < 0.01:
        return
    binned = np.floor(row * ((BINS - 0.1) / row.max()))  # what Otsu sees

    def between(threshold: float) -> float:
        low, high = binned[binned < threshold], binned[binned >= threshold]
        return len(low) * len(high) * (low.mean() - high.mean()) ** 2 if len(low) and len(high) else 0.0

    best = max(between(threshold) for threshold in range(1, BINS))
    (threshold,) = _otsu(row[None], row.max()[None])
    assert between(round(float(threshold) * (BINS - 0.1) / float(row.max()))) == pytest.approx(best, rel=1e-5)


def test_each_image_is_judged_alone() -> None:
    images = np.stack([OBJECTS["bright on black"][0], NOTHING["noise"](random()), OBJECTS["dark on white"][0]])
    together = foreground(images.astype(np.float32))
    alone = np.concatenate([foreground(image[None].astype(np.float32)) for image in images])
    assert np.array_equal(together, alone) and together.any((1, 2)).tolist() == [True, False, True]


def test_garments_are_told_from_their_black_ground_and_from_a_white_one() -> None:
    images = (draw_garments(300, seed=3)[0] / 255).astype(np.float32)
    garment = images[:, 0] > 0.06
    masks = foreground(images)
    overlap = (masks & garment).sum((1, 2)) / (masks | garment).sum((1, 2))
    assert overlap.mean() > 0.94 and masks.any((1, 2)).mean() > 0.98
    assert (foreground(1 - images) == masks).mean() > 0.999


def test_images_are_left_as_they_were_and_the_method_is_one_sentence() -> None:
    image = OBJECTS["bright on black"][0][None]
    before = image.copy()
    foreground(image)
    assert np.array_equal(image, before)
    assert METHOD.count(".") == 1 and METHOD.endswith(".")
