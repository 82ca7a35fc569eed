"""BitMoD's group dequantizer: `golden/bitmod_dequantizer.py` in hardware."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Const, Module, ShapeLike, Value, unsigned
from amaranth.lib import data

from golden.bitmod_dequantizer import DequantizerConfig

from .arith import named
from .pipeline import Datapath, Stage, layout
from .steps import MARKS, Gather, Steps, gather_layout


class Dequantizer(Datapath):
    """The unit of a :class:`DequantizerConfig`; see there for what it computes."""

    def __init__(self, config: DequantizerConfig):
        back = Gather(layout(config.output), config.result_format.bits, double=True)
        super().__init__(config, [TimesBit(config)], ScaleBits(config), back)


def _scaled(config: DequantizerConfig) -> data.StructLayout:
    fields: dict[str, ShapeLike] = {"sum": unsigned(config.sum.bits), "bit": unsigned(1)}
    return data.StructLayout(fields | MARKS)


class ScaleBits(Steps):
    """Holds the sum and offers a bit of the scale a step, the most significant one first."""

    def __init__(self, config: DequantizerConfig):
        beat = layout(config.input)
        super().__init__(beat, _scaled(config), config.scale.bits, beat)

    def advance(self, m: Module, state: data.View) -> Mapping[str, Value]:
        return {"scale": Cat(Const(0, 1), state.scale[:-1])}

    def offer(self, m: Module, state: data.View, first: Value, last: Value) -> Mapping[str, Value]:
        return {"sum": state.sum, "bit": state.scale[-1], "first": first, "last": last}


class TimesBit(Stage):
    """The sum or nothing; less the sum for the sign bit of a scale."""

    delay = 2

    def __init__(self, config: DequantizerConfig):
        self.config = config
        super().__init__(_scaled(config), gather_layout(config.result_format.bits))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.pass_on(m)
        taken = self.i.sum & self.i.bit.replicate(len(self.i.sum))
        negate = self.i.first & self.i.bit if self.config.scale.signed else Const(0, 1)
        row = named(m, "row", (taken ^ negate.replicate(len(taken))).as_signed())
        m.d.comb += [self.o.total.eq(row), self.o.carry_in.eq(negate)]
        return m
