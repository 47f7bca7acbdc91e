"""Cameras that draw what manim's draw, pixel for pixel, in a fraction of the time; and images by Cairo.

manim sends every curve of every outline to Cairo in a loop of Python, on every frame. Most outlines are those of the
last frame: Cairo keeps them. An image goes through PIL over the whole frame in manim; Cairo paints it in 0.1 ms instead
of 15 ms at 1080p, with sub-pixel corners.
"""

import math
from collections import deque
from collections.abc import Iterable
from itertools import starmap
from typing import Any

import cairo
import numpy as np
from manim import Camera, LineJointType, Mobject, MovingCamera, VMobject
from manim.camera.camera import CAP_STYLE_MAP, LINE_JOIN_MAP
from manim.mobject.types.image_mobject import AbstractImageMobject
from numpy.typing import NDArray
from PIL.Image import Resampling

from fmcore.render.frames import Boxes, Pixels, area, pairs, touching

_FLATNESS = 1e-6  # frame units by which a parallelogram may miss its fourth corner
_IDENTITY = cairo.Matrix()
_FAR_PX = 1e6
_LARGE = 1_000_000  # bytes of an image that cost more to compare than to paint
_MOST, _REST = 0.7, 10  # where more than this share of a frame changes, so many more are drawn whole
# How far a stroke reaches from its points, in half widths: Cairo's limit for pointed corners; else the corner of a cap.
_POINTED, _MITRE, _SQUARE = (LineJointType.AUTO, LineJointType.MITER), 10.0, 1.5
_DRAWING = (
    "set_pixel_array",
    "set_frame_to_background",
    "reset",
    "get_mobjects_to_display",
    "type_or_raise",
    "display_multiple_vectorized_mobjects",
    "display_multiple_non_background_colored_vmobjects",
    "display_vectorized",
    "set_cairo_context_path",
    "set_cairo_context_color",
    "apply_fill",
    "apply_stroke",
    "get_stroke_rgbas",
    "get_fill_rgbas",
    "display_multiple_image_mobjects",
    "display_image_mobject",
    "transform_points_pre_display",
    "points_to_subpixel_coords",
    "get_cairo_context",
)

_DIVIDING = ("get_subpath_split_indices_from_points", "consider_points_equals_2d")
_ALIKE = ("type_or_raise", "set_cairo_context_path", "set_cairo_context_color", "apply_fill", "apply_stroke")


class QuickStrokes(Camera):  # type: ignore[misc, unused-ignore]
    """A mixin for any camera: an outline that has not changed since the last frame goes to Cairo as it was."""

    _flat = True  # points are drawn where they are

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        for name in _ALIKE:  # what a camera does in a way of its own, it goes on doing so
            own = getattr(super(), name)
            if own is not getattr(Camera, name):
                setattr(cls, name, own)
        cls._flat = super().transform_points_pre_display is Camera.transform_points_pre_display

    def __init__(self, *args: Any, **settings: Any) -> None:
        self._forget()
        super().__init__(*args, **settings)

    def __deepcopy__(self, memo: Any) -> Camera:
        made = super().__deepcopy__(memo)
        made._forget()
        self._repaints = made._repaints = False  # they draw into the same pixels
        return made  # type: ignore[no-any-return, unused-ignore]

    def _forget(self) -> None:
        self._kinds: dict[type, Any] = {}
        self._plains: dict[type, bool] = {}
        # Outlines of the last frame and of this one, by their points: the path once it has been asked for twice.
        self._last: dict[tuple[float, bytes], cairo.Path | None] = {}
        self._now: dict[tuple[float, bytes], cairo.Path | None] = {}
        self._matrix: cairo.Matrix | None = None  # the paths are in pixels

    def capture_mobjects(self, mobjects: Iterable[Mobject], **settings: Any) -> None:
        self._last, self._now = self._now, {}
        super().capture_mobjects(mobjects, **settings)

    def type_or_raise(self, mobject: Mobject) -> Any:
        kind = self._kinds.get(type(mobject))
        if kind is None:
            kind = self._kinds[type(mobject)] = super().type_or_raise(mobject)
        return kind

    def set_cairo_context_path(self, ctx: "cairo.Context[Any]", vmobject: VMobject) -> Any:
        points = vmobject.points
        if not self._flat:
            points = self.transform_points_pre_display(vmobject, points)
        if not self._plain(vmobject) or not len(points) or len(points) % 4:
            return super().set_cairo_context_path(ctx, vmobject)
        if (matrix := ctx.get_matrix()) != self._matrix:
            self._last, self._now, self._matrix = {}, {}, matrix
        key = (vmobject.tolerance_for_point_equality, points.tobytes())
        path = self._now.get(key)
        if path is None:
            path = self._last.get(key)
        if path is not None:
            ctx.new_path()
            ctx.set_matrix(_IDENTITY)
            ctx.append_path(path)
            ctx.set_matrix(matrix)
        elif self._flat and not np.isfinite(points).all():
            return super().set_cairo_context_path(ctx, vmobject)
        else:
            ctx.new_path()
            _trace(ctx, points, vmobject.tolerance_for_point_equality)
            if key in self._last:
                ctx.set_matrix(_IDENTITY)
                path = ctx.copy_path()
                ctx.set_matrix(matrix)
        self._now[key] = path
        return self

    def _plain(self, vmobject: VMobject) -> bool:
        """Whether `vmobject` divides its points into outlines as all do."""
        kind = type(vmobject)
        plain = self._plains.get(kind)
        if plain is None:
            plain = self._plains[kind] = all(getattr(kind, name) is getattr(VMobject, name) for name in _DIVIDING)
        return plain and vmobject.n_points_per_cubic_curve == 4

    def set_cairo_context_color(self, ctx: "cairo.Context[Any]", rgbas: Any, vmobject: VMobject) -> Any:
        if len(rgbas) != 1:
            return super().set_cairo_context_color(ctx, rgbas, vmobject)
        red, green, blue, alpha = rgbas[0].tolist()
        ctx.set_source_rgba(blue, green, red, alpha)
        return self

    def apply_fill(self, ctx: "cairo.Context[Any]", vmobject: VMobject) -> Any:
        rgbas = self.get_fill_rgbas(vmobject)
        if len(rgbas) != 1 or rgbas[0][3] > 0:
            self.set_cairo_context_color(ctx, rgbas, vmobject)
            ctx.fill_preserve()
        return self

    def apply_stroke(self, ctx: "cairo.Context[Any]", vmobject: VMobject, background: bool = False) -> Any:
        width = vmobject.get_stroke_width(background)
        if width == 0:
            return self
        rgbas = self.get_stroke_rgbas(vmobject, background=background)
        if len(rgbas) == 1 and rgbas[0][3] <= 0:
            return self
        self.set_cairo_context_color(ctx, rgbas, vmobject)
        ctx.set_line_width(width * self.cairo_line_width_multiple)
        ctx.set_line_join(LINE_JOIN_MAP[vmobject.joint_type])
        ctx.set_line_cap(CAP_STYLE_MAP[vmobject.cap_style])
        ctx.stroke_preserve()
        return self


class Repainted(QuickStrokes):
    """A mixin for any camera: what looks as it did in the last frame, and touches nothing that does not, stays.

    Mobjects whose boxes touch are drawn together or not at all, so every pixel goes through the steps of a frame drawn
    whole. A box holds the control points, with room for strokes. What has none (clouds of points, warped images, image
    backgrounds, cameras that move or draw in ways of their own) is drawn as manim does, with the whole frame.
    """

    _repaints = True

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        base: Any = super(QuickStrokes, cls)
        cls._repaints = all(getattr(base, name) is getattr(Camera, name) for name in _DRAWING) and (
            base.capture_mobjects in (Camera.capture_mobjects, MovingCamera.capture_mobjects)
        )

    def _forget(self) -> None:
        super()._forget()
        # What stands in the pixels: the background (None where nobody knows), how each mobject on it looks, and where.
        self._below: Pixels | None = None
        self._signs: list[Any] = []
        self._boxes: Boxes = np.zeros((0, 4), int)
        self._view: cairo.Matrix | None = None
        self._rest = 0  # frames to draw whole, since most of the last one changed

    def set_pixel_array(self, *args: Any, **settings: Any) -> None:
        self._below = None
        super().set_pixel_array(*args, **settings)

    def capture_mobjects(self, mobjects: Iterable[Mobject], **settings: Any) -> None:
        self._below = None
        super().capture_mobjects(mobjects, **settings)

    @property
    def repainted(self) -> bool:
        """Whether what stands in the pixels is what `repaint` left there."""
        return self._below is not None

    def repaint(self, background: Pixels, mobjects: Iterable[Mobject], **settings: Any) -> Boxes | None:
        """Show `mobjects` on `background`; return the boxes outside of which all is as it was, None if nobody knows.

        A background is the same while it is the same array.
        """
        mobjects, drawn = list(mobjects), None
        if self._repaints and self._rest <= 0 and background.shape == self.pixel_array.shape:
            drawn = self._repaint(background, mobjects, settings)
        self._rest -= 1
        if drawn is None:
            self.set_pixel_array(background)
            self.capture_mobjects(mobjects, **settings)
        return drawn

    def _repaint(self, background: Pixels, mobjects: list[Mobject], settings: Any) -> Boxes | None:
        context = self.get_cairo_context(self.pixel_array)
        view = context.get_matrix()
        if view != self._view:
            self._view = view
            return None
        mobjects = self.get_mobjects_to_display(mobjects, **settings)
        signs = [self._sign(mobject) for mobject in mobjects]
        if None in signs:
            return None
        known = self._below is background
        same = pairs(self._signs, signs) if known else {}
        boxes = np.zeros((len(signs), 4), int)
        for at, mobject in enumerate(mobjects):
            box = self._boxes[same[at]] if at in same else self._box(mobject, view)
            if box is None:
                return None
            boxes[at] = box
        areas, drawn = np.array([[0, 0, self.pixel_width, self.pixel_height]]), np.ones(len(signs), bool)
        if known:
            moved, gone = np.ones(len(signs), bool), np.ones(len(self._signs), bool)
            moved[list(same)], gone[list(same.values())] = False, False
            some, some_drawn = touching(np.concatenate([self._boxes[gone], boxes[moved]]), boxes, moved)
            if area(some) < _MOST * area(areas):
                areas, drawn = some, some_drawn
            else:
                self._rest = _REST
        self._last, self._now = self._now, {}
        for left, top, right, bottom in areas.tolist():
            self.pixel_array[top:bottom, left:right] = background[top:bottom, left:right]
        for at in drawn.nonzero()[0].tolist():
            kind = self.type_or_raise(mobjects[at])
            if kind is VMobject:
                self.display_vectorized(mobjects[at], context)
            elif kind is AbstractImageMobject:
                self.display_image_mobject(mobjects[at], self.pixel_array)
        self._below, self._signs, self._boxes = background, signs, boxes
        return areas

    def _sign(self, mobject: Mobject) -> Any:
        """What is equal where `mobject` looks the same; None where nobody knows where it is drawn."""
        kind = self.type_or_raise(mobject)
        if kind is VMobject:
            if mobject.get_background_image() or not len(mobject.points):  # without points manim repeats the last
                return None
            colours = mobject.get_fill_rgbas(), mobject.get_stroke_rgbas(), mobject.get_stroke_rgbas(background=True)
            if not self._plain(mobject) or any(len(one) != 1 for one in colours):
                return object()  # gradients hang on more than this
            return (
                mobject.points.tobytes(),
                *(one.tobytes() for one in colours),
                mobject.get_stroke_width(),
                mobject.get_stroke_width(background=True),
                mobject.joint_type,
                mobject.cap_style,
                mobject.tolerance_for_point_equality,
            )
        if kind is AbstractImageMobject:
            if not _lies_flat(mobject):
                return None
            pixels = mobject.get_pixel_array()  # (H, W, 4)
            if pixels.nbytes > _LARGE:
                return object()
            return mobject.points.tobytes(), pixels.tobytes(), mobject.resampling_algorithm
        return () if kind is Mobject else None  # of this kind nothing is drawn

    def _box(self, mobject: Mobject, view: cairo.Matrix) -> tuple[int, int, int, int] | None:
        """The pixels that `mobject` may touch: left, top, right, bottom; None where nobody knows."""
        kind = self.type_or_raise(mobject)
        if kind is Mobject:
            return 0, 0, 0, 0
        low, high = mobject.points.min(0).tolist(), mobject.points.max(0).tolist()
        xs = sorted((view.xx * low[0] + view.x0, view.xx * high[0] + view.x0))
        ys = sorted((view.yy * low[1] + view.y0, view.yy * high[1] + view.y0))
        if not all(abs(at) < _FAR_PX for at in (*xs, *ys)):  # Cairo counts in 24 bits
            return None
        room = 2.0  # for smooth edges
        if kind is VMobject:
            width = max(mobject.get_stroke_width(), mobject.get_stroke_width(background=True))
            reach = _MITRE if mobject.joint_type in _POINTED else _SQUARE
            room += width * self.cairo_line_width_multiple / 2 * max(abs(view.xx), abs(view.yy)) * reach
        return (
            max(int(xs[0] - room), 0),
            max(int(ys[0] - room), 0),
            min(int(xs[1] + room) + 1, self.pixel_width),
            min(int(ys[1] + room) + 1, self.pixel_height),
        )


class CairoImages(Repainted):
    """A mixin for any camera: images that lie flat are painted by Cairo, others as manim does."""

    def display_image_mobject(self, image_mobject: AbstractImageMobject, pixel_array: NDArray[np.uint8]) -> None:
        if type(self).points_to_subpixel_coords is not Camera.points_to_subpixel_coords or not _lies_flat(
            image_mobject
        ):
            super().display_image_mobject(image_mobject, pixel_array)
            return
        up_left, up_right, down_left, _ = image_mobject.points[:, :3]
        pixels = _premultiplied(image_mobject.get_pixel_array())
        height, width = pixels.shape[:2]
        across, down = (up_right - up_left) / width, (down_left - up_left) / height
        if abs(across[0] * down[1] - across[1] * down[0]) < 1e-12:
            return  # seen from the edge
        # Cairo's ARGB32 is BGRA in memory and manim's buffer is RGBA: as in manim's own strokes, red and
        # blue stand in each other's places on both sides, so the bytes can go across as they are.
        surface = cairo.ImageSurface.create_for_data(pixels.data, cairo.FORMAT_ARGB32, width, height)
        context = self.get_cairo_context(pixel_array)
        context.save()
        context.new_path()  # manim leaves the outline of what it drew last
        context.transform(cairo.Matrix(across[0], across[1], down[0], down[1], up_left[0], up_left[1]))
        context.set_source_surface(surface, 0, 0)
        source = context.get_source()
        nearest = image_mobject.resampling_algorithm == Resampling.NEAREST
        source.set_filter(cairo.FILTER_NEAREST if nearest else cairo.FILTER_GOOD)
        source.set_extend(cairo.EXTEND_PAD)  # else the border fades into the background
        context.rectangle(0, 0, width, height)
        context.fill()
        context.restore()
        surface.finish()


def _trace(ctx: "cairo.Context[Any]", points: NDArray[np.float64], tolerance: float) -> None:
    """Send the curves of `points` (4 n, 3) to Cairo; a new outline begins where one does not go on from the last."""
    flat = points[:, :2].reshape(-1, 8)  # x and y of start, two handles and end
    breaks = (flat[1:, :2] != flat[:-1, 6:]).any(1).nonzero()[0].tolist()
    curves = flat.tolist()
    starts = [0]
    for at in breaks:
        if not _near(curves[at][6:], curves[at + 1][:2], tolerance):
            starts.append(at + 1)
    for start, end in zip(starts, [*starts[1:], len(curves)], strict=True):
        ctx.new_sub_path()
        ctx.move_to(*curves[start][:2])
        deque(starmap(ctx.curve_to, [curve[2:] for curve in curves[start:end]]), 0)
        if _near(curves[start][:2], curves[end - 1][6:], tolerance):
            ctx.close_path()


def _near(one: list[float], other: list[float], tolerance: float) -> bool:
    """Whether manim takes two points for one."""
    return all(
        a == b or (math.isfinite(a - b) and abs(a - b) <= tolerance + 1e-5 * abs(b))
        for a, b in zip(one, other, strict=True)
    )


def _lies_flat(image: AbstractImageMobject) -> bool:
    """Whether the corners of `image` are those of a parallelogram."""
    up_left, up_right, down_left, down_right = image.points[:, :3]
    return bool(np.abs(up_right + down_left - up_left - down_right).max() < _FLATNESS)


def _premultiplied(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of RGBA `pixels` (H, W, 4) as Cairo wants it: each colour times its alpha."""
    if pixels[..., 3].min() == 255:
        return np.array(pixels, np.uint8, order="C")
    alpha = pixels[..., 3:].astype(np.uint16)
    colours = (pixels[..., :3] * alpha + 127) // 255
    return np.ascontiguousarray(np.concatenate([colours, alpha], axis=-1), dtype=np.uint8)
