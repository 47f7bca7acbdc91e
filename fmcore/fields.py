"""The receptive field of every tensor of one run of a network."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from torch import Tensor

from fmcore.analysis.receptive_field import joined, shared
from fmcore.field_rules import POINTWISE, Call, after, even, mirrored, passed, unknown
from fmcore.header import ReceptiveField


class Fields:
    """The receptive field of every tensor of one run; `follow` works out what a call gives its results.

    A call that is not known to keep places apart may mix all of them: what one place of its result sees is not known.
    Nor is it of a tensor that was filled in some other way.
    """

    def __init__(self, images: Tensor) -> None:
        self._fields, self._count = {id(images): ReceptiveField()}, len(images)
        self._image = (images.shape[2], images.shape[3])
        self._mirrored: dict[int, tuple[int, int]] = {}  # how far a window must reach to see what was copied to its end

    def of(self, tensor: Tensor) -> ReceptiveField:
        return self._fields.get(id(tensor), unknown(ReceptiveField()))

    def knows(self, tensor: Tensor) -> bool:
        """Whether it was worked out from the images, rather than from weights alone."""
        return id(tensor) in self._fields

    def set(self, tensor: Tensor, field: ReceptiveField) -> None:
        fills = all(size >= side for size, side in zip(field.size, self._image, strict=True))
        self._fields[id(tensor)] = field.model_copy(update={"local": False}) if fills else field

    def after_convolution(self, source: Tensor, output: Tensor, geometry: dict[str, Any]) -> ReceptiveField:
        found = passed(self.of(source), source, output, geometry)
        wraps = geometry["padding_mode"] == "circular" and any(geometry["padding"])
        reach = [(geometry["kernel"][axis] - 1) * geometry["dilation"][axis] for axis in (0, 1)]
        beyond = any(r < wanted for r, wanted in zip(reach, self._mirrored.get(id(source), (0, 0)), strict=True))
        return unknown(found) if wraps or beyond else found  # places at the border read from elsewhere

    def written(self, target: Tensor, values: Sequence[Tensor]) -> None:
        """Parts of `target` are overwritten by `values`: which of its places come from where is not known."""
        if known := [self.of(tensor) for tensor in values if self.knows(tensor)]:
            self.set(target, unknown(reduce(joined, [*known, *[self.of(target)] * self.knows(target)])))

    def lying_in(self, tensor: Tensor) -> ReceptiveField:
        """The field of a stack of maps. Where it is not known, its places lie evenly over the image.

        What comes after a step that is not known would otherwise be laid over a part of the image, or beyond it.
        """
        field, counts = self.of(tensor), tensor.shape[2:]
        if field.known or even(counts, self._image, field.jump):
            return field
        rows, columns = (side / count for side, count in zip(self._image, counts, strict=True))
        return field.model_copy(update={"jump": (rows, columns), "start": (rows / 2, columns / 2)})

    def follow(self, name: str, tensors: Sequence[Tensor], outputs: Sequence[Tensor], args: Any, kwargs: Any) -> None:
        """Give `outputs` the field that call `name` leaves of those of `tensors`; unknown tensors are parameters."""
        known = [tensor for tensor in tensors if self.knows(tensor)]
        if not known:
            return
        alone = [tensor for tensor in known if not self._is_shared(tensor, outputs[0], name)] or known
        field = reduce(joined, [self._spread(tensor, outputs[0], name) for tensor in alone])
        if len(alone) < len(known):
            field = shared(field)
        if any(id(tensor) in self._mirrored for tensor in known):
            field = unknown(field)
        for output in outputs:
            call = Call(name, alone[0], output, args, kwargs, field, self._count, self._image)
            self.set(output, after(call))
            if (reach := mirrored(call)) is not None:
                self._mirrored[id(output)] = reach

    def _is_shared(self, tensor: Tensor, output: Tensor, name: str) -> bool:
        """Whether a pointwise call takes one number a map from `tensor`, which has seen everything, for all places."""
        field = self.of(tensor)
        single = tensor.shape[-2:] == (1, 1) != output.shape[-2:]
        return name in POINTWISE and single and field.whole and field.exact

    def _spread(self, tensor: Tensor, output: Tensor, name: str) -> ReceptiveField:
        """The field of `tensor`, which a pointwise call may have spread over more places than it has."""
        field = self.of(tensor)
        alike = name not in POINTWISE or tensor.shape[-2:] == output.shape[-2:]
        return field if alike else unknown(field)
