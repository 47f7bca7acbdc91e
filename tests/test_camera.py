"""Images painted by Cairo: every pixel shows the value in whose square its centre lies.

And frames drawn in part: bit by bit those that manim draws, and nothing changes outside of the boxes that are told.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from films import TINY
from manim import (
    BLUE,
    BLUE_D,
    DOWN,
    GREEN,
    LEFT,
    OUT,
    PI,
    RED,
    RIGHT,
    UP,
    YELLOW,
    Annulus,
    Axes,
    Camera,
    CapStyleType,
    Circle,
    Cube,
    DashedLine,
    Dot,
    ImageMobject,
    LineJointType,
    Mobject,
    MovingCamera,
    NumberPlane,
    PMobject,
    Rectangle,
    Square,
    Star,
    Text,
    ThreeDCamera,
    ValueTracker,
    VGroup,
    VMobject,
)
from numpy.typing import NDArray
from PIL.Image import Resampling

from fmcore.render.camera import CairoImages
from fmcore.render.process import configure
from fmcore.render.spec import FRAME_HEIGHT

WIDTH = FRAME_HEIGHT * TINY.width / TINY.height


class Painted(CairoImages, Camera):
    pass


@pytest.fixture(autouse=True)
def small_frame(tmp_path: Path) -> None:
    configure(TINY, tmp_path)


def image_of(pixels: NDArray[np.uint8], height: float, at: tuple[float, float], alpha: int = 255) -> ImageMobject:
    rgba = np.concatenate([pixels, np.full((*pixels.shape[:2], 1), alpha, np.uint8)], axis=-1)
    image = ImageMobject(rgba, resampling_algorithm=Resampling.NEAREST)
    image.height = height
    return image.move_to([*at, 0])


def painted(camera: Camera, *mobjects: object) -> NDArray[np.uint8]:
    camera.reset()
    camera.capture_mobjects(list(mobjects))
    frame: NDArray[np.uint8] = camera.pixel_array[..., :3].copy()
    return frame


def expected(pixels: NDArray[np.uint8], image: ImageMobject) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The frame by nearest neighbour, and where that is beyond doubt: no pixel lies on the edge of a square."""
    rows, columns = pixels.shape[:2]
    (left, bottom), (right, top) = image.points[:, :2].min(0), image.points[:, :2].max(0)
    scale = TINY.height / FRAME_HEIGHT
    y = ((FRAME_HEIGHT / 2 - top) * scale, (FRAME_HEIGHT / 2 - bottom) * scale)
    x = ((left + WIDTH / 2) * scale, (right + WIDTH / 2) * scale)
    row = (np.arange(TINY.height) + 0.5 - y[0]) / (y[1] - y[0]) * rows
    column = (np.arange(TINY.width) + 0.5 - x[0]) / (x[1] - x[0]) * columns
    inside = ((row > 0) & (row < rows))[:, None] & ((column > 0) & (column < columns))[None, :]
    frame = np.zeros((TINY.height, TINY.width, 3), np.uint8)
    picked = pixels[row.clip(0, rows - 1).astype(int)[:, None], column.clip(0, columns - 1).astype(int)[None, :]]
    frame[inside] = picked[inside]
    near = [
        np.abs(place - place.round()) / rate < 0.02
        for place, rate in ((row, rows / np.ptp(y)), (column, columns / np.ptp(x)))
    ]
    border = [
        (np.abs(np.arange(size) + 0.5 - edge) < 1)
        for size, edges in ((TINY.height, y), (TINY.width, x))
        for edge in edges
    ]
    doubtful = (near[0] | border[0] | border[1])[:, None] | (near[1] | border[2] | border[3])[None, :]
    return frame, ~doubtful


PLACES = [(4.0, (0.0, 0.0)), (3.7, (-1.13, 0.77)), (7.9, (0.3, 0.02)), (1.1, (3.01, -2.4)), (6.0, (6.5, 3.0))]


@pytest.mark.parametrize(("height", "at"), PLACES)
@pytest.mark.parametrize("shape", [(7, 7), (28, 28), (3, 11), (1, 1)], ids=str)
def test_every_pixel_shows_its_value(shape: tuple[int, int], height: float, at: tuple[float, float]) -> None:
    pixels = np.random.default_rng(3).integers(1, 256, (*shape, 3), dtype=np.uint8)
    image = image_of(pixels, height, at)
    wanted, sure = expected(pixels, image)
    shown = painted(Painted(), image)
    assert sure.mean() > 0.5
    assert np.array_equal(shown[sure], wanted[sure])


def test_stock_manim_differs_at_edges_alone() -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = image_of(pixels, 5.0, (0.4, -0.3))
    ours, stock = painted(Painted(), image), painted(Camera(), image)
    _, sure = expected(pixels, image)
    square = 5.0 / 6 * TINY.height / FRAME_HEIGHT  # side in pixels
    differs = (ours != stock).any(-1)
    assert differs.mean() < 0.5 and square > 9
    rows, columns = np.where(differs & sure)
    left, top = image.points[:, 0].min(), image.points[:, 1].max()
    x = (columns + 0.5 - (left + WIDTH / 2) * TINY.height / FRAME_HEIGHT) / square
    y = (rows + 0.5 - (FRAME_HEIGHT / 2 - top) * TINY.height / FRAME_HEIGHT) / square
    from_edge = np.minimum(np.abs(x - x.round()), np.abs(y - y.round())) * square
    assert (from_edge < 1.5).all()  # manim rounds corners to whole pixels


@pytest.mark.parametrize("alpha", [0, 64, 128, 255])
def test_a_faded_image_is_blended_with_what_lies_below(alpha: int) -> None:
    below = Rectangle(width=20, height=20, fill_opacity=1, stroke_width=0, fill_color="#285078")
    pixels = np.full((2, 2, 3), (200, 100, 40), np.uint8)
    shown = painted(Painted(), below, image_of(pixels, 4.0, (0, 0), alpha))
    share = alpha / 255
    wanted = np.array([200, 100, 40]) * share + np.array([0x28, 0x50, 0x78]) * (1 - share)
    assert np.abs(shown[45, 80] - wanted).max() <= 1.5
    assert np.abs(shown[2, 2] - np.array([0x28, 0x50, 0x78])).max() <= 1


def test_set_opacity_fades_as_well() -> None:
    image = image_of(np.full((3, 3, 3), 200, np.uint8), 4.0, (0, 0)).set_opacity(0.5)
    assert np.abs(painted(Painted(), image)[45, 80].astype(int) - 100).max() <= 1


@pytest.mark.parametrize("angle", [0.3, np.pi / 2, np.pi, -2.0])
def test_a_turned_image_shows_the_turned_corners(angle: float) -> None:
    corners = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    image = image_of(corners, 5.0, (0.5, 0.2))
    image.rotate(angle)
    shown = painted(Painted(), image)
    centre = image.points.mean(0)
    for colour, corner in zip(corners.reshape(-1, 3), image.points, strict=True):
        x, y = (corner + centre)[:2] / 2  # the middle of that corner's square
        scale = TINY.height / FRAME_HEIGHT
        assert shown[int((FRAME_HEIGHT / 2 - y) * scale), int((x + WIDTH / 2) * scale)].tolist() == colour.tolist()


def test_stretched_flat_and_outside_images_do_no_harm() -> None:
    pixels = np.full((3, 3, 3), 255, np.uint8)
    edge_on, outside, bent = (image_of(pixels, 3.0, at) for at in ((0, 0), (40, 0), (0, 0)))
    edge_on.stretch(0, 0)
    bent.points[0] += (0.5, 0.3, 0)  # no parallelogram: manim paints it
    camera = Painted()
    assert not painted(camera, edge_on).any()
    assert not painted(camera, outside).any()
    assert painted(camera, bent)[45, 80].tolist() == [255, 255, 255]


def test_a_smooth_image_is_smoothed() -> None:
    image = ImageMobject(np.array([[0, 255]], np.uint8), resampling_algorithm=Resampling.BILINEAR)
    image.height = 4
    shown = painted(Painted(), image)[45, :, 0]
    assert len(np.unique(shown)) > 8


# -- frames drawn in part ------------------------------------------------------------------------

Shown = list[Mobject]


class Whole(CairoImages, Camera):
    """Images as ours, all else as manim's: every frame drawn whole, every outline sent anew."""

    type_or_raise = Camera.type_or_raise
    capture_mobjects = Camera.capture_mobjects
    set_cairo_context_path = Camera.set_cairo_context_path
    set_cairo_context_color = Camera.set_cairo_context_color
    apply_fill = Camera.apply_fill
    apply_stroke = Camera.apply_stroke


class WholeMoving(Whole, MovingCamera): ...


class WholeThreeD(Whole, ThreeDCamera):
    capture_mobjects = ThreeDCamera.capture_mobjects


class PaintedMoving(CairoImages, MovingCamera): ...


class PaintedThreeD(CairoImages, ThreeDCamera): ...


def _moving(*mobjects: Mobject, among: Callable[[], Shown] = list) -> Iterator[Shown]:
    """Eight frames in which `mobjects` move and turn `among` others that stand."""
    others = among()
    for _ in range(8):
        yield [*others[:2], *mobjects, *others[2:]]
        for mobject in mobjects:
            mobject.shift(0.21 * RIGHT).rotate(0.1)


def _crowd() -> Shown:
    """What overlaps, and what stands alone."""
    return [
        Square(1, fill_opacity=0.4, color=BLUE).move_to([x, y, 0])
        for x, y in ((-5, 2), (-4.5, 2.3), (0, 2.5), (4, -2), (4.2, -2.4), (-2, -3))
    ]


def _styles() -> Iterator[Shown]:
    line = VMobject(stroke_width=9).set_points_as_corners([[-4, -1, 0], [-3, 2, 0], [-2.8, -1, 0], [0, 0, 0]])
    star = Star(color=YELLOW, fill_opacity=0.5).set_stroke(RED, 14, background=True).shift(3 * RIGHT)
    for cap in CapStyleType:
        line.cap_style = cap
        yield [line, star]
    for joint in LineJointType:
        line.joint_type = joint
        yield [line, star]
    almost = line.copy().shift(3 * UP)  # whether a gap is one is a matter of tolerance
    almost.points[4:] += (4e-7, 0, 0)
    for tolerance in (1e-6, 1e-9):
        almost.tolerance_for_point_equality = tolerance
        yield [line, star, almost]
    for opacity in (0, 0.3, 1):
        yield [line.set_stroke(opacity=opacity), star.set_fill(opacity=opacity)]
    for width in (0, 2, 20):
        yield [line.set_stroke(width=width), star.set_stroke(width=width, background=True)]


def _colours() -> Iterator[Shown]:
    sheen = Circle(color=GREEN, fill_opacity=1, sheen_factor=0.4, sheen_direction=UP + LEFT).shift(3 * LEFT)
    graded = Square(fill_opacity=1).set_color([RED, YELLOW, BLUE])
    for direction in (UP, LEFT, DOWN, RIGHT):
        yield [sheen, graded, Dot()]
        sheen.sheen_direction = direction
        graded.shift(0.3 * RIGHT)


def _coming_and_going() -> Iterator[Shown]:
    one, two, three, four = _crowd()[:4]
    yield from ([one], [one, two], [two, one], [one, two, three, four], [one, four], [four, one], [], [], [three])
    for z_index in (0, 3, -1):
        yield [one, two.set_z_index(z_index)]


def _odd() -> Iterator[Shown]:
    broken, short, far = Square(), VMobject(), Square().shift([1e9, 0, 0])
    broken.points[3] = np.nan
    short.points = np.zeros((3, 3))
    yield from ([Dot()], [Dot(), broken], [Dot()], [short, Dot()], [far, Dot()], [Dot(), ValueTracker(3)], [Dot()])
    cloud = PMobject().add_points([[1, 1, 0], [0, 2, 0]])
    yield from ([Dot(), cloud], [Dot(), cloud.shift(RIGHT)], [Dot()])


def _images() -> Iterator[Shown]:
    image = image_of(np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5, 3.0, (-2, 0), 200)
    panel = Rectangle(width=4, height=4, fill_opacity=0.5, fill_color="#285078").shift(2 * LEFT)
    label = Text("map").move_to([4, 2, 0])
    for step in range(6):
        yield [panel, image, label]
        image.shift(0.3 * RIGHT) if step < 3 else image.set_opacity(0.2 * step)
    image.pixel_array[0, 0] = 255
    yield [panel, image, label]
    image.points[0] += (0.5, 0.3, 0)  # warped: manim paints it over the whole frame
    yield [panel, image, label]
    yield [panel, label]


SCENES: dict[str, Callable[[], Iterator[Shown]]] = {
    "alone": lambda: _moving(Square(fill_opacity=0.5), Circle().shift(2 * LEFT)),
    "in a crowd": lambda: _moving(Dot(5.2 * LEFT + 2 * UP, 0.3, color=RED), among=_crowd),
    "text": lambda: _moving(Text("A map of 28 × 28"), among=lambda: [Text("stands").to_edge(UP), Text("g")]),
    "lines": lambda: _moving(DashedLine(LEFT, 2 * RIGHT + UP), Annulus(), among=lambda: [NumberPlane(), Axes()]),
    "repeated": lambda: _moving(VGroup(*[Square(0.3).shift(0.5 * at * DOWN) for at in range(4)])),
    "crowded": lambda: _moving(*[Dot([x / 4 - 6, 3 * np.sin(x), 0]) for x in range(50)]),
    "out of the frame": lambda: _moving(Square().shift(6.5 * RIGHT), Dot([0, 4, 0]), Dot([0, 9, 0])),
    "styles": _styles,
    "colours": _colours,
    "coming and going": _coming_and_going,
    "odd": _odd,
    "images": _images,
}


def check_frames(ours: CairoImages, theirs: Camera, frames: Iterator[Shown], prepare: Callable[..., object]) -> None:
    """Draw `frames` on both cameras and compare every one."""
    before = None
    for number, shown in enumerate(frames):
        for camera in (ours, theirs):
            prepare(camera, number)
        for _ in range(3 if number == 0 else 1):  # the first frames are drawn whole
            areas = ours.repaint(ours.background, shown)
        theirs.reset()
        theirs.capture_mobjects(shown)
        np.testing.assert_array_equal(ours.pixel_array, theirs.pixel_array, err_msg=f"frame {number}")
        if before is not None and areas is not None:
            for left, top, right, bottom in areas.tolist():
                before[top:bottom, left:right] = ours.pixel_array[top:bottom, left:right]
            np.testing.assert_array_equal(before, ours.pixel_array, err_msg=f"frame {number}")
        before = ours.pixel_array.copy()


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_frames_drawn_in_part_are_manims(scene: Callable[[], Iterator[Shown]]) -> None:
    check_frames(Painted(), Whole(), scene(), lambda camera, number: None)


def test_random_changes_leave_manims_frames() -> None:
    random = np.random.default_rng(0)
    mobjects: Shown = [*_crowd(), *Text("letters"), Star(color=RED).shift(3 * DOWN), *_crowd()]

    def frames() -> Iterator[Shown]:
        for _ in range(40):
            yield mobjects
            for at in random.integers(len(mobjects), size=random.integers(0, 4)):
                mobject = mobjects[at]
                change = random.integers(4)
                if change == 0:
                    mobject.shift(random.normal(0, 0.3, 3) * (1, 1, 0))
                elif change == 1:
                    mobject.set_stroke(BLUE_D, random.integers(0, 20))
                elif change == 2:
                    mobject.set_fill(RED, random.random())
                else:
                    mobjects[at], mobjects[0] = mobjects[0], mobjects[at]

    ours = Painted()
    told, repaint = [], ours.repaint
    ours.repaint = lambda *args: told.append(repaint(*args)) or told[-1]  # type: ignore[func-returns-value]
    check_frames(ours, Whole(), frames(), lambda camera, number: None)
    parts = [areas for areas in told if areas is not None and len(areas) and areas[0, 2] - areas[0, 0] < TINY.width]
    assert len(parts) > 10  # or nothing was compared


def test_a_camera_that_moves_draws_manims_frames() -> None:
    def move(camera: MovingCamera, number: int) -> None:
        if number in (2, 3, 6):
            camera.frame.scale(0.8).shift(0.2 * UP)

    check_frames(PaintedMoving(), WholeMoving(), SCENES["in a crowd"](), move)


def test_three_dimensions_are_manims() -> None:
    def turn(camera: ThreeDCamera, number: int) -> None:
        camera.set_phi(1.0)
        camera.set_theta(0.1 * number - PI / 2)

    cube = Cube(fill_opacity=0.7)
    check_frames(PaintedThreeD(), WholeThreeD(), _moving(cube, Dot(2 * OUT), Text("flat")), turn)


def test_what_a_camera_draws_in_its_own_way_it_goes_on_drawing_so() -> None:
    class Unfilled(Camera):
        def apply_fill(self, ctx: object, vmobject: VMobject) -> "Unfilled":
            return self

    class Ours(CairoImages, Unfilled):
        pass

    assert not painted(Ours(), Square(fill_opacity=1, stroke_width=0)).any()
    assert painted(Painted(), Square(fill_opacity=1, stroke_width=0)).any()


def test_another_background_is_seen_at_once() -> None:
    camera, dot = Painted(), Dot([3, 1, 0])
    grey = np.full_like(camera.background, 90)
    for background in (camera.background, camera.background, camera.background, grey, grey, camera.background):
        camera.repaint(background, [dot])
        np.testing.assert_array_equal(camera.pixel_array[:20], background[:20])


def test_what_others_draw_in_between_is_drawn_over() -> None:
    camera, dot = Painted(), Dot([3, 1, 0])
    for _ in range(3):
        camera.repaint(camera.background, [dot])
    drawn = camera.pixel_array.copy()
    camera.capture_mobjects([Square(fill_opacity=1)])
    assert not camera.repainted
    camera.repaint(camera.background, [dot])
    np.testing.assert_array_equal(camera.pixel_array, drawn)
