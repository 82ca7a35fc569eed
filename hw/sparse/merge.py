"""The second half of a convolution's rules: a window that slides over columns of the input.

The *candidate* is an output column; its tap dx reads input column ``at[dx]``. A column less than
``at[0]`` is *behind*: no further output needs it, and it leaves the window. When none is behind,
the hits of the candidate are the columns at ``at``, and the first column after them tells which
candidate is next.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith import named
from .join import (
    ROWS,
    SELECTIVE,
    SIDE_BITS,
    SUBMANIFOLD,
    Join,
    column_layout,
    element_layout,
    rgu_layer_layout,
)
from .layout import pillar_layout
from .rows import Window, event_layout

REACH = 3
"""Columns of a kernel, at most; and columns of the input that the candidate may meet."""


class Merge(wiring.Component):
    """Output pillars of a convolution with their rules, in raster order.

    Of an output row, first a candidate is found; then a candidate a cycle, as long as no column is
    behind.

    Attributes
    ----------
    active : In(1)
        ``layer`` is a convolution that is to be done.
    layer : In(rgu_layer_layout())
    done : Out(1)
        In the layer's last cycle.
    leading, middle, top, to_middle, to_top
        Of :class:`hw.sparse.join.Join`.
    o : Out(stream.Signature(event_layout(pillar_layout())))
        Without ``index``.
    """

    def __init__(self) -> None:
        element = element_layout()
        push = stream.Signature(element, always_ready=True)
        super().__init__(
            {
                "active": In(1),
                "layer": In(rgu_layer_layout()),
                "done": Out(1),
                "leading": In(stream.Signature(element)),
                "middle": In(stream.Signature(element)),
                "top": In(stream.Signature(element)),
                "to_middle": Out(push),
                "to_top": Out(push),
                "o": Out(stream.Signature(event_layout(pillar_layout()))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.join = join = Join()
        m.submodules.window = window = Window(column_layout(), REACH + 1)
        wiring.connect(m, join.o, window.i)
        for name in ("leading", "middle", "top"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(join, name))
        for name in ("to_middle", "to_top"):
            wiring.connect(m, getattr(join, name), wiring.flipped(getattr(self, name)))
        layer = self.layer
        m.d.comb += [
            join.active.eq(self.active),
            join.layer.eq(layer),
            self.done.eq(join.done),
        ]
        single, three = named(m, "single", layer.kernel == 1), named(m, "three", layer.kernel == 3)
        double = named(m, "double", layer.stride == 2)
        submanifold = named(m, "submanifold", (layer.mode == SUBMANIFOLD) & three)
        selective = named(m, "selective", (layer.mode == SELECTIVE) & three)
        less = layer.columns - (~single & ~three)
        columns = named(m, "columns", Mux(double, layer.columns + three >> 1, less)[:SIDE_BITS])

        found = Signal()  # there is a candidate
        column = Signal(SIDE_BITS)  # its output column
        least = Signal(SIDE_BITS)  # output column of the next one, at least: column + 1
        limit = Signal(SIDE_BITS + 1)  # last input column that it reaches
        at = [Signal(signed(SIDE_BITS + 1), name=f"at_{dx}") for dx in range(REACH)]
        finished = Signal()  # no candidate is left in the row; columns are

        # The columns of the row that are in view, and which of them the candidate meets. Columns
        # ascend: the j-th is at least j from the first, which is not behind.
        items = [window.items[j] for j in range(REACH)]
        first = items[0]
        view, shown = Signal(REACH), Signal(REACH)
        for j, item in enumerate(items):
            before = view[j - 1] & ~items[j - 1].last if j else 1
            m.d.comb += [
                view[j].eq(window.present[j] & before),
                shown[j].eq(view[j] & ~item.empty),
            ]
        inside = [named(m, f"inside_{dx}", found & (layer.kernel > dx)) for dx in range(REACH)]
        hit = [Signal(REACH, name=f"hit_{j}") for j in range(REACH)]
        for j, item in enumerate(items):
            for dx in range(j, REACH):
                m.d.comb += hit[j][dx].eq(shown[j] & inside[dx] & (item.column == at[dx]))
        behind = named(m, "behind", shown[0] & found & (first.column < at[0]))
        # The next candidate starts from the first column that asks for one: the centre of a
        # submanifold for one at its own column; a selected element, or in a plain convolution any,
        # for those at ``base`` and after that reach it. Of three columns that ask for nothing, the
        # last one stands for what may follow.
        chosen = [(item.selected & item.element).any() for item in items]
        last_shown = named(
            m, "last_shown", Cat(v & i.last for v, i in zip(view, items, strict=True)).any()
        )
        starts, beyond = [], []
        for j, item in enumerate(items):
            wide, asks = Signal(name=f"wide_{j}"), Signal(name=f"asks_{j}")
            m.d.comb += [wide.eq(~single), asks.eq(1)]
            with m.If(submanifold):
                m.d.comb += [wide.eq(0), asks.eq(item.element[1])]
            with m.If(selective):
                m.d.comb += [wide.eq(chosen[j]), asks.eq(chosen[j] | item.element[1])]
            if j == REACH - 1:
                with m.If(~last_shown):
                    m.d.comb += [wide.eq(~single), asks.eq(1)]
            met = hit[j][0] | ((double | ~wide) & hit[j][1])
            reached = Mux(double, item.column >> 1, item.column - (wide & item.column.any()))
            # The least candidate reaches it, too.
            soon = found & (item.column <= limit) & (wide | double | (item.column != limit))
            soon = named(m, f"soon_{j}", soon)
            # Only a kernel of 2 with stride 2 leaves a last column that reaches no output.
            fits = Mux(soon, least != columns, ~double | (item.column >> 1 != columns))
            starts.append(
                (
                    named(m, f"free_{j}", shown[j] & asks & ~met),
                    named(m, f"next_{j}", Mux(soon, least, reached[:SIDE_BITS])),
                    named(m, f"fits_{j}", fits),
                )
            )
            beyond.append(named(m, f"beyond_{j}", shown[j] & asks & ~hit[j].any()))
        # All that the candidate and the next one depend on is in view.
        enough = named(m, "enough", last_shown | shown[-1] | beyond[0] | beyond[1])
        following = named(m, "following", _first(starts, 1))
        some = named(m, "some", Cat(free for free, *_ in starts).any() & _first(starts, 2))

        # A step: the candidate's hits leave as an event, and the next candidate comes.
        event = self.o.payload
        item = event.item
        ready = named(m, "ready", enough & ~behind & ~finished)
        step = Signal()
        met = [_met(m, y, items, hit) for y in range(ROWS)]
        selected = Cat(hit[j].any() & chosen[j] for j in range(REACH)).any()
        kept = Signal()
        m.d.comb += kept.eq(1)
        with m.If(submanifold):
            m.d.comb += kept.eq(met[1][0][1])
        with m.If(selective):
            m.d.comb += kept.eq(met[1][0][1] | selected)
        # The last column is in view when no candidate follows.
        ends = Cat(v & i.end for v, i in zip(view, items, strict=True)).any()
        m.d.comb += [
            event.present.eq(found & kept),
            event.last.eq(~some),
            event.end.eq(~some & ends),
            item.column.eq(column),
            self.o.valid.eq(ready),
            step.eq(ready & self.o.ready),
        ]
        for y, (_hits, index, gap) in enumerate(met):
            m.d.comb += [item.inputs[y].eq(index), item.gaps[y].eq(gap)]
        with m.Switch(layer.kernel):
            for kernel in range(1, REACH + 1):
                with m.Case(kernel):
                    taps = Cat(hits[:kernel] for hits, *_ in met[:kernel])
                    m.d.comb += item.hits.eq(taps)

        # Columns leave: those behind; in a step what is behind the next candidate; at last all.
        alone = submanifold & hit[0][1] & ~hit[1][2]
        leaves = hit[0][0] | (double & hit[0][1]) | alone | first.empty
        row_over = named(m, "row_over", window.drop & first.last)
        m.d.comb += [
            window.drop.eq(window.present[0] & (finished | behind | (step & leaves))),
            join.finished.eq(row_over & first.end),
        ]
        with m.If(step):
            left = named(m, "left", Mux(double, following << 1, following) - three)
            m.d.sync += [
                found.eq(some),
                finished.eq(~some),
                column.eq(following),
                least.eq(following + 1),
                limit.eq(Mux(double, (following << 1) + 3, following + 2)),
                *(place.eq(left + dx) for dx, place in enumerate(at)),
            ]
        with m.If(row_over):
            m.d.sync += [found.eq(0), finished.eq(0)]
        return m


def _first(starts: list[tuple[Value, ...]], field: int) -> Value:
    """The ``field`` of the first that is free; of the last one if none is."""
    (a, *_), (b, *_), _ = starts
    return Mux(a, starts[0][field], Mux(b, starts[1][field], starts[2][field]))


def _met(
    m: Module, y: int, items: list[data.View], hit: list[Signal]
) -> tuple[Signal, Value, Value]:
    """What the candidate meets in kernel row ``y``: its hits by tap, the index of the first one,
    and whether a pruned entry lies between taps 0 and 2."""
    meets = [named(m, f"meets_{y}_{j}", hit[j].any() & i.element[y]) for j, i in enumerate(items)]
    hits = Signal(REACH, name=f"hits_{y}")
    for dx in range(REACH):
        taps = (hit[j][dx] & i.element[y] for j, i in enumerate(items[: dx + 1]))
        m.d.comb += hits[dx].eq(Cat(taps).any())
    a, b, c = (item.index[y] for item in items)
    index = Mux(meets[0], a, Mux(meets[1], b, Mux(meets[2], c, 0)))
    odd = (hit[1][2] & b[0]) | (hit[2][2] & c[0])  # the index at tap 2
    return hits, index, (hits == 0b101) & (a[0] == odd)
