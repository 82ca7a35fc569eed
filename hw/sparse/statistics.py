"""Where the cycles of each layer went, written to memory: a record of sixteen numbers a layer.

A layer's cycles are those from the end of issue of the layer before to the end of its own, so the
records of a list sum to its cycles but for the last drain.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig
from golden.sparse.record import RECORD, RECORD_WORDS

from ..arith import named, select
from .layout import ADDRESS_BITS, ended_layout, write_layout

WORD = 32


class Statistics(wiring.Component):
    """Counts and writes; RECORD of :mod:`golden.sparse.record` names the words.

    Attributes
    ----------
    running : In(1)
        Count; when it is low all counts are zero.
    base : In(ADDRESS_BITS)
        Of the records; 0: none are written, but their marks are.
    events : In
        One bit a word of the record but the last: whether to count it in this cycle.
    ended : In
        ``valid``: layer ``number`` ends in this cycle. Only when ``ready``.
    ready : Out(1)
    writes : Out(stream of write_layout(config))
    """

    def __init__(self, config: AcceleratorConfig):
        self.config = config
        super().__init__(
            {
                "running": In(1),
                "base": In(ADDRESS_BITS),
                "events": In(len(RECORD) - 1),
                "ended": In(ended_layout()),
                "ready": Out(1),
                "writes": Out(stream.Signature(write_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        counts = [Signal(WORD, name=name) for name in RECORD[:-1]]
        m.submodules.records = records = SyncFIFO(width=WORD * len(counts) + 16, depth=2)
        for count, event in zip(counts, self.events, strict=True):
            with m.If(~self.running):
                m.d.sync += count.eq(0)
            with m.Elif(self.ended.valid):
                m.d.sync += count.eq(0)
            with m.Elif(event):
                m.d.sync += count.eq(count + 1)
        # The cycle in which a layer ends is its own.
        final = [
            named(m, f"final_{name}", (count + event)[:WORD])
            for name, count, event in zip(RECORD[:-1], counts, self.events, strict=True)
        ]
        m.d.comb += [
            records.w_data.eq(Cat(*final, self.ended.number)),
            records.w_en.eq(self.ended.valid),
            self.ready.eq(records.w_rdy),
        ]
        number = records.r_data[-16:]
        spare = WORD * (RECORD_WORDS - len(RECORD)) + 16
        record = Cat(records.r_data, Const(0, spare))
        bits = self.config.bus_bits
        words = [record[low : low + bits] for low in range(0, len(record), bits)]
        beats = RECORD_WORDS * 4 // self.config.beat
        step = Signal(range(beats))
        last = named(m, "last", step == beats - 1)
        w = self.writes.payload
        m.d.comb += [
            self.writes.valid.eq(records.r_rdy),
            records.r_en.eq(self.writes.ready & last),
            w.address.eq(self.base + number * (RECORD_WORDS * 4) + step * self.config.beat),
            Value.cast(w.data).eq(select(words, step)),
            w.strobe.eq(self.base.any().replicate(self.config.beat)),
            w.flush.eq(last),
            w.layer.eq(last),
        ]
        with m.If(self.writes.valid & self.writes.ready):
            m.d.sync += step.eq(step + 1)
            with m.If(last):
                m.d.sync += step.eq(0)
        return m
