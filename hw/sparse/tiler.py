"""Active tile management: output pillars become tiles, and their rules a list for each tap.

::

    pillars ─> Reach ─> [register] ─> tile in the making ─> tiles
               input range of a pillar      │
                                            ├─> rule bank of each tap, two slots   <─ issue
                                            └─> tags, four slots                   <─ vector unit

Within a tap the rules of a tile ascend in input and in output, since pillars come in raster order;
so a list is written at its end and read from its beginning, and all taps of a pillar are written in
one cycle, each into a bank of its own.
"""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS, OPS, TAPS

from ..arith import named, select
from ..pipeline import Register
from .layout import (
    TAG_BITS,
    layer_layout,
    pillar_layout,
    release_layout,
    rule_layout,
    rule_read_layout,
    tag_read_layout,
    tile_layout,
)

DECONV = OPS.index("deconv")


def _reach_layout() -> data.StructLayout:
    return data.StructLayout(
        {
            "pillar": pillar_layout(),
            "low": unsigned(INDEX_BITS),
            "high": unsigned(INDEX_BITS),
        }
    )


TILER_FIELDS = ("op", "kernel", "first_tile", "tile", "span", "phased")
"""What the tiler must know of a layer."""


class Tiler(wiring.Component):
    """Cuts the output pillars of each layer into tiles.

    A tile ends when it has ``tile`` outputs (``first_tile`` the first of a layer), or when another
    pillar would stretch its inputs beyond ``span``. One pillar a cycle, and one cycle more a tile.

    Attributes
    ----------
    layer : In(stream of layer_layout())
    i : In(stream of pillar_layout())
    tiles : Out(stream of tile_layout(config))
        At least one a layer; exactly one has ``last``.
    read : In
        ``slot``, ``tap`` and ``number`` of a rule; it appears on ``rule`` a cycle later.
    release : In
        ``valid``: the rules of ``slot`` are no longer needed.
    tag_read : In
        ``slot`` and ``output``; its tag (index of the output pillar if the layer is phased, else
        its column) appears on ``tag`` two cycles later.
    fault : Out(1)
        A single pillar needs more inputs than ``span``; holds.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "layer": In(stream.Signature(layer_layout())),
                "i": In(stream.Signature(pillar_layout())),
                "tiles": Out(stream.Signature(tile_layout(config))),
                "read": In(rule_read_layout(config)),
                "rule": Out(rule_layout(config)),
                "release": In(release_layout()),
                "tag_read": In(tag_read_layout(config)),
                "tag": Out(unsigned(INDEX_BITS)),
                "fault": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, layer = self.config, self.layer.payload
        deconv = named(m, "deconv", layer.op == DECONV)
        square = named(m, "square", ~deconv & (layer.kernel == 2))
        computes = named(m, "computes", (layer.op == OPS.index("conv")) | deconv)
        reach = self._reach(m, deconv, square)
        pillar = reach.payload.pillar

        # The tile in the making.
        tile = Signal(tile_layout(config))
        high = Signal(INDEX_BITS)
        first_of_layer = Signal(init=1)
        busy = Signal(2)
        with m.If(self.release.valid):
            m.d.sync += busy.bit_select(self.release.slot, 1).eq(0)
        fresh = named(m, "fresh", tile.count == 0)
        low_new = named(
            m,
            "low_new",
            Mux(fresh | (reach.payload.low < tile.low), reach.payload.low, tile.low),
        )
        high_new = named(
            m, "high_new", Mux(fresh | (reach.payload.high > high), reach.payload.high, high)
        )
        reached = named(m, "reached", (high_new - low_new)[:INDEX_BITS])
        narrow = named(m, "narrow", reached < layer.span)
        limit = named(m, "limit", Mux(first_of_layer, layer.first_tile, layer.tile))
        rules = named(m, "rules", computes & ~pillar.empty)
        full = named(m, "full", ~fresh & ((tile.count >= limit) | ~narrow))
        free = named(m, "free", ~select(busy, tile.slot))

        ending = Signal()  # every pillar of the layer is in, and its last tile is to be offered
        closing = named(m, "closing", ending | (reach.valid & rules & full))
        taking = named(
            m,
            "taking",
            self.layer.valid & reach.valid & ~ending & ~(rules & (full | (fresh & ~free))),
        )
        m.d.comb += [
            reach.ready.eq(taking),
            self.tiles.valid.eq(self.layer.valid & closing),
            self.tiles.payload.eq(tile),
            self.tiles.payload.last.eq(ending),
            self.layer.ready.eq(ending & self.tiles.ready),
        ]
        with m.If(self.tiles.valid & self.tiles.ready):
            m.d.sync += [
                tile.count.eq(0),
                Value.cast(tile.counts).eq(0),
                first_of_layer.eq(ending),
                ending.eq(0),
            ]
            with m.If(~fresh):
                m.d.sync += [
                    busy.bit_select(tile.slot, 1).eq(1),
                    tile.slot.eq(~tile.slot),
                    tile.tags.eq(tile.tags + 1),
                ]
        write = named(m, "write", taking & rules)
        with m.If(taking):
            m.d.sync += ending.eq(pillar.end)
        with m.If(write):
            m.d.sync += [tile.count.eq(tile.count + 1), tile.low.eq(low_new), high.eq(high_new)]
            m.d.sync += tile.span.eq(reached + 1)
            with m.If(fresh):
                m.d.sync += tile.base.eq(pillar.index)
            with m.If(~narrow):
                m.d.sync += self.fault.eq(1)
        self._banks(m, tile, pillar, write, deconv, square)
        self._tags(m, tile, pillar, write)
        return m

    def _reach(self, m: Module, deconv: Value, square: Value) -> stream.Interface:
        """The pillars with the range of their inputs, a register later."""
        pillar = self.i.payload
        hits, inputs = pillar.hits, pillar.inputs
        # Hits of each kernel row: rows of three taps, of two (`square`), or one row of all.
        rows = [
            named(m, "row0", Mux(deconv, hits[:4], Mux(square, hits[:2], hits[:3]))),
            named(m, "row1", Mux(deconv, 0, Mux(square, hits[2:4], hits[3:6]))),
            named(m, "row2", Mux(deconv | square, 0, hits[6:9])),
        ]
        m.submodules.reach = register = Register(_reach_layout())
        # A pruned entry between two hits of a row counts in the indices all the same.
        more = [_count(row) + pillar.gaps[number] for number, row in enumerate(rows)]
        o = register.i.payload
        m.d.comb += [
            o.pillar.eq(pillar),
            o.low.eq(Mux(rows[0].any(), inputs[0], Mux(rows[1].any(), inputs[1], inputs[2]))),
            o.high.eq(
                Mux(
                    rows[2].any(),
                    inputs[2] + more[2] - 1,
                    Mux(rows[1].any(), inputs[1] + more[1] - 1, inputs[0] + more[0] - 1),
                )
            ),
            # Whether a pillar has rules depends on the layer: it must be there.
            register.i.valid.eq(self.i.valid & self.layer.valid),
            self.i.ready.eq(register.i.ready & self.layer.valid),
        ]
        # The register may hold the last pillar of one layer while the first of the next waits:
        # `deconv` and `square` are those of the layer that is here.
        waits = named(m, "waits", register.o.valid & register.o.payload.pillar.end)
        ended = Signal()
        with m.If(waits & register.o.ready):
            m.d.sync += ended.eq(1)
        with m.If(self.layer.ready):
            m.d.sync += ended.eq(0)
        with m.If(waits | ended):
            m.d.comb += [register.i.valid.eq(0), self.i.ready.eq(0)]
        return register.o

    def _banks(
        self,
        m: Module,
        tile: data.View,
        pillar: data.View,
        write: Value,
        deconv: Value,
        square: Value,
    ) -> None:
        """The lists of rules: written at their ends, read by issue."""
        config, hits, inputs = self.config, pillar.hits, pillar.inputs
        shape = rule_layout(config)
        outputs = []
        before: Value | None = None  # whether a lower tap has a rule
        for tap in range(TAPS):
            row, start = inputs[tap // 3], tap // 3 * 3
            index = row + _count(hits[start:tap]) if tap > start else row
            if tap - start == 2:
                index = index + pillar.gaps[tap // 3]
            if tap == 2:
                index = Mux(square, inputs[1], index)
            elif tap == 3:
                index = Mux(deconv, inputs[0], Mux(square, inputs[1] + hits[2], index))
            memory = Memory(shape=shape, depth=2 * config.tile, init=[])
            m.submodules[f"bank{tap}"] = memory
            port, reader = memory.write_port(), memory.read_port()
            number = tile.counts[tap]
            hit = named(m, f"hit{tap}", write & hits[tap])
            bits = (config.tile - 1).bit_length()
            m.d.comb += [
                port.en.eq(hit),
                port.addr.eq(Cat(number[:bits], tile.slot)),
                port.data.input.eq(index),
                port.data.output.eq(tile.count),
                port.data.first.eq(1 if before is None else ~before),
                reader.addr.eq(Cat(self.read.number, self.read.slot)),
                reader.en.eq(self.read.tap == tap),
            ]
            with m.If(hit):
                m.d.sync += number.eq(number + 1)
            before = hits[tap] if before is None else named(m, f"any{tap}", before | hits[tap])
            outputs.append(reader.data)
        tap_read = Signal.like(self.read.tap)
        m.d.sync += tap_read.eq(self.read.tap)
        m.d.comb += Value.cast(self.rule).eq(Array(Value.cast(o) for o in outputs)[tap_read])

    def _tags(self, m: Module, tile: data.View, pillar: data.View, write: Value) -> None:
        """What the vector unit needs to know of each output."""
        config = self.config
        memory = Memory(shape=unsigned(INDEX_BITS), depth=config.tile << TAG_BITS, init=[])
        m.submodules.tags = memory
        port, reader = memory.write_port(), memory.read_port()
        bits = (config.tile - 1).bit_length()
        m.d.comb += [
            port.en.eq(write),
            port.addr.eq(Cat(tile.count[:bits], tile.tags)),
            port.data.eq(Mux(self.layer.payload.phased, pillar.index, pillar.column)),
            reader.addr.eq(Cat(self.tag_read.output, self.tag_read.slot)),
            reader.en.eq(self.tag_read.enable),
        ]
        m.d.sync += self.tag.eq(reader.data)


def _count(bits: Value) -> Value:
    """How many of a few bits are set."""
    total: Value = bits[0]
    for bit in bits[1:]:
        total = total + bit
    return total
