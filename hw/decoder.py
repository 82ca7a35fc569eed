"""Block decoders: `golden/decoder.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Shape, ShapeLike, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.decoder import DecoderConfig
from golden.formats import Format

from .arith import leading_zeros, named
from .element import significand_bits, unpack
from .pipeline import Datapath, Stage, layout
from .rounding import round_normalised, special_or


class Decoder(Datapath):
    """The unit of a :class:`golden.decoder.DecoderConfig`; see there for what it computes."""

    def __init__(self, config: DecoderConfig):
        front = BlockRegister(config) if config.output_beats > 1 else None
        super().__init__(config, [Expand(config), RoundLanes(config)], front)


def _beat(config: DecoderConfig) -> data.StructLayout:
    """What the lanes see of a block in one cycle."""
    element = unsigned(config.element.bits)
    fields: dict[str, ShapeLike] = {
        "elements": element if config.lanes == 1 else data.ArrayLayout(element, config.lanes),
        **{name: layout(config.input).members[name] for name in config.scales},
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
        scales = {
            name: Signal(port.shape(), name=name, reset_less=True)
            for name in config.scales
            for port in [getattr(self.i.payload, name)]
        }
        left = Signal(range(config.output_beats))  # beats after the one on offer
        valid = Signal()
        last = named(m, "last", ~left.any())
        m.d.comb += [
            self.i.ready.eq(~valid | (self.o.ready & last)),
            self.o.valid.eq(valid),
            self.o.payload.elements.eq(elements[:step]),
            *(getattr(self.o.payload, name).eq(scale) for name, scale in scales.items()),
            self.o.payload.last.eq(last),
        ]
        with m.If(self.i.ready):
            m.d.sync += valid.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += [
                    elements.eq(self.i.payload.elements),
                    *(s.eq(getattr(self.i.payload, name)) for name, s in scales.items()),
                    left.eq(config.output_beats - 1),
                ]
        with m.Elif(self.o.ready):
            m.d.sync += [elements.eq(elements >> step), left.eq(left - 1)]
        return m


def _exponents(config: DecoderConfig) -> range:
    """Exponents of a value's leading bit, counted from the output's least normal number."""
    units = config.element.unit_exponent + sum(f.unit_exponent for f in config.scales.values())
    low = units - config.output_format.min_exponent
    top = max(abs(int(n)) for n in _finite(config.element))
    for fmt in config.scales.values():
        top *= int(fmt.integer(fmt.max_code)) if fmt.bits <= 8 and fmt.mantissa_bits else 1
    reach = top.bit_length() - 1
    # What a power of two, or a number of many binades, adds.
    for fmt in config.scales.values():
        if not (fmt.bits <= 8 and fmt.mantissa_bits):
            reach += fmt.max_exponent - fmt.unit_exponent + 1
    return range(min(low, -1) if low < 0 else 0, low + reach + 1)


def _finite(fmt: Format) -> list[int]:
    codes = fmt.all_codes()
    return fmt.integer(codes)[~(fmt.is_nan(codes) | fmt.is_inf(codes))].tolist()


def _significand_bits(config: DecoderConfig) -> int:
    """Width of the product of an element's significand and those of its scales."""
    top = (1 << significand_bits(config.element)) - 1
    for fmt in config.scales.values():
        top *= (2 << fmt.mantissa_bits) - 1
    return top.bit_length()


def _expanded(config: DecoderConfig) -> data.StructLayout:
    lane = {
        "sign": unsigned(1),
        "significand": unsigned(_significand_bits(config)),
        "exponent": _signed(_exponents(config)),
        "nan": unsigned(1),
        "inf": unsigned(1),
    }
    lanes = data.ArrayLayout(data.StructLayout(lane), config.lanes)
    fields: dict[str, ShapeLike] = {"lanes": lanes}
    if config.output_beats > 1:
        fields["last"] = unsigned(1)
    return data.StructLayout(fields)


def _signed(values: range) -> Shape:
    return Signal(range(min(values[0], -1), values[-1] + 1)).shape()


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
        width = _significand_bits(config)
        factors = [self._factor(m, side) for side in range(config.sides)]
        low = config.element.unit_exponent + sum(f.unit_exponent for f in config.scales.values())
        low += width - 1 - config.output_format.min_exponent
        for lane in range(config.lanes):
            code = self.i.elements if config.lanes == 1 else self.i.elements[lane]
            element = unpack(m, config.element, code, f"element{lane}")
            factor, shift, scale_nan = factors[0]
            if len(factors) == 2:
                choices = zip(*factors, strict=True)
                factor, shift, scale_nan = (Mux(element.sign, b, a) for a, b in choices)
            significand = element.significand
            if len(factor) > 1:
                significand = named(m, f"product{lane}", significand * factor)
            zeros = named(m, f"zeros{lane}", leading_zeros(m, significand[:width], f"lz{lane}"))
            o = self.o.lanes[lane]
            exponent = Signal(_signed(_exponents(config)), name=f"exponent{lane}")
            zero = ~significand.any()
            m.d.comb += [
                exponent.eq(shift + element.shift - zeros + low),
                o.sign.eq(element.sign),
                o.significand.eq((significand << zeros)[:width]),
                # Zero has no leading bit: as a subnormal it needs no case of its own later.
                o.exponent.eq(Mux(zero, 0, exponent)),
                # An infinite element times a scale of zero.
                o.nan.eq(element.nan | scale_nan | (element.inf & ~factor.any())),
                o.inf.eq(element.inf),
            ]
        return m

    def _factor(self, m: Module, side: int) -> tuple[Value, Value, Value]:
        """(significand, shift, no number) of all scales of one sign together."""
        factor, shift, nan = Const(1, 1), Const(0, 1), Const(0, 1)
        for name, fmt in self.config.scales.items():
            port = getattr(self.i, name)
            code = port if isinstance(port, Value) else port[side]
            scale = unpack(m, fmt, code, f"{name}{side}")
            if fmt.mantissa_bits:
                factor = named(m, f"factor{side}_{name}", factor * scale.significand)
            shift = named(m, f"shift{side}_{name}", shift + scale.shift)
            nan = named(m, f"nan{side}_{name}", nan | scale.nan | scale.inf)
        return factor, shift, nan


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
        code = round_normalised(
            m, fmt, value.significand, value.exponent, _exponents(self.config), f"lane{lane}"
        )
        return special_or(fmt, Cat(code, value.sign), value.nan, value.inf, value.sign)
