"""A tensor scale on top of the blocks' scales."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Value, signed
from amaranth.lib import data

from golden.block import max_number
from golden.encoder import EncoderConfig
from golden.formats import Float

from ..arith import leading_zeros, named, shift_right_sticky


def normalised(m: Module, magnitude: Value, fmt: Float, name: str) -> tuple[Value, Value]:
    """(significand with its leading bit on top, exponent field) of a code without its sign; the
    field of a subnormal is what it would be if there were no least one."""
    mantissa, field = magnitude[: fmt.mantissa_bits], magnitude[fmt.mantissa_bits :]
    normal = named(m, f"{name}_normal", field.any())
    zeros = named(m, f"{name}_zeros", leading_zeros(m, mantissa, f"{name}_zeros"))
    shifted = (Cat(Const(0, 1), mantissa) << zeros)[: fmt.mantissa_bits + 1]
    significand = named(m, f"{name}_significand", Mux(normal, Cat(mantissa, Const(1, 1)), shifted))
    exponent = Mux(normal, Cat(field, Const(0, 1)).as_signed(), -zeros)
    return significand, named(m, f"{name}_exponent", exponent)


class Tensor:
    """What the tensor scale changes: the peak is compared with the largest element times it, and
    boundaries of elements are multiplied by it.

    A scale is the quotient of the peak and that product to a few bits. They are found one after
    the other, as the boundary is beyond what is left of the peak or not, once for a block.
    """

    def __init__(self, m: Module, config: EncoderConfig, i: data.View):
        self.m, self.config = m, config
        fmt = config.format.tensor_scale
        assert fmt is not None
        code = Value.cast(i.tensor_scale)[:-1]
        self.bad = named(m, "tensor_bad", code[fmt.mantissa_bits :].all() | ~code.any())
        self.significand, self.exponent = normalised(m, code, fmt, "tensor")

    def scaled(self, significand: Value, place: Value, side: int) -> tuple[Value, Value]:
        """The significand of scale times tensor scale, leading bit on top, and the place of lanes
        that it calls for."""
        m, fmt = self.m, self.config.format.tensor_scale
        assert fmt is not None
        product = named(m, f"times_tensor{side}", significand * self.significand)
        higher = product[-1]
        top = Mux(higher, product, Cat(Const(0, 1), product[:-1]))
        where = place - self.exponent + (fmt.bias - higher)
        return named(m, f"scaled{side}", top), where

    def code(self, key: Value, side: int) -> Value:
        """The code of the scale of a nonzero peak."""
        m, config, scale = self.m, self.config, self.config.format.scale
        peak, exponent = normalised(m, key, config.input_format, f"peak{side}")
        digits, rest, binade = self._quotient(peak, exponent, side)
        # Subnormal scales have fewer digits.
        below = named(m, f"below{side}", binade < 1)
        down = named(m, f"down{side}", Mux(below, 1 - binade, 0).as_unsigned())
        window = shift_right_sticky(m, digits, down, f"subnormal{side}")
        window = Cat(window[0] | rest, window[1:])
        cut = len(window) - scale.mantissa_bits - 1
        kept, guard, sticky = window[cut:], window[cut - 1], window[: cut - 1].any()
        if config.format.policy == "up":
            up = guard | sticky
        elif config.format.scale_rounding == "away":
            up = guard
        else:
            up = guard & (sticky | kept[0])
        up = named(m, f"up{side}", up)
        # The leading digit of a normal scale adds the one that its field lacks.
        field = Mux(below, 0, binade - 1)
        code = named(m, f"rounded{side}", Cat(Const(0, scale.mantissa_bits), field) + kept + up)
        least = 1 if config.format.underflow == "least" else int(scale.encode(1.0))
        limited = Mux(code > scale.max_code, scale.max_code, code)
        return Mux(code.any(), limited, least)[: scale.bits]

    def _quotient(self, peak: Value, exponent: Value, side: int) -> tuple[Value, Value, Value]:
        """Peak over (largest element times tensor scale): (digits, the leading one on top; whether
        anything is left; the exponent field of the scale, if it had all of them)."""
        m, config = self.m, self.config
        scale, fmt = config.format.scale, config.format.tensor_scale
        assert fmt is not None
        numerator, denominator = max_number(config.format.element).as_integer_ratio()
        odd = numerator // (numerator & -numerator)
        power = numerator.bit_length() - denominator.bit_length()  # of the largest element
        divisor = named(m, f"divisor{side}", self.significand * odd)
        # As integers of the same unit: the peak of 1 to 2, the divisor of 1 to 4 (its own leading
        # bit, and that of the odd number).
        places = fmt.mantissa_bits + odd.bit_length() - 1
        left: Value = Cat(Const(0, places - len(peak) + 1), peak)
        found = []
        for k in range(scale.mantissa_bits + 4):
            over = named(m, f"over{side}_{k}", left - divisor)
            digit = named(m, f"digit{side}_{k}", ~over[-1])
            found.append(digit)
            left = Cat(Const(0, 1), Mux(digit, over, left)[: places + 2])
            left = named(m, f"left{side}_{k}", left)
        quotient = Cat(*reversed(found))
        # The leading digit is one of the first three.
        lead = Mux(quotient[-1], 0, Mux(quotient[-2], 1, 2))
        digits = named(m, f"digits{side}", (quotient << lead)[: len(quotient)])
        bias = fmt.bias - config.input_format.bias + scale.bias - power
        binade = named(m, f"binade{side}", exponent - self.exponent - lead + Const(bias, signed(9)))
        return digits, left.any(), binade
