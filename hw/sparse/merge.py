"""Rules of a convolution: up to three rows of the input side by side, merged by column.

::

    leading row ─> window ──┬─> kernel row 2
                            └─> line buffer ─> window ──┬─> kernel row 1
                                                        └─> line buffer ─> window ─> kernel row 0

The candidate is an output column; ``base`` is the input column of its tap 0. An element with a
column less than ``base`` is *behind*: it meets no further output, and leaves its window to be an
element of the next kernel row's line buffer. When no row has an element behind, the hits of the
candidate are the elements at ``base`` + 0, 1, 2, and the first elements after them tell which
candidate is next.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.descriptor import INDEX_BITS, MODES, SIDE
from golden.sparse.rgu import LAYER_BITS

from ..arith import named
from .layout import COLUMN_BITS, pillar_layout
from .rows import WINDOW, event_layout

SPCONV, SUBMANIFOLD, SELECTIVE = range(len(MODES))
SIDE_BITS = SIDE.bit_length()
REACH = 3
"""Columns of a kernel row, at most; and elements that the candidate may meet."""


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


def row_signature() -> wiring.Signature:
    """The next elements of a row, from their window to those who use them."""
    return wiring.Signature(
        {
            "present": Out(WINDOW),
            "items": Out(data.ArrayLayout(element_layout(), WINDOW)),
            "drop": In(1),
        }
    )


class KernelRow(wiring.Component):
    """What one row has to say about a candidate. Combinational.

    Attributes
    ----------
    row : In(row_signature())
        Its ``drop`` is not driven here: 0.
    over : In(1)
        The row has no further element: all of them have left, or it lies outside of the grid.
    found : In(1)
        There is a candidate; else only the first element is asked for.
    base : In(signed)
        Input column of the candidate's tap 0.
    kernel, double, submanifold : In
        Kernel size; stride 2; mode.
    behind : Out(1)
        Element 0 is behind. All that follows holds only if no row has such an element.
    enough : Out(1)
        The window shows all that the following depends on.
    hits : Out(REACH)
    gap : Out(1)
        Taps 0 and 2 hit, and their indices are not consecutive.
    selected : Out(1)
        One of the hits is a selected element.
    leaves : Out(1)
        Element 0 is behind every later candidate.
    follows, column : Out
        There is an element after those that no later candidate starts from, and its column.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "present": In(REACH),
                "items": In(data.ArrayLayout(element_layout(), REACH)),
                "over": In(1),
                "found": In(1),
                "base": In(signed(SIDE_BITS + 1)),
                "kernel": In(2),
                "double": In(1),
                "submanifold": In(1),
                "behind": Out(1),
                "enough": Out(1),
                "hits": Out(REACH),
                "gap": Out(1),
                "selected": Out(1),
                "leaves": Out(1),
                "follows": Out(1),
                "column": Out(COLUMN_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        items = [self.items[j] for j in range(REACH)]
        first = items[0]
        # Elements after the last one are those of the next row.
        shown = Signal(REACH)
        m.d.comb += [
            shown[0].eq(self.present[0] & ~self.over & ~first.empty),
            shown[1].eq(self.present[1] & shown[0] & ~first.last),
            shown[2].eq(self.present[2] & shown[1] & ~items[1].last),
        ]
        columns = [named(m, f"at_{dx}", self.base + dx) for dx in range(REACH)]
        inside = [self.found & (self.kernel > dx) for dx in range(REACH)]
        hit = [Signal(REACH, name=f"hit_{j}") for j in range(REACH)]
        for j, item in enumerate(items):
            # Columns ascend: element j is at least j columns from the first, which is not behind.
            for dx in range(j, REACH):
                m.d.comb += hit[j][dx].eq(shown[j] & inside[dx] & (item.column == columns[dx]))
        beyond = [shown[j] & ~hit[j].any() for j in range(REACH)]
        # The next candidate starts from the first element that reaches one: at stride 1 from
        # base + 1, at stride 2 from base + 2; the next centre of a submanifold is there, too.
        two = self.double | self.submanifold
        free = Signal(REACH)
        m.d.comb += [free[j].eq(shown[j] & ~(hit[j][0] | (two & hit[j][1]))) for j in range(REACH)]
        m.d.comb += [
            self.behind.eq(shown[0] & self.found & (first.column < self.base)),
            self.enough.eq(
                self.over
                | (self.present[0] & first.last)
                | (shown[1] & items[1].last)
                | shown[2]
                | beyond[0]
                | beyond[1]
            ),
            self.hits.eq(hit[0] | hit[1] | hit[2]),
            self.gap.eq((self.hits == 0b101) & (first.index[0] == items[1].index[0])),
            self.selected.eq(
                Cat(hit[j].any() & item.selected for j, item in enumerate(items)).any()
            ),
            self.leaves.eq(hit[0][0] | (self.double & hit[0][1])),
            self.follows.eq(free.any()),
            self.column.eq(
                Mux(free[0], first.column, Mux(free[1], items[1].column, items[2].column))
            ),
        ]
        return m


class Merge(wiring.Component):
    """Output pillars of a convolution with their rules, in raster order.

    Steps of an output row: find the first candidate; then a candidate a step, as long as no row has
    elements behind. Before the row, an input row may have to be moved into the line buffer.

    Attributes
    ----------
    active : In(1)
        ``layer`` is a convolution that is to be done.
    layer : In(rgu_layer_layout())
    done : Out(1)
        In the layer's last cycle.
    leading, middle, top : In(row_signature())
    to_middle, to_top : Out(stream.Signature(element_layout(), always_ready=True))
        Elements into the line buffers.
    o : Out(stream.Signature(event_layout(pillar_layout())))
        Without ``index``.
    """

    def __init__(self) -> None:
        push = stream.Signature(element_layout(), always_ready=True)
        super().__init__(
            {
                "active": In(1),
                "layer": In(rgu_layer_layout()),
                "done": Out(1),
                "leading": In(row_signature()),
                "middle": In(row_signature()),
                "top": In(row_signature()),
                "to_middle": Out(push),
                "to_top": Out(push),
                "o": Out(stream.Signature(event_layout(pillar_layout()))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layer = self.layer
        single, three = named(m, "single", layer.kernel == 1), named(m, "three", layer.kernel == 3)
        double = named(m, "double", layer.stride == 2)
        submanifold = named(m, "submanifold", (layer.mode == SUBMANIFOLD) & three)
        selective = named(m, "selective", (layer.mode == SELECTIVE) & three)
        # With stride 1 a kernel of 2 has an output less than inputs; with stride 2, half of them.
        rows, columns = (
            named(m, f"{name}_out", Mux(double, size + three >> 1, size - (~single & ~three)))
            for name, size in (("rows", layer.rows), ("columns", layer.columns))
        )

        row = Signal(SIDE_BITS)  # of the output
        found = Signal()
        column = Signal(SIDE_BITS)  # of the candidate; without one, that of the first possible
        base = Signal(signed(SIDE_BITS + 1))
        finished = Signal()  # no candidate is left in the row; elements may be
        sources = [self.top, self.middle, self.leading]
        over = [Signal(name=f"{name}_over") for name in ("top", "middle", "leading")]
        kernel_rows = []
        for name, source, ended in zip(("top", "middle", "leading"), sources, over, strict=True):
            m.submodules[name] = kernel_row = KernelRow()
            m.d.comb += [
                kernel_row.present.eq(source.present),
                *(kernel_row.items[j].eq(source.items[j]) for j in range(REACH)),
                kernel_row.over.eq(ended),
                kernel_row.found.eq(found),
                kernel_row.base.eq(base),
                kernel_row.kernel.eq(layer.kernel),
                kernel_row.double.eq(double),
                kernel_row.submanifold.eq(submanifold),
            ]
            kernel_rows.append(kernel_row)
        _top, middle, _leading = kernel_rows

        # The next candidate.
        nearest, follows = _first(m, kernel_rows)
        start = named(m, "start", Mux(submanifold, middle.column, nearest))
        reached = Mux(double, start >> 1, Mux(single | submanifold, start, start - 1))
        reached = named(m, "reached", reached)  # -1: from column 0
        least = named(m, "least", column + found)
        following = named(m, "following", Mux(reached > least, reached, least)[:SIDE_BITS])
        some = Mux(submanifold, middle.follows, follows) & (following != columns)
        some = named(m, "some", some)

        # A step: the candidate's hits leave as an event, and the next candidate comes.
        event = self.o.payload
        item = event.item
        ready = named(
            m,
            "ready",
            ~finished
            & Cat(r.enough for r in kernel_rows).all()
            & ~Cat(r.behind for r in kernel_rows).any(),
        )
        step = Signal()
        last_row = named(m, "last_row", row == rows - 1)
        kept = ~selective | middle.hits[1] | Cat(r.selected for r in kernel_rows).any()
        m.d.comb += [
            event.present.eq(found & kept),
            event.last.eq(~some),
            event.end.eq(~some & last_row),
            item.column.eq(column),
        ]
        with m.Switch(layer.kernel):
            for kernel in (1, 2, 3):
                with m.Case(kernel):
                    for dy, kernel_row in enumerate(kernel_rows[REACH - kernel :]):
                        index = sources[REACH - kernel + dy].items[0].index
                        m.d.comb += [
                            item.hits[dy * kernel : (dy + 1) * kernel].eq(kernel_row.hits),
                            item.inputs[dy].eq(Mux(kernel_row.hits.any(), index, 0)),
                            item.gaps[dy].eq(kernel_row.gap),
                        ]

        # Elements leave: those behind; in a step what is behind the next candidate; at last all.
        row_done = Signal()
        after = []  # whether a row is over after this cycle
        merging = Signal()
        filling = Signal()
        for kernel_row, source, ended in zip(kernel_rows, sources, over, strict=True):
            there = source.present[0] & ~ended
            empty = there & source.items[0].empty
            drop = (
                (finished & there) | kernel_row.behind | (step & (kernel_row.leaves | empty))
            ) & merging
            if source is self.leading:
                drop |= filling & there
            m.d.comb += source.drop.eq(drop)
            after.append(named(m, f"{ended.name}_next", ended | (drop & source.items[0].last)))
            m.d.sync += ended.eq(after[-1])
        m.d.comb += row_done.eq(merging & (finished | (step & ~some)) & Cat(after).all())
        filled = named(m, "filled", filling & after[2])

        # Where they go: the row that leads is in the middle of the next output row, then on top; at
        # stride 2 it goes straight to the top. Nothing stays after the last output row.
        skip = Signal()
        down = named(m, "down", merging & ~last_row & ~single)
        m.d.comb += [
            self.to_middle.payload.eq(self.leading.items[0]),
            self.to_middle.valid.eq(self.leading.drop & ((filling & ~skip) | (down & ~double))),
            self.to_top.payload.eq(Mux(double, self.leading.items[0], self.middle.items[0])),
            self.to_top.valid.eq(down & three & Mux(double, self.leading.drop, self.middle.drop)),
        ]

        def begin(number: Value | int) -> None:
            """Output row ``number`` is next; the rows of its kernel that the grid lacks are
            over. All others are not."""
            m.d.sync += [
                row.eq(number),
                found.eq(0),
                column.eq(0),
                finished.eq(0),
                over[0].eq(~three | (number == 0)),
                over[1].eq(single),
                over[2].eq(0),
            ]

        # The row below the last output row's middle does not exist: at stride 2 only if the number
        # of rows is odd.
        def lacks_leading(number: Value | int) -> Value:
            return three & (number == rows - 1) & (~double | layer.rows[0])

        with m.FSM(name="rows"):
            with m.State("IDLE"), m.If(self.active):
                begin(0)
                with m.If(single):
                    m.next = "MERGE"
                with m.Else():
                    m.next = "FILL"
            with m.State("FILL"):
                m.d.comb += filling.eq(1)
                with m.If(filled):
                    m.d.sync += over[2].eq(lacks_leading(row))
                    m.next = "MERGE"
            with m.State("MERGE"):
                m.d.comb += [
                    merging.eq(1),
                    self.o.valid.eq(ready & (event.present | event.last)),
                    step.eq(ready & (self.o.ready | ~self.o.valid)),
                ]
                with m.If(step):
                    m.d.sync += [
                        found.eq(some),
                        finished.eq(~some),
                        column.eq(following),
                        base.eq(Mux(double, following << 1, following) - three),
                    ]
                with m.If(row_done):
                    with m.If(~last_row):
                        following_row = named(m, "following_row", row + 1)
                        begin(following_row)
                        with m.If(double):
                            m.next = "FILL"
                        with m.Else():
                            m.d.sync += over[2].eq(lacks_leading(following_row))
                    with m.Elif(double & ~three & ~single & layer.rows[0]):
                        m.d.sync += over[2].eq(0)
                        m.next = "SKIP"
                    with m.Else():
                        m.d.comb += self.done.eq(1)
                        m.next = "IDLE"
            with m.State("SKIP"):  # a row that no output needs
                m.d.comb += [filling.eq(1), skip.eq(1), self.done.eq(filled)]
                with m.If(filled):
                    m.next = "IDLE"
        return m


def _first(m: Module, rows: list[KernelRow]) -> tuple[Value, Value]:
    """The least column that follows in any of ``rows``, and whether there is one."""
    column, follows = rows[0].column, rows[0].follows
    for number, row in enumerate(rows[1:]):
        take = named(m, f"take_{number}", row.follows & (~follows | (row.column < column)))
        column = named(m, f"first_{number}", Mux(take, row.column, column))
        follows = named(m, f"follows_{number}", follows | row.follows)
    return column, follows
