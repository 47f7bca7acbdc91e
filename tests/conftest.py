"""Tiny real networks and bundles, made once for the whole run."""

import gc
import os

os.environ["OMP_NUM_THREADS"] = "1"  # before anybody imports torch: the same sums on every machine

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import chromium as chromium  # a fixture for every test
from hypothesis import settings

from fmcore.data.garments import CLASSES, draw_garments
from fmcore.data.imageset import ImageSet

if TYPE_CHECKING:
    from fmcore.render.run import Workers
    from fmcore.training import Trained

settings.register_profile("tests", max_examples=60, deadline=None, derandomize=True)
settings.load_profile("tests")


def pytest_collection_finish() -> None:
    """Every scene that is played collects garbage first; let it not look through all that was imported each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def small_frame(tmp_path: Path) -> Iterator[None]:
    """manim's frame as small as tests draw it, in dark colours; a test may take another shape meanwhile."""
    from films import TINY

    from fmcore.lesson.theme import DARK
    from fmcore.render.process import configure
    from scenes import look

    configure(TINY, tmp_path)
    look.register_fonts()
    yield
    configure(TINY, tmp_path)
    look.use(DARK)


@pytest.fixture(scope="session")
def tiny_images() -> ImageSet:
    """300 + 60 drawn garments, grey, 28x28, ten classes."""
    train_images, train_labels = draw_garments(300, seed=1)
    test_images, test_labels = draw_garments(60, seed=2)
    return ImageSet("garments", "Drawn for tests.", CLASSES, train_images, train_labels, test_images, test_labels)


@pytest.fixture(scope="session")
def rgb_images() -> ImageSet:
    """120 + 40 images, RGB, 32x32: noise with a bright block whose colour is the class."""
    random = np.random.default_rng(5)
    colours = np.array([[230, 40, 40], [40, 230, 40], [40, 40, 230], [220, 220, 220]])

    def split(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count, dtype=np.int64) % len(colours)
        images = random.integers(0, 60, (count, 3, 32, 32), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            top, left = random.integers(0, 16, 2)
            image[:, top : top + 14, left : left + 14] = colours[label][:, None, None]
        return images, labels

    return ImageSet("blocks", "Drawn for tests.", ("red", "green", "blue", "white"), *split(120), *split(40))


@pytest.fixture(scope="session")
def train_tiny() -> "Callable[..., Trained]":
    """Train `model` on `data` for one epoch; every other setting may be given."""
    import torch

    from fmcore.training import TrainSpec, train

    torch.set_num_threads(1)

    def run(data: ImageSet, model: str, **settings: object) -> "Trained":
        return train(data, TrainSpec.model_validate({"model": model, "epochs": 1, "batch_size": 64, **settings}))

    return run


@pytest.fixture(scope="session")
def tutorial_trained(train_tiny: "Callable[..., Trained]", tiny_images: ImageSet) -> "Trained":
    return train_tiny(tiny_images, "tutorial")


@pytest.fixture(scope="session")
def deep_trained(train_tiny: "Callable[..., Trained]", tiny_images: ImageSet) -> "Trained":
    return train_tiny(tiny_images, "deep")


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="session")
def tutorial_bundle(tutorial_trained: "Trained", tiny_images: ImageSet, bundle_folder: Path) -> Path:
    """The two-layer network on grey garments."""
    from fmcore.recording import record

    path = bundle_folder / "tutorial-garments.safetensors"
    record(tutorial_trained, tiny_images, path)
    return path


@pytest.fixture(scope="session")
def deep_bundle(deep_trained: "Trained", tiny_images: ImageSet, bundle_folder: Path) -> Path:
    """The four-stage network on grey garments: maps of 28, 14, 7 and 4, up to 128 channels."""
    from fmcore.recording import record

    path = bundle_folder / "deep-garments.safetensors"
    record(deep_trained, tiny_images, path)
    return path


@pytest.fixture(scope="session")
def rgb_bundle(train_tiny: "Callable[..., Trained]", rgb_images: ImageSet, bundle_folder: Path) -> Path:
    """The two-layer network on RGB images, so that its first kernels have three slices."""
    from fmcore.recording import record

    path = bundle_folder / "tutorial-blocks.safetensors"
    record(train_tiny(rgb_images, "tutorial"), rgb_images, path)
    return path


@pytest.fixture(scope="session")
def page_file(tutorial_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of one network."""
    from fmcore.page.export import make_page

    return make_page(tutorial_bundle, None, tmp_path_factory.mktemp("one page") / "ünï.html")


@pytest.fixture(scope="session")
def pair_file(tutorial_bundle: Path, deep_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two networks."""
    from fmcore.page.export import make_page

    return make_page(tutorial_bundle, deep_bundle, tmp_path_factory.mktemp("pair") / "pair.html")


@pytest.fixture(scope="session")
def crew() -> "Iterator[Workers]":
    """Two worker processes that stay."""
    from fmcore.render.run import Workers

    with Workers(2) as workers:
        yield workers


@pytest.fixture(scope="module")
def lasting_workers(crew: "Workers") -> Iterator[None]:
    """Lessons and checks are given the workers that stay, since each start of their own costs an import of manim."""

    class Lent:
        run = staticmethod(crew.run)

        def __init__(self, count: int) -> None:
            self.count = count

        def __enter__(self) -> "Lent":
            return self

        def __exit__(self, *exc: Any) -> None: ...

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fmcore.render.lesson.Workers", Lent)
        patch.setattr("fmcore.checking.Workers", Lent)
        yield
