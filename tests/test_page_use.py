"""The page in hand, in a real browser: switches, addresses, tour, questions, paper, phones, keys and odd names."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Chromium, address, choose, goto, in_words, settled, visiting

from fmcore.bundle import Bundle
from fmcore.page.export import make_page

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


FRAGMENTS = (
    ["layer=none&channel=99&image=99&place=99,99", "channel=-1&with=0&opacity=900&epoch=7x&place=1",
     "=&&%&hide=%00,,&layer",
     "layer=__proto__&constructor=1&scale=<script>", "place=1,2,3&model=9&step=99&class=999999"]
)  # fmt: skip


def test_any_address_is_survived(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file) as visit:
        settled(visit)
        for fragment in FRAGMENTS:
            visit.page.goto("about:blank")
            visit.page.goto(f"{page_file.as_uri()}#{fragment}")
            settled(visit)
            assert visit.page.locator(".tile").count() == 8, fragment
            visit.is_clean()


def test_a_channel_that_is_not_there_gives_way_to_one_that_is_compared_with_no_copy_of_itself(
    chromium: Chromium, page_file: Path
) -> None:
    with visiting(chromium, page_file) as visit:
        settled(visit)
        content = json.loads(visit.page.locator("#content").text_content())
        first = next(one for one in content["models"][0]["layers"] if one["type"] == "convolution")
        goto(visit, f"layer={first['name']}&channel=999&with={first['representatives'][0] + 1}")
        assert visit.page.locator(".tile.second").count() == 0


def test_of_a_pooled_map_it_is_told_what_pooling_is_and_no_more(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file, "#layer=pool&place=2,2") as visit:
        settled(visit)
        assert "is taken from 2 × 2 places" in visit.page.locator(".working").inner_text()
        assert visit.page.locator(".channel").is_hidden()
        goto(visit, "layer=conv1&place=2,2")
        assert visit.page.locator(".channel").is_visible()


def test_what_a_teacher_hides_stays_hidden(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file, "#hide=scale,questions,tour,arithmetic") as visit:
        settled(visit)
        assert visit.page.get_by_text("Colour scale", exact=True).is_hidden()
        for gone in (".questions", ".working", "header [data-part=tour]"):
            assert visit.page.locator(gone).is_hidden()
        visit.page.locator(".layer", has_text="conv2").click()
        assert address(visit)["hide"] == "scale,questions,tour,arithmetic"


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
            check, verdict = fieldset.get_by_role("button", name="Check"), fieldset.locator(".verdict")
            wrong = [n for n in range(len(question["options"])) if n != question["answer"]]
            check.click()
            assert verdict.inner_text() == "Choose an answer first."
            fieldset.locator("input").nth(wrong[0]).focus()
            for _ in question["options"]:  # whoever goes through them with the arrow keys is told nothing
                visit.page.keyboard.press("ArrowDown")
            assert verdict.inner_text() == "Choose an answer first."
            tries = (wrong[0], *wrong[1:2], question["answer"])
            for number, at in enumerate(tries):
                fieldset.locator("input").nth(at).check()
                check.click()
                told = verdict.inner_text()
                assert told.startswith("Right." if at == question["answer"] else "Not quite")
                assert (question["why"] in told) == (number > 0)
        visit.is_clean()


def test_a_tour_ends_where_it_is_and_by_escape(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file, "#step=4", still=True) as visit:
        for end in ("End the tour", "Escape"):
            goto(visit, "step=4")
            spot = visit.page.locator(".spot").element_handle()
            if end == "Escape":
                visit.page.locator(".tour .main").focus()
                visit.page.keyboard.press(end)
            else:
                visit.page.get_by_role("button", name=end).click()
            assert visit.page.locator(".tour").is_hidden() and "step" not in address(visit)
            assert visit.page.evaluate("spot => document.activeElement === spot", spot)


def test_a_link_of_a_question_leads_to_what_it_speaks_of(chromium: Chromium, page_file: Path) -> None:
    with visiting(chromium, page_file, viewport=(390, 844)) as visit:
        page = visit.page
        settled(visit)
        questions = json.loads(page.locator("#content").text_content())["questions"]
        number = next(n for n, one in enumerate(questions) if (one["state"] or {}).get("place"))
        fieldset = page.locator(".questions fieldset").nth(number)
        fieldset.locator("input").nth(questions[number]["answer"]).check()
        fieldset.get_by_role("button", name="Check").click()
        fieldset.get_by_role("link", name="See it above").press("Enter")
        settled(visit)
        assert page.evaluate("() => document.activeElement.className") == "working"
        assert 0 <= page.locator(".working").bounding_box()["y"] < 100
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
        first = visit.page.locator(".questions li").first.locator(".option")
        assert len(set(first.evaluate_all("all => all.map(one => one.offsetTop)"))) == 1  # on one line
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
        visit.page.get_by_role("button", name="Check").first.click()
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
        assert seen[0] == "/skip"
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


def test_a_change_of_layer_never_shows_the_sum_of_another(chromium: Chromium, pair_file: Path) -> None:
    with visiting(chromium, pair_file, "#model=2&layer=conv4&place=4,4") as visit:
        settled(visit)
        page = visit.page
        page.evaluate(  # arrays take their time, as on a phone
            "() => { const take = Response.prototype.arrayBuffer; Response.prototype.arrayBuffer = async function () {"
            " await new Promise((done) => setTimeout(done, 150)); return take.call(this) } }"
        )
        page.evaluate(
            "() => { window.said = []; const proof = document.querySelector('[data-equal]');"
            " new MutationObserver(() => said.push(proof.dataset.equal)).observe(proof, { attributes: true }) }"
        )
        for layer in ("conv1", "conv3", "conv2"):
            page.locator(f".layer input[value='{layer}']").check(force=True)
            settled(visit)
            assert "false" not in page.evaluate("() => said")


def test_arrow_keys_go_on_from_a_channel_that_is_shown_only_because_it_is_chosen(
    chromium: Chromium, page_file: Path
) -> None:
    with visiting(chromium, page_file, "#layer=conv2") as visit:
        settled(visit)
        shown = {int(one.get_attribute("value") or 0) for one in visit.page.locator(".tiles input").all()}
    other = next(channel for channel in range(1, 17) if channel not in shown)
    with visiting(chromium, page_file, f"#layer=conv2&channel={other}") as visit:
        settled(visit)
        page = visit.page
        page.locator(".tiles input:checked").focus()
        for _ in range(2):
            page.keyboard.press("ArrowRight")
            settled(visit)
            assert page.evaluate("() => document.activeElement.closest('.tiles') !== null")


def test_the_chosen_layer_is_in_sight_on_a_phone(chromium: Chromium, pair_file: Path) -> None:
    with visiting(chromium, pair_file, "#model=2&layer=conv4", viewport=(390, 844)) as visit:
        settled(visit)
        sides = "one => { const { left, right } = one.getBoundingClientRect(); return [left, right] }"
        strip, chosen = (visit.page.locator(name).evaluate(sides) for name in (".layers", ".layer:has(:checked)"))
        assert visit.page.locator(".layer :checked").get_attribute("value") == "conv4"
        assert strip[0] - 1 <= chosen[0] and chosen[1] <= strip[1] + 1
        assert visit.page.evaluate("() => scrollY") == 0


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
        apart = last.model_copy(update={"reads": (chain[0].name, chain[1].name)})  # a sum
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
        assert f"reads {chain[0].name}, {chain[1].name}" in visit.page.locator("label.layer").last.inner_text()
        assert "<i>net</i>" in (visit.page.locator("h1").text_content() or "")
        assert not dialogs
        assert visit.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        visit.is_clean()
