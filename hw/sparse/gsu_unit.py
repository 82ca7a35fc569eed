"""The gather-scatter unit and its array on their own: a stream of operations, one of sums."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring

from golden.sparse.gsu import HAZARD
from golden.sparse.gsu_unit import DRAIN, INPUT, LOAD, RULE, WEIGHT, ZERO, GsuConfig

from ..arith import named
from ..pipeline import Register, streams
from .engine import Engine
from .fifo import Fifo

DEPTH = 8
"""Of the queue of sums: more than the cycles from a drain through the queue."""


class GsuUnit(wiring.Component):
    """Hands operations to an :class:`hw.sparse.gsu.Engine`, each as soon as the protocol allows.

    Attributes: the streams of a :class:`golden.sparse.gsu.GsuConfig`.
    """

    def __init__(self, config: GsuConfig):
        self.config = config
        super().__init__(streams(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        n = self.config.array
        m.submodules.engine = engine = Engine(self.config.accelerator, self.config.pe)
        m.submodules.front = front = Register(self.i.payload.shape())
        m.submodules.queue = queue = Fifo(self.o.payload.shape(), DEPTH, block=True)
        wiring.connect(m, wiring.flipped(self.i), front.i)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        given, may = front.o.payload, Signal()

        def goes(operation: int, name: str) -> Signal:
            return named(m, name, front.o.valid & may & (given.operation == operation))

        rule, drain = goes(RULE, "rule"), goes(DRAIN, "drain")
        writes, zero, weights = goes(INPUT, "inputs"), goes(ZERO, "zero"), goes(WEIGHT, "weights")
        loading, loaded = self._load(m, engine, given, goes(LOAD, "load"), rule & given.swap)
        ends = Signal(range(2 * n + 6))  # rules with `end` on their way
        owed = Signal(range(DEPTH + 1))  # sums on their way or in the queue
        m.d.sync += [
            ends.eq(ends + (rule & given.end) - engine.ended),
            owed.eq(owed + drain - (self.o.valid & self.o.ready)),
        ]
        unread = self._quiet(m, "inputs_read", rule)
        unloaded = self._quiet(m, "weights_read", loading)
        clear = self._clear(m, given, rule)
        m.d.comb += front.o.ready.eq(may)
        with m.Switch(given.operation):
            with m.Case(INPUT, ZERO):
                m.d.comb += may.eq(unread)
            with m.Case(WEIGHT):
                m.d.comb += may.eq(unloaded & ~loading)
            with m.Case(LOAD):
                m.d.comb += may.eq(1)  # the last one's swap came before, and waited for it
            with m.Case(RULE):
                m.d.comb += may.eq(clear & (loaded | ~given.swap))
            with m.Case(DRAIN):
                m.d.comb += may.eq(~ends.any() & (owed != DEPTH))

        for port, valid in (
            (engine.write_input, writes | zero),
            (engine.write_weight, weights),
        ):
            m.d.comb += [
                port.valid.eq(valid),
                port.address.eq(given.address),
                port.data.eq(Value.cast(given.data)),
            ]
            if len(port.group):
                m.d.comb += port.group.eq(given.group)
        m.d.comb += [
            engine.write_input.zero.eq(zero),
            engine.rule.valid.eq(rule),
            engine.rule.input.eq(given.address),
            engine.drain.enable.eq(drain),
        ]
        for name in ("half", "output", "swap", "first", "end"):
            m.d.comb += getattr(engine.rule, name).eq(getattr(given, name))
        m.d.comb += [engine.drain.half.eq(given.half), engine.drain.output.eq(given.output)]

        there = Signal(2)
        m.d.sync += there.eq(Cat(drain, there))
        m.d.comb += [queue.i.valid.eq(there[-1]), queue.i.payload.sums.eq(engine.sums)]
        return m

    def _load(
        self, m: Module, engine: Engine, given: data.View, load: Value, swap: Value
    ) -> tuple[Value, Value]:
        """Loads a tile, a row a cycle: whether it does, and whether one awaits its swap."""
        n = self.config.array
        tile, left, loaded = Signal.like(engine.load.address), Signal(range(n + 1)), Signal()
        loading = named(m, "loading", left.any())
        m.d.comb += [
            engine.load.valid.eq(loading),
            engine.load.start.eq(left == n),
            engine.load.address.eq(tile + left - 1),
        ]
        with m.If(load):
            m.d.sync += [tile.eq(given.address), left.eq(n)]
        with m.Elif(loading):
            m.d.sync += left.eq(left - 1)
        with m.If(left == 1):
            m.d.sync += loaded.eq(1)
        with m.Elif(swap):
            m.d.sync += loaded.eq(0)
        return loading, loaded

    def _quiet(self, m: Module, name: str, reads: Value) -> Value:
        """No vector was ``read`` in the last N - 1 cycles: the last bank has read it."""
        left = Signal(range(self.config.array), name=name)
        with m.If(reads):
            m.d.sync += left.eq(self.config.array - 1)
        with m.Elif(left.any()):
            m.d.sync += left.eq(left - 1)
        return ~left.any()

    def _clear(self, m: Module, given: data.View, rule: Value) -> Value:
        """No rule of the same output is so recent that its sum cannot be read yet."""
        now = Cat(given.output, given.half)
        hit: Value = Const(0, 1)
        valid, output = rule, now
        for age in range(HAZARD):
            last = Signal(name=f"recent_{age}")
            last_output = Signal(len(now), name=f"recent_output_{age}", reset_less=True)
            m.d.sync += [last.eq(valid), last_output.eq(output)]
            hit |= last & (last_output == now)
            valid, output = last, last_output
        return named(m, "clear", ~hit | given.first)
