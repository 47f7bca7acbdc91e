"""One epoch of `tutorial` on Fashion-MNIST: ours against the textbook DataLoader loop, side by side.

    python benchmarks/training.py [--data-dir DIR] [--rounds 3] [--batch-size 128] [--accuracy]

The two take turns; the ratio of their medians is the figure. With `--accuracy`, five epochs are trained
and the accuracy on the 10,000 test images is printed with its bar.
"""

import argparse
import gzip
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from fmcore.data import ImageSet, default_data_dir, load_data
from fmcore.errors import FmcoreError
from fmcore.model_source import open_model
from fmcore.models import build_model
from fmcore.torch_pair import torchvision
from fmcore.training import Progress, TrainSpec, _Fit, train, wanted_by

ACCURACY_BAR = 0.90
SPEED_BAR = 2.0


def textbook_data(data_dir: Path | None, folder: Path) -> Dataset[tuple[torch.Tensor, int]]:
    """torchvision's own Fashion-MNIST with ToTensor; the archives are unpacked to `folder`, as it wants them."""
    torchvision()
    from torchvision.datasets import FashionMNIST
    from torchvision.transforms import ToTensor

    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in ((data_dir or default_data_dir()) / "FashionMNIST" / "raw").glob("*-ubyte*"):
        content = packed.read_bytes()
        (raw / packed.stem if packed.suffix == ".gz" else raw / packed.name).write_bytes(
            gzip.decompress(content) if packed.suffix == ".gz" else content
        )
    return FashionMNIST(folder, train=True, transform=ToTensor())


def textbook_epoch(data: Dataset[tuple[torch.Tensor, int]], batch_size: int) -> float:
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 14 * 14, 10),
    )
    optimizer, loss_of, running = torch.optim.Adam(network.parameters()), nn.CrossEntropyLoss(), 0.0
    loader = DataLoader(data, batch_size=batch_size, shuffle=True)
    start = time.perf_counter()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = loss_of(network(images), labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    return time.perf_counter() - start


def our_epoch(data: ImageSet, batch_size: int) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = open_model("tutorial", wanted_by(data))
    with _Fit(data, TrainSpec(batch_size=batch_size), torch.device("cpu"), model) as fit:
        start = time.perf_counter()
        fit.run_epoch(1, Progress())
        seconds = time.perf_counter() - start
    torch.set_num_threads(threads)
    return seconds


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", type=Path)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--batch-size", type=int, default=128)
    options.add_argument("--accuracy", action="store_true")
    given = options.parse_args()
    try:
        data = load_data("fashion-mnist", given.data_dir, download=False)
        folder = tempfile.TemporaryDirectory()
        theirs = textbook_data(given.data_dir, Path(folder.name))
    except FmcoreError as error:
        print(error.message, file=sys.stderr)
        return 2
    build_model("tutorial", 1, 28, 10)  # the first use of torch pays for its start
    textbook, ours = [], []
    for _ in range(given.rounds):
        textbook.append(textbook_epoch(theirs, given.batch_size))
        ours.append(our_epoch(data, given.batch_size))
        print(f"textbook {textbook[-1]:.2f} s, ours {ours[-1]:.2f} s", flush=True)
    ratio = statistics.median(textbook) / statistics.median(ours)
    pairs = float(np.median(np.array(textbook) / np.array(ours)))
    met = "met" if ratio >= SPEED_BAR else "missed"
    print(f"epoch of 60,000 images at batch {given.batch_size}: {ratio:.2f} times as fast", end=" ")
    print(f"(median of pairs {pairs:.2f}); bar {SPEED_BAR}: {met}")
    if given.accuracy:
        trained = train(data, TrainSpec(batch_size=given.batch_size))
        accuracy = trained.history[-1].test_accuracy
        met = "met" if accuracy >= ACCURACY_BAR else "missed"
        print(f"tutorial, 5 epochs: {accuracy:.2%} of 10,000 test images; bar {ACCURACY_BAR:.0%}: {met}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
