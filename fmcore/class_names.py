"""What the outputs of a network are called, and which of them are the classes of the images it is shown.

In: names that came with the network, or none, and the data. Out: a name an output, and labels that count outputs.
"""

import unicodedata
from collections import defaultdict
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
            " in their order."
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
    outputs = defaultdict[str, list[int]](list)
    for number, name in enumerate(known):
        outputs[_plain(name)].append(number)
    found = [outputs[_plain(name)] for name in data.classes]
    strange = [f"'{name}'" for name, of_name in zip(data.classes, found, strict=True) if len(of_name) != 1]
    if strange:
        classes = "class" if len(strange) == 1 else "classes"
        ours = [f"'{name}'" for name in known]
        say(
            f"Attention: '{data.name}' has the {classes} {listed(strange, most=_MOST_LISTED)}, and the network calls"
            f" its outputs {listed(ours, most=_MOST_LISTED)}, so no answer counts as right or wrong; give both the same"
            " names to change that."
        )
        return tuple(known), None
    return tuple(known), np.array([number for (number,) in found], np.int64)[data.test_labels]


def _plain(name: str) -> str:
    """As names are compared: file systems write the same letters in several ways."""
    return unicodedata.normalize("NFC", name).casefold()
