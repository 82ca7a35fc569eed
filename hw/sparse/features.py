"""Feature vectors into beats of a write stream."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig

from ..arith import select
from .layout import ADDRESS_BITS, write_layout


def vector_layout() -> data.StructLayout:
    """What goes with a vector: its byte ``address``; ``null``: nothing is written; marks of
    :func:`write_layout`, for its last beat."""
    flags = ("null", "flush", "vector", "layer")
    return data.StructLayout(
        {"address": unsigned(ADDRESS_BITS), **{flag: unsigned(1) for flag in flags}}
    )


class FeatureWriter(wiring.Component):
    """A queue of vectors, each written as N / beat beats, or as part of one beat.

    Attributes
    ----------
    valid : In(1), vector : In(vector_layout()), features : In(8 N)
        The caller never sends more than ``depth`` that were not ``taken``.
    taken : Out(1)
        A place in the queue becomes free.
    o : Out(stream.Signature(write_layout(config)))
    """

    def __init__(self, config: AcceleratorConfig, depth: int):
        self.config, self._depth = config, depth
        super().__init__(
            {
                "valid": In(1),
                "vector": In(vector_layout()),
                "features": In(8 * config.array),
                "taken": Out(1),
                "o": Out(stream.Signature(write_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        n, beat = self.config.array, self.config.beat
        # An address is a multiple of N: its low bits need no place in the queue.
        low = n.bit_length() - 1
        flags = Cat(self.vector[flag] for flag in ("null", "flush", "vector", "layer"))
        word = Cat(flags, self.vector.address[low:], self.features)
        m.submodules.queue = queue = SyncFIFOBuffered(width=len(word), depth=self._depth)
        m.d.comb += [queue.w_data.eq(word), queue.w_en.eq(self.valid)]
        null, flush, vector, layer = queue.r_data[:4]
        address = Cat(Const(0, low), queue.r_data[4 : 4 + ADDRESS_BITS - low])
        features = queue.r_data[4 + ADDRESS_BITS - low :]

        last = Signal()
        out = self.o.payload
        if n > beat:  # a vector is some beats
            part = Signal(range(n // beat))
            within = beat.bit_length() - 1
            parts = [features.word_select(k, 8 * beat) for k in range(n // beat)]
            m.d.comb += [
                last.eq(null | part.all()),
                out.address.eq(Cat(Const(0, within), part, address[low:])),
                out.data.eq(select(parts, part)),
                out.strobe.eq((~null).replicate(beat)),
            ]
            with m.If(self.o.valid & self.o.ready):
                m.d.sync += part.eq(part + 1)
                with m.If(last):
                    m.d.sync += part.eq(0)
        else:  # a beat is one or some vectors, of which this one is written
            lane = address[low : beat.bit_length() - 1]
            strobes = [(lane == k) & ~null for k in range(beat // n)]
            m.d.comb += [
                last.eq(1),
                out.address.eq(Cat(Const(0, beat.bit_length() - 1), address[low + len(lane) :])),
                out.data.eq(features.replicate(beat // n)),
                out.strobe.eq(Cat(strobe.replicate(n) for strobe in strobes)),
            ]
        m.d.comb += [
            self.o.valid.eq(queue.r_rdy),
            out.flush.eq(flush & last),
            out.vector.eq(vector & last),
            out.layer.eq(layer & last),
            self.taken.eq(self.o.valid & self.o.ready & last),
            queue.r_en.eq(self.taken),
        ]
        return m
