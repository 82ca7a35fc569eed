"""Where the codes of a block format begin: what its encoder compares magnitudes with.

A quotient is never needed: ``peak / max`` is beyond ``b`` when ``peak`` is beyond ``max * b``, and
``value / scale`` when ``value`` is beyond ``scale * b``. All of these are exact rational numbers,
and a scale times an element's boundary has few significant bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

from .block import POWERS_OF_TWO, BlockFormat, max_exponent, max_number, significand_bits
from .formats import Float, Int, Rounding


@dataclass(frozen=True)
class Boundary:
    """A code and those above it are for numbers beyond ``value``, or that are it if ``reached``."""

    value: Fraction
    reached: bool

    @property
    def exponent(self) -> int:
        """floor(log2 value)."""
        top, bottom = self.value.numerator, self.value.denominator
        exponent = top.bit_length() - bottom.bit_length()
        return exponent if Fraction(2) ** exponent <= self.value else exponent - 1

    @property
    def odd(self) -> int:
        """``value`` without its powers of two, if it is an integer times one."""
        return self.value.numerator // (self.value.numerator & -self.value.numerator)

    @property
    def fraction_bits(self) -> int:
        """Bits behind the leading one."""
        return self.odd.bit_length() - 1


@cache
def element_boundaries(fmt: BlockFormat) -> tuple[Boundary, ...]:
    """Those of the magnitudes 1, 2, ... of an element, each with its code, in units of the scale.

    The last one of an integer with ``full_range`` is for negative numbers alone.
    """
    return _middles(element_magnitudes(fmt), fmt.rounding)


def element_magnitudes(fmt: BlockFormat) -> list[Fraction]:
    """The magnitudes of an element, from zero up."""
    element = fmt.element
    if isinstance(element, Int):
        count = element.maximum + fmt.full_range
        return [Fraction(k, 1 << element.fraction_bits) for k in range(count + 1)]
    assert isinstance(element, Float)
    return [Fraction(float(value)) for value in element.decode(range(element.max_code + 1))]


@cache
def scale_boundaries(fmt: BlockFormat) -> tuple[Boundary, ...]:
    """Those of the scale codes 1, 2, ... in magnitudes of the peak (over the tensor scale). Where
    scales are powers of two, codes between them begin with the next one, and none follow the
    last."""
    if fmt.policy in POWERS_OF_TWO:
        return tuple(_power_boundary(fmt, code) for code in range(1, top_code(fmt) + 1))
    top = Fraction(max_number(fmt.element))
    grid = [Fraction(float(v)) * top for v in fmt.scale.decode(range(fmt.scale.max_code + 1))]
    if fmt.policy == "up":
        return tuple(Boundary(value, False) for value in grid[:-1])
    return _middles(grid, fmt.scale_rounding)


def top_code(fmt: BlockFormat) -> int:
    """The code of the greatest scale."""
    bits = fmt.scale.mantissa_bits if fmt.policy in POWERS_OF_TWO else 0
    return fmt.scale.max_code >> bits << bits


def _power_boundary(fmt: BlockFormat, code: int) -> Boundary:
    if code == 1:  # of all peaks that are not beyond another
        return Boundary(Fraction(0), False)
    scale = Fraction(float(fmt.scale.decode(code)))
    power = Fraction(1)
    while power < scale:
        power *= 2
    while power / 2 >= scale:
        power /= 2
    begins = power * Fraction(2) ** max_exponent(fmt.element)
    if fmt.policy == "floor":
        return Boundary(begins, True)
    if fmt.policy == "ceil":
        return Boundary(begins / 2, False)
    # The least peak that is rounded up to a power of two: half a place below it.
    half = Fraction(1, 1 << significand_bits(fmt.element) + 1)
    return Boundary(begins * (1 - half), True)


def _middles(grid: list[Fraction], ties: Rounding) -> tuple[Boundary, ...]:
    middles = [(low + high) / 2 for low, high in pairwise(grid)]
    return tuple(Boundary(v, ties == "away" or k % 2 == 0) for k, v in enumerate(middles, 1))
