"""The window of a convolution: a frame around what a kernel lies on when it makes one number."""

from manim import Rectangle

from fmcore.header import LayerInfo
from scenes.parts.marks import values_frame
from scenes.parts.picture import Picture


def window(picture: Picture, layer: LayerInfo, row: int, column: int) -> Rectangle:
    """The frame on `picture`, of the input of `layer`, for place (row, column); it may hang over the border."""
    starts, ends = [], []
    for axis, place in enumerate((row, column)):
        start = place * layer.stride[axis] - layer.padding[axis]
        starts.append(start)
        ends.append(start + (layer.kernel[axis] - 1) * layer.dilation[axis] + 1)
    return values_frame(picture, starts[0], starts[1], ends[0], ends[1])
