"""Block formats as data: elements that share a scale, and how real numbers become blocks.

One description serves the MX formats, those with a scale that has a significand (NVFP4) and those
with one scale a sign (AMXFP4); encoders, decoders, dot products and reports are made from it. The
named formats are in :mod:`golden.mx`.

Sources: OCP Microscaling Formats (MX) v1.0, section 6.3 (floor); arXiv 2411.09909 (AMXFP4);
arXiv 2509.25149 (NVFP4 and its tensor scale).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import require
from .exact import quotient
from .formats import E8M0, ROUNDINGS, Codes, Float, Format, Int, Quanta, Rounding
from .parameters import Parameters

Policy = Literal["floor", "ceil", "even", "nearest", "up"]
Values = NDArray[np.float64]

POLICIES: dict[Policy, str] = {
    "floor": "2**(floor(log2 peak) - emax)",
    "ceil": "2**(ceil(log2 peak) - emax)",
    "even": "floor of the peak rounded to the element's significand (half away from zero)",
    "nearest": "the scale nearest to peak / max, ties as scale_rounding says",
    "up": "the least scale that is not below peak / max: nothing is clipped (RCEIL)",
}
"""How a scale follows from the largest magnitude of its block (``peak``), the element format's
largest number (``max``) and its largest power of two (``2**emax``). The first three give powers of
two, kept within those of the scale's format."""
POWERS_OF_TWO = ("floor", "ceil", "even")
"""The policies whose scales are powers of two, whatever else their format has."""


def max_exponent(element: Format) -> int:
    """Exponent of the largest power of two of a format (``emax`` of the MX specification)."""
    return int(np.frexp(max_number(element))[1]) - 1


def max_number(element: Format) -> float:
    """The largest finite number of a format."""
    codes = element.all_codes()
    values = element.decode(codes)
    return float(np.max(values[np.isfinite(values)]))


@dataclass(frozen=True, kw_only=True)
class BlockFormat(Parameters):
    """``block`` elements and their scales.

    Parameters
    ----------
    name:
        The name that units of the format bear.
    element:
        Element format.
    block:
        Elements that share a scale.
    scale:
        Scale format. A scale is a magnitude: the sign bit of a signed format is never set here, and
        hardware ignores it.
    policy:
        How a scale is chosen; see :data:`POLICIES`.
    asymmetric:
        Two scales a block, ``scales[..., 0]`` of the elements without and ``scales[..., 1]`` of
        those with the sign bit, each chosen from the magnitudes of its own side.
    rounding, scale_rounding:
        Ties of the elements, and of the scale under policy ``"nearest"``.
    underflow:
        The scale of a nonzero peak whose scale would round to zero: the ``"least"`` positive one,
        so that as much as possible survives, or ``"one"``, which flushes the block.
    full_range:
        Whether an integer element may become the most negative number, whose opposite there is
        none of.
    tensor_scale:
        Format of a second scale that all blocks of a tensor share, or None.
    """

    name: str
    element: Format
    block: int = 32
    scale: Float = E8M0
    policy: Policy = "floor"
    asymmetric: bool = False
    rounding: Rounding = "even"
    scale_rounding: Rounding = "even"
    underflow: Literal["least", "one"] = "least"
    full_range: bool = True
    tensor_scale: Float | None = None

    def __post_init__(self) -> None:
        require(1 <= self.block <= 1024, "block", self.block, "1 to 1024")
        has_nan = isinstance(self.scale, Float) and self.scale.nan_code is not None
        require(has_nan, "scale", self.scale, "a floating-point format that has NaN")
        require(self.policy in POLICIES, "policy", self.policy, ", ".join(POLICIES))
        for name in ("rounding", "scale_rounding"):
            value = getattr(self, name)
            require(value in ROUNDINGS, name, value, ", ".join(ROUNDINGS))
        sides = ("least", "one")
        require(self.underflow in sides, "underflow", self.underflow, ", ".join(sides))
        require(
            self.element.signed or not self.asymmetric,
            "asymmetric",
            self.asymmetric,
            "False for an element without sign",
        )

    @property
    def scales(self) -> int:
        """Scales a block."""
        return 2 if self.asymmetric else 1

    @property
    def bits(self) -> float:
        """Bits a number, its share of the scales of the block included."""
        return self.element.bits + self.scales * self.scale.bits / self.block

    def tensor_code(self, values: ArrayLike) -> int:
        """Code of the tensor scale: the one under which the largest scale becomes the largest
        number of its format. A tensor of zeros takes 1."""
        assert self.tensor_scale is not None
        peak = float(np.max(np.abs(np.asarray(values, np.float64)), initial=0))
        full = max_number(self.element) * self.scale.max
        exact = quotient(peak, full) if peak > 0 else 1.0
        return max(int(self.tensor_scale.encode(exact)), 0 if peak == 0 else 1)

    def quantize(
        self, values: ArrayLike, tensor: ArrayLike | None = None, rounding: Quanta | None = None
    ) -> tuple[Codes, Codes]:
        """``(scales, elements)`` of blocks of real numbers.

        ``values`` has shape ``(..., k)``, ``k`` numbers a block, ``tensor`` is the code of the
        tensor scale, or one for each block; ``rounding`` overrides that of the elements. Every
        quotient is rounded once, from its exact value. A side without nonzero numbers takes scale
        1. A block that holds NaN or an infinity, or whose tensor scale is NaN, infinite or zero,
        takes NaN scales, elements zero. Elements beyond the largest number saturate.

        Returns scale codes of shape ``(...)``, or ``(..., 2)`` of an asymmetric format, and element
        codes of shape ``(..., k)``.
        """
        values = np.asarray(values, np.float64)
        require(values.ndim >= 1, "shape of values", values.shape, "at least one axis")
        base = self._base(tensor)
        usable = np.isfinite(base) & (base > 0)
        base = np.where(usable, base, 1.0)
        broken = ~np.isfinite(values).all(axis=-1) | ~usable
        values = np.where(broken[..., None], 0, values)
        negative = np.signbit(values)
        if self.asymmetric:
            sides = [np.where(negative == side, values, 0) for side in (False, True)]
            scales = np.stack([self._scale(np.abs(side), base) for side in sides], axis=-1)
        else:
            scales = self._scale(np.abs(values), base)
        factor = self._factor(scales, negative) * base[..., None]
        exact = quotient(values, factor)
        if not self.full_range and isinstance(self.element, Int):
            exact = np.maximum(exact, -max_number(self.element))
        elements = self.element.encode(exact, rounding=rounding or self.rounding)
        nan = np.array(self.scale.nan_code)
        return np.where(broken[..., None] if self.asymmetric else broken, nan, scales), elements

    def dequantize(
        self, scales: ArrayLike, elements: ArrayLike, tensor: ArrayLike | None = None
    ) -> Values:
        """The real numbers of blocks, exact in float64; a NaN scale makes its side NaN."""
        elements = self.element.check(elements)
        factor = self._factor(scales, self.element.is_negative(elements))
        return factor * self._base(tensor)[..., None] * self.element.decode(elements)

    def approximate(self, values: ArrayLike) -> Values:
        """``values``, of shape ``(..., k)``, as they come back: one tensor if it has a scale."""
        tensor = None if self.tensor_scale is None else self.tensor_code(values)
        return self.dequantize(*self.quantize(values, tensor), tensor)

    def _base(self, tensor: ArrayLike | None) -> Values:
        """What the tensor scale is worth: a magnitude."""
        given = "a code of the tensor scale" if self.tensor_scale else "None: there is none"
        require((tensor is None) == (self.tensor_scale is None), "tensor", tensor, given)
        if self.tensor_scale is None:
            return np.array(1.0)
        return np.abs(self.tensor_scale.decode(tensor))

    def _factor(self, scales: ArrayLike, negative: NDArray[np.bool_]) -> Values:
        """The scale of each element, from the codes of its block."""
        factor = np.abs(self.scale.decode(scales))
        if not self.asymmetric:
            return factor[..., None]
        return np.where(negative, factor[..., 1, None], factor[..., 0, None])

    def _scale(self, magnitudes: Values, base: Values) -> Codes:
        """Scale codes of one side: ``magnitudes`` has shape ``(..., k)``, zero where not of it."""
        peak = np.max(magnitudes, axis=-1, initial=0)
        one = self.scale.encode(1.0)
        safe = np.where(peak == 0, max_number(self.element) * base, peak)
        codes = self._choose(safe, base)
        # A zero code is a zero scale, but for formats that have none (E8M0).
        least = np.maximum(codes, 1) if self.scale.subnormals else codes
        kept = np.where(codes < least, one if self.underflow == "one" else least, codes)
        return np.where(peak == 0, one, kept)

    def _choose(self, peak: Values, base: Values) -> Codes:
        """The scale codes of positive peaks, zero for those that round to it."""
        if self.policy == "nearest":
            exact = quotient(peak, max_number(self.element) * base)
            return self.scale.encode(exact, rounding=self.scale_rounding)
        if self.policy == "up":
            exact = quotient(peak, max_number(self.element) * base)
            codes = self.scale.encode(exact)
            below = self.scale.decode(codes) < exact
            return np.minimum(codes + below, self.scale.max_code)
        fraction, exponent = np.frexp(quotient(peak, base))  # peak = fraction * 2**exponent
        binade = exponent - (fraction == 0.5) if self.policy == "ceil" else exponent - 1
        if self.policy == "even":
            digits = significand_bits(self.element)
            half = np.ldexp(1.0, -digits - 1)
            binade = binade + (fraction >= 1 - half)
        low, high = self.scale.min_exponent, self.scale.max_exponent
        if self.scale.subnormals:
            low = self.scale.unit_exponent
        binade = np.clip(binade - max_exponent(self.element), low, high)
        return self.scale.encode(np.ldexp(1.0, binade))


def significand_bits(element: Format) -> int:
    """Significant bits of the largest numbers of an element format."""
    if isinstance(element, Float):
        return element.mantissa_bits + 1
    return element.bits - element.signed
