"""The smallest machine on an AXI bus: channels that copy memory, and registers to start them."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from golden.sparse.dma import DmaConfig
from hw.sparse.axi import axi4, axi4_lite, connect_flat, flat
from hw.sparse.dma import Dma

CONTROL, STATUS, ERROR = 0x00, 0x04, 0x08
"""Control: bit 0 halt, bit 1 reset. Status: bit 0 idle, from bit 16 on: channel has finished.
Error: valid, code, write, client."""
SOURCE, DESTINATION, BEATS, CHUNK, VECTORS = 0x0, 0x4, 0x8, 0xC, 0x10
"""Of channel k at 0x20 (k + 1). Writing CHUNK, beats of a read command, starts it."""


def channel(number: int) -> int:
    """Address of a channel's registers."""
    return 0x20 * (number + 1)


class Copier(wiring.Component):
    """Read client k of ``config`` feeds write client k."""

    def __init__(self, config: DmaConfig):
        assert len(config.reads) == len(config.writes) <= 6
        self.config = config
        super().__init__(
            {
                **flat("m_axi", axi4(config.bus_bits)),
                **flat("s_axil", axi4_lite(8).flip()),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        dma = Dma(self.config)
        soft = Signal()
        m.submodules.dma = ResetInserter(soft)(dma)
        connect_flat(m, self, "m_axi", dma.m_axi)
        words = {CONTROL: Signal(2), STATUS: Signal(32), ERROR: Signal(8)}
        m.d.comb += [
            dma.halt.eq(words[CONTROL][0]),
            soft.eq(words[CONTROL][1]),
            words[ERROR].eq(dma.error),
            words[STATUS][0].eq(dma.idle),
        ]
        address, value, write = Signal(8), Signal(32), Signal()
        started, finished = Signal(6), Signal(6)
        m.d.comb += words[STATUS][16:].eq(finished)
        m.d.comb += self.irq.eq(started.any() & (started == finished))
        for k in range(len(self.config.reads)):
            self._channel(m, k, dma, words, soft, started[k], finished[k])
        with m.If(write), m.Switch(address):
            for place, word in words.items():
                # Status, error and the vectors count by themselves; a chunk starts a copy.
                if place not in (STATUS, ERROR) and place % 0x20 not in (CHUNK, VECTORS):
                    with m.Case(place):
                        m.d.sync += word.eq(value)
            for k in range(len(self.config.reads)):
                with m.Case(channel(k) + CHUNK):
                    m.d.sync += [words[channel(k) + CHUNK].eq(value), started[k].eq(1)]
        with m.If(soft):
            m.d.sync += started.eq(0)
        self._registers(m, words, address, value, write)
        return m

    def _channel(self, m, k, dma, words, soft, started, finished):
        beat = self.config.beat
        read_name, write_name = self.config.reads[k].name, self.config.writes[k].name
        base = channel(k)
        for place in (SOURCE, DESTINATION, BEATS, CHUNK, VECTORS):
            words[base + place] = Signal(32, name=f"word{k}_{place}")
        beats, chunk, vectors = (words[base + p] for p in (BEATS, CHUNK, VECTORS))
        command, incoming = getattr(dma, f"{read_name}_read"), getattr(dma, f"{read_name}_data")
        outgoing, done = getattr(dma, f"{write_name}_write"), getattr(dma, f"{write_name}_done")
        asked, sent = Signal(32, name=f"asked{k}"), Signal(32, name=f"sent{k}")
        left = Signal(32, name=f"left{k}")
        m.d.comb += [
            left.eq(beats - asked),
            command.valid.eq(started & (asked != beats)),
            command.payload.address.eq(words[base + SOURCE] + asked * beat),
            command.payload.beats.eq(Mux(left < chunk, left, chunk)),
            outgoing.valid.eq(incoming.valid),
            incoming.ready.eq(outgoing.ready),
            outgoing.payload.address.eq(words[base + DESTINATION] + sent * beat),
            outgoing.payload.data.eq(incoming.payload),
            outgoing.payload.strobe.eq(~0),
            outgoing.payload.vector.eq(1),
            outgoing.payload.layer.eq(sent + 1 == beats),
            outgoing.payload.flush.eq(outgoing.payload.layer),
        ]
        with m.If(command.valid & command.ready):
            m.d.sync += asked.eq(asked + command.payload.beats)
        with m.If(outgoing.valid & outgoing.ready):
            m.d.sync += sent.eq(sent + 1)
        m.d.sync += vectors.eq(vectors + done.vectors)
        with m.If(done.layers):
            m.d.sync += finished.eq(1)
        with m.If(soft):
            m.d.sync += [asked.eq(0), sent.eq(0), vectors.eq(0), finished.eq(0)]

    def _registers(self, m, words, address, value, write):
        """An AXI4-Lite slave that takes one access at a time."""
        take = Signal()
        m.d.comb += [
            take.eq(self.s_axil_awvalid & self.s_axil_wvalid & ~write & ~self.s_axil_bvalid),
            self.s_axil_awready.eq(take),
            self.s_axil_wready.eq(take),
            self.s_axil_arready.eq(~self.s_axil_rvalid),
        ]
        m.d.sync += write.eq(take)
        with m.If(take):
            m.d.sync += [address.eq(self.s_axil_awaddr), value.eq(self.s_axil_wdata)]
        with m.If(write):
            m.d.sync += self.s_axil_bvalid.eq(1)
        with m.Elif(self.s_axil_bready):
            m.d.sync += self.s_axil_bvalid.eq(0)
        with m.If(self.s_axil_arvalid & self.s_axil_arready):
            m.d.sync += [self.s_axil_rvalid.eq(1), self.s_axil_rresp.eq(0)]
            with m.Switch(self.s_axil_araddr):
                for place, word in words.items():
                    with m.Case(place):
                        m.d.sync += self.s_axil_rdata.eq(word)
                with m.Default():
                    m.d.sync += self.s_axil_rresp.eq(2)
        with m.Elif(self.s_axil_rready):
            m.d.sync += self.s_axil_rvalid.eq(0)
