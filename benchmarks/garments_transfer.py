"""How much a network learns about real clothes from drawn ones: train on garments, test on Fashion-MNIST.

    python benchmarks/garments_transfer.py --data-dir ~/data --seeds 3

No photograph is ever trained on. Prints one line per seed, the accuracy on every class for the last seed, and
whether the mean reaches the bar.
"""

import sys
import time
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray

from fmcore.data import load_data
from fmcore.data.garments import garments
from fmcore.data.imageset import Images, ImageSet
from fmcore.errors import DataError
from fmcore.training import Trained, TrainSpec, train

BAR = 0.70  # accuracy on Fashion-MNIST's 10,000 test images, mean over the seeds


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), envvar="FMCORE_DATA", help="Has Fashion-MNIST.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1), help="How many seeds to try.")
def main(data_dir: Path | None, seeds: int) -> None:
    """Measure the transfer from drawn to photographed garments."""
    real = real_garments(data_dir)
    click.echo("seed  drawing s  training s  garments %  Fashion-MNIST %")
    shares = []
    for seed in range(seeds):
        started = time.perf_counter()
        drawn = garments(seed=seed)
        drawn_s = time.perf_counter() - started
        trained = train(drawn, TrainSpec(model="deep", seed=seed))
        trained_s = time.perf_counter() - started - drawn_s
        right = predict(trained, real.test_images) == real.test_labels
        own = trained.history[-1].test_accuracy
        shares.append(float(right.mean()))
        click.echo(f"{seed:4d}  {drawn_s:9.1f}  {trained_s:10.1f}  {own:10.1%}  {shares[-1]:15.1%}")

    click.echo(f"\nClass by class, seed {seeds - 1}:")
    for label, name in enumerate(real.classes):
        click.echo(f"  {name:<12} {right[real.test_labels == label].mean():6.1%}")
    mean = float(np.mean(shares))
    click.echo(f"\nMean {mean:.1%}, bar {BAR:.0%}: {'met' if mean >= BAR else 'missed'}.")


def real_garments(data_dir: Path | None) -> ImageSet:
    """Fashion-MNIST from the disk; without it one sentence and status 2, as there is nothing to measure."""
    try:
        return load_data("fashion-mnist", data_dir, download=False)
    except DataError as error:
        click.echo(f"This benchmark needs real images. {error.message}", err=True)
        sys.exit(2)


def predict(trained: Trained, images: Images) -> NDArray[np.int64]:
    """The likeliest class of each image (N, C, H, W), as (N,)."""
    network = trained.network
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), 500):
            batch = torch.as_tensor(images[start : start + 500], device=device)
            parts.append(network(trained.as_input(batch)).argmax(1).cpu().numpy())
    return np.concatenate(parts)


if __name__ == "__main__":
    main()
