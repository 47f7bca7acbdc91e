"""Which layers every tensor of one run was made from, without another layer between.

In: the calls of one run into torch. Out: of every layer what it reads, so that forks and joins of a network are known
whatever stands between its layers.
"""

from collections.abc import Iterable

from torch import Tensor

from fmcore.geometry import memory_of
from fmcore.stages import Layer

Sources = tuple[Layer | None, ...]  # None is the image


class Flow:
    """What the numbers in every piece of memory were made from.

    Views of the same numbers share it: what is written into one of them, others may show.
    """

    def __init__(self, images: Tensor) -> None:
        self._sources: dict[int, Sources] = {memory_of(images): (None,)}

    def of(self, tensors: Iterable[Tensor]) -> Sources:
        """The layers that `tensors` were made from, in the order in which they are met."""
        return tuple(dict.fromkeys(one for tensor in tensors for one in self._sources.get(memory_of(tensor), ())))

    def follow(self, inputs: Iterable[Tensor], outputs: Iterable[Tensor]) -> None:
        """A call has made `outputs` of `inputs`, or has written these into them."""
        sources = self.of(inputs)
        for output in outputs:
            self._sources[memory_of(output)] = sources

    def begin(self, layer: Layer, output: Tensor) -> None:
        """`output` are the maps of a new layer; what they were made from is what it reads."""
        layer.reads = self.of([output])
        self._sources[memory_of(output)] = (layer,)
