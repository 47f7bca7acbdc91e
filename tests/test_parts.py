"""The parts of scenes: each says what it shows, and puts every value where it belongs."""

import re
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from films import TINY, Net, make_bundle
from manim import LEFT, UP, Square

from fmcore.analysis.worked import WorkedMap
from fmcore.bundle import Bundle
from fmcore.colour import ColourScale
from fmcore.header import ReceptiveField
from fmcore.lesson.theme import DARK
from fmcore.render.process import configure
from scenes import look
from scenes.parts.cells import digit_size
from scenes.parts.channel_stack import ChannelStack
from scenes.parts.class_table import ClassTable
from scenes.parts.closeup import Closeup
from scenes.parts.colour_bar import ColourBar
from scenes.parts.exhibit import Exhibit
from scenes.parts.feature_map import FeatureMap, InputImage
from scenes.parts.kernel import NumberGrid
from scenes.parts.likeness_table import score
from scenes.parts.marks import arrow, field_frame, values_frame
from scenes.parts.motion import Sweep
from scenes.parts.one_place import Colours, OnePlace
from scenes.parts.picture import UNIT, ArraySource, Picture
from scenes.parts.place_sum import PlaceSum, product_in_words
from scenes.parts.text import Label, number

pytestmark = pytest.mark.usefixtures("small_frame")


def texts(mobject: object) -> list[str]:
    return [member.text for member in mobject.get_family() if isinstance(member, Label)]  # type: ignore[attr-defined]


RAMP = np.arange(12, dtype=np.float32).reshape(3, 4)
RAMP_SCALE = ColourScale.of(RAMP)


# -- pictures ------------------------------------------------------------------------------------


def test_a_picture_knows_where_each_value_stands() -> None:
    picture = Picture(RAMP, RAMP_SCALE, 3.0).move_to([1, 2, 0])
    assert picture.grid == (3, 4) and picture.cell == (1.0, 1.0)
    assert (picture.width, picture.height) == pytest.approx((4.0, 3.0))
    assert picture.at(0, 0) == pytest.approx([-0.5, 3, 0])
    assert picture.at(2, 3) == pytest.approx([2.5, 1, 0])
    assert np.array_equal(picture.pixel_array[..., :3], RAMP_SCALE.colours(RAMP))


def test_a_colour_image_shows_its_colours() -> None:
    image = np.stack([np.full((4, 4), share, np.float32) for share in (1.0, 0.5, -0.2)])
    picture = Picture(image, UNIT, 2.0, ArraySource("probes", (0,)))
    assert picture.pixel_array[0, 0].tolist() == [255, 128, 0, 255]
    assert picture.source == ArraySource("probes", (0,))


@pytest.mark.parametrize(("values", "below"), [(RAMP, "3 × 4 × 1"), (np.full((5, 2), 7.0), "5 × 2 × 1 · flat")])
def test_a_map_says_its_shape_and_whether_it_is_flat(values: np.ndarray, below: str) -> None:
    found = FeatureMap(values, ColourScale.of(values), 2.0, "a name")
    assert found.shape_label in found.submobjects and found.shape_label.text == below
    assert texts(found) == [below, "a name"]
    assert found.shape_label.get_top()[1] < found.border.get_bottom()[1]
    assert texts(FeatureMap(values, ColourScale.of(values), 2.0)) == [below]


def test_an_image_says_its_shape() -> None:
    assert texts(InputImage(np.zeros((3, 8, 6)), 2.0)) == ["8 × 6 × 3", "input image"]


@pytest.mark.parametrize(
    ("count", "shown", "brief", "told"),
    [(16, 4, False, "4 of 16 channels"), (16, 3, True, "3 of 16 shown"), (4, 4, False, "all 4 channels"),
     (1, 1, True, "1 channel")],
)  # fmt: skip
def test_a_stack_says_how_many_channels_it_shows(count: int, shown: int, brief: bool, told: str) -> None:
    maps = np.random.default_rng(0).random((count, 3, 4)).astype(np.float32)
    stack = ChannelStack(maps, range(shown), ColourScale.of(maps), 2.0, "conv", ("conv/activation", (5,)), brief=brief)
    assert texts(stack) == ["conv", f"3 × 4 × {count}", told]
    assert len(stack.sheets) == shown
    assert np.array_equal(stack.front.values, maps[0])
    assert stack.front.source == ArraySource("conv/activation", (5, 0))
    fronts = [sheet[0].get_center() for sheet in stack.sheets]
    assert all(behind[0] > front[0] and behind[1] > front[1] for behind, front in pairwise(fronts))


SCALES = {
    "strength": (ColourScale(0, 8), ["0.00", "4.00", "8.00"]),
    "signed": (ColourScale(-2, 2, "per_layer", "berlin"), ["−2.00", "0.00", "2.00"]),
    "flat": (ColourScale(0, 0), ["0.00"]),
    "weak": (ColourScale(0, 0.00126), ["0.0000", "0.0006", "0.0013"]),
    "nearly nothing": (ColourScale(0, 1e-9), ["0", "5.0 · 10⁻¹⁰", "1.0 · 10⁻⁹"]),
}


@pytest.mark.parametrize("case", SCALES)
def test_a_colour_bar_shows_its_ends_and_what_shares_it(case: str) -> None:
    scale, numbers = SCALES[case]
    bar = ColourBar(scale, 3.0)
    said = texts(bar)
    assert said[: len(numbers)] == numbers
    assert said[len(numbers) :] == ["activation", "scale of", "this map" if scale.kind == "per_map" else "the layer"]
    assert bar.bar.height == pytest.approx(3.0)
    column = bar.bar.pixel_array[:, 0, :3].astype(int)
    assert np.abs(column[0] - scale.colours(np.array(scale.high))).max() <= 1  # the highest at the top
    assert np.abs(column[-1] - scale.colours(np.array(scale.low))).max() <= 1


def test_only_what_is_the_same_is_said_to_be() -> None:
    told = {0.8774: "0.88", 0.9949: "0.99", 0.9999: "0.99", 1 - 1e-9: "1.00", 1.0: "1.00", -0.126: "−0.13"}
    assert {value: score(value) for value in told} == told


# -- numbers and marks -----------------------------------------------------------------------------


def test_a_grid_shows_the_numbers_of_its_values() -> None:
    grid = NumberGrid(RAMP, RAMP_SCALE, 1.0)
    assert texts(grid) == [number(float(value)) for value in RAMP.flat]
    middle = grid.cell_at(1, 2, 4)
    (written,) = (m for m in grid.get_family() if isinstance(m, Label) and m.text == "6.00")
    assert written.get_center() == pytest.approx(middle.get_center())
    assert grid.cell_at(0, 0, 4).get_center()[1] > middle.get_center()[1]
    assert all(member.width < 1.0 for member in grid.get_family() if isinstance(member, Label))
    assert texts(NumberGrid(RAMP, RAMP_SCALE, 1.0, digits=False)) == []
    assert texts(NumberGrid(RAMP, RAMP_SCALE, 0.6)) == [number(float(value), 1) for value in RAMP.flat]
    assert texts(NumberGrid(RAMP, RAMP_SCALE, 0.2)) == []  # nobody could read them
    with pytest.raises(ValueError, match="too large to read; draw a Picture"):
        NumberGrid(np.zeros((9, 2)), RAMP_SCALE, 0.2)


@pytest.mark.parametrize(
    ("row", "column", "told", "place"),
    [(0, 0, ["rows 1–5", "columns 1–5"], (0, 0)), (9, 19, ["rows 6–10", "columns 16–20"], (4, 4)),
     (5, 7, ["rows 4–8", "columns 6–10"], (2, 2)), (8, 1, ["rows 6–10", "columns 1–5"], (3, 1))],
)  # fmt: skip
def test_a_closeup_stays_inside_and_marks_the_value(
    row: int, column: int, told: list[str], place: tuple[int, int]
) -> None:
    values = np.arange(200, dtype=np.float32).reshape(10, 20)
    picture = Picture(values, ColourScale.of(values), 4.0)
    near = Closeup(picture, row, column, 1.0)
    said = texts(near)
    assert said[-2:] == told
    assert said[place[0] * 5 + place[1]] == number(float(values[row, column]))
    assert near.best.get_center() == pytest.approx(near.grid.cell_at(*place, 5).get_center())
    top, left = int(told[0].split()[1].split("–")[0]) - 1, int(told[1].split()[1].split("–")[0]) - 1
    assert near.mark.get_center() == pytest.approx(picture.at(top + 2, left + 2))
    assert (near.mark.height, near.mark.width) == pytest.approx((5 * picture.cell[0], 5 * picture.cell[1]))


def test_a_closeup_of_a_small_map_is_all_of_it() -> None:
    near = Closeup(Picture(RAMP, RAMP_SCALE, 3.0), 1, 1, 0.6)
    assert texts(near)[-2:] == ["rows 1–3", "columns 1–4"]
    assert len(near.grid.squares) == 12


def test_a_closeup_shows_as_many_numbers_as_can_be_read() -> None:
    values = np.linspace(-0.9994, -0.9991, 36, dtype=np.float32).reshape(6, 6)
    picture = Picture(values, ColourScale.of(values), 3.0)
    found = [Closeup.within(picture, 2, 2, look.Region(-side / 2, side / 2, -side / 2, side / 2)) for side in (6, 1.9)]
    assert all(one.grid.readable for one in found)
    assert len(found[0].grid.squares) == 25 > len(found[1].grid.squares)


def test_a_frame_lies_around_the_values_named() -> None:
    picture = Picture(RAMP, RAMP_SCALE, 3.0).move_to([1, 2, 0])
    frame = values_frame(picture, 1, 1, 3, 4)
    assert frame.get_corner(UP + LEFT) == pytest.approx([0, 2.5, 0])
    assert (frame.height, frame.width) == pytest.approx((2.0, 3.0))


def test_a_receptive_field_is_cut_off_at_the_border() -> None:
    picture = Picture(np.zeros((10, 10)), UNIT, 10.0)
    inside = field_frame(picture, ReceptiveField(size=(5, 5), jump=(2, 2)), 2, 2)
    assert inside.get_center() == pytest.approx([-0.5, 0.5, 0]) and inside.height == pytest.approx(5)
    corner = field_frame(picture, ReceptiveField(size=(5, 5), jump=(2, 2)), 0, 0)
    assert corner.get_corner(UP + LEFT) == pytest.approx([-5, 5, 0])
    assert corner.height == corner.width == pytest.approx(3)


def test_an_arrow_is_level() -> None:
    drawn = arrow(np.array([0, 1.0, 0]), np.array([3, -2.0, 0]))
    assert drawn.get_start()[1] == pytest.approx(1) and drawn.get_end()[1] == pytest.approx(1)


def test_a_sweep_reveals_in_reading_order_and_takes_its_mark_along() -> None:
    picture = Picture(RAMP, RAMP_SCALE, 3.0).set_opacity(0)
    places: list[tuple[int, int]] = []
    mark = Square()
    sweep = Sweep(picture, [mark], lambda row, column: places.append((row, column)), run_time=1)
    assert mark in sweep.mobject.get_family()  # what moves along is drawn along
    for done in range(13):
        sweep.interpolate_mobject(min(1.0, (done + 0.5) / 12))
        assert (picture.pixel_array[..., 3].ravel() == 255).tolist() == [True] * done + [False] * (12 - done)
    assert places == [*np.ndindex(3, 4), (2, 3)]


# -- a place of a convolution ----------------------------------------------------------------------

PATCH = np.array([[0.0, 0.73, 0.65], [0.0, 0.71, 0.72], [0.8, 0.66, 0.65]])
WEIGHTS = np.array([[-0.19, 0.26, 0.31], [-0.15, 0.06, 0.31], [0.34, 0.19, 0.1]])
COLOURS = Colours(UNIT, ColourScale.signed(WEIGHTS), ColourScale.signed(WEIGHTS))


def upright(folder: Path) -> None:
    configure(TINY.model_copy(update={"width": 90, "height": 160}), folder)
    look.use(DARK)


def test_flat_cells_have_room_for_numbers_where_squares_have_none(tmp_path: Path) -> None:
    upright(tmp_path)
    blocks = [PATCH, WEIGHTS, PATCH * WEIGHTS]
    assert digit_size(blocks, 0.75) == digit_size(blocks, 0.75, 0.37)
    assert digit_size([np.full((3, 3), -0.88)], 0.74, 0.37) == look.SMALLEST  # a third of half of the frame
    assert digit_size(blocks, 0.6, 0.37) is None and digit_size(blocks, 0.75, 0.2) is None


@pytest.mark.parametrize("flatness", [1.0, 0.4])
def test_a_place_is_patch_times_filter_in_a_row_or_a_column(tmp_path: Path, flatness: float) -> None:
    upright(tmp_path)
    names = ("patch", "filter", "products")
    one = OnePlace(PATCH, WEIGHTS, COLOURS, 2.25, names, "with batch norm", None, look.SMALLEST, flatness=flatness)
    said = texts(one)
    for block, name in zip((PATCH, WEIGHTS, PATCH * WEIGHTS), names, strict=True):
        assert name in said and {number(float(value)) for value in block.flat} <= set(said)
    assert {"×", "=", "with batch norm"} <= set(said)
    centres = np.array([cells.block.get_center() for cells in one.blocks])
    along, across = (0, 1) if flatness == 1 else (1, 0)
    assert np.ptp(centres[:, across]) == pytest.approx(0, abs=1e-9)
    assert (np.diff(centres[:, along]) * (1 if flatness == 1 else -1) > 0).all()
    mark = one.weights.mark(2, 0)  # lies on the cell with that number
    assert mark.get_center() == pytest.approx(one.weights.single(2, 0)[0].get_center())
    assert (mark.width, mark.height) == pytest.approx((0.75, 0.75 * flatness))


@pytest.mark.parametrize(
    "net", [Net(bias=0.3), Net(image_channels=3, bias=-0.1), Net(widths=(5, 3), has_bias=False), Net(relu=False)]
)
def test_the_sum_of_a_place_adds_up_as_it_is_written(tmp_path: Path, net: Net) -> None:
    def read(text: str) -> Decimal:
        return Decimal(text.replace("−", "-"))

    with Bundle.open(make_bundle(tmp_path / "net", net)) as bundle:
        for layer, channel in product(bundle.convolutions, range(3)):
            map_ = WorkedMap(bundle, layer, channel, 1)
            for place in map_.places:
                found = PlaceSum.of(map_, place)
                terms = {term.name: term for term in found.terms}
                total = sum(read(f"{term.sign.strip('+')}{term.value}") for term in found.terms[: len(found.summands)])
                if "sum" in terms and terms["sum"].sign == "=":
                    assert total == read(terms["sum"].value)
                if net.relu:
                    assert read(terms["ReLU"].value) == max(
                        total if "sum" not in terms else read(terms["sum"].value), 0
                    )
                for value, weight in zip(place.patch.flat, map_.weights.flat, strict=True):
                    said = product_in_words(value, weight)
                    one, other, made = (read(part) for part in re.split("[×=≈]", said))
                    assert abs(one * other - made) <= Decimal("0.005" if "=" in said else "0.02")


# -- exhibits --------------------------------------------------------------------------------------


def test_an_exhibit_in_a_tall_frame_has_all_its_words_beside_it_however_long_they_are(tmp_path: Path) -> None:
    upright(tmp_path)
    for words in ("few", "a great many words " * 9, "", lambda width: Square(width / 4)):
        shown = Exhibit(
            lambda size, name: InputImage(np.zeros((1, 8, 8)), size, name), "name " * 12, words, 1.5, 4.0, 1.7
        )
        beside = [member for member in shown.get_family() if isinstance(member, Label | Square) and len(member.points)]
        assert shown.thing.shape_label in beside
        assert all(member.get_left()[0] > shown.picture.get_right()[0] for member in beside)
        assert shown.height <= 1.7 + 1e-6 and shown.width <= 4.0 + 1e-6


# -- regions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(160, 90), (90, 160), (90, 90)])
def test_regions_lie_in_the_frame_one_below_the_other(width: int, height: int, tmp_path: Path) -> None:
    configure(TINY.model_copy(update={"width": width, "height": height}), tmp_path)
    title, statement, body = look.title_region(), look.statement_region(), look.body()
    assert 4 > title.top > title.bottom >= statement.top > statement.bottom >= body.top > body.bottom > -4
    for region in (title, statement, body):
        assert -4 * width / height < region.left < region.right < 4 * width / height
    columns = body.columns(1, 2, 1)
    assert columns[0].left == body.left and columns[-1].right == pytest.approx(body.right)
    assert columns[1].width == pytest.approx(2 * columns[0].width)
    assert all(a.right < b.left for a, b in pairwise(columns))


# -- tables of classes ---------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(160, 90), (90, 160), (90, 90)])
@pytest.mark.parametrize("count", [2, 10, 60])
def test_a_table_of_classes_names_each_of_its_bars(count: int, width: int, height: int, tmp_path: Path) -> None:
    configure(TINY.model_copy(update={"width": width, "height": height}), tmp_path)
    look.use(DARK)
    body, classes = look.body(), [f"class number {k}" for k in range(count)]
    means = np.random.default_rng(0).random((3, count)) + 0.1
    means[2, 1] = 5.0
    table = ClassTable(body, classes, ["a", "b", "c" * 20], [4, 5, 6], means, "selectivity", [("0.15", 0.15)] * 3)
    for row in table.get_family()[1:]:
        if len(row.points):
            assert body.left - 1e-6 <= row.get_left()[0] and row.get_right()[0] <= body.right + 1e-6
            assert body.bottom - 1e-6 <= row.get_bottom()[1] and row.get_top()[1] <= body.top + 1e-6
    first, *names = [name for name in table.names if name.text != "channel"]
    assert (len(names) < count) == (count == 60)
    assert first.text == ("layer" if count < 60 else f"{len(names)} of 60")
    shown = [k for k in range(count) if any(classes[k] == name.said for name in names)] if count < 60 else None
    for share, column in zip(means, table.columns, strict=True):
        head, channel, *bars, _ = column
        assert int(channel.text) == 5 + "abc".index(head.text[0]) and len(bars) == len(names)
        for name, bar in zip(names, bars, strict=True):
            assert bar.get_y() == pytest.approx(name.get_y(), abs=0.06)
        if shown is not None:
            assert [bar.width / bars[share.argmax()].width for bar in bars] == pytest.approx(share / share.max())
    assert {"0.15", "selectivity"} <= set(texts(table.foot))
