"""What was measured of single channels, for the page: what each resembles, and what is wrong with it and how one knows.

Channels count from 0 in records and from 1 in sentences.
"""

from dataclasses import replace
from math import floor, isfinite
from typing import Literal, TypedDict, get_args

from fmcore.analysis.diagnostics import Background, Diagnosis, Group, diagnose
from fmcore.analysis.meaning import meanings
from fmcore.analysis.naming import called
from fmcore.analysis.rounding import floored
from fmcore.analysis.saying import listed
from fmcore.bundle import Bundle
from fmcore.choices import doubts
from fmcore.header import LayerInfo

_LISTED = 7  # channels of a group, the last of which may stand for more


class Label(TypedDict):
    """The classical map that a channel resembles most, or "mixed", and their correlation."""

    name: str
    score: float | None


Kind = Literal["dead", "constant", "nearly dead", "redundant", "background"]
KINDS: tuple[str, ...] = get_args(Kind)


class Badge(TypedDict):
    """A fault of one channel and the figures behind it."""

    channel: int
    kind: Kind
    evidence: str


def labels(bundle: Bundle, layer: str) -> list[Label | None]:
    """What every channel of `layer` resembles; None where nobody measured."""
    if bundle.header.measures is None or f"{layer}/meaning" not in bundle.header.arrays:
        return [None] * bundle.layer(layer).output_shape[0]
    return [
        Label(name=meaning.label, score=round(meaning.score, 4) if meaning.best else None)
        for meaning in meanings(bundle, layer)
    ]


def faults(bundle: Bundle, layer: LayerInfo) -> tuple[list[Badge], list[str]]:
    """The badges of the channels of `layer` and sentences on the whole of it; nothing where nobody measured."""
    if layer.type == "pooling" or not bundle.has_statistics(layer.name):
        return [], []
    found = diagnose(bundle, layer.name)
    sentences = [*replace(found, layer=called(layer.name)).sentences(), *doubts(found.images)]
    return _badges(bundle, found), sentences


def _badges(bundle: Bundle, found: Diagnosis) -> list[Badge]:
    """Sorted by channel."""
    over = f"{found.images:,} image{'' if found.images == 1 else 's'}"
    every = "the only image" if found.images == 1 else f"all {over}"
    badges = [
        *(Badge(channel=c, kind="dead", evidence=f"Zero everywhere on {every}.") for c in found.dead),
        *(Badge(channel=c, kind="constant", evidence=f"The same value everywhere on {every}.") for c in found.constant),
        *(
            Badge(channel=c, kind="nearly dead", evidence=f"Above zero on only {fired:,} of {over}.")
            for c in found.nearly_dead
            for fired in [round(float(bundle.array(f"{found.layer}/fired")[c]) * found.images)]
        ),
        *(
            Badge(channel=c, kind="redundant", evidence=_copies(group, c, over))
            for group in found.redundant
            for c in group.channels
        ),
        *(
            Badge(channel=one.channel, kind="background", evidence=_watches(one, found.foreground_images))
            for one in found.background
        ),
    ]
    return sorted(badges, key=lambda badge: badge["channel"])


def _copies(group: Group, channel: int, over: str) -> str:
    others = [c for c in group.channels if c != channel]
    numbers = listed([str(one + 1) for one in others], most=_LISTED)
    if len(others) == 1:
        return (
            f"Nearly the same as channel {others[0] + 1}: their correlation is {_two(group.correlation)}, over {over}."
        )
    return (
        f"Nearly the same as others of its group, channels {numbers}: linked by correlations of"
        f" {_two(group.correlation)} or more, over {over}."
    )


def _watches(one: Background, images: int) -> str:
    over = f"over {images:,} image{' that shows' if images == 1 else 's that show'} an object"
    share = f"{100 * floored(one.share):.0f}% of its activation lies outside the object"
    if not isfinite(one.density):
        return f"{share}, and nothing on it, {over}."
    return f"{share}, where a place has {floor(one.density * 10 + 1e-3) / 10:,.1f} times as much as on it, {over}."


def _two(correlation: float) -> str:
    """Two decimals, rounded down, so that nothing is said to be more than it is."""
    return f"{floored(correlation):.2f}"
