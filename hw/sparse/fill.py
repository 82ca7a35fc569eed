"""The filler: puts what the load client reads into the rings, with zeros for absent pillars.

A channel of a concatenated input belongs to one of several maps, and most pillars of the union are
not in all of them. Memory holds only what is there; between its vectors the filler writes zeros,
by the presence bits that the rule generator read with the union's entries.
"""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS, SOURCES

from ..arith import named, select
from .engine_layout import write_input_layout, write_weight_layout
from .layout import POSITION_BITS, fill_layout, presence_layout


class PresenceBits(wiring.Component):
    """Presence bits of a union's pillars, by index modulo the depth; two readers, a cycle each.

    Four input rings deep: more than lies between the first input of a tile in the array and the
    last one that the rule generator has read for the tile after the next.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        index = unsigned(INDEX_BITS)
        super().__init__(
            {
                "write": In(presence_layout()),
                "loader_index": In(index),
                "loader_bits": Out(SOURCES),
                "filler_index": In(index),
                "filler_bits": Out(SOURCES),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = 4 * self.config.input_vectors
        bits = (depth - 1).bit_length()
        for name in ("loader", "filler"):
            # A memory each: one port to write and one to read.
            memory = Memory(shape=unsigned(SOURCES), depth=depth, init=[])
            m.submodules[name] = memory
            port, reader = memory.write_port(), memory.read_port()
            m.d.comb += [
                port.en.eq(self.write.valid),
                port.addr.eq(self.write.index[:bits]),
                port.data.eq(self.write.bits),
                reader.en.eq(1),
                reader.addr.eq(getattr(self, f"{name}_index")[:bits]),
                getattr(self, f"{name}_bits").eq(reader.data),
            ]
        return m


class Filler(wiring.Component):
    """Writes beats of the load client into the rings, one a cycle.

    Parameters
    ----------
    config : AcceleratorConfig
    sparse : bool
        False: no vector is ever absent, and there are no ports of presence bits.

    Attributes
    ----------
    fills : In(stream of fill_layout(sparse))
    i : In(stream of bus_bits)
        Data of the load client, in the order of ``fills``.
    write_input, write_weight : Out(write_*_layout(config))
    arrived_inputs, arrived_weights : Out(POSITION_BITS)
        Positions up to which the rings have been filled.
    presence_index : Out(INDEX_BITS), presence : In(SOURCES)
        Presence bits, a cycle after their index.
    """

    def __init__(self, config: AcceleratorConfig, sparse: bool = True):
        self.config, self._sparse = config, sparse
        presence = {"presence_index": Out(INDEX_BITS), "presence": In(SOURCES)}
        super().__init__(
            {
                "fills": In(stream.Signature(fill_layout(sparse))),
                "i": In(stream.Signature(config.bus_bits)),
                "write_input": Out(write_input_layout(config)),
                "write_weight": Out(write_weight_layout(config)),
                "arrived_inputs": Out(POSITION_BITS),
                "arrived_weights": Out(POSITION_BITS),
                **(presence if sparse else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, fill = self.config, Signal(fill_layout(self._sparse))
        groups = config.array // config.beat
        valid = Signal()  # `fill` is being filled
        group = Signal(range(groups))
        # The presence bits of the vector at hand come from the memory: its index a cycle before.
        absent: Value = Const(0, 1)
        if self._sparse:
            absent = named(m, "absent", fill.sparse & ~select(self.presence, fill.source))
        beat = named(m, "beat", valid & (absent | self.i.valid))
        done = named(m, "done", beat & (absent | (group == groups - 1)))
        last = named(m, "last", done & (fill.count == 1))
        m.d.comb += [
            self.i.ready.eq(valid & ~absent),
            self.fills.ready.eq(~valid | last),
        ]
        with m.If(self.fills.ready):
            m.d.sync += valid.eq(self.fills.valid)
            with m.If(self.fills.valid):
                m.d.sync += fill.eq(self.fills.payload)
        with m.Elif(done):
            m.d.sync += [fill.position.eq(fill.position + 1), fill.count.eq(fill.count - 1)]
            if self._sparse:
                m.d.sync += fill.index.eq(fill.index + 1)
        if self._sparse:
            m.d.comb += self.presence_index.eq(
                Mux(self.fills.ready, self.fills.payload.index, fill.index + done)
            )
        with m.If(beat):
            m.d.sync += group.eq(Mux(done, 0, group + 1))
        m.d.comb += self.write_input.zero.eq(absent)
        for port, mine, arrived in (
            (self.write_input, ~fill.weights, self.arrived_inputs),
            (self.write_weight, fill.weights, self.arrived_weights),
        ):
            m.d.comb += [
                port.valid.eq(beat & mine),
                port.address.eq(fill.position),
                port.group.eq(group),
                port.data.eq(self.i.payload),
            ]
            with m.If(done & mine):
                m.d.sync += arrived.eq(arrived + 1)
        return m
