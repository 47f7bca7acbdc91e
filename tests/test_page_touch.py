"""The page under a finger and in places of several sizes: what moves, what stays, and what is large enough."""

from pathlib import Path

from browser import Chromium, address, in_words, settled, visiting
from films import Net, make_bundle

from fmcore.page.export import make_page

FINGER = """(sheet, way) => {
  const box = sheet.getBoundingClientRect();
  const told = way.map(([kind, x, y]) => {
    const place = { clientX: box.left + x * box.width, clientY: box.top + y * box.height };
    sheet.dispatchEvent(new PointerEvent(kind, { pointerType: 'touch', bubbles: true, ...place }));
    return document.querySelector('.reading').textContent;
  });
  return told;
}"""


def test_a_pointer_over_a_map_moves_nothing_else(chromium: Chromium, page_file: Path) -> None:
    for width in (390, 1440):
        with visiting(chromium, page_file, "#layer=conv2", viewport=(width, 900)) as visit:
            settled(visit)
            places = "() => [...document.querySelectorAll('.working, .channel, .notes')].map((e) => e.offsetTop)"
            before = visit.page.evaluate(places)
            for over in (".sheet", ".stage .input"):
                visit.page.locator(over).first.hover(position={"x": 90, "y": 90})
                assert visit.page.locator(".reading").first.inner_text() != ""
                assert visit.page.evaluate(places) == before
            visit.page.mouse.move(0, 0)
            assert visit.page.evaluate(places) == before


def test_a_finger_scrolls_down_and_reads_sideways(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file, viewport=(390, 844), touch=True) as visit:
        settled(visit)
        sheet = visit.page.locator(".sheet").first
        down = [["pointerdown", 0.5, 0.5], ["pointermove", 0.51, 0.6], ["pointercancel", 0.51, 0.6]]
        assert sheet.evaluate(FINGER, down) == ["", "", ""]
        across = [["pointerdown", 0.5, 0.5], ["pointermove", 0.9, 0.5], ["pointerup", 0.9, 0.5], ["pointerleave", 0, 0]]
        read = sheet.evaluate(FINGER, across)
        assert read[0] == "" and read[1].startswith("Row 15, column 26: ") and read[2:] == [read[1]] * 2
        assert address(visit)["place"] == "15,26"


def test_the_numbers_of_a_wide_kernel_stay_whole_on_a_phone(chromium: Chromium, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "net.safetensors", Net(size=(20, 20), kernel=7))
    page = make_page(bundle, None, tmp_path / "net.html")
    with visiting(chromium, page, "#place=9,9", viewport=(390, 844), touch=True) as visit:
        settled(visit)
        assert visit.page.locator(".cells.kernel td").count() == 49
        lines = "all => all.map((td) => { const line = document.createRange(); line.selectNodeContents(td);"
        heights = visit.page.locator(".cells td").evaluate_all(lines + " return line.getClientRects().length })")
        assert set(heights) == {1}
        assert visit.page.locator(".cells.kernel [tabindex='0']").count() == 1
        assert visit.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert not in_words(visit.axe(".working"))
