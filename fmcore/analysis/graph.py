"""Which layers of a network read which: its forks and joins."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from fmcore.header import LayerInfo

IMAGE = ""  # in the place of a layer's name


def contracted(sources: Sequence[str], reads: Mapping[str, Sequence[str]], kept: Collection[str]) -> tuple[str, ...]:
    """`sources` as those of `kept` that they come from: instead of any other layer, what that one reads, by `reads`."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    left = [*reversed(sources)]
    while left:
        name = left.pop()
        if name == IMAGE or name in kept:
            found[name] = None
        elif name not in seen:
            seen.add(name)
            left.extend(reversed(reads.get(name, ())))
    return tuple(found)


def reads_of(layers: Sequence[LayerInfo]) -> dict[str, tuple[str, ...]]:
    """The names of those of `layers` that each of them reads, `IMAGE` among them.

    Where a bundle does not say it, a convolution reads what its input is an array of, and others what stands before.
    """
    names = [layer.name for layer in layers]
    found = {}
    for before, layer in pairwise([None, *layers]):
        assert layer is not None
        source = layer.input.rpartition("/")[0]
        previous = IMAGE if before is None or layer.input in ("probes", "input") else before.name
        found[layer.name] = layer.reads or ((source if source in names and source != layer.name else previous),)
    return {name: tuple(one for one in reads if one == IMAGE or one in found) for name, reads in found.items()}


def is_chain(layers: Sequence[LayerInfo]) -> bool:
    """Whether every one of `layers` reads what the one before it leaves, and nothing else."""
    expected = [IMAGE, *(layer.name for layer in layers)]
    return all(reads == (before,) for reads, before in zip(reads_of(layers).values(), expected, strict=False))
