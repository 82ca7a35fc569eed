"""Correct rounding of exact numbers, the last step of every arithmetic contract.

Numbers are ``significand * 2 ** exponent`` with integers of any size (Python's), so that no
intermediate result is ever rounded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

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


def sum_exact(
    left: tuple[ArrayLike, ArrayLike], right: tuple[ArrayLike, ArrayLike], fmt: Float
) -> Codes:
    """Codes of ``left + right``, each ``(significands, exponents)``, rounded once to ``fmt``."""

    def one(m: int, e: int, n: int, f: int) -> int:
        low = min(e, f)
        return round_exact((m << e - low) + (n << f - low), low, fmt)

    arrays = [np.asarray(a).astype(object) for a in (*left, *right)]
    return np.frompyfunc(one, 4, 1)(*arrays).astype(np.int64)
