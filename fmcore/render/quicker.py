"""The helpers in which manim spends most of a scene, with the same results in a fraction of the time.

A storyboard, and whatever a film skips, is nothing but these helpers: families, boxes, colours and deep copies.
`quicken` puts them in the places of manim's own in this process. Each hands back to manim's where a subclass or an odd
value makes it more than the plain case, and each is compared with manim's own in the tests.
"""

import copy
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from manim import ManimColor, Mobject, VMobject
from numpy.typing import NDArray
from svgelements import Path as SvgPath

Points = NDArray[np.float64]

_family = Mobject.get_family
_critical_point = Mobject.get_critical_point
_extremum = Mobject.get_extremum_along_dim
_reduce = Mobject.reduce_across_dimension
_length = Mobject.length_over_dim
_merged = Mobject.get_merged_array
_boundary = VMobject.get_points_defining_boundary
_anchors = VMobject.get_anchors
_rgbas = VMobject.generate_rgbas_array
_deepcopy = Mobject.__deepcopy__

_NUMBERS = (int, float, np.float64, type(None))
_SHARED = (int, float, str, bool, type(None), type, types.FunctionType, types.BuiltinFunctionType, ManimColor, SvgPath)
_SHARED_TYPES = frozenset(_SHARED)


def quicken() -> None:
    """Put the quick helpers in the places of manim's, in this process."""
    # Every animation copies its mobjects deeply. Much of that is colours and the paths that letters of formulas were
    # parsed from, and neither is ever changed in place.
    for shared in (ManimColor, SvgPath):
        shared.__deepcopy__ = lambda self, memo: self
    quick: dict[type, dict[str, Callable[..., Any]]] = {
        Mobject: {
            "get_family": family,
            "get_critical_point": critical_point,
            "length_over_dim": length,
            "get_merged_array": merged,
            "__deepcopy__": deep_copy,
        },
        VMobject: {"get_points_defining_boundary": boundary, "generate_rgbas_array": rgbas},
    }
    for owner, helpers in quick.items():
        for name, helper in helpers.items():
            setattr(owner, name, helper)


def family(self: Mobject, recurse: bool = True) -> list[Mobject]:
    """`Mobject.get_family`: itself and all below it, each once."""
    if not self.submobjects:
        return [self]
    members: list[Mobject] = []
    waiting = [self]
    while waiting:
        member = waiting.pop()
        members.append(member)
        if member.submobjects:
            waiting.extend(reversed(member.submobjects))
            if len(members) > 100_000:  # a family that holds itself
                return _family(self, recurse)  # type: ignore[no-any-return, unused-ignore]
    if len(set(map(id, members))) < len(members):
        return _family(self, recurse)  # type: ignore[no-any-return, unused-ignore]
    return members


def critical_point(self: Mobject, direction: Any) -> Points:
    """`Mobject.get_critical_point`: (3,) a corner, edge or the middle of the box around all points."""
    if self.dim != 3 or type(self).get_extremum_along_dim is not _extremum:
        return _critical_point(self, direction)  # type: ignore[no-any-return, unused-ignore]
    points = self.get_points_defining_boundary()
    if len(points) == 0:
        return np.zeros(3)
    along = points.T.copy()  # numpy looks through long rows many times faster than through long columns
    low, high = along.min(axis=1), along.max(axis=1)
    return np.array(
        [
            low[axis] if sign < 0 else high[axis] if sign > 0 else (low[axis] + high[axis]) / 2
            for axis, sign in enumerate(np.asarray(direction)[:3].tolist())
        ]
    )


def length(self: Mobject, dim: int) -> float:
    """`Mobject.length_over_dim`: the extent of all points along `dim`."""
    lowest, highest = np.inf, -np.inf
    for member in self.get_family():
        if type(member).reduce_across_dimension is not _reduce:
            return _length(self, dim)  # type: ignore[no-any-return, unused-ignore]
        if len(member.points):
            along = member.points[:, dim]
            lowest, highest = min(lowest, along.min()), max(highest, along.max())
    return highest - lowest if highest >= lowest else 0


def merged(self: Mobject, array_attr: str) -> NDArray[Any]:
    """`Mobject.get_merged_array`: one attribute of all the family, one after the other."""
    if not self.submobjects:
        return getattr(self, array_attr)  # type: ignore[no-any-return]
    parts: list[NDArray[Any]] = []
    waiting = [self]
    while waiting:
        member = waiting.pop()
        if type(member).get_merged_array is not merged:
            return _merged(self, array_attr)  # type: ignore[no-any-return, unused-ignore]
        parts.append(getattr(member, array_attr))
        waiting.extend(reversed(member.submobjects))
    return np.concatenate(parts, axis=0)


def boundary(self: VMobject) -> Points:
    """`VMobject.get_points_defining_boundary`: (n, 3) the two ends of every curve of the family."""
    parts: list[Points] = []
    for member in self.get_family():
        points = member.points
        count = len(points)
        if not isinstance(member, VMobject) or type(member).get_anchors is not _anchors or count == 1 or count % 4:
            return _boundary(self)  # type: ignore[no-any-return, unused-ignore]
        if member.n_points_per_cubic_curve != 4 or points.shape[1:] != (3,):
            return _boundary(self)  # type: ignore[no-any-return, unused-ignore]
        if count:
            parts.append(points.reshape(-1, 4, 3)[:, ::3])
    if not parts:
        return np.zeros(0)
    return np.concatenate(parts).reshape(-1, 3)


def rgbas(self: VMobject, color: Any, opacity: Any) -> Points:
    """`VMobject.generate_rgbas_array`: (1, 4) where there is one colour and no sheen."""
    plain = color is None or type(color) is ManimColor
    if not plain or type(opacity) not in _NUMBERS or self.get_sheen_factor() != 0:
        return _rgbas(self, color, opacity)  # type: ignore[no-any-return, unused-ignore]
    made = np.zeros((1, 4))
    if color is not None:
        made[0] = color.to_rgba()
    made[0, 3] = opacity or 0.0
    return made


def deep_copy(self: Mobject, memo: dict[int, Any]) -> Mobject:
    """`Mobject.__deepcopy__`: `copy.deepcopy`, without its detour over what is plain."""
    made = self.__class__.__new__(self.__class__)
    memo[id(self)] = made
    for name, value in self.__dict__.items():
        setattr(made, name, _copied(value, memo))
    made.original_id = str(id(self))
    return made


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    kind = type(value)
    if kind in _SHARED_TYPES:
        return value
    if (known := memo.get(id(value))) is not None:
        return known
    if kind is np.ndarray and value.dtype.hasobject is False:
        memo[id(value)] = made = value.copy(order="K")
        return made
    if kind is list:
        copies: list[Any] = []
        memo[id(value)] = copies
        copies.extend(_copied(one, memo) for one in value)
        return copies
    if getattr(kind, "__deepcopy__", None) is deep_copy:
        return deep_copy(value, memo)
    return copy.deepcopy(value, memo)
