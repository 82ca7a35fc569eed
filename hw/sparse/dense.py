"""Rules of the dense machine: those of a full grid follow from its size, and no list is read.

::

    layer ─> Fork ─┬─> walk over the output sites ─> [register] ─> pillars
                   └─> [queue] ─> tiler_layer

It stands where :class:`hw.sparse.rules.RuleGeneration` stands in the sparse machine; all after it
is the same. So what the two differ by, in cycles and in gates, is what sparsity gives and takes.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.descriptor import INDEX_BITS, OPS, SIDE

from ..arith import named
from ..pipeline import Register
from .dispatch import Fork, LayerQueue
from .layout import layer_layout, pillar_layout
from .tiler import TILER_FIELDS

CONV, DECONV = OPS.index("conv"), OPS.index("deconv")
SIDE_BITS = (SIDE + 2).bit_length()
"""Of an input row or column, and of one a stride and a tap further."""
DEPTH = 2
"""Layers that wait before the tiler."""
_WALKED = ("op", "kernel", "stride", "phase", "rows", "columns", "capacity")
DENSE_FIELDS = tuple(dict.fromkeys((*_WALKED, *TILER_FIELDS)))
"""What dense rules and the tiler must know of a layer."""


class DenseRules(wiring.Component):
    """Each output site of a layer in raster order, with its rules; one a cycle.

    The first is offered two cycles after the layer, and a layer takes one cycle more than it has
    beats. Beats are those that :class:`hw.sparse.rgu.Rgu` gives of a map with every site active
    (:func:`golden.sparse.rgu.pillars`): the taps that lie within the input grid, whose site
    ``(row, column)`` has index ``row * columns + column``.

    Of a convolution's ``mode``, ``use`` and ``write_cpr`` nothing is taken notice of: on a full
    grid all modes are the same, nothing is pruned, and coordinates are not kept. Ops ``coords``
    and ``union`` have nothing left to do: an empty last beat.

    Attributes
    ----------
    layer : In(stream of layer_layout())
        Taken with its last site.
    pillars : Out(stream of pillar_layout()), tiler_layer : Out(stream of layer_layout())
    complete : Out(1)
        A layer's sites are all made: in place of its CPR being complete in memory.
    overflow : Out(1)
        A layer had more outputs than its capacity; holds.
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "layer": In(stream.Signature(layer_layout())),
                "pillars": Out(stream.Signature(pillar_layout())),
                "tiler_layer": Out(stream.Signature(layer_layout())),
                "complete": Out(1),
                "overflow": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.layers = layers = Fork(layer_layout(), ("walk", "tiler"))
        m.submodules.tiler_layers = queue = LayerQueue(self.config, TILER_FIELDS, DEPTH)
        m.submodules.register = register = Register(pillar_layout())
        wiring.connect(m, wiring.flipped(self.layer), layers.i)
        wiring.connect(m, layers.tiler, queue.i)
        wiring.connect(m, queue.o, wiring.flipped(self.tiler_layer))
        wiring.connect(m, register.o, wiring.flipped(self.pillars))

        layer, beat = layers.walk.payload, register.i.payload
        conv = named(m, "conv", layer.op == CONV)
        deconv = named(m, "deconv", layer.op == DECONV)
        columns = layer.columns
        shift = layer.kernel[1:3]  # log2 of a deconvolution's kernel, 2 or 4
        # Of a convolution: the input site under tap 0 but for padding. Of a deconvolution: the
        # input site, of whose outputs `dx` is made.
        y, x = Signal(SIDE_BITS), Signal(SIDE_BITS)
        dx = Signal(2)
        start, site = Signal(INDEX_BITS), Signal(INDEX_BITS)  # indices of (y, 0) and (y, x)
        index = Signal(INDEX_BITS)

        # The kernel of 2 has no padding: its last tap is the one that must lie within the grid.
        square = named(m, "square", conv & (layer.kernel == 2))
        reach = named(m, "reach", layer.stride[:2] + square)
        through = named(m, "through", ~deconv | (dx == (layer.kernel - 1)[:2]))
        last = named(m, "last", through & (x + reach >= columns))
        end = named(m, "end", last & (y + reach >= layer.rows))

        with m.If(conv | deconv):
            m.d.comb += [
                beat.column.eq(
                    Mux(deconv, (x << shift) + dx, Mux(layer.stride[1], x >> 1, x)),
                ),
                beat.index.eq(index),
                beat.last.eq(last),
                beat.end.eq(end),
            ]
            self._rules(m, layer, beat, y, x, site, square)
            with m.If(deconv):
                m.d.comb += beat.hits.eq(1 << dx)
        with m.Else():
            m.d.comb += [beat.empty.eq(1), beat.last.eq(1), beat.end.eq(1)]

        walking = Signal()
        step = named(m, "step", register.i.valid & register.i.ready)
        done = named(m, "done", step & beat.end)
        m.d.comb += [
            register.i.valid.eq(walking),
            layers.walk.ready.eq(done),
            self.complete.eq(done),
        ]
        with m.If(~walking):
            phase = Mux(layer.phase[0], columns, 0) + Mux(layer.phase[1], columns << 1, 0)
            m.d.sync += [
                walking.eq(layers.walk.valid),
                Cat(y, x, dx, start, site).eq(0),
                index.eq(Mux(deconv, phase << shift, 0)),
            ]
        with m.Elif(step):
            m.d.sync += [walking.eq(~beat.end), dx.eq(Mux(through, 0, dx + 1))]
            # Between two input rows of a deconvolution lie the other phases' output rows: k - 1 of
            # them, k `columns` long.
            others = named(
                m, "others", Mux(shift[1], (columns << 3) + (columns << 2), columns << 1)
            )
            m.d.sync += index.eq(index + 1 + Mux(deconv & last, others, 0))
            with m.If(last):
                below = named(m, "below", start + Mux(layer.stride[1], columns << 1, columns))
                m.d.sync += [y.eq(y + layer.stride), x.eq(0), start.eq(below), site.eq(below)]
            with m.Elif(through):
                m.d.sync += [x.eq(x + layer.stride), site.eq(site + layer.stride)]
            with m.If(~beat.empty & (index >= layer.capacity)):
                m.d.sync += self.overflow.eq(1)
        return m

    def _rules(
        self,
        m: Module,
        layer: data.View,
        beat: data.View,
        y: Value,
        x: Value,
        site: Value,
        square: Value,
    ) -> None:
        """Hits of a convolution, and the input index of the first one of each kernel row."""
        columns = layer.columns
        wide = named(m, "wide", layer.kernel == 3)
        left = named(m, "left", x != 0)
        above, below = named(m, "above", y != 0), named(m, "below", y + 1 < layer.rows)
        taps = named(m, "taps", Cat(left, Const(1, 1), x + 1 < columns))
        first = named(m, "first", (site - (wide & left))[:INDEX_BITS])
        upper = named(m, "upper", Mux(above, first - columns, 0)[:INDEX_BITS])
        lower = named(m, "lower", (first + columns)[:INDEX_BITS])
        m.d.comb += [
            beat.inputs[0].eq(Mux(wide, upper, first)),
            beat.inputs[1].eq(Mux(wide, first, Mux(square, lower, 0))),
            beat.inputs[2].eq(Mux(wide & below, lower, 0)),
        ]
        with m.If(wide):
            m.d.comb += beat.hits.eq(Cat(Mux(above, taps, 0), taps, Mux(below, taps, 0)))
        with m.Else():
            m.d.comb += beat.hits.eq(Mux(square, 0b1111, 1))
