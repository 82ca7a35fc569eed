"""Posits to floating-point numbers and back: `golden/posit_codec.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data

from golden.posit import Posit
from golden.posit_codec import PositCodecConfig, PositDecoderConfig, PositEncoderConfig

from .arith import leading_zeros, named, shift_right_sticky
from .element import significand_bits, unpack
from .pipeline import Datapath, Stage, layout
from .rounding import rounded, special_or


class PositDecoder(Datapath):
    """The unit of a :class:`golden.posit_codec.PositDecoderConfig`; see there for what it is."""

    def __init__(self, config: PositDecoderConfig):
        super().__init__(config, [UnpackPosits(config), RoundFloats(config)])


class PositEncoder(Datapath):
    """The unit of a :class:`golden.posit_codec.PositEncoderConfig`; see there for what it is."""

    def __init__(self, config: PositEncoderConfig):
        super().__init__(config, [UnpackFloats(config), RoundPosits(config)])


def _lane(config: PositCodecConfig, value: Value, lane: int) -> Value:
    return value if config.lanes == 1 else value[lane]


def _decoded(config: PositDecoderConfig) -> data.StructLayout:
    lane = {
        "sign": unsigned(1),
        "significand": unsigned(significand_bits(config.posit)),
        "field": unsigned(config.float_format.exponent_bits),
        "nan": unsigned(1),
    }
    lanes = data.ArrayLayout(data.StructLayout(lane), config.lanes)
    return data.StructLayout({"lanes": lanes})


class UnpackPosits(Stage):
    """Each posit as a significand without leading zeros and a biased exponent; zero has both 0."""

    delay = 24

    def __init__(self, config: PositDecoderConfig):
        self.config = config
        super().__init__(layout(config.input), _decoded(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        posit, fmt = self.config.posit, self.config.float_format
        for lane in range(self.config.lanes):
            code = _lane(self.config, self.i.posits, lane)
            element = unpack(m, posit, code, f"posit{lane}")
            width = len(element.significand)
            zeros = named(m, f"zeros{lane}", leading_zeros(m, element.significand, f"lz{lane}"))
            top = width - 1 + posit.unit_exponent + fmt.bias
            o = self.o.lanes[lane]
            m.d.comb += [
                o.sign.eq(element.sign),
                o.significand.eq((element.significand << zeros)[:width]),
                o.field.eq(
                    Mux(element.zero, 0, (element.shift + top - zeros)[: fmt.exponent_bits])
                ),
                o.nan.eq(element.nan),
            ]
        return m


class RoundFloats(Stage):
    """Each number to its code; only a fraction that is longer than the mantissa ever rounds."""

    delay = 12

    def __init__(self, config: PositDecoderConfig):
        self.config = config
        super().__init__(_decoded(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self.config.float_format
        for lane in range(self.config.lanes):
            number = self.i.lanes[lane]
            below = len(number.significand) - 1 - fmt.mantissa_bits
            fraction = number.significand[:-1]
            if below <= 0:
                code = Cat(Const(0, -below), fraction, number.field)
            else:
                # The exponent of `rounded` counts from the least normal number's field, 1.
                significand = Cat(fraction[below:], number.significand[-1])
                sticky = fraction[: below - 1].any()
                code = rounded(
                    m,
                    fmt,
                    significand,
                    Mux(number.significand[-1], number.field - 1, 0)[: fmt.exponent_bits],
                    fraction[below - 1],
                    sticky,
                    name=f"lane{lane}",
                )
            target = _lane(self.config, self.o["values"], lane)
            m.d.comb += target.eq(
                special_or(fmt, Cat(code, number.sign), number.nan, Const(0, 1), Const(0, 1))
            )
        return m


def _unpacked(config: PositEncoderConfig) -> data.StructLayout:
    lane = {
        "sign": unsigned(1),
        "fraction": unsigned(config.float_format.mantissa_bits),
        "exponent": unsigned(config.posit.max_exponent.bit_length() + 1),
        "large": unsigned(1),
        "small": unsigned(1),
        "zero": unsigned(1),
        "nar": unsigned(1),
    }
    lanes = data.ArrayLayout(data.StructLayout(lane), config.lanes)
    return data.StructLayout({"lanes": lanes})


class UnpackFloats(Stage):
    """Each number as sign, fraction, and exponent in two's complement; whether it is beyond the
    range of the posits on either side, zero, or no number."""

    delay = 10

    def __init__(self, config: PositEncoderConfig):
        self.config = config
        super().__init__(layout(config.input), _unpacked(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, reach = self.config.float_format, self.config.posit.max_exponent
        for lane in range(self.config.lanes):
            code = _lane(self.config, self.i["values"], lane)
            mantissa = code[: fmt.mantissa_bits]
            field = code[fmt.mantissa_bits : -1]
            o = self.o.lanes[lane]
            m.d.comb += [
                o.sign.eq(code[-1]),
                o.fraction.eq(mantissa),
                o.exponent.eq(field - fmt.bias),
                o.large.eq(field >= fmt.bias + reach),
                # A subnormal number is below minpos whatever its fraction.
                o.small.eq(field < fmt.bias - reach),
                o.zero.eq(~code[:-1].any()),
                o.nar.eq(field.all()),
            ]
        return m


class RoundPosits(Stage):
    """Each number to its code."""

    delay = 30

    def __init__(self, config: PositEncoderConfig):
        self.config = config
        super().__init__(_unpacked(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        posit = self.config.posit
        for lane in range(self.config.lanes):
            number = self.i.lanes[lane]
            code = posit_code(
                m,
                posit,
                number.sign,
                number.fraction,
                number.exponent,
                number.large,
                number.small,
                name=f"lane{lane}",
            )
            code = Mux(number.zero, 0, Mux(number.nar, posit.nar_code, code))
            m.d.comb += _lane(self.config, self.o.posits, lane).eq(code)
        return m


def posit_code(
    m: Module,
    fmt: Posit,
    sign: Value,
    fraction: Value,
    exponent: Value,
    large: Value,
    small: Value,
    name: str = "posit",
    sticky: Value | None = None,
) -> Value:
    """Code of ``(-1)**sign * 1.fraction * 2**exponent``, rounded once.

    ``exponent`` is in two's complement, of ``max_exponent.bit_length() + 1`` bits; it does not
    matter when ``large`` (it is ``max_exponent`` or more) or ``small`` (it is less than
    ``-max_exponent``). ``sticky`` is the OR of all bits below the fraction.

    The code is the one of unlimited length cut off: regime, exponent and fraction in a row, so the
    first bit that is cut off and those below it say on which side of the posit with one bit more
    the number lies.
    """
    below, es = fmt.width - 1, fmt.es
    regime = exponent[es:]
    ones = named(m, f"{name}_ones", ~regime[-1])
    run = named(m, f"{name}_run", regime[:-1] ^ regime[-1].replicate(len(regime) - 1))
    tail = Cat(fraction, exponent[:es], ~ones, ones)
    padding = max(0, below + 1 - len(tail))
    tail = named(m, f"{name}_tail", Cat(Const(0, padding), tail))
    shifted = shift_right_sticky(m, tail, run, f"{name}_shift", fill=ones)
    body, guard, rest = shifted[-below:], shifted[-below - 1], shifted[: -below - 1]
    lower = rest.any() if sticky is None else rest.any() | sticky
    up = named(m, f"{name}_up", guard & (lower | body[0]) & ~large & ~small)
    minpos = Const(1, below)
    size = named(m, f"{name}_size", Mux(large, Const(-1, below), Mux(small, minpos, body)))
    # Rounding and negation in one addition: -(size + up) is ~size + (1 - up).
    code = Signal(fmt.width, name=f"{name}_code")
    m.d.comb += code.eq(((size ^ sign.replicate(below)) + (up ^ sign))[:below] | sign << below)
    return code
