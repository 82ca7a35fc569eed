"""What the units that walk the rows of a grid have in common: marks of row ends, windows, line
buffers."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..pipeline import Register

WINDOW = 4
"""Elements of a window: the three that a kernel row can meet, and one to spare, so that whether a
window takes an element does not depend on whether one leaves in the same cycle."""


def event_layout(item: data.StructLayout) -> data.StructLayout:
    """A step of a walk: an ``item`` if ``present``; the row ends with it if ``last``, and the layer
    if ``end`` (then ``last`` too). A step may be nothing."""
    return data.StructLayout(
        {"item": item, "present": unsigned(1), "last": unsigned(1), "end": unsigned(1)}
    )


class RowMarks(wiring.Component):
    """Puts ``last`` (and ``end``, if the item has it) on the last item of each row, and makes an
    ``empty`` item of a row without any.

    That a row has no further item may be known only after its last one. So an item waits until the
    next one or the end of its row has come; an event a cycle nevertheless.

    Attributes
    ----------
    i : In(stream.Signature(event_layout(item)))
        The flags of ``item`` are not looked at.
    o : Out(stream.Signature(item))
        An ``empty`` item is otherwise zero.
    """

    def __init__(self, item: data.StructLayout):
        self._item = item
        super().__init__(
            {"i": In(stream.Signature(event_layout(item))), "o": Out(stream.Signature(item))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.back = back = Register(self._item)
        wiring.connect(m, back.o, wiring.flipped(self.o))

        held = Signal()
        item = Signal(self._item, reset_less=True)
        event = self.i.payload
        open_row = Signal()  # the item is one of the row that the event is of
        new = Signal()
        m.d.comb += [
            open_row.eq(held & ~item.last),
            new.eq(self.i.valid & (event.present | (event.last & ~open_row))),
            back.i.payload.eq(item),
            back.i.valid.eq(held & (item.last | new)),
            self.i.ready.eq(~new | ~held | back.i.ready),
        ]
        with m.If(new), m.If(self.i.ready):
            m.d.sync += [held.eq(1), item.eq(event.item)]
            with m.If(~event.present):
                m.d.sync += item.eq(0)
            m.d.sync += [item.last.eq(event.last), item.empty.eq(~event.present)]
            if "end" in self._item.members:
                m.d.sync += item.end.eq(event.end)
        with m.Else():
            with m.If(back.i.valid & back.i.ready):
                m.d.sync += held.eq(0)
            with m.If(self.i.valid & event.last & open_row):
                m.d.sync += item.last.eq(1)
                if "end" in self._item.members:
                    m.d.sync += item.end.eq(event.end)
        return m


def _window(item: data.StructLayout) -> dict[str, wiring.Member]:
    return {
        "i": In(stream.Signature(item)),
        "present": Out(WINDOW),
        "items": Out(data.ArrayLayout(item, WINDOW)),
        "drop": In(1),
    }


class Window(wiring.Component):
    """The next elements of a stream, all in view; the first one leaves on request.

    Attributes
    ----------
    i : In(stream.Signature(item))
    present : Out(WINDOW)
        Bit j: there is an element j; if so there are all before it.
    items : Out(data.ArrayLayout(item, WINDOW))
    drop : In(1)
        Element 0 leaves. Only when it is there.
    """

    def __init__(self, item: data.StructLayout):
        super().__init__(_window(item))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        items = [
            Signal(self.i.payload.shape(), name=f"item_{j}", reset_less=True) for j in range(WINDOW)
        ]
        present = Signal(WINDOW)
        m.d.comb += [self.i.ready.eq(~present[-1]), self.present.eq(present)]
        after = Signal(WINDOW)  # who is there once the first one has left
        come = Signal()
        m.d.comb += [after.eq(present >> self.drop), come.eq(self.i.valid & self.i.ready)]
        m.d.sync += present.eq((after << come) | come)
        for j, item in enumerate(items):
            m.d.comb += self.items[j].eq(item)
            if j + 1 < WINDOW:
                with m.If(self.drop & after[j]):
                    m.d.sync += item.eq(items[j + 1])
            with m.If(come & ~after[j] & (after[j - 1] if j else 1)):
                m.d.sync += item.eq(self.i.payload)
        return m


class LineBuffer(wiring.Component):
    """A FIFO of ``depth`` elements and a :class:`Window` on its head.

    An element that comes to an empty buffer is in the window in the next cycle.

    Attributes
    ----------
    i : In(stream.Signature(item))
    present, items, drop
        Of the window.
    """

    def __init__(self, item: data.StructLayout, depth: int):
        self._item, self._depth = item, depth
        super().__init__(_window(item))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.window = window = Window(self._item)
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=self._item.size, depth=self._depth)
        m.d.comb += [
            self.present.eq(window.present),
            self.items.eq(window.items),
            window.drop.eq(self.drop),
            fifo.w_data.eq(self.i.payload),
            fifo.r_en.eq(window.i.ready),
        ]
        direct = Signal()
        m.d.comb += [
            direct.eq((fifo.level == 0) & window.i.ready),
            self.i.ready.eq(direct | fifo.w_rdy),
            fifo.w_en.eq(self.i.valid & ~direct),
            window.i.valid.eq(fifo.r_rdy | (direct & self.i.valid)),
        ]
        with m.If(fifo.r_rdy):
            m.d.comb += window.i.payload.eq(fifo.r_data)
        with m.Else():
            m.d.comb += window.i.payload.eq(self.i.payload)
        return m
