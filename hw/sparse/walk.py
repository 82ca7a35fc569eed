"""The walks through a pass: its taps, for the weights, and its rules, for the activations."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import TAPS

from ..arith import named
from .layout import POSITION_BITS, pass_layout, rule_layout, rule_read_layout

AHEAD = 4
"""Rules that are read ahead."""


def lowest(mask: Value) -> Value:
    """Index of the lowest set bit."""
    result: Value = Const(0, range(len(mask)))
    for index in reversed(range(len(mask))):
        result = Mux(mask[index], index, result)
    return result


def tap_layout() -> data.StructLayout:
    """A tap that has rules: where its weights begin, and what may be freed after they were read."""
    return data.StructLayout({"position": unsigned(POSITION_BITS), "free": unsigned(POSITION_BITS)})


class Taps(wiring.Component):
    """The taps with rules of each pass, in order: one a cycle."""

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(pass_layout(config))),
                "o": Out(stream.Signature(tap_layout())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        given, done = self.i.payload, Signal(TAPS)
        mask = named(m, "mask", Cat(count.any() for count in given.counts) & ~done)
        tap = named(m, "tap", lowest(mask))
        rest = named(m, "rest", mask & (mask - 1)[:TAPS])
        array_bits = (self.config.array - 1).bit_length()
        m.d.comb += [
            self.o.valid.eq(self.i.valid & mask.any()),
            self.o.payload.position.eq(given.weights + (tap << array_bits)),
            self.o.payload.free.eq(Mux(rest.any(), 0, given.free_weights)),
            self.i.ready.eq(~rest.any() & (self.o.ready | ~mask.any())),
        ]
        with m.If(self.i.valid):
            with m.If(self.i.ready):
                m.d.sync += done.eq(0)
            with m.Elif(self.o.ready):
                m.d.sync += done.eq(done | (mask & ~rest))
        return m


def item_layout(config: AcceleratorConfig) -> data.StructLayout:
    """A rule that was read, with its place in the pass."""
    return data.StructLayout(
        {
            "rule": rule_layout(config),
            "swap": unsigned(1),  # the first of its tap
            "stop": unsigned(1),  # the last of its pass
            "idle": unsigned(1),  # no rule: an idle pass
        }
    )


class Rules(wiring.Component):
    """Reads the rules of each pass, one a cycle.

    ``i`` and ``o`` are in step: an item with ``stop`` is the last of a pass; the reader of ``o``
    takes the pass itself from a queue of its own. ``read`` and ``rule`` go to the tiler.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(pass_layout(config))),
                "o": Out(stream.Signature(item_layout(config))),
                "read": Out(rule_read_layout(config)),
                "rule": In(rule_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        given, done = self.i.payload, Signal(TAPS)
        number = Signal.like(self.read.number)
        shape = item_layout(self.config)
        m.submodules.queue = queue = SyncFIFO(width=shape.size, depth=AHEAD)
        flying = Signal()
        flags = Signal(3)
        room = named(m, "room", queue.level + flying < AHEAD)
        mask = named(m, "mask", Cat(count.any() for count in given.counts) & ~done)
        tap = named(m, "tap", lowest(mask))
        rest = named(m, "rest", (mask & (mask - 1)[:TAPS]).any())
        count = named(m, "count", Array(given.counts)[tap])
        end_of_tap = named(m, "end_of_tap", number + 1 == count)
        go = named(m, "go", self.i.valid & room)
        idle = named(m, "idle", given.idle)
        stop = named(m, "stop", idle | (end_of_tap & ~rest))
        m.d.comb += [
            self.read.slot.eq(given.slot),
            self.read.tap.eq(tap),
            self.read.number.eq(number),
            self.i.ready.eq(room & stop),
        ]
        m.d.sync += [flying.eq(go), flags.eq(Cat((number == 0) & ~idle, stop, idle))]
        with m.If(go):
            with m.If(stop):
                m.d.sync += [done.eq(0), number.eq(0)]
            with m.Elif(end_of_tap):
                m.d.sync += [done.eq(done | (mask & ~(mask - 1)[:TAPS])), number.eq(0)]
            with m.Else():
                m.d.sync += number.eq(number + 1)
        m.d.comb += [
            queue.w_data.eq(Cat(Value.cast(self.rule), flags)),
            queue.w_en.eq(flying),
            Value.cast(self.o.payload).eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
        ]
        return m
