"""The vector unit on its own: sums and tags come on a stream."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered

from golden.sparse.vpu_unit import VpuConfig

from ..arith import named
from ..pipeline import streams
from .vpu import READ, Vpu

DEPTH = 8
"""Of the queue of sums: more than the cycles through it and to a read's answer."""


class VpuUnit(wiring.Component):
    """A queue of sums before a :class:`Vpu`, of which it may read a vector when one is there. A
    beat of entries counts as written when it is taken; halves do not matter.

    Attributes: the streams of a :class:`golden.sparse.vpu_unit.VpuConfig`.
    """

    def __init__(self, config: VpuConfig):
        self.config = config
        super().__init__(streams(config))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.vpu = vpu = Vpu(config.accelerator, config.importance)
        sums = self.sums.payload
        width = len(sums.as_value())
        m.submodules.queue = queue = SyncFIFOBuffered(width=width, depth=DEPTH)
        m.d.comb += [
            queue.w_data.eq(sums),
            queue.w_en.eq(self.sums.valid),
            self.sums.ready.eq(queue.w_rdy),
        ]
        # A vector is taken out of the queue when its sums are due. The command is shown only while
        # one is there that is not due yet: the unit looks at it cycle by cycle.
        due, there = Signal(READ), Signal(range(DEPTH + 1))
        arrives = named(m, "arrives", queue.w_en & queue.w_rdy)
        m.d.sync += [
            due.eq(Cat(vpu.drain.enable, due)),
            there.eq(there + arrives - vpu.drain.enable),
        ]
        m.d.comb += [
            queue.r_en.eq(due[-1]),
            Cat(vpu.sums.as_value(), vpu.tag).eq(queue.r_data),
            vpu.finish.valid.eq(
                self.finish.valid & (there.any() | ~self.finish.payload.count.any())
            ),
            self.finish.ready.eq(vpu.finish.ready),
        ]
        for name in ("layer", "finish"):
            payload, inner = getattr(self, name).payload, getattr(vpu, name).payload
            m.d.comb += [inner[f].eq(payload[f]) for f in payload.shape().members]
        m.d.comb += [vpu.layer.valid.eq(self.layer.valid), self.layer.ready.eq(vpu.layer.ready)]

        names = ("parameters", "select_data") if config.importance else ("parameters",)
        for name in names:
            outer, inner = getattr(self, name), getattr(vpu, name)
            m.d.comb += [
                inner.payload.eq(outer.payload.data),
                inner.valid.eq(outer.valid),
                outer.ready.eq(inner.ready),
            ]
        for name in config.outputs:
            wiring.connect(m, getattr(vpu, name), wiring.flipped(getattr(self, name)))
        if config.importance:
            entries = vpu.entries
            written = entries.valid & entries.ready & entries.payload.vector
            m.d.sync += vpu.entries_done.vectors.eq(written)
        return m
