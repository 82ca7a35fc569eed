"""Importance of INT8 vectors over all output-channel tiles: the largest magnitude, or their sum."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig

from ..arith import named
from .layout import COLUMN_BITS, VALUE_BITS

LEVELS = 2
"""Of the tree, in one cycle."""


def place_layout(config: AcceleratorConfig) -> data.StructLayout:
    """What goes with a vector: its ``output`` in the tile and its ``column``; ``first``, ``last``
    output-channel tile; ``end``: the layer's last vector."""
    return data.StructLayout(
        {
            "output": unsigned((config.tile - 1).bit_length()),
            "column": unsigned(COLUMN_BITS),
            "first": unsigned(1),
            "last": unsigned(1),
            "end": unsigned(1),
        }
    )


def entry_layout() -> data.StructLayout:
    """A pillar with its importance; ``end``: the last of its layer."""
    return data.StructLayout(
        {"column": unsigned(COLUMN_BITS), "value": unsigned(VALUE_BITS), "end": unsigned(1)}
    )


class Importance(wiring.Component):
    """A vector a cycle, without stalls; ``latency`` cycles later, on the last output-channel tile,
    an entry. What the tiles so far amount to is in a buffer of 16 bits an output.

    Attributes
    ----------
    l1 : In(1)
        Measure: the sum of magnitudes (below 2^16), else the largest. Steady while vectors are
        under way.
    valid : In(1), place : In(place_layout(config)), vector : In(ArrayLayout(signed(8), N))
    entry_valid : Out(1), entry : Out(entry_layout())
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        levels = (config.array - 1).bit_length()
        self.tree_latency = -(-levels // LEVELS)
        self.latency = self.tree_latency + 1
        super().__init__(
            {
                "l1": In(1),
                "valid": In(1),
                "place": In(place_layout(config)),
                "vector": In(data.ArrayLayout(signed(8), config.array)),
                "entry_valid": Out(1),
                "entry": Out(entry_layout()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = Memory(shape=VALUE_BITS, depth=self.config.tile, init=[])
        write = buffer.write_port()
        # A command's first vector is cycles behind the last one's, for want of parameters: what is
        # read has been written.
        read = buffer.read_port()

        codes = [self.vector[k] for k in range(self.config.array)]
        # The magnitude of -128 needs all eight bits.
        row: list[Value] = [
            named(m, f"magnitude{k}", Mux(code[-1], -code, code)[:8])
            for k, code in enumerate(codes)
        ]
        valid, place = self.valid, self.place
        for cycle in range(self.tree_latency):
            if cycle == self.tree_latency - 1:  # what was there is read for the next cycle
                m.d.comb += [read.addr.eq(place.output), read.en.eq(valid)]
            for level in range(LEVELS if len(row) > 2 else len(row) // 2):
                row = [
                    self._join(m, a, b, f"node{cycle}_{level}_{k}")
                    for k, (a, b) in enumerate(zip(row[::2], row[1::2], strict=True))
                ]
            kept = [
                Signal(node.shape(), name=f"kept{cycle}_{k}", reset_less=True)
                for k, node in enumerate(row)
            ]
            before = valid
            valid = Signal(name=f"valid{cycle}")
            later = Signal(place.shape(), name=f"place{cycle}", reset_less=True)
            m.d.sync += valid.eq(before)
            with m.If(before):
                m.d.sync += [later.eq(place), *(k.eq(n) for k, n in zip(kept, row, strict=True))]
            row, place = list(kept), later
        so_far = named(m, "so_far", Mux(place.first, 0, read.data))
        value = self._join(m, so_far, row[0], "value")[:VALUE_BITS]
        m.d.comb += [
            write.addr.eq(place.output),
            write.data.eq(value),
            write.en.eq(valid & ~place.last),
        ]
        entry = Signal(self.entry.shape(), reset_less=True)
        m.d.comb += self.entry.eq(entry)
        m.d.sync += self.entry_valid.eq(valid & place.last)
        with m.If(valid & place.last):
            m.d.sync += [
                entry.column.eq(place.column),
                entry.value.eq(value),
                entry.end.eq(place.end),
            ]
        return m

    def _join(self, m: Module, a: Value, b: Value, name: str) -> Value:
        larger = named(m, f"{name}_larger", Mux(a > b, a, b))
        return named(m, name, Mux(self.l1, a + b, larger))
