"""Arithmetic on screen adds up as it is printed: checked with exact decimal numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmcore.analysis.rounding import decimals_of_sum, product_agrees

NUMBERS = st.floats(-1000, 1000, allow_subnormal=False) | st.sampled_from([0.0, -0.0, 1e-9, 0.125, -0.005, 0.995])


def printed(value: float, decimals: int) -> Decimal:
    return Decimal(f"{value:.{decimals}f}")


@given(terms=st.lists(NUMBERS, min_size=1, max_size=4))
def test_a_sum_has_the_fewest_decimals_at_which_it_adds_up(terms: list[float]) -> None:
    total = sum(terms)
    right = [n for n in (2, 3, 4) if sum(printed(term, n) for term in terms) == printed(total, n)]
    assert decimals_of_sum(terms, total) == (right[0] if right else None)


@given(one=NUMBERS, other=NUMBERS)
def test_a_product_agrees_where_what_is_printed_gives_what_is_printed(one: float, other: float) -> None:
    for n in (2, 3, 4):
        off, half = abs(printed(one, n) * printed(other, n) - printed(one * other, n)), Decimal(5).scaleb(-n - 1)
        # Whoever stands exactly in the middle between two numbers may be rounded either way.
        assert off <= half if product_agrees(one, other, n) else off >= half


@pytest.mark.parametrize(
    ("terms", "decimals"),
    [
        ([1.1285, -0.1843], 4),  # 1.13 - 0.18 is not 0.94
        ([0.5, 0.25], 2),
        ([0.004, 0.004], 3),  # 0.00 + 0.00 is not 0.01
        ([0.00004, 0.00004], 2),  # all of it is 0.00
        ([0.004449, 0.000551], 3),
        ([-0.0, -0.001], 2),
        ([0.0044444, 0.0044444], None),
    ],
)
def test_how_many_decimals_a_sum_needs(terms: list[float], decimals: int | None) -> None:
    assert decimals_of_sum(terms, sum(terms)) == decimals


@pytest.mark.parametrize(
    ("one", "other", "fewest"),
    [(0.5, 0.5, 2), (-0.5, 0.5, 2), (0.0, -3.0, 2), (0.006, 90, 3), (0.0006, 900, 4), (0.00004, 9000, None)],
)
def test_at_how_many_decimals_a_product_agrees(one: float, other: float, fewest: int | None) -> None:
    assert next((n for n in (2, 3, 4) if product_agrees(one, other, n)), None) == fewest
