"""Posit multiply-accumulate with an exact quire: `golden/posit_mac.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data

from golden.posit_mac import PositMacConfig
from golden.quire import product_bits

from .arith import leading_zeros, named, shift_zeros_out
from .element import unpack
from .pipeline import Datapath, Stage, layout
from .posit_codec import posit_code


class PositMac(Datapath):
    """The unit of a :class:`golden.posit_mac.PositMacConfig`; see there for what it computes."""

    def __init__(self, config: PositMacConfig):
        stages: list[Stage] = [Multiply(config), Accumulate(config)]
        if config.rounded:
            stages += [Normalise(config), Round(config)]
        super().__init__(config, stages)


def _multiplied(config: PositMacConfig) -> data.StructLayout:
    return data.StructLayout(
        {
            "magnitude": unsigned(product_bits(config.posit) - 1),
            "negative": unsigned(1),
            "nar": unsigned(1),
            "acc": unsigned(config.quire_bits),
        }
    )


def _accumulated(config: PositMacConfig) -> data.StructLayout:
    return data.StructLayout({"quire": unsigned(config.quire_bits)})


def _normalised(config: PositMacConfig) -> data.StructLayout:
    return data.StructLayout(
        {
            "quire": unsigned(config.quire_bits),
            "fraction": unsigned(config.quire_bits - 1),
            "lead": unsigned((config.quire_bits - 1).bit_length()),
            "nar": unsigned(1),
            "zero": unsigned(1),
        }
    )


class Multiply(Stage):
    """The product in units of ``minpos`` squared, as sign and magnitude."""

    delay = 30

    def __init__(self, config: PositMacConfig):
        self.config = config
        super().__init__(layout(config.input), _multiplied(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        left = unpack(m, self.config.posit, self.i.a, "a")
        right = unpack(m, self.config.posit, self.i.w, "w")
        product = named(m, "product", left.significand * right.significand)
        shift = Signal(range(left.max_shift + right.max_shift + 1))
        m.d.comb += [
            shift.eq(left.shift + right.shift),
            self.o.magnitude.eq(product << shift),
            self.o.negative.eq(left.sign ^ right.sign),
            self.o.nar.eq(left.nan | right.nan),
        ]
        return m


class Accumulate(Stage):
    """The one addition. A negative product is its bits inverted and a carry that enters below."""

    delay = 16

    def __init__(self, config: PositMacConfig):
        self.config = config
        super().__init__(_multiplied(config), _accumulated(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, negative = self.config.quire_bits, self.i.negative
        extended = Cat(self.i.magnitude, Const(0, bits - len(self.i.magnitude)))
        row = Cat(negative, extended ^ negative.replicate(bits))
        total = named(m, "total", (row + Cat(negative, self.i.acc))[1 : bits + 1])
        nar = named(m, "nar", self.i.nar | (self.i.acc == 1 << bits - 1))
        m.d.comb += self.o.quire.eq(Cat(total[:-1] & ~nar.replicate(bits - 1), total[-1] | nar))
        return m


class Normalise(Stage):
    """The quire's magnitude without leading zeros."""

    delay = 26

    def __init__(self, config: PositMacConfig):
        self.config = config
        super().__init__(_accumulated(config), _normalised(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        quire, bits = self.i.quire, self.config.quire_bits
        sign = quire[-1]
        magnitude = named(
            m, "magnitude", ((quire[:-1] ^ sign.replicate(bits - 1)) + sign)[: bits - 1]
        )
        zeros = named(m, "zeros", leading_zeros(m, magnitude))
        empty = named(m, "empty", ~magnitude.any())
        m.d.comb += [
            self.o.fraction.eq(shift_zeros_out(m, magnitude, zeros)),
            self.o.lead.eq(bits - 2 - zeros),
            self.o.nar.eq(empty & sign),
            self.o.zero.eq(empty & ~sign),
        ]
        return m


class Round(Stage):
    """The normalised magnitude to a posit."""

    delay = 30

    def __init__(self, config: PositMacConfig):
        self.config = config
        super().__init__(_normalised(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        posit, unit = self.config.posit, self.config.quire.fraction_bits
        reach = posit.max_exponent
        # What the longest fraction of a posit and its guard bit do not reach is only sticky.
        kept = min(posit.width + 1, len(self.i.fraction) - 1)
        fraction = self.i.fraction[-1 - kept : -1]
        code = posit_code(
            m,
            posit,
            self.i.quire[-1],
            fraction,
            named(m, "exponent", (self.i.lead - unit)[: reach.bit_length() + 1]),
            named(m, "large", self.i.lead >= unit + reach),
            named(m, "small", self.i.lead < unit - reach),
            sticky=self.i.fraction[: -1 - kept].any(),
        )
        result = Mux(self.i.nar, posit.nar_code, Mux(self.i.zero, 0, code))
        m.d.comb += self.o.result.eq(result)
        return m
