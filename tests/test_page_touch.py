"""The page under a finger, on screens of several sizes, and of networks that are not as the usual one."""

from pathlib import Path

import pytest
from browser import Chromium, address, goto, in_words, settled, visiting
from films import Net, make_bundle

from fmcore.lesson.words import find_words
from fmcore.page.export import make_page


@pytest.fixture(scope="module")
def german_file(tutorial_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_page(tutorial_bundle, None, tmp_path_factory.mktemp("de") / "de.html", words=find_words("de"))


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


def test_fingers_find_what_can_be_pressed_and_german_fits(chromium: Chromium, german_file: Path) -> None:
    pressed = "button:visible, select:visible, summary:visible, label:visible, a:visible, input[type=range]:visible"
    for width in (320, 390):
        with visiting(chromium, german_file, "#step=2", viewport=(width, 844), touch=True, is_mobile=True) as visit:
            settled(visit)
            small = visit.page.locator(pressed).evaluate_all(
                "all => all.filter(one => one.getBoundingClientRect().height < 44 && !one.matches('.skip'))"
                ".map(one => one.outerHTML.slice(0, 80))"
            )
            assert not small
            assert visit.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
            lines = "all => all.map((one) => Math.round(one.getBoundingClientRect().height))"
            assert set(visit.page.locator(".switch span:visible").evaluate_all(lines)) == {44}  # no word is broken


def test_on_a_projector_everything_is_larger(chromium: Chromium, page_file: Path) -> None:
    found = []
    for size in ((1440, 900), (1920, 1080)):
        with visiting(chromium, page_file, viewport=size) as visit:
            settled(visit)
            asked = "one => [one.offsetWidth, parseFloat(getComputedStyle(document.body).fontSize)]"
            found.append(visit.page.locator(".sheet").first.evaluate(asked))
            assert visit.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert found[1][0] > 600 > found[0][0] and found[1][1] == 20 > found[0][1]


# -- networks that are not as the usual one ------------------------------------------------------


def test_where_no_nonlinearity_follows_there_is_nothing_to_switch(chromium: Chromium, tmp_path: Path) -> None:
    page = make_page(make_bundle(tmp_path / "net.safetensors", Net(relu=False)), None, tmp_path / "net.html")
    with visiting(chromium, page, "#stage=preactivation") as visit:
        settled(visit)
        assert visit.page.locator("fieldset[data-part=stage]").evaluate("one => one.disabled")
        assert visit.page.get_by_text("No nonlinearity directly follows").is_visible()
        assert "Shown is the activation" in visit.page.locator(".maps .count").inner_text()


def test_of_a_dead_channel_it_is_said_only_that_it_is_dead(chromium: Chromium, tmp_path: Path) -> None:
    net = Net(widths=(4,), dead=(1,), measured=True)
    page = make_page(make_bundle(tmp_path / "net.safetensors", net), None, tmp_path / "net.html")
    with visiting(chromium, page, "#channel=2") as visit:
        settled(visit)
        facts = visit.page.locator(".facts").inner_text()
        assert "dead" in facts and "looks for" not in facts and "resemble" not in facts
        assert "mixed" not in visit.page.locator(".tile:has(:checked)").inner_text()


def test_a_link_to_one_of_many_channels_shows_its_tile(chromium: Chromium, tmp_path: Path) -> None:
    net = Net(widths=(200,), size=(6, 6))
    page = make_page(make_bundle(tmp_path / "net.safetensors", net), None, tmp_path / "net.html")
    with visiting(chromium, page, "#channels=all&channel=180") as visit:
        settled(visit)
        for channel in (180, 20):
            goto(visit, f"channels=all&channel={channel}")
            room, tile = (visit.page.locator(name).bounding_box() for name in (".tiles", ".tile:has(:checked)"))
            assert room["y"] - 1 <= tile["y"] and tile["y"] + tile["height"] <= room["y"] + room["height"] + 1
        assert visit.page.evaluate("() => scrollY") == 0


def test_before_the_nonlinearity_earlier_epochs_lead_to_the_activations(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file, "#stage=preactivation&epoch=0&image=1") as visit:
        settled(visit)
        assert visit.page.locator(".side:visible").count() == 0
        visit.page.get_by_role("button", name="Show the activations").click()
        settled(visit)
        assert visit.page.locator(".side:visible").count() == 1 and "stage" not in address(visit)
        assert visit.page.evaluate("() => document.activeElement.closest('.tile') !== null")


def test_a_run_of_arrow_keys_is_one_step_to_go_back(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file, "#layer=conv2") as visit:
        settled(visit)
        visit.page.locator(".tile").nth(0).click()
        before = visit.page.evaluate("history.length")
        for _ in range(2):
            visit.page.keyboard.press("ArrowRight")
        moved = address(visit)["channel"]
        assert visit.page.evaluate("history.length") <= before + 1
        visit.page.wait_for_timeout(900)
        visit.page.keyboard.press("ArrowRight")
        visit.page.go_back()
        settled(visit)
        assert address(visit)["channel"] == moved
