"""The drawn data set: repeatable, balanced, visible, varied and learnable."""

import numpy as np
import pytest

from fmcore.data.garments import CLASSES, draw_garments, garments
from fmcore.errors import InputError

Drawn = tuple[np.ndarray, np.ndarray]  # images (N, 1, 28, 28), labels (N,)


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw_garments(1000, seed=3)


def test_images_are_grey_bytes_with_labels(drawn: Drawn) -> None:
    images, labels = drawn
    assert images.shape == (1000, 1, 28, 28) and images.dtype == np.uint8
    assert labels.shape == (1000,) and labels.dtype == np.int64
    assert len(CLASSES) == 10 and CLASSES[0] == "T-shirt/top" and CLASSES[9] == "Ankle boot"


def test_a_seed_gives_its_own_bytes_again_and_no_others(drawn: Drawn) -> None:
    images, labels = drawn
    again, labels_again = draw_garments(1000, seed=3)
    assert images.tobytes() == again.tobytes() and labels.tobytes() == labels_again.tobytes()
    other, other_labels = draw_garments(1000, seed=4)
    assert images.tobytes() != other.tobytes() and labels.tobytes() != other_labels.tobytes()


@pytest.mark.parametrize("count", [1, 7, 12, 300])
def test_a_short_draw_begins_a_long_one(drawn: Drawn, count: int) -> None:
    images, labels = draw_garments(count, seed=3)
    assert labels.tolist() == drawn[1][:count].tolist()
    # Two ways through a vectorised sine may round apart, so one grey level of difference is allowed.
    assert np.abs(images.astype(int) - drawn[0][:count].astype(int)).max() <= 1


def test_every_ten_images_are_one_of_each_class_in_random_order(drawn: Drawn) -> None:
    tens = drawn[1].reshape(-1, 10)
    assert (np.sort(tens, axis=1) == np.arange(10)).all()
    assert len({tuple(ten) for ten in tens}) > 90


def test_every_object_is_visible_on_black(drawn: Drawn) -> None:
    images = drawn[0][:, 0]
    lit = (images > 12).mean(axis=(1, 2))
    assert lit.min() > 0.05 and lit.max() < 0.95
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 0).mean() > 0.85


def test_no_two_images_are_alike(drawn: Drawn) -> None:
    assert len(np.unique(drawn[0].reshape(1000, -1), axis=0)) == 1000


def test_the_nearest_class_mean_already_knows_most_test_images() -> None:
    data = garments(train=1500, test=500, seed=1)
    train = data.train_images.reshape(len(data.train_images), -1) / 255
    test = data.test_images.reshape(len(data.test_images), -1) / 255
    means = np.stack([train[data.train_labels == label].mean(axis=0) for label in range(10)])
    nearest = ((test[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == data.test_labels).mean() > 0.6


def test_train_and_test_images_are_different_images() -> None:
    data = garments(train=400, test=400, seed=1)
    together = np.concatenate([data.train_images, data.test_images]).reshape(800, -1)
    assert len(np.unique(together, axis=0)) == 800
    assert data.image_shape == (1, 28, 28) and data.classes == CLASSES


@pytest.mark.parametrize("count", [0, -5])
def test_fewer_than_one_image_is_an_error_in_a_sentence(count: int) -> None:
    with pytest.raises(InputError, match=f"Cannot draw {count} garments; ask for 1 or more"):
        draw_garments(count, seed=0)
