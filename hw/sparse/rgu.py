"""The rule generator: `docs/rgu.md`; what it gives is :func:`golden.sparse.rgu.pillars`."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS, OPS
from golden.sparse.rgu_unit import RguConfig

from ..arith import named
from .fifo import Fifo
from .join import SIDE_BITS, element_layout, rgu_layer_layout
from .layout import pillar_layout, token_layout
from .merge import Merge
from .rows import LineBuffer, RowMarks, event_layout

CONV, DECONV, COORDS, UNION = range(len(OPS))


class Rgu(wiring.Component):
    """Output pillars and rules from lists of input pillars, in raster order.

    In steady state a 3x3 convolution at stride 1 gives a pillar a cycle; a row costs one or two
    cycles more. Rows have at most ``config.columns`` pillars.

    Attributes
    ----------
    layer : In(stream.Signature(rgu_layer_layout()))
        Fields as in a checked descriptor; taken in the layer's last cycle.
    i : In(stream.Signature(token_layout()))
    j : In(stream.Signature(token_layout()))
        The second map of a union.
    o : Out(stream.Signature(pillar_layout()))
    """

    def __init__(self, config: AcceleratorConfig | RguConfig):
        self.config = config
        super().__init__(
            {
                "layer": In(stream.Signature(rgu_layer_layout())),
                "i": In(stream.Signature(token_layout())),
                "j": In(stream.Signature(token_layout())),
                "o": Out(stream.Signature(pillar_layout())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = self.config.columns + 1
        m.submodules.leading = leading = Fifo(token_layout(), 2)
        m.submodules.middle = middle = LineBuffer(element_layout(), depth)
        m.submodules.top = top = LineBuffer(element_layout(), depth)
        m.submodules.merge = merge = Merge()
        m.submodules.expand = expand = Expand()
        m.submodules.union = union = Union()
        m.submodules.marks = marks = RowMarks(pillar_layout())
        wiring.connect(m, wiring.flipped(self.i), leading.i)
        wiring.connect(m, marks.o, wiring.flipped(self.o))

        # Rows to those who read and write them.
        layer = self.layer.payload
        convolves = named(m, "convolves", layer.op == CONV)
        unites = named(m, "unites", layer.op == UNION)
        for user in (merge.leading, expand.i):
            m.d.comb += [
                user.payload[field].eq(leading.o.payload[field])
                for field in element_layout().members
            ]
        m.d.comb += [
            union.i.payload.eq(leading.o.payload),
            union.j.payload.eq(self.j.payload),
            merge.middle.payload.eq(middle.o.payload),
            expand.row.payload.eq(middle.o.payload),
            merge.leading.valid.eq(leading.o.valid),
            expand.i.valid.eq(leading.o.valid),
            union.i.valid.eq(leading.o.valid),
            leading.o.ready.eq(
                Mux(unites, union.i.ready, Mux(convolves, merge.leading.ready, expand.i.ready))
            ),
            union.j.valid.eq(self.j.valid),
            self.j.ready.eq(union.j.ready),
            merge.middle.valid.eq(middle.o.valid),
            expand.row.valid.eq(middle.o.valid),
            middle.o.ready.eq(Mux(convolves, merge.middle.ready, expand.row.ready)),
            middle.i.payload.eq(Mux(convolves, merge.to_middle.payload, expand.to_row.payload)),
            middle.i.valid.eq(merge.to_middle.valid | expand.to_row.valid),
            expand.to_row.ready.eq(middle.i.ready),
            top.i.payload.eq(merge.to_top.payload),
            top.i.valid.eq(merge.to_top.valid),
        ]
        wiring.connect(m, top.o, merge.top)

        # One of them is at work.
        event = marks.i.payload
        index = Signal(INDEX_BITS)
        for engine, ops in ((merge, (CONV,)), (expand, (DECONV, COORDS)), (union, (UNION,))):
            m.d.comb += [engine.layer.eq(layer), engine.o.ready.eq(marks.i.ready)]
            with m.Switch(layer.op), m.Case(*ops):
                m.d.comb += [
                    engine.active.eq(self.layer.valid),
                    self.layer.ready.eq(engine.done),
                    marks.i.valid.eq(engine.o.valid),
                    event.eq(engine.o.payload),
                ]
        with m.If(layer.op != DECONV):
            m.d.comb += event.item.index.eq(index)
        with m.If(marks.i.valid & marks.i.ready):
            with m.If(event.present):
                m.d.sync += index.eq(index + 1)
            with m.If(event.end):
                m.d.sync += index.eq(0)
        return m


class Expand(wiring.Component):
    """Output pillars of a transposed convolution: of one kernel row with their rules, or of all.

    A row of the input is loaded into a line buffer, so that its length is known, and then read once
    for each output row. A deconvolution, which makes one output row of it, loads the next row
    meanwhile.

    Attributes
    ----------
    active, layer, done, o
        As of :class:`hw.sparse.merge.Merge`; ``index`` is that of a deconvolution.
    i, row : In(stream.Signature(element_layout()))
    to_row : Out(stream.Signature(element_layout()))
        Elements into the line buffer.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "active": In(1),
                "layer": In(rgu_layer_layout()),
                "done": Out(1),
                "i": In(stream.Signature(element_layout())),
                "row": In(stream.Signature(element_layout())),
                "to_row": Out(stream.Signature(element_layout())),
                "o": Out(stream.Signature(event_layout(pillar_layout()))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer = self.layer
        coords = named(m, "coords", layer.op == COORDS)
        shift = layer.kernel[1:]  # log2 of the kernel size 1, 2, 4

        # Load.
        loaded = Signal(SIDE_BITS)  # rows
        count = Signal(SIDE_BITS)  # pillars of the row
        origin = Signal(INDEX_BITS)  # output index of the row's first pillar, in phase 0
        next_row = self.i.payload
        full = Signal()  # a row is there to be read
        index = Signal(INDEX_BITS)  # of the next output pillar
        load, back = Signal(), Signal()
        wanted = self.active & (loaded != layer.rows) & ~(full & (coords | next_row.last))
        total = named(m, "total", count + ~next_row.empty)
        ahead = named(
            m, "ahead", Mux(layer.phase[0], total, 0) + Mux(layer.phase[1], total << 1, 0)
        )
        m.d.comb += [
            load.eq(self.i.valid & wanted),
            self.i.ready.eq(load & self.to_row.ready),
        ]
        with m.If(self.i.ready):
            m.d.sync += count.eq(total)
            with m.If(next_row.last):
                m.d.sync += [
                    count.eq(0),
                    loaded.eq(loaded + 1),
                    full.eq(1),
                    index.eq(origin + (ahead << shift)),
                    origin.eq(origin + (total << shift << shift)),
                ]

        # Read.
        element = self.row.payload
        read = Signal(SIDE_BITS)  # rows
        dy, dx = Signal(2), Signal(2)
        most = named(m, "most", layer.kernel - 1)
        event = self.o.payload
        through = named(m, "through", element.empty | (dx == most))  # the element's last pillar
        row_end = named(m, "row_end", through & element.last)
        final = named(m, "final", ~coords | (dy == most))
        m.d.comb += [
            self.o.valid.eq(full & self.row.valid),
            event.present.eq(~element.empty),
            event.last.eq(row_end),
            event.end.eq(row_end & final & (read == layer.rows - 1)),
            event.item.column.eq((element.column << shift) + dx),
            event.item.index.eq(index),
            self.row.ready.eq(self.o.valid & self.o.ready & through),
            back.eq(self.row.ready & ~final),
            self.done.eq(self.o.valid & self.o.ready & event.end),
        ]
        with m.If(~coords):
            m.d.comb += [event.item.hits.eq(1 << dx), event.item.inputs[0].eq(element.index)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [dx.eq(Mux(through, 0, dx + 1)), index.eq(index + 1)]
            with m.If(row_end):
                m.d.sync += dy.eq(Mux(final, 0, dy + 1))
                with m.If(final):
                    m.d.sync += [full.eq(0), read.eq(read + 1)]
            with m.If(self.done):
                m.d.sync += [read.eq(0), loaded.eq(0), origin.eq(0)]

        # Into the line buffer: what is loaded, or what is to be read again. Never both: a row is
        # read again only if nothing is loaded meanwhile.
        m.d.comb += [
            self.to_row.valid.eq(load | back),
            self.to_row.payload.eq(Mux(back, element, next_row)),
        ]
        return m


class Union(wiring.Component):
    """Pillars that are active in any of two maps, with presence bits.

    Attributes
    ----------
    active, layer, done, o
        As of :class:`hw.sparse.merge.Merge`.
    i, j : In(stream.Signature(token_layout()))
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "active": In(1),
                "layer": In(rgu_layer_layout()),
                "done": Out(1),
                "i": In(stream.Signature(token_layout())),
                "j": In(stream.Signature(token_layout())),
                "o": Out(stream.Signature(event_layout(pillar_layout()))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        row = Signal(SIDE_BITS)
        over = [Signal(name=f"{name}_over") for name in "ij"]
        there, known, after = [], [], []
        streams = [self.i, self.j]
        for name, source, ended in zip("ij", streams, over, strict=True):
            there.append(named(m, f"{name}_there", ~ended & ~source.payload.empty))
            known.append(ended | source.valid)
        i, j = self.i.payload, self.j.payload
        takes = [
            named(m, "i_takes", there[0] & (~there[1] | (i.column <= j.column))),
            named(m, "j_takes", there[1] & (~there[0] | (j.column <= i.column))),
        ]
        for name, source, ended, take in zip("ij", streams, over, takes, strict=True):
            leaves = named(m, f"{name}_leaves", ~ended & (source.payload.empty | take))
            after.append(named(m, f"{name}_next", ended | (leaves & source.payload.last)))
            step = self.o.valid & self.o.ready
            m.d.comb += source.ready.eq(step & leaves)
            with m.If(step):
                m.d.sync += ended.eq(after[-1] & ~self.o.payload.last)
        event = self.o.payload
        first = Mux(self.layer.union_first, i.value, 1)
        m.d.comb += [
            self.o.valid.eq(self.active & known[0] & known[1]),
            event.present.eq(takes[0] | takes[1]),
            event.last.eq(after[0] & after[1]),
            event.end.eq(event.last & (row == self.layer.rows - 1)),
            event.item.column.eq(Mux(takes[0], i.column, j.column)),
            event.item.value.eq(
                Mux(takes[0], first, 0) | Mux(takes[1], 1 << self.layer.union_bit, 0)
            ),
            self.done.eq(self.o.valid & self.o.ready & event.end),
        ]
        with m.If(self.o.valid & self.o.ready & event.last):
            m.d.sync += row.eq(Mux(event.end, 0, row + 1))
        return m
