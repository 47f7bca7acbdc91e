"""The default lesson from nothing, then again with nothing changed, as whole processes.

python benchmarks/lesson.py [--quality preview] [--rounds 1]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARS = {"from nothing": 90.0, "nothing changed": 5.0}


def seconds(folder: str, quality: str) -> float:
    program = Path(sys.executable).with_name("fmcore")
    start = time.perf_counter()
    subprocess.run([program, "lesson", "--quiet", "--quality", quality, "--output", folder], check=True)
    return time.perf_counter() - start


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quality", default="preview")
    options.add_argument("--rounds", type=int, default=1)
    given = options.parse_args()
    found: dict[str, list[float]] = {name: [] for name in BARS}
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            for name in BARS:
                found[name].append(seconds(folder, given.quality))
                print(f"{name}: {found[name][-1]:.1f} s", flush=True)
    for name, bar in BARS.items():
        median = statistics.median(found[name])
        print(f"{name}: median {median:.1f} s; bar {bar:.0f} s: {'met' if median <= bar else 'missed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
