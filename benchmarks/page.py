"""The page of a bundle in a real browser: its size, how soon it can be used, and what a move over a map costs.

    python benchmarks/page.py BUNDLE [BUNDLE ...]

Needs Playwright and a Chromium (`./setup.sh browser`). Times are medians over fresh visits; a move is timed from the
pointer's event to the finished layout, on every place of a map.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from fmcore.doctor import BROWSERS
from fmcore.page.export import make_page

VISITS = 5
USABLE_S, MOVE_MS = 0.5, 16.0
MOVES = """() => {
  const sheet = document.querySelector('.sheet');
  sheet.scrollIntoView({ block: 'center' });
  const box = sheet.getBoundingClientRect();
  const taken = [];
  for (let step = 0; step < 400; step++) {
    const clientX = box.left + (0.5 + (step % 20)) / 20 * box.width;
    const clientY = box.top + (0.5 + Math.floor(step / 20)) / 20 * box.height;
    const start = performance.now();
    sheet.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY, bubbles: true }));
    document.body.getBoundingClientRect();
    taken.push(performance.now() - start);
  }
  return taken.sort((one, other) => one - other);
}"""


def main(bundles: list[str]) -> None:
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        program = next(filter(None, map(shutil.which, BROWSERS)))
        sandbox = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=program, args=["--disable-background-networking", *sandbox]
        )
        for bundle in bundles:
            start = time.perf_counter()
            path = make_page(Path(bundle), None, Path(folder) / "page.html")
            print(f"{Path(bundle).name}: {path.stat().st_size / 1e6:.2f} MB in {time.perf_counter() - start:.1f} s")
            usable, moves = [], []
            for _ in range(VISITS):
                page = browser.new_page(offline=True)
                page.goto(path.as_uri(), wait_until="commit")
                page.wait_for_function("() => performance.getEntriesByName('maps drawn').length")
                usable.append(page.evaluate("() => performance.getEntriesByName('maps drawn')[0].startTime") / 1000)
                moves.append(_moves(page))
                page.close()
            median, worst = (statistics.median(one[at] for one in moves) for at in (0, 1))
            print(f"  maps are drawn after {statistics.median(usable):.2f} s (bar: {USABLE_S})")
            print(f"  a move over a map takes {median:.2f} ms, 1 in 100 over {worst:.2f} ms (bar: {MOVE_MS:.0f})")
        browser.close()


def _moves(page: Page) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds, on the deepest convolution, whose sums are the longest."""
    page.evaluate(
        "() => { const all = document.querySelectorAll('.layer.convolution input'); all[all.length - 1].click(); }"
    )
    page.wait_for_timeout(700)
    taken = page.evaluate(MOVES)
    return taken[len(taken) // 2], taken[int(0.99 * len(taken))]


if __name__ == "__main__":
    main(sys.argv[1:])
