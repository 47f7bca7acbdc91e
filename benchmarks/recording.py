"""What measuring the channels costs, and what reading one channel of a large bundle costs.

    python benchmarks/recording.py [DATA_DIR]

Prints the time of the statistics over 10,000 images as a ratio to the bare forward passes of the same network over
the same images in the same parts, medians of pairs run one after the other, and the memory that both take; then the
time and memory of opening a bundle of 1 GB and reading one feature map.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fmcore.bundle import Bundle, save_bundle
from fmcore.data import load_data
from fmcore.data.imageset import ImageSet
from fmcore.errors import DataError
from fmcore.measuring import measure
from fmcore.parallel import Threads
from fmcore.recording import record
from fmcore.tracing import trace
from fmcore.training import TrainSpec, train

PAIRS = 9
PART = 64


def main() -> None:
    data = images_from(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    trained = train(data, TrainSpec(epochs=1))
    network, as_input, images = trained.network, trained.as_input, data.test_images
    torch.set_num_threads(1)
    found = trace(network, as_input(torch.from_numpy(images[:2])))

    def bare() -> None:
        def part(rows: slice) -> None:
            with torch.inference_mode():
                network(as_input(torch.from_numpy(images[rows])))

        with Threads(torch.device("cpu")) as threads:
            threads.map(part, [slice(start, start + PART) for start in range(0, len(images), PART)])

    def measured() -> None:
        measure(network, found, images, data.test_labels, len(data.classes), as_input)

    bare()
    grown = peak_of(measured)
    pairs = [(seconds(bare), seconds(measured)) for _ in range(PAIRS)]
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    print(f"{len(images):,} images, network 'tutorial', {data.name}")
    print(f"  bare forward passes  {statistics.median(theirs for theirs, _ in pairs):6.2f} s")
    print(f"  with all statistics  {statistics.median(ours for _, ours in pairs):6.2f} s, {ratio:.2f} times as long")
    print(f"  memory on top        {grown / 1000:6.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.safetensors"
        record(trained, data, path)
        enlarge(path)
        subprocess.run([sys.executable, "-c", READ, path], check=True)


def images_from(folder: Path | None) -> ImageSet:
    """Fashion-MNIST where it lies ready, else as many drawn garments."""
    try:
        return load_data("fashion-mnist", folder, download=False)
    except DataError:
        from dataclasses import replace

        data = load_data("garments")
        times = -(-10_000 // len(data.test_labels))
        return replace(
            data,
            test_images=np.tile(data.test_images, (times, 1, 1, 1))[:10_000],
            test_labels=np.tile(data.test_labels, times)[:10_000],
        )


def peak_of(work: Callable[[], None]) -> float:
    """By how many kilobytes the memory of this process peaks above what it held before (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # starts the peak anew
    before = in_status("VmHWM")
    work()
    return in_status("VmHWM") - before


def in_status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def enlarge(path: Path) -> None:
    """Write the bundle again with an activation of 1 GB in it."""
    with Bundle.open(path) as bundle:
        arrays = {name: np.array(bundle.array(name)) for name in bundle.header.arrays}
        header = bundle.header
    arrays["large/activation"] = np.resize(arrays["conv2/activation"], (1024, 256, 32, 32))  # 1 GiB
    save_bundle(path, header, arrays)


# In a process of its own that has imported nothing else; resident memory is counted in pages of 4 KiB.
READ = """
import sys, time
from pathlib import Path
from fmcore.bundle import Bundle

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

before, start = resident(), time.perf_counter()
with Bundle.open(sys.argv[1]) as bundle:
    bundle.part("large/activation", 700, 100)
    took, grown = time.perf_counter() - start, resident() - before
print(f"{Path(sys.argv[1]).stat().st_size / 1e9:.2f} GB bundle opened and one feature map read")
print(f"  time    {took * 1000:6.1f} ms")
print(f"  memory  {grown / 1e6:6.1f} MB")
"""


if __name__ == "__main__":
    main()
