"""Import torchvision beside any build of torch.

A CPU build of torch lacks the two operators that torchvision's CUDA wheel expects to find, and
`import torchvision` then fails with "operator torchvision::nms does not exist". Declaring them
first is enough: nothing here calls them. Where the pair matches, nothing is declared.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch

T = TypeVar("T")

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


def beside_torchvision(work: Callable[[], T]) -> T:
    """What `work` returns, which may import torchvision itself: done again where the pair had to be mended first."""
    try:
        return work()
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    torchvision()
    return work()
