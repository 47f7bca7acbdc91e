"""Where two networks are compared: the places of an image and of maps in every shape of frame."""

from scenes import look
from scenes.look import Region


def comparison_rooms() -> tuple[Region, Region, Region, Region]:
    """Regions of the image, of what stands beside it, of the table of maps and of a pair of maps.

    In a wide frame the image stays; in others it leaves the table, and in a square one the pair too, alone.
    """
    body = look.body()
    if look.shape() == "wide":
        image, maps = body.columns(2.4, 10.3)
        return image, maps, maps, maps
    if look.shape() == "square":
        image, beside = body.columns(1, 2.2)
        return image, beside, body, body
    image, below = body.rows(1, 1.75)
    return image, below, body, below
