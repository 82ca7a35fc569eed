"""Floating-point numbers as integers with a common exponent: block floating point.

So that butterflies and lookup tables can be exact integer arithmetic, the numbers of a group are
first brought to the greatest exponent among them. That is the one step that loses something.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import require
from .formats import Codes, Float


def check(source: Float, width: int, most: int = 32) -> None:
    """:class:`BadInput` unless numbers of ``source`` can be aligned to ``width`` bits, ``most`` at
    the most."""
    ieee = isinstance(source, Float) and source.signed and source.specials == "ieee"
    require(
        ieee and source.bits <= 32,
        "format",
        source,
        "a signed floating-point format with IEEE specials of up to 32 bits",
    )
    least = source.mantissa_bits + 1
    require(least <= most, "format", source, f"one of up to {most} significant bits")
    require(least <= width <= most, "width", width, f"{least} (a significand's bits) to {most}")


def align(codes: Codes, source: Float, width: int) -> tuple[Codes, NDArray[np.int64]]:
    """``(integers, fields)`` of groups of codes, of shape ``(..., n)``.

    ``fields`` are the greatest exponent fields of the groups, subnormals counting as 1; all ones
    where a number is NaN or infinite. A number is worth about ``integer * 2**(field - bias -
    width + 1)``: exactly that where its last bit is not below this unit, else its magnitude is
    rounded down to it. Magnitudes are below ``2**width``.
    """
    magnitude = source.magnitude(codes)
    field = magnitude >> source.mantissa_bits
    normal = (field > 0).astype(np.int64)
    significand = (magnitude & (1 << source.mantissa_bits) - 1) | normal << source.mantissa_bits
    field = np.maximum(field, 1)
    common = field.max(axis=-1)
    down = np.minimum(common[..., None] - field, width)
    integers = significand << (width - 1 - source.mantissa_bits) >> down
    return np.where(source.is_negative(codes), -integers, integers), common


def unit_exponent(source: Float, width: int) -> int:
    """Exponent of an integer's unit where the field is 0."""
    return -source.bias - width + 1
