"""A machine that breaks one rule of AXI, told by a register which."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hw.sparse.axi import axi4, axi4_lite, flat

RULES = {
    "arvalid falls": "ARVALID falls before ARREADY",
    "araddr changes": "the payload of AR changes before ARREADY",
    "awaddr changes": "the payload of AW changes before AWREADY",
    "wdata changes": "the payload of W changes before WREADY",
    "wvalid falls": "WVALID falls before WREADY",
    "early last": "WLAST is 1 at beat 1 of 2",
    "no last": "WLAST is 0 at beat 2 of 2",
    "border": "a burst of 2 beats at AWADDR 0x8ff8 crosses 4 KiB",
    "read border": "a burst of 2 beats at ARADDR 0x8ff8 crosses 4 KiB",
    "misaligned": "ARADDR 0x8004 is not a multiple of 8",
    "size": "AWSIZE is 2 for a bus of 8 bytes",
    "kind": "ARBURST is 0, not INCR",
    "bvalid falls": "BVALID falls before BREADY",
    "early bvalid": "BVALID before the write of 0x8",
    "rvalid falls": "RVALID falls before RREADY",
    "early rvalid": "RVALID before the read of 0x8",
    "no answer": "no answer to the write of 0x8",
    "nothing": "",
}
"""What the machine does wrong, and what is to be said of it."""
LITE = ("bvalid falls", "early bvalid", "rvalid falls", "early rvalid", "no answer")
START, OTHER = 0, 8


class Vandal(wiring.Component):
    """Writing the number of a rule to START starts a write and a read of two beats each."""

    def __init__(self):
        super().__init__(
            {**flat("m_axi", axi4(64)), **flat("s_axil", axi4_lite(4).flip()), "irq": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        rule, running, time = Signal(8, init=len(RULES)), Signal(), Signal(16)
        breaks = {name: rule == number for number, name in enumerate(RULES)}

        # Registers: the answer comes a cycle after both halves of a write.
        address, value, b_wait, r_wait = Signal(), Signal(), Signal(), Signal()
        have_address, have_value = Signal(), Signal()
        m.d.comb += [
            self.s_axil_awready.eq(~have_address),
            self.s_axil_wready.eq(~have_value),
            self.s_axil_arready.eq(~self.s_axil_rvalid),
            address.eq(self.s_axil_awvalid & self.s_axil_awready),
            value.eq(self.s_axil_wvalid & self.s_axil_wready),
        ]
        to_start = Signal(init=1)
        with m.If(address):
            m.d.sync += [have_address.eq(1), to_start.eq(self.s_axil_awaddr == START)]
        data = Signal(8)
        with m.If(value):
            m.d.sync += [have_value.eq(1), data.eq(self.s_axil_wdata)]
        with m.If(have_address & have_value):
            with m.If(~self.s_axil_bvalid & ~(breaks["no answer"] & ~to_start)):
                m.d.sync += self.s_axil_bvalid.eq(1)
                with m.If(to_start):
                    m.d.sync += [rule.eq(data), running.eq(1), time.eq(0)]
            with m.If(self.s_axil_bvalid & self.s_axil_bready):
                m.d.sync += [self.s_axil_bvalid.eq(0), have_address.eq(0), have_value.eq(0)]
        m.d.sync += [b_wait.eq(self.s_axil_bvalid), r_wait.eq(self.s_axil_rvalid)]
        with m.If(breaks["bvalid falls"] & self.s_axil_bvalid & b_wait):
            m.d.sync += self.s_axil_bvalid.eq(0)
        with m.If(breaks["early bvalid"] & self.s_axil_awvalid):
            m.d.sync += self.s_axil_bvalid.eq(1)
        with m.If(self.s_axil_arvalid & self.s_axil_arready):
            m.d.sync += self.s_axil_rvalid.eq(1)
        with m.If(self.s_axil_rvalid & self.s_axil_rready):
            m.d.sync += self.s_axil_rvalid.eq(0)
        with m.If(breaks["rvalid falls"] & self.s_axil_rvalid & r_wait):
            m.d.sync += self.s_axil_rvalid.eq(0)
        with m.If(breaks["early rvalid"] & (time == 40)):
            m.d.sync += self.s_axil_rvalid.eq(1)
        with m.If(running):
            m.d.sync += time.eq(time + 1)

        # The bus: one burst of each kind, its constants left at zero where a rule says so.
        ar, aw, w, b, r = (Signal(2, name=n) for n in ("ar", "aw", "w", "b", "r"))
        place = 0x8000
        m.d.comb += [
            self.m_axi_arvalid.eq(running & ~ar[0] & ~(breaks["arvalid falls"] & time[0])),
            self.m_axi_araddr.eq(place),
            self.m_axi_arlen.eq(1),
            self.m_axi_arsize.eq(3),
            self.m_axi_arburst.eq(~breaks["kind"]),
            self.m_axi_rready.eq(1),
            self.m_axi_awvalid.eq(running & ~aw[0]),
            self.m_axi_awaddr.eq(place),
            self.m_axi_awlen.eq(1),
            self.m_axi_awsize.eq(3),
            self.m_axi_awburst.eq(1),
            self.m_axi_wvalid.eq(running & ~w[1] & ~(breaks["wvalid falls"] & time[0])),
            self.m_axi_wdata.eq(w),
            self.m_axi_wstrb.eq(0xFF),
            self.m_axi_wlast.eq((w == 1) & ~breaks["no last"]),
            self.m_axi_bready.eq(1),
            self.irq.eq(b[0] & r[1]),
        ]
        with m.If(breaks["araddr changes"]):
            m.d.comb += self.m_axi_araddr.eq(Mux(time[0], place, place + 8))
        with m.If(breaks["awaddr changes"]):
            m.d.comb += self.m_axi_awaddr.eq(Mux(time[0], place, place + 8))
        with m.If(breaks["wdata changes"]):
            m.d.comb += self.m_axi_wdata[63].eq(time[0])
        with m.If(breaks["early last"]):
            m.d.comb += self.m_axi_wlast.eq(1)
        with m.If(breaks["border"]):
            m.d.comb += self.m_axi_awaddr.eq(0x8FF8)
        with m.If(breaks["read border"]):
            m.d.comb += self.m_axi_araddr.eq(0x8FF8)
        with m.If(breaks["misaligned"]):
            m.d.comb += self.m_axi_araddr.eq(0x8004)
        with m.If(breaks["size"]):
            m.d.comb += self.m_axi_awsize.eq(2)
        for count, channel in ((ar, "ar"), (aw, "aw"), (w, "w"), (r, "r"), (b, "b")):
            valid = getattr(self, f"m_axi_{channel}valid")
            with m.If(valid & getattr(self, f"m_axi_{channel}ready")):
                m.d.sync += count.eq(count + 1)
        return m
