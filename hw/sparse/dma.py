"""The accelerator's access to memory: an AXI4 master that its units share."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse.dma import DmaConfig

from .axi import FlatBuses, axi4
from .dma_read import DmaRead, error_layout
from .dma_write import DmaWrite
from .layout import done_layout, read_layout, write_layout


class Dma(wiring.Component):
    """Both halves: :class:`DmaRead` and :class:`DmaWrite` say how they behave.

    Attributes
    ----------
    m_axi : Out(axi4(config.bus_bits))
    NAME_read : In(stream.Signature(read_layout()))
    NAME_data : Out(stream.Signature(config.bus_bits))
        Of each of ``config.reads``.
    NAME_write : In(stream.Signature(write_layout(config)))
    NAME_done : Out(done_layout())
        Of each of ``config.writes``.
    halt : In(1)
        Start no more bursts.
    idle : Out(1)
        Nothing is under way on the bus: while ``halt`` is set, a safe moment for a reset.
    error : Out(error_layout())
        Holds from the first error response until reset; two cycles after the response.
    """

    def __init__(self, config: DmaConfig):
        self.config = config
        members: dict[str, wiring.Member] = {"m_axi": Out(axi4(config.bus_bits))}
        for client in config.reads:
            members[f"{client.name}_read"] = In(stream.Signature(read_layout()))
            members[f"{client.name}_data"] = Out(stream.Signature(config.bus_bits))
        for client in config.writes:
            members[f"{client.name}_write"] = In(stream.Signature(write_layout(config)))
            members[f"{client.name}_done"] = Out(done_layout())
        members |= {"halt": In(1), "idle": Out(1), "error": Out(error_layout())}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.read = read = DmaRead(self.config)
        m.submodules.write = write = DmaWrite(self.config)
        for half in (read, write):
            for name, member in half.axi.signature.members.items():
                port, inner = getattr(self.m_axi, name), getattr(half.axi, name)
                m.d.comb += port.eq(inner) if member.flow == Out else inner.eq(port)
            m.d.comb += half.halt.eq(self.halt)
        for client in self.config.reads:
            for kind in ("read", "data"):
                outer = getattr(self, f"{client.name}_{kind}")
                wiring.connect(m, wiring.flipped(outer), getattr(read, f"{client.name}_{kind}"))
        for client in self.config.writes:
            outer = getattr(self, f"{client.name}_write")
            wiring.connect(m, wiring.flipped(outer), getattr(write, f"{client.name}_write"))
            done = f"{client.name}_done"
            m.d.comb += getattr(self, done).eq(getattr(write, done))
        m.d.comb += self.idle.eq(read.idle & write.idle)
        with m.If(~self.error.valid):
            with m.If(read.error.valid):
                m.d.sync += self.error.eq(read.error)
            with m.Elif(write.error.valid):
                m.d.sync += self.error.eq(write.error)
        return m


def dma_unit(config: DmaConfig) -> FlatBuses:
    """The DMA as a top level, with ports ``m_axi_araddr`` and so on."""
    return FlatBuses(Dma(config), "m_axi")
