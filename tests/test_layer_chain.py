"""The chain of boxes that a network is drawn as: their arrows, names, rows, and the sheets below them."""

from pathlib import Path

import pytest
from films import TINY, Net, make_bundle
from manim import Arrow, VGroup

from fmcore.bundle import Bundle
from fmcore.lesson.theme import DARK
from fmcore.lesson.words import Words
from fmcore.render.process import configure
from scenes import look
from scenes.parts.chain_links import Routes
from scenes.parts.layer_chain import LayerChain
from scenes.parts.text import speak

pytestmark = pytest.mark.usefixtures("small_frame")


@pytest.mark.parametrize(
    ("across", "edges", "straight", "lanes"),
    [
        (10, [(0, 1), (1, 2), (2, 3)], 3, {}),
        (3, [(0, 1), (1, 2), (2, 3), (3, 4)], 3, {(2, 1): ([3], 0)}),  # round the end of a row
        (10, [(0, 1), (1, 2), (2, 3), (1, 3)], 3, {(1, 0): ([3], 0)}),  # past one
        (10, [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (1, 5)], 3, {(1, 0): ([3, 5], 1), (2, 0): ([4], 0)}),
        (3, [(0, 1), (1, 2), (1, 3), (2, 3)], 2, {(1, 1): ([3], 0), (2, 1): ([3], 1)}),  # two into the next row
        (2, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)], 2, {(1, 1): ([2], 0), (3, 2): ([4], 0)}),  # past a row: not drawn
        (20, [(n, m) for n in range(6) for m in range(n + 1, 6)], 5, {}),  # too many to follow
    ],
)  # fmt: skip
def test_ways_between_boxes(
    across: int, edges: list[tuple[int, int]], straight: int, lanes: dict[tuple[int, int], tuple[list[int], int]]
) -> None:
    routes = Routes.of(edges, across)
    assert len(routes.straight) == straight
    assert {(lane.source, lane.gap): ([*lane.targets], lane.level) for lane in routes.lanes} == lanes


def test_arrows_lead_to_a_layer_from_what_it_reads(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "b", Net(widths=(2, 2, 2)))) as bundle:
        one, two, three = bundle.header.layers
    sums = three.model_copy(update={"reads": (one.name, two.name)})
    chain = LayerChain([one, two, sums], [one.name], 12.0)
    ends = [arrow.get_end() for arrow in chain.links.get_family() if isinstance(arrow, Arrow)]
    boxes = [box.get_center()[0] for box in chain.every]
    assert sorted(min(range(5), key=lambda n: abs(boxes[n] - end[0])) for end in ends) == [1, 2, 3, 3, 4]
    (over,) = (end for end in ends if end[1] > chain.every.get_y() + 0.1)  # the one that comes from above
    assert boxes[3] - 0.3 < over[0] <= boxes[3] and chain.links.get_top()[1] > chain.every.get_top()[1]


def test_names_with_dots_take_two_lines_where_one_would_cut_them(tmp_path: Path) -> None:
    names = ("block1.conv1", "block1.conv2", "block2.conv1", "block2.conv2", "block1.down.0")
    with Bundle.open(make_bundle(tmp_path / "b", Net(widths=(2,) * 5))) as bundle:
        layers = [
            layer.model_copy(update={"name": name}) for name, layer in zip(names, bundle.header.layers, strict=True)
        ]
    configure(TINY.model_copy(update={"width": 90, "height": 160}), tmp_path)
    look.use(DARK)
    chain = LayerChain(layers, [names[0]], look.body().width)
    shown = {name: "".join(row.text for row in box[1]) for name, box in chain.boxes.items()}
    assert shown == {name: name for name in names}
    assert all(box[1].height < box[0].height and box[1].width < box[0].width for box in chain.boxes.values())


def test_sheets_below_wide_boxes_do_not_reach_below_the_body(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "b", Net(size=(48, 48), widths=(2, 2)))) as bundle:
        layers = [layer.model_copy(update={"name": f"max_pool2d{n}"}) for n, layer in enumerate(bundle.header.layers)]
    configure(TINY, tmp_path)
    look.use(DARK)
    body = look.body()
    chain = LayerChain(layers, [layers[0].name], body.width).move_to(body.centre)
    sizes = chain.sizes(body.bottom)
    assert len(sizes) == 2 and sizes.get_bottom()[1] == pytest.approx(body.bottom, abs=1e-6)  # as large as they can be
    assert all(sheet.width == pytest.approx(sheet.height) for _, sheet in sizes)


def test_a_chain_in_rows_turns_from_the_end_of_one_to_the_start_of_the_next(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "b", Net(widths=(2,) * 8))) as bundle:
        layers = bundle.header.layers
    configure(TINY.model_copy(update={"width": 90, "height": 160}), tmp_path)
    look.use(DARK)
    chain = LayerChain(layers, [layers[0].name], look.body().width)
    rows = {round(box.get_y(), 3) for box in chain.every}
    turns = [link for link in chain.links if isinstance(link, VGroup)]
    assert len(rows) == 3 and len(turns) == 2 and len(chain.links) == len(chain.every) - 1
    for turn, last, first in zip(turns, (3, 7), (4, 8), strict=True):
        assert turn[0].get_start() == pytest.approx(chain.every[last].get_bottom())
        assert turn[-1].get_end()[0] == pytest.approx(chain.every[first].get_x())


def test_parts_of_names_are_in_no_language(tmp_path: Path) -> None:
    with Bundle.open(make_bundle(tmp_path / "b", Net(widths=(2, 2, 2)))) as bundle:
        layers = [
            layer.model_copy(update={"name": name})
            for name, layer in zip(("last", "first.inwards", "2"), bundle.header.layers, strict=True)
        ]
    configure(TINY.model_copy(update={"width": 90, "height": 160}), tmp_path)
    look.use(DARK)
    speak(Words(language="de", words={"last": "zuletzt", "first.": "erst.", "layer {1}": "Schicht {1}"}), ["layer 2"])
    try:
        chain = LayerChain(layers, ["last"], look.body().width)
    finally:
        speak(None, [])
    shown = {name: [row.text for row in box[1]] for name, box in chain.boxes.items()}
    assert shown == {"last": ["last"], "first.inwards": ["first.", "inwards"], "2": ["Schicht 2"]}
