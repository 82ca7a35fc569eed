"""Logarithmic quantizers: `golden/log_quantizer.py` in hardware."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Value

from golden.log_quantizer import LogQuantizerConfig

from .arith import named, select
from .pipeline import Datapath, Stage, lanes_of, layout
from .search import at_least, thermometer


class LogQuantizer(Datapath):
    """The unit of a :class:`golden.log_quantizer.LogQuantizerConfig`; see there for what it
    computes."""

    def __init__(self, config: LogQuantizerConfig):
        super().__init__(config, [Search(config)])


class Search(Stage):
    """Each value's code. Boundaries that are constants are all compared at once, for little; of
    those in a table, each bit of the code compares with the one in the middle of what is left."""

    delay = 40

    def __init__(self, config: LogQuantizerConfig):
        self.config = config
        super().__init__(layout(config.input), layout(config.output))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        targets = lanes_of(self.o.codes, config.lanes)
        values = lanes_of(self.i["values"], config.lanes)
        for lane, (value, target) in enumerate(zip(values, targets, strict=True)):
            find = self._bisected if config.table else self._constant
            m.d.comb += target.eq(find(m, value, lane))
        return m

    def _constant(self, m: Module, value: Value, lane: int) -> Value:
        reached = [
            named(m, f"reached{lane}_{k}", ~at_least(value, boundary + 1))
            for k, boundary in enumerate(self.config.boundaries)
        ]
        return thermometer(m, reached, f"code{lane}")

    def _bisected(self, m: Module, value: Value, lane: int) -> Value:
        table = [self.i.boundaries[k] for k in range((1 << self.config.bits) - 1)]
        found: list[Value] = []  # the most significant bit first
        for bit in reversed(range(self.config.bits)):
            step = 1 << bit
            # Code `high * 2 * step + step` for each choice of the bits that are known.
            middles = table[step - 1 :: 2 * step]
            known = Cat(*reversed(found)) if found else Const(0, 0)
            middle = named(m, f"middle{lane}_{bit}", select(middles, known))
            found.append(named(m, f"bit{lane}_{bit}", value <= middle))
        return Cat(*reversed(found))
