"""How shares, counts and lists are said, in films, on pages and in findings."""

from collections.abc import Sequence


def percent(share: float, decimals: int = 0) -> str:
    """A share as percent with so many decimals; never "100%" or "0%" of what is not quite that."""
    told, step = f"{share:.{decimals}%}", 10.0**-decimals
    if share < 1 and told == f"{1:.{decimals}%}":
        return f"over {100 - step:.{decimals}f}%"
    return f"under {step:.{decimals}f}%" if share > 0 and told == f"{0:.{decimals}%}" else told


def counted(count: float, noun: str) -> str:
    """`1 map`, `1,000 maps`."""
    return f"{count:,.0f} {noun}{'' if count == 1 else 's'}"


def listed(parts: Sequence[str], last: str = " and ", most: int | None = None) -> str:
    """`a, b and c`; of more than `most`, which is two or more, `a, b and 7 more`."""
    if most is not None and len(parts) > most:
        parts = [*parts[: most - 1], f"{len(parts) - most + 1:,} more"]
    return last.join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), *parts[-1:]])
