"""The film beside a page: its chapters and captions are those beside the film, and chapters lead to what they show."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from browser import Chromium, Visit, address, settled, visiting
from pages import check_state, paged, rich_bundle
from PIL import Image

from fmcore.bundle import Bundle
from fmcore.lesson.brief import Figure
from fmcore.lesson.captions import Chapter, captions, vtt, youtube_chapters
from fmcore.lesson.record import POSTER_NAME, RECORD_SCHEMA, BundleRecord, LessonRecord, SceneRecord
from fmcore.lesson.script import TimedBeat
from fmcore.page.export import Film, make_page
from fmcore.page.film import film_of


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rich_bundle(tmp_path_factory.mktemp("rich"))


def figure(array: str, *index: int, other: bool = False) -> Figure:
    return Figure(
        beat="a", frame=1, array=array, index=index, box=(0, 0, 1, 1), low=0, high=1, scale="per_map",
        colours="inferno", covered=False, other=other,
    )  # fmt: skip


def scene(number: int, *figures: Figure, **fields: Any) -> SceneRecord:
    start = number * 617
    beats = tuple(
        TimedBeat(
            cue=f"b{k}", say=f"Sentence <{k}> of “scene” {number} & more words to fill a line.", start=s, end=s + 300
        )
        for k, s in enumerate((start, start + 300))
    )
    known: dict[str, Any] = {"bundle": "net", "other": None, "options": {}, **fields}
    return SceneRecord(
        scene="S", title=f"Scene {number}", start=start, end=start + 617, beats=beats, figures=figures, claims=(),
        segments=(), inputs={}, **known,
    )  # fmt: skip


def recorded(scenes: Sequence[SceneRecord], digests: Mapping[str, str], fps: int = 15) -> LessonRecord:
    bundles = {
        name: BundleRecord(
            file=f"{name}.safetensors", sha256=digest, model="made-up", data="noise", provenance="", test_accuracy=None,
            versions={},
        )
        for name, digest in digests.items()
    }  # fmt: skip
    return LessonRecord(
        schema_version=RECORD_SCHEMA, fmcore="0", title="L", settings={"fps": fps}, frames=617 * len(scenes),
        seconds=617 * len(scenes) / fps, scenes=tuple(scenes), bundles=bundles,
    )  # fmt: skip


@pytest.mark.parametrize("fps", [15, 24, 60])
def test_chapters_and_captions_are_those_beside_the_film(rich: Path, fps: int) -> None:
    scenes = [scene(number) for number in range(4)]
    record = recorded(scenes, {"net": "0" * 64}, fps)
    with Bundle.open(rich) as bundle:
        film = film_of(record, "lesson.mp4", paged(bundle), [(bundle.digest, range(3))])
    assert film["file"] == "lesson.mp4"
    listed = youtube_chapters([Chapter(one.start, one.end, one.title) for one in scenes], fps).splitlines()
    for chapter, line in zip(film["chapters"], listed, strict=True):
        assert line == f"{round(chapter['start']) // 60}:{round(chapter['start']) % 60:02} {chapter['title']}"
    blocks = vtt([caption for one in scenes for caption in captions(one.beats)], fps).split("\n\n")[1:]
    for caption, block in zip(film["captions"], blocks, strict=True):
        clock, text = block.strip().split("\n", 1)
        hours, minutes, seconds = clock.split(" --> ")[0].split(":")
        assert int(hours) * 3600 + int(minutes) * 60 + float(seconds) == pytest.approx(caption["start"], abs=1e-9)
        assert text == caption["text"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        (scene(0, figure("probes", 2, 0), figure("conv1/activation", 2, 4)), "image=3 layer=conv1 channel=5"),
        (scene(0, figure("conv2/preactivation", 1, 0)), "image=2 layer=conv2 channel=1 stage=preactivation"),
        (scene(0, figure("conv1/weight", 3, 0), figure("probes", 1, 0)), "image=2 layer=conv1 channel=4"),
        (scene(0, figure("conv1/weight_history", 1, 2, 0)), "layer=conv1 channel=3 epoch=1"),
        (scene(0, figure("conv2/gradcam", 1, 0)), "image=2 layer=conv2 class=2"),
        (scene(0, figure("conv9/activation", 0, 0), figure("probes", 0, 0)), "image=1"),
        (
            scene(0, figure("conv1/activation", 0, 77), options={"layer": "conv2", "channel": 2}),
            "layer=conv2 channel=2",
        ),
        (scene(0, options={"layer": "conv2", "channel": 99, "probe": 1}), "image=2 layer=conv2"),
        (scene(0, figure("probes", 9, 0)), None),
        (scene(0, figure("conv1/activation", 0, 0), bundle="another"), None),
        (scene(0, figure("conv1/activation", 0, 0), bundle=None), None),
        (scene(0, figure("conv1/activation", 0, 3, other=True), bundle="another", other="net"), "image=1 channel=4"),
    ],
)
def test_a_chapter_leads_to_what_its_scene_shows(rich: Path, shown: SceneRecord, state: str | None) -> None:
    with Bundle.open(rich) as bundle:
        content, digest = paged(bundle), bundle.digest
    record = recorded([shown], {"net": digest, "another": "f" * 64})
    found = film_of(record, "lesson.mp4", content, [(digest, range(3))])["chapters"][0]["state"]
    if state is None:
        assert found is None
        return
    check_state(found, content)
    wanted = dict(part.split("=") for part in state.split())
    assert wanted.items() <= found.items()
    unknown = film_of(record, "lesson.mp4", content, [("0" * 64, range(3))])
    assert unknown["chapters"][0]["state"] is None  # no bundle of the lesson is that of the page


def test_the_film_shows_its_poster_and_plays_from_a_chapter_until_the_page_shows_it(
    chromium: Chromium, rich: Path, tmp_path: Path
) -> None:
    with Bundle.open(rich) as bundle:
        digest = bundle.digest
    scenes = [scene(0), scene(1, figure("conv2/activation", 1, 3))]
    record = recorded(scenes, {"net": digest, "another": "f" * 64})
    page = make_page(rich, None, tmp_path / "page.html", film=Film(record, "ä film.mp4"))
    write_film(tmp_path / "ä film.mp4", seconds=83)
    Image.new("RGB", (64, 36), "teal").save(tmp_path / POSTER_NAME)
    with visiting(chromium, page) as visit:
        settled(visit)
        video = visit.page.locator("video")
        video.evaluate("video => { video.muted = true }")
        assert_as_the_film(visit)
        visit.page.locator(".chapters button").nth(1).click()
        visit.page.wait_for_function("() => document.querySelector('video').currentTime > 617 / 15")
        visit.page.locator(".chapters a").click()
        settled(visit)
        assert video.evaluate("video => video.paused")
        assert {"layer": "conv2", "channel": "4"}.items() <= address(visit).items()
        visit.is_clean()
    (tmp_path / POSTER_NAME).unlink()
    with visiting(chromium, page) as visit:
        assert_as_the_film(visit)


def assert_as_the_film(visit: Visit) -> None:
    """The room that the film has on the page is of its shape, before it is played."""
    visit.page.wait_for_function("() => document.querySelector('video').readyState > 0")
    settled(visit)
    height, width = visit.page.locator("video").evaluate("video => [video.offsetHeight, video.offsetWidth]")
    assert height == pytest.approx(width * 36 / 64, abs=2)


def write_film(path: Path, seconds: int) -> None:
    """A film of one frame a second, in what every Chromium can play."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=1, options={"deadline": "realtime", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for number in range(seconds):
            frame = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 3 * number, np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
