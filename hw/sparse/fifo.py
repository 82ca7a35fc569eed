"""Queues between streams."""

from __future__ import annotations

from amaranth.hdl import Module, ShapeLike, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out


class Fifo(wiring.Component):
    """A queue of ``depth`` (a power of two, 2 or more) payloads, one in and one out a cycle.

    ``block``: the memory has a registered read port, as block RAM and SRAM have; a payload comes
    out two cycles after it went in instead of one, and one more than ``depth`` fit.

    Attributes
    ----------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))
        Neither side depends combinationally on the other.
    """

    def __init__(self, shape: ShapeLike, depth: int, *, block: bool = False):
        assert depth >= 2 and depth & (depth - 1) == 0
        self.depth = depth
        self.block = block
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self.i.payload.shape()
        m.submodules.storage = storage = memory.Memory(shape=shape, depth=self.depth, init=[])
        write = storage.write_port()
        read = storage.read_port(domain="sync" if self.block else "comb")
        head, tail = Signal(range(self.depth)), Signal(range(self.depth))
        level = Signal(range(self.depth + 1))
        put, get, some = Signal(), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(level != self.depth),
            some.eq(level != 0),
            put.eq(self.i.valid & self.i.ready),
            write.en.eq(put),
            write.addr.eq(tail),
            write.data.eq(self.i.payload),
            read.addr.eq(head),
            self.o.payload.eq(read.data),
        ]
        if self.block:
            held = Signal()  # the read port's register has a payload
            m.d.comb += [
                get.eq(some & (~held | self.o.ready)),
                read.en.eq(get),
                self.o.valid.eq(held),
            ]
            with m.If(get | self.o.ready):
                m.d.sync += held.eq(get)
        else:
            m.d.comb += [get.eq(some & self.o.ready), self.o.valid.eq(some)]
        with m.If(put):
            m.d.sync += tail.eq(tail + 1)
        with m.If(get):
            m.d.sync += head.eq(head + 1)
        with m.If(put & ~get):
            m.d.sync += level.eq(level + 1)
        with m.If(get & ~put):
            m.d.sync += level.eq(level - 1)
        return m
