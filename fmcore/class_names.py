"""What the outputs of a network are called, and which of them are the classes of the images it is shown.

In: names that came with the network, or none, and the data. Out: a name an output, and labels that count outputs.
"""

import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fmcore.analysis.saying import listed
from fmcore.data.imageset import ImageSet
from fmcore.errors import InputError

_MOST_LISTED = 4


def name_outputs(
    known: Sequence[str] | None, count: int, data: ImageSet | None, say: Callable[[str], None]
) -> tuple[tuple[str, ...], NDArray[np.int64] | None]:
    """The names of a network's `count` outputs, and for every test image the number of the right one.

    Outputs are called as is `known`, else as the classes of data that has as many, else by their numbers. There are
    labels where every class of the data is one output's by name, whatever their order and case; it is said when not.

    Raises:
        InputError: there are not as many names as outputs.
    """
    if known is not None and len(known) != count:
        raise InputError(
            f"There are names for {len(known)} classes, and the network has {count} outputs; give one name an output,"
            " in their order, with --classes or in its attribute 'classes'."
        )
    numbered = tuple(f"class {number}" for number in range(count))
    if data is None:
        return tuple(known or numbered), None
    if known is None and len(data.classes) == count:
        return data.classes, data.test_labels
    if known is None:
        say(
            f"Attention: the network has {count} outputs and '{data.name}' has {len(data.classes)} classes, so its"
            f" outputs are called '{numbered[0]}' to '{numbered[-1]}', and no answer counts as right or wrong; name"
            f" data of {count} classes, or the outputs with --classes, to change that."
        )
        return numbered, None
    found = [number_of(name, known) for name in data.classes]
    strange = [f"'{name}'" for name, number in zip(data.classes, found, strict=True) if number is None]
    if not strange and len(set(found)) < len(found):
        strange = [f"'{name}'" for name, number in zip(data.classes, found, strict=True) if found.count(number) > 1]
    if strange:
        classes = "class" if len(strange) == 1 else "classes"
        ours = [f"'{name}'" for name in known]
        say(
            f"Attention: '{data.name}' has the {classes} {listed(strange, most=_MOST_LISTED)}, and the network calls"
            f" its outputs {listed(ours, most=_MOST_LISTED)}, so no answer counts as right or wrong; give each class"
            " of the data the name of one output to change that."
        )
        return tuple(known), None
    return tuple(known), np.array(found, np.int64)[data.test_labels]


def number_of(name: str, known: Sequence[str]) -> int | None:
    """Which one of `known` is called so: as it is written, else whatever its case; None where it is not exactly one.

    File systems write the same letters in several ways.
    """
    plain = unicodedata.normalize("NFC", name)
    for like in (str, str.casefold):
        found = [number for number, one in enumerate(known) if like(unicodedata.normalize("NFC", one)) == like(plain)]
        if found:
            return found[0] if len(found) == 1 else None
    return None
