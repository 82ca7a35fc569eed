"""Posits: numbers whose exponent takes as many bits as it needs, and leaves the rest to precision.

Source: Standard for Posit Arithmetic (2022), sections 3 to 6. It fixes ``es`` = 2; the earlier
draft, SoftPosit and XR-NPE (arXiv 2508.13049) use posit(8,0) and posit(16,1).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import require
from .formats import Codes, Format, Overflow


@dataclass(frozen=True)
class Posit(Format):
    """posit(``width``, ``es``): sign, regime, exponent and fraction, from the top bit down.

    Code 0 is zero and the code of the sign bit alone is NaR (not a real), which counts as NaN
    here. A negative code is the two's complement of its magnitude's. In a positive one, a run of
    k + 1 ones or -k zeros, ended by the opposite bit or by the end of the code, is regime k; the
    next ``es`` bits are exponent e, bits beyond the end being zeros; the rest is fraction f of
    ``1.f``. It is worth ``2 ** (k * 2**es + e) * 1.f``.
    """

    width: int
    es: int = 2

    def __post_init__(self) -> None:
        require(3 <= self.width <= 16, "width", self.width, "3 to 16")
        require(0 <= self.es <= 3, "es", self.es, "0 to 3")

    @property
    def bits(self) -> int:
        return self.width

    @property
    def signed(self) -> bool:
        return True

    @property
    def has_specials(self) -> bool:
        return True

    @property
    def nar_code(self) -> int:
        """NaR."""
        return 1 << self.width - 1

    @property
    def max_exponent(self) -> int:
        """``maxpos``, the largest number, is two to this, and ``minpos`` two to its opposite."""
        return self.width - 2 << self.es

    @property
    def unit_exponent(self) -> int:
        return -self.max_exponent

    @property
    def integer_range(self) -> tuple[int, int]:
        top = 1 << 2 * self.max_exponent
        return -top, top

    @property
    def fraction_bits(self) -> int:
        """Most bits that a fraction can have."""
        return max(0, self.width - 3 - self.es)

    def is_nan(self, codes: ArrayLike) -> NDArray[np.bool_]:
        return self.check(codes) == self.nar_code

    def split(self, codes: ArrayLike) -> tuple[Codes, NDArray[np.int64]]:
        codes = self.check(codes)
        negative = self.is_negative(codes)
        magnitude = np.where(negative, (1 << self.width) - codes, codes)
        below = self.width - 1
        ones = (magnitude >> below - 1 & 1).astype(bool)
        rest = np.where(ones, ~magnitude, magnitude) & ((1 << below) - 1)
        run = below - np.frexp(rest.astype(np.float64))[1]
        regime = np.where(ones, run - 1, -run).astype(np.int64)
        left = np.maximum(below - 1 - run, 0)
        field = magnitude & ((1 << left) - 1)
        fraction_bits = np.maximum(left - self.es, 0)
        exponent = field << np.maximum(self.es - left, 0) >> fraction_bits
        significand = (1 << fraction_bits) + (field & ((1 << fraction_bits) - 1))
        nothing = magnitude & ~self.nar_code == 0  # zero, and NaR
        significand = np.where(nothing, 0, significand)
        weight = (regime << self.es) + exponent - fraction_bits
        weight = np.where(nothing, self.unit_exponent, weight)
        return np.where(negative, -significand, significand), weight

    def encode(self, values: ArrayLike, overflow: Overflow = "saturate") -> Codes:
        """The posits of ``values``, rounded as section 4.1 of the standard says: beyond ``maxpos``
        to ``maxpos``, nonzero below ``minpos`` to ``minpos``, and between two posits to the one on
        the same side of the posit with one bit more that lies between them, to the even code when
        it is just that. NaN gives NaR, and so do infinities unless they shall saturate."""
        require(overflow in ("saturate", "special"), "overflow", overflow, "saturate, special")
        values = np.asarray(values, np.float64)
        special = np.isnan(values) | (np.isinf(values) & (overflow == "special"))
        size = np.abs(np.where(special, 0, values))
        limits = self.limits
        below = np.searchsorted(limits, size)
        tie = limits[np.minimum(below, len(limits) - 1)] == size
        # Limit number j lies between the codes j + 1 and j + 2.
        code = below + 1 + (tie & (below % 2 == 0))
        code = np.where(size == 0, 0, code)
        code = np.where(values < 0, -code, code) & ((1 << self.width) - 1)
        return np.where(special, self.nar_code, code)

    @cached_property
    def limits(self) -> NDArray[np.float64]:
        """Where rounding changes from each positive posit to the next."""
        wider = _Wider(f"{self.name} and a bit", self.width + 1, self.es)
        return wider.decode(np.arange(3, (1 << self.width) - 1, 2))

    def round_exact(self, integer: int, exponent: int) -> int:
        """Code of ``integer * 2 ** exponent``, an integer of any size, rounded as by
        :meth:`encode`."""
        if integer == 0:
            return 0
        limits, scale = _integer_limits(self)
        size = abs(integer)
        # A limit less than the unit of the number must not vanish: both in the finer unit.
        shift = exponent - scale
        if shift >= 0:
            size <<= shift
        else:
            limits = [limit << -shift for limit in limits]
        below = bisect_left(limits, size)
        code = below + 1 + (below < len(limits) and limits[below] == size and below % 2 == 0)
        return (-code if integer < 0 else code) & ((1 << self.width) - 1)

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"kind": "posit", "es": self.es}


class _Wider(Posit):
    """A posit one bit wider than those of the catalog, for the limits of their rounding."""

    def __post_init__(self) -> None:
        pass


@lru_cache(maxsize=64)
def _integer_limits(fmt: Posit) -> tuple[list[int], int]:
    """The limits as integers, and the exponent of their unit."""
    scale = -(fmt.width - 1 << fmt.es)
    return [int(x) for x in np.ldexp(fmt.limits, -scale).astype(object)], scale


def posit(width: int, es: int = 2) -> Posit:
    """posit(``width``, ``es``); the standard's ``es`` unless given."""
    return Posit(f"posit({width},{es})", width, es)


P4_1, P8_0, P16_1 = posit(4, 1), posit(8, 0), posit(16, 1)
P8_2, P16_2 = posit(8), posit(16)
