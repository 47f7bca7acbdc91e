"""The page in a real browser: every interaction, its pixels and sums beside the bundle's own, phones, keys, readers."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Chromium, Visit, in_words, visiting

from fmcore.analysis.convolution import arithmetic
from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from fmcore.page.export import make_page

pytestmark = pytest.mark.xdist_group("chromium")

PIXELS = """all => all.map(canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  return { width: canvas.width, pixels: btoa(Array.from(data, byte => String.fromCharCode(byte)).join('')) };
})"""


@pytest.fixture(scope="module")
def page_file(tutorial_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_page(tutorial_bundle, None, tmp_path_factory.mktemp("one page") / "ünï.html")


@pytest.fixture(scope="module")
def pair_file(tutorial_bundle: Path, deep_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_page(tutorial_bundle, deep_bundle, tmp_path_factory.mktemp("pair") / "pair.html")


@pytest.fixture
def bundle(tutorial_bundle: Path) -> Iterator[Bundle]:
    with Bundle.open(tutorial_bundle) as opened:
        yield opened


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


# -- what is shown is what was recorded ----------------------------------------------------------


@pytest.mark.parametrize("stage", ["activation", "preactivation"])
def test_pixels_are_those_of_the_bundle(chromium: Chromium, page_file: Path, bundle: Bundle, stage: str) -> None:
    everything = np.concatenate(
        [
            bundle.array(f"{layer}/{stage}").ravel()
            for layer in bundle.layer_names
            if f"{layer}/{stage}" in bundle.header.arrays
        ]
    )
    shared = ColourScale.of(everything, "shared")
    with visiting(chromium, page_file) as visit:
        for layer, image in (("conv1", 0), ("conv2", 4), ("pool", 2)):
            if f"{layer}/{stage}" not in bundle.header.arrays:
                continue
            maps = bundle.array(f"{layer}/{stage}")[image]
            for scale in ("per_map", "per_layer", "shared"):
                goto(visit, f"layer={layer}&image={image + 1}&stage={stage}&scale={scale}&channels=all")
                for channel, (values, shown) in enumerate(zip(maps, pictures(visit, ".tile canvas"), strict=True)):
                    range_ = {"per_map": ColourScale.of(values), "per_layer": ColourScale.of(maps), "shared": shared}
                    assert np.array_equal(shown, range_[scale].colours(values)), (layer, scale, channel)
        visit.is_clean()


def test_the_image_is_the_probe(chromium: Chromium, page_file: Path, bundle: Bundle) -> None:
    with visiting(chromium, page_file, "#image=3") as visit:
        settled(visit)
        grey = np.round(bundle.array("probes")[2, 0] * 255).astype(np.uint8)
        assert np.array_equal(pictures(visit, ".stage > canvas")[0][..., 0], grey)


def test_arithmetic_gives_the_recorded_value(chromium: Chromium, page_file: Path, bundle: Bundle) -> None:
    with visiting(chromium, page_file) as visit:
        for layer, channel, row, column in (
            ("conv1", 2, 0, 0),
            ("conv1", 7, 14, 9),
            ("conv2", 11, 27, 27),
            ("conv2", 0, 13, 5),
        ):
            goto(visit, f"layer={layer}&channel={channel + 1}&image=2&place={row + 1},{column + 1}&stage=preactivation")
            assert visit.page.locator(".working .note[data-equal]").get_attribute("data-equal") == "true"
            place = arithmetic(bundle, layer, channel, row, column, 1)
            told = float(
                re.search(r"recorded (\S+):", visit.page.locator(".working").inner_text())[1].replace("−", "-")
            )
            assert told == pytest.approx(place.recorded, rel=1e-5, abs=1e-7)
            grids = [
                [float(text.replace("−", "-")) for text in grid.locator("td").all_inner_texts()]
                for grid in visit.page.locator(".cells").all()
            ]
            sums = place.products.sum((1, 2))
            shown = int(np.abs(sums).argmax())  # the input channel that counts most
            for numbers, wanted in zip(
                grids, (place.patch, bundle.array(f"{layer}/weight")[channel], place.products), strict=True
            ):
                assert numbers == pytest.approx(wanted[shown].ravel(), rel=0.06, abs=1e-4)


def test_reading_by_pointer_and_keys(chromium: Chromium, page_file: Path, bundle: Bundle) -> None:
    values = bundle.array("conv1/activation")[0, 4]
    with visiting(chromium, page_file, "#channel=5&image=1") as visit:
        settled(visit)
        sheet, note = visit.page.locator(".sheet").first, visit.page.locator(".reading").first
        sheet.scroll_into_view_if_needed()
        box = sheet.bounding_box()
        visit.page.mouse.move(box["x"] + 20.5 / 28 * box["width"], box["y"] + 10.5 / 28 * box["height"])
        assert note.inner_text().startswith("Row 11, column 21: ")
        assert visit.page.locator(".field").is_visible()
        visit.page.mouse.move(2, 2)
        assert note.inner_text() == ""
        sheet.focus()
        for key in ("ArrowUp", "ArrowLeft", "Home", "ArrowDown", "End"):
            visit.page.keyboard.press(key)
        settled(visit)
        assert address(visit)["place"] == "16,28"
        told = float(re.search(r": (\S+)\. ", note.inner_text())[1].replace("−", "-"))
        assert told == pytest.approx(values[15, 27], rel=1e-3, abs=1e-6)
        assert visit.page.locator("[role=status].quiet").inner_text() == note.inner_text()
        for place, sight in (("1,1", "rows 1 to 2, columns 1 to 2"), ("28,28", "rows 27 to 28, columns 27 to 28")):
            goto(visit, f"place={place}")
            assert note.inner_text().endswith(f"It sees {sight}.")  # of what the image has
        goto(visit, "channel=5&image=1")
        visit.page.locator("summary").click()
        settled(visit)
        rows = visit.page.locator(".scroll tr").all()
        assert len(rows) == 29
        assert float(rows[16].locator("td").nth(27).inner_text().replace("−", "-")) == pytest.approx(
            values[15, 27], rel=1e-2
        )
        visit.page.keyboard.press("Tab")
        visit.is_clean()


# -- every switch moves the address, and every address moves the switches ------------------------


def test_switches_and_address(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file) as visit:
        page = visit.page
        settled(visit)
        for legend, text, field, value in (
            ("Values", "pre-activation", "stage", "preactivation"),
            ("Colour scale", "per map", "scale", "per_map"),
            ("Colour scale", "shared", "scale", "shared"),
            ("Channels", "all", "channels", "all"),
        ):
            choose(visit, legend, text)
            assert address(visit)[field] == value
        page.locator(".layer", has_text="conv2").click()
        settled(visit)
        assert page.locator(".tile").count() == 16
        page.locator(".tile").nth(6).click()
        page.locator(".tile").nth(2).click(modifiers=["Shift"])
        page.locator(".thumbnail").nth(3).click()
        page.locator(".stage .input").click(position={"x": 100, "y": 50})
        settled(visit)
        found = address(visit)
        assert (found["layer"], found["channel"], found["with"], found["image"]) == ("conv2", "7", "3", "4")
        assert page.locator(".side:visible").count() == 2
        assert page.locator(".field").is_visible()
        page.locator(".tick input").uncheck()
        page.locator(".slider", has_text="Opacity").locator("input").fill("30")
        settled(visit)
        found = address(visit)
        assert (found["overlay"], found["opacity"]) == ("off", "30")
        assert page.locator(".overlay").is_hidden()
        page.go_back()
        settled(visit)
        assert address(visit).get("overlay", "on") == "on"
        assert page.locator(".tick input").is_checked()
        link = page.evaluate("() => location.hash")
        visit.is_clean()
    with visiting(chromium, page_file, link) as visit:  # in another browser, later
        settled(visit)
        page = visit.page
        assert page.locator(".layer :checked").get_attribute("value") == "conv2"
        assert page.locator(".switch :checked").evaluate_all("all => all.map(one => one.value)")[-3:] == [
            "preactivation",
            "shared",
            "all",
        ]
        assert page.locator(".tile.second").inner_text().startswith("3")


@pytest.mark.parametrize(
    "fragment",
    ["layer=none&channel=99&image=99&place=99,99", "channel=-1&with=0&opacity=900&epoch=7x&place=1",
     "=&&%&hide=%00,,&layer",
     "layer=__proto__&constructor=1&scale=<script>", "place=1,2,3&model=9&step=99&class=999999"],
)  # fmt: skip
def test_any_address_is_survived(chromium: Chromium, page_file: Path, fragment: str) -> None:
    with visiting(chromium, page_file, f"#{fragment}") as visit:
        settled(visit)
        assert visit.page.locator(".tile").count() == 8
        visit.is_clean()


def test_what_a_teacher_hides_stays_hidden(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file, "#hide=scale,questions,tour,arithmetic") as visit:
        settled(visit)
        assert visit.page.get_by_text("Colour scale", exact=True).is_hidden()
        for gone in (".questions", ".working", "header [data-part=tour]"):
            assert visit.page.locator(gone).is_hidden()
        visit.page.locator(".layer", has_text="conv2").click()
        assert address(visit)["hide"] == "scale,questions,tour,arithmetic"


# -- training, Grad-CAM, two networks ------------------------------------------------------------


def test_training_scrubber(chromium: Chromium, page_file: Path, bundle: Bundle) -> None:
    history = bundle.array("conv1/weight_history")[:, 2]  # (E, C_in, kH, kW)
    with visiting(chromium, page_file, "#channel=3&image=1") as visit:
        settled(visit)
        before, trained = (bundle.array("conv1/activation_history")[epoch, 0, 2] for epoch in (0, -1))
        assert np.array_equal(pictures(visit, ".sheet canvas")[0], layer_colours(bundle, trained))
        visit.page.locator(".slider", has_text="Training").locator("input").fill("0")
        settled(visit)
        assert address(visit)["epoch"] == "0"
        assert "before training" in visit.page.locator(".epoch output").inner_text()
        filter_ = pictures(visit, ".slices canvas")[0]
        reach = float(np.abs(history[[0, -1]]).max())
        wanted = ColourScale(-reach, reach, "per_map", "berlin").colours(history[0, 0])
        assert np.abs(filter_.astype(int) - wanted).max() <= 6  # rounded to 65,536 steps
        choose(visit, "Colour scale", "per map")
        own = ColourScale.of(before).colours(before)
        assert np.abs(pictures(visit, ".sheet canvas")[0].astype(int) - own).max() <= 12  # rounded to 256 steps
        visit.is_clean()


def layer_colours(bundle: Bundle, values: np.ndarray) -> np.ndarray:
    return ColourScale.of(bundle.array("conv1/activation")[0]).colours(values)


def test_gradcam(chromium: Chromium, page_file: Path, bundle: Bundle) -> None:
    with visiting(chromium, page_file, "#layer=conv2&image=1") as visit:
        settled(visit)
        page = visit.page
        classes = bundle.array("gradcam_classes")[0]
        for at in (0, len(classes) - 1):
            page.locator(".dropdown", has_text="Grad-CAM").locator("select").select_option(str(classes[at]))
            settled(visit)
            assert address(visit)["class"] == str(classes[at] + 1)
            cam = bundle.array("conv2/gradcam")[0, at]
            share = (cam > 0).mean()
            told = page.locator("[data-part=gradcam] .note").inner_text()
            assert (f"{100 * share:.1f}%" if share else "nothing supports") in told, (share, told)
            if share:
                highest = page.locator("[data-part=overlay] .colour-bar div > :last-child").inner_text()
                assert told.endswith(f"the strongest by {highest}.")
        page.locator(".tile:has(:checked)").click()  # its map comes back, as that of any other would
        settled(visit)
        assert "class" not in address(visit)
        visit.is_clean()


def test_two_networks(chromium: Chromium, pair_file: Path) -> None:
    with visiting(chromium, pair_file, "#layer=conv2&channel=3&place=5,5") as visit:
        settled(visit)
        page = visit.page
        content = json.loads(page.locator("#content").text_content())
        match = next(one for one in content["matches"] if one["layer"] == "conv2")
        pairs = {one: (other, r) for one, other, r in match["pairs"]}
        told = page.locator(".chosen .note").inner_text()
        if 2 in pairs:
            assert f"channel {pairs[2][0] + 1} of {match['other']}" in told and f"{pairs[2][1]:.2f}" in told
            assert page.locator(".side:visible").count() == 2
            assert page.locator(".cross:visible").count() == 2
        page.locator(".switch label", has_text="deep").click()
        settled(visit)
        assert address(visit)["model"] == "2"
        assert page.locator(".layer").count() == 9
        visit.is_clean()


# -- tour, questions, print ----------------------------------------------------------------------


def test_tour_goes_through(chromium: Chromium, pair_file: Path) -> None:
    with visiting(chromium, pair_file, viewport=(320, 640), still=True, touch=True) as visit:
        page = visit.page
        settled(visit)
        page.get_by_role("button", name="Take the tour").click()
        titles = []
        while page.locator(".tour").is_visible():
            settled(visit)
            titles.append(page.locator(".tour h2").inner_text())
            assert page.locator(".spot").count() == 1
            assert page.evaluate("() => document.activeElement.tagName") == "H2"
            button = page.locator(".tour .main").bounding_box()
            assert 320 < button["y"] < 640 - button["height"]
            page.locator(".tour .main").click()
        content = json.loads(page.locator("#content").text_content())
        assert titles == [step["title"] for step in content["tour"]] and len(titles) >= 6
        assert "step" not in address(visit)
        visit.is_clean()


def test_questions_know_their_answers(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file) as visit:
        page = visit.page
        questions = json.loads(page.locator("#content").text_content())["questions"]
        assert len(questions) >= 5
        for fieldset, question in zip(page.locator(".questions fieldset").all(), questions, strict=True):
            for at in (*(n for n in range(len(question["options"])) if n != question["answer"]), question["answer"]):
                fieldset.locator("input").nth(at).check()
                verdict = fieldset.locator(".verdict").inner_text()
                assert verdict.startswith("Right" if at == question["answer"] else "Not quite")
        visit.is_clean()


def test_print_is_a_handout(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file, colours="dark") as visit:
        settled(visit)
        visit.page.emulate_media(media="print", color_scheme="dark")
        assert visit.page.locator("button:visible, select:visible, input[type=range]:visible").count() == 0
        widths = visit.page.locator(".tile:visible").evaluate_all("all => all.map(one => one.offsetWidth)")
        assert len(widths) == 8 and max(widths) - min(widths) <= 1
        for kept in (".notes", "[data-part=overlay] .tick", "[data-part=overlay] .colour-bar"):
            assert visit.page.locator(kept).is_visible()
        assert visit.page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert visit.page.pdf().startswith(b"%PDF")


# -- for everyone --------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "colours"), [(320, "dark"), (1440, "light")])
def test_access(chromium: Chromium, pair_file: Path, width: int, colours: str) -> None:
    start = "#layer=conv2&channel=3&with=5&place=5,5&scale=per_map&step=2"
    with visiting(chromium, pair_file, start, viewport=(width, 800), colours=colours, touch=width < 600) as visit:
        settled(visit)
        visit.page.locator("summary").first.click()
        visit.page.locator(".questions input").first.check()
        settled(visit)
        assert not in_words(visit.axe())
        assert visit.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        small = visit.page.locator("main *:visible").evaluate_all(
            "all => all.filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())"
            " && parseFloat(getComputedStyle(one).fontSize) < 12).map(one => one.outerHTML.slice(0, 80))"
        )
        assert not small
        if width < 600:
            visit.page.locator(".sheet").first.tap(position={"x": 60, "y": 80})
            settled(visit)
            assert re.fullmatch(r"\d+,\d+", address(visit)["place"])
        visit.is_clean()


def test_keyboard_alone(chromium: Chromium, page_file: Path) -> None:
    """Everything that can be pressed is reached by Tab, or by arrows within a group, and shows its focus."""
    with visiting(chromium, page_file) as visit:
        page = visit.page
        settled(visit)
        seen: list[str] = []
        for _ in range(60):
            page.keyboard.press("Tab")
            name = page.evaluate(
                "() => { const one = document.activeElement; return one === document.body ? '' :"
                " (one.closest('[data-part]')?.dataset.part ?? '') + '/' + (one.className || one.type || one.tagName) }"
            )
            if not name:
                break
            seen.append(name)
        for part in ("tour/main", "layers/radio", "images/radio", "overlay/checkbox", "overlay/range",
                     "gradcam/select-one", "stage/radio", "scale/radio", "channels/radio", "epoch/range",
                     "compare/select-one", "/sheet"):  # fmt: skip
            assert part in seen, (part, seen)
        page.locator(".layer input").first.focus()
        page.keyboard.press("ArrowRight")
        settled(visit)
        assert address(visit)["layer"] == "conv2"
        outline = page.locator(".layer:has(:checked)").evaluate("one => getComputedStyle(one).outlineWidth")
        assert outline == "3px"


# -- strangers' words ----------------------------------------------------------------------------


def test_names_are_text(chromium: Chromium, tutorial_bundle: Path, tmp_path: Path) -> None:
    from fmcore.bundle import save_bundle

    names = (
        "<script>alert(1)</script>",
        "\"'`&amp;",
        "👟🥾",
        "حذاء",
        "long " * 60,
        "</script>",
        "--><b>",
        "\u2028",
        "{{data}}",
        "<img src=x onerror=alert(1)>",
    )
    with Bundle.open(tutorial_bundle) as opened:
        arrays = {name: np.array(opened.array(name)) for name in opened.header.arrays}
        *chain, last = opened.header.layers
        apart = last.model_copy(update={"input": f"{chain[0].name}/activation"})  # a branch
        model = opened.header.model.model_copy(update={"name": "<i>net</i>"})
        odd = {"classes": names, "model": model, "layers": (*chain, apart)}
        save_bundle(tmp_path / "odd.safetensors", opened.header.model_copy(update=odd), arrays)
    page = make_page(tmp_path / "odd.safetensors", None, tmp_path / "odd.html")
    with visiting(chromium, page, viewport=(320, 800)) as visit:
        dialogs: list[Any] = []
        visit.page.on("dialog", lambda dialog: dialogs.append(dialog))
        settled(visit)
        for image in range(1, 11):
            goto(visit, f"image={image}&layer=conv2")
            assert names[
                json.loads(visit.page.locator("#content").text_content())["models"][0]["probes"][image - 1]["predicted"]
            ].strip() in (visit.page.locator(".answers").text_content() or "")
        assert (
            visit.page.locator("#page script, #page img, #page b:not(.tile b, .term b), #page i:not(.badge)").count()
            == 0
        )
        arrows = "all => all.map(one => getComputedStyle(one, '::before').content !== 'none')"
        assert visit.page.locator("label.layer").evaluate_all(arrows) == [True, True, False]
        assert "reads conv1" in visit.page.locator("label.layer").last.inner_text()
        assert "<i>net</i>" in (visit.page.locator("h1").text_content() or "")
        assert not dialogs
        assert visit.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        visit.is_clean()
