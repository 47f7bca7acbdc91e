"""The receptive field of every tensor of one run of a network."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from torch import Tensor

from fmcore.analysis.receptive_field import joined, shared
from fmcore.field_rules import MAPS, POINTWISE, Call, Places, after, borders, unknown
from fmcore.geometry import memory_of
from fmcore.header import ReceptiveField

_UNEVEN = 1.4  # times: maps without padding step a little less than the image is wide, others not at all like it


class Fields:
    """The receptive field of every tensor of one run; `follow` works out what a call gives its results.

    A call that is not known to keep places apart may mix all of them: what one place of its result sees is not known.
    Nor is it of a tensor that was filled in some other way.
    """

    def __init__(self, images: Tensor) -> None:
        self._fields, self._count = {id(images): ReceptiveField()}, len(images)
        self._image = (images.shape[2], images.shape[3])
        self._places: dict[int, Places | None] = {id(images): MAPS}  # which axes are those of rows and columns
        self._sharing = {memory_of(images): [images]}  # where numbers lie in memory -> all that are views of them
        self._mirrored: dict[int, tuple[int, int]] = {}  # how far a window must reach to see what was copied to its end

    def of(self, tensor: Tensor) -> ReceptiveField:
        return self._fields.get(id(tensor), unknown(ReceptiveField()))

    def knows(self, tensor: Tensor) -> bool:
        """Whether it was worked out from the images, rather than from weights alone."""
        return id(tensor) in self._fields or memory_of(tensor) in self._sharing  # a view of it was written

    def shows_places(self, tensor: Tensor) -> bool:
        """Whether the last two axes of `tensor` are places, as far as is known, and not channels."""
        places = self._places.get(id(tensor))
        return places is None or set(places) == set(MAPS)

    def _set(self, tensor: Tensor, field: ReceptiveField, places: Places | None = None) -> None:
        fills = all(size >= side for size, side in zip(field.size, self._image, strict=True))
        field = field.model_copy(update={"local": False}) if fills else field
        views = self._sharing.setdefault(memory_of(tensor), [])
        if self._fields.get(id(tensor), field) != field:  # it was written over, and with it a part of its views
            for view in views:
                self._fields[id(view)] = unknown(joined(self.of(view), field))
        self._fields[id(tensor)], self._places[id(tensor)] = field, places
        views.append(tensor)

    def written(self, target: Tensor, values: Sequence[Tensor]) -> None:
        """Parts of `target` are overwritten by `values`: which of its places come from where is not known."""
        if known := [self.of(tensor) for tensor in values if self.knows(tensor)]:
            self._set(target, unknown(reduce(joined, [*known, *[self.of(target)] * self.knows(target)])))

    def lying_in(self, tensor: Tensor) -> ReceptiveField:
        """The field of a stack of maps. Where it is not known, its places lie evenly over the image.

        What comes after a step that is not known would otherwise be laid over a part of the image, or beyond it. So
        would many places that are made from a single one, which has stood for all of the image.
        """
        field, counts = self.of(tensor), tensor.shape[2:]
        known = field.known and (field.boxed or not _wider(counts, self._image, field.jump))
        if known or _even(counts, self._image, field.jump):
            return field
        rows, columns = (side / count for side, count in zip(self._image, counts, strict=True))
        return field.model_copy(update={"jump": (rows, columns), "start": (rows / 2, columns / 2)})

    def follow(self, name: str, tensors: Sequence[Tensor], outputs: Sequence[Tensor], args: Any, kwargs: Any) -> None:
        """Give `outputs` the field that call `name` leaves of those of `tensors`; unknown tensors are parameters."""
        known = [tensor for tensor in tensors if self.knows(tensor)]
        if not known or name.endswith("_like") or name.startswith("new_"):  # those take no more than its shape
            return
        places = self._places_of(known)
        alone = [tensor for tensor in known if not self._is_shared(tensor, outputs[0], name, places)] or known
        even = self._even_step(outputs[0], places)
        fields = [self._spread(tensor, outputs[0], name, places) for tensor in alone]
        field = reduce(lambda one, other: joined(one, other, even), fields)
        if len(alone) < len(known):
            field = shared(field)
        copied = self._mirrored.get(id(alone[0]), (0, 0))
        if name != "conv2d" and any(id(tensor) in self._mirrored for tensor in known):
            field = unknown(field)
        for output in outputs:
            call = Call(name, alone[0], output, args, kwargs, field, self._count, self._image, places, copied)
            self._set(output, *after(call))
            if (reach := _copied(call)) is not None:
                self._mirrored[id(output)] = reach

    def _even_step(self, maps: Tensor, places: Places | None) -> tuple[float, float] | None:
        """The step at which the places of `maps` would span the image evenly; None where nobody knows their axes."""
        if places is None or maps.dim() != 4 or 0 in maps.shape:
            return None
        down, across = (side / count for side, count in zip(self._image, _sides(maps, places), strict=True))
        return down, across

    def _places_of(self, known: Sequence[Tensor]) -> Places | None:
        """Where the rows and columns of a call's tensors are; single numbers a map go wherever those of the maps go."""
        of_maps = [tensor for tensor in known if not self._single(tensor)] or known[:1]
        found = {self._places.get(id(tensor)) for tensor in of_maps}
        return found.pop() if len(found) == 1 else None

    def _single(self, tensor: Tensor) -> bool:
        """Whether `tensor` has one number a map, which has seen everything."""
        field, places = self.of(tensor), self._places.get(id(tensor))
        return _sides(tensor, places) == (1, 1) or (places is None and field.whole and field.exact)

    def _is_shared(self, tensor: Tensor, output: Tensor, name: str, places: Places | None) -> bool:
        """Whether a pointwise call takes one number a map from `tensor`, which has seen everything, for all places."""
        field = self.of(tensor)
        single = _sides(tensor, places) == (1, 1) != _sides(output, places)
        return name in POINTWISE and single and field.whole and field.exact

    def _spread(self, tensor: Tensor, output: Tensor, name: str, places: Places | None) -> ReceptiveField:
        """The field of `tensor`, which a pointwise call may have spread over more places than it has."""
        field = self.of(tensor)
        alike = name not in POINTWISE or _sides(tensor, places) == _sides(output, places)
        return field if alike else unknown(field)


def _sides(tensor: Tensor, places: Places | None) -> tuple[int, int]:
    """How many rows and columns `tensor` has, of which one that is spread over others may lack the axes."""
    rows, columns = (tensor.shape[axis] if -axis <= tensor.dim() else 1 for axis in places or MAPS)
    return rows, columns


def _even(shape: Sequence[int], image: Sequence[int], jump: Sequence[float]) -> bool:
    """Whether maps with rows and columns of this `shape`, `jump` pixels apart, are as large as the image, or nearly."""
    return all(
        1 / _UNEVEN < count * step / side < _UNEVEN for count, step, side in zip(shape, jump, image, strict=True)
    )


def _wider(shape: Sequence[int], image: Sequence[int], jump: Sequence[float]) -> bool:
    """Whether maps with rows and columns of this `shape`, `jump` pixels apart, reach far beyond the image."""
    return any(count * step / side >= _UNEVEN for count, step, side in zip(shape, jump, image, strict=True))


def _copied(call: Call) -> tuple[int, int] | None:
    """How far a window must reach down and across to see what a padding has copied to its end; None where it has not.

    A border by reflection repeats what lies as far inside as it lies outside, one by replication the last place.
    """
    mode = call.given(2, "mode", "constant")
    if call.name != "pad" or mode not in ("reflect", "replicate"):
        return None
    (above, below), (left, right) = borders(call)
    times = 2 if mode == "reflect" else 1
    return times * max(0, above, below), times * max(0, left, right)
