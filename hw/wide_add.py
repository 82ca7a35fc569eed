"""What passes between the stages of :mod:`hw.float_add`: widths, ranges of exponents, layouts.

Exponents are counted from that of the accumulator's least normal number, so that 0 is where
subnormals begin.

Why one rounding is enough to be exact: the window of the addition is two bits wider than the
wider operand. If the exponents differ by one at most, nothing is shifted out of it. Otherwise the
sum loses at most one leading bit, so the window still holds the rounded significand and the guard
bit above whatever the sticky bit summarises. A subnormal accumulator has leading zeros, but the
last place of its result is fixed, and the window reaches below it.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Signal, unsigned
from amaranth.lib import data

from golden.formats import Float


@dataclass(frozen=True)
class WideAdd:
    """What the stages have to know of the sum.

    Parameters
    ----------
    bits:
        Width of the sum in two's complement; 0 if it comes as sign and magnitude.
    magnitude_bits:
        Width of its greatest absolute value.
    exponent:
        Weight of its least significant bit, as a power of two, when field ``exponent`` is 0.
    top_exponent:
        Greatest value of the unsigned field ``exponent`` that is added to that: 0 if there is none.
    accumulator:
        Format of the accumulator and of the result.
    specials:
        Which of the flags ``nan``, ``plus`` and ``minus`` come with the sum.
    alone:
        There is no accumulator.
    """

    bits: int
    magnitude_bits: int
    exponent: int
    top_exponent: int
    accumulator: Float
    specials: tuple[str, ...]
    alone: bool = False

    @property
    def precision(self) -> int:
        """Significant bits of the result."""
        return self.accumulator.mantissa_bits + 1

    @property
    def window(self) -> int:
        """Bits of an aligned operand."""
        return max(self.magnitude_bits, self.precision) + 2

    @property
    def sum_exponents(self) -> range:
        """Exponents of the sum's leading bit; a zero sum has the least one."""
        low = self.exponent - self.accumulator.min_exponent
        high = low + self.top_exponent + self.magnitude_bits - 1
        return range(min(low, 0), max(high, 0) + 1)

    @property
    def never_subnormal(self) -> bool:
        """Whether the sum alone is never a subnormal result: then its exponent is one more, as the
        field of the result has it, and 0 for zero."""
        return self.alone and self.exponent >= self.accumulator.min_exponent

    @property
    def exponents(self) -> range:
        """Exponents of the leading bit of either operand: those that the result begins with."""
        top = self.accumulator.max_exponent - self.accumulator.min_exponent
        return range(max(self.sum_exponents[-1], top) + 2)

    @property
    def sum_layout(self) -> data.StructLayout:
        """What comes out of the tree."""
        fields: dict[str, data.ShapeLike] = {"sum": unsigned(self.bits)}
        if not self.bits:
            fields = {"negative": unsigned(1), "magnitude": unsigned(self.magnitude_bits)}
        if self.top_exponent:
            fields["exponent"] = unsigned(self.top_exponent.bit_length())
        return self._with_rest(fields)

    @property
    def normalised_layout(self) -> data.StructLayout:
        low, high = self.sum_exponents[0], self.sum_exponents[-1]
        fields = {
            "negative": unsigned(1),
            "significand": unsigned(self.magnitude_bits),
            "exponent": _signed(range(low, high + 1 + self.never_subnormal)),
        }
        return self._with_rest(fields)

    @property
    def aligned_layout(self) -> data.StructLayout:
        fields = {
            "big": unsigned(self.window),
            "small": unsigned(self.window + 1),
            "negative": unsigned(1),
            "subtract": unsigned(1),
            "exponent": _unsigned(self.exponents),
        }
        return data.StructLayout(fields | _RESULT_FLAGS)

    @property
    def added_layout(self) -> data.StructLayout:
        fields = {
            "magnitude": unsigned(self.window + 2),
            "negative": unsigned(1),
            "exponent": _unsigned(self.exponents),
        }
        return data.StructLayout(fields | _RESULT_FLAGS)

    @property
    def renormalised_layout(self) -> data.StructLayout:
        fields = {
            "significand": unsigned(self.precision),
            "guard": unsigned(1),
            "sticky": unsigned(1),
            "negative": unsigned(1),
            "exponent": _unsigned(self.exponents),
        }
        return data.StructLayout(fields | _RESULT_FLAGS)

    @property
    def result_layout(self) -> data.StructLayout:
        return data.StructLayout({"result": unsigned(self.accumulator.bits)})

    def _with_rest(self, fields: dict[str, data.ShapeLike]) -> data.StructLayout:
        flags = {name: unsigned(1) for name in self.specials}
        acc = {} if self.alone else {"acc": unsigned(self.accumulator.bits)}
        return data.StructLayout(fields | flags | acc)


_RESULT_FLAGS = {"is_nan": unsigned(1), "is_inf": unsigned(1), "inf_negative": unsigned(1)}


def _signed(values: range) -> data.ShapeLike:
    return Signal(range(min(values[0], -1), values[-1] + 1)).shape()


def _unsigned(values: range) -> data.ShapeLike:
    return unsigned(values[-1].bit_length())
