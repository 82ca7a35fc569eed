"""The matrix unit on its own: rows of weights and vectors come on streams.

::

    w ─> tiles, two of them ─> skew ────────┐
    i ─> front ─> skew ─────────────────> array ─> deskew ─> queue ─> o
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring

from golden.sparse.mxu import WEIGHTS, MxuConfig

from ..arith import named
from ..pipeline import Register, streams
from .fifo import Fifo
from .mxu import Mxu, load_mask


class MxuUnit(wiring.Component):
    """A :class:`hw.sparse.mxu.Mxu` with what skews vectors and weights for it. The array never
    waits: a vector enters when the queue has room for its sums.

    Attributes: the streams of a :class:`golden.sparse.mxu.MxuConfig`.
    """

    def __init__(self, config: MxuConfig):
        self.config = config
        super().__init__(streams(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        n = self.config.array
        m.submodules.array = array = Mxu(n, self.config.pe)
        m.submodules.front = front = Register(self.i.payload.shape())
        depth = 1 << (2 * n + 3).bit_length()  # as many as there are cycles around the loop
        m.submodules.queue = queue = Fifo(self.o.payload.shape(), depth, block=True)
        wiring.connect(m, wiring.flipped(self.i), front.i)
        wiring.connect(m, queue.o, wiring.flipped(self.o))

        go, swap, loaded = Signal(), Signal(), Signal()
        owed = Signal(range(depth + 1))  # sums on their way or in the queue
        may = named(m, "may", (owed != depth) & (loaded | ~front.o.payload.swap))
        m.d.comb += [
            front.o.ready.eq(may),
            go.eq(front.o.valid & may),
            swap.eq(go & front.o.payload.swap),
        ]
        m.d.sync += owed.eq(owed + go - (self.o.valid & self.o.ready))
        self._weights(m, array, swap, loaded)

        swaps = Signal(n)
        m.d.sync += swaps.eq(Cat(swap, swaps))
        m.d.comb += array.swaps.eq(swaps)
        for i in range(n):
            byte = front.o.payload.activations[i].as_signed()
            m.d.comb += array.activations[i].eq(_later(m, byte, i + 2, f"activation_{i}"))
        # A vector's sum j leaves the array N + 2 + j cycles after the vector has entered.
        there = Signal(2 * n + 1)
        m.d.sync += there.eq(Cat(go, there))
        m.d.comb += queue.i.valid.eq(there[-1])
        for j in range(n):
            total = _later(m, array.sums[j], n - 1 - j, f"sum_{j}")
            m.d.comb += queue.i.payload.sums[j].eq(total)
        return m

    def _weights(self, m: Module, array: Mxu, swap: Value, loaded: Signal) -> None:
        """Two tiles are kept as they come, and go into the array the last row first.

        ``loaded``: a tile stands in the array's second registers. The next one follows from the
        cycle of the swap on."""
        n, bits = self.config.array, WEIGHTS[self.config.pe].bits
        m.submodules.tiles = tiles = memory.Memory(shape=n * bits, depth=2 * n, init=[])
        write, read = tiles.write_port(), tiles.read_port(domain="sync")
        full, loading = Signal(2), Signal()
        put, get = Signal(range(2 * n)), Signal(range(2 * n))  # tile, and row within it
        row = len(put) - 1
        m.d.comb += [
            self.w.ready.eq(~Mux(put[row], full[1], full[0])),
            write.en.eq(self.w.valid & self.w.ready),
            write.addr.eq(put),
            write.data.eq(self.w.payload),
            read.addr.eq(Cat(~get[:row], get[row])),
            read.en.eq(loading | (Mux(get[row], full[1], full[0]) & (~loaded | swap))),
        ]
        with m.If(swap):
            m.d.sync += loaded.eq(0)
        with m.If(write.en):
            m.d.sync += put.eq(put + 1)
            with m.If(put[:row].all()):
                m.d.sync += full.bit_select(put[row], 1).eq(1)
        with m.If(read.en):
            m.d.sync += [get.eq(get + 1), loading.eq(1)]
            with m.If(get[:row].all()):
                m.d.sync += [full.bit_select(get[row], 1).eq(0), loading.eq(0), loaded.eq(1)]
        m.d.comb += array.loads.eq(load_mask(m, read.en, ~loading, n))
        row_of_tile = Signal(data.ArrayLayout(bits, n))
        m.d.comb += row_of_tile.eq(read.data)
        for j in range(n):
            m.d.comb += array.weights[j].eq(_later(m, row_of_tile[j], j, f"weight_{j}"))


def _later(m: Module, value: Value, cycles: int, name: str) -> Value:
    """``value`` as it was ``cycles`` ago."""
    for number in range(cycles):
        later = Signal(value.shape(), name=f"{name}_{number}", reset_less=True)
        m.d.sync += later.eq(value)
        value = later
    return value
