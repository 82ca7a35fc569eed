"""Quires: fixed-point sums of products that never round, and beats for units that have one.

Source: Standard for Posit Arithmetic (2022), section 3.4, here for the products of any format
whose numbers are integers times one power of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import require
from .formats import Codes, Float, Format, Int
from .posit import Posit


@dataclass(frozen=True)
class Quire(Int):
    """An integer in units of the least product, whose most negative code is NaR instead."""

    @property
    def has_specials(self) -> bool:
        return True

    @property
    def nar_code(self) -> int:
        """NaR."""
        return 1 << self.bits - 1

    def is_nan(self, codes: ArrayLike) -> NDArray[np.bool_]:
        return self.check(codes) == self.nar_code

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"kind": "quire"}


def quire(fmt: Format, bits: int) -> Quire:
    """The quire of ``bits`` bits for products of two numbers of ``fmt``."""
    least = product_bits(fmt)
    require(least <= bits <= 1024, "quire_bits", bits, f"{least} to 1024 for {fmt.name}")
    return Quire(f"quire of {fmt.name}", bits, fraction_bits=-2 * fmt.unit_exponent)


def product_bits(fmt: Format) -> int:
    """Width of the product of any two numbers, with its sign: 26 for posit(8,0)."""
    top = max(abs(bound) for bound in fmt.integer_range)
    return (top * top).bit_length() + 1


def accumulate(fmt: Format, target: Quire, a: Codes, w: Codes, acc: Codes) -> Codes:
    """Codes of ``acc + a * w``, exact modulo the width of the quire; NaR for NaR, NaN and
    infinite operands."""
    product = fmt.integer(a).astype(object) * fmt.integer(w).astype(object)
    special = target.is_nan(acc)
    for codes in (a, w):
        special = special | fmt.is_nan(codes) | fmt.is_inf(codes)
    codes = target.wrap(target.split(acc)[0].astype(object) + product)
    return np.where(special, target.nar_code, codes)


def extremes(fmt: Format) -> Codes:
    """Zero, and least, one, greatest and their neighbours, of either sign; NaR, or infinities and
    NaN, and the ends of the subnormals; every number of formats of up to 8 bits but posits."""
    n = fmt.bits
    if not isinstance(fmt, Posit) and n <= 8:
        return fmt.all_codes()
    if not isinstance(fmt, Posit):
        sign = 1 << n - 1
        near = [0, 1, 2, sign - 2, sign - 1]  # of a float with specials the last is a NaN
        if isinstance(fmt, Float):
            least, one, top = 1 << fmt.mantissa_bits, fmt.bias << fmt.mantissa_bits, fmt.max_code
            near += [least - 1, least, least + 1, one - 1, one, one + 1, top - 1, top, top + 1]
        return np.unique([*near, *(c | sign for c in near)])
    one, nar = 1 << n - 2, 1 << n - 1
    near = [1, 2, one - 1, one, one + 1, nar - 2, nar - 1]
    return np.unique([0, nar, *near, *((1 << n) - c for c in near)])


def edges(target: Quire) -> list[int]:
    """Quires about zero, and about NaR, where they wrap."""
    top, middle = 1 << target.bits, 1 << target.bits - 1
    return [0, 1, top - 1, middle - 1, middle, middle + 1]


def random_macs(
    fmt: Format, target: Quire, rng: np.random.Generator, count: int
) -> tuple[Codes, Codes, Codes]:
    """``(a, w, acc)`` of shape ``(count,)``: factors uniform or extreme; quires of any magnitude,
    cancelling the product or nearly so, beside the ends, or NaR."""
    factors = rng.integers(0, 1 << fmt.bits, (2, count))
    chosen = rng.random((2, count)) < 0.2
    factors[chosen] = rng.choice(extremes(fmt), int(chosen.sum()))
    a, w = factors
    products = fmt.integer(a).astype(object) * fmt.integer(w).astype(object)
    words = rng.integers(0, 1 << 32, (count, -(-target.bits // 32)))
    size, kind = rng.integers(0, target.bits, count), rng.integers(0, 10, count)
    acc = np.zeros(count, object)
    for row, product in enumerate(products):
        number = sum(int(word) << 32 * k for k, word in enumerate(words[row]))
        small = number >> max(0, 32 * words.shape[1] - int(size[row]))
        edge = target.nar_code + number % 9 - 4
        choices = [-product + number % 5 - 2, -product, edge, edge - product, target.nar_code]
        acc[row] = choices[kind[row]] if kind[row] < 5 else (-small if number & 1 else small)
    return a, w, target.check(target.wrap(acc))
