"""A count with its noun."""


def counted(n: float, noun: str) -> str:
    """`1 map`, `2,048 maps`."""
    return f"{n:,.0f} {noun}{'s' * (n != 1)}"
