"""What a layer is called in a sentence."""

from fmcore.analysis.naming import called
from scenes.parts.text import shortened

_MOST = 30  # characters: a longer name makes a sentence nobody can follow


def layer_name(name: str, most: int = _MOST) -> str:
    """`name`, or "layer 3" where a name is only a number or a word; long ones without their middle."""
    return shortened(called(name), most)
