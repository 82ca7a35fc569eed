"""MX decoders: `golden/decoder.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.decoder import DecoderConfig

from .arith import leading_zeros, named, shift_right_sticky
from .element import significand_bits, unpack
from .pipeline import Datapath, Register, Stage, layout
from .rounding import rounded, special_or


class Decoder(Datapath):
    """The unit of a :class:`golden.decoder.DecoderConfig`; see there for what it computes."""

    def __init__(self, config: DecoderConfig):
        front = BlockRegister(config) if config.output_beats > 1 else Register(layout(config.input))
        super().__init__(config, [Expand(config), RoundLanes(config)], front)


def _beat(config: DecoderConfig) -> data.StructLayout:
    """What the lanes see of a block in one cycle."""
    element = unsigned(config.element.bits)
    fields: dict[str, ShapeLike] = {
        "elements": element if config.lanes == 1 else data.ArrayLayout(element, config.lanes),
        "scale": unsigned(config.scale.bits),
    }
    if config.output_beats > 1:
        fields["last"] = unsigned(1)
    return data.StructLayout(fields)


class BlockRegister(wiring.Component):
    """Holds a block and offers it ``lanes`` elements at a time, the last with ``last`` set.

    The elements move down by as many lanes each beat, so that the lanes always look at the same
    place. The next block enters in the cycle in which the last beat leaves.

    Attributes
    ----------
    i : In(stream.Signature(layout(config.input)))
    o : Out(stream.Signature(_beat(config)))
    """

    def __init__(self, config: DecoderConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(layout(config.input))),
                "o": Out(stream.Signature(_beat(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        step = config.lanes * config.element.bits
        elements = Signal(config.block * config.element.bits, reset_less=True)
        scale = Signal(config.scale.bits, reset_less=True)
        left = Signal(range(config.output_beats))  # beats after the one on offer
        valid = Signal()
        last = named(m, "last", ~left.any())
        m.d.comb += [
            self.i.ready.eq(~valid | (self.o.ready & last)),
            self.o.valid.eq(valid),
            self.o.payload.elements.eq(elements[:step]),
            self.o.payload.scale.eq(scale),
            self.o.payload.last.eq(last),
        ]
        with m.If(self.i.ready):
            m.d.sync += valid.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += [
                    elements.eq(self.i.payload.elements),
                    scale.eq(self.i.payload.scale),
                    left.eq(config.output_beats - 1),
                ]
        with m.Elif(self.o.ready):
            m.d.sync += [elements.eq(elements >> step), left.eq(left - 1)]
        return m


def _exponents(config: DecoderConfig) -> range:
    """Exponents of a value's leading bit, counted from the output's least normal number."""
    low = config.element.unit_exponent - config.scale.bias - config.output_format.min_exponent
    return range(min(low, -1), low + (1 << config.scale.bits) + _reach(config))


def _reach(config: DecoderConfig) -> int:
    """How far above the unit an element's leading bit can be."""
    top = max(abs(int(n)) for n in config.element.integer(config.element.all_codes()))
    return top.bit_length() - 1


def _expanded(config: DecoderConfig) -> data.StructLayout:
    lane = {
        "sign": unsigned(1),
        "significand": unsigned(significand_bits(config.element)),
        "exponent": Signal(_exponents(config)).shape(),
        "nan": unsigned(1),
        "inf": unsigned(1),
    }
    lanes = data.ArrayLayout(data.StructLayout(lane), config.lanes)
    fields: dict[str, ShapeLike] = {"lanes": lanes}
    if config.output_beats > 1:
        fields["last"] = unsigned(1)
    return data.StructLayout(fields)


class Expand(Stage):
    """Each element as a normalised significand and an exponent that has the scale in it."""

    delay = 12

    def __init__(self, config: DecoderConfig):
        self.config = config
        super().__init__(_beat(config), _expanded(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        config = self.config
        scale_nan = named(m, "scale_nan", self.i.scale == config.scale.nan_code)
        for lane in range(config.lanes):
            code = self.i.elements if config.lanes == 1 else self.i.elements[lane]
            element = unpack(m, config.element, code, f"element{lane}")
            significand, width = element.significand, len(element.significand)
            zeros = named(m, f"zeros{lane}", leading_zeros(m, significand, f"lz{lane}"))
            low = config.element.unit_exponent - config.scale.bias + width - 1
            o = self.o.lanes[lane]
            exponent = Signal(_exponents(config), name=f"exponent{lane}")
            m.d.comb += [
                exponent.eq(
                    self.i.scale + element.shift - zeros + (low - config.output_format.min_exponent)
                ),
                o.sign.eq(element.sign),
                o.significand.eq((significand << zeros)[:width]),
                # Zero has no leading bit: as a subnormal it needs no case of its own later.
                o.exponent.eq(Mux(element.zero, 0, exponent)),
                o.nan.eq(element.nan | scale_nan),
                o.inf.eq(element.inf),
            ]
        return m


class RoundLanes(Stage):
    """Each value to its code: subnormal ones are shifted down, and only they ever round."""

    delay = 24

    def __init__(self, config: DecoderConfig):
        self.config = config
        fields: dict[str, ShapeLike] = dict(layout(config.output).members)
        super().__init__(_expanded(config), data.StructLayout(fields))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        for lane in range(self.config.lanes):
            values = self.o["values"]
            target = values if self.config.lanes == 1 else values[lane]
            m.d.comb += target.eq(self._lane(m, self.i.lanes[lane], lane))
        return m

    def _lane(self, m: Module, value: data.View, lane: int) -> Value:
        fmt = self.config.output_format
        precision = fmt.mantissa_bits + 1
        width = max(len(value.significand), precision) + 1
        window = Cat(Const(0, width - len(value.significand)), value.significand)
        subnormal = named(m, f"subnormal{lane}", value.exponent[-1])
        below = named(m, f"below{lane}", (-value.exponent)[: len(value.exponent)])
        amount = named(m, f"amount{lane}", Mux(subnormal, below, 0))
        shifted = shift_right_sticky(m, window, amount, f"shift{lane}")
        guard = len(shifted) - precision - 1
        exponent = named(m, f"from_zero{lane}", Mux(subnormal, 0, value.exponent[:-1]))
        code = rounded(
            m,
            fmt,
            shifted[guard + 1 :],
            exponent,
            shifted[guard],
            shifted[:guard].any(),
            name=f"lane{lane}",
        )
        return special_or(fmt, Cat(code, value.sign), value.nan, value.inf, value.sign)
