"""Requantization: `golden/requantizer.py` in hardware.

::

    acc, bias ─> Bias ─> Multiply ─> Shift ─> Clamp ─> result

The shifter keeps the bit below the result and whether anything lies below that, so one narrow
increment rounds, whatever the mode; what is far out of range is cut to the width of the output
and two bits before it.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal, Value, signed, unsigned
from amaranth.lib import data

from golden.requantizer import RequantizerConfig

from .arith import named, shift_right_sticky
from .pipeline import Datapath, Stage, lanes_of, layout


class Requantizer(Datapath):
    """The unit of a :class:`golden.requantizer.RequantizerConfig`; see there for what it
    computes."""

    def __init__(self, config: RequantizerConfig):
        super().__init__(config, [Bias(config), Multiply(config), Shift(config), Clamp(config)])


def _lanes(config: RequantizerConfig, **fields: ShapeLike) -> data.StructLayout:
    lanes: dict[str, ShapeLike] = {
        "lanes": data.ArrayLayout(data.StructLayout(fields), config.lanes)
    }
    if config.widths:
        lanes["width"] = layout(config.input).members["width"]
    return data.StructLayout(lanes)


def _summed(config: RequantizerConfig) -> data.StructLayout:
    requant = config.requant
    return _lanes(
        config,
        total=signed(requant.accumulator_bits),
        multiplier=unsigned(requant.multiplier_bits),
        shift=unsigned(requant.shift_bits),
    )


def product_bits(config: RequantizerConfig) -> int:
    """Width of the exact product in two's complement."""
    return config.requant.accumulator_bits + config.requant.multiplier_bits


def _multiplied(config: RequantizerConfig) -> data.StructLayout:
    shift = unsigned(config.requant.shift_bits)
    return _lanes(config, product=unsigned(product_bits(config)), shift=shift)


def kept_bits(config: RequantizerConfig) -> int:
    """Width of a floor beyond whose range nothing but the ends of the output can come: the
    distance from zero point to either end needs a bit more than the output, its sign another."""
    return config.requant.output_bits + 2


def _shifted(config: RequantizerConfig) -> data.StructLayout:
    bit = unsigned(1)
    floor = signed(kept_bits(config))
    return _lanes(config, floor=floor, guard=bit, sticky=bit)


class Bias(Stage):
    """Accumulator plus bias."""

    delay = 12

    def __init__(self, config: RequantizerConfig):
        self.config = config
        super().__init__(layout(config.input), _summed(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        names = [f.name for f in self.config.input.fields[:4]]
        fields = [lanes_of(self.i[name], self.config.lanes) for name in names]
        for lane, (acc, bias, multiplier, shift) in enumerate(zip(*fields, strict=True)):
            o = self.o.lanes[lane]
            m.d.comb += [
                o.total.eq(acc + bias),
                o.multiplier.eq(multiplier),
                o.shift.eq(shift),
            ]
        return m


class Multiply(Stage):
    """The exact product."""

    delay = 34

    def __init__(self, config: RequantizerConfig):
        self.config = config
        super().__init__(_summed(config), _multiplied(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        for lane in range(self.config.lanes):
            i, o = self.i.lanes[lane], self.o.lanes[lane]
            m.d.comb += [o.product.eq(i.total * i.multiplier), o.shift.eq(i.shift)]
        return m


class Shift(Stage):
    """The product's floor after the shift, cut to a narrow range, and what lies below it."""

    delay = 20

    def __init__(self, config: RequantizerConfig):
        self.config = config
        super().__init__(_multiplied(config), _shifted(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        bits = kept_bits(self.config)
        for lane in range(self.config.lanes):
            i, o = self.i.lanes[lane], self.o.lanes[lane]
            sign = i.product[-1]
            room = max(0, bits + 1 - product_bits(self.config))
            wide = Cat(Const(0, 1), i.product, sign.replicate(room))
            shifted = shift_right_sticky(m, wide, i.shift, f"shift{lane}", fill=sign)
            floor = shifted[2:]
            # Above the kept bits there must be copies of the sign alone.
            over = named(
                m,
                f"over{lane}",
                (floor[bits - 1 :] ^ sign.replicate(64)[: len(floor) - bits + 1]).any(),
            )
            end = Cat((~sign).replicate(bits - 1), sign)
            m.d.comb += [
                o.floor.eq(Mux(over, end, floor[:bits])),
                o.guard.eq(shifted[1]),
                o.sticky.eq(shifted[0]),
            ]
        return m


class Clamp(Stage):
    """Rounding, ReLU, zero point, and the range of the output."""

    delay = 16

    def __init__(self, config: RequantizerConfig):
        self.config = config
        super().__init__(_shifted(config), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        requant, bits = self.config.requant, kept_bits(self.config)
        low, high = self._range(m)
        for lane, target in enumerate(lanes_of(self.o.result, self.config.lanes)):
            i = self.i.lanes[lane]
            negative = i.floor[-1]
            up = named(m, f"up{lane}", self._up(i))
            q = Signal(signed(bits + 2), name=f"rounded{lane}")
            # A negative floor rounds to zero at most: what ReLU makes of all of them.
            relu = Mux(negative, 0, i.floor + up) if requant.relu else i.floor + up
            m.d.comb += q.eq(relu + requant.zero_point)
            clamped = Mux(q < low, low, Mux(q > high, high, q))
            m.d.comb += target.eq(clamped[: requant.output_bits])
        return m

    def _range(self, m: Module) -> tuple[Value, Value]:
        """The ends of the output: of the width that the beat has chosen, if it may."""
        requant, bits = self.config.requant, self.config.requant.output_bits + 1
        if not self.config.widths:
            return Const(requant.low, signed(bits)), Const(requant.high, signed(bits))
        chosen = []
        for name, ends in zip(("low", "high"), self.config.ranges, strict=True):
            value: Value = Const(ends[-1], signed(bits))
            for k, end in enumerate(ends[:-1]):
                value = Mux(self.i.width == k, Const(end, signed(bits)), value)
            chosen.append(named(m, name, value))
        return chosen[0], chosen[1]

    def _up(self, lane: data.View) -> Value:
        rounding = self.config.requant.rounding
        if rounding == "floor":
            return Const(0, 1)
        if rounding == "half-up":
            return lane.guard
        more = lane.floor[0] if rounding == "half-even" else ~lane.floor[-1]
        return lane.guard & (lane.sticky | more)
