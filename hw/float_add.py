"""A wide fixed-point sum plus a floating-point accumulator, rounded once.

Five stages, from the exact sum of a carry-save tree to the code of the result::

    sum ─> Normalise ─> Align ─> Add ─> Renormalise ─> Round ─> result
                 acc ─────┘

Without an accumulator the normalised sum is rounded at once::

    sum ─> Normalise ─> RoundAlone ─> result

Widths, and why one rounding is enough to be exact: :mod:`hw.wide_add`.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal

from .arith import leading_zeros, named, prefix_add, shift_right_sticky, shift_zeros_out
from .pipeline import Stage
from .rounding import round_normalised, rounded, special_or
from .wide_add import WideAdd


class Normalise(Stage):
    """The sum as sign and significand without leading zeros."""

    delay = 26

    def __init__(self, wide: WideAdd):
        self.wide = wide
        super().__init__(wide.sum_layout, wide.normalised_layout)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        wide = self.wide
        if wide.bits:
            negative = self.i.sum[-1]
            absolute = Mux(negative, -self.i.sum.as_signed(), self.i.sum)[: wide.magnitude_bits]
            magnitude = named(m, "magnitude", absolute)
        else:
            negative, magnitude = self.i.negative, self.i.magnitude
        zeros = named(m, "zeros", leading_zeros(m, magnitude))
        exponents = wide.sum_exponents
        top = wide.exponent - wide.accumulator.min_exponent + wide.magnitude_bits - 1
        top += wide.never_subnormal
        most = Signal.like(self.o.exponent, name="most")  # without leading zeros: known early
        scale = self.i.exponent if wide.top_exponent else Const(0, 1)
        bits = len(most)
        fewer = ~Cat(zeros, Const(0, bits))[:bits]
        exponent = prefix_add(m, most, fewer, Const(1, 1), bits, "leading_exponent")
        m.d.comb += [
            most.eq(scale + top),
            # A scale of zero may have made +0 of a negative sum.
            self.o.negative.eq(negative & magnitude.any() if not wide.bits else negative),
            self.o.significand.eq(shift_zeros_out(m, magnitude, zeros)),
            # A zero must never win the alignment: the accumulator would be shifted away.
            self.o.exponent.eq(Mux(magnitude.any(), exponent.as_signed(), exponents[0])),
        ]
        return m


class Align(Stage):
    """The operand of the lesser exponent shifted to the other, and all special cases found."""

    delay = 24

    def __init__(self, wide: WideAdd):
        self.wide = wide
        super().__init__(wide.normalised_layout, wide.aligned_layout)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wide, fmt = self.wide, self.wide.accumulator
        acc = self.i.acc
        mantissa = acc[: fmt.mantissa_bits]
        field = acc[fmt.mantissa_bits : fmt.mantissa_bits + fmt.exponent_bits]
        normal = named(m, "acc_normal", field.any())
        acc_exponent = named(m, "acc_exponent", (field - normal)[: fmt.exponent_bits])

        ahead = named(m, "ahead", self.i.exponent - acc_exponent)
        behind = named(m, "behind", acc_exponent - self.i.exponent)
        sum_leads = named(m, "sum_leads", ~ahead[-1])
        distance = named(m, "distance", Mux(sum_leads, ahead[:-1], behind[:-1]))

        from_sum = Cat(Const(0, wide.window - wide.magnitude_bits), self.i.significand)
        from_acc = Cat(Const(0, wide.window - wide.precision), mantissa, normal)
        small = named(m, "lesser", Mux(sum_leads, from_acc, from_sum))
        lead = Mux(sum_leads, self.i.exponent, acc_exponent)
        m.d.comb += [
            self.o.big.eq(Mux(sum_leads, from_sum, from_acc)),
            self.o.small.eq(shift_right_sticky(m, small, distance)),
            self.o.negative.eq(Mux(sum_leads, self.i.negative, acc[-1])),
            self.o.subtract.eq(self.i.negative ^ acc[-1]),
            self.o.exponent.eq(lead),
        ]

        flags = [getattr(self.i, n) if n in wide.specials else 0 for n in ("nan", "plus", "minus")]
        acc_nan = named(m, "acc_nan", field.all() & mantissa.any())
        acc_inf = named(m, "acc_inf", field.all() & ~mantissa.any())
        plus = named(m, "plus_inf", flags[1] | (acc_inf & ~acc[-1]))
        minus = named(m, "minus_inf", flags[2] | (acc_inf & acc[-1]))
        m.d.comb += [
            self.o.is_nan.eq(flags[0] | acc_nan | (plus & minus)),
            self.o.is_inf.eq(plus | minus),
            self.o.inf_negative.eq(minus),
        ]
        return m


class Add(Stage):
    """Sum or difference of the magnitudes. A difference is taken both ways at once, because an
    unnormalised operand of equal exponent may turn out the greater one."""

    delay = 16

    def __init__(self, wide: WideAdd):
        self.wide = wide
        super().__init__(wide.aligned_layout, wide.added_layout)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        big, width = Cat(Const(0, 1), self.i.big), self.wide.window + 2
        flip = self.i.subtract.replicate(width)
        forward = (big + (Cat(self.i.small, Const(0, 1)) ^ flip) + self.i.subtract)[:width]
        forward = named(m, "forward", forward)
        backward = named(m, "backward", (self.i.small - big)[: width - 1])
        turned = named(m, "turned", self.i.subtract & forward[-1])
        magnitude = named(m, "either", Mux(turned, backward, forward))
        m.d.comb += [
            self.o.magnitude.eq(magnitude),
            self.o.negative.eq((self.i.negative ^ turned) & magnitude.any()),  # exact zero: +0
        ]
        return m


class Renormalise(Stage):
    """Leading zeros away, as far as the exponent allows: a subnormal keeps some."""

    delay = 24

    def __init__(self, wide: WideAdd):
        self.wide = wide
        super().__init__(wide.added_layout, wide.renormalised_layout)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        width, precision = self.wide.window + 2, self.wide.precision
        zeros = named(m, "zeros", leading_zeros(m, self.i.magnitude))
        # One above the operands' leading bits is the carry's place.
        lead = named(m, "lead", self.i.exponent + 1)
        shift = named(m, "shift", Mux(zeros > lead, lead[: len(zeros)], zeros))
        # A zero has no leading bit to count to: its exponent is that of the subnormals.
        bottom = named(m, "bottom", (zeros > lead) | ~self.i.magnitude.any())
        shifted = shift_zeros_out(m, self.i.magnitude, shift)
        guard = width - precision - 1
        m.d.comb += [
            self.o.significand.eq(shifted[guard + 1 :]),
            self.o.guard.eq(shifted[guard]),
            self.o.sticky.eq(shifted[:guard].any()),
            self.o.exponent.eq(Mux(bottom, 0, lead - zeros)),
        ]
        return m


class Round(Stage):
    """Round to nearest even, overflow to infinity, special results."""

    delay = 12

    def __init__(self, wide: WideAdd):
        self.wide = wide
        super().__init__(wide.renormalised_layout, wide.result_layout)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self.wide.accumulator
        code = rounded(m, fmt, self.i.significand, self.i.exponent, self.i.guard, self.i.sticky)
        m.d.comb += self.o.result.eq(
            special_or(
                fmt, Cat(code, self.i.negative), self.i.is_nan, self.i.is_inf, self.i.inf_negative
            )
        )
        return m


class RoundAlone(Stage):
    """The normalised sum to the code of the result, without an accumulator."""

    delay = 30

    def __init__(self, wide: WideAdd):
        self.wide = wide
        super().__init__(wide.normalised_layout, wide.result_layout)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wide, fmt = self.wide, self.wide.accumulator
        code = round_normalised(
            m,
            fmt,
            self.i.significand,
            self.i.exponent,
            wide.sum_exponents,
            is_field=wide.never_subnormal,
        )
        flags = [
            getattr(self.i, n) if n in wide.specials else Const(0, 1)
            for n in ("nan", "plus", "minus")
        ]
        nan = named(m, "is_nan", flags[0] | (flags[1] & flags[2]))
        inf = named(m, "is_inf", flags[1] | flags[2])
        sign = Cat(code, self.i.negative)
        m.d.comb += self.o.result.eq(special_or(fmt, sign, nan, inf, flags[2]))
        return m
