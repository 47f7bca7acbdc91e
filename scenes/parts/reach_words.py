"""What is said of how far a channel answers to other images than its favourites, beside how far it does to those."""

from collections.abc import Mapping, Sequence
from functools import partial

from scenes.parts.channel_words import TakeClaim
from scenes.parts.text import number

_ANY = 1e-9


def reach_in_words(claim: TakeClaim, layer: str, channel: int, probes: Sequence[int]) -> Mapping[str, object]:
    """Facts about `probes`, strongest first: `reach_<probe>` of each, and what they reach beside the favourites.

    `claim` is the `claim` of a scene.
    """
    if not probes:
        return {"others_reach": "", "least": "", "most": ""}
    these = "These reach up to" if len(probes) > 1 else "This one reaches"
    largest = partial(claim, "largest value")
    top, array = f"{layer}/top_values", f"{layer}/activation"
    return {
        **{f"reach_{one}": largest(array, one, channel, words=lambda v: f"reaches {number(v)}") for one in probes},
        "others_reach": largest(array, probes[0], channel, words=lambda v: f"{these} {number(v)}, its favourites "),
        "least": claim(
            "smallest value", top, channel, words=lambda v: f"{number(v)} to ", at_least=_ANY, otherwise="up to "
        ),
        "most": largest(top, channel, words=lambda v: f"{number(v)}."),
    }
