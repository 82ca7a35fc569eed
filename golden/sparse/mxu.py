"""The matrix unit: sums of products of INT8 activations and weights of a few integer formats."""

from __future__ import annotations

from itertools import product

from ..formats import DINT4, INT4, INT8, DInt, Int

ACTIVATION = INT8
WEIGHTS: dict[str, Int | DInt] = {"int8": INT8, "int4": INT4, "dint4": DINT4}
"""Weight format by kind of processing element."""


def weight_bits(pe: str) -> int:
    """Width of a weight as the integer that is multiplied, in steps of its format."""
    low, high = WEIGHTS[pe].integer_range
    return max(high, -low - 1).bit_length() + 1


def sum_bits(n: int, pe: str) -> int:
    """Width of a sum of ``n`` products, signed: none overflows."""
    ends = [a * w for a, w in product(ACTIVATION.integer_range, WEIGHTS[pe].integer_range)]
    return max(n * max(ends), -n * min(ends) - 1).bit_length() + 1
