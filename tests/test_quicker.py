"""The quick helpers against manim's own, which the module keeps: same families, boxes, colours and copies."""

from collections.abc import Callable

import numpy as np
import pytest
from manim import (
    BLUE,
    RED,
    Annulus,
    Circle,
    DashedLine,
    Dot,
    Group,
    ImageMobject,
    Mobject,
    NumberPlane,
    Square,
    ThreeDAxes,
    ValueTracker,
    VGroup,
    VMobject,
)

from fmcore.render import quicker

quicker.quicken()


def _repeated() -> VGroup:
    square = Square()
    return VGroup(VGroup(square, Dot()), square, Circle())


def _image() -> Group:
    image = ImageMobject(np.zeros((2, 3, 3), np.uint8))
    return Group(image, Square().shift([1, 2, 0]), Group(Dot([-4, 1, 0])))


def _one_point() -> VGroup:
    dot = VMobject()
    dot.points = np.array([[1.0, 2.0, 3.0]])
    return VGroup(dot, Square())


def _gradient() -> VMobject:
    return VGroup(Square(color=RED, fill_opacity=0.5), Circle(sheen_factor=0.3)).set_color_by_gradient(RED, BLUE)


MOBJECTS: dict[str, Callable[[], Mobject]] = {
    "one": Square,
    "nothing": VGroup,
    "bare": Mobject,
    "nested": lambda: VGroup(VGroup(Square(), Circle()), Annulus(), DashedLine()),
    "repeated": _repeated,
    "image": _image,
    "one point": _one_point,
    "gradient": _gradient,
    "tracker": lambda: Group(ValueTracker(3), Square()),
    "plane": NumberPlane,
    "three dimensions": ThreeDAxes,
}


@pytest.fixture(params=MOBJECTS.values(), ids=MOBJECTS)
def mobject(request: pytest.FixtureRequest) -> Mobject:
    made: Mobject = request.param()
    return made


def test_families_are_manims(mobject: Mobject) -> None:
    assert [id(one) for one in quicker.family(mobject)] == [id(one) for one in quicker._family(mobject)]


@pytest.mark.parametrize("direction", [[0, 0, 0], [1, -1, 0], [-0.5, 0, 2]])
def test_boxes_are_manims(mobject: Mobject, direction: list[float]) -> None:
    np.testing.assert_array_equal(
        quicker.critical_point(mobject, direction), quicker._critical_point(mobject, direction)
    )
    for dim in range(3):
        assert quicker.length(mobject, dim) == quicker._length(mobject, dim)


def test_points_are_manims(mobject: Mobject) -> None:
    np.testing.assert_array_equal(quicker.merged(mobject, "points"), quicker._merged(mobject, "points"))
    if isinstance(mobject, VMobject):
        np.testing.assert_array_equal(quicker.boundary(mobject), quicker._boundary(mobject))


@pytest.mark.parametrize("sheen", [0.0, 0.4])
@pytest.mark.parametrize("opacity", [None, 0, 1, 0.25, [0.2, 0.4]])
@pytest.mark.parametrize("color", [None, RED, "#123456", [RED, BLUE]], ids=str)
def test_colours_are_manims(color: object, opacity: object, sheen: float) -> None:
    square = Square()
    square.sheen_factor = sheen
    np.testing.assert_array_equal(quicker.rgbas(square, color, opacity), quicker._rgbas(square, color, opacity))


def test_copies_are_manims(mobject: Mobject) -> None:
    mobject.save_state()
    quick, slow = quicker.deep_copy(mobject, {}), quicker._deepcopy(mobject, {})
    for one, other, own in zip(quick.get_family(), slow.get_family(), mobject.get_family(), strict=True):
        assert one is not own
        assert type(one) is type(other)
        assert vars(one).keys() == vars(other).keys()
        np.testing.assert_array_equal(one.points, other.points)
        assert one.points is not own.points
        for name, value in vars(one).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(value, vars(other)[name])
            elif isinstance(value, float | str | tuple):
                assert value == vars(other)[name]


def test_what_a_copy_shares_is_shared_in_the_copy() -> None:
    square = Square()
    square.friend = square  # type: ignore[attr-defined]
    square.corners = square.points  # type: ignore[attr-defined]
    square.add_updater(lambda mobject: mobject)
    group = VGroup(square, VGroup(square))
    copied = quicker.deep_copy(group, {})
    again = copied[0]
    assert copied[1][0] is again
    assert again.friend is again
    assert again.corners is again.points
    assert again.updaters == square.updaters
    assert again.updaters is not square.updaters


def test_a_subclass_with_a_box_of_its_own_keeps_it() -> None:
    class Boxed(Square):
        def get_extremum_along_dim(self, points: object = None, dim: int = 0, key: int = 0) -> float:
            return 7.0

        def reduce_across_dimension(self, reduce_func: object, dim: int) -> float:
            return 7.0

    np.testing.assert_array_equal(quicker.critical_point(Boxed(), [0, 0, 0]), [7, 7, 7])
    assert quicker.length(VGroup(Boxed()), 0) == 0
