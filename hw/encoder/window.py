"""What is looked at of a value that is compared with boundaries."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from amaranth.hdl import Cat, Const, Value

from golden.boundaries import Boundary
from golden.encoder import EncoderConfig


@dataclass(frozen=True)
class Window:
    """The leading bits of a value that comparisons look at, and a last one for all others."""

    config: EncoderConfig

    @property
    def bits(self) -> int:
        """Mantissa bits of the finest boundary, of peaks and of values."""
        if self.config.format.tensor_scale is not None:  # boundaries end anywhere
            return self.config.input_format.mantissa_bits
        mantissa = self.config.format.scale.mantissa_bits
        scales = max(b.fraction_bits for b in self.config.scale_boundaries if b.value)
        elements = max(b.odd.bit_length() for b in self.config.element_boundaries)
        return max(scales, elements + mantissa)

    @property
    def sticky(self) -> bool:
        """Whether values have bits below those."""
        return self.config.input_format.mantissa_bits > self.bits

    @property
    def key(self) -> int:
        """Bits of all that is looked at, the exponent field on top."""
        return self.config.input_format.exponent_bits + self.bits + self.sticky

    def of(self, code: Value) -> Value:
        """The window of a value's code: in the order of magnitudes."""
        mantissa = self.config.input_format.mantissa_bits
        rest = mantissa - self.bits
        low = code[:rest].any() if rest > 0 else Const(0, -rest)
        return Cat(low, code[max(rest, 0) : -1])

    def mantissa(self, boundary: Boundary) -> int:
        """The least window below the exponent field that is beyond a boundary of its binade."""
        part = (boundary.value / Fraction(2) ** boundary.exponent - 1) * (1 << self.bits)
        assert part.denominator == 1
        return (int(part) << self.sticky) + (not boundary.reached)
