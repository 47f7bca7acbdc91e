"""The browser that the tests of the page use: what goes wrong on a page is noticed, and axe gets past its policy."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from browser import Chromium, in_words, visiting

STRICT = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:\">"
PAGE = "<!doctype html><html lang=en><title>A page</title>{head}<main><h1>A page</h1>{body}</main></html>"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "a page.html"


def test_what_goes_wrong_on_a_page_is_noticed(chromium: Chromium, page: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        wanted = f"http://127.0.0.1:{server.getsockname()[1]}/picture.png"
        script = f"<script>console.warn('careful'); new Image().src = '{wanted}'; throw new Error('lost')</script>"
        page.write_text(PAGE.format(head="", body=script))
        with visiting(chromium, page) as visit:
            visit.page.wait_for_function("performance.getEntriesByType('resource').length")
            assert visit.requests == [wanted]
            assert visit.errors == ["lost"]
            assert visit.console[0] == "warning: careful"
            with pytest.raises(AssertionError, match="careful"):
                visit.is_clean()
        server.settimeout(0)
        with pytest.raises(BlockingIOError):  # the network is switched off
            server.accept()
        server.settimeout(10)
        with ThreadPoolExecutor() as aside:
            asked = aside.submit(lambda: server.accept()[0].close())
            with visiting(chromium, page, offline=False):
                asked.result()
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_axe_looks_at_a_page_that_lets_no_script_in(chromium: Chromium, page: Path) -> None:
    page.write_text(PAGE.format(head=STRICT, body="<img src=data:,>"))
    options = {"viewport": (390, 844), "colours": "dark", "still": True, "touch": True}
    with visiting(chromium, page, "#there", **options) as visit:
        assert visit.page.url.endswith("a%20page.html#there")
        assert visit.page.evaluate("[innerWidth, innerHeight]") == [390, 844]
        for query in ("(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)", "(pointer: coarse)"):
            assert visit.page.evaluate("query => matchMedia(query).matches", query), query
        visit.is_clean()
        assert [line.split(":")[0] for line in in_words(visit.axe())] == ["image-alt"]
        assert visit.axe("h1") == []
