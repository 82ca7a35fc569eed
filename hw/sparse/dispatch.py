"""How layers reach the units: each takes them in order, at its own time.

::

    layers ─> Fork ─┬─> [queue] ─> Gate ─> Fork ─┬─> reader, rule generator, writer, tiler
                    ├─> [queue] ─> loader        └─> presence bits
                    └─> [queue] ─> vector unit

The queues are how far the rule generator may be ahead of the array, in layers. The gate holds a
layer back until the coordinates that it reads are complete in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import FIELDS, LAYERS, address_mask, highest

from ..arith import named
from .layout import layer_layout, presence_layout, token_layout

AHEAD = 17
"""Layers that the rule generator may be ahead of the array: a memory of 16 words, the fewest that
are not flip-flops, and the register behind it."""


class Queue(wiring.Component):
    """A stream buffer of ``depth`` payloads."""

    def __init__(self, shape: ShapeLike, depth: int):
        self._shape, self._depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        payload = Value.cast(self.i.payload)
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=len(payload), depth=self._depth)
        m.d.comb += [
            fifo.w_data.eq(payload),
            fifo.w_en.eq(self.i.valid),
            self.i.ready.eq(fifo.w_rdy),
            Value.cast(self.o.payload).eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        return m


class LayerQueue(wiring.Component):
    """A :class:`Queue` of checked layers that keeps no more than ``fields``, all else comes out as
    zero: of a number the bits that a descriptor may set, of an address those that may not be zero.

    Parameters
    ----------
    config : AcceleratorConfig
    fields : names of members of layer_layout()
    depth : int
    """

    def __init__(self, config: AcceleratorConfig, fields: Sequence[str], depth: int):
        self._kept = {name: _bits(name, config) for name in fields}
        self._depth = depth
        shape = layer_layout()
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.queue = queue = Queue(
            data.StructLayout({name: stop - start for name, (start, stop) in self._kept.items()}),
            self._depth,
        )
        m.d.comb += [
            queue.i.valid.eq(self.i.valid),
            self.i.ready.eq(queue.i.ready),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        for name, (start, stop) in self._kept.items():
            m.d.comb += [
                queue.i.payload[name].eq(self.i.payload[name][start:stop]),
                self.o.payload[name][start:stop].eq(queue.o.payload[name]),
            ]
        return m


def _bits(name: str, config: AcceleratorConfig) -> tuple[int, int]:
    """First bit, and last plus 1, of a layer's field that a checked descriptor may set."""
    if name == "number":
        return 0, (LAYERS - 1).bit_length()
    field = next(field for field in FIELDS if field.name == name)
    if field.address:
        mask = address_mask(field) ^ ((1 << field.bits) - 1)
        return (mask & -mask).bit_length() - 1, mask.bit_length()
    return 0, highest(field, config, LAYERS).bit_length()


class Fork(wiring.Component):
    """One stream to several: each output takes a payload once, in its own time; the input goes on
    when all have. ``outputs``: names of the output streams."""

    def __init__(self, shape: ShapeLike, outputs: Sequence[str]):
        self._outputs = tuple(outputs)
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                **{name: Out(stream.Signature(shape)) for name in outputs},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        taken = Signal(len(self._outputs))
        finished = []
        for number, name in enumerate(self._outputs):
            o = getattr(self, name)
            m.d.comb += [o.payload.eq(self.i.payload), o.valid.eq(self.i.valid & ~taken[number])]
            finished.append(named(m, f"{name}_finished", taken[number] | o.ready))
        m.d.comb += self.i.ready.eq(Cat(finished).all())
        with m.If(self.i.valid):
            m.d.sync += taken.eq(Mux(self.i.ready, 0, Cat(finished)))
        return m


def rows_layout() -> data.StructLayout:
    """A CPR list to read: what :class:`PresenceWatch` must know of it."""
    return data.StructLayout({"united": unsigned(1), "rows": unsigned(16)})


class Gate(wiring.Component):
    """Lets a layer's rules be made when what they are made from is complete.

    The CPR of a layer with a measure is completed by the vector unit, late. Layers behind it that
    do not need it pass it by; only one such layer is under way at a time.

    Attributes
    ----------
    i, o : streams of layer_layout()
    early, late : In(1)
        The CPR of the next layer without a measure, of the layer with one, is complete in memory.
        Not both in one cycle.
    loaded : In(1)
        The loader is done with a layer whose source is a union.
    waits : Out(1)
        The next layer needs a CPR that is not complete.
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(layer_layout())),
                "o": Out(stream.Signature(layer_layout())),
                "early": In(1),
                "late": In(1),
                "loaded": In(1),
                "waits": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer = self.i.payload
        passed, complete = Signal(32), Signal(32)
        # Of the layer with a measure: its place, and how many behind it are complete.
        pending, place, behind = Signal(), Signal(32), Signal(32)
        with m.If(self.late):
            m.d.sync += [complete.eq(complete + 1 + behind), behind.eq(0), pending.eq(0)]
        with m.Elif(self.early):
            with m.If(pending & (complete == place)):
                m.d.sync += behind.eq(behind + 1)
            with m.Else():
                m.d.sync += complete.eq(complete + 1)
        united = Signal()
        joins = named(m, "joins", layer.sources > 1)
        measures = named(m, "measures", layer.measure.any())
        known = named(m, "known", complete >= layer.cpr_after)
        # The presence bits of one union at a time are kept.
        may = named(m, "may", known & ~(pending & measures) & ~(united & joins))
        m.d.comb += self.waits.eq(self.i.valid & ~known)
        m.d.comb += [
            self.o.payload.eq(layer),
            self.o.valid.eq(self.i.valid & may),
            self.i.ready.eq(self.o.ready & may),
        ]
        with m.If(self.loaded):
            m.d.sync += united.eq(0)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += passed.eq(passed + 1)
            with m.If(measures):
                m.d.sync += [pending.eq(1), place.eq(passed)]
            with m.If(joins):
                m.d.sync += united.eq(1)
        return m


class PresenceWatch(wiring.Component):
    """Writes down the presence bits of a union's pillars as the rule generator takes them.

    Attributes
    ----------
    lists : In(stream of rows_layout())
        One for each CPR list, in the order in which they are read.
    token : In(token_layout()), taken : In(1)
        A token that the rule generator takes in this cycle.
    write : Out
        To :class:`hw.sparse.fill.PresenceBits`.
    ready : Out(1)
        Tokens may be taken: the list that they are of is known.
    """

    def __init__(self):
        super().__init__(
            {
                "lists": In(stream.Signature(rows_layout())),
                "token": In(token_layout()),
                "taken": In(1),
                "write": Out(presence_layout()),
                "ready": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        row = Signal(16)
        this = self.lists.payload
        last = named(m, "last", self.taken & self.token.last & (row + 1 == this.rows))
        m.d.comb += [
            self.ready.eq(self.lists.valid),
            self.lists.ready.eq(last),
            self.write.valid.eq(self.taken & this.united & ~self.token.empty),
            self.write.index.eq(self.token.index),
            self.write.bits.eq(self.token.value),
        ]
        with m.If(last):
            m.d.sync += row.eq(0)
        with m.Elif(self.taken & self.token.last):
            m.d.sync += row.eq(row + 1)
        return m


class Progress(wiring.Component):
    """Counts what has been acknowledged.

    Attributes
    ----------
    vectors, layers : In
        Marks of a write client in this cycle, the vectors first.
    complete : Out(32), watermark : Out(bits)
        Layers; vectors of the next one.
    """

    def __init__(self, bits: int):
        super().__init__(
            {
                "vectors": In(8),
                "layers": In(1),
                "complete": Out(32),
                "watermark": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.complete.eq(self.complete + self.layers)
        with m.If(self.layers):
            m.d.sync += self.watermark.eq(0)
        with m.Else():
            m.d.sync += self.watermark.eq(self.watermark + self.vectors)
        return m


class Pair(wiring.Component):
    """``o`` once for each ``a`` with its ``b``, whichever comes first, and not in a cycle with
    ``hold``; at most three are apart."""

    def __init__(self):
        super().__init__({"a": In(1), "b": In(1), "hold": In(1), "o": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        waiting = {name: Signal(2, name=f"waiting_{name}") for name in ("a", "b")}
        m.d.comb += self.o.eq(waiting["a"].any() & waiting["b"].any() & ~self.hold)
        for name, count in waiting.items():
            m.d.sync += count.eq(count + getattr(self, name) - self.o)
        return m
