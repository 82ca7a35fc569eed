"""Banks of the gather-scatter unit (:mod:`.gsu`): a lane of a ring of vectors, sums of a column."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.accelerator import AcceleratorConfig

from .engine_layout import SUM, issue_layout
from .layout import drain_layout


class Bank(wiring.Component):
    """One lane of a ring of vectors: ``depth`` bytes, a read and a write a cycle.

    Attributes
    ----------
    read, address : In, byte : Out
        The byte at ``address`` in the next cycle, until the next ``read``.
    write, write_address, write_byte : In
        Read from the next cycle on.
    """

    def __init__(self, depth: int):
        self._depth = depth
        bits = (depth - 1).bit_length()
        super().__init__(
            {
                "read": In(1),
                "address": In(bits),
                "byte": Out(8),
                "write": In(1),
                "write_address": In(bits),
                "write_byte": In(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.bytes = bytes_ = memory.Memory(shape=8, depth=self._depth, init=[])
        read, write = bytes_.read_port(domain="sync"), bytes_.write_port()
        m.d.comb += [
            read.en.eq(self.read),
            read.addr.eq(self.address),
            self.byte.eq(read.data),
            write.en.eq(self.write),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_byte),
        ]
        return m


class SumBank(wiring.Component):
    """The sums of one column, both halves.

    Attributes
    ----------
    read, add, write : In(issue_layout(config))
        The rule whose sum is ``sum`` in the next cycle; in this one; whose total was made in the
        last one.
    sum : In(signed(width))
        Of the column.
    drain : In(drain_layout(config)), drained : In(1), result : Out(signed(32))
        A read, and the sum in the next cycle, in which ``drained`` is its half.
    """

    def __init__(self, config: AcceleratorConfig, width: int):
        self._config = config
        super().__init__(
            {
                **{stage: In(issue_layout(config)) for stage in ("read", "add", "write")},
                "sum": In(signed(width)),
                "drain": In(drain_layout(config)),
                "drained": In(1),
                "result": Out(SUM),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total = Signal(SUM, reset_less=True)
        before: list[Value] = []
        for half in range(2):
            m.submodules[f"half_{half}"] = sums = memory.Memory(
                shape=SUM, depth=self._config.tile, init=[]
            )
            read, write = sums.read_port(domain="sync"), sums.write_port()
            adds = Signal(name=f"adds_{half}")
            m.d.comb += [
                adds.eq(self.read.valid & ~self.read.first & (self.read.half == half)),
                read.en.eq(adds | self.drain.enable & (self.drain.half == half)),
                read.addr.eq(Mux(adds, self.read.output, self.drain.output)),
                write.en.eq(self.write.valid & (self.write.half == half)),
                write.addr.eq(self.write.output),
                write.data.eq(total),
            ]
            before.append(read.data)
        old = Signal(SUM)
        m.d.comb += self.result.eq(Mux(self.drained, before[1], before[0]))
        with m.If(~self.add.first):
            m.d.comb += old.eq(Mux(self.add.half, before[1], before[0]))
        with m.If(self.add.valid):
            m.d.sync += total.eq(old + self.sum)
        return m
