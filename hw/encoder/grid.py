"""What stochastic rounding under a scale with a fraction counts in."""

from __future__ import annotations

from dataclasses import dataclass

from golden.encoder import EncoderConfig
from golden.formats import Float, Int


@dataclass(frozen=True)
class Grid:
    """The numbers of an element, in units of its least one.

    From zero to the end of the lowest binade they are a unit apart, in each later binade twice as
    far as in the one before.
    """

    config: EncoderConfig

    @property
    def steps(self) -> int:
        """Steps of one size: of all magnitudes of an integer, of the lowest binade of a float."""
        element = self.config.format.element
        if isinstance(element, Int):
            return element.maximum + self.config.format.full_range
        assert isinstance(element, Float)
        return 2 << element.mantissa_bits

    @property
    def binades(self) -> tuple[int, ...]:
        """Where binades begin above the lowest one, as powers of two, and where the last ends."""
        element = self.config.format.element
        if not isinstance(element, Float):
            return ()
        later = element.max_code >> element.mantissa_bits
        return tuple(element.mantissa_bits + k for k in range(1, later + 1))

    @property
    def top(self) -> int:
        """Values of greater exponents than this are beyond every element, whatever the scale's
        significand."""
        return self.config.format.element.integer_range[1].bit_length()

    @property
    def shift_bits(self) -> int:
        """Bits of the distance from there: values farther down never round up."""
        return (self.top + self.config.random_bits).bit_length()

    @property
    def lowest(self) -> int:
        """The exponent, relative to the scale's, of which a lane's distance is zero."""
        unit = self.config.format.element.unit_exponent
        return unit + self.top - ((1 << self.shift_bits) - 1)
