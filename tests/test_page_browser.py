"""What the page shows in a real browser beside what the bundle holds: pixels, sums, training, Grad-CAM, two nets."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import Chromium, address, choose, goto, pictures, settled, visiting
from torch import nn

from fmcore.analysis.convolution import arithmetic
from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from fmcore.data.imageset import ImageSet
from fmcore.model_input import AsInput, plain_preprocessing
from fmcore.page.export import make_page
from fmcore.recording import record
from fmcore.training import Trained, TrainSpec


@pytest.fixture
def bundle(tutorial_bundle: Path) -> Iterator[Bundle]:
    with Bundle.open(tutorial_bundle) as opened:
        yield opened


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
                re.search(r"recorded (\S+) as this", visit.page.locator(".working").inner_text())[1].replace("−", "-")
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
                assert numbers == pytest.approx(wanted[shown].ravel(), abs=6e-3 * float(np.abs(wanted[shown]).max()))
            terms = [text.replace("−", "-") for text in visit.page.locator(".sum b").all_inner_texts()]
            *parts, result, _ = map(Decimal, terms)  # the last is after the nonlinearity
            assert sum(parts) == result and result == pytest.approx(Decimal(told), rel=Decimal("0.05")), terms
            assert len({len(text.partition(".")[2]) for text in terms if text != "0"}) == 1


def test_the_sum_leads_to_the_activation_whatever_lies_between(
    chromium: Chromium, tiny_images: ImageSet, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.SiLU(),
        nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), nn.GroupNorm(2, 4), nn.GELU(),
        nn.Conv2d(4, 4, 1), nn.GroupNorm(2, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10),
    ).eval()  # fmt: skip
    as_input = AsInput(plain_preprocessing(1, 28), channels_last=False)
    trained = Trained(TrainSpec(model="net.py:make", epochs=0), network, (), (), "cpu", as_input, "random")
    record(trained, tiny_images, tmp_path / "b")
    make_page(tmp_path / "b", None, tmp_path / "page.html")
    with visiting(chromium, tmp_path / "page.html") as visit, Bundle.open(tmp_path / "b") as bundle:
        for layer, after, read in (
            ("0", "activation", "patch"),
            ("2", "activation: normalised, then φ", "patch of channel 3"),
            ("5", "activation: normalised", "patch"),
        ):
            goto(visit, f"layer={layer}&channel=3&image=2&place=6,9")
            made = visit.page.locator(".sum .term").last.inner_text().replace("−", "-").split("\n")
            assert float(made[0]) == pytest.approx(float(bundle.part(f"{layer}/activation", 1, 2, 5, 8)), rel=1e-3)
            assert made[1:] == [after] and visit.page.locator(".cells.patch figcaption").inner_text() == read
        goto(visit, "layer=2&channel=3")
        assert "input channel 3 alone" in visit.page.locator("body").inner_text()
        visit.is_clean()


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
            strongest = np.cumsum(sorted(np.maximum(cam, 0).ravel(), reverse=True))
            half = int((strongest < strongest[-1] / 2).sum()) + 1 if strongest[-1] else 0
            told = page.locator("[data-part=gradcam] .note").inner_text()
            assert (f"comes from {half} of {cam.size} places" if half else "nothing supports") in told, (half, told)
            if half:
                highest = page.locator("[data-part=overlay] .colour-bar div > :last-child").inner_text()
                assert told.endswith(f"the strongest supports it by {highest}.")
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
