"""Correct rounding of exact numbers, the last step of every arithmetic contract.

Numbers are ``significand * 2 ** exponent`` with integers of any size (Python's), so that no
intermediate result is ever rounded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .formats import Codes, Float


def round_exact(significand: int, exponent: int, fmt: Float) -> int:
    """Code of ``significand * 2 ** exponent`` rounded once to ``fmt``, to nearest even.

    Overflow gives infinity (NaN or the largest number in a format without). Exact zero is +0; a
    number that rounds to zero keeps its sign.
    """
    magnitude = abs(significand)
    if magnitude == 0:
        return 0
    # Exponent of the last place of the result: subnormal results have a fixed one.
    top = magnitude.bit_length() - 1 + exponent
    last = max(top, fmt.min_exponent) - fmt.mantissa_bits
    shift = last - exponent
    if shift <= 0:
        quanta = magnitude << -shift
    else:
        quanta, rest = magnitude >> shift, magnitude & ((1 << shift) - 1)
        half = 1 << shift - 1
        quanta += rest > half or (rest == half and quanta & 1)
    # A carry out of the mantissa walks into the exponent field, as in Float.encode.
    code = (last - fmt.unit_exponent << fmt.mantissa_bits) + quanta
    if code > fmt.max_code:
        code = next(c for c in (fmt.inf_code, fmt.nan_code, fmt.max_code) if c is not None)
    return code | (fmt.sign_bit if significand < 0 else 0)


def quotient(values: ArrayLike, divisors: ArrayLike) -> NDArray[np.float64]:
    """``values / divisors`` so that rounding it to 51 bits or fewer is rounding the exact quotient.

    The quotient is rounded to odd: where it is not exact, the last of its 53 bits is set, so that
    no tie appears that was none and none is lost. ``divisors`` are positive, of up to 32
    significant bits, and all numbers far from the ends of float64.
    """
    values, divisors = np.broadcast_arrays(
        np.asarray(values, np.float64), np.asarray(divisors, np.float64)
    )
    near = values / divisors
    # values - near * divisors: `near` in parts of 21 bits or fewer, so that no product rounds, and
    # no difference but the last, whose sign is right all the same.
    mantissa, exponent = np.frexp(near)
    rest = values
    for digits in (21, 37, 53):
        part = np.ldexp(np.rint(np.ldexp(mantissa, digits)), -digits)
        rest = rest - np.ldexp(part, exponent) * divisors
        mantissa = mantissa - part
    # Towards zero, then the last bit up: a nonzero remainder makes the quotient odd.
    bits = np.abs(near).view(np.int64)
    bits = np.where((rest != 0) & (np.signbit(rest) != np.signbit(values)), bits - 1, bits)
    odd = np.where(rest != 0, bits | 1, bits).view(np.float64)
    return np.copysign(odd, values)


def sum_exact(
    left: tuple[ArrayLike, ArrayLike], right: tuple[ArrayLike, ArrayLike], fmt: Float
) -> Codes:
    """Codes of ``left + right``, each ``(significands, exponents)``, rounded once to ``fmt``."""

    def one(m: int, e: int, n: int, f: int) -> int:
        low = min(e, f)
        return round_exact((m << e - low) + (n << f - low), low, fmt)

    arrays = [np.asarray(a).astype(object) for a in (*left, *right)]
    return np.frompyfunc(one, 4, 1)(*arrays).astype(np.int64)
