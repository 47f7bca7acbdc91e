"""A real Chromium for the tests of the page: one a worker, every visit in a fresh context without a network."""

import asyncio
import os
import shutil
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from fmcore.doctor import BROWSERS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(__file__).parents[1] / "fmcore/page/web/node_modules/axe-core/axe.min.js"
PIXELS = """all => all.map(canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return { width: canvas.width, pixels: btoa(Array.from(data, byte => String.fromCharCode(byte)).join('')) };
})"""
AT_HOME = {"file", "data", "blob", "about"}  # what a page may ask for that lies in one file


@dataclass(frozen=True)
class Chromium:
    """A running browser. Everything that is asked of it happens between `with chromium.asked():` and its end."""

    browser: "Browser"
    loop: asyncio.AbstractEventLoop

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Playwright leaves its event loop marked as running in this thread, which other tests must not find."""
        asyncio._set_running_loop(self.loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The Chromium of this machine, started once; tests that want one are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make set-up-dev")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("There is no Chromium here: ./setup.sh browser")
    driver = playwright.sync_playwright().start()
    loop = asyncio.get_running_loop()
    try:
        sandbox = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=program, args=[*ARGUMENTS, *sandbox])
        asyncio._set_running_loop(None)
        yield Chromium(browser, loop)
        asyncio._set_running_loop(loop)
        browser.close()
    finally:
        asyncio._set_running_loop(loop)
        driver.stop()
        asyncio._set_running_loop(None)


@dataclass
class Visit:
    """An open page and what came of it so far."""

    page: "Page"
    console: list[str] = field(default_factory=list)  # "error: ..." and the like, one entry a message
    errors: list[str] = field(default_factory=list)  # exceptions that nobody caught
    requests: list[str] = field(default_factory=list)  # whatever was asked of a network

    def is_clean(self) -> None:
        """Fail unless the page ran without an error or a warning and wanted nothing from outside."""
        said = [message for message in self.console if message.startswith(("error:", "warning:"))]
        faults = [*self.errors, *said, *(f"asked for {url}" for url in self.requests)]
        assert not faults, "\n".join(faults)

    def axe(self, only: str | None = None, options: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """What axe-core finds wrong with the page, or with what the selector `only` matches: [] is good.

        Its options: https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
        """
        if not AXE.is_file():
            pytest.skip("axe-core is not installed: make page")
        # As the developer tools do, so that no policy of the page keeps it out or has to be switched off.
        session = self.page.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        session.detach()
        found = self.page.evaluate(
            "([only, options]) => axe.run(only ?? document, { resultTypes: ['violations'], ...options })",
            [only, dict(options or {})],
        )
        return found["violations"]


def in_words(violations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Violations as lines: the rule, what it wants, and each element that breaks it."""
    return [f"{v['id']}: {v['help']}: {' '.join(map(str, node['target']))}" for v in violations for node in v["nodes"]]


@contextmanager
def visiting(
    chromium: Chromium,
    path: Path,
    address: str = "",
    *,
    viewport: tuple[int, int] = (1280, 800),
    colours: str = "light",
    still: bool = False,
    touch: bool = False,
    offline: bool = True,
    **more: Any,
) -> Iterator[Visit]:
    """Open a file in a context of its own, and close both at the end.

    Args:
        chromium: The fixture of that name.
        path: The page.
        address: What follows the file's name, such as "#layer=conv1".
        viewport: Width and height in CSS pixels.
        colours: "light" or "dark".
        still: Whether the user wants less motion.
        touch: Whether there is a touch screen.
        offline: Whether the network is switched off.
        more: Further options of Playwright's `new_context`, such as `forced_colors="active"`.
    """
    with chromium.asked():
        context = chromium.browser.new_context(
            viewport={"width": viewport[0], "height": viewport[1]},
            color_scheme=colours,
            reduced_motion="reduce" if still else "no-preference",
            has_touch=touch,
            offline=offline,
            **more,
        )
        try:
            visit = Visit(context.new_page())

            def requested(url: str) -> None:
                if urlsplit(url).scheme not in AT_HOME:
                    visit.requests.append(url)

            context.on("request", lambda request: requested(request.url))
            context.on("console", lambda message: visit.console.append(f"{message.type}: {message.text}"))
            context.on("weberror", lambda error: visit.errors.append(str(error.error)))
            visit.page.on("websocket", lambda socket: requested(socket.url))
            visit.page.goto(path.resolve().as_uri() + address)
            yield visit
        finally:
            context.close()


# -- what is done and read on a page of ours -----------------------------------------------------


def settled(visit: Visit) -> None:
    """Wait until everything that was asked for is drawn: no drawing takes longer than two frames."""
    visit.page.evaluate(
        "() => new Promise(done =>"
        " setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => done(true))), 50))"
    )


def goto(visit: Visit, address: str) -> None:
    visit.page.evaluate("address => { location.hash = address }", address)
    settled(visit)


def address(visit: Visit) -> dict[str, str]:
    fragment = visit.page.evaluate("() => location.hash.slice(1)")
    return dict(part.split("=", 1) for part in fragment.split("&") if part)


def pictures(visit: Visit, selector: str) -> list[np.ndarray]:
    """The pixels (height, width, 3) of all canvases that `selector` matches."""
    found = visit.page.locator(selector).evaluate_all(PIXELS)
    return [np.frombuffer(b64decode(one["pixels"]), np.uint8).reshape(-1, one["width"], 4)[..., :3] for one in found]


def choose(visit: Visit, legend: str, text: str) -> None:
    visit.page.locator(".switch", has_text=legend).locator("label", has_text=text).click()
    settled(visit)
