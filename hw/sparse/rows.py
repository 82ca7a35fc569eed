"""What the units that walk the rows of a grid have in common: marks of row ends, windows, line
buffers."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from ..pipeline import Register
from .fifo import Fifo


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
            self.i.ready.eq(~held | back.i.ready),
        ]
        with m.If(new & self.i.ready):
            m.d.sync += [held.eq(1), item.eq(event.item)]
            with m.If(~event.present):
                m.d.sync += item.eq(0)
            m.d.sync += [item.last.eq(event.last), item.empty.eq(~event.present)]
            if "end" in self._item.members:
                m.d.sync += item.end.eq(event.end)
        with m.Elif(~new):
            with m.If(back.i.valid & back.i.ready):
                m.d.sync += held.eq(0)
            with m.If(self.i.valid & self.i.ready & event.last & open_row):
                m.d.sync += item.last.eq(1)
                if "end" in self._item.members:
                    m.d.sync += item.end.eq(event.end)
        return m


class Window(wiring.Component):
    """The next ``size`` elements of a stream, all in view; the first one leaves on request.

    Whether it takes an element does not depend on whether one leaves in the same cycle. So an
    element a cycle passes if ``size - 1`` are enough.

    Attributes
    ----------
    i : In(stream.Signature(item))
    present : Out(size)
        Bit j: there is an element j; if so there are all before it.
    items : Out(data.ArrayLayout(item, size))
    drop : In(1)
        Element 0 leaves. Only when it is there.
    """

    def __init__(self, item: data.StructLayout, size: int):
        self._size = size
        super().__init__(
            {
                "i": In(stream.Signature(item)),
                "present": Out(size),
                "items": Out(data.ArrayLayout(item, size)),
                "drop": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = self._size
        items = [
            Signal(self.i.payload.shape(), name=f"item_{j}", reset_less=True) for j in range(size)
        ]
        present = Signal(size)
        m.d.comb += [self.i.ready.eq(~present[-1]), self.present.eq(present)]
        after = Signal(size)  # who is there once the first one has left
        come = Signal()
        m.d.comb += [after.eq(present >> self.drop), come.eq(self.i.valid & self.i.ready)]
        m.d.sync += present.eq((after << come) | come)
        for j, item in enumerate(items):
            m.d.comb += self.items[j].eq(item)
            if j + 1 < size:
                with m.If(self.drop & after[j]):
                    m.d.sync += item.eq(items[j + 1])
            with m.If(come & ~after[j] & (after[j - 1] if j else 1)):
                m.d.sync += item.eq(self.i.payload)
        return m


class LineBuffer(wiring.Component):
    """A FIFO of ``depth`` elements and two more. An element that comes to an empty one leaves in
    the next cycle.

    Attributes
    ----------
    i : In(stream.Signature(item))
    o : Out(stream.Signature(item))
    """

    def __init__(self, item: data.StructLayout, depth: int):
        self._item, self._depth = item, depth
        super().__init__({"i": In(stream.Signature(item)), "o": Out(stream.Signature(item))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=self._item.size, depth=self._depth)
        m.submodules.head = head = Fifo(self._item, 2)
        wiring.connect(m, head.o, wiring.flipped(self.o))
        direct = Signal()
        m.d.comb += [
            fifo.w_data.eq(self.i.payload),
            fifo.w_en.eq(self.i.valid & ~direct),
            fifo.r_en.eq(head.i.ready),
            direct.eq((fifo.level == 0) & head.i.ready),
            self.i.ready.eq(direct | fifo.w_rdy),
            head.i.valid.eq(fifo.r_rdy | (direct & self.i.valid)),
            head.i.payload.eq(self.i.payload),
        ]
        with m.If(fifo.r_rdy):
            m.d.comb += head.i.payload.eq(fifo.r_data)
        return m
