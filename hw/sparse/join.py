"""The first half of a convolution's rules: up to three rows of the input joined by column.

::

    leading row ──┬────────────────────────────────────────────────> kernel row 2 ─┐
                  └─> line buffer ──┬──────────────────────────────> kernel row 1 ─┼─> columns
                                    └─> line buffer ───────────────> kernel row 0 ─┘

Of the first elements of the rows the leftmost leave, one of each row at most, as a *column*; each
goes into the line buffer of the kernel row above.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.descriptor import INDEX_BITS, MODES, SIDE
from golden.sparse.rgu import LAYER_BITS

from ..arith import named
from .layout import COLUMN_BITS

SPCONV, SUBMANIFOLD, SELECTIVE = range(len(MODES))
SIDE_BITS = SIDE.bit_length()
ROWS = 3
"""Of a kernel, at most."""


def rgu_layer_layout() -> data.StructLayout:
    """What the rule generator has to know of a layer: fields of its descriptor."""
    return data.StructLayout({name: unsigned(bits) for name, bits in LAYER_BITS.items()})


def element_layout() -> data.StructLayout:
    """A token in a line buffer: without its value."""
    return data.StructLayout(
        {
            "column": unsigned(COLUMN_BITS),
            "index": unsigned(INDEX_BITS),
            "selected": unsigned(1),
            "empty": unsigned(1),
            "last": unsigned(1),
        }
    )


def column_layout() -> data.StructLayout:
    """A column of the rows that a kernel covers, in which there is an element; or (``empty``) that
    there is none, or no more. By kernel row: whether it has an ``element``, its index, whether it
    is selected. ``last``: of these rows; ``end``: of the layer too."""
    return data.StructLayout(
        {
            "column": unsigned(COLUMN_BITS),
            "element": unsigned(ROWS),
            "index": data.ArrayLayout(unsigned(INDEX_BITS), ROWS),
            "selected": unsigned(ROWS),
            "empty": unsigned(1),
            "last": unsigned(1),
            "end": unsigned(1),
        }
    )


class Join(wiring.Component):
    """The columns of each output row of a convolution, a column a cycle.

    With stride 2, or before the first output row, an input row has to be moved into the line buffer
    beforehand. Of a submanifold, elements that are not next to one of the middle row are of no use:
    they make no column, and one of each row at most leaves in a cycle.

    Attributes
    ----------
    active : In(1)
        ``layer`` is a convolution that is to be done.
    layer : In(rgu_layer_layout())
    finished : In(1)
        A pulse: nobody needs the layer's columns any longer.
    done : Out(1)
        In the layer's last cycle.
    leading, middle, top : In(stream.Signature(element_layout()))
    to_middle, to_top : Out(stream.Signature(element_layout(), always_ready=True))
        Elements into the line buffers, which have room for a row.
    o : Out(stream.Signature(column_layout()))
    """

    def __init__(self) -> None:
        element = element_layout()
        push = stream.Signature(element, always_ready=True)
        super().__init__(
            {
                "active": In(1),
                "layer": In(rgu_layer_layout()),
                "finished": In(1),
                "done": Out(1),
                "leading": In(stream.Signature(element)),
                "middle": In(stream.Signature(element)),
                "top": In(stream.Signature(element)),
                "to_middle": Out(push),
                "to_top": Out(push),
                "o": Out(stream.Signature(column_layout())),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer = self.layer
        single, three = named(m, "single", layer.kernel == 1), named(m, "three", layer.kernel == 3)
        double = named(m, "double", layer.stride == 2)
        # With stride 1 a kernel of 2 has an output less than inputs; with stride 2, half of them.
        rows = Mux(double, layer.rows + three >> 1, layer.rows - (~single & ~three))
        row = Signal(SIDE_BITS)  # of the output
        last_row = named(m, "last_row", row == (rows - 1)[:SIDE_BITS])

        # The leftmost elements leave.
        names, sources = ("top", "middle", "leading"), (self.top, self.middle, self.leading)
        items = [source.payload for source in sources]
        over = [Signal(name=f"{name}_over") for name in names]
        there = [
            named(m, f"{name}_there", ~ended & ~item.empty)
            for name, ended, item in zip(names, over, items, strict=True)
        ]
        later = {}  # whether the first of two rows has to wait for the second
        for a, b in ((0, 1), (0, 2), (1, 2)):
            for one, other in ((a, b), (b, a)):
                further = items[one].column > items[other].column
                further = named(m, f"{names[one]}_after_{names[other]}", further)
                later[one, other] = there[other] & further
        # Useless is what lies beyond the reach of the last element of the middle row, and before
        # that of the next one.
        submanifold = named(m, "submanifold", (layer.mode == SUBMANIFOLD) & three)
        reach = Signal(SIDE_BITS + 1)
        useless = []
        for name, is_there, item in zip(names, there, items, strict=True):
            before = ~there[1] | (item.column + 1 < items[1].column)
            use = submanifold & is_there & (item.column >= reach) & before
            useless.append(named(m, f"{name}_useless", use if item is not items[1] else Const(0)))
        skips = named(m, "skips", Cat(useless).any())
        takes, leaves, after = [], [], []
        for y, (name, ended, item) in enumerate(zip(names, over, items, strict=True)):
            waits = skips | Cat(later[y, other] for other in range(ROWS) if other != y).any()
            takes.append(named(m, f"{name}_takes", there[y] & ~waits))
            goes = takes[y] | useless[y] | (~ended & item.empty)
            leaves.append(named(m, f"{name}_leaves", goes))
            after.append(named(m, f"{name}_next", ended | (goes & item.last)))
        column = self.o.payload
        joining, filling, skip = Signal(), Signal(), Signal()
        known = Cat(o | s.valid for o, s in zip(over, sources, strict=True)).all()
        known = named(m, "known", joining & known)
        m.d.comb += [
            self.o.valid.eq(known & (~skips | column.last)),
            column.empty.eq(~Cat(takes).any()),
            column.last.eq(Cat(after).all()),
            column.end.eq(column.last & last_row),
            column.column.eq(
                Mux(takes[0], items[0].column, Mux(takes[1], items[1].column, items[2].column))
            ),
        ]
        with m.Switch(layer.kernel):
            for kernel in (1, 2, 3):
                with m.Case(kernel):
                    for dy, y in enumerate(range(ROWS - kernel, ROWS)):
                        m.d.comb += [
                            column.element[dy].eq(takes[y]),
                            column.index[dy].eq(items[y].index),
                            column.selected[dy].eq(items[y].selected),
                        ]
        step = named(m, "step", known & (self.o.ready | (skips & ~column.last)))
        with m.If(step & takes[1]):
            m.d.sync += reach.eq(items[1].column + 2)
        row_done = named(m, "row_done", step & column.last)
        for source, leaf, ended, then in zip(sources, leaves, over, after, strict=True):
            m.d.comb += source.ready.eq(step & leaf)
            with m.If(step):
                m.d.sync += ended.eq(then)
        with m.If(filling):
            m.d.comb += self.leading.ready.eq(1)
        filled = named(m, "filled", filling & self.leading.valid & items[2].last)

        # Where they go: the row that leads is in the middle of the next output row, then on top; at
        # stride 2 it goes straight to the top. Nothing stays after the last output row.
        down = named(m, "down", joining & ~last_row & ~single)
        gone = [
            named(m, f"{name}_gone", source.valid & source.ready)
            for name, source in zip(names, sources, strict=True)
        ]
        m.d.comb += [
            self.to_middle.payload.eq(items[2]),
            self.to_middle.valid.eq(gone[2] & ((filling & ~skip) | (down & ~double))),
            self.to_top.payload.eq(Mux(double, items[2], items[1])),
            self.to_top.valid.eq(down & three & Mux(double, gone[2], gone[1])),
        ]

        def begin(number: Value | int) -> None:
            """Output row ``number`` is next; rows of its kernel that the grid lacks are over."""
            lacking = three & (number == (rows - 1)[:SIDE_BITS]) & (~double | layer.rows[0])
            m.d.sync += [
                row.eq(number),
                reach.eq(0),
                over[0].eq(~three | (number == 0)),
                over[1].eq(single),
                over[2].eq(lacking),
            ]

        finished = Signal()  # maybe before a row has been skipped
        with m.If(self.finished):
            m.d.sync += finished.eq(1)
        with m.FSM(name="rows"):
            with m.State("IDLE"), m.If(self.active):
                begin(0)
                with m.If(single):
                    m.next = "JOIN"
                with m.Else():
                    m.next = "FILL"
            with m.State("FILL"):
                m.d.comb += filling.eq(1)
                with m.If(filled):
                    m.next = "JOIN"
            with m.State("JOIN"):
                m.d.comb += joining.eq(1)
                with m.If(row_done):
                    with m.If(~last_row):
                        begin(named(m, "following_row", (row + 1)[:SIDE_BITS]))
                        with m.If(double):
                            m.next = "FILL"
                    with m.Elif(double & ~three & ~single & layer.rows[0]):
                        m.next = "SKIP"
                    with m.Else():
                        m.next = "WAIT"
            with m.State("SKIP"):  # a row that no output needs
                m.d.comb += [filling.eq(1), skip.eq(1)]
                with m.If(filled):
                    m.next = "WAIT"
            with m.State("WAIT"), m.If(self.finished | finished):
                m.d.comb += self.done.eq(1)
                m.d.sync += finished.eq(0)
                m.next = "IDLE"
        return m
