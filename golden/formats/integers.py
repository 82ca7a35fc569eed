"""Integers, and integers with halves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import BadInput, require
from .format import ROUNDINGS, Codes, Format, Overflow, Quanta, Rounding, nearest


@dataclass(frozen=True)
class Int(Format):
    """An integer, two's complement when signed, in units of ``2 ** -fraction_bits``.

    INT8 as an element of OCP MX has six fraction bits (OCP MX v1.0, section 5.3.4).
    """

    width: int
    is_signed: bool = True
    fraction_bits: int = 0

    def __post_init__(self) -> None:
        require(1 <= self.width <= 1024, "width", self.width, "1 to 1024 bits")

    @property
    def bits(self) -> int:
        return self.width

    @property
    def signed(self) -> bool:
        return self.is_signed

    @property
    def unit_exponent(self) -> int:
        return -self.fraction_bits

    @property
    def minimum(self) -> int:
        """The least number, in units."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def maximum(self) -> int:
        """The greatest number, in units."""
        return (1 << self.bits - self.signed) - 1

    @property
    def integer_range(self) -> tuple[int, int]:
        return self.minimum, self.maximum

    def split(self, codes: ArrayLike) -> tuple[Codes, NDArray[np.int64]]:
        codes = self.check(codes)
        values = codes - (self.is_negative(codes).astype(codes.dtype) << self.bits)
        return values, np.full(codes.shape, self.unit_exponent)

    def wrap(self, integers: ArrayLike) -> Codes:
        """The codes of ``integers`` (in units) modulo ``2 ** bits``."""
        dtype = np.int64 if self.bits <= 62 else object
        return (np.asarray(integers) & ((1 << self.bits) - 1)).astype(dtype)

    def encode(
        self,
        values: ArrayLike,
        overflow: Overflow = "saturate",
        rounding: Rounding | Quanta = "even",
    ) -> Codes:
        require(overflow in ("saturate", "special"), "overflow", overflow, "saturate, special")
        values = np.asarray(values, np.float64)
        if np.any(np.isnan(values)):
            raise BadInput(f"NaN cannot be encoded: {self.name} has none")
        with np.errstate(over="ignore"):  # an overflow to infinity saturates below
            units = nearest(np.ldexp(values, self.fraction_bits), rounding)
        return self.wrap(np.clip(units, self.minimum, self.maximum).astype(np.int64))

    def describe(self) -> dict[str, Any]:
        return super().describe() | {
            "kind": "integer",
            "encoding": "two's complement" if self.signed else "unsigned",
            "fraction_bits": self.fraction_bits,
        }


@dataclass(frozen=True)
class DInt(Format):
    """Integers and plus and minus one half: dINT, "integer with denormal" (arXiv 2311.05161).

    Two codes stand for half a step of either sign, so that small weights do not round to zero; the
    others are two's complement integers. ``halves`` are the codes of +1/2 and of -1/2. Which they
    are is our choice by default: the two that would be the most negative integers, so that dINT4 is
    -6 to 7 without a gap, and its half codes are 1000 and 1001.
    """

    width: int
    halves: tuple[int, int]

    def __post_init__(self) -> None:
        require(3 <= self.width <= 8, "width", self.width, "3 to 8 bits")
        top = (1 << self.width) - 1
        distinct = len(set(self.halves)) == 2 and all(0 < code <= top for code in self.halves)
        require(distinct, "halves", self.halves, f"two codes from 1 to {top}: zero stays zero")

    @property
    def bits(self) -> int:
        return self.width

    @property
    def signed(self) -> bool:
        return True

    @property
    def unit_exponent(self) -> int:
        return -1

    @property
    def integer_range(self) -> tuple[int, int]:
        return int(self._doubled.min()), int(self._doubled.max())

    @cached_property
    def _doubled(self) -> NDArray[np.int64]:
        """Twice the number of each code: an integer of one bit more."""
        codes = np.arange(1 << self.bits)
        numbers = 2 * (codes - (codes >> self.bits - 1 << self.bits))
        numbers[list(self.halves)] = 1, -1
        return numbers

    def is_negative(self, codes: ArrayLike) -> NDArray[np.bool_]:
        return self._doubled[self.check(codes)] < 0

    def split(self, codes: ArrayLike) -> tuple[Codes, NDArray[np.int64]]:
        codes = self.check(codes)
        return self._doubled[codes], np.full(codes.shape, self.unit_exponent)

    def encode(
        self,
        values: ArrayLike,
        overflow: Overflow = "saturate",
        rounding: Rounding | Quanta = "even",
    ) -> Codes:
        """As every format does; of two equally near numbers, ``"even"`` is the one that more
        powers of two divide: 1/4 becomes 0, and 3/4 becomes 1."""
        require(overflow in ("saturate", "special"), "overflow", overflow, "saturate, special")
        require(rounding in ROUNDINGS, "rounding", rounding, ", ".join(ROUNDINGS))
        values = np.asarray(values, np.float64)
        if np.any(np.isnan(values)):
            raise BadInput(f"NaN cannot be encoded: {self.name} has none")
        order = np.argsort(self._doubled)
        numbers = self._doubled[order]
        middles = (numbers[1:] + numbers[:-1]) / 4
        below = np.searchsorted(middles, values, side="left")
        above = np.searchsorted(middles, values, side="right")
        rank = np.abs(numbers) if rounding == "away" else numbers & -numbers
        rank = np.where(numbers == 0, 0 if rounding == "away" else 1 << self.bits + 1, rank)
        return order[np.where(rank[above] > rank[below], above, below)]

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"kind": "integer with halves", "halves": list(self.halves)}
