"""Where image, filter and feature map stand while one filter slides over one image."""

from dataclasses import dataclass
from typing import Self

from scenes import look
from scenes.look import Region


@dataclass(frozen=True)
class DemoRooms:
    """Regions of the body: the image, the filter, the patch that it meets, and the map.

    `near` and `far` share the room of all: for the image and its numbers while nothing else stands. `beside` is the
    room beside the image, for the filter while there is no map.
    """

    image: Region
    filter: Region
    patch: Region
    map: Region
    far: Region
    near: Region
    beside: Region

    @classmethod
    def of_frame(cls) -> Self:
        body = look.body()
        if look.shape() == "wide":
            image, middle, map_ = body.columns(3.7, 2.5, 5.2)
            filter_, patch = middle.rows(1, 1)
            far, near = body.columns(1.1, 1)
            beside = Region(middle.left, map_.right, body.bottom, body.top)
        elif look.shape() == "square":
            pictures, below = body.rows(2.8, 1.6, gap=0.1)
            image, map_ = pictures.columns(3.0, 4.0)
            filter_, patch = below.columns(1, 1)
            far, near = body.columns(1, 1)
            beside = Region(map_.left, map_.right, body.bottom, body.top)
        else:
            below, map_ = body.rows(1.85, 2.6, gap=0.15)
            image, right = below.columns(1.5, 2.4, gap=0.15)
            filter_, patch = right.columns(1, 1, gap=0.2)
            far, near = body.rows(0.9, 1)
            beside = Region(body.left, body.right, body.bottom, map_.top)
        return cls(image, filter_, patch, map_, far, near, beside)
