"""Dyadic requantization: an INT32 accumulator to an integer of a few bits, by multiply and shift.

For channel ``c`` and accumulator ``a`` the result is, exactly and in this order,

1. ``p = (a + bias[c]) * multiplier[c]``, an exact product (no bit is dropped);
2. ``q = round(p / 2**shift[c])``, rounded once as ``rounding`` says;
3. ``r = max(q, 0)`` if ``relu``;
4. ``y = min(max(r + zero_point, low), high)``, the range of the output code.

``multiplier / 2**shift`` is the dyadic scale of HAWQ-V3 (Yao et al., ICML 2021, section 3.1).
Two's complement throughout. The sum in step 1 must fit the accumulator: that is a bound on weights
and bias, which :func:`check_bias` proves for a layer, not something that the data can break.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import BadInput, require
from .parameters import Parameters

ROUNDINGS = ("half-up", "half-away", "half-even", "floor")


@dataclass(frozen=True, kw_only=True)
class RequantConfig(Parameters):
    """Widths and modes of a requantizer.

    ``accumulator_bits``: width of accumulator and bias, signed (8 to 32).
    ``multiplier_bits``: width of the multiplier, unsigned (2 to 31). 16 bits place a scale within
    2^-16 of the wanted one, an eighth of the step that could be seen in an INT8 output.
    ``shift_bits``: width of the shift amount, which ranges over 0 .. 2^shift_bits - 1 (1 to 6).
    ``output_bits``: width of the output code (2 to 16), ``signed`` two's complement or unsigned.
    ``rounding``: of a tie in step 2, ``half-up`` (towards plus infinity: one adder before the
    shift), ``half-away`` (from zero), ``half-even``; or ``floor``, which drops the bits.
    ``relu``: whether negative results become zero before the zero point is added.
    ``zero_point``: the output code of real zero.
    """

    accumulator_bits: int = 32
    multiplier_bits: int = 16
    shift_bits: int = 6
    output_bits: int = 8
    signed: bool = True
    rounding: str = "half-up"
    relu: bool = True
    zero_point: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("accumulator_bits", 8, 32),
            ("multiplier_bits", 2, 31),
            ("shift_bits", 1, 6),
            ("output_bits", 2, 16),
        ):
            value = getattr(self, name)
            require(low <= value <= high, name, value, f"{low} to {high}")
        require(self.rounding in ROUNDINGS, "rounding", self.rounding, ", ".join(ROUNDINGS))
        allowed = f"{self.low} to {self.high}"
        require(self.low <= self.zero_point <= self.high, "zero_point", self.zero_point, allowed)

    @property
    def low(self) -> int:
        """Smallest output code."""
        return -(1 << (self.output_bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest output code."""
        return (1 << (self.output_bits - int(self.signed))) - 1

    @property
    def max_shift(self) -> int:
        """Largest shift amount."""
        return (1 << self.shift_bits) - 1

    @property
    def max_multiplier(self) -> int:
        """Largest multiplier."""
        return (1 << self.multiplier_bits) - 1


def dyadic(scale: ArrayLike, config: RequantConfig) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``(multiplier, shift)`` a channel, nearest to the positive real ``scale`` a channel.

    The multiplier is normalised (its top bit set), so its relative error is at most
    2^-multiplier_bits, unless the shift would exceed ``max_shift``: then the error is at most
    2^-(max_shift + 1). A scale too large for the multiplier, or so small
    that its multiplier would be zero, is :class:`BadInput`.
    """
    scale = np.asarray(scale, np.float64)
    require(bool(np.all(np.isfinite(scale) & (scale > 0))), "scale", scale.tolist(), "positive")
    _, exponent = np.frexp(scale)  # scale = fraction * 2**exponent, fraction in [0.5, 1)
    shift = np.clip(config.multiplier_bits - exponent, 0, config.max_shift).astype(np.int64)
    multiplier = np.rint(np.ldexp(scale, shift)).astype(np.int64)
    # 0.99999 rounds up to a power of two that needs one bit more: halve it exactly.
    spill = (multiplier > config.max_multiplier) & (shift > 0)
    multiplier, shift = np.where(spill, multiplier >> 1, multiplier), shift - spill
    good = bool(np.all((multiplier >= 1) & (multiplier <= config.max_multiplier)))
    allowed = f"{2.0**-config.max_shift:.3g} to {config.max_multiplier}"
    require(good, "scale", [float(scale.min()), float(scale.max())], allowed)
    return multiplier, shift


def check_bias(worst_sum: ArrayLike, bias: ArrayLike, config: RequantConfig) -> int:
    """Bits that the biased accumulator needs, given ``worst_sum``, the largest magnitude a channel.

    Raises :class:`BadInput` when they exceed ``accumulator_bits``: wrap-around would be possible.
    """
    worst = int(np.max(np.asarray(worst_sum, np.int64) + np.abs(np.asarray(bias, np.int64))))
    bits = worst.bit_length() + 1
    require(
        bits <= config.accumulator_bits,
        "accumulator bits needed",
        bits,
        f"at most {config.accumulator_bits}",
    )
    return bits


def requantize(
    accumulator: ArrayLike,
    multiplier: ArrayLike,
    shift: ArrayLike,
    bias: ArrayLike = 0,
    config: RequantConfig | None = None,
) -> NDArray[np.int64]:
    """The output codes (int64) of integer ``accumulator`` of shape (..., channels).

    ``multiplier``, ``shift`` and ``bias`` broadcast against it, usually one a channel. Every
    intermediate is exact in int64: |a + bias| <= 2^31 and multiplier < 2^31. Raises
    :class:`BadInput` for operands outside of the widths of ``config``.
    """
    config = config or RequantConfig()
    a, m, s, b = (
        _integers(n, v)
        for n, v in (
            ("accumulator", accumulator),
            ("multiplier", multiplier),
            ("shift", shift),
            ("bias", bias),
        )
    )
    limit = 1 << (config.accumulator_bits - 1)
    _within("accumulator", a, -limit, limit - 1)
    _within("bias", b, -limit, limit - 1)
    _within("multiplier", m, 0, config.max_multiplier)
    _within("shift", s, 0, config.max_shift)
    total = a + b
    _within("accumulator + bias", total, -limit, limit - 1)
    product = total * m
    q = round_shift(product, s, config.rounding)
    if config.relu:
        q = np.maximum(q, 0)
    return np.clip(q + config.zero_point, config.low, config.high)


def round_shift(value: NDArray[np.int64], shift: NDArray[np.int64], rounding: str) -> NDArray:
    """``value / 2**shift`` rounded to an integer; |value| at most 2^62, shift 0 to 63."""
    floor = value >> shift
    if rounding == "floor":
        return floor
    half = np.where(shift > 0, np.int64(1) << np.maximum(shift - 1, 0), 0)
    if rounding == "half-up":
        return (value + half) >> shift  # |value| < 2^62 and half <= 2^62: no overflow
    rest = value - (floor << shift)  # 0 <= rest < 2**shift
    half = np.maximum(half, 1)  # with no shift there is no rest, and so no tie
    if rounding == "half-away":
        up = np.where(value >= 0, rest >= half, rest > half)
    else:
        up = (rest > half) | ((rest == half) & (floor & 1 == 1))
    return floor + up


def _integers(name: str, value: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(value)
    require(
        array.dtype.kind in "iu" or array.size == 0, f"{name} type", str(array.dtype), "integers"
    )
    return array.astype(np.int64)


def _within(name: str, value: NDArray[np.int64], low: int, high: int) -> None:
    if value.size and (value.min() < low or value.max() > high):
        worst = int(value.min() if value.min() < low else value.max())
        raise BadInput(f"{name} is {worst}; allowed: {low} to {high}")
