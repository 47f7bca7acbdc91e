"""Which layers to show of a deep network: a few, spread over its depth, or those that somebody named."""

import numpy as np

from fmcore.bundle import Bundle
from fmcore.errors import BundleError
from fmcore.header import LayerInfo


def depths(bundle: Bundle, most: int, names: str = "") -> list[LayerInfo]:
    """The layers called `names`, separated by commas, in the order in which they ran, two to `most` of them.

    Without names, of the convolutions and blocks the first, the last and some evenly between; poolings count too where
    there are not enough others.

    Raises:
        BundleError: there is no such layer, too many or too few are named, or the bundle holds only one.
    """
    if names:
        named = {bundle.layer(name.strip()).name for name in names.split(",")}
        if not 2 <= len(named) <= most:
            raise BundleError(
                f"Of {len(named)} layers nothing can be compared here; name 2 to {most} of"
                f" {', '.join(bundle.layer_names)}."
            )
        return [layer for layer in bundle.header.layers if layer.name in named]
    every = bundle.header.layers
    main = [layer for layer in every if layer.type != "pooling"]
    known = main if len(main) >= most else list(every)
    if len(known) < 2:
        raise BundleError(
            f"Layers are compared here and '{bundle.path.name}' holds {len(known)}; record a deeper network, such as"
            " `fmcore record --model deep`."
        )
    picks = np.linspace(0, len(known) - 1, min(most, len(known))).round().astype(int)
    return [known[pick] for pick in picks]
