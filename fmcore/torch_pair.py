"""Import torchvision beside any build of torch.

A CPU build of torch lacks the two operators that torchvision's CUDA wheel expects to find, and
`import torchvision` then fails with "operator torchvision::nms does not exist". Declaring them
first is enough: nothing here calls them. Where the pair matches, nothing is declared.
"""

import sys
from typing import Any

import torch

_MISSING_OPERATORS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[torch.library.Library] = []  # a Library undeclares its operators when collected


def torchvision() -> Any:
    """Return the imported `torchvision`, declaring its operators when the pair does not match."""
    try:
        import torchvision as module
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for schema in _MISSING_OPERATORS.values():
            library.define(schema)  # type: ignore[no-untyped-call]
        _declared.append(library)
        import torchvision as module
    return module


def mended(error: BaseException) -> bool:
    """Whether `error` is that of a pair that did not match, and matches now: what failed can be done again."""
    of_the_pair = isinstance(error, RuntimeError) and "operator torchvision::" in str(error)
    if not of_the_pair or "torchvision" in sys.modules:
        return False
    torchvision()
    return True
