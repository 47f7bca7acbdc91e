"""What is shown where not everything can be: one probe, one class, some of many layers, some of many numbers."""

import re
from collections.abc import Sequence
from math import ceil, floor
from typing import TypeVar

from fmcore.analysis.evenly import evenly
from fmcore.analysis.saying import listed
from fmcore.bundle import Bundle
from fmcore.errors import InputError, one_of

Item = TypeVar("Item")

LONG = 24  # rows of a table before its middle is left out
FEW = 30  # images: what fewer show of dead and redundant channels may be chance
FIGURED = 6  # layers that have figures and sentences of their own


def probe_number(bundle: Bundle, wanted: int | str | None) -> int:
    """The index of the probe called `wanted`: a number, a class, the name of its file; None is the default one.

    Raises:
        InputError: there is none, or several have that file name.
    """
    probes = bundle.header.probes
    if wanted is None:
        return bundle.default_probe
    if isinstance(wanted, int):
        if 0 <= wanted < len(probes):
            return wanted
        known = f"probes 0 to {len(probes) - 1}" if len(probes) > 1 else "only probe 0"
        raise InputError(f"The bundle '{bundle.path.name}' has {known} and no {wanted}.")
    names = [bundle.truth(number) or bundle.class_name(probe.predicted) for number, probe in enumerate(probes)]
    files = [probe.source if probe.test_row is None else None for probe in probes]  # only pictures have one
    same = [str(number) for number, file in enumerate(files) if file == wanted]
    if len(same) > 1 and wanted not in names:
        raise InputError(f"The probes {listed(same)} are all called '{wanted}'; name one by its number.")
    for known_names in (names, files):
        if wanted in known_names:
            return known_names.index(wanted)
    numbers = f", or a number from 0 to {len(probes) - 1}" if len(probes) > 1 else ", or the number 0"
    raise InputError(one_of("probe", wanted, list(dict.fromkeys([*names, *filter(None, files)])), numbers))


def probe_title(bundle: Bundle, probe: int) -> str:
    """Such as "probe 3 (Dress)"; where the class is not known, what the image is."""
    return f"probe {probe} ({bundle.truth(probe) or bundle.header.probes[probe].source})"


def class_wanted(bundle: Bundle, text: str | None) -> int | str | None:
    """A class as `class_map` takes it: `text` where that is a name, else its number where it is one."""
    if text is None or text in bundle.header.classes:
        return text
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII) else text


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of `items`, evenly spread, the first and the last among them."""
    return [items[number] for number in evenly(len(items), count)]


def windows(length: int) -> list[range]:
    """The rows that are shown of `length`: all, or of more than `LONG` some of the first, the middle and the last."""
    if length <= LONG:
        return [range(length)]
    third = LONG // 6
    middle = length // 2 - third // 2
    return [range(third), range(middle, middle + third), range(length - third, length)]


def several(parts: Sequence[object], most: int = 6, nothing: str = "none") -> str:
    """Such as "3, 7, 12 and 9 more"."""
    if not parts:
        return nothing
    shown = [str(part) for part in (parts if len(parts) <= most + 1 else parts[:most])]
    if len(parts) > len(shown):
        return f"{', '.join(shown)} and {len(parts) - len(shown):,} more"
    return ", ".join(shown)


def numbered(channels: Sequence[int], most: int = 6, nothing: str = "none") -> str:
    """`channels`, which count from 0, as they are called on screen, from 1."""
    return several([channel + 1 for channel in channels], most, nothing)


def figured(bundle: Bundle) -> list[str]:
    """The layers that have figures of their own: of many, a few that are spread over the depth.

    Convolutions and blocks, or what there is where there are none of those.
    """
    names = [layer.name for layer in bundle.header.layers if layer.type != "pooling"]
    return spread(names or bundle.layer_names, FIGURED)


def size(height_and_width: tuple[int, int]) -> str:
    return f"{height_and_width[0]} × {height_and_width[1]}"


def images(count: int) -> str:
    """Such as "1,000 images", or "12 images only" where that is few."""
    return f"{count:,} image{'' if count == 1 else 's'}{' only' if count < FEW else ''}"


def doubts(count: int) -> list[str]:
    """What has to be said beside counts of dead and redundant channels where few images are behind them."""
    if count >= FEW:
        return []
    return [f"Of {images(count)}: over more of them, fewer channels may be dead or redundant."]


def pixels_between(start: float, end: float) -> tuple[int, int]:
    """The first and the last pixel, counted from 1, that lie between two edges, in whole or in part."""
    return floor(round(start, 6)) + 1, ceil(round(end, 6))
